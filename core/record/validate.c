/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/validate.h"

#include "core/record/scan.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	LZ4_FLAGS_POS = 4,
	LZ4_INDEPENDENT = 0x20, /* Java readers know no other frames */
	BROKER_BITS = BATCH_APPEND_TIME | BATCH_DELETE_HORIZON,
};

void record_verdict_init(struct record_verdict *verdict)
{
	*verdict = (struct record_verdict){.error_index = -1, .max_timestamp = -1};
	buf_init(&verdict->rewritten, 0);
}

void record_verdict_fini(struct record_verdict *verdict)
{
	buf_fini(&verdict->rewritten);
}

static enum weir_code recode(enum weir_code code, struct weir_err *err)
{
	if (err) {
		err->code = code;
	}
	return code;
}

/* Refuses the batch because of record index. */
static enum weir_code WEIR_PRINTF(5, 6) refuse(struct record_verdict *verdict, int32_t index,
	enum weir_code code, struct weir_err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	verdict->error_index = index;
	vsnprintf(verdict->error_text, sizeof(verdict->error_text), fmt, args);
	va_end(args);
	return err_set(err, code, "record %d: %s", index, verdict->error_text);
}

/* Exactly one whole batch of magic 2. */
static enum weir_code check_frame(struct slice bytes, const struct record_rules *rules,
	struct batch *batch, struct weir_err *err)
{
	size_t size;
	if (bytes.len < BATCH_PEEK_BYTES) {
		return err_set(
			err, WEIR_INVALID_RECORD, "%zu bytes are no record batch", bytes.len);
	}
	enum weir_code code = batch_peek(bytes, &size, err);
	if (code) {
		return code;
	}
	if (size > bytes.len) {
		return err_set(
			err, WEIR_INVALID_RECORD, "batch cut: %zu bytes of %zu", bytes.len, size);
	}
	int8_t magic = (int8_t)bytes.data[BATCH_PEEK_BYTES - 1];
	if (magic != 2) {
		return err_set(err, WEIR_INVALID_RECORD, "batch has magic %d, 2 is needed", magic);
	}
	code = batch_parse(bytes, batch, err);
	struct slice rest = slice_of(bytes.data + size, bytes.len - size);
	if (!code && rest.len >= BATCH_PEEK_BYTES) {
		code = batch_peek(rest, &size, err);
		if (!code && size <= rest.len) {
			return err_set(
				err, WEIR_INVALID_RECORD, "more than one batch for one partition");
		}
	}
	if (!code && rules->refuse_zstd && batch_codec(batch) == CODEC_ZSTD) {
		return err_set(err, WEIR_UNSUPPORTED_COMPRESSION_TYPE,
			"zstd needs Produce version 7 or later");
	}
	return code;
}

/* Size and checksum of the batch as a whole. */
static enum weir_code check_whole(
	const struct batch *batch, const struct record_rules *rules, struct weir_err *err)
{
	if (rules->max_message_bytes < 0 || batch->bytes.len > (size_t)rules->max_message_bytes) {
		return err_set(err, WEIR_MESSAGE_TOO_LARGE,
			"batch of %zu bytes, max.message.bytes is %d", batch->bytes.len,
			rules->max_message_bytes);
	}
	return batch_check_crc(batch, err);
}

static enum weir_code check_header(const struct batch *batch, struct weir_err *err)
{
	if (batch->base_offset) {
		return err_set(err, WEIR_INVALID_RECORD, "base offset is %lld, producers send 0",
			(long long)batch->base_offset);
	}
	if (batch->record_count <= 0 || batch->last_offset_delta != batch->record_count - 1) {
		return err_set(err, WEIR_INVALID_RECORD,
			"batch of %d records has last offset delta %d", batch->record_count,
			batch->last_offset_delta);
	}
	if (batch->attributes & BATCH_CONTROL) {
		return err_set(
			err, WEIR_INVALID_RECORD, "control batches are the broker's to write");
	}
	if (batch->producer_id >= 0 && batch->base_sequence < 0) {
		return err_set(err, WEIR_INVALID_RECORD, "producer id %lld with sequence %d",
			(long long)batch->producer_id, batch->base_sequence);
	}
	if (batch_codec(batch) == CODEC_LZ4 &&
		batch->bytes.len > BATCH_HEADER_BYTES + LZ4_FLAGS_POS &&
		!(batch->bytes.data[BATCH_HEADER_BYTES + LZ4_FLAGS_POS] & LZ4_INDEPENDENT)) {
		return err_set(err, WEIR_CORRUPT_MESSAGE,
			"lz4 frame with linked blocks: few consumers read it");
	}
	return WEIR_OK;
}

