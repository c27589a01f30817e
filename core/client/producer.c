/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records gather in one open batch a partition. A batch closes when the next record does not fit or
 * its linger is over, and joins its partition's queue. A request to a node takes the first batch of
 * each of that node's partitions; while it is under way the next batches are built. One batch a
 * partition is under way at a time, so order holds over retries, and a batch stays first in its
 * queue until it is delivered or has failed.
 *
 * Idempotence: each batch gets the producer id and its partition's next sequence number when it is
 * first sent, and keeps them over retries. A batch that fails may still have been written, so a new
 * producer id is taken for all that comes after it.
 */
#include "core/client/producer_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/wire/messages.h"

const struct producer_conf producer_conf_default = {
	.acks = -1,
	.codec = CODEC_NONE,
	.level = CODEC_LEVEL_DEFAULT,
	.linger_ms = 5,
	.batch_bytes = 1000000,
	.buffer_bytes = 32 * 1024 * 1024,
	.delivery_timeout_ms = 120000,
	.idempotent = true,
};

enum {
	RECORD_BYTES_MAX = LIMIT_FRAME_DEFAULT - 64 * 1024, /* no broker takes more in a request */
	RECORD_OVERHEAD_BYTES = 48,			    /* at most, without headers */
	HEADER_OVERHEAD_BYTES = 10,
};

struct pending *pending_new(struct partition *partition)
{
	struct pending *pending = mem_new(sizeof(*pending));
	pending->partition = partition;
	pending->base_sequence = -1;
	pending->producer_id = -1;
	buf_init(&pending->bytes, 0);
	list_init(&pending->node);
	return pending;
}

void pending_free(struct pending *pending)
{
	list_remove(&pending->node);
	buf_fini(&pending->bytes);
	mem_free(pending->tags);
	mem_free(pending);
}

static void partition_init(struct producer *producer, int32_t index, struct partition *partition)
{
	*partition = (struct partition){.index = index};
	batch_builder_init(&partition->builder, producer->conf.codec, producer->conf.level);
	list_init(&partition->queue);
	list_init(&partition->open);
	list_init(&partition->ready);
}

/* Follows the topic's partition count, which may have grown; pointers to partitions stay. */
void producer_follow_topic(struct producer *producer)
{
	int32_t count = producer->topic->partition_count;
	if (count <= producer->partition_count) {
		return;
	}
	producer->partitions =
		mem_grow(producer->partitions, (size_t)count, sizeof(*producer->partitions));
	for (int32_t i = producer->partition_count; i < count; i++) {
		producer->partitions[i] = mem_new(sizeof(struct partition));
		partition_init(producer, i, producer->partitions[i]);
	}
	producer->partition_count = count;
}

enum weir_code producer_take_id(struct producer *producer, struct weir_err *err)
{
	struct init_producer_id_request request;
	int64_t deadline_ms = client_deadline(producer->client);
	wire_defaults(&init_producer_id_request_message, &request);
	request.transactional_id = (struct slice){0};
	request.transaction_timeout_ms = INT32_MAX;
	for (int attempt = 0;; attempt++) {
		struct init_producer_id_response answer = {0};
		struct arena arena;
		arena_init(&arena, LIMIT_ARENA_BASE);
		enum weir_code code = call_until(producer->client, CLIENT_ANY, API_INIT_PRODUCER_ID,
			VERSION_ANY, &request, deadline_ms, &arena, &answer, NULL, err);
		arena_fini(&arena);
		if (!code && !answer.error_code) {
			producer->id = answer.producer_id;
			producer->epoch = answer.producer_epoch;
			break;
		}
		if (!code) {
			code = wire_error(
				answer.error_code, "InitProducerId", (struct slice){0}, err);
		}
		if (!err_info(code)->retriable || clock_mono_ms() >= deadline_ms) {
			return code;
		}
		retry_pause(producer->client, attempt, deadline_ms);
	}
	producer->id_is_stale = false;
	for (int32_t i = 0; i < producer->partition_count; i++) {
		producer->partitions[i]->sequence = 0;
	}
	return WEIR_OK;
}

enum weir_code producer_open(struct client *client, const char *topic,
	const struct producer_conf *conf, struct producer **producer, struct weir_err *err)
{
	if (conf->acks < -1 || conf->acks > 1) {
		return err_set(
			err, WEIR_INVALID_REQUIRED_ACKS, "acks is %d, not -1, 0 or 1", conf->acks);
	}
	struct topic *found;
	enum weir_code code =
		metadata_topic(client, topic, false, client_deadline(client), &found, err);
	if (code) {
		return code;
	}
	if (!found->partition_count) {
		return err_set(err, WEIR_PROTOCOL, "topic \"%s\" has no partition", topic);
	}
	struct producer *p = mem_new(sizeof(*p));
	p->client = client;
	p->topic = found;
	p->conf = *conf;
	p->id = -1;
	p->epoch = -1;
	p->sticky = -1;
	list_init(&p->open);
	list_init(&p->ready);
	list_init(&p->requests);
	producer_follow_topic(p);
	p->idempotent = conf->idempotent && conf->acks == -1 &&
			client_has_api(client, API_INIT_PRODUCER_ID, 0);
	if (p->idempotent) {
		code = producer_take_id(p, err);
	}
	if (code) {
		producer_close(&p);
		return code;
	}
	*producer = p;
	return WEIR_OK;
}

