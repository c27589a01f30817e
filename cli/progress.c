/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/progress.h"

#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { SHOW_EVERY_MS = 500 };

const char *progress_size(int64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double size = (double)bytes;
	int unit = 0;
	while (size >= 999.95 && unit < 4) {
		size /= 1000;
		unit++;
	}
	snprintf(text, 32, "%.*f %s", unit ? 1 : 0, size, units[unit]);
	return text;
}

void progress_start(struct progress *progress, const struct ctx *ctx, bool live)
{
	int64_t now_ms = clock_mono_ms();
	*progress = (struct progress){.ctx = ctx,
		.live = live && ctx->notices && isatty(STDERR_FILENO) == 1,
		.started_ms = now_ms,
		.shown_ms = now_ms};
}

static double seconds_of(const struct progress *progress)
{
	return (double)(clock_mono_ms() - progress->started_ms) / 1000;
}

void progress_show(struct progress *progress, int64_t records, int64_t bytes)
{
	char size[32];
	if (!progress->live || clock_mono_ms() - progress->shown_ms < SHOW_EVERY_MS) {
		return;
	}
	progress->shown_ms = clock_mono_ms();
	progress->on_screen = true;
	ctx_notice(progress->ctx, "\r\x1b[K%" PRId64 " records, %s, %.0f/s", records,
		progress_size(bytes, size), (double)records / seconds_of(progress));
}

void progress_end(struct progress *progress, int64_t records, int64_t bytes, const char *note)
{
	char size[32];
	ctx_notice(progress->ctx, "%s%" PRId64 " record%s%s, %s, %.2f s\n",
		progress->on_screen ? "\r\x1b[K" : "", records, records == 1 ? "" : "s", note,
		progress_size(bytes, size), seconds_of(progress));
}

void progress_break(struct progress *progress)
{
	if (progress->on_screen) {
		ctx_notice(progress->ctx, "\n");
	}
}
