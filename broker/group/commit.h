/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Committed offsets: commit, fetch, delete, expiry. Each call is a step (coordinator.h). */
#pragma once

#include "broker/group/coordinator.h"
#include "broker/group/offsets.h"

struct group_commit_row {
	struct slice topic;
	struct uuid topic_id; /* zero: not known */
	int32_t partition;
	int64_t offset;
	int32_t leader_epoch;
	struct slice metadata; /* null is taken as empty */
	enum weir_code code;   /* in: other than WEIR_OK leaves the row out; out: what it came to */
};

struct group_commit {
	struct slice group_id, member_id;
	struct slice instance_id; /* data NULL: none */
	int32_t generation;	  /* or member epoch; -1: not as a member */
	int64_t retention_ms;	  /* -1: the broker's */
	int64_t producer_id;	  /* -1: not in a transaction */
	int16_t producer_epoch;
	struct group_commit_row *rows;
	size_t count;
};

/*
 * Errors of the whole: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 * REBALANCE_IN_PROGRESS, GROUP_ID_NOT_FOUND, INVALID_COMMIT_OFFSET_SIZE (too much for one batch),
 * STALE_MEMBER_EPOCH, UNSUPPORTED_VERSION (below 9 to a group of the consumer protocol), and the
 * append's. Of a row: OFFSET_METADATA_TOO_LARGE.
 */
WEIR_MUST_USE enum weir_code coordinator_commit(struct coordinator *coordinator,
	const struct group_env *env, const struct group_caller *caller, struct group_commit *commit,
	int64_t *position, struct weir_err *err);
/* The transaction's marker is in the log: its commits count (committed) or are dropped. */
void coordinator_commit_end(
	struct coordinator *coordinator, int64_t producer_id, bool committed, int64_t position);

struct group_fetch {
	struct slice group_id;
	struct slice member_id; /* data NULL: none */
	int32_t member_epoch;	/* -1: none */
};
/*
 * Whether the asker may have the group's offsets. *offsets: the group's, borrowed until the next
 * step; NULL when there is no such group. Errors: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH.
 */
WEIR_MUST_USE enum weir_code coordinator_fetch(struct coordinator *coordinator,
	const struct group_fetch *fetch, const struct offsets **offsets, int64_t *position,
	struct weir_err *err);
/* A transaction's commit to the partition is not decided yet. */
bool coordinator_unstable(const struct coordinator *coordinator, struct slice group_id,
	struct slice topic, int32_t partition);

struct group_offset_ref {
	struct slice topic;
	int32_t partition;
	enum weir_code code; /* as in group_commit_row */
};
/* Errors of the whole: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP (members of another protocol type). Of a
 * row: GROUP_SUBSCRIBED_TO_TOPIC. */
WEIR_MUST_USE enum weir_code coordinator_delete_offsets(struct coordinator *coordinator,
	const struct group_env *env, struct slice group_id, struct group_offset_ref *rows,
	size_t count, int64_t *position, struct weir_err *err);

/* The topic of this name was deleted: commits to it go, in all groups. */
WEIR_MUST_USE enum weir_code coordinator_topic_deleted(struct coordinator *coordinator,
	const struct group_env *env, struct slice topic, struct weir_err *err);
