/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classic protocol: join, sync, heartbeats; a heartbeat says when to join again.
 *
 * Eager (any assignor but cooperative-sticky was chosen): all is given up before each join.
 * Cooperative: a join changes nothing; what the new assignment no longer has is given up after it,
 * and then the member joins once more, so that others can have it.
 */
#include "core/client/membership_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/coordinator.h"
#include "core/wire/messages.h"

enum {
	LEAVE_VERSION_MEMBERS = 3, /* several members, by instance id too */
	LEADER_ARENA_BYTES = 1 << 30,
};

static void set_member_id(struct membership *group, struct slice id)
{
	mem_free(group->member_id);
	group->member_id = mem_dup(id.data ? id.data : (const uint8_t *)"", id.len);
}

/* Out of the group: the generation is over, and with forget_id the member too. */
static void expelled(struct membership *group, bool forget_id)
{
	group->phase = PHASE_OUT;
	group->epoch = -1;
	group->due_ms = 0;
	if (forget_id) {
		set_member_id(group, (struct slice){0});
	}
	membership_lose_all(group);
}

static enum weir_code failed(int16_t error, const char *what, struct weir_err *err)
{
	return wire_error(error, what, (struct slice){0}, err);
}

/* Errors that every answer may have; others are returned. */
static enum weir_code common_error(
	struct membership *group, int16_t error, const char *what, struct weir_err *err)
{
	switch (error) {
	case WEIR_COORDINATOR_LOAD_IN_PROGRESS:
		membership_pause(group);
		return WEIR_OK;
	case WEIR_COORDINATOR_NOT_AVAILABLE:
	case WEIR_NOT_COORDINATOR:
		membership_lost_coordinator(group);
		return WEIR_OK;
	case WEIR_UNKNOWN_MEMBER_ID:
		expelled(group, true);
		return WEIR_OK;
	case WEIR_ILLEGAL_GENERATION:
		expelled(group, false);
		return WEIR_OK;
	case WEIR_REBALANCE_IN_PROGRESS:
		group->rejoin = true;
		group->due_ms = 0;
		return WEIR_OK;
	default:
		return failed(error, what, err);
	}
}

static bool is_cooperative(const struct membership *group)
{
	for (size_t i = 0; i < group->conf.assignor_count; i++) {
		if (!assignor_is_cooperative(group->conf.assignors[i])) {
			return false;
		}
	}
	return true;
}

static enum weir_code join_build(struct membership *group, struct join_group_request *request,
	struct join_group_request_protocol *protocols, struct buf *blobs, struct weir_err *err)
{
	wire_defaults(&join_group_request_message, request);
	request->protocols = protocols;
	request->group_id = slice_str(group->conf.group_id);
	request->session_timeout_ms = (int32_t)group->conf.session_timeout_ms;
	request->rebalance_timeout_ms = (int32_t)group->conf.rebalance_timeout_ms;
	request->member_id = slice_str(group->member_id);
	if (group->conf.instance_id) {
		request->group_instance_id = slice_str(group->conf.instance_id);
	}
	request->protocol_type = slice_str("consumer");
	for (size_t i = 0; i < group->conf.assignor_count; i++) {
		enum assignor assignor = group->conf.assignors[i];
		enum weir_code code = membership_subscription(group, assignor, &blobs[i], err);
		if (code) {
			return code;
		}
		request->protocols[request->protocols_count++] =
			(struct join_group_request_protocol){slice_str(assignor_name(assignor)),
				slice_of(blobs[i].data, blobs[i].len)};
	}
	return WEIR_OK;
}

