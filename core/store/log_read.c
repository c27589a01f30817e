/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a log: spans of whole batches, and look-ups by time.
 *
 * Nothing here takes the writer's lock. A span pins its segment, so that the file stays open and
 * its bytes readable though retention removes it meanwhile. Bytes that were not written since the
 * open are checked (CRC, offsets) on their first read: a bad batch ends the span before it, or is
 * an error when it comes first; it is never skipped in silence.
 */
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/record/record.h"
#include "core/store/log_priv.h"

/* Position where the batches end that begin below end_offset; size when all of the segment does. */
static enum weir_code end_pos(struct log *log, struct segment *segment, int fd, int64_t size,
	int64_t limit, int64_t end_offset, int64_t *pos, struct weir_err *err)
{
	struct batch_head head;
	bool got;
	pthread_mutex_lock(&segment->index_lock);
	bool known = segment->hint_offset == end_offset && segment->hint_pos <= size;
	*pos = segment->hint_pos;
	pthread_mutex_unlock(&segment->index_lock);
	if (known) {
		return WEIR_OK;
	}
	/* The batch that holds end_offset - 1 is the last one wanted. */
	enum weir_code code = segment_locate(segment, fd, size, limit, end_offset - 1,
		atomic_load(&log->index_interval_bytes), &head, &got, err);
	if (code) {
		return code;
	}
	if (!got) {
		*pos = size;
		return WEIR_OK;
	}
	*pos = head.base_offset < end_offset ? head.pos + (int64_t)head.size : head.pos;
	if (head.last_offset == end_offset - 1 || head.base_offset >= end_offset) {
		pthread_mutex_lock(&segment->index_lock);
		segment->hint_offset = end_offset;
		segment->hint_pos = *pos;
		pthread_mutex_unlock(&segment->index_lock);
	}
	return WEIR_OK;
}

/* Where checking begins in [pos, end): end when all of it has been seen or written by us. */
static int64_t unverified_from(struct segment *segment, int64_t pos, int64_t end)
{
	pthread_mutex_lock(&segment->index_lock);
	if (pos >= segment->verified_from && pos < segment->verified_to) {
		pos = segment->verified_to;
	}
	if (pos >= segment->trusted_pos) {
		pos = end;
	}
	pthread_mutex_unlock(&segment->index_lock);
	return pos < end ? pos : end;
}

static void verified_add(struct segment *segment, int64_t from, int64_t to)
{
	pthread_mutex_lock(&segment->index_lock);
	if (from > segment->verified_to || to < segment->verified_from) {
		segment->verified_from = from;
		segment->verified_to = to;
	} else {
		segment->verified_from =
			from < segment->verified_from ? from : segment->verified_from;
		segment->verified_to = to > segment->verified_to ? to : segment->verified_to;
	}
	pthread_mutex_unlock(&segment->index_lock);
}

/* Checks the whole batches of the span once; cuts it before a bad one. */
static enum weir_code verify_span(struct segment *segment, struct log_span *span, int64_t size,
	int64_t limit, struct weir_err *err)
{
	int64_t end = span->pos + (int64_t)span->len;
	int64_t from = unverified_from(segment, span->pos, end);
	if (from >= end) {
		return WEIR_OK;
	}
	struct segment_reader reader;
	struct batch_head head = {0};
	struct batch batch;
	struct weir_err inner;
	bool got;
	int64_t floor = segment->base_offset, good = from;
	enum weir_code code;
	segment_reader_init(&reader, span->fd, segment->path, segment->base_offset, from, size);
	for (;;) {
		code = segment_reader_head(&reader, &head, &got, &inner);
		if (code || !got || head.pos + (int64_t)head.size > end) {
			break;
		}
		reader.pos = head.pos;
		code = segment_reader_next(&reader, &head, &batch, &got, &inner);
		code = code ? code : batch_check_crc(&batch, &inner);
		if (!code && (head.base_offset < floor || head.last_offset >= limit)) {
			code = err_set(&inner, WEIR_CORRUPT_MESSAGE,
				"%s at byte %lld: offsets %lld to %lld are out of order",
				segment->path, (long long)head.pos, (long long)head.base_offset,
				(long long)head.last_offset);
		}
		if (code) {
			break;
		}
		floor = head.last_offset + 1;
		good = reader.pos;
	}
	segment_reader_close(&reader);
	verified_add(segment, from, good);
	stat_add(STAT_corrupt_batches, code == WEIR_CORRUPT_MESSAGE);
	if (code != WEIR_CORRUPT_MESSAGE || good == span->pos) {
		if (code && err) {
			*err = inner;
		}
		return code;
	}
	log_line(LOG_WARN, "%s", inner.text);
	span->len = (size_t)(good - span->pos);
	return WEIR_OK;
}