void producer_close(struct producer **producer)
{
	struct producer *p = *producer;
	*producer = NULL;
	if (!p) {
		return;
	}
	producer_drop_requests(p);
	for (int32_t i = 0; i < p->partition_count; i++) {
		struct partition *partition = p->partitions[i];
		LIST_EACH_SAFE(it, &partition->queue)
		{
			pending_free(LIST_ENTRY(it, struct pending, node));
		}
		if (partition->building) {
			pending_free(partition->building);
		}
		batch_builder_fini(&partition->builder);
		mem_free(partition);
	}
	mem_free(p->partitions);
	mem_free(p);
}

/* A partition with a leader, at random; any when none has one. */
static int32_t sticky_pick(struct producer *producer)
{
	int32_t count = producer->partition_count;
	int32_t start = (int32_t)random_below((uint64_t)count);
	for (int32_t i = 0; i < count; i++) {
		int32_t at = (start + i) % count;
		if (producer->topic->partitions[at].leader >= 0 &&
			(at != producer->sticky || count == 1)) {
			return at;
		}
	}
	return start;
}

enum weir_code producer_close_batch(
	struct producer *producer, struct partition *partition, struct weir_err *err)
{
	struct pending *pending = partition->building;
	size_t size = batch_builder_size(&partition->builder);
	pending->count = partition->builder.count;
	enum weir_code code =
		batch_builder_finish(&partition->builder, -1, -1, -1, 0, &pending->bytes, err);
	partition->building = NULL;
	list_remove(&partition->open);
	batch_builder_start(&partition->builder);
	if (producer->sticky == partition->index) {
		producer->sticky = -1;
	}
	/* From here on the packed bytes are what is kept. */
	producer->buffered = producer->buffered - size + pending->bytes.len;
	if (code) {
		producer->buffered -= pending->bytes.len;
		struct weir_err why = {.code = code};
		if (err) {
			why = *err;
		}
		producer_fail_batch(producer, pending, &why);
		return code;
	}
	list_append(&partition->queue, &pending->node);
	if (list_empty(&partition->ready)) {
		list_append(&producer->ready, &partition->ready);
	}
	return WEIR_OK;
}

static size_t record_size(const struct produce_record *record)
{
	size_t size = RECORD_OVERHEAD_BYTES + record->key.len + record->value.len;
	for (size_t i = 0; i < record->header_count; i++) {
		size += HEADER_OVERHEAD_BYTES + record->headers[i].key.len +
			record->headers[i].value.len;
	}
	return size;
}

static void building_tag(struct producer *producer, struct pending *pending, int32_t count,
	int64_t timestamp, void *tag)
{
	if (!producer->conf.delivered) {
		return;
	}
	if ((size_t)count == pending->tag_room) {
		pending->tag_room = pending->tag_room ? pending->tag_room * 2 : 64;
		pending->tags = mem_grow(pending->tags, pending->tag_room, sizeof(*pending->tags));
	}
	pending->tags[count] = (struct pending_tag){.tag = tag, .timestamp = timestamp};
}

/* Adds one record to the partition's open batch, which has room for it. */
enum weir_code producer_add(struct producer *producer, struct partition *partition,
	const struct produce_record *record, int64_t timestamp, struct weir_err *err)
{
	if (!partition->building) {
		partition->building = pending_new(partition);
		partition->building->created_ms = clock_mono_ms();
		batch_builder_start(&partition->builder);
		list_append(&producer->open, &partition->open);
	}
	size_t before = partition->builder.count ? batch_builder_size(&partition->builder) : 0;
	int32_t at = partition->builder.count;
	enum weir_code code = batch_builder_add(&partition->builder, timestamp, record->key,
		record->value, record->headers, record->header_count, err);
	if (code && !at) {
		list_remove(&partition->open);
		pending_free(partition->building);
		partition->building = NULL;
	}
	if (code) {
		return code;
	}
	building_tag(producer, partition->building, at, timestamp, record->tag);
	producer->buffered += batch_builder_size(&partition->builder) - before;
	return WEIR_OK;
}

