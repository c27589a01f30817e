/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/wait.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/client.h"

struct wait_topic_args {
	int64_t partitions;
};

static const struct opt opts[] = {
	OPT_I64(struct wait_topic_args, partitions, .name = "partitions", .letter = 'p', .arg = "N",
		.unset = 1, .min = 1, .max = INT32_MAX,
		.help = "Until it has at least N partitions."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partitions", COLUMN_NUMBER, "Number of partitions; each has a leader."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir wait topic orders", "Waits until somebody has made a topic."},
	{"weir wait topic orders users --timeout 5s", "Waits for two, five seconds at most."},
	{NULL, NULL},
};

static enum weir_code wait_topic_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_wait_topic = {
	.path = "wait topic",
	.summary = "Waits until topics are there and can be written to.",
	.details = "Exit status 4 when --timeout is over before.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct wait_topic_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = wait_topic_run,
};

struct waiting {
	struct ctx *ctx;
	const char *name;
	int64_t partitions;
	int32_t found;
};

static enum weir_code look(void *arg, bool *done, struct weir_err *err)
{
	struct waiting *w = arg;
	struct client *client;
	const struct client_topic *topic;
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = connect_client(w->ctx, &client, err);
	if (code == WEIR_OK) {
		code = client_topic(client, w->name, &arena, &topic, err);
	}
	if (code == WEIR_OK) {
		w->found = topic->partition_count;
		*done = topic->partition_count >= w->partitions;
		for (int32_t p = 0; p < topic->partition_count; p++) {
			*done = *done && topic->partitions[p].leader >= 0;
		}
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code wait_topic_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct wait_topic_args *a = args;
	struct table *table = table_new(ctx, columns);
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < ctx->word_count && code == WEIR_OK; i++) {
		struct waiting w = {.ctx = ctx, .name = ctx->words[i], .partitions = a->partitions};
		char *what = mem_printf("topic \"%s\"", w.name);
		code = wait_until(ctx, look, &w, what, err);
		mem_free(what);
		if (code == WEIR_OK) {
			table_text(table, w.name);
			table_number(table, w.found);
		}
	}
	table_end(&table);
	return code;
}
