/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/decode.h"

#include "core/base/limits.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHUNK = 64 * 1024, OWN_VARIABLES = 3 };

/* The environment with the record's variables before it; the strings of the first ones are ours. */
static char **make_environment(const struct row *row)
{
	size_t count = 0;
	while (environ[count]) {
		count++;
	}
	char **all = mem_array(count + OWN_VARIABLES + 1, sizeof(char *));
	all[0] = mem_printf("WEIR_TOPIC=%.*s", (int)row->topic.len, (const char *)row->topic.data);
	all[1] = mem_printf("WEIR_PARTITION=%" PRId32, row->partition);
	all[2] = mem_printf("WEIR_OFFSET=%" PRId64, row->offset);
	memcpy(all + OWN_VARIABLES, environ, count * sizeof(char *));
	return all;
}

static void free_environment(char **all)
{
	for (size_t i = 0; i < OWN_VARIABLES; i++) {
		mem_free(all[i]);
	}
	mem_free(all);
}

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

/* Starts it; in[1] and out[0] are our ends, not blocking. */
static int start(const char *command, const struct row *row, int in[2], int out[2], pid_t *pid)
{
	char *const argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	char **env = make_environment(row);
	int failed = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, env);
	free_environment(env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* Writes what fits; closes when all is written, or nobody reads on. */
static void feed(int *fd, struct slice *rest)
{
	ssize_t n = rest->len ? write(*fd, rest->data, rest->len) : 0;
	if (n > 0) {
		*rest = slice_of(rest->data + n, rest->len - (size_t)n);
	}
	if (!rest->len || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);
	}
}

/* Reads what is there; closes at the end, and when it is too much. */
static void drain(int *fd, struct buf *out)
{
	bool room = buf_reserve(out, CHUNK);
	ssize_t n = room ? read(*fd, out->data + out->len, CHUNK) : 0;
	if (n > 0) {
		out->len += (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);
	}
}

static void talk(int *in, int *out, struct slice value, struct buf *text)
{
	while (*in >= 0 || *out >= 0) {
		struct pollfd fds[2] = {
			{.fd = *in, .events = POLLOUT}, {.fd = *out, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR) {
			return;
		}
		if (fds[0].revents) {
			feed(in, &value);
		}
		if (fds[1].revents) {
			drain(out, text);
		}
		if (*out < 0) {
			close_fd(in);
		}
	}
}

static enum weir_code finish(pid_t pid, struct buf *out, struct weir_err *err)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (out->failed) {
		return err_set(err, WEIR_BAD_DATA, "--decode prints more than %d bytes",
			(int)LIMIT_FRAME_DEFAULT);
	}
	if (WIFSIGNALED(status)) {
		return err_set(err, WEIR_BAD_DATA, "--decode died of signal %d", WTERMSIG(status));
	}
	if (WEXITSTATUS(status)) {
		return err_set(
			err, WEIR_BAD_DATA, "--decode ended with status %d", WEXITSTATUS(status));
	}
	if (out->len && out->data[out->len - 1] == '\n') {
		out->len--;
	}
	return WEIR_OK;
}

enum weir_code decode_run(
	const char *command, const struct row *row, struct buf *out, struct weir_err *err)
{
	int in[2] = {-1, -1}, from[2] = {-1, -1};
	pid_t pid;
	buf_reset(out);
	int failed = pipe2(in, O_CLOEXEC) || pipe2(from, O_CLOEXEC) ? errno : 0;
	if (!failed) {
		fcntl(in[1], F_SETFL, O_NONBLOCK);
		fcntl(from[0], F_SETFL, O_NONBLOCK);
		failed = start(command, row, in, from, &pid);
	}
	close_fd(&in[0]);
	close_fd(&from[1]);
	enum weir_code code;
	if (failed) {
		code = err_sys(err, failed, "--decode: cannot start sh");
	} else {
		talk(&in[1], &from[0], row->value, out);
		code = finish(pid, out, err);
	}
	close_fd(&in[1]);
	close_fd(&from[0]);
	return code;
}
