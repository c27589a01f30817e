/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a test and the preloaded library (shim.c) share: a file that both map. It holds rules that
 * make calls of the broker fail, and a trace of all that the broker did to files under a directory.
 *
 * Trace: a call that changes a name, a length or bytes is one event, taken under a lock together
 * with the call itself, so the order is the kernel's. A sync is two: from the second on, all events
 * of that file or directory before the first are durable.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define SHIM_ENV "WEIR_SHIM"	       /* path of the shared file */
#define SHIM_ROOT_ENV "WEIR_SHIM_ROOT" /* absolute path of the directory looked at */

enum shim_op {
	SHIM_CREATE = 1, /* name; ino is the new file's */
	SHIM_MKDIR,	 /* name */
	SHIM_RENAME,	 /* name, name */
	SHIM_UNLINK,	 /* name; a file or an empty directory */
	SHIM_WRITE,	 /* ino, pos, bytes; b is 1 when durable at once (O_DSYNC) */
	SHIM_TRUNCATE,	 /* ino, pos is the new length */
	SHIM_SYNC_BEGIN, /* ino */
	SHIM_SYNC_END,	 /* ino; b is the number of its begin */
};

struct shim_event {
	uint32_t size; /* of the event with what follows, a multiple of 8 */
	uint32_t op;
	uint64_t ino;
	int64_t pos;
	uint64_t b;
	uint32_t len;	/* of the bytes that follow: data, or names with their NULs */
	uint32_t spare; /* 0 */
};

/* Calls that a rule may be about. */
enum {
	SHIM_ON_OPEN = 1 << 0, /* also mkdir */
	SHIM_ON_WRITE = 1 << 1,
	SHIM_ON_SYNC = 1 << 2,
	SHIM_ON_READ = 1 << 3,
	SHIM_ON_TRUNCATE = 1 << 4,
	SHIM_ON_ALLOCATE = 1 << 5,
	SHIM_ON_RENAME = 1 << 6,
	SHIM_ON_UNLINK = 1 << 7,
	SHIM_ON_ACCEPT = 1 << 8,
};

enum { SHIM_RULES = 8, SHIM_MATCH_LEN = 64 };

struct shim_rule {
	atomic_int calls; /* 0: not in force; set it last */
	int error;	  /* errno; 0: the call goes on */
	int delay_us;	  /* before it */
	int write_most;	  /* a write takes no more bytes; 0: no bound */
	atomic_int skip;  /* matching calls let through first */
	atomic_int count; /* calls hit after those; negative: all */
	atomic_int hits;
	char match[SHIM_MATCH_LEN]; /* part of the path; "": any under the root */
};

struct shim {
	atomic_int lock;
	_Atomic int64_t clock; /* events so far */
	_Atomic uint64_t used; /* bytes of them */
	uint64_t room;
	atomic_int tracing;
	struct shim_rule rules[SHIM_RULES];
	_Alignas(8) unsigned char events[];
};
