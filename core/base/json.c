/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library parses; depth is counted before it sees the text, as its own limit is too deep for a
 * thread's stack to be spent on strangers. The writer is ours: it streams and needs no tree.
 */
#include "core/base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

static const json_t *tree(const struct json *value)
{
	return (const json_t *)(const void *)value;
}

static const struct json *opaque(const json_t *value)
{
	return (const struct json *)(const void *)value;
}

/* Brackets outside of text; whether they match is the parser's business. */
static bool too_deep(struct slice text)
{
	int depth = 0;
	bool in_text = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (in_text) {
			if (c == '\\') {
				i++;
			} else if (c == '"') {
				in_text = false;
			}
		} else if (c == '"') {
			in_text = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX) {
				return true;
			}
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

enum weir_code json_parse(
	struct slice text, size_t size_max, struct json **root, struct weir_err *err)
{
	if (text.len > size_max) {
		return err_set(
			err, WEIR_TOO_LARGE, "JSON of %zu bytes, limit %zu", text.len, size_max);
	}
	if (too_deep(text)) {
		return err_set(
			err, WEIR_BAD_DATA, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
	}
	json_error_t why;
	json_t *parsed = json_loadb(
		text.len ? (const char *)text.data : "", text.len, JSON_REJECT_DUPLICATES, &why);
	if (!parsed) {
		if (json_error_code(&why) == json_error_out_of_memory) {
			return err_set(err, WEIR_NO_MEMORY, "out of memory for JSON of %zu bytes",
				text.len);
		}
		return err_set(err, WEIR_BAD_DATA, "not JSON at line %d, column %d: %s", why.line,
			why.column, why.text);
	}
	*root = (struct json *)(void *)parsed;
	return WEIR_OK;
}

void json_free(struct json **root)
{
	if (*root) {
		json_decref((json_t *)(void *)*root);
		*root = NULL;
	}
}

enum json_kind json_kind_of(const struct json *value)
{
	switch (json_typeof(tree(value))) {
	case JSON_OBJECT:
		return JSON_KIND_OBJECT;
	case JSON_ARRAY:
		return JSON_KIND_ARRAY;
	case JSON_STRING:
		return JSON_KIND_TEXT;
	case JSON_INTEGER:
		return JSON_KIND_INTEGER;
	case JSON_REAL:
		return JSON_KIND_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_KIND_BOOL;
	case JSON_NULL:
	default:
		return JSON_KIND_NULL;
	}
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		"null", "boolean", "integer", "real", "text", "array", "object"};
	WEIR_ASSERT((size_t)kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

size_t json_count(const struct json *value)
{
	const json_t *v = tree(value);
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const struct json *json_find(const struct json *object, const char *key)
{
	return opaque(json_object_get(tree(object), key));
}

const struct json *json_item(const struct json *array, size_t i)
{
	return opaque(json_array_get(tree(array), i));
}

bool json_next(const struct json *object, void **iter, const char **key, const struct json **value)
{
	json_t *v = (json_t *)(uintptr_t)object;
	*iter = *iter ? json_object_iter_next(v, *iter) : json_object_iter(v);
	if (!*iter) {
		return false;
	}
	*key = json_object_iter_key(*iter);
	*value = opaque(json_object_iter_value(*iter));
	return true;
}

static enum weir_code wrong_kind(
	const struct json *value, enum json_kind wanted, struct weir_err *err)
{
	return err_set(err, WEIR_BAD_DATA, "JSON %s where %s is wanted",
		json_kind_name(json_kind_of(value)), json_kind_name(wanted));
}

enum weir_code json_as_i64(
	const struct json *value, int64_t min, int64_t max, int64_t *out, struct weir_err *err)
{
	if (json_kind_of(value) != JSON_KIND_INTEGER) {
		return wrong_kind(value, JSON_KIND_INTEGER, err);
	}
	int64_t number = json_integer_value(tree(value));
	if (number < min || number > max) {
		return err_set(err, WEIR_BAD_DATA, "JSON number %lld is outside %lld..%lld",
			(long long)number, (long long)min, (long long)max);
	}
	*out = number;
	return WEIR_OK;
}

enum weir_code json_as_text(const struct json *value, const char **out, struct weir_err *err)
{
	if (json_kind_of(value) != JSON_KIND_TEXT) {
		return wrong_kind(value, JSON_KIND_TEXT, err);
	}
	*out = json_string_value(tree(value));
	return WEIR_OK;
}

static enum weir_code get_member(
	const struct json *object, const char *key, const struct json **value, struct weir_err *err)
{
	*value = json_find(object, key);
	return *value ? WEIR_OK : err_set(err, WEIR_BAD_DATA, "JSON member \"%s\" is missing", key);
}

static enum weir_code named(enum weir_code code, const char *key, struct weir_err *err)
{
	if (code && err) {
		err_wrap(err, "\"%s\"", key);
	}
	return code;
}

enum weir_code json_get_i64(const struct json *object, const char *key, int64_t min, int64_t max,
	int64_t *out, struct weir_err *err)
{
	const struct json *value;
	enum weir_code code = get_member(object, key, &value, err);
	return code ? code : named(json_as_i64(value, min, max, out, err), key, err);
}

enum weir_code json_get_text(
	const struct json *object, const char *key, const char **out, struct weir_err *err)
{
	const struct json *value;
	enum weir_code code = get_member(object, key, &value, err);
	return code ? code : named(json_as_text(value, out, err), key, err);
}

static enum weir_code get_kind(const struct json *object, const char *key, enum json_kind kind,
	const struct json **out, struct weir_err *err)
{
	const struct json *value;
	enum weir_code code = get_member(object, key, &value, err);
	if (!code && json_kind_of(value) != kind) {
		code = named(wrong_kind(value, kind, err), key, err);
	}
	if (!code) {
		*out = value;
	}
	return code;
}

enum weir_code json_get_bool(
	const struct json *object, const char *key, bool *out, struct weir_err *err)
{
	const struct json *value;
	enum weir_code code = get_kind(object, key, JSON_KIND_BOOL, &value, err);
	if (!code) {
		*out = json_is_true(tree(value));
	}
	return code;
}

enum weir_code json_get_array(
	const struct json *object, const char *key, const struct json **out, struct weir_err *err)
{
	return get_kind(object, key, JSON_KIND_ARRAY, out, err);
}

enum weir_code json_get_object(
	const struct json *object, const char *key, const struct json **out, struct weir_err *err)
{
	return get_kind(object, key, JSON_KIND_OBJECT, out, err);
}

/* Bytes of the UTF-8 character at p, 0 if there is none within len bytes. */
static size_t utf8_len(const uint8_t *p, size_t len)
{
	if (p[0] < 0x80) {
		return 1;
	}
	size_t need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < need) {
		return 0;
	}
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool surrogate = p[0] == 0xed && p[1] > 0x9f;
	bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
	return overlong || surrogate || beyond ? 0 : need;
}

bool json_text_ok(struct slice text)
{
	for (size_t i = 0; i < text.len;) {
		size_t len = text.data[i] ? utf8_len(text.data + i, text.len - i) : 0;
		if (!len) {
			return false;
		}
		i += len;
	}
	return true;
}

void json_writer_init(struct json_writer *writer, struct buf *out)
{
	*writer = (struct json_writer){.out = out};
}

static uint64_t level(const struct json_writer *writer)
{
	return (uint64_t)1 << writer->depth;
}

static bool in_object(const struct json_writer *writer)
{
	return writer->depth && writer->is_object & level(writer);
}

static void put_comma(struct json_writer *writer)
{
	if (writer->depth && writer->has_items & level(writer)) {
		buf_add_byte(writer->out, ',');
	}
	writer->has_items |= level(writer);
}

/* Before every value: its comma, unless its key brought it. */
static void begin_value(struct json_writer *writer)
{
	WEIR_ASSERT(writer->after_key == in_object(writer));
	if (!writer->after_key) {
		put_comma(writer);
	}
	writer->after_key = false;
}

static void begin_level(struct json_writer *writer, char bracket, bool is_object)
{
	begin_value(writer);
	WEIR_ASSERT(writer->depth < JSON_DEPTH_MAX);
	writer->depth++;
	writer->has_items &= ~level(writer);
	writer->is_object &= ~level(writer);
	writer->is_object |= is_object ? level(writer) : 0;
	buf_add_byte(writer->out, (uint8_t)bracket);
}

void json_write_object(struct json_writer *writer)
{
	begin_level(writer, '{', true);
}

void json_write_array(struct json_writer *writer)
{
	begin_level(writer, '[', false);
}

void json_write_end(struct json_writer *writer)
{
	WEIR_ASSERT(writer->depth && !writer->after_key);
	buf_add_byte(writer->out, in_object(writer) ? '}' : ']');
	writer->depth--;
}

static void put_escaped(struct buf *out, uint8_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;
	if (at) {
		buf_printf(out, "\\%c", letters[at - plain]);
	} else {
		buf_printf(out, "\\u%04x", c);
	}
}

static void put_text(struct buf *out, struct slice text)
{
	buf_add_byte(out, '"');
	size_t done = 0; /* bytes before it are written */
	for (size_t i = 0; i < text.len;) {
		uint8_t c = text.data[i];
		size_t len = utf8_len(text.data + i, text.len - i);
		if (len && c >= 0x20 && c != '"' && c != '\\') {
			i += len;
			continue;
		}
		buf_add(out, text.data + done, i - done);
		if (len) {
			put_escaped(out, c);
		} else {
			buf_add_str(out, "\\ufffd");
		}
		done = ++i;
	}
	if (text.len) {
		buf_add(out, text.data + done, text.len - done);
	}
	buf_add_byte(out, '"');
}

void json_write_key(struct json_writer *writer, const char *key)
{
	WEIR_ASSERT(in_object(writer) && !writer->after_key);
	put_comma(writer);
	put_text(writer->out, slice_str(key));
	buf_add_byte(writer->out, ':');
	writer->after_key = true;
}

void json_write_text(struct json_writer *writer, struct slice text)
{
	begin_value(writer);
	put_text(writer->out, text);
}

void json_write_str(struct json_writer *writer, const char *text)
{
	if (text) {
		json_write_text(writer, slice_str(text));
	} else {
		json_write_null(writer);
	}
}

void json_write_i64(struct json_writer *writer, int64_t number)
{
	begin_value(writer);
	buf_printf(writer->out, "%lld", (long long)number);
}

void json_write_double(struct json_writer *writer, double number)
{
	if (!isfinite(number)) {
		json_write_null(writer);
		return;
	}
	char text[40];
	snprintf(text, sizeof(text), "%.15g", number);
	char *comma = strchr(text, ','); /* the locale's */
	if (comma) {
		*comma = '.';
	}
	begin_value(writer);
	buf_add_str(writer->out, text);
}

void json_write_bool(struct json_writer *writer, bool value)
{
	begin_value(writer);
	buf_add_str(writer->out, value ? "true" : "false");
}

void json_write_null(struct json_writer *writer)
{
	begin_value(writer);
	buf_add_str(writer->out, "null");
}
