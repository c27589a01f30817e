/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/batch.h"

#include "core/base/crc32c.h"
#include "core/record/legacy_priv.h"

enum {
	LEADER_EPOCH_POS = 12,
	MAGIC_POS = 16,
	CRC_POS = 17,
	ATTRIBUTES_POS = 21,
	LAST_OFFSET_DELTA_POS = 23,
	BASE_TIMESTAMP_POS = 27,
	MAX_TIMESTAMP_POS = 35,
	PRODUCER_ID_POS = 43,
	PRODUCER_EPOCH_POS = 51,
	BASE_SEQUENCE_POS = 53,
	RECORD_COUNT_POS = 57,
};

enum weir_code batch_peek(struct slice bytes, size_t *size, struct weir_err *err)
{
	static const int32_t least[] = {
		LEGACY_0_BYTES - BATCH_PREFIX_BYTES,
		LEGACY_1_BYTES - BATCH_PREFIX_BYTES,
		BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES,
	};
	if (bytes.len < BATCH_PEEK_BYTES) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"batch cut: %zu bytes, a header begins with %d", bytes.len,
			BATCH_PEEK_BYTES);
	}
	int32_t length = (int32_t)be32_get(bytes.data + BATCH_LENGTH_POS);
	int magic = (int8_t)bytes.data[MAGIC_POS];
	if (length < least[0]) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"batch length %d is below the least of %d", length, least[0]);
	}
	if (magic < 0 || magic > 2) {
		return err_set(
			err, WEIR_CORRUPT_MESSAGE, "batch has magic %d, known are 0 to 2", magic);
	}
	if (length < least[magic]) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"batch length %d is below the least of %d for magic %d", length,
			least[magic], magic);
	}
	*size = (size_t)length + BATCH_PREFIX_BYTES;
	return WEIR_OK;
}

enum weir_code batch_parse(struct slice bytes, struct batch *batch, struct weir_err *err)
{
	size_t size;
	enum weir_code code = batch_peek(bytes, &size, err);
	if (code) {
		return code;
	}
	if (size > bytes.len) {
		return err_set(
			err, WEIR_CORRUPT_MESSAGE, "batch cut: %zu bytes of %zu", bytes.len, size);
	}
	const uint8_t *p = bytes.data;
	if ((int8_t)p[MAGIC_POS] < 2) {
		return legacy_parse(slice_of(p, size), batch, err);
	}
	*batch = (struct batch){
		.bytes = slice_of(p, size),
		.base_offset = (int64_t)be64_get(p),
		.leader_epoch = (int32_t)be32_get(p + LEADER_EPOCH_POS),
		.magic = (int8_t)p[MAGIC_POS],
		.crc = be32_get(p + CRC_POS),
		.attributes = (int16_t)be16_get(p + ATTRIBUTES_POS),
		.last_offset_delta = (int32_t)be32_get(p + LAST_OFFSET_DELTA_POS),
		.base_timestamp = (int64_t)be64_get(p + BASE_TIMESTAMP_POS),
		.max_timestamp = (int64_t)be64_get(p + MAX_TIMESTAMP_POS),
		.producer_id = (int64_t)be64_get(p + PRODUCER_ID_POS),
		.producer_epoch = (int16_t)be16_get(p + PRODUCER_EPOCH_POS),
		.base_sequence = (int32_t)be32_get(p + BASE_SEQUENCE_POS),
		.record_count = (int32_t)be32_get(p + RECORD_COUNT_POS),
	};
	return WEIR_OK;
}

enum weir_code batch_check_crc(const struct batch *batch, struct weir_err *err)
{
	uint32_t sum;
	if (batch->magic < 2) {
		sum = legacy_crc(batch->bytes);
	} else {
		sum = crc32c(
			0, batch->bytes.data + ATTRIBUTES_POS, batch->bytes.len - ATTRIBUTES_POS);
	}
	if (sum != batch->crc) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"batch at offset %lld: checksum is %08x, its bytes give %08x",
			(long long)batch->base_offset, batch->crc, sum);
	}
	return WEIR_OK;
}

void batch_set_base_offset(uint8_t *bytes, int64_t base_offset)
{
	be64_put(bytes, (uint64_t)base_offset);
}