/* What is asked of one pinned segment. */
struct span_ask {
	struct segment *segment;
	int fd;
	int64_t limit, size;
	int64_t offset, end_offset;
	size_t max_bytes;
	bool whole_first;
};

/* Fills span from the batch at head on. */
static enum weir_code span_from(struct log *log, const struct span_ask *ask, int64_t log_end,
	const struct batch_head *head, struct log_span *span, struct weir_err *err)
{
	int64_t end = ask->size;
	if (ask->end_offset < log_end && ask->limit > ask->end_offset) {
		enum weir_code code = end_pos(log, ask->segment, ask->fd, ask->size, ask->limit,
			ask->end_offset, &end, err);
		if (code == WEIR_CORRUPT_MESSAGE || (!code && end < head->pos)) {
			/* The damage is further on: what lies before it is served. */
			end = head->pos + (int64_t)head->size;
		} else if (code) {
			return code;
		}
	}
	int64_t room = end - head->pos;
	size_t len = (uint64_t)room < ask->max_bytes ? (size_t)room : ask->max_bytes;
	if (ask->whole_first && len < head->size) {
		len = head->size;
	}
	*span = (struct log_span){ask->segment, ask->fd, head->pos, len};
	return atomic_load(&log->verify_on_read)
		       ? verify_span(ask->segment, span, ask->size, ask->limit, err)
		       : WEIR_OK;
}

/* *got false when the segment has no batch at offset or above. */
static enum weir_code span_of(struct log *log, struct span_ask *ask, struct log_span *span,
	bool *got, struct weir_err *err)
{
	int64_t log_end;
	struct batch_head head;
	log_tail_get(log, ask->segment, &log_end, &ask->size);
	enum weir_code code = segment_locate(ask->segment, ask->fd, ask->size, ask->limit,
		ask->offset, atomic_load(&log->index_interval_bytes), &head, got, err);
	while (!code && *got && head.base_offset < ask->end_offset) {
		struct weir_err inner;
		code = span_from(log, ask, log_end, &head, span, &inner);
		if (!code) {
			return WEIR_OK;
		}
		/* A head that lies about its last offset hides the batches behind it. */
		if (code != WEIR_CORRUPT_MESSAGE ||
			segment_locate_past(ask->segment, ask->fd, ask->size, ask->limit, head.pos,
				ask->offset, &head, got, NULL) ||
			!*got) {
			if (err) {
				*err = inner;
			}
			return code;
		}
		code = WEIR_OK;
	}
	return code;
}

enum weir_code log_read(struct log *log, int64_t offset, int64_t end_offset, size_t max_bytes,
	bool whole_first, struct log_span *span, struct weir_err *err)
{
	int64_t start = log_start_offset(log), end = log_end_offset(log);
	*span = (struct log_span){.fd = -1};
	if (offset < start || offset > end) {
		return err_set(err, WEIR_OFFSET_OUT_OF_RANGE, "offset %lld, %s holds %lld to %lld",
			(long long)offset, log->dir, (long long)start, (long long)end);
	}
	end_offset = end_offset < end ? end_offset : end;
	while (offset < end_offset) {
		struct segment *segment;
		int fd;
		int64_t limit;
		bool got;
		enum weir_code code = log_take_segment(log, offset, &segment, &fd, &limit, err);
		if (code) {
			return code;
		}
		if (segment->base_offset > offset) {
			log_give_segment(segment);
			return err_set(err, WEIR_OFFSET_OUT_OF_RANGE,
				"offset %lld of %s was removed just now", (long long)offset,
				log->dir);
		}
		struct span_ask ask = {.segment = segment,
			.fd = fd,
			.limit = limit,
			.offset = offset,
			.end_offset = end_offset,
			.max_bytes = max_bytes,
			.whole_first = whole_first};
		code = span_of(log, &ask, span, &got, err);
		if (!code && span->len) {
			return WEIR_OK; /* the span keeps the segment */
		}
		*span = (struct log_span){.fd = -1};
		log_give_segment(segment);
		if (code || got || limit == INT64_MAX) {
			return code;
		}
		offset = limit; /* compaction emptied the rest of the segment */
	}
	return WEIR_OK;
}

