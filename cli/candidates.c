/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/candidates.h"

#include "cli/client_keys.h"
#include "cli/command.h"
#include "core/base/mem.h"
#include "core/conf/row.h"

#include <string.h>

enum { PATH_WORDS = 4 };

/* The line up to the word that is completed. */
struct line {
	struct ctx *ctx;
	const char *path[PATH_WORDS];
	size_t path_count;
	const struct command *command; /* NULL until the path is whole */
	const char *first, *last;      /* argument behind the path; NULL: none */
	size_t positional_count;
	const struct opt *pending; /* whose value the last word is */
	bool dashes;		   /* "--" was there */
	struct candidate_sink sink;
};

void candidate_offer(const struct candidate_sink *sink, const char *word, const char *help)
{
	if (strncmp(word, sink->partial, strlen(sink->partial)) == 0) {
		char *whole = mem_printf("%s%s", sink->before, word);
		sink->emit(sink->arg, whole, help);
		mem_free(whole);
	}
}

/* ---- reading the line ---- */

static const struct opt *find(const struct line *line, const char *name, size_t len, char letter)
{
	const struct opt *own = line->command ? line->command->opts : NULL;
	const struct opt *o = letter ? opts_find_letter(own, letter) : opts_find(own, name, len);
	if (!o) {
		o = letter ? opts_find_letter(global_opts, letter)
			   : opts_find(global_opts, name, len);
	}
	return o;
}

/* Only options of every command count: where to connect to. */
static void take_value(struct line *line, const struct opt *opt, const char *value)
{
	struct weir_err err;
	/* Not -O and the like: those are of the command that asks. */
	if (opt->kind != OPT_KIND_CHOICE &&
		opts_find(global_opts, opt->name, strlen(opt->name)) == opt) {
		(void)!opt_set(opt, &line->ctx->globals, value, &err);
	}
}

/* An option; next: the word behind it, NULL when that is the one to complete. Whether next was its
 * value. */
static bool take_option(struct line *line, const char *word, const char *next)
{
	const struct opt *opt = NULL;
	const char *value = NULL;
	if (word[1] == '-') {
		value = strchr(word, '=');
		size_t len = value ? (size_t)(value - word) - 2 : strlen(word + 2);
		opt = find(line, word + 2, len, 0);
		value = value ? value + 1 : NULL;
	} else {
		for (const char *c = word + 1; *c; c++) {
			opt = find(line, NULL, 0, *c);
			if (opt && opt_takes_value(opt) && !opt->bare) {
				value = c[1] ? c + 1 : NULL;
				break;
			}
		}
	}
	if (!opt || !opt_takes_value(opt) || (opt->bare && !value)) {
		return false;
	}
	if (value) {
		take_value(line, opt, value);
		return false;
	}
	if (next) {
		take_value(line, opt, next);
		return true;
	}
	line->pending = opt;
	return false;
}

static void take_word(struct line *line, const char *word)
{
	if (line->command) {
		line->first = line->positional_count ? line->first : word;
		line->last = word;
		line->positional_count++;
		return;
	}
	if (line->path_count < PATH_WORDS) {
		line->path[line->path_count++] = word;
		line->command = command_find(line->path, line->path_count);
	}
}

static void read_line(struct line *line, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *word = words[i];
		if (line->dashes || word[0] != '-' || !word[1] ||
			(word[1] >= '0' && word[1] <= '9')) {
			take_word(line, word);
		} else if (strcmp(word, "--") == 0) {
			line->dashes = true;
		} else if (take_option(line, word, i + 1 < count ? words[i + 1] : NULL)) {
			i++;
		}
	}
}

/* ---- settings ---- */

static void offer_rows(const struct line *line, enum conf_scope scope, bool with_value)
{
	const struct conf_row *row;
	const char *equals = strchr(line->sink.partial, '=');
	for (size_t i = 0; (row = conf_row_at(scope, i)); i++) {
		size_t len = strlen(row->name);
		if (row->hidden) {
			continue;
		}
		char *word = mem_printf("%s%s", row->name, with_value ? "=" : "");
		if (!equals) {
			candidate_offer(&line->sink, word, row->doc);
		}
		const struct conf_row *keeper = conf_row_keeper(row);
		bool chosen = equals && strncmp(line->sink.partial, word, len + 1) == 0;
		for (size_t k = 0; chosen && keeper->choices && keeper->choices[k]; k++) {
			char *value = mem_printf("%s%s", word, keeper->choices[k]);
			candidate_offer(&line->sink, value, NULL);
			mem_free(value);
		}
		mem_free(word);
	}
}

