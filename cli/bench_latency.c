/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread produces at a steady rate, another with a client of its own consumes what arrives.
 * Values begin with the run's own mark and the time they were due, so that other people's records
 * in the topic do not count.
 */
#include "cli/bench.h"

#include "cli/client_props.h"
#include "cli/interrupt.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MARK_BYTES = 16, LATE_MS = 10000 };

static const struct opt opts[] = {
	OPT_I64(struct bench_args, records, .name = "count", .letter = 'c', .arg = "N",
		.def = "10000", .min = 1, .max = INT64_MAX, .help = "Records to send."),
	OPT_SIZE(struct bench_args, size_bytes, .name = "size", .arg = "BYTES", .def = "100",
		.min = MARK_BYTES, .max = 64 * 1024 * 1024, .help = "Bytes of a value."),
	OPT_STR(struct bench_args, rate, .name = "rate", .arg = "N[/s|/m|/h]", .def = "1000/s",
		.help = "So many records a second (minute, hour). Times count from when a record "
			"was due, whether or not "
			"it "
			"could be sent then."),
	BENCH_OPT_PLOT,
	OPT_END,
};

static const struct example examples[] = {
	{"weir bench latency load -c 2000 --plot",
		"Shows how long records take from producer to consumer."},
	{"weir bench latency load -c 500 -X linger.ms=0", "The same without batching."},
	{NULL, NULL},
};

static enum weir_code bench_latency_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_bench_latency = {
	.path = "bench latency",
	.summary = "Measures how long records take from a producer to a consumer.",
	.details =
		"Sends at a steady rate and consumes at the same time. Waiting for a batch to fill "
		"(linger.ms, 5 if not set) is part of a record's time.",
	.positional = "TOPIC",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct bench_args),
	.needs = NEEDS_CLIENT,
	.columns = bench_columns,
	.examples = examples,
	.run = bench_latency_run,
};

struct latency {
	struct bench bench;
	uint64_t mark;
	struct client *client; /* of the consuming thread */
	struct consumer *consumer;
	atomic_llong sent; /* -1: more to come */
	atomic_bool stop;
	struct weir_err failed; /* of the consuming thread */
};

static void take(struct latency *l, const struct record *record)
{
	int64_t due_ns;
	if (record->value.len < MARK_BYTES || memcmp(record->value.data, &l->mark, 8) != 0) {
		return;
	}
	memcpy(&due_ns, record->value.data + 8, 8);
	times_add(l->bench.times, clock_mono_ns() - due_ns);
	l->bench.records++;
	l->bench.bytes += (int64_t)record->value.len;
}

static void *consume(void *arg)
{
	struct latency *l = arg;
	struct consumed consumed;
	enum consumer_event event;
	int64_t heard_ms = clock_mono_ms();
	while (!atomic_load(&l->stop)) {
		int64_t sent = atomic_load(&l->sent), now_ms = clock_mono_ms();
		if (sent >= 0 && l->bench.records >= sent) {
			break;
		}
		if (sent >= 0 && now_ms - heard_ms > LATE_MS) {
			(void)err_set(&l->failed, WEIR_TIMEOUT,
				"%" PRId64 " of %" PRId64 " records did not come within %d s",
				sent - l->bench.records, sent, LATE_MS / 1000);
			break;
		}
		if (consumer_next(l->consumer, 20, &event, &consumed, &l->failed) != WEIR_OK) {
			break;
		}
		if (event == CONSUMER_RECORD) {
			take(l, &consumed.record);
			heard_ms = now_ms;
		}
	}
	l->bench.end_ns = clock_mono_ns();
	return NULL;
}

/* At the end of each partition, before the first record is sent. */
static enum weir_code open_consumer(struct latency *l, struct weir_err *err)
{
	const struct client_topic *topic;
	struct consumer_conf conf = consumer_conf_default;
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	conf.committed = false;
	enum weir_code code = client_topic(l->client, l->bench.topic, &arena, &topic, err);
	code = code ? code : consumer_open(l->client, &conf, &l->consumer, err);
	for (int32_t i = 0; code == WEIR_OK && i < topic->partition_count; i++) {
		struct client_offset end = {i, CLIENT_OFFSET_LATEST, -1, 0};
		code = client_offsets(l->client, l->bench.topic, false, &end, 1, err);
		code = code ? code
			    : consumer_assign(l->consumer, l->bench.topic, i, end.offset, -1, err);
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code send_all(struct latency *l, struct producer *producer, struct weir_err *err)
{
	const struct bench_args *args = l->bench.args;
	char *value = bench_filling(args->size_bytes);
	struct produce_record record = {.partition = -1,
		.timestamp = -1,
		.value = slice_of(value, (size_t)args->size_bytes)};
	enum weir_code code = WEIR_OK;
	int64_t i = 0;
	memcpy(value, &l->mark, 8);
	l->bench.begin_ns = clock_mono_ns();
	while (i < args->records && code == WEIR_OK && !interrupted()) {
		int64_t now_ns = clock_mono_ns(), due_ns = bench_due_ns(&l->bench, i, now_ns);
		if (due_ns > now_ns) {
			int64_t left_ns = due_ns - now_ns;
			left_ns = left_ns < 1000000 ? left_ns : 1000000;
			code = producer_poll(producer, err);
			nanosleep(&(struct timespec){.tv_nsec = left_ns}, NULL);
			continue;
		}
		memcpy(value + 8, &due_ns, 8);
		code = producer_send(producer, &record, err);
		i += code == WEIR_OK;
		code = code ? code : producer_poll(producer, err);
	}
	code = code ? code : producer_flush(producer, err);
	atomic_store(&l->sent, i);
	mem_free(value);
	return code;
}

static enum weir_code measure(struct latency *l, struct weir_err *err)
{
	struct bench *b = &l->bench;
	struct client *client;
	struct producer *producer = NULL;
	struct producer_conf conf;
	pthread_t thread;
	enum weir_code code = client_props_producer(
		b->ctx, PRODUCER_OPTION_UNSET, PRODUCER_OPTION_UNSET, &conf, err);
	code = code ? code : connect_client(b->ctx, &client, err);
	code = code ? code : connect_another(b->ctx, &l->client, err);
	code = code ? code : open_consumer(l, err);
	code = code ? code : producer_open(client, b->topic, &conf, &producer, err);
	if (code == WEIR_OK) {
		interrupt_catch();
		if (pthread_create(&thread, NULL, consume, l) != 0) {
			code = err_set(err, WEIR_NO_MEMORY, "no thread to consume with");
		} else {
			code = send_all(l, producer, err);
			atomic_store(&l->stop, code != WEIR_OK || interrupted());
			pthread_join(thread, NULL);
		}
	}
	producer_close(&producer);
	consumer_close(&l->consumer);
	client_close(&l->client);
	if (code == WEIR_OK && l->failed.code != WEIR_OK) {
		*err = l->failed;
		code = err->code;
	}
	return code;
}

static enum weir_code bench_latency_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct latency l = {
		.bench = {.ctx = ctx, .args = args, .operation = "latency", .topic = ctx->words[0]},
		.mark = random_u64()};
	struct bench *b = &l.bench;
	atomic_init(&l.sent, -1);
	enum weir_code code = bench_check(ctx, err);
	code = code ? code
		    : client_rate_parse(b->args->rate, &b->rate_count, &b->rate_span_ms, err);
	b->times = mem_new(sizeof(*b->times));
	code = code ? code : measure(&l, err);
	code = code ? code : bench_report(b, err);
	mem_free(b->times);
	return code;
}
