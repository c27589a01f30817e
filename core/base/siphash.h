/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-2-4 with 128 bits (Aumasson, Bernstein): under a secret key nobody can make two inputs
 * that collide, and by chance none do.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash128 {
	uint64_t low, high;
};
struct hash128 siphash128(const uint64_t key[2], const void *bytes, size_t len);
