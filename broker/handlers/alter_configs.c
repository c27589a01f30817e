/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AlterConfigs (replaces the whole set of a resource) and IncrementalAlterConfigs (KIP-339). Both
 * come down to a list of changes that is checked against the table as a whole, then committed at
 * once.
 */
#include "broker/broker_priv.h"
#include "broker/handlers/configs.h"

#include <string.h>

enum config_op { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT };

struct changes {
	struct image_config *items; /* value NULL: removed */
	size_t count;
};

/* One value of a list setting put in or taken out; the rest stays in order. */
static char *list_with(struct request *req, const char *now, const char *items, bool add)
{
	struct buf out;
	buf_init(&out, 0);
	char *left = arena_printf(req->arena, "%s", now), *save = NULL;
	for (char *it = strtok_r(left, ", ", &save); it; it = strtok_r(NULL, ", ", &save)) {
		char *wanted = arena_printf(req->arena, "%s", items), *inner = NULL;
		bool named = false;
		for (char *w = strtok_r(wanted, ", ", &inner); w;
			w = strtok_r(NULL, ", ", &inner)) {
			named = named || !strcmp(w, it);
		}
		if (!named) {
			buf_printf(&out, "%s%s", out.len ? "," : "", it);
		}
	}
	if (add && *items) {
		buf_printf(&out, "%s%s", out.len ? "," : "", items);
	}
	char *text = arena_try_dup(req->arena, buf_str(&out), out.len);
	buf_fini(&out);
	return text;
}

/* What a list setting is now: the resource's own value, else what it inherits. */
static const char *current_list(
	struct request *req, const struct resource *resource, const struct conf_row *row)
{
	const char *own = image_config_get(resource->own.items, resource->own.count, row->name);
	if (own) {
		return own;
	}
	struct buf text;
	buf_init(&text, 0);
	struct topic_conf topic;
	topic_conf_init(&topic, broker_conf(req->broker));
	bool has = conf_format(row,
		resource->topic ? (const void *)&topic : (const void *)broker_conf(req->broker),
		&text);
	const char *copy = has ? arena_try_dup(req->arena, buf_str(&text), text.len) : "";
	topic_conf_fini(&topic);
	buf_fini(&text);
	return copy ? copy : "";
}

static bool is_list(const struct conf_row *row)
{
	return row->kind == CONF_LIST || row->kind == CONF_FLAGS;
}

static enum weir_code change_one(struct request *req, const struct resource *resource, char *key,
	int8_t op, char *value, struct image_config *out, struct weir_err *err)
{
	enum conf_scope scope = resource->topic	       ? CONF_TOPIC
				: resource->group.data ? CONF_GROUP
						       : CONF_BROKER;
	const struct conf_row *row = conf_row_find(scope, key);
	out->key = key;
	out->value = NULL;
	if (op == OP_DELETE) {
		return WEIR_OK;
	}
	if (!value) {
		return err_set(err, WEIR_INVALID_REQUEST, "null value for %s", key);
	}
	out->value = value;
	if (op == OP_SET) {
		return WEIR_OK;
	}
	if (op != OP_APPEND && op != OP_SUBTRACT) {
		return err_set(
			err, WEIR_UNKNOWN_SERVER_ERROR, "operation %d on %s is not known", op, key);
	}
	if (!row) {
		return conf_unknown(scope, key, err);
	}
	if (!is_list(row)) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s on %s, which is no list",
			op == OP_APPEND ? "APPEND" : "SUBTRACT", key);
	}
	out->value = list_with(req, current_list(req, resource, row), value, op == OP_APPEND);
	return WEIR_OK;
}

