/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors as people and programs see them, on stderr, once. */
#pragma once

#include "cli/context.h"

/*
 * "weir: COMMAND: text (KAFKA_NAME)" and the indented hint; with json the object of CLI's error
 * form. Returns the exit status.
 */
int report_error(const struct ctx *ctx, bool json, enum weir_code code, const struct weir_err *err);

/* What the exit statuses mean; text NULL at the end. */
struct exit_status {
	int status;
	bool client; /* only of commands that talk to a broker */
	const char *text;
};
extern const struct exit_status exit_statuses[];
