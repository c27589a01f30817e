/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/filter.h"

#include "cli/filter_json.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/regex.h"

#include <string.h>

enum subject {
	SUBJECT_KEY,
	SUBJECT_VALUE,
	SUBJECT_TOPIC,
	SUBJECT_HEADER,
	SUBJECT_SIZE,
	SUBJECT_NULL,
	SUBJECT_NO_KEY,
	SUBJECT_JSON,
};

struct filter {
	enum subject subject;
	bool negate;
	char *header;	     /* its name */
	struct regex *regex; /* else exact, of KEY, VALUE, TOPIC and HEADER */
	char *exact;	     /* NULL of a HEADER: it is enough that it is there */
	enum compare op;     /* of SIZE */
	int64_t size;
	struct json_test *json;
};

struct filters {
	struct filter *items;
	size_t count;
};

const struct filter_form filter_forms[] = {
	{"k:RE", "The key has a match of the regular expression; v: value, t: topic."},
	{"k=TEXT", "The key is TEXT; v: value, t: topic."},
	{"h:NAME=RE", "A header NAME has a match; h:NAME: there is one; h=NAME=TEXT: it is TEXT."},
	{"size>N", "The value has more than N bytes; also < <= >= == !=, and 64k, 1M."},
	{"null", "The value is null; nokey: the key is."},
	{".a.b==5", "A member of a JSON value; also != < <= > >= ~RE, .a[0], .a[] (any item)."},
	{"!FILTER", "FILTER does not hold."},
	{NULL, NULL},
};

static enum weir_code set_regex(struct filter *filter, const char *text, struct weir_err *err)
{
	struct weir_err why;
	if (regex_new(slice_str(text), 0, &filter->regex, &why) != WEIR_OK) {
		return err_set(err, WEIR_USAGE, "%s", why.text);
	}
	return WEIR_OK;
}

/* Behind "k", "v" or "t": ":RE" or "=TEXT". */
static enum weir_code parse_text(struct filter *filter, const char *text, struct weir_err *err)
{
	if (text[0] == ':') {
		return set_regex(filter, text + 1, err);
	}
	filter->exact = mem_dup_str(text + 1);
	return WEIR_OK;
}

/* Behind "h": ":NAME", ":NAME=RE" or "=NAME=TEXT". */
static enum weir_code parse_header(struct filter *filter, const char *text, struct weir_err *err)
{
	bool exact = text[0] == '=';
	const char *name = text + 1;
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	if (!len) {
		return err_set(err, WEIR_USAGE, "no header name");
	}
	if (exact && !equals) {
		return err_set(err, WEIR_USAGE, "no \"=\" behind the header name");
	}
	filter->header = mem_dup(name, len);
	if (!equals) {
		return WEIR_OK;
	}
	if (exact) {
		filter->exact = mem_dup_str(equals + 1);
		return WEIR_OK;
	}
	return set_regex(filter, equals + 1, err);
}

static enum weir_code parse_size(struct filter *filter, const char *text, struct weir_err *err)
{
	text += strspn(text, " ");
	filter->op = compare_take(&text);
	if (filter->op == COMPARE_NONE || filter->op == COMPARE_RE) {
		return err_set(err, WEIR_USAGE, "size wants one of < <= > >= == !=");
	}
	return number_size(text + strspn(text, " "), &filter->size, err);
}

static enum weir_code parse(struct filter *filter, const char *text, struct weir_err *err)
{
	static const struct {
		char letter;
		enum subject subject;
	} letters[] = {{'k', SUBJECT_KEY}, {'v', SUBJECT_VALUE}, {'t', SUBJECT_TOPIC},
		{'h', SUBJECT_HEADER}};
	if (text[0] == '!') {
		filter->negate = true;
		text++;
	}
	if (text[0] == '.') {
		filter->subject = SUBJECT_JSON;
		return json_test_new(text, &filter->json, err);
	}
	if (strcmp(text, "null") == 0 || strcmp(text, "nokey") == 0) {
		filter->subject = text[1] == 'u' ? SUBJECT_NULL : SUBJECT_NO_KEY;
		return WEIR_OK;
	}
	if (strncmp(text, "size", 4) == 0) {
		filter->subject = SUBJECT_SIZE;
		return parse_size(filter, text + 4, err);
	}
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++) {
		if (text[0] == letters[i].letter && (text[1] == ':' || text[1] == '=')) {
			filter->subject = letters[i].subject;
			return filter->subject == SUBJECT_HEADER
				       ? parse_header(filter, text + 1, err)
				       : parse_text(filter, text + 1, err);
		}
	}
	return err_set(
		err, WEIR_USAGE, "none of k:RE k=TEXT v: t: h:NAME=RE size>N null nokey .path==X");
}

