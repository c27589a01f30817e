/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON: a reader for text from outside, behind limits, and a writer straight into a buffer. The
 * only door to the JSON library.
 *
 * Parsed values are read-only and borrowed from their root, which json_free ends. Getters name the
 * member in their error. Text is UTF-8 without zero bytes; duplicate members are refused.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

enum { JSON_DEPTH_MAX = 32 };

struct json; /* a value: object, array, text, number, true, false or null */

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_INTEGER, /* fits int64_t */
	JSON_KIND_REAL,
	JSON_KIND_TEXT,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT,
};

/*
 * The whole of text is one object or array. Errors: TOO_LARGE above size_max bytes; BAD_DATA with
 * line and column, also when nested deeper than JSON_DEPTH_MAX.
 */
WEIR_MUST_USE enum weir_code json_parse(
	struct slice text, size_t size_max, struct json **root, struct weir_err *err);
void json_free(struct json **root);

enum json_kind json_kind_of(const struct json *value);
const char *json_kind_name(enum json_kind kind); /* "object" */
size_t json_count(const struct json *value);	 /* of an array's or object's members; else 0 */

/* NULL if absent (a member that is null is not), or if value is no object / array. */
const struct json *json_find(const struct json *object, const char *key);
const struct json *json_item(const struct json *array, size_t i);
/* Walks an object in the order of its text: *iter starts NULL; false at the end. */
bool json_next(const struct json *object, void **iter, const char **key, const struct json **value);

/* Member key of object. Errors: BAD_DATA when absent, of another kind or out of min..max. */
WEIR_MUST_USE enum weir_code json_get_i64(const struct json *object, const char *key, int64_t min,
	int64_t max, int64_t *out, struct weir_err *err);
WEIR_MUST_USE enum weir_code json_get_bool(
	const struct json *object, const char *key, bool *out, struct weir_err *err);
/* *out ends with a NUL. */
WEIR_MUST_USE enum weir_code json_get_text(
	const struct json *object, const char *key, const char **out, struct weir_err *err);
WEIR_MUST_USE enum weir_code json_get_array(
	const struct json *object, const char *key, const struct json **out, struct weir_err *err);
WEIR_MUST_USE enum weir_code json_get_object(
	const struct json *object, const char *key, const struct json **out, struct weir_err *err);

/* The value itself, for the items of an array. Errors: BAD_DATA. */
WEIR_MUST_USE enum weir_code json_as_i64(
	const struct json *value, int64_t min, int64_t max, int64_t *out, struct weir_err *err);
WEIR_MUST_USE enum weir_code json_as_text(
	const struct json *value, const char **out, struct weir_err *err);

/*
 * Writer: compact JSON appended to out. Commas come by themselves; an error (out's cap, memory)
 * stays in out->failed. Calls out of order, as a key outside of an object, are bugs. Bytes that are
 * not UTF-8 are written as U+FFFD.
 */
struct json_writer {
	struct buf *out;
	uint64_t is_object, has_items; /* bit n: the n-th level open */
	int depth;
	bool after_key;
};
void json_writer_init(struct json_writer *writer, struct buf *out);
void json_write_object(struct json_writer *writer);
void json_write_array(struct json_writer *writer);
void json_write_end(struct json_writer *writer); /* of the innermost object or array */
void json_write_key(struct json_writer *writer, const char *key);
void json_write_text(struct json_writer *writer, struct slice text);
void json_write_str(struct json_writer *writer, const char *text); /* NULL: null */
void json_write_i64(struct json_writer *writer, int64_t number);
void json_write_double(struct json_writer *writer, double number); /* null unless finite */
void json_write_bool(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);

/* True for UTF-8 without zero bytes: what JSON text carries unchanged. */
bool json_text_ok(struct slice text);
