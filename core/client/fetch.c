/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of a consumer: one a node at a time, without a fetch session, for all partitions
 * that want data. The next request leaves as soon as an answer is there, before its records are
 * handed out. Partitions take turns at being first, since only the first is sure to get a batch.
 */
#include "core/client/consumer_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

enum {
	CHUNKS_MAX = 2, /* of a partition, before it is asked for again */
	SPARE_BYTES_MAX = 16 * 1024 * 1024,
	PARTITION_BYTES_MAX = LIMIT_FRAME_DEFAULT / 2,
	ATTEMPTS_UNKNOWN_TOPIC = 6,
	VERSION_TOPIC_NAMES = 12, /* the last with names instead of ids */
};

static void fetched_unref(struct consumer *consumer, struct fetched *fetched)
{
	if (--fetched->chunk_count) {
		return;
	}
	struct buf *frame = &fetched->exchange->frame;
	if (frame->room > consumer->spare.room && frame->room <= SPARE_BYTES_MAX) {
		struct buf old = consumer->spare;
		consumer->spare = *frame;
		*frame = old;
	}
	exchange_free(&fetched->exchange);
	arena_fini(&fetched->arena);
	mem_free(fetched);
}

void chunk_free(struct consumer *consumer, struct chunk *chunk)
{
	if (chunk->generation == chunk->assigned->generation) {
		chunk->assigned->chunk_count--;
	}
	list_remove(&chunk->node);
	aborted_fini(&chunk->aborted);
	fetched_unref(consumer, chunk->fetched);
	mem_free(chunk);
}

static void fetch_free(struct fetch *fetch)
{
	list_remove(&fetch->node);
	exchange_free(&fetch->exchange);
	mem_free(fetch->parts);
	mem_free(fetch);
}

void fetch_stop(struct consumer *consumer)
{
	LIST_EACH_SAFE(it, &consumer->fetches)
	{
		struct fetch *fetch = LIST_ENTRY(it, struct fetch, node);
		client_drop_lane(consumer->client, fetch->node_id, LANE_FETCH);
		fetch_free(fetch);
	}
}

static void consumer_fail(struct consumer *consumer, const struct weir_err *why)
{
	if (!consumer->failed.code) {
		consumer->failed = *why;
	}
}

static int32_t leader_of(const struct assigned *assigned)
{
	return assigned->partition < assigned->topic->partition_count
		       ? assigned->topic->partitions[assigned->partition].leader
		       : -1;
}

/* Whether a failure that may pass has lasted too long, or will not pass. */
static bool is_hopeless(const struct consumer *consumer, const struct assigned *assigned,
	enum weir_code code, int64_t now_ms)
{
	int64_t lasted_ms = now_ms - assigned->failing_ms;
	if (code == WEIR_CONNECT && lasted_ms >= consumer->client->conf.connect_timeout_ms) {
		const struct node *node = client_node(consumer->client, leader_of(assigned));
		if (node && !node->reached) {
			return true;
		}
	}
	bool unknown = code == WEIR_UNKNOWN_TOPIC_OR_PARTITION || code == WEIR_UNKNOWN_TOPIC_ID;
	return lasted_ms >= consumer->client->conf.timeout_ms ||
	       (unknown && assigned->attempts >= ATTEMPTS_UNKNOWN_TOPIC);
}

/* Asks again after a pause, or gives up. */
static void part_failed(
	struct consumer *consumer, struct assigned *assigned, const struct weir_err *why)
{
	int64_t now_ms = clock_mono_ms();
	if (!assigned->failing_ms) {
		assigned->failing_ms = now_ms;
	}
	bool again = err_info(why->code)->retriable && why->code != WEIR_CORRUPT_MESSAGE;
	assigned->retry_ms = now_ms + retry_pause_ms(assigned->attempts);
	consumer->refresh |= again;
	if (!again || is_hopeless(consumer, assigned, why->code, now_ms)) {
		consumer_fail(consumer, why);
		assigned->failing_ms = 0;
		assigned->attempts = 0;
	} else {
		assigned->attempts++;
	}
}

