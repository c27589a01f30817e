/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/settings.h"
#include "core/base/limits.h"

struct config_get_args {
	bool all;
};

static const struct opt opts[] = {
	OPT_BOOL(struct config_get_args, all, .name = "all", .letter = 'a',
		.help = "Also the settings that nobody set."),
	OPT_END,
};

static const struct column columns[] = {
	{"of", COLUMN_TEXT, "Whose setting: topic:NAME, broker:ID, ... ."},
	{"key", COLUMN_TEXT, "Name of the setting."},
	{"value", COLUMN_TEXT, "Value; null where it is secret or unset."},
	{"source", COLUMN_TEXT,
		"Where it was set: topic, broker, brokers (their default), file, group, ...; or "
		"default."},
	{"type", COLUMN_TEXT, "Kind of value: int, long, string, list, ... ."},
	{"read_only", COLUMN_BOOL, "Whether it cannot be changed while the broker runs."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir config get topic:orders", "Shows what is set for a topic."},
	{"weir config get topic:orders retention.ms --no-header | cut -f3",
		"Prints one value that is in force."},
	{"weir config get broker:1 --all -O json", "Lists all settings of a broker for a program."},
	{NULL, NULL},
};

static enum weir_code config_get_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_config_get = {
	.path = "config get",
	.summary = "Shows settings that the brokers keep.",
	.details = "OF is topic:NAME, broker:ID, broker:default, group:NAME, broker-logger:ID or "
		   "client-metrics:NAME. "
		   "Without KEY it shows the settings that somebody set.",
	.positional = "OF [KEY...]",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct config_get_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = config_get_run,
};

static void put_row(struct table *table, const struct settings_of *of,
	const struct describe_configs_response_describe_configs_resource_result *entry)
{
	table_text(table, of->label);
	table_slice(table, entry->name);
	table_slice(table, entry->is_sensitive ? slice_of(NULL, 0) : entry->value);
	table_text(table, settings_source_name(entry->config_source));
	table_text(table, settings_type_name(entry->config_type));
	table_bool(table, entry->read_only);
}

/* The keys that are there get their rows; the first that is not is the error. */
static enum weir_code put_keys(struct ctx *ctx, struct table *table, const struct settings_of *of,
	const struct settings *settings, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 1; i < ctx->word_count; i++) {
		const char *key = ctx->words[i];
		const struct describe_configs_response_describe_configs_resource_result *entry =
			settings_find(settings, key);
		if (entry) {
			put_row(table, of, entry);
		} else if (code == WEIR_OK) {
			settings_hint(ctx, settings, key);
			code = err_set(
				err, WEIR_NOT_FOUND, "%s has no setting \"%s\"", of->label, key);
		}
	}
	return code;
}

static enum weir_code put(struct ctx *ctx, const struct settings_of *of,
	const struct settings *settings, bool all, struct weir_err *err)
{
	if (settings->error) {
		const struct err_info *info = err_info((int)settings->error);
		struct slice text =
			settings->message.len ? settings->message : slice_str(info->text);
		return err_set(err, info->code, "%s: %.*s", of->label, (int)text.len,
			(const char *)text.data);
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; ctx->word_count == 1 && i < settings->count; i++) {
		if (all || settings_is_set(&settings->entries[i])) {
			put_row(table, of, &settings->entries[i]);
		}
	}
	enum weir_code code = put_keys(ctx, table, of, settings, err);
	table_end(&table);
	return code;
}

static enum weir_code config_get_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct config_get_args *a = args;
	struct client *client;
	struct settings_of of;
	struct settings settings;
	struct arena arena;
	enum weir_code code = settings_of_parse(ctx->words[0], &of, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = settings_ask(client, &of, 1, &arena, &settings, err);
	if (code == WEIR_OK) {
		code = put(ctx, &of, &settings, a->all, err);
	}
	arena_fini(&arena);
	return code;
}
