/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OffsetFetch, OffsetCommit and OffsetDelete in all versions. From version 10 on both name topics
 * by id, which tells a topic that was made anew from the one that the offset belongs to; they are
 * used where all ids are known.
 */
#include "core/client/group_offsets_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/client/coordinator.h"

#include <stdlib.h>

enum { VERSION_GROUPS = 8 }; /* of OffsetFetch */

const struct group_identity group_outsider = {.member_id = "", .epoch = -1};

static enum weir_code no_memory(struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory for the offsets of a group");
}

/* Where the items of the topic of item i end. */
static size_t topic_end(const struct group_offset *items, size_t i, size_t count)
{
	size_t end = i + 1;
	while (end < count && !strcmp(items[end].topic, items[i].topic)) {
		end++;
	}
	return end;
}

static bool ids_are_known(const struct group_offset *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (uuid_is_zero(items[i].topic_id)) {
			return false;
		}
	}
	return true;
}

static bool is_topic(const struct group_offset *item, bool by_id, struct slice name, struct uuid id)
{
	return by_id ? uuid_equal(item->topic_id, id) : slice_equal(slice_str(item->topic), name);
}

/* Answers come in the order of the request as a rule: *at is where the last was found. */
static struct group_offset *find_item(struct group_offset *items, size_t count, size_t *at,
	bool by_id, struct slice name, struct uuid id, int32_t partition)
{
	for (size_t i = 0; i < count; i++) {
		struct group_offset *item = &items[(*at + i) % count];
		if (item->partition == partition && is_topic(item, by_id, name, id)) {
			*at = (*at + i) % count;
			return item;
		}
	}
	return NULL;
}

/* The form of one group, before version 8. */
static bool build_plain(struct offset_fetch_request *request, const struct group_offset *items,
	size_t count, struct arena *arena)
{
	request->topics = arena_try_array(arena, count + 1, sizeof(*request->topics));
	int32_t *indexes = arena_try_array(arena, count + 1, sizeof(*indexes));
	if (!request->topics || !indexes) {
		return false;
	}
	for (size_t i = 0; i < count;) {
		size_t end = topic_end(items, i, count);
		struct offset_fetch_request_topic *topic =
			&request->topics[request->topics_count++];
		topic->name = slice_str(items[i].topic);
		topic->partition_indexes = indexes + i;
		topic->partition_indexes_count = (int32_t)(end - i);
		for (; i < end; i++) {
			indexes[i] = items[i].partition;
		}
	}
	return true;
}

static bool build_groups(struct offset_fetch_request *request, const char *group,
	const struct group_identity *who, const struct group_offset *items, size_t count,
	struct arena *arena)
{
	struct offset_fetch_request_group *one = arena_try(arena, sizeof(*one));
	int32_t *indexes = arena_try_array(arena, count + 1, sizeof(*indexes));
	if (!one || !indexes) {
		return false;
	}
	one->group_id = slice_str(group);
	one->member_epoch = who->epoch;
	if (who->member_id[0]) {
		one->member_id = slice_str(who->member_id);
	}
	request->groups = one;
	request->groups_count = 1;
	one->topics_count = -1;
	if (!items) {
		return true;
	}
	one->topics = arena_try_array(arena, count + 1, sizeof(*one->topics));
	one->topics_count = 0;
	if (!one->topics) {
		return false;
	}
	for (size_t i = 0; i < count;) {
		size_t end = topic_end(items, i, count);
		struct offset_fetch_request_topics *topic = &one->topics[one->topics_count++];
		topic->name = slice_str(items[i].topic);
		topic->topic_id = items[i].topic_id;
		topic->partition_indexes = indexes + i;
		topic->partition_indexes_count = (int32_t)(end - i);
		for (; i < end; i++) {
			indexes[i] = items[i].partition;
		}
	}
	return true;
}

static int16_t fetch_error(const void *response)
{
	const struct offset_fetch_response *r = response;
	return r->groups_count > 0 ? r->groups[0].error_code : r->error_code;
}

