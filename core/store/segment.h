/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading one .log file from batch to batch, read-only: for recovery, look-ups, and the commands.
 *
 * The file is read through a window that grows to the largest batch; a length field is believed
 * only as far as the file goes. Owned by one thread.
 */
#pragma once

#include "core/base/buf.h"
#include "core/record/batch.h"

/* What the first bytes of a batch say. */
struct batch_head {
	int64_t pos; /* in the file */
	size_t size; /* of the whole batch */
	int64_t base_offset, last_offset;
	int64_t max_timestamp; /* -1: none (magic 0) */
	int32_t leader_epoch;  /* -1 for magic 0 and 1 */
	int8_t magic;
	int16_t attributes; /* 0 for magic 0 and 1, as the others are -1 */
	int16_t producer_epoch;
	int64_t producer_id;
	int32_t base_sequence;
};

enum { SEGMENT_WINDOW_BYTES = 4 * 1024 };

struct segment_reader {
	const char *path; /* borrowed */
	int fd;
	bool owns_fd;
	int64_t base_offset;   /* of the file's name */
	int64_t pos, end;      /* next batch; bytes of the file looked at */
	const uint8_t *window; /* in small, or in large when that is too small */
	size_t window_len;
	int64_t window_pos;
	struct buf large;
	uint8_t small[SEGMENT_WINDOW_BYTES]; /* a look at heads allocates nothing */
};

enum { SEGMENT_NAME_DIGITS = 20 };
/* "<20 digits><suffix>" -> base offset; false for other names. suffix as ".log". */
bool segment_name_parse(const char *name, const char *suffix, int64_t *base_offset);

/* path is borrowed until close. Errors: NOT_FOUND, IO, LOCAL_CORRUPT (no regular file, name). */
WEIR_MUST_USE enum weir_code segment_reader_open(
	struct segment_reader *reader, const char *path, struct weir_err *err);
/* On an open file, borrowed; begins at pos and sees end bytes. */
void segment_reader_init(struct segment_reader *reader, int fd, const char *path,
	int64_t base_offset, int64_t pos, int64_t end);
void segment_reader_close(struct segment_reader *reader);

/*
 * Looks at the batch at reader->pos and moves behind it; *got false at the end of the file. Only
 * the head is read. Errors: CORRUPT_MESSAGE (head is nonsense or reaches beyond the end; pos
 * stays), IO.
 */
WEIR_MUST_USE enum weir_code segment_reader_head(
	struct segment_reader *reader, struct batch_head *head, bool *got, struct weir_err *err);
/* As above with the whole batch parsed, borrowed until the next call. The CRC is not checked. */
WEIR_MUST_USE enum weir_code segment_reader_next(struct segment_reader *reader,
	struct batch_head *head, struct batch *batch, bool *got, struct weir_err *err);
/*
 * Past the bad batch at pos (where its length leads, else from byte to byte), finds the next batch
 * with magic 2, a right CRC and offsets inside [least_offset, offset_limit) and stops on it; at the
 * end of the file when there is none. Errors: IO.
 */
WEIR_MUST_USE enum weir_code segment_reader_resync(struct segment_reader *reader,
	int64_t least_offset, int64_t offset_limit, struct weir_err *err);
/* True when all bytes from pos to the end are zero (a preallocated tail). */
WEIR_MUST_USE enum weir_code segment_reader_zero_tail(
	struct segment_reader *reader, bool *zero, struct weir_err *err);

/* One finding of segment_verify. */
struct segment_fault {
	const char *file; /* "00000000000000000000.index" */
	int64_t pos;	  /* byte position in it */
	int64_t offset;	  /* record offset concerned, -1: none */
	const char *text; /* borrowed for the call */
};
struct segment_totals {
	int64_t batches, records, bytes;
	int64_t first_offset, last_offset; /* -1: empty */
	int64_t max_timestamp;
	int64_t faults;
};
/*
 * Checks the .log at path (CRC, sizes, offsets rising and not below the name) and the indexes
 * beside it (bounds, order, each entry against the batch it names; absent ones are no fault). Each
 * fault goes to fault (may be NULL); damage is skipped and counted. Errors: NOT_FOUND, IO; those of
 * fault.
 */
WEIR_MUST_USE enum weir_code segment_verify(const char *path,
	enum weir_code (*fault)(void *arg, const struct segment_fault *fault, struct weir_err *err),
	void *arg, struct segment_totals *totals, struct weir_err *err);
