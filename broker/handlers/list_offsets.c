/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ListOffsets (KIP-79, KIP-734, KIP-405's special values) and OffsetForLeaderEpoch (KIP-101,
 * KIP-320). */
#include "broker/await.h"
#include "broker/broker_priv.h"
#include "broker/repeats.h"
#include "broker/topics.h"

enum {
	TIME_LATEST = -1,
	TIME_EARLIEST = -2,
	TIME_MAX = -3,
	TIME_EARLIEST_LOCAL = -4,
	TIME_LATEST_TIERED = -5,
	TIME_EARLIEST_PENDING_UPLOAD = -6,
};

typedef struct list_offsets_request_list_offsets_partition offsets_ask;
typedef struct list_offsets_response_list_offsets_partition_response offsets_answer;

/* Each special time came with a version; below it the partition gets UNSUPPORTED_VERSION. */
static bool time_is_supported(int64_t timestamp, int16_t version)
{
	static const int16_t since[] = {1, 1, 7, 8, 9, 11}; /* of -1, -2, ... -6 */
	if (timestamp >= 0) {
		return true;
	}
	return timestamp >= TIME_EARLIEST_PENDING_UPLOAD && version >= since[-timestamp - 1];
}

static enum weir_code check_epoch(const struct partition *p, int32_t asked)
{
	int32_t mine = atomic_load(&p->leader_epoch);
	return asked < 0 || asked == mine ? WEIR_OK
	       : asked < mine		  ? WEIR_FENCED_LEADER_EPOCH
					  : WEIR_UNKNOWN_LEADER_EPOCH;
}

static enum weir_code find_offset(struct partition *p, struct log *log, const offsets_ask *ask,
	bool committed, struct log_found *found, struct weir_err *err)
{
	int64_t end = atomic_load(&p->high_watermark);
	end = committed ? log_last_stable_offset(log, end) : end;
	*found = (struct log_found){-1, -1, -1};
	switch (ask->timestamp) {
	case TIME_LATEST:
		found->offset = end;
		found->leader_epoch = atomic_load(&p->leader_epoch);
		return WEIR_OK;
	case TIME_EARLIEST:
	case TIME_EARLIEST_LOCAL:
		found->offset = log_start_offset(log);
		found->leader_epoch = log_epoch_at(log, found->offset);
		return WEIR_OK;
	case TIME_MAX:
		return log_find_max_time(log, end, found, err);
	case TIME_LATEST_TIERED: /* nothing is tiered */
	case TIME_EARLIEST_PENDING_UPLOAD:
		return WEIR_OK;
	default:
		return log_find_time(log, ask->timestamp, end, found, err);
	}
}

static enum weir_code offsets_one(struct request *req, struct slice topic, const offsets_ask *ask,
	struct log_found *found, struct weir_err *err)
{
	struct partition *p;
	enum weir_code code =
		topics_partition(broker_topics(req->broker), topic, ask->partition_index, &p, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (!time_is_supported(ask->timestamp, req->header.version)) {
		code = WEIR_UNSUPPORTED_VERSION;
	} else {
		code = check_epoch(p, ask->current_leader_epoch);
	}
	const struct list_offsets_request *body = req->body;
	bool committed = body->isolation_level == 1;
	struct log *log;
	if (code == WEIR_OK) {
		code = partition_use(p, &log, err);
		if (code == WEIR_OK) {
			code = find_offset(p, log, ask, committed, found, err);
			partition_done(p);
		}
	}
	partition_unref(p);
	return code;
}

static void find_repeats(struct request *req, struct repeats *repeats)
{
	const struct list_offsets_request *body = req->body;
	size_t count = 0;
	for (int32_t t = 0; t < body->topics_count; t++) {
		count += (size_t)body->topics[t].partitions_count;
	}
	repeats_init(repeats, req, count);
	struct buf key;
	buf_init(&key, 0);
	for (int32_t t = 0; t < body->topics_count; t++) {
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			int32_t index = body->topics[t].partitions[i].partition_index;
			buf_reset(&key);
			buf_add(&key, &index, sizeof(index));
			buf_add(&key, body->topics[t].name.data, body->topics[t].name.len);
			repeats_add(repeats, slice_of(key.data, key.len));
		}
	}
	buf_fini(&key);
	repeats_fini(repeats);
}

