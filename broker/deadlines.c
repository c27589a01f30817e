/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/deadlines.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"

static void put(struct deadlines *d, size_t place, struct deadline *deadline)
{
	d->heap[place] = deadline;
	deadline->place = place;
}

static void sift(struct deadlines *d, size_t place)
{
	struct deadline *it = d->heap[place];
	while (place > 1 && d->heap[place / 2]->at_ms > it->at_ms) {
		put(d, place, d->heap[place / 2]);
		place /= 2;
	}
	for (;;) {
		size_t child = place * 2;
		if (child < d->count && d->heap[child + 1]->at_ms < d->heap[child]->at_ms) {
			child++;
		}
		if (child > d->count || d->heap[child]->at_ms >= it->at_ms) {
			break;
		}
		put(d, place, d->heap[child]);
		place = child;
	}
	put(d, place, it);
}

static void arm(struct deadlines *d)
{
	if (!d->count) {
		loop_timer_stop(&d->timer);
		return;
	}
	int64_t after = d->heap[1]->at_ms - clock_mono_ms();
	loop_timer_start(&d->timer, after > 0 ? after : 0, 0);
}

static void remove_at(struct deadlines *d, struct deadline *deadline)
{
	size_t place = deadline->place;
	struct deadline *last = d->heap[d->count--];
	deadline->place = 0;
	if (last != deadline) {
		put(d, place, last);
		sift(d, place);
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct deadlines *d = LIST_ENTRY(timer, struct deadlines, timer);
	int64_t now = clock_mono_ms();
	while (d->count && d->heap[1]->at_ms <= now) {
		struct deadline *due = d->heap[1];
		remove_at(d, due);
		due->fire(due);
	}
	arm(d);
}

void deadlines_init(struct deadlines *d, struct loop *loop)
{
	*d = (struct deadlines){.room = 0};
	loop_timer_init(&d->timer, loop, on_timer);
}

void deadlines_fini(struct deadlines *d)
{
	loop_timer_close(&d->timer);
	MEM_FREE(&d->heap);
	d->count = 0;
}

void deadline_set(struct deadlines *d, struct deadline *deadline, int64_t at_ms)
{
	deadline->at_ms = at_ms;
	if (!deadline->place) {
		if (d->count + 2 > d->room) {
			d->room = d->room ? d->room * 2 : 64;
			d->heap = mem_grow(d->heap, d->room, sizeof(struct deadline *));
		}
		put(d, ++d->count, deadline);
	}
	sift(d, deadline->place);
	if (d->heap[1] == deadline) {
		arm(d);
	}
}

void deadline_clear(struct deadlines *d, struct deadline *deadline)
{
	if (deadline->place) {
		remove_at(d, deadline);
	}
}
