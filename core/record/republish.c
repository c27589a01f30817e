/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stored batch as a producer may send it again. */
#include "core/base/mem.h"
#include "core/record/record.h"

/* Whether producers may send batches like it but for their producer's numbers. */
static bool is_sendable(const struct batch *batch)
{
	return batch->magic == 2 && batch->record_count == batch->last_offset_delta + 1 &&
	       !(batch->attributes & (BATCH_APPEND_TIME | BATCH_CONTROL));
}

/* Copies it with its records untouched, so that nothing is unpacked. */
static enum weir_code copy(const struct batch *batch, struct buf *out, struct weir_err *err)
{
	size_t start = out->len;
	if (!buf_reserve(out, batch->bytes.len)) {
		out->failed = false;
		return err_set(err, WEIR_NO_MEMORY, "no memory for a batch of %zu bytes",
			batch->bytes.len);
	}
	buf_add(out, batch->bytes.data, batch->bytes.len);
	uint8_t *bytes = out->data + start;
	batch_set_base_offset(bytes, 0);
	batch_set_leader_epoch(bytes, -1);
	int16_t dropped = BATCH_TRANSACTIONAL | BATCH_DELETE_HORIZON;
	if (batch->producer_id != -1 || batch->producer_epoch != -1 || batch->base_sequence != -1 ||
		(batch->attributes & dropped)) {
		batch_set_origin(bytes, batch->bytes.len, (int16_t)(batch->attributes & ~dropped),
			-1, -1, -1);
	}
	return WEIR_OK;
}

static enum weir_code rebuild(const struct batch *batch, struct record_reader *reader,
	struct buf *out, int32_t *count, struct weir_err *err)
{
	struct batch_builder builder;
	struct record_header *headers = NULL;
	struct record record;
	bool got = true;
	enum codec codec = batch_codec(batch);
	enum weir_code code = record_reader_start(reader, batch, err);
	batch_builder_init(&builder, codec, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	while (code == WEIR_OK) {
		code = record_reader_next(reader, &record, &got, err);
		if (code != WEIR_OK || !got) {
			break;
		}
		size_t have = 0;
		headers = mem_grow(headers, (size_t)record.header_count + 1, sizeof(*headers));
		while (record_header_next(&record.headers, &headers[have])) {
			have++;
		}
		code = batch_builder_add(
			&builder, record.timestamp, record.key, record.value, headers, have, err);
	}
	*count = builder.count;
	if (code == WEIR_OK && builder.count) {
		code = batch_builder_finish(&builder, -1, -1, -1, 0, out, err);
	}
	mem_free(headers);
	batch_builder_fini(&builder);
	return code;
}

enum weir_code batch_republish(const struct batch *batch, struct record_reader *reader,
	struct buf *out, int32_t *count, struct weir_err *err)
{
	*count = 0;
	if (batch->attributes & BATCH_CONTROL) {
		return WEIR_OK;
	}
	if (is_sendable(batch)) {
		*count = batch->record_count;
		return copy(batch, out, err);
	}
	return rebuild(batch, reader, out, count, err);
}
