/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "cli/interrupt.h"
#include "core/base/clock.h"

#include <time.h>

struct group_watch_args {
	int64_t interval_ms, count;
};

static const struct opt opts[] = {
	OPT_DURATION(struct group_watch_args, interval_ms, .name = "interval", .letter = 'i',
		.arg = "TIME", .def = "2s", .min = 10, .max = 3600000,
		.help = "Time between two lines."),
	OPT_I64(struct group_watch_args, count, .name = "count", .letter = 'c', .arg = "N",
		.unset = -1, .min = 1, .max = INT64_MAX, .help = "Ends after N lines."),
	OPT_END,
};

static const struct column columns[] = {
	{"time", COLUMN_TIME, "When it was so."},
	{"group", COLUMN_TEXT, "Name."},
	{"state", COLUMN_TEXT, "Stable, Empty, PreparingRebalance, Reconciling, ... ."},
	{"members", COLUMN_NUMBER, "Number of members."},
	{"committed", COLUMN_NUMBER, "Sum of the committed offsets."},
	{"lag", COLUMN_NUMBER, "Offsets up to the ends."},
	{"read_per_s", COLUMN_NUMBER, "Offsets that were committed a second since the last line."},
	{"lag_change", COLUMN_NUMBER, "By how much the lag grew since the last line."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group watch billing", "Shows every two seconds how a group gets on."},
	{"weir group watch billing -i 10s -c 6 -O jsonl", "A minute of it for a program."},
	{NULL, NULL},
};

static enum weir_code group_watch_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_watch = {
	.path = "group watch",
	.summary = "Shows how a group gets on, line by line.",
	.details = "Goes on until Ctrl-C, unless -c is given.",
	.positional = "GROUP",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct group_watch_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_watch_run,
};

struct sample {
	int64_t at_ms, committed, lag; /* mono */
};

static void put_row(struct table *table, const struct group_view *view, const struct sample *last,
	const struct sample *now)
{
	table_number(table, clock_wall_ms());
	table_text(table, view->group.id);
	table_text(table, view->group.state);
	table_number(table, (int64_t)view->group.member_count);
	table_number(table, now->committed);
	table_number(table, now->lag);
	if (last->at_ms < 0) {
		table_null(table);
		table_null(table);
		return;
	}
	int64_t took_ms = now->at_ms > last->at_ms ? now->at_ms - last->at_ms : 1;
	table_number(table, (now->committed - last->committed) * 1000 / took_ms);
	table_number(table, now->lag - last->lag);
}

/* Until the next line is due; Ctrl-C ends it. */
static void pause_until(int64_t until_ms)
{
	int64_t left_ms;
	while (!interrupted() && (left_ms = until_ms - clock_mono_ms()) > 0) {
		struct timespec time = {
			.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
		nanosleep(&time, NULL);
	}
}

static enum weir_code group_watch_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct group_watch_args *a = args;
	struct client *client;
	struct sample last = {.at_ms = -1};
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns);
	interrupt_catch();
	for (int64_t i = 0; code == WEIR_OK && i != a->count && !interrupted(); i++) {
		struct group_view view;
		struct sample now = {.at_ms = clock_mono_ms()};
		code = group_view_load(ctx, client, ctx->words[0], &view, err);
		for (size_t k = 0; k < view.count; k++) {
			now.committed += view.rows[k].committed > 0 ? view.rows[k].committed : 0;
		}
		now.lag = view.lag;
		if (code == WEIR_OK) {
			put_row(table, &view, &last, &now);
			table_flush(table);
			code = out_flush(&ctx->out, err);
		}
		last = now;
		group_view_fini(&view);
		if (code == WEIR_OK && i + 1 != a->count) {
			pause_until(now.at_ms + a->interval_ms);
		}
	}
	table_end(&table);
	return code;
}
