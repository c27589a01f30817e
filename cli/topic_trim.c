/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deletes the oldest records: one DeleteRecords request to each leader. Where the place lies before
 * the start nothing is asked for.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/topic_common.h"
#include "cli/topic_offset.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

#include <inttypes.h>

struct topic_trim_args {
	const char *offset, *partitions;
};

static const struct opt opts[] = {
	OPT_STR(struct topic_trim_args, offset, .name = "offset", .letter = 'o', .arg = "PLACE",
		.help = "First offset to keep: start, end, N, -N, +N, @TIME, or P=PLACE,... ."),
	OPT_STR(struct topic_trim_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "LIST", .help = "Only these partitions, as 0,2-4."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"old_start", COLUMN_NUMBER, "First offset that was kept before."},
	{"new_start", COLUMN_NUMBER, "First offset that is kept now."},
	{"end", COLUMN_NUMBER, "Offset behind the last one."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic trim orders -o @-7d", "Deletes what is older than a week, after asking."},
	{"weir topic trim orders -o -1000 --dry-run",
		"Shows what would go if 1000 offsets a partition were kept."},
	{"weir topic trim -y orders -o end -p 3", "Empties partition 3 without asking."},
	{"weir topic trim orders -o 0=500,1=700", "Trims two partitions."},
	{NULL, NULL},
};

static enum weir_code topic_trim_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_trim = {
	.path = "topic trim",
	.summary = "Deletes the oldest records of a topic.",
	.details = "Asks first, unless -y is given. "
		   "The topic itself and its offsets stay.",
	.positional = "TOPIC",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct topic_trim_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = topic_trim_run,
};

struct trim {
	struct ctx *ctx;
	struct client *client;
	const struct client_topic *topic;
	struct topic_spot *spots;
	int64_t *new_starts; /* -1: not known */
	bool *sent;
};

static bool has_work(const struct trim *trim, int32_t partition)
{
	const struct topic_spot *spot = &trim->spots[partition];
	return spot->chosen && !spot->error && spot->offset > spot->start;
}

/* Leaves out the partitions that -o does not list; a place past the end is an error. */
static void check_places(struct trim *trim)
{
	for (int32_t p = 0; p < trim->topic->partition_count; p++) {
		struct topic_spot *spot = &trim->spots[p];
		spot->chosen = spot->chosen && (spot->offset >= 0 || spot->error);
		if (spot->chosen && !spot->error && spot->offset > spot->end) {
			spot->error = WEIR_OFFSET_OUT_OF_RANGE;
		}
		trim->new_starts[p] = spot->offset > spot->start ? spot->offset : spot->start;
	}
}

static enum weir_code confirm(const struct trim *trim, struct weir_err *err)
{
	int64_t offsets = 0;
	int partitions = 0;
	for (int32_t p = 0; p < trim->topic->partition_count; p++) {
		if (has_work(trim, p)) {
			offsets += trim->spots[p].offset - trim->spots[p].start;
			partitions++;
		}
	}
	if (!partitions) {
		return WEIR_OK;
	}
	char *question = mem_printf("Delete the oldest records of %s, %" PRId64
				    " offsets in %d partition%s?",
		trim->topic->name, offsets, partitions, partitions == 1 ? "" : "s");
	enum weir_code code = ctx_confirm(trim->ctx, question, err);
	mem_free(question);
	return code;
}

static void take_answer(struct trim *trim, const struct delete_records_response *response)
{
	for (int32_t t = 0; t < response->topics_count; t++) {
		for (int32_t i = 0; i < response->topics[t].partitions_count; i++) {
			const struct delete_records_response_delete_records_partition_result *r =
				&response->topics[t].partitions[i];
			if (r->partition_index < 0 ||
				r->partition_index >= trim->topic->partition_count) {
				continue;
			}
			struct topic_spot *spot = &trim->spots[r->partition_index];
			spot->error = r->error_code ? err_info(r->error_code)->code : WEIR_OK;
			trim->new_starts[r->partition_index] =
				spot->error ? spot->start : r->low_watermark;
		}
	}
}

/* All partitions of one leader that are not sent yet. */
static enum weir_code send(struct trim *trim, int32_t leader, struct weir_err *err)
{
	struct delete_records_request request;
	struct delete_records_request_delete_records_topic topic = {
		.name = slice_str(trim->topic->name)};
	struct delete_records_response response = {0};
	struct arena arena;
	int32_t count = trim->topic->partition_count;
	topic.partitions = mem_array((size_t)count, sizeof(*topic.partitions));
	for (int32_t p = 0; p < count; p++) {
		if (has_work(trim, p) && !trim->sent[p] &&
			trim->topic->partitions[p].leader == leader) {
			trim->sent[p] = true;
			/* Until the answer says better. */
			trim->spots[p].error = WEIR_LEADER_NOT_AVAILABLE;
			topic.partitions[topic.partitions_count++] =
				(struct delete_records_request_delete_records_partition){
					.partition_index = p, .offset = trim->spots[p].offset};
		}
	}
	wire_defaults(&delete_records_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	request.timeout_ms = topic_timeout_ms(trim->ctx);
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = WEIR_OK;
	if (leader >= 0) {
		code = client_call(trim->client, leader, REQUEST_DELETE_RECORDS, &request, &arena,
			&response, NULL, err);
		take_answer(trim, &response);
	}
	arena_fini(&arena);
	mem_free(topic.partitions);
	return code;
}

static enum weir_code put_rows(const struct trim *trim, struct weir_err *err)
{
	struct outcome outcome = {0};
	struct table *table = table_new(trim->ctx, columns);
	bool dry = trim->ctx->globals.dry_run;
	for (int32_t p = 0; p < trim->topic->partition_count; p++) {
		const struct topic_spot *spot = &trim->spots[p];
		if (!spot->chosen) {
			continue;
		}
		bool same = trim->new_starts[p] == spot->start;
		char *what = mem_printf("topic \"%s\" partition %d", trim->topic->name, (int)p);
		table_text(table, trim->topic->name);
		table_number(table, p);
		table_number(table, spot->start);
		table_number(table, spot->error ? spot->start : trim->new_starts[p]);
		table_number(table, spot->end);
		outcome_cells(&outcome, table,
			same  ? "unchanged"
			: dry ? "would trim"
			      : "trimmed",
			what, spot->error, slice_of(NULL, 0));
		mem_free(what);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}

static enum weir_code trim_topic(struct trim *trim, const struct topic_trim_args *args,
	const struct topic_places *places, struct weir_err *err)
{
	int32_t count = trim->topic->partition_count;
	enum weir_code code = topic_choose_spots(args->partitions, trim->spots, count, err);
	if (code == WEIR_OK) {
		code = topic_places_find(
			trim->client, trim->topic, places, false, trim->spots, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	check_places(trim);
	if (!trim->ctx->globals.dry_run) {
		code = confirm(trim, err);
		for (int32_t p = 0; code == WEIR_OK && p < count; p++) {
			if (has_work(trim, p) && !trim->sent[p]) {
				code = send(trim, trim->topic->partitions[p].leader, err);
			}
		}
	}
	return code == WEIR_OK ? put_rows(trim, err) : code;
}

static enum weir_code topic_trim_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct topic_trim_args *a = args;
	struct trim trim = {.ctx = ctx};
	struct topic_places places;
	struct arena arena;
	if (!a->offset) {
		return err_set(err, WEIR_USAGE, "-o is missing: the first offset to keep");
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = topic_places_parse(a->offset, &places, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &trim.client, err);
	}
	if (code == WEIR_OK) {
		code = client_topic(trim.client, ctx->words[0], &arena, &trim.topic, err);
	}
	if (code == WEIR_OK) {
		size_t count = (size_t)trim.topic->partition_count + 1;
		trim.spots = mem_array(count, sizeof(*trim.spots));
		trim.new_starts = mem_array(count, sizeof(*trim.new_starts));
		trim.sent = mem_array(count, sizeof(*trim.sent));
		code = trim_topic(&trim, a, &places, err);
	}
	mem_free(trim.spots);
	mem_free(trim.new_starts);
	mem_free(trim.sent);
	topic_places_fini(&places);
	arena_fini(&arena);
	return code;
}