/* The whole as it would be: own settings with the changes. */
static enum weir_code check_topic(struct request *req, const struct resource *resource,
	const struct changes *changes, struct weir_err *err)
{
	size_t room = resource->own.count + changes->count, count = 0;
	struct image_config *all = request_array(req, room, sizeof(*all));
	for (size_t i = 0; i < resource->own.count; i++) {
		bool changed = false;
		for (size_t j = 0; j < changes->count; j++) {
			changed = changed ||
				  !strcmp(changes->items[j].key, resource->own.items[i].key);
		}
		if (!changed) {
			all[count++] = resource->own.items[i];
		}
	}
	for (size_t j = 0; j < changes->count; j++) {
		if (changes->items[j].value) {
			all[count++] = changes->items[j];
		}
	}
	return broker_check_topic_configs(req->broker, all, count, err);
}

static enum weir_code check_group(struct request *req, const struct resource *resource,
	const struct changes *changes, struct weir_err *err)
{
	struct group_conf group;
	enum weir_code code = WEIR_OK;
	group_conf_init(&group, broker_conf(req->broker));
	for (size_t i = 0; i < resource->own.count; i++) {
		(void)!group_conf_set(
			&group, resource->own.items[i].key, resource->own.items[i].value, NULL);
	}
	for (size_t i = 0; code == WEIR_OK && i < changes->count; i++) {
		if (changes->items[i].value) {
			code = group_conf_set(
				&group, changes->items[i].key, changes->items[i].value, err);
		}
	}
	if (code == WEIR_OK) {
		code = group_conf_validate(&group, broker_conf(req->broker), err);
	}
	group_conf_fini(&group);
	return code;
}

static enum weir_code check_broker(struct request *req, const struct resource *resource,
	const struct changes *changes, struct weir_err *err)
{
	enum conf_source source = resource->node < 0 ? CONF_FROM_BROKER_DEFAULT : CONF_FROM_BROKER;
	struct conf *copy = conf_copy(broker_conf(req->broker));
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; code == WEIR_OK && i < changes->count; i++) {
		const struct image_config *c = &changes->items[i];
		if (c->value || conf_row_find(CONF_BROKER, c->key)) {
			code = conf_set(copy, c->key, c->value, source, err);
		}
	}
	if (code == WEIR_OK) {
		code = conf_validate(copy, err);
	}
	conf_unref(copy);
	return code;
}

static enum weir_code apply(struct request *req, const struct resource *resource,
	const struct changes *changes, bool validate_only, struct weir_err *err)
{
	for (size_t i = 0; i < changes->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(changes->items[i].key, changes->items[j].key)) {
				return err_set(err, WEIR_INVALID_REQUEST, "%s is named twice",
					changes->items[i].key);
			}
		}
	}
	enum weir_code code = resource->topic	     ? check_topic(req, resource, changes, err)
			      : resource->group.data ? check_group(req, resource, changes, err)
						     : check_broker(req, resource, changes, err);
	if (code != WEIR_OK || validate_only || !changes->count) {
		return code;
	}
	if (resource->group.data) {
		return image_set_group_configs(broker_images(req->broker), resource->group,
			changes->items, changes->count, err);
	}
	return image_set_configs(broker_images(req->broker), resource->topic, resource->node,
		changes->items, changes->count, err);
}

typedef struct incremental_alter_configs_request_alter_configs_resource incr_ask;
typedef struct alter_configs_request_alter_configs_resource alter_ask;

static enum weir_code incremental_one(
	struct request *req, const struct image *image, const incr_ask *ask, struct weir_err *err)
{
	const struct incremental_alter_configs_request *body = req->body;
	struct resource resource;
	enum weir_code code =
		resource_find(req, image, ask->resource_type, ask->resource_name, &resource, err);
	struct changes changes = {
		request_array(req, (size_t)ask->configs_count, sizeof(struct image_config)), 0};
	for (int32_t i = 0; code == WEIR_OK && i < ask->configs_count; i++) {
		char *key = request_name(req, ask->configs[i].name);
		if (!key) {
			return err_set(err, WEIR_INVALID_CONFIG, "a setting's name holds a NUL");
		}
		code = change_one(req, &resource, key, ask->configs[i].config_operation,
			request_name(req, ask->configs[i].value), &changes.items[changes.count++],
			err);
	}
	return code == WEIR_OK ? apply(req, &resource, &changes, body->validate_only, err) : code;
}

