/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Subscriptions and assignments of the classic protocol, and the leader's work. */
#include "core/client/membership_priv.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

#include <stdlib.h>

enum { SUBSCRIPTION_VERSION = 3, ASSIGNMENT_VERSION = 3 };

void membership_names_free(char ***names, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		mem_free((*names)[i]);
	}
	MEM_FREE(names);
	*count = 0;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

static void name_add(char ***names, size_t *count, const char *name)
{
	*names = mem_grow(*names, *count + 1, sizeof(**names));
	(*names)[(*count)++] = mem_dup_str(name);
}

enum weir_code membership_find_names(
	struct membership *group, char ***names, size_t *count, struct weir_err *err)
{
	*names = NULL;
	*count = 0;
	for (size_t i = 0; i < group->conf.topic_count; i++) {
		name_add(names, count, group->conf.topics[i]);
	}
	if (group->conf.pattern) {
		struct client_cluster cluster;
		struct arena arena;
		arena_init(&arena, LIMIT_FRAME_DEFAULT);
		enum weir_code code = client_describe(group->client, &arena, &cluster, err);
		for (size_t i = 0; i < cluster.topic_count && !code; i++) {
			const struct client_topic *topic = &cluster.topics[i];
			if (!topic->internal && group->conf.match_topic &&
				group->conf.match_topic(group->conf.match_arg, topic->name)) {
				name_add(names, count, topic->name);
			}
		}
		arena_fini(&arena);
		if (code) {
			membership_names_free(names, count);
			return code;
		}
	}
	if (*count) {
		qsort(*names, *count, sizeof(**names), compare_names);
	}
	return WEIR_OK;
}

/* A version, then the message of that version. */
static enum weir_code blob_encode(const struct wire_message *message, int16_t version,
	const void *in, struct buf *out, struct weir_err *err)
{
	uint8_t head[2];
	be16_put(head, (uint16_t)version);
	buf_add(out, head, sizeof(head));
	enum weir_code code = wire_encode(message, version, in, out, NULL, err);
	if (!code && out->failed) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory for a subscription");
	}
	return code;
}

/* Newer versions only add fields at the end, so they are read as the newest known one. */
static enum weir_code blob_decode(const struct wire_message *message, int16_t newest,
	struct slice blob, struct arena *arena, void *out, struct weir_err *err)
{
	size_t used;
	if (blob.len < 2 || (int16_t)be16_get(blob.data) < 0) {
		return err_set(err, WEIR_PROTOCOL, "a member's %s has no version",
			message == &consumer_protocol_assignment_message ? "assignment"
									 : "subscription");
	}
	int16_t version = (int16_t)be16_get(blob.data);
	return wire_decode(message, version < newest ? version : newest,
		slice_of(blob.data + 2, blob.len - 2), arena, out, &used, err);
}

/* Owned partitions as topics with partitions; arrays in arena. */
static int32_t own_topics(const struct owned_list *owned, struct arena *arena,
	struct consumer_protocol_subscription_topic_partition **topics)
{
	int32_t count = 0;
	int32_t *partitions = arena_try_array(arena, owned->count + 1, sizeof(*partitions));
	*topics = arena_try_array(arena, owned->count + 1, sizeof(**topics));
	if (!partitions || !*topics) {
		return 0;
	}
	for (size_t i = 0; i < owned->count; i++) {
		if (!i || strcmp(owned->items[i].topic, owned->items[i - 1].topic) != 0) {
			(*topics)[count++] =
				(struct consumer_protocol_subscription_topic_partition){
					.topic = slice_str(owned->items[i].topic),
					.partitions = partitions + i,
				};
		}
		partitions[i] = owned->items[i].partition;
		(*topics)[count - 1].partitions_count++;
	}
	return count;
}

