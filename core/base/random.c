/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/random.h"

#include "core/base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local uint64_t state;

/* splitmix64: small, and every seed gives a full-period sequence. */
static uint64_t next_seeded(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void random_bytes(void *out, size_t len)
{
	uint8_t *p = out;
	while (len) {
		if (state) {
			uint64_t v = next_seeded();
			size_t n = len < sizeof(v) ? len : sizeof(v);
			memcpy(p, &v, n);
			p += n;
			len -= n;
			continue;
		}
		ssize_t n = getrandom(p, len, 0);
		if (n < 0) {
			WEIR_ASSERT(errno == EINTR);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

uint64_t random_u64(void)
{
	uint64_t v;
	random_bytes(&v, sizeof(v));
	return v;
}

uint64_t random_below(uint64_t limit)
{
	WEIR_ASSERT(limit > 0);
	return (uint64_t)(((unsigned __int128)random_u64() * limit) >> 64);
}

void random_seed(uint64_t seed)
{
	state = seed;
}
