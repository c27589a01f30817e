/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of one partition: Kafka's own files in one directory "<topic>-<partition>".
 *
 * Invariants: offsets rise by batch without overlap; what lies below the flushed offset has been
 * fdatasync'ed and is never truncated by recovery; indexes and producer state are functions of the
 * log, rebuilt from it.
 *
 * Threads: log_append, log_truncate, log_roll and log_delete_* take the log's own lock; log_read,
 * the offset getters and log_flush may run on any thread beside them (atomics, counted segments).
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/record/batch.h"
#include "core/store/producers.h"

struct log;
struct segment;

/* Borrowed by nobody: copied. Units as in the topic settings of the same names. */
struct log_conf {
	int64_t segment_bytes;
	int64_t segment_ms;
	int64_t segment_jitter_ms;
	int32_t segment_index_bytes;
	int32_t index_interval_bytes;
	int64_t retention_ms;	 /* -1: for ever */
	int64_t retention_bytes; /* -1: any size */
	int64_t file_delete_delay_ms;
	bool preallocate;
	bool cleanup_delete; /* cleanup.policy has delete */
	bool verify_on_read; /* CRC of each batch on its first read after open */
	bool compacted; /* cleanup.policy has compact, or a copy of such: offsets may leave gaps */
	int64_t delete_retention_ms;	   /* how long compaction keeps a delete marker */
	int64_t min_compaction_lag_ms;	   /* newer records are not compacted */
	int64_t max_compaction_lag_ms;	   /* older ones make the log due */
	int64_t producer_id_expiration_ms; /* a producer silent for so long is forgotten */
};
extern const struct log_conf log_conf_default;

struct log_start {
	int64_t log_start_offset; /* of the checkpoint; 0 if none */
	int64_t recovery_point;	  /* of the checkpoint: durable up to here; 0 if none */
	bool clean;		  /* clean-shutdown marker was there: no scan */
	bool parent_is_synced;	  /* the caller fsyncs the parent once it has opened many */
	bool read_only;		  /* another's directory: nothing is written, renamed or removed */
};

/*
 * Opens, or makes, the log in dir. Unclean: every batch from the recovery point on is CRC-checked,
 * the first bad one and what follows is moved to dir/.quarantine (never bytes below the recovery
 * point) and cut off, indexes are rebuilt, and what was kept is fsynced. Errors: IO, LOCAL_CORRUPT,
 * NO_SPACE.
 */
WEIR_MUST_USE enum weir_code log_open(const char *dir, const struct log_conf *conf,
	const struct log_start *start, struct log **log, struct weir_err *err);
/* What a log's directory tells without opening it, to see whether there is something to do. */
struct log_peek {
	size_t segment_count;
	int64_t bytes;		 /* of the .log files */
	int64_t last_base;	 /* of the last segment; -1: none */
	int64_t oldest_write_ms; /* wall; when the first segment was written last; -1: none */
};
/* Errors: NOT_FOUND, IO. */
WEIR_MUST_USE enum weir_code log_peek(const char *dir, struct log_peek *peek, struct weir_err *err);
/* Flushes, cuts indexes to size, closes. */
WEIR_MUST_USE enum weir_code log_close(struct log **log, struct weir_err *err);
void log_set_conf(struct log *log, const struct log_conf *conf);
const char *log_dir(const struct log *log);

struct log_append_ask {
	int32_t leader_epoch;
	enum append_origin origin;
	int16_t transaction_version; /* of a marker: 2, when its epoch must be a new one */
};
struct log_appended {
	int64_t base_offset, last_offset;
	int64_t log_start_offset;
	bool duplicate; /* nothing was written: the offsets are those of the first time */
	int64_t duplicate_timestamp; /* the largest of that batch, ms */
};
/*
 * Appends whole batches (validated, magic 2); gives them offsets and leader_epoch in place, writes
 * with one pwritev, publishes the end. A failed write is cut back and leaves the log as it was; but
 * after an error of the disk itself (not a full one) the log has failed.
 * Errors: FENCED_LEADER_EPOCH when leader_epoch is below the log's last; RECORD_LIST_TOO_LARGE
 * (over segment_bytes); those of producers_check; IO, NO_SPACE.
 */
WEIR_MUST_USE enum weir_code log_append_from(struct log *log, uint8_t *bytes, size_t len,
	const struct log_append_ask *ask, struct log_appended *appended, struct weir_err *err);
