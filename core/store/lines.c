/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/buf.h"
#include "core/io/fs.h"
#include "core/store/lines_priv.h"

bool lines_next(struct slice *rest, struct slice *line)
{
	if (!rest->len) {
		return false;
	}
	const uint8_t *end = memchr(rest->data, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	size_t used = end ? len + 1 : len;
	*line = slice_of(rest->data, len);
	if (line->len && line->data[line->len - 1] == '\r') {
		line->len--;
	}
	*rest = slice_of(rest->data + used, rest->len - used);
	return true;
}

bool lines_take_word(struct slice *line, struct slice *word)
{
	const uint8_t *end = line->len ? memchr(line->data, ' ', line->len) : NULL;
	size_t len = end ? (size_t)(end - line->data) : line->len;
	size_t used = end ? len + 1 : len;
	if (!len) {
		return false;
	}
	*word = slice_of(line->data, len);
	*line = slice_of(line->data + used, line->len - used);
	return true;
}

bool lines_take_i64(struct slice *line, int64_t *value)
{
	struct slice word, rest = *line;
	int64_t v = 0;
	if (!lines_take_word(&rest, &word)) {
		return false;
	}
	bool minus = word.data[0] == '-';
	size_t i = minus ? 1 : 0;
	if (i == word.len) {
		return false;
	}
	for (; i < word.len; i++) {
		int digit = word.data[i] - '0';
		if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, digit, &v)) {
			return false;
		}
	}
	*value = minus ? -v : v;
	*line = rest;
	return true;
}

static enum weir_code read_lines(const char *path, struct slice rest,
	enum weir_code (*each)(void *arg, struct slice line, struct weir_err *err), void *arg,
	struct weir_err *err)
{
	struct slice line;
	int64_t version, count, seen = 0;
	if (!lines_next(&rest, &line) || !lines_take_i64(&line, &version) || version != 0 ||
		line.len) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "%s: line 1 is not version 0", path);
	}
	if (!lines_next(&rest, &line) || !lines_take_i64(&line, &count) || count < 0 || line.len) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "%s: line 2 is no count", path);
	}
	while (lines_next(&rest, &line)) {
		seen++;
		if (seen > count) {
			return err_set(err, WEIR_LOCAL_CORRUPT,
				"%s: more lines than the count of %lld", path, (long long)count);
		}
		struct weir_err inner;
		enum weir_code code = each(arg, line, &inner);
		if (code) {
			return err_set(err, code, "%s: line %lld: %s", path, (long long)seen + 2,
				inner.text);
		}
	}
	if (seen != count) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "%s: %lld lines, the count says %lld", path,
			(long long)seen, (long long)count);
	}
	return WEIR_OK;
}

enum weir_code lines_read_checkpoint(const char *path, size_t max_bytes,
	enum weir_code (*each)(void *arg, struct slice line, struct weir_err *err), void *arg,
	struct weir_err *err)
{
	struct buf text;
	struct weir_err inner;
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, max_bytes, &text, &inner);
	if (code == WEIR_NOT_FOUND) {
		buf_fini(&text);
		return WEIR_OK;
	}
	if (code) {
		if (err) {
			*err = inner;
		}
	} else {
		code = read_lines(path, slice_of(text.data, text.len), each, arg, err);
	}
	buf_fini(&text);
	return code;
}