/* What the sticky assignors want to know of the last generation. */
static void user_data(const struct membership *group, enum assignor assignor, struct arena *arena,
	struct buf *out)
{
	const struct owned_list *owned = &group->kept;
	struct assignor_topic *topics = arena_try_array(arena, owned->count + 1, sizeof(*topics));
	struct assignor_partition *parts = arena_try_array(arena, owned->count + 1, sizeof(*parts));
	int32_t count = 0;
	if (!topics || !parts) {
		return;
	}
	for (size_t i = 0; i < owned->count; i++) {
		if (!i || strcmp(owned->items[i].topic, owned->items[i - 1].topic) != 0) {
			topics[count++].name = slice_str(owned->items[i].topic);
		}
		parts[i] = (struct assignor_partition){count - 1, owned->items[i].partition};
	}
	assignor_user_data(assignor, topics, group->kept_generation >= 0 ? parts : NULL,
		(int32_t)owned->count, group->kept_generation, out);
}

enum weir_code membership_subscription(
	struct membership *group, enum assignor assignor, struct buf *out, struct weir_err *err)
{
	struct consumer_protocol_subscription subscription;
	struct arena arena;
	struct buf data;
	arena_init(&arena, 0);
	buf_init(&data, 0);
	wire_defaults(&consumer_protocol_subscription_message, &subscription);
	subscription.topics = arena_try_array(&arena, group->name_count + 1, sizeof(struct slice));
	for (size_t i = 0; i < group->name_count && subscription.topics; i++) {
		subscription.topics[subscription.topics_count++] = slice_str(group->names[i]);
	}
	user_data(group, assignor, &arena, &data);
	if (data.len) {
		subscription.user_data = slice_of(data.data, data.len);
	}
	subscription.owned_partitions_count =
		own_topics(&group->owned, &arena, &subscription.owned_partitions);
	subscription.generation_id = group->epoch;
	if (group->conf.rack) {
		subscription.rack_id = slice_str(group->conf.rack);
	}
	enum weir_code code = blob_encode(&consumer_protocol_subscription_message,
		SUBSCRIPTION_VERSION, &subscription, out, err);
	buf_fini(&data);
	arena_fini(&arena);
	return code;
}

/* What the leader works on. */
struct work {
	struct membership *group;
	struct arena *arena;
	const struct join_group_response *answer;
	struct consumer_protocol_subscription *subscriptions;
	struct assignor_member *members;
	struct assignor_topic *topics;
	int32_t member_count, topic_count;
};

