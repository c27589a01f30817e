/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/format.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint8_t binary[] = {0xff, 0xfe, 0x00, '\n', '"', '\\', 0x1b};

static struct slice bin(void)
{
	return slice_of(binary, sizeof(binary));
}

/* What format prints of row; the caller frees. */
static char *printed(const char *format, const struct row *row, struct slice *bytes)
{
	struct weir_err err = {.code = WEIR_OK};
	struct format *f;
	struct out out;
	out_init(&out, -1);
	assert_ok(format_new(format, &f, &err));
	struct format_style style = {.null_text = NULL};
	assert_ok(format_print(f, row, &style, &out, &err));
	char *text = mem_dup(out.buf.data ? (void *)out.buf.data : "", out.buf.len);
	if (bytes) {
		*bytes = slice_of(text, out.buf.len);
	}
	format_free(&f);
	out_fini(&out);
	return text;
}

static void assert_prints(const char *format, const struct row *row, const char *wanted)
{
	char *text = printed(format, row, NULL);
	assert_string_equal(text, wanted);
	mem_free(text);
}

static struct row sample(void)
{
	static const struct record_header headers[] = {
		{{(const uint8_t *)"a", 1}, {(const uint8_t *)"x,y", 3}},
		{{(const uint8_t *)"b", 1}, {NULL, 0}},
		{{(const uint8_t *)"a", 1}, {(const uint8_t *)"", 0}},
	};
	struct row row = row_none;
	row.topic = slice_str("orders");
	row.partition = 3;
	row.offset = 300;
	row.timestamp = INT64_C(1769846400250);
	row.key = slice_str("k1");
	row.value = slice_str("hello");
	row.headers = headers;
	row.header_count = 3;
	row.high_watermark = 310;
	row.number = 1;
	row.attributes = 0x14;
	return row;
}

static void tokens_print(void **state)
{
	(void)state;
	struct row row = sample();
	assert_prints("%t %p %o %k %s\\n", &row, "orders 3 300 k1 hello\n");
	assert_prints("%K %S %V %t{len} %H", &row, "2 5 5 6 3");
	assert_prints("%h", &row, "a=x,y,b=,a=");
	assert_prints("%h{%k=%v;}", &row, "a=x,y;b=;a=;");
	assert_prints("%h{%K:%V }", &row, "1:3 1:-1 1:0 ");
	assert_prints("%h{json}", &row, "[[\"a\",\"x,y\"],[\"b\",null],[\"a\",\"\"]]");
	assert_prints("%T %d %T{iso} %T{s}", &row,
		"1769846400250 1769846400250 2026-01-31T08:00:00.250Z 1769846400");
	assert_prints("%T{%F %T}", &row, "2026-01-31 08:00:00");
	assert_prints("%a{compression} %a{transactional} %a{control}", &row, "zstd true false");
	assert_prints("%l %i %x %[", &row, "9 1 -1 -1");
	assert_prints("%o{hex} %o{hex16} %x{hex}", &row, "12c 012c -1");
	assert_prints("%s{hex} %s{base64} %s{json} %s{quote}", &row,
		"68656c6c6f aGVsbG8= \"hello\" \"hello\"");
	assert_prints("100%% %{%}\\x41\\\\", &row, "100% {}A\\");
	assert_prints("%j", &row,
		"{\"topic\":\"orders\",\"partition\":3,\"offset\":300,\"ts\":1769846400250,"
		"\"key\":\"k1\",\"value\":\"hello\","
		"\"headers\":[[\"a\",\"x,y\"],[\"b\",null],[\"a\",\"\"]]}");
	struct slice bytes;
	char *text = printed("%R%p{little16}\\0", &row, &bytes);
	assert_int_equal(bytes.len, 7);
	assert_memory_equal(text, "\0\0\0\5\3\0\0", 7);
	mem_free(text);
	row.value = slice_of("\xff\xfe\0\0\0\x2a!ok", 9);
	assert_prints("%s{unpack:>hicss$}", &row, "-2 42 ! ok ");
	assert_prints("%s{unpack:<H}", &row, "65279");
}

