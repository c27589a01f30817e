/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/candidates.h"
#include "cli/command.h"

static const struct column columns[] = {
	{"word", COLUMN_TEXT, "What the last word may become; :files or :folders stands for them."},
	{"help", COLUMN_TEXT, "What that is; null where there is nothing to say."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir complete -- topic cr", "Shows what \"weir topic cr\" may become."},
	{"weir complete -- consume ''", "Lists the topics, as the tab key would."},
	{NULL, NULL},
};

static enum weir_code complete_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_complete = {
	.path = "complete",
	.summary = "Lists what may stand next on a command line.",
	.details =
		"The scripts of \"weir completion\" ask it. The last WORD is the one to complete.",
	.rest = "WORD...",
	.columns = columns,
	.examples = examples,
	.run = complete_run,
};

static void put(void *arg, const char *word, const char *help)
{
	table_text(arg, word);
	table_text(arg, help);
}

static enum weir_code complete_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	(void)err;
	struct table *table = table_new(ctx, columns);
	candidates_find(ctx, (const char *const *)ctx->rest, ctx->rest_count, put, table);
	table_end(&table);
	return WEIR_OK;
}
