/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of a partition: segments, epochs, rolling.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

enum { DIRTY_SEALED_MAX = 16 };

const struct log_conf log_conf_default = {
	.segment_bytes = 1 << 30,
	.segment_ms = 7LL * 24 * 3600 * 1000,
	.segment_jitter_ms = 0,
	.segment_index_bytes = 10 * 1024 * 1024,
	.index_interval_bytes = 4096,
	.retention_ms = 7LL * 24 * 3600 * 1000,
	.retention_bytes = -1,
	.file_delete_delay_ms = 60 * 1000,
	.preallocate = false,
	.cleanup_delete = true,
	.verify_on_read = true,
	.compacted = false,
	.delete_retention_ms = 24LL * 3600 * 1000,
	.min_compaction_lag_ms = 0,
	.max_compaction_lag_ms = INT64_MAX,
	.producer_id_expiration_ms = 24LL * 3600 * 1000,
};

/* --- segments and the tail --- */

struct segment *log_active(struct log *log)
{
	return log->segments[log->segment_count - 1];
}

void log_segments_add(struct log *log, struct segment *segment)
{
	pthread_mutex_lock(&log->view_lock);
	if (log->segment_count == log->segment_room) {
		log->segment_room = log->segment_room ? log->segment_room * 2 : 4;
		log->segments =
			mem_grow(log->segments, log->segment_room, sizeof(struct segment *));
	}
	log->segments[log->segment_count++] = segment;
	pthread_mutex_unlock(&log->view_lock);
}

void log_segments_cut(struct log *log, size_t from, size_t count)
{
	pthread_mutex_lock(&log->view_lock);
	memmove(log->segments + from, log->segments + from + count,
		(log->segment_count - from - count) * sizeof(struct segment *));
	log->segment_count -= count;
	pthread_mutex_unlock(&log->view_lock);
}

void log_tail_set(struct log *log, int64_t end_offset, struct segment *active, int64_t size)
{
	int64_t grown = size - atomic_load(&active->size);
	atomic_fetch_add(&log->tail_seq, 1);
	atomic_store(&active->size, size);
	atomic_store(&log->end_offset, end_offset);
	atomic_fetch_add(&log->tail_seq, 1);
	atomic_fetch_add(&log->size_bytes, grown);
}

void log_tail_get(
	struct log *log, const struct segment *segment, int64_t *end_offset, int64_t *size)
{
	for (;;) {
		uint64_t seq = atomic_load(&log->tail_seq);
		*size = atomic_load(&segment->size);
		*end_offset = atomic_load(&log->end_offset);
		if (!(seq & 1) && atomic_load(&log->tail_seq) == seq) {
			return;
		}
	}
}

