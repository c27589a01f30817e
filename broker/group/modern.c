/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ConsumerGroupHeartbeat. Everything is checked before anything changes; then the member's words
 * are taken over, the epochs follow, a new target is made when one is due, and the member takes its
 * next step towards it.
 */
#include "broker/group/modern_beat_priv.h"
#include "core/base/mem.h"

/* ---- joining ---- */

static struct modern *make_group(struct beat *b)
{
	struct group *group = group_take(b->c, b->request->group_id);
	struct modern *modern;
	b->group = b->c->group = group;
	if (group->classic && group->classic->state != CLASSIC_EMPTY) {
		return migrate_up(b->c, group->classic);
	}
	if (group->classic) {
		struct group_metadata_key key = {.group = group->id};
		record_put(b->c, RECORD_CLASSIC, &key, 0, NULL);
		classic_free(b->c, group);
	}
	modern = modern_take(group);
	return modern;
}

static bool set_text(struct slice *to, struct slice said)
{
	if (!said.data || (to->data && slice_equal(*to, said))) {
		return false;
	}
	classic_set_slice(to, said);
	return true;
}

/* Takes over what the request says; true: the subscription is another, or how it is shared out. */
static bool update_member(struct beat *b, struct modern_member *member)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool other = r->subscribed_topic_names_count >= 0 &&
		     modern_set_topics(member, r->subscribed_topic_names,
			     (size_t)r->subscribed_topic_names_count);
	if (r->subscribed_topic_regex.data &&
		!slice_equal(member->pattern, r->subscribed_topic_regex)) {
		modern_change_pattern(b->c, member, r->subscribed_topic_regex);
		other = true;
	}
	return set_text(&member->assignor, r->server_assignor) || other;
}

/* What does not bear on the assignment. */
static bool update_details(struct beat *b, struct modern_member *member)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool changed = set_text(&member->rack_id, r->rack_id);
	changed = set_text(&member->client_id,
			  b->caller->client_id.data ? b->caller->client_id : slice_of("", 0)) ||
		  changed;
	changed = set_text(&member->client_host, b->caller->client_host) || changed;
	if (r->rebalance_timeout_ms >= 0 &&
		r->rebalance_timeout_ms != member->rebalance_timeout_ms) {
		member->rebalance_timeout_ms = r->rebalance_timeout_ms;
		changed = true;
	}
	if (member->classic) {
		modern_set_classic(member, 0, NULL, 0);
		changed = true;
	}
	return changed;
}

/* The member, made or found; *changed: its subscription; *replaced: it took another's place. */
static struct modern_member *join(struct beat *b, bool *is_new, bool *replaced)
{
	struct slice instance_id = b->request->instance_id;
	struct modern_member *old = modern_static(b->modern, instance_id);
	struct modern_member *member = modern_member(b->modern, b->member_id);
	if (old && old != member) {
		*replaced = true;
		struct modern_member *fresh = modern_replace(b->c, old, b->member_id);
		modern_set_instance(fresh, instance_id);
		return fresh;
	}
	if (!member) {
		*is_new = true;
		member = modern_add(b->modern, b->member_id);
		member->known = true;
		if (instance_id.data) {
			modern_set_instance(member, instance_id);
		}
	} else if (member->epoch == EPOCH_LEAVE_STATIC) {
		/* The same one comes back: as if it replaced itself. */
		*replaced = true;
		member->epoch = member->previous_epoch = 0;
	}
	return member;
}

static struct slice new_id(struct beat *b)
{
	char text[UUID_TEXT_LEN + 1];
	uuid_format(uuid_new(), text);
	struct slice id = slice_of(arena_try_dup(b->arena, text, UUID_TEXT_LEN), UUID_TEXT_LEN);
	WEIR_ASSERT(id.data);
	return id;
}

static void fill_assignment(struct beat *b)
{
	struct consumer_group_heartbeat_response_assignment *assignment =
		arena_try(b->arena, sizeof(*assignment));
	const struct tp_set *set = &b->member->assigned;
	size_t pos = 0, count, runs = 0;
	WEIR_ASSERT(assignment);
	while (tp_set_run(set, &pos, &count)) {
		runs++;
	}
	assignment->topic_partitions =
		arena_try_array(b->arena, runs, sizeof(*assignment->topic_partitions));
	WEIR_ASSERT(assignment->topic_partitions);
	assignment->topic_partitions_count = (int32_t)runs;
	pos = 0;
	for (size_t i = 0; i < runs; i++) {
		const struct tp *first = tp_set_run(set, &pos, &count);
		int32_t *partitions = arena_try_array(b->arena, count, sizeof(*partitions));
		WEIR_ASSERT(partitions);
		for (size_t k = 0; k < count; k++) {
			partitions[k] = first[k].partition;
		}
		assignment->topic_partitions[i].topic_id = first->topic;
		assignment->topic_partitions[i].partitions = partitions;
		assignment->topic_partitions[i].partitions_count = (int32_t)count;
	}
	b->response->assignment = assignment;
}

