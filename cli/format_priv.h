/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a compiled format looks like inside. */
#pragma once

#include "cli/format.h"

enum format_form {
	FORM_PLAIN,
	FORM_HEX, /* text: two digits a byte; number: no leading zeros */
	FORM_BASE64,
	FORM_JSON,
	FORM_QUOTE,
	FORM_UNPACK,
	FORM_FIXED_HEX, /* width digits */
	FORM_BINARY,	/* width bytes, big- or little-endian */
	FORM_ISO,
	FORM_SECONDS,
	FORM_AGO,
	FORM_STRFTIME,
	FORM_EACH, /* headers: the tokens of each */
	FORM_ATTR_CODEC,
	FORM_ATTR_TIME_TYPE,
	FORM_ATTR_TXN,
	FORM_ATTR_CONTROL,
};

struct format_item {
	enum format_field field;
	enum format_form form;
	uint8_t width;
	bool little;
	struct buf text; /* literal; pattern of UNPACK and STRFTIME (with NUL) */
	struct format *each;
	size_t pos, end; /* in the format string */
};

struct format {
	char *text; /* as given; NULL in the nested one */
	struct format_item *items;
	size_t count;
};

/* Kind of a token: which modifiers it takes. */
enum format_kind {
	FORMAT_KIND_TEXT,
	FORMAT_KIND_NUMBER,
	FORMAT_KIND_BIG32,
	FORMAT_KIND_TIME,
	FORMAT_KIND_HEADERS,
	FORMAT_KIND_ATTRIBUTES,
	FORMAT_KIND_ENVELOPE,
};

/* USAGE: "why", and below it the format with a caret under pos. */
enum weir_code format_complain(
	const char *text, size_t pos, struct weir_err *err, const char *fmt, ...) WEIR_PRINTF(4, 5);

/* Whether the format can be read back; USAGE with the reason. */
WEIR_MUST_USE enum weir_code format_check_input(const struct format *format, struct weir_err *err);

/* "value", "key", ... */
const char *format_field_name(enum format_field field);
bool format_is_text(enum format_field field); /* value, key, topic, header name and value */
bool format_is_length(enum format_field field);
/* The length field of a text field and the other way round. */
enum format_field format_length_of(enum format_field field);
enum format_field format_text_of(enum format_field field);

/* Prints one number or time in the form of item. */
WEIR_MUST_USE enum weir_code format_print_number(
	const struct format_item *item, int64_t value, struct out *out, struct weir_err *err);
struct tm;
/* strftime with a pattern that is not known to the compiler; 0 when it does not fit into text. */
size_t format_strftime(char *text, size_t room, const char *pattern, const struct tm *tm);
/* Prints bytes by an unpack pattern. Errors: BAD_DATA. */
WEIR_MUST_USE enum weir_code format_unpack(
	const char *pattern, struct slice bytes, struct out *out, struct weir_err *err);
/* True when pattern is one; else *bad is the first wrong character's index. */
bool format_unpack_check(const char *pattern, size_t *bad);
