/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to members of a consumer group but by their heartbeats: timers, replacement,
 * patterns that were matched. */
#include "broker/group/modern.h"
#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

static void on_session(struct coordinator *c, struct group_timer *timer)
{
	struct modern_member *member = LIST_ENTRY(timer, struct modern_member, session);
	c->group = member->group;
	modern_fence(c, member);
}

void modern_keep_alive(struct coordinator *c, struct modern_member *member)
{
	int64_t timeout = member->classic ? member->classic->session_timeout_ms
					  : group_session_timeout(c, member->group);
	member->session.fire = on_session;
	timer_set(c, &member->session, timeout);
}

static void on_rebalance_timeout(struct coordinator *c, struct group_timer *timer)
{
	struct modern_member *member = LIST_ENTRY(timer, struct modern_member, rebalance);
	c->group = member->group;
	modern_fence(c, member);
}

void modern_await_rebalance(struct coordinator *c, struct modern_member *member)
{
	member->rebalance.fire = on_rebalance_timeout;
	timer_set(c, &member->rebalance,
		member->rebalance_timeout_ms > 0 ? member->rebalance_timeout_ms : 0);
}

void modern_change_pattern(
	struct coordinator *c, struct modern_member *member, struct slice pattern)
{
	struct modern *modern = member->group->modern;
	struct modern_pattern *before =
		member->pattern.len ? modern_pattern(modern, member->pattern) : NULL;
	bool last = before && before->members == 1 && before->revision >= 0 &&
		    !slice_equal(member->pattern, pattern);
	if (last) {
		put_pattern_gone(c, member->group, member->pattern);
	}
	modern_set_pattern(member, pattern);
	if (last) {
		pattern_drop(modern, before);
	}
}

void modern_drop(struct coordinator *c, struct modern_member *member)
{
	put_member_gone(c, member->group, member->id);
	modern_change_pattern(c, member, (struct slice){NULL, 0});
	modern_remove(c, member);
}

void modern_fence(struct coordinator *c, struct modern_member *member)
{
	struct modern *modern = member->group->modern;
	if (migrate_down_due(c, modern, member)) {
		migrate_down(c, modern, member);
		return;
	}
	modern_drop(c, member);
	modern_refresh(c, modern, !MUTANT(8));
}

struct modern_member *modern_replace(
	struct coordinator *c, struct modern_member *old, struct slice id)
{
	struct group *group = old->group;
	struct modern_member *member = modern_add(group->modern, id);
	struct tp_set assigned = {.count = 0}, revoking = {.count = 0}, nothing = {.count = 0};
	member->known = true;
	member->state = old->state;
	classic_set_slice(&member->rack_id, old->rack_id);
	classic_set_slice(&member->assignor, old->assignor);
	member->rebalance_timeout_ms = old->rebalance_timeout_ms;
	modern_set_topics(member, old->topics, old->topic_count);
	modern_set_pattern(member, old->pattern);
	tp_set_copy(&member->target, &old->target);
	tp_set_copy(&assigned, &old->assigned);
	tp_set_copy(&revoking, &old->revoking);
	modern_set_assigned(old, &nothing, &nothing);
	put_member_gone(c, group, old->id);
	modern_remove(c, old);
	modern_set_assigned(member, &assigned, &revoking);
	return member;
}

enum weir_code coordinator_resolved(struct coordinator *c, const struct group_env *env,
	struct slice group_id, struct slice pattern, const struct slice *topics, size_t count,
	int64_t revision, struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct group *group = group_find(c, group_id);
	struct modern_pattern *found =
		group && group->modern ? modern_pattern(group->modern, pattern) : NULL;
	if (found && found->members) {
		bool first = found->revision < 0;
		struct modern_pattern before = {
			.topics = found->topics, .topic_count = found->topic_count};
		c->group = group;
		found->topics = NULL;
		found->topic_count = 0;
		pattern_set(found, topics, count, revision, env->wall_ms);
		bool same = before.topic_count == found->topic_count;
		for (size_t i = 0; same && i < found->topic_count; i++) {
			same = slice_equal(before.topics[i], found->topics[i]);
		}
		pattern_set(&before, NULL, 0, 0, 0);
		mem_free(before.topics);
		if (first || !same) {
			put_pattern(c, group->modern, found);
			/* Who subscribes with it subscribes to something else now. */
			modern_refresh(c, group->modern, !same);
		}
	}
	return step_end(c, NULL, err);
}
