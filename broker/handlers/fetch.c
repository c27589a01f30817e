/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fetch. A read finds byte runs of the log files; the answer's header is encoded, the runs are sent
 * from the files. Too little there: the request parks as an op, with one wait on each partition's
 * high watermark and one deadline, and is looked at again on its own reactor, once for any number
 * of appends in between. With a session (fetch_sessions.h) only the partitions with news are told.
 */
#include "broker/broker_priv.h"
#include "broker/dispatch.h"
#include "broker/fetch_sessions.h"
#include "broker/topics.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

typedef struct fetch_request_fetch_topic topic_ask;
typedef struct fetch_request_fetch_partition partition_ask;
typedef struct fetch_response_fetchable_topic_response topic_answer;
typedef struct fetch_response_partition_data partition_answer;

struct fetch_op;

struct fetch_part {
	struct partition_wait wait;
	struct fetch_op *op;
	struct partition *partition; /* counted; NULL when code says why */
	partition_ask ask;
	partition_answer *answer;
	enum weir_code code; /* of finding the partition */
	struct log_span span;
	int64_t seen; /* high watermark at the last look */
	bool waiting;
};

struct fetch_op {
	struct list node; /* in reactor.free_fetch */
	struct reactor *reactor;
	struct reply *reply;
	struct arena arena;
	struct fetch_response response;
	struct fetch_session *session; /* counted; NULL: none */
	bool incremental;
	struct fetch_part *parts;
	size_t part_count, span_count;
	int64_t min_bytes, max_bytes;
	bool read_committed;
	int16_t version;
	bool waited, finished;
	struct loop_post post;
	struct deadline deadline;
};

static void drop_spans(struct fetch_op *op)
{
	for (size_t i = 0; i < op->part_count; i++) {
		log_span_release(&op->parts[i].span);
	}
}

static void recycle(struct fetch_op *op)
{
	list_append(&op->reactor->free_fetch, &op->node);
}

static void stop_waiting(struct fetch_op *op)
{
	for (size_t i = 0; i < op->part_count; i++) {
		struct fetch_part *part = &op->parts[i];
		if (part->waiting) {
			(void)partition_wait_remove(part->partition, &part->wait);
			part->waiting = false;
		}
	}
	deadline_clear(&op->reactor->deadlines, &op->deadline);
}

static void fail_part(struct fetch_part *part, enum weir_code code)
{
	partition_answer *answer = part->answer;
	answer->error_code = (int16_t)err_to_wire(code);
	answer->high_watermark = answer->last_stable_offset = answer->log_start_offset = -1;
}

/* The aborted transactions that read_committed has to leave out of what it gets. */
static enum weir_code list_aborted(struct fetch_op *op, struct fetch_part *part)
{
	struct log_aborted *list = NULL;
	struct log *log;
	size_t count = 0;
	enum weir_code code = partition_use(part->partition, &log, NULL);
	if (code != WEIR_OK) {
		return code;
	}
	int64_t end = log_span_end_offset(log, &part->span);
	int64_t stable = part->answer->last_stable_offset;
	code = log_aborted_txns(
		log, part->ask.fetch_offset, end < stable ? end : stable, &list, &count, NULL);
	partition_done(part->partition);
	struct fetch_response_aborted_transaction *rows =
		code ? NULL : arena_try_array(&op->arena, count, sizeof(*rows));
	code = code || rows ? code : WEIR_NO_MEMORY;
	for (size_t i = 0; i < count && !code; i++) {
		rows[i].producer_id = list[i].producer_id;
		rows[i].first_offset = list[i].first_offset;
	}
	part->answer->aborted_transactions = rows;
	part->answer->aborted_transactions_count = code ? 0 : (int32_t)count;
	mem_free(list);
	return code;
}

/* Notes in the session what is told; of an incremental answer only the news are left. */
static void tell_session(struct fetch_op *op)
{
	int32_t kept_topics = 0;
	for (int32_t t = 0; t < op->response.responses_count; t++) {
		topic_answer *topic = &op->response.responses[t];
		int32_t kept = 0;
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			bool news = fetch_session_told(op->session, topic, &topic->partitions[i]);
			if (news || !op->incremental) {
				topic->partitions[kept++] = topic->partitions[i];
			}
		}
		topic->partitions_count = kept;
		if (kept) {
			op->response.responses[kept_topics++] = *topic;
		}
	}
	op->response.responses_count = kept_topics;
	op->response.session_id = fetch_session_id(op->session);
}

