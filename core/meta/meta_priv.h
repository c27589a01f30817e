/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a backend of the metadata store gives: rows in and out. The front (meta.c) checks sizes,
 * keeps commits one at a time and calls the watchers, so a backend knows nothing of either.
 */
#pragma once

#include "core/base/list.h"
#include "core/meta/meta.h"

#include <pthread.h>

struct meta_change {
	const struct meta_guard *guards;
	size_t guard_count;
	const struct meta_op *ops;
	size_t op_count;
	struct meta_entry *changed; /* room for op_count; the backend fills it for the watchers */
	size_t changed_count;
	int64_t revision; /* the store's after the commit */
};

struct meta_backend {
	void (*close)(struct meta *meta);
	enum weir_code (*get)(struct meta *meta, struct slice key, struct buf *out,
		struct meta_entry *entry, struct weir_err *err);
	/* Appends every row with prefix to out, in the form of meta_row_add. */
	enum weir_code (*range)(struct meta *meta, struct slice prefix, struct buf *out,
		int64_t *revision, struct weir_err *err);
	enum weir_code (*commit)(
		struct meta *meta, struct meta_change *change, struct weir_err *err);
};

/* First member of the backend's own struct. */
struct meta {
	const struct meta_backend *backend;
	pthread_mutex_t commit_lock; /* held over a commit and its watchers */
	struct list watches;	     /* guarded by: commit_lock */
	_Atomic int64_t revision;    /* of the last commit */
};

void meta_init(struct meta *meta, const struct meta_backend *backend, int64_t revision);
void meta_fini(struct meta *meta);

/* One row in a buffer: struct meta_row_head in memory order, key, value. */
void meta_row_add(struct buf *out, const struct meta_entry *entry);
