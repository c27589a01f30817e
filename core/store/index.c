/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Index files: whole in memory, read and written whole. */
#include "core/store/index.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <fcntl.h>

enum { INDEX_FILE_BYTES_MAX = 1 << 30 }; /* an index never outgrows its log of 2 GiB */

static void *room_for_one(void *entries, size_t count, size_t *room, size_t size)
{
	if (count < *room) {
		return entries;
	}
	*room = *room ? *room * 2 : 16;
	return mem_grow(entries, *room, size);
}

/* Whole file into bytes, length checked. *torn: bytes past the last whole entry. */
static enum weir_code read_entries(
	const char *path, size_t entry_bytes, struct buf *bytes, bool *torn, struct weir_err *err)
{
	buf_init(bytes, 0);
	enum weir_code code = fs_read_file(path, INDEX_FILE_BYTES_MAX, bytes, err);
	if (code) {
		return code;
	}
	*torn = bytes->len % entry_bytes != 0;
	bytes->len -= bytes->len % entry_bytes;
	return WEIR_OK;
}

static enum weir_code write_entries(const char *path, const struct buf *bytes, struct weir_err *err)
{
	int fd;
	enum weir_code code =
		fs_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, err);
	if (code) {
		return code;
	}
	if (bytes->len) {
		code = fs_write_at(fd, path, bytes->data, bytes->len, 0, err);
	}
	fs_close(&fd);
	return code;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i]) {
			return false;
		}
	}
	return true;
}

static enum weir_code torn_file(const char *path, size_t count, size_t size, struct weir_err *err)
{
	return err_set(err, WEIR_LOCAL_CORRUPT, "%s: bytes after entry %zu are no multiple of %zu",
		path, count, size);
}

static uint8_t *buf_take(struct buf *bytes, size_t len)
{
	if (!buf_reserve(bytes, len)) {
		return NULL;
	}
	bytes->len += len;
	return bytes->data + bytes->len - len;
}

static enum weir_code no_memory(const char *path, struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory for the entries of %s", path);
}

/* --- .index --- */

void offset_index_fini(struct offset_index *index)
{
	mem_free(index->entries);
	*index = (struct offset_index){0};
}

void offset_index_add(struct offset_index *index, int64_t offset, int64_t pos)
{
	index->entries =
		room_for_one(index->entries, index->count, &index->room, sizeof(*index->entries));
	index->entries[index->count++] = (struct offset_entry){offset, pos};
}

const struct offset_entry *offset_index_find(const struct offset_index *index, int64_t offset)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (index->entries[mid].offset <= offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? &index->entries[low - 1] : NULL;
}

void offset_index_truncate(struct offset_index *index, int64_t offset)
{
	while (index->count && index->entries[index->count - 1].offset >= offset) {
		index->count--;
	}
}

enum weir_code offset_index_read(const char *path, int64_t base_offset, int64_t log_bytes,
	struct offset_index *index, struct weir_err *err)
{
	struct buf bytes;
	bool torn = false;
	*index = (struct offset_index){0};
	enum weir_code code = read_entries(path, OFFSET_ENTRY_BYTES, &bytes, &torn, err);
	for (size_t at = 0; !code && at < bytes.len; at += OFFSET_ENTRY_BYTES) {
		const uint8_t *p = bytes.data + at;
		if (all_zero(p, OFFSET_ENTRY_BYTES) && all_zero(p, bytes.len - at)) {
			break;
		}
		int32_t relative = (int32_t)be32_get(p);
		int32_t pos = (int32_t)be32_get(p + 4);
		const struct offset_entry *last =
			index->count ? &index->entries[index->count - 1] : NULL;
		if (relative < 0 || pos < 0 || pos >= log_bytes ||
			base_offset > INT64_MAX - relative ||
			(last && (base_offset + relative <= last->offset || pos <= last->pos))) {
			code = err_set(err, WEIR_LOCAL_CORRUPT,
				"%s: entry %zu (relative offset %d, position %d) does not rise or "
				"lies beyond the log's %lld bytes",
				path, index->count, relative, pos, (long long)log_bytes);
			break;
		}
		offset_index_add(index, base_offset + relative, pos);
	}
	buf_fini(&bytes);
	return !code && torn ? torn_file(path, index->count, OFFSET_ENTRY_BYTES, err) : code;
}

