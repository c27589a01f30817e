/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command, declared once: dispatch, help, manual pages, completion and tests read this entry.
 * Adding one: a file cli/<name>.c with its entry at the top, a line in cli/commands.def, a line in
 * cli/local.mk; HACKING has the rest.
 */
#pragma once

#include "cli/context.h"
#include "cli/options.h"
#include "cli/table.h"

enum { POSITIONAL_MANY = -1 };

struct example {
	const char *line; /* as typed; NULL ends the list */
	const char *text; /* what it does */
};

struct command {
	const char *path;		    /* "topic create" */
	const char *summary;		    /* one sentence */
	const char *details;		    /* more sentences, or NULL */
	const char *positional;		    /* "TOPIC [FILE...]"; NULL: none */
	int positional_min, positional_max; /* max POSITIONAL_MANY: any number */
	const char *rest; /* what may stand behind "--" ("CMD [ARG...]"); NULL: arguments too */
	bool raw;	  /* all words behind the path are the command's own: ctx->rest, unparsed */
	const struct opt *opts; /* NULL: none */
	size_t args_size;	/* of the struct that opts fill */
	/* Changes topics, settings or groups without asking for itself: dispatch asks where the
	 * context says "confirm = always". */
	bool changes;
	/* Readies ctx before run (NEEDS_CLIENT of cli/connect.h); NULL: nothing needed. */
	enum weir_code (*needs)(struct ctx *ctx, struct weir_err *err);
	const struct column *columns; /* of the table it prints, for -O schema; may be NULL */
	/* Instead of columns where they depend on the options. */
	const struct column *(*columns_of)(const void *args);
	const char *schema; /* JSON schema where the output is no table; may be NULL */
	const struct example *examples;
	/* args: the filled struct. Prints to ctx->out only; errors are returned, never printed. */
	enum weir_code (*run)(void *args, struct ctx *ctx, struct weir_err *err);
};

/* All commands, sorted by path; NULL at the end. */
extern const struct command *const commands[];

/* Exact path of count words; NULL if none. */
const struct command *command_find(const char *const *words, size_t count);
/* The columns of its table when no option asks for another one; NULL: it prints none. */
const struct column *command_columns(const struct command *command);
/* True when some command's path begins with these words and goes on. */
bool command_is_group(const char *const *words, size_t count);
