/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message sets of magic 0 and 1. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static struct weir_err err;
static struct record_reader reader;

static int set_up(void **state)
{
	(void)state;
	record_reader_init(&reader, 1 << 16);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_reader_fini(&reader);
	return 0;
}

/* The next record is number i of those in legacy.tsv. */
static void check_record(int i, int magic, int64_t first)
{
	static const int64_t times[] = {1000, 3000, 2000};
	struct record record;
	bool got;
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_true(got);
	assert_int_equal(record.offset, first + i);
	assert_int_equal(record.timestamp, magic ? times[i] : -1);
	assert_int_equal(record.header_count, 0);
	if (i == 0) {
		assert_true(slice_equal(record.key, slice_str("k1")));
		assert_true(slice_equal(record.value, slice_str("v1")));
	} else if (i == 1) {
		assert_null(record.key.data);
		assert_int_equal(record.value.len, 200);
		assert_int_equal(record.value.data[199], 'x');
	} else {
		assert_non_null(record.key.data);
		assert_int_equal(record.key.len, 0);
		assert_null(record.value.data);
	}
}

static void check_end(void)
{
	struct record record;
	bool got = true;
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_false(got);
}

static void check_set(struct buf *bytes, int magic, enum codec codec)
{
	struct batch batch;
	struct slice rest = slice_of(bytes->data, bytes->len);
	if (codec != CODEC_NONE) {
		/* As a broker would keep it: the last record's offset; inner ones relative in
		 * magic 1. */
		if (magic) {
			batch_set_base_offset(bytes->data, 1002);
		}
		assert_ok(batch_parse(rest, &batch, &err));
		assert_int_equal(batch.bytes.len, bytes->len);
		assert_ok(batch_check_crc(&batch, &err));
		assert_int_equal(batch_codec(&batch), codec);
		assert_int_equal(batch.record_count, -1);
		assert_int_equal(batch_last_offset(&batch), magic ? 1002 : 0);
		assert_ok(record_reader_start(&reader, &batch, &err));
		for (int i = 0; i < 3; i++) {
			check_record(i, magic, magic ? 1000 : 0);
		}
		check_end();
		return;
	}
	for (int i = 0; i < 3; i++) {
		assert_ok(batch_parse(rest, &batch, &err));
		assert_ok(batch_check_crc(&batch, &err));
		assert_int_equal(batch.magic, magic);
		assert_int_equal(batch.base_offset, i);
		assert_int_equal(batch.record_count, 1);
		assert_int_equal(batch.producer_id, -1);
		assert_ok(record_reader_start(&reader, &batch, &err));
		check_record(i, magic, 0);
		check_end();
		rest = slice_of(rest.data + batch.bytes.len, rest.len - batch.bytes.len);
	}
	assert_int_equal(rest.len, 0);
}

/* Calls check for each line of legacy.tsv. */
static int each_set(void (*check)(struct buf *bytes, int magic, enum codec codec))
{
	const char *top = getenv("top_srcdir");
	char path[512], line[8192], name[16], hex[8000];
	snprintf(path, sizeof(path), "%s/tests/data/record/legacy.tsv", top ? top : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	struct buf bytes;
	buf_init(&bytes, 0);
	int seen = 0, magic;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%d %15s %7999s", &magic, name, hex) != 3) {
			continue;
		}
		enum codec codec;
		assert_true(codec_find(name, &codec));
		buf_reset(&bytes);
		for (const char *p = hex; p[0] && p[1]; p += 2) {
			char pair[3] = {p[0], p[1], '\0'};
			buf_add_byte(&bytes, (uint8_t)strtoul(pair, NULL, 16));
		}
		check(&bytes, magic, codec);
		seen++;
	}
	buf_fini(&bytes);
	fclose(file);
	return seen;
}

static void message_sets_are_read(void **state)
{
	(void)state;
	assert_int_equal(each_set(check_set), 8);
}

/* Puts the checksum of the message at bytes right. */
static void sum_again(struct buf *bytes)
{
	uint32_t size = be32_get(bytes->data + 8);
	be32_put(bytes->data + 12, (uint32_t)crc32(0, bytes->data + 16, size - 4));
}