static void heartbeat(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	struct coordinator *c = b->c;
	bool is_new = false, replaced = false;
	if (!b->modern) {
		b->modern = make_group(b);
	}
	c->group = b->group;
	if (r->member_epoch == 0) {
		b->member = join(b, &is_new, &replaced);
	}
	struct modern_member *member = b->member;
	bool other = update_member(b, member);
	bool details = update_details(b, member);
	if (is_new || replaced || other || details) {
		put_member(c, member);
	}
	if (replaced) {
		put_target(c, member);
		put_current(c, member);
	}
	modern_ask(c, b->modern);
	modern_refresh(c, b->modern, is_new || other);
	modern_assign(c, b->modern);
	bool moved =
		modern_reconcile(c, member, b->says_owned ? &b->owned : NULL, r->member_epoch == 0);
	modern_keep_alive(c, member);
	bool full =
		r->member_epoch == 0 ||
		(r->rebalance_timeout_ms != -1 && b->says_owned &&
			(r->subscribed_topic_names_count >= 0 || r->subscribed_topic_regex.data));
	b->response->member_id =
		slice_of(arena_try_dup(b->arena, member->id.data, member->id.len), member->id.len);
	b->response->member_epoch = member->epoch;
	b->response->heartbeat_interval_ms = group_heartbeat_interval(c, b->group);
	if (full || moved) {
		fill_assignment(b);
	}
}

/* ---- leaving ---- */

static enum weir_code leave(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	struct modern_member *member = modern_member(b->modern, b->member_id);
	if (r->instance_id.data) {
		enum weir_code code = beat_check_static(b, false);
		if (code != WEIR_OK) {
			return code;
		}
		member = b->member;
	} else if (!member) {
		return beat_unknown_member(b);
	}
	b->c->group = b->group;
	b->response->member_id = b->member_id;
	b->response->member_epoch = r->member_epoch;
	if (r->member_epoch == EPOCH_LEAVE_STATIC) {
		struct tp_set assigned = {.count = 0}, nothing = {.count = 0};
		tp_set_copy(&assigned, &member->assigned);
		member->epoch = EPOCH_LEAVE_STATIC;
		modern_set_assigned(member, &assigned, &nothing);
		timer_clear(b->c, &member->rebalance);
		put_current(b->c, member);
	} else {
		modern_fence(b->c, member);
	}
	return WEIR_OK;
}

static void read_owned(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	b->says_owned = r->topic_partitions_count >= 0;
	for (int32_t t = 0; t < r->topic_partitions_count; t++) {
		for (int32_t i = 0; i < r->topic_partitions[t].partitions_count; i++) {
			tp_set_append(&b->owned, r->topic_partitions[t].topic_id,
				r->topic_partitions[t].partitions[i], -1);
		}
	}
	tp_set_sort(&b->owned);
}

static enum weir_code beat(struct beat *b)
{
	enum weir_code code = beat_check_request(b);
	if (code == WEIR_OK) {
		code = beat_find_group(b);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (b->request->member_epoch < 0) {
		return leave(b);
	}
	read_owned(b);
	b->member_id = b->member_id.len ? b->member_id : new_id(b);
	code = beat_find_member(b);
	if (code == WEIR_OK) {
		heartbeat(b);
	}
	return code;
}

enum weir_code coordinator_consumer_heartbeat(struct coordinator *c, const struct group_env *env,
	const struct group_caller *caller, const struct consumer_group_heartbeat_request *request,
	struct arena *arena, struct consumer_group_heartbeat_response *response, int64_t *position,
	struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct beat b = {.c = c,
		.caller = caller,
		.request = request,
		.arena = arena,
		.response = response,
		.err = err,
		.member_id = request->member_id};
	enum weir_code refused = beat(&b);
	tp_set_fini(&b.owned);
	code = step_end(c, position, err);
	return code != WEIR_OK ? code : refused;
}
