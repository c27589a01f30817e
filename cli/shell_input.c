/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/shell_input.h"

#include "cli/shell_line.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_MAX = 5000 };

struct shell_input {
	struct ctx *ctx;
	FILE *file;    /* of a script; NULL on a terminal */
	char *history; /* path; NULL: none is kept */
};

/* $XDG_STATE_HOME/weir/history, in a folder that is made; NULL when there is no place for it. */
static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if ((!state || !*state) && (!home || !*home)) {
		return NULL;
	}
	char *folder = state && *state ? mem_printf("%s/weir", state)
				       : mem_printf("%s/.local/state/weir", home);
	char *path = fs_mkdirs(folder, NULL) == WEIR_OK ? mem_printf("%s/history", folder) : NULL;
	mem_free(folder);
	return path;
}

static void terminal_start(struct shell_input *input)
{
	rl_readline_name = "weir";
	input->history = history_path();
	using_history();
	stifle_history(HISTORY_MAX);
	if (input->history) {
		(void)read_history(input->history);
	}
}

enum weir_code shell_input_open(
	struct ctx *ctx, const char *path, struct shell_input **input, struct weir_err *err)
{
	bool tty = !path && isatty(STDIN_FILENO) == 1;
	FILE *file = tty ? NULL : path ? fopen(path, "re") : stdin;
	if (!tty && !file) {
		return errno == ENOENT ? err_set(err, WEIR_NOT_FOUND, "%s: no such file", path)
				       : err_sys(err, errno, "%s", path);
	}
	struct shell_input *in = mem_new(sizeof(*in));
	in->ctx = ctx;
	in->file = file;
	if (tty) {
		terminal_start(in);
	}
	*input = in;
	return WEIR_OK;
}

void shell_input_close(struct shell_input **input)
{
	struct shell_input *in = *input;
	*input = NULL;
	if (!in) {
		return;
	}
	if (in->file && in->file != stdin) {
		fclose(in->file);
	}
	mem_free(in->history);
	mem_free(in);
}

bool shell_input_is_tty(const struct shell_input *input)
{
	return !input->file;
}

static char *read_script(FILE *file)
{
	char *line = NULL, *copy = NULL;
	size_t room = 0;
	ssize_t len = getline(&line, &room, file);
	if (len >= 0) {
		len -= len && line[len - 1] == '\n';
		copy = mem_dup(line, (size_t)len);
	}
	mem_free(line);
	return copy;
}

/* "prod orders> ": the context, in its colour, and the topic of "use". */
static char *make_prompt(const struct ctx *ctx)
{
	const char *topic = getenv("WEIR_TOPIC");
	const char *name = ctx->context ? ctx->context : "weir";
	const char *color =
		ctx->context && ctx->prompt && ctx->out.color ? ctx_color_code(ctx->prompt) : NULL;
	/* \001 and \002 tell readline what takes no room. */
	return mem_printf("%s%s%s%s%s%s%s> ", color ? "\001\x1b[" : "", color ? color : "",
		color ? "m\002" : "", name, color ? "\001\x1b[0m\002" : "", topic ? " " : "",
		topic ? topic : "");
}

char *shell_input_line(struct shell_input *input, bool more)
{
	if (input->file) {
		return read_script(input->file);
	}
	char *prompt = more ? mem_dup_str("> ") : make_prompt(input->ctx);
	char *line = readline(prompt);
	char *copy = line ? mem_dup_str(line) : NULL;
	mem_free(line);
	mem_free(prompt);
	if (!line && !more) {
		puts("");
	}
	return copy;
}

void shell_input_remember(struct shell_input *input, const char *line)
{
	if (input->file || !line[strspn(line, " \t\n")] || shell_line_secret(line)) {
		return;
	}
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
	if (last && !strcmp(last->line, line)) {
		return;
	}
	add_history(line);
	if (!input->history) {
		return;
	}
	mode_t old = umask(077);
	if (append_history(1, input->history) != 0) {
		(void)write_history(input->history);
	}
	umask(old);
	(void)history_truncate_file(input->history, HISTORY_MAX);
}
