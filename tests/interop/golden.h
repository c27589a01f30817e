/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recorded bytes in JSON lines. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "tests/unit/test.h"

#include <string.h>

static inline int golden_base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* mem_free. */
static inline struct slice golden_unbase64(const char *text)
{
	size_t len = strcspn(text, "=") * 3 / 4;
	uint8_t *bytes = mem_new(len ? len : 1);
	uint32_t bits = 0;
	size_t out = 0, have = 0;
	for (; golden_base64_digit(*text) >= 0; text++) {
		bits = bits << 6 | (uint32_t)golden_base64_digit(*text);
		have += 6;
		if (have >= 8) {
			have -= 8;
			assert_true(out < len);
			bytes[out++] = (uint8_t)(bits >> have);
		}
	}
	assert_int_equal(out, len);
	return slice_of(bytes, len);
}
