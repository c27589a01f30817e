/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/store/data_dir.h"
#include "core/store/segment.h"

#include <sys/stat.h>

static struct log_conf small_conf(void)
{
	struct log_conf conf = log_conf_default;
	conf.segment_bytes = 2000;
	conf.index_interval_bytes = 200;
	conf.file_delete_delay_ms = 0;
	return conf;
}

static size_t count_files(const char *dir, enum data_file_kind kind)
{
	struct weir_err err;
	struct data_partition partition;
	size_t count = 0;
	assert_ok(data_partition_read(dir, &partition, &err));
	for (size_t i = 0; i < partition.file_count; i++) {
		count += partition.files[i].kind == kind;
	}
	data_partition_fini(&partition);
	return count;
}

/* Every segment of dir passes segment_verify. */
static void verify_segments(const char *dir)
{
	struct weir_err err;
	struct data_partition partition;
	assert_ok(data_partition_read(dir, &partition, &err));
	for (size_t i = 0; i < partition.file_count; i++) {
		struct segment_totals totals;
		if (partition.files[i].kind != DATA_FILE_LOG) {
			continue;
		}
		char *path = mem_printf("%s/%s", dir, partition.files[i].name);
		assert_ok(segment_verify(path, NULL, NULL, &totals, &err));
		assert_int_equal(totals.faults, 0);
		mem_free(path);
	}
	data_partition_fini(&partition);
}

static void what_is_appended_is_read(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_int_equal(log_end_offset(log), 0);
	check_all(log, 0, 0);
	for (int i = 0; i < 100; i++) {
		struct made made = {.count = 1 + i % 4, .first_ts = 1000 + i, .step = 1};
		assert_ok(append_made(log, made, i / 40, &err));
	}
	int64_t end = log_end_offset(log);
	for (int64_t from = 0; from <= end; from++) {
		check_all(log, from, end);
	}
	for (int64_t to = 0; to <= end; to++) {
		enum weir_code code;
		int64_t got = read_all(log, 0, to, &code);
		/* A batch that begins below the end is given whole. */
		assert_true(got >= to && got <= to + 3);
	}
	assert_int_equal(log_last_epoch(log), 2);
	assert_ok(log_flush(log, &err));
	assert_int_equal(log_flushed_offset(log), end);
	assert_int_equal(log_unflushed_since_ms(log), -1);
	close_log(log);
	assert_true(count_files(scratch.dir, DATA_FILE_LOG) > 3);
	verify_segments(scratch.dir);
	for (int clean = 0; clean < 2; clean++) {
		log = open_log(scratch.dir, &conf, clean, 0, 0);
		assert_int_equal(log_end_offset(log), end);
		assert_int_equal(log_last_epoch(log), 2);
		check_all(log, 0, end);
		close_log(log);
		verify_segments(scratch.dir);
	}
	scratch_drop(&scratch);
}

static void reads_keep_to_their_bounds(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_span span;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	for (int i = 0; i < 10; i++) {
		assert_ok(append_made(log, (struct made){.count = 2, .pad = 100}, 0, &err));
	}
	assert_code(log_read(log, 21, 99, 100, true, &span, &err), WEIR_OFFSET_OUT_OF_RANGE);
	assert_code(log_read(log, -1, 99, 100, true, &span, &err), WEIR_OFFSET_OUT_OF_RANGE);
	assert_ok(log_read(log, 20, 99, 100, true, &span, &err));
	assert_int_equal(span.len, 0);
	assert_null(span.segment);
	/* The end given bounds the span, and an offset inside of a batch gives the batch. */
	assert_ok(log_read(log, 3, 6, 1 << 20, false, &span, &err));
	size_t two = span.len;
	assert_int_equal(span.pos * 2, two);
	log_span_release(&span);
	assert_ok(log_read(log, 2, 99, 10, false, &span, &err));
	assert_int_equal(span.len, 10);
	log_span_release(&span);
	assert_ok(log_read(log, 2, 99, 10, true, &span, &err));
	assert_int_equal(span.len, two / 2);
	log_span_release(&span);
	assert_ok(log_read(log, 4, 4, 10, true, &span, &err));
	assert_int_equal(span.len, 0);
	log_span_release(&span);
	close_log(log);
	scratch_drop(&scratch);
}

