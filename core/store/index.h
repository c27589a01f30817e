/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index files beside a segment, in Kafka's form. All numbers big-endian, offsets relative to
 * the segment's base offset where i32.
 *
 *   .index      8 bytes:  offset i32 | pos i32         last offset of the batch that begins at pos
 *   .timeindex 12 bytes:  timestamp i64 | offset i32   largest timestamp so far, last offset of its
 * batch .txnindex  34 bytes:  version i16 (0) | producer_id | first_offset | last_offset |
 * last_stable_offset
 *
 * An index is a cache. Reading one checks its bounds and order and stops at a preallocated tail of
 * zeros; what the entries say is checked against the log by whoever uses them. Owned by one thread
 * at a time.
 */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

enum { OFFSET_ENTRY_BYTES = 8, TIME_ENTRY_BYTES = 12, TXN_ENTRY_BYTES = 34 };

struct offset_entry {
	int64_t offset;
	int64_t pos;
};
struct offset_index {
	struct offset_entry *entries; /* both numbers rise */
	size_t count, room;
};

struct time_entry {
	int64_t timestamp;
	int64_t offset;
};
struct time_index {
	struct time_entry *entries; /* timestamps rise, offsets never fall */
	size_t count, room;
};

struct txn_entry {
	int16_t version;
	int64_t producer_id;
	int64_t first_offset, last_offset, last_stable_offset;
};
struct txn_index {
	struct txn_entry *entries; /* aborted transactions, last offsets rise */
	size_t count, room;
};

void offset_index_fini(struct offset_index *index);
void offset_index_add(struct offset_index *index, int64_t offset, int64_t pos);
/* Entry with the largest offset <= asked; NULL when there is none. Borrowed until the next add. */
const struct offset_entry *offset_index_find(const struct offset_index *index, int64_t offset);
/* Drops entries of offsets >= offset. */
void offset_index_truncate(struct offset_index *index, int64_t offset);
/*
 * Reads path; log_bytes bounds the positions. Errors: NOT_FOUND, LOCAL_CORRUPT (entry and numbers
 * named), IO. index is filled up to the first bad entry even then.
 */
WEIR_MUST_USE enum weir_code offset_index_read(const char *path, int64_t base_offset,
	int64_t log_bytes, struct offset_index *index, struct weir_err *err);
/* Writes path anew (not fsynced). Errors: IO, NO_SPACE. */
WEIR_MUST_USE enum weir_code offset_index_write(const char *path, int64_t base_offset,
	const struct offset_index *index, struct weir_err *err);

void time_index_fini(struct time_index *index);
/* Adds when timestamp is above the last entry's; false when it was left out. */
bool time_index_add(struct time_index *index, int64_t timestamp, int64_t offset);
/* Entry with the largest timestamp <= asked; NULL when there is none. */
const struct time_entry *time_index_find(const struct time_index *index, int64_t timestamp);
void time_index_truncate(struct time_index *index, int64_t offset);
WEIR_MUST_USE enum weir_code time_index_read(
	const char *path, int64_t base_offset, struct time_index *index, struct weir_err *err);
WEIR_MUST_USE enum weir_code time_index_write(const char *path, int64_t base_offset,
	const struct time_index *index, struct weir_err *err);

void txn_index_fini(struct txn_index *index);
void txn_index_add(struct txn_index *index, const struct txn_entry *entry);
WEIR_MUST_USE enum weir_code txn_index_read(
	const char *path, int64_t base_offset, struct txn_index *index, struct weir_err *err);
WEIR_MUST_USE enum weir_code txn_index_write(
	const char *path, const struct txn_index *index, struct weir_err *err);
/* Writes entry number at of the file at path (made if absent, not fsynced), which then ends. */
WEIR_MUST_USE enum weir_code txn_index_put(
	const char *path, size_t at, const struct txn_entry *entry, struct weir_err *err);
