/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members subscribe to different topics. Each free partition goes to the subscriber that has least;
 * then partitions move from members that have more to members that have at least two fewer, until
 * no move evens things out. Is the outcome no more even than before the moves, they are undone.
 *
 * When a partition is to move back between two members that already exchanged one of that topic,
 * that one moves back instead, so that no two partitions of a topic change places.
 */
#include "core/client/assignors/assignor_priv.h"

#include <stdlib.h>

/* A few are enough; a circle of moves that undo each other must not go on for ever. */
enum { PASSES_MAX = 1000 };

struct general {
	struct sticky *sticky;
	struct plan *plan;
	int32_t *by_load; /* members that take part: by number of partitions, then id */
	int32_t *place;	  /* of a member in by_load; -1: takes no part */
	int32_t by_load_count;
	bool revoked; /* a member may not keep what it has */
	/* Moves of this computation: where a partition came from and went to; NOBODY. */
	int32_t *moved_from, *moved_to;
	uint32_t *moved_as; /* number of the move */
	uint32_t moves;
	int32_t *most; /* of a topic: partitions of the member that has most, among its owners */
};

static int32_t consumers_of(const struct plan *plan, int32_t topic)
{
	return plan->consumer_first[topic + 1] - plan->consumer_first[topic];
}

static bool lighter(const struct plan *plan, int32_t a, int32_t b)
{
	return plan->counts[a] != plan->counts[b] ? plan->counts[a] < plan->counts[b]
						  : plan->rank[a] < plan->rank[b];
}

/* Puts member where its load belongs, after that has changed. */
static void replace(struct general *general, int32_t member)
{
	int32_t at = general->place[member];
	int32_t *list = general->by_load;
	while (at > 0 && lighter(general->plan, member, list[at - 1])) {
		list[at] = list[at - 1];
		general->place[list[at]] = at;
		at--;
	}
	while (at + 1 < general->by_load_count && lighter(general->plan, list[at + 1], member)) {
		list[at] = list[at + 1];
		general->place[list[at]] = at;
		at++;
	}
	list[at] = member;
	general->place[member] = at;
}

static void leave_by_load(struct general *general, int32_t member)
{
	int32_t at = general->place[member];
	general->place[member] = -1;
	general->by_load_count--;
	for (; at < general->by_load_count; at++) {
		general->by_load[at] = general->by_load[at + 1];
		general->place[general->by_load[at]] = at;
	}
}

static bool fill_by_load(struct general *general)
{
	struct plan *plan = general->plan;
	size_t count = (size_t)plan->member_count;
	general->by_load = arena_try_array(plan->arena, count, sizeof(*general->by_load));
	general->place = arena_try_array(plan->arena, count, sizeof(*general->place));
	if (!general->by_load || !general->place) {
		return false;
	}
	for (int32_t i = 0; i < plan->member_count; i++) {
		int32_t member = plan->by_id[i];
		general->by_load[general->by_load_count] = member;
		general->place[member] = general->by_load_count++;
		replace(general, member);
	}
	return true;
}

/* Takes from members what they no longer subscribe to or what is in no rack of theirs. */
static void revoke(struct general *general)
{
	struct plan *plan = general->plan;
	for (int32_t p = 0; p < plan->partition_count; p++) {
		int32_t owner = plan->owner[p];
		if (owner != NOBODY && (!plan_subscribes(plan, owner, plan->topic_of[p]) ||
					       sticky_rack_differs(general->sticky, owner, p))) {
			plan_give(plan, p, NOBODY);
			general->revoked = true;
		}
	}
}

struct topic_item {
	int32_t topic, consumers;
};

static int compare_topics(const void *a, const void *b)
{
	const struct topic_item *x = a, *y = b;
	return x->consumers != y->consumers ? (x->consumers > y->consumers ? 1 : -1)
					    : (x->topic > y->topic) - (x->topic < y->topic);
}

/* All partitions, those with the fewest subscribers first. */
static int32_t *sort_partitions(const struct plan *plan)
{
	size_t topics = (size_t)plan->topic_count;
	struct topic_item *items = arena_try_array(plan->arena, topics + 1, sizeof(*items));
	int32_t *list =
		arena_try_array(plan->arena, (size_t)plan->partition_count + 1, sizeof(*list));
	int32_t count = 0;
	if (!items || !list) {
		return NULL;
	}
	for (int32_t t = 0; t < plan->topic_count; t++) {
		items[t] = (struct topic_item){t, consumers_of(plan, t)};
	}
	qsort(items, topics, sizeof(*items), compare_topics);
	for (size_t i = 0; i < topics; i++) {
		int32_t topic = items[i].topic;
		for (int32_t p = plan->first[topic]; p < plan->first[topic + 1]; p++) {
			list[count++] = p;
		}
	}
	return list;
}

/* To the subscriber that has least; by_rack: in one of its racks. */
static void give_to_lightest(struct general *general, int32_t partition, bool by_rack)
{
	struct plan *plan = general->plan;
	for (int32_t i = 0; i < general->by_load_count; i++) {
		int32_t member = general->by_load[i];
		if (plan_subscribes(plan, member, plan->topic_of[partition]) &&
			!(by_rack && sticky_rack_differs(general->sticky, member, partition))) {
			plan_give(plan, partition, member);
			replace(general, member);
			return;
		}
	}
}

