/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rebalance of a classic group, and its record. What happens by itself is here too: sessions
 * that run out, delays and timeouts that end.
 */
#include "broker/group/classic.h"

#include "broker/group/classic_priv.h"
#include "core/base/mem.h"

enum { VALUE_VERSION = 3, MEMBER_BYTES = 96 };

const char *classic_state_name(enum classic_state state)
{
	static const char *const names[] = {
		"Empty", "PreparingRebalance", "CompletingRebalance", "Stable"};
	return names[state];
}

void classic_to(struct coordinator *c, struct classic *classic, enum classic_state state)
{
	classic->initial = state == CLASSIC_PREPARING && classic->state == CLASSIC_EMPTY;
	classic->state = state;
	classic->since_ms = c->env->wall_ms;
}

/* ---- the record ---- */

size_t classic_record_size(const struct classic *classic)
{
	size_t bytes = MEMBER_BYTES;
	LIST_EACH(it, &classic->members)
	{
		const struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		bytes += MEMBER_BYTES + member->id.len + member->instance_id.len +
			 member->client_id.len + member->client_host.len +
			 classic_metadata(member, classic->protocol).len + member->assignment.len;
	}
	return bytes;
}

void classic_put(struct coordinator *c, struct classic *classic)
{
	struct group_metadata_key key = {.group = classic->group->id};
	struct group_metadata_value value = {
		.protocol_type = classic->protocol_type,
		.generation = classic->generation,
		.protocol = classic->protocol,
		.leader = classic->leader ? classic->leader->id : (struct slice){NULL, 0},
		.current_state_timestamp = classic->since_ms,
		.members_count = classic->count,
	};
	value.members = mem_array((size_t)classic->count, sizeof(*value.members));
	int32_t i = 0;
	LIST_EACH(it, &classic->members)
	{
		const struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		value.members[i++] = (struct group_metadata_value_member_metadata){
			.member_id = member->id,
			.group_instance_id = member->instance_id,
			.client_id = member->client_id,
			.client_host = member->client_host,
			.rebalance_timeout = member->rebalance_timeout_ms,
			.session_timeout = member->session_timeout_ms,
			.subscription = classic_metadata(member, classic->protocol),
			.assignment = member->assignment,
		};
	}
	record_put(c, RECORD_CLASSIC, &key, VALUE_VERSION, &value);
	mem_free(value.members);
}

void classic_put_new(struct coordinator *c, struct classic *classic)
{
	struct group_metadata_key key = {.group = classic->group->id};
	struct group_metadata_value value = {.current_state_timestamp = classic->since_ms};
	record_put(c, RECORD_CLASSIC, &key, VALUE_VERSION, &value);
}

static void replay_member(
	struct classic *classic, const struct group_metadata_value_member_metadata *row)
{
	struct classic_protocol protocol = {classic->protocol, row->subscription};
	if (!protocol.name.data) {
		protocol.name = slice_of("", 0);
	}
	int32_t rebalance =
		row->rebalance_timeout < 0 ? row->session_timeout : row->rebalance_timeout;
	struct classic_profile profile = {
		.id = row->member_id,
		.instance_id = row->group_instance_id,
		.client_id = row->client_id,
		.client_host = row->client_host,
		.rebalance_timeout_ms = rebalance,
		.session_timeout_ms = row->session_timeout,
		.protocols = &protocol,
		.protocol_count = 1,
	};
	if (!classic_member(classic, row->member_id)) {
		struct classic_member *member = classic_add(classic, &profile);
		classic_set_assignment(member, row->assignment);
	}
}

void classic_replay(
	struct coordinator *c, struct slice group_id, const struct group_metadata_value *value)
{
	struct group *group = value ? group_take(c, group_id) : group_find(c, group_id);
	if (!group) {
		return;
	}
	classic_free(c, group);
	if (!value) {
		group_drop_if_bare(c, group);
		return;
	}
	struct classic *classic = classic_take(group);
	bool typed = value->protocol_type.len > 0;
	classic->generation = value->generation;
	classic->since_ms = value->current_state_timestamp;
	if (typed) {
		classic_set_slice(&classic->protocol_type, value->protocol_type);
	}
	classic_set_slice(&classic->protocol, value->protocol);
	for (int32_t i = 0; i < value->members_count; i++) {
		replay_member(classic, &value->members[i]);
	}
	classic->leader = value->leader.data ? classic_member(classic, value->leader) : NULL;
	classic->state = classic->count ? CLASSIC_STABLE : CLASSIC_EMPTY;
	classic_find_topics(c, classic);
}

/* ---- sessions ---- */

