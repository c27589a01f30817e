/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/base64.h"
#include "cli/envelope.h"

#include <string.h>

static struct slice lit(const char *text, size_t len)
{
	return slice_of(text, len);
}

#define LIT(text) lit(text, sizeof(text) - 1)

static void assert_same(struct slice a, struct slice b)
{
	assert_int_equal(a.data == NULL, b.data == NULL);
	assert_true(slice_equal(a, b));
}

/* Prints row, checks the line when wanted is given, reads it back and compares. */
static void both_ways(struct row row, bool json_values, const char *wanted)
{
	struct envelope_conf conf = {.json_values = json_values};
	struct weir_err err;
	struct out out;
	struct arena arena;
	struct row back;
	out_init(&out, -1);
	arena_init(&arena, 0);
	envelope_print(&out, &row, &conf);
	if (wanted) {
		assert_string_equal(buf_str(&out.buf), wanted);
	}
	assert_null(memchr(out.buf.data, '\n', out.buf.len));
	struct slice line = slice_of(out.buf.data, out.buf.len);
	assert_ok(envelope_parse(line, &conf, &arena, &back, &err));
	assert_same(back.topic, row.topic);
	assert_same(back.key, row.key);
	assert_same(back.value, row.value);
	assert_int_equal(back.partition, row.partition);
	assert_int_equal(back.offset, row.offset);
	assert_int_equal(back.timestamp, row.timestamp);
	assert_int_equal(back.header_count, row.header_count);
	for (size_t i = 0; i < row.header_count; i++) {
		assert_same(back.headers[i].key, row.headers[i].key);
		assert_same(back.headers[i].value, row.headers[i].value);
	}
	out_fini(&out);
	arena_fini(&arena);
}

static void everything_comes_back(void **state)
{
	(void)state;
	struct row row = row_none;
	both_ways(row, false,
		"{\"partition\":-1,\"offset\":-1,\"ts\":-1,\"key\":null,\"value\":null,"
		"\"headers\":[]}");
	const struct record_header headers[] = {{LIT("a"), LIT("x")}, {LIT("b"), {NULL, 0}},
		{LIT("a"), LIT("")}, {LIT(""), LIT("\xff")}, {LIT("\xc3"), LIT("\0")}};
	row.headers = headers;
	row.header_count = 5;
	row.topic = LIT("t");
	row.partition = 7;
	row.offset = INT64_MAX;
	row.timestamp = INT64_C(1700000000000);
	row.key = LIT("\xff\xfe");
	row.value = LIT("line\n\"q\\\" \t\x01\x7f \xc3\xa9 \xf0\x9f\x8e\x89");
	both_ways(row, false,
		"{\"topic\":\"t\",\"partition\":7,\"offset\":9223372036854775807,"
		"\"ts\":1700000000000,\"key_b64\":\"//4=\","
		"\"value\":\"line\\n\\\"q\\\\\\\" \\t\\u0001\x7f \xc3\xa9 \xf0\x9f\x8e\x89\","
		"\"headers\":[[\"a\",\"x\"],[\"b\",null],[\"a\",\"\"],[\"\",{\"b64\":\"/w==\"}],"
		"[{\"b64\":\"ww==\"},\"\\u0000\"]]}");
	row.value = LIT("nul \0 inside");
	both_ways(row, false, NULL);
	row.value = LIT("\xed\xa0\x80"); /* a surrogate is not UTF-8 */
	both_ways(row, false, NULL);
	row.value = LIT("\xc0\x80"); /* overlong */
	both_ways(row, false, NULL);
	row.value = LIT("");
	both_ways(row, false, NULL);
}

static void every_byte_comes_back(void **state)
{
	(void)state;
	uint8_t bytes[512];
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)i;
	}
	struct row row = row_none;
	for (size_t from = 0; from < 256; from++) {
		for (size_t len = 1; len < 5; len++) {
			row.key = slice_of(bytes + from, len);
			row.value = slice_of(bytes + 255 - from, len);
			both_ways(row, false, NULL);
		}
	}
}

