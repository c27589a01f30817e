/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"

static void arena_stops_at_its_cap(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1000);
	assert_non_null(arena_try(&a, 600));
	assert_null(arena_try(&a, 600));
	assert_null(arena_try_array(&a, SIZE_MAX / 2, 16));
	assert_null(arena_try(&a, SIZE_MAX));
	arena_reset(&a, 0);
	unsigned char *big = arena_try(&a, 100000);
	assert_non_null(big);
	for (size_t i = 0; i < 100000; i++) {
		assert_int_equal(big[i], 0);
	}
	assert_string_equal(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	arena_fini(&a);
}

static void every_failing_allocation_is_reported(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 10; n++) {
		struct buf b;
		buf_init(&b, 0);
		mem_fail_after(n);
		for (int i = 0; i < 1000; i++) {
			buf_printf(&b, "%d,", i);
		}
		bool failed = b.failed;
		mem_fail_after(0);
		buf_fini(&b);
		if (!failed) {
			assert_true(n > 3);
			return;
		}
	}
	fail_msg("the buffer never succeeded");
}

static void buffer_keeps_its_cap_and_its_error(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	buf_add(&b, "12345678", 8);
	assert_false(b.failed);
	buf_add_byte(&b, '9');
	assert_true(b.failed);
	assert_int_equal(b.len, 8);
	buf_reset(&b);
	buf_add_str(&b, "abc");
	buf_drop(&b, 2);
	assert_string_equal(buf_str(&b), "c");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_stops_at_its_cap),
		cmocka_unit_test(every_failing_allocation_is_reported),
		cmocka_unit_test(buffer_keeps_its_cap_and_its_error),
	};
	return RUN(tests);
}
