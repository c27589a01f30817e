/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One segment inside a log: its open file, its indexes, and finding a batch in it.
 *
 * Files: a pin opens the file if need be; without pins it stays open in a list of idle ones, the
 * one idle longest closed first, so thousands of partitions fit the process's limit of files.
 *
 * Indexes: what an entry says is never obeyed alone. The batch at its position must be one, and
 * must not begin behind the offset asked for; else the indexes are built again from the log, once
 * an open.
 */
#include "core/store/log_priv.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

static struct {
	pthread_mutex_t lock;
	struct list idle;
	int count, room;
} cache = {PTHREAD_MUTEX_INITIALIZER, {&cache.idle, &cache.idle}, 0, 0};

struct segment *segment_new(const char *dir, int64_t base_offset, bool writable)
{
	struct segment *segment = mem_new(sizeof(*segment));
	segment->dir = mem_dup_str(dir);
	segment->base_offset = base_offset;
	segment->writable = writable;
	segment->path = segment_path(segment, ".log");
	segment->fd = -1;
	list_init(&segment->idle);
	atomic_store(&segment->refs, 1);
	segment->first_timestamp = TIME_UNKNOWN;
	segment->made_ms = clock_wall_ms();
	pthread_mutex_init(&segment->index_lock, NULL);
	segment_index_clear(segment);
	return segment;
}

void segment_ref(struct segment *segment)
{
	atomic_fetch_add(&segment->refs, 1);
}

void segment_unref(struct segment *segment)
{
	if (atomic_fetch_sub(&segment->refs, 1) != 1) {
		return;
	}
	pthread_mutex_lock(&cache.lock);
	WEIR_ASSERT(segment->pins == 0);
	if (!list_empty(&segment->idle)) {
		list_remove(&segment->idle);
		cache.count--;
	}
	fs_close(&segment->fd);
	pthread_mutex_unlock(&cache.lock);
	offset_index_fini(&segment->index);
	time_index_fini(&segment->times);
	txn_index_fini(&segment->txns);
	pthread_mutex_destroy(&segment->index_lock);
	mem_free(segment->path);
	mem_free(segment->dir);
	mem_free(segment);
}

char *segment_path(const struct segment *segment, const char *suffix)
{
	return mem_printf("%s/%020lld%s", segment->dir, (long long)segment->base_offset, suffix);
}

/* A quarter of the files that the process may open. */
static int cache_room(void)
{
	struct rlimit limit;
	if (!cache.room) {
		bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20;
		cache.room = known ? (int)(limit.rlim_cur / 4) : 16384;
	}
	return cache.room;
}

enum weir_code segment_pin(struct segment *segment, int *fd, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	pthread_mutex_lock(&cache.lock);
	if (segment->fd < 0) {
		int flags = segment->writable ? O_RDWR : O_RDONLY;
		code = fs_open(
			segment->path, flags | O_NOFOLLOW | O_NONBLOCK, 0, &segment->fd, err);
	} else if (!list_empty(&segment->idle)) {
		list_remove(&segment->idle);
		cache.count--;
	}
	if (!code) {
		segment->pins++;
		*fd = segment->fd;
	}
	pthread_mutex_unlock(&cache.lock);
	return code;
}

void segment_unpin(struct segment *segment)
{
	pthread_mutex_lock(&cache.lock);
	WEIR_ASSERT(segment->pins > 0);
	if (--segment->pins == 0) {
		list_append(&cache.idle, &segment->idle);
		cache.count++;
		if (cache.count > cache_room()) {
			struct segment *old = LIST_ENTRY(cache.idle.next, struct segment, idle);
			list_remove(&old->idle);
			cache.count--;
			fs_close(&old->fd);
		}
	}
	pthread_mutex_unlock(&cache.lock);
}

enum weir_code segment_make(
	struct segment *segment, int64_t preallocate_bytes, struct weir_err *err)
{
	int fd;
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
	enum weir_code code = fs_open(segment->path, flags, 0600, &fd, err);
	if (code) {
		return code;
	}
	if (preallocate_bytes > 0) {
		int got = fs_ops()->fallocate(fd, 0, preallocate_bytes);
		if (got < 0 && got != -EOPNOTSUPP) {
			code = err_sys(err, -got, "allocate %s", segment->path);
			fs_close(&fd);
			(void)fs_ops()->unlink(segment->path);
			return code;
		}
	}
	segment_adopt(segment, &fd);
	segment->exists = true;
	return WEIR_OK;
}

