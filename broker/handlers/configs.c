/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DescribeConfigs, and the settings in CreateTopics' answer: rows of the settings tables. */
#include "broker/handlers/configs.h"

#include "broker/broker_priv.h"
#include "core/base/number.h"
#include "core/meta/topic_name.h"

typedef struct describe_configs_response_describe_configs_resource_result config_row;
typedef struct describe_configs_request_describe_configs_resource describe_ask;
typedef struct describe_configs_response_describe_configs_result describe_answer;

static enum weir_code find_topic(struct request *req, const struct image *image, struct slice name,
	struct resource *resource, struct weir_err *err)
{
	enum weir_code code = topic_name_check(name, err);
	if (code != WEIR_OK) {
		return code;
	}
	const struct image_topic *topic = image_topic(image, name);
	if (!topic) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "topic '%.*s' does not exist",
			(int)name.len, name.data);
	}
	resource->topic = request_name(req, name);
	resource->own = (struct own_configs){topic->configs, topic->config_count};
	return WEIR_OK;
}

static enum weir_code find_broker(struct request *req, const struct image *image, struct slice name,
	struct resource *resource, struct weir_err *err)
{
	if (!name.len) {
		resource->node = -1;
		resource->own =
			(struct own_configs){image->broker_default, image->broker_default_count};
		return WEIR_OK;
	}
	int64_t id;
	char *text = request_name(req, name);
	if (!text || number_i64(text, 0, INT32_MAX, &id, NULL) != WEIR_OK) {
		return err_set(err, WEIR_INVALID_REQUEST, "broker id '%s' is not a number",
			text ? text : "");
	}
	if (id != broker_node_id(req->broker)) {
		return err_set(err, WEIR_INVALID_REQUEST, "this is broker %d, not %d",
			broker_node_id(req->broker), (int)id);
	}
	resource->node = (int32_t)id;
	resource->own = (struct own_configs){image->broker_self, image->broker_self_count};
	return WEIR_OK;
}

/* Its settings lie among those of all groups, each under the group's name. */
static enum weir_code find_group(struct request *req, const struct image *image, struct slice name,
	struct resource *resource, struct weir_err *err)
{
	if (!name.len) {
		return err_set(
			err, WEIR_INVALID_REQUEST, "Default group resources are not allowed.");
	}
	const struct conf_row *row;
	struct image_config *own = request_array(req, conf_row_count(CONF_GROUP), sizeof(*own));
	size_t count = 0;
	for (size_t i = 0; (row = conf_row_at(CONF_GROUP, i)); i++) {
		const char *value = image_group_config(image, name, row->name);
		if (value) {
			own[count++] =
				(struct image_config){arena_printf(req->arena, "%s", row->name),
					arena_printf(req->arena, "%s", value)};
		}
	}
	resource->group = name;
	resource->own = (struct own_configs){own, count};
	return WEIR_OK;
}

enum weir_code resource_find(struct request *req, const struct image *image, int8_t type,
	struct slice name, struct resource *resource, struct weir_err *err)
{
	*resource = (struct resource){.type = (enum resource_type)type, .node = -1};
	switch (type) {
	case RESOURCE_TOPIC:
		return find_topic(req, image, name, resource, err);
	case RESOURCE_BROKER:
		return find_broker(req, image, name, resource, err);
	case RESOURCE_GROUP:
		return find_group(req, image, name, resource, err);
	default:
		return err_set(err, WEIR_INVALID_REQUEST, "resource type %d is not known", type);
	}
}

static struct slice nullable_text(struct request *req, const char *text)
{
	return text ? request_text(req, text) : (struct slice){NULL, 0};
}

static void fill_synonyms(struct request *req, const struct conf_row *row, const char *own,
	bool list_them, config_row *out)
{
	struct conf_synonym synonyms[CONF_SYNONYMS_MAX];
	size_t count = conf_synonyms(broker_conf(req->broker), row, own, synonyms);
	out->synonyms = request_array(req, count, sizeof(*out->synonyms));
	for (size_t i = 0; list_them && i < count; i++) {
		out->synonyms[i].name = request_text(req, synonyms[i].name);
		out->synonyms[i].value = nullable_text(req, synonyms[i].value);
		out->synonyms[i].source = (int8_t)synonyms[i].source;
		out->synonyms_count++;
	}
}

