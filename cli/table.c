/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows for a terminal are kept until there are TABLE_BLOCK of them or the end, to know the widths;
 * all other forms go out row by row.
 */
#include "cli/table.h"

#include "cli/json.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { TABLE_BLOCK = 1000, TABLE_COLUMNS = 40 };

struct table {
	struct ctx *ctx;
	const struct column *columns;
	size_t column_count;
	size_t at;	   /* column of the next cell */
	size_t row_count;  /* finished rows */
	json_t *row;	   /* json and jsonl: the row being filled */
	struct buf *cells; /* terminal: column_count x rows kept */
	size_t kept;
	size_t widths[TABLE_COLUMNS];
	bool head_done;
	bool silent;
};

static enum output form(const struct table *t)
{
	return (enum output)t->ctx->globals.output;
}

/* Aligned on a terminal, tab-separated else. */
static bool is_aligned(const struct table *t)
{
	return form(t) == OUTPUT_TEXT && t->ctx->out.tty;
}

static bool is_json(const struct table *t)
{
	return form(t) == OUTPUT_JSON || form(t) == OUTPUT_JSONL;
}

static void print_head_tsv(struct table *t)
{
	for (size_t i = 0; i < t->column_count && !t->ctx->globals.no_header; i++) {
		out_str(&t->ctx->out, t->columns[i].name);
		out_byte(&t->ctx->out, i + 1 < t->column_count ? '\t' : '\n');
	}
}

struct table *table_new_silent(struct ctx *ctx, const struct column *columns)
{
	struct table *t = mem_new(sizeof(*t));
	t->ctx = ctx;
	t->columns = columns;
	t->silent = true;
	while (columns[t->column_count].name) {
		t->column_count++;
	}
	WEIR_ASSERT(t->column_count > 0 && t->column_count <= TABLE_COLUMNS);
	return t;
}

struct table *table_new(struct ctx *ctx, const struct column *columns)
{
	struct table *t = table_new_silent(ctx, columns);
	t->silent = false;
	if (form(t) == OUTPUT_JSON) {
		out_byte(&ctx->out, '[');
	} else if (!is_json(t) && !is_aligned(t)) {
		print_head_tsv(t);
	}
	return t;
}

static bool right(enum column_kind kind)
{
	return kind == COLUMN_NUMBER || kind == COLUMN_BYTES || kind == COLUMN_DURATION;
}

