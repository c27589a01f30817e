/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A broker as a process of its own: started on a free port, killed, waited for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_ARGS_MAX = 48, PROC_READY_MS = 60000, PROC_STOP_MS = 30000 };

struct proc {
	pid_t pid; /* 0: not running */
	int port;  /* on 127.0.0.1 */
	int ready_fd;
	int status; /* as waitpid gives it */
};

/* $WEIR, or ./weir. */
const char *proc_weir(void);
/*
 * Starts "weir broker --data dir -l 127.0.0.1:0 options..." with env ("NAME=value", NULL-ended, may
 * be NULL) added; standard error goes to the end of log_path. false: it could not be started.
 */
bool proc_start(struct proc *proc, const char *dir, const char *log_path,
	const char *const *options, const char *const *env);
/* Waits until it listens. false: it ended before, or took too long; then it has been killed. */
bool proc_ready(struct proc *proc);
/* Signals and waits; kills what does not end. The exit status, or 128 + signal. */
int proc_stop(struct proc *proc, int sig);
/* Waits for it to end of itself, ms at most. -1: it still runs. */
int proc_wait(struct proc *proc, int64_t ms);
/* Runs argv and waits. Its exit status; output goes to log_path. */
int proc_run(const char *const *argv, const char *log_path);
