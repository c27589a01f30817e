/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocations of a warm broker for a request, counted where all of them pass (core/base/mem.h):
 * the engine in this process, one connection, frames made once.
 *
 *   allocs DIR     DIR is empty; a line of NAME, a tab, and allocations a request, for each kind
 */
#include "broker/broker.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/record/record.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WARM = 200, REQUESTS = 1000, PARTITIONS = 4, CREATE_TOPICS = 19 };

static int fd;
static struct buf frame, answer;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "allocs: %s\n", what);
	exit(1);
}

static void say(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "allocs: %s\n", text);
}

static void encode(int16_t key, int16_t version, const void *request)
{
	struct weir_err err;
	struct wire_request_header header = {key, version, 1, slice_str("allocs")};
	buf_reset(&frame);
	buf_add(&frame, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &frame);
	if (wire_encode(wire_api(key)->request, version, request, &frame, NULL, &err)) {
		die(err.text);
	}
	be32_put(frame.data, (uint32_t)(frame.len - 4));
}

static void receive(size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(fd, answer.data + at, len - at, 0);
		if (n <= 0) {
			die("the broker closed");
		}
		at += (size_t)n;
	}
}

/* Sends frame; the answer lies in answer. */
static void call(void)
{
	if (send(fd, frame.data, frame.len, MSG_NOSIGNAL) != (ssize_t)frame.len) {
		die("send");
	}
	receive(4);
	uint32_t len = be32_get(answer.data);
	if (len > answer.room) {
		die("answer");
	}
	receive(len);
}

static void make_topic(void)
{
	struct create_topics_request request;
	struct create_topics_request_creatable_topic topic = {
		.name = slice_str("t"), .num_partitions = PARTITIONS, .replication_factor = 1};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	encode(CREATE_TOPICS, 7, &request);
	call();
}

static void make_produce(struct slice batch, int16_t acks, int32_t partitions)
{
	struct produce_request request;
	struct produce_request_partition_produce_data data[PARTITIONS];
	struct produce_request_topic_produce_data row = {
		.name = slice_str("t"), .partition_data = data, .partition_data_count = partitions};
	for (int32_t i = 0; i < partitions; i++) {
		data[i] = (struct produce_request_partition_produce_data){
			.index = i, .records = batch};
	}
	wire_defaults(&produce_request_message, &request);
	request.acks = acks;
	request.timeout_ms = 30000;
	request.topic_data = &row;
	request.topic_data_count = 1;
	encode(0, 9, &request);
}

static void make_fetch(void)
{
	struct fetch_request request;
	struct fetch_request_fetch_partition part;
	struct fetch_request_fetch_topic row;
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_partition_part, &part);
	wire_part_defaults(&fetch_request_fetch_topic_part, &row);
	part.partition_max_bytes = 65536;
	row.topic = slice_str("t");
	row.partitions = &part;
	row.partitions_count = 1;
	request.topics = &row;
	request.topics_count = 1;
	request.min_bytes = 1;
	request.max_bytes = 1 << 20;
	encode(1, 12, &request);
}

static void make_batch(struct buf *out)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < 100; i++) {
		if (batch_builder_add(&builder, 1700000000000, slice_str("key"),
			    slice_str("a value of some bytes"), NULL, 0, &err)) {
			die(err.text);
		}
	}
	if (batch_builder_finish(&builder, -1, -1, -1, 0, out, &err)) {
		die(err.text);
	}
	batch_builder_fini(&builder);
}

static void measure(const char *name)
{
	for (int i = 0; i < WARM; i++) {
		call();
	}
	uint64_t before = mem_taken();
	for (int i = 0; i < REQUESTS; i++) {
		call();
	}
	printf("%s\t%.4f\n", name, (double)(mem_taken() - before) / REQUESTS);
}

int main(int argc, char **argv)
{
	struct weir_err err;
	struct broker *broker;
	struct buf batch;
	struct conf *conf = conf_new();
	struct broker_options options = {.data_dir = argc == 2 ? argv[1] : NULL, .conf = conf};
	log_set_sink(say, NULL, LOG_WARN);
	if (!options.data_dir) {
		die("usage: allocs DIR");
	}
	if (broker_open(&options, &broker, &err) || broker_start(broker, &err) ||
		broker_connect(broker, &fd, &err)) {
		die(err.text);
	}
	fcntl(fd, F_SETFL, 0); /* waits */
	buf_init(&frame, 0);
	buf_init(&answer, 0);
	buf_init(&batch, 0);
	if (!buf_reserve(&answer, 1 << 20)) {
		die("no memory");
	}
	make_topic();
	make_batch(&batch);
	make_produce(slice_of(batch.data, batch.len), 1, 1);
	measure("produce-acks-1");
	make_produce(slice_of(batch.data, batch.len), -1, 1);
	measure("produce-acks-all");
	make_produce(slice_of(batch.data, batch.len), -1, PARTITIONS);
	measure("produce-4-partitions");
	make_fetch();
	measure("fetch");
	close(fd);
	if (broker_close(&broker, &err)) {
		die(err.text);
	}
	conf_unref(conf);
	buf_fini(&frame);
	buf_fini(&answer);
	buf_fini(&batch);
	return 0;
}
