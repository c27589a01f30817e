/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of the shell is a line of sh with "weir" put before it: quotes, pipes, redirections and
 * here documents are sh's, so that nothing has to be learned twice. Each command is a process of
 * its own, as it would be outside.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/shell_complete.h"
#include "cli/shell_input.h"
#include "cli/shell_line.h"
#include "core/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct shell_args {
	const char *commands;
	bool keep_going;
};

static const struct opt opts[] = {
	OPT_STR(struct shell_args, commands, .name = "command", .letter = 'c', .arg = "LINES",
		.help = "Runs these lines and ends."),
	OPT_BOOL(struct shell_args, keep_going, .name = "keep-going",
		.help = "Goes on after a command that fails; without it a script ends there."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir shell", "Takes commands from the terminal."},
	{"weir shell -c 'topic list; use orders; cat -c 3'", "Runs three commands."},
	{NULL, NULL},
};

static enum weir_code shell_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_shell = {
	.path = "shell",
	.summary = "Takes one command after the other, without \"weir\" before each.",
	.details =
		"Lines are sh's: quotes, pipes, redirections, here documents. \"!LINE\" gives a "
		"line "
		"to sh as it is; \"use TOPIC\" sets the topic of record commands that are given "
		"none; "
		"\"exit\" or Ctrl-D ends. On a terminal commands, options, topics and the like are "
		"completed, and lines are remembered, but for those that look like they hold a "
		"secret. Options before \"shell\" hold for all commands in it. A script ends at "
		"the "
		"first command that fails, with its status.",
	.positional = "[FILE]",
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct shell_args),
	.examples = examples,
	.run = shell_run,
};

struct shell {
	struct ctx *ctx;
	const struct shell_args *args;
	char **options; /* words of the options given to the shell */
	size_t option_count;
	char *prefix; /* defines weir() for sh, with the options given to the shell */
	bool tty, ended, from_stdin;
	int status;
};

/* 'text' for sh. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_add_byte(out, '\'');
	for (; *text; text++) {
		if (*text == '\'') {
			buf_add_str(out, "'\\''");
		} else {
			buf_add_byte(out, (uint8_t)*text);
		}
	}
	buf_add_byte(out, '\'');
}

static void add_word(void *arg, const char *word)
{
	struct shell *shell = arg;
	shell->options = mem_grow(shell->options, shell->option_count + 1, sizeof(*shell->options));
	shell->options[shell->option_count++] = mem_dup_str(word);
}

static enum weir_code make_prefix(struct shell *shell, struct weir_err *err)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0) {
		return err_sys(err, errno, "/proc/self/exe");
	}
	self[len] = '\0';
	struct buf out;
	buf_init(&out, 0);
	buf_add_str(&out, "weir() { ");
	add_quoted(&out, self);
	for (size_t i = 0; i < shell->option_count; i++) {
		buf_add_byte(&out, ' ');
		add_quoted(&out, shell->options[i]);
	}
	buf_add_str(&out, " \"$@\"; }\n");
	shell->prefix = mem_dup_str(buf_str(&out));
	buf_fini(&out);
	return WEIR_OK;
}

/* Runs script by sh; its status, 128 + N when a signal ended it. */
static enum weir_code run_sh(struct shell *shell, const char *script, struct weir_err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	int status = 0;
	fflush(NULL);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGINT, &ignore, &old);
	pid_t pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &old, NULL);
		signal(SIGPIPE, SIG_DFL);
		int null = shell->from_stdin ? open("/dev/null", O_RDONLY) : -1;
		if (null >= 0) {
			dup2(null, STDIN_FILENO);
			close(null);
		}
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	sigaction(SIGINT, &old, NULL);
	if (pid < 0) {
		return err_sys(err, errno, "/bin/sh");
	}
	shell->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return WEIR_OK;
}

static bool is_word(const char *command, size_t len, const char *word)
{
	return len == strlen(word) && !strncmp(command, word, len);
}

