/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/load.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/record/record.h"
#include "tests/fault/peer.h"

#include <time.h>

enum { VALUE_MAX = 400, FETCH_WAIT_MS = 20, UNPACK_MAX = 1 << 24 };

static int64_t stamp(const struct load *load)
{
	return load->clock ? atomic_load(load->clock) : 0;
}

static void pause_us(int us)
{
	if (us > 0) {
		nanosleep(&(struct timespec){.tv_nsec = us * 1000L}, NULL);
	}
}

/* --- producing --- */

static void build_batch(struct load_producer *p, struct load_batch *batch, int partition)
{
	struct model_lane *lane = model_lane(p->load->model, p->number, partition);
	struct batch_builder builder;
	uint8_t value[VALUE_MAX];
	batch->partition = partition;
	batch->count = 1 + (int)random_below((uint64_t)p->load->batch_records_max);
	batch->first_seq = atomic_load(&lane->sent) + 1;
	batch_builder_init(&builder, (enum codec)random_below(5), CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < batch->count; i++) {
		uint64_t id = model_id(p->number, partition, batch->first_seq + i);
		size_t len = MODEL_VALUE_MIN + random_below(VALUE_MAX - MODEL_VALUE_MIN);
		model_fill(id, value, len);
		(void)!batch_builder_add(&builder, clock_wall_ms(),
			slice_of(&id, i % 3 ? sizeof(id) : 0), slice_of(value, len), NULL, 0, NULL);
	}
	buf_reset(&batch->bytes);
	(void)!batch_builder_finish(&builder, p->producer_id, p->producer_epoch,
		p->producer_id < 0 ? -1 : batch->first_seq - 1, 0, &batch->bytes, NULL);
	batch_builder_fini(&builder);
	atomic_fetch_add(&lane->sent, batch->count);
}

/* Up to LOAD_BATCHES_MAX partitions in one request, each once. */
static void build_request(struct load_producer *p, struct load_request *request)
{
	int partitions = p->load->model->partitions;
	int wanted = 1 + (int)random_below(LOAD_BATCHES_MAX);
	int at = (int)random_below((uint64_t)partitions);
	request->batch_count = wanted < partitions ? wanted : partitions;
	for (int i = 0; i < request->batch_count; i++) {
		build_batch(p, &request->batches[i], (at + i) % partitions);
	}
}

static bool send_request(struct load_producer *p, struct peer *peer, struct load_request *request)
{
	struct produce_request body;
	struct produce_request_partition_produce_data parts[LOAD_BATCHES_MAX];
	struct produce_request_topic_produce_data topic = {.name = slice_str(p->load->topic),
		.partition_data = parts,
		.partition_data_count = request->batch_count};
	for (int i = 0; i < request->batch_count; i++) {
		const struct load_batch *batch = &request->batches[i];
		parts[i] =
			(struct produce_request_partition_produce_data){.index = batch->partition,
				.records = slice_of(batch->bytes.data, batch->bytes.len)};
	}
	wire_defaults(&produce_request_message, &body);
	body.acks = p->acks;
	body.timeout_ms = PEER_WAIT_MS;
	body.topic_data = &topic;
	body.topic_data_count = 1;
	bool sent = peer_send(peer, PEER_PRODUCE, 9, &body);
	request->correlation = peer->correlation;
	return sent;
}

static void take_answer(struct load_producer *p, const struct load_batch *batch,
	const struct produce_response_partition_produce_response *answer)
{
	struct load *load = p->load;
	int64_t when = load->weak_is_weak && p->acks == 1 ? MODEL_NOW : stamp(load);
	if (answer->error_code == 0) {
		for (int i = 0; i < batch->count; i++) {
			model_claim(load->model, batch->partition, answer->base_offset + i,
				model_id(p->number, batch->partition, batch->first_seq + i), when,
				"an acknowledgement");
		}
	} else if (load->allow && load->allow(answer->error_code)) {
		p->refused++;
	} else {
		model_fault(load->model, "producer %d: partition %d: %s", p->number,
			batch->partition, err_info(answer->error_code)->name);
	}
}

/* The answer to the oldest request in the ring. */
static bool take_oldest(struct load_producer *p, struct peer *peer)
{
	struct load_request *request = &p->ring[p->first];
	struct produce_response response;
	if (p->acks != 0) {
		if (!peer_receive(peer, PEER_PRODUCE, 9, request->correlation, &response)) {
			return false;
		}
		bool fits = response.responses_count == 1 &&
			    response.responses[0].partition_responses_count == request->batch_count;
		for (int i = 0; fits && i < request->batch_count; i++) {
			take_answer(p, &request->batches[i],
				&response.responses[0].partition_responses[i]);
		}
		if (!fits) {
			model_fault(p->load->model, "producer %d: an answer to another request",
				p->number);
		}
	}
	p->first = (p->first + 1) % LOAD_WINDOW_MAX;
	p->count--;
	return true;
}

