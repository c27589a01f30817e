/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "cli/outcome.h"
#include "cli/topic_offset.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/group_offsets.h"

#include <inttypes.h>
#include <string.h>

struct group_forget_args {
	const char *partitions;
};

static const struct opt opts[] = {
	OPT_STR(struct group_forget_args, partitions, .name = "partitions", .letter = 'p',
		.arg = "LIST", .help = "Only these partitions, as 0,2-4."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"topic", COLUMN_TEXT, "Topic whose offsets go."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"committed", COLUMN_NUMBER, "Offset that was committed."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group forget billing orders", "Forgets how far a group was in a topic."},
	{"weir group forget -y billing orders -p 0", "The same for one partition, without asking."},
	{NULL, NULL},
};

static enum weir_code group_forget_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_forget = {
	.path = "group forget",
	.summary = "Deletes a group's committed offsets of topics.",
	.details = "Asks first, unless -y is given. No member of the group may subscribe to the "
		   "topics.",
	.positional = "GROUP TOPIC...",
	.positional_min = 2,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct group_forget_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_forget_run,
};

static bool is_named(const struct ctx *ctx, const char *topic)
{
	for (size_t i = 1; i < ctx->word_count; i++) {
		if (strcmp(ctx->words[i], topic) == 0) {
			return true;
		}
	}
	return false;
}

/* Keeps what the words and -p name, at the front. */
static enum weir_code choose(struct ctx *ctx, const struct group_forget_args *args,
	struct group_offset *items, size_t *count, struct weir_err *err)
{
	int32_t most = 0;
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		most = items[i].partition >= most ? items[i].partition + 1 : most;
	}
	struct topic_spot *spots = mem_array((size_t)most + 1, sizeof(*spots));
	enum weir_code code = topic_choose_spots(args->partitions, spots, most, err);
	for (size_t i = 0; i < *count && code == WEIR_OK; i++) {
		if (is_named(ctx, items[i].topic) && spots[items[i].partition].chosen) {
			items[kept++] = items[i];
		}
	}
	*count = kept;
	mem_free(spots);
	if (code == WEIR_OK && !kept) {
		return err_set(err, WEIR_NOT_FOUND, "group \"%s\" has no committed offsets of %s",
			ctx->words[0], ctx->word_count == 2 ? ctx->words[1] : "these topics");
	}
	return code;
}

static enum weir_code put_rows(
	struct ctx *ctx, const struct group_offset *items, size_t count, struct weir_err *err)
{
	struct outcome outcome = {0};
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < count; i++) {
		char *what = mem_printf(
			"topic \"%s\" partition %d", items[i].topic, (int)items[i].partition);
		table_text(table, ctx->words[0]);
		table_text(table, items[i].topic);
		table_number(table, items[i].partition);
		table_known(table, items[i].offset);
		outcome_cells(&outcome, table, ctx->globals.dry_run ? "would forget" : "forgotten",
			what, items[i].error ? err_info(items[i].error)->code : WEIR_OK,
			slice_of(NULL, 0));
		mem_free(what);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}

static enum weir_code forget(struct ctx *ctx, struct client *client, struct group_offset *items,
	size_t count, struct weir_err *err)
{
	char *question = mem_printf(
		"Forget %zu offset%s of group %s?", count, count == 1 ? "" : "s", ctx->words[0]);
	enum weir_code code = ctx_confirm(ctx, question, err);
	mem_free(question);
	return code == WEIR_OK ? group_offsets_delete(client, ctx->words[0], items, count, err)
			       : code;
}

static enum weir_code group_forget_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct client *client;
	struct group_offset *items;
	struct arena arena;
	size_t count;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = group_offsets_all(client, ctx->words[0], &arena, &items, &count, err);
	if (code == WEIR_OK && !count) {
		group_hint(ctx, client, ctx->words[0]);
	}
	if (code == WEIR_OK) {
		code = choose(ctx, args, items, &count, err);
	}
	if (code == WEIR_OK && !ctx->globals.dry_run) {
		code = forget(ctx, client, items, count, err);
	}
	if (code == WEIR_OK) {
		code = put_rows(ctx, items, count, err);
	}
	arena_fini(&arena);
	return code;
}
