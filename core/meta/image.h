/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the cluster is, as a typed view of the metadata store: topics with ids, partitions with
 * leader, epoch and isr, settings of topics and brokers, cluster id. An image is immutable and
 * counted: take one with image_current, read it without a lock, give it back.
 *
 * Keys: cluster/id | topic/<name> (id, partition count) | name/<name with '.' as '_'> (keeps names
 * apart that differ only there) | partition/<topic id>/<n> (leader, leader epoch, partition epoch,
 * replicas, isr) | config/topic/<name>/<key> | config/broker/<id or "default">/<key> |
 * config/group/<group, bytes but letters, digits, '.', '_', '-' as %XX>/<key> | broker/<id>
 * | producer/next-id | gone/<topic id> (name; files of a deleted topic may be left). Values are
 * small JSON objects.
 *
 * Any change of a topic's settings or partition count raises the mod_revision of its topic/<name>,
 * so that one guard covers them; a partition's row has its own.
 */
#pragma once

#include "core/base/uuid.h"
#include "core/meta/meta.h"

enum { IMAGE_REPLICAS_MAX = 16 };

struct image_partition {
	int32_t leader; /* node id, -1 none */
	int32_t leader_epoch, partition_epoch;
	int32_t replicas[IMAGE_REPLICAS_MAX], isr[IMAGE_REPLICAS_MAX];
	int32_t replica_count, isr_count;
};
struct image_config {
	char *key, *value;
};
struct image_topic {
	char *name;
	struct uuid id;
	struct image_partition *partitions;
	int32_t partition_count;
	struct image_config *configs; /* sorted by key, as all lists of settings here */
	size_t config_count;
	int64_t mod_revision; /* of topic/<name>, for guards */
};

struct image {
	int64_t revision; /* of the last change that shows in it */
	char cluster_id[64];
	struct image_topic **topics; /* sorted by name */
	size_t topic_count;
	struct image_config *broker_default; /* dynamic, cluster wide */
	size_t broker_default_count;
	struct image_config *broker_self; /* dynamic, this broker's */
	size_t broker_self_count;
	struct image_config *groups; /* of consumer groups; key: "<group, escaped>/<name>" */
	size_t group_count;
};

/* Sets cluster/id when there is none; wanted NULL: a new one. Before image_store_open, for a
 * directory that has an id already. */
WEIR_MUST_USE enum weir_code image_propose_cluster_id(
	struct meta *meta, const char *wanted, struct weir_err *err);

struct image_store; /* follows the watch, keeps the current image */
/* Makes cluster/id when absent. meta is borrowed until the close. Errors: meta's; LOCAL_CORRUPT. */
WEIR_MUST_USE enum weir_code image_store_open(
	struct meta *meta, int32_t node_id, struct image_store **store, struct weir_err *err);
void image_store_close(struct image_store **store); /* images that were taken stay valid */
const struct image *image_current(struct image_store *store); /* counted; image_release */
void image_release(const struct image *image);		      /* NULL is fine */
/*
 * Called after each change, on the committing thread, with the new image (both borrowed), before
 * the change returns to its caller: hold no lock over a change that changed takes, and make no
 * change in it. May be set several times, each is called; stays until the close.
 */
void image_store_on_change(struct image_store *store,
	void (*changed)(void *arg, const struct image *before, const struct image *after),
	void *arg);

/* NULL if absent; borrowed from the image. */
const struct image_topic *image_topic(const struct image *image, struct slice name);
const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id);
/* The group of a row of image.groups, from its key: its bytes into name, never more of them than
 * the key has; their number. */
size_t image_group_name(const char *key, uint8_t *name);
/* A setting that the group has itself; NULL if none. */
const char *image_group_config(const struct image *image, struct slice group, const char *key);
const char *image_config_get(
	const struct image_config *configs, size_t count, const char *key); /* NULL if unset */

