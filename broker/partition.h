/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A partition that this broker serves: its log, its high watermark, and who waits for either.
 *
 * High watermark: the lowest flushed end among the in-sync replicas; alone that is the log's
 * flushed offset (flush.mode group and strict) or its end (interval, os). Consumers never see
 * beyond it, and it never goes back.
 *
 * Locks: use (rwlock) guards log: whoever touches the log holds it for reading, opening and
 * deleting take it for writing. wait_lock guards waits. Counted; the topic holds one count.
 */
#pragma once

#include "core/base/list.h"
#include "core/store/log.h"

#include <pthread.h>
#include <stdatomic.h>

struct broker;
struct reactor;
struct topic;

struct partition {
	struct broker *broker;
	struct topic *topic; /* counted */
	int32_t index;
	atomic_int refs;
	pthread_rwlock_t use;
	struct log *log;  /* NULL: not opened yet, or deleted */
	atomic_bool gone; /* deleted or closed; set with use held for writing */
	_Atomic int32_t leader_epoch;
	_Atomic int64_t clean_offset; /* compacted up to here; -1: never */
	atomic_bool cleaning;	      /* a cleaner has it in hand */
	atomic_bool stop_cleaning, uncleanable;
	atomic_bool peeked; /* a cleaner knows whether the closed log has something for it */
	_Atomic int64_t high_watermark;
	_Atomic int64_t unflushed_records; /* since the last flush was asked for (flush.messages) */
	pthread_mutex_t wait_lock;
	struct list waits;
	atomic_int waiting; /* how many; changed with wait_lock held */
	/* Producers were told of records below it before their flush (flush.mode group, acks 0 and
	 * 1). */
	_Atomic int64_t told_end;
	atomic_bool later; /* in a reactor's flush_later, whose thread owns later_node */
	struct list later_node;
	atomic_int flush_queued; /* enum flush_want; written with flush.lock held */
	struct list flush_node;	 /* guarded by flush.lock */
};

/* Somebody waits for the high watermark to reach offset. Embedded. */
struct partition_wait {
	struct list node;
	int64_t offset;
	/* Called once, with wait_lock held, on any thread; the wait is off the list. code: WEIR_OK,
	 * or why the offset will not come (deleted, disk failed). */
	void (*fire)(struct partition_wait *wait, enum weir_code code);
};

struct partition *partition_new(
	struct broker *broker, struct topic *topic, int32_t index, int32_t leader_epoch);
void partition_ref(struct partition *partition);
void partition_unref(struct partition *partition);

/*
 * The log, opened on first use, held until partition_done. Errors: UNKNOWN_TOPIC_OR_PARTITION when
 * it was deleted meanwhile; KAFKA_STORAGE_ERROR's local causes.
 */
WEIR_MUST_USE enum weir_code partition_use(
	struct partition *partition, struct log **log, struct weir_err *err);
void partition_done(struct partition *partition);

/* After an append: the high watermark moves now, or a flush is asked for, by flush.mode. strict or
 * group: waits fire when the flush is done. */
void partition_appended(struct partition *partition, struct log *log, int64_t record_count);
/*
 * The same when no producer waits for the flush. flush.mode group: when somebody else waits for the
 * records it begins at once, else within FLUSH_LATER_MS, one for all that is appended meanwhile.
 * reactor: the caller's.
 */
void partition_appended_told(struct partition *partition, struct log *log, int64_t record_count,
	struct reactor *reactor);
/* After an append that failed: when the disk broke, the broker stops (RELIABILITY F11). */
void partition_append_failed(
	struct partition *partition, const struct log *log, const struct weir_err *err);
/* The flushed offset or the end moved: raises the high watermark, fires the waits it reached. */
void partition_advance(struct partition *partition, struct log *log);
void partition_fail_waits(struct partition *partition, enum weir_code code);

/* Adds the wait unless its offset is reached already: then false, and fire is not called. When the
 * partition is gone, fire is called at once. */
bool partition_wait_add(struct partition *partition, struct partition_wait *wait);
/* Takes it off; false when it has fired (or is firing on another thread, done by the return). */
bool partition_wait_remove(struct partition *partition, struct partition_wait *wait);

/* Flushes, closes; the clean stop of one partition. */
WEIR_MUST_USE enum weir_code partition_close(struct partition *partition, struct weir_err *err);
/* Deletes the log by rename; waits fire with UNKNOWN_TOPIC_OR_PARTITION. */
void partition_delete(struct partition *partition);
/* "<data dir>/<topic>-<index>", mem_free. */
char *partition_dir(const struct partition *partition);
