/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeleteRecords: raises the log start; the new start is durable before the answer. */
#include "broker/await.h"
#include "broker/broker_priv.h"
#include "broker/topic_admin.h"
#include "broker/topics.h"

enum { TO_HIGH_WATERMARK = -1 };

static enum weir_code delete_before(struct broker *broker, struct partition *p, int64_t offset,
	int64_t *low_watermark, struct weir_err *err)
{
	struct topic_settings settings;
	topic_settings(p->topic, &settings);
	if (!settings.delete_allowed) {
		return err_set(
			err, WEIR_POLICY_VIOLATION, "cleanup.policy of the topic has no delete");
	}
	struct log *log;
	enum weir_code code = partition_use(p, &log, err);
	if (code != WEIR_OK) {
		return code;
	}
	int64_t end = atomic_load(&p->high_watermark);
	offset = offset == TO_HIGH_WATERMARK ? end : offset;
	if (offset < 0 || offset > end) {
		code = err_set(err, WEIR_OFFSET_OUT_OF_RANGE, "offset out of range");
	} else if (offset > log_start_offset(log)) {
		code = log_delete_before(log, offset, err);
	}
	*low_watermark = log_start_offset(log);
	partition_done(p);
	return code == WEIR_OK ? broker_checkpoint(broker, CHECKPOINT_STARTS, err) : code;
}

static enum weir_code delete_one(struct request *req, struct slice topic,
	const struct delete_records_request_delete_records_partition *ask, int64_t *low_watermark)
{
	struct weir_err err;
	struct partition *p;
	*low_watermark = -1;
	if (topic_is_internal(topic)) {
		return WEIR_INVALID_TOPIC_EXCEPTION;
	}
	enum weir_code code =
		topics_partition(broker_topics(req->broker), topic, ask->partition_index, &p, &err);
	if (code == WEIR_OK) {
		code = delete_before(req->broker, p, ask->offset, low_watermark, &err);
		partition_unref(p);
	}
	if (code != WEIR_OK) {
		*low_watermark = -1;
	}
	return code;
}

/* true: done later, since the end is about to move. */
static bool waits_for_flush(struct request *req)
{
	const struct delete_records_request *body = req->body;
	struct await *await = NULL;
	for (int32_t t = 0; t < body->topics_count; t++) {
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			struct partition *p;
			if (topics_partition(broker_topics(req->broker), body->topics[t].name,
				    body->topics[t].partitions[i].partition_index, &p,
				    NULL) == WEIR_OK) {
				await_add(&await, req, p);
				partition_unref(p);
			}
		}
	}
	return await_park(&await);
}

void handle_delete_records(struct request *req)
{
	const struct delete_records_request *body = req->body;
	if (waits_for_flush(req)) {
		return;
	}
	struct delete_records_response response;
	wire_defaults(&delete_records_response_message, &response);
	response.topics_count = body->topics_count;
	response.topics = request_array(req, (size_t)body->topics_count, sizeof(*response.topics));
	for (int32_t t = 0; t < body->topics_count; t++) {
		int32_t count = body->topics[t].partitions_count;
		struct delete_records_response_delete_records_partition_result *rows =
			request_array(req, (size_t)count, sizeof(*rows));
		response.topics[t].name = body->topics[t].name;
		response.topics[t].partitions = rows;
		response.topics[t].partitions_count = count;
		for (int32_t i = 0; i < count; i++) {
			rows[i].partition_index = body->topics[t].partitions[i].partition_index;
			rows[i].error_code =
				(int16_t)err_to_wire(delete_one(req, body->topics[t].name,
					&body->topics[t].partitions[i], &rows[i].low_watermark));
		}
	}
	request_send(req, &response);
}
