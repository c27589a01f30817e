/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All members subscribe to the same topics, so each gets the same number of partitions or one more.
 * Members keep what they own up to that; the rest goes to those that have too few, in turn.
 */
#include "core/client/assignors/assignor_priv.h"

#include <stdlib.h>

struct even {
	struct sticky *sticky;
	struct plan *plan;
	int32_t least, most;   /* partitions of a member */
	int32_t full_expected; /* members that get most, where it is more than least */
	int32_t full;
	int32_t *hungry; /* members with fewer than least */
	int32_t hungry_count;
	int32_t *filled; /* members with least that may get one more: from filled_first on */
	int32_t filled_first, filled_count;
	int32_t *given_up; /* of a partition: who had it and may not keep it */
};

struct own_item {
	int32_t number, partition, topic;
};

/* By partition first: what is given up then comes from all topics alike. */
static int compare_own(const void *a, const void *b)
{
	const struct own_item *x = a, *y = b;
	return x->partition != y->partition ? (x->partition > y->partition ? 1 : -1)
					    : (x->topic > y->topic) - (x->topic < y->topic);
}

/* Partitions that members say they own, as lists: owned[first[m]] up to owned[first[m + 1]]. */
static bool list_own(struct even *even, struct own_item **owned, int32_t **first)
{
	struct plan *plan = even->plan;
	int32_t *at = arena_try_array(plan->arena, (size_t)plan->member_count + 2, sizeof(*at));
	*owned = arena_try_array(plan->arena, (size_t)plan->partition_count + 1, sizeof(**owned));
	if (!at || !*owned) {
		return false;
	}
	for (int32_t m = 0; m < plan->member_count; m++) {
		at[m + 2] = at[m + 1] + plan->counts[m];
	}
	for (int32_t p = 0; p < plan->partition_count; p++) {
		if (plan->owner[p] != NOBODY) {
			int32_t topic = plan->topic_of[p];
			(*owned)[at[plan->owner[p] + 1]++] =
				(struct own_item){p, p - plan->first[topic], topic};
		}
	}
	*first = at;
	return true;
}

static void filled_clear(struct even *even)
{
	even->filled_first = even->filled_count;
}

static void note_full(struct even *even)
{
	if (++even->full == even->full_expected) {
		filled_clear(even);
	}
}

/* Lets member keep what it owns, as far as that is its share. */
static void keep(struct even *even, int32_t member, struct own_item *owned, int32_t count)
{
	struct plan *plan = even->plan;
	int32_t usable = 0, kept;
	for (int32_t i = 0; i < count; i++) {
		if (sticky_rack_differs(even->sticky, member, owned[i].number)) {
			even->given_up[owned[i].number] = member;
			plan_give(plan, owned[i].number, NOBODY);
		} else if (even->sticky->doubly[owned[i].number]) {
			plan_give(plan, owned[i].number, NOBODY);
		} else {
			owned[usable++] = owned[i];
		}
	}
	qsort(owned, (size_t)usable, sizeof(*owned), compare_own);
	if (usable < even->least) {
		even->hungry[even->hungry_count++] = member;
		return;
	}
	if (usable >= even->most && even->full < even->full_expected) {
		kept = even->most;
		note_full(even);
	} else {
		kept = even->least;
		if (even->full < even->full_expected) {
			even->filled[even->filled_count++] = member;
		}
	}
	for (int32_t i = kept; i < usable; i++) {
		even->given_up[owned[i].number] = member;
		plan_give(plan, owned[i].number, NOBODY);
	}
}

static int32_t give_new(struct even *even, int32_t partition, int32_t member)
{
	int32_t had = even->given_up[partition];
	plan_give(even->plan, partition, member);
	if ((had != NOBODY && had != member) || even->sticky->doubly[partition]) {
		even->sticky->taken_over[partition] = member;
	}
	return even->plan->counts[member];
}

static int32_t next_in_rack(const struct even *even, int32_t partition, const int32_t *members,
	int32_t count, int32_t from)
{
	const struct plan *plan = even->plan;
	for (int32_t i = 0; i < count; i++) {
		int32_t at = (from + i) % count;
		if (plan_member_has_rack(plan, members[at]) &&
			!plan_rack_differs(plan, members[at], partition)) {
			return at;
		}
	}
	return -1;
}

static void remove_at(int32_t *list, int32_t *count, int32_t at)
{
	(*count)--;
	memmove(list + at, list + at + 1, (size_t)(*count - at) * sizeof(*list));
}

/* To the next hungry member in a rack of the partition; *turn moves on. False: there is none. */
static bool give_hungry_in_rack(struct even *even, int32_t partition, int32_t *turn)
{
	int32_t at = next_in_rack(even, partition, even->hungry, even->hungry_count, *turn);
	if (at < 0) {
		return false;
	}
	int32_t member = even->hungry[at];
	int32_t count = give_new(even, partition, member);
	if (count >= even->least) {
		remove_at(even->hungry, &even->hungry_count, at);
		if (count < even->most && even->full < even->full_expected) {
			even->filled[even->filled_count++] = member;
		}
	} else {
		at++;
	}
	*turn = even->hungry_count ? at % even->hungry_count : 0;
	return true;
}

static bool give_filled_in_rack(struct even *even, int32_t partition)
{
	int32_t *filled = even->filled + even->filled_first;
	int32_t count = even->filled_count - even->filled_first;
	int32_t at = next_in_rack(even, partition, filled, count, 0);
	if (at < 0) {
		return false;
	}
	if (give_new(even, partition, filled[at]) == even->most) {
		remove_at(filled, &count, at);
		even->filled_count--;
		note_full(even);
	}
	return true;
}

