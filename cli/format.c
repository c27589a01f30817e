/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Format strings: from text to items. */
#include "cli/format_priv.h"

#include "cli/base64.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct token {
	char letter;
	enum format_field field;
	enum format_kind kind;
} tokens[] = {
#define TOKEN(letter, field, kind, help) {letter, FORMAT_##field, FORMAT_KIND_##kind},
#include "cli/format_tokens.def"
#undef TOKEN
};

/* Those inside %h{}. */
static const struct token header_tokens[] = {
	{'k', FORMAT_HEADER_NAME, FORMAT_KIND_TEXT},
	{'K', FORMAT_HEADER_NAME_LEN, FORMAT_KIND_NUMBER},
	{'v', FORMAT_HEADER_VALUE, FORMAT_KIND_TEXT},
	{'s', FORMAT_HEADER_VALUE, FORMAT_KIND_TEXT},
	{'V', FORMAT_HEADER_VALUE_LEN, FORMAT_KIND_NUMBER},
	{'S', FORMAT_HEADER_VALUE_LEN, FORMAT_KIND_NUMBER},
};

static const char *const field_names[FORMAT_FIELD_COUNT] = {
	[FORMAT_LITERAL] = "text",
	[FORMAT_VALUE] = "value",
	[FORMAT_VALUE_LEN] = "length of the value",
	[FORMAT_KEY] = "key",
	[FORMAT_KEY_LEN] = "length of the key",
	[FORMAT_TOPIC] = "topic",
	[FORMAT_TOPIC_LEN] = "length of the topic",
	[FORMAT_PARTITION] = "partition",
	[FORMAT_OFFSET] = "offset",
	[FORMAT_LEADER_EPOCH] = "leader epoch",
	[FORMAT_TIMESTAMP] = "timestamp",
	[FORMAT_HEADERS] = "headers",
	[FORMAT_HEADER_COUNT] = "number of headers",
	[FORMAT_ATTRIBUTES] = "attributes",
	[FORMAT_PRODUCER_ID] = "producer id",
	[FORMAT_PRODUCER_EPOCH] = "producer epoch",
	[FORMAT_SEQUENCE] = "sequence number",
	[FORMAT_LOG_START] = "log start",
	[FORMAT_LAST_STABLE] = "last stable offset",
	[FORMAT_HIGH_WATERMARK] = "high watermark",
	[FORMAT_LAG] = "lag",
	[FORMAT_ROW_NUMBER] = "running number",
	[FORMAT_ENVELOPE] = "JSON envelope",
	[FORMAT_HEADER_NAME] = "header name",
	[FORMAT_HEADER_NAME_LEN] = "length of the header name",
	[FORMAT_HEADER_VALUE] = "header value",
	[FORMAT_HEADER_VALUE_LEN] = "length of the header value",
};

const char *format_field_name(enum format_field field)
{
	return field_names[field];
}

bool format_is_length(enum format_field field)
{
	return field == FORMAT_VALUE_LEN || field == FORMAT_KEY_LEN || field == FORMAT_TOPIC_LEN ||
	       field == FORMAT_HEADER_NAME_LEN || field == FORMAT_HEADER_VALUE_LEN;
}

bool format_is_text(enum format_field field)
{
	return format_is_length((enum format_field)(field + 1)) && !format_is_length(field);
}

/* A length stands right behind its text in the enum. */
enum format_field format_length_of(enum format_field field)
{
	return (enum format_field)(field + 1);
}

enum format_field format_text_of(enum format_field field)
{
	return (enum format_field)(field - 1);
}

enum weir_code format_complain(
	const char *text, size_t pos, struct weir_err *err, const char *fmt, ...)
{
	enum { BEFORE = 40, WINDOW = 60 };
	char why[120], window[WINDOW + 1];
	va_list args;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	size_t from = pos > BEFORE ? pos - BEFORE : 0;
	snprintf(window, sizeof(window), "%s", text + from);
	for (char *c = window; *c; c++) {
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? '.' : *c;
	}
	int column = 0;
	for (size_t i = from; i < pos; i++) {
		column += (text[i] & 0xc0) != 0x80;
	}
	return err_set(err, WEIR_USAGE, "format: %s\n  %s\n  %*s^", why, window, column, "");
}