static void appends_that_do_not_fit_change_nothing(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	struct log_appended appended;
	struct buf bytes;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_ok(append_made(log, (struct made){.count = 1}, 5, &err));
	assert_code(append_made(log, (struct made){.count = 1}, 4, &err), WEIR_FENCED_LEADER_EPOCH);
	assert_code(append_made(log, (struct made){.count = 1, .pad = 3000}, 5, &err),
		WEIR_RECORD_LIST_TOO_LARGE);
	buf_init(&bytes, 0);
	make_batch(&(struct made){.count = 2}, &bytes);
	assert_code(log_append(log, bytes.data, bytes.len - 1, 5, &appended, &err),
		WEIR_CORRUPT_MESSAGE);
	assert_code(log_append(log, bytes.data, 0, 5, &appended, &err), WEIR_CORRUPT_MESSAGE);
	/* As it is: below the end, then above it. */
	assert_code(log_append_as_is(log, bytes.data, bytes.len, &appended, &err),
		WEIR_CORRUPT_MESSAGE);
	batch_set_base_offset(bytes.data, 1);
	batch_set_leader_epoch(bytes.data, 3);
	assert_code(log_append_as_is(log, bytes.data, bytes.len, &appended, &err),
		WEIR_FENCED_LEADER_EPOCH);
	assert_int_equal(log_end_offset(log), 1);
	batch_set_leader_epoch(bytes.data, 7);
	assert_ok(log_append_as_is(log, bytes.data, bytes.len, &appended, &err));
	assert_int_equal(appended.base_offset, 1);
	assert_int_equal(appended.last_offset, 2);
	assert_int_equal(log_last_epoch(log), 7);
	buf_fini(&bytes);
	close_log(log);
	scratch_drop(&scratch);
}

static void rolls_by_time_index_and_offset(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	scratch_make(&scratch);
	struct log_conf conf = log_conf_default;
	conf.segment_ms = 1000;
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_ok(append_made(log, (struct made){.count = 1, .first_ts = 5000}, 0, &err));
	assert_ok(append_made(log, (struct made){.count = 1, .first_ts = 6000}, 0, &err));
	assert_int_equal(count_files(scratch.dir, DATA_FILE_LOG), 1);
	assert_ok(append_made(log, (struct made){.count = 1, .first_ts = 6001}, 0, &err));
	assert_int_equal(count_files(scratch.dir, DATA_FILE_LOG), 2);
	/* Four entries of the offset index, that is one less of the time index. */
	conf.segment_ms = INT64_MAX;
	conf.index_interval_bytes = 0;
	conf.segment_index_bytes = 4 * 12;
	log_set_conf(log, &conf);
	for (int i = 0; i < 20; i++) {
		assert_ok(
			append_made(log, (struct made){.count = 1, .first_ts = 7000 + i}, 0, &err));
	}
	assert_true(count_files(scratch.dir, DATA_FILE_LOG) >= 6);
	size_t before = count_files(scratch.dir, DATA_FILE_LOG);
	assert_ok(log_roll(log, &err));
	assert_ok(log_roll(log, &err)); /* an empty one is kept */
	assert_int_equal(count_files(scratch.dir, DATA_FILE_LOG), before + 1);
	/* A batch too far from the base offset. */
	struct buf bytes;
	struct log_appended appended;
	buf_init(&bytes, 0);
	make_batch(&(struct made){.count = 1}, &bytes);
	batch_set_base_offset(bytes.data, log_end_offset(log));
	assert_ok(log_append_as_is(log, bytes.data, bytes.len, &appended, &err));
	batch_set_base_offset(bytes.data, log_end_offset(log) + INT32_MAX);
	assert_ok(log_append_as_is(log, bytes.data, bytes.len, &appended, &err));
	assert_int_equal(count_files(scratch.dir, DATA_FILE_LOG), before + 2);
	buf_fini(&bytes);
	close_log(log);
	verify_segments(scratch.dir);
	scratch_drop(&scratch);
}