static bool get_producer_id(struct load_producer *p, struct peer *peer)
{
	int16_t code = 0;
	if (p->retry != LOAD_IDEMPOTENT || p->producer_id >= 0) {
		return true;
	}
	if (!peer_producer_id(peer, &p->producer_id, &p->producer_epoch, &code)) {
		return false;
	}
	if (code == WEIR_UNSUPPORTED_VERSION) {
		p->retry = LOAD_FORGET;
	} else if (code) {
		model_fault(p->load->model, "producer %d: no producer id: %s", p->number,
			err_info(code)->name);
	}
	return true;
}

/* What was not answered when the broker went: dropped, or sent first, in order. */
static bool settle_old(struct load_producer *p, struct peer *peer)
{
	if (p->retry == LOAD_FORGET || p->acks == 0) {
		p->first = p->count = 0;
	}
	for (int i = 0; i < p->count; i++) {
		if (!send_request(p, peer, &p->ring[(p->first + i) % LOAD_WINDOW_MAX])) {
			return false;
		}
	}
	while (p->count) {
		if (!take_oldest(p, peer)) {
			return false;
		}
	}
	return true;
}

static void *produce(void *arg)
{
	struct load_producer *p = arg;
	struct load *load = p->load;
	struct peer peer;
	random_seed(p->seed++);
	bool there =
		peer_open(&peer, load->port) && get_producer_id(p, &peer) && settle_old(p, &peer);
	while (there && !atomic_load(&load->stopping)) {
		struct load_request *request = &p->ring[(p->first + p->count) % LOAD_WINDOW_MAX];
		build_request(p, request);
		p->count++;
		there = send_request(p, &peer, request);
		while (there && (p->count >= p->window || (p->count && p->acks == 0) ||
					(p->count && peer_readable(&peer, 0)))) {
			there = take_oldest(p, &peer);
		}
		pause_us(load->pause_us);
	}
	while (there && p->count) {
		there = take_oldest(p, &peer);
	}
	peer_close(&peer);
	return NULL;
}

/* --- consuming --- */

static void take_batches(struct load *load, int partition, struct slice bytes, int64_t *position,
	struct model_reading *reading)
{
	struct record_reader records;
	record_reader_init(&records, UNPACK_MAX);
	while (bytes.len) {
		struct batch batch;
		struct record record;
		bool got = true;
		if (batch_parse(bytes, &batch, NULL)) {
			break; /* cut off by the limit of bytes */
		}
		enum weir_code code = batch_check_crc(&batch, NULL);
		code = code ? code : record_reader_start(&records, &batch, NULL);
		while (!code && got) {
			code = record_reader_next(&records, &record, &got, NULL);
			if (code || !got || record.offset < *position) {
				continue;
			}
			*position = record.offset + 1;
			if (reading) {
				model_read_record(reading, record.offset, record.value);
			} else {
				model_claim(load->model, partition, record.offset,
					model_parse(record.value), stamp(load), "a consumer");
			}
		}
		if (code) {
			model_fault(load->model, "corrupt: partition %d, batch at offset %lld: %s",
				partition, (long long)batch.base_offset, err_info(code)->name);
		}
		bytes = slice_of(bytes.data + batch.bytes.len, bytes.len - batch.bytes.len);
	}
	record_reader_fini(&records);
}

static bool consume_one(struct load_consumer *c, struct peer *peer, int partition)
{
	struct fetch_response_partition_data got;
	struct load *load = c->load;
	int64_t before = c->position[partition];
	if (!peer_fetch(peer, load->topic, partition, before, FETCH_WAIT_MS, &got)) {
		return false;
	}
	if (got.error_code == WEIR_OFFSET_OUT_OF_RANGE && got.log_start_offset <= 0) {
		int16_t code = 0;
		if (!peer_offset(
			    peer, load->topic, partition, -2, &c->position[partition], &code)) {
			return false;
		}
		if (c->position[partition] <= before) {
			model_fault(load->model, "consumer: offset %lld of partition %d is gone",
				(long long)before, partition);
		}
	} else if (got.error_code && !(load->allow && load->allow(got.error_code))) {
		model_fault(load->model, "consumer: partition %d: %s", partition,
			err_info(got.error_code)->name);
	} else if (!got.error_code) {
		model_watermark(load->model, partition, got.high_watermark, "a fetch");
		take_batches(load, partition, got.records, &c->position[partition], NULL);
	}
	return true;
}

