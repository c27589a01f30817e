/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The group coordinator, pure: one struct coordinator is one shard, that is, one partition of
 * __consumer_offsets. No I/O, no clock, no threads: requests, the time and what happens around it
 * come in as arguments; records to append and answers to requests that had to wait go out through
 * struct group_effects. Its owner guards it (broker/group/runner.h: one mutex a shard).
 *
 * Invariants, which tests/unit/test_group_model.c checks after every step:
 * (I1) Within a generation (classic) or by the members' own reports (KIP-848) a partition has at
 *      most one owner.
 * (I2) A commit that was answered without error is never lost, and never goes back by itself: what
 *      a fetch answers later is that commit or a later one, also after a restart.
 * (I3) A commit by a member that is unknown, fenced or of another generation or epoch is refused.
 * (I4) No rebalance takes longer than the timeouts of its members allow.
 * (I5) Each request is answered exactly once.
 * (I6) The records emitted, replayed in order, give the state that emitted them (but for what is
 *      not kept: who waits in a rebalance, sessions, members that were asked to come back with an
 *      id).
 *
 * A step: every call below is one step (coordinator_tick is one a timer that is due). Memory
 * changes at once; the records of a step are appended as one atomic batch at its end. Answers that
 * depend on a group's records may go out only when the log is durable up to the position that the
 * step returns: the group's last record. When the append fails, memory and log disagree: the step
 * returns the error, every later one NOT_COORDINATOR, and the owner frees the shard and loads it
 * again from the log.
 */
#pragma once

#include "broker/group/catalog.h"
#include "core/conf/conf.h"
#include "core/record/batch.h"

struct coordinator;

/* What a step may look at. Borrowed for the call. */
struct group_env {
	const struct conf *conf;
	const struct group_catalog *catalog;
	int64_t mono_ms; /* timers */
	int64_t wall_ms; /* timestamps in records, expiry of offsets */
};

/* Who asks. */
struct group_caller {
	struct slice client_id;	  /* may be null */
	struct slice client_host; /* as in Kafka's records: "/127.0.0.1" */
	int16_t version;	  /* of the API */
};

struct group_effects {
	void *arg;
	/* Appends one batch, which may be changed in place; *end: the offset after its last record.
	 */
	enum weir_code (*append)(
		void *arg, uint8_t *bytes, size_t len, int64_t *end, struct weir_err *err);
	/*
	 * Answers a request that was parked with token (JoinGroup: struct join_group_response,
	 * SyncGroup: struct sync_group_response). Called once a token. response points into the
	 * shard: to be copied before the return, to be sent after settle.
	 */
	void (*answer)(void *arg, void *token, const void *response);
	/* Have the topics found that the pattern matches, now; coordinator_resolved tells them. */
	void (*resolve)(void *arg, struct slice group_id, struct slice pattern);
	/*
	 * Ends a step: its answers may go when the log is durable up to position; with code other
	 * than WEIR_OK none of them may, each is answered with code instead.
	 */
	void (*settle)(void *arg, enum weir_code code, int64_t position);
};

struct coordinator *coordinator_new(const struct group_effects *effects);
/* Parked requests are answered with NOT_COORDINATOR first. */
void coordinator_free(struct coordinator **coordinator);

/*
 * Index of a group's partition: Java's String.hashCode over UTF-16 units, its absolute value
 * modulo count.
 */
int32_t coordinator_partition(struct slice group_id, int32_t count);

/*
 * Loading: all batches of the log in order, then coordinator_loaded, which starts the timers.
 * Records that are not of groups, or of kinds unknown here, are passed over. A key or value that
 * does not decode is BAD_DATA and leaves the shard as it was.
 */
struct group_replay {
	int64_t offset; /* of the record */
	int64_t producer_id;
	bool transactional;
};
WEIR_MUST_USE enum weir_code coordinator_replay(struct coordinator *coordinator,
	const struct group_replay *at, struct slice key, struct slice value, struct weir_err *err);
/* A transaction of producer_id ended: its commits count (committed) or are dropped. */
void coordinator_replay_end(struct coordinator *coordinator, int64_t producer_id, bool committed);
/* end_offset: of the log. */
void coordinator_loaded(
	struct coordinator *coordinator, const struct group_env *env, int64_t end_offset);

/* When coordinator_tick has something to do next, mono ms; INT64_MAX: never. */
int64_t coordinator_next_deadline(const struct coordinator *coordinator);
/* Does what is due. */
WEIR_MUST_USE enum weir_code coordinator_tick(
	struct coordinator *coordinator, const struct group_env *env, struct weir_err *err);

/* An append failed: nothing but coordinator_free makes sense any more. */
bool coordinator_failed(const struct coordinator *coordinator);
size_t coordinator_group_count(const struct coordinator *coordinator);