static void print_head_aligned(struct table *t)
{
	if (t->head_done || t->ctx->globals.no_header) {
		return;
	}
	t->head_done = true;
	struct out *out = &t->ctx->out;
	size_t used = 0;
	out_str(out, out->color ? "\x1b[1m" : "");
	for (size_t i = 0; i < t->column_count; i++) {
		struct slice name = slice_str(t->columns[i].name);
		size_t room = out->width > used ? out->width - used : 0;
		int pad = (int)(t->widths[i] - name.len);
		bool to_right = right(t->columns[i].kind);
		if (to_right && room > t->widths[i]) {
			out_printf(out, "%*s", pad, "");
		}
		for (size_t k = 0; k < name.len && k < room; k++) {
			char c = (char)name.data[k];
			out_byte(out, c == '_' ? ' ' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
		}
		if (i + 1 < t->column_count && room > t->widths[i] + 2) {
			out_printf(out, "%*s", to_right ? 2 : pad + 2, "");
		}
		used += t->widths[i] + 2;
	}
	out_str(out, out->color ? "\x1b[0m\n" : "\n");
}

/* The first columns of text; whole characters. */
static struct slice cut(struct slice text, size_t columns)
{
	size_t seen = 0;
	for (size_t i = 0; i < text.len; i++) {
		if ((text.data[i] & 0xc0) != 0x80 && seen++ == columns) {
			return slice_of(text.data, i);
		}
	}
	return text;
}

/* Red for what failed, yellow for what is doubtful or only would be; NULL: as it is. */
static const char *color_of(enum column_kind kind, struct slice text)
{
	static const char *const red[] = {"failed", "FAIL"}, *const yellow[] = {"would", "WARN"};
	for (size_t i = 0; kind == COLUMN_RESULT && i < 2; i++) {
		size_t red_len = strlen(red[i]), yellow_len = strlen(yellow[i]);
		if (text.len >= red_len && memcmp(text.data, red[i], red_len) == 0) {
			return "31";
		}
		if (text.len >= yellow_len && memcmp(text.data, yellow[i], yellow_len) == 0) {
			return "33";
		}
	}
	return NULL;
}

static void print_row_aligned(struct table *t, struct buf *cells)
{
	struct out *out = &t->ctx->out;
	size_t used = 0;
	for (size_t i = 0; i < t->column_count; i++) {
		struct slice text = slice_of(cells[i].data, cells[i].len);
		size_t columns = text_columns(text);
		size_t room = out->width > used ? out->width - used : 0;
		int pad = (int)(t->widths[i] - columns);
		bool to_right = right(t->columns[i].kind);
		if (to_right && room > t->widths[i]) {
			out_printf(out, "%*s", pad, "");
		}
		text = cut(text, room);
		const char *color = out->color ? color_of(t->columns[i].kind, text) : NULL;
		out_printf(out, color ? "\x1b[%sm" : "%s", color ? color : "");
		out_bytes(out, text.data, text.len);
		out_str(out, color ? "\x1b[0m" : "");
		if (i + 1 < t->column_count && room > t->widths[i] + 2) {
			out_printf(out, "%*s", to_right ? 2 : pad + 2, "");
		}
		used += t->widths[i] + 2;
	}
	out_byte(out, '\n');
}

static void print_kept(struct table *t)
{
	for (size_t i = 0; i < t->column_count; i++) {
		size_t head = t->ctx->globals.no_header ? 0 : strlen(t->columns[i].name);
		t->widths[i] = t->widths[i] > head ? t->widths[i] : head;
		for (size_t r = 0; r < t->kept; r++) {
			struct buf *cell = &t->cells[r * t->column_count + i];
			size_t columns = text_columns(slice_of(cell->data, cell->len));
			t->widths[i] = t->widths[i] > columns ? t->widths[i] : columns;
		}
	}
	print_head_aligned(t);
	for (size_t r = 0; r < t->kept; r++) {
		struct buf *cells = &t->cells[r * t->column_count];
		print_row_aligned(t, cells);
		for (size_t i = 0; i < t->column_count; i++) {
			buf_fini(&cells[i]);
		}
	}
	t->kept = 0;
}

static void row_end(struct table *t)
{
	struct out *out = &t->ctx->out;
	if (is_json(t)) {
		if (form(t) == OUTPUT_JSON) {
			out_str(out, t->row_count ? ",\n" : "\n");
		}
		json_print(out, t->row);
		t->row = NULL;
		out_str(out, form(t) == OUTPUT_JSONL ? "\n" : "");
	} else if (is_aligned(t)) {
		if (++t->kept == TABLE_BLOCK) {
			print_kept(t);
		}
	} else {
		out_byte(out, '\n');
	}
	t->row_count++;
	t->at = 0;
}

/* The kept cell that is to be filled; terminal only. */
static struct buf *kept_cell(struct table *t)
{
	if (!t->cells) {
		t->cells = mem_array(TABLE_BLOCK * t->column_count, sizeof(*t->cells));
	}
	struct buf *cell = &t->cells[t->kept * t->column_count + t->at];
	buf_init(cell, 0);
	return cell;
}

static void cell_end(struct table *t)
{
	if (++t->at == t->column_count) {
		row_end(t);
	}
}

static const struct column *cell_start(struct table *t)
{
	if (is_json(t) && t->at == 0) {
		t->row = json_object();
	} else if (!is_json(t) && !is_aligned(t) && t->at > 0) {
		out_byte(&t->ctx->out, '\t');
	}
	return &t->columns[t->at];
}

/* A cell of a silent table. */
static bool skip(struct table *t)
{
	if (t->silent) {
		t->at = (t->at + 1) % t->column_count;
	}
	return t->silent;
}

/* Tab, newline and backslash inside a cell would break the form. */
static void put_tsv(struct out *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.data[i]) {
		case '\t':
			out_str(out, "\\t");
			break;
		case '\n':
			out_str(out, "\\n");
			break;
		case '\\':
			out_str(out, "\\\\");
			break;
		default:
			out_byte(out, (char)text.data[i]);
			break;
		}
	}
}

void table_slice(struct table *t, struct slice text)
{
	if (skip(t)) {
		return;
	}
	const struct column *column = cell_start(t);
	if (is_json(t)) {
		json_set_bytes(t->row, column->name, text);
	} else if (is_aligned(t)) {
		text_escape(kept_cell(t), text, "");
	} else {
		put_tsv(&t->ctx->out, text);
	}
	cell_end(t);
}

void table_text(struct table *t, const char *text)
{
	table_slice(t, slice_str(text));
}

void table_null(struct table *t)
{
	table_slice(t, slice_of(NULL, 0));
}

static void put_time(struct buf *cell, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];
	if (ms < 0 || !gmtime_r(&s, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) {
		buf_printf(cell, "%" PRId64, ms);
		return;
	}
	buf_printf(cell, "%s.%03dZ", text, (int)(ms % 1000));
}

