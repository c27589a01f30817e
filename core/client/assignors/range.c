/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each topic by itself: its subscribers in order get runs of its partitions, the first ones one
 * more where it does not come out even. With racks a partition goes to a subscriber of its own rack
 * first, and topics with the same subscribers and number of partitions are handed out alike, so
 * that who has partition 3 of one has partition 3 of all.
 */
#include "core/client/assignors/assignor_priv.h"

struct shares {
	struct plan *plan;
	int32_t topic;
	const int32_t *consumers;
	int32_t count;
	int32_t *given; /* of a consumer: partitions of this topic */
	int32_t even;	/* what each gets at least */
	int32_t extra;	/* consumers that still may get one more */
	bool racks;	/* a consumer has one */
	bool by_rack;	/* racks can be matched, and it makes a difference */
	bool grouped;
};

static bool same_racks(const struct assignor_racks *a, const struct assignor_racks *b)
{
	for (int32_t i = 0; i < a->count; i++) {
		bool found = false;
		for (int32_t k = 0; k < b->count && !found; k++) {
			found = slice_equal(a->racks[i], b->racks[k]);
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

/* All partitions have the same racks: matching them changes nothing. */
static bool racks_are_alike(const struct assignor_topic *topic)
{
	for (int32_t p = 1; p < topic->partition_count; p++) {
		if (!same_racks(&topic->racks[0], &topic->racks[p]) ||
			!same_racks(&topic->racks[p], &topic->racks[0])) {
			return false;
		}
	}
	return true;
}

static bool needs_racks(const struct shares *shares)
{
	const struct plan *plan = shares->plan;
	const struct assignor_topic *topic = &plan->topics[shares->topic];
	bool common = false;
	if (!topic->racks || racks_are_alike(topic)) {
		return false;
	}
	for (int32_t i = 0; i < shares->count && !common; i++) {
		for (int32_t p = plan->first[shares->topic];
			p < plan->first[shares->topic + 1] && !common; p++) {
			common = plan_member_has_rack(plan, shares->consumers[i]) &&
				 plan_has_rack(plan, p, plan->members[shares->consumers[i]].rack);
		}
	}
	return common;
}

static bool shares_init(struct shares *shares, struct plan *plan, int32_t topic)
{
	int32_t first = plan->consumer_first[topic];
	*shares = (struct shares){
		.plan = plan,
		.topic = topic,
		.consumers = plan->consumers + first,
		.count = plan->consumer_first[topic + 1] - first,
	};
	shares->given =
		arena_try_array(plan->arena, (size_t)shares->count + 1, sizeof(*shares->given));
	if (!shares->given) {
		return false;
	}
	if (shares->count) {
		shares->even = plan_partitions(plan, topic) / shares->count;
		shares->extra = plan_partitions(plan, topic) % shares->count;
	}
	for (int32_t i = 0; i < shares->count; i++) {
		shares->racks |= plan_member_has_rack(plan, shares->consumers[i]);
	}
	shares->by_rack = needs_racks(shares);
	return true;
}

static int32_t may_get(const struct shares *shares, int32_t consumer)
{
	int32_t more = shares->even + (shares->extra > 0) - shares->given[consumer];
	return more > 0 ? more : 0;
}

static void note_given(struct shares *shares, int32_t consumer, int32_t count)
{
	shares->given[consumer] += count;
	shares->extra -= count && shares->given[consumer] > shares->even;
}

/* Hands out what nobody has; match: within racks only. */
static void give_runs(struct shares *shares, bool match)
{
	struct plan *plan = shares->plan;
	for (int32_t i = 0; i < shares->count; i++) {
		int32_t member = shares->consumers[i], count = 0;
		int32_t most = may_get(shares, i);
		for (int32_t p = plan->first[shares->topic];
			p < plan->first[shares->topic + 1] && count < most; p++) {
			if (plan->owner[p] == NOBODY &&
				!(match && plan_rack_differs(plan, member, p))) {
				plan_give(plan, p, member);
				count++;
			}
		}
		note_given(shares, i, count);
	}
}

/* Topics that are handed out alike. */
static bool belong_together(const struct shares *a, const struct shares *b)
{
	return a->count == b->count && a->racks && b->racks &&
	       plan_partitions(a->plan, a->topic) == plan_partitions(b->plan, b->topic) &&
	       !memcmp(a->consumers, b->consumers, (size_t)a->count * sizeof(*a->consumers));
}

/* Whether consumer may get partition number p of each topic of the group of head. */
static bool all_may_give(
	const struct shares *head, const struct shares *end, int32_t consumer, int32_t p)
{
	for (const struct shares *s = head; s < end; s++) {
		if ((s == head || belong_together(head, s)) &&
			(!may_get(s, consumer) || plan_rack_differs(s->plan, s->consumers[consumer],
							  s->plan->first[s->topic] + p))) {
			return false;
		}
	}
	return true;
}

/* head and all behind it that belong to it. */
static void give_alike(struct shares *head, struct shares *end)
{
	int32_t partitions = plan_partitions(head->plan, head->topic);
	for (int32_t p = 0; p < partitions; p++) {
		int32_t consumer = 0;
		while (consumer < head->count && !all_may_give(head, end, consumer, p)) {
			consumer++;
		}
		if (consumer == head->count) {
			continue;
		}
		for (struct shares *s = head; s < end; s++) {
			if (s == head || belong_together(head, s)) {
				plan_give(s->plan, s->plan->first[s->topic] + p,
					s->consumers[consumer]);
				note_given(s, consumer, 1);
			}
		}
	}
}

static void give_by_rack(struct shares *shares, struct shares *end)
{
	for (struct shares *s = shares; s < end; s++) {
		bool many = false;
		if (s->grouped) {
			continue;
		}
		for (struct shares *other = s + 1; other < end; other++) {
			if (belong_together(s, other)) {
				other->grouped = many = true;
			}
		}
		if (many) {
			give_alike(s, end);
		} else if (s->by_rack) {
			give_runs(s, true);
		}
	}
}

enum weir_code range_assign(struct plan *plan, struct weir_err *err)
{
	int32_t *order = plan_order(plan);
	struct shares *shares =
		arena_try_array(plan->arena, (size_t)plan->topic_count + 1, sizeof(*shares));
	if (!order || !shares || !plan_list_consumers(plan, order)) {
		return plan_no_memory(err);
	}
	struct shares *end = shares;
	bool by_rack = false;
	for (int32_t t = 0; t < plan->topic_count; t++) {
		if (!plan_partitions(plan, t)) {
			continue;
		}
		if (!shares_init(end, plan, t)) {
			return plan_no_memory(err);
		}
		by_rack |= end->by_rack;
		end++;
	}
	if (by_rack) {
		give_by_rack(shares, end);
	}
	for (struct shares *s = shares; s < end; s++) {
		give_runs(s, false);
	}
	return WEIR_OK;
}
