/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arena: many small allocations, freed by one reset; a cap bounds what a request may take.
 *
 * Blocks are kept over a reset (up to one block of block_size), so a request path allocates nothing
 * once warm. Owned by one thread at a time.
 */
#pragma once

#include "core/base/err.h"

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used_bytes; /* handed out since the last reset */
	size_t cap_bytes;
};

void arena_init(struct arena *arena, size_t cap_bytes); /* 0 = no cap */
void arena_fini(struct arena *arena);
void arena_reset(struct arena *arena, size_t cap_bytes);

/* Zeroed, aligned for any type; NULL above the cap or when memory is out. */
void *arena_try(struct arena *arena, size_t size) WEIR_MUST_USE;
void *arena_try_array(struct arena *arena, size_t count, size_t size) WEIR_MUST_USE;
/* Copy of len bytes with a NUL after them; NULL as above. */
void *arena_try_dup(struct arena *arena, const void *bytes, size_t len) WEIR_MUST_USE;
/* Formatted text; NULL as above. */
char *arena_printf(struct arena *arena, const char *fmt, ...) WEIR_PRINTF(2, 3);
