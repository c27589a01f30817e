/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/mem.h"

#include "core/base/err.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t fail_after;
static _Atomic uint64_t taken;

static void count(void)
{
	atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
}

uint64_t mem_taken(void)
{
	return atomic_load_explicit(&taken, memory_order_relaxed);
}

static void *checked(void *mem)
{
	count();
	if (!mem) {
		WEIR_BUG_AT("out of memory");
	}
	return mem;
}

void *mem_new(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *mem_array(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_grow(void *old, size_t count, size_t size)
{
	size_t total;
	WEIR_ASSERT(!__builtin_mul_overflow(count, size, &total));
	return checked(realloc(old, total ? total : 1));
}

void *mem_dup(const void *bytes, size_t len)
{
	char *copy = checked(malloc(len + 1));
	if (len) {
		memcpy(copy, bytes, len);
	}
	copy[len] = '\0';
	return copy;
}

char *mem_dup_str(const char *text)
{
	return mem_dup(text, strlen(text));
}

char *mem_printf(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = NULL;
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
	}
	va_end(args);
	return checked(text);
}

static int fails_now(void)
{
	count();
	return fail_after && --fail_after == 0;
}

void *mem_try(size_t size)
{
	return fails_now() ? NULL : malloc(size ? size : 1);
}

void *mem_try_grow(void *old, size_t size)
{
	return fails_now() ? NULL : realloc(old, size ? size : 1);
}

void mem_free(void *mem)
{
	free(mem);
}

void mem_fail_after(uint64_t n)
{
	fail_after = n;
}
