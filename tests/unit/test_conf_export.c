/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/conf/conf.h"
#include "core/conf/export.h"

#include <string.h>

/* The sample says what holds already: with its settings no longer comments, nothing changes. */
static void the_sample_loads(void **state)
{
	(void)state;
	struct weir_err err;
	struct buf sample, live;
	buf_init(&sample, 0);
	buf_init(&live, 0);
	conf_export_sample(&sample);
	char *text = (char *)(uintptr_t)buf_str(&sample);
	size_t settings = 0;
	for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
		assert_true(strcspn(line, "\n") < 120);
		size_t len = strcspn(line, "\n") + 1;
		bool setting = line[0] == '#' && line[1] != ' ';
		const char *value = setting ? memchr(line, '=', len) : NULL;
		if (value && value[1] != '\n') {
			buf_add(&live, line + 1, len - 1);
			settings++;
		}
	}
	assert_true(settings > 60);
	struct conf *conf = conf_new(), *plain = conf_new();
	struct conf_list ignored = {0};
	assert_ok(conf_load(conf, slice_of(live.data, live.len), "sample", &ignored, &err));
	assert_int_equal(ignored.count, 0);
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		struct buf a, b;
		buf_init(&a, 0);
		buf_init(&b, 0);
		assert_int_equal(conf_value(conf, row, &a), conf_value(plain, row, &b));
		assert_string_equal(buf_str(&a), buf_str(&b));
		buf_fini(&a);
		buf_fini(&b);
	}
	conf_unref(conf);
	conf_unref(plain);
	buf_fini(&sample);
	buf_fini(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_loads),
	};
	return RUN(tests);
}