static void put_scaled(struct buf *cell, int64_t number, const int64_t *steps,
	const char *const *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (number >= steps[i]) {
			double value = (double)number / (double)steps[i];
			buf_printf(cell, value < 10 && number % steps[i] ? "%.1f%s" : "%.0f%s",
				value, units[i]);
			return;
		}
	}
	buf_printf(cell, "%" PRId64, number);
}

static void put_number(struct buf *cell, enum column_kind kind, int64_t number)
{
	static const int64_t sizes[] = {INT64_C(1) << 40, 1 << 30, 1 << 20, 1 << 10};
	static const char *const size_units[] = {"T", "G", "M", "k"};
	static const int64_t times[] = {86400000, 3600000, 60000, 1000, 1};
	static const char *const time_units[] = {"d", "h", "m", "s", "ms"};
	if (kind == COLUMN_BYTES) {
		put_scaled(cell, number, sizes, size_units, 4);
	} else if (kind == COLUMN_DURATION) {
		put_scaled(cell, number, times, time_units, 5);
	} else if (kind == COLUMN_TIME) {
		put_time(cell, number);
	} else {
		buf_printf(cell, "%" PRId64, number);
	}
}

void table_number(struct table *t, int64_t number)
{
	if (skip(t)) {
		return;
	}
	const struct column *column = cell_start(t);
	if (is_json(t)) {
		json_object_set_new(t->row, column->name, json_integer(number));
	} else if (is_aligned(t)) {
		put_number(kept_cell(t), column->kind, number);
	} else {
		out_printf(&t->ctx->out, "%" PRId64, number);
	}
	cell_end(t);
}

void table_known(struct table *t, int64_t number)
{
	if (number < 0) {
		table_null(t);
	} else {
		table_number(t, number);
	}
}

void table_bool(struct table *t, bool value)
{
	if (skip(t)) {
		return;
	}
	const struct column *column = cell_start(t);
	if (is_json(t)) {
		json_object_set_new(t->row, column->name, json_boolean(value));
	} else if (is_aligned(t)) {
		buf_add_str(kept_cell(t), value ? "yes" : "no");
	} else {
		out_str(&t->ctx->out, value ? "true" : "false");
	}
	cell_end(t);
}

static void put_numbers(struct table *t, const int32_t *numbers, int32_t count)
{
	struct buf list;
	buf_init(&list, 0);
	for (int32_t i = 0; i < count; i++) {
		buf_printf(&list, "%s%" PRId32, i ? "," : "", numbers[i]);
	}
	if (is_aligned(t)) {
		buf_add(kept_cell(t), list.data, list.len);
	} else {
		out_bytes(&t->ctx->out, list.data, list.len);
	}
	buf_fini(&list);
}

void table_numbers(struct table *t, const int32_t *numbers, int32_t count)
{
	if (skip(t)) {
		return;
	}
	const struct column *column = cell_start(t);
	if (is_json(t)) {
		json_t *list = json_array();
		for (int32_t i = 0; i < count; i++) {
			json_array_append_new(list, json_integer(numbers[i]));
		}
		json_object_set_new(t->row, column->name, list);
	} else {
		put_numbers(t, numbers, count);
	}
	cell_end(t);
}

void table_flush(struct table *table)
{
	if (is_aligned(table)) {
		print_kept(table);
	}
}

void table_end(struct table **table)
{
	struct table *t = *table;
	if (!t) {
		return;
	}
	WEIR_ASSERT(t->at == 0);
	if (t->silent) {
		MEM_FREE(table);
		return;
	}
	if (form(t) == OUTPUT_JSON) {
		out_str(&t->ctx->out, t->row_count ? "\n]\n" : "]\n");
	} else if (is_aligned(t)) {
		print_kept(t);
	}
	mem_free(t->cells);
	MEM_FREE(table);
}

void table_print_schema(struct out *out, const struct column *columns)
{
	static const char *const types[] = {
		"string", "integer", "integer", "integer", "integer", "boolean", "array", "string"};
	json_t *fields = json_object();
	for (const struct column *c = columns; c->name; c++) {
		json_t *field = json_pack("{s:[ss]}", "type", types[c->kind], "null");
		if (c->kind == COLUMN_NUMBERS) {
			json_object_set_new(field, "items", json_pack("{s:s}", "type", "integer"));
		}
		if (c->help) {
			json_object_set_new(field, "description", json_string(c->help));
		}
		json_object_set_new(fields, c->name, field);
	}
	json_print(out, json_pack("{s:s, s:s, s:{s:s, s:o}}", "$schema",
				"https://json-schema.org/draft/2020-12/schema", "type", "array",
				"items", "type", "object", "properties", fields));
	out_byte(out, '\n');
}
