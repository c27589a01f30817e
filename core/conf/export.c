/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/conf/export.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_WIDTH = 76 };

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct conf_row *const *)a)->name,
		(*(const struct conf_row *const *)b)->name);
}

/* The rows of scope in the order of their names; the caller frees the array. */
static const struct conf_row **sorted(enum conf_scope scope)
{
	size_t count = conf_row_count(scope);
	const struct conf_row **rows = mem_array(count + 1, sizeof(*rows));
	for (size_t i = 0; i < count; i++) {
		rows[i] = conf_row_at(scope, i);
	}
	qsort(rows, count, sizeof(*rows), by_name);
	return rows;
}

/* Text that roff takes as it is: no escapes, minus signs that can be copied. */
static void add_roff(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\') {
			buf_add_str(out, "\\e");
		} else if (*text == '-') {
			buf_add_str(out, "\\-");
		} else {
			buf_add_byte(out, (uint8_t)*text);
		}
	}
}

static void add_choices(struct buf *out, const struct conf_row *row)
{
	for (size_t i = 0; row->choices[i]; i++) {
		buf_add_str(out, i ? ", " : "");
		add_roff(out, row->choices[i]);
	}
}

static void man_facts(struct buf *out, const struct conf_row *row)
{
	const struct conf_row *keeper = conf_row_keeper(row);
	add_roff(out, conf_row_type_name(row));
	if (keeper->choices) {
		buf_add_str(out, keeper->kind == CONF_FLAGS ? " of " : ": ");
		add_choices(out, keeper);
	}
	if (keeper->unit) {
		buf_printf(out, ", %s", keeper->unit);
	}
	if (keeper->def && keeper->def[0]) {
		buf_add_str(out, "; default ");
		add_roff(out, keeper->def);
	}
	if (row->scope == CONF_BROKER && keeper->update != CONF_READ_ONLY) {
		buf_add_str(out, "; may change while the broker runs");
	}
	buf_add_str(out, ".\n");
	for (size_t i = 0; i < sizeof(row->from) / sizeof(row->from[0]) && row->from[i].name; i++) {
		buf_add_str(out, i ? ", " : "From the broker's ");
		add_roff(out, row->from[i].name);
	}
	buf_add_str(out, row->from[0].name ? ".\n" : "");
}

void conf_export_man(enum conf_scope scope, struct buf *out)
{
	const struct conf_row **rows = sorted(scope);
	for (size_t i = 0; rows[i]; i++) {
		if (!rows[i]->hidden) {
			buf_add_str(out, ".TP\n.B ");
			add_roff(out, rows[i]->name);
			buf_add_str(out, "\n");
			add_roff(out, rows[i]->doc);
			buf_add_str(out, "\n.br\n");
			man_facts(out, rows[i]);
		}
	}
	mem_free(rows);
}

/* The text in lines of a comment. */
static void add_comment(struct buf *out, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t len = strcspn(text, " ");
		if (!column || column + 1 + len > SAMPLE_WIDTH) {
			buf_printf(out, "%s#", column ? "\n" : "");
			column = 1;
		}
		buf_add_str(out, " ");
		buf_add(out, text, len);
		column += 1 + len;
		text += len;
		text += strspn(text, " ");
	}
	buf_add_str(out, "\n");
}

void conf_export_sample(struct buf *out)
{
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		if (row->alias_of || row->hidden) {
			continue;
		}
		buf_add_str(out, out->len ? "\n" : "");
		add_comment(out, row->doc);
		buf_printf(out, "#%s=%s\n", row->name, row->def ? row->def : "");
	}
}