static void offer_client_keys(const struct line *line, bool with_value)
{
	for (const struct client_key *k = client_keys; k->name; k++) {
		char *word = mem_printf("%s%s", k->name, with_value ? "=" : "");
		candidate_offer(&line->sink, word, k->doc);
		mem_free(word);
	}
}

/* Of what the command sets: a topic, a broker, a client. */
static void offer_keys(const struct line *line, bool with_value)
{
	const char *path = line->command->path;
	const char *of = line->first ? line->first : "";
	bool config = strcmp(path, "config get") == 0 || strcmp(path, "config set") == 0;
	bool global = line->pending && strcmp(line->pending->name, "set") == 0;
	if ((strcmp(path, "broker") == 0 && global) ||
		(config && !global && strncmp(of, "broker:", 7) == 0)) {
		offer_rows(line, CONF_BROKER, with_value);
	} else if (config && !global && strncmp(of, "group:", 6) == 0) {
		offer_rows(line, CONF_GROUP, with_value);
	} else if (global || strcmp(path, "config show") == 0) {
		offer_client_keys(line, with_value);
	} else if (config || strncmp(path, "topic ", 6) == 0) {
		offer_rows(line, CONF_TOPIC, with_value);
	}
}

/* "topic:", and with that the topics. */
static void offer_of(const struct line *line)
{
	static const struct {
		const char *prefix, *kind;
	} kinds[] = {{"topic:", "TOPIC"}, {"broker:", "BROKER"}, {"group:", "GROUP"},
		{"broker-logger:", "BROKER"}, {"client-metrics:", NULL}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);
		if (strncmp(line->sink.partial, kinds[i].prefix, len) != 0) {
			candidate_offer(&line->sink, kinds[i].prefix, NULL);
		} else if (kinds[i].kind) {
			struct candidate_sink sink = line->sink;
			sink.partial += len;
			sink.before = kinds[i].prefix;
			candidates_of_cluster(line->ctx, kinds[i].kind, &sink);
			if (strcmp(kinds[i].prefix, "broker:") == 0) {
				candidate_offer(&sink, "default", "all brokers");
			}
		}
	}
}

/* ---- one word ---- */

static void offer_errors(const struct line *line)
{
	for (size_t i = 0; err_info_at(i); i++) {
		candidate_offer(&line->sink, err_info_at(i)->name, err_info_at(i)->text);
	}
}

static void offer_path(const struct line *line, const char *const *path, size_t count)
{
	char before[128] = "";
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(before);
		int room = (int)(sizeof(before) - len - 1);
		memcpy(before + len, path[i], strnlen(path[i], (size_t)room));
		before[len + strnlen(path[i], (size_t)room)] = ' ';
	}
	size_t len = strnlen(before, sizeof(before) - 1);
	char *seen = mem_dup_str("");
	for (size_t i = 0; commands[i]; i++) {
		const char *rest = commands[i]->path + len;
		if (strncmp(commands[i]->path, before, len) != 0) {
			continue;
		}
		size_t word_len = strcspn(rest, " ");
		char *word = mem_dup(rest, word_len);
		if (strcmp(word, seen) != 0) {
			candidate_offer(
				&line->sink, word, rest[word_len] ? NULL : commands[i]->summary);
			mem_free(seen);
			seen = mem_dup_str(word);
		}
		mem_free(word);
	}
	mem_free(seen);
}

/* One name of an argument: "TOPIC", "FILE", "list". */
static void offer_kind(const struct line *line, const char *kind)
{
	if (candidates_of_cluster(line->ctx, kind, &line->sink)) {
		return;
	}
	if (strcmp(kind, "FILE") == 0) {
		line->sink.emit(line->sink.arg, CANDIDATE_FILES, NULL);
	} else if (strcmp(kind, "DIR") == 0 || strcmp(kind, "PATH") == 0) {
		line->sink.emit(line->sink.arg, CANDIDATE_FOLDERS, NULL);
	} else if (strcmp(kind, "KEY=VALUE") == 0 || strcmp(kind, "KEY") == 0) {
		offer_keys(line, kind[3] == '=');
	} else if (strcmp(kind, "OF") == 0) {
		offer_of(line);
	} else if (strcmp(kind, "NAME") == 0 && strcmp(line->command->path, "error") == 0) {
		offer_errors(line);
	} else if (strcmp(kind, "COMMAND") == 0) {
		const char *path[] = {line->last};
		offer_path(line, path, line->positional_count == 1);
	} else if (kind[0] >= 'a' && kind[0] <= 'z' && !line->positional_count) {
		candidate_offer(&line->sink, kind, NULL);
	}
}

