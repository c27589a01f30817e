/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmocka with the headers it wants before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/err.h"

/* The call succeeds; else the test fails with err's text. The struct must be named err. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		enum weir_code assert_code = (call);                                               \
		if (assert_code != WEIR_OK) {                                                      \
			fail_msg("%s: %s", err_info(assert_code)->name, err.text);                 \
		}                                                                                  \
	} while (0)
#define assert_code(call, wanted) assert_int_equal((call), (wanted))
#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)
