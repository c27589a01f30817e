/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions (Perl's syntax), the only door to PCRE2. Steps, memory and pattern length are
 * bounded, so that no pattern runs for ever on any text. Text is UTF-8; bytes that are not are
 * matched by nothing but what stands around them.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"

struct regex;

enum {
	REGEX_WHOLE = 1, /* has to match the text from its start to its end */
	REGEX_ICASE = 2,
};

enum {
	REGEX_LEN_MAX = 64 * 1024,    /* of a pattern, bytes: more is a mistake */
	REGEX_STEPS_MAX = 1000000,    /* of one match: some milliseconds */
	REGEX_MEMORY_KIB_MAX = 65536, /* of one match */
};

/* Errors: INVALID_REGULAR_EXPRESSION with the place (bytes from 0); TOO_LARGE. */
WEIR_MUST_USE enum weir_code regex_new(
	struct slice pattern, int flags, struct regex **regex, struct weir_err *err);
void regex_free(struct regex **regex);
/*
 * Whether text matches. Not for two threads at a time on one regex. Errors: TOO_LARGE when the
 * pattern takes too many steps on text.
 */
WEIR_MUST_USE enum weir_code regex_match(
	struct regex *regex, struct slice text, bool *matches, struct weir_err *err);