/* items NULL: all. The answer stays in arena. */
static enum weir_code fetch(struct client *client, const char *group,
	const struct group_identity *who, bool stable, const struct group_offset *items,
	size_t count, struct arena *arena, struct offset_fetch_response *response, int16_t *version,
	struct weir_err *err)
{
	struct offset_fetch_request request;
	int16_t cap = items && ids_are_known(items, count) ? VERSION_ANY : OFFSETS_VERSION_NAMES;
	enum weir_code code =
		versions_choose(&client->versions, API_OFFSET_FETCH, cap, version, err);
	if (code) {
		return code;
	}
	wire_defaults(&offset_fetch_request_message, &request);
	request.require_stable = stable && *version >= 7;
	bool built = true;
	if (*version >= VERSION_GROUPS) {
		built = build_groups(&request, group, who, items, count, arena);
	} else {
		request.group_id = slice_str(group);
		request.topics_count = items ? 0 : -1;
		built = !items || build_plain(&request, items, count, arena);
	}
	if (!built) {
		return no_memory(err);
	}
	code = coordinator_call(client, group, API_OFFSET_FETCH, *version, &request, fetch_error,
		arena, response, version, err);
	if (!code && *version >= VERSION_GROUPS && response->groups_count != 1) {
		return err_set(err, WEIR_PROTOCOL, "OffsetFetch answers for %d groups, not one",
			(int)response->groups_count);
	}
	if (!code && fetch_error(response)) {
		code = wire_error(fetch_error(response), "OffsetFetch", (struct slice){0}, err);
	}
	return code && err ? err_wrap(err, "group \"%s\"", group) : code;
}

/* One partition of an answer, whatever its version. */
struct answer {
	struct slice topic;
	struct uuid topic_id;
	int32_t partition;
	int64_t offset;
	int32_t leader_epoch;
	struct slice metadata;
	int16_t error;
};

typedef bool answer_fn(void *arg, const struct answer *answer);

static bool each_plain(const struct offset_fetch_response *r, answer_fn *take, void *arg)
{
	for (int32_t t = 0; t < r->topics_count; t++) {
		for (int32_t i = 0; i < r->topics[t].partitions_count; i++) {
			const struct offset_fetch_response_partition *p =
				&r->topics[t].partitions[i];
			struct answer answer = {r->topics[t].name, {{0}}, p->partition_index,
				p->committed_offset, p->committed_leader_epoch, p->metadata,
				p->error_code};
			if (!take(arg, &answer)) {
				return false;
			}
		}
	}
	return true;
}

static bool each_of_group(const struct offset_fetch_response *r, answer_fn *take, void *arg)
{
	const struct offset_fetch_response_group *group = &r->groups[0];
	for (int32_t t = 0; t < group->topics_count; t++) {
		for (int32_t i = 0; i < group->topics[t].partitions_count; i++) {
			const struct offset_fetch_response_partitions *p =
				&group->topics[t].partitions[i];
			struct answer answer = {group->topics[t].name, group->topics[t].topic_id,
				p->partition_index, p->committed_offset, p->committed_leader_epoch,
				p->metadata, p->error_code};
			if (!take(arg, &answer)) {
				return false;
			}
		}
	}
	return true;
}

static bool each_answer(
	const struct offset_fetch_response *r, int16_t version, answer_fn *take, void *arg)
{
	return version >= VERSION_GROUPS ? each_of_group(r, take, arg) : each_plain(r, take, arg);
}

struct taking {
	struct arena *arena;
	struct group_offset *items;
	size_t count, at;
	bool by_id, unstable;
};

static bool take_one(void *arg, const struct answer *answer)
{
	struct taking *taking = arg;
	struct group_offset *item = find_item(taking->items, taking->count, &taking->at,
		taking->by_id, answer->topic, answer->topic_id, answer->partition);
	if (!item) {
		return true;
	}
	item->offset = answer->offset;
	item->leader_epoch = answer->leader_epoch;
	item->error = answer->error;
	item->metadata = answer->metadata.data ? arena_try_dup(taking->arena, answer->metadata.data,
							 answer->metadata.len)
					       : NULL;
	taking->unstable |= answer->error == WEIR_UNSTABLE_OFFSET_COMMIT;
	return item->metadata || !answer->metadata.data;
}

