/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

enum { VERSION_STATES = 6 }; /* from this on topics are named in structs */

struct topic_delete_args {
	bool regex, internal, if_exists;
};

static const struct opt opts[] = {
	OPT_BOOL(struct topic_delete_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_BOOL(struct topic_delete_args, internal, .name = "internal",
		.help = "With --regex: internal topics and those that begin with __ too."),
	OPT_BOOL(struct topic_delete_args, if_exists, .name = "if-exists",
		.help = "A topic that is not there is no error."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"id", COLUMN_TEXT, "Topic id; null where the topic is not there."},
	{"partitions", COLUMN_NUMBER, "Number of partitions it had."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic delete orders", "Deletes a topic, after asking on the terminal."},
	{"weir topic delete -y --if-exists a b", "Deletes two topics without asking."},
	{"weir topic delete --regex 'test-.*' --dry-run", "Shows which topics would go."},
	{NULL, NULL},
};

static enum weir_code topic_delete_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_delete = {
	.path = "topic delete",
	.summary = "Deletes topics and their records.",
	.details = "Asks first, unless -y is given. "
		   "Each topic is reported on a line; the exit status is the first failure's.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_delete_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = topic_delete_run,
};

static size_t count_there(const struct topic_pick *pick)
{
	size_t count = 0;
	for (size_t i = 0; i < pick->count; i++) {
		count += pick->items[i].topic != NULL;
	}
	return count;
}

static enum weir_code confirm(struct ctx *ctx, const struct topic_pick *pick, struct weir_err *err)
{
	enum { SHOWN_MAX = 10 };
	size_t count = count_there(pick), shown = 0;
	struct buf text;
	buf_init(&text, 0);
	buf_printf(&text, "Delete %zu topic%s and all records:", count, count == 1 ? "" : "s");
	for (size_t i = 0; i < pick->count && shown < SHOWN_MAX; i++) {
		if (pick->items[i].topic) {
			buf_printf(&text, "%s %s", shown++ ? "," : "", pick->items[i].name);
		}
	}
	buf_printf(&text, "%s?", count > shown ? ", ..." : "");
	enum weir_code code = ctx_confirm(ctx, buf_str(&text), err);
	buf_fini(&text);
	return code;
}

static enum weir_code send(struct ctx *ctx, struct client *client, const struct topic_pick *pick,
	struct arena *arena, struct delete_topics_response *response, struct weir_err *err)
{
	struct delete_topics_request request;
	wire_defaults(&delete_topics_request_message, &request);
	request.timeout_ms = topic_timeout_ms(ctx);
	request.topics = mem_array(pick->count, sizeof(*request.topics));
	request.topic_names = mem_array(pick->count, sizeof(*request.topic_names));
	bool states = client_has_api(client, REQUEST_DELETE_TOPICS, VERSION_STATES);
	for (size_t i = 0; i < pick->count; i++) {
		if (pick->items[i].topic && states) {
			request.topics[request.topics_count++].name =
				slice_str(pick->items[i].name);
		} else if (pick->items[i].topic) {
			request.topic_names[request.topic_names_count++] =
				slice_str(pick->items[i].name);
		}
	}
	enum weir_code code = client_call(client, CLIENT_CONTROLLER, REQUEST_DELETE_TOPICS,
		&request, arena, response, NULL, err);
	mem_free(request.topics);
	mem_free(request.topic_names);
	return code;
}

/* The broker's answer on one topic; NULL: none. */
static const struct delete_topics_response_deletable_topic_result *answer_on(
	const struct delete_topics_response *response, const char *name)
{
	for (int32_t i = 0; i < response->responses_count; i++) {
		if (slice_equal(response->responses[i].name, slice_str(name))) {
			return &response->responses[i];
		}
	}
	return NULL;
}

static void put_row(struct ctx *ctx, struct table *table, struct outcome *outcome,
	const struct topic_item *item, const struct delete_topics_response *response)
{
	const struct delete_topics_response_deletable_topic_result *answer =
		answer_on(response, item->name);
	enum weir_code code = WEIR_OK;
	if (!ctx->globals.dry_run) {
		code = answer ? err_info(answer->error_code)->code : WEIR_PROTOCOL;
	}
	char id[UUID_TEXT_LEN + 1];
	uuid_format(item->topic->id, id);
	table_text(table, item->name);
	table_text(table, uuid_is_zero(item->topic->id) ? NULL : id);
	table_number(table, item->topic->partition_count);
	char *what = mem_printf("topic \"%s\"", item->name);
	outcome_cells(outcome, table, ctx->globals.dry_run ? "would delete" : "deleted", what, code,
		answer ? answer->error_message : slice_of(NULL, 0));
	mem_free(what);
}

static void put_missing(struct ctx *ctx, struct table *table, struct outcome *outcome,
	const struct topic_pick *pick, const struct topic_item *item, bool if_exists)
{
	table_text(table, item->name);
	table_null(table);
	table_null(table);
	if (if_exists && item->error == WEIR_UNKNOWN_TOPIC_OR_PARTITION) {
		outcome_cells(outcome, table, "not there", NULL, WEIR_OK, slice_of(NULL, 0));
	} else {
		topic_missing_cells(ctx, pick, item, outcome, table);
	}
}

static enum weir_code topic_delete_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_delete_args *a = args;
	struct client *client;
	struct topic_pick pick;
	struct delete_topics_response response = {0};
	struct arena arena;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = topic_pick(client, ctx->words, ctx->word_count, a->regex, a->internal, &pick, err);
	if (code == WEIR_OK && count_there(&pick) && !ctx->globals.dry_run) {
		code = confirm(ctx, &pick, err);
		if (code == WEIR_OK) {
			code = send(ctx, client, &pick, &arena, &response, err);
		}
	}
	if (code == WEIR_OK) {
		struct outcome outcome = {0};
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; i < pick.count; i++) {
			if (pick.items[i].topic) {
				put_row(ctx, table, &outcome, &pick.items[i], &response);
			} else {
				put_missing(
					ctx, table, &outcome, &pick, &pick.items[i], a->if_exists);
			}
		}
		table_end(&table);
		code = outcome_end(&outcome, err);
	}
	topic_pick_fini(&pick);
	arena_fini(&arena);
	return code;
}
