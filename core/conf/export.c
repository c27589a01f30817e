/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/conf/export.h"

#include <string.h>

enum { SAMPLE_WIDTH = 76 };

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