void log_span_release(struct log_span *span)
{
	if (span->segment) {
		log_give_segment(span->segment);
	}
	*span = (struct log_span){.fd = -1};
}

enum weir_code log_span_copy(const struct log_span *span, void *out, struct weir_err *err)
{
	if (!span->len) {
		return WEIR_OK;
	}
	return fs_read_at(span->fd, span->segment->path, out, span->len, span->pos, err);
}

/* --- by time --- */

/* First record of batch at or above from with timestamp >= ts. */
static enum weir_code find_in_batch(struct record_reader *records, const struct batch *batch,
	int64_t ts, int64_t from, struct log_found *found, struct weir_err *err)
{
	struct record record;
	bool got = true;
	enum weir_code code = record_reader_start(records, batch, err);
	while (!code && got) {
		code = record_reader_next(records, &record, &got, err);
		if (!code && got && record.timestamp >= ts && record.offset >= from) {
			*found = (struct log_found){
				record.offset, record.timestamp, batch->leader_epoch};
			return WEIR_OK;
		}
	}
	return code;
}

/* Walks segment from pos on for the first record with timestamp >= ts in [from, end_offset). */
static enum weir_code scan_time(struct segment *segment, int fd, int64_t size, int64_t pos,
	int64_t ts, int64_t from, int64_t end_offset, struct log_found *found, struct weir_err *err)
{
	struct segment_reader reader;
	struct record_reader records;
	struct batch_head head;
	struct batch batch;
	bool got = true;
	enum weir_code code = WEIR_OK;
	segment_reader_init(&reader, fd, segment->path, segment->base_offset, pos, size);
	record_reader_init(&records, LIMIT_DECOMPRESSED_DEFAULT);
	while (!code && found->offset < 0) {
		code = segment_reader_head(&reader, &head, &got, err);
		if (code || !got || head.base_offset >= end_offset) {
			break;
		}
		if (head.last_offset < from || (head.magic == 2 && head.max_timestamp < ts)) {
			continue;
		}
		reader.pos = head.pos;
		code = segment_reader_next(&reader, &head, &batch, &got, err);
		code = code ? code : batch_check_crc(&batch, err);
		code = code ? code : find_in_batch(&records, &batch, ts, from, found, err);
	}
	record_reader_fini(&records);
	segment_reader_close(&reader);
	if (found->offset >= end_offset) {
		found->offset = -1;
	}
	return code;
}

/* Loads the indexes (rebuild: from the log); the last time entry <= ts, the largest timestamp. */
static enum weir_code time_entry_of(struct log *log, struct segment *segment, int64_t ts,
	bool rebuild, struct time_entry *entry, int64_t *max_timestamp, struct weir_err *err)
{
	int32_t interval = atomic_load(&log->index_interval_bytes);
	*entry = (struct time_entry){-1, -1};
	pthread_mutex_lock(&segment->index_lock);
	enum weir_code code = rebuild ? segment_index_rebuild(segment, interval, err)
				      : segment_times_load(segment, interval, err);
	if (!code) {
		const struct time_entry *found = time_index_find(&segment->times, ts);
		if (found) {
			*entry = *found;
		}
		*max_timestamp = segment->max_timestamp;
	}
	pthread_mutex_unlock(&segment->index_lock);
	return code;
}

/* Where a walk for ts may begin: the batch of its time entry, when that has the entry's timestamp.
 */
static enum weir_code time_start(struct log *log, struct segment *segment, int fd, int64_t size,
	int64_t ts, int64_t *pos, int64_t *max_timestamp, struct weir_err *err)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct time_entry entry;
		struct batch_head head;
		bool got;
		*pos = 0;
		enum weir_code code =
			time_entry_of(log, segment, ts, attempt > 0, &entry, max_timestamp, err);
		if (code || *max_timestamp < ts || entry.offset < 0) {
			return code;
		}
		code = segment_locate(segment, fd, size, INT64_MAX, entry.offset,
			atomic_load(&log->index_interval_bytes), &head, &got, err);
		if (code && code != WEIR_CORRUPT_MESSAGE) {
			return code;
		}
		if (!code && got && head.base_offset <= entry.offset &&
			(head.magic < 2 || head.max_timestamp == entry.timestamp)) {
			*pos = head.pos;
			return WEIR_OK;
		}
	}
	return WEIR_OK;
}

