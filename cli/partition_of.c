/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/produce_topic.h"
#include "core/base/limits.h"
#include "core/client/client.h"

struct partition_of_args {
	const char *topic;
	int32_t count;
};

static const struct opt opts[] = {
	OPT_STR(struct partition_of_args, topic, .name = "topic", .letter = 't', .arg = "TOPIC",
		.help = "Topic whose number of partitions counts."),
	OPT_I32(struct partition_of_args, count, .name = "partitions", .letter = 'p', .arg = "N",
		.unset = -1, .min = 1, .max = LIMIT_PARTITIONS_PER_TOPIC,
		.help = "Number of partitions; then no broker is asked."),
	OPT_END,
};

static const struct column columns[] = {
	{"key", COLUMN_TEXT, "The key."},
	{"partition", COLUMN_NUMBER, "Partition of its records."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir partition-of customer-17 -t orders", "Tells where a key's records are."},
	{"weir consume orders -e -p \"$(weir partition-of k1 -t orders --no-header | cut -f2)\"",
		"Reads the partition of a key."},
	{"weir partition-of a b c -p 12", "Tells where they would be among twelve."},
	{NULL, NULL},
};

static enum weir_code partition_of_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_partition_of = {
	.path = "partition-of",
	.summary = "Tells the partition that records of a key go to.",
	.details = "That is where Java's clients and weir's own send them.",
	.positional = "KEY...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct partition_of_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = partition_of_run,
};

static enum weir_code ask_count(
	struct ctx *ctx, const char *name, int32_t *count, struct weir_err *err)
{
	struct client *client;
	const struct client_topic *topic;
	struct arena arena;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = client_topic(client, name, &arena, &topic, err);
	if (code == WEIR_OK) {
		*count = topic->partition_count;
	} else {
		code = topic_unknown(ctx, code, err);
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code partition_of_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct partition_of_args *a = args;
	int32_t count = a->count;
	if ((a->topic != NULL) == (count > 0)) {
		return err_set(err, WEIR_USAGE, "either -t TOPIC or -p N is needed");
	}
	enum weir_code code = a->topic ? ask_count(ctx, a->topic, &count, err) : WEIR_OK;
	if (code == WEIR_OK && count < 1) {
		code = err_set(err, WEIR_LEADER_NOT_AVAILABLE, "topic \"%s\" has no partitions yet",
			a->topic);
	}
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < ctx->word_count; i++) {
		table_text(table, ctx->words[i]);
		table_number(table, producer_partition_of(slice_str(ctx->words[i]), count));
	}
	table_end(&table);
	return WEIR_OK;
}
