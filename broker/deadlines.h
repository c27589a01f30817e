/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deadlines of one reactor: a heap behind a single timer. Owned by the reactor's thread. */
#pragma once

#include "core/base/heap.h"
#include "core/io/loop.h"

/* Embedded in its owner. */
struct deadline {
	struct heap_node node; /* key: monotonic ms */
	void (*fire)(struct deadline *deadline);
};

struct deadlines {
	struct loop_timer timer;
	struct heap heap;
};

void deadlines_init(struct deadlines *deadlines, struct loop *loop);
void deadlines_fini(struct deadlines *deadlines); /* pending ones do not fire */
/* Sets or moves it. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ms);
void deadline_clear(struct deadlines *deadlines, struct deadline *deadline); /* idle is fine */
