/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include <string.h>

static const struct column columns[] = {
	{"context", COLUMN_TEXT, "Name."},
	{"chosen", COLUMN_BOOL, "Whether commands take it when no option or variable says so."},
	{"brokers", COLUMN_TEXT, "bootstrap.servers; null where it is not set."},
	{"confirm", COLUMN_TEXT, "always: every change asks; null where it is not set."},
	{"prompt", COLUMN_TEXT, "Colour of its name; null where it is not set."},
	{"origin", COLUMN_TEXT, "File and line that it begins in."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir context list", "Lists the contexts."},
	{"weir context list -O json | jq -r '.[] | select(.chosen).context'",
		"Prints the chosen one."},
	{NULL, NULL},
};

static enum weir_code context_list_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_context_list = {
	.path = "context list",
	.summary = "Lists the contexts of the configuration file.",
	.columns = columns,
	.examples = examples,
	.run = context_list_run,
};

static void put_value(
	struct table *table, const struct config_file *config, const char *context, const char *key)
{
	const struct config_entry *e = config_file_find(config, context, key);
	table_text(table, e ? e->value : NULL);
}

static enum weir_code context_list_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	enum weir_code code = ctx_read_config(ctx, err);
	if (code != WEIR_OK) {
		return code;
	}
	const struct config_file *config = &ctx->config;
	const struct config_entry *usual = config_file_find(config, NULL, "default-context");
	bool alone = !usual && config->context_count == 1 &&
		     !config_file_find(config, NULL, "bootstrap.servers");
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < config->context_count; i++) {
		const struct config_context *context = &config->contexts[i];
		table_text(table, context->name);
		table_bool(table, alone || (usual && strcmp(usual->value, context->name) == 0));
		put_value(table, config, context->name, "bootstrap.servers");
		put_value(table, config, context->name, "confirm");
		put_value(table, config, context->name, "prompt");
		table_text(table, context->origin);
	}
	table_end(&table);
	return WEIR_OK;
}
