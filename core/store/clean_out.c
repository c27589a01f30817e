/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The segment that compaction writes, and its way into the log.
 *
 * Names, as Kafka's: <base>.log.cleaned while it is written (and .index.cleaned and so on), then
 * <base>.log.swap, then <base>.log. The steps:
 *
 *   1  *.cleaned are written and fsynced
 *   2  the indexes are renamed to *.swap, directory fsynced
 *   3  the .log is renamed to .log.swap, directory fsynced: from here on the new segment counts
 *   4  files of the old segments are renamed to *.deleted
 *   5  *.swap take their names, directory fsynced
 *
 * A crash before 3 leaves the old segments, as an open removes *.cleaned and index files without a
 * .log. After 3 an open finds .log.swap, finishes 4 and 5: segments with a base inside of it go. So
 * that all of the group do, the last batch of a group stays, be it as a header alone.
 */
#include "core/store/clean_priv.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <fcntl.h>

enum { PENDING_BYTES = 1024 * 1024 };

static const char *const index_suffixes[] = {".index", ".timeindex", ".txnindex"};
enum { INDEX_COUNT = sizeof(index_suffixes) / sizeof(index_suffixes[0]) };

static char *path_of(const struct clean_out *out, const char *suffix, const char *state)
{
	return mem_printf("%s/%020lld%s%s", out->log->dir, (long long)out->segment->base_offset,
		suffix, state);
}

static enum weir_code unlink_of(
	const struct clean_out *out, const char *suffix, const char *state, struct weir_err *err)
{
	char *path = path_of(out, suffix, state);
	enum weir_code code = fs_unlink(path, err);
	mem_free(path);
	return code;
}

/* An absent file is fine. */
static enum weir_code rename_of(const struct clean_out *out, const char *suffix, const char *from,
	const char *to, struct weir_err *err)
{
	struct weir_err inner;
	char *source = path_of(out, suffix, from), *target = path_of(out, suffix, to);
	enum weir_code code = fs_rename(source, target, &inner);
	mem_free(target);
	mem_free(source);
	if (code && code != WEIR_NOT_FOUND && err) {
		*err = inner;
	}
	return code == WEIR_NOT_FOUND ? WEIR_OK : code;
}

enum weir_code clean_out_open(
	struct clean_out *out, struct log *log, int64_t base_offset, struct weir_err *err)
{
	*out = (struct clean_out){.log = log, .fd = -1, .end_offset = -1};
	out->segment = segment_new(log->dir, base_offset, true);
	out->segment->exists = true;
	out->segment->index_loaded = out->segment->txns_loaded = true;
	out->path = path_of(out, ".log", ".cleaned");
	buf_init(&out->pending, 0);
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW;
	return fs_open(out->path, flags, 0600, &out->fd, err);
}

static enum weir_code write_pending(struct clean_out *out, struct weir_err *err)
{
	if (!out->pending.len) {
		return WEIR_OK;
	}
	enum weir_code code =
		fs_write_at(out->fd, out->path, out->pending.data, out->pending.len, out->pos, err);
	if (!code) {
		out->pos += (int64_t)out->pending.len;
		buf_reset(&out->pending);
	}
	return code;
}

enum weir_code clean_out_note(struct clean_out *out, size_t from, struct weir_err *err)
{
	struct batch batch;
	if (out->pending.len == from) {
		return WEIR_OK;
	}
	enum weir_code code = batch_parse(
		slice_of(out->pending.data + from, out->pending.len - from), &batch, err);
	if (code) {
		return code;
	}
	if (out->pos + (int64_t)out->pending.len > INT32_MAX) {
		return err_set(err, WEIR_TOO_LARGE, "%s would pass 2 GiB", out->path);
	}
	struct batch_head head = {.pos = out->pos + (int64_t)from,
		.size = batch.bytes.len,
		.base_offset = batch.base_offset,
		.last_offset = batch_last_offset(&batch),
		.max_timestamp = batch.max_timestamp,
		.leader_epoch = batch.leader_epoch,
		.magic = batch.magic};
	out->end_offset = head.last_offset + 1;
	segment_note_batch(out->segment, &head, atomic_load(&out->log->index_interval_bytes));
	return out->pending.len >= PENDING_BYTES ? write_pending(out, err) : WEIR_OK;
}

static enum weir_code sync_path(const char *path, struct weir_err *err)
{
	int fd;
	enum weir_code code = fs_open(path, O_RDWR | O_NOFOLLOW, 0, &fd, err);
	if (!code) {
		code = fs_sync(fd, path, err);
		fs_close(&fd);
	}
	return code;
}

static enum weir_code write_indexes(struct clean_out *out, struct weir_err *err)
{
	struct segment *segment = out->segment;
	char *paths[INDEX_COUNT];
	for (size_t i = 0; i < INDEX_COUNT; i++) {
		paths[i] = path_of(out, index_suffixes[i], ".cleaned");
	}
	time_index_add(&segment->times, segment->max_timestamp, segment->max_timestamp_offset);
	enum weir_code code =
		offset_index_write(paths[0], segment->base_offset, &segment->index, err);
	code = code ? code : time_index_write(paths[1], segment->base_offset, &segment->times, err);
	if (!code && segment->txns.count) {
		code = txn_index_write(paths[2], &segment->txns, err);
	}
	for (size_t i = 0; i < INDEX_COUNT; i++) {
		if (!code && (i < 2 || segment->txns.count)) {
			code = sync_path(paths[i], err);
		}
		mem_free(paths[i]);
	}
	return code;
}

