/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

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

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"id", COLUMN_TEXT, "Topic id; null where none was made."},
	{"partitions", COLUMN_NUMBER, "Number of partitions; null where the broker does not tell."},
	{"replicas", COLUMN_NUMBER, "Copies of each; null where the broker does not tell."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
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
	.columns = columns,
	.examples = examples,
	.run = topic_create_run,
};

struct create {
	struct create_topics_request request;
	struct create_topics_request_creatable_topic_config *configs;
	char **keys;
	size_t config_count;
};

static enum weir_code build_configs(
	struct create *create, const struct opt_list *pairs, struct weir_err *err)
{
	create->configs = mem_array(pairs->count + 1, sizeof(*create->configs));
	create->keys = mem_array(pairs->count + 1, sizeof(*create->keys));
	for (size_t i = 0; i < pairs->count; i++) {
		const char *value;
		char **key = &create->keys[i];
		if (topic_split_pair(pairs->items[i], key, &value, err) != WEIR_OK) {
			return err_wrap(err, "-c");
		}
		create->config_count++;
		create->configs[i] = (struct create_topics_request_creatable_topic_config){
			.name = slice_str(*key), .value = slice_str(value)};
	}
	return WEIR_OK;
}

static void build_topics(
	struct create *create, const struct topic_create_args *args, const struct ctx *ctx)
{
	struct create_topics_request *request = &create->request;
	wire_defaults(&create_topics_request_message, request);
	request->timeout_ms = topic_timeout_ms(ctx);
	request->validate_only = ctx->globals.dry_run;
	request->topics = mem_array(ctx->word_count, sizeof(*request->topics));
	for (size_t i = 0; i < ctx->word_count; i++) {
		bool twice = false;
		for (size_t k = 0; k < i && !twice; k++) {
			twice = strcmp(ctx->words[i], ctx->words[k]) == 0;
		}
		if (twice) {
			continue;
		}
		request->topics[request->topics_count++] =
			(struct create_topics_request_creatable_topic){
				.name = slice_str(ctx->words[i]),
				.num_partitions = args->partitions,
				.replication_factor = (int16_t)args->replicas,
				.configs = create->configs,
				.configs_count = (int32_t)create->config_count};
	}
}

static void put_row(struct ctx *ctx, struct table *table, struct outcome *outcome,
	const struct create_topics_response_creatable_topic_result *result, bool if_not_exists)
{
	char id[UUID_TEXT_LEN + 1];
	uuid_format(result->topic_id, id);
	bool made = !result->error_code;
	bool there = if_not_exists && result->error_code == WEIR_TOPIC_ALREADY_EXISTS;
	table_slice(table, result->name);
	bool has_id = made && !ctx->globals.dry_run && !uuid_is_zero(result->topic_id);
	table_text(table, has_id ? id : NULL);
	if (made && result->num_partitions >= 0) {
		table_number(table, result->num_partitions);
		table_number(table, result->replication_factor);
	} else {
		table_null(table);
		table_null(table);
	}
	char *what = mem_printf(
		"topic \"%.*s\"", (int)result->name.len, (const char *)result->name.data);
	const char *done = there ? "exists" : ctx->globals.dry_run ? "would create" : "created";
	outcome_cells(outcome, table, done, what,
		there ? WEIR_OK : err_info(result->error_code)->code, result->error_message);
	mem_free(what);
}

static enum weir_code send(
	struct ctx *ctx, const struct create *create, bool if_not_exists, struct weir_err *err)
{
	struct client *client;
	struct arena arena;
	struct create_topics_response response = {0};
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = client_call(client, CLIENT_CONTROLLER, REQUEST_CREATE_TOPICS, &create->request,
		&arena, &response, NULL, err);
	if (code == WEIR_OK) {
		struct outcome outcome = {0};
		struct table *table = table_new(ctx, columns);
		for (int32_t i = 0; i < response.topics_count; i++) {
			put_row(ctx, table, &outcome, &response.topics[i], if_not_exists);
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
	struct create create = {0};
	enum weir_code code = build_configs(&create, &a->configs, err);
	if (code == WEIR_OK) {
		build_topics(&create, a, ctx);
		code = send(ctx, &create, a->if_not_exists, err);
	}
	for (size_t i = 0; i < create.config_count; i++) {
		mem_free(create.keys[i]);
	}
	mem_free(create.keys);
	mem_free(create.configs);
	mem_free(create.request.topics);
	return code;
}