static void fill_row(struct request *req, const struct conf_row *row, const void *base,
	enum conf_source source, const char *own, config_row *out)
{
	const struct describe_configs_request *body = req->body;
	struct buf text;
	buf_init(&text, 0);
	out->name = request_text(req, row->name);
	bool has = row->scope == CONF_BROKER ? conf_value(base, row, &text)
					     : !row->sensitive && conf_format(row, base, &text);
	out->value = has ? request_text(req, buf_str(&text)) : (struct slice){NULL, 0};
	buf_fini(&text);
	out->config_source = (int8_t)source;
	out->is_sensitive = row->sensitive;
	out->read_only = row->scope == CONF_BROKER && row->update == CONF_READ_ONLY;
	out->config_type = (int8_t)conf_row_type_id(row);
	fill_synonyms(req, row, own, body->include_synonyms, out);
	out->documentation = nullable_text(req, body->include_documentation ? row->doc : NULL);
}

static bool wanted(const describe_ask *ask, const struct conf_row *row)
{
	if (row->hidden || row->alias_of || !dispatch_serves(row->api)) {
		return false;
	}
	for (int32_t i = 0; i < ask->configuration_keys_count; i++) {
		if (slice_equal(ask->configuration_keys[i], slice_str(row->name))) {
			return true;
		}
	}
	return ask->configuration_keys_count <= 0;
}

static void describe_topic(struct request *req, const struct resource *resource,
	const describe_ask *ask, describe_answer *answer)
{
	struct topic_conf topic;
	const struct conf_row *row;
	topic_conf_init(&topic, broker_conf(req->broker));
	for (size_t i = 0; i < resource->own.count; i++) {
		(void)!topic_conf_set(
			&topic, resource->own.items[i].key, resource->own.items[i].value, NULL);
	}
	answer->configs = request_array(req, conf_row_count(CONF_TOPIC), sizeof(*answer->configs));
	for (size_t i = 0; (row = conf_row_at(CONF_TOPIC, i)); i++) {
		if (!wanted(ask, row)) {
			continue;
		}
		const char *own =
			image_config_get(resource->own.items, resource->own.count, row->name);
		fill_row(req, row, &topic,
			conf_source_below(broker_conf(req->broker), row, own != NULL), own,
			&answer->configs[answer->configs_count++]);
	}
	topic_conf_fini(&topic);
}

static void describe_group(struct request *req, const struct resource *resource,
	const describe_ask *ask, describe_answer *answer)
{
	struct group_conf group;
	const struct conf_row *row;
	group_conf_init(&group, broker_conf(req->broker));
	for (size_t i = 0; i < resource->own.count; i++) {
		(void)!group_conf_set(
			&group, resource->own.items[i].key, resource->own.items[i].value, NULL);
	}
	answer->configs = request_array(req, conf_row_count(CONF_GROUP), sizeof(*answer->configs));
	for (size_t i = 0; (row = conf_row_at(CONF_GROUP, i)); i++) {
		if (!wanted(ask, row)) {
			continue;
		}
		const char *own = NULL;
		for (size_t k = 0; k < resource->own.count; k++) {
			own = strcmp(resource->own.items[k].key, row->name)
				      ? own
				      : resource->own.items[k].value;
		}
		fill_row(req, row, &group,
			conf_source_below(broker_conf(req->broker), row, own != NULL), own,
			&answer->configs[answer->configs_count++]);
	}
	group_conf_fini(&group);
}

/* The cluster-wide default lists only what was set for it. */
static void describe_broker(struct request *req, const struct resource *resource,
	const describe_ask *ask, describe_answer *answer)
{
	const struct conf *conf = broker_conf(req->broker);
	const struct conf_row *row;
	answer->configs = request_array(req, conf_row_count(CONF_BROKER), sizeof(*answer->configs));
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		const char *own =
			image_config_get(resource->own.items, resource->own.count, row->name);
		if (!wanted(ask, row) || (resource->node < 0 && !own)) {
			continue;
		}
		config_row *out = &answer->configs[answer->configs_count++];
		fill_row(req, row, conf, conf_source(conf, row), NULL, out);
		if (resource->node < 0) {
			out->value =
				row->sensitive ? (struct slice){NULL, 0} : request_text(req, own);
			out->config_source = CONF_FROM_BROKER_DEFAULT;
		}
	}
}

