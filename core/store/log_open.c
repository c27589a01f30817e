/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and closing a log.
 *
 * A clean open lists the directory, asks the size of each segment, and walks the batch heads behind
 * the last index entry of the last one: what a clean close wrote is trusted. Anything odd there
 * makes the open an unclean one. Left-overs of an interrupted compaction or removal are finished or
 * dropped.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <stdlib.h>
#include <string.h>

/* What the directory holds. */
struct listing {
	struct log *log;
	int64_t *bases, *swaps, *indexes, *index_swaps;
	size_t base_count, swap_count, index_count, index_swap_count;
};

static void add_base(int64_t **all, size_t *count, int64_t base)
{
	if (!(*count & (*count - 1))) {
		*all = mem_grow(*all, *count ? *count * 2 : 1, sizeof(**all));
	}
	(*all)[(*count)++] = base;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);
	return len >= tail && !strcmp(name + len - tail, suffix);
}

static enum weir_code list_one(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct listing *list = arg;
	struct log *log = list->log;
	int64_t base;
	if (is_dir) {
		return WEIR_OK;
	}
	if (segment_name_parse(name, ".log", &base)) {
		add_base(&list->bases, &list->base_count, base);
	} else if (segment_name_parse(name, ".log.swap", &base)) {
		add_base(&list->swaps, &list->swap_count, base);
	} else if (segment_name_parse(name, ".index", &base) ||
		   segment_name_parse(name, ".timeindex", &base) ||
		   segment_name_parse(name, ".txnindex", &base)) {
		add_base(&list->indexes, &list->index_count, base);
	} else if (segment_name_parse(name, ".index.swap", &base) ||
		   segment_name_parse(name, ".timeindex.swap", &base) ||
		   segment_name_parse(name, ".txnindex.swap", &base)) {
		add_base(&list->index_swaps, &list->index_swap_count, base);
	} else if (!log->read_only && ends_with(name, ".cleaned")) {
		char *path = mem_printf("%s/%s", log->dir, name);
		enum weir_code code = fs_unlink(path, err);
		mem_free(path);
		return code;
	} else if (!log->read_only && ends_with(name, ".deleted")) {
		log_pending_add(log, mem_printf("%s/%s", log->dir, name),
			clock_mono_ms() + log->conf.file_delete_delay_ms);
	}
	return WEIR_OK;
}

struct peeking {
	const char *dir;
	struct log_peek *peek;
};

static enum weir_code peek_one(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct peeking *peeking = arg;
	struct log_peek *peek = peeking->peek;
	struct stat st;
	int64_t base;
	(void)err;
	if (is_dir || !segment_name_parse(name, ".log", &base)) {
		return WEIR_OK;
	}
	char *path = mem_printf("%s/%s", peeking->dir, name);
	if (!stat(path, &st)) {
		/* Names come in order. */
		if (!peek->segment_count++) {
			peek->oldest_write_ms = (int64_t)st.st_mtim.tv_sec * 1000;
		}
		peek->bytes += st.st_size;
		peek->last_base = base;
	}
	mem_free(path);
	return WEIR_OK;
}

enum weir_code log_peek(const char *dir, struct log_peek *peek, struct weir_err *err)
{
	struct peeking peeking = {dir, peek};
	*peek = (struct log_peek){.last_base = -1, .oldest_write_ms = -1};
	return fs_list_dir(dir, peek_one, &peeking, err);
}

static bool has_base(const int64_t *all, size_t count, int64_t base)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i] == base) {
			return true;
		}
	}
	return false;
}

