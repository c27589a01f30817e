/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/help_text.h"
#include "cli/mdoc.h"
#include "core/base/near.h"

#include <stdio.h>
#include <string.h>

struct help_args {
	bool json;
	bool man;
};

static const struct opt opts[] = {
	OPT_BOOL(struct help_args, json, .name = "json",
		.help = "All commands, options and exit statuses as one JSON object."),
	OPT_BOOL(struct help_args, man, .name = "man",
		.help = "The manual page as the tables make it, as mdoc; also of weir.conf and "
			"weir-format."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir help error", "Shows the page of one command."},
	{"weir help exit", "Shows what the exit statuses mean."},
	{"weir help settings > weir.conf", "Writes a file of all broker settings to start from."},
	{"weir help --json | jq -r '.commands[].path'", "Lists the commands for a program."},
	{NULL, NULL},
};

static enum weir_code help_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_help = {
	.path = "help",
	.summary = "Explains commands, options and exit statuses.",
	.details = "Without COMMAND it lists the commands.",
	.positional = "[COMMAND...|options|exit|settings]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct help_args),
	.schema = "{\"type\":\"object\",\"required\":[\"version\",\"options\",\"exit_statuses\","
		  "\"commands\"]}",
	.examples = examples,
	.run = help_run,
};

static enum weir_code unknown(struct ctx *ctx, const char *topic, struct weir_err *err)
{
	struct near near;
	near_init(&near, topic);
	near_offer(&near, "exit");
	near_offer(&near, "options");
	near_offer(&near, "settings");
	for (size_t i = 0; commands[i]; i++) {
		near_offer(&near, commands[i]->path);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean \"weir help %s\"?", near.best);
	}
	return err_set(err, WEIR_USAGE, "no help on \"%s\"", topic);
}

static enum weir_code help_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct help_args *a = args;
	char topic[128] = "";
	size_t len = 0;
	for (size_t i = 0; i < ctx->word_count && len < sizeof(topic); i++) {
		len += (size_t)snprintf(
			topic + len, sizeof(topic) - len, "%s%s", i ? " " : "", ctx->words[i]);
	}
	if (a->man && man_page(&ctx->out, topic[0] ? topic : "weir")) {
		return WEIR_OK;
	}
	if (strcmp(topic, "exit") == 0) {
		help_print_exit(ctx);
		return WEIR_OK;
	}
	if (strcmp(topic, "options") == 0) {
		help_print_options(&ctx->out, global_opts);
		return WEIR_OK;
	}
	if (strcmp(topic, "settings") == 0) {
		help_print_settings(&ctx->out);
		return WEIR_OK;
	}
	const struct command *command =
		ctx->word_count ? command_find(ctx->words, ctx->word_count) : NULL;
	if (!command && ctx->word_count && !command_is_group(ctx->words, ctx->word_count)) {
		return unknown(ctx, topic, err);
	}
	if (a->man && command) {
		man_command(&ctx->out, command);
		return WEIR_OK;
	}
	if (a->json) {
		help_print_json(&ctx->out, command);
		return WEIR_OK;
	}
	return help_show(ctx, command, topic, true, err);
}
