/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The producer state of a log over opens, rolls and truncations.
 *
 * Snapshots: one at the base of each segment, written at the roll, and one at the end, written at a
 * clean close. A snapshot has a CRC and can be built again, so it is not fsynced; one that doesn't
 * hold is removed and the one before taken. Snapshots above the end of the log belong to a log that
 * was cut: they go before anything is appended, durably with the next flush.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <fcntl.h>
#include <stdlib.h>

#define SNAPSHOT_SUFFIX ".snapshot"

enum {
	SNAPSHOT_BYTES_MAX = 64 * 1024 * 1024,
	REFILL_BYTES = 1024 * 1024, /* more than clients have under way */
};

struct snapshots {
	int64_t *offsets; /* rise */
	size_t count, room;
};

static enum weir_code list_one(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct snapshots *list = arg;
	int64_t offset;
	(void)err;
	if (!is_dir && segment_name_parse(name, SNAPSHOT_SUFFIX, &offset)) {
		if (list->count == list->room) {
			list->room = list->room ? list->room * 2 : 8;
			list->offsets = mem_grow(list->offsets, list->room, sizeof(int64_t));
		}
		list->offsets[list->count++] = offset;
	}
	return WEIR_OK;
}

static enum weir_code list_snapshots(
	const struct log *log, struct snapshots *list, struct weir_err *err)
{
	*list = (struct snapshots){0};
	/* Names have a fixed number of digits, so their order is that of the offsets. */
	enum weir_code code = fs_list_dir(log->dir, list_one, list, err);
	if (code) {
		mem_free(list->offsets);
		*list = (struct snapshots){0};
	}
	return code;
}

static char *snapshot_path(const struct log *log, int64_t offset)
{
	return mem_printf("%s/%020lld" SNAPSHOT_SUFFIX, log->dir, (long long)offset);
}

static enum weir_code remove_snapshot(struct log *log, int64_t offset, struct weir_err *err)
{
	char *path = snapshot_path(log, offset);
	enum weir_code code = log->read_only ? WEIR_OK : fs_unlink(path, err);
	log->dir_dirty = true;
	mem_free(path);
	return code;
}

/* Errors: LOCAL_CORRUPT, TOO_LARGE, NOT_FOUND, IO; producers is empty then. */
static enum weir_code read_snapshot(
	const struct log *log, int64_t offset, struct producers *producers, struct weir_err *err)
{
	struct buf bytes;
	struct weir_err inner;
	char *path = snapshot_path(log, offset);
	buf_init(&bytes, 0);
	enum weir_code code = fs_read_file(path, SNAPSHOT_BYTES_MAX, &bytes, &inner);
	if (!code) {
		code = producers_decode(producers, slice_of(bytes.data, bytes.len), &inner);
	}
	if (code) {
		code = err_set(err, code, "%s: %s", path, inner.text);
	}
	buf_fini(&bytes);
	mem_free(path);
	return code;
}

enum weir_code log_snapshot_load(struct log *log, int64_t most, struct producers *producers,
	int64_t *offset, struct weir_err *err)
{
	struct snapshots list;
	int64_t start = log_start_offset(log);
	*offset = start;
	enum weir_code code = list_snapshots(log, &list, err);
	for (size_t i = list.count; i-- > 0 && !code;) {
		struct weir_err inner;
		if (list.offsets[i] > most || list.offsets[i] <= start) {
			continue;
		}
		enum weir_code bad = read_snapshot(log, list.offsets[i], producers, &inner);
		if (!bad) {
			*offset = list.offsets[i];
			break;
		}
		if (bad == WEIR_IO) {
			code = bad;
			if (err) {
				*err = inner;
			}
		}
		log_line(LOG_WARN, "%s: not used", inner.text);
		if (bad == WEIR_LOCAL_CORRUPT && !log->read_only) {
			char *path = snapshot_path(log, list.offsets[i]);
			(void)fs_ops()->unlink(path);
			mem_free(path);
		}
	}
	mem_free(list.offsets);
	return code;
}

void log_producers_snapshot(struct log *log, int64_t offset, bool durably)
{
	struct buf bytes;
	struct weir_err err;
	int fd = -1;
	if (offset <= log->snapshot_offset) {
		return;
	}
	char *path = snapshot_path(log, offset);
	buf_init(&bytes, 0);
	producers_encode(&log->producers, &bytes);
	enum weir_code code =
		bytes.failed
			? err_set(&err, WEIR_NO_MEMORY, "no memory for %s", path)
			: fs_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, &err);
	code = code ? code : fs_write_at(fd, path, bytes.data, bytes.len, 0, &err);
	if (!code && durably) {
		code = fs_sync(fd, path, &err);
	}
	fs_close(&fd);
	if (code) {
		log_line(LOG_WARN, "%s: the producer state is built from the log next time",
			err.text);
		(void)fs_ops()->unlink(path);
	} else {
		log->snapshot_offset = offset;
		log->dir_dirty = true;
	}
	buf_fini(&bytes);
	mem_free(path);
}

