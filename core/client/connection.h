/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a broker: requests are pipelined, answers come in the order of the requests.
 *
 * Nothing here blocks but connection_wait: connection_start queues a request and sends what the
 * socket takes, connection_pump goes on after poll(). A connection that fails in any way (closed,
 * an answer that is too large, out of order or too late) is broken for good: every exchange on it
 * fails with the same error, and the owner opens another. Owned by one thread.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/list.h"
#include "core/client/versions.h"

enum { CONNECTION_PEER_MAX = 280 };

/* One frame, as a trace sees it. */
struct connection_frame {
	const char *peer;
	bool sent; /* a request; else an answer */
	int16_t key, version;
	int32_t correlation_id;
	struct slice body; /* behind the header; borrowed */
	int64_t waited_us; /* of an answer: since its request was queued */
};
struct connection_trace {
	void (*fn)(void *arg, const struct connection_frame *frame);
	void *arg;
};

enum exchange_state { EXCHANGE_WAITING, EXCHANGE_DONE, EXCHANGE_FAILED };

/* One request and its answer; belongs to whoever started it, until exchange_free. */
struct exchange {
	struct list node; /* in connection.exchanges while waiting */
	enum exchange_state state;
	bool abandoned; /* freed by its owner while waiting: the connection frees it */
	bool no_answer; /* done once the request has left */
	int16_t key, version;
	int32_t correlation_id;
	uint64_t sent_at; /* bytes the connection must have sent until the request is out */
	int64_t deadline_ms;
	int64_t started_us;
	struct buf frame; /* the answer without its length; body begins at body_pos */
	size_t body_pos;
	struct weir_err err; /* EXCHANGE_FAILED */
};

struct connection {
	struct list node; /* for the owner */
	int fd;
	int32_t node_id; /* for the owner; -1: not known */
	int lane;	 /* for the owner */
	char peer[CONNECTION_PEER_MAX];
	struct slice client_id;		      /* borrowed */
	size_t frame_max;		      /* bytes of an answer */
	const struct connection_trace *trace; /* NULL: none; borrowed, for the owner to set */
	struct versions versions;
	int32_t correlation_next;
	struct buf out;
	size_t out_pos; /* bytes of out already sent */
	uint64_t sent;	/* bytes ever */
	uint64_t queued;
	struct list exchanges;
	uint8_t head[4]; /* length of the answer being read */
	size_t head_len;
	size_t frame_len;
	struct buf frame;
	struct weir_err broken; /* code WEIR_OK while alive */
};

/* Takes over fd (non-blocking is set). client_id is borrowed; peer names the other side in errors.
 */
void connection_init(
	struct connection *connection, int fd, const char *peer, struct slice client_id);
void connection_fini(struct connection *connection);

/* Asks ApiVersions and keeps the ranges. Blocks until deadline_ms (mono). Errors: CLOSED, TIMEOUT,
 * PROTOCOL, UNSUPPORTED_VERSION; the connection is then broken. */
WEIR_MUST_USE enum weir_code connection_handshake(
	struct connection *connection, int64_t deadline_ms, struct weir_err *err);

/*
 * Queues request of key and version and sends what the socket takes. answer false: none will come.
 * Errors: those of wire_encode; the connection's when it is broken.
 */
WEIR_MUST_USE enum weir_code connection_start(struct connection *connection, int16_t key,
	int16_t version, const void *request, bool answer, int64_t deadline_ms,
	struct exchange **exchange, struct weir_err *err);

/* Events for poll(); 0 when broken. */
short connection_events(const struct connection *connection);
/* Reads and writes as revents of poll() allow, and breaks the connection when a deadline is over.
 */
void connection_pump(struct connection *connection, short revents);
/* Breaks it: all exchanges fail with why. */
void connection_break(struct connection *connection, const struct weir_err *why);
/* Earliest deadline of its exchanges; INT64_MAX without any. */
int64_t connection_deadline(const struct connection *connection);

/* Blocks until exchange is no longer waiting. */
void connection_wait(struct connection *connection, const struct exchange *exchange);

/* What follows the response header; valid while the exchange is. */
struct slice exchange_body(const struct exchange *exchange);
/* NULL contents are fine; an answer still to come is dropped when it comes. */
void exchange_free(struct exchange **exchange);
