/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time, behind a seam: tests may set it. Timers use mono, records and retention use wall. */
#pragma once

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970 */
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);

/* Test seam: both clocks stand still at these values until clock_release. */
void clock_freeze(int64_t wall_ms, int64_t mono_ns);
void clock_release(void);
/* Test seam: the wall clock goes on from wall_ms. */
void clock_set_wall(int64_t wall_ms);
