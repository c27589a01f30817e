/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/report.h"

#include "cli/command.h"

#include <jansson.h>
#include <stdio.h>

const struct exit_status exit_statuses[] = {
	{0, false, "done, or true"},
	{1, false, "false, or refused: a check came out negative, the broker or the disk refused"},
	{2, false, "wrong usage"},
	{3, true, "cannot connect"},
	{4, true, "timed out"},
	{5, true, "not authenticated or not authorised"},
	{6, false, "not found"},
	{7, false, "exists already, or in use"},
	{8, false, "bad data: cannot be parsed or decoded, checksum wrong, too large"},
	{9, true, "transaction fenced or aborted"},
	{10, false, "internal error"},
	{130, false, "interrupted (SIGINT)"},
	{141, false, "the reader of the output went away (SIGPIPE)"},
	{0, false, NULL},
};

static void report_json(const struct ctx *ctx, const struct err_info *info, const char *text)
{
	bool kafka = info->code >= WEIR_UNKNOWN_SERVER_ERROR;
	const char *hint = ctx->hint.text[0] ? ctx->hint.text : NULL;
	json_t *error = json_pack("{s:{s:i, s:s, s:s?, s:i, s:s+, s:s?, s:b}}", "error", "exit",
		info->exit_status, "name", info->name, "kafka", kafka ? info->name : NULL, "code",
		(int)info->code, "message", text, "", "hint", hint, "retriable",
		(int)info->retriable);
	if (!error) { /* the text holds bytes that are not UTF-8 */
		error = json_pack("{s:{s:i, s:s, s:i, s:s, s:b}}", "error", "exit",
			info->exit_status, "name", info->name, "code", (int)info->code, "message",
			info->text, "retriable", (int)info->retriable);
	}
	json_dumpf(error, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(error);
}

int report_error(const struct ctx *ctx, bool json, enum weir_code code, const struct weir_err *err)
{
	const struct err_info *info = err_info((int)code);
	const char *text = err->text[0] ? err->text : info->text;
	if (json) {
		report_json(ctx, info, text);
		return info->exit_status;
	}
	struct buf line;
	buf_init(&line, 0);
	buf_add_str(&line, "weir: ");
	if (ctx->command) {
		buf_printf(&line, "%s: ", ctx->command->path);
	}
	text_escape(&line, slice_str(text), "\n");
	if (info->code >= WEIR_UNKNOWN_SERVER_ERROR) {
		buf_printf(&line, " (%s)", info->name);
	}
	if (ctx->hint.text[0]) {
		buf_add_str(&line, "\n  hint: ");
		text_escape(&line, slice_str(ctx->hint.text), "\n");
	}
	fprintf(stderr, "%s\n", buf_str(&line));
	buf_fini(&line);
	return info->exit_status;
}
