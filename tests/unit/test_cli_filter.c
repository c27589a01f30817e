/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/filter.h"

#include <string.h>

static const struct record_header headers[] = {
	{{(const uint8_t *)"a", 1}, {(const uint8_t *)"1", 1}},
	{{(const uint8_t *)"a", 1}, {(const uint8_t *)"2", 1}},
	{{(const uint8_t *)"n", 1}, {NULL, 0}},
};

static struct row row_of(const char *key, const char *value)
{
	struct row row = row_none;
	row.topic = slice_str("orders");
	row.key = slice_str(key);
	row.value = slice_str(value);
	row.headers = headers;
	row.header_count = 3;
	return row;
}

static bool passes(const char *text, const struct row *row)
{
	struct opt_list list = {.items = &text, .count = 1};
	struct filters *filters = NULL;
	struct weir_err err;
	bool wanted = false;
	assert_ok(filters_new(&list, &filters, &err));
	assert_ok(filters_match(filters, FILTERS_ALL, row, &wanted, &err));
	filters_free(&filters);
	return wanted;
}

static void tests_of_plain_text(void **state)
{
	(void)state;
	static const struct {
		const char *filter;
		bool passes;
	} cases[] = {
		{"k:^4", true},
		{"k:^2", false},
		{"!k:^2", true},
		{"k=42", true},
		{"k=4", false},
		{"!k=4", true},
		{"v:(?i)HELLO", true},
		{"v=hello world", true},
		{"v=hello", false},
		{"t:^ord", true},
		{"t=orders", true},
		{"t=order", false},
		{"h:a", true},
		{"h:b", false},
		{"!h:b", true},
		{"h:n", true},
		{"h:a=2", true}, /* one of several is enough */
		{"h:a=3", false},
		{"h=a=1", true},
		{"h=a=", false},
		{"h:n=", false}, /* null matches nothing */
		{"h=n=", false},
		{"size==11", true},
		{"size>10", true},
		{"size<11", false},
		{"size >= 11", true},
		{"size<1k", true},
		{"size!=11", false},
		{"null", false},
		{"!null", true},
		{"nokey", false},
	};
	struct row row = row_of("42", "hello world");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (passes(cases[i].filter, &row) != cases[i].passes) {
			fail_msg("%s", cases[i].filter);
		}
	}
}

static void null_matches_nothing_but_null(void **state)
{
	(void)state;
	struct row row = row_of(NULL, NULL);
	static const char *const no[] = {
		"k:", "k=", "v:", "v=", "size<1", "size==0", ".", ".a", "!null", "!nokey"};
	static const char *const yes[] = {"null", "nokey", "!k:", "!v=x", "!.a==1"};
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		assert_false(passes(no[i], &row));
	}
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		assert_true(passes(yes[i], &row));
	}
	row = row_of("", "");
	assert_true(passes("k=", &row) && passes("v:^$", &row) && passes("size==0", &row));
	assert_false(passes("null", &row) || passes("nokey", &row));
}

static void tests_of_json(void **state)
{
	(void)state;
	static const struct {
		const char *filter;
		bool passes;
	} cases[] = {
		{".", true},
		{".id", true},
		{".nope", false},
		{"!.nope", true},
		{".none", true}, /* null is there */
		{".none==null", true},
		{".id==5", true},
		{".id=5", true},
		{".id == 5.0", true},
		{".id!=5", false},
		{".id!=6", true},
		{".id>4", true},
		{".id>=5", true},
		{".id<5", false},
		{".id<=4.5", false},
		{".id==\"5\"", false}, /* a number is not its digits */
		{".id!=\"5\"", true},
		{".id>a", false},
		{".id<a", false},
		{".id~^5$", true},
		{".name==anna", true},
		{".name==\"anna\"", true},
		{".name~^an", true},
		{".name~^na", false},
		{".name>ann", true},
		{".name<b", true},
		{".ok==true", true},
		{".ok==false", false},
		{".ok~true", false},
		{".price>2.4", true},
		{".price<2.51", true},
		{".a.b.c==deep", true},
		{".a.b", true},
		{".a.c.b", false},
		{".a.b=={\"c\":\"deep\"}", true},
		{".list[0]==1", true},
		{".list[2]==3", true},
		{".list[3]", false},
		{".list[]==3", true},
		{".list[]==4", false},
		{".list[]>2", true},
		{".objs[].x==2", true},
		{".objs[1].x==2", true},
		{".objs[].x==3", false},
		{".\"odd name\"==1", true},
		{".\"q\\\"uote\"==2", true},
		{".name[0]", false},
		{".list.x", false},
	};
	struct row row = row_of("k",
		"{\"id\":5,\"name\":\"anna\",\"ok\":true,\"price\":2.5,\"none\":null,"
		"\"a\":{\"b\":{\"c\":\"deep\"}},\"list\":[1,2,3],\"objs\":[{\"x\":1},{\"x\":2}],"
		"\"odd name\":1,\"q\\\"uote\":2}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (passes(cases[i].filter, &row) != cases[i].passes) {
			fail_msg("%s", cases[i].filter);
		}
	}
}

