/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/settings.h"

#include "cli/topic_common.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/base/number.h"

#include <stdlib.h>

enum of_type {
	OF_TOPIC = SETTINGS_OF_TOPIC,
	OF_BROKER = 4,
	OF_LOGGER = 8,
	OF_METRICS = 16,
	OF_GROUP = 32
};

static const struct {
	const char *prefix;
	int8_t type;
	bool is_node;
} kinds[] = {
	{"topic:", OF_TOPIC, false},
	{"broker:", OF_BROKER, true},
	{"broker-logger:", OF_LOGGER, true},
	{"client-metrics:", OF_METRICS, false},
	{"group:", OF_GROUP, false},
};

enum weir_code settings_of_parse(const char *text, struct settings_of *of, struct weir_err *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);
		if (strncmp(text, kinds[i].prefix, len) != 0 || !text[len]) {
			continue;
		}
		*of = (struct settings_of){kinds[i].type, text + len, text};
		if (kinds[i].type == OF_BROKER && strcmp(of->name, "default") == 0) {
			of->name = "";
			return WEIR_OK;
		}
		int64_t id;
		if (kinds[i].is_node && number_i64(of->name, 0, INT32_MAX, &id, err) != WEIR_OK) {
			return err ? err_wrap(err, "%s", text) : WEIR_USAGE;
		}
		return WEIR_OK;
	}
	return err_set(err, WEIR_USAGE,
		"\"%s\" is none of topic:NAME, broker:ID, broker:default, group:NAME, "
		"broker-logger:ID, client-metrics:NAME",
		text);
}

/* A broker answers for itself; all of them for the rest. */
static int32_t node_of(const struct settings_of *of)
{
	int64_t id;
	bool own = of->type == OF_BROKER || of->type == OF_LOGGER;
	return own && number_i64(of->name, 0, INT32_MAX, &id, NULL) == WEIR_OK ? (int32_t)id
									       : CLIENT_ANY;
}

static int compare(const void *a, const void *b)
{
	const struct describe_configs_response_describe_configs_resource_result *x = a, *y = b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = len ? memcmp(x->name.data, y->name.data, len) : 0;
	return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

/* Kafka tells settings in no order. */
static void sort(const struct describe_configs_response_describe_configs_result *result)
{
	if (result->configs_count > 1) {
		qsort(result->configs, (size_t)result->configs_count, sizeof(*result->configs),
			compare);
	}
}

static void take(struct settings *answers, const struct settings_of *of, size_t count,
	const struct describe_configs_response *response)
{
	for (int32_t r = 0; r < response->results_count; r++) {
		const struct describe_configs_response_describe_configs_result *result =
			&response->results[r];
		sort(result);
		for (size_t i = 0; i < count; i++) {
			if (of[i].type == result->resource_type &&
				slice_equal(result->resource_name, slice_str(of[i].name))) {
				answers[i] = (struct settings){
					.error = result->error_code
							 ? err_info(result->error_code)->code
							 : WEIR_OK,
					.message = result->error_message,
					.entries = result->configs,
					.count = result->configs_count > 0
							 ? (size_t)result->configs_count
							 : 0};
			}
		}
	}
}

enum weir_code settings_ask(struct client *client, const struct settings_of *of, size_t count,
	struct arena *arena, struct settings *answers, struct weir_err *err)
{
	struct describe_configs_request request;
	wire_defaults(&describe_configs_request_message, &request);
	request.include_synonyms = true;
	request.resources = mem_array(count + 1, sizeof(*request.resources));
	bool *asked = mem_array(count + 1, sizeof(*asked));
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < count; i++) {
		answers[i] = (struct settings){.error = WEIR_PROTOCOL};
	}
	for (size_t i = 0; code == WEIR_OK && i < count; i++) {
		struct describe_configs_response response = {0};
		int32_t node = node_of(&of[i]);
		request.resources_count = 0;
		if (asked[i]) {
			continue;
		}
		for (size_t k = i; k < count; k++) {
			if (asked[k] || node_of(&of[k]) != node) {
				continue;
			}
			asked[k] = true;
			request.resources[request.resources_count++] =
				(struct describe_configs_request_describe_configs_resource){
					.resource_type = of[k].type,
					.resource_name = slice_str(of[k].name),
					.configuration_keys_count = -1};
		}
		code = client_call(client, node, REQUEST_DESCRIBE_CONFIGS, &request, arena,
			&response, NULL, err);
		take(answers, of, count, &response);
	}
	mem_free(asked);
	mem_free(request.resources);
	return code;
}

const struct describe_configs_response_describe_configs_resource_result *settings_find(
	const struct settings *settings, const char *key)
{
	for (size_t i = 0; i < settings->count; i++) {
		if (slice_equal(settings->entries[i].name, slice_str(key))) {
			return &settings->entries[i];
		}
	}
	return NULL;
}

enum { SOURCE_DEFAULT = 5 };

bool settings_is_set(const struct describe_configs_response_describe_configs_resource_result *entry)
{
	return entry->config_source != SOURCE_DEFAULT;
}

const char *settings_source_name(int8_t source)
{
	static const char *const names[] = {NULL, "topic", "broker", "brokers", "file", "default",
		"logger", "client-metrics", "group"};
	return source >= 0 && (size_t)source < sizeof(names) / sizeof(names[0]) ? names[source]
										: NULL;
}

const char *settings_type_name(int8_t type)
{
	static const char *const names[] = {NULL, "boolean", "string", "int", "short", "long",
		"double", "list", "class", "password"};
	return type >= 0 && (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

void settings_hint(struct ctx *ctx, const struct settings *settings, const char *key)
{
	struct near near;
	char **names = mem_array(settings->count + 1, sizeof(*names));
	near_init(&near, key);
	for (size_t i = 0; i < settings->count; i++) {
		names[i] = mem_dup(settings->entries[i].name.data, settings->entries[i].name.len);
		near_offer(&near, names[i]);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean %s?", near.best);
	}
	for (size_t i = 0; i < settings->count; i++) {
		mem_free(names[i]);
	}
	mem_free(names);
}

enum weir_code settings_changes_parse(const char *const *set, size_t set_count,
	const struct opt_list *unset, struct settings_change **changes, size_t *count,
	struct weir_err *err)
{
	*count = 0;
	*changes = mem_array(set_count + unset->count + 1, sizeof(**changes));
	for (size_t i = 0; i < set_count; i++) {
		struct settings_change *change = &(*changes)[*count];
		if (topic_split_pair(set[i], &change->key, &change->value, err) != WEIR_OK) {
			return WEIR_USAGE;
		}
		++*count;
	}
	for (size_t i = 0; i < unset->count; i++) {
		(*changes)[(*count)++].key = mem_dup_str(unset->items[i]);
	}
	if (!*count) {
		return err_set(err, WEIR_USAGE, "nothing to change");
	}
	for (size_t i = 0; i < *count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp((*changes)[i].key, (*changes)[k].key) == 0) {
				return err_set(
					err, WEIR_USAGE, "%s is given twice", (*changes)[i].key);
			}
		}
	}
	return WEIR_OK;
}

void settings_changes_fini(struct settings_change **changes, size_t count)
{
	for (size_t i = 0; *changes && i < count; i++) {
		mem_free((*changes)[i].key);
	}
	MEM_FREE(changes);
}
