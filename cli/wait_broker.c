/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/wait.h"
#include "core/base/limits.h"
#include "core/client/client.h"

struct wait_broker_args {
	int64_t count;
};

static const struct opt opts[] = {
	OPT_I64(struct wait_broker_args, count, .name = "count", .letter = 'c', .arg = "N",
		.unset = 1, .min = 1, .max = INT32_MAX,
		.help = "Until the cluster has at least N brokers."),
	OPT_END,
};

static const struct column columns[] = {
	{"broker", COLUMN_NUMBER, "Id."},
	{"host", COLUMN_TEXT, "Where it is."},
	{"port", COLUMN_NUMBER, "And on which port."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir wait broker --timeout 60s", "Waits until a broker has started."},
	{NULL, NULL},
};

static enum weir_code wait_broker_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_wait_broker = {
	.path = "wait broker",
	.summary = "Waits until brokers answer.",
	.details = "Exit status 4 when --timeout is over before.",
	.opts = opts,
	.args_size = sizeof(struct wait_broker_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = wait_broker_run,
};

struct waiting {
	struct ctx *ctx;
	int64_t count;
	struct arena arena;
	struct client_cluster cluster;
};

static enum weir_code look(void *arg, bool *done, struct weir_err *err)
{
	struct waiting *w = arg;
	struct client *client;
	arena_reset(&w->arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = connect_client(w->ctx, &client, err);
	if (code == WEIR_OK) {
		code = client_describe(client, &w->arena, &w->cluster, err);
	}
	*done = code == WEIR_OK && (int64_t)w->cluster.node_count >= w->count;
	return code;
}

static enum weir_code wait_broker_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct wait_broker_args *a = args;
	struct waiting w = {.ctx = ctx, .count = a->count};
	arena_init(&w.arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = wait_until(ctx, look, &w, "broker", err);
	if (code == WEIR_OK) {
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; i < w.cluster.node_count; i++) {
			table_number(table, w.cluster.nodes[i].id);
			table_text(table, w.cluster.nodes[i].host);
			table_number(table, w.cluster.nodes[i].port);
		}
		table_end(&table);
	}
	arena_fini(&w.arena);
	return code;
}
