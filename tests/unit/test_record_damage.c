/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cut and changed batches: an error each time, and nothing read beyond their ends. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/base/varint.h"
#include "core/record/validate.h"

static struct weir_err err;

/* Without a byte to spare, so that a read beyond the end is seen. */
static uint8_t *copy_of(const void *bytes, size_t len)
{
	uint8_t *copy = mem_try(len);
	if (len) {
		memcpy(copy, bytes, len);
	}
	return copy;
}
static struct record_reader reader;
static struct record_verdict verdict;

static const struct record_rules rules = {
	.keep_codec = true,
	.before_max_ms = INT64_MAX,
	.after_max_ms = INT64_MAX,
	.max_message_bytes = 1048588,
	.unpack_cap = 1 << 16,
};

static int set_up(void **state)
{
	(void)state;
	record_reader_init(&reader, 1 << 16);
	record_verdict_init(&verdict);
	random_seed(21);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	random_seed(0);
	record_verdict_fini(&verdict);
	record_reader_fini(&reader);
	return 0;
}

static void build(struct buf *out, enum codec codec, int count)
{
	struct batch_builder builder;
	batch_builder_init(&builder, codec, CODEC_LEVEL_DEFAULT);
	for (int i = 0; i < count; i++) {
		const struct record_header headers[] = {{slice_str("name"), slice_str("value")},
			{slice_str(""), slice_of(NULL, 0)}};
		assert_ok(batch_builder_add(&builder, 1000 + i * 70,
			slice_str(i % 3 ? "key" : NULL), slice_str(i % 4 ? "value value" : NULL),
			headers, (size_t)(i % 3), &err));
	}
	assert_int_equal(batch_builder_size(&builder), BATCH_HEADER_BYTES + builder.records.len);
	buf_reset(out);
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, out, &err));
	batch_builder_fini(&builder);
}

/* Reads all of a batch, its headers too. */
static enum weir_code read_all(struct slice bytes)
{
	struct batch batch;
	struct record record;
	struct record_header header;
	bool got = true;
	enum weir_code code = batch_parse(bytes, &batch, &err);
	if (!code) {
		code = record_reader_start(&reader, &batch, &err);
	}
	while (!code && got) {
		code = record_reader_next(&reader, &record, &got, &err);
		int count = 0;
		struct slice rest = record.headers;
		while (!code && got && record_header_next(&rest, &header)) {
			count++;
		}
		assert_true(code || !got || count == record.header_count);
	}
	return code;
}

static void every_cut_is_an_error(void **state)
{
	(void)state;
	struct buf sent;
	buf_init(&sent, 0);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		build(&sent, (enum codec)codec, 7);
		assert_ok(read_all(slice_of(sent.data, sent.len)));
		for (size_t len = 0; len < sent.len; len++) {
			uint8_t *copy = copy_of(sent.data, len);
			assert_code(read_all(slice_of(copy, len)), WEIR_CORRUPT_MESSAGE);
			assert_code(record_validate(copy, len, &rules, &reader, &verdict, &err),
				WEIR_INVALID_RECORD);
			/* The same with a length field and a checksum that agree. */
			if (len >= BATCH_HEADER_BYTES) {
				be32_put(copy + BATCH_LENGTH_POS,
					(uint32_t)len - BATCH_PREFIX_BYTES);
				batch_update_crc(copy, len);
				assert_code(read_all(slice_of(copy, len)), WEIR_CORRUPT_MESSAGE);
				enum weir_code code =
					record_validate(copy, len, &rules, &reader, &verdict, &err);
				assert_true(code == WEIR_INVALID_RECORD ||
					    code == WEIR_CORRUPT_MESSAGE);
			}
			mem_free(copy);
		}
	}
	buf_fini(&sent);
}

