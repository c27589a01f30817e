/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/shim_map.h"

#include "core/base/mem.h"
#include "tests/fault/proc.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool shim_map_open(struct shim_map *map, const char *path, const char *root, size_t room_bytes)
{
	const char *dir = getenv("top_builddir"), *asan = getenv("ASAN_OPTIONS");
	char here[PATH_MAX];
	*map = (struct shim_map){.size = sizeof(struct shim) + room_bytes};
	char *library = mem_printf("%s/tests/fault/shim.so", dir && *dir ? dir : ".");
	bool found = realpath(library, here) != NULL;
	mem_free(library);
	if (!found) {
		fprintf(stderr, "no tests/fault/shim.so\n");
		return false;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)map->size) < 0) {
		perror(path);
		return false;
	}
	void *at = mmap(NULL, map->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED) {
		perror(path);
		return false;
	}
	map->shim = at;
	map->shim->room = room_bytes;
	atomic_store(&map->shim->tracing, room_bytes > 0);
	map->path = mem_dup_str(path);
	map->env[0] = mem_printf("LD_PRELOAD=%s", here);
	map->env[1] = mem_printf(SHIM_ENV "=%s", path);
	map->env[2] = mem_printf(SHIM_ROOT_ENV "=%s", root);
	map->env[3] = mem_printf("ASAN_OPTIONS=%s%sverify_asan_link_order=0", asan ? asan : "",
		asan && *asan ? ":" : "");
	return true;
}

void shim_map_close(struct shim_map *map)
{
	if (map->shim) {
		munmap(map->shim, map->size);
		unlink(map->path);
	}
	for (size_t i = 0; i < SHIM_ENV_COUNT; i++) {
		mem_free(map->env[i]);
	}
	mem_free(map->path);
	*map = (struct shim_map){NULL, 0, NULL, {NULL}};
}

void shim_kill(struct shim_map *map, struct proc *proc)
{
	int zero = 0;
	while (!atomic_compare_exchange_weak(&map->shim->lock, &zero, 1)) {
		zero = 0;
		sched_yield();
	}
	proc_stop(proc, SIGKILL);
	atomic_store(&map->shim->lock, 0);
}

struct shim_rule *shim_rule_set(struct shim_map *map, int number, int calls, const char *match,
	int error, int skip, int count)
{
	struct shim_rule *rule = &map->shim->rules[number];
	atomic_store(&rule->calls, 0);
	rule->error = error;
	rule->delay_us = rule->write_most = 0;
	snprintf(rule->match, sizeof(rule->match), "%s", match);
	atomic_store(&rule->skip, skip);
	atomic_store(&rule->count, count);
	atomic_store(&rule->hits, 0);
	atomic_store(&rule->calls, calls);
	return rule;
}

void shim_rule_clear(struct shim_map *map, int number)
{
	atomic_store(&map->shim->rules[number].calls, 0);
}
