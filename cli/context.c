/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/context.h"

#include "cli/command.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const output_names[] = {"text", "json", "jsonl", "tsv", "schema", NULL};
static const char *const color_names[] = {"auto", "always", "never", NULL};

const struct opt global_opts[] = {
	OPT_STR(struct globals, brokers, .name = "brokers", .letter = 'b', .arg = "LIST",
		.env = "WEIR_BROKERS", .help = "Brokers to ask first, as HOST[:PORT],... ."),
	OPT_STR(struct globals, context, .name = "context", .letter = 'x', .arg = "CONTEXT",
		.env = "WEIR_CONTEXT",
		.help = "Takes client properties from this context of the configuration file; -: "
			"from none."),
	OPT_LIST(struct globals, sets, .name = "set", .letter = 'X', .arg = "KEY=VALUE",
		.help = "Sets a client property by Kafka's name; may repeat."),
	OPT_STR(struct globals, config, .name = "config", .letter = 'F', .arg = "FILE",
		.env = "WEIR_CONFIG", .help = "Reads client properties from FILE."),
	OPT_STR(struct globals, dir, .name = "dir", .arg = "PATH", .env = "WEIR_DIR",
		.help = "Works on a data directory instead of a broker."),
	OPT_LIST(struct globals, resolves, .name = "resolve", .arg = "ADDRESS=REAL",
		.help = "Connects to REAL where ADDRESS (HOST[:PORT]) is asked for or advertised; "
			"may repeat."),
	OPT_CHOICE(struct globals, output, .name = "output", .letter = 'O', .arg = "FORM",
		.choices = output_names, .def = "text", .help = "Form of what is printed."),
	OPT_BOOL(struct globals, no_header, .name = "no-header",
		.help = "Leaves out the head line of a table."),
	OPT_BOOL(struct globals, quiet, .name = "quiet", .letter = 'q',
		.help = "No notes or warnings on standard error."),
	OPT_COUNT(struct globals, verbose, .name = "verbose", .letter = 'v',
		.help = "Notes on standard error even when it is no terminal; twice: every request "
			"and "
			"answer, cut; three times: whole."),
	OPT_CHOICE(struct globals, color, .name = "color", .arg = "WHEN", .choices = color_names,
		.def = "auto", .help = "Colour in tables."),
	OPT_DURATION(struct globals, timeout_ms, .name = "timeout", .arg = "TIME", .def = "30s",
		.min = 1, .max = INT32_MAX,
		.help = "Longest time for one request, retries included."),
	OPT_BOOL(struct globals, yes, .name = "yes", .letter = 'y',
		.help = "Answers yes to every question."),
	OPT_BOOL(struct globals, dry_run, .name = "dry-run",
		.help = "Shows what would change, changes nothing."),
	OPT_BOOL(struct globals, help_short, .name = "usage", .letter = 'h',
		.help = "Short help with examples."),
	OPT_BOOL(struct globals, help_long, .name = "help", .help = "The manual page."),
	OPT_BOOL(struct globals, version, .name = "version", .letter = 'V',
		.help = "Prints the version."),
	OPT_END,
};

void ctx_init(struct ctx *ctx)
{
	*ctx = (struct ctx){.command = NULL};
	opts_set_defaults(global_opts, &ctx->globals);
	out_init(&ctx->out, STDOUT_FILENO);
}

void ctx_fini(struct ctx *ctx)
{
	if (ctx->close) {
		ctx->close(ctx);
	}
	props_fini(&ctx->props);
	config_file_fini(&ctx->config);
	mem_free(ctx->context_origin);
	opts_fini(global_opts, &ctx->globals);
	out_fini(&ctx->out);
}

void ctx_ready(struct ctx *ctx)
{
	struct globals *g = &ctx->globals;
	const char *term = ctx_env("TERM");
	bool plain = ctx_env("NO_COLOR") || (term && strcmp(term, "dumb") == 0);
	ctx->out.color =
		g->color == COLOR_ALWAYS || (g->color == COLOR_AUTO && ctx->out.tty && !plain);
	ctx->notices = !g->quiet && (g->verbose > 0 || isatty(STDERR_FILENO) == 1);
}

const char *ctx_dir(const struct ctx *ctx)
{
	const struct globals *g = &ctx->globals;
	/* A flag is stronger than a variable that says something else. */
	bool elsewhere = g->brokers || (g->context && strcmp(g->context, "-") != 0);
	return g->dir ? g->dir : elsewhere ? NULL : ctx_env("WEIR_DIR");
}

bool ctx_take_topic(struct ctx *ctx)
{
	if (!ctx->word_count && ctx_env("WEIR_TOPIC")) {
		ctx->topic_word = ctx_env("WEIR_TOPIC");
		ctx->words = &ctx->topic_word;
		ctx->word_count = 1;
	}
	return ctx->word_count > 0;
}

void ctx_notice(const struct ctx *ctx, const char *fmt, ...)
{
	if (ctx->notices) {
		va_list args;
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
	}
}

void ctx_warn(const struct ctx *ctx, const char *fmt, ...)
{
	if (!ctx->globals.quiet) {
		va_list args;
		va_start(args, fmt);
		fprintf(stderr, "weir: %s: warning: ", ctx->command ? ctx->command->path : "");
		vfprintf(stderr, fmt, args);
		fputc('\n', stderr);
		va_end(args);
	}
}

enum weir_code ctx_confirm(struct ctx *ctx, const char *question, struct weir_err *err)
{
	if (ctx->globals.yes) {
		return WEIR_OK;
	}
	if (isatty(STDIN_FILENO) != 1) {
		hint_set(&ctx->hint, "-y answers yes");
		return err_set(
			err, WEIR_USAGE, "%s Standard input is no terminal to ask on", question);
	}
	if (ctx->context) {
		const char *code = ctx->prompt ? ctx_color_code(ctx->prompt) : NULL;
		bool colored = code && ctx->globals.color != COLOR_NEVER && !ctx_env("NO_COLOR");
		fprintf(stderr, colored ? "\x1b[%sm%s\x1b[0m: " : "%s%s: ", colored ? code : "",
			ctx->context);
	}
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	char answer[16];
	ssize_t n = read(STDIN_FILENO, answer, sizeof(answer));
	if (n > 0 && (answer[0] == 'y' || answer[0] == 'Y')) {
		return WEIR_OK;
	}
	return err_set(err, WEIR_STOPPED, "not confirmed, nothing was changed");
}
