/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. Each call is a step
 * (coordinator.h).
 *
 *   Empty --join--> PreparingRebalance --all joined, or time is over--> CompletingRebalance
 *     ^                 ^    ^                                              |        |
 *     |                 |    +-- join, leave, expiry, a sync missing -------+        |
 *     +-- all gone -----+--------- join, leave, expiry ------- Stable <-- leader's sync
 */
#pragma once

#include "broker/group/coordinator.h"
#include "core/wire/messages.h"

/*
 * Both are answered through effects.answer with token, now or when the rebalance is over; a second
 * request of one member answers the first with REBALANCE_IN_PROGRESS. An append that fails is
 * answered too (effects.settle).
 */
void coordinator_join(struct coordinator *coordinator, const struct group_env *env,
	const struct group_caller *caller, const struct join_group_request *request, void *token);
void coordinator_sync(struct coordinator *coordinator, const struct group_env *env,
	const struct group_caller *caller, const struct sync_group_request *request, void *token);

/* Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS. */
WEIR_MUST_USE enum weir_code coordinator_heartbeat(struct coordinator *coordinator,
	const struct group_env *env, const struct heartbeat_request *request, struct weir_err *err);

struct group_leaver {
	struct slice member_id;	  /* may be empty when instance_id is given */
	struct slice instance_id; /* data NULL: none */
	enum weir_code code;	  /* out */
};
WEIR_MUST_USE enum weir_code coordinator_leave(struct coordinator *coordinator,
	const struct group_env *env, struct slice group_id, struct group_leaver *leavers,
	size_t count, int64_t *position, struct weir_err *err);
