/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Committed offsets of a group: reading and writing them, as a member or from outside. */
#pragma once

#include "core/client/client.h"

/* Who commits. From outside: member_id "", epoch -1, instance_id NULL. */
struct group_identity {
	const char *member_id;
	const char *instance_id; /* NULL: none */
	int32_t epoch;		 /* generation of a classic member, or member epoch */
};
extern const struct group_identity group_outsider;

struct group_offset {
	const char *topic;
	struct uuid topic_id; /* zero: not known; then names are sent */
	int32_t partition;
	int64_t offset;	      /* -1: none is committed */
	int32_t leader_epoch; /* -1: not known */
	const char *metadata; /* may be NULL: "" */
	int16_t error;	      /* out: wire code */
};

/*
 * Reads the committed offset of each item: sets offset, leader_epoch, metadata (in arena), error.
 * Items of one topic stand together. Offsets that a transaction may still change are waited for
 * when stable is set. Errors: the group's own (NOT_COORDINATOR is retried), STALE_MEMBER_EPOCH,
 * GROUP_AUTHORIZATION_FAILED ...
 */
WEIR_MUST_USE enum weir_code group_offsets_fetch(struct client *client, const char *group,
	const struct group_identity *who, bool stable, struct group_offset *items, size_t count,
	struct arena *arena, struct weir_err *err);
/* All that are committed, by topic and partition, in arena. A group that is not there has none. */
WEIR_MUST_USE enum weir_code group_offsets_all(struct client *client, const char *group,
	struct arena *arena, struct group_offset **items, size_t *count, struct weir_err *err);
/*
 * Commits the items and sets error of each. Errors: those of the call; a code that all items share
 * stays in the items.
 */
WEIR_MUST_USE enum weir_code group_offsets_commit(struct client *client, const char *group,
	const struct group_identity *who, struct group_offset *items, size_t count,
	struct weir_err *err);
/* Forgets committed offsets: sets error of each item. */
WEIR_MUST_USE enum weir_code group_offsets_delete(struct client *client, const char *group,
	struct group_offset *items, size_t count, struct weir_err *err);
