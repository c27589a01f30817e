/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The manual page of one command. */
#include "cli/mdoc.h"

#include "core/base/mem.h"

#include <string.h>

/* "weir-topic-create"; the caller frees it. */
static char *page_of(const char *path)
{
	char *page = mem_printf("weir-%s", path);
	for (char *c = page; *c; c++) {
		*c = *c == ' ' ? '-' : *c;
	}
	return page;
}

/* "[TOPIC...]" as ".Op Ar TOPIC ..."; each word on its line. */
static void put_positional(struct out *out, const char *positional)
{
	for (const char *word = positional; *word;) {
		size_t len = strcspn(word, " ");
		bool optional = word[0] == '[';
		char *text = mem_dup(word + optional, len - optional);
		char *close = strchr(text, ']');
		if (close) {
			*close = '\0';
		}
		char *dots = strstr(text, "...");
		if (dots) {
			*dots = '\0';
		}
		out_str(out, optional ? ".Op Ar " : ".Ar ");
		mdoc_word(out, text);
		out_str(out, dots ? " ...\n" : "\n");
		mem_free(text);
		word += len;
		word += strspn(word, " ");
	}
}

static void put_synopsis(struct out *out, const struct command *c)
{
	out_printf(out, ".Sh SYNOPSIS\n.Nm weir Cm %s\n", c->path);
	for (const struct opt *o = c->opts; o && o->kind != OPT_KIND_END; o++) {
		out_str(out, ".Op ");
		if (o->letter) {
			out_printf(out, "Fl %c", o->letter);
		} else {
			out_str(out, "Fl Fl ");
			mdoc_word(out, o->name);
		}
		if (opt_takes_value(o) && o->bare) {
			out_str(out, o->letter ? "" : " Ns Oo = Ns Ar ");
			mdoc_word(out, o->letter ? "" : o->arg);
			out_str(out, o->letter ? "" : " Oc");
		} else if (opt_takes_value(o)) {
			out_str(out, " Ar ");
			mdoc_word(out, o->arg);
		}
		out_byte(out, '\n');
	}
	out_str(out, ".Op Ar options of every command\n");
	if (c->positional) {
		put_positional(out, c->positional);
	}
	if (c->rest) {
		out_str(out, ".Op Fl \\&- Ar ");
		mdoc_word(out, c->rest);
		out_byte(out, '\n');
	}
}

static void put_columns(struct out *out, const struct command *c)
{
	const struct column *columns = command_columns(c);
	if (!columns) {
		return;
	}
	out_str(out, ".Sh OUTPUT\nA table with these columns");
	out_str(out, c->columns_of ? ", unless an option asks for another one:\n" : ":\n");
	out_str(out, ".Bl -tag -width Ds\n");
	for (const struct column *column = columns; column->name; column++) {
		out_printf(out, ".It Cm %s\n", column->name);
		mdoc_text(out, column->help);
	}
	out_str(out, ".El\n.Pp\n");
	mdoc_text(out, "The forms of -O and what a terminal shows are in");
	out_str(out, ".Xr weir 1 .\n");
}

static void put_examples(struct out *out, const struct command *c)
{
	out_str(out, ".Sh EXAMPLES\n");
	for (const struct example *e = c->examples; e && e->line; e++) {
		size_t len = strlen(e->text);
		char *text = mem_printf("%.*s:", (int)(len - (e->text[len - 1] == '.')), e->text);
		mdoc_text(out, text);
		out_str(out, ".Bd -literal -offset indent\n");
		mdoc_literal(out, e->line);
		out_str(out, e[1].line ? ".Ed\n.Pp\n" : ".Ed\n");
		mem_free(text);
	}
}

/* The other commands with the same first word, and the program. */
static void put_see_also(struct out *out, const struct command *c)
{
	size_t len = strcspn(c->path, " ");
	out_str(out, ".Sh SEE ALSO\n.Xr weir 1");
	for (size_t i = 0; commands[i]; i++) {
		const char *path = commands[i]->path;
		if (commands[i] != c && strncmp(path, c->path, len) == 0 && path[len] == ' ') {
			char *page = page_of(path);
			out_printf(out, " ,\n.Xr %s 1", page);
			mem_free(page);
		}
	}
	if (opts_find(c->opts, "format", strlen("format"))) {
		out_str(out, " ,\n.Xr weir-format 5");
	}
	out_byte(out, '\n');
	mdoc_prose(out, "see also");
}

void man_command(struct out *out, const struct command *c)
{
	char *page = page_of(c->path);
	mdoc_head(out, page, 1, c->summary);
	mem_free(page);
	put_synopsis(out, c);
	out_str(out, ".Sh DESCRIPTION\n");
	mdoc_text(out, c->summary);
	if (c->details) {
		mdoc_text(out, c->details);
	}
	mdoc_prose(out, "description");
	out_str(out, ".Sh OPTIONS\n");
	if (c->opts && c->opts->kind != OPT_KIND_END) {
		mdoc_options(out, c->opts);
		out_str(out, ".Pp\n");
	}
	out_str(out, "Options of every command are in\n.Xr weir 1 .\n");
	put_columns(out, c);
	mdoc_environment(out, c->needs != NULL);
	mdoc_prose(out, "environment");
	mdoc_exit_status(out, c->needs != NULL);
	mdoc_prose(out, "exit status");
	put_examples(out, c);
	mdoc_prose(out, "examples");
	put_see_also(out, c);
}
