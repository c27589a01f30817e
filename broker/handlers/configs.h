/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What describing and altering settings share. */
#pragma once

#include "broker/topic_admin.h"
#include "core/conf/conf.h"

enum resource_type {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4,
	RESOURCE_BROKER_LOGGER = 8,
	RESOURCE_CLIENT_METRICS = 16,
	RESOURCE_GROUP = 32
};

/* The settings that one resource carries itself, borrowed from the image. */
struct own_configs {
	const struct image_config *items;
	size_t count;
};

/*
 * Finds the resource. Topic: own is its settings. Broker: node is its id, -1 for the cluster-wide
 * default (an empty name). Group: any name, whether there is such a group or not. Errors:
 * UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, INVALID_REQUEST.
 */
struct resource {
	enum resource_type type;
	char *topic;	    /* NULL: another type */
	struct slice group; /* data NULL: another type */
	int32_t node;
	struct own_configs own;
};
WEIR_MUST_USE enum weir_code resource_find(struct request *req, const struct image *image,
	int8_t type, struct slice name, struct resource *resource, struct weir_err *err);
