/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside of a log. Lock order: flush_lock, lock, view_lock, a segment's index_lock, the file
 * cache's.
 *
 *   flush_lock  one flush, truncation, or close at a time
 *   lock        appends and all that changes the log: "the writer"
 *   view_lock   the list of segments; held for look-ups only
 *   tail        end offset and size of the active segment as one pair: seqlock, written by the
 * writer
 */
#pragma once

#include "core/base/list.h"
#include "core/store/index.h"
#include "core/store/leader_epochs.h"
#include "core/stat/stat.h"
#include "core/store/log.h"
#include "core/store/segment.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TIME_UNKNOWN = -2 };

/*
 * One .log with its indexes. refs holds the struct; a pin holds the file open. A segment with bytes
 * that are not yet fdatasync'ed keeps one pin (dirty), since a write error is told only to files
 * open then.
 */
struct segment {
	char *dir, *path;
	int64_t base_offset;
	bool writable;
	atomic_int refs;

	/* guarded by the file cache's lock */
	int fd;
	int pins;
	struct list idle;

	_Atomic int64_t size; /* whole batches; the file may be longer when preallocated */

	/* the writer's */
	bool exists;	     /* the file has been made */
	bool dirty;	     /* holds a pin, see above */
	bool index_unsynced; /* index files were written, not fdatasync'ed */
	int64_t synced_pos;
	int64_t first_timestamp; /* of the first batch; -1: none, TIME_UNKNOWN: not looked at */
	int64_t made_ms;	 /* wall */
	int64_t jitter_ms;
	bool recovered; /* scanned by the open: its transaction index is built again */

	pthread_mutex_t index_lock; /* guards what follows */
	bool index_loaded;
	bool index_rebuilt;
	bool times_checked; /* max_timestamp is known to be the largest */
	int64_t bytes_since_index;
	struct offset_index index;
	struct time_index times;
	int64_t max_timestamp, max_timestamp_offset; /* -1: none */
	int64_t trusted_pos;			     /* written since the open: no CRC check */
	int64_t verified_from, verified_to;	     /* CRC seen right since the open */
	int64_t hint_offset, hint_pos;		     /* a batch begins there; -1: none */
	bool txns_loaded;
	struct txn_index txns;
};

/* A file that a flush syncs. */
struct flush_item {
	struct segment *segment;
	int fd;
	int64_t size;
	bool index, active;
};

struct pending_delete {
	char *path;
	int64_t due_mono_ms;
};

struct log {
	char *dir;
	bool read_only;
	struct log_conf conf; /* lock; the two below are for readers */
	_Atomic int32_t index_interval_bytes;
	atomic_bool verify_on_read;

	pthread_mutex_t flush_lock, lock, view_lock;

	struct segment **segments; /* written under lock and view_lock; at least one */
	size_t segment_count, segment_room;

	struct leader_epochs epochs;	 /* lock */
	struct producers producers;	 /* lock */
	struct producer_changes changes; /* lock; of the append at hand */
	int64_t snapshot_offset;	 /* lock; of the newest snapshot, else the log start */
	_Atomic int64_t first_unstable;	 /* INT64_MAX: no transaction is open or undecided */
	atomic_bool compacting;
	struct pending_delete *pending;
	_Atomic size_t pending_count;
	size_t pending_room;
	bool dir_dirty, parent_dirty;	/* lock */
	bool parent_is_synced;		/* by whoever opens the log */
	struct flush_item *flush_items; /* flush_lock; kept between flushes */
	size_t flush_room;

	atomic_bool failed; /* fdatasync failed: nothing more is taken */
	_Atomic uint64_t tail_seq;
	_Atomic int64_t end_offset;
	_Atomic int64_t start_offset;
	_Atomic int64_t flushed_offset;
	_Atomic int64_t size_bytes;
	_Atomic int64_t unflushed_since_ms;
};

