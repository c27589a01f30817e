/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A frame is a length (4 bytes, at most frame_max) and that many bytes; memory for it grows with
 * what has really come. The oldest exchange that waits for an answer owns the next frame; its
 * correlation id must agree. Requests without an answer (acks=0) count as done once their last
 * byte is written.
 */
#include "core/client/connection.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES_MIN = 64 * 1024, OUT_KEEP_BYTES = 4 * 1024 * 1024, API_VERSIONS = 18 };

void connection_init(
	struct connection *connection, int fd, const char *peer, struct slice client_id)
{
	*connection = (struct connection){
		.fd = fd,
		.node_id = -1,
		.client_id = client_id,
		.frame_max = LIMIT_FRAME_DEFAULT,
	};
	list_init(&connection->node);
	list_init(&connection->exchanges);
	snprintf(connection->peer, sizeof(connection->peer), "%s", peer);
	versions_init(&connection->versions);
	buf_init(&connection->out, 0);
	buf_init(&connection->frame, 0);
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK)) {
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
}

static void exchange_drop(struct exchange *exchange)
{
	list_remove(&exchange->node);
	buf_fini(&exchange->frame);
	mem_free(exchange);
}

static void exchange_end(struct exchange *exchange, enum exchange_state state)
{
	list_remove(&exchange->node);
	exchange->state = state;
	if (exchange->abandoned) {
		exchange_drop(exchange);
	}
}

void exchange_free(struct exchange **exchange)
{
	struct exchange *x = *exchange;
	*exchange = NULL;
	if (x && x->state == EXCHANGE_WAITING) {
		x->abandoned = true;
	} else if (x) {
		exchange_drop(x);
	}
}

struct slice exchange_body(const struct exchange *exchange)
{
	return slice_of(exchange->frame.data + exchange->body_pos,
		exchange->frame.len - exchange->body_pos);
}

static void trace(
	const struct connection *connection, const struct exchange *x, bool sent, struct slice body)
{
	if (!connection->trace) {
		return;
	}
	struct connection_frame frame = {
		.peer = connection->peer,
		.sent = sent,
		.key = x->key,
		.version = x->version,
		.correlation_id = x->correlation_id,
		.body = body,
		.waited_us = sent ? 0 : clock_mono_ns() / 1000 - x->started_us,
	};
	connection->trace->fn(connection->trace->arg, &frame);
}

void connection_break(struct connection *connection, const struct weir_err *why)
{
	if (connection->broken.code) {
		return;
	}
	connection->broken = *why;
	if (connection->fd >= 0) {
		close(connection->fd);
		connection->fd = -1;
	}
	LIST_EACH_SAFE(it, &connection->exchanges)
	{
		struct exchange *x = LIST_ENTRY(it, struct exchange, node);
		x->err = *why;
		exchange_end(x, EXCHANGE_FAILED);
	}
}

void connection_fini(struct connection *connection)
{
	struct weir_err why;
	err_set(&why, WEIR_CLOSED, "connection to %s was closed here", connection->peer);
	connection_break(connection, &why);
	list_remove(&connection->node);
	buf_fini(&connection->out);
	buf_fini(&connection->frame);
}

static void break_errno(struct connection *connection, int why, const char *verb)
{
	struct weir_err err;
	if (why == EPIPE || why == ECONNRESET) {
		err_set(&err, WEIR_CLOSED, "%s closed the connection", connection->peer);
	} else {
		(void)err_sys(&err, why, "%s %s", verb, connection->peer);
		err.code = WEIR_CLOSED;
	}
	err.sys_errno = why;
	connection_break(connection, &err);
}

/* Requests that expect no answer end when they have left. */
static void end_sent(struct connection *connection)
{
	LIST_EACH_SAFE(it, &connection->exchanges)
	{
		struct exchange *x = LIST_ENTRY(it, struct exchange, node);
		if (x->no_answer && connection->sent >= x->sent_at) {
			exchange_end(x, EXCHANGE_DONE);
		}
	}
}

static void pump_out(struct connection *connection)
{
	struct buf *out = &connection->out;
	while (connection->out_pos < out->len) {
		ssize_t n = send(connection->fd, out->data + connection->out_pos,
			out->len - connection->out_pos, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			if (errno != EAGAIN) {
				break_errno(connection, errno, "send to");
			}
			break;
		}
		connection->out_pos += (size_t)n;
		connection->sent += (uint64_t)n;
	}
	if (connection->out_pos == out->len) {
		connection->out_pos = 0;
		if (out->room > OUT_KEEP_BYTES) {
			buf_fini(out);
			buf_init(out, 0);
		} else {
			buf_reset(out);
		}
	}
	end_sent(connection);
}

static void break_protocol(struct connection *connection, const char *what)
{
	struct weir_err err;
	err_set(&err, WEIR_PROTOCOL, "answer of %s: %s", connection->peer, what);
	connection_break(connection, &err);
}

