/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/settings.h"
#include "cli/topic_common.h"
#include "cli/topic_new.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <string.h>

struct topic_clone_args {
	int32_t partitions, replicas;
	struct opt_list configs;
	bool if_not_exists;
};

static const struct opt opts[] = {
	OPT_I32(struct topic_clone_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "N", .unset = -1, .min = 1, .max = LIMIT_PARTITIONS_PER_TOPIC,
		.help = "Number of partitions; else that of the first topic."),
	OPT_I32(struct topic_clone_args, replicas, .name = "replicas", .letter = 'r', .arg = "N",
		.unset = -1, .min = 1, .max = INT16_MAX,
		.help = "Copies of each partition; else as many as the first topic has."),
	OPT_LIST(struct topic_clone_args, configs, .name = "setting", .letter = 'c',
		.arg = "KEY=VALUE", .help = "Topic setting that is to differ; may repeat."),
	OPT_BOOL(struct topic_clone_args, if_not_exists, .name = "if-not-exists",
		.help = "A topic that is there already is no error and stays as it is."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir topic clone orders orders.new", "Creates a topic that is like another one."},
	{"weir topic clone orders orders.small -p 1 -c retention.ms=3600000 --dry-run",
		"Shows what one with a difference would be."},
	{NULL, NULL},
};

static enum weir_code topic_clone_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_clone = {
	.path = "topic clone",
	.summary = "Creates topics like another one.",
	.details = "Partitions, replicas and what is set for the topic itself are taken over; "
		   "records are not.",
	.positional = "TOPIC NEW...",
	.positional_min = 2,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_clone_args),
	.needs = NEEDS_CLIENT,
	.changes = true,
	.columns = topic_new_columns,
	.examples = examples,
	.run = topic_clone_run,
};

typedef struct create_topics_request_creatable_topic_config topic_config;

static bool has_config(const struct topic_configs *configs, struct slice name)
{
	for (size_t i = 0; i < configs->count; i++) {
		if (slice_equal(configs->items[i].name, name)) {
			return true;
		}
	}
	return false;
}

/* What is set for the topic, but for what -c sets; the array is the caller's. */
static topic_config *merge(
	const struct settings *settings, const struct topic_configs *own, size_t *count)
{
	topic_config *all = mem_array(settings->count + own->count + 1, sizeof(*all));
	*count = 0;
	for (size_t i = 0; i < own->count; i++) {
		all[(*count)++] = own->items[i];
	}
	for (size_t i = 0; i < settings->count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			&settings->entries[i];
		if (e->config_source == SETTINGS_FROM_TOPIC && !has_config(own, e->name)) {
			all[(*count)++] = (topic_config){.name = e->name, .value = e->value};
		}
	}
	return all;
}

static enum weir_code create(struct ctx *ctx, struct client *client, const struct topic_new *like,
	bool if_not_exists, struct arena *arena, struct weir_err *err)
{
	struct create_topics_response response = {0};
	size_t count = ctx->word_count - 1;
	struct topic_new *topics = mem_array(count, sizeof(*topics));
	for (size_t i = 0; i < count; i++) {
		topics[i] = *like;
		topics[i].name = ctx->words[i + 1];
	}
	enum weir_code code = topic_new_send(
		ctx, client, topics, count, ctx->globals.dry_run, arena, &response, err);
	mem_free(topics);
	if (code != WEIR_OK) {
		return code;
	}
	struct outcome outcome = {0};
	struct table *table = table_new(ctx, topic_new_columns);
	for (int32_t i = 0; i < response.topics_count; i++) {
		topic_new_row(ctx, table, &outcome, &response.topics[i], if_not_exists);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}

static enum weir_code clone(struct ctx *ctx, struct client *client,
	const struct topic_clone_args *args, const struct topic_configs *own, struct arena *arena,
	struct weir_err *err)
{
	const char *name = ctx->words[0];
	const struct client_topic *topic;
	struct settings settings;
	const struct settings_of of = {SETTINGS_OF_TOPIC, name, name};
	enum weir_code code = client_topic(client, name, arena, &topic, err);
	if (code == WEIR_OK) {
		code = settings_ask(client, &of, 1, arena, &settings, err);
	}
	if (code == WEIR_OK && settings.error) {
		code = err_set(err, settings.error, "topic \"%s\": %s", name,
			err_info((int)settings.error)->text);
	}
	if (code != WEIR_OK) {
		return code;
	}
	struct topic_new like = {.partitions = args->partitions, .replicas = args->replicas};
	like.partitions = like.partitions < 0 ? topic->partition_count : like.partitions;
	like.replicas = like.replicas < 0 ? topic_replica_count(topic) : like.replicas;
	topic_config *configs = merge(&settings, own, &like.config_count);
	like.configs = configs;
	code = create(ctx, client, &like, args->if_not_exists, arena, err);
	mem_free(configs);
	return code;
}

static enum weir_code topic_clone_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_clone_args *a = args;
	struct client *client;
	struct topic_configs own;
	struct arena arena;
	enum weir_code code = topic_configs_parse(&a->configs, &own, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code == WEIR_OK) {
		arena_init(&arena, LIMIT_FRAME_DEFAULT);
		code = clone(ctx, client, a, &own, &arena, err);
		arena_fini(&arena);
	}
	if (code == WEIR_INVALID_CONFIG && !strstr(err->text, "did you mean")) {
		topic_configs_hint(ctx, &own);
	}
	topic_configs_fini(&own);
	return code;
}
