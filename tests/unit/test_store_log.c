/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/store.h"

#include "core/base/clock.h"

static struct log_conf small_conf(void)
{
	struct log_conf conf = log_conf_default;
	conf.segment_bytes = 2000;
	conf.index_interval_bytes = 200;
	conf.file_delete_delay_ms = 0;
	return conf;
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
	for (int i = 0; i < 100; i++) {
		struct made made = {.count = 1 + i % 4, .first_ts = 1000 + i, .step = 1};
		assert_ok(append_made(log, made, i / 40, &err));
	}
	int64_t end = log_end_offset(log);
	for (int64_t from = 0; from <= end; from++) {
		check_all(log, from, end);
	}
	assert_int_equal(log_last_epoch(log), 2);
	assert_ok(log_flush(log, &err));
	assert_int_equal(log_flushed_offset(log), end);
	close_log(log);
	/* Clean and unclean. */
	for (int clean = 0; clean < 2; clean++) {
		log = open_log(scratch.dir, &conf, clean, 0, 0);
		assert_int_equal(log_end_offset(log), end);
		assert_int_equal(log_last_epoch(log), 2);
		check_all(log, 0, end);
		close_log(log);
	}
	scratch_drop(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_is_read),
	};
	return RUN(tests);
}
