/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Appending to a log.
 *
 * Offsets and epoch go into the batches, what they do to the producer state is judged, an aborted
 * transaction goes into the transaction index; then one pwritev at the end of the active segment,
 * then the indexes and the producer state, then the new end is published. When the write fails the
 * file is cut back and nothing has happened; when even that fails the log takes nothing more, since
 * bytes of a batch that was refused might come back.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/stat/stat.h"
#include "core/store/log_priv.h"

#include <fcntl.h>
#include <errno.h>

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

/* Entries of the aborted transactions that this append ends, written before the markers stand. */
static enum weir_code write_txns(struct log *log, struct segment *active, struct weir_err *err)
{
	const struct producer_changes *changes = &log->changes;
	enum weir_code code = WEIR_OK;
	size_t at = active->txns.count;
	char *path = NULL;
	WEIR_ASSERT(active->txns_loaded);
	for (size_t i = 0; i < changes->ended_count && !code; i++) {
		if (!changes->ended[i].commit) {
			struct txn_entry entry = txn_entry_of(&changes->ended[i]);
			path = path ? path : segment_path(active, ".txnindex");
			code = txn_index_put(path, at++, &entry, err);
		}
	}
	if (path) {
		log->dir_dirty = log->dir_dirty || active->txns.count == 0;
		active->index_unsynced = true;
	}
	mem_free(path);
	return code;
}

/* The append failed: its entries go again. One that stays is found wrong when it is read. */
static void cut_txns(struct segment *active)
{
	struct weir_err err;
	char *path = segment_path(active, ".txnindex");
	int fd;
	if (!fs_open(path, O_RDWR | O_NOFOLLOW, 0, &fd, &err)) {
		if (fs_truncate(fd, path, (int64_t)active->txns.count * TXN_ENTRY_BYTES, &err)) {
			log_line(LOG_WARN, "%s", err.text);
		}
		fs_close(&fd);
	}
	mem_free(path);
}

/* The append stands: the producers, and the transaction index in memory, take it up. */
static void commit_producers(struct log *log, struct segment *active)
{
	const struct producer_changes *changes = &log->changes;
	pthread_mutex_lock(&active->index_lock);
	for (size_t i = 0; i < changes->ended_count; i++) {
		if (!changes->ended[i].commit) {
			struct txn_entry entry = txn_entry_of(&changes->ended[i]);
			txn_index_add(&active->txns, &entry);
		}
	}
	pthread_mutex_unlock(&active->index_lock);
	producers_commit(&log->producers, changes);
	atomic_store(&log->first_unstable, producers_first_unstable(&log->producers));
}

/* A full disk may have room again; one that is broken has said all that can be believed. */
static bool is_broken(int sys_errno)
{
	return sys_errno != ENOSPC && sys_errno != EDQUOT && sys_errno != EFBIG &&
	       sys_errno != ENOMEM && sys_errno != EAGAIN;
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
	enum weir_code code = log_ensure_file(log, active, err);
	code = code ? code : write_txns(log, active, err);
	code = code ? code : segment_pin(active, &fd, err);
	if (code) {
		return code;
	}
	struct weir_err why;
	code = fs_write_at(fd, active->path, bytes, in->len, pos, &why);
	if (code) {
		struct weir_err inner;
		if (err) {
			*err = why;
		}
		if (is_broken(why.sys_errno)) {
			atomic_store(&log->failed, true);
		}
		if (fs_truncate(fd, active->path, pos, &inner)) {
			log_line(LOG_ERROR, "%s after a failed write: %s takes nothing more",
				inner.text, log->dir);
			atomic_store(&log->failed, true);
		}
		if (log->changes.ended_count) {
			cut_txns(active);
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
	if (log->changes.count) {
		commit_producers(log, active);
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

/* Gives offsets from end on, and the epoch; judges what the producers do. */
static enum weir_code assign(struct log *log, uint8_t *bytes, size_t len,
	const struct log_append_ask *ask, struct incoming *in, struct producer_batch *duplicate,
	struct weir_err *err)
{
	int64_t next = log_end_offset(log);
	*in = (struct incoming){.len = len, .base_offset = next};
	producer_changes_reset(&log->changes);
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
		batch_set_leader_epoch(bytes + at, ask->leader_epoch);
		batch.base_offset = next;
		code = producers_check(&log->producers, &batch, ask->origin,
			ask->transaction_version, &log->changes, duplicate, err);
		if (code || duplicate->offset_delta >= 0) {
			return code;
		}
		next += batch.last_offset_delta + 1LL;
		at += batch.bytes.len;
	}
	in->last_offset = next - 1;
	return WEIR_OK;
}

enum weir_code log_append_from(struct log *log, uint8_t *bytes, size_t len,
	const struct log_append_ask *ask, struct log_appended *appended, struct weir_err *err)
{
	struct incoming in;
	struct producer_batch duplicate = {.offset_delta = -1};
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	code = code ? code : check_len(log, len, err);
	code = code ? code : assign(log, bytes, len, ask, &in, &duplicate, err);
	if (!code && duplicate.offset_delta >= 0) {
		*appended = (struct log_appended){
			.base_offset = duplicate.last_offset - duplicate.offset_delta,
			.last_offset = duplicate.last_offset,
			.log_start_offset = log_start_offset(log),
			.duplicate = true,
			.duplicate_timestamp = duplicate.timestamp};
		pthread_mutex_unlock(&log->lock);
		return WEIR_OK;
	}
	code = code ? code : log_begin_epoch(log, ask->leader_epoch, in.base_offset, err);
	code = code ? code : write_tail(log, bytes, &in, err);
	if (!code) {
		*appended = (struct log_appended){.base_offset = in.base_offset,
			.last_offset = in.last_offset,
			.log_start_offset = log_start_offset(log)};
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

enum weir_code log_append(struct log *log, uint8_t *bytes, size_t len, int32_t leader_epoch,
	struct log_appended *appended, struct weir_err *err)
{
	struct log_append_ask ask = {.leader_epoch = leader_epoch, .origin = APPEND_FROM_CLIENT};
	return log_append_from(log, bytes, len, &ask, appended, err);
}

/* Offsets and epochs as they are: neither may go back. */
static enum weir_code check_as_is(struct log *log, const uint8_t *bytes, size_t len,
	struct incoming *in, struct weir_err *err)
{
	int64_t next = log_end_offset(log);
	int32_t epoch = leader_epochs_last(&log->epochs);
	struct producer_batch none;
	*in = (struct incoming){.len = len};
	producer_changes_reset(&log->changes);
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
		code = producers_check(
			&log->producers, &batch, APPEND_FROM_REPLICA, 0, &log->changes, &none, err);
		if (code) {
			return code;
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
			code = log_begin_epoch(log, batch.leader_epoch, batch.base_offset, err);
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
		*appended = (struct log_appended){.base_offset = in.base_offset,
			.last_offset = in.last_offset,
			.log_start_offset = log_start_offset(log)};
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}