static void changed_batches_never_do_harm(void **state)
{
	(void)state;
	struct buf sent;
	buf_init(&sent, 0);
	int accepted = 0;
	for (int round = 0; round < 6000; round++) {
		build(&sent, (enum codec)(round % CODEC_COUNT), (int)random_below(9) + 1);
		uint8_t *copy = copy_of(sent.data, sent.len);
		for (uint64_t n = 1 + random_below(3); n; n--) {
			/* Half of the changes are small, and half hit the header of the batch. */
			uint64_t pos = random_below(round % 2 ? sent.len : BATCH_HEADER_BYTES);
			copy[pos] = random_below(2) ? (uint8_t)random_u64()
						    : (uint8_t)(copy[pos] ^ 1 << random_below(8));
		}
		size_t size;
		if (!batch_peek(slice_of(copy, sent.len), &size, &err) && size == sent.len &&
			copy[16] == 2) {
			batch_update_crc(copy, sent.len);
		}
		enum weir_code code = read_all(slice_of(copy, sent.len));
		assert_true(code == WEIR_OK || code == WEIR_CORRUPT_MESSAGE ||
			    code == WEIR_TOO_LARGE || code == WEIR_UNSUPPORTED_COMPRESSION_TYPE);
		struct record_rules now = rules;
		now.keep_codec = round % 3;
		now.append_time = round % 5 == 0;
		now.compacted = round % 7 == 0;
		code = record_validate(copy, sent.len, &now, &reader, &verdict, &err);
		if (!code) {
			accepted++;
			assert_ok(batch_check_crc(&verdict.batch, &err));
			assert_ok(read_all(verdict.batch.bytes));
		}
		mem_free(copy);
	}
	assert_true(accepted > 100);
	buf_fini(&sent);
}

static void lies_of_a_record_are_refused(void **state)
{
	(void)state;
	/* A record: length, attributes, timestamp, offset, key, value, header count, headers. */
	static const struct {
		const char *what;
		uint8_t bytes[12];
		uint8_t len;
		bool good;
	} cases[] = {
		{"good", {0x10, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0}, 9, true},
		{"length too large", {0x12, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0}, 9, false},
		{"length too small", {0x0e, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0}, 9, false},
		{"length negative", {0x01, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0}, 9, false},
		{"length 0", {0x00}, 1, false},
		{"key length -2", {0x10, 0, 0, 0, 0x03, 'k', 0x02, 'v', 0}, 9, false},
		{"key beyond the record", {0x10, 0, 0, 0, 0x20, 'k', 0x02, 'v', 0}, 9, false},
		{"value beyond the record", {0x10, 0, 0, 0, 0x02, 'k', 0x20, 'v', 0}, 9, false},
		{"header count -1", {0x10, 0, 0, 0, 0x02, 'k', 0x02, 'v', 1}, 9, false},
		{"header count 1, none", {0x10, 0, 0, 0, 0x02, 'k', 0x02, 'v', 2}, 9, false},
		{"bytes after the headers", {0x12, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0, 9}, 10, false},
		{"bytes after the record", {0x10, 0, 0, 0, 0x02, 'k', 0x02, 'v', 0, 9}, 10, false},
		{"null header name", {0x10, 0, 0, 0, 0x01, 0x01, 0x02, 0x01, 0x01}, 9, false},
		{"null header value", {0x10, 0, 0, 0, 0x01, 0x01, 0x02, 0x00, 0x01}, 9, true},
	};
	struct buf out;
	buf_init(&out, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct batch batch = {.record_count = 1, .producer_id = -1};
		buf_reset(&out);
		assert_ok(batch_encode(
			&batch, slice_of(cases[i].bytes, cases[i].len), 0, &out, &err));
		enum weir_code code = read_all(slice_of(out.data, out.len));
		if (code != (cases[i].good ? WEIR_OK : WEIR_CORRUPT_MESSAGE)) {
			fail_msg("%s: %d", cases[i].what, code);
		}
	}
	buf_fini(&out);
}

