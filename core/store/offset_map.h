/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The newest offset of each key, in bounded memory: keys are kept as 128-bit hashes under a secret
 * of the map, so a peer cannot make two keys collide, and chance does not. Grows as needed up to
 * its bound. Owned by one thread.
 */
#pragma once

#include "core/base/bytes.h"

struct offset_slot;

struct offset_map {
	uint64_t secret[2];
	struct offset_slot *slots;
	size_t room, count; /* room: power of two, or 0 */
	size_t bytes_max;
};

void offset_map_init(struct offset_map *map, size_t bytes_max);
void offset_map_fini(struct offset_map *map);
/* False when the key is new and there is no room for it. */
bool offset_map_put(struct offset_map *map, struct slice key, int64_t offset);
int64_t offset_map_get(const struct offset_map *map, struct slice key); /* -1: not there */
