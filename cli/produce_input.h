/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where produce gets its records from: files or standard input, as lines, by a format, or whole. */
#pragma once

#include "cli/encode.h"
#include "cli/format.h"

struct input_conf {
	const char *const *files; /* none: standard input; "-" is it too. Borrowed, as all here */
	size_t file_count;
	struct slice delim;	     /* ends a record; not empty */
	struct slice key_delim;	     /* ends the key; data NULL: records have none */
	const struct format *format; /* instead of lines; NULL: lines */
	bool whole;		     /* each file is one record */
	enum encoding encoding;	     /* of keys and values of lines and whole files */
	bool json_values;	     /* of envelopes: see envelope_conf */
	bool empty_is_null;
	const char *null_text; /* NULL: none */
	/* Called before waiting for bytes on fd that are not there yet: returns once there are
	 * some, or the file ended. An error ends the reading. */
	enum weir_code (*idle)(void *arg, int fd, struct weir_err *err);
	void *idle_arg;
};

struct input;
struct input *input_new(const struct input_conf *conf);
void input_free(struct input **input);
/*
 * Next record; *got false after the last. row: what the input does not tell is as in row_none;
 * borrowed until the next call. Errors name file and record: BAD_DATA, TOO_LARGE, IO, NOT_FOUND,
 * and idle's.
 */
WEIR_MUST_USE enum weir_code input_next(
	struct input *input, struct row *row, bool *got, struct weir_err *err);
/*
 * Next record batch of an input that is nothing but batches, as a segment file is; not mixed with
 * input_next. Its length is whole, nothing else is checked. Errors: as input_next, the place is a
 * byte's.
 */
WEIR_MUST_USE enum weir_code input_next_batch(
	struct input *input, struct slice *batch, bool *got, struct weir_err *err);
/* Name of the file that the last record or batch came from, and the batch's place in it. */
const char *input_place(const struct input *input, int64_t *pos);
/* After BAD_DATA: passes over what is left of that record. Errors: format_skip's. */
WEIR_MUST_USE enum weir_code input_skip(struct input *input, struct weir_err *err);
