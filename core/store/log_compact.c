/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compaction of a log. One pass: the newest offset of each key in the dirty part goes into a map;
 * then all segments up to there are read, in groups that fill a segment, and what the map does not
 * supersede is written anew. Only sealed segments are read, so no lock is held but for the swaps.
 *
 * The map may fill up: the pass then ends at the last batch whose keys all found room, and records
 * from there on stay. A damaged batch ends a pass before anything of its group is changed: nothing
 * is copied under a new checksum that was not right under the old one.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/clean_priv.h"

#include <stdlib.h>

/* --- what there is to do --- */

/* When the records of a segment begin; INT64_MAX: not known. */
static enum weir_code first_time(struct segment *segment, int64_t *ms, struct weir_err *err)
{
	int fd;
	*ms = INT64_MAX;
	if (segment->first_timestamp != TIME_UNKNOWN) {
		*ms = segment->first_timestamp > 0 ? segment->first_timestamp : INT64_MAX;
		return WEIR_OK;
	}
	enum weir_code code = segment_pin(segment, &fd, err);
	if (!code) {
		struct segment_reader reader;
		struct batch_head head;
		bool got;
		segment_reader_init(&reader, fd, segment->path, segment->base_offset, 0,
			atomic_load(&segment->size));
		if (!segment_reader_head(&reader, &head, &got, NULL) && got) {
			segment->first_timestamp = head.max_timestamp;
			*ms = head.max_timestamp > 0 ? head.max_timestamp : INT64_MAX;
		}
		segment_reader_close(&reader);
		segment_unpin(segment);
	}
	return code;
}

