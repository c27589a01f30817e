/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deadlines of one reactor: a binary heap behind a single timer. Owned by the reactor's thread. */
#pragma once

#include "core/io/loop.h"

#include <stddef.h>

/* Embedded in its owner. */
struct deadline {
	int64_t at_ms; /* monotonic */
	size_t place;  /* in the heap, from 1; 0: not set */
	void (*fire)(struct deadline *deadline);
};

struct deadlines {
	struct loop_timer timer;
	struct deadline **heap; /* heap[0] unused */
	size_t count, room;
};

void deadlines_init(struct deadlines *deadlines, struct loop *loop);
void deadlines_fini(struct deadlines *deadlines); /* pending ones do not fire */
/* Sets or moves it. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ms);
void deadline_clear(struct deadlines *deadlines, struct deadline *deadline); /* idle is fine */
