/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests on values that are JSON:
 *
 *   .a.b            there is such a member (null counts)
 *   .a[0].b==5      == = != < <= > >= with a number, true, false, null or text ("text" or bare)
 *   ."odd name"~RE  text (or a number's digits) has a match
 *   .list[]==x      [] is any of an array's items
 *
 * Numbers are compared as numbers, text by its bytes; different kinds are unequal, and neither is
 * the greater one. Of several places (with []) one has to do, for != too. A value that is not JSON
 * passes no test.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"

struct json_test;

/* text begins with ".". Errors: USAGE. */
WEIR_MUST_USE enum weir_code json_test_new(
	const char *text, struct json_test **test, struct weir_err *err);
void json_test_free(struct json_test **test);
/* Errors: TOO_LARGE of a regular expression. */
WEIR_MUST_USE enum weir_code json_test_match(
	struct json_test *test, struct slice value, bool *matches, struct weir_err *err);

/* < <= > >= == = != ~ */
enum compare {
	COMPARE_NONE,
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_LT,
	COMPARE_LE,
	COMPARE_GT,
	COMPARE_GE,
	COMPARE_RE
};
/* The operator at the start of *text, which is moved behind it; NONE: there is none. */
enum compare compare_take(const char **text);
/* Whether an order of <0, 0, >0 is what op asks for. */
bool compare_holds(enum compare op, int order);