/* Judges one sealed segment, which ends at next. *fresh: it is too new, and all behind it are. */
static enum weir_code judge(struct log *log, struct segment *segment, int64_t next, int64_t now_ms,
	struct log_dirt *dirt, bool *fresh, struct weir_err *err)
{
	int64_t lag = log->conf.min_compaction_lag_ms, size = atomic_load(&segment->size);
	if (next <= dirt->first_dirty) {
		dirt->clean_bytes += size;
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	if (lag > 0) {
		pthread_mutex_lock(&segment->index_lock);
		code = segment_times_load(segment, log->conf.index_interval_bytes, err);
		*fresh = segment->max_timestamp > now_ms - lag;
		pthread_mutex_unlock(&segment->index_lock);
	}
	if (code || *fresh) {
		dirt->first_uncleanable = segment->base_offset;
		return code;
	}
	int64_t begun;
	code = first_time(segment, &begun, err);
	dirt->cleanable_bytes += size;
	dirt->due = dirt->due || begun < now_ms - log->conf.max_compaction_lag_ms;
	return code;
}

enum weir_code log_dirt(struct log *log, int64_t clean_offset, int64_t stable_offset,
	int64_t now_ms, struct log_dirt *dirt, struct weir_err *err)
{
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	int64_t start = log_start_offset(log), active = log_active(log)->base_offset;
	*dirt = (struct log_dirt){.first_dirty = clean_offset};
	if (clean_offset < start || clean_offset > log_end_offset(log)) {
		dirt->first_dirty = start;
	}
	dirt->first_uncleanable = stable_offset < active ? stable_offset : active;
	bool fresh = false;
	for (size_t i = 0; i + 1 < log->segment_count && !code && !fresh; i++) {
		int64_t next = log->segments[i + 1]->base_offset;
		if (next > dirt->first_uncleanable) {
			dirt->first_uncleanable = log->segments[i]->base_offset;
			break;
		}
		code = judge(log, log->segments[i], next, now_ms, dirt, &fresh, err);
	}
	if (dirt->first_uncleanable < dirt->first_dirty) {
		dirt->first_uncleanable = dirt->first_dirty;
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* --- a pass --- */

struct pass {
	struct log *log;
	struct log_compaction *compaction;
	struct segment **segments; /* sealed, referenced; in order */
	int64_t *nexts;		   /* where each ends */
	size_t count;
	struct offset_map map;
	struct clean_rules rules;
	struct clean_txns txns;
	struct clean_scratch scratch;
	struct producer *producers; /* known at the start, by id */
	size_t producer_count;
};

static enum weir_code check_stop(struct pass *pass, struct weir_err *err)
{
	struct log_compaction *c = pass->compaction;
	return c->stop && c->stop(c->arg)
		       ? err_set(err, WEIR_STOPPED, "%s: compaction was stopped", pass->log->dir)
		       : WEIR_OK;
}

/* The sealed segments that end at or below to. */
static void take_segments(struct pass *pass, int64_t to)
{
	struct log *log = pass->log;
	pthread_mutex_lock(&log->view_lock);
	pass->segments = mem_array(log->segment_count, sizeof(struct segment *));
	pass->nexts = mem_array(log->segment_count, sizeof(int64_t));
	for (size_t i = 0; i + 1 < log->segment_count; i++) {
		int64_t next = log->segments[i + 1]->base_offset;
		if (next > to) {
			break;
		}
		segment_ref(log->segments[i]);
		pass->nexts[pass->count] = next;
		pass->segments[pass->count++] = log->segments[i];
	}
	pthread_mutex_unlock(&log->view_lock);
}

/* Pins a segment of the pass, which may have gone meanwhile. */
static enum weir_code pin(struct pass *pass, size_t at, int *fd, struct weir_err *err)
{
	struct log *log = pass->log;
	enum weir_code code = WEIR_CONFLICT;
	pthread_mutex_lock(&log->view_lock);
	for (size_t i = 0; i < log->segment_count; i++) {
		if (log->segments[i] == pass->segments[at]) {
			code = segment_pin(pass->segments[at], fd, err);
			break;
		}
	}
	pthread_mutex_unlock(&log->view_lock);
	return code != WEIR_CONFLICT
		       ? code
		       : err_set(err, WEIR_CONFLICT, "%s went while the log was compacted",
				 pass->segments[at]->path);
}

static int entry_order(const void *a, const void *b)
{
	const struct txn_entry *x = a, *y = b;
	return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

/* The aborted transactions that end at or above from; their markers may be in any segment. */
static enum weir_code begin_txns(struct pass *pass, int64_t from, struct weir_err *err)
{
	struct txn_index all = {0};
	enum weir_code code = WEIR_OK;
	int64_t end = log_end_offset(pass->log);
	for (int64_t at = from; at < end && !code;) {
		struct segment *segment;
		int64_t limit;
		int fd;
		code = log_take_segment(pass->log, at, &segment, &fd, &limit, err);
		if (code) {
			break;
		}
		code = log_txns_load(pass->log, segment, limit < end ? limit : end, err);
		pthread_mutex_lock(&segment->index_lock);
		for (size_t k = 0; k < segment->txns.count && !code; k++) {
			if (segment->txns.entries[k].last_offset >= from) {
				txn_index_add(&all, &segment->txns.entries[k]);
			}
		}
		pthread_mutex_unlock(&segment->index_lock);
		log_give_segment(segment);
		at = limit;
	}
	if (all.count) {
		qsort(all.entries, all.count, sizeof(*all.entries), entry_order);
	}
	clean_txns_init(&pass->txns, all.entries, all.count);
	return code;
}

/* The next batch, its checksum right. */
static enum weir_code next_batch(struct segment_reader *reader, int64_t floor, int64_t limit,
	struct batch *batch, bool *got, struct weir_err *err)
{
	struct batch_head head;
	enum weir_code code = segment_reader_next(reader, &head, batch, got, err);
	if (code || !*got) {
		return code;
	}
	if (head.base_offset < floor || head.last_offset >= limit) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"%s at byte %lld: offsets %lld to %lld are out of order", reader->path,
			(long long)head.pos, (long long)head.base_offset,
			(long long)head.last_offset);
	}
	return batch_check_crc(batch, err);
}

/* --- the map --- */

/* Takes the keys of one batch; *full: not all found room. */
static enum weir_code map_batch(struct pass *pass, const struct batch *batch, int64_t from,
	bool *full, struct weir_err *err)
{
	struct record_reader *reader = &pass->scratch.reader;
	struct record record;
	bool got = true, stays;
	struct txn_entry entry;
	if (batch->attributes & BATCH_CONTROL) {
		(void)clean_txns_control(&pass->txns, batch, &stays, &entry);
		return WEIR_OK;
	}
	if (clean_txns_data(&pass->txns, batch)) {
		return WEIR_OK;
	}
	enum weir_code code = record_reader_start(reader, batch, err);
	while (!code && !*full) {
		code = record_reader_next(reader, &record, &got, err);
		if (code || !got) {
			break;
		}
		if (record.key.data && record.offset >= from) {
			*full = !offset_map_put(&pass->map, record.key, record.offset);
		}
	}
	return code;
}

static enum weir_code map_segment(
	struct pass *pass, size_t at, int64_t from, bool *full, struct weir_err *err)
{
	struct segment *segment = pass->segments[at];
	struct segment_reader reader;
	struct batch batch;
	bool got = true;
	int64_t floor = segment->base_offset;
	int fd;
	enum weir_code code = pin(pass, at, &fd, err);
	if (code) {
		return code;
	}
	segment_reader_init(
		&reader, fd, segment->path, segment->base_offset, 0, atomic_load(&segment->size));
	while (!code && !*full) {
		code = next_batch(&reader, floor, pass->nexts[at], &batch, &got, err);
		code = code ? code : check_stop(pass, err);
		if (code || !got) {
			break;
		}
		floor = batch_last_offset(&batch) + 1;
		if (floor > from) {
			code = map_batch(pass, &batch, from, full, err);
		}
		if (!*full && floor > pass->rules.mapped_to) {
			pass->rules.mapped_to = floor;
		}
	}
	segment_reader_close(&reader);
	segment_unpin(segment);
	if (!code && !*full) {
		pass->rules.mapped_to = pass->nexts[at];
	}
	return code;
}

static enum weir_code build_map(struct pass *pass, int64_t from, struct weir_err *err)
{
	bool full = false;
	enum weir_code code = begin_txns(pass, from, err);
	pass->rules.mapped_to = from;
	for (size_t i = 0; i < pass->count && !code && !full; i++) {
		if (pass->nexts[i] > from) {
			code = map_segment(pass, i, from, &full, err);
		}
	}
	clean_txns_fini(&pass->txns);
	pass->txns = (struct clean_txns){0};
	return code;
}

/* --- writing anew --- */

/* Must the batch stay for what it says of its producer? */
static bool is_last_of_producer(const struct pass *pass, const struct batch *batch)
{
	size_t low = 0, high = pass->producer_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (pass->producers[mid].id < batch->producer_id) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (low == pass->producer_count || pass->producers[low].id != batch->producer_id) {
		return false;
	}
	const struct producer *producer = &pass->producers[low];
	if (producer->batch_count) {
		return producer->batches[producer->batch_count - 1].last_offset ==
		       batch_last_offset(batch);
	}
	return (batch->attributes & BATCH_CONTROL) && batch->producer_epoch == producer->epoch;
}

static enum weir_code clean_one(
	struct pass *pass, const struct batch *batch, struct clean_out *out, struct weir_err *err)
{
	struct clean_verdict verdict = {0};
	if (batch->attributes & BATCH_CONTROL) {
		struct txn_entry entry;
		bool stays;
		verdict.unneeded = clean_txns_control(&pass->txns, batch, &stays, &entry);
		verdict.discard = verdict.unneeded && (batch->attributes & BATCH_DELETE_HORIZON) &&
				  batch->base_timestamp <= pass->rules.now_ms;
		if (stays) {
			txn_index_add(&out->txns, &entry);
		}
	} else {
		verdict.discard = clean_txns_data(&pass->txns, batch);
	}
	verdict.keep_empty = batch->producer_id >= 0 && is_last_of_producer(pass, batch);
	out->last = *batch;
	size_t from = out->pending.len;
	enum weir_code code =
		clean_batch(&pass->rules, &verdict, batch, &pass->scratch, &out->pending, err);
	return code ? code : clean_out_note(out, from, err);
}

static enum weir_code clean_segment(
	struct pass *pass, size_t at, struct clean_out *out, struct weir_err *err)
{
	struct segment *segment = pass->segments[at];
	struct segment_reader reader;
	struct batch batch;
	bool got = true;
	int64_t floor = segment->base_offset;
	int fd;
	enum weir_code code = pin(pass, at, &fd, err);
	if (code) {
		return code;
	}
	segment_reader_init(
		&reader, fd, segment->path, segment->base_offset, 0, atomic_load(&segment->size));
	while (!code) {
		code = next_batch(&reader, floor, pass->nexts[at], &batch, &got, err);
		code = code ? code : check_stop(pass, err);
		if (code || !got) {
			break;
		}
		floor = batch_last_offset(&batch) + 1;
		code = clean_one(pass, &batch, out, err);
	}
	segment_reader_close(&reader);
	segment_unpin(segment);
	return code;
}

static enum weir_code clean_group(
	struct pass *pass, size_t from, size_t count, struct weir_err *err)
{
	struct clean_out out;
	int64_t before = 0;
	enum weir_code code =
		clean_out_open(&out, pass->log, pass->segments[from]->base_offset, err);
	for (size_t i = from; i < from + count && !code; i++) {
		before += atomic_load(&pass->segments[i]->size);
		code = clean_segment(pass, i, &out, err);
	}
	code = code ? code : clean_out_finish(&out, err);
	code = code ? code : clean_out_swap(&out, pass->segments + from, count, err);
	if (!code) {
		pass->compaction->bytes_before += before;
		pass->compaction->bytes_after += out.pos;
	}
	clean_out_close(&out);
	return code;
}

static size_t index_entries(struct pass *pass, size_t at)
{
	struct segment *segment = pass->segments[at];
	pthread_mutex_lock(&segment->index_lock);
	size_t count = segment->index_loaded ? segment->index.count : 0;
	pthread_mutex_unlock(&segment->index_lock);
	return count;
}

/* How many segments from at on fit into one. */
static size_t group_size(struct pass *pass, size_t at, size_t limit, const struct log_conf *conf)
{
	size_t count = 1, entries = index_entries(pass, at);
	size_t entries_max = (size_t)conf->segment_index_bytes / TIME_ENTRY_BYTES;
	int64_t bytes = atomic_load(&pass->segments[at]->size);
	int64_t base = pass->segments[at]->base_offset;
	while (at + count < limit) {
		size_t next = at + count;
		bytes += atomic_load(&pass->segments[next]->size);
		entries += index_entries(pass, next);
		if (bytes > conf->segment_bytes || entries > entries_max ||
			pass->nexts[next] - 1 - base > INT32_MAX) {
			break;
		}
		count++;
	}
	return count;
}

static enum weir_code clean_all(struct pass *pass, struct weir_err *err)
{
	size_t limit = 0;
	pthread_mutex_lock(&pass->log->lock);
	struct log_conf conf = pass->log->conf;
	pthread_mutex_unlock(&pass->log->lock);
	log_producers(pass->log, &pass->producers, &pass->producer_count);
	enum weir_code code = begin_txns(pass, 0, err);
	while (limit < pass->count && pass->segments[limit]->base_offset < pass->rules.mapped_to) {
		limit++;
	}
	for (size_t at = 0; at < limit && !code;) {
		size_t count = group_size(pass, at, limit, &conf);
		code = clean_group(pass, at, count, err);
		at += count;
	}
	return code;
}

enum weir_code log_compact(struct log *log, const struct log_dirt *dirt,
	struct log_compaction *compaction, struct weir_err *err)
{
	struct pass pass = {.log = log, .compaction = compaction};
	bool busy = atomic_exchange(&log->compacting, true);
	compaction->cleaned_to = dirt->first_dirty;
	compaction->bytes_before = compaction->bytes_after = 0;
	if (busy) {
		return err_set(err, WEIR_CONFLICT, "%s is being compacted", log->dir);
	}
	offset_map_init(&pass.map, compaction->map_bytes);
	clean_scratch_init(&pass.scratch);
	pthread_mutex_lock(&log->lock);
	pass.rules = (struct clean_rules){.map = &pass.map,
		.now_ms = compaction->now_ms,
		.delete_retention_ms = log->conf.delete_retention_ms};
	pthread_mutex_unlock(&log->lock);
	take_segments(&pass, dirt->first_uncleanable);
	enum weir_code code = build_map(&pass, dirt->first_dirty, err);
	if (!code && pass.rules.mapped_to > dirt->first_dirty) {
		code = clean_all(&pass, err);
	} else if (!code && dirt->first_uncleanable > dirt->first_dirty) {
		code = err_set(err, WEIR_TOO_LARGE,
			"%s: %zu bytes hold not even the keys of one batch", log->dir,
			compaction->map_bytes);
	}
	if (!code) {
		compaction->cleaned_to = pass.rules.mapped_to;
	}
	for (size_t i = 0; i < pass.count; i++) {
		segment_unref(pass.segments[i]);
	}
	clean_txns_fini(&pass.txns);
	clean_scratch_fini(&pass.scratch);
	offset_map_fini(&pass.map);
	mem_free(pass.producers);
	mem_free(pass.nexts);
	mem_free(pass.segments);
	atomic_store(&log->compacting, false);
	return code;
}
