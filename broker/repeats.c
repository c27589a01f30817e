/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/repeats.h"

enum { FIRST = 1, AGAIN = 2 };

void repeats_init(struct repeats *repeats, struct request *req, size_t room)
{
	map_init(&repeats->rows);
	repeats->flags = request_array(req, room, 1);
	repeats->count = 0;
	repeats->room = room;
}

void repeats_add(struct repeats *repeats, struct slice key)
{
	size_t row = repeats->count++;
	WEIR_ASSERT(row < repeats->room);
	uintptr_t before =
		repeats->room > 1 ? (uintptr_t)map_get(&repeats->rows, key) : 0; /* one is alone */
	if (before) {
		repeats->flags[row] = AGAIN;
		repeats->flags[before - 1] |= AGAIN;
		return;
	}
	repeats->flags[row] = FIRST;
	if (repeats->room > 1) {
		map_put(&repeats->rows, key, (void *)(row + 1));
	}
}

void repeats_fini(struct repeats *repeats)
{
	map_fini(&repeats->rows);
}

bool repeats_first(const struct repeats *repeats, size_t row)
{
	return repeats->flags[row] & FIRST;
}

bool repeats_again(const struct repeats *repeats, size_t row)
{
	return repeats->flags[row] & AGAIN;
}