enum weir_code log_take_segment(struct log *log, int64_t offset, struct segment **segment, int *fd,
	int64_t *limit, struct weir_err *err)
{
	pthread_mutex_lock(&log->view_lock);
	size_t low = 0, high = log->segment_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (log->segments[mid]->base_offset <= offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	size_t at = low ? low - 1 : 0;
	struct segment *found = log->segments[at];
	*limit = at + 1 < log->segment_count ? log->segments[at + 1]->base_offset : INT64_MAX;
	enum weir_code code = segment_pin(found, fd, err);
	if (!code) {
		segment_ref(found);
		*segment = found;
	}
	pthread_mutex_unlock(&log->view_lock);
	return code;
}

void log_give_segment(struct segment *segment)
{
	segment_unpin(segment);
	segment_unref(segment);
}

/* --- getters --- */

const char *log_dir(const struct log *log)
{
	return log->dir;
}

int64_t log_start_offset(const struct log *log)
{
	return atomic_load(&log->start_offset);
}

int64_t log_end_offset(const struct log *log)
{
	return atomic_load(&log->end_offset);
}

int64_t log_flushed_offset(const struct log *log)
{
	return atomic_load(&log->flushed_offset);
}

int64_t log_size_bytes(const struct log *log)
{
	return atomic_load(&log->size_bytes);
}

int64_t log_unflushed_since_ms(const struct log *log)
{
	return atomic_load(&log->unflushed_since_ms);
}

bool log_failed(const struct log *log)
{
	return atomic_load(&log->failed);
}

void log_conf_take(struct log *log, const struct log_conf *conf)
{
	log->conf = *conf;
	atomic_store(&log->index_interval_bytes, conf->index_interval_bytes);
	atomic_store(&log->verify_on_read, conf->verify_on_read);
}

void log_set_conf(struct log *log, const struct log_conf *conf)
{
	pthread_mutex_lock(&log->lock);
	log_conf_take(log, conf);
	pthread_mutex_unlock(&log->lock);
}

enum weir_code log_check_writable(struct log *log, struct weir_err *err)
{
	if (log->read_only) {
		return err_set(err, WEIR_IO, "%s was opened read-only", log->dir);
	}
	if (atomic_load(&log->failed)) {
		return err_set(err, WEIR_IO, "%s: an earlier flush failed, nothing more is taken",
			log->dir);
	}
	return WEIR_OK;
}

/* --- epochs --- */

void log_epoch_end(struct log *log, int32_t asked, int32_t *epoch, int64_t *end_offset)
{
	pthread_mutex_lock(&log->lock);
	leader_epochs_end(&log->epochs, asked, log_end_offset(log), epoch, end_offset);
	pthread_mutex_unlock(&log->lock);
}

int32_t log_last_epoch(struct log *log)
{
	pthread_mutex_lock(&log->lock);
	int32_t epoch = leader_epochs_last(&log->epochs);
	pthread_mutex_unlock(&log->lock);
	return epoch;
}

int32_t log_epoch_at(struct log *log, int64_t offset)
{
	pthread_mutex_lock(&log->lock);
	int32_t epoch = leader_epochs_at(&log->epochs, offset);
	pthread_mutex_unlock(&log->lock);
	return epoch;
}

enum weir_code log_begin_epoch(
	struct log *log, int32_t epoch, int64_t start_offset, struct weir_err *err)
{
	int32_t last = leader_epochs_last(&log->epochs);
	if (epoch < 0 || epoch == last) {
		return WEIR_OK;
	}
	if (epoch < last) {
		return err_set(err, WEIR_FENCED_LEADER_EPOCH, "%s: leader epoch %d, the log has %d",
			log->dir, epoch, last);
	}
	struct leader_epochs next = {0};
	for (size_t i = 0; i < log->epochs.count; i++) {
		leader_epochs_assign(
			&next, log->epochs.entries[i].epoch, log->epochs.entries[i].start_offset);
	}
	leader_epochs_assign(&next, epoch, start_offset);
	enum weir_code code = leader_epochs_write(log->dir, &next, err);
	struct leader_epochs *drop = code ? &next : &log->epochs;
	leader_epochs_fini(drop);
	if (!code) {
		log->epochs = next;
	}
	return code;
}

enum weir_code log_start_epoch(struct log *log, int32_t leader_epoch, struct weir_err *err)
{
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	if (!code) {
		code = log_begin_epoch(log, leader_epoch, log_end_offset(log), err);
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* --- rolling --- */

static int64_t prealloc_bytes(const struct log *log)
{
	return log->conf.preallocate ? log->conf.segment_bytes : 0;
}

enum weir_code log_ensure_file(struct log *log, struct segment *active, struct weir_err *err)
{
	if (active->exists) {
		return WEIR_OK;
	}
	enum weir_code code = segment_make(active, prealloc_bytes(log), err);
	if (!code) {
		log->dir_dirty = true;
	}
	return code;
}

void log_seal(struct log *log, struct segment *active)
{
	int fd;
	pthread_mutex_lock(&active->index_lock);
	time_index_add(&active->times, active->max_timestamp, active->max_timestamp_offset);
	segment_index_save(active);
	pthread_mutex_unlock(&active->index_lock);
	active->index_unsynced = true;
	if (log->conf.preallocate && !segment_pin(active, &fd, NULL)) {
		(void)fs_ops()->ftruncate(fd, atomic_load(&active->size));
		segment_unpin(active);
	}
	log->dir_dirty = true;
}

enum weir_code log_roll_locked(struct log *log, struct weir_err *err)
{
	struct segment *active = log_active(log);
	int64_t end = log_end_offset(log);
	size_t dirty = 0;
	if (atomic_load(&active->size) == 0 && active->base_offset == end) {
		return WEIR_OK;
	}
	struct segment *next = segment_new(log->dir, end, true);
	enum weir_code code = segment_make(next, prealloc_bytes(log), err);
	if (code) {
		segment_unref(next);
		return code;
	}
	next->index_loaded = next->txns_loaded = true;
	next->first_timestamp = -1;
	next->jitter_ms = log->conf.segment_jitter_ms > 0
				  ? (int64_t)random_below((uint64_t)log->conf.segment_jitter_ms)
				  : 0;
	log_producers_snapshot(log, end, false);
	log_seal(log, active);
	log_segments_add(log, next);
	stat_add(STAT_segments_rolled, 1);
	/* Where nobody flushes, sealed files are not kept open for ever. */
	for (size_t i = log->segment_count; i-- > 0;) {
		if (log->segments[i]->dirty && ++dirty > DIRTY_SEALED_MAX) {
			segment_clear_dirty(log->segments[i]);
			break;
		}
	}
	return WEIR_OK;
}

enum weir_code log_roll(struct log *log, struct weir_err *err)
{
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	if (!code) {
		code = log_roll_locked(log, err);
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}
