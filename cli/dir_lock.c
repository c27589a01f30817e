/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock that a broker has on its data directory: taken while a command runs, or only looked at.
 * The command is a child; the lock goes with this process, however it ends.
 */
#include "cli/command.h"
#include "cli/segment_files.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const struct column columns[] = {
	{"path", COLUMN_TEXT, "The directory."},
	{"locked", COLUMN_BOOL, "Whether a process has it."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir dir lock data && echo free", "Tells whether a broker works on a directory."},
	{"weir dir lock data -- cp -r data copy", "Copies it while no broker can begin to."},
	{NULL, NULL},
};

static enum weir_code dir_lock_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_dir_lock = {
	.path = "dir lock",
	.summary = "Keeps brokers away from a data directory while a command runs.",
	.details = "Without a command it tells whether a process has the directory. Exit status 7 "
		   "when one has it, else that of the command.",
	.positional = "[DIR]",
	.positional_max = 1,
	.rest = "CMD [ARG...]",
	.columns = columns,
	.examples = examples,
	.run = dir_lock_run,
};

static enum weir_code run_command(struct ctx *ctx, struct weir_err *err)
{
	pid_t pid;
	int status;
	char **argv = mem_array(ctx->rest_count + 1, sizeof(*argv));
	for (size_t i = 0; i < ctx->rest_count; i++) {
		argv[i] = ctx->rest[i];
	}
	/* An interruption is the command's to take; the lock stays until it has ended. */
	posix_spawnattr_t attr;
	sigset_t defaults;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	int failed = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (failed) {
		ctx->exit_status = failed == ENOENT ? 127 : 126;
		err_sys(err, failed, "run %s", argv[0]);
		mem_free(argv);
		return WEIR_IO;
	}
	mem_free(argv);
	signal(SIGINT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	ctx->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return WEIR_OK;
}

static void report(struct ctx *ctx, const char *path, bool locked)
{
	struct table *table = table_new(ctx, columns);
	table_text(table, path);
	table_bool(table, locked);
	table_end(&table);
}

static enum weir_code dir_lock_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *path;
	struct stat st;
	int fd = -1;
	enum weir_code code = segment_data_dir(ctx, &path, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return err_set(err, WEIR_NOT_FOUND, "%s is no directory", path);
	}
	char *lock = mem_printf("%s/.lock", path);
	/* To look makes no file. */
	if (ctx->rest_count || access(lock, F_OK) == 0) {
		code = fs_lock(lock, &fd, err);
	}
	if (!ctx->rest_count && (code == WEIR_OK || code == WEIR_LOCKED)) {
		report(ctx, path, code == WEIR_LOCKED);
	} else if (code == WEIR_OK) {
		code = run_command(ctx, err);
	}
	fs_close(&fd);
	mem_free(lock);
	return code;
}
