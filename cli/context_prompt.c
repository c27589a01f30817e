/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/json.h"

static const struct example examples[] = {
	{"PS1='$(weir context prompt) \\$ '", "Has bash show the context before each line."},
	{"weir context prompt -x dev", "Prints one, if it is there."},
	{NULL, NULL},
};

static enum weir_code context_prompt_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_context_prompt = {
	.path = "context prompt",
	.summary = "Prints the context in force, for the prompt of a shell.",
	.details = "Prints nothing where none is; in the colour of the context with --color always "
		   "or on a terminal.",
	.schema = "{\"type\":\"object\",\"required\":[\"context\",\"origin\",\"color\"]}",
	.examples = examples,
	.run = context_prompt_run,
};

static enum weir_code context_prompt_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	enum weir_code code = ctx_load_props(ctx, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct out *out = &ctx->out;
	if (ctx->globals.output == OUTPUT_JSON || ctx->globals.output == OUTPUT_JSONL) {
		json_print(out, json_pack("{s:s?, s:s?, s:s?}", "context", ctx->context, "origin",
					ctx->context_origin, "color", ctx->prompt));
		out_byte(out, '\n');
	} else if (ctx->context) {
		const char *color = out->color && ctx->prompt ? ctx_color_code(ctx->prompt) : NULL;
		out_printf(out, color ? "\x1b[%sm%s\x1b[0m\n" : "%s%s\n", color ? color : "",
			ctx->context);
	}
	return WEIR_OK;
}
