/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Printing writes straight into the output's buffer (one record is one of millions); parsing goes
 * through jansson.
 */
#include "cli/envelope.h"

#include "cli/base64.h"
#include "core/base/clock.h"
#include "core/base/number.h"

#include <inttypes.h>
#include <jansson.h>

/* False when text is not UTF-8: nothing was printed then. */
static bool put_string(struct buf *buf, struct slice text)
{
	static const char digits[] = "0123456789abcdef";
	size_t before = buf->len;
	buf_add_byte(buf, '"');
	size_t run = 0; /* bytes that go out as they are */
	for (size_t i = 0; i < text.len;) {
		uint8_t c = text.data[i];
		bool escape = c < 0x20 || c == '"' || c == '\\';
		size_t len = c < 0x80 ? 1 : utf8_len(slice_of(text.data + i, text.len - i));
		if (!len) {
			buf->len = before;
			return false;
		}
		i += len;
		if (!escape) {
			run += len;
			continue;
		}
		buf_add(buf, text.data + i - 1 - run, run);
		run = 0;
		const char *at = c ? strchr("\"\"\\\\\nn\tt\rr", c) : NULL;
		if (at) {
			const char pair[2] = {'\\', c == '"' || c == '\\' ? (char)c : at[1]};
			buf_add(buf, pair, 2);
		} else {
			const char six[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
			buf_add(buf, six, 6);
		}
	}
	buf_add(buf, text.data + text.len - run, run);
	buf_add_byte(buf, '"');
	return true;
}

/* ,"name":"text" or ,"name_b64":"..." */
static void put_member(struct buf *buf, const char *name, struct slice text)
{
	size_t before = buf->len;
	buf_printf(buf, ",\"%s\":", name);
	if (!text.data) {
		buf_add_str(buf, "null");
	} else if (!put_string(buf, text)) {
		buf->len = before;
		buf_printf(buf, ",\"%s_b64\":\"", name);
		base64_encode(buf, text);
		buf_add_byte(buf, '"');
	}
}

static void put_bytes(struct buf *buf, struct slice text)
{
	if (!text.data) {
		buf_add_str(buf, "null");
	} else if (!put_string(buf, text)) {
		buf_add_str(buf, "{\"b64\":\"");
		base64_encode(buf, text);
		buf_add_str(buf, "\"}");
	}
}

/* Embeds the value when it is JSON, but for strings and null: those would read back as others. */
static bool put_json_value(struct buf *buf, struct slice value)
{
	size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	json_error_t where;
	json_t *json =
		value.data ? json_loadb((const char *)value.data, value.len, flags, &where) : NULL;
	bool embed = json && !json_is_string(json) && !json_is_null(json);
	json_decref(json);
	if (!embed) {
		return false;
	}
	buf_add_str(buf, ",\"value\":");
	for (size_t i = 0; i < value.len; i++) {
		/* Line breaks stand only between JSON's words. */
		uint8_t c = value.data[i];
		buf_add_byte(buf, c == '\n' || c == '\r' ? ' ' : c);
	}
	return true;
}

void envelope_print(struct out *out, const struct row *row, const struct envelope_conf *conf)
{
	struct buf *buf = &out->buf;
	buf_add_byte(buf, '{');
	if (row->topic.data) {
		buf_add_str(buf, "\"topic\":");
		put_bytes(buf, row->topic);
		buf_add_byte(buf, ',');
	}
	buf_printf(buf, "\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"ts\":%" PRId64,
		row->partition, row->offset, row->timestamp);
	put_member(buf, "key", row->key);
	if (!conf->json_values || !put_json_value(buf, row->value)) {
		put_member(buf, "value", row->value);
	}
	buf_add_str(buf, ",\"headers\":[");
	for (size_t i = 0; i < row->header_count; i++) {
		buf_add_str(buf, i ? ",[" : "[");
		put_bytes(buf, row->headers[i].key);
		buf_add_byte(buf, ',');
		put_bytes(buf, row->headers[i].value);
		buf_add_byte(buf, ']');
	}
	buf_add_byte(buf, ']');
	if (conf->attributes) {
		buf_printf(buf,
			",\"attrs\":%d,\"epoch\":%" PRId32 ",\"pid\":%" PRId64
			",\"pepoch\":%d,\"seq\":%" PRId32,
			row->attributes, row->leader_epoch, row->producer_id, row->producer_epoch,
			row->sequence);
	}
	buf_add_byte(buf, '}');
	out_bytes(out, NULL, 0);
}

static enum weir_code keep(struct arena *arena, const void *data, size_t len, struct slice *bytes,
	struct weir_err *err)
{
	const void *copy = arena_try_dup(arena, data, len);
	if (!copy) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes", len);
	}
	*bytes = slice_of(copy, len);
	return WEIR_OK;
}