void batch_set_leader_epoch(uint8_t *bytes, int32_t leader_epoch)
{
	be32_put(bytes + LEADER_EPOCH_POS, (uint32_t)leader_epoch);
}

void batch_set_timestamps(uint8_t *bytes, size_t size, int16_t attributes, int64_t max_timestamp)
{
	be16_put(bytes + ATTRIBUTES_POS, (uint16_t)attributes);
	be64_put(bytes + MAX_TIMESTAMP_POS, (uint64_t)max_timestamp);
	batch_update_crc(bytes, size);
}

void batch_set_append_time(uint8_t *bytes, size_t size, int64_t now_ms)
{
	int attributes = (int16_t)be16_get(bytes + ATTRIBUTES_POS) | BATCH_APPEND_TIME;
	batch_set_timestamps(bytes, size, (int16_t)attributes, now_ms);
}

void batch_set_origin(uint8_t *bytes, size_t size, int16_t attributes, int64_t producer_id,
	int16_t producer_epoch, int32_t base_sequence)
{
	be16_put(bytes + ATTRIBUTES_POS, (uint16_t)attributes);
	be64_put(bytes + PRODUCER_ID_POS, (uint64_t)producer_id);
	be16_put(bytes + PRODUCER_EPOCH_POS, (uint16_t)producer_epoch);
	be32_put(bytes + BASE_SEQUENCE_POS, (uint32_t)base_sequence);
	batch_update_crc(bytes, size);
}

void batch_update_crc(uint8_t *bytes, size_t size)
{
	be32_put(bytes + CRC_POS, crc32c(0, bytes + ATTRIBUTES_POS, size - ATTRIBUTES_POS));
}

enum weir_code batch_encode(const struct batch *batch, struct slice records, int level,
	struct buf *out, struct weir_err *err)
{
	size_t start = out->len;
	bool failed = out->failed;
	if (!buf_reserve(out, BATCH_HEADER_BYTES)) {
		goto no_room;
	}
	out->len += BATCH_HEADER_BYTES;
	enum codec codec = batch_codec(batch);
	if (codec == CODEC_NONE) {
		buf_add(out, records.data, records.len);
		if (out->failed) {
			goto no_room;
		}
	} else {
		enum weir_code code = codec_pack(codec, level, records, out, err);
		if (code) {
			out->len = start;
			return code;
		}
	}
	size_t size = out->len - start;
	if (size - BATCH_PREFIX_BYTES > INT32_MAX) {
		out->len = start;
		return err_set(err, WEIR_TOO_LARGE, "batch of %zu bytes: 2 GiB is the most", size);
	}
	uint8_t *p = out->data + start;
	be64_put(p, (uint64_t)batch->base_offset);
	be32_put(p + BATCH_LENGTH_POS, (uint32_t)(size - BATCH_PREFIX_BYTES));
	be32_put(p + LEADER_EPOCH_POS, (uint32_t)batch->leader_epoch);
	p[MAGIC_POS] = 2;
	be16_put(p + ATTRIBUTES_POS, (uint16_t)batch->attributes);
	be32_put(p + LAST_OFFSET_DELTA_POS, (uint32_t)batch->last_offset_delta);
	be64_put(p + BASE_TIMESTAMP_POS, (uint64_t)batch->base_timestamp);
	be64_put(p + MAX_TIMESTAMP_POS, (uint64_t)batch->max_timestamp);
	be64_put(p + PRODUCER_ID_POS, (uint64_t)batch->producer_id);
	be16_put(p + PRODUCER_EPOCH_POS, (uint16_t)batch->producer_epoch);
	be32_put(p + BASE_SEQUENCE_POS, (uint32_t)batch->base_sequence);
	be32_put(p + RECORD_COUNT_POS, (uint32_t)batch->record_count);
	batch_update_crc(p, size);
	return WEIR_OK;
no_room:
	out->len = start;
	out->failed = failed;
	if (out->cap && records.len + BATCH_HEADER_BYTES > out->cap - start) {
		return err_set(err, WEIR_TOO_LARGE, "batch of %zu bytes: room for %zu", records.len,
			out->cap - start);
	}
	return err_set(err, WEIR_NO_MEMORY, "no memory for a batch of %zu bytes", records.len);
}
