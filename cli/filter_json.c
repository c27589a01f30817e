/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/filter_json.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/regex.h"

#include <jansson.h>
#include <string.h>

enum step_kind { STEP_MEMBER, STEP_ITEM, STEP_ANY };

struct step {
	enum step_kind kind;
	char *name;   /* of MEMBER */
	size_t index; /* of ITEM */
};

struct json_test {
	struct step *steps;
	size_t step_count;
	enum compare op;
	json_t *operand; /* NULL with NONE and RE */
	struct regex *regex;
};

enum compare compare_take(const char **text)
{
	static const struct {
		const char *text;
		enum compare op;
	} ops[] = {{"==", COMPARE_EQ}, {"!=", COMPARE_NE}, {"<=", COMPARE_LE}, {">=", COMPARE_GE},
		{"=", COMPARE_EQ}, {"<", COMPARE_LT}, {">", COMPARE_GT}, {"~", COMPARE_RE}};
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		size_t len = strlen(ops[i].text);
		if (strncmp(*text, ops[i].text, len) == 0) {
			*text += len;
			return ops[i].op;
		}
	}
	return COMPARE_NONE;
}

bool compare_holds(enum compare op, int order)
{
	switch (op) {
	case COMPARE_EQ:
		return order == 0;
	case COMPARE_NE:
		return order != 0;
	case COMPARE_LT:
		return order < 0;
	case COMPARE_LE:
		return order <= 0;
	case COMPARE_GT:
		return order > 0;
	case COMPARE_GE:
		return order >= 0;
	default:
		return false;
	}
}

static struct step *add_step(struct json_test *test, enum step_kind kind)
{
	test->steps = mem_grow(test->steps, test->step_count + 1, sizeof(*test->steps));
	struct step *step = &test->steps[test->step_count++];
	*step = (struct step){.kind = kind};
	return step;
}

/* "name" with its escapes, as JSON has them; *text moves behind it. */
static enum weir_code take_quoted(const char **text, char **name, struct weir_err *err)
{
	json_error_t where;
	json_t *json = json_loads(*text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &where);
	if (!json_is_string(json)) {
		json_decref(json);
		return err_set(err, WEIR_USAGE, "no \"name\" in quotes at \"%s\"", *text);
	}
	*name = mem_dup_str(json_string_value(json));
	*text += where.position;
	json_decref(json);
	return WEIR_OK;
}

/* .name or ."name"; *text stands at the dot. */
static enum weir_code take_member(struct json_test *test, const char **text, struct weir_err *err)
{
	const char *at = *text + 1;
	char *name = NULL;
	if (*at == '"') {
		enum weir_code code = take_quoted(&at, &name, err);
		if (code != WEIR_OK) {
			return code;
		}
	} else {
		size_t len = strcspn(at, ".[]=!<>~ \t\"");
		if (!len && test->step_count) {
			return err_set(err, WEIR_USAGE, "no name behind the dot at \"%s\"", *text);
		}
		name = len ? mem_dup(at, len) : NULL;
		at += len;
	}
	if (name) {
		add_step(test, STEP_MEMBER)->name = name;
	}
	*text = at;
	return WEIR_OK;
}

/* [N] or []; *text stands at the bracket. */
static enum weir_code take_item(struct json_test *test, const char **text, struct weir_err *err)
{
	const char *at = *text + 1;
	size_t len = strspn(at, "0123456789");
	int64_t index = 0;
	char digits[12] = "";
	if (at[len] != ']' || len >= sizeof(digits)) {
		return err_set(err, WEIR_USAGE, "\"%s\" is neither [N] nor []", *text);
	}
	memcpy(digits, at, len);
	if (len && number_i64(digits, 0, INT32_MAX, &index, err) != WEIR_OK) {
		return err ? err->code : WEIR_USAGE;
	}
	add_step(test, len ? STEP_ITEM : STEP_ANY)->index = (size_t)index;
	*text = at + len + 1;
	return WEIR_OK;
}

static enum weir_code take_operand(struct json_test *test, const char *text, struct weir_err *err)
{
	struct weir_err why;
	if (test->op == COMPARE_RE) {
		return regex_new(slice_str(text), 0, &test->regex, &why) == WEIR_OK
			       ? WEIR_OK
			       : err_set(err, WEIR_USAGE, "%s", why.text);
	}
	test->operand = json_loads(text, JSON_DECODE_ANY, NULL);
	if (!test->operand) {
		test->operand = json_string(text);
	}
	if (!test->operand) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not UTF-8", text);
	}
	return WEIR_OK;
}

