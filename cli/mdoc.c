/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/mdoc.h"

#include "cli/environment.h"
#include "cli/report.h"

#include <string.h>

enum { LINE_WIDTH = 76 };

/* Of the last release. */
static const char page_date[] = "November 25, 2026";

static const char *escape_of(char byte)
{
	switch (byte) {
	case '\\':
		return "\\e";
	case '-':
		return "\\-";
	case '\'':
		return "\\(aq";
	case '"':
		return "\\(dq";
	case '`':
		return "\\(ga";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	default:
		return NULL;
	}
}

static void put_escaped(struct out *out, const char *text, size_t len)
{
	if (len && (text[0] == '.' || text[0] == '\'')) {
		out_str(out, "\\&");
	}
	for (size_t i = 0; i < len; i++) {
		const char *escape = escape_of(text[i]);
		if (escape) {
			out_str(out, escape);
		} else {
			out_byte(out, text[i]);
		}
	}
}

static size_t escaped_len(const char *text, size_t len)
{
	size_t sum = 0;
	for (size_t i = 0; i < len; i++) {
		const char *escape = escape_of(text[i]);
		sum += escape ? strlen(escape) : 1;
	}
	return sum;
}

/* Whether a line has to end behind this word, so that each sentence begins on a new one. */
static bool ends_sentence(const char *word, size_t len)
{
	if (len >= 3 && memcmp(word + len - 3, "...", 3) == 0) {
		return false; /* "LIST,... ." */
	}
	char last = word[len - 1];
	if ((last == ')' || last == '"') && len > 1) {
		last = word[len - 2];
	}
	return last == '.' || last == '?' || last == '!';
}

void mdoc_text(struct out *out, const char *text)
{
	size_t column = 0;
	for (const char *word = text + strspn(text, " \n"); *word;) {
		size_t len = strcspn(word, " \n"), width = escaped_len(word, len);
		if (column && column + 1 + width > LINE_WIDTH) {
			out_byte(out, '\n');
			column = 0;
		}
		if (column) {
			out_byte(out, ' ');
			column++;
		}
		put_escaped(out, word, len);
		column += width;
		if (ends_sentence(word, len)) {
			out_byte(out, '\n');
			column = 0;
		}
		word += len;
		word += strspn(word, " \n");
	}
	if (column) {
		out_byte(out, '\n');
	}
}

void mdoc_word(struct out *out, const char *word)
{
	put_escaped(out, word, strlen(word));
}

void mdoc_literal(struct out *out, const char *line)
{
	put_escaped(out, line, strlen(line));
	out_byte(out, '\n');
}

void mdoc_prose(struct out *out, const char *name)
{
	out_printf(out, ".\\\" prose %s\n", name);
}

void mdoc_head(struct out *out, const char *page, int section, const char *what)
{
	out_str(out, ".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
		     ".\\\" Made from the tables of the program and from man/prose.\n");
	out_printf(out, ".Dd %s\n.Dt ", page_date);
	for (const char *c = page; *c; c++) {
		out_byte(out, *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c);
	}
	out_printf(out, " %d\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", section, page);
	/* "Creates topics." becomes "creates topics". */
	size_t len = strlen(what);
	len -= len && what[len - 1] == '.';
	bool name = len > 1 && what[1] >= 'A' && what[1] <= 'Z';
	if (len && !name && what[0] >= 'A' && what[0] <= 'Z') {
		out_byte(out, (char)(what[0] + 32));
		what++;
		len--;
	}
	put_escaped(out, what, len);
	out_byte(out, '\n');
}

void mdoc_options(struct out *out, const struct opt *opts)
{
	out_str(out, ".Bl -tag -width Ds\n");
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++) {
		out_str(out, ".It ");
		if (o->letter) {
			out_printf(out, "Fl %c , ", o->letter);
		}
		out_str(out, "Fl Fl ");
		mdoc_word(out, o->name);
		if (opt_takes_value(o)) {
			out_str(out, o->bare ? " Ns Oo = Ns Ar " : " Ar ");
			mdoc_word(out, o->arg);
			out_str(out, o->bare ? " Oc" : "");
		}
		out_byte(out, '\n');
		mdoc_text(out, o->help);
		for (int i = 0; o->kind == OPT_KIND_CHOICE && o->choices[i]; i++) {
			bool last = !o->choices[i + 1];
			out_printf(out, "%s.Cm %s%s\n", i ? last ? "or\n" : "" : "One of\n",
				o->choices[i], last ? " ." : " ,");
		}
		if (o->def) {
			out_str(out, "The default is\n.Cm ");
			mdoc_word(out, o->def);
			out_str(out, " .\n");
		}
		if (o->env) {
			out_printf(out, "Also given by\n.Ev %s .\n", o->env);
		}
	}
	out_str(out, ".El\n");
}

void mdoc_environment(struct out *out, bool client)
{
	out_str(out, ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n");
	for (const struct env_var *v = env_vars; v->name; v++) {
		if (client || !v->client) {
			out_printf(out, ".It Ev %s\n", v->name);
			mdoc_text(out, v->text);
		}
	}
	out_str(out, ".El\n");
}

void mdoc_exit_status(struct out *out, bool client)
{
	out_str(out, ".Sh EXIT STATUS\n.Bl -tag -width 126 -compact\n");
	for (const struct exit_status *e = exit_statuses; e->text; e++) {
		if (client || !e->client) {
			out_printf(out, ".It %d\n", e->status);
			mdoc_text(out, e->text);
		}
	}
	out_str(out, ".El\n");
}