static int compare_slices(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = len ? memcmp(x->data, y->data, len) : 0;
	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static int compare_numbers(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static enum weir_code no_memory(struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory to assign the partitions of a group");
}

/* Reads what members subscribe to; what cannot be read subscribes to nothing. */
static enum weir_code read_subscriptions(struct work *work, struct weir_err *err)
{
	int32_t count = work->answer->members_count > 0 ? work->answer->members_count : 0;
	work->subscriptions =
		arena_try_array(work->arena, (size_t)count + 1, sizeof(*work->subscriptions));
	work->members = arena_try_array(work->arena, (size_t)count + 1, sizeof(*work->members));
	if (!work->subscriptions || !work->members) {
		return no_memory(err);
	}
	work->member_count = count;
	for (int32_t i = 0; i < count; i++) {
		const struct join_group_response_member *member = &work->answer->members[i];
		struct consumer_protocol_subscription *subscription = &work->subscriptions[i];
		if (blob_decode(&consumer_protocol_subscription_message, SUBSCRIPTION_VERSION,
			    member->metadata, work->arena, subscription, NULL)) {
			wire_defaults(&consumer_protocol_subscription_message, subscription);
		}
		work->members[i] = (struct assignor_member){
			.id = member->member_id,
			.instance_id = member->group_instance_id,
			.rack = subscription->rack_id,
			.generation = subscription->generation_id,
			.user_data = subscription->user_data,
		};
	}
	return WEIR_OK;
}

/* Names of all topics that members name, each once. */
static enum weir_code gather_topics(struct work *work, struct weir_err *err)
{
	size_t total = 0, count = 0;
	for (int32_t i = 0; i < work->member_count; i++) {
		total += (size_t)work->subscriptions[i].topics_count;
	}
	struct slice *names = arena_try_array(work->arena, total + 1, sizeof(*names));
	work->topics = arena_try_array(work->arena, total + 1, sizeof(*work->topics));
	if (!names || !work->topics || total > INT32_MAX) {
		return no_memory(err);
	}
	total = 0;
	for (int32_t i = 0; i < work->member_count; i++) {
		for (int32_t k = 0; k < work->subscriptions[i].topics_count; k++) {
			names[total++] = work->subscriptions[i].topics[k];
		}
	}
	qsort(names, total, sizeof(*names), compare_slices);
	for (size_t i = 0; i < total; i++) {
		if (!i || compare_slices(&names[i], &names[i - 1]) != 0) {
			work->topics[count++].name = names[i];
		}
	}
	work->topic_count = (int32_t)count;
	return WEIR_OK;
}

static int compare_topic(const void *key, const void *item)
{
	const struct assignor_topic *topic = item;
	return compare_slices(key, &topic->name);
}

static int32_t find_topic(const struct work *work, struct slice name)
{
	const struct assignor_topic *topic = bsearch(&name, work->topics, (size_t)work->topic_count,
		sizeof(*work->topics), compare_topic);
	return topic ? (int32_t)(topic - work->topics) : -1;
}

static struct slice rack_of(const struct client_cluster *cluster, int32_t node)
{
	for (size_t i = 0; i < cluster->node_count; i++) {
		if (cluster->nodes[i].id == node) {
			return slice_str(cluster->nodes[i].rack);
		}
	}
	return (struct slice){0};
}

static bool fill_racks(struct work *work, const struct client_cluster *cluster,
	const struct client_topic *from, struct assignor_topic *topic)
{
	struct assignor_racks *racks =
		arena_try_array(work->arena, (size_t)from->partition_count + 1, sizeof(*racks));
	for (int32_t p = 0; p < from->partition_count && racks; p++) {
		const struct client_partition *partition = &from->partitions[p];
		size_t room = partition->replica_count > 0 ? (size_t)partition->replica_count : 0;
		struct slice *list = arena_try_array(work->arena, room + 1, sizeof(*list));
		if (!list) {
			return false;
		}
		racks[p].racks = list;
		for (size_t i = 0; i < room; i++) {
			struct slice rack = rack_of(cluster, partition->replicas[i]);
			if (rack.data) {
				list[racks[p].count++] = rack;
			}
		}
	}
	topic->racks = racks;
	return racks != NULL;
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct client_topic *)item)->name);
}

static const struct client_topic *cluster_topic(
	const struct client_cluster *cluster, const char *name)
{
	return cluster->topic_count ? bsearch(name, cluster->topics, cluster->topic_count,
					      sizeof(*cluster->topics), compare_name)
				    : NULL;
}

static void see_topic(struct membership *group, const char *name, int32_t partition_count)
{
	group->seen = mem_grow(group->seen, group->seen_count + 1, sizeof(*group->seen));
	group->seen[group->seen_count++] =
		(struct membership_topics_seen){mem_dup_str(name), partition_count};
}

static void forget_seen(struct membership *group)
{
	for (size_t i = 0; i < group->seen_count; i++) {
		mem_free(group->seen[i].name);
	}
	group->seen_count = 0;
}