/* segment_file.c */
struct segment *segment_new(const char *dir, int64_t base_offset, bool writable);
void segment_ref(struct segment *segment);
void segment_unref(struct segment *segment);
WEIR_MUST_USE enum weir_code segment_pin(struct segment *segment, int *fd, struct weir_err *err);
void segment_unpin(struct segment *segment);
char *segment_path(const struct segment *segment, const char *suffix); /* mem_free */
/* Makes the empty file. Errors: EXISTS, IO, NO_SPACE. */
WEIR_MUST_USE enum weir_code segment_make(
	struct segment *segment, int64_t preallocate_bytes, struct weir_err *err);
/* Size of the file on disk. Errors: LOCAL_CORRUPT when it is no regular file; NOT_FOUND, IO. */
WEIR_MUST_USE enum weir_code segment_file_size(
	struct segment *segment, int64_t *size, struct weir_err *err);
/* The open file fd becomes the segment's. */
void segment_adopt(struct segment *segment, int *fd);
void segment_make_dirty(struct segment *segment); /* pinned by the caller: one more pin is kept */
void segment_clear_dirty(struct segment *segment);

/* Takes up one batch that stands in the file: indexes and largest timestamp. index_lock is held. */
void segment_note_batch(
	struct segment *segment, const struct batch_head *head, int32_t interval_bytes);
/* Empties the indexes, as before the first batch. index_lock is held. */
void segment_index_clear(struct segment *segment);
/* Index files into memory, built from the log if absent or wrong. index_lock is held. */
WEIR_MUST_USE enum weir_code segment_index_load(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err);
WEIR_MUST_USE enum weir_code segment_index_rebuild(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err);
/*
 * As segment_index_load, and max_timestamp is right even when the time index lost its last entries:
 * whoever looks up times or judges the segment's age needs that. index_lock is held.
 */
WEIR_MUST_USE enum weir_code segment_times_load(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err);
/* Writes both files; when that fails they are removed, since an older one would mislead. */
void segment_index_save(struct segment *segment);
WEIR_MUST_USE enum weir_code segment_index_sync(struct segment *segment, struct weir_err *err);

/*
 * Finds the first batch whose last offset is >= offset; *got false when the file ends before.
 * limit: the next segment's base. Errors: CORRUPT_MESSAGE when offset lies in a damaged range; IO.
 */
WEIR_MUST_USE enum weir_code segment_locate(struct segment *segment, int fd, int64_t size,
	int64_t limit, int64_t offset, int32_t interval_bytes, struct batch_head *head, bool *got,
	struct weir_err *err);

/*
 * As above, but past the batch at pos, which was found bad: its head may have lied about the
 * offsets it holds. *got false: no good batch behind it holds offset.
 */
WEIR_MUST_USE enum weir_code segment_locate_past(struct segment *segment, int fd, int64_t size,
	int64_t limit, int64_t pos, int64_t offset, struct batch_head *head, bool *got,
	struct weir_err *err);

/* log.c */
/* The segment that offset falls into, referenced and pinned; limit: base of the next, INT64_MAX:
 * none. */
WEIR_MUST_USE enum weir_code log_take_segment(struct log *log, int64_t offset,
	struct segment **segment, int *fd, int64_t *limit, struct weir_err *err);
void log_give_segment(struct segment *segment); /* unpins and unreferences */
struct segment *log_active(struct log *log);	/* lock is held */
void log_segments_add(struct log *log, struct segment *segment);
/* Takes count segments from index on off the list; the caller has copied them. */
void log_segments_cut(struct log *log, size_t from, size_t count);
/* Errors: IO when read-only or after a failed flush. lock is held. */
WEIR_MUST_USE enum weir_code log_check_writable(struct log *log, struct weir_err *err);
WEIR_MUST_USE enum weir_code log_sync_parent(const struct log *log, struct weir_err *err);
/* Last time entry, indexes written, a preallocated tail cut off. */
void log_seal(struct log *log, struct segment *active);
/* End offset and size of segment as they belonged together at one moment. */
void log_tail_get(
	struct log *log, const struct segment *segment, int64_t *end_offset, int64_t *size);