/* As above, from a client. */
WEIR_MUST_USE enum weir_code log_append(struct log *log, uint8_t *bytes, size_t len,
	int32_t leader_epoch, struct log_appended *appended, struct weir_err *err);
/* As a follower or copier does: offsets and epochs in the batches are kept; they must not go back.
 */
WEIR_MUST_USE enum weir_code log_append_as_is(struct log *log, const uint8_t *bytes, size_t len,
	struct log_appended *appended, struct weir_err *err);

/* A run of bytes of one segment file, held open until log_span_release. */
struct log_span {
	struct segment *segment;
	int fd;
	int64_t pos;
	size_t len; /* 0: nothing there */
};
/*
 * Finds up to max_bytes from the batch that contains offset on, ending before the batch that begins
 * at or after end_offset (pass the high watermark); the last batch may be cut by max_bytes, but
 * with whole_first the first is given whole whatever its size. One span never crosses a segment.
 * Errors: OFFSET_OUT_OF_RANGE below the start or above the end; CORRUPT_MESSAGE, IO.
 */
WEIR_MUST_USE enum weir_code log_read(struct log *log, int64_t offset, int64_t end_offset,
	size_t max_bytes, bool whole_first, struct log_span *span, struct weir_err *err);
void log_span_release(struct log_span *span);
WEIR_MUST_USE enum weir_code log_span_copy(
	const struct log_span *span, void *out, struct weir_err *err); /* len bytes */

int64_t log_start_offset(const struct log *log);
int64_t log_end_offset(const struct log *log);	       /* next offset to be given */
int64_t log_flushed_offset(const struct log *log);     /* fdatasync'ed below it */
int64_t log_size_bytes(const struct log *log);	       /* of the .log files */
int64_t log_unflushed_since_ms(const struct log *log); /* mono ms of the oldest; -1: all flushed */
/* A flush or a write failed by an error that no free space mends, or a write could not be cut back.
 */
bool log_failed(const struct log *log);

/*
 * fdatasyncs what was written before the call (and the directory when a file is new), then raises
 * the flushed offset. One at a time a log (a second caller waits). After a failed fdatasync the log
 * fails for good: every later append and flush gives IO. Out of descriptors: IO, may be tried
 * again.
 */
WEIR_MUST_USE enum weir_code log_flush(struct log *log, struct weir_err *err);

/*
 * What read_committed may see: the lesser of high_watermark and the first offset of the oldest
 * transaction that is open, or that ended with a marker at or above high_watermark. Any thread.
 */
int64_t log_last_stable_offset(struct log *log, int64_t high_watermark);
/* Aborted transactions with records in [from, to), by first offset; *list is mem_free'd. Errors:
 * IO, CORRUPT_MESSAGE. */
struct log_aborted {
	int64_t producer_id;
	int64_t first_offset;
};
WEIR_MUST_USE enum weir_code log_aborted_txns(struct log *log, int64_t from, int64_t to,
	struct log_aborted **list, size_t *count, struct weir_err *err);
/* An offset at or above the end of the span's last batch, and not far above it. */
int64_t log_span_end_offset(struct log *log, const struct log_span *span);
/* The producers that are known, by id; *list is mem_free'd. */
void log_producers(struct log *log, struct producer **list, size_t *count);
/* The largest producer id that the log in dir knows, read-only; -1: none. Errors: log_open's. */
WEIR_MUST_USE enum weir_code log_largest_producer_id(
	const char *dir, int64_t *id, struct weir_err *err);
/* Forgets producers that were silent for producer_id_expiration_ms. */
void log_expire_producers(struct log *log, int64_t now_ms);

/* First record with timestamp >= ts below end_offset. Found: offset and its timestamp and epoch;
 * else offset -1. */
struct log_found {
	int64_t offset, timestamp;
	int32_t leader_epoch;
};
WEIR_MUST_USE enum weir_code log_find_time(struct log *log, int64_t ts, int64_t end_offset,
	struct log_found *found, struct weir_err *err);
/* Record with the largest timestamp below end_offset (KIP-734); offset -1 when empty. */
WEIR_MUST_USE enum weir_code log_find_max_time(
	struct log *log, int64_t end_offset, struct log_found *found, struct weir_err *err);

/* Leader epoch cache, as Kafka answers. epoch: the largest <= asked, end_offset: where the next
 * begins; the log end for the last one itself; -1/-1 when asked is above the last. */
