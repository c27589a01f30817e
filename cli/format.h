/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Format strings: "%k\t%s\n" prints records, and the same string reads them back.
 *
 * A format is literals, escapes (\n \t \r \0 \\ \xNN) and tokens (format_tokens.def), each with
 * modifiers in braces. For reading, a text ends where the next literal begins, or has the length
 * that a token before it gave ("%K %V %k%s"). Formats that cannot be read back without guessing
 * are refused for reading, with the reason.
 */
#pragma once

#include "cli/envelope.h"
#include "cli/out.h"
#include "cli/row.h"

enum format_field {
	FORMAT_LITERAL,
	FORMAT_VALUE,
	FORMAT_VALUE_LEN,
	FORMAT_KEY,
	FORMAT_KEY_LEN,
	FORMAT_TOPIC,
	FORMAT_TOPIC_LEN,
	FORMAT_PARTITION,
	FORMAT_OFFSET,
	FORMAT_LEADER_EPOCH,
	FORMAT_TIMESTAMP,
	FORMAT_HEADERS,
	FORMAT_HEADER_COUNT,
	FORMAT_ATTRIBUTES,
	FORMAT_PRODUCER_ID,
	FORMAT_PRODUCER_EPOCH,
	FORMAT_SEQUENCE,
	FORMAT_LOG_START,
	FORMAT_LAST_STABLE,
	FORMAT_HIGH_WATERMARK,
	FORMAT_LAG,
	FORMAT_ROW_NUMBER,
	FORMAT_ENVELOPE,
	FORMAT_HEADER_NAME,
	FORMAT_HEADER_NAME_LEN,
	FORMAT_HEADER_VALUE,
	FORMAT_HEADER_VALUE_LEN,
	FORMAT_FIELD_COUNT,
};

struct format;

/* Errors: USAGE, the text shows the place with a caret. */
WEIR_MUST_USE enum weir_code format_new(
	const char *text, struct format **format, struct weir_err *err);
void format_free(struct format **format);
/* Whether a token of field is in it (not inside %h{}). */
bool format_has(const struct format *format, enum format_field field);

struct format_style {
	const char *null_text;	       /* for null keys and values as plain text; NULL: nothing */
	const char *null_header_text;  /* for null header values; NULL: null_text */
	struct envelope_conf envelope; /* for %j */
};
/* Errors: BAD_DATA when a value does not fit its modifier ({unpack:...}, {big16}). */
WEIR_MUST_USE enum weir_code format_print(const struct format *format, const struct row *row,
	const struct format_style *style, struct out *out, struct weir_err *err);

/*
 * The path that format makes of row, in path: bytes of a token that no file name has, and a dot at
 * its start, are "_", and so is a token that is empty. Errors: format_print's.
 */
WEIR_MUST_USE enum weir_code format_path(
	const struct format *format, const struct row *row, struct buf *path, struct weir_err *err);

struct format_reader;
struct format_reader_conf {
	bool empty_is_null;    /* empty keys and values are null */
	const char *null_text; /* keys and values equal to it are null; NULL: none */
	struct envelope_conf envelope;
	size_t record_max; /* bytes of one record; 0: 1 GiB */
	/* Called before waiting for input that is not there yet; may be NULL. An error ends the
	 * reading. */
	enum weir_code (*idle)(void *arg, struct weir_err *err);
	void *idle_arg;
};
/*
 * Reads records in format (borrowed) from fd. name is the input's for error texts. Errors: USAGE
 * when the format cannot be read back, with the reason and a caret.
 */
WEIR_MUST_USE enum weir_code format_reader_new(const struct format *format, int fd,
	const char *name, const struct format_reader_conf *conf, struct format_reader **reader,
	struct weir_err *err);
void format_reader_free(struct format_reader **reader);
/*
 * After BAD_DATA: passes over the rest of the record, up to the format's last text. Errors: USAGE
 * when the format does not end with text, IO.
 */
WEIR_MUST_USE enum weir_code format_skip(struct format_reader *reader, struct weir_err *err);
/*
 * Next record; *got false at the end of the input. row: fields that the format lacks are as in
 * row_none; borrowed until the next call. A missing last literal at the end of the input is fine.
 * Errors: BAD_DATA with input, record number and field; TOO_LARGE; IO.
 */
WEIR_MUST_USE enum weir_code format_read(
	struct format_reader *reader, struct row *row, bool *got, struct weir_err *err);
