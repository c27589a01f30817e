/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As even as can be, and no partition moves without need. This file finds out who owns what: each
 * member says it, with the generation in which it was so, and the newest word counts; two members
 * that claim a partition in one generation both lose it.
 */
#include "core/client/assignors/assignor_priv.h"

#include "core/wire/reader.h"

#include <stdlib.h>

/* What a member says. */
struct claims {
	int32_t *partitions; /* numbers */
	int32_t count;
	int32_t generation; /* -1: does not say */
	bool says;	    /* a generation, be it -1 */
};

bool sticky_rack_differs(const struct sticky *sticky, int32_t member, int32_t partition)
{
	return sticky->by_rack && plan_rack_differs(sticky->plan, member, partition);
}

static bool claims_room(struct plan *plan, struct claims *claims, size_t count)
{
	claims->partitions = arena_try_array(plan->arena, count + 1, sizeof(*claims->partitions));
	return claims->partitions != NULL;
}

static void claim(const struct plan *plan, struct claims *claims, int32_t topic, int32_t partition)
{
	int32_t number = plan_number(plan, topic, partition);
	if (number >= 0) {
		claims->partitions[claims->count++] = number;
	}
}

/* The sticky assignor's user data: topics with partitions, then (since Kafka 2.3) the generation.
 */
static void claims_read(
	const struct plan *plan, struct claims *claims, struct wire_reader *r, bool with_generation)
{
	claims->count = 0;
	claims->generation = -1;
	claims->says = with_generation;
	int32_t topics = wire_reader_i32(r);
	for (int32_t i = 0; i < topics && !r->why; i++) {
		int16_t len = wire_reader_i16(r);
		const uint8_t *name = len < 0 ? NULL : wire_reader_take(r, (size_t)len);
		if (len < 0) {
			wire_reader_fail(r, "a topic without a name");
		}
		int32_t count = wire_reader_i32(r);
		int32_t topic = name ? plan_topic(plan, slice_of(name, (size_t)len)) : -1;
		for (int32_t k = 0; k < count && !r->why; k++) {
			int32_t partition = wire_reader_i32(r);
			if (!r->why) {
				claim(plan, claims, topic, partition);
			}
		}
	}
	if (with_generation) {
		claims->generation = wire_reader_i32(r);
	}
}

static bool claims_of_sticky(
	struct plan *plan, const struct assignor_member *member, struct claims *claims)
{
	struct wire_reader r;
	/* A partition takes four bytes. */
	if (!claims_room(plan, claims, member->user_data.len / 4)) {
		return false;
	}
	if (!member->user_data.len) {
		return true;
	}
	for (int with_generation = 1; with_generation >= 0; with_generation--) {
		wire_reader_init(&r, member->user_data);
		claims_read(plan, claims, &r, with_generation);
		if (!r.why) {
			return true;
		}
	}
	*claims = (struct claims){.partitions = claims->partitions, .generation = -1, .says = true};
	return true;
}

static bool claims_of_cooperative(
	struct plan *plan, const struct assignor_member *member, struct claims *claims)
{
	if (!claims_room(plan, claims, (size_t)member->owned_count)) {
		return false;
	}
	claims->generation = member->generation;
	claims->says = member->generation >= 0;
	if (!claims->says && member->user_data.data) {
		bool whole = member->user_data.len >= 4;
		claims->generation = whole ? (int32_t)be32_get(member->user_data.data) : -1;
		claims->says = true;
	}
	for (int32_t i = 0; i < member->owned_count; i++) {
		claim(plan, claims, member->owned[i].topic, member->owned[i].partition);
	}
	return true;
}

struct slot_item {
	uint32_t slot;
	int32_t member;
};

static int compare_slots(const void *a, const void *b)
{
	const struct slot_item *x = a, *y = b;
	return x->slot != y->slot ? (x->slot > y->slot) - (x->slot < y->slot)
				  : (x->member > y->member) - (x->member < y->member);
}

