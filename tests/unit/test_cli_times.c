/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Percentiles of the bench commands. */
#include "tests/unit/test.h"

#include "cli/bench.h"
#include "core/base/mem.h"

static void percentiles_are_near_the_truth(void **state)
{
	(void)state;
	struct times *times = mem_new(sizeof(*times));
	for (int64_t i = 1; i <= 100000; i++) {
		times_add(times, i * 1000);
	}
	static const double parts[] = {0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 1};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		double wanted = parts[i] * 100000 * 1000, got = (double)times_at(times, parts[i]);
		assert_true(got >= wanted * 0.999 && got <= wanted * 1.017);
	}
	assert_int_equal(times->count, 100000);
	assert_int_equal(times_at(times, 1), 100000000);
	mem_free(times);
}

static void every_size_has_its_place(void **state)
{
	(void)state;
	for (int bit = 0; bit < 63; bit++) {
		for (int64_t around = -1; around <= 1; around++) {
			int64_t ns = ((int64_t)1 << bit) + around;
			struct times *times = mem_new(sizeof(*times));
			times_add(times, ns);
			assert_int_equal(times_at(times, 0.5), ns);
			times_add(times, INT64_MAX);
			int64_t low = times_at(times, 0.5);
			assert_true(low >= ns && (double)low <= (double)ns * 1.017 + 1);
			mem_free(times);
		}
	}
}

static void none_and_negative(void **state)
{
	(void)state;
	struct times *times = mem_new(sizeof(*times));
	assert_int_equal(times_at(times, 0.99), 0);
	times_add(times, -5);
	assert_int_equal(times_at(times, 0.99), 0);
	mem_free(times);
}

static void records_are_due_at_their_rate(void **state)
{
	(void)state;
	struct bench bench = {.begin_ns = 1000};
	assert_int_equal(bench_due_ns(&bench, 7, 55), 55);
	bench.rate_count = 3;
	bench.rate_span_ms = 1000;
	assert_int_equal(bench_due_ns(&bench, 3, 55), 1000 + 1000000000);
	assert_in_range(bench_due_ns(&bench, 1, 55), 1000 + 333333332, 1000 + 333333334);
	bench.rate_span_ms = 60000;
	assert_int_equal(bench_due_ns(&bench, 3, 55), 1000 + INT64_C(60000000000));
	bench.rate_count = 1000000000;
	bench.rate_span_ms = 1000;
	assert_int_equal(bench_due_ns(&bench, INT64_C(5000000000), 0), 1000 + INT64_C(5000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_near_the_truth),
		cmocka_unit_test(every_size_has_its_place),
		cmocka_unit_test(none_and_negative),
		cmocka_unit_test(records_are_due_at_their_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
