/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checking a segment file and the indexes beside it. The batches are read once; their places are
 * kept (24 bytes each) and the index entries held against them.
 */
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/index.h"
#include "core/store/segment.h"

#include <stdarg.h>
#include <stdio.h>

struct place {
	int64_t pos, base_offset, last_offset, max_timestamp;
};

struct verify {
	enum weir_code (*fault)(void *arg, const struct segment_fault *fault, struct weir_err *err);
	void *arg;
	struct segment_totals *totals;
	struct place *places;
	size_t count, room;
};

static enum weir_code report(struct verify *verify, const char *file, int64_t pos, int64_t offset,
	struct weir_err *err, const char *fmt, ...) WEIR_PRINTF(6, 7);

static enum weir_code report(struct verify *verify, const char *file, int64_t pos, int64_t offset,
	struct weir_err *err, const char *fmt, ...)
{
	char text[sizeof(((struct weir_err *)NULL)->text)];
	const char *slash = strrchr(file, '/');
	va_list args;
	verify->totals->faults++;
	if (!verify->fault) {
		return WEIR_OK;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	struct segment_fault fault = {slash ? slash + 1 : file, pos, offset, text};
	return verify->fault(verify->arg, &fault, err);
}

static void add_place(struct verify *verify, const struct batch_head *head, int32_t records)
{
	struct segment_totals *totals = verify->totals;
	if (verify->count == verify->room) {
		verify->room = verify->room ? verify->room * 2 : 64;
		verify->places = mem_grow(verify->places, verify->room, sizeof(*verify->places));
	}
	verify->places[verify->count++] = (struct place){
		head->pos, head->base_offset, head->last_offset, head->max_timestamp};
	totals->batches++;
	totals->records += records > 0 ? records : 0;
	totals->first_offset = totals->first_offset < 0 ? head->base_offset : totals->first_offset;
	totals->last_offset = head->last_offset;
	if (head->max_timestamp > totals->max_timestamp) {
		totals->max_timestamp = head->max_timestamp;
	}
}

/* One batch from reader. *got false at the end. */
static enum weir_code verify_batch(
	struct verify *verify, struct segment_reader *reader, bool *got, struct weir_err *err)
{
	struct batch_head head;
	struct batch batch;
	struct weir_err inner;
	bool zero = false;
	int64_t pos = reader->pos;
	int64_t floor = verify->count ? verify->places[verify->count - 1].last_offset + 1
				      : reader->base_offset;
	enum weir_code code = segment_reader_next(reader, &head, &batch, got, &inner);
	if (!code && !*got) {
		return WEIR_OK;
	}
	if (!code && head.base_offset < floor) {
		code = report(verify, reader->path, pos, head.base_offset, err,
			"batch of offsets %lld to %lld, %lld was expected or more",
			(long long)head.base_offset, (long long)head.last_offset, (long long)floor);
		return code;
	}
	if (!code && batch_check_crc(&batch, &inner)) {
		/* Its length may be what is wrong: the next good batch is looked for. */
		code = report(verify, reader->path, pos, head.base_offset, err, "%s", inner.text);
		reader->pos = pos;
		return code ? code : segment_reader_resync(reader, floor, INT64_MAX, err);
	}
	if (!code) {
		add_place(verify, &head, batch.record_count);
		return WEIR_OK;
	}
	if (code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	*got = true;
	code = segment_reader_zero_tail(reader, &zero, err);
	if (!code && zero) {
		*got = false; /* a preallocated tail is no fault */
		return WEIR_OK;
	}
	code = code ? code : report(verify, reader->path, pos, -1, err, "%s", inner.text);
	return code ? code : segment_reader_resync(reader, floor, INT64_MAX, err);
}

/* The batch that begins at pos; NULL when none does. */
static const struct place *place_at(const struct verify *verify, int64_t pos)
{
	size_t low = 0, high = verify->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (verify->places[mid].pos < pos) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low < verify->count && verify->places[low].pos == pos ? &verify->places[low] : NULL;
}

/* The batch that holds offset; NULL when none does. */
static const struct place *place_of(const struct verify *verify, int64_t offset)
{
	size_t low = 0, high = verify->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (verify->places[mid].last_offset < offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	bool holds = low < verify->count && verify->places[low].base_offset <= offset;
	return holds ? &verify->places[low] : NULL;
}

/* A file that cannot be read as an index is a fault; one that is absent is none. */
static enum weir_code index_read_fault(struct verify *verify, const char *path, int64_t pos,
	enum weir_code code, const struct weir_err *inner, struct weir_err *err)
{
	if (!code || code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code != WEIR_LOCAL_CORRUPT) {
		if (err) {
			*err = *inner;
		}
		return code;
	}
	return report(verify, path, pos, -1, err, "%s", inner->text);
}

static enum weir_code verify_index(struct verify *verify, const char *path, int64_t base_offset,
	int64_t log_bytes, struct weir_err *err)
{
	struct offset_index index;
	struct weir_err inner;
	enum weir_code read = offset_index_read(path, base_offset, log_bytes, &index, &inner);
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < index.count && !code; i++) {
		const struct offset_entry *entry = &index.entries[i];
		const struct place *place = place_at(verify, entry->pos);
		int64_t at = (int64_t)i * OFFSET_ENTRY_BYTES;
		if (!place) {
			code = report(verify, path, at, entry->offset, err,
				"no batch begins at byte %lld of the log", (long long)entry->pos);
		} else if (place->last_offset > entry->offset ||
			   place->base_offset > entry->offset) {
			code = report(verify, path, at, entry->offset, err,
				"the batch at byte %lld ends at offset %lld", (long long)entry->pos,
				(long long)place->last_offset);
		}
	}
	if (!code) {
		code = index_read_fault(
			verify, path, (int64_t)index.count * OFFSET_ENTRY_BYTES, read, &inner, err);
	}
	offset_index_fini(&index);
	return code;
}

static enum weir_code verify_times(
	struct verify *verify, const char *path, int64_t base_offset, struct weir_err *err)
{
	struct time_index times;
	struct weir_err inner;
	enum weir_code read = time_index_read(path, base_offset, &times, &inner);
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < times.count && !code; i++) {
		const struct time_entry *entry = &times.entries[i];
		const struct place *place = place_of(verify, entry->offset);
		int64_t at = (int64_t)i * TIME_ENTRY_BYTES;
		if (!place) {
			code = report(verify, path, at, entry->offset, err,
				"no batch holds offset %lld", (long long)entry->offset);
		} else if (place->max_timestamp != entry->timestamp) {
			code = report(verify, path, at, entry->offset, err,
				"timestamp %lld, the batch's largest is %lld",
				(long long)entry->timestamp, (long long)place->max_timestamp);
		}
	}
	if (!code) {
		code = index_read_fault(
			verify, path, (int64_t)times.count * TIME_ENTRY_BYTES, read, &inner, err);
	}
	time_index_fini(&times);
	return code;
}

static enum weir_code verify_txns(
	struct verify *verify, const char *path, int64_t base_offset, struct weir_err *err)
{
	struct txn_index txns;
	struct weir_err inner;
	enum weir_code read = txn_index_read(path, base_offset, &txns, &inner);
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < txns.count && !code; i++) {
		if (txns.entries[i].last_offset > verify->totals->last_offset) {
			code = report(verify, path, (int64_t)i * TXN_ENTRY_BYTES,
				txns.entries[i].last_offset, err, "the log ends at offset %lld",
				(long long)verify->totals->last_offset);
		}
	}
	if (!code) {
		code = index_read_fault(
			verify, path, (int64_t)txns.count * TXN_ENTRY_BYTES, read, &inner, err);
	}
	txn_index_fini(&txns);
	return code;
}

