/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/client/client.h"
#include "core/client/partitioner.h"

static void murmur2_agrees_with_java(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		int32_t hash;
	} known[] = {
		{"21", -973932308},
		{"foobar", -790332482},
		{"a-little-bit-long-string", -985981536},
		{"a-little-bit-longer-string", -1486304829},
		{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
		{"abc", 479470107},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(murmur2(slice_str(known[i].key)), known[i].hash);
	}
}

static void a_key_has_one_partition_within_the_count(void **state)
{
	(void)state;
	assert_int_equal(producer_partition_of(slice_str("21"), 1), 0);
	assert_int_equal(
		producer_partition_of(slice_str("21"), 100), (-973932308 & INT32_MAX) % 100);
	assert_int_equal(producer_partition_of(slice_str("abc"), 100), 479470107 % 100);
	for (uint32_t i = 0; i < 1000; i++) {
		int32_t at = producer_partition_of(slice_of(&i, sizeof(i)), 7);
		assert_in_range(at, 0, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(murmur2_agrees_with_java),
		cmocka_unit_test(a_key_has_one_partition_within_the_count),
	};
	return RUN(tests);
}
