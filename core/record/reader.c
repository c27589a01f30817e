/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/varint.h"
#include "core/record/legacy_priv.h"

/* Room above this is given back before the next batch, so that one large batch is not paid for
 * ever. */
enum { KEEP_BYTES_MAX = 16 * 1024 * 1024 };

void record_reader_init(struct record_reader *reader, size_t cap_bytes)
{
	*reader = (struct record_reader){0};
	buf_init(&reader->unpacked, cap_bytes);
}

void record_reader_fini(struct record_reader *reader)
{
	buf_fini(&reader->unpacked);
}

enum weir_code record_reader_start(
	struct record_reader *reader, const struct batch *batch, struct weir_err *err)
{
	reader->batch = batch;
	reader->index = 0;
	reader->rest = slice_of(NULL, 0);
	if (reader->unpacked.room > KEEP_BYTES_MAX) {
		buf_fini(&reader->unpacked);
	}
	buf_reset(&reader->unpacked);
	if (batch->magic < 2) {
		return legacy_start(reader, err);
	}
	struct slice records = slice_of(
		batch->bytes.data + BATCH_HEADER_BYTES, batch->bytes.len - BATCH_HEADER_BYTES);
	enum codec codec = batch_codec(batch);
	if (codec == CODEC_NONE || (!records.len && batch->record_count == 0)) {
		reader->rest = records;
		return WEIR_OK;
	}
	enum weir_code code = codec_unpack(codec, records, &reader->unpacked, err);
	if (!code) {
		reader->rest = slice_of(reader->unpacked.data, reader->unpacked.len);
	}
	return code;
}

/* Takes a varint off *p; false when it is cut or too long. Most are one byte. */
static inline bool take_varint(const uint8_t **p, const uint8_t *end, int64_t *value)
{
	if (*p < end && !(**p & 0x80)) {
		*value = unzigzag(*(*p)++);
		return true;
	}
	size_t n = varint_get(*p, (size_t)(end - *p), value);
	*p += n;
	return n;
}

/* Takes a length and so many bytes; -1 gives null, other negative ones are refused. */
static inline bool take_bytes(const uint8_t **p, const uint8_t *end, struct slice *bytes)
{
	int64_t len;
	if (!take_varint(p, end, &len)) {
		return false;
	}
	if (len < 0) {
		*bytes = slice_of(NULL, 0);
		return len == -1;
	}
	if (len > end - *p) {
		return false;
	}
	*bytes = slice_of(*p, (size_t)len);
	*p += len;
	return true;
}

static bool take_header(const uint8_t **p, const uint8_t *end, struct record_header *header)
{
	return take_bytes(p, end, &header->key) && header->key.data &&
	       take_bytes(p, end, &header->value);
}

/* The record between its length and end; says what is wrong with it, or NULL. */
static const char *parse(
	struct record_reader *reader, const uint8_t *p, const uint8_t *end, struct record *record)
{
	int64_t timestamp_delta, offset_delta, header_count;
	if (p == end) {
		return "no attributes";
	}
	p++; /* attributes: none are defined */
	if (!take_varint(&p, end, &timestamp_delta)) {
		return "timestamp is cut";
	}
	if (!take_varint(&p, end, &offset_delta) || offset_delta != (int32_t)offset_delta) {
		return "offset is out of range";
	}
	if (!take_bytes(&p, end, &record->key)) {
		return "key length is wrong";
	}
	if (!take_bytes(&p, end, &record->value)) {
		return "value length is wrong";
	}
	if (!take_varint(&p, end, &header_count) || header_count < 0 ||
		header_count > (end - p) / 2) {
		return "header count is wrong";
	}
	record->headers = slice_of(p, (size_t)(end - p));
	record->header_count = (int32_t)header_count;
	for (int64_t i = 0; i < header_count; i++) {
		struct record_header header;
		if (!take_header(&p, end, &header)) {
			return "a header's length is wrong";
		}
	}
	if (p != end) {
		return "bytes are left after its headers";
	}
	const struct batch *batch = reader->batch;
	record->offset = (int64_t)((uint64_t)batch->base_offset + (uint64_t)offset_delta);
	record->timestamp =
		batch->attributes & BATCH_APPEND_TIME
			? batch->max_timestamp
			: (int64_t)((uint64_t)batch->base_timestamp + (uint64_t)timestamp_delta);
	return NULL;
}

static enum weir_code bad(
	const struct record_reader *reader, const char *what, struct weir_err *err)
{
	return err_set(err, WEIR_CORRUPT_MESSAGE, "record %d of %d in the batch at offset %lld: %s",
		reader->index, reader->batch->record_count, (long long)reader->batch->base_offset,
		what);
}

enum weir_code record_reader_next(
	struct record_reader *reader, struct record *record, bool *got, struct weir_err *err)
{
	if (reader->batch->magic < 2) {
		return legacy_next(reader, record, got, err);
	}
	*got = false;
	if (reader->index >= reader->batch->record_count) {
		if (reader->rest.len || reader->batch->record_count < 0) {
			return bad(reader, "more bytes than records", err);
		}
		return WEIR_OK;
	}
	const uint8_t *p = reader->rest.data;
	const uint8_t *end = p + reader->rest.len;
	int64_t len;
	if (!reader->rest.len) {
		return bad(reader, "missing", err);
	}
	if (!take_varint(&p, end, &len) || len < 0 || len > end - p) {
		return bad(reader, "length is wrong", err);
	}
	const char *wrong = parse(reader, p, p + len, record);
	if (wrong) {
		return bad(reader, wrong, err);
	}
	p += len;
	record->raw = slice_of(reader->rest.data, (size_t)(p - reader->rest.data));
	reader->rest = slice_of(p, (size_t)(end - p));
	reader->index++;
	*got = true;
	return WEIR_OK;
}

bool record_header_next(struct slice *rest, struct record_header *header)
{
	const uint8_t *p = rest->data;
	const uint8_t *end = p + rest->len;
	if (!rest->len || !take_header(&p, end, header)) {
		return false;
	}
	*rest = slice_of(p, (size_t)(end - p));
	return true;
}
