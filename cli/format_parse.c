/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Format strings: from bytes to records.
 *
 * The input's bytes stay in one buffer from the record's start on, so that fields are positions in
 * it (the buffer may move while it grows) until the record is whole. Decoded fields lie in an
 * arena.
 */
#include "cli/base64.h"
#include "cli/format_priv.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, NUMBER_MAX = 24, WORD_MAX = 256 };

/* A field found: in the arena (data), in the buffer (data NULL, pos), or null. */
struct span {
	bool null;
	const uint8_t *data;
	size_t pos, len;
};

struct header_span {
	struct span name, value;
};

struct format_reader {
	const struct format *format;
	struct format_reader_conf conf;
	char *name;
	int fd;
	bool at_eof;
	struct buf in;
	size_t start;	/* of the record in in */
	size_t pos;	/* next byte to read, from start */
	int64_t number; /* of the record, from 1 */
	struct arena arena;
	/* The record being read. */
	struct row *row;
	struct span texts[FORMAT_FIELD_COUNT];
	int64_t lengths[FORMAT_FIELD_COUNT]; /* of texts; -1 null, -2 not given */
	int64_t header_count;		     /* -1: not given */
	struct header_span *headers;
	size_t header_len, header_room;
	struct record_header *resolved;
	size_t resolved_room;
	bool headers_done; /* row has them already (from JSON) */
};

enum weir_code format_reader_new(const struct format *format, int fd, const char *name,
	const struct format_reader_conf *conf, struct format_reader **reader, struct weir_err *err)
{
	enum weir_code code = format_check_input(format, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct format_reader *r = mem_new(sizeof(*r));
	r->format = format;
	r->fd = fd;
	r->name = mem_dup_str(name);
	r->conf = *conf;
	if (!r->conf.record_max) {
		r->conf.record_max = 1 << 30;
	}
	buf_init(&r->in, r->conf.record_max + 2 * CHUNK);
	arena_init(&r->arena, 0);
	*reader = r;
	return WEIR_OK;
}

void format_reader_free(struct format_reader **reader)
{
	struct format_reader *r = *reader;
	if (!r) {
		return;
	}
	buf_fini(&r->in);
	arena_fini(&r->arena);
	mem_free(r->headers);
	mem_free(r->resolved);
	mem_free(r->name);
	MEM_FREE(reader);
}

static const uint8_t *at(const struct format_reader *r, size_t pos)
{
	return r->in.data + r->start + pos;
}

static size_t have(const struct format_reader *r)
{
	return r->in.len - r->start;
}

static enum weir_code wait_idle(struct format_reader *r, struct weir_err *err)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	if (r->conf.idle && poll(&p, 1, 0) == 0) {
		return r->conf.idle(r->conf.idle_arg, err);
	}
	return WEIR_OK;
}

/* Reads on; at_eof when there is no more. */
static enum weir_code fill(struct format_reader *r, struct weir_err *err)
{
	if (have(r) > r->conf.record_max) {
		return err_set(
			err, WEIR_TOO_LARGE, "record is larger than %zu bytes", r->conf.record_max);
	}
	enum weir_code code = wait_idle(r, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (!buf_reserve(&r->in, CHUNK)) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for the record");
	}
	ssize_t n;
	do {
		n = read(r->fd, r->in.data + r->in.len, CHUNK);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return err_sys(err, errno, "cannot read");
	}
	r->at_eof = n == 0;
	r->in.len += (size_t)n;
	return WEIR_OK;
}

static enum weir_code cut_short(const struct format_item *item, struct weir_err *err)
{
	return err_set(err, WEIR_BAD_DATA, "input ends inside the %s",
		item->field == FORMAT_LITERAL ? "text between fields"
					      : format_field_name(item->field));
}

