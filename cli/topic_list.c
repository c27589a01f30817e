/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"

struct topic_list_args {
	bool internal, regex;
};

static const struct opt opts[] = {
	OPT_BOOL(struct topic_list_args, internal, .name = "internal",
		.help = "Lists internal topics and those that begin with __ too."),
	OPT_BOOL(struct topic_list_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partitions", COLUMN_NUMBER, "Number of partitions."},
	{"replicas", COLUMN_NUMBER, "Replicas of partition 0."},
	{"internal", COLUMN_BOOL, "Whether the brokers keep it for themselves."},
	{"id", COLUMN_TEXT, "Topic id; null where the broker has none."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic list", "Lists all topics but the internal ones."},
	{"weir topic list --no-header | cut -f1", "Prints the names only."},
	{"weir topic list --regex 'orders\\..*' -O json", "Lists some topics for a program."},
	{NULL, NULL},
};

static enum weir_code topic_list_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_list = {
	.path = "topic list",
	.summary = "Lists topics.",
	.details = "A TOPIC that is named is listed whether it is internal or not; one that is not "
		   "there is an error.",
	.positional = "[TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_list_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = topic_list_run,
};

static void put_row(struct table *table, const struct client_topic *topic)
{
	char id[UUID_TEXT_LEN + 1];
	uuid_format(topic->id, id);
	table_text(table, topic->name);
	table_number(table, topic->partition_count);
	table_number(table, topic_replica_count(topic));
	table_bool(table, topic->internal);
	table_text(table, uuid_is_zero(topic->id) ? NULL : id);
}

static enum weir_code missing(struct ctx *ctx, const struct topic_pick *pick,
	const struct topic_item *item, bool regex, struct weir_err *err)
{
	if (regex) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "no topic matches \"%s\"",
			item->name);
	}
	topic_hint(ctx, pick, item->name);
	return err_set(
		err, item->error, "topic \"%s\": %s", item->name, err_info((int)item->error)->text);
}

static enum weir_code topic_list_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_list_args *a = args;
	struct client *client;
	struct topic_pick pick;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	code = topic_pick(client, ctx->words, ctx->word_count, a->regex, a->internal, &pick, err);
	if (code != WEIR_OK) {
		goto out;
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; !ctx->word_count && i < pick.cluster.topic_count; i++) {
		if (a->internal || !topic_is_hidden(&pick.cluster.topics[i])) {
			put_row(table, &pick.cluster.topics[i]);
		}
	}
	for (size_t i = 0; i < pick.count; i++) {
		if (pick.items[i].topic) {
			put_row(table, pick.items[i].topic);
		} else if (code == WEIR_OK) {
			code = missing(ctx, &pick, &pick.items[i], a->regex, err);
		}
	}
	table_end(&table);
out:
	topic_pick_fini(&pick);
	return code;
}