/* Partitions, and racks where members have any, of the topics that are there. */
static enum weir_code look_up_topics(struct work *work, struct weir_err *err)
{
	struct client_cluster cluster;
	bool racks = false;
	enum weir_code code = client_describe(work->group->client, work->arena, &cluster, err);
	if (code) {
		return code;
	}
	for (int32_t i = 0; i < work->member_count; i++) {
		racks |= work->members[i].rack.data && work->members[i].rack.len;
	}
	forget_seen(work->group);
	for (int32_t t = 0; t < work->topic_count; t++) {
		struct assignor_topic *topic = &work->topics[t];
		char *name = arena_try_dup(work->arena, topic->name.data, topic->name.len);
		if (!name) {
			return no_memory(err);
		}
		const struct client_topic *from = cluster_topic(&cluster, name);
		topic->partition_count = from ? from->partition_count : 0;
		if (from && racks && !fill_racks(work, &cluster, from, topic)) {
			return no_memory(err);
		}
		see_topic(work->group, name, topic->partition_count);
	}
	return WEIR_OK;
}

bool membership_topics_changed(struct membership *group)
{
	struct client_cluster cluster;
	struct arena arena;
	bool changed = false;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (!client_describe(group->client, &arena, &cluster, NULL)) {
		for (size_t i = 0; i < group->seen_count; i++) {
			const struct client_topic *topic =
				cluster_topic(&cluster, group->seen[i].name);
			changed |= (topic ? topic->partition_count : 0) !=
				   group->seen[i].partition_count;
		}
	}
	arena_fini(&arena);
	return changed;
}

/* Topics and owned partitions of a member as numbers. */
static enum weir_code number_member(struct work *work, int32_t m, struct weir_err *err)
{
	const struct consumer_protocol_subscription *from = &work->subscriptions[m];
	struct assignor_member *member = &work->members[m];
	size_t owned = 0;
	for (int32_t i = 0; i < from->owned_partitions_count; i++) {
		int32_t count = from->owned_partitions[i].partitions_count;
		owned += count > 0 ? (size_t)count : 0;
	}
	int32_t *topics =
		arena_try_array(work->arena, (size_t)from->topics_count + 1, sizeof(*topics));
	struct assignor_partition *parts = arena_try_array(work->arena, owned + 1, sizeof(*parts));
	if (!topics || !parts || owned > INT32_MAX) {
		return no_memory(err);
	}
	for (int32_t i = 0; i < from->topics_count; i++) {
		topics[i] = find_topic(work, from->topics[i]);
	}
	qsort(topics, (size_t)from->topics_count, sizeof(*topics), compare_numbers);
	for (int32_t i = 0; i < from->topics_count; i++) {
		if (!i || topics[i] != topics[i - 1]) {
			topics[member->topic_count++] = topics[i];
		}
	}
	for (int32_t i = 0; i < from->owned_partitions_count; i++) {
		int32_t topic = find_topic(work, from->owned_partitions[i].topic);
		for (int32_t k = 0; k < from->owned_partitions[i].partitions_count; k++) {
			parts[member->owned_count++] = (struct assignor_partition){
				topic, from->owned_partitions[i].partitions[k]};
		}
	}
	member->topics = topics;
	member->owned = parts;
	return WEIR_OK;
}

static enum weir_code encode_assignment(
	struct work *work, const struct assignment *from, struct slice *blob, struct weir_err *err)
{
	struct consumer_protocol_assignment message;
	struct buf out;
	size_t count = (size_t)from->count;
	wire_defaults(&consumer_protocol_assignment_message, &message);
	message.assigned_partitions =
		arena_try_array(work->arena, count + 1, sizeof(*message.assigned_partitions));
	int32_t *partitions = arena_try_array(work->arena, count + 1, sizeof(*partitions));
	if (!message.assigned_partitions || !partitions) {
		return no_memory(err);
	}
	for (int32_t i = 0; i < from->count; i++) {
		int32_t topic = from->partitions[i].topic;
		if (!i || topic != from->partitions[i - 1].topic) {
			message.assigned_partitions[message.assigned_partitions_count++] =
				(struct consumer_protocol_assignment_topic_partition){
					.topic = work->topics[topic].name,
					.partitions = partitions + i,
				};
		}
		partitions[i] = from->partitions[i].partition;
		message.assigned_partitions[message.assigned_partitions_count - 1]
			.partitions_count++;
	}
	buf_init(&out, 0);
	enum weir_code code = blob_encode(
		&consumer_protocol_assignment_message, ASSIGNMENT_VERSION, &message, &out, err);
	if (!code) {
		uint8_t *copy = arena_try_dup(work->arena, out.data, out.len);
		*blob = slice_of(copy, out.len);
		code = copy ? WEIR_OK : no_memory(err);
	}
	buf_fini(&out);
	return code;
}

