/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/wire/messages.h"

struct topic_add_partitions_args {
	const char *partitions;
	bool regex;
};

static const struct opt opts[] = {
	OPT_STR(struct topic_add_partitions_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "N", .help = "How many there shall be; +N: how many more."),
	OPT_BOOL(struct topic_add_partitions_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"old", COLUMN_NUMBER, "Number of partitions before."},
	{"new", COLUMN_NUMBER, "Number of partitions after."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic add-partitions orders -p 12", "Makes it twelve."},
	{"weir topic add-partitions orders -p +2 --dry-run", "Shows what two more would be."},
	{NULL, NULL},
};

static enum weir_code topic_add_partitions_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_add_partitions = {
	.path = "topic add-partitions",
	.summary = "Adds partitions to topics.",
	.details = "Records stay where they are, so new records of a key may go to another "
		   "partition than its old ones. Partitions can never be taken away.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_add_partitions_args),
	.needs = NEEDS_CLIENT,
	.changes = true,
	.columns = columns,
	.examples = examples,
	.run = topic_add_partitions_run,
};

struct wanted {
	int64_t number;
	bool more; /* than there are */
};

static enum weir_code parse_wanted(const char *text, struct wanted *wanted, struct weir_err *err)
{
	if (!text) {
		return err_set(err, WEIR_USAGE, "-p is missing: the number of partitions");
	}
	wanted->more = text[0] == '+';
	enum weir_code code = number_i64(
		text + wanted->more, 1, LIMIT_PARTITIONS_PER_TOPIC, &wanted->number, err);
	return code == WEIR_OK ? code : err_wrap(err, "-p");
}

static int32_t new_count(const struct wanted *wanted, const struct client_topic *topic)
{
	int64_t count = wanted->more ? topic->partition_count + wanted->number : wanted->number;
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

/* Topics that have that many already are not asked for. */
static enum weir_code send(struct ctx *ctx, struct client *client, const struct topic_pick *pick,
	const struct wanted *wanted, struct arena *arena,
	struct create_partitions_response *response, struct weir_err *err)
{
	struct create_partitions_request request;
	wire_defaults(&create_partitions_request_message, &request);
	request.timeout_ms = topic_timeout_ms(ctx);
	request.validate_only = ctx->globals.dry_run;
	request.topics = mem_array(pick->count + 1, sizeof(*request.topics));
	for (size_t i = 0; i < pick->count; i++) {
		const struct client_topic *topic = pick->items[i].topic;
		if (topic && new_count(wanted, topic) != topic->partition_count) {
			request.topics[request.topics_count++] =
				(struct create_partitions_request_create_partitions_topic){
					.name = slice_str(topic->name),
					.count = new_count(wanted, topic),
					.assignments_count = -1};
		}
	}
	enum weir_code code = WEIR_OK;
	if (request.topics_count) {
		code = client_call(client, CLIENT_CONTROLLER, REQUEST_CREATE_PARTITIONS, &request,
			arena, response, NULL, err);
	}
	mem_free(request.topics);
	return code;
}

static const struct create_partitions_response_create_partitions_topic_result *answer_on(
	const struct create_partitions_response *response, const char *name)
{
	for (int32_t i = 0; i < response->results_count; i++) {
		if (slice_equal(response->results[i].name, slice_str(name))) {
			return &response->results[i];
		}
	}
	return NULL;
}

static void put_row(struct ctx *ctx, struct table *table, struct outcome *outcome,
	const struct client_topic *topic, int32_t count,
	const struct create_partitions_response *response)
{
	const struct create_partitions_response_create_partitions_topic_result *answer =
		answer_on(response, topic->name);
	bool same = count == topic->partition_count;
	enum weir_code code = same     ? WEIR_OK
			      : answer ? err_info(answer->error_code)->code
				       : WEIR_PROTOCOL;
	const char *done = same ? "unchanged" : ctx->globals.dry_run ? "would add" : "added";
	char *what = mem_printf("topic \"%s\"", topic->name);
	table_text(table, topic->name);
	table_number(table, topic->partition_count);
	table_number(table, code == WEIR_OK ? count : topic->partition_count);
	outcome_cells(outcome, table, done, what, code,
		answer ? answer->error_message : slice_of(NULL, 0));
	mem_free(what);
}

static enum weir_code put_rows(struct ctx *ctx, const struct topic_pick *pick,
	const struct wanted *wanted, const struct create_partitions_response *response,
	struct weir_err *err)
{
	struct outcome outcome = {0};
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < pick->count; i++) {
		const struct topic_item *item = &pick->items[i];
		if (item->topic) {
			put_row(ctx, table, &outcome, item->topic, new_count(wanted, item->topic),
				response);
			continue;
		}
		table_text(table, item->name);
		table_null(table);
		table_null(table);
		topic_missing_cells(ctx, pick, item, &outcome, table);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}

static enum weir_code topic_add_partitions_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_add_partitions_args *a = args;
	struct client *client;
	struct topic_pick pick;
	struct arena arena;
	struct wanted wanted;
	struct create_partitions_response response = {0};
	enum weir_code code = parse_wanted(a->partitions, &wanted, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &client, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = topic_pick(client, ctx->words, ctx->word_count, a->regex, false, &pick, err);
	if (code == WEIR_OK) {
		code = send(ctx, client, &pick, &wanted, &arena, &response, err);
	}
	if (code == WEIR_OK) {
		code = put_rows(ctx, &pick, &wanted, &response, err);
	}
	topic_pick_fini(&pick);
	arena_fini(&arena);
	return code;
}
