/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protocol of KIP-848: the broker assigns, heartbeats carry all. Each heartbeat tells what has
 * changed since the last one that was answered, all of it after a failure. What the target does not
 * have any more is given up, with its offsets committed, before a heartbeat says that it is gone:
 * only then does the broker give it to another.
 */
#include "core/client/membership_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/coordinator.h"
#include "core/wire/messages.h"

enum {
	EPOCH_JOIN = 0,
	EPOCH_LEAVE = -1,
	EPOCH_LEAVE_STATIC = -2,
	VERSION_OWN_ID = 1, /* the member makes its id up; patterns */
	RESOLVE_EVERY_MS = 1000,
	/* A broker may take its time to assign: a new member asks again soon, a few times. */
	EARLY_BEATS = 8,
	EARLY_BEAT_MS = 250,
};

static void set_member_id(struct membership *group, const char *text, size_t len)
{
	mem_free(group->member_id);
	group->member_id = mem_dup(text, len);
}

/* Falls back to the classic protocol, where the group or the broker wants that. */
static void fall_back(struct membership *group)
{
	group->ops = &membership_classic;
	group->phase = PHASE_OUT;
	group->epoch = -1;
	group->interval_ms = group->conf.heartbeat_ms;
	group->due_ms = 0;
	set_member_id(group, "", 0);
}

static void expelled(struct membership *group)
{
	group->phase = PHASE_OUT;
	group->epoch = EPOCH_JOIN;
	group->tell_all = true;
	group->due_ms = 0;
	MEM_FREE(&group->wanted);
	group->wanted_count = 0;
	group->early_beats = 0;
	group->unresolved = false;
	membership_lose_all(group);
}

static enum weir_code take_error(struct membership *group,
	const struct consumer_group_heartbeat_response *answer, struct weir_err *err)
{
	bool first = group->phase == PHASE_JOINING;
	if (first) {
		group->phase = PHASE_OUT;
	}
	group->tell_all = true;
	switch (answer->error_code) {
	case WEIR_COORDINATOR_LOAD_IN_PROGRESS:
		membership_pause(group);
		return WEIR_OK;
	case WEIR_COORDINATOR_NOT_AVAILABLE:
	case WEIR_NOT_COORDINATOR:
		membership_lost_coordinator(group);
		return WEIR_OK;
	case WEIR_FENCED_MEMBER_EPOCH:
	case WEIR_UNKNOWN_MEMBER_ID:
		expelled(group);
		return WEIR_OK;
	case WEIR_GROUP_ID_NOT_FOUND:
	case WEIR_UNSUPPORTED_VERSION:
		if (first && group->conf.protocol == MEMBERSHIP_AUTO &&
			!group->conf.remote_assignor) {
			fall_back(group);
			return WEIR_OK;
		}
		break;
	default:
		break;
	}
	return wire_error(answer->error_code, "ConsumerGroupHeartbeat", answer->error_message, err);
}

static void take_assignment(struct membership *group,
	const struct consumer_group_heartbeat_response_assignment *assignment)
{
	size_t count = 0;
	for (int32_t t = 0; t < assignment->topic_partitions_count; t++) {
		int32_t partitions = assignment->topic_partitions[t].partitions_count;
		count += partitions > 0 ? (size_t)partitions : 0;
	}
	group->wanted = mem_grow(group->wanted, count + 1, sizeof(*group->wanted));
	group->wanted_count = 0;
	for (int32_t t = 0; t < assignment->topic_partitions_count; t++) {
		const struct consumer_group_heartbeat_response_topic_partitions *topic =
			&assignment->topic_partitions[t];
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			group->wanted[group->wanted_count++] =
				(struct wanted){topic->topic_id, topic->partitions[i]};
		}
	}
	group->unresolved = true;
	group->resolve_due_ms = 0;
}

