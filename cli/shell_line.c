/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only as much of sh's grammar as it takes to know where a command ends: quotes, backslashes,
 * comments and here documents. sh itself reads the rest.
 */
#include "cli/shell_line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { HERE_MAX = 8, WORD_MAX_BYTES = 64 };

struct here {
	char word[WORD_MAX_BYTES];
	bool strip_tabs;
};

struct scan {
	const char *at;
	char quote; /* ' or ", 0 outside */
	bool escaped;
	struct here here[HERE_MAX]; /* that begin at the next line */
	size_t here_count;
};

/* at stands on "<<": reads the word. */
static void take_here(struct scan *s)
{
	const char *p = s->at + 2;
	struct here here = {.strip_tabs = *p == '-'};
	size_t len = 0;
	p += here.strip_tabs;
	while (*p == ' ' || *p == '\t') {
		p++;
	}
	while (*p && !isspace((unsigned char)*p) && !strchr(";|&<>()", *p)) {
		if (*p != '\'' && *p != '"' && *p != '\\' && len + 1 < WORD_MAX_BYTES) {
			here.word[len++] = *p;
		}
		p++;
	}
	if (len && s->here_count < HERE_MAX) {
		s->here[s->here_count++] = here;
	}
	s->at = p;
}

/* at stands on the first line of here documents: goes behind them. False when one does not end. */
static bool skip_here(struct scan *s)
{
	for (size_t i = 0; i < s->here_count; i++) {
		bool ended = false;
		while (*s->at && !ended) {
			size_t len = strcspn(s->at, "\n"), skip = 0;
			while (s->here[i].strip_tabs && s->at[skip] == '\t') {
				skip++;
			}
			ended = len - skip == strlen(s->here[i].word) &&
				!strncmp(s->at + skip, s->here[i].word, len - skip);
			s->at += len + (s->at[len] == '\n');
		}
		if (!ended) {
			return false;
		}
	}
	s->here_count = 0;
	return true;
}

enum step { STEP_GO, STEP_END, STEP_OPEN };

/* One character; END: the command ends here (at stands behind its end mark). */
static enum step step(struct scan *s)
{
	char c = *s->at;
	if (s->escaped) {
		s->escaped = false;
	} else if (c == '\\' && s->quote != '\'') {
		s->escaped = true;
	} else if (s->quote) {
		s->quote = c == s->quote ? 0 : s->quote;
	} else if (c == '\'' || c == '"') {
		s->quote = c;
	} else if (c == '<' && s->at[1] == '<') {
		if (s->at[2] == '<') {
			s->at += 3;
		} else {
			take_here(s);
		}
		return STEP_GO;
	} else if (c == ';') {
		s->at++;
		return STEP_END;
	} else if (c == '\n') {
		s->at++;
		return skip_here(s) ? STEP_END : STEP_OPEN;
	}
	s->at++;
	return STEP_GO;
}

bool shell_line_goes_on(const char *text)
{
	struct scan s = {.at = text};
	while (*s.at) {
		if (step(&s) == STEP_OPEN) {
			return true;
		}
	}
	return s.quote || s.escaped || s.here_count;
}

size_t shell_line_command(const char *text, size_t *next)
{
	struct scan s = {.at = text};
	while (*s.at) {
		if (step(&s) != STEP_GO) {
			break;
		}
	}
	size_t len = (size_t)(s.at - text);
	*next = len;
	bool here = memchr(text, '\n', len) && strstr(text, "<<");
	/* The end mark goes; a here document keeps its last line end. */
	if (len && !here && (text[len - 1] == ';' || text[len - 1] == '\n')) {
		len--;
	}
	return len;
}

bool shell_line_secret(const char *text)
{
	static const char *const words[] = {"password", "passwd", "secret", "token", "jaas",
		"credential", "private.key", "keystore.key"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasestr(text, words[i])) {
			return true;
		}
	}
	return false;
}
