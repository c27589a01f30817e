/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row a group and topic, so that a check can say which one is behind. */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "core/base/limits.h"

#include <inttypes.h>
#include <string.h>

struct group_lag_args {
	int64_t max;
};

static const struct opt opts[] = {
	OPT_I64(struct group_lag_args, max, .name = "max", .arg = "N", .unset = -1, .min = 0,
		.max = INT64_MAX, .help = "Fails with exit status 1 when a lag is above N."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"topic", COLUMN_TEXT, "Topic that is read."},
	{"partitions", COLUMN_NUMBER, "Partitions that are read or have committed offsets."},
	{"lag", COLUMN_NUMBER, "Offsets up to their ends; without a commit, from their starts."},
	{"max_lag", COLUMN_NUMBER, "Largest lag of one partition."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group lag", "Shows how far behind all groups are."},
	{"weir group lag billing --max 1000 || notify", "Does something when a group is behind."},
	{"weir group lag billing -O json", "Shows it for a program."},
	{NULL, NULL},
};

static enum weir_code group_lag_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_lag = {
	.path = "group lag",
	.summary = "Shows how many records groups have not read yet.",
	.details = "Without GROUP: all groups of consumers.",
	.positional = "[GROUP...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct group_lag_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_lag_run,
};

struct lag {
	struct ctx *ctx;
	struct client *client;
	struct table *table;
	int64_t max;
	size_t above; /* topics with more than max */
	struct weir_err first;
};

static void put_topic(
	struct lag *lag, const struct group_view *view, const struct group_row *rows, size_t count)
{
	int64_t sum = 0, most = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t one = rows[i].lag > 0 ? rows[i].lag : 0;
		sum += one;
		most = one > most ? one : most;
	}
	table_text(lag->table, view->group.id);
	table_text(lag->table, rows[0].topic);
	table_number(lag->table, (int64_t)count);
	table_number(lag->table, sum);
	table_number(lag->table, most);
	if (lag->max >= 0 && sum > lag->max && !lag->above++) {
		(void)err_set(&lag->first, WEIR_FALSE_RESULT,
			"group \"%s\" is %" PRId64 " behind in topic \"%s\", more than %" PRId64,
			view->group.id, sum, rows[0].topic, lag->max);
	}
}

static enum weir_code put_group(struct lag *lag, const char *group, struct weir_err *err)
{
	struct group_view view;
	enum weir_code code = group_view_load(lag->ctx, lag->client, group, &view, err);
	for (size_t i = 0; i < view.count && code == WEIR_OK;) {
		size_t end = i + 1;
		while (end < view.count && strcmp(view.rows[end].topic, view.rows[i].topic) == 0) {
			end++;
		}
		put_topic(lag, &view, view.rows + i, end - i);
		i = end;
	}
	group_view_fini(&view);
	return code;
}

/* One that goes away meanwhile is not missed. */
static enum weir_code put_all(struct lag *lag, struct weir_err *err)
{
	struct group_listing *groups;
	struct arena arena;
	size_t count;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = groups_list(lag->client, &arena, &groups, &count, err);
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		if (group_is_consumer(&groups[i])) {
			code = put_group(lag, groups[i].id, err);
			code = code == WEIR_GROUP_ID_NOT_FOUND ? WEIR_OK : code;
		}
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code group_lag_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct group_lag_args *a = args;
	struct lag lag = {.ctx = ctx, .max = a->max};
	enum weir_code code = connect_client(ctx, &lag.client, err);
	if (code != WEIR_OK) {
		return code;
	}
	lag.table = table_new(ctx, columns);
	for (size_t i = 0; i < ctx->word_count && code == WEIR_OK; i++) {
		code = put_group(&lag, ctx->words[i], err);
	}
	if (!ctx->word_count) {
		code = put_all(&lag, err);
	}
	table_end(&lag.table);
	if (code == WEIR_OK && lag.above) {
		*err = lag.first;
		code = lag.first.code;
	}
	return code;
}
