/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A group with its offsets: what the group commands print. */
#pragma once

#include "cli/context.h"
#include "core/client/groups.h"

struct group_row {
	const char *topic;
	int32_t partition;
	int64_t committed;  /* -1: nothing is */
	int64_t start, end; /* of the partition; -1: not known */
	int64_t lag; /* records behind the end, all that are kept without a commit; -1: not known */
	const struct group_member *member; /* that reads it; NULL: none */
};

struct group_view {
	struct arena arena; /* owns the rest */
	struct group_description group;
	struct group_row *rows; /* committed or read by a member: by topic, then partition */
	size_t count;
	int64_t lag; /* of all rows; those not known count nothing */
};

/*
 * Loads group. Free the view after an error too. Errors: GROUP_ID_NOT_FOUND with a hint of a near
 * name; the broker's.
 */
WEIR_MUST_USE enum weir_code group_view_load(struct ctx *ctx, struct client *client,
	const char *group, struct group_view *view, struct weir_err *err);
void group_view_fini(struct group_view *view);

/* Sets the hint to the group whose name is nearest to name, if one is near. */
void group_hint(struct ctx *ctx, struct client *client, const char *name);
/* Whether groups of this type commit offsets as consumers do. */
bool group_is_consumer(const struct group_listing *group);
