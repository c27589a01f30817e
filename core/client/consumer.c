/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hands out what fetch.c brings: chunks in order of arrival, their batches in order, the records of
 * a batch in order. Positions count offsets, not records: control batches, aborted transactions and
 * gaps move them too, so that an end offset is reached whatever stands before it. What an error
 * names is passed over by the next call.
 */
#include "core/client/consumer_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

const struct consumer_conf consumer_conf_default = {
	.fetch_max_bytes = 52428800,
	.partition_max_bytes = 1048576,
	.wait_max_ms = 500,
};

enum weir_code consumer_open(struct client *client, const struct consumer_conf *conf,
	struct consumer **consumer, struct weir_err *err)
{
	if (conf->fetch_max_bytes < 1 || conf->partition_max_bytes < 1 || conf->wait_max_ms < 0 ||
		conf->wait_max_ms > INT32_MAX) {
		return err_set(err, WEIR_USAGE, "fetch sizes and waits must be positive");
	}
	struct consumer *c = mem_new(sizeof(*c));
	c->client = client;
	c->conf = *conf;
	map_init(&c->by_name);
	list_init(&c->fetches);
	list_init(&c->chunks);
	buf_init(&c->spare, 0);
	record_reader_init(&c->reader, LIMIT_DECOMPRESSED_DEFAULT);
	*consumer = c;
	return WEIR_OK;
}

void consumer_close(struct consumer **consumer)
{
	struct consumer *c = *consumer;
	*consumer = NULL;
	if (!c) {
		return;
	}
	fetch_stop(c);
	LIST_EACH_SAFE(it, &c->chunks)
	{
		chunk_free(c, LIST_ENTRY(it, struct chunk, node));
	}
	for (size_t i = 0; i < c->count; i++) {
		mem_free(c->assigned[i]);
	}
	mem_free(c->assigned);
	map_fini(&c->by_name);
	buf_fini(&c->spare);
	record_reader_fini(&c->reader);
	mem_free(c);
}

/* Key of by_name: the partition's four bytes, then the topic's name. */
static struct assigned *find_assigned(
	struct consumer *consumer, const char *topic, int32_t partition, struct assigned *put)
{
	uint8_t key[4 + LIMIT_TOPIC_NAME_LEN];
	size_t len = strlen(topic);
	if (len > LIMIT_TOPIC_NAME_LEN) {
		return NULL;
	}
	be32_put(key, (uint32_t)partition);
	memcpy(key + 4, topic, len);
	if (put) {
		(void)map_put(&consumer->by_name, slice_of(key, 4 + len), put);
		return put;
	}
	return map_get(&consumer->by_name, slice_of(key, 4 + len));
}

/* Forgets all that is under way or waits for it. */
static void assigned_restart(struct consumer *consumer, struct assigned *assigned)
{
	assigned->generation++;
	assigned->chunk_count = 0;
	assigned->under_way = false;
	if (consumer->current == assigned) {
		consumer->in_batch = false;
	}
}

enum weir_code consumer_assign(struct consumer *consumer, const char *topic, int32_t partition,
	int64_t offset, int64_t end_offset, struct weir_err *err)
{
	struct topic *found;
	if (offset < 0) {
		return err_set(err, WEIR_USAGE, "topic \"%s\" partition %d: no offset %lld", topic,
			(int)partition, (long long)offset);
	}
	enum weir_code code = metadata_topic(
		consumer->client, topic, false, client_deadline(consumer->client), &found, err);
	if (code) {
		return code;
	}
	if (partition < 0 || partition >= found->partition_count) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
			"topic \"%s\" has partitions 0 to %d, no %d", topic,
			(int)found->partition_count - 1, (int)partition);
	}
	struct assigned *assigned = find_assigned(consumer, topic, partition, NULL);
	if (assigned) {
		assigned_restart(consumer, assigned);
	} else {
		assigned = mem_new(sizeof(*assigned));
		consumer->assigned = mem_grow(
			consumer->assigned, consumer->count + 1, sizeof(*consumer->assigned));
		consumer->assigned[consumer->count++] = assigned;
		(void)find_assigned(consumer, topic, partition, assigned);
	}
	assigned->topic = found;
	assigned->topic_id = found->id;
	assigned->partition = partition;
	assigned->position = assigned->fetch_offset = offset;
	assigned->end_offset = end_offset;
	assigned->max_bytes = consumer->conf.partition_max_bytes;
	assigned->finished = assigned->damaged = assigned->paused = false;
	assigned->retry_ms = assigned->failing_ms = 0;
	assigned->attempts = 0;
	return WEIR_OK;
}