/* Settings that the request leaves out are removed. */
static void remove_others(const struct resource *resource, struct changes *changes)
{
	size_t named = changes->count;
	for (size_t i = 0; i < resource->own.count; i++) {
		bool there = false;
		for (size_t j = 0; j < named; j++) {
			there = there || !strcmp(changes->items[j].key, resource->own.items[i].key);
		}
		if (!there) {
			changes->items[changes->count++] =
				(struct image_config){resource->own.items[i].key, NULL};
		}
	}
}

static enum weir_code replace_one(
	struct request *req, const struct image *image, const alter_ask *ask, struct weir_err *err)
{
	const struct alter_configs_request *body = req->body;
	struct resource resource;
	enum weir_code code =
		resource_find(req, image, ask->resource_type, ask->resource_name, &resource, err);
	if (code != WEIR_OK) {
		return code;
	}
	size_t room = (size_t)ask->configs_count + resource.own.count;
	struct changes changes = {request_array(req, room, sizeof(struct image_config)), 0};
	for (int32_t i = 0; i < ask->configs_count; i++) {
		char *key = request_name(req, ask->configs[i].name);
		if (!key) {
			return err_set(err, WEIR_INVALID_CONFIG, "a setting's name holds a NUL");
		}
		code = change_one(req, &resource, key, OP_SET,
			request_name(req, ask->configs[i].value), &changes.items[changes.count++],
			err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	remove_others(&resource, &changes);
	return apply(req, &resource, &changes, body->validate_only, err);
}

void handle_incremental_alter_configs(struct request *req)
{
	const struct incremental_alter_configs_request *body = req->body;
	struct incremental_alter_configs_response response;
	wire_defaults(&incremental_alter_configs_response_message, &response);
	response.responses_count = body->resources_count;
	response.responses =
		request_array(req, (size_t)body->resources_count, sizeof(*response.responses));
	for (int32_t i = 0; i < body->resources_count; i++) {
		const incr_ask *ask = &body->resources[i];
		struct weir_err err = {.text = ""};
		enum weir_code code = WEIR_OK;
		for (int32_t j = 0; j < body->resources_count; j++) {
			if (j != i && body->resources[j].resource_type == ask->resource_type &&
				slice_equal(body->resources[j].resource_name, ask->resource_name)) {
				code = err_set(
					&err, WEIR_INVALID_REQUEST, "resource is named twice");
			}
		}
		const struct image *image = image_current(broker_images(req->broker));
		if (code == WEIR_OK) {
			code = incremental_one(req, image, ask, &err);
		}
		image_release(image);
		response.responses[i].resource_type = ask->resource_type;
		response.responses[i].resource_name = ask->resource_name;
		response.responses[i].error_code = (int16_t)err_to_wire(code);
		if (code != WEIR_OK) {
			response.responses[i].error_message = request_text(req, err.text);
		}
	}
	request_send(req, &response);
}

void handle_alter_configs(struct request *req)
{
	const struct alter_configs_request *body = req->body;
	struct alter_configs_response response;
	wire_defaults(&alter_configs_response_message, &response);
	response.responses_count = body->resources_count;
	response.responses =
		request_array(req, (size_t)body->resources_count, sizeof(*response.responses));
	for (int32_t i = 0; i < body->resources_count; i++) {
		const alter_ask *ask = &body->resources[i];
		struct weir_err err = {.text = ""};
		const struct image *image = image_current(broker_images(req->broker));
		enum weir_code code = replace_one(req, image, ask, &err);
		image_release(image);
		response.responses[i].resource_type = ask->resource_type;
		response.responses[i].resource_name = ask->resource_name;
		response.responses[i].error_code = (int16_t)err_to_wire(code);
		if (code != WEIR_OK) {
			response.responses[i].error_message = request_text(req, err.text);
		}
	}
	request_send(req, &response);
}
