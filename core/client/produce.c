/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of a producer: one a node at a time. What may pass is tried again until
 * delivery_timeout_ms after the batch was opened: connection errors, retriable codes. A batch too
 * large for the topic is split in two. Everything else fails the batch, and only it.
 */
#include "core/client/producer_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

enum {
	REQUEST_BYTES_MAX = 16 * 1024 * 1024, /* of batches, unless the first is larger */
	ANSWER_GRACE_MS = 1000,		      /* the broker's own timeout comes first */
	LOOK_MS = 1000,
	ATTEMPTS_CORRUPT = 3,
	ATTEMPTS_UNKNOWN_TOPIC = 6,
	VERSION_TOPIC_NAMES = 12, /* the last with names instead of ids */
	POS_ATTRIBUTES = 21,	  /* in a batch, see core/record/batch.h */
};

enum weir_code producer_failure(struct producer *producer, struct weir_err *err)
{
	struct weir_err failed = producer->failed;
	producer->failed = (struct weir_err){0};
	if (err) {
		*err = failed;
	}
	return failed.code;
}

/* Reports every record of a batch that leaves the producer, and frees it. */
static void batch_end(struct producer *producer, struct pending *pending, int64_t base_offset,
	int64_t append_time_ms, const struct weir_err *why)
{
	struct partition *partition = pending->partition;
	const struct producer_conf *conf = &producer->conf;
	for (int32_t i = 0; conf->delivered && i < pending->count; i++) {
		conf->delivered(conf->delivered_arg, pending->tags[i].tag, partition->index,
			base_offset < 0 ? -1 : base_offset + i,
			append_time_ms >= 0 ? append_time_ms : pending->tags[i].timestamp,
			why ? why->code : WEIR_OK, why ? why->text : NULL);
	}
	producer->buffered -= pending->bytes.len;
	pending_free(pending);
	if (list_empty(&partition->queue)) {
		list_remove(&partition->ready);
	}
}

void producer_fail_batch(
	struct producer *producer, struct pending *pending, const struct weir_err *why)
{
	if (!producer->failed.code) {
		producer->failed = *why;
	}
	/* It may have been written all the same: its sequence numbers are spent. */
	if (pending->producer_id >= 0) {
		producer->id_is_stale = true;
	}
	batch_end(producer, pending, -1, -1, why);
}

static void batch_retry(
	struct producer *producer, struct pending *pending, const struct weir_err *why)
{
	int64_t now_ms = clock_mono_ms();
	pending->err = *why;
	pending->partition->retry_ms = now_ms + retry_pause_ms(pending->attempts);
	pending->attempts++;
	producer->refresh = true;
}

static int32_t leader_of(const struct producer *producer, const struct partition *partition)
{
	return partition->index < producer->topic->partition_count
		       ? producer->topic->partitions[partition->index].leader
		       : -1;
}

/* Time is up, or the node cannot be reached at the address it advertises. */
static bool batch_is_late(
	const struct producer *producer, const struct pending *pending, int64_t now_ms)
{
	int64_t age_ms = now_ms - pending->created_ms;
	if (pending->err.code == WEIR_CONNECT &&
		age_ms >= producer->client->conf.connect_timeout_ms) {
		const struct node *node =
			client_node(producer->client, leader_of(producer, pending->partition));
		if (node && !node->reached) {
			return true;
		}
	}
	return age_ms >= producer->conf.delivery_timeout_ms;
}

static void fail_late(struct producer *producer, struct partition *partition, int64_t now_ms)
{
	while (!list_empty(&partition->queue)) {
		struct pending *pending = LIST_ENTRY(partition->queue.next, struct pending, node);
		if (!batch_is_late(producer, pending, now_ms)) {
			return;
		}
		struct weir_err why = pending->err;
		if (!why.code) {
			err_set(&why, WEIR_TIMEOUT,
				"topic \"%s\" partition %d: not delivered within %lld ms",
				producer->topic->name, (int)partition->index,
				(long long)producer->conf.delivery_timeout_ms);
		}
		producer_fail_batch(producer, pending, &why);
	}
}

