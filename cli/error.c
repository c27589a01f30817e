/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "core/base/near.h"

#include <string.h>

static const struct column columns[] = {
	{"code", COLUMN_NUMBER, "Number in the protocol; below -1000: weir's own."},
	{"name", COLUMN_TEXT, "Kafka's name; weir's own where code is below -1000."},
	{"retriable", COLUMN_BOOL, "Whether the same request may succeed later."},
	{"exit", COLUMN_NUMBER, "Exit status of a command that fails with it."},
	{"text", COLUMN_TEXT, "What it means."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir error 3", "Says what code 3 of the protocol means."},
	{"weir error not_leader_or_follower", "Finds an error by its name."},
	{"weir error list -O tsv", "Lists all errors, one a line."},
	{NULL, NULL},
};

static enum weir_code error_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_error = {
	.path = "error",
	.summary = "Explains error codes of the Kafka protocol and of weir.",
	.positional = "list|CODE|NAME...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.columns = columns,
	.examples = examples,
	.run = error_run,
};

static void put_row(struct table *table, const struct err_info *info)
{
	table_number(table, info->code);
	table_text(table, info->name);
	table_bool(table, info->retriable);
	table_number(table, info->exit_status);
	table_text(table, info->text);
}

static enum weir_code check(struct ctx *ctx, const char *word, struct weir_err *err)
{
	if (strcmp(word, "list") == 0 || err_info_find(word)) {
		return WEIR_OK;
	}
	struct near near;
	char upper[64] = "";
	for (size_t i = 0; word[i] && i + 1 < sizeof(upper); i++) {
		upper[i] = word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 32) : word[i];
	}
	near_init(&near, upper);
	for (size_t i = 0; err_info_at(i); i++) {
		near_offer(&near, err_info_at(i)->name);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean %s?", near.best);
	}
	if (!near.best) {
		hint_set(&ctx->hint, "\"weir error list\" lists them");
	}
	return err_set(err, WEIR_NOT_FOUND, "no error \"%s\"", word);
}

static enum weir_code error_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	for (size_t i = 0; i < ctx->word_count; i++) {
		enum weir_code code = check(ctx, ctx->words[i], err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < ctx->word_count; i++) {
		if (strcmp(ctx->words[i], "list") != 0) {
			put_row(table, err_info_find(ctx->words[i]));
			continue;
		}
		for (size_t k = 0; err_info_at(k); k++) {
			put_row(table, err_info_at(k));
		}
	}
	table_end(&table);
	return WEIR_OK;
}