static void misfits_fail(void **state)
{
	(void)state;
	struct weir_err err;
	struct row row = sample();
	struct format_style style = {.null_text = NULL};
	static const char *const formats[] = {
		"%o{big8}", "%o{hex8}", "%s{unpack:q}", "%s{unpack:b$}"};
	for (size_t i = 0; i < 4; i++) {
		struct format *f;
		struct out out;
		out_init(&out, -1);
		assert_ok(format_new(formats[i], &f, &err));
		assert_code(format_print(f, &row, &style, &out, &err), WEIR_BAD_DATA);
		format_free(&f);
		out_fini(&out);
	}
}

static void bad_formats_show_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *format, *text;
	} cases[] = {
		{"%p %Z %s", "format: unknown token %Z\n  %p %Z %s\n     ^"},
		{"abc%", "format: nothing behind %; %% is a %\n  abc%\n     ^"},
		{"%s\\q", NULL},
		{"%s\\x4", NULL},
		{"%s{hexx}", NULL},
		{"%s{hex", NULL},
		{"%s{}", NULL},
		{"%j{hex}", NULL},
		{"%h{%k=%o}", NULL},
		{"%h{%k", NULL},
		{"%s{unpack:z}", "format: unknown in unpack; known are > < b B h H i I q Q c s $\n"
				 "  %s{unpack:z}\n            ^"},
		{"%p{iso}", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_err err;
		struct format *f = NULL;
		assert_code(format_new(cases[i].format, &f, &err), WEIR_USAGE);
		assert_null(f);
		assert_non_null(strchr(err.text, '^'));
		if (cases[i].text) {
			assert_string_equal(err.text, cases[i].text);
		}
	}
}

/* A file that is gone when closed. */
static int scratch_file(void)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int fd = dup(fileno(file));
	fclose(file);
	return fd;
}

/* A reader from the start of fd. */
static struct format_reader *reader_on(
	struct format *f, int fd, const struct format_reader_conf *conf)
{
	struct weir_err err;
	struct format_reader *reader;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_ok(format_reader_new(f, fd, "input", conf, &reader, &err));
	return reader;
}