static enum weir_code bad_partition(
	const struct producer *producer, int32_t partition, struct weir_err *err)
{
	return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
		"topic \"%s\" has partitions 0 to %d, no %d", producer->topic->name,
		(int)producer->partition_count - 1, (int)partition);
}

static enum weir_code choose_partition(struct producer *producer,
	const struct produce_record *record, int32_t *partition, struct weir_err *err)
{
	if (record->partition >= 0) {
		if (record->partition >= producer->partition_count) {
			return bad_partition(producer, record->partition, err);
		}
		*partition = record->partition;
	} else if (record->key.data) {
		*partition = producer_partition_of(record->key, producer->partition_count);
	} else {
		if (producer->sticky < 0) {
			producer->sticky = sticky_pick(producer);
		}
		*partition = producer->sticky;
	}
	return WEIR_OK;
}

static void close_all(struct producer *producer)
{
	LIST_EACH_SAFE(it, &producer->open)
	{
		struct partition *partition = LIST_ENTRY(it, struct partition, open);
		struct weir_err why;
		if (producer_close_batch(producer, partition, &why)) {
			continue; /* its records have failed, which is kept */
		}
	}
}

/* Waits until size more bytes fit into what may be buffered. */
static void make_room(struct producer *producer, size_t size)
{
	while (producer->buffered && producer->buffered + size > producer->conf.buffer_bytes) {
		if (list_empty(&producer->ready)) {
			close_all(producer);
		}
		producer_step(producer, true);
	}
}

enum weir_code producer_send(
	struct producer *producer, const struct produce_record *record, struct weir_err *err)
{
	int32_t index = 0;
	size_t size = record_size(record);
	if (producer->failed.code && !producer->conf.delivered) {
		return producer_failure(producer, err);
	}
	if (size > RECORD_BYTES_MAX) {
		return err_set(err, WEIR_TOO_LARGE, "record of %zu bytes; at most %d can be sent",
			size, (int)RECORD_BYTES_MAX);
	}
	enum weir_code code;
	struct partition *partition;
	for (;;) {
		code = choose_partition(producer, record, &index, err);
		if (code) {
			return code;
		}
		partition = producer->partitions[index];
		if (!partition->building || batch_builder_size(&partition->builder) + size <=
						    producer->conf.batch_bytes) {
			break;
		}
		code = producer_close_batch(producer, partition, err);
		if (code) {
			return code;
		}
		producer_progress(producer);
	}
	make_room(producer, size);
	int64_t timestamp = record->timestamp < 0 ? clock_wall_ms() : record->timestamp;
	code = producer_add(producer, partition, record, timestamp, err);
	if (!code) {
		producer_tick(producer);
	}
	return code;
}

static void queue_batch(
	struct producer *producer, struct partition *partition, struct slice batch, int32_t count)
{
	struct pending *pending = pending_new(partition);
	buf_add(&pending->bytes, batch.data, batch.len);
	pending->created_ms = clock_mono_ms();
	pending->count = count;
	if (producer->conf.delivered) {
		pending->tags = mem_array((size_t)count, sizeof(*pending->tags));
		for (int32_t i = 0; i < count; i++) {
			pending->tags[i].timestamp = -1;
		}
	}
	producer->buffered += batch.len;
	list_append(&partition->queue, &pending->node);
	if (list_empty(&partition->ready)) {
		list_append(&producer->ready, &partition->ready);
	}
}

enum weir_code producer_send_batch(struct producer *producer, int32_t partition, struct slice batch,
	int32_t count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (producer->failed.code && !producer->conf.delivered) {
		return producer_failure(producer, err);
	}
	if (partition < 0 || partition >= producer->partition_count) {
		return bad_partition(producer, partition, err);
	}
	if (batch.len > RECORD_BYTES_MAX) {
		return err_set(err, WEIR_TOO_LARGE, "batch of %zu bytes; at most %d can be sent",
			batch.len, (int)RECORD_BYTES_MAX);
	}
	struct partition *to = producer->partitions[partition];
	if (to->building) {
		code = producer_close_batch(producer, to, err);
	}
	if (code == WEIR_OK) {
		make_room(producer, batch.len);
		queue_batch(producer, to, batch, count);
		producer_progress(producer);
	}
	return code;
}

int32_t producer_partition_count(const struct producer *producer)
{
	return producer->partition_count;
}

enum weir_code producer_poll(struct producer *producer, struct weir_err *err)
{
	producer_step(producer, false);
	return producer->failed.code && !producer->conf.delivered ? producer_failure(producer, err)
								  : WEIR_OK;
}

enum weir_code producer_flush(struct producer *producer, struct weir_err *err)
{
	close_all(producer);
	producer_progress(producer);
	while (!list_empty(&producer->ready) || !list_empty(&producer->requests)) {
		producer_step(producer, true);
	}
	return producer->failed.code ? producer_failure(producer, err) : WEIR_OK;
}
