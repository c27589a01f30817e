/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reply slot: taken when a request arrives, filled when its answer is known, sent in request
 * order. The answer is bytes with file spans between them. Owned by the connection's reactor.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/store/log.h"
#include "core/wire/wire.h"

struct conn;

enum { REPLY_SPANS_MAX = 4096 };

/* Bytes of a log file that belong at pos of the encoded reply. */
struct reply_span {
	size_t pos;
	struct log_span span;
};

struct reply {
	struct list node; /* in conn.replies, oldest first, or in the reactor's free list */
	struct conn *conn;
	const struct wire_api *api;
	int16_t version;
	int32_t correlation_id;
	int64_t begun_ns; /* mono, when the request was whole */
	bool done;
	bool silent;  /* acks=0: nothing is sent */
	bool closing; /* close the connection instead of sending */
	/* Called when the connection closes before the answer is known; ends the wait. May be NULL.
	 */
	void (*cancel)(void *arg);
	void *cancel_arg;
	struct buf bytes;
	struct reply_span *spans;
	size_t span_count, span_room;
	size_t counted_bytes; /* in conn.out_bytes */
	size_t sent_bytes;    /* of bytes */
	size_t span_index;    /* spans before it are sent */
	size_t span_sent;     /* bytes of the current span */
};

struct reply *reply_take(
	struct conn *conn, const struct wire_api *api, int16_t version, int32_t correlation_id);
/* Encodes response and lets it go out in its turn. Spans' lengths must be in the response as slices
 * whose data is a struct log_span (moved: the reply releases it). */
void reply_send(struct reply *reply, const void *response);
void reply_send_as(
	struct reply *reply, int16_t version, const void *response); /* body of another version */
/* The frame of an answer as reply_send would send it. gather as wire_encode's. Any thread. */
WEIR_MUST_USE enum weir_code reply_encode(const struct wire_api *api, int16_t version,
	int32_t correlation_id, const void *response, struct buf *bytes, struct wire_gather *gather,
	struct weir_err *err);
/* Lets such a frame go out in its turn; bytes is left empty. */
void reply_send_encoded(struct reply *reply, struct buf *bytes);
void reply_skip(struct reply *reply);	 /* no answer */
void reply_close(struct reply *reply);	 /* the connection closes in its turn */
void reply_release(struct reply *reply); /* back to the reactor's free list */