enum weir_code membership_assign(struct membership *group, const struct join_group_response *answer,
	struct arena *arena, struct sync_group_request_assignment **assignments, int32_t *count,
	struct weir_err *err)
{
	struct work work = {.group = group, .arena = arena, .answer = answer};
	enum weir_code code = read_subscriptions(&work, err);
	code = code ? code : gather_topics(&work, err);
	code = code ? code : look_up_topics(&work, err);
	for (int32_t i = 0; i < work.member_count && !code; i++) {
		code = number_member(&work, i, err);
	}
	if (code) {
		return code;
	}
	struct assignment *outcome =
		arena_try_array(arena, (size_t)work.member_count + 1, sizeof(*outcome));
	*assignments = arena_try_array(arena, (size_t)work.member_count + 1, sizeof(**assignments));
	if (!outcome || !*assignments) {
		return no_memory(err);
	}
	code = assignor_assign(group->assignor, work.topics, work.topic_count, work.members,
		work.member_count, arena, outcome, err);
	for (int32_t i = 0; i < work.member_count && !code; i++) {
		(*assignments)[i].member_id = work.members[i].id;
		code = encode_assignment(&work, &outcome[i], &(*assignments)[i].assignment, err);
	}
	*count = work.member_count;
	return code;
}

/* The leader may know topics and partitions that this member has not heard of yet. */
static enum weir_code target_add(struct membership *group,
	const struct consumer_protocol_assignment_topic_partition *from, struct weir_err *err)
{
	struct topic *topic = NULL;
	int64_t deadline_ms = client_deadline(group->client);
	char *name = mem_dup(from->topic.data, from->topic.len);
	enum weir_code code = metadata_topic(group->client, name, false, deadline_ms, &topic, err);
	bool fresh = false;
	for (int32_t i = 0; i < from->partitions_count && !code; i++) {
		int32_t partition = from->partitions[i];
		if (partition >= topic->partition_count && !fresh) {
			fresh = true;
			code = metadata_topic(group->client, name, true, deadline_ms, &topic, err);
		}
		if (!code && partition >= 0 && partition < topic->partition_count) {
			owned_list_add(&group->target, topic, partition);
		}
	}
	mem_free(name);
	/* A topic deleted meanwhile is nothing to read. */
	return code == WEIR_UNKNOWN_TOPIC_OR_PARTITION ? WEIR_OK : code;
}

enum weir_code membership_take_assignment(
	struct membership *group, struct slice bytes, struct weir_err *err)
{
	struct consumer_protocol_assignment assignment;
	struct arena arena;
	enum weir_code code = WEIR_OK;
	owned_list_free(&group->target);
	if (!bytes.len) {
		return WEIR_OK;
	}
	arena_init(&arena, bytes.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	wire_defaults(&consumer_protocol_assignment_message, &assignment);
	if (blob_decode(&consumer_protocol_assignment_message, ASSIGNMENT_VERSION, bytes, &arena,
		    &assignment, err)) {
		code = err ? err_wrap(err, "assignment of the leader") : WEIR_PROTOCOL;
	}
	for (int32_t i = 0; i < assignment.assigned_partitions_count && !code; i++) {
		code = target_add(group, &assignment.assigned_partitions[i], err);
	}
	arena_fini(&arena);
	owned_list_sort(&group->target);
	return code;
}