static int32_t may_have(const struct plan *plan, int32_t member)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < plan->members[member].topic_count; i++) {
		sum += plan_partitions(plan, plan->members[member].topics[i]);
	}
	return (int32_t)sum;
}

/* Members that have all they can get, and share none of it with another subscriber, are done. */
static bool set_aside(struct general *general, bool *shares)
{
	struct plan *plan = general->plan;
	for (int32_t p = 0; p < plan->partition_count; p++) {
		if (plan->owner[p] != NOBODY && consumers_of(plan, plan->topic_of[p]) >= 2) {
			shares[plan->owner[p]] = true;
		}
	}
	for (int32_t m = 0; m < plan->member_count; m++) {
		if (plan->counts[m] >= may_have(plan, m) && !shares[m]) {
			leave_by_load(general, m);
		}
	}
	return general->by_load_count > 0;
}

/* Whether no member could take a partition of one that has two more. */
static bool is_balanced(struct general *general)
{
	const struct plan *plan = general->plan;
	int32_t least = plan->counts[general->by_load[0]];
	int32_t most = plan->counts[general->by_load[general->by_load_count - 1]];
	if (least >= most - 1) {
		return true;
	}
	memset(general->most, 0, (size_t)plan->topic_count * sizeof(*general->most));
	for (int32_t p = 0; p < plan->partition_count; p++) {
		int32_t owner = plan->owner[p];
		if (owner != NOBODY && general->place[owner] >= 0 &&
			plan->counts[owner] > general->most[plan->topic_of[p]]) {
			general->most[plan->topic_of[p]] = plan->counts[owner];
		}
	}
	for (int32_t i = 0; i < general->by_load_count; i++) {
		int32_t member = general->by_load[i];
		for (int32_t k = 0; k < plan->members[member].topic_count; k++) {
			if (plan->counts[member] + 1 <
				general->most[plan->members[member].topics[k]]) {
				return false;
			}
		}
	}
	return true;
}

/* Java's hash of a topic and partition. */
static uint32_t partition_hash(const struct plan *plan, int32_t partition)
{
	int32_t topic = plan->topic_of[partition];
	return (31 + (uint32_t)(partition - plan->first[topic])) * 31 +
	       java_hash(plan->topics[topic].name);
}

/* What has moved from from to to, of the topic: the one that Java finds first; NOBODY if none. */
static int32_t find_moved(struct general *general, int32_t topic, int32_t from, int32_t to)
{
	const struct plan *plan = general->plan;
	uint32_t count = 0, best_slot = 0;
	int32_t best = NOBODY;
	for (int32_t p = plan->first[topic]; p < plan->first[topic + 1]; p++) {
		count += general->moved_from[p] == from && general->moved_to[p] == to;
	}
	for (int32_t p = plan->first[topic]; p < plan->first[topic + 1] && count; p++) {
		if (general->moved_from[p] != from || general->moved_to[p] != to) {
			continue;
		}
		uint32_t slot = java_slot(partition_hash(plan, p), java_room(count));
		if (best == NOBODY || slot < best_slot ||
			(slot == best_slot && general->moved_as[p] < general->moved_as[best])) {
			best = p;
			best_slot = slot;
		}
	}
	return best;
}

static void note_move(struct general *general, int32_t partition, int32_t from, int32_t to)
{
	if (general->moved_from[partition] != NOBODY) {
		from = general->moved_from[partition];
	}
	bool back = from == to;
	general->moved_from[partition] = back ? NOBODY : from;
	general->moved_to[partition] = back ? NOBODY : to;
	general->moved_as[partition] = ++general->moves;
}

static void move(struct general *general, int32_t partition, int32_t to)
{
	struct plan *plan = general->plan;
	int32_t from = plan->owner[partition];
	int32_t origin = general->moved_from[partition];
	int32_t instead = find_moved(
		general, plan->topic_of[partition], to, origin == NOBODY ? from : origin);
	if (instead != NOBODY) {
		partition = instead;
		from = plan->owner[partition];
	}
	note_move(general, partition, from, to);
	plan_give(plan, partition, to);
	replace(general, from);
	replace(general, to);
}

static int32_t lightest(const struct general *general, int32_t topic)
{
	for (int32_t i = 0; i < general->by_load_count; i++) {
		if (plan_subscribes(general->plan, general->by_load[i], topic)) {
			return general->by_load[i];
		}
	}
	return NOBODY;
}

/* Moves one partition if that evens things out. */
static bool try_move(struct general *general, int32_t partition)
{
	const struct plan *plan = general->plan;
	int32_t owner = plan->owner[partition];
	int32_t before = general->sticky->claimed_by[partition];
	if (owner == NOBODY) {
		return false;
	}
	if (before != NOBODY && general->place[before] >= 0 &&
		plan->counts[owner] > plan->counts[before] + 1) {
		move(general, partition, before);
		return true;
	}
	int32_t to = lightest(general, plan->topic_of[partition]);
	if (to != NOBODY && plan->counts[owner] > plan->counts[to] + 1) {
		move(general, partition, to);
		return true;
	}
	return false;
}

