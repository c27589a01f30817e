/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves committed offsets. Only a group without members can be moved from outside: members would
 * commit over it.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_seek_source.h"
#include "cli/group_view.h"
#include "cli/outcome.h"
#include "cli/topic_offset.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/group_offsets.h"

#include <stdlib.h>
#include <string.h>

struct group_seek_args {
	const char *to, *partitions;
};

static const struct opt opts[] = {
	OPT_STR(struct group_seek_args, to, .name = "to", .arg = "PLACE",
		.help = "Where to go on: start, end, N, +N and -N (from where it is), @TIME, "
			"group:NAME, file:PATH."),
	OPT_STR(struct group_seek_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "LIST", .help = "Only these partitions, as 0,2-4."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"topic", COLUMN_TEXT, "Topic that is read."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"old", COLUMN_NUMBER, "Offset that was committed; null: none."},
	{"new", COLUMN_NUMBER, "Offset that is committed now."},
	{"lag", COLUMN_NUMBER, "Offsets from there to the end."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group seek billing --to @-1h --dry-run", "Shows where the last hour begins."},
	{"weir group seek -y billing --to start orders", "Reads a topic again from its start."},
	{"weir group seek -y billing --to -100 orders -p 3",
		"Goes 100 offsets back in a partition."},
	{"weir group describe billing -O tsv >saved", "Notes where a group is, ..."},
	{"weir group seek -y billing --to file:saved", "... and brings it back there."},
	{NULL, NULL},
};

static enum weir_code group_seek_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_seek = {
	.path = "group seek",
	.summary = "Moves the committed offsets of a group.",
	.details =
		"Asks first, unless -y is given. Without TOPIC: what the group has committed, or "
		"what the other group or the file names. The group may have no members; it is "
		"made when it is not there. Offsets outside a partition are moved to its start "
		"or end.",
	.positional = "GROUP [TOPIC...]",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct group_seek_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_seek_run,
};

struct seek {
	struct ctx *ctx;
	struct client *client;
	const struct group_seek_args *args;
	const char *group;
	struct seek_to to;
	struct arena arena;
	struct group_view view;
	bool there; /* the group is */
	struct seek_row *rows;
	size_t count;
};

static void add_row(struct seek *seek, const char *topic, int32_t partition, int64_t wanted)
{
	seek->rows = mem_grow(seek->rows, seek->count + 1, sizeof(*seek->rows));
	seek->rows[seek->count++] = (struct seek_row){
		.topic = topic,
		.partition = partition,
		.old = -1,
		.wanted = wanted,
		.fresh = -1,
		.start = -1,
		.end = -1,
	};
}

static bool topic_is_named(const struct seek *seek, const char *topic)
{
	for (size_t i = 1; i < seek->ctx->word_count; i++) {
		if (strcmp(seek->ctx->words[i], topic) == 0) {
			return true;
		}
	}
	return seek->ctx->word_count == 1;
}

/* All partitions of the topics that are named, else those with committed offsets. */
static enum weir_code rows_of_topics(struct seek *seek, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 1; i < seek->ctx->word_count && code == WEIR_OK; i++) {
		const struct client_topic *topic;
		code = client_topic(seek->client, seek->ctx->words[i], &seek->arena, &topic, err);
		for (int32_t p = 0; code == WEIR_OK && p < topic->partition_count; p++) {
			add_row(seek, topic->name, p, -1);
		}
	}
	for (size_t i = 0; i < seek->view.count && seek->ctx->word_count == 1; i++) {
		if (seek->view.rows[i].committed >= 0) {
			add_row(seek, seek->view.rows[i].topic, seek->view.rows[i].partition, -1);
		}
	}
	return code;
}

static enum weir_code rows_of_group(struct seek *seek, struct weir_err *err)
{
	struct group_offset *offsets;
	size_t count;
	enum weir_code code =
		group_offsets_all(seek->client, seek->to.name, &seek->arena, &offsets, &count, err);
	if (code == WEIR_OK && !count) {
		return err_set(err, WEIR_GROUP_ID_NOT_FOUND,
			"group \"%s\" has no committed offsets", seek->to.name);
	}
	for (size_t i = 0; code == WEIR_OK && i < count; i++) {
		if (!offsets[i].error && offsets[i].offset >= 0 &&
			topic_is_named(seek, offsets[i].topic)) {
			add_row(seek, offsets[i].topic, offsets[i].partition, offsets[i].offset);
		}
	}
	return code;
}

