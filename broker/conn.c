/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Happy path: the socket is readable, one read fills the reactor's slice, every whole frame in it
 * is handled in place, the replies that are done leave in one go. What is left of a frame moves to
 * conn.in and later reads go straight there. Failure: a length below 0 or above
 * socket.request.max.bytes, a header that does not parse, an unknown API or version: the connection
 * closes, as Kafka does, with one log line.
 */
#include "broker/conn.h"

#include "broker/broker_priv.h"
#include "broker/dispatch.h"
#include "broker/outgoing.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEEP_IN_BYTES = 64 * 1024 };

const char *conn_name(const struct conn *conn, char *text)
{
	if (conn->listener) {
		net_addr_format(&conn->peer, text);
	} else {
		snprintf(text, NET_HOST_MAX, "this process");
	}
	return text;
}

void conn_ref(struct conn *conn)
{
	conn->refs++;
}

void conn_unref(struct conn *conn)
{
	if (--conn->refs == 0) {
		buf_fini(&conn->in);
		mem_free(conn);
	}
}

void conn_close(struct conn *conn, const char *why)
{
	if (conn->fd < 0) {
		return;
	}
	if (why) {
		char name[NET_HOST_MAX + 16];
		log_line(LOG_INFO, "%s: closed: %s", conn_name(conn, name), why);
	}
	loop_io_close(&conn->io);
	close(conn->fd);
	conn->fd = -1;
	atomic_fetch_sub(&conn->reactor->conn_count, 1);
	stat_add(STAT_connections, -1);
	broker_conn_closed(conn->reactor->broker, conn);
	list_remove(&conn->node);
	list_remove(&conn->pump_node);
	LIST_EACH_SAFE(it, &conn->replies)
	{
		struct reply *reply = LIST_ENTRY(it, struct reply, node);
		if (reply->done) {
			reply_release(reply);
		} else if (reply->cancel) {
			reply->cancel(reply->cancel_arg);
		} /* the others are released when their operation ends */
	}
	conn_unref(conn);
}

/* Nothing more is taken from a peer that does not read its answers. */
static bool is_full(const struct conn *conn)
{
	return conn->in_flight >= CONN_IN_FLIGHT_MAX || conn->out_bytes >= CONN_OUT_BYTES_MAX;
}

static bool head_is_done(const struct conn *conn)
{
	return !list_empty(&conn->replies) &&
	       LIST_ENTRY(conn->replies.next, struct reply, node)->done;
}

bool conn_is_idle(const struct conn *conn)
{
	return list_empty(&conn->replies) || head_is_done(conn);
}

static void update_wants(struct conn *conn)
{
	if (conn->ended && list_empty(&conn->replies)) {
		conn_close(conn, NULL);
	}
	if (conn->fd < 0) {
		return;
	}
	bool full = is_full(conn);
	conn->read_paused = full;
	loop_io_want(&conn->io,
		(full || conn->ended ? 0 : LOOP_READ) | (head_is_done(conn) ? LOOP_WRITE : 0));
}

static void send_done(struct conn *conn)
{
	if (conn->fd >= 0 && outgoing_send(conn) == OUTGOING_CLOSE) {
		conn_close(conn, NULL);
	}
}

/* Bytes of the frame that begins at p (4 or more of them), prefix and all; 0: closed. */
static size_t frame_size(struct conn *conn, const uint8_t *p)
{
	int32_t len = (int32_t)be32_get(p);
	int32_t max = broker_request_bytes_max(conn->reactor->broker);
	if (len >= 0 && len <= max) {
		return (size_t)len + 4;
	}
	char why[160];
	if (p[0] == 0x16 && p[1] == 3) {
		snprintf(why, sizeof(why), "a TLS handshake on a plain listener");
	} else if (!memcmp(p, "GET ", 4) || !memcmp(p, "POST", 4) || !memcmp(p, "HEAD", 4)) {
		snprintf(why, sizeof(why), "an HTTP request on a Kafka listener");
	} else {
		snprintf(why, sizeof(why), "frame length %d is outside 0 to %d", len, max);
	}
	conn_close(conn, why);
	return 0;
}

/* Handles the whole frames in bytes; returns how many bytes they were. */
static size_t handle_frames(struct conn *conn, uint8_t *bytes, size_t len)
{
	size_t at = 0;
	conn->in_turn = true;
	while (conn->fd >= 0 && len - at >= 4 && !is_full(conn)) {
		size_t size = frame_size(conn, bytes + at);
		if (!size || size > len - at) {
			break;
		}
		dispatch_frame(conn, bytes + at + 4, size - 4);
		at += size;
	}
	conn->in_turn = false;
	/* Whole frames may be left: conn_pump goes on with them. */
	conn->read_paused = conn->read_paused || is_full(conn);
	return at;
}

/* Keeps the rest of a slice for the next read. */
static void keep_rest(struct conn *conn, const uint8_t *bytes, size_t len)
{
	if (conn->fd >= 0 && len) {
		buf_add(&conn->in, bytes, len);
		if (conn->in.failed) {
			conn_close(conn, "out of memory");
		}
	}
}

/* Room to read into behind what is in conn->in: grows with the bytes that came, never past the
 * frame. */
static size_t room_for_more(struct conn *conn)
{
	size_t want = REACTOR_SLICE_BYTES;
	if (conn->in.len >= 4) {
		size_t size = frame_size(conn, conn->in.data);
		if (!size) {
			return 0;
		}
		size_t missing = size > conn->in.len ? size - conn->in.len : REACTOR_SLICE_BYTES;
		size_t grow =
			conn->in.len > REACTOR_SLICE_BYTES ? conn->in.len : REACTOR_SLICE_BYTES;
		want = missing < grow ? missing : grow;
	}
	if (!buf_reserve(&conn->in, want)) {
		conn_close(conn, "out of memory");
		return 0;
	}
	return want;
}

