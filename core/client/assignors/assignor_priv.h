/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the assignors share. Partitions of all topics are numbered through in the order of topic
 * name and partition; a plan says for each which member has it.
 */
#pragma once

#include "core/client/assignor.h"

enum { NOBODY = -1 };

struct plan {
	const struct assignor_topic *topics;
	const struct assignor_member *members;
	int32_t topic_count, member_count, partition_count;
	struct arena *arena;
	/* Of a topic: number of its partition 0; one more at the end. Topics without subscribers
	 * have no partitions here. */
	int32_t *first;
	int32_t *topic_of; /* of a partition */
	int32_t *owner;	   /* of a partition: a member or NOBODY */
	int32_t *counts;   /* of a member: partitions it owns */
	int32_t *by_id;	   /* members in the order of their ids */
	int32_t *rank;	   /* of a member in by_id */
	/* Subscribers of topic t: consumers[consumer_first[t]] up to consumer_first[t + 1]. */
	int32_t *consumers, *consumer_first;
};

static inline int32_t plan_partitions(const struct plan *plan, int32_t topic)
{
	return plan->first[topic + 1] - plan->first[topic];
}

/* Errors: TOO_LARGE, NO_MEMORY. */
WEIR_MUST_USE enum weir_code plan_init(struct plan *plan, const struct assignor_topic *topics,
	int32_t topic_count, const struct assignor_member *members, int32_t member_count,
	struct arena *arena, struct weir_err *err);
/* Fills consumers, those of a topic in the order that order has; false: no memory. */
bool plan_list_consumers(struct plan *plan, const int32_t *order);
/* Members: static ones first, by instance id, then the others by id. NULL: no memory. */
int32_t *plan_order(const struct plan *plan);

bool plan_subscribes(const struct plan *plan, int32_t member, int32_t topic);
/* Topic of a name; -1 if there is none. */
int32_t plan_topic(const struct plan *plan, struct slice name);
/* Number of a partition; -1 if it is not there. */
int32_t plan_number(const struct plan *plan, int32_t topic, int32_t partition);
void plan_give(struct plan *plan, int32_t partition, int32_t member); /* may be NOBODY */

bool plan_has_rack(const struct plan *plan, int32_t partition, struct slice rack);
bool plan_member_has_rack(const struct plan *plan, int32_t member);
/* The member's rack is none of the partition's, although it has one. */
bool plan_rack_differs(const struct plan *plan, int32_t member, int32_t partition);

int slice_compare(struct slice a, struct slice b);

/* Java's String.hashCode of ASCII, and the slot its HashMap of room slots puts a hash into. */
uint32_t java_hash(struct slice text);
uint32_t java_slot(uint32_t hash, uint32_t room);
/* Slots of a HashMap that count entries were put into. */
uint32_t java_room(uint32_t count);

WEIR_MUST_USE enum weir_code range_assign(struct plan *plan, struct weir_err *err);
WEIR_MUST_USE enum weir_code roundrobin_assign(struct plan *plan, struct weir_err *err);
WEIR_MUST_USE enum weir_code sticky_assign(
	struct plan *plan, enum assignor assignor, struct weir_err *err);

/* What sticky.c found out, for the two ways of going on. */
struct sticky {
	struct plan *plan;
	int32_t *order;		 /* members as Java's HashMap walks them */
	bool *doubly;		 /* of a partition: two members of one generation say they own it */
	bool by_rack;		 /* racks decide, where they can */
	int32_t *rack_consumers; /* of a partition: members in its racks; NULL: no member has one */
	int32_t *claimed_by;	 /* of a partition: who owned it in a generation before; NOBODY */
	int32_t *claimed_in;	 /* that generation */
	/* Out, of the even way: members that take over a partition from another; else NOBODY. */
	int32_t *taken_over;
};

bool sticky_rack_differs(const struct sticky *sticky, int32_t member, int32_t partition);
/* All subscribe to the same topics. */
WEIR_MUST_USE enum weir_code sticky_assign_even(struct sticky *sticky, struct weir_err *err);
/* They do not. */
WEIR_MUST_USE enum weir_code sticky_assign_general(struct sticky *sticky, struct weir_err *err);

WEIR_MUST_USE enum weir_code plan_no_memory(struct weir_err *err);