static int file_with(const char *text)
{
	int fd = scratch_file();
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static void assert_same(struct slice a, struct slice b)
{
	assert_int_equal(a.data == NULL, b.data == NULL);
	assert_true(slice_equal(a, b));
}

/* Prints rows in format and reads them back; fields tells what must come back. */
static void round_trip(const char *format, const struct row *rows, size_t count, const char *fields)
{
	struct weir_err err;
	struct format *f;
	struct out out;
	struct format_style style = {.null_text = NULL};
	struct format_reader_conf conf = {.idle = NULL};
	int fd = scratch_file();
	out_init(&out, fd);
	assert_ok(format_new(format, &f, &err));
	for (size_t i = 0; i < count; i++) {
		assert_ok(format_print(f, &rows[i], &style, &out, &err));
	}
	assert_ok(out_flush(&out, &err));
	struct format_reader *reader = reader_on(f, fd, &conf);
	for (size_t i = 0; i < count; i++) {
		struct row row;
		bool got;
		assert_ok(format_read(reader, &row, &got, &err));
		assert_true(got);
		if (strchr(fields, 'k')) {
			assert_same(row.key, rows[i].key);
		}
		if (strchr(fields, 's')) {
			assert_same(row.value, rows[i].value);
		}
		if (strchr(fields, 't')) {
			assert_same(row.topic, rows[i].topic);
		}
		if (strchr(fields, 'p')) {
			assert_int_equal(row.partition, rows[i].partition);
		}
		if (strchr(fields, 'T')) {
			assert_int_equal(row.timestamp, rows[i].timestamp);
		}
		if (strchr(fields, 'h')) {
			assert_int_equal(row.header_count, rows[i].header_count);
			for (size_t k = 0; k < row.header_count; k++) {
				assert_same(row.headers[k].key, rows[i].headers[k].key);
				assert_same(row.headers[k].value, rows[i].headers[k].value);
			}
		}
	}
	struct row row;
	bool got;
	assert_ok(format_read(reader, &row, &got, &err));
	assert_false(got);
	format_reader_free(&reader);
	format_free(&f);
	out_fini(&out);
	close(fd);
}

static void formats_round_trip(void **state)
{
	(void)state;
	struct row rows[3] = {sample(), sample(), sample()};
	round_trip("%s\\n", rows, 3, "s");
	round_trip("%k\\t%s\\n", rows, 3, "ks");
	round_trip("%t/%p %k => %s\\n--\\n", rows, 3, "tpks");
	round_trip("%T{iso} %p:%s\\n", rows, 3, "Tps");
	round_trip("%T %o %e %x %s\\n", rows, 3, "Ts");
	round_trip("%a{compression} %i %s;", rows, 3, "s");
	/* With lengths, JSON and quotes everything comes back. */
	rows[1].key = slice_of(NULL, 0);
	rows[1].value = slice_of("", 0);
	rows[1].header_count = 0;
	rows[2].key = bin();
	rows[2].value = bin();
	round_trip("%K %V %k%s", rows, 3, "ks");
	round_trip("%K{big32}%V{big64}%k%s", rows, 3, "ks");
	round_trip("%K{little16}%R%k%s", rows, 3, "ks");
	round_trip("%K{hex32}%V{hex64}%k%s", rows, 3, "ks");
	round_trip("%K,%V,%k{hex}%s{base64}", rows, 3, "ks");
	round_trip("%k{json}%s{json}", rows, 3, "ks");
	round_trip("%k{quote} %s{quote}\\n", rows, 3, "ks");
	round_trip("%t{len},%t%H %h{%K %V %k%v}%R%s", rows, 3, "ths");
	round_trip("%h{json}\\t%s{json}\\n", rows, 3, "hs");
	round_trip("%h{%k{quote}=%v{quote};}|%s{quote}\\n", rows, 3, "hs");
	round_trip("%j\\n", rows, 3, "tpTkhs");
	round_trip("%j", rows, 3, "tpTkhs");
	rows[0].timestamp = rows[1].timestamp = INT64_C(1769846400000);
	rows[2].timestamp = -1;
	round_trip("%T{%F %T} %V %s\\n", rows, 2, "Ts");
	round_trip("%T{%d/%m/%Y %T}/%V %s\\n", rows, 2, "Ts");
	round_trip("%T{s} %V %s\\n", rows, 3, "Ts");
	round_trip("%T{big64}%p{big16}%V %s\\n", rows, 3, "Tps");
}

static void ambiguous_formats_are_refused(void **state)
{
	(void)state;
	static const char *const formats[] = {"%s", "%k%s\\n", "%p%s\\n", "%S%s\\n", "%S0%s\\n",
		"%s %S\\n", "%S\\n", "%s %s\\n", "%s %v\\n", "%h %s\\n", "%T{ago} %s\\n",
		"%s{unpack:i}\\n", "%s{hex}a", "%s{base64}=", "%T{iso}-%s\\n", "text",
		"%h{%k=%v}\\n", "%h{%k=%v;}", "%h{%k=%v;}%s\\n", "%h{;%k=%v;};\\n",
		"%h{%K{big32}%k%V{big32}%v}\\n", "%j %s\\n", "%o%p\\n", "%h{x%%}", "%K %s\\n"};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct weir_err err = {.text = ""};
		struct format *f;
		struct format_reader *reader = NULL;
		struct format_reader_conf conf = {.idle = NULL};
		assert_ok(format_new(formats[i], &f, &err));
		if (format_reader_new(f, 0, "x", &conf, &reader, &err) != WEIR_USAGE) {
			fail_msg("%s was taken", formats[i]);
		}
		assert_non_null(strchr(err.text, '^'));
		format_free(&f);
	}
}

static enum weir_code read_all(const char *format, const char *text,
	const struct format_reader_conf *conf, int *count, struct weir_err *err)
{
	struct format *f;
	int fd = file_with(text);
	assert_int_equal(format_new(format, &f, err), WEIR_OK);
	struct format_reader *reader = reader_on(f, fd, conf);
	bool got = true;
	enum weir_code code = WEIR_OK;
	for (*count = -1; code == WEIR_OK && got; ++*count) {
		struct row row;
		code = format_read(reader, &row, &got, err);
	}
	format_reader_free(&reader);
	format_free(&f);
	close(fd);
	return code;
}

