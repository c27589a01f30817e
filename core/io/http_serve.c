/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/io/http_serve.h"

#include "core/base/mem.h"

#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, TIMEOUT_S = 10 };

struct http_server {
	struct MHD_Daemon *daemon;
	http_serve_fn *serve;
	void *arg;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
	const struct buf *body)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
	if (!response) {
		return MHD_NO;
	}
	enum MHD_Result queued = MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES) {
		queued = MHD_queue_response(connection, status, response);
	}
	MHD_destroy_response(response);
	return queued;
}

/* Called once for a request's head, again for each part of a body (which nobody needs), then with
 * none left. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_len,
	void **state)
{
	static int seen;
	struct http_server *server = arg;
	(void)version;
	(void)upload;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	struct buf body;
	buf_init(&body, 0);
	unsigned status = MHD_HTTP_METHOD_NOT_ALLOWED;
	const char *type = "text/plain";
	if (!strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		status = server->serve(server->arg, url, &body, &type);
	}
	if (body.failed) {
		buf_reset(&body);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	enum MHD_Result queued = answer(connection, status, type, &body);
	buf_fini(&body);
	return queued;
}

enum weir_code http_serve_start(const struct net_addr *addr, http_serve_fn *serve, void *arg,
	struct http_server **out, struct net_addr *bound, struct weir_err *err)
{
	int fd;
	enum weir_code code = net_listen(addr, &fd, bound, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct http_server *server = mem_new(sizeof(*server));
	server->serve = serve;
	server->arg = arg;
	server->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
		NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_END);
	if (!server->daemon) {
		close(fd);
		mem_free(server);
		return err_set(err, WEIR_IO, "no HTTP server on %s:%d", addr->host, addr->port);
	}
	*out = server;
	return WEIR_OK;
}

void http_serve_stop(struct http_server **server)
{
	if (*server) {
		MHD_stop_daemon((*server)->daemon); /* closes the socket too */
		MEM_FREE(server);
	}
}
