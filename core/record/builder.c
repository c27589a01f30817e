/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/varint.h"
#include "core/record/record.h"

void batch_builder_init(struct batch_builder *builder, enum codec codec, int level)
{
	*builder = (struct batch_builder){.codec = codec, .level = level};
	buf_init(&builder->records, 0);
	batch_builder_start(builder);
}

void batch_builder_fini(struct batch_builder *builder)
{
	buf_fini(&builder->records);
}

void batch_builder_start(struct batch_builder *builder)
{
	buf_reset(&builder->records);
	builder->base_timestamp = builder->max_timestamp = -1;
	builder->count = 0;
}

static size_t bytes_size(struct slice bytes)
{
	return bytes.data ? varint_size((int64_t)bytes.len) + bytes.len : 1;
}

static uint8_t *put_bytes(uint8_t *p, struct slice bytes)
{
	if (!bytes.data) {
		return p + varint_put(p, -1);
	}
	p += varint_put(p, (int64_t)bytes.len);
	if (bytes.len) {
		memcpy(p, bytes.data, bytes.len);
	}
	return p + bytes.len;
}

/* Writes all but the headers; reserves room for those too. NULL when out failed. */
static uint8_t *append_front(struct buf *out, struct slice key, struct slice value,
	int64_t timestamp_delta, int32_t offset_delta, size_t headers_size, size_t header_count)
{
	size_t size = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) +
		      bytes_size(key) + bytes_size(value) + varint_size((int64_t)header_count) +
		      headers_size;
	size_t whole = varint_size((int64_t)size) + size;
	if (!buf_reserve(out, whole)) {
		return NULL;
	}
	uint8_t *p = out->data + out->len;
	out->len += whole;
	p += varint_put(p, (int64_t)size);
	*p++ = 0; /* attributes */
	p += varint_put(p, timestamp_delta);
	p += varint_put(p, offset_delta);
	p = put_bytes(p, key);
	p = put_bytes(p, value);
	return p + varint_put(p, (int64_t)header_count);
}

void record_append(
	struct buf *out, const struct record *record, int64_t timestamp_delta, int32_t offset_delta)
{
	uint8_t *p = append_front(out, record->key, record->value, timestamp_delta, offset_delta,
		record->headers.len, (size_t)record->header_count);
	if (p && record->headers.len) {
		memcpy(p, record->headers.data, record->headers.len);
	}
}

/* Bytes that headers take, or SIZE_MAX when one part or all of them are too long for a record. */
static size_t headers_size(const struct record_header *headers, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++) {
		size_t key = headers[i].key.len, value = headers[i].value.len;
		if (key > INT32_MAX || value > INT32_MAX) {
			return SIZE_MAX;
		}
		size += varint_size((int64_t)key) + key + bytes_size(headers[i].value);
		if (size > INT32_MAX) {
			return SIZE_MAX;
		}
	}
	return size;
}

enum weir_code batch_builder_add(struct batch_builder *builder, int64_t timestamp, struct slice key,
	struct slice value, const struct record_header *headers, size_t header_count,
	struct weir_err *err)
{
	size_t extra = headers_size(headers, header_count);
	size_t room = INT32_MAX - BATCH_HEADER_BYTES - 64;
	if (extra > room || key.len > room || value.len > room ||
		extra + key.len + value.len > room ||
		builder->records.len > room - (extra + key.len + value.len) ||
		builder->count == INT32_MAX) {
		return err_set(err, WEIR_TOO_LARGE, "record of %zu bytes: a batch ends at 2 GiB",
			key.len + value.len);
	}
	int64_t base = builder->count ? builder->base_timestamp : timestamp;
	int64_t delta = (int64_t)((uint64_t)timestamp - (uint64_t)base);
	uint8_t *p = append_front(
		&builder->records, key, value, delta, builder->count, extra, header_count);
	if (!p) {
		builder->records.failed = false; /* what was there is whole */
		return err_set(err, WEIR_NO_MEMORY,
			"no memory for a batch of %zu bytes and a record", builder->records.len);
	}
	for (size_t i = 0; i < header_count; i++) {
		p += varint_put(p, (int64_t)headers[i].key.len);
		memcpy(p, headers[i].key.len ? headers[i].key.data : p, headers[i].key.len);
		p = put_bytes(p + headers[i].key.len, headers[i].value);
	}
	builder->base_timestamp = base;
	if (!builder->count || timestamp > builder->max_timestamp) {
		builder->max_timestamp = timestamp;
	}
	builder->count++;
	return WEIR_OK;
}

size_t batch_builder_size(const struct batch_builder *builder)
{
	return BATCH_HEADER_BYTES + builder->records.len;
}

enum weir_code batch_builder_finish(struct batch_builder *builder, int64_t producer_id,
	int16_t producer_epoch, int32_t base_sequence, int16_t extra_attributes, struct buf *out,
	struct weir_err *err)
{
	const struct batch batch = {
		.leader_epoch = -1,
		.attributes =
			(int16_t)((extra_attributes & ~BATCH_CODEC_MASK) | (int)builder->codec),
		.last_offset_delta = builder->count ? builder->count - 1 : 0,
		.base_timestamp = builder->base_timestamp,
		.max_timestamp = builder->max_timestamp,
		.producer_id = producer_id,
		.producer_epoch = producer_epoch,
		.base_sequence = base_sequence,
		.record_count = builder->count,
	};
	return batch_encode(&batch, slice_of(builder->records.data, builder->records.len),
		builder->level, out, err);
}