static void drop_session(struct fetch_op *op)
{
	fetch_session_release(op->session);
	op->session = NULL;
}

static void finish(struct fetch_op *op)
{
	stop_waiting(op);
	for (size_t i = 0; i < op->part_count; i++) {
		struct fetch_part *part = &op->parts[i];
		enum weir_code code =
			op->read_committed && part->span.len ? list_aborted(op, part) : WEIR_OK;
		if (code != WEIR_OK) {
			log_span_release(&part->span);
			fail_part(part, code);
		}
		/* The reply takes the span over through the records field. */
		stat_add(STAT_fetched, (int64_t)part->span.len);
		part->answer->records =
			part->span.len ? slice_of(&part->span, part->span.len) : slice_of("", 0);
	}
	if (op->session) {
		tell_session(op);
		drop_session(op);
	}
	op->reply->cancel = NULL;
	reply_send(op->reply, &op->response);
	drop_spans(op);
	for (size_t i = 0; i < op->part_count; i++) {
		if (op->parts[i].partition) {
			partition_unref(op->parts[i].partition);
		}
	}
	op->finished = true;
	/* A wake-up that is on its way still names the op: it recycles it. */
	if (!__atomic_load_n(&op->post.queued, __ATOMIC_SEQ_CST)) {
		recycle(op);
	}
}

static enum weir_code check_epoch(const struct fetch_part *part)
{
	int32_t asked = part->ask.current_leader_epoch;
	int32_t mine = atomic_load(&part->partition->leader_epoch);
	return asked < 0 || asked == mine ? WEIR_OK
	       : asked < mine		  ? WEIR_FENCED_LEADER_EPOCH
					  : WEIR_UNKNOWN_LEADER_EPOCH;
}

/* KIP-595: when the client's last epoch ends elsewhere here, it must truncate: *diverged. */
static enum weir_code check_diverging(struct fetch_part *part, struct log *log, bool *diverged)
{
	if (part->ask.last_fetched_epoch < 0) {
		return WEIR_OK;
	}
	int32_t epoch;
	int64_t end;
	log_epoch_end(log, part->ask.last_fetched_epoch, &epoch, &end);
	if (epoch < 0 || end < 0) {
		return WEIR_OFFSET_OUT_OF_RANGE;
	}
	if (epoch < part->ask.last_fetched_epoch || end < part->ask.fetch_offset) {
		part->answer->diverging_epoch.epoch = epoch;
		part->answer->diverging_epoch.end_offset = end;
		*diverged = true;
	}
	return WEIR_OK;
}

static enum weir_code look_in_log(struct fetch_part *part, struct log *log, int64_t budget,
	bool whole_first, bool *diverged, struct weir_err *err)
{
	enum weir_code code = check_epoch(part);
	if (code != WEIR_OK) {
		return code;
	}
	part->seen = atomic_load(&part->partition->high_watermark);
	part->answer->high_watermark = part->seen;
	part->answer->last_stable_offset = log_last_stable_offset(log, part->seen);
	part->answer->log_start_offset = log_start_offset(log);
	code = check_diverging(part, log, diverged);
	if (code != WEIR_OK || *diverged) {
		return code;
	}
	int64_t offset = part->ask.fetch_offset;
	if (offset < log_start_offset(log) || offset > log_end_offset(log)) {
		return WEIR_OFFSET_OUT_OF_RANGE;
	}
	int64_t end = part->op->read_committed ? part->answer->last_stable_offset : part->seen;
	if (offset >= end) {
		if (atomic_load(&part->partition->told_end) > part->seen) {
			broker_flush_soon(part->partition->broker, part->partition);
		}
		return WEIR_OK;
	}
	if (part->op->span_count == REPLY_SPANS_MAX) {
		return WEIR_OK; /* the rest comes with the next fetch */
	}
	int64_t limit = part->ask.partition_max_bytes > 0 ? part->ask.partition_max_bytes : 0;
	limit = limit < budget ? limit : budget;
	code = log_read(
		log, offset, end, (size_t)(limit > 0 ? limit : 0), whole_first, &part->span, err);
	part->op->span_count += part->span.len > 0;
	return code;
}

