/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Standard output, buffered, with every write error kept: after one, later writes are no-ops and
 * out_flush returns it, so a full disk or a closed pipe is a failing exit and never silent loss.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

struct out {
	int fd;
	const char *name; /* for errors */
	bool tty;
	bool color;
	bool raw;      /* control bytes of records go to a terminal as they are */
	size_t width;  /* of the terminal in columns; 0: not one */
	bool held;     /* between out_mark and its end */
	int sys_errno; /* of the first failed write; 0: none */
	struct buf buf;
	/* Called every now and then while the reader is slow to take more; NULL: writing just
	 * blocks. */
	void (*idle)(void *arg);
	void *idle_arg;
};

void out_init(struct out *out, int fd);
void out_fini(struct out *out); /* without flushing */

void out_bytes(struct out *out, const void *bytes, size_t len);
void out_byte(struct out *out, char byte);
void out_str(struct out *out, const char *text);
void out_printf(struct out *out, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* Bytes of a record or name: on a terminal (unless raw) control bytes show as \xNN, but for newline
 * and tab. */
void out_text(struct out *out, struct slice text);

/* From here on nothing is written until out_keep or out_drop, which takes back what came since. */
size_t out_mark(struct out *out);
void out_keep(struct out *out);
void out_drop(struct out *out, size_t mark);

/* Writes what is buffered. Errors: IO, NO_SPACE; sticks. */
WEIR_MUST_USE enum weir_code out_flush(struct out *out, struct weir_err *err);

/* Appends text with everything that is not printing UTF-8 as \xNN; keep: bytes left as they are. */
void text_escape(struct buf *buf, struct slice text, const char *keep);
/* Bytes of the UTF-8 character at the start of text (len >= 1), 0 when it is none. */
size_t utf8_len(struct slice text);
/* Columns that text takes on a terminal (one a character). */
size_t text_columns(struct slice text);
