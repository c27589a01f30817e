/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers: from the kernel, or repeatable after random_seed (tests). */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);
uint64_t random_below(uint64_t limit); /* 0..limit-1; limit >= 1 */

/* Test seam: this thread's numbers follow from seed; 0 goes back to the kernel's. */
void random_seed(uint64_t seed);
