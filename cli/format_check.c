/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which formats can be read back: those where at each place only one reading is possible. What
 * depends on the data (a key that holds the delimiter) is the user's choice; what can never be told
 * apart is refused here, with the reason.
 */
#include "cli/format_priv.h"

#include <ctype.h>
#include <string.h>

/* The check of one sequence of items; text is the whole format for the caret. */
struct check {
	const char *text;
	const struct format *format;
	const struct format_item *after; /* what follows the sequence; NULL: nothing */
	struct weir_err *err;
};

/* Always the same number of bytes, or tells its own end. */
static bool knows_its_end(const struct format_item *item)
{
	switch (item->form) {
	case FORM_JSON:
	case FORM_QUOTE:
	case FORM_FIXED_HEX:
	case FORM_BINARY:
		return true;
	default:
		return item->field == FORMAT_ENVELOPE || item->field == FORMAT_LITERAL;
	}
}

/* Characters that the printed item may consist of; NULL: any. */
static const char *alphabet(const struct format_item *item)
{
	bool text = format_is_text(item->field);
	switch (item->form) {
	case FORM_HEX:
		return text ? "0123456789abcdefABCDEF" : "-0123456789abcdefABCDEF";
	case FORM_BASE64:
		return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	case FORM_ISO:
		return "-0123456789:.TZ+";
	case FORM_ATTR_CODEC:
	case FORM_ATTR_TIME_TYPE:
	case FORM_ATTR_TXN:
	case FORM_ATTR_CONTROL:
		return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	case FORM_STRFTIME:
		return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
	default:
		return text ? NULL : "-0123456789";
	}
}

static const struct format_item *find_before(
	const struct check *c, size_t i, enum format_field field)
{
	for (size_t k = 0; k < i; k++) {
		if (c->format->items[k].field == field) {
			return &c->format->items[k];
		}
	}
	return NULL;
}

static const struct format_item *next_of(const struct check *c, size_t i)
{
	return i + 1 < c->format->count ? &c->format->items[i + 1] : c->after;
}

/* A text or number of unknown length ends at the literal behind it. */
static enum weir_code check_end(const struct check *c, size_t i)
{
	const struct format_item *item = &c->format->items[i], *next = next_of(c, i);
	const char *name = format_field_name(item->field);
	const char *letters = alphabet(item);
	if (!next) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: nothing marks the end of the %s", name);
	}
	if (next->field != FORMAT_LITERAL) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: no text between the %s and the %s", name,
			format_field_name(next->field));
	}
	char first = (char)next->text.data[0];
	if (letters && first && strchr(letters, first)) {
		return format_complain(c->text, next->pos, c->err,
			"cannot be read back: '%c' may be part of the %s before it", first, name);
	}
	return WEIR_OK;
}

static enum weir_code check_length(const struct check *c, size_t i)
{
	const struct format_item *item = &c->format->items[i];
	enum format_field text = format_text_of(item->field);
	if (find_before(c, i, text)) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: the %s comes too late, behind the %s",
			format_field_name(item->field), format_field_name(text));
	}
	for (size_t k = i; k < c->format->count; k++) {
		if (c->format->items[k].field == text) {
			return WEIR_OK;
		}
	}
	return format_complain(c->text, item->pos, c->err, "cannot be read back: a %s, but no %s",
		format_field_name(item->field), format_field_name(text));
}

static enum weir_code check_sequence(const struct check *c);

/* Headers without their number before them end where the next literal begins. */
static enum weir_code check_each(const struct check *c, size_t i)
{
	const struct format_item *item = &c->format->items[i], *next = next_of(c, i);
	bool counted = find_before(c, i, FORMAT_HEADER_COUNT) != NULL;
	if (!item->each->count) {
		return format_complain(c->text, item->pos, c->err, "nothing for each header");
	}
	struct check inner = {.text = c->text, .format = item->each, .err = c->err};
	enum weir_code code = check_sequence(&inner);
	if (code != WEIR_OK || counted) {
		return code;
	}
	if (!next || next->field != FORMAT_LITERAL) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: nothing marks the end of the headers; put %%H "
			"before");
	}
	const struct format_item *first = &item->each->items[0];
	char end = (char)next->text.data[0];
	const char *letters = first->field == FORMAT_LITERAL ? NULL : alphabet(first);
	bool clash = first->field == FORMAT_LITERAL ? first->text.data[0] == next->text.data[0]
		     : first->form == FORM_BINARY || first->form == FORM_FIXED_HEX
			     ? first->form == FORM_BINARY || isxdigit((unsigned char)end)
		     : first->form == FORM_QUOTE || first->form == FORM_JSON
			     ? strchr("\"n{", end) != NULL
			     : letters && strchr(letters, end);
	if (clash) {
		return format_complain(c->text, next->pos, c->err,
			"cannot be read back: '%c' may also begin a header; put %%H before", end);
	}
	return WEIR_OK;
}

static enum weir_code check_item(const struct check *c, size_t i)
{
	const struct format_item *item = &c->format->items[i];
	if (item->field == FORMAT_LITERAL) {
		return WEIR_OK;
	}
	const char *name = format_field_name(item->field);
	if (find_before(c, i, item->field)) {
		return format_complain(
			c->text, item->pos, c->err, "cannot be read: the %s stands twice", name);
	}
	if (item->form == FORM_UNPACK || item->form == FORM_AGO) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: {%s} is for printing only",
			item->form == FORM_AGO ? "ago" : "unpack");
	}
	if (item->field == FORMAT_HEADERS && item->form == FORM_PLAIN) {
		return format_complain(c->text, item->pos, c->err,
			"cannot be read back: headers may hold ',' and '='; use %%h{json}");
	}
	enum weir_code code = WEIR_OK;
	if (format_is_length(item->field)) {
		code = check_length(c, i);
	}
	if (code != WEIR_OK || knows_its_end(item)) {
		return code;
	}
	if (item->form == FORM_EACH) {
		return check_each(c, i);
	}
	bool sized =
		format_is_text(item->field) && find_before(c, i, format_length_of(item->field));
	return sized ? WEIR_OK : check_end(c, i);
}

static enum weir_code check_sequence(const struct check *c)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < c->format->count && code == WEIR_OK; i++) {
		code = check_item(c, i);
	}
	return code;
}

enum weir_code format_check_input(const struct format *format, struct weir_err *err)
{
	struct check check = {.text = format->text, .format = format, .err = err};
	bool fields = false;
	for (size_t i = 0; i < format->count; i++) {
		const struct format_item *item = &format->items[i];
		fields = fields || item->field != FORMAT_LITERAL;
		if (item->field == FORMAT_ENVELOPE && format_has(format, FORMAT_VALUE)) {
			return format_complain(format->text, item->pos, err,
				"cannot be read: %%j and %%s both hold the value");
		}
	}
	if (!fields) {
		return format_complain(format->text, 0, err, "cannot be read: no token in it");
	}
	return check_sequence(&check);
}
