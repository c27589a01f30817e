/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/json.h"

static struct weir_err err;

static enum weir_code parse(const char *text, struct json **root)
{
	return json_parse(slice_str(text), 4096, root, &err);
}

static void members_are_read(void **state)
{
	(void)state;
	struct json *root = NULL;
	assert_ok(parse(
		"{\"n\":-5,\"t\":\"a\\u00e4\",\"b\":true,\"l\":[1,2,\"x\"],\"o\":{\"k\":null},"
		"\"r\":1.5}",
		&root));
	assert_int_equal(json_kind_of(root), JSON_KIND_OBJECT);
	assert_int_equal(json_count(root), 6);
	int64_t n = 0;
	assert_ok(json_get_i64(root, "n", -5, 5, &n, &err));
	assert_int_equal(n, -5);
	const char *text = NULL;
	assert_ok(json_get_text(root, "t", &text, &err));
	assert_string_equal(text, "a\xc3\xa4");
	bool b = false;
	assert_ok(json_get_bool(root, "b", &b, &err));
	assert_true(b);
	const struct json *list = NULL, *object = NULL;
	assert_ok(json_get_array(root, "l", &list, &err));
	assert_int_equal(json_count(list), 3);
	assert_ok(json_as_i64(json_item(list, 1), 0, 9, &n, &err));
	assert_int_equal(n, 2);
	assert_ok(json_as_text(json_item(list, 2), &text, &err));
	assert_null(json_item(list, 3));
	assert_ok(json_get_object(root, "o", &object, &err));
	assert_int_equal(json_kind_of(json_find(object, "k")), JSON_KIND_NULL);
	assert_null(json_find(object, "none"));
	assert_null(json_find(list, "n"));

	assert_code(json_get_i64(root, "n", 0, 5, &n, &err), WEIR_BAD_DATA);
	assert_string_equal(err.text, "\"n\": JSON number -5 is outside 0..5");
	assert_code(json_get_i64(root, "t", 0, 5, &n, &err), WEIR_BAD_DATA);
	assert_code(json_get_i64(root, "r", 0, 5, &n, &err), WEIR_BAD_DATA);
	assert_code(json_get_text(root, "n", &text, &err), WEIR_BAD_DATA);
	assert_string_equal(err.text, "\"n\": JSON integer where text is wanted");
	assert_code(json_get_bool(root, "zz", &b, &err), WEIR_BAD_DATA);
	assert_string_equal(err.text, "JSON member \"zz\" is missing");
	assert_code(json_get_array(root, "o", &list, NULL), WEIR_BAD_DATA);

	void *iter = NULL;
	const char *key;
	const struct json *value;
	size_t seen = 0;
	while (json_next(root, &iter, &key, &value)) {
		assert_ptr_equal(json_find(root, key), value);
		seen++;
	}
	assert_int_equal(seen, 6);
	json_free(&root);
	assert_null(root);
}

static void bad_text_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "{", "1", "\"x\"", "{} x", "{\"a\":1,\"a\":2}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "[1,]", "[99999999999999999999]", "[\"",
		"[\"\\"};
	struct json *root = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_code(parse(bad[i], &root), WEIR_BAD_DATA);
		assert_null(root);
	}
	char deep[2 * JSON_DEPTH_MAX + 4] = "";
	memset(deep, '[', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_ok(parse(deep, &root));
	json_free(&root);
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_code(parse(deep, &root), WEIR_BAD_DATA);
	/* Brackets in text do not count. */
	assert_ok(parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"]", &root));
	json_free(&root);
	assert_code(json_parse(slice_str("[1,2]"), 4, &root, &err), WEIR_TOO_LARGE);
}

static void writer_writes_what_the_reader_reads(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 0);
	struct json_writer w;
	json_writer_init(&w, &out);
	json_write_object(&w);
	json_write_key(&w, "a");
	json_write_array(&w);
	json_write_i64(&w, INT64_MIN);
	json_write_array(&w);
	json_write_end(&w);
	json_write_object(&w);
	json_write_end(&w);
	json_write_double(&w, 0.5);
	json_write_double(&w, 1.0 / 0.0);
	json_write_end(&w);
	json_write_key(&w, "q\"\n");
	json_write_text(&w, slice_of("\\\x01\xc3\xa4\xff\xed\xa0\x80z\0", 10));
	json_write_key(&w, "b");
	json_write_bool(&w, false);
	json_write_key(&w, "n");
	json_write_str(&w, NULL);
	json_write_end(&w);
	assert_string_equal(buf_str(&out),
		"{\"a\":[-9223372036854775808,[],{},0.5,null],\"q\\\"\\n\":\"\\\\\\u0001\xc3\xa4"
		"\\ufffd\\ufffd\\ufffd\\ufffdz\\u0000\",\"b\":false,\"n\":null}");
	buf_fini(&out);
	buf_init(&out, 5);
	json_writer_init(&w, &out);
	json_write_array(&w);
	json_write_str(&w, "too long");
	json_write_end(&w);
	assert_true(out.failed);
	buf_fini(&out);
}

static void text_is_checked(void **state)
{
	(void)state;
	assert_true(json_text_ok(slice_str("")));
	assert_true(json_text_ok(slice_str("z\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")));
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(json_text_ok(slice_str(bad[i])));
	}
	assert_false(json_text_ok(slice_of("\0", 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_read),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(writer_writes_what_the_reader_reads),
		cmocka_unit_test(text_is_checked),
	};
	return RUN(tests);
}
