/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recovery after an unclean stop.
 *
 * Below the recovery point all was fdatasync'ed, perhaps acknowledged: nothing there is removed,
 * however damaged. What can be read behind the damage is found again and served; the rest gives an
 * error when read. Above it, the first batch that is not whole, sound and in its place ends the
 * log: it and all that follows goes to .quarantine. What is kept may stand in the page cache only,
 * so it is fdatasync'ed.
 *
 * Order, so that a second crash finds nothing worse: later segments are moved away first, the last
 * one first; then the bytes of the bad tail are copied, then the file is cut.
 *
 * Offset and epoch of a batch lie outside its CRC. So above the recovery point a batch must begin
 * where the one before ended (but where compaction may have left gaps), and its epoch must be the
 * one that the epoch checkpoint, which is always written first, has for it.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <fcntl.h>

/* The scan of one segment. */
struct scan {
	struct log *log;
	struct segment *segment;
	struct segment_reader reader;
	int64_t recovery_point;
	int64_t limit;	     /* base of the next segment */
	bool last;	     /* segment of the log */
	bool epochs_known;   /* the checkpoint could be read */
	int32_t epoch;	     /* of the batch before; -1: none */
	int64_t next_offset; /* after the last good batch */
	/* A batch after a gap is believed until the next one contradicts it. */
	int64_t suspect_pos, suspect_next;
	bool damage_left; /* below the recovery point */
	bool bad_tail;	  /* what is cut is more than preallocated zeros */
	int64_t cut_pos;  /* -1: none */
};

static bool above_point(const struct scan *scan)
{
	return scan->next_offset >= scan->recovery_point;
}

/* Is head, with a right CRC, the batch that belongs here? */
static bool in_place(const struct scan *scan, const struct batch_head *head)
{
	if (head->base_offset < scan->next_offset || head->last_offset >= scan->limit) {
		return false;
	}
	if (!above_point(scan)) {
		return true;
	}
	if (head->base_offset > scan->next_offset && scan->last && !scan->log->conf.compacted) {
		return false;
	}
	if (head->magic < 2 || head->leader_epoch < 0) {
		return true;
	}
	if (head->leader_epoch < scan->epoch) {
		return false;
	}
	/* The checkpoint begins at the log start, which may lie inside a segment. */
	int32_t known = leader_epochs_at(&scan->log->epochs, head->base_offset);
	return !scan->epochs_known || known < 0 || head->leader_epoch == known;
}

static void take_batch(struct scan *scan, const struct batch_head *head)
{
	struct segment *segment = scan->segment;
	if (head->base_offset > scan->next_offset) {
		scan->suspect_pos = head->pos;
		scan->suspect_next = scan->next_offset;
	} else {
		scan->suspect_pos = -1;
	}
	pthread_mutex_lock(&segment->index_lock);
	segment_note_batch(segment, head, scan->log->conf.index_interval_bytes);
	pthread_mutex_unlock(&segment->index_lock);
	scan->next_offset = head->last_offset + 1;
	scan->epoch = head->leader_epoch > scan->epoch ? head->leader_epoch : scan->epoch;
}

/* The bytes at pos are no batch. *done: the scan of this segment ends. */
static enum weir_code meet_damage(
	struct scan *scan, int64_t pos, const char *why, bool *done, struct weir_err *err)
{
	bool zero;
	scan->reader.pos = pos;
	enum weir_code code = segment_reader_zero_tail(&scan->reader, &zero, err);
	if (code) {
		return code;
	}
	if (above_point(scan)) {
		if (!zero) {
			log_line(LOG_WARN, "%s: recovery ends the log at offset %lld: %s",
				scan->segment->path, (long long)scan->next_offset, why);
			scan->bad_tail = true;
		}
		scan->cut_pos = pos;
		*done = true;
		return WEIR_OK;
	}
	log_line(LOG_WARN, "%s: damage at byte %lld, below the recovery point %lld, is left: %s",
		scan->segment->path, (long long)pos, (long long)scan->recovery_point, why);
	scan->damage_left = true;
	code = segment_reader_resync(&scan->reader, scan->next_offset, scan->limit, err);
	*done = scan->reader.pos >= scan->reader.end;
	return code;
}

static enum weir_code scan_segment(struct scan *scan, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (bool done = false; !done && !code;) {
		struct batch_head head;
		struct batch batch;
		struct weir_err inner;
		bool got;
		int64_t pos = scan->reader.pos;
		code = segment_reader_next(&scan->reader, &head, &batch, &got, &inner);
		if (!code && !got) {
			break;
		}
		code = code ? code : batch_check_crc(&batch, &inner);
		if (!code && in_place(scan, &head)) {
			take_batch(scan, &head);
			continue;
		}
		if (!code) {
			err_set(&inner, WEIR_CORRUPT_MESSAGE,
				"batch of offsets %lld to %lld and epoch %d is out of place",
				(long long)head.base_offset, (long long)head.last_offset,
				head.leader_epoch);
			if (scan->suspect_pos >= 0 && head.base_offset < scan->next_offset &&
				head.base_offset >= scan->suspect_next) {
				/* The one with the gap before it was wrong. */
				pos = scan->suspect_pos;
				scan->next_offset = scan->suspect_next;
			}
		} else if (code != WEIR_CORRUPT_MESSAGE) {
			if (err) {
				*err = inner;
			}
			break;
		}
		scan->suspect_pos = -1;
		code = meet_damage(scan, pos, inner.text, &done, err);
	}
	return code;
}

