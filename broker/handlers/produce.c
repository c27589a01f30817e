/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Produce. Each partition's batch is validated in place, appended with one write, and the answer
 * leaves at once (acks=1), never (acks=0), or when the high watermark has passed the batch
 * (acks=all; and acks=1 under flush.mode=strict). A waiting answer is an op of its own: its arena
 * holds the response, each partition it waits for counts in pending, and who takes pending to zero
 * completes it on the connection's reactor.
 */
#include "broker/broker_priv.h"
#include "broker/topic_admin.h"
#include "broker/topics.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

typedef struct produce_request_topic_produce_data topic_data;
typedef struct produce_request_partition_produce_data partition_data;
typedef struct produce_response_topic_produce_response topic_answer;
typedef struct produce_response_partition_produce_response partition_answer;

struct produce_op;

struct produce_wait {
	struct partition_wait wait;
	struct produce_op *op;
	struct partition *partition; /* counted */
	partition_answer *answer;
	enum weir_code code; /* written by fire, read after pending is zero */
};

struct produce_op {
	struct list node; /* in reactor.free_produce */
	struct reactor *reactor;
	struct reply *reply;
	struct arena arena; /* response, its names, waits */
	struct produce_response response;
	struct produce_wait *waits;
	size_t wait_count;
	atomic_int pending;
	struct loop_post post;
	struct deadline deadline;
};

static void complete(struct produce_op *op)
{
	for (size_t i = 0; i < op->wait_count; i++) {
		struct produce_wait *w = &op->waits[i];
		if (w->code != WEIR_OK) {
			w->answer->error_code = (int16_t)err_to_wire(w->code);
			w->answer->base_offset = -1;
			w->answer->log_append_time_ms = -1;
			w->answer->log_start_offset = -1;
		}
		partition_unref(w->partition);
	}
	deadline_clear(&op->reactor->deadlines, &op->deadline);
	reply_send(op->reply, &op->response);
	list_append(&op->reactor->free_produce, &op->node);
}

static void on_post(struct loop_post *post)
{
	complete(LIST_ENTRY(post, struct produce_op, post));
}

/* true: that was the last one. */
static bool settle(struct produce_op *op)
{
	return atomic_fetch_sub(&op->pending, 1) == 1;
}

static void on_reached(struct partition_wait *wait, enum weir_code code)
{
	struct produce_wait *w = LIST_ENTRY(wait, struct produce_wait, wait);
	struct produce_op *op = w->op;
	w->code = code;
	if (settle(op)) {
		loop_call(op->reactor->loop, &op->post);
	}
}

/* timeout.ms is over: what has not been flushed is REQUEST_TIMED_OUT, which means unknown. */
static void on_timeout(struct deadline *deadline)
{
	struct produce_op *op = LIST_ENTRY(deadline, struct produce_op, deadline);
	bool last = false;
	for (size_t i = 0; i < op->wait_count; i++) {
		struct produce_wait *w = &op->waits[i];
		if (partition_wait_remove(w->partition, &w->wait)) {
			w->code = WEIR_REQUEST_TIMED_OUT;
			last = settle(op);
		}
	}
	if (last) {
		complete(op);
	}
}

static struct produce_op *take_op(struct reactor *reactor)
{
	struct produce_op *op;
	if (list_empty(&reactor->free_produce)) {
		op = mem_new(sizeof(*op));
		list_init(&op->node);
		arena_init(&op->arena, 0);
		op->post.run = on_post;
		op->deadline.fire = on_timeout;
	} else {
		op = LIST_ENTRY(reactor->free_produce.next, struct produce_op, node);
		list_remove(&op->node);
	}
	arena_reset(&op->arena, 0);
	op->reactor = reactor;
	op->wait_count = 0;
	return op;
}

void produce_ops_free(struct list *pool)
{
	LIST_EACH_SAFE(it, pool)
	{
		struct produce_op *op = LIST_ENTRY(it, struct produce_op, node);
		arena_fini(&op->arena);
		mem_free(op);
	}
}

/* What one partition's append came to. */
struct outcome {
	enum weir_code code;
	struct log_appended appended;
	int64_t append_time_ms;
	struct partition *partition; /* counted when appended */
	int64_t log_start_offset;    /* -1: the request did not get as far as the log */
};

static void note_record_error(
	struct produce_op *op, partition_answer *answer, const struct record_verdict *verdict)
{
	if (verdict->error_index < 0) {
		return;
	}
	struct produce_response_batch_index_and_error_message *row =
		arena_try(&op->arena, sizeof(*row));
	if (row) {
		size_t len = strlen(verdict->error_text);
		row->batch_index = verdict->error_index;
		row->batch_index_error_message =
			slice_of(arena_try_dup(&op->arena, verdict->error_text, len), len);
		answer->record_errors = row;
		answer->record_errors_count = 1;
	}
}

