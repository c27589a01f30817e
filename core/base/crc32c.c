/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	/* ISA-L takes an int length and does neither of the two inversions. */
	const unsigned char *p = bytes;
	crc = ~crc;
	while (len) {
		size_t part = len > (1u << 30) ? (1u << 30) : len;
		crc = crc32_iscsi((unsigned char *)(uintptr_t)p, (int)part, crc);
		p += part;
		len -= part;
	}
	return ~crc;
}
