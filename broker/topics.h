/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The topics this broker serves, made to follow the metadata image: a topic that appears is served
 * at once, one that goes is deleted from disk, settings take effect on the next request.
 *
 * Locks: table (rwlock) guards the maps and each topic's partition array; a topic's settings have
 * their own. Topics and partitions are counted.
 */
#pragma once

#include "broker/partition.h"
#include "core/base/map.h"
#include "core/base/uuid.h"
#include "core/meta/image.h"
#include "core/record/validate.h"

/* What a topic's configuration means to the request path. Copied out under the lock. */
struct topic_settings {
	struct log_conf log;
	struct record_rules rules; /* now_ms is filled in by who validates */
	int64_t flush_messages, flush_ms;
	int32_t min_insync_replicas;
	double min_cleanable_dirty_ratio;
	bool delete_allowed; /* cleanup.policy has delete */
};

struct topic {
	struct broker *broker;
	char *name;
	struct uuid id;
	atomic_int refs;
	struct partition **partitions; /* guarded by topics.table */
	int32_t partition_count;
	pthread_rwlock_t settings_lock;
	struct topic_settings settings;
	bool internal; /* Kafka's own: flushed before replies in every mode but os */
	_Atomic int64_t flush_messages; /* copy for the append path */
};

struct topics {
	struct broker *broker;
	pthread_rwlock_t table;
	struct map by_name, by_id; /* struct topic, one count for both */
};

void topics_init(struct topics *topics, struct broker *broker);
void topics_fini(struct topics *topics); /* after topics_close */
/* Takes the differences over. before may be NULL. Called by one thread at a time. */
void topics_apply(struct topics *topics, const struct image *before, const struct image *after);

/* Works the topic's settings out again: the broker's defaults changed. */
void topics_refresh(struct topics *topics, const struct image_topic *row);

void topic_ref(struct topic *topic);
void topic_unref(struct topic *topic);
void topic_settings(struct topic *topic, struct topic_settings *settings);

/* The partition, counted (partition_unref). Errors: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID.
 */
WEIR_MUST_USE enum weir_code topics_partition(struct topics *topics, struct slice name,
	int32_t index, struct partition **partition, struct weir_err *err);
WEIR_MUST_USE enum weir_code topics_partition_by_id(struct topics *topics, struct uuid id,
	int32_t index, struct partition **partition, struct weir_err *err);
/* Calls each for all partitions, counted for the call; no lock is held. */
void topics_each(
	struct topics *topics, void (*each)(void *arg, struct partition *partition), void *arg);
