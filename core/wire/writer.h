/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Appends wire forms to a buffer. The buffer's errors stick (struct buf: failed), so the caller
 * checks once at the end. "compact" as in core/wire/reader.h.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/varint.h"

/* Room for len more bytes, to be filled before buf->len is moved on; NULL once failed. */
static inline uint8_t *wire_writer_room(struct buf *buf, size_t len)
{
	size_t room = buf->cap && buf->cap < buf->room ? buf->cap : buf->room;
	bool fits = !buf->failed && len <= room - buf->len;
	return fits || buf_reserve(buf, len) ? buf->data + buf->len : NULL;
}

static inline void wire_writer_i8(struct buf *buf, int8_t value)
{
	uint8_t *p = wire_writer_room(buf, 1);
	if (p) {
		*p = (uint8_t)value;
		buf->len += 1;
	}
}

static inline void wire_writer_i16(struct buf *buf, int16_t value)
{
	uint8_t *p = wire_writer_room(buf, 2);
	if (p) {
		be16_put(p, (uint16_t)value);
		buf->len += 2;
	}
}

static inline void wire_writer_i32(struct buf *buf, int32_t value)
{
	uint8_t *p = wire_writer_room(buf, 4);
	if (p) {
		be32_put(p, (uint32_t)value);
		buf->len += 4;
	}
}

static inline void wire_writer_i64(struct buf *buf, int64_t value)
{
	uint8_t *p = wire_writer_room(buf, 8);
	if (p) {
		be64_put(p, (uint64_t)value);
		buf->len += 8;
	}
}

static inline void wire_writer_uvarint(struct buf *buf, uint64_t value)
{
	uint8_t *p = wire_writer_room(buf, uvarint_size(value));
	if (p) {
		buf->len += uvarint_put(p, value);
	}
}

/* Zigzag, as in records. */
static inline void wire_writer_varint(struct buf *buf, int64_t value)
{
	wire_writer_uvarint(buf, zigzag(value));
}

/* Length or count; -1 = null. */
static inline void wire_writer_len(struct buf *buf, int64_t len, bool compact)
{
	if (compact) {
		wire_writer_uvarint(buf, (uint64_t)(len + 1));
	} else {
		wire_writer_i32(buf, (int32_t)len);
	}
}

/* data NULL is written as null. The caller has checked the length: up to 32767 and INT32_MAX - 1.
 */
void wire_writer_str(struct buf *buf, struct slice value, bool compact);
void wire_writer_bytes(struct buf *buf, struct slice value, bool compact);