enum weir_code offset_index_write(const char *path, int64_t base_offset,
	const struct offset_index *index, struct weir_err *err)
{
	struct buf bytes;
	buf_init(&bytes, 0);
	enum weir_code code = WEIR_OK;
	uint8_t *p = buf_take(&bytes, index->count * OFFSET_ENTRY_BYTES);
	if (!p && index->count) {
		code = no_memory(path, err);
	}
	for (size_t i = 0; !code && i < index->count; i++, p += OFFSET_ENTRY_BYTES) {
		be32_put(p, (uint32_t)(index->entries[i].offset - base_offset));
		be32_put(p + 4, (uint32_t)index->entries[i].pos);
	}
	if (!code) {
		code = write_entries(path, &bytes, err);
	}
	buf_fini(&bytes);
	return code;
}

/* --- .timeindex --- */

void time_index_fini(struct time_index *index)
{
	mem_free(index->entries);
	*index = (struct time_index){0};
}

bool time_index_add(struct time_index *index, int64_t timestamp, int64_t offset)
{
	if (timestamp < 0 ||
		(index->count && (index->entries[index->count - 1].timestamp >= timestamp ||
					 index->entries[index->count - 1].offset > offset))) {
		return false;
	}
	index->entries =
		room_for_one(index->entries, index->count, &index->room, sizeof(*index->entries));
	index->entries[index->count++] = (struct time_entry){timestamp, offset};
	return true;
}

const struct time_entry *time_index_find(const struct time_index *index, int64_t timestamp)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (index->entries[mid].timestamp <= timestamp) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? &index->entries[low - 1] : NULL;
}

void time_index_truncate(struct time_index *index, int64_t offset)
{
	while (index->count && index->entries[index->count - 1].offset >= offset) {
		index->count--;
	}
}

enum weir_code time_index_read(
	const char *path, int64_t base_offset, struct time_index *index, struct weir_err *err)
{
	struct buf bytes;
	bool torn = false;
	*index = (struct time_index){0};
	enum weir_code code = read_entries(path, TIME_ENTRY_BYTES, &bytes, &torn, err);
	for (size_t at = 0; !code && at < bytes.len; at += TIME_ENTRY_BYTES) {
		const uint8_t *p = bytes.data + at;
		if (all_zero(p, TIME_ENTRY_BYTES) && all_zero(p, bytes.len - at)) {
			break;
		}
		int64_t timestamp = (int64_t)be64_get(p);
		int32_t relative = (int32_t)be32_get(p + 8);
		/* Kafka forces an entry at a roll: of a segment without timestamps it says -1. */
		if (timestamp == -1 && relative == 0 && bytes.len == TIME_ENTRY_BYTES) {
			break;
		}
		if (relative < 0 || base_offset > INT64_MAX - relative ||
			!time_index_add(index, timestamp, base_offset + relative)) {
			code = err_set(err, WEIR_LOCAL_CORRUPT,
				"%s: entry %zu (timestamp %lld, relative offset %d) does not rise",
				path, index->count, (long long)timestamp, relative);
			break;
		}
	}
	buf_fini(&bytes);
	return !code && torn ? torn_file(path, index->count, TIME_ENTRY_BYTES, err) : code;
}

enum weir_code time_index_write(
	const char *path, int64_t base_offset, const struct time_index *index, struct weir_err *err)
{
	struct buf bytes;
	buf_init(&bytes, 0);
	enum weir_code code = WEIR_OK;
	uint8_t *p = buf_take(&bytes, index->count * TIME_ENTRY_BYTES);
	if (!p && index->count) {
		code = no_memory(path, err);
	}
	for (size_t i = 0; !code && i < index->count; i++, p += TIME_ENTRY_BYTES) {
		be64_put(p, (uint64_t)index->entries[i].timestamp);
		be32_put(p + 8, (uint32_t)(index->entries[i].offset - base_offset));
	}
	if (!code) {
		code = write_entries(path, &bytes, err);
	}
	buf_fini(&bytes);
	return code;
}