static void on_session(struct coordinator *c, struct group_timer *timer)
{
	struct classic_member *member = LIST_ENTRY(timer, struct classic_member, session);
	struct classic *classic = member->group->classic;
	c->group = member->group;
	/* Who waits for others is alive by that; its session starts again with the answer. */
	if (!member->is_new && (member->join || member->sync)) {
		return;
	}
	classic_remove(c, member, WEIR_UNKNOWN_MEMBER_ID);
	classic_go_on(c, classic);
}

static void keep_alive_for(struct coordinator *c, struct classic_member *member, int64_t ms)
{
	member->session.fire = on_session;
	timer_set(c, &member->session, ms);
}

void classic_keep_alive(struct coordinator *c, struct classic_member *member)
{
	enum { NEW_MEMBER_MS = 5 * 60 * 1000 };
	/* A new member cannot send heartbeats yet: it does not know its id. */
	keep_alive_for(c, member, member->is_new ? NEW_MEMBER_MS : member->session_timeout_ms);
}

void classic_loaded(struct coordinator *c, struct classic *classic)
{
	LIST_EACH(it, &classic->members)
	{
		classic_keep_alive(c, LIST_ENTRY(it, struct classic_member, node));
	}
	if (classic->count && !classic->leader) {
		classic_rebalance(c, classic); /* it has just changed its protocol (migrate.c) */
	}
}

/* ---- answers ---- */

struct join_group_response_member *classic_list(
	struct coordinator *c, const struct classic *classic)
{
	struct join_group_response_member *rows =
		arena_try_array(&c->arena, (size_t)classic->count, sizeof(*rows));
	WEIR_ASSERT(rows);
	int32_t i = 0;
	LIST_EACH(it, &classic->members)
	{
		const struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		rows[i++] = (struct join_group_response_member){
			.member_id = member->id,
			.group_instance_id = member->instance_id,
			.metadata = classic_metadata(member, classic->protocol),
		};
	}
	return rows;
}

void classic_answer_join(struct coordinator *c, struct classic_member *member, enum weir_code code)
{
	struct classic *classic = member->group->classic;
	if (!member->join) {
		return;
	}
	struct join_group_response response;
	wire_defaults(&join_group_response_message, &response);
	response.error_code = (int16_t)err_to_wire(code);
	response.protocol_name = (struct slice){NULL, 0};
	response.member_id = code == WEIR_UNKNOWN_MEMBER_ID ? slice_of("", 0) : member->id;
	if (code == WEIR_OK) {
		bool leads = classic->leader == member;
		response.generation_id = classic->generation;
		response.protocol_type = classic->protocol_type;
		response.protocol_name = classic->protocol;
		response.leader = classic->leader ? classic->leader->id : slice_of("", 0);
		response.members_count = leads ? classic->count : 0;
		response.members = leads ? classic_list(c, classic) : NULL;
	}
	c->effects.answer(c->effects.arg, member->join, &response);
	member->join = NULL;
	classic->joining--;
}

void classic_answer_sync(struct coordinator *c, struct classic_member *member, enum weir_code code)
{
	struct classic *classic = member->group->classic;
	if (!member->sync) {
		return;
	}
	struct sync_group_response response;
	wire_defaults(&sync_group_response_message, &response);
	response.error_code = (int16_t)err_to_wire(code);
	if (code == WEIR_OK) {
		response.protocol_type = classic->protocol_type;
		response.protocol_name = classic->protocol;
		response.assignment = member->assignment;
	}
	c->effects.answer(c->effects.arg, member->sync, &response);
	member->sync = NULL;
}

/* ---- the rebalance ---- */

static bool all_joined(const struct classic *classic)
{
	return classic->joining == classic->count && classic->candidates.count == 0;
}

static void complete(struct coordinator *c, struct classic *classic);

static void on_join_timeout(struct coordinator *c, struct group_timer *timer)
{
	struct classic *classic = LIST_ENTRY(timer, struct classic, join_timer);
	c->group = classic->group;
	complete(c, classic);
}

static void wait_for_joins(struct coordinator *c, struct classic *classic)
{
	classic->join_timer.fire = on_join_timeout;
	timer_set(c, &classic->join_timer, classic_rebalance_timeout(classic));
}

/* The first rebalance of an empty group waits for more members, and longer while they come. */
static void on_delay(struct coordinator *c, struct group_timer *timer)
{
	struct classic *classic = LIST_ENTRY(timer, struct classic, join_timer);
	c->group = classic->group;
	if (!classic->new_member_added || classic->remaining_ms == 0) {
		complete(c, classic);
		return;
	}
	int64_t step = c->env->conf->group_initial_rebalance_delay_ms;
	int64_t delay = step < classic->remaining_ms ? step : classic->remaining_ms;
	int64_t left = classic->remaining_ms - classic->delay_ms;
	classic->new_member_added = false;
	classic->delay_ms = delay;
	classic->remaining_ms = left > 0 ? left : 0;
	timer_set(c, &classic->join_timer, delay);
}