enum weir_code segment_verify(const char *path,
	enum weir_code (*fault)(void *arg, const struct segment_fault *fault, struct weir_err *err),
	void *arg, struct segment_totals *totals, struct weir_err *err)
{
	struct segment_reader reader;
	struct verify verify = {.fault = fault, .arg = arg, .totals = totals};
	bool got = true;
	*totals =
		(struct segment_totals){.first_offset = -1, .last_offset = -1, .max_timestamp = -1};
	enum weir_code code = segment_reader_open(&reader, path, err);
	if (code) {
		return code;
	}
	totals->bytes = reader.end;
	while (!code && got) {
		code = verify_batch(&verify, &reader, &got, err);
	}
	int stem = (int)(strlen(path) - strlen(".log"));
	char *index = mem_printf("%.*s.index", stem, path);
	char *times = mem_printf("%.*s.timeindex", stem, path);
	char *txns = mem_printf("%.*s.txnindex", stem, path);
	code = code ? code : verify_index(&verify, index, reader.base_offset, reader.end, err);
	code = code ? code : verify_times(&verify, times, reader.base_offset, err);
	code = code ? code : verify_txns(&verify, txns, reader.base_offset, err);
	mem_free(txns);
	mem_free(times);
	mem_free(index);
	mem_free(verify.places);
	segment_reader_close(&reader);
	return code;
}