void consumer_finish(struct consumer *consumer, const char *topic, int32_t partition)
{
	struct assigned *assigned = find_assigned(consumer, topic, partition, NULL);
	if (assigned) {
		assigned->finished = true;
	}
}

void consumer_pause(struct consumer *consumer, const char *topic, int32_t partition, bool paused)
{
	struct assigned *assigned = find_assigned(consumer, topic, partition, NULL);
	if (assigned) {
		assigned->paused = paused;
	}
}

int64_t consumer_position(struct consumer *consumer, const char *topic, int32_t partition)
{
	const struct assigned *assigned = find_assigned(consumer, topic, partition, NULL);
	return assigned ? assigned->position : -1;
}

static enum weir_code wrap(
	const struct chunk *chunk, int64_t offset, struct weir_err *err, enum weir_code code)
{
	if (!err) {
		return code;
	}
	return err_wrap(err, "topic \"%s\" partition %d offset %lld", chunk->assigned->topic->name,
		(int)chunk->assigned->partition, (long long)offset);
}

static void pass_batch(struct assigned *assigned, const struct batch *batch)
{
	int64_t next = batch_last_offset(batch) + 1;
	if (next > assigned->position) {
		assigned->position = next;
	}
}

/* Takes the next whole batch off the chunk; *got false when there is none. */
static enum weir_code chunk_take_batch(
	struct chunk *chunk, struct batch *batch, bool *got, struct weir_err *err)
{
	size_t size = 0;
	struct slice *rest = &chunk->rest;
	*got = false;
	if (rest->len < BATCH_PEEK_BYTES) {
		return WEIR_OK;
	}
	enum weir_code code = batch_peek(*rest, &size, err);
	if (!code && size > rest->len) {
		return WEIR_OK; /* cut at the end of the answer: it comes with the next */
	}
	if (!code) {
		code = batch_parse(slice_of(rest->data, size), batch, err);
	}
	if (code) {
		*rest = (struct slice){0};
		return wrap(chunk, chunk->assigned->position, err, code);
	}
	*rest = slice_of(rest->data + size, rest->len - size);
	*got = true;
	return WEIR_OK;
}

/* The next batch of the chunk that is to be handed out, in consumer->batch. */
static enum weir_code chunk_next(
	struct consumer *consumer, struct chunk *chunk, bool *got, struct weir_err *err)
{
	struct assigned *assigned = chunk->assigned;
	struct batch *batch = &consumer->batch;
	for (;;) {
		bool skip = false;
		*got = false;
		if (assigned_is_over(assigned) || chunk->generation != assigned->generation) {
			return WEIR_OK;
		}
		enum weir_code code = chunk_take_batch(chunk, batch, got, err);
		if (code || !*got) {
			return code;
		}
		code = batch_check_crc(batch, err);
		if (!code) {
			code = aborted_walk(&chunk->aborted, batch, &consumer->reader, &skip, err);
		}
		if (code) {
			pass_batch(assigned, batch);
			return wrap(chunk, batch->base_offset, err, code);
		}
		bool control = batch->attributes & BATCH_CONTROL;
		if (batch_last_offset(batch) < assigned->position) {
			continue;
		}
		if (assigned->end_offset >= 0 && batch->base_offset >= assigned->end_offset) {
			assigned->position = assigned->end_offset;
			continue;
		}
		if (!skip && !(control && !consumer->conf.control)) {
			consumer->current = assigned;
			return WEIR_OK;
		}
		pass_batch(assigned, batch);
	}
}

static bool all_are_over(const struct consumer *consumer)
{
	for (size_t i = 0; i < consumer->count; i++) {
		if (!assigned_is_over(consumer->assigned[i])) {
			return false;
		}
	}
	return true;
}

/* The first one that may be handed out; NULL: none. */
static struct chunk *first_chunk(const struct consumer *consumer)
{
	LIST_EACH(it, &consumer->chunks)
	{
		struct chunk *chunk = LIST_ENTRY(it, struct chunk, node);
		if (!chunk->assigned->paused || assigned_is_over(chunk->assigned)) {
			return chunk;
		}
	}
	return NULL;
}

/* A batch out of what is here already; *got false when nothing is. */
static enum weir_code next_here(struct consumer *consumer, bool *got, struct weir_err *err)
{
	*got = false;
	for (struct chunk *chunk; (chunk = first_chunk(consumer));) {
		enum weir_code code = chunk_next(consumer, chunk, got, err);
		if (code || *got) {
			return code;
		}
		chunk_free(consumer, chunk);
	}
	return WEIR_OK;
}

