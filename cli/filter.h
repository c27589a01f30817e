/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which records are wanted: the values of -G, all of which must hold.
 *
 *   FILTER = ["!"] TEST
 *   TEST   = k:RE | v:RE | t:RE         key, value, topic has a match of the regular expression
 *          | k=TEXT | v=TEXT | t=TEXT   is exactly TEXT
 *          | h:NAME | h:NAME=RE | h=NAME=TEXT    one of the headers of that name does
 *          | size OP N                  bytes of the value; OP: < <= > >= == !=; N as 64k, 1M
 *          | null | nokey               the value, the key is null
 *          | .PATH [OP WORD | ~RE]      of a value that is JSON; see cli/filter_json.h
 *
 * "!" negates. What is null matches nothing but null and nokey.
 */
#pragma once

#include "cli/options.h"
#include "cli/row.h"

struct filters;

/* texts: of -G. *filters NULL when there are none. Errors: USAGE, the text names the filter. */
WEIR_MUST_USE enum weir_code filters_new(
	const struct opt_list *texts, struct filters **filters, struct weir_err *err);
void filters_free(struct filters **filters);
/* Which filters are looked at: all, those that need no value, or the others. */
enum filter_part { FILTERS_ALL, FILTERS_OF_REST, FILTERS_OF_VALUE };
/* Whether row is wanted; filters may be NULL: all are. Errors: TOO_LARGE of a regular expression.
 */
WEIR_MUST_USE enum weir_code filters_match(struct filters *filters, enum filter_part part,
	const struct row *row, bool *wanted, struct weir_err *err);
/* The one key that all wanted records have; false when there may be others. filters may be NULL. */
bool filters_key(const struct filters *filters, struct slice *key);

/* For help and manual: forms and what they mean; form NULL at the end. */
struct filter_form {
	const char *form, *help;
};
extern const struct filter_form filter_forms[];
