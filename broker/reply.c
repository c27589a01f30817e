/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/reply.h"

#include "broker/conn.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/stat/stat.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GATHER_MAX = 4096, COPY_BYTES = 32 * 1024, KEEP_BYTES = 64 * 1024 };

struct reply *reply_take(
	struct conn *conn, const struct wire_api *api, int16_t version, int32_t correlation_id)
{
	struct list *pool = &conn->reactor->free_replies;
	struct reply *reply;
	if (list_empty(pool)) {
		reply = mem_new(sizeof(*reply));
		list_init(&reply->node);
		buf_init(&reply->bytes, 0);
		buf_init(&reply->copy, 0);
	} else {
		reply = LIST_ENTRY(pool->next, struct reply, node);
		list_remove(&reply->node);
	}
	reply->conn = conn;
	reply->api = api;
	reply->version = version;
	reply->correlation_id = correlation_id;
	reply->begun_ns = clock_mono_ns();
	reply->done = reply->silent = reply->closing = false;
	reply->cancel = NULL;
	reply->sent_bytes = reply->span_index = reply->span_sent = reply->span_count = 0;
	conn->in_flight++;
	conn_ref(conn);
	list_append(&conn->replies, &reply->node);
	return reply;
}

void reply_release(struct reply *reply)
{
	struct conn *conn = reply->conn;
	for (size_t i = 0; i < reply->span_count; i++) {
		log_span_release(&reply->spans[i].span);
	}
	reply->span_count = 0;
	list_remove(&reply->node);
	if (reply->bytes.room > KEEP_BYTES) {
		buf_fini(&reply->bytes);
	}
	buf_fini(&reply->copy);
	buf_reset(&reply->bytes);
	list_append(&conn->reactor->free_replies, &reply->node);
	conn->in_flight--;
	conn_unref(conn);
}

static void finish(struct reply *reply)
{
	struct conn *conn = reply->conn;
	reply->done = true;
	stat_add_label(STAT_requests, (size_t)reply->api->key, 1);
	stat_time(STAT_request_time, (size_t)reply->api->key, clock_mono_ns() - reply->begun_ns);
	if (conn->fd < 0) {
		reply_release(reply);
	} else if (!conn->in_turn) {
		conn_pump(conn);
	}
}

/* Takes over the spans that the encoder left out, in file order of the reply. */
static void take_spans(struct reply *reply, const struct wire_gather *gather)
{
	if (gather->count > reply->span_room) {
		reply->span_room = gather->count;
		reply->spans = mem_grow(reply->spans, reply->span_room, sizeof(*reply->spans));
	}
	for (size_t i = 0; i < gather->count; i++) {
		struct log_span *span = (struct log_span *)(uintptr_t)gather->items[i].bytes.data;
		reply->spans[reply->span_count++] =
			(struct reply_span){gather->items[i].pos, *span};
		span->len = 0;
		span->segment = NULL;
	}
}

enum weir_code reply_encode(const struct wire_api *api, int16_t version, int32_t correlation_id,
	const void *response, struct buf *bytes, struct wire_gather *gather, struct weir_err *err)
{
	buf_add(bytes, "\0\0\0\0", 4);
	wire_response_header_encode(api->key, version, correlation_id, bytes);
	enum weir_code code = wire_encode(api->response, version, response, bytes, gather, err);
	if (code == WEIR_OK) {
		be32_put(bytes->data, (uint32_t)(bytes->len - 4));
	}
	return code;
}

void reply_send_encoded(struct reply *reply, struct buf *bytes)
{
	struct buf before = reply->bytes;
	reply->bytes = *bytes;
	*bytes = before;
	buf_reset(bytes);
	finish(reply);
}

void reply_send_as(struct reply *reply, int16_t version, const void *response)
{
	static _Thread_local struct wire_gather_item items[GATHER_MAX];
	struct wire_gather gather = {items, GATHER_MAX, 0};
	struct weir_err err;
	if (reply->conn->fd < 0) {
		finish(reply);
		return;
	}
	buf_reset(&reply->bytes);
	enum weir_code code = reply_encode(
		reply->api, version, reply->correlation_id, response, &reply->bytes, &gather, &err);
	if (code != WEIR_OK) {
		log_line(LOG_ERROR, "answer to %s v%d: %s", reply->api->name, version, err.text);
		reply_close(reply);
		return;
	}
	take_spans(reply, &gather);
	size_t len = reply->bytes.len - 4;
	for (size_t i = 0; i < reply->span_count; i++) {
		len += reply->spans[i].span.len;
	}
	be32_put(reply->bytes.data, (uint32_t)len);
	finish(reply);
}

void reply_send(struct reply *reply, const void *response)
{
	reply_send_as(reply, reply->version, response);
}

void reply_skip(struct reply *reply)
{
	reply->silent = true;
	finish(reply);
}

void reply_close(struct reply *reply)
{
	reply->closing = true;
	finish(reply);
}

/* A positive count, 0 when the socket is full, -1 when it failed. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t len, bool more)
{
	ssize_t n;
	do {
		n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return errno == EAGAIN ? 0 : -1;
	}
	return n;
}

/* Pieces below COPY_BYTES go by copy (one call less than sendfile's), the rest by sendfile. */
static ssize_t send_span(struct reply *reply, int fd, const struct log_span *span)
{
	size_t left = span->len - reply->span_sent;
	int64_t pos = span->pos + (int64_t)reply->span_sent;
	if (span->len >= COPY_BYTES) {
		off_t at = (off_t)pos;
		ssize_t n;
		do {
			n = sendfile(fd, span->fd, &at, left > (1u << 20) ? (1u << 20) : left);
		} while (n < 0 && errno == EINTR);
		if (n > 0) {
			return n;
		}
		return n < 0 && errno == EAGAIN ? 0 : -1;
	}
	buf_reset(&reply->copy);
	if (!buf_reserve(&reply->copy, left)) {
		return -1;
	}
	ssize_t got = pread(span->fd, reply->copy.data, left, (off_t)pos);
	if (got <= 0) {
		return -1;
	}
	bool last =
		reply->span_index + 1 == reply->span_count && reply->sent_bytes == reply->bytes.len;
	return send_some(fd, reply->copy.data, (size_t)got, !last);
}

bool reply_write(struct reply *reply, int fd, bool *finished)
{
	*finished = false;
	for (;;) {
		bool has_span = reply->span_index < reply->span_count;
		struct reply_span *next = has_span ? &reply->spans[reply->span_index] : NULL;
		size_t until = next ? next->pos : reply->bytes.len;
		if (reply->sent_bytes < until) {
			ssize_t n = send_some(fd, reply->bytes.data + reply->sent_bytes,
				until - reply->sent_bytes, has_span);
			if (n <= 0) {
				return n == 0;
			}
			stat_add(STAT_sent, n);
			reply->sent_bytes += (size_t)n;
			continue;
		}
		if (!next) {
			*finished = true;
			return true;
		}
		if (reply->span_sent == next->span.len) {
			reply->span_index++;
			reply->span_sent = 0;
			continue;
		}
		ssize_t n = send_span(reply, fd, &next->span);
		if (n <= 0) {
			return n == 0;
		}
		stat_add(STAT_sent, n);
		reply->span_sent += (size_t)n;
	}
}
