/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What record_validate accepts, refuses and sets right. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/record/scan.h"
#include "core/record/validate.h"

#include <stdio.h>
#include <stdlib.h>

static struct weir_err err;
static struct record_reader scratch;
static struct record_verdict verdict;

static const struct record_rules plain = {
	.keep_codec = true,
	.now_ms = 5000,
	.before_max_ms = INT64_MAX,
	.after_max_ms = 3600000,
	.max_message_bytes = 1048588,
	.level = CODEC_LEVEL_DEFAULT,
	.unpack_cap = 1 << 20,
};

static int set_up(void **state)
{
	(void)state;
	record_reader_init(&scratch, 0);
	record_verdict_init(&verdict);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_verdict_fini(&verdict);
	record_reader_fini(&scratch);
	return 0;
}

/* Records at 1000, 3000, 3000, 2000; the third has no key. */
static void build(struct buf *out, enum codec codec)
{
	static const int64_t times[] = {1000, 3000, 3000, 2000};
	struct batch_builder builder;
	batch_builder_init(&builder, codec, CODEC_LEVEL_DEFAULT);
	for (int i = 0; i < 4; i++) {
		assert_ok(batch_builder_add(&builder, times[i], slice_str(i == 2 ? NULL : "k"),
			slice_str("some value, some value, some value"), NULL, 0, &err));
	}
	buf_reset(out);
	assert_ok(batch_builder_finish(&builder, 7, 0, 0, 0, out, &err));
	batch_builder_fini(&builder);
}

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;
	for (; text[0] != '-' && text[0] && text[1]; text += 2) {
		char pair[3] = {text[0], text[1], '\0'};
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* One line of produce.tsv. */
static void check_case(char *line)
{
	char *column[7];
	for (int i = 0; i < 7; i++) {
		column[i] = line;
		line += strcspn(line, "\t\n");
		*line++ = '\0';
	}
	uint8_t bytes[4096];
	size_t len = unhex(column[6], bytes);
	struct record_rules rules = plain;
	rules.refuse_zstd = atoi(column[1]) < 7;
	rules.compacted = strcmp(column[2], "compact") == 0;
	rules.append_time = strcmp(column[2], "append") == 0;
	rules.max_message_bytes = strcmp(column[2], "small") == 0 ? 500 : 1048588;
	rules.now_ms = atoll(column[3]);
	enum weir_code code = record_validate(bytes, len, &rules, &scratch, &verdict, &err);
	if ((int)code != atoi(column[5])) {
		fail_msg("%s: %d instead of %s: %s", column[0], code, column[5],
			code ? err.text : "accepted");
	}
	if (!code) {
		assert_ok(batch_check_crc(&verdict.batch, &err));
		assert_false(verdict.batch.attributes & BATCH_DELETE_HORIZON);
		assert_true(!(verdict.batch.attributes & BATCH_APPEND_TIME) != rules.append_time);
		assert_true(verdict.batch.max_timestamp == verdict.max_timestamp);
	}
}

static void answers_as_kafka_does(void **state)
{
	(void)state;
	const char *top = getenv("top_srcdir");
	char path[512], line[8192];
	snprintf(path, sizeof(path), "%s/tests/data/record/produce.tsv", top ? top : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	int seen = 0;
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != '#') {
			check_case(line);
			seen++;
		}
	}
	fclose(file);
	assert_true(seen > 55);
}

static void same_records(const struct batch *batch, const int64_t *times)
{
	struct record_reader reader;
	struct record record;
	bool got;
	record_reader_init(&reader, 0);
	assert_ok(record_reader_start(&reader, batch, &err));
	for (int i = 0; i < 4; i++) {
		assert_ok(record_reader_next(&reader, &record, &got, &err));
		assert_true(got);
		assert_int_equal(record.offset, i);
		assert_int_equal(record.timestamp, times[i]);
		assert_int_equal(record.key.data == NULL, i == 2);
		assert_int_equal(record.value.len, 34);
	}
	assert_ok(record_reader_next(&reader, &record, &got, &err));
	assert_false(got);
	record_reader_fini(&reader);
}