static void fill_offsets(struct request *req, struct slice topic, const offsets_ask *ask,
	bool repeated, offsets_answer *row)
{
	struct log_found found = {-1, -1, -1};
	enum weir_code code =
		repeated ? WEIR_INVALID_REQUEST : offsets_one(req, topic, ask, &found, NULL);
	if (code != WEIR_OK) {
		found = (struct log_found){-1, -1, -1};
	}
	row->partition_index = ask->partition_index;
	row->error_code = (int16_t)err_to_wire(code);
	row->offset = found.offset;
	row->timestamp = found.timestamp;
	row->leader_epoch = req->header.version >= 4 ? found.leader_epoch : -1;
}

/* true: answered later, since the end is about to move. */
static bool waits_for_flush(struct request *req)
{
	const struct list_offsets_request *body = req->body;
	struct await *await = NULL;
	for (int32_t t = 0; t < body->topics_count; t++) {
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			const offsets_ask *ask = &body->topics[t].partitions[i];
			struct partition *p;
			if (ask->timestamp != TIME_EARLIEST &&
				topics_partition(broker_topics(req->broker), body->topics[t].name,
					ask->partition_index, &p, NULL) == WEIR_OK) {
				await_add(&await, req, p);
				partition_unref(p);
			}
		}
	}
	return await_park(&await);
}

void handle_list_offsets(struct request *req)
{
	const struct list_offsets_request *body = req->body;
	if (waits_for_flush(req)) {
		return;
	}
	struct list_offsets_response response;
	struct repeats repeats;
	wire_defaults(&list_offsets_response_message, &response);
	response.topics_count = body->topics_count;
	response.topics = request_array(req, (size_t)body->topics_count, sizeof(*response.topics));
	find_repeats(req, &repeats);
	size_t n = 0;
	for (int32_t t = 0; t < body->topics_count; t++) {
		struct slice name = body->topics[t].name;
		int32_t count = body->topics[t].partitions_count;
		offsets_answer *rows = request_array(req, (size_t)count, sizeof(*rows));
		response.topics[t].name = name;
		response.topics[t].partitions = rows;
		response.topics[t].partitions_count = 0;
		for (int32_t i = 0; i < count; i++, n++) {
			if (repeats_first(&repeats, n)) {
				fill_offsets(req, name, &body->topics[t].partitions[i],
					repeats_again(&repeats, n),
					&rows[response.topics[t].partitions_count++]);
			}
		}
	}
	request_send(req, &response);
}

typedef struct offset_for_leader_epoch_request_offset_for_leader_partition epoch_ask;

static enum weir_code epoch_one(struct request *req, struct slice topic, const epoch_ask *ask,
	int32_t *epoch, int64_t *end_offset)
{
	struct partition *p;
	struct log *log;
	*epoch = -1;
	*end_offset = -1;
	enum weir_code code =
		topics_partition(broker_topics(req->broker), topic, ask->partition, &p, NULL);
	if (code != WEIR_OK) {
		return code;
	}
	code = check_epoch(p, ask->current_leader_epoch);
	if (code == WEIR_OK) {
		code = partition_use(p, &log, NULL);
	}
	if (code == WEIR_OK) {
		if (ask->leader_epoch == atomic_load(&p->leader_epoch)) {
			*epoch = ask->leader_epoch;
			*end_offset = log_end_offset(log);
		} else {
			log_epoch_end(log, ask->leader_epoch, epoch, end_offset);
		}
		partition_done(p);
	}
	partition_unref(p);
	return code;
}

void handle_offset_for_leader_epoch(struct request *req)
{
	const struct offset_for_leader_epoch_request *body = req->body;
	struct offset_for_leader_epoch_response response;
	wire_defaults(&offset_for_leader_epoch_response_message, &response);
	response.topics_count = body->topics_count;
	response.topics = request_array(req, (size_t)body->topics_count, sizeof(*response.topics));
	for (int32_t t = 0; t < body->topics_count; t++) {
		int32_t count = body->topics[t].partitions_count;
		struct offset_for_leader_epoch_response_epoch_end_offset *rows =
			request_array(req, (size_t)count, sizeof(*rows));
		response.topics[t].topic = body->topics[t].topic;
		response.topics[t].partitions = rows;
		response.topics[t].partitions_count = count;
		for (int32_t i = 0; i < count; i++) {
			const epoch_ask *ask = &body->topics[t].partitions[i];
			rows[i].partition = ask->partition;
			rows[i].error_code =
				(int16_t)err_to_wire(epoch_one(req, body->topics[t].topic, ask,
					&rows[i].leader_epoch, &rows[i].end_offset));
		}
	}
	request_send(req, &response);
}
