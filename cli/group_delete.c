/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "cli/outcome.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

struct group_delete_args {
	bool if_exists;
};

static const struct opt opts[] = {
	OPT_BOOL(struct group_delete_args, if_exists, .name = "if-exists",
		.help = "A group that is not there is no failure."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group delete billing", "Deletes a group with its offsets, after asking."},
	{"weir group delete -y a b --if-exists", "Deletes two without asking."},
	{NULL, NULL},
};

static enum weir_code group_delete_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_delete = {
	.path = "group delete",
	.summary = "Deletes groups and their committed offsets.",
	.details = "Only groups without members can be deleted.",
	.positional = "GROUP...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct group_delete_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_delete_run,
};

/* What deleting would meet, without doing it. */
static enum weir_code try_out(struct client *client, const char *group, struct weir_err *err)
{
	struct group_description description;
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = groups_describe(client, group, &arena, &description, err);
	if (code == WEIR_OK && description.member_count) {
		code = err_set(err, WEIR_NON_EMPTY_GROUP, "group \"%s\" has members", group);
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code confirm(struct ctx *ctx, struct weir_err *err)
{
	if (ctx->globals.dry_run) {
		return WEIR_OK;
	}
	char *question =
		ctx->word_count == 1
			? mem_printf("Delete group %s and its offsets?", ctx->words[0])
			: mem_printf("Delete %zu groups and their offsets?", ctx->word_count);
	enum weir_code code = ctx_confirm(ctx, question, err);
	mem_free(question);
	return code;
}

static enum weir_code group_delete_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct group_delete_args *a = args;
	struct client *client;
	struct outcome outcome = {0};
	bool dry = ctx->globals.dry_run;
	enum weir_code code = connect_client(ctx, &client, err);
	code = code == WEIR_OK ? confirm(ctx, err) : code;
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < ctx->word_count; i++) {
		struct weir_err why;
		const char *group = ctx->words[i], *done = dry ? "would delete" : "deleted";
		code = (dry ? try_out : groups_delete)(client, group, &why);
		if (code == WEIR_GROUP_ID_NOT_FOUND && a->if_exists) {
			code = WEIR_OK;
			done = "absent";
		} else if (code == WEIR_GROUP_ID_NOT_FOUND) {
			group_hint(ctx, client, group);
		}
		char *what = mem_printf("group \"%s\"", group);
		table_text(table, group);
		outcome_cells(&outcome, table, done, what, code, slice_of(NULL, 0));
		mem_free(what);
	}
	table_end(&table);
	return outcome_end(&outcome, err);
}
