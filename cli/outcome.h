/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many items in one command: each is reported in its own row, and the command fails with the first
 * failure. A table of such a command ends with OUTCOME_COLUMNS.
 */
#pragma once

#include "cli/table.h"

enum { OUTCOME_COUNT = 3 };
/* clang-format off */
#define OUTCOME_COLUMNS                                                                            \
	{"result", COLUMN_RESULT, "What became of it; \"failed\" where error is set."},              \
	{"error", COLUMN_TEXT, "Name of the error; null where there is none."},                    \
	{"message", COLUMN_TEXT, "What the error says; null where there is none."}
/* clang-format on */

struct outcome {
	size_t total, failed;
	struct weir_err first; /* failure; unset while failed is 0 */
};

/*
 * The three cells. code OK: result is done. Else what (as 'topic "x"') begins the text of the error
 * that the command ends with; message (data NULL or empty: none) is what the broker says.
 */
void outcome_cells(struct outcome *outcome, struct table *table, const char *done, const char *what,
	enum weir_code code, struct slice message);

/* OK, or the first failure and how many there were. */
WEIR_MUST_USE enum weir_code outcome_end(const struct outcome *outcome, struct weir_err *err);
