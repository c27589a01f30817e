/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who reads which partitions in a group of the classic protocol: the leader's computation.
 *
 * The names, what members hand each other, and the outcome are those of the Java client 4.3, so
 * that any member may lead a mixed group and the next leader, of either kind, moves nothing
 * without need. Racks count where members and brokers name them.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/bytes.h"

enum assignor {
	ASSIGNOR_RANGE,
	ASSIGNOR_ROUNDROBIN,
	ASSIGNOR_STICKY,
	ASSIGNOR_COOPERATIVE_STICKY,
	ASSIGNOR_COUNT,
};

const char *assignor_name(enum assignor assignor); /* as in JoinGroup's protocols */
bool assignor_find(struct slice name, enum assignor *assignor);
/* Whether members keep what they own through a rebalance. */
bool assignor_is_cooperative(enum assignor assignor);

struct assignor_racks {
	const struct slice *racks;
	int32_t count;
};

struct assignor_topic {
	struct slice name;
	int32_t partition_count;	    /* 0: the topic is not there */
	const struct assignor_racks *racks; /* of each partition's replicas; NULL: not known */
};

struct assignor_partition {
	int32_t topic; /* index among the topics */
	int32_t partition;
};

struct assignor_member {
	struct slice id, instance_id, rack; /* data NULL: none, but for id */
	const int32_t *topics;		    /* subscribed: ascending, each once */
	int32_t topic_count;
	const struct assignor_partition *owned; /* as the member says: need not be there */
	int32_t owned_count;
	int32_t generation; /* that it was in; -1: does not say */
	struct slice user_data;
};

struct assignment {
	struct assignor_partition *partitions; /* by topic, then partition */
	int32_t count;
};

/*
 * Sets assignments[i] for members[i]; they live in arena. topics: by name, each once. members: each
 * id once, in the order of the JoinGroup answer. Cooperative: a partition that has another owner is
 * given to nobody until it is owned by none. Errors: TOO_LARGE (more than 2^31 partitions),
 * NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code assignor_assign(enum assignor assignor,
	const struct assignor_topic *topics, int32_t topic_count,
	const struct assignor_member *members, int32_t member_count, struct arena *arena,
	struct assignment *assignments, struct weir_err *err);

/*
 * Appends what a member puts into the user data of its subscription; nothing: null. owned: of
 * generation, NULL before the first assignment.
 */
void assignor_user_data(enum assignor assignor, const struct assignor_topic *topics,
	const struct assignor_partition *owned, int32_t owned_count, int32_t generation,
	struct buf *out);