/* Returns whether anything moved. list: partitions, those of topics with one subscriber left out.
 */
static bool even_out(struct general *general, const int32_t *list, int32_t count)
{
	bool any = false, moved = true;
	for (int pass = 0; moved && pass < PASSES_MAX; pass++) {
		moved = false;
		for (int32_t i = 0; i < count && !is_balanced(general); i++) {
			moved |= try_move(general, list[i]);
		}
		any |= moved;
	}
	return any;
}

/* Sum of the differences between all pairs of members that take part; counts are those given. */
static int64_t unevenness(const struct general *general, const int32_t *counts)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < general->by_load_count; i++) {
		for (int32_t k = i + 1; k < general->by_load_count; k++) {
			int64_t difference =
				(int64_t)counts[general->by_load[i]] - counts[general->by_load[k]];
			sum += difference < 0 ? -difference : difference;
		}
	}
	return sum;
}

static int32_t keep_shared(const struct plan *plan, int32_t *list, int32_t count)
{
	int32_t left = 0;
	for (int32_t i = 0; i < count; i++) {
		if (consumers_of(plan, plan->topic_of[list[i]]) >= 2) {
			list[left++] = list[i];
		}
	}
	return left;
}

static bool general_init(struct general *general, struct sticky *sticky)
{
	struct plan *plan = sticky->plan;
	size_t partitions = (size_t)plan->partition_count + 1;
	*general = (struct general){
		.sticky = sticky,
		.plan = plan,
		.moved_from = arena_try_array(plan->arena, partitions, sizeof(int32_t)),
		.moved_to = arena_try_array(plan->arena, partitions, sizeof(int32_t)),
		.moved_as = arena_try_array(plan->arena, partitions, sizeof(uint32_t)),
		.most = arena_try_array(
			plan->arena, (size_t)plan->topic_count + 1, sizeof(int32_t)),
	};
	if (!general->moved_from || !general->moved_to || !general->moved_as || !general->most) {
		return false;
	}
	memset(general->moved_from, 0xff, partitions * sizeof(int32_t));
	memset(general->moved_to, 0xff, partitions * sizeof(int32_t));
	return plan_list_consumers(plan, sticky->order);
}

/* Before the moves, to go back to. */
struct saved {
	int32_t *owner, *counts;
	int64_t unevenness;
};

static bool save(const struct general *general, struct saved *saved)
{
	const struct plan *plan = general->plan;
	size_t owner_size = (size_t)plan->partition_count * sizeof(*plan->owner);
	size_t counts_size = (size_t)plan->member_count * sizeof(*plan->counts);
	saved->owner = arena_try_dup(plan->arena, plan->owner, owner_size);
	saved->counts = arena_try_dup(plan->arena, plan->counts, counts_size);
	saved->unevenness = unevenness(general, plan->counts);
	return saved->owner && saved->counts;
}

static enum weir_code balance(struct general *general, int32_t *all, struct weir_err *err)
{
	struct plan *plan = general->plan;
	size_t room = (size_t)plan->partition_count + 1;
	int32_t *free_ones = arena_try_array(plan->arena, room, sizeof(*free_ones));
	bool *shares = arena_try_array(plan->arena, (size_t)plan->member_count, sizeof(*shares));
	int32_t free_count = 0;
	struct saved saved;
	bool fresh = !plan->counts[general->by_load[general->by_load_count - 1]];
	if (!free_ones || !shares) {
		return plan_no_memory(err);
	}
	for (int32_t i = 0; i < plan->partition_count; i++) {
		if (plan->owner[all[i]] == NOBODY) {
			free_ones[free_count++] = all[i];
		}
	}
	for (int pass = general->sticky->by_rack ? 0 : 1; pass < 2; pass++) {
		for (int32_t i = 0; i < free_count; i++) {
			if (plan->owner[free_ones[i]] == NOBODY) {
				give_to_lightest(general, free_ones[i], pass == 0);
			}
		}
	}
	free_count = keep_shared(plan, free_ones, free_count);
	int32_t shared_count = keep_shared(plan, all, plan->partition_count);
	if (!set_aside(general, shares)) {
		return WEIR_OK;
	}
	if (!save(general, &saved)) {
		return plan_no_memory(err);
	}
	if (!general->revoked) {
		(void)even_out(general, free_ones, free_count);
	}
	bool moved = even_out(general, all, shared_count);
	if (!fresh && moved && unevenness(general, plan->counts) >= saved.unevenness) {
		plan->owner = saved.owner;
		plan->counts = saved.counts;
	}
	return WEIR_OK;
}

enum weir_code sticky_assign_general(struct sticky *sticky, struct weir_err *err)
{
	struct general general;
	if (!general_init(&general, sticky)) {
		return plan_no_memory(err);
	}
	revoke(&general);
	int32_t *all = sort_partitions(sticky->plan);
	if (!all || !fill_by_load(&general)) {
		return plan_no_memory(err);
	}
	return balance(&general, all, err);
}
