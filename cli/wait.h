/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the wait commands share: asking again until something is so, or --timeout is over. */
#pragma once

#include "cli/context.h"

/* One look; *done: it is so. Else err->text may tell how it is. Errors that may pass (no
 * connection, not there yet) are no end. */
typedef enum weir_code wait_look_fn(void *arg, bool *done, struct weir_err *err);

/*
 * Looks every now and then. what: begins the error's text. Errors: TIMEOUT, with what the last look
 * met; STOPPED after Ctrl-C; those of look that will not pass.
 */
WEIR_MUST_USE enum weir_code wait_until(
	struct ctx *ctx, wait_look_fn *look, void *arg, const char *what, struct weir_err *err);