static void recompresses_from_any_codec_to_any(void **state)
{
	(void)state;
	static const int64_t times[] = {1000, 3000, 3000, 2000};
	struct buf sent;
	buf_init(&sent, 0);
	struct record_rules rules = plain;
	for (int from = 0; from < CODEC_COUNT; from++) {
		for (int to = -1; to < CODEC_COUNT; to++) {
			build(&sent, (enum codec)from);
			rules.keep_codec = to < 0;
			rules.target = to < 0 ? CODEC_NONE : (enum codec)to;
			assert_ok(record_validate(
				sent.data, sent.len, &rules, &scratch, &verdict, &err));
			assert_int_equal(verdict.need_rewrite, to >= 0 && to != from);
			assert_ptr_equal(verdict.bytes,
				verdict.need_rewrite ? verdict.rewritten.data : sent.data);
			assert_int_equal(batch_codec(&verdict.batch), to < 0 ? from : to);
			assert_ok(batch_check_crc(&verdict.batch, &err));
			assert_int_equal(verdict.max_timestamp, 3000);
			assert_int_equal(verdict.max_timestamp_delta, 1);
			assert_int_equal(verdict.batch.producer_id, 7);
			same_records(&verdict.batch, times);
		}
	}
	buf_fini(&sent);
}

static void append_time_is_the_brokers_clock(void **state)
{
	(void)state;
	static const int64_t times[] = {5000, 5000, 5000, 5000};
	struct buf sent;
	buf_init(&sent, 0);
	struct record_rules rules = plain;
	rules.append_time = true;
	rules.before_max_ms = rules.after_max_ms = 0;
	for (int from = 0; from < CODEC_COUNT; from++) {
		build(&sent, (enum codec)from);
		assert_ok(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err));
		assert_false(verdict.need_rewrite);
		assert_int_equal(verdict.max_timestamp, 5000);
		assert_ok(batch_check_crc(&verdict.batch, &err));
		same_records(&verdict.batch, times);
	}
	buf_fini(&sent);
}

static void broker_bits_of_a_client_are_cleared(void **state)
{
	(void)state;
	static const int64_t times[] = {1000, 3000, 3000, 2000};
	struct buf sent;
	buf_init(&sent, 0);
	build(&sent, CODEC_LZ4);
	batch_set_timestamps(
		sent.data, sent.len, CODEC_LZ4 | BATCH_APPEND_TIME | BATCH_DELETE_HORIZON, 99);
	assert_ok(record_validate(sent.data, sent.len, &plain, &scratch, &verdict, &err));
	assert_int_equal(verdict.batch.attributes, CODEC_LZ4);
	assert_int_equal(verdict.batch.max_timestamp, 3000);
	same_records(&verdict.batch, times);
	buf_fini(&sent);
}

static void the_bad_record_is_named(void **state)
{
	(void)state;
	struct buf sent, before;
	buf_init(&sent, 0);
	buf_init(&before, 0);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		build(&sent, (enum codec)codec);
		buf_reset(&before);
		buf_add(&before, sent.data, sent.len);
		struct record_rules rules = plain;
		rules.compacted = true;
		assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
			WEIR_INVALID_RECORD);
		assert_int_equal(verdict.error_index, 2);
		assert_true(verdict.error_text[0]);

		rules = plain;
		rules.now_ms = 2000;
		rules.after_max_ms = 999;
		assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
			WEIR_INVALID_TIMESTAMP);
		assert_int_equal(verdict.error_index, 1);
		rules.after_max_ms = 1000;
		rules.before_max_ms = 999;
		assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
			WEIR_INVALID_TIMESTAMP);
		assert_int_equal(verdict.error_index, 0);
		rules.before_max_ms = 1000;

		assert_true(slice_equal(
			slice_of(sent.data, sent.len), slice_of(before.data, before.len)));
		assert_ok(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err));
		assert_int_equal(verdict.error_index, -1);
		assert_string_equal(verdict.error_text, "");
	}
	buf_fini(&before);
	buf_fini(&sent);
}

static void sizes_are_held(void **state)
{
	(void)state;
	struct buf sent, zeros;
	buf_init(&sent, 0);
	buf_init(&zeros, 0);
	struct record_rules rules = plain;
	build(&sent, CODEC_NONE);
	rules.max_message_bytes = (int32_t)sent.len;
	assert_ok(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err));
	rules.max_message_bytes--;
	assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
		WEIR_MESSAGE_TOO_LARGE);
	/* Packed it fits, unpacked as the topic wants it, it does not. */
	build(&sent, CODEC_ZSTD);
	rules.keep_codec = false;
	assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
		WEIR_MESSAGE_TOO_LARGE);

	rules = plain;
	assert_true(buf_reserve(&zeros, 8 << 20));
	memset(zeros.data, 0, 8 << 20);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		struct batch_builder builder;
		batch_builder_init(&builder, (enum codec)codec, CODEC_LEVEL_DEFAULT);
		assert_ok(batch_builder_add(&builder, 1000, slice_str("k"),
			slice_of(zeros.data, 8 << 20), NULL, 0, &err));
		buf_reset(&sent);
		assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, &sent, &err));
		batch_builder_fini(&builder);
		assert_true(sent.len < 1 << 20);
		assert_code(record_validate(sent.data, sent.len, &rules, &scratch, &verdict, &err),
			WEIR_MESSAGE_TOO_LARGE);
		assert_true(scratch.unpacked.room <= 2 << 20);
	}
	buf_fini(&zeros);
	buf_fini(&sent);
}