/* Is every byte of the swap file a good batch? *last: its last offset, base - 1 when empty. */
static enum weir_code swap_is_whole(
	const char *path, int64_t base, bool *whole, int64_t *last, struct weir_err *err)
{
	int fd;
	int64_t size;
	enum weir_code code = fs_open(path, 0, 0, &fd, err);
	if (code) {
		return code;
	}
	code = fs_size(fd, path, &size, err);
	struct segment_reader reader;
	struct batch_head head;
	struct batch batch;
	bool got = true;
	*last = base - 1;
	segment_reader_init(&reader, fd, path, base, 0, code ? 0 : size);
	while (!code && got) {
		code = segment_reader_next(&reader, &head, &batch, &got, err);
		if (!code && got) {
			code = batch_check_crc(&batch, err);
			code = !code && head.base_offset <= *last ? WEIR_CORRUPT_MESSAGE : code;
			*last = head.last_offset;
		}
	}
	segment_reader_close(&reader);
	fs_close(&fd);
	*whole = code == WEIR_OK;
	return code == WEIR_CORRUPT_MESSAGE ? WEIR_OK : code;
}

static enum weir_code unlink_at(
	const char *dir, int64_t base, const char *suffix, struct weir_err *err)
{
	char *path = mem_printf("%s/%020lld%s", dir, (long long)base, suffix);
	enum weir_code code = fs_unlink(path, err);
	mem_free(path);
	return code;
}

static enum weir_code unlink_indexes(const char *dir, int64_t base, bool txn, struct weir_err *err)
{
	enum weir_code code = unlink_at(dir, base, ".index", err);
	code = code ? code : unlink_at(dir, base, ".timeindex", err);
	return code || !txn ? code : unlink_at(dir, base, ".txnindex", err);
}

static enum weir_code unlink_index_swaps(const char *dir, int64_t base, struct weir_err *err)
{
	enum weir_code code = unlink_at(dir, base, ".index.swap", err);
	code = code ? code : unlink_at(dir, base, ".timeindex.swap", err);
	return code ? code : unlink_at(dir, base, ".txnindex.swap", err);
}

/* Puts a whole swap file in the place of the segments that it covers. */
static enum weir_code swap_in(
	struct listing *list, int64_t base, int64_t last, struct weir_err *err)
{
	const char *dir = list->log->dir;
	enum weir_code code = WEIR_OK;
	size_t kept = 0;
	for (size_t i = 0; i < list->base_count; i++) {
		int64_t old = list->bases[i];
		if (old > base && old <= last && !code) {
			code = unlink_at(dir, old, ".log", err);
			code = code ? code : unlink_indexes(dir, old, true, err);
		} else if (old != base) {
			list->bases[kept++] = old;
		}
	}
	list->base_count = kept;
	char *from = mem_printf("%s/%020lld.log.swap", dir, (long long)base);
	char *to = mem_printf("%s/%020lld.log", dir, (long long)base);
	code = code ? code : unlink_indexes(dir, base, false, err);
	code = code ? code : fs_rename(from, to, err);
	mem_free(to);
	mem_free(from);
	if (!code) {
		int64_t *bases = mem_array(kept + 1, 2 * sizeof(*bases));
		memcpy(bases, list->bases, kept * sizeof(*bases));
		bases[kept] = base;
		mem_free(list->bases);
		list->bases = bases;
		list->base_count = kept + 1;
	}
	return code;
}

static enum weir_code finish_swap(struct listing *list, int64_t base, struct weir_err *err)
{
	const char *dir = list->log->dir;
	bool whole;
	int64_t last;
	char *path = mem_printf("%s/%020lld.log.swap", dir, (long long)base);
	enum weir_code code = swap_is_whole(path, base, &whole, &last, err);
	if (!code && whole) {
		code = swap_in(list, base, last, err);
	} else if (!code) {
		log_line(LOG_WARN, "%s is damaged: moved to .quarantine", path);
		code = quarantine_file(dir, path + strlen(dir) + 1, err);
	}
	char *txn = mem_printf("%s/%020lld.txnindex.swap", dir, (long long)base);
	char *txn_to = mem_printf("%s/%020lld.txnindex", dir, (long long)base);
	if (!code && whole) {
		struct weir_err inner;
		code = fs_rename(txn, txn_to, &inner);
		if (code == WEIR_NOT_FOUND) {
			code = WEIR_OK;
		} else if (code && err) {
			*err = inner;
		}
	}
	code = code ? code : unlink_index_swaps(dir, base, err);
	code = code ? code : fs_sync_dir(dir, err);
	mem_free(txn_to);
	mem_free(txn);
	mem_free(path);
	return code;
}