/* Copies records first to last-1 of the reader into a new batch; the reader stands at first. */
static enum weir_code split_part(struct producer *producer, struct pending *whole,
	struct record_reader *reader, int32_t first, int32_t last, struct pending **part,
	struct weir_err *err)
{
	struct pending *p = pending_new(whole->partition);
	struct batch_builder builder;
	struct record_header *headers = NULL;
	enum weir_code code = WEIR_OK;
	batch_builder_init(&builder, producer->conf.codec, producer->conf.level);
	batch_builder_start(&builder);
	for (int32_t i = first; i < last && !code; i++) {
		struct record record;
		bool got = false;
		code = record_reader_next(reader, &record, &got, err);
		if (code || !got) {
			break;
		}
		size_t count = 0;
		headers = mem_grow(headers, (size_t)record.header_count + 1, sizeof(*headers));
		while (record_header_next(&record.headers, &headers[count])) {
			count++;
		}
		code = batch_builder_add(
			&builder, record.timestamp, record.key, record.value, headers, count, err);
	}
	p->count = builder.count;
	if (!code) {
		code = batch_builder_finish(&builder, -1, -1, -1, 0, &p->bytes, err);
	}
	if (producer->conf.delivered) {
		p->tags = mem_array((size_t)(last - first), sizeof(*p->tags));
		memcpy(p->tags, whole->tags + first, (size_t)(last - first) * sizeof(*p->tags));
	}
	p->created_ms = whole->created_ms;
	p->producer_id = whole->producer_id;
	p->producer_epoch = whole->producer_epoch;
	p->base_sequence = (whole->base_sequence + first) & INT32_MAX;
	mem_free(headers);
	batch_builder_fini(&builder);
	*part = p;
	return code;
}

/* Puts the two halves of a batch in its place. */
static enum weir_code batch_split(
	struct producer *producer, struct pending *whole, struct weir_err *err)
{
	struct pending *parts[2] = {NULL, NULL};
	struct record_reader reader;
	struct batch batch;
	int32_t half = whole->count / 2;
	record_reader_init(&reader, LIMIT_DECOMPRESSED_DEFAULT);
	enum weir_code code =
		batch_parse(slice_of(whole->bytes.data, whole->bytes.len), &batch, err);
	if (!code) {
		code = record_reader_start(&reader, &batch, err);
	}
	if (!code) {
		code = split_part(producer, whole, &reader, 0, half, &parts[0], err);
	}
	if (!code) {
		code = split_part(producer, whole, &reader, half, whole->count, &parts[1], err);
	}
	record_reader_fini(&reader);
	for (int i = 0; i < 2 && parts[i]; i++) {
		if (code) {
			pending_free(parts[i]);
		} else {
			list_append(&whole->node, &parts[i]->node);
			producer->buffered += parts[i]->bytes.len;
		}
	}
	if (!code) {
		producer->buffered -= whole->bytes.len;
		pending_free(whole);
	}
	return code;
}

/* Whether a batch that got error may be sent again. */
static bool may_pass(
	const struct producer *producer, const struct pending *pending, enum weir_code error)
{
	switch (error) {
	case WEIR_CORRUPT_MESSAGE:
		return pending->attempts < ATTEMPTS_CORRUPT;
	case WEIR_UNKNOWN_TOPIC_OR_PARTITION:
		return pending->attempts < ATTEMPTS_UNKNOWN_TOPIC;
	case WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER:
	case WEIR_UNKNOWN_PRODUCER_ID:
	case WEIR_INVALID_PRODUCER_EPOCH:
		/* At the first attempt nothing can have been written: a new id mends it. */
		return producer->idempotent && !pending->attempts;
	default:
		return err_info(error)->retriable;
	}
}

