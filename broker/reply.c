/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/reply.h"

#include "broker/conn.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/stat/stat.h"

enum { KEEP_BYTES = 64 * 1024 };

struct reply *reply_take(
	struct conn *conn, const struct wire_api *api, int16_t version, int32_t correlation_id)
{
	struct list *pool = &conn->reactor->free_replies;
	struct reply *reply;
	if (list_empty(pool)) {
		reply = mem_new(sizeof(*reply));
		list_init(&reply->node);
		buf_init(&reply->bytes, 0);
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
	conn->out_bytes -= reply->counted_bytes;
	reply->counted_bytes = 0;
	list_remove(&reply->node);
	if (reply->bytes.room > KEEP_BYTES) {
		buf_fini(&reply->bytes);
	}
	buf_reset(&reply->bytes);
	list_append(&conn->reactor->free_replies, &reply->node);
	conn->in_flight--;
	conn_unref(conn);
}

static void finish(struct reply *reply)
{
	struct conn *conn = reply->conn;
	int64_t now_ns = clock_mono_ns();
	reply->done = true;
	conn->active_ms = now_ns / 1000000; /* the sweep may come before it is sent */
	stat_add_label(STAT_requests, (size_t)reply->api->key, 1);
	stat_time(STAT_request_time, (size_t)reply->api->key, now_ns - reply->begun_ns);
	if (conn->fd < 0) {
		reply_release(reply);
		return;
	}
	reply->counted_bytes = reply->bytes.len;
	conn->out_bytes += reply->counted_bytes;
	if (!conn->in_turn) {
		conn_pump_soon(conn);
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
	static _Thread_local struct wire_gather_item items[REPLY_SPANS_MAX];
	struct wire_gather gather = {items, REPLY_SPANS_MAX, 0};
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