/* Where members are equal in all else, this order decides: a Java leader walks a HashMap there. */
static int32_t *java_order(const struct plan *plan)
{
	size_t count = (size_t)plan->member_count;
	struct slot_item *items = arena_try_array(plan->arena, count, sizeof(*items));
	int32_t *order = arena_try_array(plan->arena, count, sizeof(*order));
	if (!items || !order) {
		return NULL;
	}
	uint32_t room = java_room((uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		items[i] = (struct slot_item){
			java_slot(java_hash(plan->members[i].id), room), (int32_t)i};
	}
	qsort(items, count, sizeof(*items), compare_slots);
	for (size_t i = 0; i < count; i++) {
		order[i] = items[i].member;
	}
	return order;
}

/* Takes one member's claims; last: who claimed each partition last, whether or not it kept it. */
static void take_claims(struct sticky *sticky, int32_t member, const struct claims *claims,
	const int32_t *generations, int32_t *last)
{
	struct plan *plan = sticky->plan;
	for (int32_t i = 0; i < claims->count; i++) {
		int32_t p = claims->partitions[i], other = last[p];
		if (other == member) {
			continue;
		}
		if (other == NOBODY || claims->generation > generations[other]) {
			plan_give(plan, p, member);
			last[p] = member;
		} else if (claims->generation == generations[other]) {
			sticky->doubly[p] = true;
			plan_give(plan, p, NOBODY);
			last[p] = member;
		}
	}
}

/* Remembers claims of generations before the newest. */
static void remember_old_claims(
	struct sticky *sticky, const struct claims *claims, const int32_t *order, int32_t newest)
{
	for (int32_t i = 0; i < sticky->plan->member_count; i++) {
		const struct claims *c = &claims[order[i]];
		if (c->generation >= newest) {
			continue;
		}
		for (int32_t k = 0; k < c->count; k++) {
			int32_t p = c->partitions[k];
			if (sticky->claimed_by[p] == NOBODY ||
				c->generation > sticky->claimed_in[p]) {
				sticky->claimed_by[p] = order[i];
				sticky->claimed_in[p] = c->generation;
			}
		}
	}
}

static bool sticky_claims(struct sticky *sticky, enum assignor assignor)
{
	struct plan *plan = sticky->plan;
	size_t members = (size_t)plan->member_count;
	struct claims *claims = arena_try_array(plan->arena, members, sizeof(*claims));
	int32_t *generations = arena_try_array(plan->arena, members, sizeof(*generations));
	int32_t *last =
		arena_try_array(plan->arena, (size_t)plan->partition_count + 1, sizeof(*last));
	int32_t newest = -1;
	if (!claims || !generations || !last) {
		return false;
	}
	memset(last, 0xff, (size_t)plan->partition_count * sizeof(*last));
	for (size_t m = 0; m < members; m++) {
		const struct assignor_member *member = &plan->members[m];
		claims[m].generation = -1;
		if (!(assignor == ASSIGNOR_STICKY ? claims_of_sticky : claims_of_cooperative)(
			    plan, member, &claims[m])) {
			return false;
		}
		generations[m] = member->generation >= 0 ? member->generation : -1;
		newest = claims[m].generation > newest ? claims[m].generation : newest;
	}
	for (size_t i = 0; i < members; i++) {
		take_claims(sticky, sticky->order[i], &claims[sticky->order[i]], generations, last);
	}
	remember_old_claims(sticky, claims, sticky->order, newest);
	return true;
}

static bool all_subscribe_alike(const struct plan *plan)
{
	const struct assignor_member *first = &plan->members[0];
	for (int32_t m = 1; m < plan->member_count; m++) {
		const struct assignor_member *other = &plan->members[m];
		if (other->topic_count != first->topic_count ||
			(first->topic_count &&
				memcmp(first->topics, other->topics,
					(size_t)first->topic_count * sizeof(*first->topics)))) {
			return false;
		}
	}
	return true;
}

/* Whether the racks of partitions differ at all, and a member is in one of them. */
static bool racks_matter(const struct sticky *sticky)
{
	const struct plan *plan = sticky->plan;
	bool common = false, differ = false;
	for (int32_t m = 0; m < plan->member_count; m++) {
		bool here = false;
		for (int32_t p = 0; p < plan->partition_count && !here; p++) {
			here = plan_member_has_rack(plan, m) &&
			       plan_has_rack(plan, p, plan->members[m].rack);
		}
		common |= here;
	}
	for (int32_t p = 1; p < plan->partition_count && common && !differ; p++) {
		for (int direction = 0; direction < 2; direction++) {
			int32_t a = direction ? p : p - 1, b = direction ? p - 1 : p;
			int32_t t = plan->topic_of[a];
			const struct assignor_racks *racks =
				plan->topics[t].racks ? &plan->topics[t].racks[a - plan->first[t]]
						      : NULL;
			for (int32_t i = 0; racks && i < racks->count; i++) {
				differ |= !plan_has_rack(plan, b, racks->racks[i]);
			}
		}
	}
	return common && differ;
}

static bool count_rack_consumers(struct sticky *sticky)
{
	struct plan *plan = sticky->plan;
	bool any = false;
	for (int32_t m = 0; m < plan->member_count; m++) {
		any |= plan_member_has_rack(plan, m);
	}
	if (!any) {
		return true;
	}
	sticky->rack_consumers = arena_try_array(
		plan->arena, (size_t)plan->partition_count + 1, sizeof(*sticky->rack_consumers));
	if (!sticky->rack_consumers) {
		return false;
	}
	for (int32_t p = 0; p < plan->partition_count; p++) {
		for (int32_t m = 0; m < plan->member_count; m++) {
			sticky->rack_consumers[p] +=
				plan_member_has_rack(plan, m) && !plan_rack_differs(plan, m, p);
		}
	}
	sticky->by_rack = racks_matter(sticky);
	return true;
}

static bool sticky_init(struct sticky *sticky, struct plan *plan)
{
	size_t room = (size_t)plan->partition_count + 1;
	*sticky = (struct sticky){
		.plan = plan,
		.order = java_order(plan),
		.doubly = arena_try_array(plan->arena, room, sizeof(*sticky->doubly)),
		.claimed_by = arena_try_array(plan->arena, room, sizeof(*sticky->claimed_by)),
		.claimed_in = arena_try_array(plan->arena, room, sizeof(*sticky->claimed_in)),
		.taken_over = arena_try_array(plan->arena, room, sizeof(*sticky->taken_over)),
	};
	if (!sticky->order || !sticky->doubly || !sticky->claimed_by || !sticky->claimed_in ||
		!sticky->taken_over) {
		return false;
	}
	memset(sticky->claimed_by, 0xff, room * sizeof(*sticky->claimed_by));
	memset(sticky->taken_over, 0xff, room * sizeof(*sticky->taken_over));
	return count_rack_consumers(sticky);
}

/* Sets taken_over to the new owner of each partition that another member says it owns. */
static enum weir_code find_taken_over(struct sticky *sticky, struct weir_err *err)
{
	const struct plan *plan = sticky->plan;
	bool *kept = arena_try_array(plan->arena, (size_t)plan->partition_count + 1, sizeof(*kept));
	bool *given_up =
		arena_try_array(plan->arena, (size_t)plan->partition_count + 1, sizeof(*given_up));
	if (!kept || !given_up) {
		return plan_no_memory(err);
	}
	for (int32_t m = 0; m < plan->member_count; m++) {
		for (int32_t i = 0; i < plan->members[m].owned_count; i++) {
			const struct assignor_partition *owned = &plan->members[m].owned[i];
			int32_t p = plan_number(plan, owned->topic, owned->partition);
			if (p >= 0) {
				*(plan->owner[p] == m ? &kept[p] : &given_up[p]) = true;
			}
		}
	}
	for (int32_t p = 0; p < plan->partition_count; p++) {
		sticky->taken_over[p] = given_up[p] && !kept[p] ? plan->owner[p] : NOBODY;
	}
	return WEIR_OK;
}

enum weir_code sticky_assign(struct plan *plan, enum assignor assignor, struct weir_err *err)
{
	struct sticky sticky;
	if (!sticky_init(&sticky, plan) || !sticky_claims(&sticky, assignor)) {
		return plan_no_memory(err);
	}
	bool even = all_subscribe_alike(plan);
	enum weir_code code =
		even ? sticky_assign_even(&sticky, err) : sticky_assign_general(&sticky, err);
	if (!code && assignor == ASSIGNOR_COOPERATIVE_STICKY) {
		code = even ? WEIR_OK : find_taken_over(&sticky, err);
		for (int32_t p = 0; p < plan->partition_count && !code; p++) {
			if (sticky.taken_over[p] != NOBODY) {
				plan_give(plan, p, NOBODY);
			}
		}
	}
	return code;
}
