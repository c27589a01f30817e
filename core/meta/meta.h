/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The metadata store: etcd's semantics (keys, revisions, compare-and-swap, watch), behind one
 * interface. Embedded backend: LMDB in the data directory; every committed change is durable.
 * Any thread may call; a watcher is called on the committing thread after the commit, one commit
 * after the other. A watcher may read, but neither commit nor watch nor unwatch: the store is busy
 * with its commit until the last watcher has returned.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

#include <stdint.h>

struct meta;

enum {
	META_KEY_LEN_MAX = 511,		  /* LMDB's own bound */
	META_VALUE_LEN_MAX = 1024 * 1024, /* rows are small; etcd refuses much more by default */
};

struct meta_entry {
	struct slice key, value;
	int64_t create_revision,
		mod_revision; /* revision of the store when created / last changed */
};

/* One guard of a transaction: the key's mod_revision must equal revision (0: the key is absent). */
struct meta_guard {
	struct slice key;
	int64_t mod_revision;
};
struct meta_op {
	struct slice key;
	struct slice value; /* data NULL: delete the key */
};

/*
 * path: a directory of its own, made if absent (its parent is not). Held by one process at a time.
 * Every row is read and checked once. Errors: IO, LOCKED, LOCAL_CORRUPT, NO_SPACE.
 */
WEIR_MUST_USE enum weir_code meta_open_lmdb(
	const char *path, struct meta **meta, struct weir_err *err);
void meta_close(struct meta **meta);

/* Errors: NOT_FOUND, IO, LOCAL_CORRUPT. entry's slices are copied into out (borrowed until its next
 * change). */
WEIR_MUST_USE enum weir_code meta_get(struct meta *meta, struct slice key, struct buf *out,
	struct meta_entry *entry, struct weir_err *err);
/*
 * Calls each for every key with prefix (empty: all), in key order, at one revision (*revision; may
 * be NULL). entry is borrowed for the call; no lock is held then, so each may commit. Stops at its
 * error.
 */
WEIR_MUST_USE enum weir_code meta_range(struct meta *meta, struct slice prefix,
	enum weir_code (*each)(void *arg, const struct meta_entry *entry, struct weir_err *err),
	void *arg, int64_t *revision, struct weir_err *err);
/*
 * All guards hold: all ops are applied in order at one new revision and are durable on return. Ops
 * that change nothing (none, or deletes of absent keys) leave the revision alone. *revision (may be
 * NULL): the store's after the commit. Nothing changed after an error: CONFLICT names the key whose
 * guard failed; NO_SPACE (may be tried again); TOO_LARGE, INVALID_REQUEST: a key or value; BUG:
 * called by a watcher. After IO the store takes no more commits until it is opened again, as nobody
 * can say what the disk holds.
 */
WEIR_MUST_USE enum weir_code meta_commit(struct meta *meta, const struct meta_guard *guards,
	size_t guard_count, const struct meta_op *ops, size_t op_count, int64_t *revision,
	struct weir_err *err);
int64_t meta_revision(struct meta *meta);

/*
 * changed: deleted keys have value.data NULL and create_revision 0. One call a commit and watcher,
 * only with matching keys, in the order of the ops. meta_unwatch waits for a running call.
 */
struct meta_watch;
typedef void meta_changed(
	void *arg, int64_t revision, const struct meta_entry *entries, size_t count);
struct meta_watch *meta_watch(
	struct meta *meta, struct slice prefix, meta_changed *changed, void *arg);
void meta_unwatch(struct meta *meta, struct meta_watch **watch);
