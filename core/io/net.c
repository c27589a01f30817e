/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets. An empty host listens on every address, IPv6 and IPv4 in one socket where the machine
 * has IPv6. A Unix socket's path that nobody listens on is taken over: the owner of the directory
 * holds its lock, so the file is left from a broker that died.
 */
#include "core/io/net.h"

#include "core/base/clock.h"
#include "core/base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC, ADDR_TEXT = NET_HOST_MAX + 16 };

/* Copies len bytes of host; false when it is too long or has bytes no host name has. */
static bool host_take(struct net_addr *addr, const char *host, size_t len)
{
	if (len >= sizeof(addr->host)) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)host[i] <= ' ' || host[i] == 127 || strchr("[]/,", host[i])) {
			return false;
		}
	}
	memcpy(addr->host, host, len);
	addr->host[len] = '\0';
	return true;
}

static enum weir_code port_parse(const char *text, int32_t *port, struct weir_err *err)
{
	int64_t value = 0;
	enum weir_code code = number_i64(text, 0, 65535, &value, err);
	*port = (int32_t)value;
	return code;
}

static enum weir_code unix_parse(const char *path, struct net_addr *addr, struct weir_err *err)
{
	size_t len = strlen(path);
	if (!len || len >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		return err_set(err, WEIR_USAGE, "a Unix socket's path has 1 to %zu bytes, not %zu",
			sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, len);
	}
	memcpy(addr->host, path, len + 1);
	addr->port = -1;
	return WEIR_OK;
}

enum weir_code net_addr_parse(
	const char *text, int32_t port_default, struct net_addr *addr, struct weir_err *err)
{
	struct net_addr got = {.port = port_default};
	enum weir_code code = WEIR_OK;
	const char *colon = strchr(text, ':');
	const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
	bool host_ok;
	if (!strncmp(text, "unix:", 5)) {
		code = unix_parse(text + 5, &got, err);
		host_ok = true;
	} else if (bracket) {
		struct in6_addr v6;
		host_ok = host_take(&got, text + 1, (size_t)(bracket - text - 1)) &&
			  inet_pton(AF_INET6, got.host, &v6) == 1;
		if (bracket[1] == ':') {
			code = port_parse(bracket + 2, &got.port, err);
		} else {
			host_ok = host_ok && !bracket[1];
		}
	} else if (colon && strchr(colon + 1, ':')) {
		struct in6_addr v6;
		host_ok = host_take(&got, text, strlen(text)) &&
			  inet_pton(AF_INET6, got.host, &v6) == 1;
	} else if (colon) {
		host_ok = host_take(&got, text, (size_t)(colon - text));
		code = port_parse(colon + 1, &got.port, err);
	} else {
		host_ok = text[0] && host_take(&got, text, strlen(text));
	}
	if (!code && !host_ok) {
		code = err_set(err, WEIR_USAGE, "not host, host:port or [address]:port");
	}
	if (code) {
		return err ? err_wrap(err, "address \"%s\"", text) : code;
	}
	*addr = got;
	return WEIR_OK;
}

void net_addr_format(const struct net_addr *addr, char *text)
{
	if (addr->port < 0) {
		snprintf(text, ADDR_TEXT, "unix:%s", addr->host);
	} else {
		bool v6 = strchr(addr->host, ':');
		snprintf(text, ADDR_TEXT, v6 ? "[%s]:%d" : "%s:%d", addr->host, (int)addr->port);
	}
}

/* The other way from resolve: a kernel's address in text, mapped IPv4 as IPv4. */
static void addr_of(const struct sockaddr_storage *from, struct net_addr *addr)
{
	*addr = (struct net_addr){.port = -1};
	if (from->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, from, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, addr->host, sizeof(addr->host));
		addr->port = ntohs(v4.sin_port);
	} else if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, from, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
			inet_ntop(
				AF_INET, &v6.sin6_addr.s6_addr[12], addr->host, sizeof(addr->host));
		} else {
			inet_ntop(AF_INET6, &v6.sin6_addr, addr->host, sizeof(addr->host));
		}
		addr->port = ntohs(v6.sin6_port);
	}
}