static enum weir_code keep_base64(
	const json_t *json, struct arena *arena, struct slice *bytes, struct weir_err *err)
{
	struct buf buf;
	buf_init(&buf, 0);
	struct slice text = slice_of(json_string_value(json), json_string_length(json));
	enum weir_code code;
	if (!base64_decode(&buf, text)) {
		code = err_set(err, WEIR_BAD_DATA, "not base64");
	} else {
		code = keep(arena, buf.data ? buf.data : (const void *)"", buf.len, bytes, err);
	}
	buf_fini(&buf);
	return code;
}

enum weir_code envelope_bytes(
	const struct json_t *json, struct arena *arena, struct slice *bytes, struct weir_err *err)
{
	if (json_is_null(json)) {
		*bytes = slice_of(NULL, 0);
		return WEIR_OK;
	}
	if (json_is_string(json)) {
		return keep(arena, json_string_value(json), json_string_length(json), bytes, err);
	}
	const json_t *b64 = json_object_get(json, "b64");
	if (json_is_string(b64)) {
		return keep_base64(b64, arena, bytes, err);
	}
	return err_set(err, WEIR_BAD_DATA, "neither text nor null");
}

enum weir_code envelope_headers(
	const struct json_t *json, struct arena *arena, struct row *row, struct weir_err *err)
{
	if (json && !json_is_array(json) && !json_is_object(json) && !json_is_null(json)) {
		return err_set(err, WEIR_BAD_DATA, "headers: not a list");
	}
	bool object = json_is_object(json);
	size_t count = object ? json_object_size(json) : json_array_size(json);
	struct record_header *headers = arena_try_array(arena, count ? count : 1, sizeof(*headers));
	if (!headers) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for %zu headers", count);
	}
	void *it = object ? json_object_iter((json_t *)(uintptr_t)json) : NULL;
	for (size_t i = 0; i < count; i++) {
		enum weir_code code;
		const json_t *pair = object ? NULL : json_array_get(json, i);
		const json_t *value = object ? json_object_iter_value(it) : json_array_get(pair, 1);
		if (object) {
			const char *name = json_object_iter_key(it);
			code = keep(arena, name, strlen(name), &headers[i].key, err);
			it = json_object_iter_next((json_t *)(uintptr_t)json, it);
		} else if (json_array_size(pair) != 2 || json_is_null(json_array_get(pair, 0))) {
			return err_set(err, WEIR_BAD_DATA, "header %zu: not [name, value]", i + 1);
		} else {
			code = envelope_bytes(json_array_get(pair, 0), arena, &headers[i].key, err);
		}
		if (code == WEIR_OK) {
			code = envelope_bytes(value, arena, &headers[i].value, err);
		}
		if (code != WEIR_OK) {
			return err_wrap(err, "header %zu", i + 1);
		}
	}
	row->headers = headers;
	row->header_count = count;
	return WEIR_OK;
}