/* Next batch in consumer->batch, or another event. */
static enum weir_code next_batch(struct consumer *consumer, int64_t wait_ms,
	enum consumer_event *event, struct weir_err *err)
{
	int64_t until_ms = wait_ms > 0 ? clock_mono_ms() + wait_ms : 0;
	for (bool pumped = false;; pumped = true) {
		bool got;
		enum weir_code code = next_here(consumer, &got, err);
		if (code) {
			return code;
		}
		if (got) {
			*event = CONSUMER_RECORD;
			return WEIR_OK;
		}
		if (all_are_over(consumer)) {
			*event = CONSUMER_DONE;
			return WEIR_OK;
		}
		fetch_progress(consumer);
		if (first_chunk(consumer)) {
			continue;
		}
		if (consumer->failed.code) {
			struct weir_err failed = consumer->failed;
			consumer->failed = (struct weir_err){0};
			if (err) {
				*err = failed;
			}
			return failed.code;
		}
		if (all_are_over(consumer)) {
			continue;
		}
		if (pumped && clock_mono_ms() >= until_ms) {
			*event = CONSUMER_IDLE;
			return WEIR_OK;
		}
		int64_t due_ms = fetch_due_ms(consumer);
		client_pump(consumer->client, due_ms < until_ms ? due_ms : until_ms);
	}
}

static void consumed_set(const struct consumer *consumer, struct consumed *consumed)
{
	consumed->topic = consumer->current->topic->name;
	consumed->partition = consumer->current->partition;
	consumed->batch = &consumer->batch;
}

/* Next record of the open batch; *got false when the batch is over. */
static enum weir_code batch_next(
	struct consumer *consumer, struct consumed *consumed, bool *got, struct weir_err *err)
{
	struct assigned *assigned = consumer->current;
	struct record *record = &consumed->record;
	for (;;) {
		if (assigned_is_over(assigned)) {
			*got = consumer->in_batch = false;
			return WEIR_OK;
		}
		enum weir_code code = record_reader_next(&consumer->reader, record, got, err);
		if (code || !*got) {
			consumer->in_batch = false;
		}
		if (code) {
			pass_batch(assigned, &consumer->batch);
			return err ? err_wrap(err, "topic \"%s\" partition %d batch at offset %lld",
					     assigned->topic->name, (int)assigned->partition,
					     (long long)consumer->batch.base_offset)
				   : code;
		}
		if (!*got) {
			pass_batch(assigned, &consumer->batch);
			return WEIR_OK;
		}
		if (record->offset < assigned->position) {
			continue;
		}
		if (assigned->end_offset >= 0 && record->offset >= assigned->end_offset) {
			assigned->position = assigned->end_offset;
			continue;
		}
		assigned->position = record->offset + 1;
		consumed_set(consumer, consumed);
		return WEIR_OK;
	}
}

enum weir_code consumer_next(struct consumer *consumer, int64_t wait_ms, enum consumer_event *event,
	struct consumed *consumed, struct weir_err *err)
{
	for (;;) {
		enum weir_code code;
		bool got = false;
		if (consumer->in_batch) {
			code = batch_next(consumer, consumed, &got, err);
			if (code || got) {
				*event = CONSUMER_RECORD;
				return code;
			}
		}
		code = next_batch(consumer, wait_ms, event, err);
		if (code || *event != CONSUMER_RECORD) {
			return code;
		}
		code = record_reader_start(&consumer->reader, &consumer->batch, err);
		if (code) {
			pass_batch(consumer->current, &consumer->batch);
			return err ? err_wrap(err, "topic \"%s\" partition %d batch at offset %lld",
					     consumer->current->topic->name,
					     (int)consumer->current->partition,
					     (long long)consumer->batch.base_offset)
				   : code;
		}
		consumer->in_batch = true;
	}
}

enum weir_code consumer_next_batch(struct consumer *consumer, int64_t wait_ms,
	enum consumer_event *event, struct consumed *consumed, struct weir_err *err)
{
	enum weir_code code = next_batch(consumer, wait_ms, event, err);
	if (code || *event != CONSUMER_RECORD) {
		return code;
	}
	*consumed = (struct consumed){0};
	consumed_set(consumer, consumed);
	pass_batch(consumer->current, &consumer->batch);
	return WEIR_OK;
}