static int compare_rows(const void *a, const void *b)
{
	const struct seek_row *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static enum weir_code rows_of_file(struct seek *seek, struct weir_err *err)
{
	enum weir_code code =
		seek_file_read(seek->to.name, &seek->arena, &seek->rows, &seek->count, err);
	size_t kept = 0;
	for (size_t i = 0; i < seek->count; i++) {
		if (topic_is_named(seek, seek->rows[i].topic)) {
			seek->rows[kept++] = seek->rows[i];
		}
	}
	seek->count = kept;
	if (seek->count) {
		qsort(seek->rows, seek->count, sizeof(*seek->rows), compare_rows);
	}
	for (size_t i = 1; i < seek->count && code == WEIR_OK; i++) {
		if (compare_rows(&seek->rows[i - 1], &seek->rows[i]) == 0) {
			code = err_set(err, WEIR_BAD_DATA, "%s names %s partition %d twice",
				seek->to.name, seek->rows[i].topic, (int)seek->rows[i].partition);
		}
	}
	return code;
}

/* Leaves out what -p does not list. */
static enum weir_code keep_partitions(struct seek *seek, struct weir_err *err)
{
	int32_t most = 0;
	size_t kept = 0;
	if (!seek->args->partitions) {
		return WEIR_OK;
	}
	for (size_t i = 0; i < seek->count; i++) {
		int32_t next = seek->rows[i].partition + 1;
		most = next > most ? next : most;
	}
	struct topic_spot *spots = mem_array((size_t)most + 1, sizeof(*spots));
	enum weir_code code = topic_choose_spots(seek->args->partitions, spots, most, err);
	for (size_t i = 0; i < seek->count && code == WEIR_OK; i++) {
		if (spots[seek->rows[i].partition].chosen) {
			seek->rows[kept++] = seek->rows[i];
		}
	}
	seek->count = kept;
	mem_free(spots);
	return code;
}

static void find_old(struct seek *seek)
{
	size_t at = 0;
	for (size_t i = 0; i < seek->count; i++) {
		for (size_t k = 0; k < seek->view.count; k++) {
			size_t v = (at + k) % seek->view.count;
			const struct group_row *row = &seek->view.rows[v];
			if (row->partition == seek->rows[i].partition &&
				strcmp(row->topic, seek->rows[i].topic) == 0) {
				seek->rows[i].old = row->committed;
				at = v;
				break;
			}
		}
	}
}

static int64_t aim(const struct seek *seek, const struct seek_row *row, int64_t at_time)
{
	int64_t from = row->old < 0 ? row->start : row->old;
	switch (seek->to.kind) {
	case SEEK_TO_START:
		return row->start;
	case SEEK_TO_END:
		return row->end;
	case SEEK_TO_OFFSET:
		return seek->to.number;
	case SEEK_TO_SHIFT:
		return from > INT64_MAX - seek->to.number && seek->to.number > 0
			       ? INT64_MAX
			       : from + seek->to.number;
	case SEEK_TO_TIME:
		return at_time < 0 ? row->end : at_time;
	default:
		return row->wanted;
	}
}

/* Rows of one topic: ends, time, and where to go. */
static enum weir_code aim_topic(
	struct seek *seek, struct seek_row *rows, size_t count, struct weir_err *err)
{
	struct client_offset *asks = mem_array(count * 3, sizeof(*asks));
	bool timed = seek->to.kind == SEEK_TO_TIME;
	size_t each = timed ? 3 : 2;
	for (size_t i = 0; i < count; i++) {
		struct client_offset *ask = asks + i * each;
		ask[0] = (struct client_offset){rows[i].partition, CLIENT_OFFSET_EARLIEST, -1, 0};
		ask[1] = (struct client_offset){rows[i].partition, CLIENT_OFFSET_LATEST, -1, 0};
		if (timed) {
			ask[2] = (struct client_offset){rows[i].partition, seek->to.number, -1, 0};
		}
	}
	enum weir_code code =
		client_offsets(seek->client, rows[0].topic, false, asks, count * each, err);
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		const struct client_offset *ask = asks + i * each;
		int32_t error = ask[0].error ? ask[0].error : ask[1].error;
		error = error || !timed ? error : ask[2].error;
		rows[i].start = ask[0].offset;
		rows[i].end = ask[1].offset;
		rows[i].error = error ? err_info(error)->code : WEIR_OK;
		int64_t fresh = aim(seek, &rows[i], timed ? ask[2].offset : -1);
		fresh = fresh < rows[i].start ? rows[i].start : fresh;
		rows[i].fresh = fresh > rows[i].end ? rows[i].end : fresh;
	}
	mem_free(asks);
	return code;
}

static enum weir_code aim_all(struct seek *seek, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < seek->count && code == WEIR_OK;) {
		size_t end = i + 1;
		while (end < seek->count &&
			strcmp(seek->rows[end].topic, seek->rows[i].topic) == 0) {
			end++;
		}
		code = aim_topic(seek, seek->rows + i, end - i, err);
		i = end;
	}
	return code;
}

static bool moves(const struct seek_row *row)
{
	return !row->error && row->fresh != row->old;
}