static enum weir_code modern_take(
	struct membership *group, struct exchange *x, struct weir_err *err)
{
	struct consumer_group_heartbeat_response answer = {0};
	struct arena arena;
	arena_init(&arena, x->frame.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	enum weir_code code = exchange_decode(x, &arena, &answer, err);
	if (!code && answer.error_code) {
		code = take_error(group, &answer, err);
	} else if (!code) {
		group->phase = PHASE_MEMBER;
		group->attempts = 0;
		group->failing_ms = 0;
		group->epoch = answer.member_epoch;
		group->interval_ms =
			answer.heartbeat_interval_ms > 0 ? answer.heartbeat_interval_ms : 5000;
		bool early = !group->wanted_count && group->early_beats < EARLY_BEATS;
		group->early_beats += early;
		group->due_ms = clock_mono_ms() + (early ? EARLY_BEAT_MS : group->interval_ms);
		if (answer.member_id.data) {
			set_member_id(
				group, (const char *)answer.member_id.data, answer.member_id.len);
		}
		if (answer.assignment) {
			take_assignment(group, answer.assignment);
			group->due_ms = 0;
		}
		group->stable = true;
	}
	arena_fini(&arena);
	return code;
}

static struct topic *topic_by_id(struct client *client, struct uuid id)
{
	struct map_entry *entry;
	size_t pos = 0;
	while ((entry = map_next(&client->topics, &pos))) {
		struct topic *topic = entry->value;
		if (!topic->error && uuid_equal(topic->id, id)) {
			return topic;
		}
	}
	return NULL;
}

/* Makes target of wanted. False: a topic is not known. */
static bool resolve(struct membership *group)
{
	struct topic *topic = NULL;
	bool whole = true;
	owned_list_free(&group->target);
	for (size_t i = 0; i < group->wanted_count; i++) {
		const struct wanted *wanted = &group->wanted[i];
		if (!topic || !uuid_equal(topic->id, wanted->topic_id)) {
			topic = topic_by_id(group->client, wanted->topic_id);
		}
		if (topic && wanted->partition >= 0 && wanted->partition < topic->partition_count) {
			owned_list_add(&group->target, topic, wanted->partition);
		} else {
			whole = false;
		}
	}
	owned_list_sort(&group->target);
	return whole;
}

/* Topics that metadata does not have are deleted, or will be there at the next try. */
static enum weir_code resolve_target(struct membership *group, struct weir_err *err)
{
	struct client_cluster cluster;
	struct arena arena;
	bool whole = resolve(group);
	if (!whole) {
		arena_init(&arena, LIMIT_FRAME_DEFAULT);
		enum weir_code code = client_describe(group->client, &arena, &cluster, err);
		arena_fini(&arena);
		if (code) {
			return code;
		}
		whole = resolve(group);
	}
	group->unresolved = !whole;
	group->resolve_due_ms = clock_mono_ms() + RESOLVE_EVERY_MS;
	group->reconcile = true;
	return WEIR_OK;
}

/* Owned partitions by topic id; arrays in arena. */
static bool tell_owned(const struct membership *group,
	struct consumer_group_heartbeat_request *request, struct arena *arena)
{
	const struct owned_list *owned = &group->owned;
	int32_t *partitions = arena_try_array(arena, owned->count + 1, sizeof(*partitions));
	request->topic_partitions =
		arena_try_array(arena, owned->count + 1, sizeof(*request->topic_partitions));
	request->topic_partitions_count = 0;
	if (!partitions || !request->topic_partitions) {
		return false;
	}
	for (size_t i = 0; i < owned->count; i++) {
		if (!i || owned->items[i].topic != owned->items[i - 1].topic) {
			request->topic_partitions[request->topic_partitions_count++] =
				(struct consumer_group_heartbeat_request_topic_partitions){
					.topic_id = owned->items[i].topic_id,
					.partitions = partitions + i,
				};
		}
		partitions[i] = owned->items[i].partition;
		request->topic_partitions[request->topic_partitions_count - 1].partitions_count++;
	}
	return true;
}

/* Fields that need not be repeated while all goes well. */
static enum weir_code tell_all(struct membership *group,
	struct consumer_group_heartbeat_request *request, bool patterns, struct arena *arena,
	struct weir_err *err)
{
	request->rebalance_timeout_ms = (int32_t)group->conf.rebalance_timeout_ms;
	request->rack_id = slice_str(group->conf.rack);
	request->server_assignor = slice_str(group->conf.remote_assignor);
	if (patterns && group->conf.pattern) {
		request->subscribed_topic_regex = slice_str(group->conf.pattern);
	}
	membership_names_free(&group->names, &group->name_count);
	if (!patterns || !group->conf.pattern) {
		enum weir_code code =
			membership_find_names(group, &group->names, &group->name_count, err);
		if (code) {
			return code;
		}
	} else {
		for (size_t i = 0; i < group->conf.topic_count; i++) {
			group->names = mem_grow(
				group->names, group->name_count + 1, sizeof(*group->names));
			group->names[group->name_count++] = mem_dup_str(group->conf.topics[i]);
		}
	}
	request->subscribed_topic_names =
		arena_try_array(arena, group->name_count + 1, sizeof(struct slice));
	request->subscribed_topic_names_count = 0;
	for (size_t i = 0; i < group->name_count && request->subscribed_topic_names; i++) {
		request->subscribed_topic_names[request->subscribed_topic_names_count++] =
			slice_str(group->names[i]);
	}
	return WEIR_OK;
}

static void request_init(struct membership *group, struct consumer_group_heartbeat_request *request)
{
	wire_defaults(&consumer_group_heartbeat_request_message, request);
	request->group_id = slice_str(group->conf.group_id);
	request->member_id = slice_str(group->member_id);
	request->member_epoch = group->epoch;
	request->instance_id = slice_str(group->conf.instance_id);
}

static enum weir_code send_heartbeat(struct membership *group, struct weir_err *err)
{
	struct consumer_group_heartbeat_request request;
	struct arena arena;
	group->beat_due_ms = clock_mono_ms() + group->interval_ms;
	bool own_id = client_has_api(group->client, API_CONSUMER_GROUP_HEARTBEAT, VERSION_OWN_ID);
	bool joining = group->phase == PHASE_OUT;
	enum weir_code code = WEIR_OK;
	if (joining && own_id && !group->member_id[0]) {
		char text[UUID_TEXT_LEN + 1];
		uuid_format(uuid_new(), text);
		set_member_id(group, text, UUID_TEXT_LEN);
	}
	arena_init(&arena, 0);
	request_init(group, &request);
	if (group->tell_all || joining) {
		code = tell_all(group, &request, own_id, &arena, err);
	}
	if (!code && (group->tell_all || joining || group->tell_owned) &&
		!tell_owned(group, &request, &arena)) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory for a heartbeat");
	}
	if (!code) {
		group->phase = joining ? PHASE_JOINING : PHASE_MEMBER;
		group->tell_all = group->tell_owned = false;
		code = membership_send(
			group, API_CONSUMER_GROUP_HEARTBEAT, VERSION_ANY, &request, 0, err);
		if (!group->exchange) {
			group->phase = joining ? PHASE_OUT : PHASE_MEMBER;
			group->tell_all = true;
		}
	}
	arena_fini(&arena);
	return code;
}

