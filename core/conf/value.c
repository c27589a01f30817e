/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One value: from text to its typed field and back. */
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/conf/conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_TEXT_MAX = 64 };

union value {
	bool b;
	int32_t i;
	int64_t l;
	double d;
	char *s;
	struct conf_list list;
	int choice;
	uint32_t flags;
};

static const size_t sizes[] = {
	[CONF_BOOL] = sizeof(bool),
	[CONF_INT] = sizeof(int32_t),
	[CONF_SHORT] = sizeof(int32_t),
	[CONF_LONG] = sizeof(int64_t),
	[CONF_DOUBLE] = sizeof(double),
	[CONF_STRING] = sizeof(char *),
	[CONF_LIST] = sizeof(struct conf_list),
	[CONF_CHOICE] = sizeof(int),
	[CONF_FLAGS] = sizeof(uint32_t),
};

static struct slice trimmed(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n\f", text[0])) {
		text++;
		len--;
	}
	while (len && strchr(" \t\r\n\f", text[len - 1])) {
		len--;
	}
	return slice_of(text, len);
}

static enum weir_code bad(
	const struct conf_row *row, const char *value, const char *why, struct weir_err *err)
{
	return err_set(err, WEIR_INVALID_CONFIG, "%s: \"%s\" %s", row->name,
		row->sensitive ? "(hidden)" : value, why);
}

static enum weir_code parse_bool(
	const struct conf_row *row, const char *text, bool *out, struct weir_err *err)
{
	struct slice word = trimmed(text, strlen(text));
	*out = word.len == 4 && !strncasecmp((const char *)word.data, "true", 4);
	bool is_false = word.len == 5 && !strncasecmp((const char *)word.data, "false", 5);
	return *out || is_false ? WEIR_OK : bad(row, text, "is neither true nor false", err);
}

/* A number with a suffix that fits the row's unit, else a plain one. */
static enum weir_code parse_suffixed(
	const struct conf_row *row, const char *word, int64_t *out, struct weir_err *err)
{
	bool suffixed = word[0] >= '0' && word[0] <= '9' && strpbrk(word, "kKmMgGtTbBsSdDhHwW");
	if (suffixed && row->unit && !strcmp(row->unit, "bytes")) {
		return number_size(word, out, err);
	}
	if (suffixed && row->unit && !strcmp(row->unit, "ms")) {
		return number_duration(word, out, err);
	}
	return number_i64(word, INT64_MIN, INT64_MAX, out, err);
}

static enum weir_code parse_whole(
	const struct conf_row *row, const char *text, int64_t *out, struct weir_err *err)
{
	char word[NUMBER_TEXT_MAX];
	struct weir_err inner = {0};
	struct slice part = trimmed(text, strlen(text));
	if (part.len >= sizeof(word)) {
		return bad(row, text, "is not a whole number", err);
	}
	memcpy(word, part.data, part.len);
	word[part.len] = '\0';
	if (parse_suffixed(row, word, out, &inner)) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s: %s", row->name, inner.text);
	}
	int64_t type_min = row->kind == CONF_LONG  ? INT64_MIN
			   : row->kind == CONF_INT ? INT32_MIN
						   : INT16_MIN;
	int64_t type_max = row->kind == CONF_LONG  ? INT64_MAX
			   : row->kind == CONF_INT ? INT32_MAX
						   : INT16_MAX;
	bool any = !row->min && !row->max;
	int64_t min = any || row->min < type_min ? type_min : row->min;
	int64_t max = any || row->max > type_max ? type_max : row->max;
	if (*out < min || *out > max) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"%s: %s is outside %" PRId64 " to %" PRId64, row->name, word, min, max);
	}
	return WEIR_OK;
}

static enum weir_code parse_double(
	const struct conf_row *row, const char *text, double *out, struct weir_err *err)
{
	char word[NUMBER_TEXT_MAX], *end;
	struct slice part = trimmed(text, strlen(text));
	if (!part.len || part.len >= sizeof(word)) {
		return bad(row, text, "is not a number", err);
	}
	memcpy(word, part.data, part.len);
	word[part.len] = '\0';
	*out = strtod(word, &end);
	if (*end || word[strspn(word, "0123456789.eE+-")]) {
		return bad(row, text, "is not a number", err);
	}
	if ((row->min || row->max) && !(*out >= (double)row->min && *out <= (double)row->max)) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"%s: %s is outside %" PRId64 " to %" PRId64, row->name, word, row->min,
			row->max);
	}
	return WEIR_OK;
}

/* The next part between commas, trimmed, empty ones left out; what follows it, or NULL at the end.
 */
static const char *next_part(const char *text, struct slice *part)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		*part = trimmed(text, len);
		text += len + (text[len] == ',');
		if (part->len) {
			return text;
		}
	}
	return NULL;
}

static void parse_list(const char *text, struct conf_list *list)
{
	struct slice part;
	*list = (struct conf_list){0};
	for (const char *p = text; (p = next_part(p, &part));) {
		list->items = mem_grow(list->items, list->count + 1, sizeof(*list->items));
		list->items[list->count++] = mem_dup(part.data, part.len);
	}
}

static int choice_of(const struct conf_row *row, struct slice word)
{
	for (int i = 0; row->choices[i]; i++) {
		if (slice_equal(word, slice_str(row->choices[i]))) {
			return i;
		}
	}
	return -1;
}