enum weir_code filters_new(
	const struct opt_list *texts, struct filters **filters, struct weir_err *err)
{
	if (!texts->count) {
		return WEIR_OK;
	}
	struct filters *all = mem_new(sizeof(*all));
	all->items = mem_array(texts->count, sizeof(*all->items));
	for (size_t i = 0; i < texts->count; i++) {
		all->count++;
		if (parse(&all->items[i], texts->items[i], err) != WEIR_OK) {
			filters_free(&all);
			return err_wrap(err, "--filter \"%.60s\"", texts->items[i]);
		}
	}
	*filters = all;
	return WEIR_OK;
}

void filters_free(struct filters **filters)
{
	struct filters *all = *filters;
	if (!all) {
		return;
	}
	for (size_t i = 0; i < all->count; i++) {
		struct filter *filter = &all->items[i];
		mem_free(filter->header);
		mem_free(filter->exact);
		regex_free(&filter->regex);
		json_test_free(&filter->json);
	}
	mem_free(all->items);
	MEM_FREE(filters);
}

static enum weir_code match_text(
	const struct filter *filter, struct slice text, bool *holds, struct weir_err *err)
{
	*holds = false;
	if (!text.data) {
		return WEIR_OK;
	}
	if (filter->regex) {
		return regex_match(filter->regex, text, holds, err);
	}
	*holds = slice_equal(text, slice_str(filter->exact));
	return WEIR_OK;
}

static enum weir_code match_headers(
	const struct filter *filter, const struct row *row, bool *holds, struct weir_err *err)
{
	*holds = false;
	enum weir_code code = WEIR_OK;
	struct slice name = slice_str(filter->header);
	for (size_t i = 0; i < row->header_count && !*holds && code == WEIR_OK; i++) {
		if (!slice_equal(row->headers[i].key, name)) {
			continue;
		}
		if (!filter->regex && !filter->exact) {
			*holds = true;
		} else {
			code = match_text(filter, row->headers[i].value, holds, err);
		}
	}
	return code;
}

static enum weir_code match(
	const struct filter *filter, const struct row *row, bool *holds, struct weir_err *err)
{
	switch (filter->subject) {
	case SUBJECT_KEY:
		return match_text(filter, row->key, holds, err);
	case SUBJECT_VALUE:
		return match_text(filter, row->value, holds, err);
	case SUBJECT_TOPIC:
		return match_text(filter, row->topic, holds, err);
	case SUBJECT_HEADER:
		return match_headers(filter, row, holds, err);
	case SUBJECT_JSON:
		return json_test_match(filter->json, row->value, holds, err);
	case SUBJECT_NULL:
		*holds = !row->value.data;
		return WEIR_OK;
	case SUBJECT_NO_KEY:
		*holds = !row->key.data;
		return WEIR_OK;
	default:
		break;
	}
	int64_t size = (int64_t)row->value.len;
	*holds = row->value.data &&
		 compare_holds(filter->op, size < filter->size ? -1 : size > filter->size);
	return WEIR_OK;
}

static bool needs_value(const struct filter *filter)
{
	return filter->subject == SUBJECT_VALUE || filter->subject == SUBJECT_SIZE ||
	       filter->subject == SUBJECT_NULL || filter->subject == SUBJECT_JSON;
}

enum weir_code filters_match(struct filters *filters, enum filter_part part, const struct row *row,
	bool *wanted, struct weir_err *err)
{
	*wanted = true;
	for (size_t i = 0; filters && i < filters->count; i++) {
		bool holds;
		if (part != FILTERS_ALL &&
			needs_value(&filters->items[i]) != (part == FILTERS_OF_VALUE)) {
			continue;
		}
		enum weir_code code = match(&filters->items[i], row, &holds, err);
		if (code != WEIR_OK) {
			return code;
		}
		if (holds == filters->items[i].negate) {
			*wanted = false;
			return WEIR_OK;
		}
	}
	return WEIR_OK;
}

bool filters_key(const struct filters *filters, struct slice *key)
{
	for (size_t i = 0; filters && i < filters->count; i++) {
		const struct filter *filter = &filters->items[i];
		if (filter->subject == SUBJECT_KEY && filter->exact && !filter->negate) {
			*key = slice_str(filter->exact);
			return true;
		}
	}
	return false;
}
