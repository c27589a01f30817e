/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_edit.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <stdlib.h>
#include <string.h>

enum weir_code config_edit_path(const struct ctx *ctx, char **path, struct weir_err *err)
{
	bool named;
	*path = config_file_path(ctx->globals.config, &named);
	return *path ? WEIR_OK
		     : err_set(err, WEIR_NOT_FOUND,
			       "neither XDG_CONFIG_HOME nor HOME is set: no place for the file");
}

/* What a link leads to is replaced, not the link; the caller frees it. */
static char *real_path(const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = mem_dup_str(real ? real : path);
	mem_free(real);
	return copy;
}

static enum weir_code read_text(const char *path, struct buf *text, struct weir_err *err)
{
	struct weir_err why;
	enum weir_code code = fs_read_file(path, LIMIT_CONF_FILE, text, &why);
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code != WEIR_OK && err) {
		*err = why;
	}
	return code;
}

static enum weir_code write_text(const char *path, struct buf *text, struct weir_err *err)
{
	char *real = real_path(path);
	char *slash = strrchr(real, '/');
	enum weir_code code = WEIR_OK;
	if (slash && slash != real) {
		*slash = '\0';
		code = fs_mkdirs(real, err);
		*slash = '/';
	}
	if (code == WEIR_OK) {
		code = fs_replace_file(real, slice_of(text->data, text->len), err);
	}
	mem_free(real);
	return code;
}

/* A value as properties have it. */
static void add_value(struct buf *out, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == '\n') {
			buf_add_str(out, "\\n");
			continue;
		}
		if (*c == '\\' || (c == value && (*c == ' ' || *c == '\t'))) {
			buf_add_byte(out, '\\');
		}
		buf_add_byte(out, (uint8_t)*c);
	}
}

enum weir_code config_edit_add(
	const char *path, const char *name, const struct props *props, struct weir_err *err)
{
	struct buf text;
	buf_init(&text, 0);
	enum weir_code code = read_text(path, &text, err);
	if (code == WEIR_OK) {
		bool open = text.len && text.data[text.len - 1] != '\n';
		buf_printf(
			&text, "%s%s[context %s]\n", open ? "\n" : "", text.len ? "\n" : "", name);
		for (size_t i = 0; i < props->count; i++) {
			buf_printf(&text, "%s = ", props->items[i].key);
			add_value(&text, props->items[i].value);
			buf_add_byte(&text, '\n');
		}
		code = write_text(path, &text, err);
	}
	buf_fini(&text);
	return code;
}

/* ---- lines ---- */

struct line {
	const char *text;
	size_t len; /* with its end */
};

static bool next_line(const char **at, const char *end, struct line *line)
{
	if (*at == end) {
		return false;
	}
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	line->text = *at;
	line->len = (size_t)((newline ? newline + 1 : end) - *at);
	*at += line->len;
	return true;
}

static size_t skip_blanks(const struct line *line, size_t i)
{
	while (i < line->len && (line->text[i] == ' ' || line->text[i] == '\t')) {
		i++;
	}
	return i;
}

/* The word at *i; *i goes behind it and the blanks after it. */
static struct slice take_word(const struct line *line, size_t *i)
{
	size_t begin = *i, end = begin;
	while (end < line->len && !strchr(" \t\r\n=:]", line->text[end])) {
		end++;
	}
	*i = skip_blanks(line, end);
	return slice_of(line->text + begin, end - begin);
}

static bool is_section(const struct line *line)
{
	size_t i = skip_blanks(line, 0);
	return i < line->len && line->text[i] == '[';
}

static bool is_section_of(const struct line *line, const char *name)
{
	size_t i = skip_blanks(line, 0);
	return is_section(line) && slice_equal(take_word(line, &i), slice_str("[context")) &&
	       slice_equal(take_word(line, &i), slice_str(name));
}

/* A default-context line; name NULL: whatever it names. */
static bool is_default(const struct line *line, const char *name)
{
	size_t i = skip_blanks(line, 0);
	if (!slice_equal(take_word(line, &i), slice_str("default-context"))) {
		return false;
	}
	if (i < line->len && (line->text[i] == '=' || line->text[i] == ':')) {
		i = skip_blanks(line, i + 1);
	}
	return !name || slice_equal(take_word(line, &i), slice_str(name));
}

enum weir_code config_edit_remove(const char *path, const char *name, struct weir_err *err)
{
	struct buf text, left;
	buf_init(&text, 0);
	buf_init(&left, 0);
	enum weir_code code = read_text(path, &text, err);
	if (code == WEIR_OK && text.len) {
		const char *at = (const char *)text.data, *end = at + text.len;
		struct line line;
		bool inside = false, top = true;
		while (next_line(&at, end, &line)) {
			if (is_section(&line)) {
				inside = is_section_of(&line, name);
				top = false;
			}
			if (!inside && !(top && is_default(&line, name))) {
				buf_add(&left, line.text, line.len);
			}
		}
		code = write_text(path, &left, err);
	}
	buf_fini(&text);
	buf_fini(&left);
	return code;
}

/* Whether the top of the file sets it. */
static bool has_default(const char *at, const char *end)
{
	struct line line;
	while (next_line(&at, end, &line) && !is_section(&line)) {
		if (is_default(&line, NULL)) {
			return true;
		}
	}
	return false;
}

enum weir_code config_edit_default(const char *path, const char *name, struct weir_err *err)
{
	struct buf text, left;
	buf_init(&text, 0);
	buf_init(&left, 0);
	enum weir_code code = read_text(path, &text, err);
	if (code == WEIR_OK) {
		const char *at = text.len ? (const char *)text.data : "", *end = at + text.len;
		struct line line;
		bool top = true, there = has_default(at, end);
		if (name && !there) {
			buf_printf(&left, "default-context = %s\n", name);
		}
		while (next_line(&at, end, &line)) {
			top = top && !is_section(&line);
			if (!top || !is_default(&line, NULL)) {
				buf_add(&left, line.text, line.len);
			} else if (name && there) {
				buf_printf(&left, "default-context = %s\n", name);
				there = false;
			}
		}
		code = write_text(path, &left, err);
	}
	buf_fini(&text);
	buf_fini(&left);
	return code;
}
