/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a log shorter: retention and deletion at its start, truncation at its end, removal of all.
 *
 * Removed segments leave the list first, so that no reader finds them; readers that hold one keep
 * its file open. Files are renamed to *.deleted and unlinked after a delay.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/uuid.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <string.h>

static const char *const suffixes[] = {".log", ".index", ".timeindex", ".txnindex", ".snapshot"};
enum { SUFFIX_COUNT = sizeof(suffixes) / sizeof(suffixes[0]), NAME_MAX_LEN = 255 };

void log_pending_add(struct log *log, char *path, int64_t due_mono_ms)
{
	if (log->pending_count == log->pending_room) {
		log->pending_room = log->pending_room ? log->pending_room * 2 : 8;
		log->pending = mem_grow(log->pending, log->pending_room, sizeof(*log->pending));
	}
	log->pending[log->pending_count++] = (struct pending_delete){path, due_mono_ms};
}

enum weir_code segment_remove(struct segment *segment, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	/* The .log last: while it stands, an open finds a segment, not stray indexes. */
	for (size_t i = SUFFIX_COUNT; i-- > 0 && !code;) {
		char *path = segment_path(segment, suffixes[i]);
		code = fs_unlink(path, err);
		mem_free(path);
	}
	return code;
}

/* Takes one file out of sight: *.deleted for a while, or gone at once. An absent one is fine. */
static enum weir_code retire_file(
	struct log *log, struct segment *segment, const char *suffix, struct weir_err *err)
{
	struct weir_err inner;
	char *from = segment_path(segment, suffix);
	char *to = mem_printf("%s.deleted", from);
	bool at_once = log->conf.file_delete_delay_ms <= 0;
	enum weir_code code = at_once ? fs_unlink(from, &inner) : fs_rename(from, to, &inner);
	mem_free(from);
	if (!code && !at_once) {
		log_pending_add(log, to, clock_mono_ms() + log->conf.file_delete_delay_ms);
		return WEIR_OK;
	}
	mem_free(to);
	if (code && code != WEIR_NOT_FOUND && err) {
		*err = inner;
	}
	return code == WEIR_NOT_FOUND ? WEIR_OK : code;
}

enum weir_code log_retire(
	struct log *log, struct segment *segment, bool keep_snapshot, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	/* The .log last, as in segment_remove. */
	for (size_t i = SUFFIX_COUNT - (keep_snapshot ? 1 : 0); i-- > 0 && !code;) {
		code = retire_file(log, segment, suffixes[i], err);
	}
	return code;
}

static void raise_start(struct log *log, int64_t offset)
{
	if (offset > log_start_offset(log)) {
		atomic_store(&log->start_offset, offset);
	}
}

static enum weir_code epochs_follow_start(struct log *log, struct weir_err *err)
{
	if (leader_epochs_raise_start(&log->epochs, log_start_offset(log))) {
		return leader_epochs_write(log->dir, &log->epochs, err);
	}
	return WEIR_OK;
}

enum weir_code log_drop_front(struct log *log, size_t count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (; count > 0 && !code; count--) {
		struct segment *segment = log->segments[0];
		WEIR_ASSERT(log->segment_count > 1);
		raise_start(log, log->segments[1]->base_offset);
		log_segments_cut(log, 0, 1);
		atomic_fetch_sub(&log->size_bytes, atomic_load(&segment->size));
		segment_clear_dirty(segment);
		if (segment->exists) {
			code = log_retire(log, segment, false, err);
			stat_add(STAT_segments_deleted, 1);
		}
		segment_unref(segment);
		log->dir_dirty = true;
	}
	return code;
}

/* Takes the active segment off; the one before becomes active, or a new one at base does. */
static enum weir_code drop_last(struct log *log, struct weir_err *err)
{
	struct segment *segment = log_active(log);
	enum weir_code code = segment->exists ? segment_remove(segment, err) : WEIR_OK;
	if (code) {
		return code;
	}
	int64_t base = segment->base_offset;
	if (log->segment_count == 1) {
		struct segment *fresh = segment_new(log->dir, base, true);
		fresh->index_loaded = fresh->txns_loaded = true;
		fresh->first_timestamp = -1;
		pthread_mutex_lock(&log->view_lock);
		log->segments[0] = fresh;
		pthread_mutex_unlock(&log->view_lock);
	} else {
		log_segments_cut(log, log->segment_count - 1, 1);
	}
	atomic_fetch_sub(&log->size_bytes, atomic_load(&segment->size));
	segment_clear_dirty(segment);
	segment_unref(segment);
	struct segment *active = log_active(log);
	log_tail_set(log, base, active, atomic_load(&active->size));
	log->dir_dirty = true;
	return WEIR_OK;
}

