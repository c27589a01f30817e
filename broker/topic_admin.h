/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Creating topics: the rules that CreateTopics, CreatePartitions and auto-creation share. */
#pragma once

#include "broker/dispatch.h"
#include "core/meta/image.h"

struct topic_plan {
	const char *name;
	int32_t partition_count;    /* -1: num.partitions */
	int16_t replication_factor; /* -1: default.replication.factor */
	bool manual;		    /* partitions were assigned by hand: both counts come from it */
	const struct image_config *configs;
	size_t config_count;
};

/*
 * Checks the plan (name, counts, settings) and, unless validate_only, creates the topic; the counts
 * in plan become the real ones, id is set. Errors: INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS,
 * INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG.
 */
WEIR_MUST_USE enum weir_code topic_create(struct broker *broker, struct topic_plan *plan,
	bool validate_only, struct uuid *id, struct weir_err *err);
/* count is the new total. Errors: INVALID_PARTITIONS, UNKNOWN_TOPIC_OR_PARTITION. */
WEIR_MUST_USE enum weir_code topic_grow(struct broker *broker, const char *name, int32_t count,
	bool validate_only, struct weir_err *err);
bool topic_is_internal(struct slice name);
/* NUL-terminated copy in the request's arena; NULL when it holds a NUL or the arena is full. */
char *request_name(struct request *req, struct slice name);
/* handlers/configs.c: the settings of a new topic, for CreateTopics' answer. */
void configs_of_new_topic(struct request *req, const struct topic_plan *plan,
	struct create_topics_response_creatable_topic_result *answer);
