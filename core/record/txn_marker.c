/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/txn_marker.h"

#include "core/record/record.h"

enum {
	TYPE_ABORT = 0,
	TYPE_COMMIT = 1,
	KEY_BYTES = 4,
	VALUE_BYTES = 6,
	UNPACKED_MAX = 64 * 1024, /* a marker is 20 bytes; nobody packs one */
};

enum weir_code txn_marker_build(const struct txn_marker *marker, int64_t producer_id,
	int16_t producer_epoch, struct buf *out, struct weir_err *err)
{
	uint8_t key[KEY_BYTES], value[VALUE_BYTES];
	struct batch_builder builder;
	be16_put(key, 0);
	be16_put(key + 2, marker->commit ? TYPE_COMMIT : TYPE_ABORT);
	be16_put(value, 0);
	be32_put(value + 2, (uint32_t)marker->coordinator_epoch);
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	enum weir_code code = batch_builder_add(&builder, marker->timestamp,
		slice_of(key, sizeof(key)), slice_of(value, sizeof(value)), NULL, 0, err);
	if (!code) {
		code = batch_builder_finish(&builder, producer_id, producer_epoch, -1,
			BATCH_TRANSACTIONAL | BATCH_CONTROL, out, err);
	}
	batch_builder_fini(&builder);
	return code;
}

enum weir_code txn_marker_parse(
	const struct batch *batch, bool *is_marker, struct txn_marker *marker, struct weir_err *err)
{
	struct record_reader reader;
	struct record record;
	bool got = false;
	*is_marker = false;
	record_reader_init(&reader, UNPACKED_MAX);
	enum weir_code code = record_reader_start(&reader, batch, err);
	code = code ? code : record_reader_next(&reader, &record, &got, err);
	if (!code && got && record.key.data && record.key.len >= KEY_BYTES) {
		uint16_t type = be16_get(record.key.data + 2);
		*is_marker = type == TYPE_ABORT || type == TYPE_COMMIT;
		if (*is_marker && (!record.value.data || record.value.len < VALUE_BYTES)) {
			*is_marker = false;
			code = err_set(err, WEIR_CORRUPT_MESSAGE,
				"end of transaction at offset %lld has no coordinator epoch",
				(long long)batch->base_offset);
		} else if (*is_marker) {
			marker->commit = type == TYPE_COMMIT;
			marker->coordinator_epoch = (int32_t)be32_get(record.value.data + 2);
			marker->timestamp = record.timestamp;
		}
	}
	record_reader_fini(&reader);
	return code == WEIR_TOO_LARGE ? WEIR_CORRUPT_MESSAGE : code;
}
