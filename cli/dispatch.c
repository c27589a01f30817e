/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/dispatch.h"

#include "cli/command.h"
#include "cli/help_text.h"
#include "cli/report.h"
#include "core/base/mem.h"
#include "core/base/near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_WORDS = 4 };

/* One run. */
struct run {
	struct ctx *ctx;
	struct opt_parser parser;
	const char *path[PATH_WORDS]; /* words of the command so far */
	size_t path_count;
	const char **words; /* positional arguments */
	size_t word_count;
	void *args;
};

static void join(const char *const *words, size_t count, char *text, size_t room)
{
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && len < room; i++) {
		len += (size_t)snprintf(text + len, room - len, "%s%s", i ? " " : "", words[i]);
	}
}

/* The word that would have gone on: of every command below the path. */
static enum weir_code unknown_word(struct run *run, const char *word, struct weir_err *err)
{
	char before[128], full[192];
	join(run->path, run->path_count, before, sizeof(before));
	snprintf(full, sizeof(full), "%s%s%s", before, run->path_count ? " " : "", word);
	struct near near, whole;
	near_init(&near, word);
	near_init(&whole, full);
	char seen[64] = "";
	for (size_t i = 0; commands[i]; i++) {
		const char *path = commands[i]->path;
		size_t len = strlen(before);
		if (strncmp(path, before, len) != 0 || (len && path[len] != ' ')) {
			continue;
		}
		path += len ? len + 1 : 0;
		char next[64];
		snprintf(next, sizeof(next), "%.*s", (int)strcspn(path, " "), path);
		if (near_offer(&near, next)) {
			snprintf(seen, sizeof(seen), "%s", next);
		}
	}
	struct hint *hint = &run->ctx->hint;
	if (near.best) {
		hint_set(hint, "did you mean \"%s%s%s\"?", before, before[0] ? " " : "", seen);
	} else {
		hint_set(
			hint, "\"weir help%s%s\" lists the commands", before[0] ? " " : "", before);
	}
	return err_set(err, WEIR_USAGE, "unknown command \"%s\"", full);
}

static enum weir_code take_path_word(struct run *run, const char *word, struct weir_err *err)
{
	if (run->path_count == PATH_WORDS) {
		return unknown_word(run, word, err);
	}
	run->path[run->path_count] = word;
	const struct command *command = command_find(run->path, run->path_count + 1);
	if (!command && !command_is_group(run->path, run->path_count + 1)) {
		return unknown_word(run, word, err);
	}
	run->path_count++;
	if (command) {
		run->ctx->command = command;
		run->args = command->args_size ? mem_new(command->args_size) : NULL;
		opts_set_defaults(command->opts, run->args);
		run->parser.opts = command->opts;
		run->parser.args = run->args;
	}
	return WEIR_OK;
}

