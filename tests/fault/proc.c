/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/proc.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

const char *proc_weir(void)
{
	const char *path = getenv("WEIR");
	return path && *path ? path : "./weir";
}

/* environ with what env adds or replaces; mem_free the array. */
static char **merged(const char *const *env)
{
	size_t count = 0, added = 0;
	while (environ[count]) {
		count++;
	}
	while (env && env[added]) {
		added++;
	}
	char **all = mem_array(count + added + 1, sizeof(*all));
	size_t n = 0;
	for (size_t i = 0; i < added; i++) {
		all[n++] = (char *)(uintptr_t)env[i];
	}
	for (size_t i = 0; i < count; i++) {
		size_t name = strcspn(environ[i], "=") + 1;
		bool replaced = false;
		for (size_t k = 0; k < added; k++) {
			replaced = replaced || !strncmp(env[k], environ[i], name);
		}
		if (!replaced) {
			all[n++] = environ[i];
		}
	}
	return all;
}

static int spawn(pid_t *pid, const char *const *argv, const char *const *env, const char *log_path)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	char **all = merged(env);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	int failed = posix_spawn(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, all);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	mem_free(all);
	return failed;
}

bool proc_start(struct proc *proc, const char *dir, const char *log_path,
	const char *const *options, const char *const *env)
{
	const char *argv[PROC_ARGS_MAX] = {
		proc_weir(), "broker", "--data", dir, "-l", "127.0.0.1:0", "--ready-fd"};
	char number[16];
	int pair[2];
	size_t n = 7;
	*proc = (struct proc){.ready_fd = -1};
	if (pipe2(pair, O_CLOEXEC) < 0) {
		return false;
	}
	/* The child's end: the only one without close-on-exec. */
	int child_end = fcntl(pair[1], F_DUPFD, 3);
	close(pair[1]);
	snprintf(number, sizeof(number), "%d", child_end);
	argv[n++] = number;
	for (size_t i = 0; options && options[i] && n + 1 < PROC_ARGS_MAX; i++) {
		argv[n++] = options[i];
	}
	int failed = spawn(&proc->pid, argv, env, log_path);
	close(child_end);
	proc->ready_fd = pair[0];
	if (failed) {
		close(pair[0]);
		proc->pid = 0;
	}
	return !failed;
}

bool proc_ready(struct proc *proc)
{
	char line[128] = "";
	size_t len = 0;
	int64_t until = clock_mono_ms() + PROC_READY_MS;
	while (len + 1 < sizeof(line) && !strchr(line, '\n')) {
		struct pollfd fd = {.fd = proc->ready_fd, .events = POLLIN};
		int64_t left = until - clock_mono_ms();
		if (left <= 0 || poll(&fd, 1, (int)left) != 1) {
			break;
		}
		ssize_t got = read(proc->ready_fd, line + len, sizeof(line) - 1 - len);
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
		line[len] = '\0';
	}
	close(proc->ready_fd);
	proc->ready_fd = -1;
	const char *colon = strrchr(line, ':');
	if (!colon || !strchr(line, '\n')) {
		int status = proc_wait(proc, 1000);
		if (status >= 0) {
			fprintf(stderr, "the broker ended with status %d\n", status);
		} else {
			fprintf(stderr, "the broker was not ready in time\n");
			proc_stop(proc, SIGKILL);
		}
		return false;
	}
	proc->port = (int)strtol(colon + 1, NULL, 10);
	return true;
}

static int status_of(const struct proc *proc)
{
	return WIFEXITED(proc->status) ? WEXITSTATUS(proc->status) : 128 + WTERMSIG(proc->status);
}

int proc_wait(struct proc *proc, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	while (proc->pid) {
		if (waitpid(proc->pid, &proc->status, WNOHANG) == proc->pid) {
			proc->pid = 0;
			break;
		}
		if (clock_mono_ms() >= until) {
			return -1;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return status_of(proc);
}

int proc_stop(struct proc *proc, int sig)
{
	if (proc->ready_fd >= 0) {
		close(proc->ready_fd);
		proc->ready_fd = -1;
	}
	if (proc->pid) {
		kill(proc->pid, sig);
		if (proc_wait(proc, PROC_STOP_MS) < 0) {
			kill(proc->pid, SIGKILL);
			waitpid(proc->pid, &proc->status, 0);
			proc->pid = 0;
		}
	}
	return status_of(proc);
}

int proc_run(const char *const *argv, const char *log_path)
{
	struct proc proc = {.ready_fd = -1};
	if (spawn(&proc.pid, argv, NULL, log_path)) {
		return 127;
	}
	int status = proc_wait(&proc, PROC_READY_MS);
	return status < 0 ? proc_stop(&proc, SIGKILL) : status;
}
