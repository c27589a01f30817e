/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/client/groups.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/client/coordinator.h"
#include "core/wire/messages.h"

#include <stdlib.h>

enum { ASSIGNMENT_VERSION = 3 };

static enum weir_code no_memory(struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory for groups");
}

static const char *text_of(struct arena *arena, struct slice text)
{
	return arena_try_dup(arena, text.data ? text.data : (const uint8_t *)"", text.len);
}

/* NULL for null. */
static bool text_or_null(struct arena *arena, struct slice text, const char **out)
{
	*out = text.data ? text_of(arena, text) : NULL;
	return *out || !text.data;
}

static int compare_listings(const void *a, const void *b)
{
	const struct group_listing *x = a, *y = b;
	return strcmp(x->id, y->id);
}

/* Groups that one node coordinates, while they load: again. */
static enum weir_code list_node(struct client *client, int32_t node, struct arena *arena,
	struct list_groups_response *response, struct weir_err *err)
{
	struct list_groups_request request;
	int64_t deadline_ms = client_deadline(client);
	wire_defaults(&list_groups_request_message, &request);
	for (int attempt = 0;; attempt++) {
		enum weir_code code = call_until(client, node, API_LIST_GROUPS, VERSION_ANY,
			&request, deadline_ms, arena, response, NULL, err);
		if (code || !response->error_code) {
			return code;
		}
		if (!coordinator_moved(response->error_code) || clock_mono_ms() >= deadline_ms) {
			return wire_error(
				response->error_code, "ListGroups", (struct slice){0}, err);
		}
		retry_pause(client, attempt, deadline_ms);
	}
}

static bool listing_take(struct arena *arena, int32_t node,
	const struct list_groups_response_listed_group *from, struct group_listing *to)
{
	to->coordinator = node;
	to->id = text_of(arena, from->group_id);
	to->protocol_type = text_of(arena, from->protocol_type);
	to->state = from->group_state.len ? text_of(arena, from->group_state) : NULL;
	to->type = from->group_type.len ? text_of(arena, from->group_type) : NULL;
	return to->id && to->protocol_type && (to->state || !from->group_state.len) &&
	       (to->type || !from->group_type.len);
}

enum weir_code groups_list(struct client *client, struct arena *arena,
	struct group_listing **groups, size_t *count, struct weir_err *err)
{
	enum weir_code code = metadata_nodes(client, client_deadline(client), err);
	size_t node_count = client->node_count, room = 0;
	struct list_groups_response *answers =
		arena_try_array(arena, node_count + 1, sizeof(*answers));
	int32_t *nodes = arena_try_array(arena, node_count + 1, sizeof(*nodes));
	if (!code && (!answers || !nodes)) {
		code = no_memory(err);
	}
	for (size_t i = 0; i < node_count && !code; i++) {
		nodes[i] = client->nodes[i].id;
	}
	for (size_t i = 0; i < node_count && !code; i++) {
		code = list_node(client, nodes[i], arena, &answers[i], err);
		room += !code && answers[i].groups_count > 0 ? (size_t)answers[i].groups_count : 0;
	}
	if (code) {
		return code;
	}
	*groups = arena_try_array(arena, room + 1, sizeof(**groups));
	*count = 0;
	if (!*groups) {
		return no_memory(err);
	}
	for (size_t i = 0; i < node_count; i++) {
		for (int32_t g = 0; g < answers[i].groups_count; g++) {
			if (!listing_take(arena, nodes[i], &answers[i].groups[g],
				    &(*groups)[(*count)++])) {
				return no_memory(err);
			}
		}
	}
	qsort(*groups, *count, sizeof(**groups), compare_listings);
	return WEIR_OK;
}

