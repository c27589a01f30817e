/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets: addresses in text, listening, connecting. All non-blocking, O_CLOEXEC, TCP_NODELAY. */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

enum { NET_HOST_MAX = 256 };

struct net_addr {
	char host[NET_HOST_MAX]; /* name, IPv4, or IPv6 without brackets; a path when port is -1 */
	int32_t port;		 /* 0..65535; -1: a Unix socket */
};

/* "host", "host:9092", "[::1]:9092", "unix:/path". Errors: USAGE. */
WEIR_MUST_USE enum weir_code net_addr_parse(
	const char *text, int32_t port_default, struct net_addr *addr, struct weir_err *err);
/* host:port, IPv6 in brackets; text has NET_HOST_MAX + 16 bytes. */
void net_addr_format(const struct net_addr *addr, char *text);

/* Listening socket; bound gets the real port. Errors: EXISTS (in use), CONNECT, USAGE (name
 * unknown). */
WEIR_MUST_USE enum weir_code net_listen(
	const struct net_addr *addr, int *fd, struct net_addr *bound, struct weir_err *err);
/* *fd -1 when nobody waits. Errors: IO (EMFILE: sys_errno says). */
WEIR_MUST_USE enum weir_code net_accept(
	int listen_fd, int *fd, struct net_addr *peer, struct weir_err *err);
/* Blocks at most timeout_ms (name lookup aside); tries every address. Errors: CONNECT, TIMEOUT,
 * text names the address. */
WEIR_MUST_USE enum weir_code net_connect(
	const struct net_addr *addr, int64_t timeout_ms, int *fd, struct weir_err *err);
/* Sizes of the kernel's buffers, in bytes; -1: as they are. */
void net_set_buffers(int fd, int32_t send_bytes, int32_t receive_bytes);
/* Two connected Unix sockets, non-blocking. Errors: IO. */
WEIR_MUST_USE enum weir_code net_pair(int fds[2], struct weir_err *err);
