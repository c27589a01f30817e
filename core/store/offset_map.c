/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/offset_map.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/siphash.h"

enum { ROOM_MIN = 1024 };

struct offset_slot {
	struct hash128 hash;
	int64_t offset; /* -1: free */
};

void offset_map_init(struct offset_map *map, size_t bytes_max)
{
	*map = (struct offset_map){.bytes_max = bytes_max};
	random_bytes(map->secret, sizeof(map->secret));
}

void offset_map_fini(struct offset_map *map)
{
	mem_free(map->slots);
	*map = (struct offset_map){0};
}

static struct offset_slot *slot_of(struct offset_slot *slots, size_t room, struct hash128 hash)
{
	for (size_t i = (size_t)hash.low & (room - 1);; i = (i + 1) & (room - 1)) {
		struct offset_slot *slot = &slots[i];
		if (slot->offset < 0 ||
			(slot->hash.low == hash.low && slot->hash.high == hash.high)) {
			return slot;
		}
	}
}

/* Three of four slots are used at most. While it grows, the old slots are there too. */
static bool make_room(struct offset_map *map)
{
	if (map->room && (map->count + 1) * 4 <= map->room * 3) {
		return true;
	}
	size_t room = map->room ? map->room * 2 : ROOM_MIN;
	if (map->room && (room + map->room) * sizeof(*map->slots) > map->bytes_max) {
		return false;
	}
	struct offset_slot *slots = mem_try(room * sizeof(*slots));
	if (!slots) {
		return false;
	}
	for (size_t i = 0; i < room; i++) {
		slots[i].offset = -1;
	}
	for (size_t i = 0; i < map->room; i++) {
		if (map->slots[i].offset >= 0) {
			*slot_of(slots, room, map->slots[i].hash) = map->slots[i];
		}
	}
	mem_free(map->slots);
	map->slots = slots;
	map->room = room;
	return true;
}

bool offset_map_put(struct offset_map *map, struct slice key, int64_t offset)
{
	struct hash128 hash = siphash128(map->secret, key.data, key.len);
	struct offset_slot *slot = map->room ? slot_of(map->slots, map->room, hash) : NULL;
	if (!slot || slot->offset < 0) {
		if (!make_room(map)) {
			return false;
		}
		slot = slot_of(map->slots, map->room, hash);
		slot->hash = hash;
		map->count++;
	}
	slot->offset = offset;
	return true;
}

int64_t offset_map_get(const struct offset_map *map, struct slice key)
{
	if (!map->room) {
		return -1;
	}
	struct hash128 hash = siphash128(map->secret, key.data, key.len);
	return slot_of(map->slots, map->room, hash)->offset;
}
