/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heap memory, the only door to malloc.
 *
 * Sizes of ours: mem_new and friends, which abort with a message when memory is out. Sizes that a
 * peer, a file or an option chose: check a named limit first, then mem_try, which returns NULL.
 * mem_fail_after lets a test make the n-th mem_try from now fail.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void *mem_new(size_t size);		    /* zeroed; never NULL */
void *mem_array(size_t count, size_t size); /* zeroed; aborts when count x size overflows */
void *mem_grow(void *old, size_t count, size_t size); /* realloc to count x size; tail not zeroed */
char *mem_dup_str(const char *text);
void *mem_dup(const void *bytes, size_t len); /* len bytes and a NUL after them */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *mem_try(size_t size);		    /* not zeroed; NULL when memory is out */
void *mem_try_grow(void *old, size_t size); /* NULL when memory is out: old stays valid */

void mem_free(void *mem); /* NULL is fine */

/* Frees *ptr and NULLs it. */
#define MEM_FREE(ptr) (mem_free(*(ptr)), (void)(*(ptr) = NULL))

/* Allocations of this process so far, failed ones and growth counted; any thread. */
uint64_t mem_taken(void);
/* Test seam: the n-th mem_try/mem_try_grow of this thread from now on fails, 1 = the next; 0 = off.
 */
void mem_fail_after(uint64_t n);
