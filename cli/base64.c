/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/base64.h"

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits16[] = "0123456789abcdef";

void base64_encode(struct buf *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)bytes.data[i] << 16;
		v |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		v |= left > 2 ? bytes.data[i + 2] : 0;
		buf_add_byte(out, (uint8_t)digits64[v >> 18]);
		buf_add_byte(out, (uint8_t)digits64[v >> 12 & 63]);
		buf_add_byte(out, left > 1 ? (uint8_t)digits64[v >> 6 & 63] : '=');
		buf_add_byte(out, left > 2 ? (uint8_t)digits64[v & 63] : '=');
	}
}

static int value64(uint8_t c)
{
	const char *at = c ? strchr(digits64, c) : NULL;
	return at ? (int)(at - digits64) : -1;
}

bool base64_decode(struct buf *out, struct slice text)
{
	if (text.len % 4 != 0) {
		return false;
	}
	for (size_t i = 0; i < text.len; i += 4) {
		const uint8_t *p = text.data + i;
		bool last = i + 4 == text.len;
		size_t pad = last && p[3] == '=' ? (p[2] == '=' ? 2 : 1) : 0;
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = k >= 4 - pad ? 0 : value64(p[k]);
			if (d < 0) {
				return false;
			}
			v = v << 6 | (uint32_t)d;
		}
		if ((pad == 2 && (v & 0xffff)) || (pad == 1 && (v & 0xff))) {
			return false;
		}
		const uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
		buf_add(out, bytes, 3 - pad);
	}
	return true;
}

void hex_encode(struct buf *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		buf_add_byte(out, (uint8_t)digits16[bytes.data[i] >> 4]);
		buf_add_byte(out, (uint8_t)digits16[bytes.data[i] & 15]);
	}
}

static int value16(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct buf *out, struct slice text)
{
	if (text.len % 2 != 0) {
		return false;
	}
	for (size_t i = 0; i < text.len; i += 2) {
		int high = value16(text.data[i]), low = value16(text.data[i + 1]);
		if (high < 0 || low < 0) {
			return false;
		}
		buf_add_byte(out, (uint8_t)(high << 4 | low));
	}
	return true;
}
