/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions of a log: the last stable offset, the transaction indexes, and walking the log for
 * what it does to the producers.
 *
 * A transaction index is read once an open. Each entry must name an abort marker of its producer in
 * the log; a file with one that does not is built again: from the newest snapshot at or below the
 * segment, and the log from there on.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/record/txn_marker.h"
#include "core/store/log_priv.h"

#include <stdlib.h>

struct txn_entry txn_entry_of(const struct producer_end *end)
{
	return (struct txn_entry){.producer_id = end->txn.producer_id,
		.first_offset = end->txn.first_offset,
		.last_offset = end->txn.last_offset,
		.last_stable_offset = end->last_stable_offset};
}

int64_t log_last_stable_offset(struct log *log, int64_t high_watermark)
{
	int64_t unstable = atomic_load(&log->first_unstable);
	if (unstable < high_watermark) {
		pthread_mutex_lock(&log->lock);
		(void)producers_decide(&log->producers, high_watermark);
		unstable = producers_first_unstable(&log->producers);
		atomic_store(&log->first_unstable, unstable);
		pthread_mutex_unlock(&log->lock);
	}
	int64_t start = log_start_offset(log);
	unstable = unstable < start ? start : unstable;
	return unstable < high_watermark ? unstable : high_watermark;
}

/* --- walking the log --- */

struct replay {
	struct producers *producers;
	struct producer_changes changes;
	void (*aborted)(void *arg, struct segment *segment, const struct txn_entry *entry);
	void *arg;
};

/* The fields of a data batch that matter to its producer. */
static struct batch batch_of(const struct batch_head *head)
{
	return (struct batch){.base_offset = head->base_offset,
		.magic = head->magic,
		.leader_epoch = head->leader_epoch,
		.attributes = head->attributes,
		.last_offset_delta = (int32_t)(head->last_offset - head->base_offset),
		.max_timestamp = head->max_timestamp,
		.producer_id = head->producer_id,
		.producer_epoch = head->producer_epoch,
		.base_sequence = head->base_sequence};
}

static void replay_batch(struct replay *replay, struct segment *segment, const struct batch *batch)
{
	struct weir_err err;
	struct producer_batch none;
	producer_changes_reset(&replay->changes);
	if (producers_check(replay->producers, batch, APPEND_FROM_REPLICA, 0, &replay->changes,
		    &none, &err)) {
		log_line(LOG_WARN, "%s: %s", segment->path, err.text);
		return;
	}
	producers_commit(replay->producers, &replay->changes);
	for (size_t i = 0; i < replay->changes.ended_count && replay->aborted; i++) {
		if (!replay->changes.ended[i].commit) {
			struct txn_entry entry = txn_entry_of(&replay->changes.ended[i]);
			replay->aborted(replay->arg, segment, &entry);
		}
	}
}

