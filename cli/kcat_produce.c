/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -P. Keys go to partitions by CRC-32, as librdkafka's "consistent_random" does. */
#include "cli/kcat.h"

#include "cli/client_props.h"
#include "cli/interrupt.h"
#include "cli/produce_input.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/wire/messages.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

enum { API_METADATA = 3, CREATE_PAUSE_MS = 50, IDLE_MS = 5 };

struct producing {
	struct kcat *k;
	struct producer *producer;
	struct input *input;
	struct record_header *headers;
	const char *partitioner;
	int32_t partition_count;
	int64_t sent, failed;
};

static void on_delivered(void *arg, void *tag, int32_t partition, int64_t offset, int64_t timestamp,
	enum weir_code code, const char *text)
{
	struct producing *p = arg;
	(void)tag;
	(void)timestamp;
	if (code != WEIR_OK) {
		kcat_info(p->k, 1, "Delivery failed for message: Broker: %s\n", text);
		p->failed++;
		return;
	}
	kcat_info(p->k, 3, "Message delivered to partition %d (offset %lld) on broker -1\n",
		(int)partition, (long long)offset);
}

/* Asks for the topic in a way that lets the broker create it. */
static void let_create(struct kcat *k, struct arena *arena)
{
	struct metadata_request request;
	struct metadata_response response;
	struct metadata_request_topic topic;
	wire_defaults(&metadata_request_message, &request);
	memset(&topic, 0, sizeof(topic));
	topic.name = slice_str(k->topic);
	request.topics = &topic;
	request.topics_count = 1;
	request.allow_auto_topic_creation = true;
	(void)!client_call(
		k->client, CLIENT_ANY, API_METADATA, &request, arena, &response, NULL, NULL);
}

static enum weir_code find_topic(struct producing *p, struct weir_err *err)
{
	const struct client_topic *topic;
	struct arena arena;
	int64_t deadline_ms = clock_mono_ms() + p->k->metadata_timeout_s * 1000;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = kcat_topic(p->k, &arena, &topic, err);
	if (code == WEIR_UNKNOWN_TOPIC_OR_PARTITION) {
		let_create(p->k, &arena);
		do {
			code = kcat_topic(p->k, &arena, &topic, err);
			if (code == WEIR_OK || clock_mono_ms() > deadline_ms) {
				break;
			}
			nanosleep(&(struct timespec){.tv_nsec = CREATE_PAUSE_MS * 1000000}, NULL);
		} while (!interrupted() && clock_mono_ms() < deadline_ms);
	}
	if (code == WEIR_OK) {
		p->partition_count = topic->partition_count;
		if (p->k->partition >= p->partition_count) {
			code = err_set(err, WEIR_NOT_FOUND,
				"Failed to produce message: Local: Unknown partition");
		}
	}
	arena_fini(&arena);
	return code;
}

static int32_t partition_of(const struct producing *p, struct slice key)
{
	const char *by = p->partitioner;
	uint32_t count = (uint32_t)p->partition_count;
	bool murmur = !strncmp(by, "murmur2", 7);
	bool any = !strcmp(by, "random") || (strstr(by, "_random") && !key.len && !murmur) ||
		   (!key.data && strcmp(by, "consistent") && strcmp(by, "murmur2"));
	if (p->k->partition >= 0) {
		return p->k->partition;
	}
	if (any) {
		return strcmp(by, "random") ? -1 : (int32_t)random_below(count);
	}
	if (murmur) {
		return producer_partition_of(key, p->partition_count);
	}
	return (int32_t)(crc32(0, key.data, (uInt)key.len) % count);
}

static enum weir_code send_one(
	struct producing *p, struct slice key, struct slice value, struct weir_err *err)
{
	struct produce_record record = {.partition = partition_of(p, key),
		.timestamp = -1,
		.key = key,
		.value = value,
		.headers = p->headers,
		.header_count = p->k->headers.count};
	struct weir_err why;
	if (producer_send(p->producer, &record, &why) != WEIR_OK) {
		return err_set(err, why.code, "Failed to produce message (%zu bytes): %s",
			value.len, why.text);
	}
	p->sent++;
	return WEIR_OK;
}

/* A line: "key DELIM value" with -K, where DELIM is there. */
static enum weir_code send_line(struct producing *p, struct slice line, struct weir_err *err)
{
	const struct kcat *k = p->k;
	struct slice key = {NULL, 0}, value = line;
	const uint8_t *at =
		k->has_key_delim && k->key_delim.len
			? memmem(line.data, line.len, k->key_delim.data, k->key_delim.len)
			: NULL;
	if (!line.len) {
		return WEIR_OK;
	}
	if (at) {
		size_t len = (size_t)(at - line.data);
		key = slice_of(line.data, len);
		value = slice_of(at + k->key_delim.len, line.len - len - k->key_delim.len);
		if (k->null) {
			key.data = key.len ? key.data : NULL;
			value.data = value.len ? value.data : NULL;
		}
	}
	if (!key.data && k->fixed_key) {
		key = slice_str(k->fixed_key);
	}
	enum weir_code code = send_one(p, key, value, err);
	if (code == WEIR_OK && k->tee) {
		out_bytes(&k->ctx->out, line.data, line.len);
	}
	return code;
}