/* The names in "[A|b...]". */
static void offer_kinds(const struct line *line, const char *kinds, size_t len)
{
	for (const char *end = kinds + len; kinds < end; kinds++) {
		size_t part = strcspn(kinds, "[]|. ");
		part = part < (size_t)(end - kinds) ? part : (size_t)(end - kinds);
		if (part) {
			char *kind = mem_dup(kinds, part);
			offer_kind(line, kind);
			mem_free(kind);
			kinds += part;
		}
	}
}

/* The argument that comes next, from "TOPIC [FILE...]". */
static void offer_positional(const struct line *line)
{
	const char *word = line->command->positional;
	if (!word || strcmp(line->command->path, "topic create") == 0) {
		return; /* a name that is to be new */
	}
	for (size_t i = 0; i < line->positional_count; i++) {
		size_t len = strcspn(word, " ");
		bool many = len >= 3 && memmem(word, len, "...", 3);
		if (!many && !word[len]) {
			return; /* all are there */
		}
		word += many ? 0 : len + 1;
	}
	offer_kinds(line, word, strcspn(word, " "));
}

static void offer_value(const struct line *line, const struct opt *opt)
{
	for (int i = 0; opt->kind == OPT_KIND_CHOICE && opt->choices[i]; i++) {
		candidate_offer(&line->sink, opt->choices[i], NULL);
	}
	if (opt->kind != OPT_KIND_CHOICE && line->command) {
		offer_kind(line, opt->arg);
	} else if (opt->kind != OPT_KIND_CHOICE && strcmp(opt->arg, "KEY=VALUE") == 0) {
		offer_client_keys(line, true);
	} else if (opt->kind != OPT_KIND_CHOICE && strcmp(opt->arg, "CONTEXT") == 0) {
		candidates_of_cluster(line->ctx, opt->arg, &line->sink);
	} else if (opt->kind != OPT_KIND_CHOICE && strcmp(opt->arg, "FILE") == 0) {
		line->sink.emit(line->sink.arg, CANDIDATE_FILES, NULL);
	} else if (opt->kind != OPT_KIND_CHOICE && strcmp(opt->arg, "PATH") == 0) {
		line->sink.emit(line->sink.arg, CANDIDATE_FOLDERS, NULL);
	}
}

static void offer_options(const struct line *line, const struct opt *opts)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		char *word = mem_printf("--%s", o->name);
		candidate_offer(&line->sink, word, o->help);
		mem_free(word);
		char letter[] = {'-', o->letter, '\0'};
		if (o->letter && strlen(line->sink.partial) < 2) {
			candidate_offer(&line->sink, letter, o->help);
		}
	}
}

void candidates_find(
	struct ctx *ctx, const char *const *words, size_t count, candidate_fn *emit, void *arg)
{
	const char *partial = count ? words[count - 1] : "";
	struct line line = {.ctx = ctx, .sink = {partial, "", emit, arg}};
	read_line(&line, words, count ? count - 1 : 0);
	const char *equals = strncmp(partial, "--", 2) == 0 ? strchr(partial, '=') : NULL;
	char *before = NULL;
	if (line.pending) {
		offer_value(&line, line.pending);
	} else if (equals && !line.dashes) {
		size_t len = (size_t)(equals - partial);
		line.pending = find(&line, partial + 2, len - 2, 0);
		before = mem_dup(partial, len + 1);
		line.sink.before = before;
		line.sink.partial = equals + 1;
		if (line.pending && opt_takes_value(line.pending)) {
			offer_value(&line, line.pending);
		}
	} else if (partial[0] == '-' && !line.dashes) {
		offer_options(&line, line.command ? line.command->opts : NULL);
		offer_options(&line, global_opts);
	} else if (!line.command) {
		offer_path(&line, line.path, line.path_count);
	} else if (line.dashes && line.command->rest) {
		emit(arg, CANDIDATE_FILES, NULL);
	} else {
		offer_positional(&line);
	}
	mem_free(before);
}
