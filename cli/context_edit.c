/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weir context add, rm, use: what changes the configuration file. */
#include "cli/command.h"
#include "cli/config_edit.h"
#include "core/base/mem.h"
#include "core/base/near.h"

#include <string.h>

static const struct column columns[] = {
	{"context", COLUMN_TEXT, "Name; null where none is chosen any more."},
	{"result", COLUMN_TEXT, "What became of it."},
	{"file", COLUMN_TEXT, "The configuration file."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example add_examples[] = {
	{"weir context add dev -b localhost:9092", "Adds a context."},
	{"weir context add prod bootstrap.servers=k1:9092,k2:9092 confirm=always prompt=red",
		"Adds one in which every change asks."},
	{NULL, NULL},
};
static const struct example rm_examples[] = {
	{"weir context rm dev", "Takes a context out, after asking."},
	{NULL, NULL},
};
static const struct example use_examples[] = {
	{"weir context use dev", "Has commands take a context when they are told none."},
	{"weir context use -", "Has them take none."},
	{NULL, NULL},
};

static enum weir_code context_add_run(void *args, struct ctx *ctx, struct weir_err *err);
static enum weir_code context_rm_run(void *args, struct ctx *ctx, struct weir_err *err);
static enum weir_code context_use_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_context_add = {
	.path = "context add",
	.summary = "Adds a context to the configuration file.",
	.details = "-b and -X are taken into it too.",
	.positional = "NEW [KEY=VALUE...]",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.columns = columns,
	.examples = add_examples,
	.run = context_add_run,
};
const struct command cmd_context_rm = {
	.path = "context rm",
	.summary = "Takes a context out of the configuration file.",
	.details = "Asks first, unless -y is given.",
	.positional = "CONTEXT",
	.positional_min = 1,
	.positional_max = 1,
	.columns = columns,
	.examples = rm_examples,
	.run = context_rm_run,
};
const struct command cmd_context_use = {
	.path = "context use",
	.summary = "Chooses the context that commands take when they are told none.",
	.details = "Writes default-context into the configuration file; - takes it out.",
	.positional = "CONTEXT",
	.positional_min = 1,
	.positional_max = 1,
	.columns = columns,
	.examples = use_examples,
	.run = context_use_run,
};

static void report(struct ctx *ctx, const char *name, const char *done, const char *path)
{
	struct table *table = table_new(ctx, columns);
	table_text(table, name);
	table_text(table, done);
	table_text(table, path);
	table_end(&table);
}

static enum weir_code find_context(struct ctx *ctx, const char *name,
	const struct config_context **context, struct weir_err *err)
{
	struct near near;
	*context = config_file_context(&ctx->config, name);
	if (*context) {
		return WEIR_OK;
	}
	near_init(&near, name);
	for (size_t i = 0; i < ctx->config.context_count; i++) {
		near_offer(&near, ctx->config.contexts[i].name);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean %s?", near.best);
	}
	return err_set(err, WEIR_NOT_FOUND, "no context \"%s\"", name);
}

/* ---- add ---- */

static enum weir_code add_props(const struct ctx *ctx, struct props *props, struct weir_err *err)
{
	if (ctx->globals.brokers) {
		props_add(props, "bootstrap.servers", ctx->globals.brokers, "");
	}
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; code == WEIR_OK && i < ctx->globals.sets.count; i++) {
		code = props_add_pair(props, ctx->globals.sets.items[i], "", err);
	}
	for (size_t i = 1; code == WEIR_OK && i < ctx->word_count; i++) {
		code = props_add_pair(props, ctx->words[i], "", err);
	}
	for (size_t i = 0; code == WEIR_OK && i < props->count; i++) {
		const char *key = props->items[i].key;
		if (key[strcspn(key, " \t\r\n:#![]\\")]) {
			code = err_set(err, WEIR_USAGE, "\"%s\" is no name of a property", key);
		}
	}
	return code;
}

static enum weir_code context_add_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct props props = {NULL, 0};
	const char *name = ctx->words[0];
	char *path = NULL;
	enum weir_code code = config_context_name(name, err);
	if (code == WEIR_OK) {
		code = add_props(ctx, &props, err);
	}
	/* A file that was named need not be there yet. */
	struct weir_err missing;
	if (code == WEIR_OK) {
		code = ctx_read_config(ctx, &missing);
		code = code == WEIR_NOT_FOUND ? WEIR_OK
		       : code == WEIR_OK      ? code
					      : err_set(err, code, "%s", missing.text);
	}
	const struct config_context *there = config_file_context(&ctx->config, name);
	if (code == WEIR_OK && there) {
		code = err_set(err, WEIR_EXISTS, "context \"%s\" exists: %s", name, there->origin);
	}
	if (code == WEIR_OK) {
		code = config_edit_path(ctx, &path, err);
	}
	if (code == WEIR_OK && !ctx->globals.dry_run) {
		code = config_edit_add(path, name, &props, err);
	}
	if (code == WEIR_OK) {
		report(ctx, name, ctx->globals.dry_run ? "would add" : "added", path);
	}
	props_fini(&props);
	mem_free(path);
	return code;
}

/* ---- rm ---- */

static enum weir_code context_rm_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *name = ctx->words[0];
	const struct config_context *context = NULL;
	char *path = NULL;
	enum weir_code code = ctx_read_config(ctx, err);
	if (code == WEIR_OK) {
		code = find_context(ctx, name, &context, err);
	}
	if (code == WEIR_OK) {
		code = config_edit_path(ctx, &path, err);
	}
	if (code == WEIR_OK && strcmp(context->file, path) != 0) {
		code = err_set(err, WEIR_USAGE, "context \"%s\" is in an included file: %s", name,
			context->origin);
	}
	if (code == WEIR_OK && !ctx->globals.dry_run) {
		char *question = mem_printf("Take context %s out of %s?", name, path);
		code = ctx_confirm(ctx, question, err);
		mem_free(question);
		if (code == WEIR_OK) {
			code = config_edit_remove(path, name, err);
		}
	}
	if (code == WEIR_OK) {
		report(ctx, name, ctx->globals.dry_run ? "would remove" : "removed", path);
	}
	mem_free(path);
	return code;
}

/* ---- use ---- */

static enum weir_code context_use_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *name = strcmp(ctx->words[0], "-") == 0 ? NULL : ctx->words[0];
	const struct config_context *context;
	char *path = NULL;
	enum weir_code code = ctx_read_config(ctx, err);
	if (code == WEIR_OK && name) {
		code = find_context(ctx, name, &context, err);
	}
	if (code == WEIR_OK) {
		code = config_edit_path(ctx, &path, err);
	}
	if (code == WEIR_OK && !ctx->globals.dry_run) {
		code = config_edit_default(path, name, err);
	}
	if (code == WEIR_OK) {
		report(ctx, name, ctx->globals.dry_run ? "would choose" : "chosen", path);
	}
	mem_free(path);
	return code;
}