/*
 * The broker cannot read what is at offset. That is told once; where the damage ends only the
 * broker knows, so the next offsets are tried in turn if the caller goes on.
 */
static bool pass_damage(struct assigned *assigned, int64_t offset, int16_t error)
{
	bool again = assigned->damaged;
	if (error != WEIR_CORRUPT_MESSAGE) {
		return false;
	}
	if (assigned->fetch_offset == offset) {
		assigned->fetch_offset = assigned->position = offset + 1;
	}
	assigned->damaged = true;
	return again;
}

static void part_error(
	struct consumer *consumer, struct assigned *assigned, int64_t offset, int16_t error)
{
	struct weir_err why;
	if (pass_damage(assigned, offset, error)) {
		return;
	}
	char *what = mem_printf("topic \"%s\" partition %d offset %lld", assigned->topic->name,
		(int)assigned->partition, (long long)offset);
	if (wire_error(error, what, (struct slice){0}, &why)) {
		part_failed(consumer, assigned, &why);
	}
	mem_free(what);
}

/* Offset after the last whole batch of records; -1 when not one is whole. */
static int64_t offset_after(struct slice records)
{
	int64_t next = -1;
	struct batch batch;
	size_t size;
	while (records.len >= BATCH_PEEK_BYTES && !batch_peek(records, &size, NULL) &&
		size <= records.len && !batch_parse(slice_of(records.data, size), &batch, NULL)) {
		int64_t last = batch_last_offset(&batch);
		next = (last > batch.base_offset ? last : batch.base_offset) + 1;
		records = slice_of(records.data + size, records.len - size);
	}
	return next;
}

static void chunk_add(struct consumer *consumer, struct assigned *assigned, struct fetched *fetched,
	const struct fetch_response_partition_data *data)
{
	struct chunk *chunk = mem_new(sizeof(*chunk));
	list_init(&chunk->node);
	chunk->assigned = assigned;
	chunk->generation = assigned->generation;
	chunk->fetched = fetched;
	chunk->rest = data->records;
	aborted_init(&chunk->aborted, data->aborted_transactions,
		consumer->conf.committed ? data->aborted_transactions_count : 0);
	fetched->chunk_count++;
	assigned->chunk_count++;
	list_append(&consumer->chunks, &chunk->node);
}

static void records_take(struct consumer *consumer, struct assigned *assigned,
	struct fetched *fetched, const struct fetch_response_partition_data *data)
{
	int64_t next = offset_after(data->records);
	if (next > assigned->fetch_offset) {
		assigned->fetch_offset = next;
		chunk_add(consumer, assigned, fetched, data);
	} else if (next < 0 && data->records.len < BATCH_PEEK_BYTES) {
		assigned->max_bytes = assigned->max_bytes < PARTITION_BYTES_MAX / 2
					      ? assigned->max_bytes * 2
					      : PARTITION_BYTES_MAX;
	} else if (next < 0) {
		size_t size = 0;
		struct weir_err why;
		if (batch_peek(data->records, &size, &why) || size <= data->records.len) {
			/* Not cut but broken: handed out, so that the walk over it says why. */
			chunk_add(consumer, assigned, fetched, data);
			assigned->retry_ms = clock_mono_ms() + retry_pause_ms(0);
		} else {
			assigned->max_bytes =
				size < PARTITION_BYTES_MAX ? (int32_t)size : PARTITION_BYTES_MAX;
		}
	} else {
		assigned->retry_ms = clock_mono_ms() + retry_pause_ms(0);
	}
}

