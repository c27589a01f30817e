/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The manual pages that are not of one command: weir(1), weir-format(5), weir.conf(5). */
#include "cli/client_keys.h"
#include "cli/mdoc.h"
#include "core/base/mem.h"
#include "core/conf/row.h"

#include <stdlib.h>
#include <string.h>

static void put_commands(struct out *out)
{
	out_str(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; commands[i]; i++) {
		out_str(out, ".It Xr weir-");
		for (const char *p = commands[i]->path; *p; p++) {
			out_byte(out, *p == ' ' ? '-' : *p);
		}
		out_str(out, " 1\n");
		mdoc_text(out, commands[i]->summary);
	}
	out_str(out, ".El\n");
}

static void put_client_keys(struct out *out)
{
	out_str(out, ".Sh CLIENT PROPERTIES\n");
	mdoc_prose(out, "client properties");
	out_str(out, ".Bl -tag -width Ds\n");
	for (const struct client_key *k = client_keys; k->name; k++) {
		out_str(out, ".It Ic ");
		mdoc_word(out, k->name);
		out_byte(out, '\n');
		mdoc_text(out, k->doc);
		if (k->def && k->def[0]) {
			out_str(out, "The default is\n.Cm ");
			mdoc_word(out, k->def);
			out_str(out, " .\n");
		}
	}
	out_str(out, ".El\n");
}

void man_weir(struct out *out)
{
	mdoc_head(out, "weir", 1, "a Kafka-compatible broker, and commands for any Kafka");
	out_str(out, ".Sh SYNOPSIS\n.Nm weir\n.Ar command\n.Op Ar options\n.Op Ar arguments\n"
		     ".Sh DESCRIPTION\n");
	mdoc_prose(out, "description");
	put_commands(out);
	out_str(out, ".Sh OPTIONS\n");
	mdoc_text(out, "Every command takes these options, before, between or behind its words:");
	mdoc_options(out, global_opts);
	mdoc_prose(out, "options");
	out_str(out, ".Sh OUTPUT\n");
	mdoc_prose(out, "output");
	put_client_keys(out);
	mdoc_environment(out, true);
	mdoc_prose(out, "environment");
	out_str(out, ".Sh FILES\n");
	mdoc_prose(out, "files");
	mdoc_exit_status(out, true);
	mdoc_prose(out, "exit status");
	out_str(out, ".Sh EXAMPLES\n");
	mdoc_prose(out, "examples");
	out_str(out, ".Sh DIAGNOSTICS\n");
	mdoc_prose(out, "diagnostics");
	out_str(out, ".Sh SEE ALSO\n.Xr weir-format 5 ,\n.Xr weir.conf 5\n");
}

static void put_tokens(struct out *out)
{
	static const struct {
		char letter;
		const char *text;
	} tokens[] = {
#define TOKEN(letter, field, kind, text) {letter, text},
#include "cli/format_tokens.def"
#undef TOKEN
	};
	out_str(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		out_str(out, ".It Cm \\&%");
		if (tokens[i].letter == '|' || tokens[i].letter == '[' || tokens[i].letter == ']') {
			out_str(out, "\\&");
		}
		out_printf(out, "%c\n", tokens[i].letter);
		mdoc_text(out, tokens[i].text);
	}
	out_str(out, ".El\n");
}

void man_format(struct out *out)
{
	mdoc_head(out, "weir-format", 5, "format strings of records");
	out_str(out, ".Sh DESCRIPTION\n");
	mdoc_prose(out, "description");
	out_str(out, ".Ss Tokens\n");
	put_tokens(out);
	mdoc_prose(out, "modifiers");
	out_str(out, ".Sh EXAMPLES\n");
	mdoc_prose(out, "examples");
	out_str(out, ".Sh SEE ALSO\n.Xr weir 1 ,\n.Xr weir-cat 1 ,\n.Xr weir-consume 1 ,\n"
		     ".Xr weir-produce 1 ,\n.Xr weir-segment-cat 1\n");
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct conf_row *const *)a)->name,
		(*(const struct conf_row *const *)b)->name);
}

static void put_facts(struct out *out, const struct conf_row *row)
{
	const struct conf_row *keeper = conf_row_keeper(row);
	struct buf text;
	buf_init(&text, 0);
	buf_printf(&text, "Type: %s", conf_row_type_name(row));
	if (keeper->choices) {
		buf_add_str(&text, keeper->kind == CONF_FLAGS ? " of " : ": ");
		for (size_t i = 0; keeper->choices[i]; i++) {
			buf_printf(&text, "%s%s", i ? ", " : "", keeper->choices[i]);
		}
	}
	buf_printf(&text, "%s%s", keeper->unit ? ", " : "", keeper->unit ? keeper->unit : "");
	if (keeper->def && keeper->def[0]) {
		buf_printf(&text, "; default %s", keeper->def);
	}
	if (row->scope == CONF_BROKER && keeper->update != CONF_READ_ONLY) {
		buf_add_str(&text, "; may change while the broker runs");
	}
	buf_add_str(&text, ".");
	for (size_t i = 0; i < sizeof(row->from) / sizeof(row->from[0]) && row->from[i].name; i++) {
		buf_printf(&text, "%s%s", i ? ", " : " From the broker's ", row->from[i].name);
	}
	buf_add_str(&text, row->from[0].name ? "." : "");
	mdoc_text(out, buf_str(&text));
	buf_fini(&text);
}

/* The settings of scope in the order of their names, but for hidden ones. */
static void put_rows(struct out *out, enum conf_scope scope)
{
	size_t count = conf_row_count(scope);
	const struct conf_row **rows = mem_array(count + 1, sizeof(*rows));
	for (size_t i = 0; i < count; i++) {
		rows[i] = conf_row_at(scope, i);
	}
	qsort(rows, count, sizeof(*rows), by_name);
	out_str(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < count; i++) {
		if (!rows[i]->hidden) {
			out_str(out, ".It Ic ");
			mdoc_word(out, rows[i]->name);
			out_byte(out, '\n');
			mdoc_text(out, rows[i]->doc);
			put_facts(out, rows[i]);
		}
	}
	out_str(out, ".El\n");
	mem_free(rows);
}

void man_conf(struct out *out)
{
	mdoc_head(out, "weir.conf", 5, "settings of brokers, topics and groups");
	out_str(out, ".Sh DESCRIPTION\n");
	mdoc_prose(out, "description");
	out_str(out, ".Sh BROKER SETTINGS\n");
	put_rows(out, CONF_BROKER);
	out_str(out, ".Sh TOPIC SETTINGS\n");
	mdoc_prose(out, "topic settings");
	put_rows(out, CONF_TOPIC);
	out_str(out, ".Sh GROUP SETTINGS\n");
	mdoc_prose(out, "group settings");
	put_rows(out, CONF_GROUP);
	out_str(out, ".Sh FILES\n");
	mdoc_prose(out, "files");
	out_str(out, ".Sh EXAMPLES\n");
	mdoc_prose(out, "examples");
	out_str(out, ".Sh SEE ALSO\n.Xr weir-broker 1 ,\n.Xr weir-config-get 1 ,\n"
		     ".Xr weir-config-set 1 ,\n.Xr weir-topic-alter 1\n");
}

bool man_page(struct out *out, const char *name)
{
	if (strcmp(name, "weir") == 0) {
		man_weir(out);
	} else if (strcmp(name, "weir-format") == 0) {
		man_format(out);
	} else if (strcmp(name, "weir.conf") == 0) {
		man_conf(out);
	} else {
		return false;
	}
	return true;
}