static void check_append_time(struct buf *bytes, int magic, enum codec codec)
{
	struct batch batch;
	struct record record;
	bool got;
	bytes->data[17] |= 0x38; /* append time, and bits that mean nothing here */
	if (magic) {
		be64_put(bytes->data + 18, 7777);
	}
	sum_again(bytes);
	assert_ok(batch_parse(slice_of(bytes->data, bytes->len), &batch, &err));
	assert_ok(batch_check_crc(&batch, &err));
	assert_int_equal(batch.attributes, (int)codec | (magic ? BATCH_APPEND_TIME : 0));
	assert_ok(record_reader_start(&reader, &batch, &err));
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_int_equal(record.timestamp, magic ? 7777 : -1);
}

static void a_wrapper_gives_its_append_time(void **state)
{
	(void)state;
	assert_int_equal(each_set(check_append_time), 8);
}

/* Reads all there is; the code of the first failure. */
static enum weir_code read_all(struct slice bytes)
{
	while (bytes.len) {
		struct batch batch;
		struct record record;
		bool got = true;
		enum weir_code code = batch_parse(bytes, &batch, &err);
		if (!code) {
			code = record_reader_start(&reader, &batch, &err);
		}
		while (!code && got) {
			code = record_reader_next(&reader, &record, &got, &err);
		}
		if (code) {
			return code;
		}
		bytes = slice_of(bytes.data + batch.bytes.len, bytes.len - batch.bytes.len);
	}
	return WEIR_OK;
}

static void check_cuts(struct buf *bytes, int magic, enum codec codec)
{
	(void)magic;
	for (size_t len = 1; codec != CODEC_NONE && len < bytes->len; len++) {
		/* The length field says so, and the value's, as far as there is one. */
		uint8_t *copy = mem_dup(bytes->data, len);
		assert_code(read_all(slice_of(copy, len)), WEIR_CORRUPT_MESSAGE);
		if (len > 34) {
			be32_put(copy + 8, (uint32_t)len - 12);
			size_t value = magic ? 30 : 22;
			be32_put(copy + value, (uint32_t)(len - value - 4));
			assert_code(read_all(slice_of(copy, len)), WEIR_CORRUPT_MESSAGE);
		}
		mem_free(copy);
	}
}

static void cut_sets_are_corrupt(void **state)
{
	(void)state;
	assert_int_equal(each_set(check_cuts), 8);
}

static void check_old_header_sum(struct buf *bytes, int magic, enum codec codec)
{
	if (codec != CODEC_LZ4) {
		return;
	}
	/* Magic 0 takes any checksum in the frame's header, since Kafka's was wrong; magic 1 only
	 * the right one. */
	uint8_t *header = bytes->data + (magic ? 34 : 26);
	assert_memory_equal(header, "\x04\x22\x4d\x18", 4);
	size_t pos = header[4] & 8 ? 14 : 6;
	for (int turn = 0; turn < 2; turn++) {
		header[pos] ^= 0x5a;
		sum_again(bytes);
		bool right = magic == 0 || turn == 1;
		assert_code(read_all(slice_of(bytes->data, bytes->len)),
			right ? WEIR_OK : WEIR_CORRUPT_MESSAGE);
	}
}

static void old_lz4_headers_pass_in_magic_0(void **state)
{
	(void)state;
	each_set(check_old_header_sum);
}

static void check_memory(struct buf *bytes, int magic, enum codec codec)
{
	(void)magic;
	(void)codec;
	enum weir_code code = WEIR_NO_MEMORY;
	for (uint64_t n = 1; code && n < 50; n++) {
		buf_fini(&reader.unpacked);
		mem_fail_after(n);
		code = read_all(slice_of(bytes->data, bytes->len));
		mem_fail_after(0);
		if (code) {
			assert_code(code, WEIR_NO_MEMORY);
		}
	}
	assert_code(code, WEIR_OK);
}

static void any_failed_allocation_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(each_set(check_memory), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_sets_are_read),
		cmocka_unit_test(a_wrapper_gives_its_append_time),
		cmocka_unit_test(cut_sets_are_corrupt),
		cmocka_unit_test(old_lz4_headers_pass_in_magic_0),
		cmocka_unit_test(any_failed_allocation_is_an_error),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