/* KIP-951: who was asked does not lead, or led before; the answer names who does. */
static void name_leader(struct fetch_op *op, const struct fetch_part *part, enum weir_code code)
{
	if (op->version < 16 || !part->partition ||
		(code != WEIR_NOT_LEADER_OR_FOLLOWER && code != WEIR_FENCED_LEADER_EPOCH)) {
		return;
	}
	struct broker *broker = op->reactor->broker;
	struct broker_endpoint self;
	broker_endpoint(op->reply->conn, &self);
	part->answer->current_leader.leader_id = broker_node_id(broker);
	part->answer->current_leader.leader_epoch = atomic_load(&part->partition->leader_epoch);
	if (code == WEIR_NOT_LEADER_OR_FOLLOWER) {
		return; /* a follower, who knows the addresses */
	}
	struct fetch_response_node_endpoint *row = arena_try(&op->arena, sizeof(*row));
	size_t len = strlen(self.host);
	char *host = arena_try_dup(&op->arena, self.host, len);
	if (!op->response.node_endpoints_count && row && host) {
		row->node_id = broker_node_id(broker);
		row->host = slice_of(host, len);
		row->port = self.port;
		op->response.node_endpoints = row;
		op->response.node_endpoints_count = 1;
	}
}

/* Looks at one partition. *bytes grows by what it has; *now is set when the answer cannot wait. */
static void look(struct fetch_op *op, struct fetch_part *part, int64_t *bytes, bool *now)
{
	struct weir_err err;
	partition_answer *answer = part->answer;
	wire_part_defaults(&fetch_response_partition_data_part, answer);
	answer->partition_index = part->ask.partition;
	answer->high_watermark = -1;
	enum weir_code code = part->code;
	answer->aborted_transactions_count = op->read_committed || !part->partition ? 0 : -1;
	bool diverged = false;
	struct log *log;
	if (code == WEIR_OK) {
		code = partition_use(part->partition, &log, &err);
		if (code == WEIR_OK) {
			code = look_in_log(
				part, log, op->max_bytes - *bytes, *bytes == 0, &diverged, &err);
			partition_done(part->partition);
		}
	}
	if (code != WEIR_OK) {
		fail_part(part, code);
		name_leader(op, part, code);
	}
	*bytes += (int64_t)part->span.len;
	*now = *now || code != WEIR_OK || diverged;
}

static bool enough(struct fetch_op *op)
{
	int64_t bytes = 0;
	bool now = op->part_count == 0;
	op->span_count = 0;
	for (size_t i = 0; i < op->part_count; i++) {
		look(op, &op->parts[i], &bytes, &now);
	}
	return now || bytes >= op->min_bytes;
}

static void on_news(struct partition_wait *wait, enum weir_code code)
{
	(void)code; /* the next look finds out */
	struct fetch_op *op = LIST_ENTRY(wait, struct fetch_part, wait)->op;
	loop_call(op->reactor->loop, &op->post);
}

/* false: there was news while the waits were set. */
static bool set_waits(struct fetch_op *op)
{
	for (size_t i = 0; i < op->part_count; i++) {
		struct fetch_part *part = &op->parts[i];
		if (part->waiting) {
			(void)partition_wait_remove(part->partition, &part->wait);
		}
		part->wait.offset = part->seen + 1;
		part->wait.fire = on_news;
		part->waiting = partition_wait_add(part->partition, &part->wait);
		if (!part->waiting) {
			return false;
		}
	}
	return true;
}

/* Answers, or parks until news or the deadline. Two rounds at most find the news of the first. */
static void try_answer(struct fetch_op *op, bool may_wait)
{
	for (int round = 0;; round++) {
		if (enough(op) || !may_wait) {
			finish(op);
			return;
		}
		if (set_waits(op)) {
			stat_add(STAT_fetch_waits, !op->waited);
			op->waited = true;
			drop_spans(op);
			return;
		}
		drop_spans(op);
		may_wait = round < 8;
	}
}