static bool unix_address(const struct net_addr *addr, struct sockaddr_un *un)
{
	size_t len = strlen(addr->host);
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len >= sizeof(un->sun_path)) {
		return false;
	}
	memcpy(un->sun_path, addr->host, len + 1);
	return true;
}

static enum weir_code resolve(const struct net_addr *addr, bool passive, struct addrinfo **list,
	enum weir_code unknown, struct weir_err *err)
{
	char port[8];
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0),
	};
	snprintf(port, sizeof(port), "%d", (int)addr->port & 0xffff);
	int got = getaddrinfo(addr->host[0] ? addr->host : NULL, port, &hints, list);
	if (got) {
		return err_set(err, unknown, "host name %s: %s", addr->host, gai_strerror(got));
	}
	return WEIR_OK;
}

static void tcp_options(int fd)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A bound, listening socket, or -1 with errno set. */
static int listen_on(const struct sockaddr *addr, socklen_t len, int family)
{
	int on = 1, off = 0;
	int fd = socket(family, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0) {
		return -1;
	}
	if (family == AF_UNIX) {
		(void)fchmod(fd, 0600);
	} else {
		tcp_options(fd);
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	}
	if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(fd, addr, len) < 0 || listen(fd, SOMAXCONN) < 0) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static enum weir_code listen_failed(const struct net_addr *addr, int why, struct weir_err *err)
{
	char text[ADDR_TEXT];
	net_addr_format(addr, text);
	if (why == EADDRINUSE) {
		return err_set(err, WEIR_EXISTS, "%s is in use", text);
	}
	enum weir_code code = err_sys(err, why, "listen on %s", text);
	if (code == WEIR_IO) {
		code = WEIR_CONNECT;
		if (err) {
			err->code = code;
		}
	}
	return code;
}

/* Nobody answers on the path: the file is a leftover. */
static bool unix_is_dead(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0) {
		return false;
	}
	bool dead =
		connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static enum weir_code listen_unix(const struct net_addr *addr, int *fd, struct weir_err *err)
{
	struct sockaddr_un un;
	if (!unix_address(addr, &un)) {
		return err_set(err, WEIR_USAGE, "path %s is too long for a socket", addr->host);
	}
	int got = listen_on((const struct sockaddr *)&un, sizeof(un), AF_UNIX);
	if (got < 0 && errno == EADDRINUSE && unix_is_dead(&un)) {
		(void)unlink(addr->host);
		got = listen_on((const struct sockaddr *)&un, sizeof(un), AF_UNIX);
	}
	if (got < 0) {
		return listen_failed(addr, errno, err);
	}
	*fd = got;
	return WEIR_OK;
}

enum weir_code net_listen(
	const struct net_addr *addr, int *fd, struct net_addr *bound, struct weir_err *err)
{
	struct addrinfo *list;
	int got = -1, why = EADDRNOTAVAIL;
	if (addr->port < 0) {
		enum weir_code unix_code = listen_unix(addr, fd, err);
		if (!unix_code) {
			*bound = *addr;
		}
		return unix_code;
	}
	enum weir_code code = resolve(addr, true, &list, WEIR_USAGE, err);
	if (code) {
		return code;
	}
	/* IPv6 first: with no host given, its one socket takes IPv4 as well. */
	for (int pass = 0; pass < 2 && got < 0; pass++) {
		for (const struct addrinfo *ai = list; ai && got < 0; ai = ai->ai_next) {
			if ((ai->ai_family == AF_INET6) == (pass == 0)) {
				got = listen_on(ai->ai_addr, ai->ai_addrlen, ai->ai_family);
				why = got < 0 ? errno : 0;
			}
		}
	}
	freeaddrinfo(list);
	if (got < 0) {
		return listen_failed(addr, why, err);
	}
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	(void)getsockname(got, (struct sockaddr *)&name, &len);
	struct net_addr real;
	addr_of(&name, &real);
	*bound = *addr;
	bound->port = real.port;
	*fd = got;
	return WEIR_OK;
}

/* Errors of the one waiting connection, not of the listener: take the next (accept(2)). */
static bool accept_again(int why)
{
	return why == EINTR || why == ECONNABORTED || why == EPROTO || why == ENETDOWN ||
	       why == ENOPROTOOPT || why == EHOSTDOWN || why == ENONET || why == EHOSTUNREACH ||
	       why == ENETUNREACH;
}

