/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InitProducerId (KIP-98, KIP-360) and DescribeProducers (KIP-664). */
#include "broker/broker_priv.h"
#include "broker/dispatch.h"
#include "core/base/mem.h"

typedef struct describe_producers_request_topic_request topic_ask;
typedef struct describe_producers_response_topic_response topic_answer;
typedef struct describe_producers_response_partition_response partition_answer;
typedef struct describe_producers_response_producer_state producer_row;

/* What Kafka checks before it asks the transaction coordinator. */
static enum weir_code check_init(
	struct request *req, const struct init_producer_id_request *body, struct weir_err *err)
{
	if ((body->producer_id < 0) != (body->producer_epoch < 0)) {
		return err_set(err, WEIR_INVALID_REQUEST, "producer id %lld comes with epoch %d",
			(long long)body->producer_id, body->producer_epoch);
	}
	if (!body->transactional_id.data) {
		return WEIR_OK;
	}
	if (!body->transactional_id.len) {
		return err_set(err, WEIR_INVALID_REQUEST, "the transactional id is empty");
	}
	int32_t most = broker_conf(req->broker)->transaction_max_timeout_ms;
	if (body->transaction_timeout_ms <= 0 || body->transaction_timeout_ms > most) {
		return err_set(err, WEIR_INVALID_TRANSACTION_TIMEOUT, "timeout of %d ms, 1 to %d",
			body->transaction_timeout_ms, most);
	}
	return err_set(err, WEIR_COORDINATOR_NOT_AVAILABLE, "nobody coordinates transactions");
}

void handle_init_producer_id(struct request *req)
{
	const struct init_producer_id_request *body = req->body;
	struct init_producer_id_response response;
	struct weir_err err;
	int64_t id;
	wire_defaults(&init_producer_id_response_message, &response);
	enum weir_code code = check_init(req, body, &err);
	/* Without a transactional id each one who asks is somebody new, whatever he was before. */
	code = code ? code : broker_producer_id(req->broker, &id, &err);
	if (code) {
		response.error_code = (int16_t)err_to_wire(code);
		response.producer_id = -1;
		response.producer_epoch = -1;
	} else {
		response.producer_id = id;
		response.producer_epoch = 0;
	}
	request_send(req, &response);
}

static enum weir_code describe(struct request *req, struct slice topic, int32_t index,
	partition_answer *answer, struct weir_err *err)
{
	struct partition *p;
	struct log *log;
	struct producer *list = NULL;
	size_t count = 0;
	enum weir_code code = topics_partition(broker_topics(req->broker), topic, index, &p, err);
	if (code) {
		return code;
	}
	code = partition_use(p, &log, err);
	if (!code) {
		log_producers(log, &list, &count);
		partition_done(p);
	}
	producer_row *rows = request_array(req, count, sizeof(*rows));
	for (size_t i = 0; i < count; i++) {
		rows[i] = (producer_row){.producer_id = list[i].id,
			.producer_epoch = list[i].epoch,
			.last_sequence = producer_last_sequence(&list[i]),
			.last_timestamp = list[i].last_timestamp,
			.coordinator_epoch = list[i].coordinator_epoch,
			.current_txn_start_offset = list[i].txn_first_offset};
	}
	answer->active_producers = rows;
	answer->active_producers_count = (int32_t)count;
	mem_free(list);
	partition_unref(p);
	return code;
}

void handle_describe_producers(struct request *req)
{
	const struct describe_producers_request *body = req->body;
	struct describe_producers_response response;
	size_t topics = body->topics_count > 0 ? (size_t)body->topics_count : 0;
	wire_defaults(&describe_producers_response_message, &response);
	response.topics = request_array(req, topics, sizeof(*response.topics));
	response.topics_count = (int32_t)topics;
	for (size_t t = 0; t < topics; t++) {
		const topic_ask *ask = &body->topics[t];
		topic_answer *answer = &response.topics[t];
		size_t count =
			ask->partition_indexes_count > 0 ? (size_t)ask->partition_indexes_count : 0;
		answer->name = ask->name;
		answer->partitions = request_array(req, count, sizeof(*answer->partitions));
		answer->partitions_count = (int32_t)count;
		for (size_t i = 0; i < count; i++) {
			partition_answer *row = &answer->partitions[i];
			struct weir_err err;
			wire_part_defaults(
				&describe_producers_response_partition_response_part, row);
			row->partition_index = ask->partition_indexes[i];
			enum weir_code code =
				describe(req, ask->name, row->partition_index, row, &err);
			row->error_code = (int16_t)err_to_wire(code);
			if (code) {
				row->error_message = request_text(req, err.text);
			}
		}
	}
	request_send(req, &response);
}
