/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/bench.h"

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

static const struct opt opts[] = {
	OPT_I64(struct bench_args, records, .name = "count", .letter = 'c', .arg = "N", .unset = -1,
		.min = 1, .max = INT64_MAX,
		.help = "Records to consume; without it all that are there at the start."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir bench consume load", "Measures how fast the topic is read from its start."},
	{NULL, NULL},
};

static enum weir_code bench_consume_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_bench_consume = {
	.path = "bench consume",
	.summary = "Measures how fast records are consumed.",
	.details = "Reads every partition from its start to where it ends now.",
	.positional = "TOPIC",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct bench_args),
	.needs = NEEDS_CLIENT,
	.columns = bench_columns,
	.examples = examples,
	.run = bench_consume_run,
};

static enum weir_code assign_all(
	struct client *client, const char *name, struct consumer *consumer, struct weir_err *err)
{
	const struct client_topic *topic;
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_topic(client, name, &arena, &topic, err);
	size_t count = code == WEIR_OK ? (size_t)topic->partition_count : 0;
	struct client_offset *first = count ? mem_new(count * sizeof(*first)) : NULL;
	struct client_offset *end = count ? mem_new(count * sizeof(*end)) : NULL;
	for (size_t i = 0; i < count; i++) {
		first[i] = (struct client_offset){(int32_t)i, CLIENT_OFFSET_EARLIEST, -1, 0};
		end[i] = (struct client_offset){(int32_t)i, CLIENT_OFFSET_LATEST, -1, 0};
	}
	if (code == WEIR_OK) {
		code = client_offsets(client, name, false, first, count, err);
	}
	if (code == WEIR_OK) {
		code = client_offsets(client, name, false, end, count, err);
	}
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		code = consumer_assign(
			consumer, name, (int32_t)i, first[i].offset, end[i].offset, err);
	}
	mem_free(first);
	mem_free(end);
	arena_fini(&arena);
	return code;
}

static enum weir_code read_all(struct bench *b, struct consumer *consumer, struct weir_err *err)
{
	struct progress progress;
	enum weir_code code = WEIR_OK;
	enum consumer_event event = CONSUMER_IDLE;
	struct consumed consumed;
	progress_start(&progress, b->ctx, true);
	b->begin_ns = clock_mono_ns();
	while (code == WEIR_OK && event != CONSUMER_DONE && !interrupted() &&
		(b->args->records < 0 || b->records < b->args->records)) {
		code = consumer_next(consumer, 100, &event, &consumed, err);
		if (code == WEIR_OK && event == CONSUMER_RECORD) {
			b->records++;
			b->bytes += (int64_t)(consumed.record.key.len + consumed.record.value.len);
		}
		if (b->records % 4096 == 0) {
			progress_show(&progress, b->records, b->bytes);
		}
	}
	b->end_ns = clock_mono_ns();
	progress_break(&progress);
	return code;
}

static enum weir_code bench_consume_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct bench b = {.ctx = ctx, .args = args, .operation = "consume", .topic = ctx->words[0]};
	struct client *client;
	struct consumer *consumer = NULL;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code == WEIR_OK) {
		code = consumer_open(client, &consumer_conf_default, &consumer, err);
	}
	if (code == WEIR_OK) {
		code = assign_all(client, b.topic, consumer, err);
	}
	if (code == WEIR_OK) {
		interrupt_catch();
		code = read_all(&b, consumer, err);
	}
	consumer_close(&consumer);
	return code == WEIR_OK ? bench_report(&b, err) : code;
}
