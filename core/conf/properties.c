/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader that first joins a logical line from natural ones, escapes untouched, then takes it
 * apart.
 */
#include "core/conf/properties.h"

#include "core/base/buf.h"
#include "core/base/limits.h"

struct text {
	const uint8_t *at, *end;
	int line; /* of at, from 1 */
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static void skip_spaces(struct text *text)
{
	while (text->at < text->end && is_space(*text->at)) {
		text->at++;
	}
}

/* Appends the natural line to out and steps behind its end (LF, CR or CR LF). */
static void take_line(struct text *text, struct buf *out)
{
	const uint8_t *start = text->at;
	while (text->at < text->end && *text->at != '\n' && *text->at != '\r') {
		text->at++;
	}
	buf_add(out, start, (size_t)(text->at - start));
	if (text->at < text->end) {
		bool cr = *text->at++ == '\r';
		text->at += cr && text->at < text->end && *text->at == '\n';
		text->line++;
	}
}

static bool goes_on(const struct buf *line)
{
	size_t slashes = 0;
	while (slashes < line->len && line->data[line->len - 1 - slashes] == '\\') {
		slashes++;
	}
	return slashes % 2;
}

/* The next logical line into out, empty ones and comments left out; false at the end. */
static bool next_line(struct text *text, struct buf *out, int *line)
{
	while (text->at < text->end) {
		buf_reset(out);
		skip_spaces(text);
		*line = text->line;
		bool comment = text->at < text->end && (*text->at == '#' || *text->at == '!');
		take_line(text, out);
		while (!comment && goes_on(out)) {
			out->len--;
			if (text->at == text->end) {
				break;
			}
			skip_spaces(text);
			take_line(text, out);
		}
		if (!comment && (out->len || out->failed)) {
			return true;
		}
	}
	return false;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_byte(out, (uint8_t)c);
	} else if (c < 0x800) {
		buf_add_byte(out, (uint8_t)(0xc0 | c >> 6));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000) {
			buf_add_byte(out, (uint8_t)(0xe0 | c >> 12));
		} else {
			buf_add_byte(out, (uint8_t)(0xf0 | c >> 18));
			buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

/* Four hexadecimal digits at p, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t value = 0;
	if (end - p < 4) {
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		int digit = p[i] >= '0' && p[i] <= '9'		       ? p[i] - '0'
			    : (p[i] | 32) >= 'a' && (p[i] | 32) <= 'f' ? (p[i] | 32) - 'a' + 10
								       : -1;
		if (digit < 0) {
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

/* A \u whose digits are at *p, a pair of them where the first is half a character. */
static bool take_unicode(const uint8_t **p, const uint8_t *end, struct buf *out)
{
	int32_t c = hex4(*p, end);
	*p += 4;
	if (c >= 0xd800 && c < 0xdc00) {
		int32_t low =
			end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			return false;
		}
		*p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff)) {
		return false;
	}
	add_utf8(out, (uint32_t)c);
	return true;
}

/* Appends what the run says, escapes undone; false at a bad one. */
static bool unescape(struct slice in, struct buf *out)
{
	static const char from[] = "tnrf", to[] = "\t\n\r\f";
	const uint8_t *p = in.data, *end = p + in.len;
	while (p < end) {
		if (*p != '\\' || p + 1 == end) {
			buf_add_byte(out, *p++);
			continue;
		}
		uint8_t c = p[1];
		p += 2;
		const char *known = c ? strchr(from, c) : NULL;
		if (c == 'u') {
			if (!take_unicode(&p, end, out)) {
				return false;
			}
		} else {
			buf_add_byte(out, known ? (uint8_t)to[known - from] : c);
		}
	}
	return true;
}

/* Splits a logical line at its first separator that no backslash is before. */
static void split(const struct buf *line, struct slice *key, struct slice *value)
{
	size_t i = 0, len = line->len;
	const uint8_t *p = line->data;
	while (i < len && p[i] != '=' && p[i] != ':' && !is_space(p[i])) {
		i += p[i] == '\\' && i + 1 < len ? 2 : 1;
	}
	*key = slice_of(p, i);
	while (i < len && is_space(p[i])) {
		i++;
	}
	i += i < len && (p[i] == '=' || p[i] == ':');
	while (i < len && is_space(p[i])) {
		i++;
	}
	*value = slice_of(p + i, len - i);
}

static enum weir_code take_setting(const struct buf *line, int number, struct buf *key,
	struct buf *value, properties_each *each, void *arg, struct weir_err *err)
{
	struct slice raw_key, raw_value;
	if (line->failed) {
		return err_set(
			err, WEIR_TOO_LARGE, "line is longer than %d bytes", LIMIT_CONF_LINE);
	}
	if (line->len && memchr(line->data, '\0', line->len)) {
		return err_set(err, WEIR_BAD_DATA, "there is a NUL byte in the line");
	}
	split(line, &raw_key, &raw_value);
	buf_reset(key);
	buf_reset(value);
	if (!unescape(raw_key, key) || !unescape(raw_value, value)) {
		return err_set(err, WEIR_BAD_DATA, "\\u without four digits of a character");
	}
	if (!key->len) {
		return err_set(err, WEIR_BAD_DATA, "the line has no key");
	}
	const char *key_text = buf_str(key), *value_text = buf_str(value);
	if (key->failed || value->failed) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for a line");
	}
	return each(arg, key_text, value_text, number, err);
}

enum weir_code properties_read(
	struct slice text, const char *path, properties_each *each, void *arg, struct weir_err *err)
{
	if (text.len > LIMIT_CONF_FILE) {
		return err_set(
			err, WEIR_TOO_LARGE, "%s is larger than %d bytes", path, LIMIT_CONF_FILE);
	}
	if (!text.len) {
		return WEIR_OK;
	}
	struct buf line, key, value;
	struct text in = {text.data, text.data + text.len, 1};
	int number;
	enum weir_code code = WEIR_OK;
	buf_init(&line, LIMIT_CONF_LINE);
	buf_init(&key, 0);
	buf_init(&value, 0);
	while (!code && next_line(&in, &line, &number)) {
		code = take_setting(&line, number, &key, &value, each, arg, err);
		if (code && err) {
			code = err_wrap(err, "%s:%d", path, number);
		}
	}
	buf_fini(&line);
	buf_fini(&key);
	buf_fini(&value);
	return code;
}