/* The compiler's place in the text. */
struct source {
	const char *text;
	size_t pos;
	bool nested;
	struct weir_err *err;
};

static struct format_item *add_item(struct format *f, enum format_field field, size_t pos)
{
	f->items = mem_grow(f->items, f->count + 1, sizeof(*f->items));
	struct format_item *item = &f->items[f->count++];
	*item = (struct format_item){.field = field, .pos = pos};
	buf_init(&item->text, 0);
	return item;
}

static void add_literal(struct format *f, uint8_t byte, size_t pos)
{
	struct format_item *last = f->count ? &f->items[f->count - 1] : NULL;
	if (!last || last->field != FORMAT_LITERAL) {
		last = add_item(f, FORMAT_LITERAL, pos);
	}
	buf_add_byte(&last->text, byte);
}

static enum weir_code compile_escape(struct source *s, struct format *f)
{
	static const char from[] = "ntr0\\", to[] = "\n\t\r\0\\";
	size_t at = s->pos++;
	char c = s->text[s->pos];
	const char *known = c ? strchr(from, c) : NULL;
	if (known) {
		s->pos++;
		add_literal(f, (uint8_t)to[known - from], at);
		return WEIR_OK;
	}
	struct buf byte;
	buf_init(&byte, 0);
	bool ok = c == 'x' && s->text[s->pos + 1] && s->text[s->pos + 2] &&
		  hex_decode(&byte, slice_of(s->text + s->pos + 1, 2));
	if (ok) {
		add_literal(f, byte.data[0], at);
		s->pos += 3;
	}
	buf_fini(&byte);
	return ok ? WEIR_OK
		  : format_complain(s->text, at, s->err,
			    "unknown escape; known are \\n \\t \\r \\0 \\\\ \\xNN");
}

/* Length of a modifier: up to its closing brace; 0 when there is none. */
static size_t modifier_len(const char *text)
{
	const char *end = strchr(text, '}');
	return end ? (size_t)(end - text) : 0;
}

struct modifier {
	const char *name;
	enum format_form form;
	uint8_t width;
	bool little;
};

static const struct modifier text_modifiers[] = {{"hex", FORM_HEX, 0, false},
	{"base64", FORM_BASE64, 0, false}, {"json", FORM_JSON, 0, false},
	{"quote", FORM_QUOTE, 0, false}, {NULL, FORM_PLAIN, 0, false}};
static const struct modifier number_modifiers[] = {{"ascii", FORM_PLAIN, 0, false},
	{"hex", FORM_HEX, 0, false}, {"hex8", FORM_FIXED_HEX, 2, false},
	{"hex16", FORM_FIXED_HEX, 4, false}, {"hex32", FORM_FIXED_HEX, 8, false},
	{"hex64", FORM_FIXED_HEX, 16, false}, {"byte", FORM_BINARY, 1, false},
	{"big8", FORM_BINARY, 1, false}, {"big16", FORM_BINARY, 2, false},
	{"big32", FORM_BINARY, 4, false}, {"big64", FORM_BINARY, 8, false},
	{"little8", FORM_BINARY, 1, true}, {"little16", FORM_BINARY, 2, true},
	{"little32", FORM_BINARY, 4, true}, {"little64", FORM_BINARY, 8, true},
	{NULL, FORM_PLAIN, 0, false}};
static const struct modifier time_modifiers[] = {{"ms", FORM_PLAIN, 0, false},
	{"s", FORM_SECONDS, 0, false}, {"iso", FORM_ISO, 0, false}, {"ago", FORM_AGO, 0, false},
	{NULL, FORM_PLAIN, 0, false}};
