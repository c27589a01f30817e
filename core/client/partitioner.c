/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which partition a key goes to. Other clients must agree, so this is Java's variant of
 * MurmurHash2: seed 0x9747b28c, little-endian words. */
#include "core/client/partitioner.h"

#include "core/client/client.h"

#include <zlib.h>

int32_t murmur2(struct slice key)
{
	enum { SHIFT = 24 };
	const uint32_t mul = 0x5bd1e995;
	uint32_t hash = 0x9747b28cU ^ (uint32_t)key.len;
	size_t i = 0;
	for (; i + 4 <= key.len; i += 4) {
		uint32_t word = (uint32_t)key.data[i] | (uint32_t)key.data[i + 1] << 8 |
				(uint32_t)key.data[i + 2] << 16 | (uint32_t)key.data[i + 3] << 24;
		word *= mul;
		word ^= word >> SHIFT;
		word *= mul;
		hash *= mul;
		hash ^= word;
	}
	if (i < key.len) {
		for (size_t tail = key.len; tail > i; tail--) {
			hash ^= (uint32_t)key.data[tail - 1] << (8 * (tail - 1 - i));
		}
		hash *= mul;
	}
	hash ^= hash >> 13;
	hash *= mul;
	hash ^= hash >> 15;
	return (int32_t)hash;
}

int32_t producer_partition_of(struct slice key, int32_t partition_count)
{
	return (murmur2(key) & INT32_MAX) % partition_count;
}

static uint32_t fnv1a(struct slice key)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < key.len; i++) {
		hash = (hash ^ key.data[i]) * 16777619U;
	}
	return hash;
}

void partition_guesses(
	struct slice key, int32_t partition_count, int32_t guesses[PARTITION_GUESSES])
{
	uint32_t count = (uint32_t)partition_count;
	int32_t signed_rest = (int32_t)fnv1a(key) % partition_count;
	guesses[0] = producer_partition_of(key, partition_count);
	guesses[1] = (int32_t)((uint32_t)crc32_z(0, key.data, key.len) % count);
	guesses[2] = signed_rest < 0 ? -signed_rest : signed_rest;
}
