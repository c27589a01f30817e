/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/encode.h"

#include "cli/base64.h"

const char *const encoding_names[] = {"text", "hex", "base64", NULL};

void encoding_put(enum encoding encoding, struct buf *out, struct slice bytes)
{
	switch (encoding) {
	case ENCODING_HEX:
		hex_encode(out, bytes);
		break;
	case ENCODING_BASE64:
		base64_encode(out, bytes);
		break;
	default:
		buf_add(out, bytes.data, bytes.len);
		break;
	}
}

bool encoding_take(enum encoding encoding, struct buf *out, struct slice text)
{
	switch (encoding) {
	case ENCODING_HEX:
		return hex_decode(out, text);
	case ENCODING_BASE64:
		return base64_decode(out, text);
	default:
		buf_add(out, text.data, text.len);
		return true;
	}
}
