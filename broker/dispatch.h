/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a frame to its handler. */
#pragma once

#include "broker/conn.h"
#include "broker/reply.h"
#include "core/wire/messages.h"

/* A request while its handler runs. Slices point into the frame, parts into the arena: gone after
 * it. */
struct request {
	struct broker *broker;
	struct conn *conn;
	struct reply *reply;
	struct wire_request_header header;
	const void *body; /* struct <snake>_request */
	struct arena *arena;
	struct slice frame; /* the whole of it */
	bool again;	    /* put aside once already */
};

/* bytes: a frame without its length; may be changed in place. Takes a reply slot, or closes. */
void dispatch_frame(struct conn *conn, uint8_t *bytes, size_t len);

/* Handles a frame that a handler put aside, for the slot it took then. */
void dispatch_again(struct reply *reply, uint8_t *bytes, size_t len);

/* Row of the handler table in key order; NULL past the end. */
const struct wire_api *dispatch_api_at(size_t i);
bool dispatch_serves(int16_t key);

/* Zeroed memory for the answer, gone with the request. Never NULL: out of memory aborts, as
 * mem_new. */
void *request_array(struct request *req, size_t count, size_t size);
/* text copied into the arena as a string field. */
struct slice request_text(struct request *req, const char *text);
void request_send(struct request *req, const void *response);

#define HANDLER(key, name) void handle_##name(struct request *req);
#include "broker/handlers.def"
#undef HANDLER