static int base_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Segments of the listing into the log, in order, sizes asked. */
static enum weir_code take_segments(struct listing *list, struct weir_err *err)
{
	struct log *log = list->log;
	enum weir_code code = WEIR_OK;
	if (list->base_count) {
		qsort(list->bases, list->base_count, sizeof(*list->bases), base_order);
	}
	for (size_t i = 0; i < list->base_count && !code; i++) {
		struct segment *segment = segment_new(log->dir, list->bases[i], !log->read_only);
		int64_t size = 0;
		segment->exists = true;
		log_segments_add(log, segment);
		code = segment_file_size(segment, &size, err);
		if (!code && size > INT32_MAX) {
			code = err_set(err, WEIR_LOCAL_CORRUPT,
				"%s has %lld bytes, 2 GiB is the most", segment->path,
				(long long)size);
		}
		atomic_store(&segment->size, size);
		segment->synced_pos = segment->trusted_pos = size;
		atomic_fetch_add(&log->size_bytes, size);
	}
	for (size_t i = 0; i < list->index_count && !code && !log->read_only; i++) {
		if (!has_base(list->bases, list->base_count, list->indexes[i])) {
			code = unlink_indexes(log->dir, list->indexes[i], true, err);
		}
	}
	return code;
}

static enum weir_code read_dir(struct log *log, struct weir_err *err)
{
	struct listing list = {.log = log};
	struct weir_err inner;
	enum weir_code code = fs_list_dir(log->dir, list_one, &list, &inner);
	if (code == WEIR_NOT_FOUND && !log->read_only) {
		log->parent_dirty = log->dir_dirty = true;
		code = fs_mkdir(log->dir, err);
	} else if (code && err) {
		*err = inner;
	}
	for (size_t i = 0; i < list.swap_count && !code && !log->read_only; i++) {
		code = finish_swap(&list, list.swaps[i], err);
	}
	for (size_t i = 0; i < list.index_swap_count && !code && !log->read_only; i++) {
		code = unlink_index_swaps(log->dir, list.index_swaps[i], err);
	}
	code = code ? code : take_segments(&list, err);
	mem_free(list.index_swaps);
	mem_free(list.bases);
	mem_free(list.swaps);
	mem_free(list.indexes);
	return code;
}

/*
 * Finds the end of the last segment by its index and the heads behind it. *damaged: it is not as a
 * clean close leaves it; the segment's size is then that of the good part.
 */
static enum weir_code trust(
	struct log *log, bool *damaged, int64_t *end_offset, struct weir_err *err)
{
	struct segment *active = log_active(log);
	struct segment_reader reader;
	struct batch_head head;
	bool got = true;
	int fd;
	*damaged = false;
	*end_offset = active->base_offset;
	enum weir_code code = segment_pin(active, &fd, err);
	if (code) {
		return code;
	}
	int64_t size = atomic_load(&active->size);
	pthread_mutex_lock(&active->index_lock);
	code = segment_index_load(active, log->conf.index_interval_bytes, err);
	size_t count = active->index.count;
	int64_t pos = count ? active->index.entries[count - 1].pos : 0;
	segment_reader_init(&reader, fd, active->path, active->base_offset, pos, size);
	while (!code && got && !*damaged) {
		struct weir_err inner;
		code = segment_reader_head(&reader, &head, &got, &inner);
		if (code == WEIR_CORRUPT_MESSAGE ||
			(!code && got && head.base_offset < *end_offset)) {
			code = WEIR_OK;
			*damaged = true;
		} else if (code && err) {
			*err = inner;
		} else if (!code && got) {
			*end_offset = head.last_offset + 1;
			pos = reader.pos;
			/* The bytes behind the last entry count towards the next one. */
			active->bytes_since_index += (int64_t)head.size;
			if (head.max_timestamp > active->max_timestamp) {
				active->max_timestamp = head.max_timestamp;
				active->max_timestamp_offset = head.last_offset;
			}
		}
	}
	segment_reader_close(&reader);
	pthread_mutex_unlock(&active->index_lock);
	segment_unpin(active);
	if (!code && *damaged && log->read_only) {
		atomic_fetch_sub(&log->size_bytes, size - pos);
		atomic_store(&active->size, pos);
	}
	return code;
}

