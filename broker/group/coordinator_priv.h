/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a shard, for the files of this folder that make it up. */
#pragma once

#include "broker/group/coordinator.h"
#include "broker/group/mutant.h"
#include "broker/group/offsets.h"
#include "core/base/arena.h"
#include "core/base/heap.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/record/record.h"
#include "core/stat/stat.h"

/* Types of the records in __consumer_offsets that are written here. */
enum group_record {
	RECORD_LEGACY_OFFSET = 0,
	RECORD_OFFSET = 1,
	RECORD_CLASSIC = 2,
	RECORD_CONSUMER_GROUP = 3,
	RECORD_CONSUMER_MEMBER = 5,
	RECORD_CONSUMER_TARGET_EPOCH = 6,
	RECORD_CONSUMER_TARGET = 7,
	RECORD_CONSUMER_CURRENT = 8,
	RECORD_CONSUMER_PATTERN = 16,
};

struct group_timer {
	struct heap_node node;
	void (*fire)(struct coordinator *c, struct group_timer *timer); /* within a step */
};

/* Commits of one open transaction to one group. */
struct pending_offsets {
	struct list in_group, in_txn;
	struct group *group;
	struct pending_txn *txn;
	struct offsets offsets;
};

struct pending_txn {
	int64_t producer_id;
	struct list offsets; /* struct pending_offsets.in_txn */
};

/*
 * A group that has members, or had; or only commits (classic NULL: "simple"). In the table as long
 * as it has either.
 */
struct group {
	struct slice id;
	int64_t position; /* end of its last record in the log; 0: none since the load */
	struct offsets offsets;
	struct list pending;	 /* struct pending_offsets.in_group */
	struct classic *classic; /* NULL: none */
	struct modern *modern;	 /* NULL: none; never both */
};

struct coordinator {
	struct group_effects effects;
	struct map groups; /* struct group by id */
	struct map txns;   /* struct pending_txn by producer id */
	struct heap timers;
	struct group_timer expiry;
	bool failed;		/* memory is ahead of the log */
	int64_t order;		/* of the next commit; above that of all before */
	int64_t gone_position;	/* end of the last record that removed a group */
	int64_t floor_position; /* end of the last batch that touched many groups */

	/* Of the step at hand. */
	const struct group_env *env;
	struct group *group; /* whose step it is; NULL: none, or gone */
	bool many;	     /* the step is about many */
	bool removed;	     /* the step removed a group */
	struct arena arena;
	struct batch_builder records;
	struct buf key, value, batch;
	bool put_failed;     /* memory gave out, or the batch is larger than any may be */
	int64_t producer_id; /* of a transactional commit; -1: none */
	int16_t producer_epoch;
};

/* coordinator.c */
WEIR_MUST_USE enum weir_code step_begin(
	struct coordinator *c, const struct group_env *env, struct weir_err *err);
/* Appends, settles. position may be NULL. */
WEIR_MUST_USE enum weir_code step_end(
	struct coordinator *c, int64_t *position, struct weir_err *err);
/* The same, where a failure has been answered with the rest. */
void step_settle(struct coordinator *c);
/* Adds a record to the step; value NULL: a tombstone. The structs are of wire_record(). */
void record_put(struct coordinator *c, enum group_record type, const void *key, int16_t version,
	const void *value);
/* Bytes the step's batch may still take. */
size_t record_room(const struct coordinator *c);

struct group *group_find(const struct coordinator *c, struct slice id);
struct group *group_take(struct coordinator *c, struct slice id); /* makes it when absent */
/* Frees it; a step's own group becomes NULL. */
void group_drop(struct coordinator *c, struct group *group);
/* Drops it when nothing is left of it. */
void group_drop_if_bare(struct coordinator *c, struct group *group);
/* Writes tombstones for all of it and drops it; its members must be gone. */
void group_delete(struct coordinator *c, struct group *group);
/* What answers about the group have to wait for; group NULL: no such group. */
int64_t group_position(const struct coordinator *c, const struct group *group);

void timer_set(struct coordinator *c, struct group_timer *timer, int64_t after_ms);
void timer_clear(struct coordinator *c, struct group_timer *timer);

/* Of the consumer protocol, by the group's own settings or the broker's. */
int32_t group_session_timeout(const struct coordinator *c, const struct group *group);
int32_t group_heartbeat_interval(const struct coordinator *c, const struct group *group);

/* commit.c */
void commit_replay(struct coordinator *c, const struct group_replay *at, struct slice group_id,
	struct slice topic, struct uuid topic_id, const struct committed *row);
void commit_replay_tombstone(
	struct coordinator *c, struct slice group_id, struct slice topic, int32_t partition);
void commits_free_pending(struct coordinator *c, struct group *group);
/* Tombstones for all offsets of the group, and forgets them. */
void commits_delete_all(struct coordinator *c, struct group *group);
void commit_tombstone(
	struct coordinator *c, struct group *group, struct slice topic, int32_t partition);
bool commits_pending(const struct group *group, struct slice topic, int32_t partition);

/* expiry.c */
void expiry_start(struct coordinator *c);
