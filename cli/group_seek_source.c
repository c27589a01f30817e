/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/group_seek_source.h"

#include "core/base/mem.h"
#include "core/base/number.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 64 };

enum weir_code seek_to_parse(
	const char *text, int64_t now_ms, struct seek_to *to, struct weir_err *err)
{
	*to = (struct seek_to){.kind = SEEK_TO_START};
	if (strcmp(text, "start") == 0) {
		return WEIR_OK;
	}
	if (strcmp(text, "end") == 0) {
		to->kind = SEEK_TO_END;
		return WEIR_OK;
	}
	if (strncmp(text, "group:", 6) == 0 || strncmp(text, "file:", 5) == 0) {
		to->kind = text[0] == 'g' ? SEEK_TO_GROUP : SEEK_TO_FILE;
		to->name = strchr(text, ':') + 1;
		return to->name[0] ? WEIR_OK
				   : err_set(err, WEIR_USAGE, "--to %s: a name is missing", text);
	}
	if (text[0] == '@') {
		to->kind = SEEK_TO_TIME;
		enum weir_code code = number_time(text + 1, now_ms, &to->number, err);
		return code == WEIR_OK ? code : err_wrap(err, "--to");
	}
	bool sign = text[0] == '+' || text[0] == '-';
	to->kind = sign ? SEEK_TO_SHIFT : SEEK_TO_OFFSET;
	if (number_i64(text + sign, 0, INT64_MAX, &to->number, NULL) != WEIR_OK) {
		return err_set(err, WEIR_USAGE,
			"--to \"%s\" is none of start, end, N, +N, -N, @TIME, group:NAME, "
			"file:PATH",
			text);
	}
	to->number = text[0] == '-' ? -to->number : to->number;
	return WEIR_OK;
}

/* Where the three cells of a line are. */
struct layout {
	size_t topic, partition, offset;
};

/* Splits line in place; with tabs or commas cells may be empty. */
static size_t split(char *line, char *cells[COLUMNS_MAX])
{
	const char *ends = strchr(line, '\t') ? "\t" : strchr(line, ',') ? "," : " ";
	size_t count = 0;
	for (char *at = line; at && count < COLUMNS_MAX;) {
		while (ends[0] == ' ' && *at == ' ') {
			at++;
		}
		char *end = strpbrk(at, ends);
		if (end) {
			*end = '\0';
		}
		if (ends[0] != ' ' || *at) {
			cells[count++] = at;
		}
		at = end ? end + 1 : NULL;
	}
	return count;
}

static size_t find(char *const *cells, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(cells[i], name) == 0) {
			return i;
		}
	}
	return COLUMNS_MAX;
}

/* Whether the cells are names of columns, and which. */
static bool read_head(char *const *cells, size_t count, struct layout *layout)
{
	struct layout head = {find(cells, count, "topic"), find(cells, count, "partition"),
		find(cells, count, "committed")};
	if (head.offset == COLUMNS_MAX) {
		head.offset = find(cells, count, "offset");
	}
	if (head.topic == COLUMNS_MAX || head.partition == COLUMNS_MAX ||
		head.offset == COLUMNS_MAX) {
		return false;
	}
	*layout = head;
	return true;
}

static enum weir_code read_row(char *const *cells, size_t count, const struct layout *layout,
	struct arena *arena, struct seek_row *row, bool *got, struct weir_err *err)
{
	int64_t partition;
	*got = false;
	if (layout->topic >= count || layout->partition >= count || !cells[layout->topic][0]) {
		return err_set(err, WEIR_BAD_DATA, "topic, partition and offset are wanted");
	}
	if (layout->offset >= count || !cells[layout->offset][0]) {
		return WEIR_OK;
	}
	*row = (struct seek_row){.old = -1, .start = -1, .end = -1, .fresh = -1};
	enum weir_code code = number_i64(cells[layout->partition], 0, INT32_MAX, &partition, err);
	if (code == WEIR_OK) {
		code = number_i64(cells[layout->offset], 0, INT64_MAX, &row->wanted, err);
	}
	row->partition = (int32_t)partition;
	row->topic = arena_try_dup(arena, cells[layout->topic], strlen(cells[layout->topic]));
	*got = code == WEIR_OK;
	if (code == WEIR_OK && !row->topic) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for offsets");
	}
	return code == WEIR_OK ? code : err_set(err, WEIR_BAD_DATA, "%s", err->text);
}

static enum weir_code read_lines(FILE *file, struct arena *arena, struct seek_row **rows,
	size_t *count, struct weir_err *err)
{
	struct layout layout = {0, 1, 2};
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t len;
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && (len = getline(&line, &room, file)) >= 0) {
		char *cells[COLUMNS_MAX];
		bool got;
		line[strcspn(line, "\r\n")] = '\0';
		number++;
		if (!line[0] || line[0] == '#') {
			continue;
		}
		size_t cell_count = split(line, cells);
		if (number == 1 && read_head(cells, cell_count, &layout)) {
			continue;
		}
		*rows = mem_grow(*rows, *count + 1, sizeof(**rows));
		code = read_row(cells, cell_count, &layout, arena, &(*rows)[*count], &got, err);
		if (code != WEIR_OK) {
			code = err_wrap(err, "line %zu", number);
		}
		*count += got;
	}
	mem_free(line);
	return code;
}

enum weir_code seek_file_read(const char *path, struct arena *arena, struct seek_row **rows,
	size_t *count, struct weir_err *err)
{
	FILE *file = fopen(path, "r");
	*rows = NULL;
	*count = 0;
	if (!file) {
		return errno == ENOENT ? err_set(err, WEIR_NOT_FOUND, "no file %s", path)
				       : err_sys(err, errno, "%s", path);
	}
	enum weir_code code = read_lines(file, arena, rows, count, err);
	if (code == WEIR_OK && ferror(file)) {
		code = err_sys(err, EIO, "%s", path);
	} else if (code != WEIR_OK) {
		code = err_wrap(err, "%s", path);
	}
	fclose(file);
	return code;
}
