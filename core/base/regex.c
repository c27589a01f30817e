/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns are compiled to machine code where PCRE2 can; else, and when its stack is too small for
 * a text, they are interpreted. */
#include "core/base/regex.h"

#include "core/base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

enum weir_code regex_new(
	struct slice pattern, int flags, struct regex **regex, struct weir_err *err)
{
	int number;
	PCRE2_SIZE place;
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	if (pattern.len > REGEX_LEN_MAX) {
		return err_set(err, WEIR_TOO_LARGE,
			"regular expression of %zu bytes, at most %d are taken", pattern.len,
			(int)REGEX_LEN_MAX);
	}
	options |= flags & REGEX_WHOLE ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
	options |= flags & REGEX_ICASE ? PCRE2_CASELESS : 0;
	pcre2_code *code = pcre2_compile(pattern.len ? pattern.data : (const uint8_t *)"",
		pattern.len, options, &number, &place, NULL);
	if (!code) {
		PCRE2_UCHAR text[120];
		pcre2_get_error_message(number, text, sizeof(text));
		return err_set(err, WEIR_INVALID_REGULAR_EXPRESSION,
			"regular expression: %s at byte %zu", (const char *)text, (size_t)place);
	}
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	struct regex *r = mem_new(sizeof(*r));
	r->code = code;
	r->data = pcre2_match_data_create(1, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (!r->data || !r->context) {
		regex_free(&r);
		return err_set(err, WEIR_NO_MEMORY, "no memory for a regular expression");
	}
	pcre2_set_match_limit(r->context, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(r->context, REGEX_MEMORY_KIB_MAX);
	*regex = r;
	return WEIR_OK;
}

void regex_free(struct regex **regex)
{
	struct regex *r = *regex;
	if (r) {
		pcre2_match_context_free(r->context);
		pcre2_match_data_free(r->data);
		pcre2_code_free(r->code);
		MEM_FREE(regex);
	}
}

enum weir_code regex_match(
	struct regex *regex, struct slice text, bool *matches, struct weir_err *err)
{
	const uint8_t *data = text.data ? text.data : (const uint8_t *)"";
	int got = pcre2_match(regex->code, data, text.len, 0, 0, regex->data, regex->context);
	if (got == PCRE2_ERROR_JIT_STACKLIMIT) {
		got = pcre2_match(
			regex->code, data, text.len, 0, PCRE2_NO_JIT, regex->data, regex->context);
	}
	*matches = got >= 0;
	if (got >= 0 || got == PCRE2_ERROR_NOMATCH) {
		return WEIR_OK;
	}
	PCRE2_UCHAR why[120];
	pcre2_get_error_message(got, why, sizeof(why));
	return err_set(err, WEIR_TOO_LARGE, "regular expression on %zu bytes: %s", text.len,
		(const char *)why);
}
