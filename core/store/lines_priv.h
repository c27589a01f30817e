/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the small line files of core/store. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"

/* Takes one line off rest (without its "\n" or "\r\n"); false at the end. */
bool lines_next(struct slice *rest, struct slice *line);
/* Takes a decimal number and the blank after it off line; false when there is none or it doesn't
 * fit. */
bool lines_take_i64(struct slice *line, int64_t *value);
/* Takes the word up to a blank, and the blank; false when it is empty. */
bool lines_take_word(struct slice *line, struct slice *word);

/*
 * Reads "0", a count, and that many lines, each given to line(arg, ...). Absent: nothing, no error.
 * Errors: LOCAL_CORRUPT naming path and line; line's; IO.
 */
WEIR_MUST_USE enum weir_code lines_read_checkpoint(const char *path, size_t max_bytes,
	enum weir_code (*each)(void *arg, struct slice line, struct weir_err *err), void *arg,
	struct weir_err *err);
