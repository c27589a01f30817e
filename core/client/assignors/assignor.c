/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/client/assignors/assignor_priv.h"

#include <stdlib.h>

static const char *const names[ASSIGNOR_COUNT] = {
	[ASSIGNOR_RANGE] = "range",
	[ASSIGNOR_ROUNDROBIN] = "roundrobin",
	[ASSIGNOR_STICKY] = "sticky",
	[ASSIGNOR_COOPERATIVE_STICKY] = "cooperative-sticky",
};

const char *assignor_name(enum assignor assignor)
{
	return names[assignor];
}

bool assignor_find(struct slice name, enum assignor *assignor)
{
	for (size_t i = 0; i < ASSIGNOR_COUNT; i++) {
		if (slice_equal(name, slice_str(names[i]))) {
			*assignor = (enum assignor)i;
			return true;
		}
	}
	return false;
}

bool assignor_is_cooperative(enum assignor assignor)
{
	return assignor == ASSIGNOR_COOPERATIVE_STICKY;
}

static enum weir_code run(struct plan *plan, enum assignor assignor, struct weir_err *err)
{
	switch (assignor) {
	case ASSIGNOR_RANGE:
		return range_assign(plan, err);
	case ASSIGNOR_ROUNDROBIN:
		return roundrobin_assign(plan, err);
	default:
		return sticky_assign(plan, assignor, err);
	}
}

/* Partitions are numbered by topic and partition, so each list comes out in that order. */
static enum weir_code list_owned(
	const struct plan *plan, struct assignment *assignments, struct weir_err *err)
{
	for (int32_t m = 0; m < plan->member_count; m++) {
		assignments[m].count = 0;
		assignments[m].partitions = arena_try_array(plan->arena,
			(size_t)plan->counts[m] + 1, sizeof(*assignments[m].partitions));
		if (!assignments[m].partitions) {
			return plan_no_memory(err);
		}
	}
	for (int32_t p = 0; p < plan->partition_count; p++) {
		if (plan->owner[p] == NOBODY) {
			continue;
		}
		struct assignment *assignment = &assignments[plan->owner[p]];
		assignment->partitions[assignment->count++] = (struct assignor_partition){
			.topic = plan->topic_of[p],
			.partition = p - plan->first[plan->topic_of[p]],
		};
	}
	return WEIR_OK;
}

enum weir_code assignor_assign(enum assignor assignor, const struct assignor_topic *topics,
	int32_t topic_count, const struct assignor_member *members, int32_t member_count,
	struct arena *arena, struct assignment *assignments, struct weir_err *err)
{
	struct plan plan;
	if (!member_count) {
		return WEIR_OK;
	}
	enum weir_code code =
		plan_init(&plan, topics, topic_count, members, member_count, arena, err);
	if (!code) {
		code = run(&plan, assignor, err);
	}
	return code ? code : list_owned(&plan, assignments, err);
}

/* One topic of the sticky assignor's user data; returns the index behind it. */
static int32_t add_topic(const struct assignor_topic *topics,
	const struct assignor_partition *owned, int32_t i, int32_t owned_count, struct buf *out)
{
	uint8_t number[4];
	int32_t end = i, topic = owned[i].topic;
	while (end < owned_count && owned[end].topic == topic) {
		end++;
	}
	struct slice name = topics[topic].name;
	be16_put(number, (uint16_t)name.len);
	buf_add(out, number, 2);
	buf_add(out, name.data, name.len);
	be32_put(number, (uint32_t)(end - i));
	buf_add(out, number, 4);
	for (; i < end; i++) {
		be32_put(number, (uint32_t)owned[i].partition);
		buf_add(out, number, 4);
	}
	return end;
}

void assignor_user_data(enum assignor assignor, const struct assignor_topic *topics,
	const struct assignor_partition *owned, int32_t owned_count, int32_t generation,
	struct buf *out)
{
	uint8_t number[4];
	if (assignor == ASSIGNOR_STICKY && owned) {
		uint32_t count = 0;
		for (int32_t i = 0; i < owned_count; i++) {
			count += !i || owned[i].topic != owned[i - 1].topic;
		}
		be32_put(number, count);
		buf_add(out, number, 4);
		for (int32_t i = 0; i < owned_count;) {
			i = add_topic(topics, owned, i, owned_count, out);
		}
	} else if (assignor != ASSIGNOR_COOPERATIVE_STICKY) {
		return;
	}
	be32_put(number, (uint32_t)generation);
	buf_add(out, number, 4);
}