/* a - b, held at the ends of the range. */
static int64_t distance(int64_t a, int64_t b)
{
	int64_t difference;
	if (__builtin_sub_overflow(a, b, &difference)) {
		return a > b ? INT64_MAX : INT64_MIN;
	}
	return difference;
}

static enum weir_code check_record(const struct record *record, int32_t index,
	const struct record_rules *rules, struct record_verdict *verdict, struct weir_err *err)
{
	if (rules->compacted && !record->key.data) {
		return refuse(verdict, index, WEIR_INVALID_RECORD, err,
			"a compacted topic takes no record without a key");
	}
	if (rules->append_time || record->timestamp == -1) {
		return WEIR_OK;
	}
	int64_t before = distance(rules->now_ms, record->timestamp);
	int64_t after = distance(record->timestamp, rules->now_ms);
	if (before > rules->before_max_ms || after > rules->after_max_ms) {
		bool early = before > rules->before_max_ms;
		return refuse(verdict, index, WEIR_INVALID_TIMESTAMP, err,
			"timestamp %lld lies %lld ms %s the broker's clock, %lld are allowed",
			(long long)record->timestamp, (long long)(early ? before : after),
			early ? "before" : "after",
			(long long)(early ? rules->before_max_ms : rules->after_max_ms));
	}
	return WEIR_OK;
}

/* True when the rules hold for all records, without a look at each. */
static bool scan_keeps(const struct record_scan *scan, const struct record_rules *rules)
{
	if (!scan->in_order || (rules->compacted && !scan->all_have_keys)) {
		return false;
	}
	return rules->append_time ||
	       (!scan->some_lack_time &&
		       distance(rules->now_ms, scan->least_timestamp) <= rules->before_max_ms &&
		       distance(scan->largest_timestamp, rules->now_ms) <= rules->after_max_ms);
}

/* Walks the records; *renumber is set when their offset deltas are not 0, 1, 2... */
static enum weir_code check_records(struct record_reader *scratch, const struct batch *batch,
	const struct record_rules *rules, struct record_verdict *verdict, bool *renumber,
	struct weir_err *err)
{
	enum weir_code code = record_reader_start(scratch, batch, err);
	if (code) {
		return code == WEIR_TOO_LARGE ? recode(WEIR_MESSAGE_TOO_LARGE, err) : code;
	}
	struct record_scan scan;
	if (record_scan(scratch->rest, batch, &scan) && scan_keeps(&scan, rules)) {
		verdict->max_timestamp = scan.largest_timestamp;
		verdict->max_timestamp_delta = scan.largest_index;
		return WEIR_OK;
	}
	/* Something is unusual or wrong: one by one, to say which. */
	for (int32_t i = 0;; i++) {
		struct record record;
		bool got;
		struct weir_err why;
		if (record_reader_next(scratch, &record, &got, &why)) {
			return refuse(verdict,
				i < batch->record_count ? i : batch->record_count - 1,
				WEIR_INVALID_RECORD, err, "%s", why.text);
		}
		if (!got) {
			return WEIR_OK;
		}
		if (record.offset != i) {
			if (batch_codec(batch) != CODEC_NONE) {
				return refuse(verdict, i, WEIR_INVALID_RECORD, err,
					"offset delta is %lld", (long long)record.offset);
			}
			*renumber = true;
		}
		code = check_record(&record, i, rules, verdict, err);
		if (code) {
			return code;
		}
		if (!i || record.timestamp > verdict->max_timestamp) {
			verdict->max_timestamp = record.timestamp;
			verdict->max_timestamp_delta = i;
		}
	}
}