/* The length has come. TLS alerts and HTTP are recognised: both read as absurd lengths. */
static void frame_begin(struct connection *connection)
{
	uint32_t len = be32_get(connection->head);
	char text[80];
	if (connection->head[0] == 0x15 && connection->head[1] == 0x03) {
		break_protocol(connection, "it speaks TLS");
	} else if (!memcmp(connection->head, "HTTP", 4)) {
		break_protocol(connection, "it speaks HTTP, not Kafka's protocol");
	} else if (len < 4 || len > connection->frame_max) {
		snprintf(text, sizeof(text), "length %d is not within 4 to %zu bytes", (int)len,
			connection->frame_max);
		break_protocol(connection, text);
	} else {
		connection->frame_len = len;
		buf_reset(&connection->frame);
	}
}

static struct exchange *first_answered(struct connection *connection)
{
	LIST_EACH(it, &connection->exchanges)
	{
		struct exchange *x = LIST_ENTRY(it, struct exchange, node);
		if (!x->no_answer) {
			return x;
		}
	}
	return NULL;
}

static void frame_end(struct connection *connection)
{
	struct exchange *x = first_answered(connection);
	struct slice frame = slice_of(connection->frame.data, connection->frame.len);
	struct weir_err why;
	int32_t id = 0;
	size_t used = 0;
	connection->head_len = 0;
	if (!x) {
		break_protocol(connection, "nothing was asked");
		return;
	}
	if (wire_response_header_decode(x->key, x->version, frame, &id, &used, &why)) {
		break_protocol(connection, why.text);
		return;
	}
	if (id != x->correlation_id) {
		char text[80];
		snprintf(text, sizeof(text), "correlation id %d instead of %d", (int)id,
			(int)x->correlation_id);
		break_protocol(connection, text);
		return;
	}
	/* The buffers change places: the next frame reuses what the owner gave with the exchange.
	 */
	struct buf spare = x->frame;
	x->frame = connection->frame;
	connection->frame = spare;
	x->body_pos = used;
	trace(connection, x, false, exchange_body(x));
	exchange_end(x, EXCHANGE_DONE);
}

/* Reads into at most want bytes at into; 0 when nothing more is there or the connection broke. */
static size_t read_some(struct connection *connection, uint8_t *into, size_t want)
{
	ssize_t n;
	do {
		n = recv(connection->fd, into, want, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0) {
		break_errno(connection, ECONNRESET, "read from");
	} else if (n < 0 && errno != EAGAIN) {
		break_errno(connection, errno, "read from");
	}
	return n > 0 ? (size_t)n : 0;
}

static size_t frame_read(struct connection *connection)
{
	struct buf *frame = &connection->frame;
	size_t left = connection->frame_len - frame->len;
	size_t step = frame->len > READ_BYTES_MIN ? frame->len : READ_BYTES_MIN;
	size_t spare = frame->room - frame->len;
	size_t want = left;
	if (want > step && want > spare) {
		want = step > spare ? step : spare;
	}
	if (!buf_reserve(frame, want)) {
		struct weir_err err;
		err_set(&err, WEIR_NO_MEMORY, "no memory for an answer of %zu bytes from %s",
			connection->frame_len, connection->peer);
		connection_break(connection, &err);
		return 0;
	}
	size_t n = read_some(connection, frame->data + frame->len, want);
	frame->len += n;
	return n;
}

static void pump_in(struct connection *connection)
{
	while (!connection->broken.code) {
		if (connection->head_len < sizeof(connection->head)) {
			size_t n = read_some(connection, connection->head + connection->head_len,
				sizeof(connection->head) - connection->head_len);
			connection->head_len += n;
			if (!n) {
				return;
			}
			if (connection->head_len == sizeof(connection->head)) {
				frame_begin(connection);
			}
			continue;
		}
		if (!frame_read(connection)) {
			return;
		}
		if (connection->frame.len == connection->frame_len) {
			frame_end(connection);
			if (list_empty(&connection->exchanges)) {
				return;
			}
		}
	}
}

static void check_deadlines(struct connection *connection)
{
	int64_t now_ms = clock_mono_ms();
	LIST_EACH(it, &connection->exchanges)
	{
		const struct exchange *x = LIST_ENTRY(it, struct exchange, node);
		if (now_ms >= x->deadline_ms) {
			const struct wire_api *api = wire_api(x->key);
			struct weir_err err;
			err_set(&err, WEIR_TIMEOUT, "no answer to %s from %s in time",
				api ? api->name : "a request", connection->peer);
			connection_break(connection, &err);
			return;
		}
	}
}

void connection_pump(struct connection *connection, short revents)
{
	if (!connection->broken.code && (revents & (POLLIN | POLLHUP | POLLERR))) {
		pump_in(connection);
	}
	if (!connection->broken.code && (revents & (POLLOUT | POLLERR))) {
		pump_out(connection);
	}
	if (!connection->broken.code) {
		check_deadlines(connection);
	}
}

short connection_events(const struct connection *connection)
{
	if (connection->broken.code) {
		return 0;
	}
	return (short)(POLLIN | (connection->out_pos < connection->out.len ? POLLOUT : 0));
}

int64_t connection_deadline(const struct connection *connection)
{
	int64_t first_ms = INT64_MAX;
	LIST_EACH(it, &connection->exchanges)
	{
		const struct exchange *x = LIST_ENTRY(it, struct exchange, node);
		if (x->deadline_ms < first_ms) {
			first_ms = x->deadline_ms;
		}
	}
	return first_ms;
}

/* Appends length, header and body; on failure out is as before. */
static enum weir_code request_encode(struct connection *connection, const struct wire_api *api,
	int16_t version, const void *request, size_t *body_pos, struct weir_err *err)
{
	struct buf *out = &connection->out;
	size_t start = out->len;
	struct wire_request_header header = {
		.api_key = api->key,
		.version = version,
		.correlation_id = connection->correlation_next,
		.client_id = connection->client_id,
	};
	buf_add(out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, out);
	*body_pos = out->len;
	enum weir_code code = wire_encode(api->request, version, request, out, NULL, err);
	if (!code && out->failed) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory for a %s request", api->name);
	}
	if (!code && out->len - start - 4 > INT32_MAX) {
		code = err_set(err, WEIR_TOO_LARGE, "%s request has more than 2 GiB", api->name);
	}
	if (code) {
		out->len = start;
		out->failed = false;
		return code;
	}
	be32_put(out->data + start, (uint32_t)(out->len - start - 4));
	connection->queued += out->len - start;
	return WEIR_OK;
}

