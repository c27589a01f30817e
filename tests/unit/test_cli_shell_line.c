/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "cli/shell_line.h"

#include <stdio.h>

static void lines_that_go_on(void **state)
{
	(void)state;
	static const char *const open[] = {"produce 'a", "produce \"a", "produce \"a\\\"", "a \\",
		"produce t <<EOF", "produce t <<EOF\none", "produce t <<EOF\none\nEOFX",
		"a <<A b <<B\nA\n", "produce t <<-E\n\tone\n"};
	static const char *const whole[] = {"", "produce t", "produce 'a' \"b\"", "a \\\\",
		"a \\;b", "it \"isn't\" open", "a 'say \"'", "a <<<here",
		"produce t <<EOF\none\nEOF", "produce t <<'EOF'\n'open\nEOF\n",
		"produce t <<-E\n\tone\n\t\tE", "a <<A b <<B\nA\nB"};
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		assert_true(shell_line_goes_on(open[i]));
	}
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		assert_false(shell_line_goes_on(whole[i]));
	}
}

/* The commands of text, joined by '|'. */
static void commands_are(const char *text, const char *wanted)
{
	char got[256] = "";
	size_t len = 0;
	while (*text) {
		size_t next, n = shell_line_command(text, &next);
		assert_true(next > 0 && n <= next);
		len += (size_t)snprintf(
			got + len, sizeof(got) - len, "%s%.*s", len ? "|" : "", (int)n, text);
		text += next;
	}
	assert_string_equal(got, wanted);
}

static void commands_of_a_text(void **state)
{
	(void)state;
	commands_are("a b", "a b");
	commands_are("a; b;c", "a| b|c");
	commands_are("a 'x;y' ; b \"1\n2\"\nc", "a 'x;y' | b \"1\n2\"|c");
	commands_are("a \\; b;c", "a \\; b|c");
	commands_are("a <<E\nx;y\nE\nb", "a <<E\nx;y\nE\n|b");
	commands_are("a |\nb", "a ||b"); /* as typed: sh sees a pipe that ends */
}

static void secrets_are_seen(void **state)
{
	(void)state;
	assert_true(shell_line_secret("-X sasl.password=x topic list"));
	assert_true(shell_line_secret("user create bob --PASSWORD"));
	assert_true(shell_line_secret("-X sasl.jaas.config=..."));
	assert_false(shell_line_secret("produce orders -k key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_go_on),
		cmocka_unit_test(commands_of_a_text),
		cmocka_unit_test(secrets_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
