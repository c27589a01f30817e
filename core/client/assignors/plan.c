/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/client/assignors/assignor_priv.h"

#include <stdlib.h>

enum weir_code plan_no_memory(struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory to assign partitions");
}

int slice_compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

uint32_t java_hash(struct slice text)
{
	uint32_t hash = 0;
	for (size_t i = 0; i < text.len; i++) {
		hash = hash * 31 + text.data[i];
	}
	return hash;
}

uint32_t java_slot(uint32_t hash, uint32_t room)
{
	return (hash ^ hash >> 16) & (room - 1);
}

uint32_t java_room(uint32_t count)
{
	uint32_t room = 16;
	while (room < UINT32_C(1) << 30 && count > room / 4 * 3) {
		room *= 2;
	}
	return room;
}

struct sort_item {
	const struct assignor_member *member;
	int32_t index;
	bool by_instance;
};

static int compare_members(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;
	if (x->by_instance) {
		bool left = x->member->instance_id.data, right = y->member->instance_id.data;
		if (left != right) {
			return left ? -1 : 1;
		}
		if (left) {
			return slice_compare(x->member->instance_id, y->member->instance_id);
		}
	}
	return slice_compare(x->member->id, y->member->id);
}

static int32_t *sort_members(const struct plan *plan, bool by_instance)
{
	size_t count = (size_t)plan->member_count;
	struct sort_item *items = arena_try_array(plan->arena, count, sizeof(*items));
	int32_t *order = arena_try_array(plan->arena, count, sizeof(*order));
	if (!items || !order) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		items[i] = (struct sort_item){&plan->members[i], (int32_t)i, by_instance};
	}
	qsort(items, count, sizeof(*items), compare_members);
	for (size_t i = 0; i < count; i++) {
		order[i] = items[i].index;
	}
	return order;
}

int32_t *plan_order(const struct plan *plan)
{
	return sort_members(plan, true);
}

static bool number_partitions(struct plan *plan)
{
	struct arena *arena = plan->arena;
	size_t count = (size_t)plan->partition_count + 1;
	plan->topic_of = arena_try_array(arena, count, sizeof(*plan->topic_of));
	plan->owner = arena_try_array(arena, count, sizeof(*plan->owner));
	if (!plan->topic_of || !plan->owner) {
		return false;
	}
	for (int32_t t = 0; t < plan->topic_count; t++) {
		for (int32_t p = plan->first[t]; p < plan->first[t + 1]; p++) {
			plan->topic_of[p] = t;
			plan->owner[p] = NOBODY;
		}
	}
	return true;
}

static bool rank_members(struct plan *plan)
{
	plan->by_id = sort_members(plan, false);
	plan->rank = arena_try_array(plan->arena, (size_t)plan->member_count, sizeof(*plan->rank));
	if (!plan->by_id || !plan->rank) {
		return false;
	}
	for (int32_t i = 0; i < plan->member_count; i++) {
		plan->rank[plan->by_id[i]] = i;
	}
	return true;
}

enum weir_code plan_init(struct plan *plan, const struct assignor_topic *topics,
	int32_t topic_count, const struct assignor_member *members, int32_t member_count,
	struct arena *arena, struct weir_err *err)
{
	*plan = (struct plan){
		.topics = topics,
		.members = members,
		.topic_count = topic_count,
		.member_count = member_count,
		.arena = arena,
	};
	plan->first = arena_try_array(arena, (size_t)topic_count + 1, sizeof(*plan->first));
	plan->counts = arena_try_array(arena, (size_t)member_count, sizeof(*plan->counts));
	if (!plan->first || !plan->counts) {
		return plan_no_memory(err);
	}
	bool *subscribed = arena_try_array(arena, (size_t)topic_count + 1, sizeof(*subscribed));
	if (!subscribed) {
		return plan_no_memory(err);
	}
	for (int32_t m = 0; m < member_count; m++) {
		for (int32_t i = 0; i < members[m].topic_count; i++) {
			subscribed[members[m].topics[i]] = true;
		}
	}
	for (int32_t t = 0; t < topic_count; t++) {
		int32_t count = subscribed[t] ? topics[t].partition_count : 0;
		if (count > INT32_MAX - plan->first[t]) {
			return err_set(err, WEIR_TOO_LARGE, "a group of more than %d partitions",
				INT32_MAX);
		}
		plan->first[t + 1] = plan->first[t] + count;
	}
	plan->partition_count = plan->first[topic_count];
	return number_partitions(plan) && rank_members(plan) ? WEIR_OK : plan_no_memory(err);
}