static void truncation_at_every_offset(void **state)
{
	(void)state;
	struct weir_err err;
	for (int64_t cut = 0; cut <= 60; cut++) {
		struct scratch scratch;
		struct log_conf conf = small_conf();
		conf.segment_bytes = 700;
		scratch_make(&scratch);
		struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
		for (int i = 0; i < 20; i++) {
			assert_ok(append_made(
				log, (struct made){.count = 3, .first_ts = i}, i / 5, &err));
		}
		assert_ok(log_flush(log, &err));
		assert_ok(log_truncate(log, cut, &err));
		int64_t end = cut - cut % 3;
		assert_int_equal(log_end_offset(log), end);
		assert_int_equal(log_flushed_offset(log), end);
		assert_int_equal(log_last_epoch(log), end ? (end - 1) / 15 : -1);
		check_all(log, 0, end);
		assert_ok(append_made(log, (struct made){.count = 4, .first_ts = 99}, 9, &err));
		check_all(log, 0, end + 4);
		if (cut & 1) {
			abandon_log(log);
		} else {
			close_log(log);
			verify_segments(scratch.dir);
		}
		log = open_log(scratch.dir, &conf, !(cut & 1), 0, 0);
		assert_int_equal(log_end_offset(log), end + 4);
		check_all(log, 0, end + 4);
		close_log(log);
		scratch_drop(&scratch);
	}
}

static void a_reset_log_begins_elsewhere(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	for (int i = 0; i < 50; i++) {
		assert_ok(append_made(log, (struct made){.count = 3}, 1, &err));
	}
	assert_ok(log_reset(log, 1000, &err));
	assert_int_equal(log_start_offset(log), 1000);
	assert_int_equal(log_end_offset(log), 1000);
	assert_int_equal(log_size_bytes(log), 0);
	assert_int_equal(log_last_epoch(log), -1);
	assert_ok(append_made(log, (struct made){.count = 3}, 2, &err));
	check_all(log, 1000, 1003);
	close_log(log);
	log = open_log(scratch.dir, &conf, false, 1003, 1000);
	check_all(log, 1000, 1003);
	close_log(log);
	scratch_drop(&scratch);
}

static void deletion_raises_the_start(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_span span;
	struct log_conf conf = small_conf();
	conf.file_delete_delay_ms = 1000;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	for (int i = 0; i < 50; i++) {
		assert_ok(append_made(log, (struct made){.count = 3}, i / 10, &err));
	}
	size_t files = count_files(scratch.dir, DATA_FILE_LOG);
	assert_code(log_delete_before(log, 151, &err), WEIR_OFFSET_OUT_OF_RANGE);
	/* Read while it goes. */
	assert_ok(log_read(log, 0, 150, 4096, true, &span, &err));
	assert_ok(log_delete_before(log, 100, &err));
	uint8_t *bytes = mem_new(span.len);
	assert_ok(log_span_copy(&span, bytes, &err));
	mem_free(bytes);
	log_span_release(&span);
	assert_int_equal(log_start_offset(log), 100);
	assert_true(count_files(scratch.dir, DATA_FILE_LOG) < files);
	assert_true(count_files(scratch.dir, DATA_FILE_DELETED) > 0);
	assert_int_equal(log_epoch_at(log, 99), -1);
	assert_int_equal(log_epoch_at(log, 100), 3);
	assert_code(log_read(log, 99, 150, 100, true, &span, &err), WEIR_OFFSET_OUT_OF_RANGE);
	check_all(log, 100, 150);
	assert_ok(log_delete_before(log, 50, &err)); /* below: nothing */
	assert_int_equal(log_start_offset(log), 100);
	clock_freeze(0, (clock_mono_ms() + 5000) * 1000000);
	assert_ok(log_retain(log, 0, 150, &err));
	clock_release();
	assert_int_equal(count_files(scratch.dir, DATA_FILE_DELETED), 0);
	close_log(log);
	log = open_log(scratch.dir, &conf, true, 150, 100);
	assert_int_equal(log_start_offset(log), 100);
	assert_ok(log_delete_before(log, 150, &err));
	assert_int_equal(log_start_offset(log), 150);
	assert_int_equal(log_end_offset(log), 150);
	close_log(log);
	scratch_drop(&scratch);
}