/* Cuts the active segment before the batch that holds offset. */
static enum weir_code cut_active(struct log *log, int64_t offset, struct weir_err *err)
{
	struct segment *active = log_active(log);
	int64_t size = atomic_load(&active->size), end = log_end_offset(log);
	struct batch_head head;
	bool got = false;
	int fd;
	if (!active->exists || end <= offset) {
		return WEIR_OK;
	}
	enum weir_code code = segment_pin(active, &fd, err);
	if (code) {
		return code;
	}
	code = segment_locate(active, fd, size, INT64_MAX, offset, log->conf.index_interval_bytes,
		&head, &got, err);
	if (!code && got) {
		int64_t cut_end = head.base_offset < offset ? head.base_offset : offset;
		code = fs_truncate(fd, active->path, head.pos, err);
		if (!code) {
			log_tail_set(log, cut_end, active, head.pos);
			pthread_mutex_lock(&active->index_lock);
			code = segment_index_rebuild(active, log->conf.index_interval_bytes, err);
			if (active->trusted_pos > head.pos) {
				active->trusted_pos = head.pos;
			}
			active->verified_from = active->verified_to = 0;
			pthread_mutex_unlock(&active->index_lock);
			active->first_timestamp = TIME_UNKNOWN;
		}
		code = code ? code : fs_sync(fd, active->path, err);
		if (!code) {
			active->synced_pos = head.pos;
			segment_clear_dirty(active);
		}
	} else if (!code) {
		log_tail_set(log, offset, active, size);
	}
	segment_unpin(active);
	return code;
}

static enum weir_code truncated(struct log *log, struct weir_err *err)
{
	int64_t end = log_end_offset(log);
	if (log_flushed_offset(log) > end) {
		atomic_store(&log->flushed_offset, end);
	}
	if (log_start_offset(log) > end) {
		atomic_store(&log->start_offset, end);
	}
	enum weir_code code = WEIR_OK;
	if (leader_epochs_truncate(&log->epochs, end)) {
		code = leader_epochs_write(log->dir, &log->epochs, err);
	}
	code = code ? code : log_producers_truncate(log, err);
	return code ? code : fs_sync_dir(log->dir, err);
}

enum weir_code log_truncate(struct log *log, int64_t offset, struct weir_err *err)
{
	pthread_mutex_lock(&log->flush_lock);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	bool all = offset < log->segments[0]->base_offset;
	if (!code && !all && offset < log_end_offset(log)) {
		while (!code && log->segment_count > 1 && log_active(log)->base_offset > offset) {
			code = drop_last(log, err);
		}
		code = code ? code : cut_active(log, offset, err);
		code = code ? code : truncated(log, err);
	}
	pthread_mutex_unlock(&log->lock);
	pthread_mutex_unlock(&log->flush_lock);
	return code || !all ? code : log_reset(log, offset, err);
}

enum weir_code log_reset(struct log *log, int64_t offset, struct weir_err *err)
{
	if (offset < 0) {
		return err_set(err, WEIR_OFFSET_OUT_OF_RANGE, "%s cannot begin at offset %lld",
			log->dir, (long long)offset);
	}
	pthread_mutex_lock(&log->flush_lock);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	while (!code && log->segment_count > 1) {
		code = drop_last(log, err);
	}
	code = code ? code : drop_last(log, err);
	if (!code) {
		struct segment *fresh = segment_new(log->dir, offset, true);
		struct segment *old = log->segments[0];
		fresh->index_loaded = fresh->txns_loaded = true;
		fresh->first_timestamp = -1;
		pthread_mutex_lock(&log->view_lock);
		log->segments[0] = fresh;
		pthread_mutex_unlock(&log->view_lock);
		segment_unref(old);
		log_tail_set(log, offset, fresh, 0);
		atomic_store(&log->start_offset, offset);
		atomic_store(&log->flushed_offset, offset);
		log->epochs.count = 0;
		code = leader_epochs_write(log->dir, &log->epochs, err);
		code = code ? code : log_producers_truncate(log, err);
		code = code ? code : fs_sync_dir(log->dir, err);
	}
	pthread_mutex_unlock(&log->lock);
	pthread_mutex_unlock(&log->flush_lock);
	return code;
}

enum weir_code log_delete_before(struct log *log, int64_t offset, struct weir_err *err)
{
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	if (!code && offset > log_end_offset(log)) {
		code = err_set(err, WEIR_OFFSET_OUT_OF_RANGE, "%s ends at %lld, below %lld",
			log->dir, (long long)log_end_offset(log), (long long)offset);
	}
	if (!code && offset > log_start_offset(log)) {
		size_t count = 0;
		raise_start(log, offset);
		while (count + 1 < log->segment_count &&
			log->segments[count + 1]->base_offset <= offset) {
			count++;
		}
		code = log_drop_front(log, count, err);
		code = code ? code : epochs_follow_start(log, err);
	}
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* Unlinks the *.deleted files whose delay is over. */
static enum weir_code remove_due(struct log *log, struct weir_err *err)
{
	int64_t now = clock_mono_ms();
	size_t kept = 0;
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < log->pending_count; i++) {
		struct pending_delete *pending = &log->pending[i];
		if (!code && pending->due_mono_ms <= now) {
			code = fs_unlink(pending->path, err);
			if (!code) {
				mem_free(pending->path);
				continue;
			}
		}
		log->pending[kept++] = *pending;
	}
	log->pending_count = kept;
	return code;
}