bool plan_list_consumers(struct plan *plan, const int32_t *order)
{
	size_t total = 0;
	for (int32_t m = 0; m < plan->member_count; m++) {
		total += (size_t)plan->members[m].topic_count;
	}
	size_t topics = (size_t)plan->topic_count;
	int32_t *first = arena_try_array(plan->arena, topics + 2, sizeof(*first));
	plan->consumers = arena_try_array(plan->arena, total + 1, sizeof(*plan->consumers));
	if (!first || !plan->consumers || total > INT32_MAX) {
		return false;
	}
	/* One place further than at the end, so that filling moves each to where it belongs. */
	plan->consumer_first = first;
	for (int32_t m = 0; m < plan->member_count; m++) {
		for (int32_t i = 0; i < plan->members[m].topic_count; i++) {
			first[plan->members[m].topics[i] + 2]++;
		}
	}
	for (size_t t = 2; t <= topics; t++) {
		first[t] += first[t - 1];
	}
	for (int32_t i = 0; i < plan->member_count; i++) {
		const struct assignor_member *member = &plan->members[order[i]];
		for (int32_t k = 0; k < member->topic_count; k++) {
			plan->consumers[first[member->topics[k] + 1]++] = order[i];
		}
	}
	return true;
}

bool plan_subscribes(const struct plan *plan, int32_t member, int32_t topic)
{
	const int32_t *topics = plan->members[member].topics;
	int32_t low = 0, high = plan->members[member].topic_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (topics[middle] < topic) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < plan->members[member].topic_count && topics[low] == topic;
}

int32_t plan_topic(const struct plan *plan, struct slice name)
{
	int32_t low = 0, high = plan->topic_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		int order = slice_compare(plan->topics[middle].name, name);
		if (!order) {
			return middle;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return -1;
}

int32_t plan_number(const struct plan *plan, int32_t topic, int32_t partition)
{
	if (topic < 0 || topic >= plan->topic_count || partition < 0 ||
		partition >= plan_partitions(plan, topic)) {
		return -1;
	}
	return plan->first[topic] + partition;
}

void plan_give(struct plan *plan, int32_t partition, int32_t member)
{
	int32_t old = plan->owner[partition];
	if (old != NOBODY) {
		plan->counts[old]--;
	}
	if (member != NOBODY) {
		plan->counts[member]++;
	}
	plan->owner[partition] = member;
}

bool plan_has_rack(const struct plan *plan, int32_t partition, struct slice rack)
{
	int32_t topic = plan->topic_of[partition];
	const struct assignor_racks *all = plan->topics[topic].racks;
	if (!all) {
		return false;
	}
	const struct assignor_racks *racks = &all[partition - plan->first[topic]];
	for (int32_t i = 0; i < racks->count; i++) {
		if (slice_equal(racks->racks[i], rack)) {
			return true;
		}
	}
	return false;
}

bool plan_member_has_rack(const struct plan *plan, int32_t member)
{
	return plan->members[member].rack.data && plan->members[member].rack.len;
}

bool plan_rack_differs(const struct plan *plan, int32_t member, int32_t partition)
{
	return plan_member_has_rack(plan, member) &&
	       !plan_has_rack(plan, partition, plan->members[member].rack);
}