static void on_post(struct loop_post *post)
{
	struct fetch_op *op = LIST_ENTRY(post, struct fetch_op, post);
	if (op->finished) {
		recycle(op);
	} else {
		try_answer(op, true);
	}
}

static void on_deadline(struct deadline *deadline)
{
	try_answer(LIST_ENTRY(deadline, struct fetch_op, deadline), false);
}

static void on_cancel(void *arg)
{
	finish(arg);
}

static struct fetch_op *take_op(struct reactor *reactor)
{
	struct fetch_op *op;
	if (list_empty(&reactor->free_fetch)) {
		op = mem_new(sizeof(*op));
		list_init(&op->node);
		arena_init(&op->arena, 0);
		op->post.run = on_post;
		op->deadline.fire = on_deadline;
	} else {
		op = LIST_ENTRY(reactor->free_fetch.next, struct fetch_op, node);
		list_remove(&op->node);
	}
	arena_reset(&op->arena, 0);
	op->reactor = reactor;
	op->part_count = 0;
	op->waited = op->finished = false;
	return op;
}

void fetch_ops_free(struct list *pool)
{
	LIST_EACH_SAFE(it, pool)
	{
		struct fetch_op *op = LIST_ENTRY(it, struct fetch_op, node);
		arena_fini(&op->arena);
		mem_free(op);
	}
}

/* The replica id of who fetches; -1 for a consumer. Version 15 moved it. */
static int32_t replica_of(const struct fetch_request *body)
{
	return body->replica_id >= 0 ? body->replica_id : body->replica_state.replica_id;
}

static enum weir_code check_limits(const struct fetch_request *body, const partition_ask *ask)
{
	if (replica_of(body) >= 0) {
		return WEIR_NOT_LEADER_OR_FOLLOWER; /* nobody follows this broker */
	}
	if (body->max_bytes < 0 || ask->partition_max_bytes < 0) {
		return WEIR_UNKNOWN_SERVER_ERROR; /* Kafka's word for it */
	}
	return WEIR_OK;
}

static void add_part(const struct request *req, struct fetch_op *op, const topic_ask *topic,
	const partition_ask *ask, partition_answer *answer)
{
	struct fetch_part *part = &op->parts[op->part_count++];
	*part = (struct fetch_part){.op = op, .ask = *ask, .answer = answer};
	list_init(&part->wait.node);
	part->code = req->header.version >= 13
			     ? topics_partition_by_id(broker_topics(req->broker), topic->topic_id,
				       ask->partition, &part->partition, NULL)
			     : topics_partition(broker_topics(req->broker), topic->topic,
				       ask->partition, &part->partition, NULL);
	if (part->code != WEIR_OK) {
		part->partition = NULL;
	} else {
		part->code = check_limits(req->body, ask);
	}
}

/* Room for everything, and the parts. false: no memory. */
static bool prepare(struct request *req, struct fetch_op *op)
{
	const struct fetch_request *body = req->body;
	size_t topics = body->topics_count > 0 ? (size_t)body->topics_count : 0, count = 0;
	for (size_t t = 0; t < topics; t++) {
		count += (size_t)body->topics[t].partitions_count;
	}
	topic_answer *answers = arena_try_array(&op->arena, topics, sizeof(*answers));
	partition_answer *rows = arena_try_array(&op->arena, count, sizeof(*rows));
	op->parts = arena_try_array(&op->arena, count, sizeof(*op->parts));
	if (!answers || !rows || !op->parts) {
		return false;
	}
	op->response.responses = answers;
	op->response.responses_count = (int32_t)topics;
	for (size_t t = 0; t < topics; t++) {
		const topic_ask *topic = &body->topics[t];
		answers[t].topic_id = topic->topic_id;
		answers[t].topic = topic->topic;
		answers[t].topic.data =
			arena_try_dup(&op->arena, topic->topic.data, topic->topic.len);
		answers[t].partitions = rows;
		answers[t].partitions_count = topic->partitions_count;
		for (int32_t i = 0; i < topic->partitions_count; i++) {
			add_part(req, op, topic, &topic->partitions[i], rows++);
		}
	}
	return true;
}

/* The partitions of a session, which the request does not name. */
struct session_walk {
	const struct request *req;
	struct fetch_op *op;
	partition_answer *rows;
	size_t room;
};

