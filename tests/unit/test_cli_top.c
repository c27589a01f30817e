/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/top_screen.h"

static void sparklines(void **state)
{
	(void)state;
	char text[64];
	static const double steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	top_sparkline(steps, 9, 16, text);
	assert_string_equal(text, " ▁▂▃▄▅▆▇█");
	top_sparkline(steps, 9, 3, text);
	assert_string_equal(text, "▆▇█");
	static const double flat[] = {0, 0, 0};
	top_sparkline(flat, 3, 16, text);
	assert_string_equal(text, "   ");
	static const double same[] = {5, 5};
	top_sparkline(same, 2, 16, text);
	assert_string_equal(text, "██");
	top_sparkline(same, 0, 16, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sparklines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
