/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OffsetFetch: what a group committed. Every version is answered in the form of version 8 and up
 * (a list of groups); for the older ones the only group is taken out of it.
 */
#include "broker/broker_priv.h"
#include "broker/group/commit.h"

enum { MANY_GROUPS = 8, BY_TOPIC_ID = 10, TOP_LEVEL_ERROR = 2 };

typedef struct offset_fetch_request_group group_ask;
typedef struct offset_fetch_request_topics topic_ask;
typedef struct offset_fetch_response_group group_answer;
typedef struct offset_fetch_response_topics topic_answer;
typedef struct offset_fetch_response_partitions partition_answer;

struct reading {
	struct request *req;
	struct group_use *use;
	const group_ask *ask;
	const struct offsets *offsets; /* NULL: no such group */
	bool stable;
};

static void fill_partition(const struct reading *r, struct slice topic, struct uuid topic_id,
	int32_t partition, partition_answer *answer)
{
	wire_part_defaults(&offset_fetch_response_partitions_part, answer);
	answer->partition_index = partition;
	answer->committed_offset = -1;
	if (!r->offsets) {
		return;
	}
	if (r->stable &&
		coordinator_unstable(r->use->coordinator, r->ask->group_id, topic, partition)) {
		answer->error_code = WEIR_UNSTABLE_OFFSET_COMMIT;
		return;
	}
	const struct offset_topic *known = offsets_topic(r->offsets, topic);
	const struct committed *row = offsets_find(r->offsets, topic, partition);
	/* What was committed to a former topic of this name says nothing about this one. */
	bool other = known && !uuid_is_zero(known->id) && !uuid_is_zero(topic_id) &&
		     !uuid_equal(known->id, topic_id);
	if (row && !other) {
		struct slice metadata = committed_metadata(row);
		answer->committed_offset = row->offset;
		answer->committed_leader_epoch = row->leader_epoch;
		answer->metadata = slice_of(
			arena_try_dup(r->req->arena, metadata.data, metadata.len), metadata.len);
	}
}

static void fill_topic(const struct reading *r, const topic_ask *ask, topic_answer *answer)
{
	const struct group_catalog *catalog = r->use->env.catalog;
	struct group_topic found = {.name = ask->name};
	bool by_id = r->req->header.version >= BY_TOPIC_ID;
	bool known = by_id ? catalog->by_id(catalog, ask->topic_id, &found)
			   : catalog->by_name(catalog, ask->name, &found);
	answer->name = ask->name;
	answer->topic_id = ask->topic_id;
	answer->partitions_count = ask->partition_indexes_count;
	answer->partitions = request_array(
		r->req, (size_t)ask->partition_indexes_count, sizeof(*answer->partitions));
	for (int32_t i = 0; i < ask->partition_indexes_count; i++) {
		partition_answer *row = &answer->partitions[i];
		fill_partition(r, found.name, found.id, ask->partition_indexes[i], row);
		if (by_id && !known) {
			row->committed_offset = -1;
			row->error_code = WEIR_UNKNOWN_TOPIC_ID;
		}
	}
}

static int32_t count_rows(const struct offset_topic *topic)
{
	int32_t n = 0;
	for (uint32_t p = 0; p < topic->page_count; p++) {
		n += topic->pages[p].count;
	}
	return n;
}

/* All that the group committed; by id only topics that still exist. */
static void fill_all(const struct reading *r, group_answer *answer)
{
	const struct group_catalog *catalog = r->use->env.catalog;
	uint32_t count = r->offsets ? r->offsets->count : 0;
	answer->topics = request_array(r->req, count, sizeof(*answer->topics));
	for (uint32_t t = 0; t < count; t++) {
		const struct offset_topic *topic = r->offsets->topics[t];
		struct slice name = offset_topic_name(topic);
		struct group_topic found = {.partition_count = 0};
		bool known = catalog->by_name(catalog, name, &found);
		if (!known && r->req->header.version >= BY_TOPIC_ID) {
			continue;
		}
		topic_answer *to = &answer->topics[answer->topics_count++];
		to->name = slice_of(arena_try_dup(r->req->arena, name.data, name.len), name.len);
		to->topic_id = found.id;
		to->partitions =
			request_array(r->req, (size_t)count_rows(topic), sizeof(*to->partitions));
		uint64_t pos = 0;
		for (const struct committed *row; (row = offset_topic_next(topic, &pos));) {
			fill_partition(r, name, found.id, row->partition,
				&to->partitions[to->partitions_count++]);
		}
	}
}