enum weir_code group_offsets_fetch(struct client *client, const char *group,
	const struct group_identity *who, bool stable, struct group_offset *items, size_t count,
	struct arena *arena, struct weir_err *err)
{
	int64_t deadline_ms = client_deadline(client);
	for (int attempt = 0;; attempt++) {
		struct offset_fetch_response response = {0};
		int16_t version;
		enum weir_code code = fetch(
			client, group, who, stable, items, count, arena, &response, &version, err);
		if (code) {
			return code;
		}
		struct taking taking = {.arena = arena,
			.items = items,
			.count = count,
			.by_id = version > OFFSETS_VERSION_NAMES};
		for (size_t i = 0; i < count; i++) {
			items[i].offset = items[i].leader_epoch = -1;
			items[i].error = 0;
			items[i].metadata = NULL;
		}
		if (!each_answer(&response, version, take_one, &taking)) {
			return no_memory(err);
		}
		if (!taking.unstable || clock_mono_ms() >= deadline_ms) {
			return WEIR_OK;
		}
		retry_pause(client, attempt, deadline_ms);
	}
}

struct listing {
	struct arena *arena;
	struct group_offset *items; /* NULL: counting */
	size_t count;
};

static bool list_one(void *arg, const struct answer *answer)
{
	struct listing *listing = arg;
	if (!listing->items) {
		listing->count++;
		return true;
	}
	struct group_offset *item = &listing->items[listing->count++];
	*item = (struct group_offset){
		.topic = arena_try_dup(listing->arena, answer->topic.data, answer->topic.len),
		.partition = answer->partition,
		.offset = answer->offset,
		.leader_epoch = answer->leader_epoch,
		.metadata =
			arena_try_dup(listing->arena, answer->metadata.data, answer->metadata.len),
		.error = answer->error,
	};
	return item->topic && item->metadata;
}

static int compare_offsets(const void *a, const void *b)
{
	const struct group_offset *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

enum weir_code group_offsets_all(struct client *client, const char *group, struct arena *arena,
	struct group_offset **items, size_t *count, struct weir_err *err)
{
	struct offset_fetch_response response = {0};
	int16_t version;
	struct listing listing = {.arena = arena};
	enum weir_code code = fetch(
		client, group, &group_outsider, false, NULL, 0, arena, &response, &version, err);
	if (code) {
		return code;
	}
	(void)each_answer(&response, version, list_one, &listing);
	listing.items = arena_try_array(arena, listing.count + 1, sizeof(*listing.items));
	listing.count = 0;
	if (!listing.items || !each_answer(&response, version, list_one, &listing)) {
		return no_memory(err);
	}
	qsort(listing.items, listing.count, sizeof(*listing.items), compare_offsets);
	*items = listing.items;
	*count = listing.count;
	return WEIR_OK;
}

bool group_offsets_commit_build(struct offset_commit_request *request, const char *group,
	const struct group_identity *who, const struct group_offset *items, size_t count,
	int16_t *cap, struct arena *arena)
{
	struct offset_commit_request_partition *partitions =
		arena_try_array(arena, count + 1, sizeof(*partitions));
	wire_defaults(&offset_commit_request_message, request);
	request->group_id = slice_str(group);
	request->generation_id_or_member_epoch = who->epoch;
	request->member_id = slice_str(who->member_id);
	if (who->instance_id) {
		request->group_instance_id = slice_str(who->instance_id);
	}
	request->topics = arena_try_array(arena, count + 1, sizeof(*request->topics));
	if (!partitions || !request->topics) {
		return false;
	}
	for (size_t i = 0; i < count;) {
		size_t end = topic_end(items, i, count);
		request->topics[request->topics_count++] = (struct offset_commit_request_topic){
			.name = slice_str(items[i].topic),
			.topic_id = items[i].topic_id,
			.partitions = partitions + i,
			.partitions_count = (int32_t)(end - i),
		};
		for (; i < end; i++) {
			const char *metadata = items[i].metadata ? items[i].metadata : "";
			partitions[i] = (struct offset_commit_request_partition){
				.partition_index = items[i].partition,
				.committed_offset = items[i].offset,
				.committed_leader_epoch = items[i].leader_epoch,
				.committed_metadata = slice_str(metadata),
			};
		}
	}
	*cap = ids_are_known(items, count) ? VERSION_ANY : OFFSETS_VERSION_NAMES;
	return true;
}

void group_offsets_commit_take(const struct offset_commit_response *response, int16_t version,
	struct group_offset *items, size_t count)
{
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].error = WEIR_UNKNOWN_SERVER_ERROR;
	}
	for (int32_t t = 0; t < response->topics_count; t++) {
		const struct offset_commit_response_topic *topic = &response->topics[t];
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			struct group_offset *item = find_item(items, count, &at,
				version > OFFSETS_VERSION_NAMES, topic->name, topic->topic_id,
				topic->partitions[i].partition_index);
			if (item) {
				item->error = topic->partitions[i].error_code;
			}
		}
	}
}

