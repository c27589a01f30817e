/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Format strings: from a record to bytes. */
#include "cli/base64.h"
#include "cli/format_priv.h"
#include "cli/json.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void put_hex(struct out *out, struct slice bytes)
{
	hex_encode(&out->buf, bytes);
	out_bytes(out, NULL, 0);
}

static void put_base64(struct out *out, struct slice bytes)
{
	base64_encode(&out->buf, bytes);
	out_bytes(out, NULL, 0);
}

/* In double quotes, C escapes; reads back to the same bytes. */
static void put_quoted(struct out *out, struct slice bytes)
{
	struct buf *buf = &out->buf;
	buf_add_byte(buf, '"');
	while (bytes.len) {
		uint8_t c = bytes.data[0];
		size_t len = 1;
		if (c == '"' || c == '\\') {
			buf_printf(buf, "\\%c", c);
		} else if (c == '\n' || c == '\t' || c == '\r') {
			buf_printf(buf, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		} else {
			len = utf8_len(bytes);
			len = len ? len : 1;
			text_escape(buf, slice_of(bytes.data, len), "");
		}
		bytes = slice_of(bytes.data + len, bytes.len - len);
	}
	buf_add_byte(buf, '"');
	out_bytes(out, NULL, 0);
}

static enum weir_code print_text(const struct format_item *item, struct slice text,
	const struct format_style *style, struct out *out, struct weir_err *err)
{
	if (item->form == FORM_JSON) {
		json_print(out, json_of_bytes(text));
		return WEIR_OK;
	}
	if (!text.data) {
		bool plain = item->form == FORM_PLAIN && item->field != FORMAT_HEADER_NAME;
		out_str(out, plain && style->null_text ? style->null_text : "");
		return WEIR_OK;
	}
	switch (item->form) {
	case FORM_HEX:
		put_hex(out, text);
		break;
	case FORM_BASE64:
		put_base64(out, text);
		break;
	case FORM_QUOTE:
		put_quoted(out, text);
		break;
	case FORM_UNPACK:
		return format_unpack((const char *)item->text.data, text, out, err);
	default:
		out_text(out, text);
		break;
	}
	return WEIR_OK;
}

static enum weir_code misfit(const struct format_item *item, int64_t value, struct weir_err *err)
{
	return err_set(err, WEIR_BAD_DATA, "%s %" PRId64 " does not fit into %d bytes",
		format_field_name(item->field), value,
		item->form == FORM_BINARY ? item->width : item->width / 2);
}

/* Whether value is within bytes, signed or unsigned. */
static bool fits(int64_t value, int bytes)
{
	if (bytes == 8) {
		return true;
	}
	return value >= -(INT64_C(1) << (bytes * 8 - 1)) && value < INT64_C(1) << (bytes * 8);
}

static enum weir_code print_binary(
	const struct format_item *item, int64_t value, struct out *out, struct weir_err *err)
{
	if (!fits(value, item->width)) {
		return misfit(item, value, err);
	}
	uint8_t bytes[8];
	for (int i = 0; i < item->width; i++) {
		int shift = 8 * (item->little ? i : item->width - 1 - i);
		bytes[i] = (uint8_t)((uint64_t)value >> shift);
	}
	out_bytes(out, bytes, item->width);
	return WEIR_OK;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
size_t format_strftime(char *text, size_t room, const char *pattern, const struct tm *tm)
{
	return strftime(text, room, pattern, tm);
}
#pragma GCC diagnostic pop

static void print_calendar(const struct format_item *item, int64_t ms, struct out *out)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[256];
	const char *pattern =
		item->form == FORM_ISO ? "%Y-%m-%dT%H:%M:%S" : (const char *)item->text.data;
	if (ms < 0 || !gmtime_r(&s, &tm)) {
		out_printf(out, "%" PRId64, ms);
		return;
	}
	size_t len = format_strftime(text, sizeof(text), pattern, &tm);
	out_bytes(out, text, len);
	if (item->form == FORM_ISO) {
		out_printf(out, ".%03dZ", (int)(ms % 1000));
	}
}

static void print_ago(int64_t ms, struct out *out)
{
	int64_t s = (clock_wall_ms() - ms) / 1000;
	const char *sign = s < 0 ? "-" : "";
	s = s < 0 ? -s : s;
	if (ms < 0) {
		out_printf(out, "%" PRId64, ms);
	} else if (s < 60) {
		out_printf(out, "%s%" PRId64 "s", sign, s);
	} else if (s < 3600) {
		out_printf(out, "%s%" PRId64 "m%02" PRId64 "s", sign, s / 60, s % 60);
	} else if (s < 86400) {
		out_printf(out, "%s%" PRId64 "h%02" PRId64 "m", sign, s / 3600, s / 60 % 60);
	} else {
		out_printf(out, "%s%" PRId64 "d%02" PRId64 "h", sign, s / 86400, s / 3600 % 24);
	}
}

enum weir_code format_print_number(
	const struct format_item *item, int64_t value, struct out *out, struct weir_err *err)
{
	switch (item->form) {
	case FORM_HEX:
		out_printf(out, "%s%" PRIx64, value < 0 ? "-" : "",
			value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value);
		break;
	case FORM_FIXED_HEX:
		if (!fits(value, item->width / 2)) {
			return misfit(item, value, err);
		}
		out_printf(out, "%0*" PRIx64, item->width,
			(uint64_t)value & (UINT64_MAX >> (64 - 4 * item->width)));
		break;
	case FORM_BINARY:
		return print_binary(item, value, out, err);
	case FORM_ISO:
	case FORM_STRFTIME:
		print_calendar(item, value, out);
		break;
	case FORM_AGO:
		print_ago(value, out);
		break;
	default:
		out_printf(out, "%" PRId64,
			item->form == FORM_SECONDS && value > 0 ? value / 1000 : value);
		break;
	}
	return WEIR_OK;
}

static enum weir_code print_attributes(const struct format_item *item, const struct row *row,
	struct out *out, struct weir_err *err)
{
	int16_t bits = row->attributes;
	const char *codec;
	switch (item->form) {
	case FORM_ATTR_CODEC:
		codec = (bits & BATCH_CODEC_MASK) < CODEC_COUNT
				? codec_name((enum codec)(bits & BATCH_CODEC_MASK))
				: "unknown";
		out_str(out, codec);
		return WEIR_OK;
	case FORM_ATTR_TIME_TYPE:
		out_str(out, bits & BATCH_APPEND_TIME ? "LogAppendTime" : "CreateTime");
		return WEIR_OK;
	case FORM_ATTR_TXN:
		out_str(out, bits & BATCH_TRANSACTIONAL ? "true" : "false");
		return WEIR_OK;
	case FORM_ATTR_CONTROL:
		out_str(out, bits & BATCH_CONTROL ? "true" : "false");
		return WEIR_OK;
	default:
		return format_print_number(item, bits, out, err);
	}
}

static enum weir_code print_each(const struct format *each, const struct record_header *header,
	const struct format_style *style, struct out *out, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < each->count && code == WEIR_OK; i++) {
		const struct format_item *item = &each->items[i];
		bool name =
			item->field == FORMAT_HEADER_NAME || item->field == FORMAT_HEADER_NAME_LEN;
		struct slice text = name ? header->key : header->value;
		if (item->field == FORMAT_LITERAL) {
			out_bytes(out, item->text.data, item->text.len);
		} else if (format_is_length(item->field)) {
			code = format_print_number(
				item, text.data ? (int64_t)text.len : -1, out, err);
		} else {
			code = print_text(item, text, style, out, err);
		}
	}
	return code;
}