static void json_need_not_be_an_object(void **state)
{
	(void)state;
	struct row row = row_of("k", "[[1],[2]]");
	assert_true(passes(".[1][0]==2", &row));
	assert_true(passes(".[][]==1", &row));
	row = row_of("k", "17");
	assert_true(passes(".==17", &row));
	row = row_of("k", "no json");
	assert_false(passes(".", &row) || passes(".!=1", &row));
	row = row_of("k", "{\"a\":1} trailing");
	assert_false(passes(".a", &row));
}

static void wrong_filters_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "x", "k", "k~a", "kk=1", "!", "!!null", "k:(",
		"h:", "h=a", "h:a=(", "h==x", "size", "size>", "size>x", "size~1", ".a..b", ".a[",
		".a[x]", ".a[-1]", ".a[99999999999]", ".a b", ".a ? 1", ".a~(", ".\"a", ".a==\xff",
		"nul"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct opt_list list = {.items = (const char *[]){wrong[i]}, .count = 1};
		struct filters *filters = NULL;
		struct weir_err err;
		if (filters_new(&list, &filters, &err) != WEIR_USAGE) {
			fail_msg("taken: %s", wrong[i]);
		}
		assert_null(filters);
		assert_non_null(strstr(err.text, "--filter"));
	}
}

static void all_have_to_hold(void **state)
{
	(void)state;
	struct opt_list list = {.items = (const char *[]){"v:h", "k=a", "!h:b"}, .count = 3};
	struct filters *filters = NULL;
	struct weir_err err;
	bool wanted;
	struct slice key;
	assert_false(filters_key(NULL, &key));
	assert_ok(filters_match(NULL, FILTERS_ALL, &row_none, &wanted, &err));
	assert_true(wanted);
	assert_ok(filters_new(&list, &filters, &err));
	struct row row = row_of("a", "h");
	assert_ok(filters_match(filters, FILTERS_ALL, &row, &wanted, &err));
	assert_true(wanted);
	row = row_of("b", "h");
	assert_ok(filters_match(filters, FILTERS_ALL, &row, &wanted, &err));
	assert_false(wanted);
	/* "k=a" needs no value, "v:h" does. */
	row = row_of("a", "x");
	assert_ok(filters_match(filters, FILTERS_OF_REST, &row, &wanted, &err));
	assert_true(wanted);
	assert_ok(filters_match(filters, FILTERS_OF_VALUE, &row, &wanted, &err));
	assert_false(wanted);
	assert_true(filters_key(filters, &key));
	assert_true(slice_equal(key, slice_str("a")));
	filters_free(&filters);
	list.items[1] = "!k=a";
	assert_ok(filters_new(&list, &filters, &err));
	assert_false(filters_key(filters, &key));
	filters_free(&filters);
}

static void a_costly_expression_is_an_error(void **state)
{
	(void)state;
	char value[2001];
	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 2] = 'b';
	value[sizeof(value) - 1] = '\0';
	struct row row = row_of("k", value);
	struct opt_list list = {.items = (const char *[]){"v:(a+)+$"}, .count = 1};
	struct filters *filters = NULL;
	struct weir_err err;
	bool wanted;
	assert_ok(filters_new(&list, &filters, &err));
	assert_code(filters_match(filters, FILTERS_ALL, &row, &wanted, &err), WEIR_TOO_LARGE);
	filters_free(&filters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tests_of_plain_text),
		cmocka_unit_test(null_matches_nothing_but_null),
		cmocka_unit_test(tests_of_json),
		cmocka_unit_test(json_need_not_be_an_object),
		cmocka_unit_test(wrong_filters_are_refused),
		cmocka_unit_test(all_have_to_hold),
		cmocka_unit_test(a_costly_expression_is_an_error),
	};
	return RUN(tests);
}