static void after_frames(struct conn *conn, size_t used)
{
	if (conn->fd >= 0) {
		buf_drop(&conn->in, used);
		if (!conn->in.len && conn->in.room > KEEP_IN_BYTES * 64) {
			buf_fini(&conn->in);
		}
	}
}

/* Bytes of the unfinished frame in conn->in that have not come yet; 0: not known. */
static size_t missing_bytes(const struct conn *conn)
{
	if (conn->in.len < 4) {
		return 0;
	}
	size_t size = (size_t)be32_get(conn->in.data) + 4;
	return size > conn->in.len ? size - conn->in.len : 0;
}

/* Where the next read goes: the rest of an unfinished frame behind what is there of it, and what
 * follows it into the slice. 0: closed. */
static int read_pieces(struct conn *conn, struct iovec pieces[2])
{
	int count = 0;
	bool slice_too = true;
	if (conn->in.len) {
		size_t room = room_for_more(conn);
		if (!room) {
			return 0;
		}
		pieces[count++] = (struct iovec){conn->in.data + conn->in.len, room};
		slice_too = room == missing_bytes(conn);
	}
	if (slice_too) {
		pieces[count++] = (struct iovec){conn->reactor->slice, REACTOR_SLICE_BYTES};
	}
	return count;
}

/* Handles n bytes that were read into pieces. */
static void take_bytes(struct conn *conn, const struct iovec *pieces, size_t n)
{
	const struct iovec *slice = pieces;
	if (conn->in.len) {
		size_t part = pieces[0].iov_len < n ? pieces[0].iov_len : n;
		conn->in.len += part;
		n -= part;
		after_frames(conn, handle_frames(conn, conn->in.data, conn->in.len));
		slice++;
	}
	if (n) {
		uint8_t *bytes = slice->iov_base;
		/* Frames that must wait stand before these. */
		size_t used = conn->in.len ? 0 : handle_frames(conn, bytes, n);
		keep_rest(conn, bytes + used, n - used);
	}
}

/* false: nothing more to read now. */
static bool read_once(struct conn *conn)
{
	struct iovec pieces[2];
	struct msghdr msg = {.msg_iov = pieces};
	int count = read_pieces(conn, pieces);
	if (!count) {
		return false;
	}
	msg.msg_iovlen = (size_t)count;
	ssize_t n;
	do {
		n = recvmsg(conn->fd, &msg, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		return false;
	}
	if (n == 0) {
		conn->ended = true; /* what it asked for is answered first */
		return false;
	}
	if (n < 0) {
		conn_close(conn, NULL);
		return false;
	}
	conn->active_ms = clock_mono_ms();
	stat_add(STAT_received, n);
	take_bytes(conn, pieces, (size_t)n);
	return (size_t)n == pieces[0].iov_len + (count > 1 ? pieces[1].iov_len : 0);
}

static void on_ready(struct loop_io *io, int events)
{
	struct conn *conn = LIST_ENTRY(io, struct conn, io);
	conn_ref(conn);
	if (events & LOOP_WRITE) {
		conn_pump(conn);
	}
	if (conn->fd >= 0 && (events & LOOP_READ) && !conn->read_paused && !conn->ended) {
		for (int turn = 0; turn < 8 && conn->fd >= 0; turn++) {
			if (is_full(conn) || !read_once(conn)) {
				break;
			}
		}
		if (conn->fd >= 0) {
			conn_pump(conn);
		}
	}
	conn_unref(conn);
}

void conn_pump(struct conn *conn)
{
	conn_ref(conn);
	send_done(conn);
	/* Frames left over because too many were in flight: their turn comes when replies have
	 * gone. */
	while (conn->fd >= 0 && conn->read_paused && !is_full(conn)) {
		size_t used =
			conn->in.len >= 4 ? handle_frames(conn, conn->in.data, conn->in.len) : 0;
		after_frames(conn, used);
		send_done(conn);
		if (!used) {
			break;
		}
	}
	update_wants(conn);
	conn_unref(conn);
}

void conn_pump_soon(struct conn *conn)
{
	if (list_empty(&conn->pump_node)) {
		list_append(&conn->reactor->to_pump, &conn->pump_node);
	}
}

struct adoption {
	struct loop_post post;
	struct reactor *reactor;
	int fd;
	const struct listener *listener;
	struct net_addr peer;
};

static void on_adopt(struct loop_post *post)
{
	struct adoption *a = LIST_ENTRY(post, struct adoption, post);
	struct conn *conn = mem_new(sizeof(*conn));
	conn->reactor = a->reactor;
	conn->listener = a->listener;
	conn->fd = a->fd;
	conn->refs = 1;
	conn->peer = a->peer;
	conn->active_ms = clock_mono_ms();
	buf_init(&conn->in, 0);
	list_init(&conn->replies);
	list_init(&conn->pump_node);
	list_append(&a->reactor->conns, &conn->node);
	stat_add(STAT_connections, 1);
	loop_io_init(&conn->io, a->reactor->loop, a->fd, on_ready);
	loop_io_want(&conn->io, LOOP_READ);
	mem_free(a);
}

void conn_adopt(struct reactor *reactor, int fd, const struct listener *listener,
	const struct net_addr *peer)
{
	struct adoption *a = mem_new(sizeof(*a));
	a->post.run = on_adopt;
	a->reactor = reactor;
	a->fd = fd;
	a->listener = listener;
	if (peer) {
		a->peer = *peer;
	}
	atomic_fetch_add(&reactor->conn_count, 1);
	loop_call(reactor->loop, &a->post);
}
