/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of a partition: segments, epochs, rolling, appending.
 *
 * Append: offsets and epoch go into the batches, one pwritev at the end of the active segment, then
 * the indexes, then the new end is published. When the write fails the file is cut back and nothing
 * has happened; when even that fails the log takes nothing more, since bytes of a batch that was
 * refused might come back.
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

/* Takes epoch into the cache and its file, durably, before any batch of it is written. */
static enum weir_code begin_epoch(
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
		code = begin_epoch(log, leader_epoch, log_end_offset(log), err);
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* --- rolling --- */

static int64_t prealloc_bytes(const struct log *log)
{
	return log->conf.preallocate ? log->conf.segment_bytes : 0;
}

/* Makes the active segment's file if it is not there yet (an empty log has none). */
static enum weir_code ensure_file(struct log *log, struct segment *active, struct weir_err *err)
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
	next->index_loaded = true;
	next->first_timestamp = -1;
	next->jitter_ms = log->conf.segment_jitter_ms > 0
				  ? (int64_t)random_below((uint64_t)log->conf.segment_jitter_ms)
				  : 0;
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

/* --- appending --- */

struct incoming {
	size_t len;
	int64_t base_offset, last_offset;
	int64_t max_timestamp;
	int64_t first_timestamp; /* of the first batch */
	int64_t batches, records;
};

/* Timestamp that the segment's age is counted from; looked up once after an open. */
static int64_t first_timestamp(struct segment *active)
{
	int fd;
	if (active->first_timestamp != TIME_UNKNOWN) {
		return active->first_timestamp;
	}
	active->first_timestamp = -1;
	if (!segment_pin(active, &fd, NULL)) {
		struct segment_reader reader;
		struct batch_head head;
		bool got;
		segment_reader_init(&reader, fd, active->path, active->base_offset, 0,
			atomic_load(&active->size));
		if (!segment_reader_head(&reader, &head, &got, NULL) && got) {
			active->first_timestamp = head.max_timestamp;
		}
		segment_reader_close(&reader);
		segment_unpin(active);
	}
	return active->first_timestamp;
}

static bool must_roll(struct log *log, struct segment *active, const struct incoming *in)
{
	const struct log_conf *conf = &log->conf;
	int64_t size = atomic_load(&active->size);
	if (in->last_offset - active->base_offset > INT32_MAX) {
		return true;
	}
	if (size == 0) {
		return false;
	}
	if (size > conf->segment_bytes - (int64_t)in->len || size + (int64_t)in->len > INT32_MAX) {
		return true;
	}
	if (active->index.count >= (size_t)(conf->segment_index_bytes / OFFSET_ENTRY_BYTES) ||
		active->times.count + 1 >= (size_t)(conf->segment_index_bytes / TIME_ENTRY_BYTES)) {
		return true;
	}
	int64_t first = first_timestamp(active);
	int64_t age = first >= 0 && in->max_timestamp >= 0 ? in->max_timestamp - first
							   : clock_wall_ms() - active->made_ms;
	return conf->segment_ms > 0 && age > conf->segment_ms - active->jitter_ms;
}

/* Takes the written batches into the indexes and publishes them, as one step for a rebuild. */
static void note_all(struct log *log, struct segment *active, const uint8_t *bytes,
	const struct incoming *in, int64_t pos)
{
	size_t len = in->len;
	pthread_mutex_lock(&active->index_lock);
	for (size_t at = 0; at < len;) {
		struct batch batch;
		WEIR_ASSERT(batch_parse(slice_of(bytes + at, len - at), &batch, NULL) == WEIR_OK);
		struct batch_head head = {.pos = pos + (int64_t)at,
			.size = batch.bytes.len,
			.base_offset = batch.base_offset,
			.last_offset = batch_last_offset(&batch),
			.max_timestamp = batch.max_timestamp,
			.leader_epoch = batch.leader_epoch,
			.magic = batch.magic};
		segment_note_batch(active, &head, log->conf.index_interval_bytes);
		at += batch.bytes.len;
	}
	log_tail_set(log, in->last_offset + 1, active, pos + (int64_t)len);
	pthread_mutex_unlock(&active->index_lock);
}

/* Writes at the end of the active segment and publishes. The batches carry their offsets. */
static enum weir_code write_tail(
	struct log *log, const uint8_t *bytes, const struct incoming *in, struct weir_err *err)
{
	struct segment *active = log_active(log);
	if (must_roll(log, active, in)) {
		enum weir_code code = log_roll_locked(log, err);
		if (code) {
			return code;
		}
		active = log_active(log);
	}
	int fd;
	int64_t pos = atomic_load(&active->size);
	enum weir_code code = ensure_file(log, active, err);
	code = code ? code : segment_pin(active, &fd, err);
	if (code) {
		return code;
	}
	code = fs_write_at(fd, active->path, bytes, in->len, pos, err);
	if (code) {
		struct weir_err inner;
		if (fs_truncate(fd, active->path, pos, &inner)) {
			log_line(LOG_ERROR, "%s after a failed write: %s takes nothing more",
				inner.text, log->dir);
			atomic_store(&log->failed, true);
		}
		segment_unpin(active);
		return code;
	}
	segment_make_dirty(active);
	segment_unpin(active);
	if (active->first_timestamp < 0 && pos == 0) {
		active->first_timestamp = in->first_timestamp;
	}
	if (atomic_load(&log->unflushed_since_ms) < 0) {
		atomic_store(&log->unflushed_since_ms, clock_mono_ms());
	}
	note_all(log, active, bytes, in, pos);
	stat_add(STAT_appended_batches, in->batches);
	stat_add(STAT_appended_records, in->records);
	stat_add(STAT_appended, (int64_t)in->len);
	return WEIR_OK;
}

static enum weir_code check_len(struct log *log, size_t len, struct weir_err *err)
{
	if (len == 0) {
		return err_set(err, WEIR_CORRUPT_MESSAGE, "nothing to append");
	}
	if (len > INT32_MAX || (int64_t)len > log->conf.segment_bytes) {
		return err_set(err, WEIR_RECORD_LIST_TOO_LARGE,
			"%zu bytes of batches, a segment of %s holds %lld", len, log->dir,
			(long long)log->conf.segment_bytes);
	}
	return WEIR_OK;
}

/* One whole batch at bytes, magic 2, with offsets that make sense from base_offset on. */
static enum weir_code check_batch(struct slice bytes, struct batch *batch, struct weir_err *err)
{
	enum weir_code code = batch_parse(bytes, batch, err);
	if (code) {
		return code;
	}
	if (batch->magic != 2) {
		return err_set(err, WEIR_CORRUPT_MESSAGE, "batch of magic %d cannot be appended",
			batch->magic);
	}
	if (batch->last_offset_delta < 0) {
		return err_set(err, WEIR_CORRUPT_MESSAGE, "last offset delta %d is negative",
			batch->last_offset_delta);
	}
	return WEIR_OK;
}

static void incoming_add(struct incoming *in, const struct batch *batch, bool first)
{
	in->batches++;
	in->records += batch->record_count;
	if (first) {
		in->max_timestamp = in->first_timestamp = batch->max_timestamp;
	} else if (batch->max_timestamp > in->max_timestamp) {
		in->max_timestamp = batch->max_timestamp;
	}
}

/* Gives offsets from end on, and the epoch. */
static enum weir_code assign(struct log *log, uint8_t *bytes, size_t len, int32_t leader_epoch,
	struct incoming *in, struct weir_err *err)
{
	int64_t next = log_end_offset(log);
	*in = (struct incoming){.len = len, .base_offset = next};
	for (size_t at = 0; at < len;) {
		struct batch batch;
		enum weir_code code = check_batch(slice_of(bytes + at, len - at), &batch, err);
		if (code) {
			return code;
		}
		if (next > INT64_MAX - 1 - batch.last_offset_delta) {
			return err_set(err, WEIR_CORRUPT_MESSAGE, "offsets are used up");
		}
		incoming_add(in, &batch, at == 0);
		batch_set_base_offset(bytes + at, next);
		batch_set_leader_epoch(bytes + at, leader_epoch);
		next += batch.last_offset_delta + 1LL;
		at += batch.bytes.len;
	}
	in->last_offset = next - 1;
	return WEIR_OK;
}

enum weir_code log_append(struct log *log, uint8_t *bytes, size_t len, int32_t leader_epoch,
	struct log_appended *appended, struct weir_err *err)
{
	struct incoming in;
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	code = code ? code : check_len(log, len, err);
	code = code ? code : assign(log, bytes, len, leader_epoch, &in, err);
	code = code ? code : begin_epoch(log, leader_epoch, in.base_offset, err);
	code = code ? code : write_tail(log, bytes, &in, err);
	if (!code) {
		*appended = (struct log_appended){
			in.base_offset, in.last_offset, log_start_offset(log)};
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* Offsets and epochs as they are: neither may go back. */
static enum weir_code check_as_is(struct log *log, const uint8_t *bytes, size_t len,
	struct incoming *in, struct weir_err *err)
{
	int64_t next = log_end_offset(log);
	int32_t epoch = leader_epochs_last(&log->epochs);
	*in = (struct incoming){.len = len};
	for (size_t at = 0; at < len;) {
		struct batch batch;
		enum weir_code code = check_batch(slice_of(bytes + at, len - at), &batch, err);
		if (code) {
			return code;
		}
		if (batch.base_offset < next ||
			batch.base_offset > INT64_MAX - 1 - batch.last_offset_delta) {
			return err_set(err, WEIR_CORRUPT_MESSAGE,
				"batch at offset %lld, the log goes on at %lld",
				(long long)batch.base_offset, (long long)next);
		}
		if (batch.leader_epoch >= 0 && batch.leader_epoch < epoch) {
			return err_set(err, WEIR_FENCED_LEADER_EPOCH,
				"batch of leader epoch %d, the log has %d", batch.leader_epoch,
				epoch);
		}
		epoch = batch.leader_epoch > epoch ? batch.leader_epoch : epoch;
		incoming_add(in, &batch, at == 0);
		if (at == 0) {
			in->base_offset = batch.base_offset;
		}
		next = batch_last_offset(&batch) + 1;
		at += batch.bytes.len;
	}
	in->last_offset = next - 1;
	return WEIR_OK;
}

static enum weir_code begin_epochs_of(
	struct log *log, const uint8_t *bytes, size_t len, struct weir_err *err)
{
	for (size_t at = 0; at < len;) {
		struct batch batch;
		enum weir_code code = batch_parse(slice_of(bytes + at, len - at), &batch, err);
		if (!code && batch.leader_epoch > leader_epochs_last(&log->epochs)) {
			code = begin_epoch(log, batch.leader_epoch, batch.base_offset, err);
		}
		if (code) {
			return code;
		}
		at += batch.bytes.len;
	}
	return WEIR_OK;
}

enum weir_code log_append_as_is(struct log *log, const uint8_t *bytes, size_t len,
	struct log_appended *appended, struct weir_err *err)
{
	struct incoming in;
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	code = code ? code : check_len(log, len, err);
	code = code ? code : check_as_is(log, bytes, len, &in, err);
	code = code ? code : begin_epochs_of(log, bytes, len, err);
	code = code ? code : write_tail(log, bytes, &in, err);
	if (!code) {
		*appended = (struct log_appended){
			in.base_offset, in.last_offset, log_start_offset(log)};
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}