static void batch_answered(struct producer *producer, struct pending *pending,
	const struct produce_response_partition_produce_response *answer)
{
	enum weir_code error = answer->error_code ? err_info(answer->error_code)->code : WEIR_OK;
	struct weir_err why = {0};
	pending->partition->under_way = false;
	if (!error || error == WEIR_DUPLICATE_SEQUENCE_NUMBER) {
		batch_end(producer, pending, answer->base_offset, answer->log_append_time_ms, NULL);
		return;
	}
	if (error == WEIR_MESSAGE_TOO_LARGE && pending->count > 1) {
		if (batch_split(producer, pending, &why)) {
			producer_fail_batch(producer, pending, &why);
		}
		return;
	}
	struct slice detail = answer->error_message;
	if (answer->record_errors_count > 0 &&
		answer->record_errors[0].batch_index_error_message.len) {
		detail = answer->record_errors[0].batch_index_error_message;
	}
	char *what = mem_printf(
		"topic \"%s\" partition %d", producer->topic->name, (int)pending->partition->index);
	error = wire_error(answer->error_code, what, detail, &why);
	mem_free(what);
	if (!may_pass(producer, pending, error)) {
		producer_fail_batch(producer, pending, &why);
		return;
	}
	if (!err_info(error)->retriable) {
		pending->producer_id = -1;
		producer->id_is_stale = true;
	}
	batch_retry(producer, pending, &why);
}

static const struct produce_response_partition_produce_response *answer_of(
	const struct produce_response *response, int32_t partition)
{
	for (int32_t t = 0; t < response->responses_count; t++) {
		const struct produce_response_topic_produce_response *topic =
			&response->responses[t];
		for (int32_t i = 0; i < topic->partition_responses_count; i++) {
			if (topic->partition_responses[i].index == partition) {
				return &topic->partition_responses[i];
			}
		}
	}
	return NULL;
}

static void produce_free(struct produce *produce)
{
	list_remove(&produce->node);
	exchange_free(&produce->exchange);
	mem_free(produce->batches);
	mem_free(produce);
}

void producer_drop_requests(struct producer *producer)
{
	LIST_EACH_SAFE(it, &producer->requests)
	{
		produce_free(LIST_ENTRY(it, struct produce, node));
	}
}

/* A whole request came to nothing: its batches are tried again. */
static void produce_failed(
	struct producer *producer, struct produce *produce, const struct weir_err *why)
{
	for (size_t i = 0; i < produce->count; i++) {
		struct pending *pending = produce->batches[i];
		pending->partition->under_way = false;
		if (err_info(why->code)->retriable) {
			batch_retry(producer, pending, why);
		} else {
			producer_fail_batch(producer, pending, why);
		}
	}
}

