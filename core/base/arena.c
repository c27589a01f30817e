/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/arena.h"

#include "core/base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024, ALIGN = alignof(max_align_t) };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t cap_bytes)
{
	*arena = (struct arena){.cap_bytes = cap_bytes};
}

static void free_from(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		mem_free(block);
		block = next;
	}
}

void arena_fini(struct arena *arena)
{
	free_from(arena->head);
	arena->head = NULL;
}

void arena_reset(struct arena *arena, size_t cap_bytes)
{
	struct arena_block *keep = NULL;
	for (struct arena_block *b = arena->head; b;) {
		struct arena_block *next = b->next;
		if (!keep && b->size <= BLOCK_BYTES) {
			keep = b;
			keep->used = 0;
			keep->next = NULL;
		} else {
			mem_free(b);
		}
		b = next;
	}
	arena->head = keep;
	arena->used_bytes = 0;
	arena->cap_bytes = cap_bytes;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
	size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;
	struct arena_block *block = mem_try(sizeof(*block) + want);
	if (!block) {
		return NULL;
	}
	block->size = want;
	block->used = 0;
	block->next = arena->head;
	arena->head = block;
	return block;
}

void *arena_try(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (arena->cap_bytes && rounded > arena->cap_bytes - arena->used_bytes) {
		return NULL;
	}
	struct arena_block *block = arena->head;
	if (!block || rounded > block->size - block->used) {
		block = add_block(arena, rounded);
		if (!block) {
			return NULL;
		}
	}
	void *mem = block->bytes + block->used;
	block->used += rounded;
	arena->used_bytes += rounded;
	memset(mem, 0, size);
	return mem;
}

void *arena_try_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	return __builtin_mul_overflow(count, size, &total) ? NULL : arena_try(arena, total);
}

void *arena_try_dup(struct arena *arena, const void *bytes, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_try(arena, len + 1) : NULL;
	if (copy && len) {
		memcpy(copy, bytes, len);
	}
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0) {
		return NULL;
	}
	size_t kept = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
	return arena_try_dup(arena, text, kept);
}
