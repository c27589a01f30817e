/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/buf.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *buf, size_t cap)
{
	*buf = (struct buf){.cap = cap};
}

void buf_fini(struct buf *buf)
{
	MEM_FREE(&buf->data);
	buf->len = buf->room = 0;
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

bool buf_reserve(struct buf *buf, size_t len)
{
	if (buf->failed) {
		return false;
	}
	if (len <= buf->room - buf->len) {
		if (!buf->cap || len <= buf->cap - buf->len) {
			return true;
		}
	}
	if (len > SIZE_MAX / 4 - buf->len || (buf->cap && len > buf->cap - buf->len)) {
		buf->failed = true;
		return false;
	}
	size_t want = buf->len + len;
	size_t room = buf->room ? buf->room : 64;
	while (room < want) {
		room *= 2;
	}
	uint8_t *data = mem_try_grow(buf->data, room);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->room = room;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (len && buf_reserve(buf, len)) {
		memcpy(buf->data + buf->len, bytes, len);
		buf->len += len;
	}
}

void buf_add_byte(struct buf *buf, uint8_t byte)
{
	buf_add(buf, &byte, 1);
}

void buf_add_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len >= 0 && buf_reserve(buf, (size_t)len + 1)) {
		vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

const char *buf_str(struct buf *buf)
{
	if (!buf_reserve(buf, 1)) {
		return "";
	}
	buf->data[buf->len] = '\0';
	return (const char *)buf->data;
}

void buf_drop(struct buf *buf, size_t len)
{
	WEIR_ASSERT(len <= buf->len);
	if (len) {
		memmove(buf->data, buf->data + len, buf->len - len);
		buf->len -= len;
	}
}
