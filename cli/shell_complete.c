/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words before the one that is completed, since the last '|' or ';', go to candidates_find as
 * they would from another shell. Names of a cluster are asked for each time: a round trip is
 * shorter than a key press.
 */
#include "cli/shell_complete.h"

#include "cli/candidates.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/readline.h>

enum { WORDS_MAX = 256 };

static char *const *shell_options;
static size_t shell_option_count;

struct found {
	char **words;
	size_t count;
	bool files;
};

static void take(void *arg, const char *word, const char *help)
{
	(void)help;
	struct found *found = arg;
	if (word[0] == ':') {
		found->files = true;
		return;
	}
	found->words = mem_grow(found->words, found->count + 1, sizeof(*found->words));
	found->words[found->count++] = mem_dup_str(word);
}

/* Splits line at blanks, quotes off; words are freed by mem_free. */
static size_t split(const char *line, size_t len, char **words, size_t room)
{
	size_t count = 0, at = 0;
	char *word = mem_new(len + 1);
	char quote = 0;
	bool begun = false;
	for (size_t i = 0; i <= len && count < room; i++) {
		char c = i < len ? line[i] : ' ';
		if (!quote && (c == ' ' || c == '\t' || c == '\n')) {
			if (begun) {
				words[count++] = mem_dup(word, at);
			}
			at = 0;
			begun = false;
			continue;
		}
		begun = true;
		if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? 0 : c;
		} else {
			word[at++] = c;
		}
	}
	mem_free(word);
	return count;
}

/* Where the command of the word at start begins. */
static size_t command_begin(const char *line, size_t start)
{
	size_t begin = 0;
	char quote = 0;
	for (size_t i = 0; i < start; i++) {
		if (quote) {
			quote = line[i] == quote ? 0 : quote;
		} else if (line[i] == '\'' || line[i] == '"') {
			quote = line[i];
		} else if (line[i] == '|' || line[i] == ';') {
			begin = i + 1;
		}
	}
	return begin;
}

static void offer_builtins(struct found *found, const char *text)
{
	static const char *const names[] = {"use", "exit", "quit"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strncmp(names[i], text, strlen(text))) {
			take(found, names[i], NULL);
		}
	}
}

static void find(struct found *found, const char *text, size_t start)
{
	char *own[WORDS_MAX];
	const char *words[2 * WORDS_MAX + 2];
	size_t begin = command_begin(rl_line_buffer, start), count = 0;
	size_t own_count = split(rl_line_buffer + begin, start - begin, own, WORDS_MAX);
	size_t skip = own_count && !strcmp(own[0], "weir");
	if (own_count == skip) {
		offer_builtins(found, text);
	}
	for (size_t i = 0; i < shell_option_count && i < WORDS_MAX; i++) {
		words[count++] = shell_options[i];
	}
	for (size_t i = skip; i < own_count; i++) {
		/* "use" takes what "cat" takes */
		words[count++] = i == skip && !strcmp(own[i], "use") ? "cat" : own[i];
	}
	words[count++] = text;
	struct ctx ctx;
	ctx_init(&ctx);
	candidates_find(&ctx, words, count, take, found);
	ctx_fini(&ctx);
	for (size_t i = 0; i < own_count; i++) {
		mem_free(own[i]);
	}
}

/* What all of them begin with. */
static char *common(const struct found *found)
{
	size_t len = strlen(found->words[0]);
	for (size_t i = 1; i < found->count; i++) {
		size_t same = 0;
		while (same < len && found->words[i][same] == found->words[0][same]) {
			same++;
		}
		len = same;
	}
	return mem_dup(found->words[0], len);
}

/* readline wants what they have in common first, and frees all of it. */
static char **complete(const char *text, int start, int end)
{
	(void)end;
	struct found found = {0};
	const char *line = rl_line_buffer + strspn(rl_line_buffer, " \t");
	if (*line == '!') {
		return NULL;
	}
	find(&found, text, (size_t)start);
	rl_attempted_completion_over = !found.files;
	if (!found.count) {
		return NULL;
	}
	char last = found.words[0][strlen(found.words[0]) - 1];
	rl_completion_append_character = last == '=' || last == ':' ? '\0' : ' ';
	char **matches = mem_new((found.count + 2) * sizeof(*matches));
	matches[0] = common(&found);
	if (found.count == 1) {
		mem_free(found.words[0]);
	} else {
		memcpy(matches + 1, found.words, found.count * sizeof(*matches));
	}
	mem_free(found.words);
	return matches;
}

void shell_complete_start(char *const *options, size_t count)
{
	shell_options = options;
	shell_option_count = count;
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\n|;<>";
}