static void retention_by_time_and_size(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	conf.retention_ms = 1000;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	for (int i = 0; i < 100; i++) {
		assert_ok(
			append_made(log, (struct made){.count = 3, .first_ts = i * 100}, 0, &err));
	}
	/* Not above the high watermark. */
	assert_ok(log_retain(log, 20000, 0, &err));
	assert_int_equal(log_start_offset(log), 0);
	assert_ok(log_retain(log, 6000, 300, &err));
	int64_t start = log_start_offset(log);
	assert_true(start > 100 && start <= 153);
	check_all(log, start, 300);
	conf.cleanup_delete = false;
	log_set_conf(log, &conf);
	assert_ok(log_retain(log, 20000, 300, &err));
	assert_int_equal(log_start_offset(log), start);
	conf.cleanup_delete = true;
	conf.retention_ms = -1;
	conf.retention_bytes = 3000;
	log_set_conf(log, &conf);
	assert_ok(log_retain(log, 0, 300, &err));
	assert_true(log_size_bytes(log) >= 3000 && log_size_bytes(log) < 5000);
	check_all(log, log_start_offset(log), 300);
	/* All too old: even the active one goes, the end stays. */
	conf.retention_ms = 1000;
	log_set_conf(log, &conf);
	assert_ok(log_retain(log, 1000000, 300, &err));
	assert_int_equal(log_start_offset(log), 300);
	assert_int_equal(log_size_bytes(log), 0);
	close_log(log);
	log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_int_equal(log_start_offset(log), 300);
	assert_int_equal(log_end_offset(log), 300);
	close_log(log);
	scratch_drop(&scratch);
}

static void times_are_found(void **state)
{
	(void)state;
	struct weir_err err;
	static const enum codec codecs[] = {
		CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD};
	struct scratch scratch;
	struct log_conf conf = small_conf();
	struct log_found found;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_ok(log_find_time(log, 0, 0, &found, &err));
	assert_int_equal(found.offset, -1);
	assert_ok(log_find_max_time(log, 0, &found, &err));
	assert_int_equal(found.offset, -1);
	for (int i = 0; i < 60; i++) {
		/* Offset o has timestamp 1000 + 10 o. */
		struct made made = {.count = 5,
			.first_ts = 1000 + 50 * i,
			.step = 10,
			.codec = codecs[i % 5],
			.pad = 20};
		assert_ok(append_made(log, made, i / 20, &err));
	}
	for (int pass = 0; pass < 3; pass++) {
		for (int64_t o = 0; o < 300; o++) {
			assert_ok(
				log_find_time(log, 1000 + 10 * o - 9 * (o % 2), 300, &found, &err));
			assert_int_equal(found.offset, o);
			assert_int_equal(found.timestamp, 1000 + 10 * o);
			assert_int_equal(found.leader_epoch, o / 100);
		}
		assert_ok(log_find_time(log, 1000 + 10 * 299 + 1, 300, &found, &err));
		assert_int_equal(found.offset, -1);
		assert_ok(log_find_time(log, 1000 + 10 * 250, 250, &found, &err));
		assert_int_equal(found.offset, -1);
		assert_ok(log_find_max_time(log, 300, &found, &err));
		assert_int_equal(found.offset, 299);
		assert_ok(log_find_max_time(log, 100, &found, &err));
		assert_int_equal(found.offset, 99);
		if (pass == 0) {
			close_log(log);
		} else {
			abandon_log(log);
		}
		log = open_log(scratch.dir, &conf, pass == 0, 0, 0);
	}
	/* An old one on top: the largest stays where it was. */
	assert_ok(append_made(log, (struct made){.count = 1, .first_ts = 5}, 3, &err));
	assert_ok(log_find_max_time(log, 301, &found, &err));
	assert_int_equal(found.offset, 299);
	assert_ok(log_delete_before(log, 300, &err));
	assert_ok(log_find_max_time(log, 301, &found, &err));
	assert_int_equal(found.offset, 300);
	close_log(log);
	scratch_drop(&scratch);
}