static void embedded_json(void **state)
{
	(void)state;
	struct row row = row_none;
	row.value = LIT("{\"a\":[1,2.5,\"x\"]}");
	both_ways(row, true,
		"{\"partition\":-1,\"offset\":-1,\"ts\":-1,\"key\":null,"
		"\"value\":{\"a\":[1,2.5,\"x\"]},\"headers\":[]}");
	/* Text that would read back as something else stays text. */
	row.value = LIT("\"quoted\"");
	both_ways(row, true, NULL);
	row.value = LIT("null");
	both_ways(row, true, NULL);
	row.value = LIT("not json");
	both_ways(row, true, NULL);
	row.value = LIT("42");
	both_ways(row, true, NULL);
	row.value = LIT("1e999");
	both_ways(row, true, NULL);
}

static void other_forms_are_read(void **state)
{
	(void)state;
	struct weir_err err;
	struct envelope_conf conf = {.json_values = false};
	struct arena arena;
	struct row row;
	arena_init(&arena, 0);
	assert_ok(envelope_parse(slice_str("{\"value\":\"v\",\"headers\":{\"a\":\"1\",\"b\":null},"
					   "\"ts\":\"1970-01-02\",\"new\":1}"),
		&conf, &arena, &row, &err));
	assert_int_equal(row.timestamp, 86400000);
	assert_int_equal(row.header_count, 2);
	assert_same(row.headers[0].value, LIT("1"));
	assert_null(row.headers[1].value.data);
	static const char *const bad[] = {"", "{", "[]", "{}", "{\"value\":1}",
		"{\"value\":\"a\",\"value_b64\":\"YQ==\"}", "{\"value_b64\":\"x\"}",
		"{\"value_b64\":null}", "{\"value\":\"a\",\"partition\":\"0\"}",
		"{\"value\":\"a\",\"partition\":3000000000}", "{\"value\":\"a\",\"headers\":[1]}",
		"{\"value\":\"a\",\"headers\":[[\"a\"]]}",
		"{\"value\":\"a\",\"headers\":[[null,\"a\"]]}", "{\"value\":\"a\",\"headers\":7}",
		"{\"value\":\"a\",\"value\":\"b\"}", "{\"value\":\"a\"} x", "{\"value\":\"\xff\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (envelope_parse(slice_str(bad[i]), &conf, &arena, &row, &err) != WEIR_BAD_DATA) {
			fail_msg("%s was taken", bad[i]);
		}
	}
	arena_fini(&arena);
}

static void base64_and_hex(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"a", "ab=c", "a===", "YQ=", "Y Q=", "YR==", "=", "YQ==YQ=="};
	struct buf buf;
	buf_init(&buf, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(base64_decode(&buf, slice_str(bad[i])));
	}
	buf_reset(&buf);
	assert_true(base64_decode(&buf, slice_str("AP8+")));
	assert_memory_equal(buf.data, "\0\xff>", 3);
	assert_false(hex_decode(&buf, slice_str("abc")));
	assert_false(hex_decode(&buf, slice_str("0g")));
	buf_reset(&buf);
	assert_true(hex_decode(&buf, slice_str("00Ff")));
	assert_memory_equal(buf.data, "\0\xff", 2);
	buf_fini(&buf);
}

/* Embedded values keep their spelling. */
static void json_values_come_back_as_written(void **state)
{
	(void)state;
	static const char *const values[] = {"{}", "[]", "0", "1.10", "1e3", "true", "false",
		"{ \"a\" : 1.10, \"b\":[ \"x\\\"}\", {} ] }", "[1 , 2]", "{\"value\":1}"};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct row row = row_none;
		row.key = LIT("\"value\":");
		row.value = slice_str(values[i]);
		both_ways(row, true, NULL);
	}
	struct envelope_conf conf = {.json_values = true};
	struct slice line = LIT("{ \"key\" : \"a\", \"value\" : [ 1.50 ] , \"ts\" : 5 }");
	struct arena arena;
	struct weir_err err;
	struct row row;
	arena_init(&arena, 0);
	assert_ok(envelope_parse(line, &conf, &arena, &row, &err));
	assert_same(row.value, LIT("[ 1.50 ]"));
	assert_int_equal(row.timestamp, 5);
	line = LIT("{\"v\\u0061lue\":{\"a\":1}}");
	assert_ok(envelope_parse(line, &conf, &arena, &row, &err));
	assert_same(row.value, LIT("{\"a\":1}"));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_values_come_back_as_written),
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(embedded_json),
		cmocka_unit_test(other_forms_are_read),
		cmocka_unit_test(base64_and_hex),
	};
	return RUN(tests);
}
