/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/base/regex.h"

static bool matches(const char *pattern, int flags, struct slice text)
{
	struct regex *regex;
	bool yes = false;
	assert_int_equal(regex_new(slice_str(pattern), flags, &regex, NULL), WEIR_OK);
	assert_int_equal(regex_match(regex, text, &yes, NULL), WEIR_OK);
	regex_free(&regex);
	assert_null(regex);
	return yes;
}

static void finds(void **state)
{
	(void)state;
	assert_true(matches("b+", 0, slice_str("abbc")));
	assert_false(matches("b+", REGEX_WHOLE, slice_str("abbc")));
	assert_true(matches("a|abbc", REGEX_WHOLE, slice_str("abbc")));
	assert_true(matches("B", REGEX_ICASE, slice_str("abc")));
	assert_false(matches("B", 0, slice_str("abc")));
	assert_true(matches("", 0, slice_of(NULL, 0)));
	assert_true(matches("^$", 0, slice_str("")));
}

static void text_is_utf8_but_need_not_be(void **state)
{
	(void)state;
	assert_true(matches("^.$", 0, slice_str("\xc3\xa4")));
	assert_true(matches("\xc3\xa4", 0, slice_str("x\xff\xc3\xa4\xfe")));
	assert_false(matches("^.$", 0, slice_str("\xff")));
	assert_true(matches("a\\x00b", 0,
		slice_of("\xff\xfe"
			 "a\0b",
			5)));
}

static void wrong_patterns_say_where(void **state)
{
	(void)state;
	struct weir_err err;
	struct regex *regex = NULL;
	assert_int_equal(
		regex_new(slice_str("ab(c"), 0, &regex, &err), WEIR_INVALID_REGULAR_EXPRESSION);
	assert_non_null(strstr(err.text, "at byte 4"));
	assert_null(regex);
	assert_int_equal(
		regex_new(slice_str("\xff"), 0, &regex, &err), WEIR_INVALID_REGULAR_EXPRESSION);
	char *large = mem_new(REGEX_LEN_MAX + 1);
	memset(large, 'a', REGEX_LEN_MAX + 1);
	assert_int_equal(
		regex_new(slice_of(large, REGEX_LEN_MAX + 1), 0, &regex, &err), WEIR_TOO_LARGE);
	mem_free(large);
}

static void no_pattern_runs_for_ever(void **state)
{
	(void)state;
	struct weir_err err;
	struct regex *regex;
	bool yes;
	char text[4000];
	memset(text, 'a', sizeof(text));
	assert_int_equal(regex_new(slice_str("(a+)+$"), 0, &regex, &err), WEIR_OK);
	assert_int_equal(regex_match(regex, slice_of(text, sizeof(text)), &yes, &err), WEIR_OK);
	assert_true(yes);
	text[sizeof(text) - 1] = 'b';
	assert_int_equal(
		regex_match(regex, slice_of(text, sizeof(text)), &yes, &err), WEIR_TOO_LARGE);
	assert_non_null(strstr(err.text, "on 4000 bytes"));
	regex_free(&regex);
}

/* More than the machine code's stack holds: interpreted instead. */
static void deep_texts_still_match(void **state)
{
	(void)state;
	enum { SIZE = 200 * 1024 };
	char *text = mem_new(SIZE);
	memset(text, 'a', SIZE);
	assert_true(matches("^(?:a|b)*$", 0, slice_of(text, SIZE)));
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(text_is_utf8_but_need_not_be),
		cmocka_unit_test(wrong_patterns_say_where),
		cmocka_unit_test(no_pattern_runs_for_ever),
		cmocka_unit_test(deep_texts_still_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