static enum weir_code send_join(struct membership *group, struct weir_err *err)
{
	struct join_group_request request;
	struct join_group_request_protocol protocols[ASSIGNOR_COUNT];
	struct buf blobs[ASSIGNOR_COUNT];
	membership_names_free(&group->names, &group->name_count);
	enum weir_code code = membership_find_names(group, &group->names, &group->name_count, err);
	for (size_t i = 0; i < ASSIGNOR_COUNT; i++) {
		buf_init(&blobs[i], 0);
	}
	if (!code) {
		code = join_build(group, &request, protocols, blobs, err);
	}
	if (!code) {
		group->rejoin = false;
		group->topics_due_ms = clock_mono_ms() + group->conf.metadata_max_age_ms;
		group->stable = false;
		group->phase = PHASE_JOINING;
		code = membership_send(group, API_JOIN_GROUP, VERSION_ANY, &request,
			group->conf.rebalance_timeout_ms, err);
		if (!group->exchange) {
			group->phase = PHASE_OUT;
		}
	}
	for (size_t i = 0; i < ASSIGNOR_COUNT; i++) {
		buf_fini(&blobs[i]);
	}
	return code;
}

static enum weir_code send_heartbeat(struct membership *group, struct weir_err *err)
{
	struct heartbeat_request request;
	group->beat_due_ms = clock_mono_ms() + group->interval_ms;
	wire_defaults(&heartbeat_request_message, &request);
	request.group_id = slice_str(group->conf.group_id);
	request.generation_id = group->epoch;
	request.member_id = slice_str(group->member_id);
	if (group->conf.instance_id) {
		request.group_instance_id = slice_str(group->conf.instance_id);
	}
	return membership_send(group, API_HEARTBEAT, VERSION_ANY, &request, 0, err);
}

/* Names that match now, or partitions of the leader's topics, differ from those joined with. */
static bool topics_changed(struct membership *group)
{
	char **names;
	size_t count;
	int64_t now_ms = clock_mono_ms();
	if (now_ms < group->topics_due_ms) {
		return false;
	}
	group->topics_due_ms = now_ms + group->conf.metadata_max_age_ms;
	if (group->leader && membership_topics_changed(group)) {
		return true;
	}
	if (!group->conf.pattern || membership_find_names(group, &names, &count, NULL)) {
		return false;
	}
	bool changed = count != group->name_count;
	for (size_t i = 0; i < count && !changed; i++) {
		changed = strcmp(names[i], group->names[i]) != 0;
	}
	membership_names_free(&names, &count);
	return changed;
}

static enum weir_code classic_step(struct membership *group, struct weir_err *err)
{
	if (group->reconcile) {
		if (!is_cooperative(group) || !membership_revoke(group, &group->target)) {
			return membership_gain(group, err);
		}
		/* What is given up now is free for others after the next join. */
		group->rejoin = true;
		return WEIR_OK;
	}
	if (group->phase == PHASE_MEMBER && !group->rejoin && topics_changed(group)) {
		group->rejoin = true;
	}
	if (group->phase == PHASE_MEMBER && !group->rejoin) {
		group->due_ms = clock_mono_ms() + group->interval_ms;
		return send_heartbeat(group, err);
	}
	if (group->owned.count && !is_cooperative(group) && membership_revoke(group, NULL)) {
		return WEIR_OK;
	}
	return send_join(group, err);
}

static enum weir_code send_sync(struct membership *group, const struct join_group_response *answer,
	struct arena *arena, struct weir_err *err)
{
	struct sync_group_request request;
	wire_defaults(&sync_group_request_message, &request);
	request.group_id = slice_str(group->conf.group_id);
	request.generation_id = group->epoch;
	request.member_id = slice_str(group->member_id);
	if (group->conf.instance_id) {
		request.group_instance_id = slice_str(group->conf.instance_id);
	}
	request.protocol_type = slice_str("consumer");
	request.protocol_name = slice_str(assignor_name(group->assignor));
	enum weir_code code = WEIR_OK;
	if (group->leader && !answer->skip_assignment) {
		code = membership_assign(group, answer, arena, &request.assignments,
			&request.assignments_count, err);
	}
	if (!code) {
		group->phase = PHASE_SYNCING;
		code = membership_send(group, API_SYNC_GROUP, VERSION_ANY, &request,
			group->conf.rebalance_timeout_ms, err);
		if (!group->exchange) {
			group->phase = PHASE_OUT;
		}
	}
	return code;
}

