/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/legacy_priv.h"

#include "core/record/codec_priv.h"

#include <zlib.h>

enum {
	SUMMED_POS = 16,
	ATTRIBUTES_POS = 17,
	TIMESTAMP_POS = 18,
};

struct message {
	int64_t offset, timestamp;
	int8_t magic, attributes;
	struct slice key, value, bytes;
};

/* Takes an i32 length and so many bytes off rest; -1 gives null. */
static bool take_bytes(struct slice *rest, struct slice *bytes)
{
	if (rest->len < 4) {
		return false;
	}
	int32_t len = (int32_t)be32_get(rest->data);
	*rest = slice_of(rest->data + 4, rest->len - 4);
	if (len == -1) {
		*bytes = slice_of(NULL, 0);
		return true;
	}
	if (len < 0 || (size_t)len > rest->len) {
		return false;
	}
	*bytes = slice_of(rest->data, (size_t)len);
	*rest = slice_of(rest->data + len, rest->len - (size_t)len);
	return true;
}

/* Takes the message at the start of rest off it. */
static enum weir_code take_message(
	struct slice *rest, struct message *message, struct weir_err *err)
{
	size_t size;
	enum weir_code code = batch_peek(*rest, &size, err);
	if (code) {
		return code;
	}
	const uint8_t *p = rest->data;
	*message = (struct message){
		.offset = (int64_t)be64_get(p),
		.magic = (int8_t)p[SUMMED_POS],
		.attributes = (int8_t)p[ATTRIBUTES_POS],
		.timestamp = -1,
		.bytes = slice_of(p, size),
	};
	if (message->magic > 1 || size > rest->len) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"message at offset %lld: magic %d, %zu bytes of %zu",
			(long long)message->offset, message->magic, rest->len, size);
	}
	size_t head = TIMESTAMP_POS;
	if (message->magic == 1) {
		message->timestamp = (int64_t)be64_get(p + TIMESTAMP_POS);
		head += 8;
	}
	struct slice body = slice_of(p + head, size - head);
	if (!take_bytes(&body, &message->key) || !take_bytes(&body, &message->value) || body.len) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"message at offset %lld: key or value length does not fit its %zu bytes",
			(long long)message->offset, size);
	}
	*rest = slice_of(p + size, rest->len - size);
	return WEIR_OK;
}

enum weir_code legacy_parse(struct slice bytes, struct batch *batch, struct weir_err *err)
{
	struct message message;
	enum weir_code code = take_message(&bytes, &message, err);
	if (code) {
		return code;
	}
	int known = message.magic == 0 ? BATCH_CODEC_MASK : BATCH_CODEC_MASK | BATCH_APPEND_TIME;
	*batch = (struct batch){
		.bytes = message.bytes,
		.base_offset = message.offset,
		.leader_epoch = -1,
		.magic = message.magic,
		.crc = be32_get(message.bytes.data + BATCH_PREFIX_BYTES),
		.attributes = (int16_t)(message.attributes & known),
		.base_timestamp = message.timestamp,
		.max_timestamp = message.timestamp,
		.producer_id = -1,
		.producer_epoch = -1,
		.base_sequence = -1,
		.record_count = message.attributes & BATCH_CODEC_MASK ? -1 : 1,
	};
	return WEIR_OK;
}

uint32_t legacy_crc(struct slice bytes)
{
	return (uint32_t)crc32_z(0, bytes.data + SUMMED_POS, bytes.len - SUMMED_POS);
}

/* Unpacks the wrapper and finds what its inner offsets count from. */
static enum weir_code open_wrapper(
	struct record_reader *reader, const struct message *wrapper, struct weir_err *err)
{
	enum codec codec = batch_codec(reader->batch);
	enum weir_code code;
	if (codec == CODEC_LZ4 && wrapper->magic == 0) {
		code = codec_lz4_unpack(wrapper->value, true, &reader->unpacked, err);
	} else {
		code = codec_unpack(codec, wrapper->value, &reader->unpacked, err);
	}
	if (code) {
		return code;
	}
	reader->rest = slice_of(reader->unpacked.data, reader->unpacked.len);
	struct slice rest = reader->rest;
	struct message last = {0};
	while (rest.len) {
		code = take_message(&rest, &last, err);
		if (code) {
			return code;
		}
		if (last.magic != wrapper->magic || last.attributes & BATCH_CODEC_MASK) {
			return err_set(err, WEIR_CORRUPT_MESSAGE,
				"packed message at offset %lld holds one of magic %d, codec %d",
				(long long)wrapper->offset, last.magic,
				last.attributes & BATCH_CODEC_MASK);
		}
	}
	if (!last.bytes.len) {
		return err_set(err, WEIR_CORRUPT_MESSAGE, "packed message at offset %lld is empty",
			(long long)wrapper->offset);
	}
	if (wrapper->magic == 1) {
		reader->offset_shift = (int64_t)((uint64_t)wrapper->offset - (uint64_t)last.offset);
	}
	return WEIR_OK;
}

enum weir_code legacy_start(struct record_reader *reader, struct weir_err *err)
{
	reader->offset_shift = 0;
	reader->rest = reader->batch->bytes;
	if (batch_codec(reader->batch) == CODEC_NONE) {
		return WEIR_OK;
	}
	struct slice whole = reader->rest;
	struct message wrapper;
	enum weir_code code = take_message(&whole, &wrapper, err);
	if (!code) {
		code = open_wrapper(reader, &wrapper, err);
	}
	if (code) {
		reader->rest = slice_of(NULL, 0);
	}
	return code;
}

enum weir_code legacy_next(
	struct record_reader *reader, struct record *record, bool *got, struct weir_err *err)
{
	*got = false;
	if (!reader->rest.len) {
		return WEIR_OK;
	}
	struct message message;
	enum weir_code code = take_message(&reader->rest, &message, err);
	if (code) {
		return code;
	}
	bool append_time = reader->batch->attributes & BATCH_APPEND_TIME;
	*record = (struct record){
		.offset = (int64_t)((uint64_t)message.offset + (uint64_t)reader->offset_shift),
		.timestamp = append_time ? reader->batch->max_timestamp : message.timestamp,
		.key = message.key,
		.value = message.value,
		.raw = message.bytes,
	};
	reader->index++;
	*got = true;
	return WEIR_OK;
}