static void produce_end(struct producer *producer, struct produce *produce)
{
	struct produce_response response = {0};
	struct arena arena;
	struct weir_err why = {0};
	const struct exchange *x = produce->exchange;
	arena_init(&arena, x->frame.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	enum weir_code code = WEIR_OK;
	if (!x->no_answer || x->state == EXCHANGE_FAILED) {
		code = exchange_decode(x, &arena, &response, &why);
	}
	if (code) {
		produce_failed(producer, produce, &why);
	}
	for (size_t i = 0; !code && i < produce->count; i++) {
		struct pending *pending = produce->batches[i];
		int32_t index = pending->partition->index;
		const struct produce_response_partition_produce_response none = {
			.base_offset = -1,
			.log_append_time_ms = -1,
		};
		const struct produce_response_partition_produce_response *answer =
			x->no_answer ? &none : answer_of(&response, index);
		if (answer) {
			batch_answered(producer, pending, answer);
		} else {
			pending->partition->under_way = false;
			err_set(&why, WEIR_PROTOCOL,
				"topic \"%s\" partition %d: the answer leaves it out",
				producer->topic->name, (int)index);
			producer_fail_batch(producer, pending, &why);
		}
	}
	arena_fini(&arena);
	produce_free(produce);
}

/* Producer id and sequence go into the batch when it is first sent. */
static void batch_number(struct producer *producer, struct pending *pending)
{
	if (!producer->idempotent || pending->producer_id >= 0) {
		return;
	}
	pending->producer_id = producer->id;
	pending->producer_epoch = producer->epoch;
	pending->base_sequence = pending->partition->sequence;
	pending->partition->sequence =
		(int32_t)(((uint32_t)pending->base_sequence + (uint32_t)pending->count) &
			  INT32_MAX);
}

static void batch_stamp(const struct pending *pending)
{
	uint8_t *bytes = pending->bytes.data;
	if (pending->producer_id >= 0) {
		int16_t attributes = (int16_t)be16_get(bytes + POS_ATTRIBUTES);
		batch_set_origin(bytes, pending->bytes.len, attributes, pending->producer_id,
			pending->producer_epoch, pending->base_sequence);
	}
}

/* The first batches of all partitions that node leads and that may be sent now. */
static struct produce *produce_gather(struct producer *producer, int32_t node, int64_t now_ms)
{
	struct produce *produce = mem_new(sizeof(*produce));
	size_t room = 0, bytes = 0;
	list_init(&produce->node);
	produce->node_id = node;
	LIST_EACH(it, &producer->ready)
	{
		struct partition *partition = LIST_ENTRY(it, struct partition, ready);
		struct pending *first = LIST_ENTRY(partition->queue.next, struct pending, node);
		if (partition->under_way || partition->retry_ms > now_ms ||
			leader_of(producer, partition) != node) {
			continue;
		}
		bytes += first->bytes.len;
		if (produce->count && bytes > REQUEST_BYTES_MAX) {
			break;
		}
		if (produce->count == room) {
			room = room ? room * 2 : 8;
			produce->batches =
				mem_grow(produce->batches, room, sizeof(*produce->batches));
		}
		produce->batches[produce->count++] = first;
	}
	return produce;
}

static enum weir_code produce_start(
	struct producer *producer, struct produce *produce, struct weir_err *err)
{
	struct client *client = producer->client;
	struct connection *connection;
	struct produce_request request;
	struct produce_request_topic_produce_data topic = {
		.name = slice_str(producer->topic->name),
		.topic_id = producer->topic->id,
		.partition_data_count = (int32_t)produce->count,
	};
	enum weir_code code = WEIR_OK;
	if (producer->idempotent && producer->id_is_stale) {
		code = producer_take_id(producer, err);
	}
	if (!code) {
		code = client_reach(client, produce->node_id, LANE_CALL, &connection, err);
	}
	if (code) {
		return code;
	}
	topic.partition_data = mem_array(produce->count, sizeof(*topic.partition_data));
	for (size_t i = 0; i < produce->count; i++) {
		struct pending *pending = produce->batches[i];
		batch_number(producer, pending);
		batch_stamp(pending);
		topic.partition_data[i] = (struct produce_request_partition_produce_data){
			.index = pending->partition->index,
			.records = slice_of(pending->bytes.data, pending->bytes.len),
		};
	}
	wire_defaults(&produce_request_message, &request);
	request.acks = producer->conf.acks;
	request.timeout_ms = (int32_t)client->conf.timeout_ms;
	request.topic_data = &topic;
	request.topic_data_count = 1;
	code = client_start(client, connection, API_PRODUCE,
		uuid_is_zero(topic.topic_id) ? VERSION_TOPIC_NAMES : VERSION_ANY, &request,
		producer->conf.acks != 0, client_deadline(client) + ANSWER_GRACE_MS,
		&produce->exchange, err);
	mem_free(topic.partition_data);
	return code;
}

static bool node_is_busy(const struct producer *producer, int32_t node)
{
	LIST_EACH(it, &producer->requests)
	{
		if (LIST_ENTRY(it, struct produce, node)->node_id == node) {
			return true;
		}
	}
	return false;
}

static void send_to_leader(struct producer *producer, int32_t node, int64_t now_ms)
{
	struct produce *produce = produce_gather(producer, node, now_ms);
	struct weir_err why;
	if (produce_start(producer, produce, &why)) {
		produce_failed(producer, produce, &why);
		produce_free(produce);
		return;
	}
	for (size_t i = 0; i < produce->count; i++) {
		produce->batches[i]->partition->under_way = true;
	}
	list_append(&producer->requests, &produce->node);
}

/* Asks for the topic again after failures; what fails here shows when batches are late. */
static void refresh(struct producer *producer)
{
	struct topic *topic;
	int64_t deadline_ms = clock_mono_ms() + producer->client->conf.connect_timeout_ms;
	producer->refresh = false;
	if (!metadata_topic(
		    producer->client, producer->topic->name, true, deadline_ms, &topic, NULL)) {
		producer_follow_topic(producer);
	}
}

static void send_ready(struct producer *producer)
{
	int64_t now_ms = clock_mono_ms();
	bool again = true;
	while (again) {
		again = false;
		LIST_EACH(it, &producer->ready)
		{
			struct partition *partition = LIST_ENTRY(it, struct partition, ready);
			int32_t node = leader_of(producer, partition);
			if (partition->under_way || partition->retry_ms > now_ms) {
				continue;
			}
			if (node < 0) {
				struct weir_err why;
				err_set(&why, WEIR_LEADER_NOT_AVAILABLE,
					"topic \"%s\" partition %d has no leader",
					producer->topic->name, (int)partition->index);
				batch_retry(producer,
					LIST_ENTRY(partition->queue.next, struct pending, node),
					&why);
			} else if (!node_is_busy(producer, node)) {
				/* Failures change the list: begin anew. */
				send_to_leader(producer, node, now_ms);
				again = true;
				break;
			}
		}
	}
}

static bool take_finished(struct producer *producer)
{
	bool any = false;
	LIST_EACH_SAFE(it, &producer->requests)
	{
		struct produce *produce = LIST_ENTRY(it, struct produce, node);
		if (produce->exchange->state != EXCHANGE_WAITING) {
			produce_end(producer, produce);
			any = true;
		}
	}
	return any;
}

void producer_progress(struct producer *producer)
{
	int64_t now_ms = clock_mono_ms();
	take_finished(producer);
	LIST_EACH_SAFE(it, &producer->ready)
	{
		struct partition *partition = LIST_ENTRY(it, struct partition, ready);
		if (!partition->under_way) {
			fail_late(producer, partition, now_ms);
		}
	}
	do {
		if (producer->refresh) {
			refresh(producer);
		}
		send_ready(producer);
		/* Without acks a request is over as soon as it has left. */
	} while (take_finished(producer));
}

/* When the next thing is due that no answer brings about; late batches are looked for now and then.
 */
static int64_t next_due_ms(const struct producer *producer)
{
	int64_t due_ms = clock_mono_ms() + LOOK_MS;
	if (!list_empty(&producer->open)) {
		const struct partition *oldest =
			LIST_ENTRY(producer->open.next, struct partition, open);
		int64_t linger_ms = oldest->building->created_ms + producer->conf.linger_ms;
		due_ms = linger_ms < due_ms ? linger_ms : due_ms;
	}
	LIST_EACH(it, &producer->ready)
	{
		const struct partition *partition = LIST_ENTRY(it, struct partition, ready);
		if (!partition->under_way && partition->retry_ms && partition->retry_ms < due_ms) {
			due_ms = partition->retry_ms;
		}
	}
	return due_ms;
}

void producer_step(struct producer *producer, bool wait)
{
	int64_t now_ms = clock_mono_ms();
	producer->looked_ms = now_ms;
	LIST_EACH_SAFE(it, &producer->open)
	{
		struct partition *partition = LIST_ENTRY(it, struct partition, open);
		struct weir_err why;
		if (now_ms - partition->building->created_ms < producer->conf.linger_ms) {
			break;
		}
		if (producer_close_batch(producer, partition, &why)) {
			continue; /* its records have failed, which is kept */
		}
	}
	producer_progress(producer);
	if (!list_empty(&producer->requests) || wait) {
		client_pump(producer->client, wait ? next_due_ms(producer) : 0);
		producer_progress(producer);
	}
}

void producer_tick(struct producer *producer)
{
	if (clock_mono_ms() != producer->looked_ms) {
		producer_step(producer, false);
	}
}