static enum weir_code bad_choice(
	const struct conf_row *row, struct slice word, struct weir_err *err)
{
	char words[160] = "";
	for (size_t i = 0, at = 0; row->choices[i] && at < sizeof(words); i++) {
		int n = snprintf(
			words + at, sizeof(words) - at, "%s%s", i ? ", " : "", row->choices[i]);
		at += (size_t)n;
	}
	return err_set(err, WEIR_INVALID_CONFIG, "%s: \"%.*s\" is none of %s", row->name,
		(int)(word.len < 80 ? word.len : 80), (const char *)word.data, words);
}

static enum weir_code parse_words(
	const struct conf_row *row, const char *text, union value *out, struct weir_err *err)
{
	if (row->kind == CONF_CHOICE) {
		struct slice word = trimmed(text, strlen(text));
		out->choice = choice_of(row, word);
		return out->choice < 0 ? bad_choice(row, word, err) : WEIR_OK;
	}
	struct slice part;
	out->flags = 0;
	for (const char *p = text; (p = next_part(p, &part));) {
		int i = choice_of(row, part);
		if (i < 0) {
			return bad_choice(row, part, err);
		}
		out->flags |= UINT32_C(1) << i;
	}
	return WEIR_OK;
}

static enum weir_code parse(
	const struct conf_row *row, const char *text, union value *out, struct weir_err *err)
{
	enum weir_code code;
	int64_t whole = 0;
	switch (row->kind) {
	case CONF_BOOL:
		return parse_bool(row, text, &out->b, err);
	case CONF_INT:
	case CONF_SHORT:
		code = parse_whole(row, text, &whole, err);
		out->i = (int32_t)whole;
		return code;
	case CONF_LONG:
		return parse_whole(row, text, &out->l, err);
	case CONF_DOUBLE:
		return parse_double(row, text, &out->d, err);
	case CONF_STRING:
		out->s = mem_dup_str(text);
		return WEIR_OK;
	case CONF_LIST:
		parse_list(text, &out->list);
		return WEIR_OK;
	case CONF_CHOICE:
	case CONF_FLAGS:
		return parse_words(row, text, out, err);
	}
	return WEIR_OK;
}

void conf_drop(const struct conf_row *row, void *base)
{
	char *field = (char *)base + row->field;
	union value old;
	memcpy(&old, field, sizes[row->kind]);
	if (row->kind == CONF_STRING) {
		mem_free(old.s);
	} else if (row->kind == CONF_LIST) {
		conf_list_fini(&old.list);
	}
	memset(field, 0, sizes[row->kind]);
}

void conf_list_fini(struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->items[i]);
	}
	mem_free(list->items);
	*list = (struct conf_list){0};
}

enum weir_code conf_put(
	const struct conf_row *row, void *base, const char *value, struct weir_err *err)
{
	union value parsed;
	memset(&parsed, 0, sizeof(parsed));
	if (value && strlen(value) > LIMIT_CONF_LINE) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s: the value is longer than %d bytes",
			row->name, LIMIT_CONF_LINE);
	}
	enum weir_code code = value ? parse(row, value, &parsed, err) : WEIR_OK;
	if (!code && value && row->check) {
		code = row->check(row, value, err);
	}
	if (!code && base) {
		conf_drop(row, base);
		memcpy((char *)base + row->field, &parsed, sizes[row->kind]);
	} else {
		/* What was parsed into memory of its own goes the way of a field. */
		struct conf_row at_start = *row;
		at_start.field = 0;
		conf_drop(&at_start, &parsed);
	}
	return code;
}

static void format_double(double value, struct buf *out)
{
	char text[40];
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value) {
			break;
		}
	}
	buf_add_str(out, text);
	if (!strpbrk(text, ".eEin")) {
		buf_add_str(out, ".0");
	}
}

static void format_words(const char *const *words, size_t count, uint32_t flags, struct buf *out)
{
	bool first = true;
	for (size_t i = 0; i < count; i++) {
		if (flags & (UINT32_C(1) << i)) {
			buf_printf(out, "%s%s", first ? "" : ",", words[i]);
			first = false;
		}
	}
}

bool conf_format(const struct conf_row *row, const void *base, struct buf *out)
{
	union value v;
	memset(&v, 0, sizeof(v));
	memcpy(&v, (const char *)base + row->field, sizes[row->kind]);
	switch (row->kind) {
	case CONF_BOOL:
		buf_add_str(out, v.b ? "true" : "false");
		break;
	case CONF_INT:
	case CONF_SHORT:
		buf_printf(out, "%" PRId32, v.i);
		break;
	case CONF_LONG:
		buf_printf(out, "%" PRId64, v.l);
		break;
	case CONF_DOUBLE:
		format_double(v.d, out);
		break;
	case CONF_STRING:
		buf_add_str(out, v.s ? v.s : "");
		return v.s;
	case CONF_LIST:
		for (size_t i = 0; i < v.list.count; i++) {
			buf_printf(out, "%s%s", i ? "," : "", v.list.items[i]);
		}
		break;
	case CONF_CHOICE:
		buf_add_str(out, row->choices[v.choice]);
		break;
	case CONF_FLAGS: {
		size_t count = 0;
		while (row->choices[count]) {
			count++;
		}
		format_words(row->choices, count, v.flags, out);
		break;
	}
	}
	return true;
}

enum weir_code conf_check(
	const struct conf_row *row, const char *value, struct buf *canonical, struct weir_err *err)
{
	struct conf_row at_start = *conf_row_keeper(row);
	union value v;
	memset(&v, 0, sizeof(v));
	at_start.field = 0;
	at_start.name = row->name;
	enum weir_code code = conf_put(&at_start, &v, value, err);
	if (code) {
		return code;
	}
	if (canonical) {
		(void)conf_format(&at_start, &v, canonical);
	}
	conf_drop(&at_start, &v);
	return WEIR_OK;
}