/* The epoch checkpoint is built from the log when it cannot be read. */
static enum weir_code rebuild_epochs(struct log *log, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < log->segment_count && !code; i++) {
		struct segment *segment = log->segments[i];
		struct segment_reader reader;
		struct batch_head head;
		bool got = true;
		int fd;
		if (!segment->exists) {
			continue;
		}
		code = segment_pin(segment, &fd, err);
		if (code) {
			return code;
		}
		segment_reader_init(&reader, fd, segment->path, segment->base_offset, 0,
			atomic_load(&segment->size));
		while (!code && got) {
			code = segment_reader_head(&reader, &head, &got, err);
			if (code == WEIR_CORRUPT_MESSAGE) {
				got = true;
				code = segment_reader_resync(
					&reader, segment->base_offset, INT64_MAX, err);
			} else if (!code && got) {
				leader_epochs_assign(
					&log->epochs, head.leader_epoch, head.base_offset);
			}
		}
		segment_reader_close(&reader);
		segment_unpin(segment);
	}
	if (!code && !log->read_only) {
		code = leader_epochs_write(log->dir, &log->epochs, err);
	}
	return code;
}

/* *known: the file was there and could be read. */
static enum weir_code read_epochs(struct log *log, bool *known, struct weir_err *err)
{
	struct buf text;
	struct weir_err inner;
	char *path = mem_printf("%s/%s", log->dir, LEADER_EPOCHS_FILE);
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, 1 << 26, &text, &inner);
	buf_fini(&text);
	mem_free(path);
	*known = code == WEIR_OK;
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	code = leader_epochs_read(log->dir, &log->epochs, &inner);
	if (code == WEIR_LOCAL_CORRUPT || code == WEIR_TOO_LARGE) {
		log_line(LOG_WARN, "%s: built again from the log", inner.text);
		*known = false;
		return WEIR_OK;
	}
	if (code && err) {
		*err = inner;
	}
	return code;
}

/* An empty segment at base becomes the active one. */
static void begin_at(struct log *log, int64_t base)
{
	struct segment *segment = segment_new(log->dir, base, !log->read_only);
	segment->index_loaded = segment->txns_loaded = true;
	segment->first_timestamp = -1;
	log_segments_add(log, segment);
}

/* The log may not go on below floor: offsets there were given before. */
static enum weir_code lift_end(
	struct log *log, int64_t floor, int64_t *end_offset, struct weir_err *err)
{
	struct segment *active = log_active(log);
	if (*end_offset >= floor) {
		return WEIR_OK;
	}
	log_line(LOG_WARN, "%s ends at offset %lld, but %lld was reached before: goes on there",
		log->dir, (long long)*end_offset, (long long)floor);
	if (atomic_load(&active->size) == 0) {
		enum weir_code code = log->read_only ? WEIR_OK : segment_remove(active, err);
		if (code) {
			return code;
		}
		log_segments_cut(log, log->segment_count - 1, 1);
		segment_unref(active);
	} else if (!log->read_only) {
		log_seal(log, active);
	}
	begin_at(log, floor);
	*end_offset = floor;
	return WEIR_OK;
}