void segment_adopt(struct segment *segment, int *fd)
{
	pthread_mutex_lock(&cache.lock);
	segment->fd = *fd;
	*fd = -1;
	list_append(&cache.idle, &segment->idle);
	cache.count++;
	pthread_mutex_unlock(&cache.lock);
}

enum weir_code segment_file_size(struct segment *segment, int64_t *size, struct weir_err *err)
{
	int fd;
	struct stat st;
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	int got = fs_ops()->fstat(fd, &st);
	if (got < 0) {
		code = err_sys(err, -got, "stat %s", segment->path);
	} else if (!S_ISREG(st.st_mode)) {
		code = err_set(err, WEIR_LOCAL_CORRUPT, "%s is no regular file", segment->path);
	} else {
		*size = st.st_size;
	}
	segment_unpin(segment);
	return code;
}

void segment_make_dirty(struct segment *segment)
{
	if (!segment->dirty) {
		pthread_mutex_lock(&cache.lock);
		WEIR_ASSERT(segment->pins > 0);
		segment->pins++;
		pthread_mutex_unlock(&cache.lock);
		segment->dirty = true;
	}
}

void segment_clear_dirty(struct segment *segment)
{
	if (segment->dirty) {
		segment->dirty = false;
		segment_unpin(segment);
	}
}

/* --- indexes --- */

void segment_index_clear(struct segment *segment)
{
	segment->index.count = 0;
	segment->times.count = 0;
	segment->max_timestamp = segment->max_timestamp_offset = -1;
	segment->bytes_since_index = 0;
	segment->hint_offset = segment->hint_pos = -1;
	segment->times_checked = true;
}

void segment_note_batch(
	struct segment *segment, const struct batch_head *head, int32_t interval_bytes)
{
	if (head->max_timestamp > segment->max_timestamp) {
		segment->max_timestamp = head->max_timestamp;
		segment->max_timestamp_offset = head->last_offset;
	}
	if (segment->bytes_since_index > interval_bytes) {
		offset_index_add(&segment->index, head->last_offset, head->pos);
		time_index_add(
			&segment->times, segment->max_timestamp, segment->max_timestamp_offset);
		segment->bytes_since_index = 0;
	}
	segment->bytes_since_index += (int64_t)head->size;
}

static enum weir_code as_corrupt(enum weir_code code, struct weir_err *err)
{
	if (code == WEIR_LOCAL_CORRUPT) {
		if (err) {
			err->code = WEIR_CORRUPT_MESSAGE;
		}
		return WEIR_CORRUPT_MESSAGE;
	}
	return code;
}

enum weir_code segment_index_rebuild(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err)
{
	int fd;
	bool got = true;
	struct segment_reader reader;
	struct batch_head head;
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	segment_index_clear(segment);
	segment_reader_init(
		&reader, fd, segment->path, segment->base_offset, 0, atomic_load(&segment->size));
	int64_t floor = segment->base_offset;
	while (!code && got) {
		struct weir_err inner;
		code = segment_reader_head(&reader, &head, &got, &inner);
		if (!code && got && head.base_offset >= floor) {
			segment_note_batch(segment, &head, interval_bytes);
			floor = head.last_offset + 1;
		} else if (code == WEIR_CORRUPT_MESSAGE || (!code && got)) {
			if (!code) {
				reader.pos = head.pos;
			}
			got = true;
			code = segment_reader_resync(&reader, floor, INT64_MAX, err);
		} else if (code && err) {
			*err = inner;
		}
	}
	segment_reader_close(&reader);
	segment_unpin(segment);
	if (!code) {
		segment->index_loaded = true;
		segment->index_rebuilt = true;
	}
	return as_corrupt(code, err);
}

/* A walk over heads. A length that lies leads past good batches: before is checked when in doubt.
 */
