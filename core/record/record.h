/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the records of a batch, and building batches. */
#pragma once

#include "core/record/batch.h"

/* One record. Slices are borrowed from the batch or the reader's buffer. data NULL = null. */
struct record {
	int64_t offset;
	int64_t timestamp; /* ms; the batch's max_timestamp under append time */
	struct slice key, value;
	int32_t header_count;
	struct slice headers; /* encoded; walk with record_header_next */
	struct slice raw;     /* the record from its length on (magic 2) */
};

struct record_header {
	struct slice key, value; /* value.data NULL = null */
};

struct record_reader {
	const struct batch *batch;
	struct buf unpacked; /* kept between batches */
	struct slice rest;
	int32_t index;	      /* records read */
	int64_t offset_shift; /* magic 0/1: added to the offsets inside a wrapper */
};

void record_reader_init(struct record_reader *reader, size_t cap_bytes);
void record_reader_fini(struct record_reader *reader);
/* Starts on batch (borrowed until the last next); unpacks it. Errors: codec_unpack's. */
WEIR_MUST_USE enum weir_code record_reader_start(
	struct record_reader *reader, const struct batch *batch, struct weir_err *err);
/* *got false after the last record. Magic 0/1 wrapper messages are opened. Errors: CORRUPT_MESSAGE
 * when a length lies, bytes remain after the last record, or the count is wrong. */
WEIR_MUST_USE enum weir_code record_reader_next(
	struct record_reader *reader, struct record *record, bool *got, struct weir_err *err);
/* rest starts as record.headers. Checked by record_reader_next: cannot fail; false at the end. */
bool record_header_next(struct slice *rest, struct record_header *header);

/* Builds one magic 2 batch. Reused after batch_builder_start. */
struct batch_builder {
	struct buf records; /* encoded records, not packed */
	enum codec codec;
	int level;
	int64_t base_timestamp, max_timestamp;
	int32_t count;
};

void batch_builder_init(struct batch_builder *builder, enum codec codec, int level);
void batch_builder_fini(struct batch_builder *builder);
void batch_builder_start(struct batch_builder *builder); /* empties it */
/* Appends one record, offset delta = count so far. Errors: NO_MEMORY; TOO_LARGE past 2 GiB. */
WEIR_MUST_USE enum weir_code batch_builder_add(struct batch_builder *builder, int64_t timestamp,
	struct slice key, struct slice value, const struct record_header *headers,
	size_t header_count, struct weir_err *err);
/* Bytes the batch would have now, unpacked; with_record: if such a record were added. */
size_t batch_builder_size(const struct batch_builder *builder);
/* Appends the batch to out: base offset 0, leader epoch -1, CRC set. producer_id -1: not
 * idempotent. */
WEIR_MUST_USE enum weir_code batch_builder_finish(struct batch_builder *builder,
	int64_t producer_id, int16_t producer_epoch, int32_t base_sequence,
	int16_t extra_attributes, struct buf *out, struct weir_err *err);

/*
 * Appends batch to out as a producer may send it: offsets from 0 without gaps, of no producer or
 * transaction, timestamps its own. Records stay packed as they are unless offsets, timestamps or an
 * old magic force a new batch of the same codec. *count: records in it; 0: nothing was appended (a
 * control batch, or an empty one). The batch's CRC is not checked. Errors: record_reader's,
 * NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code batch_republish(const struct batch *batch,
	struct record_reader *reader, struct buf *out, int32_t *count, struct weir_err *err);

/*
 * Appends record as one encoded record of magic 2 with these deltas; its offset, timestamp and raw
 * are not looked at, headers are copied as they stand. out->failed tells of a failure.
 */
void record_append(struct buf *out, const struct record *record, int64_t timestamp_delta,
	int32_t offset_delta);