/* Appends what was validated: the frame's own bytes, or the rewritten batch. */
static enum weir_code append(struct request *req, struct partition *p,
	const struct record_verdict *verdict, struct outcome *out, struct weir_err *err)
{
	struct log *log;
	enum weir_code code = partition_use(p, &log, err);
	if (code != WEIR_OK) {
		return code;
	}
	code = log_append(log, verdict->bytes, verdict->batch.bytes.len,
		atomic_load(&p->leader_epoch), &out->appended, err);
	stat_add(STAT_duplicate_batches, code == WEIR_OK && out->appended.duplicate);
	if (code == WEIR_OK && !out->appended.duplicate) {
		const struct produce_request *body = req->body;
		if (body->acks == -1) {
			partition_appended(p, log, verdict->batch.record_count);
		} else {
			partition_appended_told(
				p, log, verdict->batch.record_count, req->conn->reactor);
		}
	} else if (code != WEIR_OK) {
		partition_append_failed(p, log, err);
	}
	partition_done(p);
	return code;
}

/* Kafka's admin client may write there, to repair. */
static bool is_refused_internal(const struct request *req, const struct partition *p)
{
	return topic_is_internal(slice_str(p->topic->name)) &&
	       !slice_equal(req->header.client_id, slice_str("__admin_client"));
}

/* A refused batch's answer tells where the log starts. */
static void note_log_start(struct partition *p, struct outcome *out)
{
	struct log *log;
	if (partition_use(p, &log, NULL) == WEIR_OK) {
		out->log_start_offset = log_start_offset(log);
		partition_done(p);
	}
}

static enum weir_code produce_one(struct request *req, struct produce_op *op,
	const topic_data *topic, const partition_data *data, partition_answer *answer,
	struct outcome *out, struct weir_err *err)
{
	struct reactor *reactor = req->conn->reactor;
	struct partition *p;
	enum weir_code code = req->header.version >= 13
				      ? topics_partition_by_id(broker_topics(req->broker),
						topic->topic_id, data->index, &p, err)
				      : topics_partition(broker_topics(req->broker), topic->name,
						data->index, &p, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct topic_settings settings;
	topic_settings(p->topic, &settings);
	settings.rules.now_ms = clock_wall_ms();
	settings.rules.refuse_zstd = req->header.version < 7;
	struct record_verdict *verdict = &reactor->verdict;
	verdict->framed = false;
	verdict->error_index = -1;
	if (is_refused_internal(req, p)) {
		code = err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "%s is the broker's to write",
			p->topic->name);
	} else if (!data->records.data || !data->records.len) {
		code = err_set(
			err, WEIR_INVALID_RECORD, "no records for partition %d", data->index);
	} else {
		code = record_validate((uint8_t *)(uintptr_t)data->records.data, data->records.len,
			&settings.rules, &reactor->records, verdict, err);
	}
	if (code == WEIR_OK && (verdict->batch.attributes & BATCH_TRANSACTIONAL)) {
		code = err_set(err, WEIR_INVALID_TXN_STATE,
			"the transaction does not have this partition");
	}
	if (code == WEIR_OK) {
		code = append(req, p, verdict, out, err);
	} else {
		note_record_error(op, answer, verdict);
	}
	if (code != WEIR_OK) {
		if (verdict->framed) {
			note_log_start(p, out);
		}
		partition_unref(p);
		return code;
	}
	out->partition = p;
	out->log_start_offset = out->appended.log_start_offset;
	out->append_time_ms = out->appended.duplicate	   ? out->appended.duplicate_timestamp
			      : settings.rules.append_time ? settings.rules.now_ms
							   : -1;
	return WEIR_OK;
}

static void fill_answer(struct produce_op *op, partition_answer *answer, const struct outcome *out,
	const struct weir_err *err)
{
	answer->error_code = (int16_t)err_to_wire(out->code);
	answer->base_offset = answer->log_append_time_ms = -1;
	answer->log_start_offset = out->log_start_offset;
	if (out->code == WEIR_OK) {
		answer->base_offset = out->appended.base_offset;
		answer->log_append_time_ms = out->append_time_ms;
		return;
	}
	size_t len = strlen(err->text);
	answer->error_message = slice_of(arena_try_dup(&op->arena, err->text, len), len);
}

/* Counts the wait in; a watermark that is there already settles it at once. */
static void add_wait(struct produce_op *op, struct outcome *out, partition_answer *answer)
{
	struct produce_wait *w = &op->waits[op->wait_count++];
	*w = (struct produce_wait){.op = op, .partition = out->partition, .answer = answer};
	w->wait.offset = out->appended.last_offset + 1;
	w->wait.fire = on_reached;
	atomic_fetch_add(&op->pending, 1);
	if (!partition_wait_add(out->partition, &w->wait)) {
		(void)settle(op);
	}
}