static void any_failed_allocation_is_an_error(void **state)
{
	(void)state;
	struct buf sent;
	buf_init(&sent, 0);
	struct record_rules rules = plain;
	rules.keep_codec = false;
	for (int from = 0; from < CODEC_COUNT; from++) {
		rules.target = from == CODEC_GZIP ? CODEC_LZ4 : CODEC_GZIP;
		build(&sent, (enum codec)from);
		enum weir_code code = WEIR_NO_MEMORY;
		for (uint64_t n = 1; code && n < 100; n++) {
			struct record_reader cold;
			struct record_verdict found;
			record_reader_init(&cold, 0);
			record_verdict_init(&found);
			mem_fail_after(n);
			code = record_validate(sent.data, sent.len, &rules, &cold, &found, &err);
			mem_fail_after(0);
			if (code) {
				assert_code(code, WEIR_NO_MEMORY);
			}
			record_verdict_fini(&found);
			record_reader_fini(&cold);
		}
		assert_code(code, WEIR_OK);
	}
	buf_fini(&sent);
}

/* What the quick pass says of records, read one by one. */
static bool read_all(const struct batch *batch, struct record_scan *scan)
{
	struct record_reader reader;
	struct record record;
	bool got = true, ok = true;
	*scan = (struct record_scan){.in_order = true, .all_have_keys = true};
	record_reader_init(&reader, 0);
	assert_ok(record_reader_start(&reader, batch, &err));
	for (int32_t i = 0; ok && got; i++) {
		ok = record_reader_next(&reader, &record, &got, &err) == WEIR_OK;
		if (!ok || !got) {
			break;
		}
		scan->in_order = scan->in_order && record.offset == batch->base_offset + i;
		scan->all_have_keys = scan->all_have_keys && record.key.data;
		scan->some_lack_time = scan->some_lack_time || record.timestamp == -1;
		if (!i || record.timestamp < scan->least_timestamp) {
			scan->least_timestamp = record.timestamp;
		}
		if (!i || record.timestamp > scan->largest_timestamp) {
			scan->largest_timestamp = record.timestamp;
			scan->largest_index = i;
		}
	}
	record_reader_fini(&reader);
	return ok && batch->record_count > 0;
}

static void the_quick_pass_agrees_with_the_reader(void **state)
{
	(void)state;
	struct buf sound, damaged;
	uint64_t seed = 1;
	int good = 0, bad = 0;
	buf_init(&sound, 0);
	buf_init(&damaged, 0);
	build(&sound, CODEC_NONE);
	for (int round = 0; round < 20000; round++) {
		buf_reset(&damaged);
		buf_add(&damaged, sound.data, sound.len);
		for (int i = 0; i < round % 4; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			size_t room = sound.len - BATCH_HEADER_BYTES;
			size_t at = BATCH_HEADER_BYTES + (seed >> 33) % (room < 60 ? room : 60);
			damaged.data[at] = (uint8_t)(seed >> 20);
		}
		struct batch batch;
		struct record_scan quick, slow;
		assert_ok(batch_parse(slice_of(damaged.data, damaged.len), &batch, &err));
		struct slice records = slice_of(
			damaged.data + BATCH_HEADER_BYTES, damaged.len - BATCH_HEADER_BYTES);
		bool ok = record_scan(records, &batch, &quick);
		assert_int_equal(ok, read_all(&batch, &slow));
		bad += !ok;
		if (ok) {
			good++;
			assert_int_equal(quick.in_order, slow.in_order);
			assert_int_equal(quick.all_have_keys, slow.all_have_keys);
			assert_int_equal(quick.some_lack_time, slow.some_lack_time);
			assert_int_equal(quick.least_timestamp, slow.least_timestamp);
			assert_int_equal(quick.largest_timestamp, slow.largest_timestamp);
			assert_int_equal(quick.largest_index, slow.largest_index);
		}
	}
	assert_true(good > 1000 && bad > 1000);
	buf_fini(&sound);
	buf_fini(&damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_kafka_does),
		cmocka_unit_test(recompresses_from_any_codec_to_any),
		cmocka_unit_test(append_time_is_the_brokers_clock),
		cmocka_unit_test(broker_bits_of_a_client_are_cleared),
		cmocka_unit_test(the_bad_record_is_named),
		cmocka_unit_test(sizes_are_held),
		cmocka_unit_test(any_failed_allocation_is_an_error),
		cmocka_unit_test(the_quick_pass_agrees_with_the_reader),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
