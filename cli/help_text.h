/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of commands and options as help: text, JSON, and the generated part of manual pages.
 */
#pragma once

#include "cli/context.h"

/*
 * Help on command; command NULL: on the commands that begin with prefix ("" = all). Long: the
 * manual page when standard output is a terminal and the page is installed, else text with every
 * option. Follows -O json.
 */
WEIR_MUST_USE enum weir_code help_show(struct ctx *ctx, const struct command *command,
	const char *prefix, bool in_full, struct weir_err *err);

void help_print_options(struct out *out, const struct opt *opts);
void help_print_exit(struct ctx *ctx);
/* All commands, global options and exit statuses as one object, on one line; command: only that
 * one. */
void help_print_json(struct out *out, const struct command *command);
/* A file of all broker settings, commented out, at their defaults. */
void help_print_settings(struct out *out);
/* Replaces itself with man(1) in a child and waits; false when there is no such page. */
bool help_open_page(struct ctx *ctx, const char *page);