/* Encodes the records of an uncompressed batch again, into scratch's buffer. */
static enum weir_code number_again(
	struct record_reader *scratch, const struct batch *batch, struct weir_err *err)
{
	enum weir_code code = record_reader_start(scratch, batch, err);
	struct record record;
	bool got = true;
	for (int32_t i = 0; !code && got; i++) {
		code = record_reader_next(scratch, &record, &got, err);
		if (!code && got) {
			int64_t delta = (int64_t)((uint64_t)record.timestamp -
						  (uint64_t)batch->base_timestamp);
			record_append(&scratch->unpacked, &record, delta, i);
		}
	}
	if (!code && scratch->unpacked.failed) {
		size_t cap = scratch->unpacked.cap;
		code = cap && scratch->unpacked.len + batch->bytes.len > cap
			       ? err_set(err, WEIR_MESSAGE_TOO_LARGE,
					 "batch takes more than %zu bytes", cap)
			       : err_set(err, WEIR_NO_MEMORY, "no memory to rewrite a batch");
	}
	return code;
}

static enum weir_code rewrite(struct record_reader *scratch, const struct batch *sent,
	const struct batch *wanted, bool renumber, const struct record_rules *rules,
	struct record_verdict *verdict, struct weir_err *err)
{
	struct slice records = slice_of(
		sent->bytes.data + BATCH_HEADER_BYTES, sent->bytes.len - BATCH_HEADER_BYTES);
	if (renumber) {
		enum weir_code code = number_again(scratch, sent, err);
		if (code) {
			return code;
		}
	}
	if (renumber || batch_codec(sent) != CODEC_NONE) {
		records = slice_of(scratch->unpacked.data, scratch->unpacked.len);
	}
	enum weir_code code = batch_encode(wanted, records, rules->level, &verdict->rewritten, err);
	if (code) {
		return code == WEIR_TOO_LARGE ? recode(WEIR_MESSAGE_TOO_LARGE, err) : code;
	}
	if (verdict->rewritten.len > (size_t)rules->max_message_bytes) {
		return err_set(err, WEIR_MESSAGE_TOO_LARGE,
			"batch takes %zu bytes once rewritten, max.message.bytes is %d",
			verdict->rewritten.len, rules->max_message_bytes);
	}
	verdict->need_rewrite = true;
	return WEIR_OK;
}

enum weir_code record_validate(uint8_t *bytes, size_t len, const struct record_rules *rules,
	struct record_reader *scratch, struct record_verdict *verdict, struct weir_err *err)
{
	verdict->need_rewrite = false;
	verdict->framed = false;
	verdict->error_index = -1;
	verdict->error_text[0] = '\0';
	verdict->max_timestamp = -1;
	verdict->max_timestamp_delta = 0;
	buf_reset(&verdict->rewritten);
	scratch->unpacked.cap = rules->unpack_cap;

	struct batch sent;
	bool renumber = false;
	enum weir_code code = check_frame(slice_of(bytes, len), rules, &sent, err);
	if (!code) {
		code = check_whole(&sent, rules, err);
		verdict->framed = !code;
	}
	if (!code) {
		code = check_header(&sent, err);
	}
	int16_t attributes = sent.attributes;
	sent.attributes =
		(int16_t)(sent.attributes & ~BROKER_BITS); /* read the records' own times */
	if (!code) {
		code = check_records(scratch, &sent, rules, verdict, &renumber, err);
	}
	if (code) {
		return code;
	}
	struct batch wanted = sent;
	if (rules->append_time) {
		wanted.attributes |= BATCH_APPEND_TIME;
		verdict->max_timestamp = rules->now_ms;
		verdict->max_timestamp_delta = 0;
	}
	wanted.max_timestamp = verdict->max_timestamp;
	if (!rules->keep_codec) {
		wanted.attributes =
			(int16_t)((wanted.attributes & ~BATCH_CODEC_MASK) | (int)rules->target);
	}
	verdict->bytes = bytes;
	size_t size = sent.bytes.len;
	if (renumber || batch_codec(&wanted) != batch_codec(&sent)) {
		code = rewrite(scratch, &sent, &wanted, renumber, rules, verdict, err);
		if (code) {
			return code;
		}
		verdict->bytes = verdict->rewritten.data;
		size = verdict->rewritten.len;
	} else if (wanted.attributes != attributes || wanted.max_timestamp != sent.max_timestamp) {
		batch_set_timestamps(bytes, size, wanted.attributes, wanted.max_timestamp);
	}
	return batch_parse(slice_of(verdict->bytes, size), &verdict->batch, err);
}
