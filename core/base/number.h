/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers in text, whole or not at all: "12x" is an error, never 12. */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

/* Decimal, with sign, inside min..max. Errors: USAGE, naming text and range. */
WEIR_MUST_USE enum weir_code number_i64(
	const char *text, int64_t min, int64_t max, int64_t *out, struct weir_err *err);

/* Bytes: "64k" "1M" "1G" "1T" (powers of 1024, case ignored, optional "B" or "iB"), or a plain
 * number. */
WEIR_MUST_USE enum weir_code number_size(const char *text, int64_t *out, struct weir_err *err);

/* Milliseconds from "500ms" "5s" "2m" "2h" "7d" "1w"; a plain number is seconds. Not negative. */
WEIR_MUST_USE enum weir_code number_duration(const char *text, int64_t *out, struct weir_err *err);

/*
 * Milliseconds since 1970 from RFC 3339 ("2026-01-31T10:00:00Z", fraction and offset allowed),
 * "YYYY-MM-DD" (00:00 UTC), "now", "-1h" (before now), seconds (up to 11 digits) or ms (12 and
 * more).
 */
WEIR_MUST_USE enum weir_code number_time(
	const char *text, int64_t now_ms, int64_t *out, struct weir_err *err);