/* Before reading waits: what is due goes out. */
static enum weir_code on_idle(void *arg, int fd, struct weir_err *err)
{
	struct producing *p = arg;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	enum weir_code code = out_flush(&p->k->ctx->out, err);
	while (code == WEIR_OK && !interrupted() && poll(&poll_fd, 1, IDLE_MS) == 0) {
		code = producer_poll(p->producer, err);
	}
	return code;
}

static enum weir_code send_lines(struct producing *p, struct weir_err *err)
{
	const struct kcat *k = p->k;
	struct input_conf conf = {.files = (const char *const *)k->words,
		.file_count = k->lines ? k->word_count : 0,
		.delim = slice_of(k->delim.data, k->delim.len),
		.idle = on_idle,
		.idle_arg = p};
	enum weir_code code = WEIR_OK;
	bool got = true;
	struct row row;
	p->input = input_new(&conf);
	while (code == WEIR_OK && !interrupted() && (k->count < 0 || p->sent < k->count)) {
		code = input_next(p->input, &row, &got, err);
		if (code != WEIR_OK || !got) {
			break;
		}
		code = send_line(p, row.value, err);
	}
	return code;
}

/* Each file is a record; one that cannot be read is told, and the others go on. */
static enum weir_code send_files(struct producing *p, struct weir_err *err)
{
	struct kcat *k = p->k;
	size_t good = 0;
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < k->word_count && code == WEIR_OK; i++) {
		struct input_conf conf = {
			.files = (const char *const *)k->words + i, .file_count = 1, .whole = true};
		struct slice key = k->fixed_key ? slice_str(k->fixed_key) : (struct slice){NULL, 0};
		struct weir_err why;
		struct row row;
		bool got = false;
		p->input = input_new(&conf);
		if (input_next(p->input, &row, &got, &why) != WEIR_OK) {
			kcat_info(k, 1, "Failed to open %s\n", why.text);
		} else {
			good++;
			code = got && row.value.len ? send_one(p, key, row.value, err) : WEIR_OK;
		}
		input_free(&p->input);
	}
	if (!good) {
		k->status = 1;
	} else if (good < k->word_count) {
		kcat_info(k, 1, "Failed to produce from %zu/%zu files\n", k->word_count - good,
			k->word_count);
	}
	return code;
}

static void fixed_headers(struct producing *p)
{
	const struct opt_list *list = &p->k->headers;
	p->headers = mem_array(list->count + 1, sizeof(*p->headers));
	for (size_t i = 0; i < list->count; i++) {
		const char *equal = strchr(list->items[i], '=');
		size_t len = equal ? (size_t)(equal - list->items[i]) : strlen(list->items[i]);
		p->headers[i].key = slice_of(list->items[i], len);
		p->headers[i].value = equal ? slice_str(equal + 1) : (struct slice){NULL, 0};
	}
}

static enum weir_code open_producer(struct producing *p, struct weir_err *err)
{
	static const char *const known[] = {
		"random", "consistent", "consistent_random", "murmur2", "murmur2_random", NULL};
	struct kcat *k = p->k;
	const struct prop *partitioner = props_find(&k->ctx->props, "partitioner");
	struct producer_conf conf;
	p->partitioner = partitioner ? partitioner->value : "consistent_random";
	size_t i = 0;
	while (known[i] && strcmp(known[i], p->partitioner)) {
		i++;
	}
	if (!known[i]) {
		return err_set(err, WEIR_BAD_DATA,
			"Invalid value \"%s\" for configuration property \"partitioner\"",
			p->partitioner);
	}
	enum weir_code code = client_props_producer(
		k->ctx, PRODUCER_OPTION_UNSET, PRODUCER_OPTION_UNSET, &conf, err);
	conf.delivered = on_delivered;
	conf.delivered_arg = p;
	code = code ? code : find_topic(p, err);
	return code ? code : producer_open(k->client, k->topic, &conf, &p->producer, err);
}

enum weir_code kcat_produce(struct kcat *k, struct weir_err *err)
{
	struct producing p = {.k = k};
	struct weir_err why;
	enum weir_code code = open_producer(&p, err);
	if (code == WEIR_OK) {
		fixed_headers(&p);
		code = k->word_count && !k->lines ? send_files(&p, err) : send_lines(&p, err);
	}
	if (code == WEIR_OK && producer_flush(p.producer, &why) != WEIR_OK && !p.failed) {
		code = err_set(err, why.code, "%s", why.text);
	}
	if (p.failed) {
		k->status = 1;
	}
	producer_close(&p.producer);
	input_free(&p.input);
	mem_free(p.headers);
	return code;
}
