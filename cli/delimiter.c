/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/delimiter.h"

#include "cli/base64.h"

#include <string.h>

enum weir_code delimiter_parse(const char *text, struct buf *out, struct weir_err *err)
{
	static const char from[] = "ntr0\\", to[] = "\n\t\r\0\\";
	for (const char *p = text; *p; p++) {
		const char *known = *p == '\\' && p[1] ? strchr(from, p[1]) : NULL;
		if (*p != '\\') {
			buf_add_byte(out, (uint8_t)*p);
		} else if (known) {
			buf_add_byte(out, (uint8_t)to[known - from]);
			p++;
		} else if (p[1] == 'x' && p[2] && p[3] && hex_decode(out, slice_of(p + 2, 2))) {
			p += 3;
		} else {
			return err_set(err, WEIR_USAGE,
				"\"%s\": unknown escape; known are \\n \\t \\r \\0 \\\\ \\xNN",
				text);
		}
	}
	return WEIR_OK;
}
