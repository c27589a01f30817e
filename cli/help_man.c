/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/help_text.h"

#include <string.h>

/* Text as mdoc: backslash and '-' escaped, each sentence on its line, no line begins a macro. */
static void put_text(struct out *out, const char *text)
{
	bool fresh = true;
	for (const char *p = text; *p; p++) {
		if (fresh && (*p == '.' || *p == '\'')) {
			out_str(out, "\\&");
		}
		fresh = false;
		if (*p == '\\') {
			out_str(out, "\\e");
		} else if (*p == '-') {
			out_str(out, "\\-");
		} else if (*p == '\n' || (*p == ' ' && p > text && p[-1] == '.')) {
			out_byte(out, '\n');
			fresh = true;
		} else {
			out_byte(out, *p);
		}
	}
	out_byte(out, '\n');
}

static void put_word(struct out *out, const char *word)
{
	for (const char *p = word; *p; p++) {
		out_str(out, *p == '-' ? "\\-" : *p == '\\' ? "\\e" : "");
		if (*p != '-' && *p != '\\') {
			out_byte(out, *p);
		}
	}
}

static void put_options(struct out *out, const struct opt *opts)
{
	out_str(out, ".Bl -tag -width Ds\n");
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++) {
		out_str(out, ".It ");
		if (o->letter) {
			out_printf(out, "Fl %c , ", o->letter);
		}
		out_str(out, "Fl Fl ");
		put_word(out, o->name);
		if (opt_takes_value(o)) {
			out_str(out, o->bare ? " Ns Op = Ns Ar " : " Ar ");
			put_word(out, o->arg);
		}
		out_byte(out, '\n');
		put_text(out, o->help);
		for (int i = 0; o->kind == OPT_KIND_CHOICE && o->choices[i]; i++) {
			bool last = !o->choices[i + 1];
			out_printf(out, "%s.Cm %s%s\n", i ? last ? "or\n" : "" : "One of\n",
				o->choices[i], last ? " ." : " ,");
		}
		if (o->def) {
			out_str(out, "The default is\n.Cm ");
			put_word(out, o->def);
			out_str(out, " .\n");
		}
		if (o->env) {
			out_printf(out, "Also given by\n.Ev %s .\n", o->env);
		}
	}
	out_str(out, ".El\n");
}

static void put_commands(struct out *out)
{
	out_str(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; commands[i]; i++) {
		out_str(out, ".It Xr weir-");
		for (const char *p = commands[i]->path; *p; p++) {
			out_byte(out, *p == ' ' ? '-' : *p);
		}
		out_str(out, " 1\n");
		put_text(out, commands[i]->summary);
	}
	out_str(out, ".El\n");
}

void help_print_man(struct out *out, const struct command *command)
{
	out_str(out, ".Sh OPTIONS\n");
	if (!command) {
		put_options(out, global_opts);
		put_commands(out);
		return;
	}
	if (command->opts && command->opts->kind != OPT_KIND_END) {
		put_options(out, command->opts);
		out_str(out, ".Pp\n");
	}
	out_str(out, "Options of every command are in\n.Xr weir 1 .\n.Sh EXAMPLES\n");
	for (const struct example *e = command->examples; e && e->line; e++) {
		put_text(out, e->text);
		out_str(out, ".Dl ");
		put_word(out, e->line);
		out_str(out, e[1].line ? "\n.Pp\n" : "\n");
	}
}
