/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/dispatch.h"

#include "broker/broker_priv.h"
#include "core/base/limits.h"
#include "core/base/log.h"

#include <stdio.h>

struct handler {
	int16_t key;
	size_t body_size;
	void (*handle)(struct request *req);
};

static const struct handler handlers[] = {
#define HANDLER(key, name) {key, sizeof(struct name##_request), handle_##name},
#include "broker/handlers.def"
#undef HANDLER
};

enum { HANDLER_COUNT = sizeof(handlers) / sizeof(handlers[0]), API_VERSIONS = 18 };

const struct wire_api *dispatch_api_at(size_t i)
{
	return i < HANDLER_COUNT ? wire_api(handlers[i].key) : NULL;
}

static const struct handler *find(int16_t key)
{
	for (size_t i = 0; i < HANDLER_COUNT; i++) {
		if (handlers[i].key == key) {
			return &handlers[i];
		}
	}
	return NULL;
}

bool dispatch_serves(int16_t key)
{
	return find(key) != NULL;
}

bool broker_serves(int16_t api_key)
{
	return dispatch_serves(api_key);
}

void *request_array(struct request *req, size_t count, size_t size)
{
	void *rows = arena_try_array(req->arena, count ? count : 1, size);
	WEIR_ASSERT(rows);
	return rows;
}

struct slice request_text(struct request *req, const char *text)
{
	struct slice copy = slice_str(text);
	copy.data = arena_try_dup(req->arena, text, copy.len);
	WEIR_ASSERT(copy.data);
	return copy;
}

void request_send(struct request *req, const void *response)
{
	reply_send(req->reply, response);
}

static void refuse(struct conn *conn, const struct wire_request_header *header, const char *what)
{
	char why[320];
	stat_add_label(STAT_request_errors, (size_t)(uint16_t)header->api_key, 1);
	snprintf(why, sizeof(why), "API key %d version %d: %s", header->api_key, header->version,
		what);
	conn_close(conn, why);
}

/* An ApiVersions version from the future is answered in the layout of version 0 (KIP-511). */
static void answer_newer_api_versions(struct conn *conn, const struct wire_request_header *header)
{
	const struct wire_api *api = wire_api(API_VERSIONS);
	struct api_versions_response_api_version row = {
		.api_key = api->key, .min_version = api->min, .max_version = api->max};
	struct api_versions_response response;
	wire_defaults(&api_versions_response_message, &response);
	response.error_code = WEIR_UNSUPPORTED_VERSION;
	response.api_keys = &row;
	response.api_keys_count = 1;
	reply_send_as(reply_take(conn, api, 0, header->correlation_id), 0, &response);
}

/* Into the arena. */
static enum weir_code decode_body(struct request *req, const struct handler *handler,
	struct slice bytes, struct weir_err *err)
{
	arena_reset(req->arena, LIMIT_ARENA_FACTOR * req->frame.len + LIMIT_ARENA_BASE);
	void *body = arena_try(req->arena, handler->body_size);
	size_t used;
	enum weir_code code = wire_decode(wire_api(handler->key)->request, req->header.version,
		bytes, req->arena, body, &used, err);
	/* Answers are ours, not the peer's: they may take what they need. */
	req->arena->cap_bytes = 0;
	req->body = body;
	return code;
}

void dispatch_frame(struct conn *conn, uint8_t *bytes, size_t len)
{
	struct weir_err err;
	struct reactor *reactor = conn->reactor;
	struct request req = {.broker = reactor->broker,
		.conn = conn,
		.arena = &reactor->arena,
		.frame = slice_of(bytes, len)};
	size_t used;
	if (wire_request_header_decode(slice_of(bytes, len), &req.header, &used, &err) != WEIR_OK) {
		conn_close(conn, err.text);
		return;
	}
	const struct handler *handler = find(req.header.api_key);
	const struct wire_api *api = handler ? wire_api(handler->key) : NULL;
	if (!api) {
		refuse(conn, &req.header, "not served here");
		return;
	}
	if (req.header.version < api->min || req.header.version > api->max) {
		if (api->key == API_VERSIONS) {
			answer_newer_api_versions(conn, &req.header);
		} else {
			refuse(conn, &req.header, "version is not served");
		}
		return;
	}
	if (decode_body(&req, handler, slice_of(bytes + used, len - used), &err) != WEIR_OK) {
		refuse(conn, &req.header, err.text);
		return;
	}
	req.reply = reply_take(conn, api, req.header.version, req.header.correlation_id);
	handler->handle(&req);
}

void dispatch_again(struct reply *reply, uint8_t *bytes, size_t len)
{
	struct weir_err err;
	struct reactor *reactor = reply->conn->reactor;
	struct request req = {.broker = reactor->broker,
		.conn = reply->conn,
		.reply = reply,
		.arena = &reactor->arena,
		.frame = slice_of(bytes, len),
		.again = true};
	size_t used;
	const struct handler *handler = find(reply->api->key);
	if (reply->conn->fd < 0 ||
		wire_request_header_decode(req.frame, &req.header, &used, &err) != WEIR_OK ||
		decode_body(&req, handler, slice_of(bytes + used, len - used), &err) != WEIR_OK) {
		reply_close(reply);
		return;
	}
	handler->handle(&req);
}