/* Moves the log's segments from index on into .quarantine, the last one first. */
static enum weir_code remove_from(struct log *log, size_t from, struct weir_err *err)
{
	while (log->segment_count > from) {
		struct segment *segment = log->segments[log->segment_count - 1];
		const char *name = segment->path + strlen(segment->dir) + 1;
		enum weir_code code = WEIR_OK;
		if (atomic_load(&segment->size) > 0) {
			log_line(LOG_WARN, "%s: moved to .quarantine", segment->path);
			code = quarantine_file(log->dir, name, err);
		}
		code = code ? code : segment_remove(segment, err);
		if (code) {
			return code;
		}
		stat_add(STAT_recovery_cut, atomic_load(&segment->size));
		atomic_fetch_sub(&log->size_bytes, atomic_load(&segment->size));
		log_segments_cut(log, log->segment_count - 1, 1);
		segment_unref(segment);
	}
	return WEIR_OK;
}

static enum weir_code cut_segment(struct scan *scan, int fd, struct weir_err *err)
{
	struct segment *segment = scan->segment;
	enum weir_code code = WEIR_OK;
	if (scan->bad_tail) {
		code = quarantine_tail(segment, fd, scan->cut_pos, scan->reader.end, err);
	}
	code = code ? code : fs_truncate(fd, segment->path, scan->cut_pos, err);
	if (!code) {
		int64_t cut = atomic_load(&segment->size) - scan->cut_pos;
		stat_add(STAT_recovery_cut, cut);
		atomic_fetch_sub(&scan->log->size_bytes, cut);
		atomic_store(&segment->size, scan->cut_pos);
	}
	return code;
}

/* After the scan: the segment is cut if need be, synced, and its indexes are in memory. */
static enum weir_code settle_segment(struct scan *scan, int fd, struct weir_err *err)
{
	struct segment *segment = scan->segment;
	enum weir_code code = scan->cut_pos >= 0 ? cut_segment(scan, fd, err) : WEIR_OK;
	code = code ? code : fs_sync(fd, segment->path, err);
	if (code) {
		return code;
	}
	int64_t size = atomic_load(&segment->size);
	segment->synced_pos = size;
	segment->recovered = true;
	pthread_mutex_lock(&segment->index_lock);
	if (scan->cut_pos >= 0 || scan->damage_left) {
		/* Entries of a batch that was taken and then found wrong must go. */
		code = segment_index_rebuild(segment, scan->log->conf.index_interval_bytes, err);
	}
	segment->index_loaded = segment->index_rebuilt = true;
	segment->trusted_pos = scan->damage_left ? size : 0;
	pthread_mutex_unlock(&segment->index_lock);
	return code;
}

static enum weir_code recover_segment(struct scan *scan, struct weir_err *err)
{
	struct segment *segment = scan->segment;
	int fd;
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	/* After a failed flush the page cache may hold what the disk does not. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	pthread_mutex_lock(&segment->index_lock);
	segment_index_clear(segment);
	pthread_mutex_unlock(&segment->index_lock);
	segment_reader_init(&scan->reader, fd, segment->path, segment->base_offset, 0,
		atomic_load(&segment->size));
	code = scan_segment(scan, err);
	if (!code && scan->bad_tail) {
		size_t at = 0;
		while (scan->log->segments[at] != segment) {
			at++;
		}
		code = remove_from(scan->log, at + 1, err);
	}
	code = code ? code : settle_segment(scan, fd, err);
	segment_reader_close(&scan->reader);
	segment_unpin(segment);
	return code;
}

/* A sealed segment that was scanned gets its index files. */
static enum weir_code save_sealed(struct log *log, size_t from, struct weir_err *err)
{
	for (size_t i = from; i + 1 < log->segment_count; i++) {
		struct segment *segment = log->segments[i];
		pthread_mutex_lock(&segment->index_lock);
		time_index_add(
			&segment->times, segment->max_timestamp, segment->max_timestamp_offset);
		segment_index_save(segment);
		pthread_mutex_unlock(&segment->index_lock);
		enum weir_code code = segment_index_sync(segment, err);
		if (code) {
			return code;
		}
	}
	return WEIR_OK;
}

enum weir_code log_recover(
	struct log *log, int64_t recovery_point, int64_t *end_offset, struct weir_err *err)
{
	size_t from = log->segment_count - 1;
	while (from > 0 && log->segments[from]->base_offset > recovery_point) {
		from--;
	}
	int64_t next_offset = log->segments[from]->base_offset;
	int32_t epoch = -1;
	stat_add(STAT_recovered_logs, 1);
	enum weir_code code = WEIR_OK;
	for (size_t i = from; i < log->segment_count && !code; i++) {
		struct segment *segment = log->segments[i];
		bool gap = segment->base_offset > next_offset;
		if (gap && i > from && next_offset >= recovery_point && !log->conf.compacted) {
			log_line(LOG_WARN, "%s: offsets %lld to %lld before it are missing",
				segment->path, (long long)next_offset,
				(long long)segment->base_offset - 1);
			code = remove_from(log, i, err);
			break;
		}
		bool last = i + 1 == log->segment_count;
		struct scan scan = {.log = log,
			.segment = segment,
			.recovery_point = recovery_point,
			.limit = last ? INT64_MAX : log->segments[i + 1]->base_offset,
			.last = last,
			.epochs_known = log->epochs.count > 0,
			.epoch = epoch,
			.next_offset = segment->base_offset,
			.suspect_pos = -1,
			.cut_pos = -1};
		code = recover_segment(&scan, err);
		next_offset = scan.next_offset;
		epoch = scan.epoch;
	}
	code = code ? code : save_sealed(log, from, err);
	code = code ? code : fs_sync_dir(log->dir, err);
	if (!code && !log->parent_is_synced) {
		code = log_sync_parent(log, err);
	}
	if (!code) {
		*end_offset = next_offset;
		log->dir_dirty = log->parent_dirty = false;
	}
	return code;
}