/* One batch; a damaged one is stepped over. *got false at the end. */
static enum weir_code replay_next(struct replay *replay, struct segment *segment,
	struct segment_reader *reader, int64_t from, int64_t to, bool *got, struct weir_err *err)
{
	struct batch_head head;
	struct batch batch;
	struct weir_err inner;
	enum weir_code code = segment_reader_head(reader, &head, got, &inner);
	if (!code && *got && head.base_offset >= to) {
		*got = false;
	}
	if (!code && (!*got || head.producer_id < 0 || head.last_offset < from)) {
		return WEIR_OK;
	}
	if (!code && (head.attributes & BATCH_CONTROL)) {
		reader->pos = head.pos;
		code = segment_reader_next(reader, &head, &batch, got, &inner);
	} else if (!code) {
		batch = batch_of(&head);
	}
	if (!code) {
		replay_batch(replay, segment, &batch);
		return WEIR_OK;
	}
	if (code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	*got = true;
	return segment_reader_resync(reader, segment->base_offset, INT64_MAX, err);
}

/* Where the walk may begin: the last index entry below from, when the index is at hand. */
static int64_t begin_pos(struct segment *segment, int64_t from)
{
	int64_t pos = 0;
	pthread_mutex_lock(&segment->index_lock);
	if (segment->index_loaded && from > segment->base_offset) {
		const struct offset_entry *entry = offset_index_find(&segment->index, from);
		pos = entry ? entry->pos : 0;
	}
	pthread_mutex_unlock(&segment->index_lock);
	return pos;
}

enum weir_code log_replay(struct log *log, struct producers *producers, int64_t from, int64_t to,
	void (*aborted)(void *arg, struct segment *segment, const struct txn_entry *entry),
	void *arg, struct weir_err *err)
{
	struct replay replay = {.producers = producers, .aborted = aborted, .arg = arg};
	enum weir_code code = WEIR_OK;
	for (int64_t at = from; at < to && !code;) {
		struct segment *segment;
		struct segment_reader reader;
		int fd;
		int64_t limit;
		bool got = true;
		code = log_take_segment(log, at, &segment, &fd, &limit, err);
		if (code) {
			break;
		}
		segment_reader_init(&reader, fd, segment->path, segment->base_offset,
			begin_pos(segment, from), atomic_load(&segment->size));
		while (!code && got) {
			code = replay_next(&replay, segment, &reader, from, to, &got, err);
		}
		segment_reader_close(&reader);
		log_give_segment(segment);
		at = limit;
	}
	producer_changes_fini(&replay.changes);
	return code;
}

/* --- the indexes --- */

/* Is the batch that holds offset what the entry says of it: an abort marker of the producer? */
static enum weir_code marker_stands(struct log *log, struct segment *segment, int fd, int64_t size,
	const struct txn_entry *entry, bool *stands, struct weir_err *err)
{
	struct batch_head head;
	struct weir_err inner;
	bool got = false;
	enum weir_code code = segment_locate(segment, fd, size, INT64_MAX, entry->last_offset,
		atomic_load(&log->index_interval_bytes), &head, &got, &inner);
	*stands = !code && got && head.base_offset == entry->last_offset &&
		  head.producer_id == entry->producer_id && (head.attributes & BATCH_CONTROL);
	if (code && code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	if (*stands) {
		struct segment_reader reader;
		struct batch batch;
		struct txn_marker marker;
		bool is_marker = false;
		segment_reader_init(
			&reader, fd, segment->path, segment->base_offset, head.pos, size);
		*stands = !segment_reader_next(&reader, &head, &batch, &got, &inner) && got &&
			  !txn_marker_parse(&batch, &is_marker, &marker, &inner) &&
			  (!is_marker || !marker.commit);
		segment_reader_close(&reader);
	}
	return WEIR_OK;
}

struct collect {
	struct segment *wanted;
	struct txn_index txns;
};

static void collect_one(void *arg, struct segment *segment, const struct txn_entry *entry)
{
	struct collect *collect = arg;
	if (segment == collect->wanted) {
		txn_index_add(&collect->txns, entry);
	}
}

/* Builds the index of segment from the log. limit: base of the next segment. */
static enum weir_code rebuild_txns(struct log *log, struct segment *segment, int64_t limit,
	struct txn_index *txns, struct weir_err *err)
{
	struct collect collect = {.wanted = segment};
	struct producers producers;
	int64_t from;
	producers_init(&producers);
	enum weir_code code = log_snapshot_load(log, segment->base_offset, &producers, &from, err);
	code = code ? code : log_replay(log, &producers, from, limit, collect_one, &collect, err);
	producers_fini(&producers);
	*txns = collect.txns;
	return code;
}

static enum weir_code read_txns(struct log *log, struct segment *segment, int fd,
	struct txn_index *txns, bool *good, struct weir_err *err)
{
	struct weir_err inner;
	char *path = segment_path(segment, ".txnindex");
	enum weir_code code = txn_index_read(path, segment->base_offset, txns, &inner);
	*good = !code || code == WEIR_NOT_FOUND;
	if (*good) {
		code = WEIR_OK;
	} else if (code == WEIR_LOCAL_CORRUPT) {
		log_line(LOG_WARN, "%s: building it again", inner.text);
		code = WEIR_OK;
	} else if (err) {
		*err = inner;
	}
	int64_t size = atomic_load(&segment->size);
	for (size_t i = 0; i < txns->count && !code && *good; i++) {
		code = marker_stands(log, segment, fd, size, &txns->entries[i], good, err);
		if (!code && !*good) {
			log_line(LOG_WARN,
				"%s: entry %zu names no abort marker of producer %lld at offset "
				"%lld: building it again",
				path, i, (long long)txns->entries[i].producer_id,
				(long long)txns->entries[i].last_offset);
		}
	}
	mem_free(path);
	return code;
}

enum weir_code log_txns_load(
	struct log *log, struct segment *segment, int64_t limit, struct weir_err *err)
{
	struct txn_index txns = {0};
	bool good;
	int fd;
	pthread_mutex_lock(&segment->index_lock);
	bool loaded = segment->txns_loaded;
	pthread_mutex_unlock(&segment->index_lock);
	if (loaded) {
		return WEIR_OK;
	}
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	code = read_txns(log, segment, fd, &txns, &good, err);
	if (!code && !good) {
		txn_index_fini(&txns);
		code = rebuild_txns(log, segment, limit, &txns, err);
		if (!code && segment->writable) {
			code = log_txns_save(segment, &txns, err);
		}
	}
	pthread_mutex_lock(&segment->index_lock);
	if (!code && !segment->txns_loaded) {
		segment->txns = txns;
		segment->txns_loaded = true;
	} else {
		txn_index_fini(&txns);
	}
	pthread_mutex_unlock(&segment->index_lock);
	segment_unpin(segment);
	return code;
}

enum weir_code log_txns_save(
	struct segment *segment, const struct txn_index *txns, struct weir_err *err)
{
	char *path = segment_path(segment, ".txnindex");
	enum weir_code code = txns->count ? txn_index_write(path, txns, err) : fs_unlink(path, err);
	code = code ? code : segment_index_sync(segment, err);
	mem_free(path);
	return code;
}

/* --- aborted transactions of a range --- */

struct aborted_list {
	struct log_aborted *items;
	size_t count, room;
};

/* Adds those of segment that overlap; *done: what comes later begins above the range. */
static void add_aborted(
	struct segment *segment, int64_t from, int64_t to, struct aborted_list *list, bool *done)
{
	pthread_mutex_lock(&segment->index_lock);
	for (size_t i = 0; i < segment->txns.count && !*done; i++) {
		const struct txn_entry *entry = &segment->txns.entries[i];
		if (entry->last_offset >= from && entry->first_offset < to) {
			if (list->count == list->room) {
				list->room = list->room ? list->room * 2 : 8;
				list->items =
					mem_grow(list->items, list->room, sizeof(*list->items));
			}
			list->items[list->count++] =
				(struct log_aborted){entry->producer_id, entry->first_offset};
		}
		*done = entry->last_stable_offset >= to;
	}
	pthread_mutex_unlock(&segment->index_lock);
}

static int aborted_order(const void *a, const void *b)
{
	const struct log_aborted *x = a, *y = b;
	return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

enum weir_code log_aborted_txns(struct log *log, int64_t from, int64_t to, struct log_aborted **out,
	size_t *count, struct weir_err *err)
{
	struct aborted_list list = {0};
	enum weir_code code = WEIR_OK;
	bool done = from >= to;
	int64_t end = log_end_offset(log);
	for (int64_t at = from; !code && !done && at < end;) {
		struct segment *segment;
		int fd;
		int64_t limit;
		code = log_take_segment(log, at, &segment, &fd, &limit, err);
		if (code) {
			break;
		}
		code = log_txns_load(log, segment, limit < end ? limit : end, err);
		if (!code) {
			add_aborted(segment, from, to, &list, &done);
		}
		log_give_segment(segment);
		at = limit;
	}
	if (code) {
		mem_free(list.items);
		return code;
	}
	if (list.count) {
		qsort(list.items, list.count, sizeof(*list.items), aborted_order);
	}
	*out = list.items;
	*count = list.count;
	return WEIR_OK;
}

int64_t log_span_end_offset(struct log *log, const struct log_span *span)
{
	struct segment *segment = span->segment;
	int64_t end = span->pos + (int64_t)span->len, offset = -1;
	pthread_mutex_lock(&segment->index_lock);
	size_t low = 0, high = segment->index.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (segment->index.entries[mid].pos < end) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (low < segment->index.count) {
		offset = segment->index.entries[low].offset;
	}
	pthread_mutex_unlock(&segment->index_lock);
	if (offset >= 0) {
		return offset;
	}
	int64_t log_end = log_end_offset(log);
	pthread_mutex_lock(&log->view_lock);
	for (size_t i = log->segment_count; i-- > 0;) {
		if (log->segments[i]->base_offset <= segment->base_offset) {
			break;
		}
		log_end = log->segments[i]->base_offset;
	}
	pthread_mutex_unlock(&log->view_lock);
	return log_end;
}