void log_epoch_end(struct log *log, int32_t asked, int32_t *epoch, int64_t *end_offset);
int32_t log_last_epoch(struct log *log);	       /* -1: none */
int32_t log_epoch_at(struct log *log, int64_t offset); /* -1: none */
/* Notes that leader_epoch starts at the log end (a new leader). Written durably. */
WEIR_MUST_USE enum weir_code log_start_epoch(
	struct log *log, int32_t leader_epoch, struct weir_err *err);

/*
 * Cuts the log so that it ends at offset, or before the batch that offset lies inside of; durable
 * on return. A recovery point kept elsewhere above offset must be lowered, durably, before.
 */
WEIR_MUST_USE enum weir_code log_truncate(struct log *log, int64_t offset, struct weir_err *err);
/* Removes everything and begins anew at offset. */
WEIR_MUST_USE enum weir_code log_reset(struct log *log, int64_t offset, struct weir_err *err);
/* Raises the log start; whole segments below it go. Errors: OFFSET_OUT_OF_RANGE. */
WEIR_MUST_USE enum weir_code log_delete_before(
	struct log *log, int64_t offset, struct weir_err *err);
/* Removes the *.deleted files whose delay is over. Any thread; cheap when there is none. */
WEIR_MUST_USE enum weir_code log_remove_due(struct log *log, struct weir_err *err);
/* Retention by time and size below end_offset (high watermark), and what log_remove_due does. */
WEIR_MUST_USE enum weir_code log_retain(
	struct log *log, int64_t now_ms, int64_t end_offset, struct weir_err *err);
WEIR_MUST_USE enum weir_code log_roll(struct log *log, struct weir_err *err);
/* Renames the directory to "<topic>-<p>.<32 hex>-delete" beside itself and closes; path of it in
 * *moved (mem_free), for fs_remove_tree later. */
WEIR_MUST_USE enum weir_code log_delete(struct log **log, char **moved, struct weir_err *err);
/* The same for the directory of a log that is not open. Errors: NOT_FOUND, IO. */
WEIR_MUST_USE enum weir_code log_delete_dir(const char *dir, struct weir_err *err);

/*
 * Compaction (cleanup.policy=compact), one at a time a log, beside appends and reads. What holds:
 *
 *   the newest record of each key stays, and is found at its offset
 *   offsets, epochs, timestamps and sequences of what stays do not change, nor does their order
 *   records at or above stable_offset, and of the active segment, are left alone
 *   a delete marker stays for delete_retention_ms after it was compacted first, and longer than
 *   what it deletes
 *   aborted records go; a marker that ends a transaction outlives the transaction's records
 *   the last batch of a producer that is known stays, be it as a header alone
 *   a crash at any moment leaves, for each group of segments, what was there or what replaces it
 */
struct log_dirt {
	int64_t first_dirty;	   /* where compaction has come to */
	int64_t first_uncleanable; /* where it must stop now */
	int64_t clean_bytes, cleanable_bytes;
	bool due; /* something is older than max_compaction_lag_ms */
};
/* Part of the log that is dirty, 0 to 1. */
static inline double log_dirt_ratio(const struct log_dirt *dirt)
{
	int64_t all = dirt->clean_bytes + dirt->cleanable_bytes;
	return all > 0 ? (double)dirt->cleanable_bytes / (double)all : 0;
}
/* clean_offset: where the last compaction came to (cleaner-offset-checkpoint); -1: never done. */
WEIR_MUST_USE enum weir_code log_dirt(struct log *log, int64_t clean_offset, int64_t stable_offset,
	int64_t now_ms, struct log_dirt *dirt, struct weir_err *err);

struct log_compaction {
	int64_t now_ms;		 /* wall */
	size_t map_bytes;	 /* for the keys of one pass */
	bool (*stop)(void *arg); /* asked now and then; may be NULL */
	void *arg;
	/* What came of it: */
	int64_t cleaned_to; /* the next clean_offset; above first_dirty when anything was done */
	int64_t bytes_before, bytes_after;
};
/*
 * One pass from dirt->first_dirty on, as far as the keys find room. What lies below
 * first_uncleanable must be below the recovery point that an open will get. Errors: STOPPED,
 * CONFLICT (retention or truncation came between: try again), CORRUPT_MESSAGE (nothing of that
 * group changed), IO, NO_SPACE, NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code log_compact(struct log *log, const struct log_dirt *dirt,
	struct log_compaction *compaction, struct weir_err *err);
