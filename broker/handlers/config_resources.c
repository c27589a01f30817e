/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ListConfigResources (KIP-1142): what there is that has settings. */
#include "broker/broker_priv.h"
#include "broker/handlers/configs.h"

#include <stdio.h>
#include <string.h>

typedef struct list_config_resources_response_config_resource resource_row;

struct listing {
	struct request *req;
	struct list_config_resources_response response;
	bool wanted[RESOURCE_GROUP + 1];
};

static resource_row *add(struct listing *list, enum resource_type type)
{
	resource_row *row =
		&list->response.config_resources[list->response.config_resources_count++];
	row->resource_type = (int8_t)type;
	return row;
}

/* Groups that have settings, each once: their settings lie side by side. */
static void fill_groups(struct listing *list, const struct image *image)
{
	struct slice before = {NULL, 0};
	for (size_t i = 0; i < image->group_count; i++) {
		const char *key = image->groups[i].key;
		struct slice escaped = slice_of(key, strcspn(key, "/"));
		if (!slice_equal(escaped, before)) {
			uint8_t *name = request_array(list->req, escaped.len, 1);
			size_t len = image_group_name(key, name);
			add(list, RESOURCE_GROUP)->resource_name = slice_of(name, len);
		}
		before = escaped;
	}
}

/* No type named: all of them. false: one that is not known. */
static bool read_types(const struct list_config_resources_request *body, struct listing *list)
{
	static const enum resource_type known[] = {RESOURCE_TOPIC, RESOURCE_BROKER,
		RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP};
	for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		list->wanted[known[k]] = body->resource_types_count == 0;
	}
	for (int32_t i = 0; i < body->resource_types_count; i++) {
		bool found = false;
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (body->resource_types[i] == (int8_t)known[k]) {
				found = list->wanted[known[k]] = true;
			}
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

static void fill(struct listing *list, const struct image *image)
{
	char id[16];
	size_t room = image->topic_count + image->group_count + 1;
	list->response.config_resources = request_array(list->req, room, sizeof(resource_row));
	if (list->wanted[RESOURCE_GROUP]) {
		fill_groups(list, image);
	}
	if (list->wanted[RESOURCE_BROKER]) {
		snprintf(id, sizeof(id), "%d", broker_node_id(list->req->broker));
		add(list, RESOURCE_BROKER)->resource_name = request_text(list->req, id);
	}
	if (list->wanted[RESOURCE_TOPIC]) {
		for (size_t i = 0; i < image->topic_count; i++) {
			add(list, RESOURCE_TOPIC)->resource_name =
				request_text(list->req, image->topics[i]->name);
		}
	}
}

void handle_list_config_resources(struct request *req)
{
	const struct list_config_resources_request *body = req->body;
	struct listing list = {.req = req};
	wire_defaults(&list_config_resources_response_message, &list.response);
	if (!read_types(body, &list)) {
		list.response.error_code = WEIR_UNSUPPORTED_VERSION;
	} else if (req->header.version >
		   0) { /* version 0 asks for client metrics: there are none */
		const struct image *image = image_current(broker_images(req->broker));
		fill(&list, image);
		image_release(image);
	}
	request_send(req, &list.response);
}