static size_t partition_count(const struct produce_request *body)
{
	size_t n = 0;
	for (int32_t t = 0; t < body->topic_data_count; t++) {
		n += (size_t)body->topic_data[t].partition_data_count;
	}
	return n;
}

static enum weir_code acks_check(const struct produce_request *body, struct weir_err *err)
{
	if (body->acks < -1 || body->acks > 1) {
		return err_set(
			err, WEIR_INVALID_REQUIRED_ACKS, "acks %d is not -1, 0 or 1", body->acks);
	}
	return WEIR_OK;
}

/* One topic; *failed is set when any partition failed. */
static void produce_topic(struct request *req, struct produce_op *op, const topic_data *topic,
	topic_answer *answer, bool wait, bool *failed)
{
	const struct produce_request *body = req->body;
	for (int32_t i = 0; i < topic->partition_data_count; i++) {
		partition_answer *row = &answer->partition_responses[i];
		wire_part_defaults(&produce_response_partition_produce_response_part, row);
		row->index = topic->partition_data[i].index;
		struct weir_err err = {.text = ""};
		struct outcome out = {.code = acks_check(body, &err), .log_start_offset = -1};
		if (out.code == WEIR_OK) {
			out.code = produce_one(
				req, op, topic, &topic->partition_data[i], row, &out, &err);
		}
		*failed = *failed || out.code != WEIR_OK;
		stat_add(STAT_refused_batches, out.code != WEIR_OK);
		fill_answer(op, row, &out, &err);
		if (out.code == WEIR_OK && wait) {
			add_wait(op, &out, row);
		} else if (out.code == WEIR_OK) {
			partition_unref(out.partition);
		}
	}
}

/* The answer outlives the frame: names move into the op's arena. */
static void keep_names(struct produce_op *op)
{
	for (int32_t t = 0; t < op->response.responses_count; t++) {
		struct slice *name = &op->response.responses[t].name;
		name->data = arena_try_dup(&op->arena, name->data, name->len);
	}
}

/* Room for the whole answer, before anything is appended. false: no memory. */
static bool prepare(struct produce_op *op, const struct produce_request *body)
{
	size_t count = partition_count(body);
	wire_defaults(&produce_response_message, &op->response);
	op->response.responses_count = body->topic_data_count > 0 ? body->topic_data_count : 0;
	op->response.responses = arena_try_array(
		&op->arena, (size_t)op->response.responses_count, sizeof(topic_answer));
	partition_answer *rows = arena_try_array(&op->arena, count, sizeof(*rows));
	op->waits = arena_try_array(&op->arena, count, sizeof(*op->waits));
	if (!op->response.responses || !rows || !op->waits) {
		return false;
	}
	for (int32_t t = 0; t < op->response.responses_count; t++) {
		topic_answer *answer = &op->response.responses[t];
		answer->name = body->topic_data[t].name;
		answer->topic_id = body->topic_data[t].topic_id;
		answer->partition_responses = rows;
		answer->partition_responses_count = body->topic_data[t].partition_data_count;
		rows += body->topic_data[t].partition_data_count;
	}
	return true;
}

void handle_produce(struct request *req)
{
	const struct produce_request *body = req->body;
	struct reactor *reactor = req->conn->reactor;
	struct produce_op *op = take_op(reactor);
	op->reply = req->reply;
	enum conf_flush_mode mode = broker_flush_mode(req->broker);
	bool wait = (body->acks == -1 && (mode == CONF_FLUSH_GROUP || mode == CONF_FLUSH_STRICT)) ||
		    (body->acks == 1 && mode == CONF_FLUSH_STRICT);
	atomic_store(&op->pending, 1);
	if (!prepare(op, body)) {
		reply_close(req->reply);
		list_append(&reactor->free_produce, &op->node);
		return;
	}
	bool failed = false;
	for (int32_t t = 0; t < body->topic_data_count; t++) {
		produce_topic(
			req, op, &body->topic_data[t], &op->response.responses[t], wait, &failed);
	}
	if (body->acks == 0) {
		/* No answer; a failure closes, so that the client looks again. */
		(failed ? reply_close : reply_skip)(req->reply);
		list_append(&reactor->free_produce, &op->node);
		return;
	}
	if (op->wait_count) {
		stat_add(STAT_produce_waits, 1);
		keep_names(op);
		int64_t timeout = body->timeout_ms > 0 ? body->timeout_ms : 0;
		deadline_set(&reactor->deadlines, &op->deadline, clock_mono_ms() + timeout);
	}
	if (settle(op)) {
		complete(op);
	}
}