static enum weir_code take_rest(struct run *run, struct weir_err *err)
{
	struct ctx *ctx = run->ctx;
	char **rest = run->parser.argv + run->parser.next;
	size_t count = (size_t)(run->parser.argc - run->parser.next);
	if (ctx->command && ctx->command->rest) {
		ctx->rest = rest;
		ctx->rest_count = count;
		return count ? WEIR_OK
			     : err_set(err, WEIR_USAGE, "nothing behind \"--\": %s is needed",
				       ctx->command->rest);
	}
	for (size_t i = 0; i < count; i++) {
		if (ctx->command) {
			run->words[run->word_count++] = rest[i];
			continue;
		}
		enum weir_code code = take_path_word(run, rest[i], err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

static enum weir_code parse(struct run *run, struct weir_err *err)
{
	for (;;) {
		enum opt_event event;
		const char *word;
		enum weir_code code = opts_next(&run->parser, &event, &word, err);
		if (code != WEIR_OK || event == OPT_DONE) {
			return code;
		}
		if (event == OPT_DASHES) {
			return take_rest(run, err);
		}
		if (run->ctx->command) {
			run->words[run->word_count++] = word;
			continue;
		}
		code = take_path_word(run, word, err);
		if (code != WEIR_OK) {
			return code;
		}
		if (run->ctx->command && run->ctx->command->raw) {
			run->ctx->rest = run->parser.argv + run->parser.next;
			run->ctx->rest_count = (size_t)(run->parser.argc - run->parser.next);
			return WEIR_OK;
		}
	}
}

static enum weir_code no_command(struct run *run, struct weir_err *err)
{
	char before[128];
	join(run->path, run->path_count, before, sizeof(before));
	if (!before[0]) {
		hint_set(&run->ctx->hint, "\"weir help\" lists the commands");
		return err_set(err, WEIR_USAGE, "no command given");
	}
	char list[200] = "";
	size_t len = 0;
	for (size_t i = 0; commands[i]; i++) {
		const char *path = commands[i]->path;
		if (strncmp(path, before, strlen(before)) == 0 && path[strlen(before)] == ' ' &&
			len < sizeof(list)) {
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
				len ? ", " : "", path + strlen(before) + 1);
		}
	}
	hint_set(&run->ctx->hint, "one of: %s", list);
	return err_set(err, WEIR_USAGE, "%s: which of its commands?", before);
}

static enum weir_code check_counts(const struct run *run, struct weir_err *err)
{
	const struct command *c = run->ctx->command;
	int count = (int)run->word_count;
	if (count < c->positional_min) {
		return err_set(err, WEIR_USAGE, "something is missing: weir %s %s", c->path,
			c->positional);
	}
	if (c->positional_max != POSITIONAL_MANY && count > c->positional_max) {
		return err_set(err, WEIR_USAGE, "one word too many: \"%s\"",
			run->words[c->positional_max]);
	}
	return WEIR_OK;
}

static void print_schema(const struct run *run)
{
	struct ctx *ctx = run->ctx;
	const struct command *c = ctx->command;
	const struct column *columns = c->columns_of ? c->columns_of(run->args) : c->columns;
	if (columns) {
		table_print_schema(&ctx->out, columns);
	} else {
		out_printf(&ctx->out, "%s\n", c->schema ? c->schema : "true");
	}
}

static enum weir_code confirm_change(const struct run *run, struct weir_err *err)
{
	struct buf question;
	buf_init(&question, 0);
	buf_printf(&question, "Run weir %s", run->ctx->command->path);
	for (size_t i = 0; i < run->word_count; i++) {
		buf_printf(&question, " %s", run->words[i]);
	}
	buf_add_byte(&question, '?');
	enum weir_code code = ctx_confirm(run->ctx, buf_str(&question), err);
	buf_fini(&question);
	return code;
}

static enum weir_code execute(struct run *run, struct weir_err *err)
{
	struct ctx *ctx = run->ctx;
	const struct globals *g = &ctx->globals;
	ctx_ready(ctx);
	if (g->version) {
		out_printf(&ctx->out, "weir %s\n", PACKAGE_VERSION);
		return WEIR_OK;
	}
	if (g->help_short || g->help_long) {
		char prefix[128];
		join(run->path, run->path_count, prefix, sizeof(prefix));
		return help_show(ctx, ctx->command, prefix, g->help_long, err);
	}
	if (!ctx->command) {
		return no_command(run, err);
	}
	if (g->output == OUTPUT_SCHEMA) {
		print_schema(run);
		return WEIR_OK;
	}
	enum weir_code code = check_counts(run, err);
	ctx->words = run->words;
	ctx->word_count = run->word_count;
	if (code == WEIR_OK && ctx->command->needs) {
		code = ctx->command->needs(ctx, err);
	}
	if (code == WEIR_OK && ctx->command->changes && ctx->confirm_always && !g->dry_run) {
		code = confirm_change(run, err);
	}
	if (code == WEIR_OK) {
		code = ctx->command->run(run->args, ctx, err);
	}
	return code;
}

/* -O may stand behind the word that could not be parsed. */
static bool wants_json(const struct ctx *ctx, int argc, char **argv)
{
	if (ctx->globals.output == OUTPUT_JSON || ctx->globals.output == OUTPUT_JSONL) {
		return true;
	}
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";
		const char *form = strncmp(argv[i], "--output=", 9) == 0 ? argv[i] + 9
				   : strcmp(argv[i], "--output") == 0 || strcmp(argv[i], "-O") == 0
					   ? next
				   : strncmp(argv[i], "-O", 2) == 0 ? argv[i] + 2
								    : "";
		if (strcmp(form, "json") == 0 || strcmp(form, "jsonl") == 0) {
			return true;
		}
		if (strcmp(argv[i], "--") == 0) {
			break;
		}
	}
	return false;
}

int dispatch(struct ctx *ctx, int argc, char **argv)
{
	struct run run = {.ctx = ctx};
	run.words = mem_array((size_t)argc + 1, sizeof(*run.words));
	run.parser = (struct opt_parser){.argc = argc,
		.argv = argv,
		.next = 1,
		.globals = global_opts,
		.global_args = &ctx->globals,
		.hint = &ctx->hint};
	struct weir_err err = {.code = WEIR_OK};
	enum weir_code code = parse(&run, &err);
	if (code == WEIR_OK) {
		code = execute(&run, &err);
	}
	struct weir_err flush_err;
	enum weir_code flushed = out_flush(&ctx->out, &flush_err);
	if (flushed != WEIR_OK && code == WEIR_OK) {
		code = flushed;
		err = flush_err;
	}
	int status = 0;
	if (code != WEIR_OK && ctx->out.sys_errno != EPIPE) {
		if (code == WEIR_USAGE && !ctx->hint.text[0] && ctx->command) {
			hint_set(&ctx->hint, "see \"weir help %s\"", ctx->command->path);
		}
		status = report_error(ctx, wants_json(ctx, argc, argv), code, &err);
	}
	if (ctx->command) {
		opts_fini(ctx->command->opts, run.args);
	}
	mem_free(run.args);
	mem_free((void *)run.words);
	return ctx->exit_status ? ctx->exit_status : status;
}