static enum weir_code find_time_in(struct log *log, struct segment *segment, int fd, int64_t ts,
	int64_t from, int64_t end_offset, struct log_found *found, struct weir_err *err)
{
	int64_t pos, max_timestamp, log_end, size;
	log_tail_get(log, segment, &log_end, &size);
	enum weir_code code = time_start(log, segment, fd, size, ts, &pos, &max_timestamp, err);
	if (code || max_timestamp < ts) {
		return code;
	}
	return scan_time(segment, fd, size, pos, ts, from, end_offset, found, err);
}

enum weir_code log_find_time(struct log *log, int64_t ts, int64_t end_offset,
	struct log_found *found, struct weir_err *err)
{
	int64_t from = log_start_offset(log), end = log_end_offset(log);
	int64_t at = from;
	*found = (struct log_found){-1, -1, -1};
	end_offset = end_offset < end ? end_offset : end;
	while (at < end_offset && found->offset < 0) {
		struct segment *segment;
		int fd;
		int64_t limit;
		enum weir_code code = log_take_segment(log, at, &segment, &fd, &limit, err);
		if (code) {
			return code;
		}
		code = find_time_in(log, segment, fd, ts, from, end_offset, found, err);
		log_give_segment(segment);
		if (code) {
			return code;
		}
		at = limit;
	}
	return WEIR_OK;
}

/* Largest timestamp in segment: by its index, or by walking the batches in [from, end_offset). */
static enum weir_code largest_in(struct log *log, struct segment *segment, int fd, bool by_index,
	int64_t from, int64_t end_offset, int64_t *largest, struct weir_err *err)
{
	int64_t log_end, size;
	struct time_entry entry;
	log_tail_get(log, segment, &log_end, &size);
	*largest = -1;
	if (by_index) {
		return time_entry_of(log, segment, 0, false, &entry, largest, err);
	}
	struct segment_reader reader;
	struct batch_head head;
	bool got = true;
	enum weir_code code = WEIR_OK;
	segment_reader_init(&reader, fd, segment->path, segment->base_offset, 0, size);
	while (!code) {
		code = segment_reader_head(&reader, &head, &got, err);
		if (code || !got || head.base_offset >= end_offset) {
			break;
		}
		if (head.last_offset >= from && head.max_timestamp > *largest) {
			*largest = head.max_timestamp;
		}
	}
	segment_reader_close(&reader);
	return code;
}

static enum weir_code largest_of_all(struct log *log, bool by_index, int64_t from,
	int64_t end_offset, int64_t *best, struct weir_err *err)
{
	*best = -1;
	for (int64_t at = from; at < end_offset;) {
		struct segment *segment;
		int fd;
		int64_t limit, largest;
		enum weir_code code = log_take_segment(log, at, &segment, &fd, &limit, err);
		if (code) {
			return code;
		}
		code = largest_in(log, segment, fd, by_index, from, end_offset, &largest, err);
		log_give_segment(segment);
		if (code) {
			return code;
		}
		*best = largest > *best ? largest : *best;
		at = limit;
	}
	return WEIR_OK;
}

enum weir_code log_find_max_time(
	struct log *log, int64_t end_offset, struct log_found *found, struct weir_err *err)
{
	int64_t from = log_start_offset(log), end = log_end_offset(log);
	*found = (struct log_found){-1, -1, -1};
	end_offset = end_offset < end ? end_offset : end;
	/* The indexes also know what lies outside the range: then the batches are asked. */
	for (int pass = 0; pass < 2; pass++) {
		int64_t best;
		enum weir_code code = largest_of_all(log, pass == 0, from, end_offset, &best, err);
		if (code || best < 0) {
			return code;
		}
		code = log_find_time(log, best, end_offset, found, err);
		if (code || found->offset >= 0) {
			return code;
		}
	}
	return WEIR_OK;
}
