/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/map.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/random.h"

static uint64_t hash_of(const struct map *map, struct slice key)
{
	uint64_t h = map->seed;
	size_t i = 0;
	for (; i + 8 <= key.len; i += 8) {
		uint64_t w;
		memcpy(&w, key.data + i, 8);
		unsigned __int128 m = (unsigned __int128)(h ^ w) * 0x9e3779b97f4a7c15u;
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	uint64_t tail = 0;
	for (size_t k = 0; i + k < key.len; k++) {
		tail |= (uint64_t)key.data[i + k] << (8 * k);
	}
	unsigned __int128 m =
		(unsigned __int128)(h ^ tail ^ (uint64_t)key.len << 56) * 0xd6e8feb86659fd93u;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

void map_init(struct map *map)
{
	*map = (struct map){.seed = random_u64()};
}

void map_fini(struct map *map)
{
	for (size_t i = 0; i < map->room; i++) {
		mem_free(map->slots[i].key);
	}
	MEM_FREE(&map->slots);
	map->room = map->count = map->used = 0;
}

/* The entry of key, or the first never-used slot on its way. room > used always. */
static struct map_entry *locate(const struct map *map, struct slice key, uint64_t hash)
{
	for (size_t i = (size_t)hash & (map->room - 1);; i = (i + 1) & (map->room - 1)) {
		struct map_entry *e = &map->slots[i];
		if (!e->key ||
			(e->hash == hash && slice_equal(slice_of(e->key, e->key_len), key))) {
			return e;
		}
	}
}

static void rebuild(struct map *map, size_t room)
{
	struct map old = *map;
	map->slots = mem_array(room, sizeof(*map->slots));
	map->room = room;
	map->used = map->count;
	for (size_t i = 0; i < old.room; i++) {
		struct map_entry *e = &old.slots[i];
		if (e->key && e->value) {
			*locate(map, slice_of(e->key, e->key_len), e->hash) = *e;
		} else {
			mem_free(e->key);
		}
	}
	mem_free(old.slots);
}

void *map_get(const struct map *map, struct slice key)
{
	return map->room ? locate(map, key, hash_of(map, key))->value : NULL;
}

void *map_put(struct map *map, struct slice key, void *value)
{
	WEIR_ASSERT(value);
	if ((map->used + 1) * 4 > map->room * 3) {
		size_t room = map->room ? map->room : 8;
		rebuild(map, (map->count + 1) * 2 > room ? room * 2 : room);
	}
	uint64_t hash = hash_of(map, key);
	struct map_entry *e = locate(map, key, hash);
	if (!e->key) {
		e->key = mem_dup(key.data, key.len);
		e->key_len = key.len;
		e->hash = hash;
		map->used++;
	}
	void *before = e->value;
	map->count += !before;
	e->value = value;
	return before;
}

void *map_remove(struct map *map, struct slice key)
{
	struct map_entry *e = map->room ? locate(map, key, hash_of(map, key)) : NULL;
	void *value = e ? e->value : NULL;
	if (value) {
		e->value = NULL;
		map->count--;
	}
	return value;
}

struct map_entry *map_next(const struct map *map, size_t *pos)
{
	while (*pos < map->room) {
		struct map_entry *e = &map->slots[(*pos)++];
		if (e->key && e->value) {
			return e;
		}
	}
	return NULL;
}
