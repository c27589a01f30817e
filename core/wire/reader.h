/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads wire forms from borrowed bytes. Errors stick: after the first one why says what was wrong,
 * nothing is left to read and every later call gives zero, so the caller checks once at the end.
 *
 * "compact" picks the form of flexible versions: lengths as uvarint of len + 1, 0 = null.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/varint.h"

enum { WIRE_STR_LEN_MAX = 32767 }; /* Kafka refuses longer strings in either form */

struct wire_reader {
	const uint8_t *at, *end;
	const uint8_t *stop; /* where the first error was met */
	const char *why;     /* NULL while all is well */
};

static inline void wire_reader_init(struct wire_reader *r, struct slice bytes)
{
	/* Never NULL, so that an empty value differs from a null one. */
	r->at = bytes.data ? bytes.data : (const uint8_t *)"";
	r->end = r->at + bytes.len;
	r->stop = NULL;
	r->why = NULL;
}

/* Notes why (a literal) unless an error stands already. */
void wire_reader_fail(struct wire_reader *r, const char *why);

static inline size_t wire_reader_left(const struct wire_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* Steps over len bytes; NULL (and an error) when fewer are left. */
static inline const uint8_t *wire_reader_take(struct wire_reader *r, size_t len)
{
	if (__builtin_expect(len > wire_reader_left(r), 0)) {
		wire_reader_fail(r, "the bytes end too early");
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += len;
	return p;
}

static inline int8_t wire_reader_i8(struct wire_reader *r)
{
	const uint8_t *p = wire_reader_take(r, 1);
	return p ? (int8_t)*p : 0;
}

static inline int16_t wire_reader_i16(struct wire_reader *r)
{
	const uint8_t *p = wire_reader_take(r, 2);
	return p ? (int16_t)be16_get(p) : 0;
}

static inline int32_t wire_reader_i32(struct wire_reader *r)
{
	const uint8_t *p = wire_reader_take(r, 4);
	return p ? (int32_t)be32_get(p) : 0;
}

static inline int64_t wire_reader_i64(struct wire_reader *r)
{
	const uint8_t *p = wire_reader_take(r, 8);
	return p ? (int64_t)be64_get(p) : 0;
}

/* Protocol lengths, tags and counts: at most 32 bits. */
uint32_t wire_reader_uvarint_slow(struct wire_reader *r);
static inline uint32_t wire_reader_uvarint(struct wire_reader *r)
{
	if (__builtin_expect(r->at < r->end && *r->at < 0x80, 1)) {
		return *r->at++;
	}
	return wire_reader_uvarint_slow(r);
}

/* Zigzag, as in records. */
int64_t wire_reader_varint(struct wire_reader *r);

/* Points into the bytes; data NULL when null (an error unless nullable). */
struct slice wire_reader_str(struct wire_reader *r, bool compact, bool nullable);
struct slice wire_reader_bytes(struct wire_reader *r, bool compact, bool nullable);

/* Count of an array whose items take at least item_len_min bytes each; -1 = null. */
int32_t wire_reader_count(struct wire_reader *r, bool compact, bool nullable, size_t item_len_min);

/* Steps over a section of tagged fields; at most LIMIT_UNKNOWN_TAGS. */
void wire_reader_skip_tags(struct wire_reader *r);