static void sparse_offsets_and_empty_batches_are_read(void **state)
{
	(void)state;
	struct buf records, out;
	buf_init(&records, 0);
	buf_init(&out, 0);
	struct batch batch = {.base_offset = 100,
		.last_offset_delta = 9,
		.attributes = CODEC_GZIP,
		.base_timestamp = 50,
		.record_count = 2};
	const struct record record = {.key = slice_str("k"), .value = slice_of(NULL, 0)};
	record_append(&records, &record, -3, 4);
	record_append(&records, &record, 1LL << 40, 8);
	assert_ok(batch_encode(
		&batch, slice_of(records.data, records.len), CODEC_LEVEL_DEFAULT, &out, &err));
	struct record got_record;
	bool got;
	assert_ok(batch_parse(slice_of(out.data, out.len), &batch, &err));
	assert_int_equal(batch_last_offset(&batch), 109);
	assert_ok(record_reader_start(&reader, &batch, &err));
	assert_ok(record_reader_next(&reader, &got_record, &got, &err));
	assert_int_equal(got_record.offset, 104);
	assert_int_equal(got_record.timestamp, 47);
	assert_ok(record_reader_next(&reader, &got_record, &got, &err));
	assert_int_equal(got_record.offset, 108);
	assert_true(got_record.timestamp == 50 + (1LL << 40));
	assert_ok(record_reader_next(&reader, &got_record, &got, &err));
	assert_false(got);
	/* After compaction a batch may have no record left; Kafka then writes none of the codec's
	 * bytes. */
	batch.record_count = 0;
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		buf_reset(&out);
		batch.attributes = CODEC_NONE;
		assert_ok(batch_encode(&batch, slice_of(NULL, 0), 0, &out, &err));
		batch_set_timestamps(out.data, out.len, (int16_t)codec, 7);
		assert_ok(read_all(slice_of(out.data, out.len)));
	}
	buf_fini(&out);
	buf_fini(&records);
}

static void builders_refuse_and_stay_whole(void **state)
{
	(void)state;
	struct batch_builder builder;
	struct buf out;
	struct batch batch;
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	buf_init(&out, 0);
	assert_ok(batch_builder_add(&builder, 5, slice_str("k"), slice_str("v"), NULL, 0, &err));
	static const char byte;
	assert_code(batch_builder_add(&builder, 5, slice_of(&byte, SIZE_MAX / 2), slice_str("v"),
			    NULL, 0, &err),
		WEIR_TOO_LARGE);
	assert_code(batch_builder_add(
			    &builder, 5, slice_of(&byte, INT32_MAX), slice_str("v"), NULL, 0, &err),
		WEIR_TOO_LARGE);
	static const uint8_t value[4096];
	mem_fail_after(1);
	assert_code(batch_builder_add(&builder, 5, slice_str("k"), slice_of(value, sizeof(value)),
			    NULL, 0, &err),
		WEIR_NO_MEMORY);
	assert_ok(batch_builder_add(&builder, 2, slice_str("k"), slice_str("v"), NULL, 0, &err));
	mem_fail_after(1);
	assert_code(batch_builder_finish(&builder, -1, -1, -1, 0, &out, &err), WEIR_NO_MEMORY);
	mem_fail_after(0);
	buf_reset(&out);
	out.cap = BATCH_HEADER_BYTES + 5;
	assert_code(batch_builder_finish(&builder, -1, -1, -1, 0, &out, &err), WEIR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	buf_reset(&out);
	out.cap = 0;
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, &out, &err));
	assert_ok(batch_parse(slice_of(out.data, out.len), &batch, &err));
	assert_int_equal(batch.record_count, 2);
	assert_int_equal(batch.base_timestamp, 5);
	assert_int_equal(batch.max_timestamp, 5);
	assert_ok(read_all(slice_of(out.data, out.len)));
	buf_fini(&out);
	batch_builder_fini(&builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_is_an_error),
		cmocka_unit_test(changed_batches_never_do_harm),
		cmocka_unit_test(lies_of_a_record_are_refused),
		cmocka_unit_test(sparse_offsets_and_empty_batches_are_read),
		cmocka_unit_test(builders_refuse_and_stay_whole),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