/* What concerns the group stands at every partition. */
static int16_t commit_error(const void *response)
{
	const struct offset_commit_response *r = response;
	return r->topics_count > 0 && r->topics[0].partitions_count > 0
		       ? r->topics[0].partitions[0].error_code
		       : 0;
}

enum weir_code group_offsets_commit(struct client *client, const char *group,
	const struct group_identity *who, struct group_offset *items, size_t count,
	struct weir_err *err)
{
	struct offset_commit_request request;
	struct offset_commit_response response = {0};
	struct arena arena;
	int16_t cap, version;
	enum weir_code code;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (group_offsets_commit_build(&request, group, who, items, count, &cap, &arena)) {
		code = coordinator_call(client, group, API_OFFSET_COMMIT, cap, &request,
			commit_error, &arena, &response, &version, err);
	} else {
		code = no_memory(err);
	}
	if (!code) {
		group_offsets_commit_take(&response, version, items, count);
	}
	arena_fini(&arena);
	return code;
}

static int16_t delete_error(const void *response)
{
	return ((const struct offset_delete_response *)response)->error_code;
}

static bool delete_build(struct offset_delete_request *request, const char *group,
	const struct group_offset *items, size_t count, struct arena *arena)
{
	struct offset_delete_request_partition *partitions =
		arena_try_array(arena, count + 1, sizeof(*partitions));
	wire_defaults(&offset_delete_request_message, request);
	request->group_id = slice_str(group);
	request->topics = arena_try_array(arena, count + 1, sizeof(*request->topics));
	if (!partitions || !request->topics) {
		return false;
	}
	for (size_t i = 0; i < count;) {
		size_t end = topic_end(items, i, count);
		request->topics[request->topics_count++] = (struct offset_delete_request_topic){
			.name = slice_str(items[i].topic),
			.partitions = partitions + i,
			.partitions_count = (int32_t)(end - i),
		};
		for (; i < end; i++) {
			partitions[i].partition_index = items[i].partition;
		}
	}
	return true;
}

static void delete_take(
	const struct offset_delete_response *response, struct group_offset *items, size_t count)
{
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].error = WEIR_UNKNOWN_SERVER_ERROR;
	}
	for (int32_t t = 0; t < response->topics_count; t++) {
		const struct offset_delete_response_topic *topic = &response->topics[t];
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			struct group_offset *item = find_item(items, count, &at, false, topic->name,
				(struct uuid){{0}}, topic->partitions[i].partition_index);
			if (item) {
				item->error = topic->partitions[i].error_code;
			}
		}
	}
}

enum weir_code group_offsets_delete(struct client *client, const char *group,
	struct group_offset *items, size_t count, struct weir_err *err)
{
	struct offset_delete_request request;
	struct offset_delete_response response = {0};
	struct arena arena;
	enum weir_code code;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (delete_build(&request, group, items, count, &arena)) {
		code = coordinator_call(client, group, API_OFFSET_DELETE, VERSION_ANY, &request,
			delete_error, &arena, &response, NULL, err);
	} else {
		code = no_memory(err);
	}
	if (!code && response.error_code) {
		code = wire_error(response.error_code, "OffsetDelete", (struct slice){0}, err);
		code = err ? err_wrap(err, "group \"%s\"", group) : code;
	}
	if (!code) {
		delete_take(&response, items, count);
	}
	arena_fini(&arena);
	return code;
}