/* len bytes from pos on are there. */
static enum weir_code need(
	struct format_reader *r, const struct format_item *item, size_t len, struct weir_err *err)
{
	while (have(r) - r->pos < len) {
		if (r->at_eof) {
			return cut_short(item, err);
		}
		enum weir_code code = fill(r, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

/*
 * Finds the literal after skip earlier ones; *len: bytes before it. The last literal of the format
 * may be missing at the end of the input.
 */
static enum weir_code find(struct format_reader *r, const struct format_item *item,
	const struct format_item *literal, size_t skip, size_t *len, struct weir_err *err)
{
	size_t from = r->pos, size = literal->text.len;
	const struct format *f = r->format;
	for (;;) {
		const uint8_t *hit = NULL;
		if (have(r) > from) {
			hit = memmem(at(r, from), have(r) - from, literal->text.data, size);
		}
		if (hit && skip) {
			skip--;
			from = (size_t)(hit - at(r, 0)) + size;
			continue;
		}
		if (hit) {
			*len = (size_t)(hit - at(r, r->pos));
			return WEIR_OK;
		}
		if (r->at_eof) {
			if (literal != &f->items[f->count - 1] || skip) {
				return cut_short(item, err);
			}
			*len = have(r) - r->pos;
			return WEIR_OK;
		}
		size_t back = have(r) > size ? have(r) - size + 1 : 0;
		from = back > from ? back : from;
		enum weir_code code = fill(r, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
}

static void complain_text(struct slice got, struct slice wanted, struct weir_err *err)
{
	struct buf text;
	buf_init(&text, 0);
	buf_add_byte(&text, '"');
	text_escape(&text, slice_of(wanted.data, wanted.len < 20 ? wanted.len : 20), "");
	buf_add_str(&text, "\" expected, found \"");
	text_escape(&text, slice_of(got.data, got.len < 20 ? got.len : 20), "");
	buf_add_byte(&text, '"');
	err_set(err, WEIR_BAD_DATA, "%s", buf_str(&text));
	buf_fini(&text);
}

static enum weir_code take_literal(
	struct format_reader *r, const struct format_item *item, bool last, struct weir_err *err)
{
	struct slice wanted = slice_of(item->text.data, item->text.len);
	while (have(r) - r->pos < wanted.len && !r->at_eof) {
		enum weir_code code = fill(r, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	struct slice got = slice_of(at(r, r->pos), have(r) - r->pos);
	if (got.len == 0 && last) {
		return WEIR_OK;
	}
	got.len = got.len < wanted.len ? got.len : wanted.len;
	if (!slice_equal(got, wanted)) {
		complain_text(got, wanted, err);
		return WEIR_BAD_DATA;
	}
	r->pos += wanted.len;
	return WEIR_OK;
}

/* Bytes of one JSON value, or quoted text, from pos on. */
static enum weir_code json_extent(
	struct format_reader *r, const struct format_item *item, size_t *len, struct weir_err *err)
{
	size_t i = 0;
	int depth = 0;
	bool in_string = false;
	for (;; i++) {
		bool end = false;
		while (r->pos + i >= have(r)) {
			if (r->at_eof) {
				end = true;
				break;
			}
			enum weir_code code = fill(r, err);
			if (code != WEIR_OK) {
				return code;
			}
		}
		if (end) {
			*len = i;
			return depth || in_string ? cut_short(item, err) : WEIR_OK;
		}
		char c = (char)*at(r, r->pos + i);
		if (in_string && c == '\\') {
			enum weir_code code = need(r, item, i + 2, err);
			if (code != WEIR_OK) {
				return code;
			}
			i++;
		} else if (c == '"' && i && !depth && !in_string) {
			*len = i; /* behind null */
			return WEIR_OK;
		} else if (c == '"') {
			in_string = !in_string;
			if (!in_string && !depth) {
				*len = i + 1;
				return WEIR_OK;
			}
		} else if (!in_string && (c == '{' || c == '[')) {
			depth++;
		} else if (!in_string && (c == '}' || c == ']')) {
			if (--depth <= 0) {
				*len = i + (depth == 0);
				return WEIR_OK;
			}
		} else if (!in_string && !depth && !(c >= 'a' && c <= 'z')) {
			*len = i; /* behind null */
			return WEIR_OK;
		}
	}
}

static enum weir_code parse_json(
	struct format_reader *r, size_t len, json_t **json, struct weir_err *err)
{
	json_error_t where;
	size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	*json = json_loadb((const char *)at(r, r->pos), len, flags, &where);
	return *json ? WEIR_OK : err_set(err, WEIR_BAD_DATA, "not JSON: %s", where.text);
}

static void set_span(struct span *span, struct slice bytes)
{
	*span = (struct span){.null = !bytes.data, .data = bytes.data, .len = bytes.len};
}

static enum weir_code take_json_text(struct format_reader *r, const struct format_item *item,
	struct span *span, struct weir_err *err)
{
	size_t len;
	json_t *json = NULL;
	struct slice bytes;
	enum weir_code code = json_extent(r, item, &len, err);
	if (code == WEIR_OK) {
		code = parse_json(r, len, &json, err);
	}
	if (code == WEIR_OK) {
		code = envelope_bytes(json, &r->arena, &bytes, err);
	}
	if (code == WEIR_OK) {
		set_span(span, bytes);
		r->pos += len;
	}
	json_decref(json);
	return code;
}

/* A copy of decoded bytes in the arena. */
static enum weir_code keep(
	struct format_reader *r, struct buf *bytes, struct span *span, struct weir_err *err)
{
	const void *data = bytes->len ? (const void *)bytes->data : "";
	const void *copy = bytes->failed ? NULL : arena_try_dup(&r->arena, data, bytes->len);
	if (!copy) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes", bytes->len);
	}
	set_span(span, slice_of(copy, bytes->len));
	return WEIR_OK;
}

/* The inside of quotes. False: not well-formed. */
static bool unquote(struct slice text, struct buf *out)
{
	static const char from[] = "ntr\"\\", to[] = "\n\t\r\"\\";
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c != '\\') {
			buf_add_byte(out, c);
			continue;
		}
		c = ++i < text.len ? text.data[i] : 0;
		const char *known = c ? strchr(from, c) : NULL;
		if (known) {
			buf_add_byte(out, (uint8_t)to[known - from]);
		} else if (c == 'x' && text.len - i > 2 &&
			   hex_decode(out, slice_of(text.data + i + 1, 2))) {
			i += 2;
		} else {
			return false;
		}
	}
	return true;
}

static enum weir_code take_quoted(struct format_reader *r, const struct format_item *item,
	struct span *span, struct weir_err *err)
{
	size_t len;
	if (have(r) == r->pos && !r->at_eof) {
		enum weir_code code = fill(r, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	if (have(r) == r->pos || *at(r, r->pos) != '"') {
		set_span(span, slice_of(NULL, 0)); /* null is printed as nothing */
		return WEIR_OK;
	}
	enum weir_code code = json_extent(r, item, &len, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct buf bytes;
	buf_init(&bytes, 0);
	if (unquote(slice_of(at(r, r->pos + 1), len - 2), &bytes)) {
		code = keep(r, &bytes, span, err);
		r->pos += len;
	} else {
		code = err_set(err, WEIR_BAD_DATA, "unknown escape in the quotes");
	}
	buf_fini(&bytes);
	return code;
}

/* Bytes of len raw ones when printed in form. */
static size_t printed_len(enum format_form form, size_t len)
{
	return form == FORM_HEX ? len * 2 : form == FORM_BASE64 ? (len + 2) / 3 * 4 : len;
}

static enum weir_code take_text(struct format_reader *r, const struct format_item *item,
	const struct format_item *next, struct span *span, struct weir_err *err)
{
	if (item->form == FORM_JSON || item->form == FORM_QUOTE) {
		return item->form == FORM_JSON ? take_json_text(r, item, span, err)
					       : take_quoted(r, item, span, err);
	}
	int64_t known = r->lengths[format_length_of(item->field)];
	if (known == -1) {
		*span = (struct span){.null = true};
		return WEIR_OK;
	}
	size_t len = 0;
	enum weir_code code;
	if (known >= 0) {
		if ((uint64_t)known > r->conf.record_max) {
			return err_set(err, WEIR_TOO_LARGE,
				"length of %" PRId64 " is more than %zu bytes", known,
				r->conf.record_max);
		}
		len = printed_len(item->form, (size_t)known);
		code = need(r, item, len, err);
	} else {
		code = find(r, item, next, 0, &len, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (item->form == FORM_PLAIN) {
		*span = (struct span){.pos = r->pos, .len = len};
	} else {
		struct buf bytes;
		buf_init(&bytes, 0);
		struct slice text = slice_of(at(r, r->pos), len);
		bool ok = item->form == FORM_HEX ? hex_decode(&bytes, text)
						 : base64_decode(&bytes, text);
		code = ok ? keep(r, &bytes, span, err)
			  : err_set(err, WEIR_BAD_DATA, "not %s",
				    item->form == FORM_HEX ? "hexadecimal" : "base64");
		buf_fini(&bytes);
	}
	r->pos += len;
	return code;
}

/* The word up to the literal, NUL-terminated. */
static enum weir_code take_word(struct format_reader *r, const struct format_item *item,
	const struct format_item *next, size_t skip, char word[WORD_MAX], struct weir_err *err)
{
	size_t len;
	enum weir_code code = find(r, item, next, skip, &len, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (len >= WORD_MAX || memchr(at(r, r->pos), '\0', len)) {
		return err_set(err, WEIR_BAD_DATA, "not a %s", format_field_name(item->field));
	}
	memcpy(word, at(r, r->pos), len);
	word[len] = '\0';
	r->pos += len;
	return WEIR_OK;
}

static enum weir_code take_fixed(struct format_reader *r, const struct format_item *item,
	int64_t *value, struct weir_err *err)
{
	enum weir_code code = need(r, item, item->width, err);
	if (code != WEIR_OK) {
		return code;
	}
	const uint8_t *p = at(r, r->pos);
	uint64_t v = 0;
	int bytes = item->width;
	if (item->form == FORM_FIXED_HEX) {
		struct buf digits;
		buf_init(&digits, 0);
		bool ok = hex_decode(&digits, slice_of(p, item->width));
		bytes = item->width / 2;
		for (int i = 0; ok && i < bytes; i++) {
			v = v << 8 | digits.data[i];
		}
		buf_fini(&digits);
		if (!ok) {
			return err_set(
				err, WEIR_BAD_DATA, "not %d hexadecimal digits", item->width);
		}
	} else {
		for (int i = 0; i < bytes; i++) {
			v = v << 8 | p[item->little ? bytes - 1 - i : i];
		}
	}
	int shift = 64 - 8 * bytes;
	*value = (int64_t)(v << shift) >> shift;
	r->pos += item->width;
	return WEIR_OK;
}

/* How often the literal stands in what strftime prints: those are not the end. */
static size_t inside(const struct format_item *item, const struct format_item *next)
{
	char sample[WORD_MAX];
	time_t s = 0;
	struct tm tm;
	if (!gmtime_r(&s, &tm)) {
		return 0;
	}
	const char *pattern = (const char *)item->text.data;
	size_t len = format_strftime(sample, sizeof(sample), pattern, &tm), n = 0;
	const char *p = sample;
	while ((p = memmem(p, len - (size_t)(p - sample), next->text.data, next->text.len))) {
		n++;
		p += next->text.len;
	}
	return n;
}

static enum weir_code take_time(struct format_reader *r, const struct format_item *item,
	const struct format_item *next, int64_t *value, struct weir_err *err)
{
	char word[WORD_MAX];
	bool calendar = item->form == FORM_STRFTIME;
	enum weir_code code =
		take_word(r, item, next, calendar ? inside(item, next) : 0, word, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (strcmp(word, "-1") == 0) {
		*value = -1;
		return WEIR_OK;
	}
	if (!calendar) {
		struct weir_err why;
		return number_time(word, 0, value, &why) == WEIR_OK
			       ? WEIR_OK
			       : err_set(err, WEIR_BAD_DATA, "\"%s\" is not a time", word);
	}
	struct tm tm = {.tm_mday = 1};
	const char *end = strptime(word, (const char *)item->text.data, &tm);
	if (!end || *end) {
		return err_set(err, WEIR_BAD_DATA, "\"%s\" is not a time as {%s}", word,
			(const char *)item->text.data);
	}
	*value = (int64_t)timegm(&tm) * 1000;
	return WEIR_OK;
}

static enum weir_code take_number(struct format_reader *r, const struct format_item *item,
	const struct format_item *next, int64_t *value, struct weir_err *err)
{
	if (item->form == FORM_BINARY || item->form == FORM_FIXED_HEX) {
		return take_fixed(r, item, value, err);
	}
	if (item->form == FORM_ISO || item->form == FORM_STRFTIME) {
		return take_time(r, item, next, value, err);
	}
	char word[WORD_MAX];
	enum weir_code code = take_word(r, item, next, 0, word, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (item->form >= FORM_ATTR_CODEC) {
		*value = -1; /* the batch's, not the record's */
		return WEIR_OK;
	}
	char *end;
	errno = 0;
	*value = strtoll(word, &end, item->form == FORM_HEX ? 16 : 10);
	bool leads = (word[0] >= '0' && word[0] <= '9') || word[0] == '-' ||
		     (item->form == FORM_HEX && word[0]);
	if (!leads || *end || end == word || errno) {
		return err_set(err, WEIR_BAD_DATA, "\"%.40s\" is not a number", word);
	}
	if (item->form == FORM_SECONDS && *value > 0) {
		bool fits = *value <= INT64_MAX / 1000;
		*value = fits ? *value * 1000 : INT64_MAX;
	}
	return WEIR_OK;
}

static enum weir_code store_number(struct format_reader *r, const struct format_item *item,
	int64_t value, struct weir_err *err)
{
	struct row *row = r->row;
	if (format_is_length(item->field)) {
		if (value < -1) {
			return err_set(err, WEIR_BAD_DATA, "%" PRId64 " is not a length", value);
		}
		r->lengths[item->field] = value;
		return WEIR_OK;
	}
	bool i32 = item->field == FORMAT_PARTITION || item->field == FORMAT_HEADER_COUNT;
	if (i32 && (value < -1 || value > INT32_MAX)) {
		return err_set(err, WEIR_BAD_DATA, "%" PRId64 " is out of range", value);
	}
	switch (item->field) {
	case FORMAT_PARTITION:
		row->partition = (int32_t)value;
		break;
	case FORMAT_OFFSET:
		row->offset = value;
		break;
	case FORMAT_TIMESTAMP:
		row->timestamp = value;
		break;
	case FORMAT_HEADER_COUNT:
		r->header_count = value;
		break;
	default:
		break; /* true of where it came from, not of where it goes */
	}
	return WEIR_OK;
}

static enum weir_code take_items(
	struct format_reader *r, const struct format *f, struct weir_err *err);

static struct header_span *add_header(struct format_reader *r)
{
	if (r->header_len == r->header_room) {
		r->header_room = r->header_room ? r->header_room * 2 : 16;
		r->headers = mem_grow(r->headers, r->header_room, sizeof(*r->headers));
	}
	return &r->headers[r->header_len++];
}

static enum weir_code take_header(
	struct format_reader *r, const struct format *each, struct weir_err *err)
{
	for (int f = FORMAT_HEADER_NAME; f <= FORMAT_HEADER_VALUE_LEN; f++) {
		r->texts[f] = (struct span){.null = f == FORMAT_HEADER_VALUE};
		r->lengths[f] = -2;
	}
	enum weir_code code = take_items(r, each, err);
	if (code == WEIR_OK) {
		*add_header(r) = (struct header_span){
			r->texts[FORMAT_HEADER_NAME], r->texts[FORMAT_HEADER_VALUE]};
	}
	return code;
}

static enum weir_code at_literal(struct format_reader *r, const struct format_item *literal,
	bool *there, struct weir_err *err)
{
	while (have(r) - r->pos < literal->text.len && !r->at_eof) {
		enum weir_code code = fill(r, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	struct slice text = slice_of(literal->text.data, literal->text.len);
	size_t left = have(r) - r->pos;
	*there = left == 0 ||
		 (left >= text.len && slice_equal(slice_of(at(r, r->pos), text.len), text));
	return WEIR_OK;
}

static enum weir_code take_headers(struct format_reader *r, const struct format_item *item,
	const struct format_item *next, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (item->form == FORM_JSON) {
		size_t len;
		json_t *json = NULL;
		code = json_extent(r, item, &len, err);
		code = code == WEIR_OK ? parse_json(r, len, &json, err) : code;
		code = code == WEIR_OK ? envelope_headers(json, &r->arena, r->row, err) : code;
		json_decref(json);
		r->pos += code == WEIR_OK ? len : 0;
		r->headers_done = true;
		return code;
	}
	for (int64_t i = 0; r->header_count < 0 || i < r->header_count; i++) {
		bool end = false;
		if (r->header_count < 0) {
			code = at_literal(r, next, &end, err);
		}
		if (code == WEIR_OK && !end) {
			code = take_header(r, item->each, err);
		}
		if (code != WEIR_OK || end) {
			return code == WEIR_OK ? code : err_wrap(err, "header %" PRId64, i + 1);
		}
	}
	return code;
}

static enum weir_code take_envelope(
	struct format_reader *r, const struct format_item *item, struct weir_err *err)
{
	size_t len;
	enum weir_code code = json_extent(r, item, &len, err);
	if (code != WEIR_OK) {
		return code;
	}
	code = envelope_parse(
		slice_of(at(r, r->pos), len), &r->conf.envelope, &r->arena, r->row, err);
	if (code == WEIR_OK) {
		set_span(&r->texts[FORMAT_KEY], r->row->key);
		set_span(&r->texts[FORMAT_VALUE], r->row->value);
		set_span(&r->texts[FORMAT_TOPIC], r->row->topic);
		r->headers_done = true;
		r->pos += len;
	}
	/* Files from elsewhere end their lines with \r\n. */
	while (code == WEIR_OK && have(r) > r->pos && memchr(" \t\r", *at(r, r->pos), 3)) {
		r->pos++;
	}
	return code;
}

static enum weir_code take_items(
	struct format_reader *r, const struct format *f, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < f->count && code == WEIR_OK; i++) {
		const struct format_item *item = &f->items[i];
		bool last = i + 1 == f->count;
		const struct format_item *next = last ? NULL : item + 1;
		if (item->field == FORMAT_LITERAL) {
			code = take_literal(r, item, last && f == r->format, err);
		} else if (item->field == FORMAT_HEADERS) {
			code = take_headers(r, item, next, err);
		} else if (item->field == FORMAT_ENVELOPE) {
			code = take_envelope(r, item, err);
		} else if (format_is_text(item->field)) {
			code = take_text(r, item, next, &r->texts[item->field], err);
		} else {
			int64_t value;
			code = take_number(r, item, next, &value, err);
			code = code == WEIR_OK ? store_number(r, item, value, err) : code;
		}
		if (code != WEIR_OK && item->field != FORMAT_LITERAL &&
			item->field != FORMAT_HEADERS) {
			err_wrap(err, "%s", format_field_name(item->field));
		}
	}
	return code;
}

static struct slice resolve(const struct format_reader *r, const struct span *span)
{
	if (span->null) {
		return slice_of(NULL, 0);
	}
	return slice_of(span->data ? span->data : at(r, span->pos), span->len);
}

/* With -Z and --null, keys and values that stand for null. */
static struct slice nullable(const struct format_reader *r, struct slice text)
{
	const char *null_text = r->conf.null_text;
	bool null = (r->conf.empty_is_null && !text.len) ||
		    (null_text && text.data && slice_equal(text, slice_str(null_text)));
	return null ? slice_of(NULL, 0) : text;
}

static void finish_row(struct format_reader *r)
{
	struct row *row = r->row;
	row->key = nullable(r, resolve(r, &r->texts[FORMAT_KEY]));
	row->value = nullable(r, resolve(r, &r->texts[FORMAT_VALUE]));
	row->topic = resolve(r, &r->texts[FORMAT_TOPIC]);
	row->number = r->number;
	if (r->headers_done) {
		return;
	}
	if (r->header_len > r->resolved_room) {
		r->resolved = mem_grow(r->resolved, r->header_room, sizeof(*r->resolved));
		r->resolved_room = r->header_room;
	}
	for (size_t i = 0; i < r->header_len; i++) {
		r->resolved[i].key = resolve(r, &r->headers[i].name);
		r->resolved[i].value = resolve(r, &r->headers[i].value);
	}
	row->headers = r->resolved;
	row->header_count = r->header_len;
}

static void start_record(struct format_reader *r, struct row *row)
{
	r->start += r->pos;
	r->pos = 0;
	if (r->start >= r->in.len - r->start) {
		buf_drop(&r->in, r->start);
		r->start = 0;
	}
	arena_reset(&r->arena, 0);
	*row = row_none;
	r->row = row;
	r->number++;
	r->header_count = -1;
	r->header_len = 0;
	r->headers_done = false;
	for (int f = 0; f < FORMAT_FIELD_COUNT; f++) {
		r->texts[f] = (struct span){.null = true};
		r->lengths[f] = -2;
	}
}

enum weir_code format_skip(struct format_reader *r, struct weir_err *err)
{
	const struct format_item *last = &r->format->items[r->format->count - 1];
	size_t len = 0;
	if (last->field != FORMAT_LITERAL) {
		return err_set(err, WEIR_USAGE,
			"a format without text at its end cannot tell where the next record "
			"begins");
	}
	r->pos = 0;
	enum weir_code code = find(r, last, last, 0, &len, err);
	if (code == WEIR_OK) {
		r->pos = len + last->text.len < have(r) ? len + last->text.len : have(r);
	}
	return code;
}

enum weir_code format_read(
	struct format_reader *r, struct row *row, bool *got, struct weir_err *err)
{
	start_record(r, row);
	enum weir_code code = WEIR_OK;
	bool blank_is_fine = r->format->items[0].field == FORMAT_ENVELOPE;
	for (;;) {
		while (blank_is_fine && have(r) && memchr(" \t\r\n", *at(r, 0), 4)) {
			r->start++;
		}
		if (code != WEIR_OK || have(r) || r->at_eof) {
			break;
		}
		code = fill(r, err);
	}
	*got = have(r) > 0;
	if (code == WEIR_OK && *got) {
		code = take_items(r, r->format, err);
	}
	if (code != WEIR_OK) {
		*got = false;
		return err_wrap(err, "%s: record %" PRId64, r->name, r->number);
	}
	if (*got) {
		finish_row(r);
	}
	return WEIR_OK;
}