/* use TOPIC; use alone forgets it. */
static void use(const char *rest)
{
	char *topic = mem_dup(rest, strcspn(rest, " \t\n"));
	if (*topic) {
		setenv("WEIR_TOPIC", topic, 1);
	} else {
		unsetenv("WEIR_TOPIC");
	}
	mem_free(topic);
}

static enum weir_code run_command(struct shell *shell, const char *command, struct weir_err *err)
{
	while (isspace((unsigned char)*command)) {
		command++;
	}
	size_t len = strcspn(command, " \t\n");
	const char *rest = command + len + strspn(command + len, " \t\n");
	if (!*command || *command == '#') {
		return WEIR_OK;
	}
	if (is_word(command, len, "exit") || is_word(command, len, "quit")) {
		shell->ended = true;
		return WEIR_OK;
	}
	shell->status = 0;
	if (is_word(command, len, "use")) {
		use(rest);
		return WEIR_OK;
	}
	bool own = *command != '!';
	bool named = own && is_word(command, len, "weir");
	char *script =
		mem_printf("%s%s%s", shell->prefix, own && !named ? "weir " : "", command + !own);
	enum weir_code code = run_sh(shell, script, err);
	mem_free(script);
	return code;
}

/* All commands of text. */
static enum weir_code run_text(struct shell *shell, const char *text, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	while (*text && code == WEIR_OK && !shell->ended) {
		size_t next, len = shell_line_command(text, &next);
		char *command = mem_dup(text, len);
		code = run_command(shell, command, err);
		mem_free(command);
		text += next;
		if (shell->status && !shell->tty && !shell->args->keep_going) {
			shell->ended = true;
		}
	}
	return code;
}

static enum weir_code run_input(
	struct shell *shell, struct shell_input *input, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	char *text = NULL;
	while (code == WEIR_OK && !shell->ended) {
		char *line = shell_input_line(input, text != NULL);
		if (!line && !text) {
			break;
		}
		char *longer = text && line ? mem_printf("%s\n%s", text, line)
					    : mem_dup_str(line ? line : text);
		mem_free(text);
		text = longer;
		if (line && shell_line_goes_on(text)) {
			mem_free(line);
			continue;
		}
		shell_input_remember(input, text);
		code = run_text(shell, text, err);
		mem_free(line);
		mem_free(text);
		text = NULL;
	}
	mem_free(text);
	return code;
}

static enum weir_code shell_run(void *opt_args, struct ctx *ctx, struct weir_err *err)
{
	struct shell shell = {.ctx = ctx, .args = opt_args};
	opts_words(global_opts, &ctx->globals, add_word, &shell);
	enum weir_code code = make_prefix(&shell, err);
	if (code == WEIR_OK && shell.args->commands && ctx->word_count) {
		code = err_set(err, WEIR_USAGE, "-c and a file exclude each other");
	}
	if (code == WEIR_OK && shell.args->commands) {
		code = run_text(&shell, shell.args->commands, err);
	} else if (code == WEIR_OK) {
		struct shell_input *input = NULL;
		code = shell_input_open(ctx, ctx->word_count ? ctx->words[0] : NULL, &input, err);
		if (code == WEIR_OK) {
			shell.tty = shell_input_is_tty(input);
			shell_complete_start(shell.options, shell.option_count);
			if (shell.tty) {
				/* For the prompt; a fault in it is told by the commands. */
				(void)!ctx_load_props(ctx, NULL);
			}
			shell.from_stdin = !ctx->word_count && !shell.tty;
			code = run_input(&shell, input, err);
		}
		shell_input_close(&input);
	}
	for (size_t i = 0; i < shell.option_count; i++) {
		mem_free(shell.options[i]);
	}
	mem_free(shell.options);
	mem_free(shell.prefix);
	ctx->exit_status = shell.status;
	return code;
}