static enum weir_code commit(struct seek *seek, struct weir_err *err)
{
	struct group_offset *items = mem_array(seek->count + 1, sizeof(*items));
	size_t count = 0, at = 0;
	for (size_t i = 0; i < seek->count; i++) {
		if (moves(&seek->rows[i])) {
			items[count++] = (struct group_offset){.topic = seek->rows[i].topic,
				.partition = seek->rows[i].partition,
				.offset = seek->rows[i].fresh,
				.leader_epoch = -1};
		}
	}
	enum weir_code code = WEIR_OK;
	if (count) {
		code = group_offsets_commit(
			seek->client, seek->group, &group_outsider, items, count, err);
	}
	for (size_t i = 0; i < seek->count && code == WEIR_OK; i++) {
		if (moves(&seek->rows[i])) {
			int16_t error = items[at++].error;
			seek->rows[i].error = error ? err_info(error)->code : WEIR_OK;
		}
	}
	mem_free(items);
	return code;
}

static enum weir_code confirm(const struct seek *seek, struct weir_err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < seek->count; i++) {
		count += moves(&seek->rows[i]);
	}
	if (!count) {
		return WEIR_OK;
	}
	char *question = mem_printf(
		"Move group %s in %zu partition%s?", seek->group, count, count == 1 ? "" : "s");
	enum weir_code code = ctx_confirm(seek->ctx, question, err);
	mem_free(question);
	return code;
}

static enum weir_code put_rows(const struct seek *seek, struct weir_err *err)
{
	struct outcome outcome = {0};
	struct table *table = table_new(seek->ctx, columns);
	for (size_t i = 0; i < seek->count; i++) {
		const struct seek_row *row = &seek->rows[i];
		int64_t now_at = row->error ? row->old : row->fresh;
		char *what =
			mem_printf("topic \"%s\" partition %d", row->topic, (int)row->partition);
		table_text(table, seek->group);
		table_text(table, row->topic);
		table_number(table, row->partition);
		table_known(table, row->old);
		table_known(table, now_at);
		table_known(table, now_at < 0 ? -1 : row->end - now_at);
		outcome_cells(&outcome, table,
			row->fresh == row->old	     ? "unchanged"
			: seek->ctx->globals.dry_run ? "would move"
						     : "moved",
			what, row->error, slice_of(NULL, 0));
		mem_free(what);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}

static enum weir_code load(struct seek *seek, struct weir_err *err)
{
	enum weir_code code =
		group_view_load(seek->ctx, seek->client, seek->group, &seek->view, err);
	bool elsewhere = seek->ctx->word_count > 1 || seek->to.kind == SEEK_TO_GROUP ||
			 seek->to.kind == SEEK_TO_FILE;
	if (code == WEIR_GROUP_ID_NOT_FOUND && elsewhere) {
		seek->ctx->hint.text[0] = '\0';
		return WEIR_OK;
	}
	if (code == WEIR_OK && seek->view.group.member_count) {
		hint_set(&seek->ctx->hint, "stop its members first");
		return err_set(err, WEIR_NON_EMPTY_GROUP,
			"group \"%s\" has %zu member%s, which would go on where they are",
			seek->group, seek->view.group.member_count,
			seek->view.group.member_count == 1 ? "" : "s");
	}
	return code;
}

static enum weir_code seek_group(struct seek *seek, struct weir_err *err)
{
	enum weir_code code = load(seek, err);
	if (code == WEIR_OK && seek->to.kind == SEEK_TO_GROUP) {
		code = rows_of_group(seek, err);
	} else if (code == WEIR_OK && seek->to.kind == SEEK_TO_FILE) {
		code = rows_of_file(seek, err);
	} else if (code == WEIR_OK) {
		code = rows_of_topics(seek, err);
	}
	code = code == WEIR_OK ? keep_partitions(seek, err) : code;
	if (code == WEIR_OK) {
		find_old(seek);
		code = aim_all(seek, err);
	}
	if (code == WEIR_OK && !seek->ctx->globals.dry_run) {
		code = confirm(seek, err);
		code = code == WEIR_OK ? commit(seek, err) : code;
	}
	return code == WEIR_OK ? put_rows(seek, err) : code;
}

static enum weir_code group_seek_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct seek seek = {.ctx = ctx, .args = args, .group = ctx->words[0]};
	if (!seek.args->to) {
		return err_set(err, WEIR_USAGE, "--to is missing: where to go on");
	}
	enum weir_code code = seek_to_parse(seek.args->to, clock_wall_ms(), &seek.to, err);
	arena_init(&seek.arena, LIMIT_FRAME_DEFAULT);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &seek.client, err);
	}
	if (code == WEIR_OK) {
		code = seek_group(&seek, err);
		group_view_fini(&seek.view);
	}
	mem_free(seek.rows);
	arena_fini(&seek.arena);
	return code;
}
