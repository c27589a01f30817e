/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command gets to work with: its words, where to write, and the options that all commands
 * share. One thread.
 */
#pragma once

#include "cli/config_file.h"
#include "cli/options.h"
#include "cli/out.h"
#include "cli/props.h"

struct broker;
struct client;
struct command;

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_TSV, OUTPUT_SCHEMA };
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Options that every command takes. */
struct globals {
	const char *brokers, *context;
	struct opt_list sets;
	const char *config;
	const char *dir;
	struct opt_list resolves;
	int output; /* enum output */
	bool no_header;
	bool quiet;
	int verbose;
	int color; /* enum color */
	int64_t timeout_ms;
	bool yes;
	bool dry_run;
	bool version;
	bool help_short, help_long;
};
extern const struct opt global_opts[];

struct ctx {
	const struct command *command; /* NULL until known */
	struct out out;
	struct globals globals;
	struct props props;	   /* client properties: -X, environment, configuration file */
	struct config_file config; /* read by ctx_load_props, as the next ones */
	const char *context;	   /* that is chosen; NULL: none */
	char *context_origin;	   /* who chose it */
	bool confirm_always;	   /* asks before every change */
	const char *prompt;	   /* colour of the context; NULL: none */
	bool props_loaded;
	const char *const *words; /* positional arguments */
	size_t word_count;
	const char *topic_word; /* of ctx_take_topic */
	char *const
		*rest; /* behind "--", for commands that take a command there; NULL: none given */
	size_t rest_count;
	bool notices; /* notes and progress may go to stderr: a terminal, or -v, and not -q */
	struct trace *trace;		 /* of -vv; NULL: none */
	struct client_resolve *resolves; /* of --resolve */
	struct client *client;		 /* of commands with NEEDS_CLIENT */
	struct broker *engine;		 /* in this process, for --dir; NULL: none */
	void (*close)(struct ctx *ctx);	 /* undoes .needs; NULL: nothing to undo */
	struct hint hint;		 /* for the error that is being returned */
	int exit_status; /* what the program returns instead of the error's; 0: not set */
};

void ctx_init(struct ctx *ctx);
void ctx_fini(struct ctx *ctx);
/* Once the options are parsed: colour and notices. */
void ctx_ready(struct ctx *ctx);
/*
 * Fills ctx->props from options, environment, context and configuration file; for commands that are
 * clients. The first call does it. Errors: USAGE, NOT_FOUND, IO, BAD_DATA.
 */
WEIR_MUST_USE enum weir_code ctx_load_props(struct ctx *ctx, struct weir_err *err);
/* Only reads the file into ctx->config; ctx_load_props does it too. Errors: as above. */
WEIR_MUST_USE enum weir_code ctx_read_config(struct ctx *ctx, struct weir_err *err);
/* The value of a variable; NULL when unset or empty. */
const char *ctx_env(const char *name);
/* The SGR parameter of a colour's name, "31" for red; NULL when there is none of that name. */
const char *ctx_color_code(const char *name);

/* The data directory of --dir or WEIR_DIR; NULL when none was given. */
const char *ctx_dir(const struct ctx *ctx);

/* Makes WEIR_TOPIC ("use" of the shell) the one word of a command that was given none; whether
 * there is a word now. */
bool ctx_take_topic(struct ctx *ctx);

/* A note for people, on stderr, when ctx->notices; ends its line itself. */
void ctx_notice(const struct ctx *ctx, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* A warning: on stderr unless -q. */
void ctx_warn(const struct ctx *ctx, const char *fmt, ...) WEIR_PRINTF(2, 3);

/*
 * Asks "question [y/N]" on the terminal before something that cannot be undone; true with -y.
 * Errors: USAGE naming -y when standard input is no terminal; STOPPED when the answer is not yes.
 */
WEIR_MUST_USE enum weir_code ctx_confirm(
	struct ctx *ctx, const char *question, struct weir_err *err);
