/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Java's .properties text: lines of key=value, key:value or key value; comments after # or !; a
 * backslash before the line's end goes on in the next; \t \n \r \f, \uXXXX (to UTF-8), and \x for
 * x.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"

/* One setting, in the order of the text, and its line, from 1. Both are borrowed for the call. */
typedef enum weir_code properties_each(
	void *arg, const char *key, const char *value, int line, struct weir_err *err);

/*
 * Calls each for every line; stops at an error, whose text then begins with path:line. Errors:
 * BAD_DATA: NUL bytes, a bad \u; TOO_LARGE: above LIMIT_CONF_FILE, a line above LIMIT_CONF_LINE.
 */
WEIR_MUST_USE enum weir_code properties_read(struct slice text, const char *path,
	properties_each *each, void *arg, struct weir_err *err);
