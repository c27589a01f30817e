/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int frozen;
static _Atomic int64_t frozen_wall_ms;
static _Atomic int64_t frozen_mono_ns;
static _Atomic int64_t wall_shift_ms;

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	return atomic_load(&frozen)
		       ? atomic_load(&frozen_wall_ms)
		       : read_ns(CLOCK_REALTIME) / 1000000 + atomic_load(&wall_shift_ms);
}

int64_t clock_mono_ns(void)
{
	return atomic_load(&frozen) ? atomic_load(&frozen_mono_ns) : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

void clock_freeze(int64_t wall_ms, int64_t mono_ns)
{
	atomic_store(&frozen_wall_ms, wall_ms);
	atomic_store(&frozen_mono_ns, mono_ns);
	atomic_store(&frozen, 1);
}

void clock_set_wall(int64_t wall_ms)
{
	atomic_store(&wall_shift_ms, wall_ms - read_ns(CLOCK_REALTIME) / 1000000);
}

void clock_release(void)
{
	atomic_store(&frozen, 0);
}
