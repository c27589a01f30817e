/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Record batches (magic 2) as they stand on the wire and on disk; magic 0 and 1 can be read.
 *
 *   base_offset i64 @0 | batch_length i32 @8 (bytes after it) | leader_epoch i32 @12 | magic i8 @16
 * | crc u32 @17 (CRC-32C of all from @21) | attributes i16 @21 | last_offset_delta i32 @23 |
 *   base_timestamp i64 @27 | max_timestamp i64 @35 | producer_id i64 @43 | producer_epoch i16 @51 |
 *   base_sequence i32 @53 | record_count i32 @57 | records @61
 *
 * base_offset, batch_length, leader_epoch and magic lie outside the CRC.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/record/codec.h"

enum {
	BATCH_LENGTH_POS = 8,
	BATCH_PREFIX_BYTES = 12, /* base offset and length, not counted in batch_length */
	BATCH_PEEK_BYTES = 17,	 /* enough for batch_peek */
	BATCH_HEADER_BYTES = 61,
};

enum {
	BATCH_CODEC_MASK = 0x07,
	BATCH_APPEND_TIME = 0x08,
	BATCH_TRANSACTIONAL = 0x10,
	BATCH_CONTROL = 0x20,
	BATCH_DELETE_HORIZON = 0x40, /* base_timestamp is the horizon */
};

/*
 * A parsed header. bytes is the whole batch, borrowed. Magic 0/1: one message is a batch; fields
 * they lack are -1 or 0. A packed one (wrapper) has its last record's offset as base_offset and
 * record_count -1.
 */
struct batch {
	struct slice bytes;
	int64_t base_offset;
	int32_t leader_epoch;
	int8_t magic;
	uint32_t crc;
	int16_t attributes;
	int32_t last_offset_delta;
	int64_t base_timestamp, max_timestamp; /* ms */
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
	int32_t record_count;
};

/*
 * Size of the whole batch that begins at bytes (at least BATCH_PEEK_BYTES of them), from its length
 * field alone. Errors: CORRUPT_MESSAGE when the length is below the header of its magic, or magic
 * is not 0..2. size may be larger than bytes.
 */
WEIR_MUST_USE enum weir_code batch_peek(struct slice bytes, size_t *size, struct weir_err *err);

/* Parses the batch at the start of bytes; sizes are checked, the CRC is not. Errors:
 * CORRUPT_MESSAGE. */
WEIR_MUST_USE enum weir_code batch_parse(
	struct slice bytes, struct batch *batch, struct weir_err *err);

/* Errors: CORRUPT_MESSAGE with both sums in the text. Magic 0/1: their CRC-32 (zlib). */
WEIR_MUST_USE enum weir_code batch_check_crc(const struct batch *batch, struct weir_err *err);

static inline int64_t batch_last_offset(const struct batch *batch)
{
	return batch->base_offset + batch->last_offset_delta;
}

static inline enum codec batch_codec(const struct batch *batch)
{
	return (enum codec)(batch->attributes & BATCH_CODEC_MASK);
}

/* In place; bytes is a whole magic 2 batch. The first two need no new CRC. */
void batch_set_base_offset(uint8_t *bytes, int64_t base_offset);
void batch_set_leader_epoch(uint8_t *bytes, int32_t leader_epoch);
/* Sets BATCH_APPEND_TIME and max_timestamp and computes the CRC again. */
void batch_set_append_time(uint8_t *bytes, size_t size, int64_t now_ms);
void batch_update_crc(uint8_t *bytes, size_t size);
/* Sets these and computes the CRC again. */
void batch_set_origin(uint8_t *bytes, size_t size, int16_t attributes, int64_t producer_id,
	int16_t producer_epoch, int32_t base_sequence);
/* Sets both and computes the CRC again. */
void batch_set_timestamps(uint8_t *bytes, size_t size, int16_t attributes, int64_t max_timestamp);

/*
 * Appends a magic 2 batch with batch's header fields (its bytes, magic and crc are not looked at)
 * around records, which are encoded but not packed; the codec is the one in attributes. For
 * compaction and recompression; new batches come from struct batch_builder. On failure out is as
 * before. Errors: NO_MEMORY, TOO_LARGE (out's cap, or 2 GiB).
 */
WEIR_MUST_USE enum weir_code batch_encode(const struct batch *batch, struct slice records,
	int level, struct buf *out, struct weir_err *err);
