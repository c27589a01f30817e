/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/bench.h"

#include "cli/client_props.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <time.h>

static const struct opt opts[] = {
	OPT_I64(struct bench_args, records, .name = "count", .letter = 'c', .arg = "N",
		.def = "1000000", .min = 1, .max = INT64_MAX, .help = "Records to produce."),
	OPT_SIZE(struct bench_args, size_bytes, .name = "size", .arg = "BYTES", .def = "100",
		.min = 1, .max = 64 * 1024 * 1024, .help = "Bytes of a value."),
	OPT_STR(struct bench_args, rate, .name = "rate", .arg = "N[/s|/m|/h]",
		.help = "At most so many records a second (minute, hour). Times then count from "
			"when a record was due, whether or "
			"not it could be sent then. Without it: as fast as goes."),
	OPT_CHOICE(struct bench_args, codec, .name = "compression", .letter = 'z', .arg = "CODEC",
		.choices = producer_codec_names, .unset = PRODUCER_OPTION_UNSET,
		.help = "Compression."),
	OPT_CHOICE(struct bench_args, acks, .name = "acks", .arg = "WHEN",
		.choices = producer_acks_names, .def = "all",
		.help = "Acknowledgements to wait for."),
	BENCH_OPT_PLOT,
	OPT_END,
};

static const struct example examples[] = {
	{"weir bench produce load", "Produces a million records of 100 bytes."},
	{"weir bench produce load -c 5000 --rate 1000/s --plot",
		"Shows what a producer sees that sends a record every millisecond."},
	{NULL, NULL},
};

static enum weir_code bench_produce_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_bench_produce = {
	.path = "bench produce",
	.summary = "Measures how fast records are produced, and how long each takes.",
	.details = "A record's time runs from when it was handed to the producer until its "
		   "acknowledgement; waiting for a batch to fill (linger.ms) is part of it.",
	.positional = "TOPIC",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct bench_args),
	.needs = NEEDS_CLIENT,
	.columns = bench_columns,
	.examples = examples,
	.run = bench_produce_run,
};

struct load {
	struct bench bench;
	int64_t done;
	struct weir_err failed;
	struct progress progress;
};

static void on_delivered(void *arg, void *tag, int32_t partition, int64_t offset, int64_t timestamp,
	enum weir_code code, const char *text)
{
	(void)partition;
	(void)offset;
	(void)timestamp;
	struct load *load = arg;
	if (code != WEIR_OK) {
		if (load->failed.code == WEIR_OK) {
			(void)err_set(&load->failed, code, "%s", text);
		}
		return;
	}
	load->done++;
	times_add(load->bench.times, clock_mono_ns() - (int64_t)(uintptr_t)tag);
}

/* Waits until due_ns, taking in answers meanwhile. */
static enum weir_code wait_for(struct producer *producer, int64_t due_ns, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && !interrupted()) {
		int64_t left_ns = due_ns - clock_mono_ns();
		if (left_ns <= 0) {
			break;
		}
		code = producer_poll(producer, err);
		left_ns = left_ns < 1000000 ? left_ns : 1000000;
		nanosleep(&(struct timespec){.tv_nsec = left_ns}, NULL);
	}
	return code;
}

static enum weir_code send_all(struct load *load, struct producer *producer, struct weir_err *err)
{
	const struct bench_args *args = load->bench.args;
	char *filling = bench_filling(args->size_bytes);
	struct produce_record record = {.partition = -1,
		.timestamp = -1,
		.value = slice_of(filling, (size_t)args->size_bytes)};
	enum weir_code code = WEIR_OK;
	load->bench.begin_ns = clock_mono_ns();
	for (int64_t i = 0; i < args->records && code == WEIR_OK && !interrupted(); i++) {
		int64_t due_ns = bench_due_ns(&load->bench, i, clock_mono_ns());
		if (load->bench.rate_count) {
			code = wait_for(producer, due_ns, err);
		}
		record.tag = (void *)(uintptr_t)due_ns;
		if (code == WEIR_OK) {
			code = producer_send(producer, &record, err);
		}
		if (i % 1024 == 0) {
			progress_show(&load->progress, i, i * args->size_bytes);
		}
	}
	if (code == WEIR_OK) {
		code = producer_flush(producer, err);
	}
	load->bench.end_ns = clock_mono_ns();
	mem_free(filling);
	return code;
}

static enum weir_code measure(struct load *load, struct weir_err *err)
{
	struct bench *b = &load->bench;
	struct client *client;
	struct producer *producer = NULL;
	struct producer_conf conf;
	enum weir_code code = client_props_producer(
		b->ctx, b->args->codec, producer_acks[b->args->acks], &conf, err);
	conf.delivered = on_delivered;
	conf.delivered_arg = load;
	if (code == WEIR_OK) {
		code = connect_client(b->ctx, &client, err);
	}
	if (code == WEIR_OK) {
		code = producer_open(client, b->topic, &conf, &producer, err);
	}
	if (code == WEIR_OK) {
		interrupt_catch();
		progress_start(&load->progress, b->ctx, true);
		code = send_all(load, producer, err);
		progress_break(&load->progress);
	}
	producer_close(&producer);
	if (code == WEIR_OK && load->failed.code != WEIR_OK) {
		*err = load->failed;
		code = err->code;
	}
	return code;
}

static enum weir_code bench_produce_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct load load = {
		.bench = {
			.ctx = ctx, .args = args, .operation = "produce", .topic = ctx->words[0]}};
	struct bench *b = &load.bench;
	enum weir_code code = bench_check(ctx, err);
	if (code == WEIR_OK && b->args->rate) {
		code = client_rate_parse(b->args->rate, &b->rate_count, &b->rate_span_ms, err);
	}
	b->times = mem_new(sizeof(*b->times));
	if (code == WEIR_OK) {
		code = measure(&load, err);
	}
	if (code == WEIR_OK) {
		b->records = load.done;
		b->bytes = load.done * b->args->size_bytes;
		code = bench_report(b, err);
	}
	mem_free(b->times);
	return code;
}