static enum weir_code joined(struct membership *group, const struct join_group_response *answer,
	struct arena *arena, struct weir_err *err)
{
	set_member_id(group, answer->member_id);
	group->attempts = 0;
	group->failing_ms = 0;
	group->epoch = answer->generation_id;
	group->leader = slice_equal(answer->leader, answer->member_id);
	if (!assignor_find(answer->protocol_name, &group->assignor)) {
		return err_set(
			err, WEIR_PROTOCOL, "the broker chose an assignor that was not named");
	}
	return send_sync(group, answer, arena, err);
}

static enum weir_code take_join(
	struct membership *group, struct exchange *x, struct arena *arena, struct weir_err *err)
{
	struct join_group_response answer = {0};
	enum weir_code code = exchange_decode(x, arena, &answer, err);
	group->phase = PHASE_OUT;
	if (code) {
		return code;
	}
	switch (answer.error_code) {
	case 0:
		return joined(group, &answer, arena, err);
	case WEIR_MEMBER_ID_REQUIRED:
		set_member_id(group, answer.member_id);
		return send_join(group, err);
	default:
		return common_error(group, answer.error_code, "JoinGroup", err);
	}
}

static enum weir_code take_sync(
	struct membership *group, struct exchange *x, struct arena *arena, struct weir_err *err)
{
	struct sync_group_response answer = {0};
	enum weir_code code = exchange_decode(x, arena, &answer, err);
	group->phase = PHASE_OUT;
	if (code) {
		return code;
	}
	if (answer.error_code) {
		return common_error(group, answer.error_code, "SyncGroup", err);
	}
	code = membership_take_assignment(group, answer.assignment, err);
	if (!code) {
		group->phase = PHASE_MEMBER;
		group->reconcile = true;
		group->stable = true;
		group->kept_generation = group->epoch;
		owned_list_free(&group->kept);
		group->kept = owned_list_dup(&group->target);
		group->due_ms = 0;
	}
	return code;
}

static enum weir_code take_heartbeat(
	struct membership *group, struct exchange *x, struct arena *arena, struct weir_err *err)
{
	struct heartbeat_response answer = {0};
	enum weir_code code = exchange_decode(x, arena, &answer, err);
	if (code) {
		return code;
	}
	if (answer.error_code) {
		return common_error(group, answer.error_code, "Heartbeat", err);
	}
	group->attempts = 0;
	group->failing_ms = 0;
	return WEIR_OK;
}

static enum weir_code classic_take(
	struct membership *group, struct exchange *x, struct weir_err *err)
{
	struct arena arena;
	enum weir_code code;
	arena_init(&arena, x->frame.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	if (x->key == API_JOIN_GROUP) {
		struct arena work; /* of the leader: grows with partitions, not with the answer */
		arena_init(&work, LEADER_ARENA_BYTES);
		code = take_join(group, x, &work, err);
		arena_fini(&work);
	} else if (x->key == API_SYNC_GROUP) {
		code = take_sync(group, x, &arena, err);
	} else {
		code = take_heartbeat(group, x, &arena, err);
	}
	arena_fini(&arena);
	return code;
}

static bool classic_leave(struct membership *group, int64_t deadline_ms, struct exchange **x)
{
	struct leave_group_request request;
	struct leave_group_request_member_identity self = {
		.member_id = slice_str(group->member_id)};
	struct connection *connection;
	int16_t version;
	if (group->conf.instance_id || group->coordinator < 0 ||
		client_reach(group->client, group->coordinator, LANE_GROUP, &connection, NULL) ||
		versions_choose(
			&connection->versions, API_LEAVE_GROUP, VERSION_ANY, &version, NULL)) {
		return false;
	}
	wire_defaults(&leave_group_request_message, &request);
	request.group_id = slice_str(group->conf.group_id);
	if (version < LEAVE_VERSION_MEMBERS) {
		request.member_id = self.member_id;
	} else {
		request.members = &self;
		request.members_count = 1;
	}
	return !client_start(group->client, connection, API_LEAVE_GROUP, version, &request, true,
		deadline_ms, x, NULL);
}

const struct membership_ops membership_classic = {
	.name = "classic",
	.take = classic_take,
	.step = classic_step,
	.beat = send_heartbeat,
	.leave = classic_leave,
};
