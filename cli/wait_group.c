/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "cli/wait.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <strings.h>

struct wait_group_args {
	int64_t lag, members;
	const char *state;
};

static const struct opt opts[] = {
	OPT_I64(struct wait_group_args, lag, .name = "lag", .arg = "N", .unset = -1, .min = 0,
		.max = INT64_MAX, .help = "Until it is at most N records behind."),
	OPT_I64(struct wait_group_args, members, .name = "members", .arg = "N", .unset = -1,
		.min = 0, .max = INT32_MAX, .help = "Until it has N members."),
	OPT_STR(struct wait_group_args, state, .name = "state", .arg = "STATE",
		.help = "Until it is in this state: Stable, Empty, ... ."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"state", COLUMN_TEXT, "State that it is in."},
	{"members", COLUMN_NUMBER, "Number of members."},
	{"partitions", COLUMN_NUMBER, "Partitions that it reads or has committed offsets of."},
	{"lag", COLUMN_NUMBER, "Offsets up to their ends."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir wait group billing --lag 0 --timeout 60s && echo done",
		"Goes on once a group has read everything."},
	{"weir wait group billing --members 3 --state Stable", "Waits for its members."},
	{NULL, NULL},
};

static enum weir_code wait_group_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_wait_group = {
	.path = "wait group",
	.summary = "Waits until a group is there, or has read what there is.",
	.details =
		"All that is asked for has to be so at once. Exit status 4 when --timeout is over "
		"before.",
	.positional = "GROUP",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct wait_group_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = wait_group_run,
};

struct waiting {
	struct ctx *ctx;
	const struct wait_group_args *args;
	struct group_view view; /* of the last look */
	bool loaded;
};

static enum weir_code look(void *arg, bool *done, struct weir_err *err)
{
	struct waiting *w = arg;
	const struct wait_group_args *a = w->args;
	struct client *client;
	enum weir_code code = connect_client(w->ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (w->loaded) {
		group_view_fini(&w->view);
	}
	w->loaded = true;
	code = group_view_load(w->ctx, client, w->ctx->words[0], &w->view, err);
	if (code != WEIR_OK) {
		return code;
	}
	const struct group_view *view = &w->view;
	*done = (a->lag < 0 || (view->count && view->lag <= a->lag)) &&
		(a->members < 0 || (int64_t)view->group.member_count == a->members) &&
		(!a->state || strcasecmp(a->state, view->group.state) == 0);
	if (!*done) {
		(void)err_set(err, WEIR_OK, "%s, %zu members, lag %" PRId64 " in %zu partitions",
			view->group.state, view->group.member_count, view->lag, view->count);
	}
	return WEIR_OK;
}

static enum weir_code wait_group_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct waiting w = {.ctx = ctx, .args = args};
	char *what = mem_printf("group \"%s\"", ctx->words[0]);
	enum weir_code code = wait_until(ctx, look, &w, what, err);
	if (code == WEIR_OK) {
		struct table *table = table_new(ctx, columns);
		table_text(table, w.view.group.id);
		table_text(table, w.view.group.state);
		table_number(table, (int64_t)w.view.group.member_count);
		table_number(table, (int64_t)w.view.count);
		table_number(table, w.view.lag);
		table_end(&table);
	}
	if (w.loaded) {
		group_view_fini(&w.view);
	}
	mem_free(what);
	return code;
}
