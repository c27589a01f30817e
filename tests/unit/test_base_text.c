/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/log.h"
#include "core/base/near.h"
#include "core/base/number.h"

#include <string.h>

static void sizes_and_durations(void **state)
{
	(void)state;
	struct weir_err err;
	int64_t v;
	assert_ok(number_size("64k", &v, &err));
	assert_int_equal(v, 65536);
	assert_ok(number_size("1GiB", &v, &err));
	assert_int_equal(v, 1 << 30);
	assert_code(number_size("1x", &v, &err), WEIR_USAGE);
	assert_code(number_size("-1", &v, &err), WEIR_USAGE);
	assert_code(number_size("1.5", &v, &err), WEIR_USAGE);
	assert_ok(number_duration("500ms", &v, &err));
	assert_int_equal(v, 500);
	assert_ok(number_duration("1.5h", &v, &err));
	assert_int_equal(v, 5400000);
	assert_code(number_duration("5 s", &v, &err), WEIR_USAGE);
	assert_code(number_i64("12x", 0, 100, &v, &err), WEIR_USAGE);
	assert_code(number_i64("99999999999999999999", 0, INT64_MAX, &v, &err), WEIR_USAGE);
	assert_code(number_i64("", 0, 100, &v, &err), WEIR_USAGE);
	assert_code(number_i64("101", 0, 100, &v, &err), WEIR_USAGE);
	assert_string_equal(err.text, "101 is outside 0 to 100");
}

static void times(void **state)
{
	(void)state;
	struct weir_err err;
	int64_t v;
	assert_ok(number_time("1970-01-02", 0, &v, &err));
	assert_int_equal(v, 86400000);
	assert_ok(number_time("2026-01-31T10:00:00.250+02:00", 0, &v, &err));
	assert_true(v == INT64_C(1769846400250));
	assert_ok(number_time("-1h", 7200000, &v, &err));
	assert_int_equal(v, 3600000);
	assert_ok(number_time("1700000000", 0, &v, &err));
	assert_true(v == INT64_C(1700000000000));
	assert_ok(number_time("1700000000123", 0, &v, &err));
	assert_true(v == INT64_C(1700000000123));
	assert_code(number_time("2026-13-45", 0, &v, &err), WEIR_USAGE);
	assert_code(number_time("2026-01-31T10:00", 0, &v, &err), WEIR_USAGE);
	assert_code(number_time("yesterday", 0, &v, &err), WEIR_USAGE);
}

static void nearest_word(void **state)
{
	(void)state;
	struct near near;
	near_init(&near, "ordres");
	near_offer(&near, "payments");
	near_offer(&near, "orders");
	near_offer(&near, "borders");
	assert_string_equal(near.best, "orders");
	near_init(&near, "xyz");
	near_offer(&near, "orders");
	assert_null(near.best);
	assert_int_equal(near_distance("kitten", "sitting", 5), 3);
	near_init(&near, "topc");
	near_offer(&near, "top");
	near_offer(&near, "topic");
	assert_string_equal(near.best, "topic");
	near_init(&near, "topc");
	near_offer(&near, "topic");
	near_offer(&near, "top");
	assert_string_equal(near.best, "topic");
}

static char last_line[256];

static void keep_line(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	strncpy(last_line, text, sizeof(last_line) - 1);
}

static void log_lines_cannot_be_forged(void **state)
{
	(void)state;
	log_set_sink(keep_line, NULL, LOG_INFO);
	log_line(LOG_WARN, "client %s", "a\nb\x1b[2J");
	assert_string_equal(last_line, "client a\\x0ab\\x1b[2J");
	log_line(LOG_DEBUG, "dropped");
	assert_string_equal(last_line, "client a\\x0ab\\x1b[2J");
	log_set_sink(NULL, NULL, LOG_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_durations),
		cmocka_unit_test(times),
		cmocka_unit_test(nearest_word),
		cmocka_unit_test(log_lines_cannot_be_forged),
	};
	return RUN(tests);
}