static void wait_for_more(struct coordinator *c, struct classic *classic)
{
	int64_t delay = c->env->conf->group_initial_rebalance_delay_ms;
	int64_t left = classic_rebalance_timeout(classic) - delay;
	classic->delay_ms = delay;
	classic->remaining_ms = left > 0 ? left : 0;
	classic->new_member_added = false;
	classic->join_timer.fire = on_delay;
	timer_set(c, &classic->join_timer, delay);
}

static void forget_syncs(struct coordinator *c, struct classic *classic)
{
	LIST_EACH(it, &classic->members)
	{
		LIST_ENTRY(it, struct classic_member, node)->awaits_sync = false;
	}
	classic->missing_syncs = 0;
	timer_clear(c, &classic->sync_timer);
}

void classic_rebalance(struct coordinator *c, struct classic *classic)
{
	if (classic->state == CLASSIC_COMPLETING) {
		LIST_EACH(it, &classic->members)
		{
			struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
			classic_set_assignment(member, (struct slice){NULL, 0});
			if (member->sync) {
				classic_answer_sync(c, member, WEIR_REBALANCE_IN_PROGRESS);
				classic_keep_alive(c, member);
			}
		}
	}
	forget_syncs(c, classic);
	bool initial = classic->state == CLASSIC_EMPTY;
	classic_to(c, classic, CLASSIC_PREPARING);
	if (initial) {
		wait_for_more(c, classic);
	} else if (all_joined(classic)) {
		complete(c, classic);
	} else {
		wait_for_joins(c, classic);
	}
}

void classic_maybe_complete(struct coordinator *c, struct classic *classic)
{
	bool empty = classic->count == 0; /* nobody is left to wait for more */
	if (classic->state == CLASSIC_PREPARING && (!classic->initial || empty) &&
		all_joined(classic)) {
		complete(c, classic);
	}
}

void classic_go_on(struct coordinator *c, struct classic *classic)
{
	if (classic->state == CLASSIC_PREPARING) {
		classic_maybe_complete(c, classic);
	} else {
		classic_rebalance(c, classic);
	}
}

static void on_sync_timeout(struct coordinator *c, struct group_timer *timer)
{
	struct classic *classic = LIST_ENTRY(timer, struct classic, sync_timer);
	c->group = classic->group;
	if (!classic->missing_syncs) {
		return;
	}
	LIST_EACH_SAFE(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		if (member->awaits_sync) {
			classic_remove(c, member, WEIR_UNKNOWN_MEMBER_ID);
		}
	}
	classic_rebalance(c, classic);
}

static void remove_absent(struct coordinator *c, struct classic *classic)
{
	LIST_EACH_SAFE(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		if (!member->join && !member->instance_id.data) {
			classic_remove(c, member, WEIR_UNKNOWN_MEMBER_ID);
		}
	}
}

/* false: there are members, but none of them joined. */
static bool elect(struct classic *classic)
{
	if (!classic->count || (classic->leader && classic->leader->join)) {
		return true;
	}
	LIST_EACH(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		if (member->join) {
			classic->leader = member;
			return true;
		}
	}
	return false;
}

static void become_empty(struct coordinator *c, struct classic *classic)
{
	classic_set_slice(&classic->protocol, (struct slice){NULL, 0});
	classic_to(c, classic, CLASSIC_EMPTY);
	classic_find_topics(c, classic);
	classic_put(c, classic);
}

static void await_syncs(struct coordinator *c, struct classic *classic)
{
	classic_set_slice(&classic->protocol, classic_choose(classic));
	classic_to(c, classic, CLASSIC_COMPLETING);
	classic_find_topics(c, classic);
	LIST_EACH(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		classic_answer_join(c, member, WEIR_OK);
		member->is_new = false;
		member->awaits_sync = true;
		classic->missing_syncs++;
		if (!MUTANT(4)) {
			classic_keep_alive(c, member);
		}
	}
	classic->sync_timer.fire = on_sync_timeout;
	timer_set(c, &classic->sync_timer, classic_rebalance_timeout(classic));
}

/* Ends the joining: the next generation is who joined, and static members that did not. */
static void complete(struct coordinator *c, struct classic *classic)
{
	timer_clear(c, &classic->join_timer);
	remove_absent(c, classic);
	if (!elect(classic)) {
		wait_for_joins(c, classic);
		return;
	}
	stat_add(STAT_group_rebalances, 1);
	classic->generation =
		classic->generation == INT32_MAX ? 1 : classic->generation + !MUTANT(3);
	if (classic->count) {
		await_syncs(c, classic);
	} else {
		become_empty(c, classic);
	}
}
