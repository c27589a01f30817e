/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking at groups, and deleting them. */
#pragma once

#include "broker/group/coordinator.h"
#include "core/base/arena.h"
#include "core/wire/messages.h"

enum group_type { GROUP_CLASSIC, GROUP_CONSUMER };
const char *group_type_name(enum group_type type); /* "classic", "consumer" */

/* One row of a list. Slices are borrowed from the shard. */
struct group_summary {
	struct slice id, protocol_type; /* "" when it has none */
	const char *state;
	enum group_type type;
};
void coordinator_list(const struct coordinator *coordinator,
	void (*each)(void *arg, const struct group_summary *row), void *arg);

/*
 * Fills DescribeGroups' row, whose group_id is set already; what it points to is copied into arena.
 * A group that is not there, or is of the consumer protocol, is "Dead" and GROUP_ID_NOT_FOUND.
 */
enum weir_code coordinator_describe_classic(const struct coordinator *coordinator,
	struct arena *arena, struct describe_groups_response_described_group *row,
	int64_t *position);

/* With its offsets. Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
WEIR_MUST_USE enum weir_code coordinator_delete(struct coordinator *coordinator,
	const struct group_env *env, struct slice group_id, int64_t *position,
	struct weir_err *err);
