/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The test's side of shim.h: the shared file, and the environment of a broker that is to use it. */
#pragma once

#include "tests/fault/shim.h"

#include <stdbool.h>
#include <stddef.h>

enum { SHIM_ENV_COUNT = 5 };

struct shim_map {
	struct shim *shim;
	size_t size;
	char *path;
	char *env[SHIM_ENV_COUNT]; /* NULL-ended, for proc_start */
};

/* path: made anew; room_bytes for the trace, 0: none is kept. false: it cannot be made, or there is
 * no library to preload. */
bool shim_map_open(struct shim_map *map, const char *path, const char *root, size_t room_bytes);
void shim_map_close(struct shim_map *map);
/* kill -9 of a broker that uses it, between two events. */
struct proc;
void shim_kill(struct shim_map *map, struct proc *proc);
/* Puts a rule in force: count calls after skip; negative: all. Gives it back for its hits. */
struct shim_rule *shim_rule_set(struct shim_map *map, int number, int calls, const char *match,
	int error, int skip, int count);
void shim_rule_clear(struct shim_map *map, int number);