/* key or value: name, or name_b64. */
static enum weir_code get_bytes(const json_t *json, const char *name, const char *name_b64,
	bool any_json, struct arena *arena, struct slice *bytes, struct weir_err *err)
{
	const json_t *plain = json_object_get(json, name), *b64 = json_object_get(json, name_b64);
	enum weir_code code = WEIR_OK;
	if (plain && b64) {
		return err_set(err, WEIR_BAD_DATA, "both %s and %s", name, name_b64);
	}
	if (b64) {
		code = json_is_string(b64) ? keep_base64(b64, arena, bytes, err)
					   : err_set(err, WEIR_BAD_DATA, "not text");
	} else if (plain && any_json && !json_is_null(plain) && !json_is_string(plain)) {
		size_t len = json_dumpb(plain, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
		char *text = arena_try(arena, len + 1);
		if (!text) {
			return err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes", len);
		}
		json_dumpb(plain, text, len, JSON_COMPACT | JSON_ENCODE_ANY);
		*bytes = slice_of(text, len);
	} else if (plain) {
		code = envelope_bytes(plain, arena, bytes, err);
	}
	return code == WEIR_OK ? code : err_wrap(err, "%s", b64 ? name_b64 : name);
}

static size_t past_blanks(struct slice text, size_t at)
{
	while (at < text.len && memchr(" \t\r\n", text.data[at], 4)) {
		at++;
	}
	return at;
}

/* Past the JSON value at text[at], which is known to be well-formed. */
static size_t past_value(struct slice text, size_t at)
{
	int depth = 0;
	for (; at < text.len; at++) {
		uint8_t c = text.data[at];
		if (c == '"') {
			for (at++; at < text.len && text.data[at] != '"'; at++) {
				at += text.data[at] == '\\';
			}
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (depth && (c == '}' || c == ']')) {
			depth--;
		} else if (!depth && memchr(",:]} \t\r\n", c, 8)) {
			return at;
		}
		if (!depth && (c == '"' || c == '}' || c == ']')) {
			return at + 1;
		}
	}
	return at;
}

/* The value of a member of the object text as it is written; data NULL when name is escaped. */
static struct slice raw_member(struct slice text, const char *name)
{
	size_t len = strlen(name);
	for (size_t at = past_blanks(text, 0) + 1; at < text.len; at++) {
		at = past_blanks(text, at);
		size_t end = past_value(text, at);
		bool found = end - at == len + 2 && memcmp(text.data + at + 1, name, len) == 0;
		at = past_blanks(text, past_blanks(text, end) + 1);
		end = past_value(text, at);
		if (found) {
			return slice_of(text.data + at, end - at);
		}
		at = past_blanks(text, end);
	}
	return slice_of(NULL, 0);
}

static enum weir_code get_number(
	const json_t *json, const char *name, int64_t max, int64_t *value, struct weir_err *err)
{
	const json_t *number = json_object_get(json, name);
	if (!number || json_is_null(number)) {
		*value = -1;
		return WEIR_OK;
	}
	if (!json_is_integer(number) || json_integer_value(number) < -1 ||
		json_integer_value(number) > max) {
		return err_set(err, WEIR_BAD_DATA, "%s: not a whole number from -1 to %" PRId64,
			name, max);
	}
	*value = json_integer_value(number);
	return WEIR_OK;
}

static enum weir_code get_numbers(const json_t *json, struct row *row, struct weir_err *err)
{
	int64_t partition;
	enum weir_code code = get_number(json, "partition", INT32_MAX, &partition, err);
	if (code == WEIR_OK) {
		code = get_number(json, "offset", INT64_MAX, &row->offset, err);
	}
	const json_t *ts = json_object_get(json, "ts");
	if (code == WEIR_OK && json_is_string(ts)) {
		code = number_time(json_string_value(ts), clock_wall_ms(), &row->timestamp, err);
		code = code == WEIR_OK ? code : err_set(err, WEIR_BAD_DATA, "ts: not a time");
	} else if (code == WEIR_OK) {
		code = get_number(json, "ts", INT64_MAX, &row->timestamp, err);
	}
	if (code == WEIR_OK) {
		row->partition = (int32_t)partition;
	}
	return code;
}

/* With json_values: a value that is neither text nor null, byte for byte. */
static bool get_raw_value(
	struct slice line, const json_t *json, struct arena *arena, struct row *row)
{
	const json_t *value = json_object_get(json, "value");
	if (!value || json_is_string(value) || json_is_null(value)) {
		return false;
	}
	struct slice raw = raw_member(line, "value");
	row->value = slice_of(raw.data ? arena_try_dup(arena, raw.data, raw.len) : NULL, raw.len);
	return row->value.data != NULL;
}

static enum weir_code fill(struct slice line, const json_t *json, const struct envelope_conf *conf,
	struct arena *arena, struct row *row, struct weir_err *err)
{
	if (!json_is_object(json)) {
		return err_set(err, WEIR_BAD_DATA, "not a JSON object");
	}
	if (!json_object_get(json, "value") && !json_object_get(json, "value_b64")) {
		return err_set(err, WEIR_BAD_DATA, "no \"value\" (it may be null)");
	}
	enum weir_code code = get_numbers(json, row, err);
	if (code == WEIR_OK) {
		code = get_bytes(json, "key", "key_b64", false, arena, &row->key, err);
	}
	if (code == WEIR_OK && !(conf->json_values && get_raw_value(line, json, arena, row))) {
		code = get_bytes(
			json, "value", "value_b64", conf->json_values, arena, &row->value, err);
	}
	const json_t *topic = json_object_get(json, "topic");
	if (code == WEIR_OK && topic) {
		code = envelope_bytes(topic, arena, &row->topic, err);
		code = code == WEIR_OK ? code : err_wrap(err, "topic");
	}
	return code == WEIR_OK ? envelope_headers(json_object_get(json, "headers"), arena, row, err)
			       : code;
}

enum weir_code envelope_parse(struct slice line, const struct envelope_conf *conf,
	struct arena *arena, struct row *row, struct weir_err *err)
{
	json_error_t where;
	size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	json_t *json = json_loadb((const char *)line.data, line.len, flags, &where);
	*row = row_none;
	if (!json) {
		return err_set(
			err, WEIR_BAD_DATA, "not JSON: %s (column %d)", where.text, where.column);
	}
	enum weir_code code = fill(line, json, conf, arena, row, err);
	json_decref(json);
	return code;
}