static void fill_group(struct request *req, const group_ask *ask, bool stable, group_answer *answer,
	struct group_waits *waits)
{
	struct weir_err err;
	struct group_use use;
	struct group_fetch fetch = {.group_id = ask->group_id,
		.member_id = ask->member_id,
		.member_epoch = ask->member_epoch};
	*answer = (group_answer){.group_id = ask->group_id};
	enum weir_code code = group_enter(req->broker, ask->group_id, &use, &err);
	if (code == WEIR_OK) {
		struct reading r = {.req = req, .use = &use, .ask = ask, .stable = stable};
		int64_t position = 0;
		code = coordinator_fetch(use.coordinator, &fetch, &r.offsets, &position, &err);
		if (code == WEIR_OK && ask->topics_count < 0) {
			fill_all(&r, answer);
		} else if (code == WEIR_OK) {
			answer->topics_count = ask->topics_count;
			answer->topics = request_array(
				req, (size_t)ask->topics_count, sizeof(*answer->topics));
			for (int32_t t = 0; t < ask->topics_count; t++) {
				fill_topic(&r, &ask->topics[t], &answer->topics[t]);
			}
		}
		if (code == WEIR_OK) {
			group_waits_add(waits, &use, position);
		}
		group_leave(&use);
	}
	answer->error_code = (int16_t)err_to_wire(code);
}

/* The one group of a version below 8, in the newer form. */
static void ask_of_old(struct request *req, group_ask *ask)
{
	const struct offset_fetch_request *body = req->body;
	wire_part_defaults(&offset_fetch_request_group_part, ask);
	ask->group_id = body->group_id;
	ask->topics_count = body->topics_count;
	ask->topics = request_array(
		req, body->topics_count > 0 ? (size_t)body->topics_count : 0, sizeof(*ask->topics));
	for (int32_t t = 0; t < body->topics_count; t++) {
		ask->topics[t].name = body->topics[t].name;
		ask->topics[t].partition_indexes = body->topics[t].partition_indexes;
		ask->topics[t].partition_indexes_count = body->topics[t].partition_indexes_count;
	}
}

static void old_partition(const partition_answer *from, struct offset_fetch_response_partition *to)
{
	to->partition_index = from->partition_index;
	to->committed_offset = from->committed_offset;
	to->committed_leader_epoch = from->committed_leader_epoch;
	to->metadata = from->metadata;
	to->error_code = from->error_code;
}

/* Version 1 has no error of the whole: each partition carries it. */
static void spread_error(struct request *req, const group_ask *ask, group_answer *answer)
{
	answer->topics_count = ask->topics_count > 0 ? ask->topics_count : 0;
	answer->topics = request_array(req, (size_t)answer->topics_count, sizeof(*answer->topics));
	for (int32_t t = 0; t < answer->topics_count; t++) {
		int32_t count = ask->topics[t].partition_indexes_count;
		answer->topics[t].name = ask->topics[t].name;
		answer->topics[t].partitions_count = count;
		answer->topics[t].partitions =
			request_array(req, (size_t)count, sizeof(*answer->topics[t].partitions));
		for (int32_t i = 0; i < count; i++) {
			partition_answer *row = &answer->topics[t].partitions[i];
			wire_part_defaults(&offset_fetch_response_partitions_part, row);
			row->partition_index = ask->topics[t].partition_indexes[i];
			row->committed_offset = -1;
			row->error_code = answer->error_code;
		}
	}
}

static void answer_old(
	struct request *req, const group_answer *from, struct offset_fetch_response *response)
{
	response->error_code = from->error_code;
	response->topics_count = from->topics_count;
	response->topics =
		request_array(req, (size_t)from->topics_count, sizeof(*response->topics));
	for (int32_t t = 0; t < from->topics_count; t++) {
		int32_t count = from->topics[t].partitions_count;
		response->topics[t].name = from->topics[t].name;
		response->topics[t].partitions_count = count;
		response->topics[t].partitions =
			request_array(req, (size_t)count, sizeof(*response->topics[t].partitions));
		for (int32_t i = 0; i < count; i++) {
			old_partition(
				&from->topics[t].partitions[i], &response->topics[t].partitions[i]);
		}
	}
}

void handle_offset_fetch(struct request *req)
{
	const struct offset_fetch_request *body = req->body;
	struct group_waits waits = {.count = 0};
	struct offset_fetch_response response;
	wire_defaults(&offset_fetch_response_message, &response);
	if (req->header.version < MANY_GROUPS) {
		group_ask ask;
		group_answer answer;
		ask_of_old(req, &ask);
		fill_group(req, &ask, body->require_stable, &answer, &waits);
		if (answer.error_code && req->header.version < TOP_LEVEL_ERROR) {
			spread_error(req, &ask, &answer);
		}
		answer_old(req, &answer, &response);
	} else {
		response.groups_count = body->groups_count;
		response.groups =
			request_array(req, (size_t)body->groups_count, sizeof(*response.groups));
		for (int32_t g = 0; g < body->groups_count; g++) {
			fill_group(req, &body->groups[g], body->require_stable, &response.groups[g],
				&waits);
		}
	}
	group_send(req, &response, &waits);
}
