/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_new.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <string.h>

struct topic_create_args {
	int32_t partitions, replicas;
	struct opt_list configs;
	bool if_not_exists;
};

static const struct opt opts[] = {
	OPT_I32(struct topic_create_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "N", .unset = -1, .min = 1, .max = LIMIT_PARTITIONS_PER_TOPIC,
		.help = "Number of partitions; else the broker's default."),
	OPT_I32(struct topic_create_args, replicas, .name = "replicas", .letter = 'r', .arg = "N",
		.unset = -1, .min = 1, .max = INT16_MAX,
		.help = "Copies of each partition; else the broker's default."),
	OPT_LIST(struct topic_create_args, configs, .name = "setting", .letter = 'c',
		.arg = "KEY=VALUE", .help = "Topic setting; may repeat."),
	OPT_BOOL(struct topic_create_args, if_not_exists, .name = "if-not-exists",
		.help = "A topic that is there already is no error and stays as it is."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir topic create orders", "Creates a topic as the broker's defaults have it."},
	{"weir topic create orders -p 12 -c retention.ms=86400000",
		"Creates one with 12 partitions that keeps a day."},
	{"weir topic create a b c --if-not-exists", "Makes sure that three topics are there."},
	{"weir topic create orders -p 12 --dry-run", "Asks the broker whether it would do it."},
	{NULL, NULL},
};

static enum weir_code topic_create_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_create = {
	.path = "topic create",
	.summary = "Creates topics.",
	.details = "Each topic is reported on a line; the exit status is the first failure's.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_create_args),
	.needs = NEEDS_CLIENT,
	.changes = true,
	.columns = topic_new_columns,
	.examples = examples,
	.run = topic_create_run,
};

/* Each name once. */
static size_t list_topics(const struct topic_create_args *args, const struct ctx *ctx,
	const struct topic_configs *configs, struct topic_new *topics)
{
	size_t count = 0;
	for (size_t i = 0; i < ctx->word_count; i++) {
		bool twice = false;
		for (size_t k = 0; k < i && !twice; k++) {
			twice = strcmp(ctx->words[i], ctx->words[k]) == 0;
		}
		if (!twice) {
			topics[count++] = (struct topic_new){ctx->words[i], args->partitions,
				args->replicas, configs->items, configs->count};
		}
	}
	return count;
}

static enum weir_code create(struct ctx *ctx, struct client *client, const struct topic_new *topics,
	size_t count, bool if_not_exists, struct weir_err *err)
{
	struct create_topics_response response = {0};
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = topic_new_send(
		ctx, client, topics, count, ctx->globals.dry_run, &arena, &response, err);
	if (code == WEIR_OK) {
		struct outcome outcome = {0};
		struct table *table = table_new(ctx, topic_new_columns);
		for (int32_t i = 0; i < response.topics_count; i++) {
			topic_new_row(ctx, table, &outcome, &response.topics[i], if_not_exists);
		}
		table_end(&table);
		code = outcome_end(&outcome, err);
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code topic_create_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_create_args *a = args;
	struct client *client;
	struct topic_configs configs;
	struct topic_new *topics = mem_array(ctx->word_count, sizeof(*topics));
	enum weir_code code = topic_configs_parse(&a->configs, &configs, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code == WEIR_OK) {
		size_t count = list_topics(a, ctx, &configs, topics);
		code = create(ctx, client, topics, count, a->if_not_exists, err);
	}
	if (code == WEIR_INVALID_CONFIG && !strstr(err->text, "did you mean")) {
		topic_configs_hint(ctx, &configs);
	}
	topic_configs_fini(&configs);
	mem_free(topics);
	return code;
}
