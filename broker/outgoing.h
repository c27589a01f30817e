/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending replies: all that are done leave in one call, as far as they are bytes in memory; small
 * spans of files are copied in between, large ones go from the file to the socket.
 */
#pragma once

#include "broker/reply.h"

struct conn;

enum outgoing_state {
	OUTGOING_SENT,	  /* nothing done is left at the head of the queue */
	OUTGOING_BLOCKED, /* the socket takes no more now */
	OUTGOING_CLOSE,	  /* the socket or a file failed, or a reply says close */
};

/* Sends and releases what is done at the head of conn's queue, in order. */
enum outgoing_state outgoing_send(struct conn *conn);
