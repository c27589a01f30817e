/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes to settings, each shown with its value before and after. What a setting falls back to
 * when it is unset is the next of its synonyms, which come in the order in which they count.
 */
#include "cli/settings.h"

#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/conf/row.h"

#include <inttypes.h>

enum { OP_SET = 0, OP_DELETE = 1 };
enum {
	SOURCE_BROKER = 2,
	SOURCE_BROKERS = 3,
	SOURCE_LOGGER = 6,
	SOURCE_METRICS = 7,
	SOURCE_GROUP = 8
};

struct alter {
	struct ctx *ctx;
	struct client *client;
	const struct settings_of *of;
	size_t of_count;
	const struct settings_change *changes;
	size_t change_count;
	struct table *table;
	struct outcome *outcome;
};

/* The source that values have which were set on this resource itself. */
static int8_t own_source(const struct settings_of *of)
{
	switch (of->type) {
	case 4:
		return of->name[0] ? SOURCE_BROKER : SOURCE_BROKERS;
	case 8:
		return SOURCE_LOGGER;
	case 16:
		return SOURCE_METRICS;
	case 32:
		return SOURCE_GROUP;
	default:
		return SETTINGS_FROM_TOPIC;
	}
}

static enum weir_code send(const struct alter *alter, const struct settings_of *of,
	struct arena *arena, enum weir_code *result, struct slice *message, struct weir_err *err)
{
	struct incremental_alter_configs_request request;
	struct incremental_alter_configs_request_alter_configs_resource resource = {
		.resource_type = of->type, .resource_name = slice_str(of->name)};
	struct incremental_alter_configs_response response = {0};
	resource.configs = mem_array(alter->change_count, sizeof(*resource.configs));
	resource.configs_count = (int32_t)alter->change_count;
	for (size_t i = 0; i < alter->change_count; i++) {
		const struct settings_change *change = &alter->changes[i];
		resource.configs[i] = (struct incremental_alter_configs_request_alterable_config){
			.name = slice_str(change->key),
			.config_operation = change->value ? OP_SET : OP_DELETE,
			.value = slice_str(change->value)};
	}
	wire_defaults(&incremental_alter_configs_request_message, &request);
	request.resources = &resource;
	request.resources_count = 1;
	request.validate_only = alter->ctx->globals.dry_run;
	int64_t id;
	bool own = (of->type == 4 || of->type == 8) &&
		   number_i64(of->name, 0, INT32_MAX, &id, NULL) == WEIR_OK;
	enum weir_code code = client_call(alter->client, own ? (int32_t)id : CLIENT_CONTROLLER,
		REQUEST_INCREMENTAL_ALTER_CONFIGS, &request, arena, &response, NULL, err);
	*result = WEIR_PROTOCOL;
	if (code == WEIR_OK && response.responses_count == 1) {
		int16_t error = response.responses[0].error_code;
		*result = error ? err_info(error)->code : WEIR_OK;
		*message = response.responses[0].error_message;
	}
	mem_free(resource.configs);
	return code;
}

/* value of the broker's setting name, in the unit of row; the caller frees it. */
static char *in_unit_of(const struct conf_row *row, struct slice name, struct slice value)
{
	char *text = mem_dup(value.data, value.len);
	for (size_t i = 0; row && i < sizeof(row->from) / sizeof(row->from[0]); i++) {
		int64_t number;
		if (row->from[i].name && row->from[i].times > 1 &&
			slice_equal(name, slice_str(row->from[i].name)) &&
			number_i64(text, 0, INT64_MAX / row->from[i].times, &number, NULL) ==
				WEIR_OK) {
			mem_free(text);
			return mem_printf("%" PRId64, number * row->from[i].times);
		}
	}
	return text;
}

/* What is built in: the default of the row, or of the last broker setting that gives it one. */
static char *built_in(const struct conf_row *row)
{
	char *text = row && row->def ? mem_dup_str(row->def) : NULL;
	for (size_t i = 0; row && i < sizeof(row->from) / sizeof(row->from[0]); i++) {
		const struct conf_row *from =
			row->from[i].name ? conf_row_find(CONF_BROKER, row->from[i].name) : NULL;
		if (from && from->def) {
			mem_free(text);
			text = in_unit_of(row, slice_str(from->name), slice_str(from->def));
		}
	}
	return text;
}

