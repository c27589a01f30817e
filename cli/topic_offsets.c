/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"
#include "cli/topic_offset.h"
#include "core/base/mem.h"

struct topic_offsets_args {
	const char *offset, *partitions;
	bool committed, regex;
};

static const struct opt opts[] = {
	OPT_STR(struct topic_offsets_args, offset, .name = "offset", .letter = 'o', .arg = "PLACE",
		.help = "Also the offset of this place: start, end, N, -N, +N, @TIME, or "
			"P=PLACE,... ."),
	OPT_STR(struct topic_offsets_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "LIST", .help = "Only these partitions, as 0,2-4."),
	OPT_BOOL(struct topic_offsets_args, committed, .name = "committed",
		.help = "The end leaves out records of open transactions."),
	OPT_BOOL(struct topic_offsets_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"start", COLUMN_NUMBER, "First offset that is kept."},
	{"end", COLUMN_NUMBER, "Offset behind the last one."},
	{"offset", COLUMN_NUMBER, "Offset of the place that -o names; null without -o."},
	{"timestamp", COLUMN_TIME, "Time of the record found by -o @TIME; else null."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic offsets orders", "Shows where each partition begins and ends."},
	{"weir topic offsets orders -o @-1h", "Shows where the last hour begins."},
	{"weir topic offsets orders -O jsonl | jq -s 'map(.end - .start) | add'",
		"Counts the offsets in use."},
	{NULL, NULL},
};

static enum weir_code topic_offsets_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_offsets = {
	.path = "topic offsets",
	.summary = "Shows the offsets of partitions.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_offsets_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = topic_offsets_run,
};

static void put_spot(struct table *table, struct outcome *outcome, const char *topic,
	int32_t partition, const struct topic_spot *spot)
{
	table_text(table, topic);
	table_number(table, partition);
	table_known(table, spot->start);
	table_known(table, spot->end);
	table_known(table, spot->offset);
	table_known(table, spot->timestamp);
	char *what = mem_printf("topic \"%s\" partition %d", topic, (int)partition);
	outcome_cells(outcome, table, "ok", what, spot->error, slice_of(NULL, 0));
	mem_free(what);
}

static enum weir_code put_topic(struct client *client, const struct client_topic *topic,
	const struct topic_offsets_args *args, const struct topic_places *places,
	struct table *table, struct outcome *outcome, struct weir_err *err)
{
	struct topic_spot *spots = mem_array((size_t)topic->partition_count + 1, sizeof(*spots));
	enum weir_code code =
		topic_choose_spots(args->partitions, spots, topic->partition_count, err);
	if (code == WEIR_OK) {
		code = topic_places_find(client, topic, places, args->committed, spots, err);
	}
	for (int32_t p = 0; code == WEIR_OK && p < topic->partition_count; p++) {
		if (spots[p].chosen) {
			put_spot(table, outcome, topic->name, p, &spots[p]);
		}
	}
	mem_free(spots);
	return code;
}

static void put_missing(struct ctx *ctx, const struct topic_pick *pick,
	const struct topic_item *item, struct outcome *outcome, struct table *table)
{
	table_text(table, item->name);
	for (int i = 0; i < 5; i++) {
		table_null(table);
	}
	topic_missing_cells(ctx, pick, item, outcome, table);
}

static enum weir_code topic_offsets_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_offsets_args *a = args;
	struct client *client;
	struct topic_pick pick;
	struct topic_places places;
	enum weir_code code = topic_places_parse(a->offset, &places, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code != WEIR_OK) {
		topic_places_fini(&places);
		return code;
	}
	code = topic_pick(client, ctx->words, ctx->word_count, a->regex, false, &pick, err);
	if (code == WEIR_OK) {
		struct outcome outcome = {0};
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; code == WEIR_OK && i < pick.count; i++) {
			const struct topic_item *item = &pick.items[i];
			if (item->topic) {
				code = put_topic(
					client, item->topic, a, &places, table, &outcome, err);
			} else {
				put_missing(ctx, &pick, item, &outcome, table);
			}
		}
		table_end(&table);
		code = code == WEIR_OK ? outcome_end(&outcome, err) : code;
	}
	topic_pick_fini(&pick);
	topic_places_fini(&places);
	return code;
}