enum weir_code log_remove_due(struct log *log, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (!log->read_only && atomic_load(&log->pending_count)) {
		pthread_mutex_lock(&log->lock);
		code = remove_due(log, err);
		pthread_mutex_unlock(&log->lock);
	}
	return code;
}

/* Largest timestamp of a segment; without one, when it was made or opened. */
static enum weir_code age_of(struct log *log, struct segment *segment, int64_t now_ms,
	int64_t *age_ms, struct weir_err *err)
{
	pthread_mutex_lock(&segment->index_lock);
	enum weir_code code = segment_times_load(segment, log->conf.index_interval_bytes, err);
	int64_t newest = segment->max_timestamp >= 0 ? segment->max_timestamp : segment->made_ms;
	pthread_mutex_unlock(&segment->index_lock);
	*age_ms = now_ms - newest;
	return code;
}

/* May the first segment go? excess: bytes above retention_bytes. */
static enum weir_code first_expired(
	struct log *log, int64_t now_ms, int64_t end_offset, bool *expired, struct weir_err *err)
{
	const struct log_conf *conf = &log->conf;
	struct segment *first = log->segments[0];
	int64_t size = atomic_load(&first->size), age_ms;
	int64_t next = log->segment_count > 1 ? log->segments[1]->base_offset : log_end_offset(log);
	*expired = false;
	if (next > end_offset || (log->segment_count == 1 && size == 0)) {
		return WEIR_OK;
	}
	if (log->segment_count > 1 && next <= log_start_offset(log)) {
		*expired = true;
		return WEIR_OK;
	}
	if (!conf->cleanup_delete) {
		return WEIR_OK;
	}
	if (conf->retention_bytes >= 0 && log_size_bytes(log) - conf->retention_bytes >= size) {
		*expired = true;
		return WEIR_OK;
	}
	if (conf->retention_ms < 0) {
		return WEIR_OK;
	}
	enum weir_code code = age_of(log, first, now_ms, &age_ms, err);
	*expired = !code && age_ms > conf->retention_ms;
	return code;
}

enum weir_code log_retain(struct log *log, int64_t now_ms, int64_t end_offset, struct weir_err *err)
{
	bool expired = true;
	int64_t start = log_start_offset(log);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	while (!code && expired) {
		code = first_expired(log, now_ms, end_offset, &expired, err);
		if (!code && expired && log->segment_count == 1) {
			code = log_roll_locked(log, err);
		}
		if (!code && expired) {
			code = log_drop_front(log, 1, err);
		}
	}
	if (!code && log_start_offset(log) != start) {
		code = epochs_follow_start(log, err);
	}
	code = code ? code : remove_due(log, err);
	pthread_mutex_unlock(&log->lock);
	return code;
}

/* "<topic>-<p>.<32 hex>-delete", the topic cut so that the name fits a directory entry. */
static char *deleted_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;
	const char *dash = strrchr(name, '-');
	const char *partition = dash ? dash : "";
	int topic_len = (int)(dash ? (size_t)(dash - name) : strlen(name));
	char hex[33];
	struct uuid id = uuid_new();
	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		static const char digits[] = "0123456789abcdef";
		hex[2 * i] = digits[id.bytes[i] >> 4];
		hex[2 * i + 1] = digits[id.bytes[i] & 15];
	}
	hex[32] = '\0';
	int tail = (int)strlen(partition) + (int)strlen(".") + 32 + (int)strlen("-delete");
	topic_len = topic_len < NAME_MAX_LEN - tail ? topic_len : NAME_MAX_LEN - tail;
	int parent_len = slash ? (int)(slash - dir) + 1 : 0;
	return mem_printf("%.*s%.*s%s.%s-delete", parent_len, dir, topic_len, name, partition, hex);
}

enum weir_code log_delete_dir(const char *dir, struct weir_err *err)
{
	char *to = deleted_name(dir);
	const char *slash = strrchr(dir, '/');
	char *parent = slash ? mem_printf("%.*s", slash == dir ? 1 : (int)(slash - dir), dir)
			     : mem_dup_str(".");
	enum weir_code code = fs_rename(dir, to, err);
	code = code ? code : fs_sync_dir(parent, err);
	mem_free(parent);
	mem_free(to);
	return code;
}

enum weir_code log_delete(struct log **out, char **moved, struct weir_err *err)
{
	struct log *log = *out;
	if (log->read_only) {
		return err_set(err, WEIR_IO, "%s was opened read-only", log->dir);
	}
	char *to = deleted_name(log->dir);
	pthread_mutex_lock(&log->flush_lock);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = fs_rename(log->dir, to, err);
	if (!code) {
		code = log_sync_parent(log, err);
	}
	pthread_mutex_unlock(&log->lock);
	pthread_mutex_unlock(&log->flush_lock);
	if (code) {
		mem_free(to);
		return code;
	}
	log_free(out);
	*moved = to;
	return WEIR_OK;
}
