/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/outcome.h"

#include <stdio.h>

enum { MESSAGE_SHOWN_MAX = 180 };

void outcome_cells(struct outcome *outcome, struct table *table, const char *done, const char *what,
	enum weir_code code, struct slice message)
{
	outcome->total++;
	if (code == WEIR_OK) {
		table_text(table, done);
		table_null(table);
		table_null(table);
		return;
	}
	const struct err_info *info = err_info((int)code);
	if (!message.len) {
		message = slice_str(info->text);
	}
	if (!outcome->failed++) {
		size_t len = message.len < MESSAGE_SHOWN_MAX ? message.len : MESSAGE_SHOWN_MAX;
		len -= message.data[len - 1] == '.';
		(void)err_set(&outcome->first, info->code, "%s: %.*s", what, (int)len,
			(const char *)message.data);
	}
	table_text(table, "failed");
	table_text(table, info->name);
	table_slice(table, message);
}

enum weir_code outcome_end(const struct outcome *outcome, struct weir_err *err)
{
	if (!outcome->failed) {
		return WEIR_OK;
	}
	const struct weir_err *first = &outcome->first;
	if (outcome->failed == 1) {
		return err_set(err, first->code, "%s", first->text);
	}
	return err_set(err, first->code, "%s; %zu of %zu failed", first->text, outcome->failed,
		outcome->total);
}
