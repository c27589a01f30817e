/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C (Castagnoli), as record batches use it. crc32c(0, "123456789", 9) == 0xe3069283. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues crc (0 to begin) over len bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