static enum weir_code print_headers(const struct format_item *item, const struct row *row,
	const struct format_style *style, struct out *out, struct weir_err *err)
{
	if (item->form == FORM_JSON) {
		json_t *list = json_array();
		for (size_t i = 0; i < row->header_count; i++) {
			json_array_append_new(
				list, json_pack("[o, o]", json_of_bytes(row->headers[i].key),
					      json_of_bytes(row->headers[i].value)));
		}
		json_print(out, list);
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < row->header_count && code == WEIR_OK; i++) {
		const struct record_header *h = &row->headers[i];
		if (item->form == FORM_EACH) {
			code = print_each(item->each, h, style, out, err);
			continue;
		}
		out_str(out, i ? "," : "");
		out_text(out, h->key);
		out_byte(out, '=');
		if (h->value.data) {
			out_text(out, h->value);
		} else {
			const char *text = style->null_header_text ? style->null_header_text
								   : style->null_text;
			out_str(out, text ? text : "");
		}
	}
	return code;
}

static int64_t length(struct slice text)
{
	return text.data ? (int64_t)text.len : -1;
}

static int64_t number_of(const struct row *row, enum format_field field)
{
	switch (field) {
	case FORMAT_VALUE_LEN:
		return length(row->value);
	case FORMAT_KEY_LEN:
		return length(row->key);
	case FORMAT_TOPIC_LEN:
		return length(row->topic);
	case FORMAT_PARTITION:
		return row->partition;
	case FORMAT_OFFSET:
		return row->offset;
	case FORMAT_LEADER_EPOCH:
		return row->leader_epoch;
	case FORMAT_TIMESTAMP:
		return row->timestamp;
	case FORMAT_HEADER_COUNT:
		return (int64_t)row->header_count;
	case FORMAT_PRODUCER_ID:
		return row->producer_id;
	case FORMAT_PRODUCER_EPOCH:
		return row->producer_epoch;
	case FORMAT_SEQUENCE:
		return row->sequence;
	case FORMAT_LOG_START:
		return row->log_start;
	case FORMAT_LAST_STABLE:
		return row->last_stable;
	case FORMAT_HIGH_WATERMARK:
		return row->high_watermark;
	case FORMAT_LAG:
		return row->high_watermark < 0 ? -1 : row->high_watermark - row->offset - 1;
	default:
		return row->number;
	}
}

