/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/topic_new.h"

#include "cli/topic_common.h"
#include "core/base/mem.h"
#include "core/conf/row.h"

const struct column topic_new_columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"id", COLUMN_TEXT, "Topic id; null where none was made."},
	{"partitions", COLUMN_NUMBER, "Number of partitions; null where the broker does not tell."},
	{"replicas", COLUMN_NUMBER, "Copies of each; null where the broker does not tell."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

enum weir_code topic_new_send(struct ctx *ctx, struct client *client,
	const struct topic_new *topics, size_t count, bool validate_only, struct arena *arena,
	struct create_topics_response *response, struct weir_err *err)
{
	struct create_topics_request request;
	wire_defaults(&create_topics_request_message, &request);
	request.timeout_ms = topic_timeout_ms(ctx);
	request.validate_only = validate_only;
	request.topics_count = (int32_t)count;
	request.topics = mem_array(count + 1, sizeof(*request.topics));
	for (size_t i = 0; i < count; i++) {
		request.topics[i] = (struct create_topics_request_creatable_topic){
			.name = slice_str(topics[i].name),
			.num_partitions = topics[i].partitions,
			.replication_factor = (int16_t)topics[i].replicas,
			.configs = (void *)(uintptr_t)topics[i].configs,
			.configs_count = (int32_t)topics[i].config_count};
	}
	enum weir_code code = client_call(client, CLIENT_CONTROLLER, REQUEST_CREATE_TOPICS,
		&request, arena, response, NULL, err);
	mem_free(request.topics);
	return code;
}

void topic_new_row(struct ctx *ctx, struct table *table, struct outcome *outcome,
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

enum weir_code topic_configs_parse(
	const struct opt_list *pairs, struct topic_configs *configs, struct weir_err *err)
{
	*configs = (struct topic_configs){.count = 0};
	configs->items = mem_array(pairs->count + 1, sizeof(*configs->items));
	configs->keys = mem_array(pairs->count + 1, sizeof(*configs->keys));
	for (size_t i = 0; i < pairs->count; i++) {
		const char *value;
		char **key = &configs->keys[i];
		if (topic_split_pair(pairs->items[i], key, &value, err) != WEIR_OK) {
			return err_wrap(err, "-c");
		}
		configs->count++;
		configs->items[i] = (struct create_topics_request_creatable_topic_config){
			.name = slice_str(*key), .value = slice_str(value)};
	}
	return WEIR_OK;
}

void topic_configs_fini(struct topic_configs *configs)
{
	for (size_t i = 0; i < configs->count; i++) {
		mem_free(configs->keys[i]);
	}
	mem_free(configs->keys);
	mem_free(configs->items);
	*configs = (struct topic_configs){.count = 0};
}

void topic_configs_hint(struct ctx *ctx, const struct topic_configs *configs)
{
	for (size_t i = 0; i < configs->count; i++) {
		const char *near = conf_row_find(CONF_TOPIC, configs->keys[i])
					   ? NULL
					   : conf_near(CONF_TOPIC, configs->keys[i]);
		if (near) {
			hint_set(&ctx->hint, "did you mean %s?", near);
		}
	}
}