struct walk {
	struct segment_reader reader;
	int64_t floor, limit;
	bool has_before;
	struct batch_head before;
	int64_t before_floor;
	bool damaged;
};

static enum weir_code before_is_sound(struct walk *walk, bool *sound, struct weir_err *err)
{
	struct segment_reader reader;
	struct batch_head head;
	struct batch batch;
	struct weir_err inner;
	bool got;
	segment_reader_init(&reader, walk->reader.fd, walk->reader.path, walk->reader.base_offset,
		walk->before.pos, walk->reader.end);
	enum weir_code code = segment_reader_next(&reader, &head, &batch, &got, &inner);
	code = code ? code : batch_check_crc(&batch, &inner);
	segment_reader_close(&reader);
	*sound = code == WEIR_OK;
	if (code && code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	return WEIR_OK;
}

/* The bytes at pos, or the batch before, are bad: goes on at the next good batch. */
static enum weir_code walk_past(struct walk *walk, int64_t pos, struct weir_err *err)
{
	walk->reader.pos = pos;
	if (walk->has_before) {
		bool sound;
		enum weir_code code = before_is_sound(walk, &sound, err);
		if (code) {
			return code;
		}
		if (!sound) {
			walk->reader.pos = walk->before.pos;
			walk->floor = walk->before_floor;
		}
	}
	walk->has_before = false;
	walk->damaged = true;
	return segment_reader_resync(&walk->reader, walk->floor, walk->limit, err);
}

/*
 * The next batch in place, past damage. *wrong: the first one, where an index led, is none or
 * begins behind offset.
 */
static enum weir_code walk_step(struct walk *walk, int64_t offset, bool from_index,
	struct batch_head *head, bool *got, bool *wrong, struct weir_err *err)
{
	for (;;) {
		struct weir_err inner;
		int64_t pos = walk->reader.pos;
		enum weir_code code = segment_reader_head(&walk->reader, head, got, &inner);
		if (code && code != WEIR_CORRUPT_MESSAGE) {
			if (err) {
				*err = inner;
			}
			return code;
		}
		bool sane = !code && *got && head->base_offset >= walk->floor &&
			    head->last_offset < walk->limit;
		if (from_index && (code || *got) && (!sane || head->base_offset > offset)) {
			*wrong = true;
			return WEIR_OK;
		}
		if (sane && (!walk->has_before || head->base_offset == walk->floor)) {
			return WEIR_OK;
		}
		if (sane || (!code && !*got)) {
			bool sound = true;
			code = walk->has_before ? before_is_sound(walk, &sound, err) : WEIR_OK;
			if (code || sound) {
				return code;
			}
		}
		code = walk_past(walk, pos, err);
		if (code) {
			return code;
		}
	}
}

/* Steps to the first batch with a last offset >= offset. *wrong as in walk_step. */
static enum weir_code walk_to(struct walk *walk, struct segment *segment, int64_t offset,
	bool from_index, struct batch_head *head, bool *got, bool *wrong, struct weir_err *err)
{
	enum weir_code code;
	*wrong = false;
	for (;;) {
		code = walk_step(walk, offset, from_index, head, got, wrong, err);
		from_index = false;
		if (code || *wrong || !*got || head->last_offset >= offset) {
			break;
		}
		walk->has_before = true;
		walk->before = *head;
		walk->before_floor = walk->floor;
		walk->floor = head->last_offset + 1;
		walk->damaged = false;
	}
	bool lost = walk->damaged && (!*got || head->base_offset > offset);
	if (!code && !*wrong && lost) {
		*got = false;
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"offset %lld lies in a damaged range of %s", (long long)offset,
			segment->path);
	}
	return as_corrupt(code, err);
}

static enum weir_code walk(struct segment *segment, int fd, int64_t size, int64_t limit,
	int64_t pos, int64_t offset, struct batch_head *head, bool *got, bool *wrong,
	struct weir_err *err)
{
	struct walk walk = {.floor = segment->base_offset, .limit = limit};
	segment_reader_init(&walk.reader, fd, segment->path, segment->base_offset, pos, size);
	enum weir_code code = walk_to(&walk, segment, offset, pos > 0, head, got, wrong, err);
	segment_reader_close(&walk.reader);
	return code;
}

