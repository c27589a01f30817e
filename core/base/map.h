/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hash map from byte strings to pointers. Keys are copied; values are borrowed. Seeded per map, so
 * that a peer cannot choose colliding keys. Not locked: the owner guards it.
 */
#pragma once

#include "core/base/bytes.h"

struct map_entry;

struct map {
	struct map_entry *slots;
	size_t room; /* power of two, or 0 */
	size_t count;
	size_t used; /* count and removed ones */
	uint64_t seed;
};

struct map_entry {
	uint8_t *key; /* NULL: never used; removed entries keep value NULL and key non-NULL */
	size_t key_len;
	uint64_t hash;
	void *value;
};

void map_init(struct map *map);
void map_fini(struct map *map);				/* values are the caller's */
void *map_get(const struct map *map, struct slice key); /* NULL if absent */
/* value must not be NULL. Returns the value it replaced, NULL if none. */
void *map_put(struct map *map, struct slice key, void *value);
void *map_remove(struct map *map, struct slice key); /* the value, NULL if absent */
/* Walks in no order: *pos starts at 0; NULL at the end. Removing the current one is fine. */
struct map_entry *map_next(const struct map *map, size_t *pos);
