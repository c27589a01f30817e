/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void texts_are_cut_with_a_mark(void **state)
{
	(void)state;
	struct weir_err err;
	char longer[400];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_code(err_set(&err, WEIR_BAD_DATA, "%s", longer), WEIR_BAD_DATA);
	assert_string_equal(err.text + strlen(err.text) - 3, "...");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void wrap_puts_the_object_first(void **state)
{
	(void)state;
	struct weir_err err;
	(void)err_sys(&err, ENOENT, "open");
	assert_code(err_wrap(&err, "segment %d", 7), WEIR_IO);
	assert_string_equal(err.text, "segment 7: open: No such file or directory");
	assert_int_equal(err.sys_errno, ENOENT);
	assert_code(err_sys(&err, ENOSPC, "write"), WEIR_NO_SPACE);
}

static void rows_are_found_by_number_and_name(void **state)
{
	(void)state;
	assert_int_equal(err_info_find("3")->code, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(err_info_find("corrupt_message")->code, 2);
	assert_null(err_info_find("99999"));
	assert_string_equal(err_info(12345)->name, "UNKNOWN_SERVER_ERROR");
	for (size_t i = 0, j; err_info_at(i); i++) {
		for (j = 0; j < i; j++) {
			assert_int_not_equal(err_info_at(i)->code, err_info_at(j)->code);
		}
		assert_in_range(err_info_at(i)->exit_status, 0, 10);
	}
}

static void local_codes_are_never_sent(void **state)
{
	(void)state;
	for (size_t i = 0; err_info_at(i); i++) {
		assert_true(err_to_wire(err_info_at(i)->code) >= -1);
	}
	assert_int_equal(err_to_wire(WEIR_NO_SPACE), WEIR_KAFKA_STORAGE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_cut_with_a_mark),
		cmocka_unit_test(wrap_puts_the_object_first),
		cmocka_unit_test(rows_are_found_by_number_and_name),
		cmocka_unit_test(local_codes_are_never_sent),
	};
	return RUN(tests);
}
