/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weir top on a terminal. */
#pragma once

#include "cli/out.h"
#include "cli/top_sample.h"

/* Takes the terminal over; false when it cannot be. */
bool top_screen_open(struct out *out);
/* Gives it back as it was. */
void top_screen_close(struct out *out);
/* Draws one frame. scroll: rows left out at the start of the longest part. */
void top_screen_draw(struct out *out, const struct top *top, int64_t interval_ms, size_t scroll);
/* Waits at most wait_ms for a key; 0: none came. */
int top_screen_key(int64_t wait_ms);

/* history as block characters, at most room of them; text has 3 * room + 1 bytes. */
void top_sparkline(const double *history, int count, int room, char *text);
