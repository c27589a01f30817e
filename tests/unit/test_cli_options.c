/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/options.h"

#include <string.h>

struct args {
	bool flag, other;
	int count;
	int32_t number;
	int64_t big, size, duration;
	const char *text, *bare;
	struct opt_list list;
	int choice;
};

static const char *const choices[] = {"red", "green", NULL};

static const struct opt opts[] = {
	OPT_BOOL(struct args, flag, .name = "flag", .letter = 'f', .help = "A flag."),
	OPT_BOOL(struct args, other, .name = "other", .letter = 'o', .help = "Another."),
	OPT_COUNT(struct args, count, .name = "count", .letter = 'v', .help = "Counts."),
	OPT_I32(struct args, number, .name = "number", .letter = 'n', .arg = "N", .def = "7",
		.min = 1, .max = 100, .help = "A number."),
	OPT_I64(struct args, big, .name = "big", .arg = "N", .unset = -1, .help = "Any number."),
	OPT_SIZE(struct args, size, .name = "size", .arg = "SIZE", .def = "64k", .max = 1 << 20,
		.help = "A size."),
	OPT_DURATION(struct args, duration, .name = "duration", .arg = "TIME", .def = "5s",
		.help = "A duration."),
	OPT_STR(struct args, text, .name = "text", .letter = 't', .arg = "TEXT", .help = "Text."),
	OPT_STR(struct args, bare, .name = "bare", .arg = "TEXT", .bare = "1",
		.help = "Text that may be left out."),
	OPT_LIST(struct args, list, .name = "list", .letter = 'l', .arg = "X", .help = "Repeats."),
	OPT_CHOICE(struct args, choice, .name = "choice", .letter = 'c', .arg = "COLOUR",
		.choices = choices, .def = "green", .help = "A choice."),
	OPT_END,
};

static char words[64];

/* Parses a line of words; positional words go into words, blanks between them. */
static enum weir_code parse(
	const char *line, struct args *args, struct hint *hint, struct weir_err *err)
{
	static char copy[256];
	static char *argv[32];
	int argc = 1;
	strncpy(copy, line, sizeof(copy) - 1);
	for (char *p = copy; *p; argc++) {
		argv[argc] = p;
		p += strcspn(p, " ");
		if (*p) {
			*p++ = '\0';
		}
	}
	struct opt_parser parser = {
		.argc = argc, .argv = argv, .next = 1, .opts = opts, .args = args, .hint = hint};
	opts_set_defaults(opts, args);
	words[0] = hint->text[0] = '\0';
	for (;;) {
		enum opt_event event;
		const char *word;
		enum weir_code code = opts_next(&parser, &event, &word, err);
		if (code != WEIR_OK || event == OPT_DONE) {
			return code;
		}
		if (event == OPT_DASHES) {
			while (parser.next < argc) {
				strncat(words, argv[parser.next++], 20);
				strcat(words, " ");
			}
			return WEIR_OK;
		}
		strncat(words, word, 20);
		strcat(words, " ");
	}
}

static void values(void **state)
{
	(void)state;
	struct weir_err err;
	struct hint hint;
	struct args a;
	assert_ok(parse("", &a, &hint, &err));
	assert_int_equal(a.number, 7);
	assert_int_equal(a.big, -1);
	assert_int_equal(a.size, 65536);
	assert_int_equal(a.duration, 5000);
	assert_int_equal(a.choice, 1);
	assert_null(a.text);
	assert_null(a.bare);
	assert_false(a.flag);
	assert_ok(parse("x -fvvn5 y --size 1M --text=a=b -c red --bare - -1 --duration 2h", &a,
		&hint, &err));
	assert_string_equal(words, "x y - -1 ");
	assert_true(a.flag);
	assert_false(a.other);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.number, 5);
	assert_int_equal(a.size, 1 << 20);
	assert_string_equal(a.text, "a=b");
	assert_string_equal(a.bare, "1");
	assert_int_equal(a.choice, 0);
	assert_int_equal(a.duration, 7200000);
	assert_ok(parse("-t -x --bare=3 -l a -lb --list=c -- -f", &a, &hint, &err));
	assert_string_equal(a.text, "-x");
	assert_string_equal(a.bare, "3");
	assert_string_equal(words, "-f ");
	assert_false(a.flag);
	assert_int_equal(a.list.count, 3);
	assert_string_equal(a.list.items[1], "b");
	opts_fini(opts, &a);
}

static void wrong_usage(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text, *hint;
	} cases[] = {
		{"--numbr 3", "unknown option --numbr", "did you mean --number?"},
		{"--num 3", "unknown option --num", ""},
		{"-z", "unknown option -z", ""},
		{"-fz", "unknown option -z", ""},
		{"--number", "--number needs a value: N", ""},
		{"-n", "--number needs a value: N", ""},
		{"--number 0", "--number: 0 is outside 1 to 100", ""},
		{"-n 3x", "--number: \"3x\" is not a whole number", ""},
		{"--number=", "--number: \"\" is not a whole number", ""},
		{"--flag=yes", "--flag takes no value", ""},
		{"--size 2M", "--size: 2M is outside 0 to 1048576 bytes", ""},
		{"--choice blue", "--choice: \"blue\" is none of red, green", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_err err;
		struct hint hint;
		struct args a;
		assert_code(parse(cases[i].line, &a, &hint, &err), WEIR_USAGE);
		assert_string_equal(err.text, cases[i].text);
		if (cases[i].hint[0] || strncmp(cases[i].line, "--num ", 6) != 0) {
			assert_string_equal(hint.text, cases[i].hint);
		}
		opts_fini(opts, &a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(wrong_usage),
	};
	return RUN(tests);
}