/* End offset, and bytes of the active segment, as one pair. */
void log_tail_set(struct log *log, int64_t end_offset, struct segment *active, int64_t size);
WEIR_MUST_USE enum weir_code log_roll_locked(struct log *log, struct weir_err *err);
void log_free(struct log **log);

void log_conf_take(struct log *log, const struct log_conf *conf);

/* Takes epoch into the cache and its file, durably, before any batch of it is written. */
WEIR_MUST_USE enum weir_code log_begin_epoch(
	struct log *log, int32_t epoch, int64_t start_offset, struct weir_err *err);
/* Makes the active segment's file if it is not there yet (an empty log has none). */
WEIR_MUST_USE enum weir_code log_ensure_file(
	struct log *log, struct segment *active, struct weir_err *err);

/* log_producers.c */
/* State at the end, from the newest snapshot that holds and the log; files of recovered segments.
 */
WEIR_MUST_USE enum weir_code log_producers_open(struct log *log, struct weir_err *err);
/* After the end moved down. lock is held. */
WEIR_MUST_USE enum weir_code log_producers_truncate(struct log *log, struct weir_err *err);
/*
 * Writes the state as the snapshot at offset, unless there is one. A failure costs time at the next
 * open only. lock is held.
 */
void log_producers_snapshot(struct log *log, int64_t offset, bool durably);
/* The newest snapshot that holds, at or below most; none: *offset is the log start. Any thread. */
WEIR_MUST_USE enum weir_code log_snapshot_load(struct log *log, int64_t most,
	struct producers *producers, int64_t *offset, struct weir_err *err);

/* log_txns.c */
struct txn_entry txn_entry_of(const struct producer_end *end);
/* Transaction index into memory, built from the log if it is wrong. limit: base of the next. */
WEIR_MUST_USE enum weir_code log_txns_load(
	struct log *log, struct segment *segment, int64_t limit, struct weir_err *err);
/* Writes the file (removes it when there is no entry), durably. */
WEIR_MUST_USE enum weir_code log_txns_save(
	struct segment *segment, const struct txn_index *txns, struct weir_err *err);
/* What the log does to producers in [from, to): each aborted transaction goes to aborted. */
WEIR_MUST_USE enum weir_code log_replay(struct log *log, struct producers *producers, int64_t from,
	int64_t to,
	void (*aborted)(void *arg, struct segment *segment, const struct txn_entry *entry),
	void *arg, struct weir_err *err);

/* log_trim.c */
WEIR_MUST_USE enum weir_code log_drop_front(struct log *log, size_t count, struct weir_err *err);
/* Renames the files of segment to *.deleted, for later. lock is held. */
WEIR_MUST_USE enum weir_code log_retire(
	struct log *log, struct segment *segment, bool keep_snapshot, struct weir_err *err);
void log_pending_add(struct log *log, char *path, int64_t due_mono_ms); /* takes path */

/* Unlinks the files of segment; a missing one is fine. */
WEIR_MUST_USE enum weir_code segment_remove(struct segment *segment, struct weir_err *err);

/* log_recover.c */
/* Scans from the recovery point on, cuts what is damaged above it, syncs what is kept. */
WEIR_MUST_USE enum weir_code log_recover(
	struct log *log, int64_t recovery_point, int64_t *end_offset, struct weir_err *err);

/* quarantine.c */
/* Copies the bytes of segment from pos on into .quarantine, durably. */
WEIR_MUST_USE enum weir_code quarantine_tail(
	struct segment *segment, int fd, int64_t pos, int64_t end, struct weir_err *err);
/* Moves dir/name there; its own name is kept but for a suffix. */
WEIR_MUST_USE enum weir_code quarantine_file(
	const char *dir, const char *name, struct weir_err *err);