/* --- .txnindex --- */

void txn_index_fini(struct txn_index *index)
{
	mem_free(index->entries);
	*index = (struct txn_index){0};
}

void txn_index_add(struct txn_index *index, const struct txn_entry *entry)
{
	index->entries =
		room_for_one(index->entries, index->count, &index->room, sizeof(*index->entries));
	index->entries[index->count++] = *entry;
}

static void txn_entry_put(uint8_t *p, const struct txn_entry *entry)
{
	be16_put(p, (uint16_t)entry->version);
	be64_put(p + 2, (uint64_t)entry->producer_id);
	be64_put(p + 10, (uint64_t)entry->first_offset);
	be64_put(p + 18, (uint64_t)entry->last_offset);
	be64_put(p + 26, (uint64_t)entry->last_stable_offset);
}

static bool txn_entry_fits(
	const struct txn_index *index, const struct txn_entry *entry, int64_t base_offset)
{
	return entry->version == 0 && entry->producer_id >= 0 && entry->first_offset >= 0 &&
	       entry->first_offset <= entry->last_offset && entry->last_offset >= base_offset &&
	       entry->last_stable_offset >= 0 &&
	       (!index->count || index->entries[index->count - 1].last_offset < entry->last_offset);
}

enum weir_code txn_index_read(
	const char *path, int64_t base_offset, struct txn_index *index, struct weir_err *err)
{
	struct buf bytes;
	bool torn = false;
	*index = (struct txn_index){0};
	enum weir_code code = read_entries(path, TXN_ENTRY_BYTES, &bytes, &torn, err);
	for (size_t at = 0; !code && at < bytes.len; at += TXN_ENTRY_BYTES) {
		const uint8_t *p = bytes.data + at;
		struct txn_entry entry = {
			.version = (int16_t)be16_get(p),
			.producer_id = (int64_t)be64_get(p + 2),
			.first_offset = (int64_t)be64_get(p + 10),
			.last_offset = (int64_t)be64_get(p + 18),
			.last_stable_offset = (int64_t)be64_get(p + 26),
		};
		if (!txn_entry_fits(index, &entry, base_offset)) {
			code = err_set(err, WEIR_LOCAL_CORRUPT,
				"%s: entry %zu (version %d, producer %lld, offsets %lld to %lld) "
				"is "
				"out of order or not known",
				path, index->count, entry.version, (long long)entry.producer_id,
				(long long)entry.first_offset, (long long)entry.last_offset);
			break;
		}
		txn_index_add(index, &entry);
	}
	buf_fini(&bytes);
	return !code && torn ? torn_file(path, index->count, TXN_ENTRY_BYTES, err) : code;
}

enum weir_code txn_index_write(
	const char *path, const struct txn_index *index, struct weir_err *err)
{
	struct buf bytes;
	buf_init(&bytes, 0);
	enum weir_code code = WEIR_OK;
	uint8_t *p = buf_take(&bytes, index->count * TXN_ENTRY_BYTES);
	if (!p && index->count) {
		code = no_memory(path, err);
	}
	for (size_t i = 0; !code && i < index->count; i++, p += TXN_ENTRY_BYTES) {
		txn_entry_put(p, &index->entries[i]);
	}
	if (!code) {
		code = write_entries(path, &bytes, err);
	}
	buf_fini(&bytes);
	return code;
}

enum weir_code txn_index_put(
	const char *path, size_t at, const struct txn_entry *entry, struct weir_err *err)
{
	int fd;
	uint8_t bytes[TXN_ENTRY_BYTES];
	int64_t pos = (int64_t)at * TXN_ENTRY_BYTES, size;
	txn_entry_put(bytes, entry);
	enum weir_code code = fs_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, err);
	if (code) {
		return code;
	}
	code = fs_write_at(fd, path, bytes, sizeof(bytes), pos, err);
	code = code ? code : fs_size(fd, path, &size, err);
	if (!code && size > pos + TXN_ENTRY_BYTES) {
		code = fs_truncate(fd, path, pos + TXN_ENTRY_BYTES, err);
	}
	fs_close(&fd);
	return code;
}
