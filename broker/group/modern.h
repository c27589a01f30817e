/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The consumer group protocol (KIP-848): the broker assigns, members heartbeat. Each call is a step
 * (coordinator.h).
 *
 * Three epochs: the group's rises when members, subscriptions or topics change; the target
 * assignment is made for one; each member moves to it by itself: first it gives up what it is not
 * to have any more, then its epoch rises, then it gets what others have given up. A partition
 * counts as owned from when a member is told of it until that member no longer reports it, leaves
 * or is fenced; only then the next one gets it.
 */
#pragma once

#include "broker/group/coordinator.h"
#include "core/base/arena.h"
#include "core/wire/messages.h"

/*
 * Fills response (at its defaults); what it points to is in arena or static. Errors, with the text
 * in err: INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, INVALID_REGULAR_EXPRESSION, GROUP_ID_NOT_FOUND,
 * GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, UNRELEASED_INSTANCE_ID,
 * FENCED_INSTANCE_ID, UNKNOWN_SERVER_ERROR (more than one batch holds).
 */
WEIR_MUST_USE enum weir_code coordinator_consumer_heartbeat(struct coordinator *coordinator,
	const struct group_env *env, const struct group_caller *caller,
	const struct consumer_group_heartbeat_request *request, struct arena *arena,
	struct consumer_group_heartbeat_response *response, int64_t *position,
	struct weir_err *err);

/*
 * The topics that a pattern matches, found elsewhere at the shard's request
 * (group_effects.resolve): names as the catalog of revision had them. Unknown groups and patterns
 * that nobody subscribes to any more are passed over.
 */
WEIR_MUST_USE enum weir_code coordinator_resolved(struct coordinator *coordinator,
	const struct group_env *env, struct slice group_id, struct slice pattern,
	const struct slice *topics, size_t count, int64_t revision, struct weir_err *err);

/* As coordinator_describe_classic; GROUP_ID_NOT_FOUND with the text in err. */
enum weir_code coordinator_describe_consumer(const struct coordinator *coordinator,
	const struct group_env *env, struct arena *arena,
	struct consumer_group_describe_response_described_group *row, int64_t *position,
	struct weir_err *err);

/* Whether a pattern is one that RE2 takes; PCRE2 knows more, which no client may rely on. Errors:
 * INVALID_REGULAR_EXPRESSION. */
WEIR_MUST_USE enum weir_code re2_syntax_check(struct slice pattern, struct weir_err *err);
