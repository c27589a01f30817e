/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small HTTP server for what a browser or a scraper may look at: GET of a few paths, answered
 * from memory. One thread of its own. The only door to the library.
 */
#pragma once

#include "core/base/buf.h"
#include "core/io/net.h"

struct http_server;

/*
 * Fills body and *type ("text/plain") for a path that begins with '/'; the status, 404 for what is
 * not there. On the server's thread, one call at a time.
 */
typedef unsigned http_serve_fn(void *arg, const char *path, struct buf *body, const char **type);

/* Listens on addr; bound gets the real port. Errors: as net_listen; IO;
 * NOT_FOUND: libmicrohttpd is not installed. */
WEIR_MUST_USE enum weir_code http_serve_start(const struct net_addr *addr, http_serve_fn *serve,
	void *arg, struct http_server **server, struct net_addr *bound, struct weir_err *err);
/* Waits for the call at hand. NULL is fine. */
void http_serve_stop(struct http_server **server);