static void *consume(void *arg)
{
	struct load_consumer *c = arg;
	struct peer peer;
	bool there = peer_open(&peer, c->load->port);
	while (there && !atomic_load(&c->load->stopping)) {
		for (int i = c->first; there && i < c->load->model->partitions; i += c->step) {
			there = consume_one(c, &peer, i);
		}
	}
	peer_close(&peer);
	return NULL;
}

bool load_read(struct peer *peer, struct load *load, int partition, int64_t from, int64_t until)
{
	struct model_reading reading;
	struct fetch_response_partition_data got;
	int64_t position = from;
	model_read_begin(&reading, load->model, partition, from,
		until == MODEL_NOW ? stamp(load) : MODEL_NOW);
	for (;;) {
		if (!peer_fetch(peer, load->topic, partition, position, 0, &got)) {
			return false;
		}
		if (got.error_code) {
			model_fault(load->model, "reading partition %d at offset %lld: %s",
				partition, (long long)position, err_info(got.error_code)->name);
			break;
		}
		int64_t before = position;
		take_batches(load, partition, got.records, &position, &reading);
		if (position == before) {
			if (position < got.high_watermark) {
				model_fault(load->model,
					"stuck: partition %d gives nothing at offset %lld, below "
					"%lld",
					partition, (long long)position,
					(long long)got.high_watermark);
			}
			break;
		}
	}
	model_read_end(&reading, until);
	return true;
}

/* --- the whole --- */

void load_init(struct load *load, struct model *model, const char *topic, int consumer_count)
{
	*load = (struct load){.model = model,
		.topic = topic,
		.batch_records_max = 20,
		.pause_us = 200,
		.producer_count = model->producers,
		.consumer_count = consumer_count};
	load->producers = mem_array((size_t)model->producers, sizeof(*load->producers));
	load->consumers = mem_array((size_t)consumer_count, sizeof(*load->consumers));
	for (int i = 0; i < model->producers; i++) {
		struct load_producer *p = &load->producers[i];
		p->load = load;
		p->number = i;
		p->acks = (int16_t)(i % 4 == 1 ? 1 : i % 8 == 7 ? 0 : -1);
		p->retry = i % 4 == 2 ? LOAD_REPEAT : i % 4 == 3 ? LOAD_IDEMPOTENT : LOAD_FORGET;
		p->window = 1 + i % LOAD_WINDOW_MAX;
		p->producer_id = -1;
		for (int k = 0; k < model->partitions; k++) {
			model_lane(model, i, k)->repeats = p->retry == LOAD_REPEAT;
		}
	}
	for (int i = 0; i < consumer_count; i++) {
		load->consumers[i] =
			(struct load_consumer){.load = load, .first = i, .step = consumer_count};
		load->consumers[i].position = mem_array((size_t)model->partitions, sizeof(int64_t));
	}
}

void load_fini(struct load *load)
{
	for (int i = 0; i < load->producer_count; i++) {
		for (int k = 0; k < LOAD_WINDOW_MAX; k++) {
			for (int b = 0; b < LOAD_BATCHES_MAX; b++) {
				buf_fini(&load->producers[i].ring[k].batches[b].bytes);
			}
		}
	}
	for (int i = 0; i < load->consumer_count; i++) {
		mem_free(load->consumers[i].position);
	}
	mem_free(load->producers);
	mem_free(load->consumers);
}

void load_start(struct load *load, int port)
{
	load->port = port;
	atomic_store(&load->stopping, false);
	for (int i = 0; i < load->producer_count; i++) {
		struct load_producer *p = &load->producers[i];
		p->seed += random_u64() >> 1;
		pthread_create(&p->thread, NULL, produce, p);
	}
	for (int i = 0; i < load->consumer_count; i++) {
		pthread_create(&load->consumers[i].thread, NULL, consume, &load->consumers[i]);
	}
}

void load_join(struct load *load)
{
	for (int i = 0; i < load->producer_count; i++) {
		pthread_join(load->producers[i].thread, NULL);
	}
	for (int i = 0; i < load->consumer_count; i++) {
		pthread_join(load->consumers[i].thread, NULL);
	}
}

void load_stop(struct load *load)
{
	atomic_store(&load->stopping, true);
	load_join(load);
}