/* A type that Kafka does not have makes the whole request one that it cannot read. */
static bool types_are_kafkas(const struct describe_configs_request *body)
{
	for (int32_t i = 0; i < body->resources_count; i++) {
		switch (body->resources[i].resource_type) {
		case RESOURCE_TOPIC:
		case RESOURCE_BROKER:
		case RESOURCE_BROKER_LOGGER:
		case RESOURCE_CLIENT_METRICS:
		case RESOURCE_GROUP:
			break;
		default:
			return false;
		}
	}
	return true;
}

static enum weir_code describe_one(struct request *req, const struct image *image,
	const describe_ask *ask, describe_answer *answer, struct weir_err *err)
{
	struct resource resource;
	enum weir_code code =
		resource_find(req, image, ask->resource_type, ask->resource_name, &resource, err);
	if (code == WEIR_OK && resource.topic) {
		describe_topic(req, &resource, ask, answer);
	} else if (code == WEIR_OK && resource.group.data) {
		describe_group(req, &resource, ask, answer);
	} else if (code == WEIR_OK) {
		describe_broker(req, &resource, ask, answer);
	}
	return code;
}

void handle_describe_configs(struct request *req)
{
	const struct describe_configs_request *body = req->body;
	struct describe_configs_response response;
	wire_defaults(&describe_configs_response_message, &response);
	const struct image *image = image_current(broker_images(req->broker));
	response.results_count = body->resources_count;
	response.results =
		request_array(req, (size_t)body->resources_count, sizeof(*response.results));
	bool readable = types_are_kafkas(body);
	for (int32_t i = 0; i < body->resources_count; i++) {
		const describe_ask *ask = &body->resources[i];
		describe_answer *answer = &response.results[i];
		struct weir_err err = {.text = ""};
		answer->resource_type = ask->resource_type;
		answer->resource_name = ask->resource_name;
		enum weir_code code =
			readable ? describe_one(req, image, ask, answer, &err)
				 : err_set(&err, WEIR_INVALID_REQUEST,
					   "the request has a resource type that is not known");
		answer->error_code = (int16_t)err_to_wire(code);
		answer->error_message = request_text(req, err.text); /* "" for none, as Kafka */
	}
	image_release(image);
	request_send(req, &response);
}

/* CreateTopics version 5 and up tells the settings of the new topic. */
void configs_of_new_topic(struct request *req, const struct topic_plan *plan,
	struct create_topics_response_creatable_topic_result *answer)
{
	struct topic_conf topic;
	const struct conf_row *row;
	topic_conf_init(&topic, broker_conf(req->broker));
	for (size_t i = 0; i < plan->config_count; i++) {
		(void)!topic_conf_set(&topic, plan->configs[i].key, plan->configs[i].value, NULL);
	}
	answer->configs = request_array(req, conf_row_count(CONF_TOPIC), sizeof(*answer->configs));
	answer->configs_count = 0;
	for (size_t i = 0; (row = conf_row_at(CONF_TOPIC, i)); i++) {
		if (row->hidden) {
			continue;
		}
		struct create_topics_response_creatable_topic_configs *out =
			&answer->configs[answer->configs_count++];
		struct buf text;
		buf_init(&text, 0);
		bool own = image_config_get(plan->configs, plan->config_count, row->name);
		out->name = request_text(req, row->name);
		out->value = conf_format(row, &topic, &text) ? request_text(req, buf_str(&text))
							     : (struct slice){NULL, 0};
		out->config_source = (int8_t)conf_source_below(broker_conf(req->broker), row, own);
		out->is_sensitive = row->sensitive;
		buf_fini(&text);
	}
	topic_conf_fini(&topic);
}