static void add_session_part(void *arg, const topic_ask *topic, const partition_ask *ask)
{
	struct session_walk *walk = arg;
	struct fetch_op *op = walk->op;
	if (op->part_count == walk->room) {
		return; /* came in since they were counted: the next fetch has it */
	}
	int32_t count = op->response.responses_count;
	topic_answer *row = count ? &op->response.responses[count - 1] : NULL;
	if (!row || !slice_equal(row->topic, topic->topic) ||
		!uuid_equal(row->topic_id, topic->topic_id)) {
		row = &op->response.responses[op->response.responses_count++];
		row->topic = topic->topic;
		row->topic.data = arena_try_dup(&op->arena, topic->topic.data, topic->topic.len);
		row->topic_id = topic->topic_id;
		row->partitions = &walk->rows[op->part_count];
		row->partitions_count = 0;
	}
	row->partitions_count++;
	add_part(walk->req, op, topic, ask, &walk->rows[op->part_count]);
}

static bool prepare_session(struct request *req, struct fetch_op *op)
{
	size_t count = fetch_session_each(op->session, NULL, NULL);
	struct session_walk walk = {.req = req, .op = op, .room = count};
	walk.rows = arena_try_array(&op->arena, count, sizeof(*walk.rows));
	op->response.responses = arena_try_array(&op->arena, count, sizeof(topic_answer));
	op->parts = arena_try_array(&op->arena, count, sizeof(*op->parts));
	if (!walk.rows || !op->response.responses || !op->parts) {
		return false;
	}
	fetch_session_each(op->session, add_session_part, &walk);
	return true;
}

/* The whole fetch is refused; before version 13 each partition says so too. */
static void refuse(struct request *req, struct fetch_op *op, enum weir_code code, bool rows)
{
	op->response.error_code = (int16_t)code;
	for (size_t i = 0; rows && req->header.version < 13 && i < op->part_count; i++) {
		partition_answer *answer = op->parts[i].answer;
		wire_part_defaults(&fetch_response_partition_data_part, answer);
		answer->partition_index = op->parts[i].ask.partition;
		answer->error_code = (int16_t)code;
		answer->high_watermark = -1;
		answer->records = slice_of("", 0);
	}
	if (!rows || req->header.version >= 13) {
		op->response.responses_count = 0;
	}
	drop_session(op);
	reply_send(req->reply, &op->response);
	for (size_t i = 0; i < op->part_count; i++) {
		if (op->parts[i].partition) {
			partition_unref(op->parts[i].partition);
		}
	}
	recycle(op);
}

void handle_fetch(struct request *req)
{
	const struct fetch_request *body = req->body;
	struct reactor *reactor = req->conn->reactor;
	struct fetch_op *op = take_op(reactor);
	op->reply = req->reply;
	wire_defaults(&fetch_response_message, &op->response);
	op->version = req->header.version;
	enum weir_code code =
		fetch_session_take(req->broker->fetch_sessions, body, op->version >= 13,
			(size_t)broker_conf(req->broker)->max_incremental_fetch_session_cache_slots,
			&op->session, NULL);
	op->incremental = op->session && fetch_is_incremental(body);
	if (code != WEIR_OK) {
		refuse(req, op, code, false);
		return;
	}
	if (op->incremental ? !prepare_session(req, op) : !prepare(req, op)) {
		drop_session(op);
		reply_close(req->reply);
		recycle(op);
		return;
	}
	if (body->isolation_level != 0 && body->isolation_level != 1) {
		refuse(req, op, WEIR_UNKNOWN_SERVER_ERROR, true);
		return;
	}
	int64_t most = broker_fetch_bytes_max(req->broker);
	op->max_bytes = body->max_bytes < most ? body->max_bytes : most;
	op->min_bytes = body->min_bytes < op->max_bytes ? body->min_bytes : op->max_bytes;
	op->read_committed = body->isolation_level == 1;
	bool may_wait = body->max_wait_ms > 0 && op->min_bytes > 0;
	if (may_wait) {
		op->reply->cancel = on_cancel;
		op->reply->cancel_arg = op;
		deadline_set(
			&reactor->deadlines, &op->deadline, clock_mono_ms() + body->max_wait_ms);
	}
	try_answer(op, may_wait);
}