/* Patterns that the broker does not match are matched here, now and then. */
static void look_for_topics(struct membership *group)
{
	char **names;
	size_t count;
	int64_t now_ms = clock_mono_ms();
	if (!group->conf.pattern || now_ms < group->topics_due_ms ||
		client_has_api(group->client, API_CONSUMER_GROUP_HEARTBEAT, VERSION_OWN_ID)) {
		return;
	}
	group->topics_due_ms = now_ms + group->conf.metadata_max_age_ms;
	if (membership_find_names(group, &names, &count, NULL)) {
		return;
	}
	group->tell_all |= count != group->name_count;
	for (size_t i = 0; i < count && !group->tell_all; i++) {
		group->tell_all = strcmp(names[i], group->names[i]) != 0;
	}
	membership_names_free(&names, &count);
}

static enum weir_code reconcile(struct membership *group, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (group->unresolved) {
		code = resolve_target(group, err);
	}
	if (code || membership_revoke(group, &group->target)) {
		return code;
	}
	code = membership_gain(group, err);
	if (code == WEIR_STALE_MEMBER_EPOCH || code == WEIR_UNKNOWN_MEMBER_ID) {
		/* The next heartbeat tells what has become of this member. */
		group->reconcile = false;
		group->unresolved = true;
		group->resolve_due_ms = clock_mono_ms() + retry_pause_ms(0);
		group->due_ms = group->resolve_due_ms;
		return send_heartbeat(group, err);
	}
	group->tell_owned = true;
	group->due_ms = 0;
	return code;
}

static enum weir_code modern_step(struct membership *group, struct weir_err *err)
{
	if (group->phase == PHASE_MEMBER &&
		(group->reconcile ||
			(group->unresolved && clock_mono_ms() >= group->resolve_due_ms))) {
		return reconcile(group, err);
	}
	look_for_topics(group);
	group->due_ms = clock_mono_ms() + group->interval_ms;
	return send_heartbeat(group, err);
}

static bool modern_leave(struct membership *group, int64_t deadline_ms, struct exchange **x)
{
	struct consumer_group_heartbeat_request request;
	struct connection *connection;
	if (group->phase == PHASE_OUT || group->coordinator < 0 ||
		client_reach(group->client, group->coordinator, LANE_GROUP, &connection, NULL)) {
		return false;
	}
	request_init(group, &request);
	request.member_epoch = group->conf.instance_id ? EPOCH_LEAVE_STATIC : EPOCH_LEAVE;
	return !client_start(group->client, connection, API_CONSUMER_GROUP_HEARTBEAT, VERSION_ANY,
		&request, true, deadline_ms, x, NULL);
}

const struct membership_ops membership_modern = {
	.name = "consumer",
	.take = modern_take,
	.step = modern_step,
	.beat = send_heartbeat,
	.leave = modern_leave,
};
