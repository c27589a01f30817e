/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/stat/stat.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

static void rows_are_whole(void **state)
{
	(void)state;
	size_t slot = 0;
	for (int i = 0; i < STAT_METRIC_COUNT; i++) {
		const struct stat_row *row = stat_row((enum stat_metric)i);
		assert_int_equal(row->slot, slot);
		slot += row->room * (row->kind == STAT_HISTOGRAM ? STAT_SLOTS_HISTOGRAM : 1);
		assert_true(row->help[strlen(row->help) - 1] == '.');
		assert_int_equal(row->room > 1, row->label != NULL);
		assert_int_equal(
			row->kind == STAT_HISTOGRAM, row->unit && !strcmp(row->unit, "seconds"));
		for (const char *p = row->name; *p; p++) {
			assert_true(islower((unsigned char)*p) || *p == '_');
		}
	}
	assert_int_equal(slot, STAT_SLOTS);
}

static void unattached_threads_count_nothing(void **state)
{
	(void)state;
	struct stat *stat = stat_new();
	stat_add(STAT_requests, 5);
	stat_time(STAT_flush_time, 0, 5);
	stat_attach(stat);
	stat_add(STAT_connections, 2);
	stat_add(STAT_connections, -1);
	stat_attach(NULL);
	stat_add(STAT_connections, 7);
	assert_int_equal(stat_read(stat, STAT_connections, 0), 1);
	assert_int_equal(stat_read(stat, STAT_requests, 0), 0);
	stat_free(&stat);
	assert_null(stat);
	stat_free(&stat);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *arg)
{
	stat_attach(arg);
	for (int i = 0; i < ROUNDS; i++) {
		stat_add(STAT_appended, 3);
		stat_add_label(STAT_requests, 200, 1);
		stat_time(STAT_request_time, 1, 1500);
	}
	stat_attach(NULL);
	return NULL;
}

static void sums_over_threads(void **state)
{
	(void)state;
	struct stat *stat = stat_new();
	pthread_t threads[THREADS];
	int64_t before = 0;
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_create(&threads[i], NULL, count, stat), 0);
		}
		for (int i = 0; i < 100; i++) {
			int64_t now = stat_read(stat, STAT_appended, 0);
			assert_true(now >= before);
			before = now;
		}
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
		}
		assert_int_equal(stat_read(stat, STAT_appended, 0), 3 * round * THREADS * ROUNDS);
		assert_int_equal(stat_read(stat, STAT_requests, 127), round * THREADS * ROUNDS);
		assert_int_equal(stat_read(stat, STAT_request_time, 1), round * THREADS * ROUNDS);
	}
	stat_free(&stat);
}

static const char *api_name(size_t label)
{
	return label == 3 ? "Meta\"data\\\n" : NULL;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	for (const char *p = text; (p = strstr(p, line)); p++) {
		if ((p == text || p[-1] == '\n') && p[len] == '\n') {
			return true;
		}
	}
	return false;
}

static void text_form(void **state)
{
	(void)state;
	struct stat *stat = stat_new();
	struct buf out;
	buf_init(&out, 0);
	stat_name_labels(stat, STAT_requests, api_name);
	stat_attach(stat);
	stat_add(STAT_appended, 10);
	stat_add(STAT_connections, -4);
	stat_add_label(STAT_requests, 3, 1);
	stat_add_label(STAT_requests, 18, 2);
	stat_time(STAT_flush_time, 0, -1);
	stat_time(STAT_flush_time, 0, 1000);
	stat_time(STAT_flush_time, 0, 1001);
	stat_time(STAT_flush_time, 0, INT64_C(60000000000));
	stat_time(STAT_request_time, 18, 5000000);
	stat_attach(NULL);
	stat_text(stat, &out);
	stat_put_family(&out, "weir_log_end", STAT_GAUGE, "End\nof \\ a log.");
	const char *labels[] = {"topic", "t\"", "partition", "0", NULL};
	stat_put_sample(&out, "weir_log_end", labels, 12);
	static const char *const lines[] = {
		"# HELP weir_appended_bytes_total Bytes appended to logs.",
		"# TYPE weir_appended_bytes_total counter",
		"weir_appended_bytes_total 10",
		"# TYPE weir_connections gauge",
		"weir_connections -4",
		"weir_requests_total{api=\"Meta\\\"data\\\\\\n\"} 1",
		"weir_requests_total{api=\"18\"} 2",
		"# TYPE weir_flush_time_seconds histogram",
		"weir_flush_time_seconds_bucket{le=\"1e-06\"} 2",
		"weir_flush_time_seconds_bucket{le=\"2e-06\"} 3",
		"weir_flush_time_seconds_bucket{le=\"16.777216\"} 3",
		"weir_flush_time_seconds_bucket{le=\"+Inf\"} 4",
		"weir_flush_time_seconds_sum 60.000002001",
		"weir_flush_time_seconds_count 4",
		"weir_request_time_seconds_bucket{le=\"0.004096\",api=\"18\"} 0",
		"weir_request_time_seconds_bucket{le=\"0.008192\",api=\"18\"} 1",
		"weir_request_time_seconds_sum{api=\"18\"} 0.005000000",
		"weir_request_time_seconds_count{api=\"18\"} 1",
		"# HELP weir_log_end End\\nof \\\\ a log.",
		"weir_log_end{topic=\"t\\\"\",partition=\"0\"} 12",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!has_line(buf_str(&out), lines[i])) {
			fail_msg("no line: %s", lines[i]);
		}
	}
	assert_null(strstr(buf_str(&out), "api=\"0\""));
	buf_fini(&out);
	stat_free(&stat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(unattached_threads_count_nothing),
		cmocka_unit_test(sums_over_threads),
		cmocka_unit_test(text_form),
	};
	return RUN(tests);
}