/*
 * Changes: each is one guarded transaction, visible in image_current on return, durable, and done
 * again when something unrelated got in between. Errors of all: meta_commit's; CONFLICT only after
 * many tries.
 */

/*
 * Of partitions only replicas and isr count (isr_count 0: all replicas): leader = replicas[0],
 * epochs 0. id zero: a new one, returned. Errors: TOPIC_ALREADY_EXISTS; INVALID_TOPIC_EXCEPTION
 * (name not legal, or one that differs only in '.' and '_' exists); INVALID_PARTITIONS;
 * INVALID_REPLICA_ASSIGNMENT; INVALID_CONFIG (not UTF-8, too long); DUPLICATE_RESOURCE (id is
 * another topic's).
 */
WEIR_MUST_USE enum weir_code image_create_topic(struct image_store *store, const char *name,
	struct uuid *id, const struct image_partition *partitions, int32_t partition_count,
	const struct image_config *configs, size_t config_count, struct weir_err *err);
/* Errors: UNKNOWN_TOPIC_OR_PARTITION. */
WEIR_MUST_USE enum weir_code image_delete_topic(
	struct image_store *store, const char *name, struct weir_err *err);
/*
 * The topics deleted since the last image_forget_gone: a crash may have left some of their files.
 * Stops at each's error.
 */
WEIR_MUST_USE enum weir_code image_each_gone(struct image_store *store,
	enum weir_code (*each)(
		void *arg, const char *name, struct uuid topic_id, struct weir_err *err),
	void *arg, struct weir_err *err);
/* Their files are gone, durably. */
WEIR_MUST_USE enum weir_code image_forget_gone(struct image_store *store, struct weir_err *err);
/* more: as partitions of image_create_topic. Errors: its; UNKNOWN_TOPIC_OR_PARTITION. */
WEIR_MUST_USE enum weir_code image_add_partitions(struct image_store *store, const char *name,
	const struct image_partition *more, int32_t count, struct weir_err *err);
/*
 * Replaces the partition's row; its partition_epoch must be the current one, and is raised by one.
 * Errors: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, INVALID_UPDATE_VERSION (another
 * partition_epoch), FENCED_LEADER_EPOCH (leader_epoch below the current), INVALID_REQUEST (leader
 * or isr not of replicas).
 */
WEIR_MUST_USE enum weir_code image_set_partition(struct image_store *store, struct uuid topic_id,
	int32_t partition, const struct image_partition *row, struct weir_err *err);
/* A partition of a topic. */
struct image_place {
	struct uuid topic_id;
	int32_t partition;
};
/*
 * Raises the leader epoch and the partition epoch of each by one, all in one commit. Errors:
 * UNKNOWN_TOPIC_OR_PARTITION, and nothing is raised.
 */
WEIR_MUST_USE enum weir_code image_raise_epochs(struct image_store *store,
	const struct image_place *places, size_t count, struct weir_err *err);
/*
 * changes: value NULL removes. topic NULL: broker settings, of node (-1: cluster-wide default).
 * Values are not judged, only kept. Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG.
 */
WEIR_MUST_USE enum weir_code image_set_configs(struct image_store *store, const char *topic,
	int32_t node, const struct image_config *changes, size_t count, struct weir_err *err);
/* As image_set_configs. Errors: also INVALID_REQUEST: a group's name too long to carry settings. */
WEIR_MUST_USE enum weir_code image_set_group_configs(struct image_store *store, struct slice group,
	const struct image_config *changes, size_t count, struct weir_err *err);
/* First id of a fresh block of count producer ids, never given before or again. count >= 1. */
WEIR_MUST_USE enum weir_code image_producer_id_block(
	struct image_store *store, int32_t count, int64_t *first, struct weir_err *err);
/* Ids below least are not given any more: somebody else has given them. */
WEIR_MUST_USE enum weir_code image_producer_id_floor(
	struct image_store *store, int64_t least, struct weir_err *err);
