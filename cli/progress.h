/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a command is: on a terminal a line that changes, at the end the totals. On stderr. */
#pragma once

#include "cli/context.h"

struct progress {
	const struct ctx *ctx;
	bool live;
	int64_t started_ms, shown_ms; /* mono */
	bool on_screen;		      /* the line is there */
};

/* live: whether the line may be shown at all, if standard error is a terminal. */
void progress_start(struct progress *progress, const struct ctx *ctx, bool live);
/* Shows the line, at most twice a second. */
void progress_show(struct progress *progress, int64_t records, int64_t bytes);
/* Totals in place of the line; note goes behind the count (" not sent", ""). */
void progress_end(struct progress *progress, int64_t records, int64_t bytes, const char *note);
/* Leaves the line behind, for an error to follow. */
void progress_break(struct progress *progress);

/* "1.3 MB" */
const char *progress_size(int64_t bytes, char text[32]);
