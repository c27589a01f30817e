/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which groups read a topic: for topic describe --groups. */
#pragma once

#include "cli/group_view.h"

struct topic_groups {
	struct group_view *views; /* of all groups of consumers */
	size_t count;
};

/* What a group is to one topic. */
struct topic_reader {
	int64_t members, partitions, committed, lag;
};

/* Loads all groups; a broker without groups has none. Free after an error too. Errors: the
 * broker's. */
WEIR_MUST_USE enum weir_code topic_groups_load(
	struct ctx *ctx, struct client *client, struct topic_groups *groups, struct weir_err *err);
void topic_groups_fini(struct topic_groups *groups);
/* False: the group neither reads topic nor has committed offsets of it. */
bool topic_groups_reader(
	const struct group_view *view, const char *topic, struct topic_reader *reader);