static const char *past_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

enum weir_code json_test_new(const char *text, struct json_test **test, struct weir_err *err)
{
	struct json_test *t = mem_new(sizeof(*t));
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && (*text == '.' || *text == '[')) {
		code = *text == '.' ? take_member(t, &text, err) : take_item(t, &text, err);
	}
	text = past_spaces(text);
	if (code == WEIR_OK && *text) {
		t->op = compare_take(&text);
		code = t->op == COMPARE_NONE ? err_set(err, WEIR_USAGE,
						       "\"%s\" is none of == != < <= > >= ~", text)
					     : take_operand(t, past_spaces(text), err);
	}
	if (code != WEIR_OK) {
		json_test_free(&t);
		return code;
	}
	*test = t;
	return WEIR_OK;
}

void json_test_free(struct json_test **test)
{
	struct json_test *t = *test;
	if (t) {
		for (size_t i = 0; i < t->step_count; i++) {
			mem_free(t->steps[i].name);
		}
		mem_free(t->steps);
		json_decref(t->operand);
		regex_free(&t->regex);
		MEM_FREE(test);
	}
}

static int order_of(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

/* False when the two cannot be ordered. */
static bool compare(const json_t *a, const json_t *b, int *order)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t x = json_integer_value(a), y = json_integer_value(b);
		*order = x < y ? -1 : x > y;
		return true;
	}
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);
		*order = x < y ? -1 : x > y;
		return true;
	}
	if (json_is_string(a) && json_is_string(b)) {
		size_t x = json_string_length(a), y = json_string_length(b);
		*order = memcmp(json_string_value(a), json_string_value(b), x < y ? x : y);
		*order = *order ? *order : order_of(x, y);
		return true;
	}
	return false;
}

static enum weir_code match_text(
	struct json_test *test, const json_t *json, bool *matches, struct weir_err *err)
{
	if (json_is_string(json)) {
		struct slice text = slice_of(json_string_value(json), json_string_length(json));
		return regex_match(test->regex, text, matches, err);
	}
	*matches = false;
	if (!json_is_number(json)) {
		return WEIR_OK;
	}
	char digits[64];
	size_t len = json_dumpb(json, digits, sizeof(digits), JSON_ENCODE_ANY);
	len = len < sizeof(digits) ? len : sizeof(digits);
	return regex_match(test->regex, slice_of(digits, len), matches, err);
}

static enum weir_code check(
	struct json_test *test, const json_t *json, bool *matches, struct weir_err *err)
{
	int order;
	if (test->op == COMPARE_NONE) {
		*matches = true;
		return WEIR_OK;
	}
	if (test->op == COMPARE_RE) {
		return match_text(test, json, matches, err);
	}
	if (compare(json, test->operand, &order)) {
		*matches = compare_holds(test->op, order);
	} else {
		bool equal = json_equal(json, test->operand);
		*matches = (test->op == COMPARE_EQ && equal) || (test->op == COMPARE_NE && !equal);
	}
	return WEIR_OK;
}

/* From step at on. */
static enum weir_code walk(
	struct json_test *test, size_t at, const json_t *json, bool *matches, struct weir_err *err)
{
	*matches = false;
	for (; json && at < test->step_count; at++) {
		const struct step *step = &test->steps[at];
		if (step->kind == STEP_ANY) {
			enum weir_code code = WEIR_OK;
			for (size_t i = 0; i < json_array_size(json) && !*matches && !code; i++) {
				code = walk(test, at + 1, json_array_get(json, i), matches, err);
			}
			return code;
		}
		json = step->kind == STEP_MEMBER ? json_object_get(json, step->name)
						 : json_array_get(json, step->index);
	}
	return json ? check(test, json, matches, err) : WEIR_OK;
}

enum weir_code json_test_match(
	struct json_test *test, struct slice value, bool *matches, struct weir_err *err)
{
	*matches = false;
	if (!value.len) {
		return WEIR_OK;
	}
	json_t *json = json_loadb(
		(const char *)value.data, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json) {
		return WEIR_OK;
	}
	enum weir_code code = walk(test, 0, json, matches, err);
	json_decref(json);
	return code;
}
