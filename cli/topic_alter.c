/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/settings.h"
#include "cli/topic_common.h"
#include "core/base/mem.h"

struct topic_alter_args {
	struct opt_list set, unset;
	bool regex;
};

static const struct opt opts[] = {
	OPT_LIST(struct topic_alter_args, set, .name = "setting", .letter = 'c', .arg = "KEY=VALUE",
		.help = "Sets a topic setting; may repeat."),
	OPT_LIST(struct topic_alter_args, unset, .name = "delete", .letter = 'd', .arg = "KEY",
		.help = "Takes a topic setting back to the broker's default; may repeat."),
	OPT_BOOL(struct topic_alter_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	SETTINGS_CHANGE_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic alter orders -c retention.ms=86400000", "Keeps records for a day."},
	{"weir topic alter orders -c cleanup.policy=compact -d retention.ms --dry-run",
		"Shows what would change, old value and new."},
	{"weir topic alter --regex 'test-.*' -c retention.ms=3600000", "Alters many topics."},
	{NULL, NULL},
};

static enum weir_code topic_alter_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_alter = {
	.path = "topic alter",
	.summary = "Changes the settings of topics.",
	.details = "All changes to one topic are made, or none. "
		   "Each is reported on a line with the value before and after.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_alter_args),
	.needs = NEEDS_CLIENT,
	.changes = true,
	.columns = columns,
	.examples = examples,
	.run = topic_alter_run,
};

static void put_missing(struct ctx *ctx, const struct topic_pick *pick,
	const struct topic_item *item, struct outcome *outcome, struct table *table)
{
	table_text(table, item->name);
	table_null(table);
	table_null(table);
	table_null(table);
	topic_missing_cells(ctx, pick, item, outcome, table);
}

/* Runs of topics that are there are altered together; the order of the words is kept. */
static enum weir_code alter(struct ctx *ctx, struct client *client, const struct topic_pick *pick,
	const struct settings_change *changes, size_t change_count, struct weir_err *err)
{
	struct outcome outcome = {0};
	struct table *table = table_new(ctx, columns);
	struct settings_of *of = mem_array(pick->count + 1, sizeof(*of));
	enum weir_code code = WEIR_OK;
	size_t run = 0;
	for (size_t i = 0; code == WEIR_OK && i <= pick->count; i++) {
		bool there = i < pick->count && pick->items[i].topic;
		if (there) {
			const char *name = pick->items[i].name;
			of[run++] = (struct settings_of){SETTINGS_OF_TOPIC, name, name};
			continue;
		}
		if (run) {
			code = settings_alter(
				ctx, client, of, run, changes, change_count, table, &outcome, err);
			run = 0;
		}
		if (code == WEIR_OK && i < pick->count) {
			put_missing(ctx, pick, &pick->items[i], &outcome, table);
		}
	}
	table_end(&table);
	mem_free(of);
	return code == WEIR_OK ? outcome_end(&outcome, err) : code;
}

static enum weir_code topic_alter_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_alter_args *a = args;
	struct client *client;
	struct settings_change *changes;
	size_t count;
	struct topic_pick pick;
	enum weir_code code = settings_changes_parse(
		a->set.items, a->set.count, &a->unset, &changes, &count, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code == WEIR_OK) {
		code = topic_pick(client, ctx->words, ctx->word_count, a->regex, false, &pick, err);
		if (code == WEIR_OK) {
			code = alter(ctx, client, &pick, changes, count, err);
		}
		topic_pick_fini(&pick);
	}
	settings_changes_fini(&changes, count);
	return code;
}