enum weir_code clean_out_finish(struct clean_out *out, struct weir_err *err)
{
	struct segment *segment = out->segment;
	enum weir_code code = WEIR_OK;
	if (out->last.magic >= 2 && out->end_offset != batch_last_offset(&out->last) + 1) {
		size_t from = out->pending.len;
		code = clean_batch_empty(&out->last, &out->pending, err);
		code = code ? code : clean_out_note(out, from, err);
	}
	code = code ? code : write_pending(out, err);
	code = code ? code : fs_sync(out->fd, out->path, err);
	if (code) {
		return code;
	}
	atomic_store(&segment->size, out->pos);
	segment->synced_pos = out->pos;
	segment->txns = out->txns;
	out->txns = (struct txn_index){0};
	return write_indexes(out, err);
}

/* --- swapping in --- */

static bool find_group(const struct log *log, struct segment **group, size_t count, size_t *at)
{
	for (size_t i = 0; i + count < log->segment_count; i++) {
		if (log->segments[i] == group[0]) {
			*at = i;
			return !memcmp(log->segments + i, group, count * sizeof(*group));
		}
	}
	return false;
}

/* Steps 2 and 3. *counts: the new segment is the one that counts. */
static enum weir_code to_swap(struct clean_out *out, bool *counts, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	*counts = false;
	for (size_t i = 0; i < INDEX_COUNT && !code; i++) {
		code = rename_of(out, index_suffixes[i], ".cleaned", ".swap", err);
	}
	code = code ? code : fs_sync_dir(out->log->dir, err);
	code = code ? code : rename_of(out, ".log", ".cleaned", ".swap", err);
	if (code) {
		for (size_t i = 0; i < INDEX_COUNT; i++) {
			(void)!unlink_of(out, index_suffixes[i], ".swap", NULL);
		}
		return code;
	}
	*counts = true;
	return fs_sync_dir(out->log->dir, err);
}

/* Steps 4 and 5, with log and view locked: nobody opens a file by its name meanwhile. */
static enum weir_code take_names(
	struct clean_out *out, struct segment **group, size_t count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < count && !code; i++) {
		code = log_retire(out->log, group[i], i == 0, err);
	}
	for (size_t i = 0; i < INDEX_COUNT && !code; i++) {
		code = rename_of(out, index_suffixes[i], ".swap", "", err);
	}
	return code ? code : rename_of(out, ".log", ".swap", "", err);
}

static void replace(struct clean_out *out, size_t at, size_t count)
{
	struct log *log = out->log;
	struct segment *segment = out->segment;
	int64_t size = atomic_load(&segment->size);
	segment->made_ms = log->segments[at + count - 1]->made_ms;
	for (size_t i = 0; i < count; i++) {
		size -= atomic_load(&log->segments[at + i]->size);
		segment_clear_dirty(log->segments[at + i]);
	}
	atomic_fetch_add(&log->size_bytes, size);
	segment_adopt(segment, &out->fd);
	log->segments[at] = segment;
	memmove(log->segments + at + 1, log->segments + at + count,
		(log->segment_count - at - count) * sizeof(*log->segments));
	log->segment_count -= count - 1;
	segment_ref(segment); /* the list's; out keeps its own */
}

enum weir_code clean_out_swap(
	struct clean_out *out, struct segment **group, size_t count, struct weir_err *err)
{
	struct log *log = out->log;
	size_t at = 0;
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	if (!code && !find_group(log, group, count, &at)) {
		code = err_set(err, WEIR_CONFLICT, "%s: segments went while they were compacted",
			log->dir);
	}
	if (!code) {
		bool counts;
		code = to_swap(out, &counts, err);
		if (!code) {
			pthread_mutex_lock(&log->view_lock);
			code = take_names(out, group, count, err);
			if (!code) {
				replace(out, at, count);
			}
			pthread_mutex_unlock(&log->view_lock);
			code = code ? code : fs_sync_dir(log->dir, err);
		}
		if (code && counts) {
			/* Neither the old names nor the new ones can be relied on: an open sets it
			 * right. */
			atomic_store(&log->failed, true);
		}
	}
	pthread_mutex_unlock(&log->lock);
	for (size_t i = 0; i < count && !code; i++) {
		segment_unref(group[i]); /* the list's */
	}
	return code;
}

void clean_out_close(struct clean_out *out)
{
	if (out->fd >= 0) {
		fs_close(&out->fd);
		(void)!unlink_of(out, ".log", ".cleaned", NULL);
		for (size_t i = 0; i < INDEX_COUNT; i++) {
			(void)!unlink_of(out, index_suffixes[i], ".cleaned", NULL);
		}
	}
	if (out->segment) {
		segment_unref(out->segment);
	}
	txn_index_fini(&out->txns);
	buf_fini(&out->pending);
	mem_free(out->path);
}
