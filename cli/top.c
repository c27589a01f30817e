/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "cli/top_sample.h"
#include "cli/top_screen.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <time.h>
#include <unistd.h>

struct top_args {
	int64_t interval_ms, samples;
	bool internal;
};

static const struct opt opts[] = {
	OPT_DURATION(struct top_args, interval_ms, .name = "interval", .letter = 'i', .arg = "TIME",
		.def = "1s", .min = 100, .max = 3600000, .help = "Time between two samples."),
	OPT_I64(struct top_args, samples, .name = "count", .letter = 'c', .arg = "N", .unset = -1,
		.min = 1, .max = INT64_MAX,
		.help = "Ends after N tables of rates; without it a terminal goes on, a pipe gets "
			"one."),
	OPT_BOOL(struct top_args, internal, .name = "internal", .help = "Internal topics too."),
	OPT_END,
};

static const struct column columns[] = {
	{"kind", COLUMN_TEXT, "topic, group or broker."},
	{"name", COLUMN_TEXT, "Of the topic or group; id and address of the broker."},
	{"records_per_s", COLUMN_NUMBER,
		"Records appended to the topic, or passed by the group's offsets, a second."},
	{"bytes_per_s", COLUMN_BYTES, "By how much the files grew a second."},
	{"records", COLUMN_NUMBER, "Sum of end offsets; of a group: of committed ones."},
	{"bytes", COLUMN_BYTES, "Size of the files, all replicas of a topic."},
	{"lag", COLUMN_NUMBER, "Records that the group has not committed yet."},
	{"partitions", COLUMN_NUMBER,
		"Of the topic; that the broker leads; with offsets of the group."},
	{"state", COLUMN_TEXT, "Of the group."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir top", "Watches a cluster, on the whole screen."},
	{"weir top -O json | jq '.[] | select(.kind == \"group\" and .lag > 1000)'",
		"Finds groups that lag."},
	{NULL, NULL},
};

static enum weir_code top_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_top = {
	.path = "top",
	.summary = "Watches topics, groups and brokers: rates, lag, sizes.",
	.details =
		"On a terminal it takes the whole screen: q or Ctrl-C ends, j and k scroll the "
		"topics. In a pipe it prints a table. Rates are those between two samples. Groups "
		"are left out when topics are named.",
	.positional = "[TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct top_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = top_run,
};

static void put_row(struct table *table, const struct top_row *row)
{
	table_text(table, top_kind_names[row->kind]);
	table_text(table, row->name);
	table_known(table, (int64_t)row->records_per_s);
	table_known(table, (int64_t)row->bytes_per_s);
	table_known(table, row->records);
	table_known(table, row->bytes);
	table_known(table, row->lag);
	table_known(table, row->count);
	table_text(table, row->state);
}

static void print_tables(struct table *table, const struct top *top)
{
	for (int kind = 0; kind < TOP_KINDS; kind++) {
		size_t count;
		struct top_row **rows = top_rows(top, (enum top_kind)kind, &count);
		for (size_t i = 0; i < count; i++) {
			put_row(table, rows[i]);
		}
		mem_free(rows);
	}
}

/* Sleeps until the next sample is due, or Ctrl-C. */
static void pause_until(int64_t due_ms)
{
	while (!interrupted() && clock_mono_ms() < due_ms) {
		int64_t left_ms = due_ms - clock_mono_ms();
		left_ms = left_ms < 100 ? left_ms : 100;
		nanosleep(
			&(struct timespec){.tv_nsec = (left_ms > 0 ? left_ms : 0) * 1000000}, NULL);
	}
}

static enum weir_code run_table(
	struct top *top, struct ctx *ctx, const struct top_args *args, struct weir_err *err)
{
	int64_t samples = args->samples < 0 ? 1 : args->samples;
	enum weir_code code = top_sample(top, err);
	int64_t due_ms = clock_mono_ms();
	struct table *table = code == WEIR_OK ? table_new(ctx, columns) : NULL;
	for (int64_t i = 0; i < samples && code == WEIR_OK && !interrupted(); i++) {
		due_ms += args->interval_ms;
		pause_until(due_ms);
		code = top_sample(top, err);
		if (code == WEIR_OK) {
			print_tables(table, top);
			code = out_flush(&ctx->out, err);
		}
	}
	if (table) {
		table_end(&table);
	}
	return code;
}

/* Keys until the next sample; false: the user wants to end. */
static bool handle_keys(int64_t due_ms, size_t *scroll, bool *again)
{
	*again = false;
	while (!interrupted()) {
		int64_t left_ms = due_ms - clock_mono_ms();
		if (left_ms <= 0) {
			return true;
		}
		int key = top_screen_key(left_ms < 200 ? left_ms : 200);
		if (key == 'q' || key == 4) {
			return false;
		}
		if (key == 'j' || (key == 'k' && *scroll)) {
			*scroll += key == 'j' ? 1 : (size_t)-1;
			*again = true;
			return true;
		}
	}
	return false;
}

static enum weir_code run_screen(
	struct top *top, struct ctx *ctx, const struct top_args *args, struct weir_err *err)
{
	size_t scroll = 0;
	int64_t shown = 0;
	bool again = false;
	int64_t due_ms = clock_mono_ms();
	enum weir_code code = top_sample(top, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (!top_screen_open(&ctx->out)) {
		return run_table(top, ctx, args, err);
	}
	for (;;) {
		top_screen_draw(&ctx->out, top, args->interval_ms, scroll);
		code = out_flush(&ctx->out, err);
		shown += !again;
		due_ms += again ? 0 : args->interval_ms;
		if (code != WEIR_OK || (args->samples >= 0 && shown > args->samples) ||
			!handle_keys(due_ms, &scroll, &again)) {
			break;
		}
		code = again ? WEIR_OK : top_sample(top, err);
		if (code != WEIR_OK) {
			break;
		}
	}
	top_screen_close(&ctx->out);
	return code;
}

static enum weir_code top_run(void *opt_args, struct ctx *ctx, struct weir_err *err)
{
	const struct top_args *args = opt_args;
	struct client *client;
	struct top top;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	top_init(&top, client);
	top.topics = ctx->words;
	top.topic_count = ctx->word_count;
	top.internal = args->internal;
	interrupt_catch();
	bool screen =
		ctx->out.tty && isatty(STDIN_FILENO) == 1 && ctx->globals.output == OUTPUT_TEXT;
	code = screen ? run_screen(&top, ctx, args, err) : run_table(&top, ctx, args, err);
	top_fini(&top);
	return code;
}