enum weir_code segment_locate_past(struct segment *segment, int fd, int64_t size, int64_t limit,
	int64_t pos, int64_t offset, struct batch_head *head, bool *got, struct weir_err *err)
{
	struct walk walk = {.floor = segment->base_offset, .limit = limit, .damaged = true};
	bool wrong;
	*got = false;
	segment_reader_init(&walk.reader, fd, segment->path, segment->base_offset, pos, size);
	enum weir_code code = segment_reader_resync(&walk.reader, walk.floor, limit, err);
	code = code ? code : walk_to(&walk, segment, offset, false, head, got, &wrong, err);
	segment_reader_close(&walk.reader);
	return code;
}

/* Does the last time entry name a batch that has this timestamp? Guards retention and look-ups. */
static bool times_hold(struct segment *segment, int fd)
{
	struct batch_head head;
	bool got = false, wrong = false;
	int64_t size = atomic_load(&segment->size);
	if (!segment->times.count) {
		return size == 0;
	}
	const struct time_entry *last = &segment->times.entries[segment->times.count - 1];
	const struct offset_entry *entry = offset_index_find(&segment->index, last->offset);
	enum weir_code code = walk(segment, fd, size, INT64_MAX, entry ? entry->pos : 0,
		last->offset, &head, &got, &wrong, NULL);
	return !code && got && !wrong && head.base_offset <= last->offset &&
	       (head.max_timestamp == last->timestamp || head.magic < 2);
}

static enum weir_code rebuild_files(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err)
{
	enum weir_code code = segment_index_rebuild(segment, interval_bytes, err);
	if (!code && segment->writable) {
		time_index_add(
			&segment->times, segment->max_timestamp, segment->max_timestamp_offset);
		segment_index_save(segment);
		code = segment_index_sync(segment, err);
	}
	return code;
}

enum weir_code segment_index_load(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err)
{
	if (segment->index_loaded) {
		return WEIR_OK;
	}
	int fd;
	struct weir_err inner;
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	char *index_path = segment_path(segment, ".index");
	char *times_path = segment_path(segment, ".timeindex");
	segment_index_clear(segment);
	offset_index_fini(&segment->index);
	time_index_fini(&segment->times);
	enum weir_code bad = offset_index_read(index_path, segment->base_offset,
		atomic_load(&segment->size), &segment->index, &inner);
	if (!bad) {
		bad = time_index_read(times_path, segment->base_offset, &segment->times, &inner);
	}
	if (!bad && !times_hold(segment, fd)) {
		bad = err_set(&inner, WEIR_LOCAL_CORRUPT,
			"%s does not end with a batch's own timestamp", times_path);
	}
	if (bad) {
		/* Of a segment that was being written, Kafka leaves indexes of zeros: no news. */
		bool told = segment->index.count || segment->times.count || bad == WEIR_NOT_FOUND;
		log_line(told ? LOG_WARN : LOG_DEBUG, "%s: building the indexes again", inner.text);
		code = rebuild_files(segment, interval_bytes, err);
	} else if (segment->times.count) {
		segment->times_checked = false;
		const struct time_entry *last = &segment->times.entries[segment->times.count - 1];
		segment->max_timestamp = last->timestamp;
		segment->max_timestamp_offset = last->offset;
	}
	segment->index_loaded = !code;
	mem_free(times_path);
	mem_free(index_path);
	segment_unpin(segment);
	return code;
}