static enum weir_code find_end(
	struct log *log, const struct log_start *start, int64_t *end_offset, struct weir_err *err)
{
	bool unclean = !start->clean, damaged = false, epochs_known;
	enum weir_code code = read_epochs(log, &epochs_known, err);
	if (code) {
		return code;
	}
	bool empty = log->segment_count == 0;
	int64_t floor = start->log_start_offset;
	if (unclean && !log->read_only && start->recovery_point > floor) {
		floor = start->recovery_point;
	}
	if (empty) {
		begin_at(log, floor);
		*end_offset = floor;
	} else if (unclean && !log->read_only) {
		code = log_recover(log, start->recovery_point, end_offset, err);
	} else {
		code = trust(log, &damaged, end_offset, err);
		if (!code && damaged && !log->read_only) {
			log_line(LOG_WARN, "%s is not as a clean stop leaves it: recovering",
				log_active(log)->path);
			code = log_recover(log, start->recovery_point, end_offset, err);
		}
	}
	code = code ? code : lift_end(log, floor, end_offset, err);
	if (!code && !epochs_known && !empty) {
		code = rebuild_epochs(log, err);
	}
	if (!code && leader_epochs_truncate(&log->epochs, *end_offset + 1) && !log->read_only) {
		code = leader_epochs_write(log->dir, &log->epochs, err);
	}
	return code;
}

enum weir_code log_open(const char *dir, const struct log_conf *conf, const struct log_start *start,
	struct log **out, struct weir_err *err)
{
	struct log *log = mem_new(sizeof(*log));
	int64_t end_offset = 0;
	log->dir = mem_dup_str(dir);
	for (size_t len = strlen(dir); len > 1 && log->dir[len - 1] == '/'; len--) {
		log->dir[len - 1] = '\0';
	}
	log->read_only = start->read_only;
	log_conf_take(log, conf);
	pthread_mutex_init(&log->flush_lock, NULL);
	pthread_mutex_init(&log->lock, NULL);
	pthread_mutex_init(&log->view_lock, NULL);
	atomic_store(&log->unflushed_since_ms, -1);
	log->parent_is_synced = start->parent_is_synced;
	if (!start->clean) {
		log->parent_dirty = log->dir_dirty = true;
	}
	producers_init(&log->producers);
	atomic_store(&log->first_unstable, INT64_MAX);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = read_dir(log, err);
	code = code ? code : find_end(log, start, &end_offset, err);
	if (!code) {
		int64_t first = log->segments[0]->base_offset;
		int64_t begin = start->log_start_offset > first ? start->log_start_offset : first;
		atomic_store(&log->start_offset, begin < end_offset ? begin : end_offset);
		atomic_store(&log->end_offset, end_offset);
		atomic_store(&log->flushed_offset, end_offset);
		code = log_producers_open(log, err);
	}
	pthread_mutex_unlock(&log->lock);
	if (code) {
		log_free(&log);
		return code;
	}
	*out = log;
	return WEIR_OK;
}

void log_free(struct log **out)
{
	struct log *log = *out;
	*out = NULL;
	for (size_t i = 0; i < log->segment_count; i++) {
		segment_clear_dirty(log->segments[i]);
		segment_unref(log->segments[i]);
	}
	for (size_t i = 0; i < log->pending_count; i++) {
		mem_free(log->pending[i].path);
	}
	mem_free(log->pending);
	mem_free(log->segments);
	mem_free(log->flush_items);
	leader_epochs_fini(&log->epochs);
	producers_fini(&log->producers);
	producer_changes_fini(&log->changes);
	pthread_mutex_destroy(&log->view_lock);
	pthread_mutex_destroy(&log->lock);
	pthread_mutex_destroy(&log->flush_lock);
	mem_free(log->dir);
	mem_free(log);
}

enum weir_code log_close(struct log **out, struct weir_err *err)
{
	struct log *log = *out;
	enum weir_code code = WEIR_OK;
	if (!log->read_only) {
		code = log_flush(log, err);
		pthread_mutex_lock(&log->lock);
		struct segment *active = log_active(log);
		if (!code && active->exists) {
			log_producers_snapshot(log, log_end_offset(log), true);
			log_seal(log, active);
			code = segment_index_sync(active, err);
			code = code ? code : fs_sync_dir(log->dir, err);
		}
		pthread_mutex_unlock(&log->lock);
	}
	log_free(out);
	return code;
}