static void part_take(struct consumer *consumer, const struct fetch_part *part,
	struct fetched *fetched, const struct fetch_response_partition_data *data)
{
	struct assigned *assigned = part->assigned;
	if (part->generation != assigned->generation || assigned->finished) {
		return;
	}
	if (data->error_code) {
		part_error(consumer, assigned, part->offset, data->error_code);
		return;
	}
	assigned->attempts = 0;
	assigned->failing_ms = assigned->retry_ms = 0;
	assigned->damaged = false;
	if (data->records.len) {
		records_take(consumer, assigned, fetched, data);
	}
}

/*
 * Nothing came from any partition though all before the end must be there: the offsets up to the
 * end hold no batch any more. Without this the end would never be reached.
 */
static void skip_gap(const struct consumer *consumer, const struct fetch_part *part,
	const struct fetch_response_partition_data *data)
{
	struct assigned *assigned = part->assigned;
	int64_t readable =
		consumer->conf.committed ? data->last_stable_offset : data->high_watermark;
	if (part->generation == assigned->generation && !data->error_code && !data->records.len &&
		!assigned->chunk_count && assigned->end_offset >= 0 &&
		assigned->fetch_offset == part->offset && readable >= assigned->end_offset) {
		assigned->position = assigned->fetch_offset = assigned->end_offset;
	}
}

static bool topic_is(const struct fetch_response_fetchable_topic_response *topic, bool by_id,
	const struct assigned *assigned)
{
	return by_id ? uuid_equal(topic->topic_id, assigned->topic_id)
		     : slice_equal(topic->topic, slice_str(assigned->topic->name));
}

/* Answers come in the order of the request as a rule: *at is where the last was found. */
static const struct fetch_part *find_part(const struct fetch *fetch, bool by_id,
	const struct fetch_response_fetchable_topic_response *topic, int32_t partition, size_t *at)
{
	for (size_t i = 0; i < fetch->count; i++) {
		const struct fetch_part *part = &fetch->parts[(*at + i) % fetch->count];
		if (part->assigned->partition == partition &&
			topic_is(topic, by_id, part->assigned)) {
			*at = (*at + i) % fetch->count;
			return part;
		}
	}
	return NULL;
}

static void answer_take(struct consumer *consumer, struct fetch *fetch, struct fetched *fetched)
{
	const struct fetch_response *response = &fetched->response;
	bool by_id = fetched->exchange->version > VERSION_TOPIC_NAMES;
	bool empty = true;
	for (int pass = 0; pass < 2; pass++) {
		size_t at = 0;
		for (int32_t t = 0; t < response->responses_count; t++) {
			const struct fetch_response_fetchable_topic_response *topic =
				&response->responses[t];
			for (int32_t i = 0; i < topic->partitions_count; i++) {
				const struct fetch_response_partition_data *data =
					&topic->partitions[i];
				const struct fetch_part *part =
					find_part(fetch, by_id, topic, data->partition_index, &at);
				if (part && pass == 0) {
					part_take(consumer, part, fetched, data);
				} else if (part && empty) {
					skip_gap(consumer, part, data);
				}
				empty &= pass > 0 || !data->records.len;
			}
		}
	}
}

static void fetch_failed(struct consumer *consumer, struct fetch *fetch, const struct weir_err *why)
{
	for (size_t i = 0; i < fetch->count; i++) {
		if (fetch->parts[i].generation == fetch->parts[i].assigned->generation) {
			part_failed(consumer, fetch->parts[i].assigned, why);
		}
	}
}