static void bad_input_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *format, *input, *text;
	} cases[] = {
		{"%k:%s\\n", "a:b\nnokey\n", "input: record 2: key: input ends inside the key"},
		{"%S %s\\n", "3 abcX\n", "input: record 1: \"\\x0a\" expected, found \"X\""},
		{"%S %s\\n", "5 abc", "input: record 1: value: input ends inside the value"},
		{"%S %s\\n", "-2 abc", "input: record 1: length of the value: -2 is not a length"},
		{"%S %s\\n", "x abc",
			"input: record 1: length of the value: \"x\" is not a number"},
		{"%S %s\\n", "99999999999 abc", NULL},
		{"%S %s\\n", "9223372036854775807 abc", NULL},
		{"%p %s\\n", "99999999999 abc", NULL},
		{"%s{hex}\\n", "abc\n", "input: record 1: value: not hexadecimal"},
		{"%s{base64}\\n", "abc\n", "input: record 1: value: not base64"},
		{"%s{json}\\n", "{\"a\":1}\n", NULL},
		{"%s{quote}\\n", "\"\\q\"\n", NULL},
		{"%s{json}\\n", "\"abc", NULL},
		{"%T{iso} %s\\n", "yesterday x\n", NULL},
		{"%T{%F} %s\\n", "2026-01 x\n", NULL},
		{"%j\\n", "{\"value\":\"a\"}\n[1]\n", NULL},
		{"%j\\n", "{\"key\":\"a\"}\n", NULL},
		{"%j\\n", "{\"value\":\"a\"", NULL},
		{"%j\\n", "]\n", NULL},
		{"%K{big32}%s\\n%k", "\x7f\xff\xff\xff", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_err err = {.text = ""};
		struct format_reader_conf conf = {.idle = NULL};
		int count;
		enum weir_code code =
			read_all(cases[i].format, cases[i].input, &conf, &count, &err);
		if (code != WEIR_BAD_DATA && code != WEIR_TOO_LARGE) {
			fail_msg("%s took %s", cases[i].format, cases[i].input);
		}
		if (cases[i].text) {
			assert_string_equal(err.text, cases[i].text);
		}
	}
}

static void ends_and_nulls(void **state)
{
	(void)state;
	struct weir_err err;
	struct format_reader_conf conf = {.idle = NULL};
	int count;
	assert_ok(read_all("%s\\n", "a\nb\nc", &conf, &count, &err)); /* no newline at the end */
	assert_int_equal(count, 3);
	assert_ok(read_all("%s\\n", "", &conf, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(read_all("%s\\n", "\n\n", &conf, &count, &err));
	assert_int_equal(count, 2);
	assert_ok(read_all(
		"%j\\n", "\n {\"value\":null}\r\n\n{\"value\":\"x\"}\n \n", &conf, &count, &err));
	assert_int_equal(count, 2);
	conf.empty_is_null = true;
	conf.null_text = "NULL";
	struct format *f;
	int fd = file_with(":NULL\nNULL:x\n");
	assert_ok(format_new("%k:%s\\n", &f, &err));
	struct format_reader *reader = reader_on(f, fd, &conf);
	struct row row;
	bool got;
	assert_ok(format_read(reader, &row, &got, &err));
	assert_null(row.key.data);
	assert_null(row.value.data);
	assert_ok(format_read(reader, &row, &got, &err));
	assert_null(row.key.data);
	assert_same(row.value, slice_str("x"));
	format_reader_free(&reader);
	format_free(&f);
	close(fd);
}

/* Fields longer than one read, and delimiters cut by the end of a read. */
static void large_records(void **state)
{
	(void)state;
	enum { SIZE = 300001 };
	char *big = mem_new(SIZE + 1);
	memset(big, 'x', SIZE);
	struct row rows[2] = {sample(), sample()};
	rows[0].value = slice_of(big, SIZE);
	rows[1].value = slice_of(big, 65533);
	round_trip("%k<=====>%s<=====>", rows, 2, "ks");
	round_trip("%R%s%k\\n", rows, 2, "ks");
	round_trip("%j\\n", rows, 2, "kshtp");
	mem_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_print),
		cmocka_unit_test(misfits_fail),
		cmocka_unit_test(bad_formats_show_the_place),
		cmocka_unit_test(formats_round_trip),
		cmocka_unit_test(ambiguous_formats_are_refused),
		cmocka_unit_test(bad_input_is_named),
		cmocka_unit_test(ends_and_nulls),
		cmocka_unit_test(large_records),
	};
	return RUN(tests);
}