static const struct modifier attribute_modifiers[] = {{"compression", FORM_ATTR_CODEC, 0, false},
	{"timestamp-type", FORM_ATTR_TIME_TYPE, 0, false},
	{"transactional", FORM_ATTR_TXN, 0, false}, {"control", FORM_ATTR_CONTROL, 0, false},
	{NULL, FORM_PLAIN, 0, false}};

static bool apply(
	struct format_item *item, const struct modifier *list, const char *name, size_t len)
{
	for (; list->name; list++) {
		if (strlen(list->name) == len && memcmp(list->name, name, len) == 0) {
			item->form = list->form;
			item->width = list->width;
			item->little = list->little;
			return true;
		}
	}
	return false;
}

static enum weir_code bad_modifier(struct source *s, enum format_kind kind)
{
	static const char *const known[] = {
		[FORMAT_KIND_TEXT] = "hex base64 json quote len unpack:...",
		[FORMAT_KIND_NUMBER] = "ascii byte hex hex8..64 big8..64 little8..64",
		[FORMAT_KIND_BIG32] = "none",
		[FORMAT_KIND_TIME] = "iso s ms ago, those of numbers, strftime's with %",
		[FORMAT_KIND_HEADERS] = "json, or tokens for each header",
		[FORMAT_KIND_ATTRIBUTES] = "compression timestamp-type transactional control",
		[FORMAT_KIND_ENVELOPE] = "none"};
	return format_complain(
		s->text, s->pos, s->err, "unknown modifier; here may stand: %s", known[kind]);
}

static enum weir_code compile_unpack(
	struct source *s, struct format_item *item, const char *pattern, size_t len)
{
	item->form = FORM_UNPACK;
	buf_add(&item->text, pattern, len);
	buf_add_byte(&item->text, '\0');
	size_t bad;
	if (!format_unpack_check((const char *)item->text.data, &bad)) {
		return format_complain(s->text, (size_t)(pattern - s->text) + bad, s->err,
			"unknown in unpack; known are > < b B h H i I q Q c s $");
	}
	return WEIR_OK;
}

/* A modifier without nested tokens; s->pos is behind the opening brace. */
static enum weir_code compile_modifier(
	struct source *s, struct format_item *item, enum format_kind *kind)
{
	const char *name = s->text + s->pos;
	size_t len = modifier_len(name);
	bool known = false;
	enum weir_code code = WEIR_OK;
	if (*kind == FORMAT_KIND_TEXT && len == 3 && memcmp(name, "len", 3) == 0) {
		item->field = format_length_of(item->field);
		*kind = FORMAT_KIND_NUMBER;
		known = true;
	} else if (*kind == FORMAT_KIND_TEXT && len > 7 && memcmp(name, "unpack:", 7) == 0) {
		code = compile_unpack(s, item, name + 7, len - 7);
		known = true;
	} else if (*kind == FORMAT_KIND_TEXT) {
		known = apply(item, text_modifiers, name, len);
	} else if (*kind == FORMAT_KIND_TIME && memchr(name, '%', len)) {
		item->form = FORM_STRFTIME;
		buf_add(&item->text, name, len);
		buf_add_byte(&item->text, '\0');
		known = true;
	} else if (*kind == FORMAT_KIND_TIME) {
		known = apply(item, time_modifiers, name, len) ||
			apply(item, number_modifiers, name, len);
	} else if (*kind == FORMAT_KIND_ATTRIBUTES) {
		known = apply(item, attribute_modifiers, name, len);
	} else if (*kind == FORMAT_KIND_NUMBER) {
		known = apply(item, number_modifiers, name, len);
	} else if (*kind == FORMAT_KIND_HEADERS && len == 4 && memcmp(name, "json", 4) == 0) {
		item->form = FORM_JSON;
		known = true;
	}
	if (!known) {
		return bad_modifier(s, *kind);
	}
	s->pos += len + 1;
	return code;
}

static enum weir_code compile(struct source *s, struct format *f);