/* list[count] of partitions that nobody has; those that find a member in their rack leave it. */
static void give_in_racks(struct even *even, int32_t *list, int32_t *count)
{
	int32_t turn = 0, left = 0;
	for (int32_t i = 0; i < *count; i++) {
		if (!give_hungry_in_rack(even, list[i], &turn) &&
			!give_filled_in_rack(even, list[i])) {
			list[left++] = list[i];
		}
	}
	*count = left;
}

static int32_t least_loaded(const struct plan *plan)
{
	int32_t best = plan->by_id[0];
	for (int32_t i = 1; i < plan->member_count; i++) {
		int32_t member = plan->by_id[i];
		best = plan->counts[member] < plan->counts[best] ? member : best;
	}
	return best;
}

static void give_rest(struct even *even, const int32_t *list, int32_t count)
{
	int32_t turn = 0;
	for (int32_t i = 0; i < count; i++) {
		int32_t member;
		if (even->hungry_count) {
			turn = turn < even->hungry_count ? turn : 0;
			member = even->hungry[turn];
		} else if (even->filled_first < even->filled_count) {
			member = even->filled[even->filled_first++];
		} else {
			member = least_loaded(even->plan);
		}
		bool was_hungry = even->hungry_count > 0;
		if (give_new(even, list[i], member) == even->least && was_hungry) {
			remove_at(even->hungry, &even->hungry_count, turn);
			even->filled[even->filled_count++] = member;
		} else if (was_hungry) {
			turn++;
		}
	}
}

struct rack_item {
	int32_t number, consumers;
};

static int compare_rack_items(const void *a, const void *b)
{
	const struct rack_item *x = a, *y = b;
	return x->consumers != y->consumers ? (x->consumers > y->consumers ? 1 : -1)
					    : (x->number > y->number) - (x->number < y->number);
}

/* What nobody has; with racks the partitions that suit few members come first. */
static int32_t *list_free(struct even *even, int32_t *count)
{
	struct plan *plan = even->plan;
	size_t room = (size_t)plan->partition_count + 1;
	struct rack_item *items = arena_try_array(plan->arena, room, sizeof(*items));
	int32_t *list = arena_try_array(plan->arena, room, sizeof(*list));
	if (!items || !list) {
		return NULL;
	}
	*count = 0;
	for (int32_t p = 0; p < plan->partition_count; p++) {
		if (plan->owner[p] == NOBODY) {
			int32_t consumers =
				even->sticky->rack_consumers ? even->sticky->rack_consumers[p] : 0;
			items[(*count)++] = (struct rack_item){p, consumers};
		}
	}
	qsort(items, (size_t)*count, sizeof(*items), compare_rack_items);
	for (int32_t i = 0; i < *count; i++) {
		list[i] = items[i].number;
	}
	return list;
}

struct id_item {
	int32_t rank, member;
};

static int compare_id_items(const void *a, const void *b)
{
	const struct id_item *x = a, *y = b;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static bool sort_by_id(const struct plan *plan, int32_t *list, int32_t count)
{
	struct id_item *items = arena_try_array(plan->arena, (size_t)count + 1, sizeof(*items));
	if (!items) {
		return false;
	}
	for (int32_t i = 0; i < count; i++) {
		items[i] = (struct id_item){plan->rank[list[i]], list[i]};
	}
	qsort(items, (size_t)count, sizeof(*items), compare_id_items);
	for (int32_t i = 0; i < count; i++) {
		list[i] = items[i].member;
	}
	return true;
}

static bool even_init(struct even *even, struct sticky *sticky)
{
	struct plan *plan = sticky->plan;
	size_t members = (size_t)plan->member_count;
	*even = (struct even){
		.sticky = sticky,
		.plan = plan,
		.least = plan->partition_count / plan->member_count,
		.full_expected = plan->partition_count % plan->member_count,
		.hungry = arena_try_array(plan->arena, members, sizeof(*even->hungry)),
		/* A member comes in twice at most: when it keeps enough, and when it got enough. */
		.filled = arena_try_array(plan->arena, 2 * members, sizeof(*even->filled)),
		.given_up = arena_try_array(
			plan->arena, (size_t)plan->partition_count + 1, sizeof(*even->given_up)),
	};
	even->most = even->least + (even->full_expected > 0);
	if (!even->hungry || !even->filled || !even->given_up) {
		return false;
	}
	memset(even->given_up, 0xff, (size_t)plan->partition_count * sizeof(*even->given_up));
	return true;
}

enum weir_code sticky_assign_even(struct sticky *sticky, struct weir_err *err)
{
	struct plan *plan = sticky->plan;
	struct even even;
	struct own_item *owned;
	int32_t *first, count;
	if (!even_init(&even, sticky) || !list_own(&even, &owned, &first)) {
		return plan_no_memory(err);
	}
	for (int32_t i = 0; i < plan->member_count; i++) {
		int32_t member = sticky->order[i];
		keep(&even, member, owned + first[member], first[member + 1] - first[member]);
	}
	int32_t *list = list_free(&even, &count);
	int32_t *filled = even.filled + even.filled_first;
	if (!list || !sort_by_id(plan, even.hungry, even.hungry_count) ||
		!sort_by_id(plan, filled, even.filled_count - even.filled_first)) {
		return plan_no_memory(err);
	}
	if (sticky->by_rack) {
		give_in_racks(&even, list, &count);
	}
	give_rest(&even, list, count);
	return WEIR_OK;
}
