/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libmicrohttpd is loaded when it is needed first: it brings GnuTLS and eight libraries more, which
 * cost every broker 3 MB and every command a millisecond, and few ask for metrics.
 */
#include "core/io/http_serve.h"

#include "core/base/mem.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, TIMEOUT_S = 10 };

#define MHD_CALLS(CALL)                                                                            \
	CALL(MHD_create_response_from_buffer)                                                      \
	CALL(MHD_add_response_header)                                                              \
	CALL(MHD_queue_response)                                                                   \
	CALL(MHD_destroy_response)                                                                 \
	CALL(MHD_start_daemon)                                                                     \
	CALL(MHD_stop_daemon)

static struct {
#define MHD_POINTER(name) __typeof__(&name) name;
	MHD_CALLS(MHD_POINTER)
#undef MHD_POINTER
} mhd;
static pthread_once_t mhd_once = PTHREAD_ONCE_INIT;
static const char *mhd_missing = "libmicrohttpd.so.12"; /* NULL once it is there */

/* Never unloaded: the next broker of this process may want it. */
static void load(void)
{
	void *library = dlopen(mhd_missing, RTLD_NOW | RTLD_LOCAL);
	bool whole = library != NULL;
#define MHD_LOOK_UP(name)                                                                          \
	if (whole) {                                                                               \
		void *found = dlsym(library, #name);                                               \
		memcpy(&mhd.name, &found, sizeof(found));                                          \
		whole = found != NULL;                                                             \
	}
	MHD_CALLS(MHD_LOOK_UP)
#undef MHD_LOOK_UP
	mhd_missing = whole ? NULL : mhd_missing;
}

struct http_server {
	struct MHD_Daemon *daemon;
	http_serve_fn *serve;
	void *arg;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
	const struct buf *body)
{
	struct MHD_Response *response =
		mhd.MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
	if (!response) {
		return MHD_NO;
	}
	enum MHD_Result queued = MHD_NO;
	if (mhd.MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES) {
		queued = mhd.MHD_queue_response(connection, status, response);
	}
	mhd.MHD_destroy_response(response);
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
	pthread_once(&mhd_once, load);
	if (mhd_missing) {
		return err_set(
			err, WEIR_NOT_FOUND, "%s is not installed, which speaks HTTP", mhd_missing);
	}
	enum weir_code code = net_listen(addr, &fd, bound, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct http_server *server = mem_new(sizeof(*server));
	server->serve = serve;
	server->arg = arg;
	server->daemon = mhd.MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0,
		NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
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
		mhd.MHD_stop_daemon((*server)->daemon); /* closes the socket too */
		MEM_FREE(server);
	}
}
