/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection: frames in, replies out, strictly in order. Lives on one reactor for life.
 * Counted: waiting operations hold it, so that its memory outlives the socket.
 */
#pragma once

#include "broker/reactor.h"
#include "broker/reply.h"
#include "core/io/net.h"

struct listener;

enum { CONN_IN_FLIGHT_MAX = 64, CONN_OUT_BYTES_MAX = 1 << 26 };

struct conn {
	struct list node;      /* in reactor.conns */
	struct list pump_node; /* in reactor.to_pump */
	struct reactor *reactor;
	const struct listener *listener; /* NULL: made by broker_connect */
	struct loop_io io;
	int fd; /* -1: closed */
	int refs;
	struct net_addr peer;
	struct buf in; /* an unfinished frame, length prefix and all */
	struct list replies;
	int in_flight;
	size_t out_bytes;  /* of replies that are done and not sent whole */
	int64_t active_ms; /* mono ms of the last byte either way, or answer made */
	bool in_turn;	   /* frames are being worked off */
	bool read_paused;
	bool ended; /* the peer sends no more; it still reads what it asked for */
};

/* Any thread: the connection is set up on its reactor. fd is taken. */
void conn_adopt(struct reactor *reactor, int fd, const struct listener *listener,
	const struct net_addr *peer);
void conn_close(struct conn *conn, const char *why);
void conn_ref(struct conn *conn);
void conn_unref(struct conn *conn);
/* Nothing is being worked on for it: it asks nothing, or does not read what it was told. */
bool conn_is_idle(const struct conn *conn);
/* Sends what is done at the head of the queue. */
void conn_pump(struct conn *conn);
/* The same at the end of the loop's turn, once for all that become known in it. */
void conn_pump_soon(struct conn *conn);
const char *conn_name(const struct conn *conn, char *text); /* text: NET_HOST_MAX + 16 */