static void fetch_end(struct consumer *consumer, struct fetch *fetch)
{
	struct fetched *fetched = mem_new(sizeof(*fetched));
	struct weir_err why;
	fetched->exchange = fetch->exchange;
	fetched->chunk_count = 1; /* held here */
	fetch->exchange = NULL;
	for (size_t i = 0; i < fetch->count; i++) {
		if (fetch->parts[i].generation == fetch->parts[i].assigned->generation) {
			fetch->parts[i].assigned->under_way = false;
		}
	}
	arena_init(&fetched->arena,
		fetched->exchange->frame.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	enum weir_code code =
		exchange_decode(fetched->exchange, &fetched->arena, &fetched->response, &why);
	if (!code && fetched->response.error_code) {
		code = wire_error(fetched->response.error_code, "Fetch", (struct slice){0}, &why);
	}
	if (code) {
		fetch_failed(consumer, fetch, &why);
	} else {
		answer_take(consumer, fetch, fetched);
	}
	fetched_unref(consumer, fetched);
	fetch_free(fetch);
}

static bool wants_data(const struct assigned *assigned, int64_t now_ms)
{
	return !assigned_is_over(assigned) && !assigned->under_way &&
	       assigned->chunk_count < CHUNKS_MAX && assigned->retry_ms <= now_ms &&
	       (assigned->end_offset < 0 || assigned->fetch_offset < assigned->end_offset);
}

static struct fetch *fetch_gather(struct consumer *consumer, int32_t node, int64_t now_ms)
{
	struct fetch *fetch = mem_new(sizeof(*fetch));
	list_init(&fetch->node);
	fetch->node_id = node;
	fetch->parts = mem_array(consumer->count, sizeof(*fetch->parts));
	for (size_t i = 0; i < consumer->count; i++) {
		struct assigned *assigned =
			consumer->assigned[(consumer->turn + i) % consumer->count];
		if (wants_data(assigned, now_ms) && leader_of(assigned) == node) {
			fetch->parts[fetch->count++] = (struct fetch_part){
				.assigned = assigned,
				.generation = assigned->generation,
				.offset = assigned->fetch_offset,
			};
		}
	}
	consumer->turn++;
	return fetch;
}

/* Runs of one topic become a topic of the request each. Returns whether all topics have ids. */
static bool topics_build(const struct fetch *fetch, struct fetch_request *request,
	struct fetch_request_fetch_partition *partitions)
{
	bool ids = true;
	request->topics_count = 0;
	for (size_t i = 0; i < fetch->count; i++) {
		const struct assigned *assigned = fetch->parts[i].assigned;
		struct fetch_request_fetch_topic *topic =
			request->topics + request->topics_count - 1;
		if (!i || assigned->topic != fetch->parts[i - 1].assigned->topic) {
			topic++;
			request->topics_count++;
			*topic = (struct fetch_request_fetch_topic){
				.topic = slice_str(assigned->topic->name),
				.topic_id = assigned->topic_id,
				.partitions = &partitions[i],
			};
		}
		topic->partitions_count++;
		partitions[i] = (struct fetch_request_fetch_partition){
			.partition = assigned->partition,
			.current_leader_epoch = -1,
			.fetch_offset = fetch->parts[i].offset,
			.last_fetched_epoch = -1,
			.log_start_offset = -1,
			.partition_max_bytes = assigned->max_bytes,
			.high_watermark = INT64_MAX,
		};
		ids &= !uuid_is_zero(assigned->topic_id);
	}
	return ids;
}

static enum weir_code fetch_start(
	struct consumer *consumer, struct fetch *fetch, struct weir_err *err)
{
	struct client *client = consumer->client;
	struct connection *connection;
	struct fetch_request request;
	enum weir_code code = client_reach(client, fetch->node_id, LANE_FETCH, &connection, err);
	if (code) {
		return code;
	}
	struct fetch_request_fetch_partition *partitions =
		mem_array(fetch->count, sizeof(*partitions));
	wire_defaults(&fetch_request_message, &request);
	request.replica_id = -1;
	request.max_wait_ms = (int32_t)consumer->conf.wait_max_ms;
	request.min_bytes = 1;
	request.max_bytes = consumer->conf.fetch_max_bytes;
	request.isolation_level = consumer->conf.committed;
	request.topics = mem_array(fetch->count, sizeof(*request.topics));
	bool ids = topics_build(fetch, &request, partitions);
	code = client_start(client, connection, API_FETCH, ids ? VERSION_ANY : VERSION_TOPIC_NAMES,
		&request, true, client_deadline(client) + consumer->conf.wait_max_ms,
		&fetch->exchange, err);
	if (!code) {
		/* The connection reads the frame after this one into it. */
		fetch->exchange->frame = consumer->spare;
		buf_reset(&fetch->exchange->frame);
		buf_init(&consumer->spare, 0);
	}
	mem_free(request.topics);
	mem_free(partitions);
	return code;
}

static bool node_is_busy(const struct consumer *consumer, int32_t node)
{
	LIST_EACH(it, &consumer->fetches)
	{
		if (LIST_ENTRY(it, struct fetch, node)->node_id == node) {
			return true;
		}
	}
	return false;
}

static void send_to(struct consumer *consumer, int32_t node, int64_t now_ms)
{
	struct fetch *fetch = fetch_gather(consumer, node, now_ms);
	struct weir_err why;
	if (fetch_start(consumer, fetch, &why)) {
		fetch_failed(consumer, fetch, &why);
		fetch_free(fetch);
		return;
	}
	for (size_t i = 0; i < fetch->count; i++) {
		fetch->parts[i].assigned->under_way = true;
	}
	list_append(&consumer->fetches, &fetch->node);
}

/* New metadata for the topics that failed; a topic made anew is not the one that was asked for. */
static void refresh(struct consumer *consumer)
{
	struct topic *last = NULL, *found;
	int64_t deadline_ms = clock_mono_ms() + consumer->client->conf.connect_timeout_ms;
	consumer->refresh = false;
	for (size_t i = 0; i < consumer->count; i++) {
		struct assigned *assigned = consumer->assigned[i];
		if (!assigned->failing_ms) {
			continue;
		}
		if (assigned->topic != last &&
			metadata_topic(consumer->client, assigned->topic->name, true, deadline_ms,
				&found, NULL)) {
			continue; /* the next try fails for it and says so */
		}
		last = assigned->topic;
		if (!uuid_is_zero(assigned->topic_id) &&
			!uuid_equal(assigned->topic_id, assigned->topic->id)) {
			struct weir_err why;
			err_set(&why, WEIR_INCONSISTENT_TOPIC_ID,
				"topic \"%s\" was deleted and created again",
				assigned->topic->name);
			consumer_fail(consumer, &why);
			assigned->failing_ms = 0;
			assigned->finished = true;
		}
	}
}

static void send_due(struct consumer *consumer)
{
	int64_t now_ms = clock_mono_ms();
	for (size_t i = 0; i < consumer->count; i++) {
		struct assigned *assigned = consumer->assigned[i];
		if (!wants_data(assigned, now_ms)) {
			continue;
		}
		int32_t node = leader_of(assigned);
		if (node < 0) {
			struct weir_err why;
			err_set(&why, WEIR_LEADER_NOT_AVAILABLE,
				"topic \"%s\" partition %d has no leader", assigned->topic->name,
				(int)assigned->partition);
			part_failed(consumer, assigned, &why);
		} else if (!node_is_busy(consumer, node)) {
			send_to(consumer, node, now_ms);
		}
	}
}

void fetch_progress(struct consumer *consumer)
{
	LIST_EACH_SAFE(it, &consumer->fetches)
	{
		struct fetch *fetch = LIST_ENTRY(it, struct fetch, node);
		if (fetch->exchange->state != EXCHANGE_WAITING) {
			fetch_end(consumer, fetch);
		}
	}
	if (consumer->refresh) {
		refresh(consumer);
	}
	if (!consumer->failed.code) {
		send_due(consumer);
	}
}

int64_t fetch_due_ms(const struct consumer *consumer)
{
	int64_t now_ms = clock_mono_ms(), due_ms = INT64_MAX;
	for (size_t i = 0; i < consumer->count; i++) {
		const struct assigned *assigned = consumer->assigned[i];
		if (!assigned_is_over(assigned) && !assigned->under_way &&
			assigned->retry_ms > now_ms && assigned->retry_ms < due_ms) {
			due_ms = assigned->retry_ms;
		}
	}
	return due_ms;
}