/* Has a batch behind the last time entry a larger timestamp? */
static enum weir_code times_lack(struct segment *segment, bool *lack, struct weir_err *err)
{
	struct segment_reader reader;
	struct batch_head head;
	struct weir_err inner;
	const struct offset_entry *entry =
		offset_index_find(&segment->index, segment->max_timestamp_offset);
	bool got = true;
	int fd;
	*lack = false;
	enum weir_code code = segment_pin(segment, &fd, err);
	if (code) {
		return code;
	}
	segment_reader_init(&reader, fd, segment->path, segment->base_offset,
		entry ? entry->pos : 0, atomic_load(&segment->size));
	while (!code && got && !*lack) {
		code = segment_reader_head(&reader, &head, &got, &inner);
		*lack = code == WEIR_CORRUPT_MESSAGE ||
			(!code && got && head.max_timestamp > segment->max_timestamp);
	}
	segment_reader_close(&reader);
	segment_unpin(segment);
	if (code && code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	return WEIR_OK;
}

enum weir_code segment_times_load(
	struct segment *segment, int32_t interval_bytes, struct weir_err *err)
{
	bool lack;
	enum weir_code code = segment_index_load(segment, interval_bytes, err);
	if (code || segment->times_checked) {
		return code;
	}
	code = times_lack(segment, &lack, err);
	if (!code && lack) {
		log_line(LOG_WARN, "%s: its time index lacks entries: building the indexes again",
			segment->path);
		code = rebuild_files(segment, interval_bytes, err);
	}
	segment->times_checked = !code;
	return code;
}

void segment_index_save(struct segment *segment)
{
	struct weir_err inner;
	char *index_path = segment_path(segment, ".index");
	char *times_path = segment_path(segment, ".timeindex");
	enum weir_code code =
		offset_index_write(index_path, segment->base_offset, &segment->index, &inner);
	if (!code) {
		code = time_index_write(times_path, segment->base_offset, &segment->times, &inner);
	}
	if (code) {
		log_line(LOG_WARN, "%s: left without indexes, they are built again when needed",
			inner.text);
		(void)fs_ops()->unlink(index_path);
		(void)fs_ops()->unlink(times_path);
	}
	mem_free(times_path);
	mem_free(index_path);
}

static enum weir_code sync_file(const char *path, struct weir_err *err)
{
	int fd;
	struct weir_err inner;
	enum weir_code code = fs_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, &fd, &inner);
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	code = fs_sync(fd, path, err);
	fs_close(&fd);
	return code;
}

enum weir_code segment_index_sync(struct segment *segment, struct weir_err *err)
{
	static const char *const suffixes[] = {".index", ".timeindex", ".txnindex"};
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && !code; i++) {
		char *path = segment_path(segment, suffixes[i]);
		code = sync_file(path, err);
		mem_free(path);
	}
	return code;
}

/* Where to begin the walk to offset. rebuild: build the index first. */
static enum weir_code start_pos(struct segment *segment, int64_t offset, int32_t interval_bytes,
	bool rebuild, int64_t *pos, struct weir_err *err)
{
	*pos = 0;
	pthread_mutex_lock(&segment->index_lock);
	enum weir_code code = rebuild ? segment_index_rebuild(segment, interval_bytes, err)
				      : segment_index_load(segment, interval_bytes, err);
	if (!code) {
		const struct offset_entry *entry = offset_index_find(&segment->index, offset);
		if (entry) {
			*pos = entry->pos;
		}
		if (segment->hint_offset >= 0 && segment->hint_offset <= offset &&
			segment->hint_pos > *pos) {
			*pos = segment->hint_pos;
		}
	}
	pthread_mutex_unlock(&segment->index_lock);
	return code;
}

enum weir_code segment_locate(struct segment *segment, int fd, int64_t size, int64_t limit,
	int64_t offset, int32_t interval_bytes, struct batch_head *head, bool *got,
	struct weir_err *err)
{
	bool wrong;
	int64_t pos;
	enum weir_code code = start_pos(segment, offset, interval_bytes, false, &pos, err);
	if (code) {
		return code;
	}
	code = walk(segment, fd, size, limit, pos, offset, head, got, &wrong, err);
	if (!wrong) {
		return code;
	}
	pthread_mutex_lock(&segment->index_lock);
	bool rebuilt = segment->index_rebuilt;
	pthread_mutex_unlock(&segment->index_lock);
	if (!rebuilt) {
		log_line(LOG_WARN, "%s: the index does not fit the log", segment->path);
		code = start_pos(segment, offset, interval_bytes, true, &pos, err);
		if (!code) {
			code = walk(segment, fd, size, limit, pos, offset, head, got, &wrong, err);
		}
		if (code || !wrong) {
			return code;
		}
	}
	/* The log itself is damaged about there: from its start, past the damage. */
	return walk(segment, fd, size, limit, 0, offset, head, got, &wrong, err);
}