static void epochs_answer_as_kafka_does(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	int32_t epoch;
	int64_t end;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	log_epoch_end(log, 0, &epoch, &end);
	assert_int_equal(epoch, -1);
	assert_int_equal(end, -1);
	assert_ok(append_made(log, (struct made){.count = 10}, 2, &err));
	assert_ok(append_made(log, (struct made){.count = 10}, 5, &err));
	assert_ok(log_start_epoch(log, 6, &err)); /* nothing in it */
	assert_ok(log_start_epoch(log, 7, &err));
	assert_code(log_start_epoch(log, 6, &err), WEIR_FENCED_LEADER_EPOCH);
	static const struct {
		int32_t asked, epoch;
		int64_t end;
	} wanted[] = {{-1, -1, -1}, {0, 0, 0}, {2, 2, 10}, {4, 2, 10}, {5, 5, 20}, {6, 5, 20},
		{7, 7, 20}, {8, -1, -1}};
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			log_epoch_end(log, wanted[i].asked, &epoch, &end);
			assert_int_equal(epoch, wanted[i].epoch);
			assert_int_equal(end, wanted[i].end);
		}
		assert_int_equal(log_epoch_at(log, 9), 2);
		assert_int_equal(log_epoch_at(log, 10), 5);
		assert_int_equal(log_epoch_at(log, 20), 7);
		close_log(log);
		log = open_log(scratch.dir, &log_conf_default, pass == 0, 0, 0);
	}
	close_log(log);
	/* Without the file they come from the batches. */
	char *path = mem_printf("%s/leader-epoch-checkpoint", scratch.dir);
	assert_int_equal(unlink(path), 0);
	mem_free(path);
	log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	assert_int_equal(log_epoch_at(log, 9), 2);
	assert_int_equal(log_last_epoch(log), 5);
	close_log(log);
	scratch_drop(&scratch);
}

static void a_deleted_log_moves_aside(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct data_dir dir;
	char name[250], *moved;
	scratch_make(&scratch);
	memset(name, 'n', 249);
	name[249] = '\0';
	char *path = mem_printf("%s/%s-7", scratch.root, name);
	struct log *log = open_log(path, &log_conf_default, true, 0, 0);
	assert_ok(append_made(log, (struct made){.count = 10}, 2, &err));
	assert_ok(log_delete(&log, &moved, &err));
	assert_null(log);
	assert_int_equal(strlen(strrchr(moved, '/') + 1), 255);
	assert_ok(data_dir_read(scratch.root, &dir, &err));
	assert_int_equal(dir.count, 1);
	assert_int_equal(dir.partitions[0].kind, DATA_DIR_DELETE);
	assert_int_equal(dir.partitions[0].partition, 7);
	data_dir_fini(&dir);
	assert_ok(fs_remove_tree(moved, &err));
	mem_free(moved);
	mem_free(path);
	scratch_drop(&scratch);
}

static void a_preallocated_log_is_cut_to_size(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	conf.preallocate = true;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	for (int i = 0; i < 50; i++) {
		assert_ok(append_made(log, (struct made){.count = 3}, 0, &err));
	}
	check_all(log, 0, 150);
	abandon_log(log);
	log = open_log(scratch.dir, &conf, false, 100, 0);
	assert_int_equal(log_end_offset(log), 150);
	check_all(log, 0, 150);
	assert_int_equal(count_files(scratch.dir, DATA_FILE_OTHER), 0);
	assert_ok(append_made(log, (struct made){.count = 3}, 0, &err));
	check_all(log, 0, 153);
	int64_t size = log_size_bytes(log);
	close_log(log);
	verify_segments(scratch.dir);
	log = open_log(scratch.dir, &conf, true, 153, 0);
	assert_int_equal(log_size_bytes(log), size);
	check_all(log, 0, 153);
	close_log(log);
	scratch_drop(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_is_read),
		cmocka_unit_test(reads_keep_to_their_bounds),
		cmocka_unit_test(appends_that_do_not_fit_change_nothing),
		cmocka_unit_test(rolls_by_time_index_and_offset),
		cmocka_unit_test(truncation_at_every_offset),
		cmocka_unit_test(a_reset_log_begins_elsewhere),
		cmocka_unit_test(deletion_raises_the_start),
		cmocka_unit_test(retention_by_time_and_size),
		cmocka_unit_test(times_are_found),
		cmocka_unit_test(epochs_answer_as_kafka_does),
		cmocka_unit_test(a_deleted_log_moves_aside),
		cmocka_unit_test(a_preallocated_log_is_cut_to_size),
	};
	return RUN(tests);
}