/* The value that is left when the resource's own one goes; NULL: none or not told. */
static char *fallback(
	const struct describe_configs_response_describe_configs_resource_result *entry,
	const struct settings_of *of)
{
	int8_t own = own_source(of);
	enum conf_scope scope = of->type == SETTINGS_OF_TOPIC ? CONF_TOPIC
				: own == SOURCE_GROUP	      ? CONF_GROUP
							      : CONF_BROKER;
	char *key = mem_dup(entry->name.data, entry->name.len);
	const struct conf_row *row = conf_row_find(scope, key);
	mem_free(key);
	for (int32_t i = 0; i < entry->synonyms_count; i++) {
		if (entry->synonyms[i].source != own) {
			struct slice value = entry->synonyms[i].value;
			return value.data ? in_unit_of(row, entry->synonyms[i].name, value) : NULL;
		}
	}
	if (entry->config_source != own) {
		return entry->value.data ? mem_dup(entry->value.data, entry->value.len) : NULL;
	}
	return built_in(row);
}

static void put_change(const struct alter *alter, const struct settings_of *of,
	const struct settings *before, const struct settings_change *change, enum weir_code result,
	struct slice message)
{
	const struct describe_configs_response_describe_configs_resource_result *entry =
		settings_find(before, change->key);
	int8_t own = own_source(of);
	struct slice old = entry ? entry->value : slice_of(NULL, 0);
	char *left = !change->value && entry ? fallback(entry, of) : NULL;
	struct slice new = slice_str(change->value ? change->value : left);
	bool is_own = entry && entry->config_source == own;
	bool same = change->value ? is_own && old.data && slice_equal(old, new) : !is_own;
	const char *done = same				 ? "unchanged"
			   : alter->ctx->globals.dry_run ? "would change"
							 : "changed";
	if (entry && entry->is_sensitive) {
		new = slice_of(NULL, 0);
	}
	table_text(alter->table, of->label);
	table_text(alter->table, change->key);
	table_slice(alter->table, old);
	table_slice(alter->table, result == WEIR_OK ? new : old);
	char *what = of->label == of->name ? mem_printf("topic \"%s\"", of->name)
					   : mem_dup_str(of->label);
	outcome_cells(alter->outcome, alter->table, done, what, result, message);
	mem_free(what);
	mem_free(left);
}

/* For a key that the broker does not know and names no other for. */
static void hint(const struct alter *alter, const struct settings *before, struct slice message)
{
	static const char phrase[] = "did you mean";
	bool told = message.len &&
		    memmem(message.data, message.len, phrase, sizeof(phrase) - 1) != NULL;
	for (size_t i = 0; i < alter->change_count && !told && !alter->outcome->failed; i++) {
		if (!settings_find(before, alter->changes[i].key)) {
			settings_hint(alter->ctx, before, alter->changes[i].key);
			return;
		}
	}
}

static enum weir_code alter_one(const struct alter *alter, const struct settings_of *of,
	const struct settings *before, struct weir_err *err)
{
	struct arena arena;
	enum weir_code code = WEIR_OK, result = before->error;
	struct slice message = before->message;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (result == WEIR_OK) {
		code = send(alter, of, &arena, &result, &message, err);
	}
	if (code == WEIR_OK && result == WEIR_INVALID_CONFIG) {
		hint(alter, before, message);
	}
	for (size_t i = 0; code == WEIR_OK && i < alter->change_count; i++) {
		put_change(alter, of, before, &alter->changes[i], result, message);
	}
	arena_fini(&arena);
	return code;
}

enum weir_code settings_alter(struct ctx *ctx, struct client *client, const struct settings_of *of,
	size_t of_count, const struct settings_change *changes, size_t change_count,
	struct table *table, struct outcome *outcome, struct weir_err *err)
{
	struct alter alter = {.ctx = ctx,
		.client = client,
		.of = of,
		.of_count = of_count,
		.changes = changes,
		.change_count = change_count,
		.table = table,
		.outcome = outcome};
	struct settings *before = mem_array(of_count + 1, sizeof(*before));
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = settings_ask(client, of, of_count, &arena, before, err);
	for (size_t i = 0; code == WEIR_OK && i < of_count; i++) {
		code = alter_one(&alter, &of[i], &before[i], err);
	}
	arena_fini(&arena);
	mem_free(before);
	return code;
}
