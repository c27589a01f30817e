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

/* Fills span from one pinned segment; *got false when it has no batch at offset or above. */
static enum weir_code span_of(struct log *log, struct segment *segment, int fd, int64_t limit,
	int64_t offset, int64_t end_offset, size_t max_bytes, bool whole_first,
	struct log_span *span, bool *got, struct weir_err *err)
{
	int64_t log_end, size, end;
	struct batch_head head;
	log_tail_get(log, segment, &log_end, &size);
	enum weir_code code = segment_locate(segment, fd, size, limit, offset,
		atomic_load(&log->index_interval_bytes), &head, got, err);
	if (code || !*got) {
		return code;
	}
	if (head.base_offset >= end_offset) {
		return WEIR_OK;
	}
	if (end_offset >= log_end || limit <= end_offset) {
		end = size;
	} else {
		code = end_pos(log, segment, fd, size, limit, end_offset, &end, err);
		if (code == WEIR_CORRUPT_MESSAGE) {
			/* The damage is further on: what lies before it is served. */
			end = head.pos + (int64_t)head.size;
		} else if (code) {
			return code;
		}
	}
	int64_t room = end - head.pos;
	size_t len = (uint64_t)room < max_bytes ? (size_t)room : max_bytes;
	if (whole_first && len < head.size) {
		len = head.size;
	}
	*span = (struct log_span){segment, fd, head.pos, len};
	return atomic_load(&log->verify_on_read) ? verify_span(segment, span, size, limit, err)
						 : WEIR_OK;
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
		code = span_of(log, segment, fd, limit, offset, end_offset, max_bytes, whole_first,
			span, &got, err);
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

/* Loads the indexes; where a walk for ts may begin, and the segment's largest timestamp. */
static enum weir_code time_start(struct log *log, struct segment *segment, int64_t ts, int64_t *pos,
	int64_t *max_timestamp, struct weir_err *err)
{
	pthread_mutex_lock(&segment->index_lock);
	enum weir_code code =
		segment_index_load(segment, atomic_load(&log->index_interval_bytes), err);
	if (!code) {
		const struct time_entry *entry = time_index_find(&segment->times, ts);
		const struct offset_entry *at =
			entry ? offset_index_find(&segment->index, entry->offset) : NULL;
		*pos = at ? at->pos : 0;
		*max_timestamp = segment->max_timestamp;
	}
	pthread_mutex_unlock(&segment->index_lock);
	return code;
}

static enum weir_code find_time_in(struct log *log, struct segment *segment, int fd, int64_t ts,
	int64_t from, int64_t end_offset, struct log_found *found, struct weir_err *err)
{
	int64_t pos, max_timestamp, log_end, size;
	log_tail_get(log, segment, &log_end, &size);
	enum weir_code code = time_start(log, segment, ts, &pos, &max_timestamp, err);
	if (code || max_timestamp < ts) {
		return code;
	}
	struct weir_err inner;
	code = scan_time(segment, fd, size, pos, ts, from, end_offset, found, &inner);
	if (code == WEIR_CORRUPT_MESSAGE && pos > 0 && found->offset < 0) {
		/* The index may have led into the middle of a batch. */
		code = scan_time(segment, fd, size, 0, ts, from, end_offset, found, &inner);
	}
	if (code && err) {
		*err = inner;
	}
	return code;
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
	int64_t pos, log_end, size;
	log_tail_get(log, segment, &log_end, &size);
	*largest = -1;
	if (by_index) {
		return time_start(log, segment, 0, &pos, largest, err);
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
