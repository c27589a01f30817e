/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/wait.h"

#include "cli/interrupt.h"
#include "core/base/clock.h"

#include <time.h>

enum { LOOK_EVERY_MS = 100 };

/* Whether something may come of it yet. */
static bool may_pass(enum weir_code code)
{
	return err_info((int)code)->retriable || code == WEIR_CONNECT || code == WEIR_CLOSED ||
	       code == WEIR_TIMEOUT || code == WEIR_GROUP_ID_NOT_FOUND ||
	       code == WEIR_UNKNOWN_TOPIC_OR_PARTITION;
}

enum weir_code wait_until(
	struct ctx *ctx, wait_look_fn *look, void *arg, const char *what, struct weir_err *err)
{
	int64_t deadline_ms = clock_mono_ms() + ctx->globals.timeout_ms;
	interrupt_catch();
	for (;;) {
		struct weir_err why = {0};
		struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
		bool done = false;
		enum weir_code code = look(arg, &done, &why);
		if (code != WEIR_OK && !may_pass(code)) {
			*err = why;
			return code;
		}
		ctx->hint.text[0] = '\0';
		if (code == WEIR_OK && done) {
			return WEIR_OK;
		}
		if (interrupted()) {
			return err_set(err, WEIR_STOPPED, "%s: interrupted", what);
		}
		if (clock_mono_ms() + LOOK_EVERY_MS > deadline_ms) {
			return err_set(err, WEIR_TIMEOUT, "%s: not within --timeout%s%s", what,
				why.text[0] ? ": " : "", why.text);
		}
		nanosleep(&pause, NULL);
	}
}
