/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kcat's format strings become weir's, so that one piece of code prints records. */
#include "cli/kcat.h"

#include "cli/json.h"
#include "core/record/batch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void add_literal(struct buf *out, uint8_t byte)
{
	if (isalnum(byte) || byte == ' ' || byte >= 0x80) {
		buf_add_byte(out, byte);
	} else {
		buf_printf(out, "\\x%02x", byte);
	}
}

/* At a backslash: the byte it means; the place behind it. kcat reads numbers as C does: 0x, 0, 10.
 */
static const char *add_escape(struct buf *out, const char *at)
{
	char *end;
	char c = at[1];
	if (!c) {
		add_literal(out, '\\');
		return at + 1;
	}
	if (c == 'x' || isdigit((unsigned char)c)) {
		const char *digits = c == 'x' ? at + 2 : at + 1;
		unsigned long value = strtoul(digits, &end, c == 'x' ? 16 : 0);
		add_literal(out, end == digits ? (uint8_t)c : (uint8_t)value);
		return end == digits ? at + 2 : end;
	}
	add_literal(out, (uint8_t)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c));
	return at + 2;
}

static enum weir_code add_token(
	const struct kcat *k, char letter, struct buf *out, struct weir_err *err)
{
	const char *pack = letter == 'k' ? k->unpack_key : letter == 's' ? k->unpack_value : NULL;
	if (!letter) {
		return err_set(err, WEIR_BAD_DATA, "Empty formatter");
	}
	if (!strchr("okKsSRtpTh%", letter)) {
		return err_set(err, WEIR_BAD_DATA, "Unsupported formatter: %%%c", letter);
	}
	buf_add_byte(out, '%');
	buf_add_byte(out, (uint8_t)letter);
	if (pack) {
		buf_printf(out, "{unpack:%s}", pack);
	}
	return WEIR_OK;
}

static enum weir_code convert(
	const struct kcat *k, const char *text, struct buf *out, struct weir_err *err)
{
	while (*text) {
		if (*text == '\\') {
			text = add_escape(out, text);
		} else if (*text == '%') {
			enum weir_code code = add_token(k, text[1], out, err);
			if (code != WEIR_OK) {
				return code;
			}
			text += 2;
		} else {
			add_literal(out, (uint8_t)*text++);
		}
	}
	return WEIR_OK;
}

static void add_bytes(struct buf *out, const struct buf *bytes)
{
	for (size_t i = 0; i < bytes->len; i++) {
		add_literal(out, bytes->data[i]);
	}
}

enum weir_code kcat_format(const struct kcat *k, struct format **format, struct weir_err *err)
{
	struct buf text;
	enum weir_code code = WEIR_OK;
	buf_init(&text, 0);
	if (k->format_text) {
		code = convert(k, k->format_text, &text, err);
	} else {
		if (k->has_key_delim) {
			code = add_token(k, 'k', &text, err);
			add_bytes(&text, &k->key_delim);
		}
		code = code ? code : add_token(k, 's', &text, err);
		add_bytes(&text, &k->delim);
	}
	code = code ? code : format_new(buf_str(&text), format, err);
	buf_fini(&text);
	return code;
}

static json_t *headers_json(const struct row *row)
{
	json_t *list = json_array();
	for (size_t i = 0; i < row->header_count; i++) {
		json_array_append_new(list, json_of_bytes(row->headers[i].key));
		json_array_append_new(list, json_of_bytes(row->headers[i].value));
	}
	return list;
}

void kcat_json(struct kcat *k, const struct row *row, int32_t broker)
{
	json_t *object = json_object();
	bool append = row->attributes & BATCH_APPEND_TIME;
	json_object_set_new(object, "topic", json_of_bytes(row->topic));
	json_object_set_new(object, "partition", json_integer(row->partition));
	json_object_set_new(object, "offset", json_integer(row->offset));
	if (row->timestamp >= 0) {
		json_object_set_new(object, "tstype", json_string(append ? "logappend" : "create"));
		json_object_set_new(object, "ts", json_integer(row->timestamp));
	}
	json_object_set_new(object, "broker", json_integer(broker));
	if (row->header_count) {
		json_object_set_new(object, "headers", headers_json(row));
	}
	json_set_bytes(object, "key", row->key);
	json_set_bytes(object, "payload", row->value);
	json_print(&k->ctx->out, object);
	out_bytes(&k->ctx->out, k->delim.data, k->delim.len);
}