static int compare_parts(const void *a, const void *b)
{
	const struct group_part *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static bool part_add(
	struct arena *arena, struct group_parts *parts, const char *topic, int32_t partition)
{
	if (!(parts->count & (parts->count - 1))) {
		size_t room = parts->count ? parts->count * 2 : 1;
		struct group_part *items = arena_try_array(arena, room, sizeof(*items));
		if (!items) {
			return false;
		}
		if (parts->count) {
			memcpy(items, parts->items, parts->count * sizeof(*items));
		}
		parts->items = items;
	}
	parts->items[parts->count++] = (struct group_part){topic, partition};
	return true;
}

static void parts_sort(struct group_parts *parts)
{
	if (parts->count) {
		qsort(parts->items, parts->count, sizeof(*parts->items), compare_parts);
	}
}

static int compare_members(const void *a, const void *b)
{
	const struct group_member *x = a, *y = b;
	int order = strcmp(x->client_id, y->client_id);
	return order ? order : strcmp(x->id, y->id);
}

static bool members_new(struct arena *arena, int32_t count, struct group_description *out)
{
	out->member_count = count > 0 ? (size_t)count : 0;
	out->members = arena_try_array(arena, out->member_count + 1, sizeof(*out->members));
	return out->members != NULL;
}

static bool parts_take(struct arena *arena,
	const struct consumer_group_describe_response_assignment *from, struct group_parts *parts)
{
	for (int32_t t = 0; t < from->topic_partitions_count; t++) {
		const struct consumer_group_describe_response_topic_partitions *topic =
			&from->topic_partitions[t];
		const char *name = text_of(arena, topic->topic_name);
		for (int32_t i = 0; i < topic->partitions_count && name; i++) {
			if (!part_add(arena, parts, name, topic->partitions[i])) {
				return false;
			}
		}
		if (!name) {
			return false;
		}
	}
	parts_sort(parts);
	return true;
}

static bool modern_take(struct arena *arena,
	const struct consumer_group_describe_response_described_group *from,
	struct group_description *out)
{
	out->type = out->protocol_type = "consumer";
	out->state = text_of(arena, from->group_state);
	out->assignor = text_of(arena, from->assignor_name);
	out->epoch = from->group_epoch;
	bool whole = out->state && out->assignor && members_new(arena, from->members_count, out);
	for (size_t i = 0; i < out->member_count && whole; i++) {
		const struct consumer_group_describe_response_member *m = &from->members[i];
		struct group_member *to = &out->members[i];
		to->id = text_of(arena, m->member_id);
		to->client_id = text_of(arena, m->client_id);
		to->host = text_of(arena, m->client_host);
		to->epoch = m->member_epoch;
		to->protocol = m->member_type == 0 ? "classic" : "consumer";
		whole = to->id && to->client_id && to->host &&
			text_or_null(arena, m->instance_id, &to->instance_id) &&
			text_or_null(arena, m->rack_id, &to->rack) &&
			parts_take(arena, &m->assignment, &to->owned) &&
			parts_take(arena, &m->target_assignment, &to->target);
	}
	return whole;
}

static int16_t modern_error(const void *response)
{
	const struct consumer_group_describe_response *r = response;
	return r->groups_count > 0 ? r->groups[0].error_code : 0;
}

/* *found false: the group is not of this protocol, as far as the broker knows. */
static enum weir_code describe_modern(struct client *client, const char *group, struct arena *arena,
	struct group_description *out, bool *found, struct weir_err *err)
{
	struct consumer_group_describe_request request;
	struct consumer_group_describe_response response = {0};
	struct slice name = slice_str(group);
	wire_defaults(&consumer_group_describe_request_message, &request);
	request.group_ids = &name;
	request.group_ids_count = 1;
	*found = false;
	enum weir_code code = coordinator_call(client, group, API_CONSUMER_GROUP_DESCRIBE,
		VERSION_ANY, &request, modern_error, arena, &response, NULL, err);
	if (code) {
		return code;
	}
	int16_t error = modern_error(&response);
	if (response.groups_count != 1 || error == WEIR_GROUP_ID_NOT_FOUND ||
		error == WEIR_UNSUPPORTED_VERSION) {
		return WEIR_OK;
	}
	if (error) {
		code = wire_error(
			error, "ConsumerGroupDescribe", response.groups[0].error_message, err);
		return err ? err_wrap(err, "group \"%s\"", group) : code;
	}
	*found = true;
	return modern_take(arena, &response.groups[0], out) ? WEIR_OK : no_memory(err);
}

/* What a classic consumer was given; what cannot be read is left out. */
static bool assignment_take(struct arena *arena, struct slice bytes, struct group_parts *parts)
{
	struct consumer_protocol_assignment assignment = {0};
	size_t used;
	if (bytes.len < 2) {
		return true;
	}
	int16_t version = (int16_t)be16_get(bytes.data);
	if (version < 0 ||
		wire_decode(&consumer_protocol_assignment_message,
			version < ASSIGNMENT_VERSION ? version : ASSIGNMENT_VERSION,
			slice_of(bytes.data + 2, bytes.len - 2), arena, &assignment, &used, NULL)) {
		return true;
	}
	for (int32_t t = 0; t < assignment.assigned_partitions_count; t++) {
		const struct consumer_protocol_assignment_topic_partition *topic =
			&assignment.assigned_partitions[t];
		const char *name = text_of(arena, topic->topic);
		for (int32_t i = 0; i < topic->partitions_count && name; i++) {
			if (!part_add(arena, parts, name, topic->partitions[i])) {
				return false;
			}
		}
		if (!name) {
			return false;
		}
	}
	parts_sort(parts);
	return true;
}

static bool classic_take(struct arena *arena,
	const struct describe_groups_response_described_group *from, struct group_description *out)
{
	out->type = "classic";
	out->state = text_of(arena, from->group_state);
	out->protocol_type = text_of(arena, from->protocol_type);
	out->assignor = text_of(arena, from->protocol_data);
	out->epoch = -1;
	bool whole = out->state && out->assignor && out->protocol_type &&
		     members_new(arena, from->members_count, out);
	bool consumers = whole && !strcmp(out->protocol_type, "consumer");
	for (size_t i = 0; i < out->member_count && whole; i++) {
		const struct describe_groups_response_described_group_member *m = &from->members[i];
		struct group_member *to = &out->members[i];
		to->id = text_of(arena, m->member_id);
		to->client_id = text_of(arena, m->client_id);
		to->host = text_of(arena, m->client_host);
		to->epoch = -1;
		to->protocol = "classic";
		whole = to->id && to->client_id && to->host &&
			text_or_null(arena, m->group_instance_id, &to->instance_id) &&
			(!consumers || assignment_take(arena, m->member_assignment, &to->owned));
	}
	return whole;
}

static int16_t classic_error(const void *response)
{
	const struct describe_groups_response *r = response;
	return r->groups_count > 0 ? r->groups[0].error_code : 0;
}

static enum weir_code describe_classic(struct client *client, const char *group,
	struct arena *arena, struct group_description *out, struct weir_err *err)
{
	struct describe_groups_request request;
	struct describe_groups_response response = {0};
	struct slice name = slice_str(group);
	wire_defaults(&describe_groups_request_message, &request);
	request.groups = &name;
	request.groups_count = 1;
	enum weir_code code = coordinator_call(client, group, API_DESCRIBE_GROUPS, VERSION_ANY,
		&request, classic_error, arena, &response, NULL, err);
	if (code) {
		return code;
	}
	if (response.groups_count != 1) {
		return err_set(err, WEIR_PROTOCOL, "DescribeGroups answers for %d groups, not one",
			(int)response.groups_count);
	}
	int16_t error = response.groups[0].error_code;
	/* Before version 6 a group that is not there is described as dead. */
	if (!error && slice_equal(response.groups[0].group_state, slice_str("Dead"))) {
		error = WEIR_GROUP_ID_NOT_FOUND;
	}
	if (error) {
		code = wire_error(error, "DescribeGroups", response.groups[0].error_message, err);
		return err ? err_wrap(err, "group \"%s\"", group) : code;
	}
	return classic_take(arena, &response.groups[0], out) ? WEIR_OK : no_memory(err);
}

enum weir_code groups_describe(struct client *client, const char *group, struct arena *arena,
	struct group_description *out, struct weir_err *err)
{
	bool found = false;
	enum weir_code code = WEIR_OK;
	*out = (struct group_description){.id = text_of(arena, slice_str(group))};
	if (!out->id) {
		return no_memory(err);
	}
	if (client_has_api(client, API_CONSUMER_GROUP_DESCRIBE, 0)) {
		code = describe_modern(client, group, arena, out, &found, err);
	}
	if (!code && !found) {
		code = describe_classic(client, group, arena, out, err);
	}
	if (!code) {
		code = coordinator_find(
			client, group, client_deadline(client), &out->coordinator, err);
	}
	if (!code) {
		qsort(out->members, out->member_count, sizeof(*out->members), compare_members);
	}
	return code;
}

static int16_t delete_error(const void *response)
{
	const struct delete_groups_response *r = response;
	return r->results_count > 0 ? r->results[0].error_code : 0;
}

enum weir_code groups_delete(struct client *client, const char *group, struct weir_err *err)
{
	struct delete_groups_request request;
	struct delete_groups_response response = {0};
	struct slice name = slice_str(group);
	struct arena arena;
	wire_defaults(&delete_groups_request_message, &request);
	request.groups_names = &name;
	request.groups_names_count = 1;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = coordinator_call(client, group, API_DELETE_GROUPS, VERSION_ANY,
		&request, delete_error, &arena, &response, NULL, err);
	if (!code && response.results_count != 1) {
		code = err_set(err, WEIR_PROTOCOL, "DeleteGroups answers for %d groups, not one",
			(int)response.results_count);
	} else if (!code && delete_error(&response)) {
		code = wire_error(delete_error(&response), "DeleteGroups", (struct slice){0}, err);
		code = err ? err_wrap(err, "group \"%s\"", group) : code;
	}
	arena_fini(&arena);
	return code;
}
