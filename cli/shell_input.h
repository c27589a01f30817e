/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where weir shell has its lines from: a terminal, with editing and history, or a script. */
#pragma once

#include "cli/context.h"

struct shell_input;

/* path NULL: standard input. Errors: NOT_FOUND, IO. */
WEIR_MUST_USE enum weir_code shell_input_open(
	struct ctx *ctx, const char *path, struct shell_input **input, struct weir_err *err);
void shell_input_close(struct shell_input **input); /* NULL contents are fine */

bool shell_input_is_tty(const struct shell_input *input);

/* The next line without its end, freed by mem_free; NULL at the end. more: it goes on. */
char *shell_input_line(struct shell_input *input, bool more);

/* Puts a whole line into the history, here and in its file, unless it looks like a secret's. */
void shell_input_remember(struct shell_input *input, const char *line);