enum weir_code net_accept(int listen_fd, int *fd, struct net_addr *peer, struct weir_err *err)
{
	struct sockaddr_storage name = {0};
	socklen_t len;
	int got;
	do {
		len = sizeof(name);
		got = accept4(listen_fd, (struct sockaddr *)&name, &len, SOCKET_FLAGS);
	} while (got < 0 && accept_again(errno));
	if (got < 0) {
		*fd = -1;
		return errno == EAGAIN ? WEIR_OK : err_sys(err, errno, "accept");
	}
	addr_of(&name, peer);
	if (peer->port >= 0) {
		tcp_options(got);
	}
	*fd = got;
	return WEIR_OK;
}

void net_set_buffers(int fd, int32_t send_bytes, int32_t receive_bytes)
{
	if (send_bytes >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	}
	if (receive_bytes >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	}
}

/* Connects within timeout_ms. 0, or the errno: ETIMEDOUT when time ran out. */
static int connect_one(int fd, const struct sockaddr *addr, socklen_t len, int64_t timeout_ms)
{
	int got = connect(fd, addr, len);
	if (got == 0) {
		return 0;
	}
	/* A Unix socket whose queue is full says EAGAIN and cannot be waited for. */
	if (errno != EINPROGRESS && errno != EINTR) {
		return errno;
	}
	int64_t end_ms = clock_mono_ms() + timeout_ms;
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	do {
		int64_t left_ms = end_ms - clock_mono_ms();
		left_ms = left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : left_ms;
		got = poll(&wait, 1, (int)left_ms);
	} while (got < 0 && errno == EINTR);
	if (got == 0) {
		return ETIMEDOUT;
	}
	int why = 0;
	socklen_t why_len = sizeof(why);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &why_len) < 0 ? errno : why;
}

/* Opens and connects one socket; 0 and *fd, or an errno. */
static int connect_socket(
	int family, const struct sockaddr *addr, socklen_t len, int64_t timeout_ms, int *fd)
{
	int got = socket(family, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (got < 0) {
		return errno;
	}
	int why = connect_one(got, addr, len, timeout_ms);
	if (why) {
		close(got);
		return why;
	}
	if (family != AF_UNIX) {
		tcp_options(got);
	}
	*fd = got;
	return 0;
}

enum weir_code net_connect(
	const struct net_addr *addr, int64_t timeout_ms, int *fd, struct weir_err *err)
{
	char text[ADDR_TEXT];
	int why = EADDRNOTAVAIL;
	net_addr_format(addr, text);
	if (!addr->host[0]) {
		return err_set(err, WEIR_USAGE, "address \"%s\" has no host", text);
	}
	if (addr->port < 0) {
		struct sockaddr_un un;
		why = !unix_address(addr, &un)
			      ? ENAMETOOLONG
			      : connect_socket(AF_UNIX, (const struct sockaddr *)&un, sizeof(un),
					timeout_ms, fd);
	} else {
		struct addrinfo *list;
		enum weir_code code = resolve(addr, false, &list, WEIR_CONNECT, err);
		if (code) {
			return code;
		}
		int64_t end_ms = clock_mono_ms() + timeout_ms;
		for (const struct addrinfo *ai = list; ai && why; ai = ai->ai_next) {
			why = connect_socket(ai->ai_family, ai->ai_addr, ai->ai_addrlen,
				end_ms - clock_mono_ms(), fd);
		}
		freeaddrinfo(list);
	}
	if (why == ETIMEDOUT) {
		return err_set(err, WEIR_TIMEOUT, "connect to %s: no answer in %lld ms", text,
			(long long)timeout_ms);
	}
	if (why) {
		(void)err_sys(err, why, "connect to %s", text);
		if (err) {
			err->code = WEIR_CONNECT;
		}
		return WEIR_CONNECT;
	}
	return WEIR_OK;
}

enum weir_code net_pair(int fds[2], struct weir_err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0, fds) < 0) {
		return err_sys(err, errno, "socketpair");
	}
	return WEIR_OK;
}
