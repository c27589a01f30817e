/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Variable-length numbers: 7 bits a byte, low bits first, high bit = more follow.
 * Protocol lengths are plain (uvarint); fields of records are zigzag (varint): never mix the two.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { VARINT32_BYTES_MAX = 5, VARINT64_BYTES_MAX = 10 };

/* Bytes read (1..10), or 0 when the bytes end first or the number does not fit 64 bits. */
static inline size_t uvarint_get(const uint8_t *p, size_t len, uint64_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len && i < VARINT64_BYTES_MAX; i++) {
		if (i == 9 && p[i] > 1) {
			return 0;
		}
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (!(p[i] & 0x80)) {
			*value = v;
			return i + 1;
		}
	}
	return 0;
}

/* Bytes written; p has room for VARINT64_BYTES_MAX. */
static inline size_t uvarint_put(uint8_t *p, uint64_t value)
{
	size_t n = 0;
	while (value >= 0x80) {
		p[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	p[n++] = (uint8_t)value;
	return n;
}

static inline size_t uvarint_size(uint64_t value)
{
	size_t n = 1;
	while (value >= 0x80) {
		value >>= 7;
		n++;
	}
	return n;
}

static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline size_t varint_get(const uint8_t *p, size_t len, int64_t *value)
{
	uint64_t raw;
	size_t n = uvarint_get(p, len, &raw);
	if (n) {
		*value = unzigzag(raw);
	}
	return n;
}

static inline size_t varint_put(uint8_t *p, int64_t value)
{
	return uvarint_put(p, zigzag(value));
}

static inline size_t varint_size(int64_t value)
{
	return uvarint_size(zigzag(value));
}
