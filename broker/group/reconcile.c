/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One member's way to its target assignment:
 *
 *   Unrevoked   it still has partitions that are not its any more: its epoch stays until it stops
 *               reporting them (or its rebalance timeout fences it)
 *   Unreleased  it has all of its target that is free, and waits for what others have still
 *   Stable      it has its target
 *
 * A partition is free when no member has it assigned or is still to give it up.
 */
#include "broker/group/modern_priv.h"

struct next {
	enum reconcile_state state;
	int32_t epoch;
	struct tp_set assigned, revoking;
};

static bool reports(const struct tp_set *owned, const struct tp_set *revoking)
{
	return !owned || tp_set_overlap(owned, revoking);
}

/* Adds to next what of wanted is free; true: something was not. */
static bool take_free(const struct modern *modern, const struct modern_member *member,
	const struct tp_set *wanted, int32_t epoch, struct next *next)
{
	bool held = false;
	for (size_t i = 0; i < wanted->count; i++) {
		struct tp *it = &wanted->items[i];
		const struct modern_member *owner = modern_owner(modern, it->topic, it->partition);
		/* What it gave up itself a moment ago is its own to take again. */
		if (owner && owner != member && !MUTANT(7)) {
			held = true;
		} else {
			tp_set_append(&next->assigned, it->topic, it->partition, epoch);
		}
	}
	tp_set_sort(&next->assigned);
	return held;
}

/*
 * epoch: the member's, as far as it has come. owned: what it has for certain, NULL if that is not
 * known: a report that crossed with the last answer says nothing about what that one gave.
 */
static void step_on(
	struct modern_member *member, int32_t epoch, const struct tp_set *owned, struct next *next)
{
	const struct modern *modern = member->group->modern;
	struct tp_set wanted = {.count = 0};
	tp_set_common(&next->assigned, &member->assigned, &member->target);
	tp_set_without(&next->revoking, &member->assigned, &member->target);
	tp_set_without(&wanted, &member->target, &member->assigned);
	if (next->revoking.count && reports(owned, &next->revoking)) {
		next->state = MEMBER_UNREVOKED;
		next->epoch = epoch;
	} else {
		tp_set_fini(&next->revoking);
		next->epoch = modern->target_epoch;
		next->state = take_free(modern, member, &wanted, next->epoch, next)
				      ? MEMBER_UNRELEASED
				      : MEMBER_STABLE;
	}
	tp_set_fini(&wanted);
}

bool modern_reconcile(struct coordinator *c, struct modern_member *member,
	const struct tp_set *owned, bool certain)
{
	const struct tp_set *known = certain ? owned : NULL;
	const struct modern *modern = member->group->modern;
	struct next next = {.state = member->state};
	switch (member->state) {
	case MEMBER_UNREVOKED:
		if (reports(owned, &member->revoking)) {
			return false;
		}
		/* Given up: it may go on to the epoch that wanted them back. */
		step_on(member, member->epoch + 1, known, &next);
		break;
	case MEMBER_UNRELEASED:
		step_on(member, member->epoch, known, &next);
		break;
	default:
		if (member->epoch == modern->target_epoch) {
			return false;
		}
		step_on(member, member->epoch, known, &next);
	}
	bool changed = next.state != member->state || next.epoch != member->epoch ||
		       !tp_set_equal(&next.assigned, &member->assigned) ||
		       !tp_set_equal(&next.revoking, &member->revoking);
	if (!changed) {
		tp_set_fini(&next.assigned);
		tp_set_fini(&next.revoking);
		return false;
	}
	member->previous_epoch = member->epoch;
	member->epoch = next.epoch;
	member->state = next.state;
	modern_set_assigned(member, &next.assigned, &next.revoking);
	if (!MUTANT(9)) {
		put_current(c, member);
	}
	if (member->state == MEMBER_UNREVOKED) {
		modern_await_rebalance(c, member);
	} else if (!member->classic) {
		timer_clear(c, &member->rebalance);
	}
	return true;
}

bool modern_waits(const struct modern_member *member)
{
	const struct modern *modern = member->group->modern;
	for (size_t i = 0; i < member->target.count; i++) {
		const struct tp *it = &member->target.items[i];
		const struct modern_member *owner = modern_owner(modern, it->topic, it->partition);
		if (owner && owner != member) {
			return true;
		}
	}
	return false;
}
