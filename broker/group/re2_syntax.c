/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What RE2 takes (https://github.com/google/re2/wiki/Syntax): no look-around, no back-references,
 * no possessive or atomic groups, no recursion, conditions, callouts or verbs. Whether the rest is
 * well formed PCRE2 says, which matches it; the two agree on what a pattern of both means.
 */
#include "broker/group/modern.h"
#include "core/base/regex.h"

#include <ctype.h>

struct scan {
	struct slice text;
	size_t at;
	const char *why;
};

static int peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->text.len ? s->text.data[s->at + ahead] : -1;
}

/* "(?" has been seen: flags, a name, or ":" may follow. */
static void scan_group(struct scan *s)
{
	int c = peek(s, 0);
	if (c == 'P') {
		s->why = peek(s, 1) == '<' ? NULL : "invalid named capture";
		return;
	}
	if (c == '<') {
		int next = peek(s, 1);
		s->why = next == '=' || next == '!' ? "look-behind is not supported" : NULL;
		return;
	}
	if (c == '=' || c == '!') {
		s->why = "look-ahead is not supported";
		return;
	}
	for (; (c = peek(s, 0)) != ':' && c != ')'; s->at++) {
		if (c < 0 || !strchr("imsU-", c)) {
			s->why = "invalid or unsupported group syntax";
			return;
		}
	}
}

/* A backslash has been seen. */
static void scan_escape(struct scan *s, bool in_class)
{
	static const char letters[] = "AbBzdDsSwWCQEpPafnrtvx";
	int c = peek(s, 0);
	if (c < 0) {
		s->why = "trailing \\";
	} else if (isalpha(c) && (!strchr(letters, c) || (in_class && strchr("AbBzCQ", c)))) {
		s->why = "invalid escape sequence";
	} else if (c >= '1' && c <= '9') {
		s->why = "back-references are not supported";
	} else if (c == 'Q') {
		while (s->at < s->text.len && !(peek(s, 0) == '\\' && peek(s, 1) == 'E')) {
			s->at++;
		}
		s->at++;
	}
	s->at++;
}

/* "[" has been seen. */
static void scan_class(struct scan *s)
{
	if (peek(s, 0) == '^') {
		s->at++;
	}
	for (bool first = true; !s->why && (peek(s, 0) != ']' || first); first = false) {
		int c = peek(s, 0);
		s->at++;
		if (c < 0) {
			s->why = "missing closing ]";
		} else if (c == '\\') {
			scan_escape(s, true);
		} else if (c == '[' && peek(s, 0) == ':') {
			while (peek(s, 0) >= 0 && !(peek(s, 0) == ':' && peek(s, 1) == ']')) {
				s->at++;
			}
			s->at += 2;
		}
	}
	s->at++;
}

/* A quantifier has been seen: another "+" would make it possessive. */
static void scan_repeat(struct scan *s)
{
	if (peek(s, 0) == '+' || peek(s, 0) == '*') {
		s->why = "invalid nested repetition operator";
	}
}

/* "{" has been seen; what is no count stands for itself. */
static void scan_count(struct scan *s)
{
	enum { COUNT_MAX = 1000 };
	size_t at = s->at;
	int64_t value = 0, most = 0;
	bool digits = false;
	while (at < s->text.len && (isdigit(s->text.data[at]) || s->text.data[at] == ',')) {
		bool comma = s->text.data[at] == ',';
		value = comma ? 0 : value * 10 + (s->text.data[at] - '0');
		value = value > COUNT_MAX ? COUNT_MAX + 1 : value;
		most = value > most ? value : most;
		digits = digits || !comma;
		at++;
	}
	if (digits && at < s->text.len && s->text.data[at] == '}') {
		s->at = at + 1;
		s->why = most > COUNT_MAX ? "invalid repeat count" : NULL;
		if (!s->why) {
			scan_repeat(s);
		}
	}
}

static void scan_next(struct scan *s)
{
	int c = peek(s, 0);
	s->at++;
	switch (c) {
	case '\\':
		scan_escape(s, false);
		break;
	case '[':
		scan_class(s);
		break;
	case '(':
		if (peek(s, 0) == '?') {
			s->at++;
			scan_group(s);
		} else if (peek(s, 0) == '*') {
			s->why = "no argument for repetition operator: *";
		}
		break;
	case '*':
	case '+':
	case '?':
		scan_repeat(s);
		break;
	case '{':
		scan_count(s);
		break;
	default:
		break;
	}
}

enum weir_code re2_syntax_check(struct slice pattern, struct weir_err *err)
{
	struct scan s = {.text = pattern};
	struct weir_err inner = {.text = ""};
	struct regex *regex = NULL;
	while (s.at < pattern.len && !s.why) {
		scan_next(&s);
	}
	bool good = !s.why && regex_new(pattern, REGEX_WHOLE, &regex, &inner) == WEIR_OK;
	regex_free(&regex);
	int len = pattern.len > 100 ? 100 : (int)pattern.len;
	return good ? WEIR_OK
		    : err_set(err, WEIR_INVALID_REGULAR_EXPRESSION,
			      "SubscribedTopicRegex `%.*s` is not a valid regular expression: %s.",
			      len, (const char *)pattern.data, s.why ? s.why : inner.text);
}
