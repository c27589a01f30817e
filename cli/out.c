/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { OUT_CHUNK = 64 * 1024, OUT_IDLE_MS = 100 };

void out_init(struct out *out, int fd)
{
	*out = (struct out){.fd = fd, .name = "standard output", .tty = isatty(fd) == 1};
	buf_init(&out->buf, 0);
	struct winsize size;
	if (out->tty) {
		bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
		out->width = known ? size.ws_col : 80;
	}
}

void out_fini(struct out *out)
{
	buf_fini(&out->buf);
}

/* How much may be written without blocking, once anything may: at most len. */
static size_t wait_for_room(const struct out *out, size_t len)
{
	struct pollfd fd = {.fd = out->fd, .events = POLLOUT};
	while (poll(&fd, 1, OUT_IDLE_MS) == 0) {
		out->idle(out->idle_arg);
	}
	return len < PIPE_BUF ? len : PIPE_BUF;
}

static void push(struct out *out)
{
	size_t done = 0;
	while (done < out->buf.len && !out->sys_errno) {
		size_t len = out->buf.len - done;
		len = out->idle ? wait_for_room(out, len) : len;
		ssize_t n = write(out->fd, out->buf.data + done, len);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			out->sys_errno = errno;
		}
	}
	buf_reset(&out->buf);
}

static void push_if_full(struct out *out)
{
	if (out->buf.failed && !out->sys_errno) {
		out->sys_errno = ENOMEM;
	}
	if ((out->buf.len >= OUT_CHUNK && !out->held) || out->sys_errno) {
		push(out);
	}
}

void out_bytes(struct out *out, const void *bytes, size_t len)
{
	buf_add(&out->buf, bytes, len);
	push_if_full(out);
}

void out_byte(struct out *out, char byte)
{
	buf_add_byte(&out->buf, (uint8_t)byte);
	push_if_full(out);
}

void out_str(struct out *out, const char *text)
{
	out_bytes(out, text, strlen(text));
}

void out_printf(struct out *out, const char *fmt, ...)
{
	char small[512];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(small)) {
		out_bytes(out, small, (size_t)len);
		return;
	}
	size_t room = (size_t)len + 1;
	if (!buf_reserve(&out->buf, room)) {
		push_if_full(out);
		return;
	}
	va_start(args, fmt);
	vsnprintf((char *)out->buf.data + out->buf.len, room, fmt, args);
	va_end(args);
	out->buf.len += (size_t)len;
	push_if_full(out);
}

void out_text(struct out *out, struct slice text)
{
	if (!out->tty || out->raw) {
		out_bytes(out, text.data, text.len);
		return;
	}
	text_escape(&out->buf, text, "\n\t");
	push_if_full(out);
}

size_t out_mark(struct out *out)
{
	out->held = true;
	return out->buf.len;
}

void out_keep(struct out *out)
{
	out->held = false;
	push_if_full(out);
}

void out_drop(struct out *out, size_t mark)
{
	/* After a failed write there is nothing left to take back. */
	out->buf.len = mark < out->buf.len ? mark : out->buf.len;
	out_keep(out);
}

enum weir_code out_flush(struct out *out, struct weir_err *err)
{
	push(out);
	if (out->sys_errno) {
		return err_sys(err, out->sys_errno, "cannot write %s", out->name);
	}
	return WEIR_OK;
}

size_t utf8_len(struct slice text)
{
	const uint8_t *p = text.data;
	if (p[0] < 0x80) {
		return 1;
	}
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > text.len) {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
	bool surrogate = p[0] == 0xed && p[1] > 0x9f;
	return overlong || beyond || surrogate ? 0 : len;
}

/* C0, DEL, C1 and the marks that turn the writing direction round. */
static bool is_control(const uint8_t *p, size_t len)
{
	if (len == 1) {
		return p[0] < 0x20 || p[0] == 0x7f;
	}
	if (len == 2) {
		return p[0] == 0xc2 && p[1] < 0xa0;
	}
	return len == 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
		       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void text_escape(struct buf *buf, struct slice text, const char *keep)
{
	while (text.len) {
		size_t len = utf8_len(text);
		bool kept = text.data[0] && strchr(keep, text.data[0]);
		if (len && (kept || !is_control(text.data, len))) {
			buf_add(buf, text.data, len);
		} else {
			len = len ? len : 1;
			for (size_t i = 0; i < len; i++) {
				buf_printf(buf, "\\x%02x", text.data[i]);
			}
		}
		text = slice_of(text.data + len, text.len - len);
	}
}

size_t text_columns(struct slice text)
{
	size_t columns = 0;
	for (size_t i = 0; i < text.len; i++) {
		columns += (text.data[i] & 0xc0) != 0x80;
	}
	return columns;
}
