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

static void guesses_are_those_of_other_clients(void **state)
{
	(void)state;
	int32_t guesses[PARTITION_GUESSES];
	partition_guesses(slice_str("abc"), 100, guesses);
	assert_int_equal(guesses[0], 479470107 % 100);
	assert_int_equal(guesses[1], 0x352441c2 % 100);
	assert_int_equal(guesses[2], 0x1a47e90b % 100);
	partition_guesses(slice_str("a"), 97, guesses);
	assert_int_equal(guesses[1], 0xe8b7be43 % 97);
	assert_int_equal(guesses[2], -((int32_t)0xe40c292c % 97));
	partition_guesses(slice_of("", 0), 1, guesses);
	assert_int_equal(guesses[0] + guesses[1] + guesses[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(murmur2_agrees_with_java),
		cmocka_unit_test(a_key_has_one_partition_within_the_count),
		cmocka_unit_test(guesses_are_those_of_other_clients),
	};
	return RUN(tests);
}
