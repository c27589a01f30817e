/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building, parsing and reading batches. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/base/varint.h"
#include "core/record/record.h"

static struct weir_err err;

/* Three records: all parts set; all null; empty ones. */
static enum weir_code build(enum codec codec, struct buf *out)
{
	static const struct record_header headers[] = {
		{{(const uint8_t *)"h", 1}, {(const uint8_t *)"x", 1}},
		{{(const uint8_t *)"", 0}, {NULL, 0}},
	};
	struct batch_builder builder;
	batch_builder_init(&builder, codec, CODEC_LEVEL_DEFAULT);
	enum weir_code code = batch_builder_add(
		&builder, 1000, slice_str("key"), slice_str("value"), headers, 2, &err);
	if (!code) {
		code = batch_builder_add(
			&builder, 3000, slice_of(NULL, 0), slice_of(NULL, 0), NULL, 0, &err);
	}
	if (!code) {
		code = batch_builder_add(
			&builder, 2000, slice_str(""), slice_str(""), NULL, 0, &err);
	}
	if (!code) {
		code = batch_builder_finish(&builder, 77, 5, 9, BATCH_TRANSACTIONAL, out, &err);
	}
	batch_builder_fini(&builder);
	return code;
}

static void check(struct slice bytes, enum codec codec, struct record_reader *reader)
{
	struct batch batch;
	assert_ok(batch_parse(bytes, &batch, &err));
	assert_ok(batch_check_crc(&batch, &err));
	assert_int_equal(batch.base_offset, 0);
	assert_int_equal(batch.leader_epoch, -1);
	assert_int_equal(batch.magic, 2);
	assert_int_equal(batch.attributes, (int)codec | BATCH_TRANSACTIONAL);
	assert_int_equal(batch_codec(&batch), codec);
	assert_int_equal(batch_last_offset(&batch), 2);
	assert_int_equal(batch.base_timestamp, 1000);
	assert_int_equal(batch.max_timestamp, 3000);
	assert_int_equal(batch.producer_id, 77);
	assert_int_equal(batch.producer_epoch, 5);
	assert_int_equal(batch.base_sequence, 9);
	assert_int_equal(batch.record_count, 3);

	struct record record;
	struct record_header header;
	bool got;
	assert_ok(record_reader_start(reader, &batch, &err));
	assert_ok(record_reader_next(reader, &record, &got, &err));
	assert_true(got);
	assert_int_equal(record.timestamp, 1000);
	assert_true(slice_equal(record.key, slice_str("key")));
	assert_true(slice_equal(record.value, slice_str("value")));
	assert_int_equal(record.header_count, 2);
	struct slice rest = record.headers;
	assert_true(record_header_next(&rest, &header));
	assert_true(slice_equal(header.key, slice_str("h")));
	assert_true(slice_equal(header.value, slice_str("x")));
	assert_true(record_header_next(&rest, &header));
	assert_int_equal(header.key.len, 0);
	assert_null(header.value.data);
	assert_false(record_header_next(&rest, &header));

	assert_ok(record_reader_next(reader, &record, &got, &err));
	assert_true(got);
	assert_int_equal(record.offset, 1);
	assert_int_equal(record.timestamp, 3000);
	assert_null(record.key.data);
	assert_null(record.value.data);

	assert_ok(record_reader_next(reader, &record, &got, &err));
	assert_true(got);
	assert_int_equal(record.timestamp, 2000);
	assert_non_null(record.key.data);
	assert_int_equal(record.key.len, 0);
	assert_non_null(record.value.data);
	for (int i = 0; i < 2; i++) {
		assert_ok(record_reader_next(reader, &record, &got, &err));
		assert_false(got);
	}
}

static void batches_round_trip_in_every_codec(void **state)
{
	(void)state;
	struct record_reader reader;
	record_reader_init(&reader, 1 << 20);
	struct buf out;
	buf_init(&out, 0);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		buf_reset(&out);
		buf_add_str(&out, "before");
		assert_ok(build((enum codec)codec, &out));
		check(slice_of(out.data + 6, out.len - 6), (enum codec)codec, &reader);
	}
	buf_fini(&out);
	record_reader_fini(&reader);
}

static void patches_keep_or_renew_the_checksum(void **state)
{
	(void)state;
	struct buf out;
	struct batch batch;
	buf_init(&out, 0);
	assert_ok(build(CODEC_NONE, &out));
	batch_set_base_offset(out.data, 1LL << 40);
	batch_set_leader_epoch(out.data, 12);
	assert_ok(batch_parse(slice_of(out.data, out.len), &batch, &err));
	assert_ok(batch_check_crc(&batch, &err));
	assert_true(batch.base_offset == 1LL << 40);
	assert_int_equal(batch.leader_epoch, 12);

	batch_set_append_time(out.data, out.len, 9999);
	assert_ok(batch_parse(slice_of(out.data, out.len), &batch, &err));
	assert_ok(batch_check_crc(&batch, &err));
	assert_true(batch.attributes & BATCH_APPEND_TIME);
	struct record_reader reader;
	struct record record;
	bool got;
	record_reader_init(&reader, 0);
	assert_ok(record_reader_start(&reader, &batch, &err));
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_int_equal(record.timestamp, 9999);
	assert_true(record.offset == 1LL << 40);
	record_reader_fini(&reader);

	out.data[out.len - 1] ^= 1;
	assert_code(batch_check_crc(&batch, &err), WEIR_CORRUPT_MESSAGE);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_round_trip_in_every_codec),
		cmocka_unit_test(patches_keep_or_renew_the_checksum),
	};
	return RUN(tests);
}