enum weir_code connection_start(struct connection *connection, int16_t key, int16_t version,
	const void *request, bool answer, int64_t deadline_ms, struct exchange **exchange,
	struct weir_err *err)
{
	const struct wire_api *api = wire_api(key);
	WEIR_ASSERT(api);
	if (connection->broken.code) {
		if (err) {
			*err = connection->broken;
		}
		return connection->broken.code;
	}
	size_t body_pos;
	enum weir_code code = request_encode(connection, api, version, request, &body_pos, err);
	if (code) {
		return code;
	}
	struct exchange *x = mem_new(sizeof(*x));
	x->key = key;
	x->version = version;
	x->no_answer = !answer;
	x->correlation_id = connection->correlation_next;
	x->deadline_ms = deadline_ms;
	x->sent_at = connection->queued;
	x->started_us = clock_mono_ns() / 1000;
	buf_init(&x->frame, 0);
	list_append(&connection->exchanges, &x->node);
	connection->correlation_next = (connection->correlation_next + 1) & INT32_MAX;
	*exchange = x;
	trace(connection, x, true,
		slice_of(connection->out.data + body_pos, connection->out.len - body_pos));
	pump_out(connection);
	return WEIR_OK;
}

void connection_wait(struct connection *connection, const struct exchange *exchange)
{
	while (exchange->state == EXCHANGE_WAITING) {
		int64_t left_ms = connection_deadline(connection) - clock_mono_ms();
		struct pollfd fd = {
			.fd = connection->fd,
			.events = connection_events(connection),
		};
		left_ms = left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : left_ms;
		int n = poll(&fd, 1, (int)left_ms);
		connection_pump(connection, n > 0 ? fd.revents : 0);
	}
}

/* One ApiVersions round; *again as versions_take. */
static enum weir_code handshake_at(struct connection *connection, int16_t version,
	int64_t deadline_ms, int16_t *again, struct weir_err *err)
{
	struct api_versions_request request;
	struct exchange *x = NULL;
	wire_defaults(&api_versions_request_message, &request);
	request.client_software_name = slice_str("weir");
	request.client_software_version = slice_str(PACKAGE_VERSION);
	enum weir_code code = connection_start(
		connection, API_VERSIONS, version, &request, true, deadline_ms, &x, err);
	if (code) {
		return code;
	}
	connection_wait(connection, x);
	if (x->state == EXCHANGE_FAILED) {
		code = x->err.code;
		if (err) {
			*err = x->err;
		}
	} else {
		code = versions_take(&connection->versions, version, exchange_body(x), again, err);
	}
	exchange_free(&x);
	return code;
}

enum weir_code connection_handshake(
	struct connection *connection, int64_t deadline_ms, struct weir_err *err)
{
	const struct wire_api *api = wire_api(API_VERSIONS);
	struct weir_err why;
	int16_t version = api->max, again = -1;
	enum weir_code code;
	for (;;) {
		code = handshake_at(connection, version, deadline_ms, &again, &why);
		if (code || again < 0) {
			break;
		}
		version = again;
	}
	if (code) {
		connection_break(connection, &why);
		if (err) {
			*err = why;
		}
	}
	return code;
}
