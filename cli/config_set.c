/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/settings.h"

struct config_set_args {
	struct opt_list unset;
};

static const struct opt opts[] = {
	OPT_LIST(struct config_set_args, unset, .name = "delete", .letter = 'd', .arg = "KEY",
		.help = "Takes a setting back to what it would be otherwise; may repeat."),
	OPT_END,
};

static const struct column columns[] = {
	{"of", COLUMN_TEXT, "Whose setting: topic:NAME, broker:ID, ... ."},
	SETTINGS_CHANGE_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir config set topic:orders retention.ms=86400000", "Changes a setting of a topic."},
	{"weir config set broker:default log.retention.ms=86400000 --dry-run",
		"Shows what would change for all brokers."},
	{"weir config set broker:1 -d log.retention.ms", "Takes a setting of a broker back."},
	{NULL, NULL},
};

static enum weir_code config_set_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_config_set = {
	.path = "config set",
	.summary = "Changes settings that the brokers keep.",
	.details = "OF is topic:NAME, broker:ID, broker:default, group:NAME, broker-logger:ID or "
		   "client-metrics:NAME. "
		   "All changes are made, or none.",
	.positional = "OF [KEY=VALUE...]",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct config_set_args),
	.needs = NEEDS_CLIENT,
	.changes = true,
	.columns = columns,
	.examples = examples,
	.run = config_set_run,
};

static enum weir_code config_set_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct config_set_args *a = args;
	struct client *client;
	struct settings_change *changes = NULL;
	size_t count = 0;
	struct settings_of of;
	enum weir_code code = settings_of_parse(ctx->words[0], &of, err);
	if (code == WEIR_OK) {
		code = settings_changes_parse(
			ctx->words + 1, ctx->word_count - 1, &a->unset, &changes, &count, err);
	}
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code == WEIR_OK) {
		struct outcome outcome = {0};
		struct table *table = table_new(ctx, columns);
		code = settings_alter(ctx, client, &of, 1, changes, count, table, &outcome, err);
		table_end(&table);
		code = code == WEIR_OK ? outcome_end(&outcome, err) : code;
	}
	settings_changes_fini(&changes, count);
	return code;
}
