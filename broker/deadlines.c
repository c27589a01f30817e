/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/deadlines.h"

#include "core/base/clock.h"
#include "core/base/list.h"

static void arm(struct deadlines *d)
{
	const struct heap_node *first = heap_first(&d->heap);
	if (!first) {
		loop_timer_stop(&d->timer);
		return;
	}
	int64_t after = first->key - clock_mono_ms();
	loop_timer_start(&d->timer, after > 0 ? after : 0, 0);
}

static void on_timer(struct loop_timer *timer)
{
	struct deadlines *d = LIST_ENTRY(timer, struct deadlines, timer);
	int64_t now = clock_mono_ms();
	struct heap_node *first;
	while ((first = heap_first(&d->heap)) && first->key <= now) {
		struct deadline *due = LIST_ENTRY(first, struct deadline, node);
		heap_remove(&d->heap, first);
		due->fire(due);
	}
	arm(d);
}

void deadlines_init(struct deadlines *d, struct loop *loop)
{
	*d = (struct deadlines){.heap = {.room = 0}};
	loop_timer_init(&d->timer, loop, on_timer);
}

void deadlines_fini(struct deadlines *d)
{
	loop_timer_close(&d->timer);
	heap_fini(&d->heap);
}

void deadline_set(struct deadlines *d, struct deadline *deadline, int64_t at_ms)
{
	heap_set(&d->heap, &deadline->node, at_ms);
	if (heap_first(&d->heap) == &deadline->node) {
		arm(d);
	}
}

void deadline_clear(struct deadlines *d, struct deadline *deadline)
{
	heap_remove(&d->heap, &deadline->node);
}
