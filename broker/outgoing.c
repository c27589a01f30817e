/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/outgoing.h"

#include "broker/conn.h"
#include "core/base/clock.h"
#include "core/stat/stat.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECES_MAX = 64,
	COPY_BYTES =
		32 * 1024,    /* of a span, below which a copy is cheaper than a call of its own */
	FILE_BYTES = 1 << 20, /* from a file in one call */
};

/* One call's worth. */
struct gathered {
	struct iovec pieces[PIECES_MAX];
	int count;
	size_t len;
	uint8_t *scratch; /* REACTOR_SCRATCH_BYTES for copies */
	size_t used;
	bool more;   /* a file's bytes follow at once */
	bool failed; /* a file could not be read */
};

/* false: no room. */
static bool add(struct gathered *out, const uint8_t *bytes, size_t len)
{
	if (out->count == PIECES_MAX) {
		return false;
	}
	out->pieces[out->count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
	out->len += len;
	return true;
}

/* Copies what is left of a span behind skip; false: too much for it. */
static bool add_span(struct gathered *out, const struct log_span *span, size_t skip)
{
	size_t left = span->len - skip;
	out->more = left >= COPY_BYTES;
	if (out->more || left > REACTOR_SCRATCH_BYTES - out->used || out->count == PIECES_MAX) {
		return false;
	}
	uint8_t *to = out->scratch + out->used;
	for (size_t at = 0; at < left;) {
		ssize_t n = pread(
			span->fd, to + at, left - at, (off_t)(span->pos + (int64_t)(skip + at)));
		if (n <= 0 && (n == 0 || errno != EINTR)) {
			out->failed = true;
			return false;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	out->used += left;
	return add(out, to, left);
}

/* Adds what has not left yet of reply; false: not all of it. */
static bool add_reply(struct gathered *out, const struct reply *reply)
{
	size_t at = reply->sent_bytes, skip = reply->span_sent;
	for (size_t s = reply->span_index;; s++, skip = 0) {
		bool last = s == reply->span_count;
		size_t until = last ? reply->bytes.len : reply->spans[s].pos;
		if (at < until) {
			if (!add(out, reply->bytes.data + at, until - at)) {
				return false;
			}
			at = until;
		}
		if (last) {
			return true;
		}
		if (!add_span(out, &reply->spans[s].span, skip)) {
			return false;
		}
	}
}

static void gather(struct conn *conn, struct gathered *out)
{
	LIST_EACH_SAFE(it, &conn->replies)
	{
		const struct reply *reply = LIST_ENTRY(it, struct reply, node);
		if (!reply->done || reply->closing || (!reply->silent && !add_reply(out, reply))) {
			return;
		}
	}
}

/* Takes n bytes that have left off the replies at the head, releases what is whole. */
static void advance(struct conn *conn, size_t n)
{
	while (!list_empty(&conn->replies)) {
		struct reply *reply = LIST_ENTRY(conn->replies.next, struct reply, node);
		if (!reply->done || reply->closing) {
			return;
		}
		while (!reply->silent) {
			bool last = reply->span_index == reply->span_count;
			struct reply_span *span = last ? NULL : &reply->spans[reply->span_index];
			size_t left = (last ? reply->bytes.len : span->pos) - reply->sent_bytes;
			size_t part = left < n ? left : n;
			reply->sent_bytes += part;
			n -= part;
			if (part < left) {
				return;
			}
			if (last) {
				break;
			}
			left = span->span.len - reply->span_sent;
			part = left < n ? left : n;
			reply->span_sent += part;
			n -= part;
			if (part < left) {
				return;
			}
			reply->span_index++;
			reply->span_sent = 0;
		}
		reply_release(reply);
	}
}

/* A count, 0 when the socket is full, -1 when it or a file failed. */
static ssize_t send_gathered(int fd, const struct gathered *out)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)out->pieces,
		.msg_iovlen = (size_t)out->count};
	ssize_t n;
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | (out->more ? MSG_MORE : 0));
	} while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* From the file of the head's current span; the same values. */
static ssize_t send_file(int fd, const struct reply *reply)
{
	const struct log_span *span = &reply->spans[reply->span_index].span;
	off_t at = (off_t)(span->pos + (int64_t)reply->span_sent);
	size_t left = span->len - reply->span_sent;
	ssize_t n;
	do {
		n = sendfile(fd, span->fd, &at, left > FILE_BYTES ? FILE_BYTES : left);
	} while (n < 0 && errno == EINTR);
	if (n == 0) {
		return -1; /* the file has become shorter */
	}
	return n < 0 && errno == EAGAIN ? 0 : n;
}

enum outgoing_state outgoing_send(struct conn *conn)
{
	for (;;) {
		advance(conn, 0);
		if (list_empty(&conn->replies)) {
			return OUTGOING_SENT;
		}
		struct reply *head = LIST_ENTRY(conn->replies.next, struct reply, node);
		if (!head->done) {
			return OUTGOING_SENT;
		}
		if (head->closing) {
			return OUTGOING_CLOSE;
		}
		struct gathered out = {.scratch = reactor_scratch(conn->reactor)};
		gather(conn, &out);
		if (out.failed && !out.len) {
			return OUTGOING_CLOSE;
		}
		ssize_t n = out.len ? send_gathered(conn->fd, &out) : send_file(conn->fd, head);
		if (n <= 0) {
			return n == 0 ? OUTGOING_BLOCKED : OUTGOING_CLOSE;
		}
		stat_add(STAT_sent, n);
		conn->active_ms = clock_mono_ms();
		advance(conn, (size_t)n);
		if (out.len && (size_t)n < out.len) {
			return OUTGOING_BLOCKED;
		}
	}
}