static bool is_base(const struct log *log, int64_t offset)
{
	size_t low = 0, high = log->segment_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (log->segments[mid]->base_offset < offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low < log->segment_count && log->segments[low]->base_offset == offset;
}

/* Those beyond the log go: above its end, and at or below its start. */
static enum weir_code remove_beyond(struct log *log, struct weir_err *err)
{
	struct snapshots list;
	int64_t start = log_start_offset(log), end = log_end_offset(log);
	enum weir_code code = list_snapshots(log, &list, err);
	for (size_t i = 0; i < list.count && !code; i++) {
		if (list.offsets[i] > end || list.offsets[i] <= start) {
			code = remove_snapshot(log, list.offsets[i], err);
		}
	}
	mem_free(list.offsets);
	return code;
}

/* Of those that are at no segment's base only the newest stays, when it is above the last base. */
static enum weir_code remove_strays(struct log *log, struct weir_err *err)
{
	struct snapshots list;
	int64_t last_base = log_active(log)->base_offset, newest = -1;
	enum weir_code code = list_snapshots(log, &list, err);
	for (size_t i = 0; i < list.count; i++) {
		if (!is_base(log, list.offsets[i])) {
			newest = list.offsets[i];
		}
	}
	for (size_t i = 0; i < list.count && !code; i++) {
		int64_t offset = list.offsets[i];
		if (!is_base(log, offset) && (offset != newest || offset < last_base)) {
			code = remove_snapshot(log, offset, err);
		}
	}
	mem_free(list.offsets);
	return code;
}

/* --- opening --- */

static void take_aborted(void *arg, struct segment *segment, const struct txn_entry *entry)
{
	(void)arg;
	if (segment->recovered) {
		pthread_mutex_lock(&segment->index_lock);
		txn_index_add(&segment->txns, entry);
		pthread_mutex_unlock(&segment->index_lock);
	}
}

/* From the newest snapshot at or below most to the end. */
static enum weir_code build(struct log *log, int64_t most, struct weir_err *err)
{
	int64_t end = log_end_offset(log), from;
	size_t count = log->segment_count;
	producers_clear(&log->producers);
	enum weir_code code = log_snapshot_load(log, most, &log->producers, &from, err);
	log->snapshot_offset = from;
	producers_expire(&log->producers, clock_wall_ms(), log->conf.producer_id_expiration_ms);
	/* As Kafka leaves it: snapshots at the last two bases and at the end. */
	for (size_t i = count > 2 ? count - 2 : 0; i < count && !code && !log->read_only; i++) {
		int64_t base = log->segments[i]->base_offset;
		if (base > from && base < end) {
			code = log_replay(
				log, &log->producers, from, base, take_aborted, NULL, err);
			from = base;
			if (!code) {
				log_producers_snapshot(log, base, false);
			}
		}
	}
	code = code ? code : log_replay(log, &log->producers, from, end, take_aborted, NULL, err);
	if (!code && !log->read_only) {
		log_producers_snapshot(log, end, false);
	}
	if (!code) {
		atomic_store(&log->first_unstable, producers_first_unstable(&log->producers));
	}
	return code;
}

/* Offset of a batch about REFILL_BYTES before the end. */
static enum weir_code refill_from(struct log *log, int64_t *from, struct weir_err *err)
{
	int64_t wanted = REFILL_BYTES;
	size_t i = log->segment_count;
	while (--i > 0 && atomic_load(&log->segments[i]->size) < wanted) {
		wanted -= atomic_load(&log->segments[i]->size);
	}
	struct segment *segment = log->segments[i];
	int64_t pos = atomic_load(&segment->size) - wanted;
	*from = segment->base_offset;
	if (pos <= 0) {
		return WEIR_OK;
	}
	pthread_mutex_lock(&segment->index_lock);
	enum weir_code code = segment_index_load(segment, log->conf.index_interval_bytes, err);
	for (size_t at = segment->index.count; at-- > 0 && !code;) {
		if (segment->index.entries[at].pos <= pos) {
			*from = segment->index.entries[at].offset;
			break;
		}
	}
	pthread_mutex_unlock(&segment->index_lock);
	return code;
}

/*
 * A snapshot has the last batch of a producer only. A client may send up to five again that were
 * under way at the stop: what the end of the log tells of them is taken in.
 */
static enum weir_code refill(struct log *log, struct weir_err *err)
{
	struct producers seen;
	int64_t from;
	if (!producers_count(&log->producers)) {
		return WEIR_OK;
	}
	producers_init(&seen);
	enum weir_code code = refill_from(log, &from, err);
	if (!code && from < log_start_offset(log)) {
		from = log_start_offset(log);
	}
	code = code ? code : log_replay(log, &seen, from, log_end_offset(log), NULL, NULL, err);
	if (!code) {
		producers_refill(&log->producers, &seen);
	}
	producers_fini(&seen);
	return code;
}

enum weir_code log_producers_open(struct log *log, struct weir_err *err)
{
	int64_t most = log_end_offset(log);
	enum weir_code code = remove_beyond(log, err);
	for (size_t i = log->segment_count; i-- > 0;) {
		struct segment *segment = log->segments[i];
		if (segment->recovered) {
			most = segment->base_offset;
			segment->txns_loaded = true;
		}
	}
	code = code ? code : build(log, most, err);
	code = code ? code : remove_strays(log, err);
	for (size_t i = 0; i < log->segment_count && !code; i++) {
		if (log->segments[i]->recovered) {
			code = log_txns_save(log->segments[i], &log->segments[i]->txns, err);
			log->segments[i]->recovered = false;
		}
	}
	struct segment *active = log_active(log);
	code = code ? code : log_txns_load(log, active, log_end_offset(log), err);
	return code ? code : refill(log, err);
}

/* Entries of markers at or above the end go. */
static enum weir_code cut_txns(struct log *log, struct segment *active, struct weir_err *err)
{
	int64_t end = log_end_offset(log);
	pthread_mutex_lock(&active->index_lock);
	if (!active->txns_loaded) {
		char *path = segment_path(active, ".txnindex");
		/* What is wrong with the file comes out when it is loaded. */
		(void)!txn_index_read(path, active->base_offset, &active->txns, NULL);
		mem_free(path);
	}
	size_t before = active->txns.count;
	while (active->txns.count &&
		active->txns.entries[active->txns.count - 1].last_offset >= end) {
		active->txns.count--;
	}
	struct txn_index kept = active->txns;
	bool cut = kept.count != before, loaded = active->txns_loaded;
	if (!loaded) {
		active->txns = (struct txn_index){0};
	}
	pthread_mutex_unlock(&active->index_lock);
	enum weir_code code = cut ? log_txns_save(active, &kept, err) : WEIR_OK;
	if (!loaded) {
		txn_index_fini(&kept);
	}
	return code ? code : log_txns_load(log, active, end, err);
}

enum weir_code log_producers_truncate(struct log *log, struct weir_err *err)
{
	enum weir_code code = remove_beyond(log, err);
	code = code ? code : build(log, log_end_offset(log), err);
	code = code ? code : cut_txns(log, log_active(log), err);
	return code ? code : refill(log, err);
}

/* --- who asks --- */

void log_expire_producers(struct log *log, int64_t now_ms)
{
	pthread_mutex_lock(&log->lock);
	producers_expire(&log->producers, now_ms, log->conf.producer_id_expiration_ms);
	pthread_mutex_unlock(&log->lock);
}

static int id_order(const void *a, const void *b)
{
	const struct producer *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

void log_producers(struct log *log, struct producer **list, size_t *count)
{
	size_t n = 0;
	pthread_mutex_lock(&log->lock);
	*count = producers_count(&log->producers);
	*list = *count ? mem_array(*count, sizeof(**list)) : NULL;
	LIST_EACH(it, &log->producers.by_age)
	{
		(*list)[n++] = *LIST_ENTRY(it, struct producer, by_age);
	}
	pthread_mutex_unlock(&log->lock);
	if (n) {
		qsort(*list, n, sizeof(**list), id_order);
	}
}

enum weir_code log_largest_producer_id(const char *dir, int64_t *id, struct weir_err *err)
{
	struct log_conf conf = log_conf_default;
	struct log_start start = {.read_only = true};
	struct producer *list;
	struct log *log;
	size_t count;
	*id = -1;
	conf.producer_id_expiration_ms = INT64_MAX;
	enum weir_code code = log_open(dir, &conf, &start, &log, err);
	if (code) {
		return code;
	}
	log_producers(log, &list, &count);
	*id = count ? list[count - 1].id : -1;
	mem_free(list);
	return log_close(&log, err);
}
