/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What "wire decode" reads: captured bytes, and which API they belong to. */
#pragma once

#include "cli/context.h"
#include "core/wire/wire.h"

/*
 * All bytes of path ("-": standard input) into out; hex: it is hexadecimal text with white space.
 * Errors: NOT_FOUND, IO, TOO_LARGE, BAD_DATA (no hexadecimal text, the text names the place).
 */
WEIR_MUST_USE enum weir_code wire_input_read(
	const char *path, bool hex, struct buf *out, struct weir_err *err);

/* "Fetch:13" or "1:13". Errors: USAGE; the hint has a near name. */
WEIR_MUST_USE enum weir_code wire_api_parse(struct ctx *ctx, const char *text,
	const struct wire_api **api, int16_t *version, struct weir_err *err);
