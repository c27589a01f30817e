/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OffsetCommit and OffsetDelete. */
#include "broker/broker_priv.h"
#include "broker/group/commit.h"

enum { BY_TOPIC_ID = 10 };

typedef struct offset_commit_request_topic commit_topic;
typedef struct offset_commit_response_topic commit_answer;

static size_t count_partitions(const struct offset_commit_request *body)
{
	size_t n = 0;
	for (int32_t t = 0; t < body->topics_count; t++) {
		n += (size_t)body->topics[t].partitions_count;
	}
	return n;
}

/* Flat rows of the partitions asked for; those that do not exist have their code. */
static void flatten(
	struct request *req, const struct group_catalog *catalog, struct group_commit_row *rows)
{
	const struct offset_commit_request *body = req->body;
	for (int32_t t = 0; t < body->topics_count; t++) {
		const commit_topic *topic = &body->topics[t];
		struct group_topic found = {.partition_count = 0};
		bool by_id = req->header.version >= BY_TOPIC_ID;
		bool known = by_id ? catalog->by_id(catalog, topic->topic_id, &found)
				   : catalog->by_name(catalog, topic->name, &found);
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			const struct offset_commit_request_partition *ask = &topic->partitions[i];
			int32_t p = ask->partition_index;
			bool there = known && p >= 0 && p < found.partition_count;
			*rows++ = (struct group_commit_row){
				.topic = found.name,
				.topic_id = found.id,
				.partition = p,
				.offset = ask->committed_offset,
				.leader_epoch = ask->committed_leader_epoch,
				.metadata = ask->committed_metadata,
				.code = there		  ? WEIR_OK
					: known || !by_id ? WEIR_UNKNOWN_TOPIC_OR_PARTITION
							  : WEIR_UNKNOWN_TOPIC_ID,
			};
		}
	}
}

/* whole: an error of the whole request, else WEIR_OK. */
static void answer_commit(struct request *req, const struct group_commit_row *rows,
	enum weir_code whole, struct offset_commit_response *response)
{
	const struct offset_commit_request *body = req->body;
	wire_defaults(&offset_commit_response_message, response);
	response->topics_count = body->topics_count;
	response->topics =
		request_array(req, (size_t)body->topics_count, sizeof(*response->topics));
	for (int32_t t = 0; t < body->topics_count; t++) {
		const commit_topic *topic = &body->topics[t];
		commit_answer *answer = &response->topics[t];
		answer->name = topic->name;
		answer->topic_id = topic->topic_id;
		answer->partitions_count = topic->partitions_count;
		answer->partitions = request_array(
			req, (size_t)topic->partitions_count, sizeof(*answer->partitions));
		for (int32_t i = 0; i < topic->partitions_count; i++, rows++) {
			enum weir_code code = rows->code == WEIR_OK ? whole : rows->code;
			answer->partitions[i].partition_index =
				topic->partitions[i].partition_index;
			answer->partitions[i].error_code = (int16_t)err_to_wire(code);
		}
	}
}

void handle_offset_commit(struct request *req)
{
	const struct offset_commit_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct group_waits waits = {.count = 0};
	struct group_caller caller;
	char host[NET_HOST_MAX + 1];
	struct group_commit commit = {
		.group_id = body->group_id,
		.member_id = body->member_id,
		.instance_id = body->group_instance_id,
		.generation = body->generation_id_or_member_epoch,
		.retention_ms = body->retention_time_ms,
		.producer_id = -1,
		.count = count_partitions(body),
	};
	commit.rows = request_array(req, commit.count, sizeof(*commit.rows));
	group_caller_of(req, &caller, host);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		int64_t position = 0;
		flatten(req, use.env.catalog, commit.rows);
		code = coordinator_commit(
			use.coordinator, &use.env, &caller, &commit, &position, &err);
		if (code == WEIR_OK) {
			group_waits_add(&waits, &use, position);
		}
		group_leave(&use);
	}
	struct offset_commit_response response;
	answer_commit(req, commit.rows, code, &response);
	group_send(req, &response, &waits);
}

typedef struct offset_delete_request_topic delete_topic;
typedef struct offset_delete_response_topic delete_answer;

static size_t count_deleted(const struct offset_delete_request *body)
{
	size_t n = 0;
	for (int32_t t = 0; t < body->topics_count; t++) {
		n += (size_t)body->topics[t].partitions_count;
	}
	return n;
}

static void flatten_deleted(const struct offset_delete_request *body,
	const struct group_catalog *catalog, struct group_offset_ref *rows)
{
	for (int32_t t = 0; t < body->topics_count; t++) {
		struct group_topic found;
		bool known = catalog->by_name(catalog, body->topics[t].name, &found);
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			*rows++ = (struct group_offset_ref){
				.topic = body->topics[t].name,
				.partition = body->topics[t].partitions[i].partition_index,
				.code = known ? WEIR_OK : WEIR_UNKNOWN_TOPIC_OR_PARTITION,
			};
		}
	}
}

static void answer_delete(struct request *req, const struct group_offset_ref *rows,
	struct offset_delete_response *response)
{
	const struct offset_delete_request *body = req->body;
	response->topics_count = body->topics_count;
	response->topics =
		request_array(req, (size_t)body->topics_count, sizeof(*response->topics));
	for (int32_t t = 0; t < body->topics_count; t++) {
		const delete_topic *topic = &body->topics[t];
		delete_answer *answer = &response->topics[t];
		answer->name = topic->name;
		answer->partitions_count = topic->partitions_count;
		answer->partitions = request_array(
			req, (size_t)topic->partitions_count, sizeof(*answer->partitions));
		for (int32_t i = 0; i < topic->partitions_count; i++, rows++) {
			answer->partitions[i].partition_index = rows->partition;
			answer->partitions[i].error_code = (int16_t)err_to_wire(rows->code);
		}
	}
}

void handle_offset_delete(struct request *req)
{
	const struct offset_delete_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct group_waits waits = {.count = 0};
	size_t count = count_deleted(body);
	struct group_offset_ref *rows = request_array(req, count, sizeof(*rows));
	struct offset_delete_response response;
	wire_defaults(&offset_delete_response_message, &response);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		int64_t position = 0;
		flatten_deleted(body, use.env.catalog, rows);
		code = coordinator_delete_offsets(
			use.coordinator, &use.env, body->group_id, rows, count, &position, &err);
		group_waits_add(&waits, &use, position);
		group_leave(&use);
	}
	if (code == WEIR_OK) {
		answer_delete(req, rows, &response);
	} else {
		response.error_code = (int16_t)err_to_wire(code);
	}
	group_send(req, &response, &waits);
}
