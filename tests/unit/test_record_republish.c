/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/record/record.h"

#include <string.h>

static const struct record_header headers[] = {
	{{(const uint8_t *)"a", 1}, {(const uint8_t *)"1", 1}},
	{{(const uint8_t *)"a", 1}, {NULL, 0}},
};

/* Three records at 100, 300, 200 ms: "v0", null, "v2". */
static void build(enum codec codec, int16_t attributes, int64_t producer_id, struct buf *out)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, codec, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	assert_ok(batch_builder_add(
		&builder, 100, slice_str("k0"), slice_str("v0"), headers, 2, &err));
	assert_ok(batch_builder_add(
		&builder, 300, slice_str("k1"), slice_of(NULL, 0), NULL, 0, &err));
	assert_ok(batch_builder_add(
		&builder, 200, slice_of(NULL, 0), slice_str("v2"), NULL, 0, &err));
	buf_init(out, 0);
	int16_t epoch = producer_id < 0 ? -1 : 3;
	assert_ok(batch_builder_finish(
		&builder, producer_id, epoch, producer_id < 0 ? -1 : 7, attributes, out, &err));
	batch_set_base_offset(out->data, 500);
	batch_set_leader_epoch(out->data, 4);
	batch_builder_fini(&builder);
}

/* Republishes in; what comes out is a batch that producers send. */
static void republish(const struct buf *in, struct buf *out, struct batch *got, int32_t wanted)
{
	struct weir_err err;
	struct batch batch;
	struct record_reader reader;
	int32_t count;
	record_reader_init(&reader, 1 << 20);
	buf_init(out, 0);
	assert_ok(batch_parse(slice_of(in->data, in->len), &batch, &err));
	assert_ok(batch_republish(&batch, &reader, out, &count, &err));
	record_reader_fini(&reader);
	assert_int_equal(count, wanted);
	if (!wanted) {
		assert_int_equal(out->len, 0);
		return;
	}
	assert_ok(batch_parse(slice_of(out->data, out->len), got, &err));
	assert_ok(batch_check_crc(got, &err));
	assert_int_equal(got->magic, 2);
	assert_int_equal(got->base_offset, 0);
	assert_int_equal(got->leader_epoch, -1);
	assert_int_equal(got->record_count, wanted);
	assert_int_equal(got->last_offset_delta, wanted - 1);
	assert_int_equal(got->producer_id, -1);
	assert_int_equal(got->producer_epoch, -1);
	assert_int_equal(got->base_sequence, -1);
	assert_int_equal(got->attributes & ~BATCH_CODEC_MASK, 0);
}

static void check_records(const struct batch *batch, const int64_t *timestamps)
{
	struct weir_err err;
	struct record_reader reader;
	struct record record;
	bool got;
	record_reader_init(&reader, 1 << 20);
	assert_ok(record_reader_start(&reader, batch, &err));
	for (int i = 0; i < batch->record_count; i++) {
		assert_ok(record_reader_next(&reader, &record, &got, &err));
		assert_true(got);
		assert_int_equal(record.offset, i);
		assert_int_equal(record.timestamp, timestamps[i]);
		assert_int_equal(record.header_count, i ? 0 : 2);
		assert_int_equal(!record.value.data, i == 1);
		assert_int_equal(!record.key.data, i == 2);
	}
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_false(got);
	record_reader_fini(&reader);
}

static void records_stay_packed(void **state)
{
	(void)state;
	static const int64_t times[] = {100, 300, 200};
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		for (int txn = 0; txn < 2; txn++) {
			struct buf in, out;
			struct batch got;
			build((enum codec)codec, txn ? BATCH_TRANSACTIONAL : 0, txn ? 9 : -1, &in);
			republish(&in, &out, &got, 3);
			assert_int_equal(batch_codec(&got), codec);
			assert_int_equal(in.len, out.len);
			assert_memory_equal(in.data + BATCH_HEADER_BYTES,
				out.data + BATCH_HEADER_BYTES, in.len - BATCH_HEADER_BYTES);
			check_records(&got, times);
			buf_fini(&in);
			buf_fini(&out);
		}
	}
}

static void append_time_becomes_the_records_own(void **state)
{
	(void)state;
	static const int64_t times[] = {5000, 5000, 5000};
	struct buf in, out;
	struct batch got;
	build(CODEC_LZ4, 0, -1, &in);
	batch_set_append_time(in.data, in.len, 5000);
	republish(&in, &out, &got, 3);
	assert_int_equal(batch_codec(&got), CODEC_LZ4);
	check_records(&got, times);
	buf_fini(&in);
	buf_fini(&out);
}

/* As compaction leaves them: fewer records than offsets, a horizon as base timestamp. */
static void gaps_are_closed(void **state)
{
	(void)state;
	static const int64_t times[] = {100, 300, 200};
	struct weir_err err;
	struct buf in, out, holed;
	struct batch batch, got;
	build(CODEC_NONE, BATCH_DELETE_HORIZON, -1, &in);
	assert_ok(batch_parse(slice_of(in.data, in.len), &batch, &err));
	batch.last_offset_delta = 9;
	buf_init(&holed, 0);
	assert_ok(batch_encode(&batch,
		slice_of(in.data + BATCH_HEADER_BYTES, in.len - BATCH_HEADER_BYTES), 0, &holed,
		&err));
	republish(&holed, &out, &got, 3);
	check_records(&got, times);
	buf_fini(&in);
	buf_fini(&out);
	buf_fini(&holed);
}

static void control_batches_are_left_out(void **state)
{
	(void)state;
	struct buf in, out;
	struct batch got;
	build(CODEC_NONE, BATCH_CONTROL | BATCH_TRANSACTIONAL, 9, &in);
	republish(&in, &out, &got, 0);
	buf_fini(&in);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_stay_packed),
		cmocka_unit_test(append_time_becomes_the_records_own),
		cmocka_unit_test(gaps_are_closed),
		cmocka_unit_test(control_batches_are_left_out),
	};
	return RUN(tests);
}