static enum weir_code print_item(const struct format_item *item, const struct row *row,
	const struct format_style *style, struct out *out, struct weir_err *err)
{
	switch (item->field) {
	case FORMAT_LITERAL:
		out_bytes(out, item->text.data, item->text.len);
		return WEIR_OK;
	case FORMAT_VALUE:
		return print_text(item, row->value, style, out, err);
	case FORMAT_KEY:
		return print_text(item, row->key, style, out, err);
	case FORMAT_TOPIC:
		return print_text(item, row->topic, style, out, err);
	case FORMAT_HEADERS:
		return print_headers(item, row, style, out, err);
	case FORMAT_ATTRIBUTES:
		return print_attributes(item, row, out, err);
	case FORMAT_ENVELOPE:
		envelope_print(out, row, &style->envelope);
		return WEIR_OK;
	default:
		return format_print_number(item, number_of(row, item->field), out, err);
	}
}

enum weir_code format_print(const struct format *format, const struct row *row,
	const struct format_style *style, struct out *out, struct weir_err *err)
{
	for (size_t i = 0; i < format->count; i++) {
		enum weir_code code = print_item(&format->items[i], row, style, out, err);
		if (code != WEIR_OK) {
			return err_wrap(err, "record at offset %" PRId64, row->offset);
		}
	}
	return WEIR_OK;
}

/* One token's text as part of a path. */
static void add_name(struct buf *path, struct slice text)
{
	if (!text.len) {
		buf_add_byte(path, '_');
	}
	for (bool first = true; text.len; first = false) {
		size_t len = utf8_len(text);
		uint8_t c = text.data[0];
		if (!len || c < 0x20 || c == 0x7f || c == '/' || (first && c == '.')) {
			buf_add_byte(path, '_');
			len = 1;
		} else {
			buf_add(path, text.data, len);
		}
		text = slice_of(text.data + len, text.len - len);
	}
}

enum weir_code format_path(
	const struct format *format, const struct row *row, struct buf *path, struct weir_err *err)
{
	struct format_style style = {.null_text = NULL};
	struct out out = {.fd = -1, .raw = true, .held = true};
	enum weir_code code = WEIR_OK;
	buf_init(&out.buf, 0);
	buf_reset(path);
	for (size_t i = 0; i < format->count && code == WEIR_OK; i++) {
		const struct format_item *item = &format->items[i];
		if (item->field == FORMAT_LITERAL) {
			buf_add(path, item->text.data, item->text.len);
			continue;
		}
		buf_reset(&out.buf);
		code = print_item(item, row, &style, &out, err);
		add_name(path, slice_of(out.buf.data, out.buf.len));
	}
	buf_fini(&out.buf);
	return code;
}