static enum weir_code compile_each(struct source *s, struct format_item *item)
{
	size_t open = s->pos - 1;
	struct source inner = {.text = s->text, .pos = s->pos, .nested = true, .err = s->err};
	item->form = FORM_EACH;
	item->each = mem_new(sizeof(*item->each));
	enum weir_code code = compile(&inner, item->each);
	if (code == WEIR_OK && s->text[inner.pos] != '}') {
		return format_complain(s->text, open, s->err, "brace without its end");
	}
	s->pos = inner.pos + 1;
	return code;
}

static const struct token *find_token(char letter, bool nested)
{
	const struct token *list = nested ? header_tokens : tokens;
	size_t count =
		nested ? sizeof(header_tokens) / sizeof(*list) : sizeof(tokens) / sizeof(*list);
	for (size_t i = 0; i < count; i++) {
		if (list[i].letter == letter) {
			return &list[i];
		}
	}
	return NULL;
}

static enum weir_code compile_token(struct source *s, struct format *f)
{
	size_t at = s->pos++;
	char c = s->text[s->pos];
	if (c == '%' || c == '{' || c == '}') {
		s->pos++;
		add_literal(f, (uint8_t)c, at);
		return WEIR_OK;
	}
	const struct token *token = c ? find_token(c, s->nested) : NULL;
	if (!token) {
		return c ? format_complain(s->text, at, s->err, "unknown token %%%c%s", c,
				   s->nested ? " for a header" : "")
			 : format_complain(s->text, at, s->err, "nothing behind %%; %%%% is a %%");
	}
	s->pos++;
	struct format_item *item = add_item(f, token->field, at);
	enum format_kind kind = token->kind;
	if (kind == FORMAT_KIND_BIG32) {
		item->form = FORM_BINARY;
		item->width = 4;
	}
	bool more = true;
	while (more && s->text[s->pos] == '{') {
		size_t open = s->pos++;
		size_t len = modifier_len(s->text + s->pos);
		if (!len) {
			return format_complain(s->text, open, s->err,
				s->text[s->pos] == '}' ? "nothing in the braces"
						       : "brace without its end");
		}
		enum format_kind before = kind;
		bool each = kind == FORMAT_KIND_HEADERS && memchr(s->text + s->pos, '%', len);
		enum weir_code code =
			each ? compile_each(s, item) : compile_modifier(s, item, &kind);
		if (code != WEIR_OK) {
			return code;
		}
		more = kind != before; /* only {len} may be followed by another */
	}
	item->end = s->pos;
	return WEIR_OK;
}

static enum weir_code compile(struct source *s, struct format *f)
{
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && s->text[s->pos]) {
		char c = s->text[s->pos];
		if (c == '}' && s->nested) {
			break;
		}
		if (c == '%') {
			code = compile_token(s, f);
		} else if (c == '\\') {
			code = compile_escape(s, f);
		} else {
			add_literal(f, (uint8_t)c, s->pos);
			s->pos++;
		}
	}
	return code;
}

enum weir_code format_new(const char *text, struct format **format, struct weir_err *err)
{
	struct format *f = mem_new(sizeof(*f));
	f->text = mem_dup_str(text);
	struct source source = {.text = f->text, .err = err};
	enum weir_code code = compile(&source, f);
	if (code != WEIR_OK) {
		format_free(&f);
		return code;
	}
	*format = f;
	return WEIR_OK;
}

void format_free(struct format **format)
{
	struct format *f = *format;
	if (!f) {
		return;
	}
	for (size_t i = 0; i < f->count; i++) {
		buf_fini(&f->items[i].text);
		format_free(&f->items[i].each);
	}
	mem_free(f->items);
	mem_free(f->text);
	MEM_FREE(format);
}

bool format_has(const struct format *format, enum format_field field)
{
	for (size_t i = 0; i < format->count; i++) {
		if (format->items[i].field == field) {
			return true;
		}
	}
	return false;
}
