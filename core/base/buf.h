/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growable byte buffer with a cap. Errors stick: after a failed append (cap or memory) failed is
 * true and every later append is a no-op, so the caller checks once at the end.
 */
#pragma once

#include "core/base/bytes.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t room; /* allocated bytes */
	size_t cap;  /* len never passes it; 0 = no cap */
	bool failed;
};

void buf_init(struct buf *buf, size_t cap);
void buf_fini(struct buf *buf);
void buf_reset(struct buf *buf); /* len 0, failed false; memory kept */

/* Makes room for len more bytes; false (and failed set) when it can't. */
bool buf_reserve(struct buf *buf, size_t len);
void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_byte(struct buf *buf, uint8_t byte);
void buf_add_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* NUL after the bytes (not counted in len); "" when failed. Borrowed until the next change. */
const char *buf_str(struct buf *buf);
/* Removes the first len bytes. */
void buf_drop(struct buf *buf, size_t len);
