/* SPDX-License-Identifier: GPL-3.0-or-later */
/* {unpack:...}: bytes as numbers and text by a pattern of kcat's -s letters. */
#include "cli/format_priv.h"

#include <inttypes.h>

/* Bytes that a letter takes; 0: none, -1: unknown. */
static int letter_width(char letter)
{
	switch (letter) {
	case 'b':
	case 'B':
	case 'c':
		return 1;
	case 'h':
	case 'H':
		return 2;
	case 'i':
	case 'I':
		return 4;
	case 'q':
	case 'Q':
		return 8;
	case '<':
	case '>':
	case 's':
	case '$':
	case ' ':
		return 0;
	default:
		return -1;
	}
}

bool format_unpack_check(const char *pattern, size_t *bad)
{
	for (*bad = 0; pattern[*bad]; (*bad)++) {
		if (letter_width(pattern[*bad]) < 0) {
			return false;
		}
	}
	*bad = 0;
	return pattern[0] != '\0';
}

static uint64_t load(const uint8_t *bytes, int width, bool little)
{
	uint64_t value = 0;
	for (int i = 0; i < width; i++) {
		value = value << 8 | bytes[little ? width - 1 - i : i];
	}
	return value;
}

static void print_value(char letter, uint64_t value, int width, struct out *out)
{
	if (letter == 'c') {
		const uint8_t byte = (uint8_t)value;
		out_text(out, slice_of(&byte, 1));
	} else if (letter >= 'A' && letter <= 'Z') {
		out_printf(out, "%" PRIu64, value);
	} else {
		int shift = 64 - 8 * width;
		out_printf(out, "%" PRId64, (int64_t)(value << shift) >> shift);
	}
}

enum weir_code format_unpack(
	const char *pattern, struct slice bytes, struct out *out, struct weir_err *err)
{
	bool little = false, first = true;
	for (const char *p = pattern; *p; p++) {
		int width = letter_width(*p);
		if (*p == '<' || *p == '>') {
			little = *p == '<';
			continue;
		}
		if (*p == '$') {
			if (bytes.len) {
				return err_set(err, WEIR_BAD_DATA,
					"unpack: %zu bytes are left at $", bytes.len);
			}
			continue;
		}
		if (*p == ' ') {
			continue;
		}
		out_str(out, first ? "" : " ");
		first = false;
		if (*p == 's') {
			out_text(out, bytes);
			bytes.len = 0;
			continue;
		}
		if (bytes.len < (size_t)width) {
			return err_set(err, WEIR_BAD_DATA,
				"unpack: %c takes %d bytes, %zu are left", *p, width, bytes.len);
		}
		print_value(*p, load(bytes.data, width, little), width, out);
		bytes = slice_of(bytes.data + width, bytes.len - (size_t)width);
	}
	return WEIR_OK;
}
