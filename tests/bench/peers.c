/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/peers.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 65536, EVENTS = 256 };

struct peer {
	int fd;
	struct buf in, out;
	bool waits; /* for room to write */
};

static struct peer *peers;
static int peer_count, epoll_fd;

void die(const char *what)
{
	fprintf(stderr, "members: %s: %s\n", what, errno ? strerror(errno) : "not understood");
	exit(1);
}

static int dial(const char *address)
{
	char host[256];
	const char *colon = strrchr(address, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	if (!colon || (size_t)(colon - address) >= sizeof(host)) {
		errno = EINVAL;
		die(address);
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (getaddrinfo(host, colon + 1, &hints, &found)) {
		errno = EINVAL;
		die(address);
	}
	int one = 1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
		die(address);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(found);
	return fd;
}

void peers_open(const char *address, int count)
{
	peers = mem_new((size_t)count * sizeof(*peers));
	peer_count = count;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < count; i++) {
		struct peer *peer = &peers[i];
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = peer};
		*peer = (struct peer){.fd = dial(address)};
		buf_init(&peer->in, 0);
		buf_init(&peer->out, 0);
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, peer->fd, &ev)) {
			die("epoll");
		}
	}
}

void peers_close(void)
{
	for (int i = 0; i < peer_count; i++) {
		close(peers[i].fd);
		buf_fini(&peers[i].in);
		buf_fini(&peers[i].out);
	}
	close(epoll_fd);
	mem_free(peers);
	peer_count = 0;
}

struct peer *peer_at(int i)
{
	return &peers[i % peer_count];
}

void peer_send(struct peer *peer, int16_t key, int16_t version, uint32_t tag, const void *request)
{
	struct weir_err err;
	struct wire_request_header header = {key, version, (int32_t)tag, slice_str("members")};
	size_t from = peer->out.len;
	buf_add(&peer->out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &peer->out);
	if (wire_encode(wire_api(key)->request, version, request, &peer->out, NULL, &err)) {
		errno = 0;
		die(err.text);
	}
	be32_put(peer->out.data + from, (uint32_t)(peer->out.len - from - 4));
}

static void flush(struct peer *peer)
{
	while (peer->out.len) {
		ssize_t n =
			send(peer->fd, peer->out.data, peer->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			break;
		}
		if (n < 0) {
			die("send");
		}
		buf_drop(&peer->out, (size_t)n);
	}
	if (peer->waits != (peer->out.len > 0)) {
		peer->waits = !peer->waits;
		struct epoll_event ev = {
			.events = peer->waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = peer};
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, peer->fd, &ev);
	}
}

static void receive(struct peer *peer, peer_take *take)
{
	if (!buf_reserve(&peer->in, READ_BYTES)) {
		die("no memory");
	}
	ssize_t n = recv(peer->fd, peer->in.data + peer->in.len, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		return;
	}
	if (n <= 0) {
		die("the broker closed");
	}
	peer->in.len += (size_t)n;
	size_t at = 0;
	while (peer->in.len - at >= 8) {
		const uint8_t *p = peer->in.data + at;
		size_t len = be32_get(p);
		if (peer->in.len - at - 4 < len) {
			break;
		}
		take(peer, be32_get(p + 4), slice_of(p + 4, len));
		at += len + 4;
	}
	buf_drop(&peer->in, at);
}

void peers_poll(int timeout_ms, peer_take *take)
{
	struct epoll_event got[EVENTS];
	for (int i = 0; i < peer_count; i++) {
		if (peers[i].out.len && !peers[i].waits) {
			flush(&peers[i]);
		}
	}
	int n = epoll_wait(epoll_fd, got, EVENTS, timeout_ms);
	for (int i = 0; i < n; i++) {
		struct peer *peer = got[i].data.ptr;
		if (got[i].events & EPOLLOUT) {
			flush(peer);
		}
		if (got[i].events & ~(uint32_t)EPOLLOUT) {
			receive(peer, take);
		}
	}
}

void peer_decode(
	int16_t key, int16_t version, struct slice answer, struct arena *arena, void *response)
{
	struct weir_err err;
	int32_t correlation_id;
	size_t head, used;
	errno = 0;
	if (wire_response_header_decode(key, version, answer, &correlation_id, &head, &err) ||
		wire_decode(wire_api(key)->response, version,
			slice_of(answer.data + head, answer.len - head), arena, response, &used,
			&err)) {
		die(err.text);
	}
}

static struct buf *called; /* where peer_call's answer goes; len 0: not there yet */

static void take_call(struct peer *peer, uint32_t tag, struct slice answer)
{
	(void)peer, (void)tag;
	buf_add(called, answer.data, answer.len);
}

void peer_call(struct peer *peer, int16_t key, int16_t version, const void *request,
	struct arena *arena, void *response)
{
	struct buf answer;
	buf_init(&answer, 0);
	called = &answer;
	peer_send(peer, key, version, 0, request);
	while (!answer.len) {
		peers_poll(-1, take_call);
	}
	uint8_t *kept = arena_try_dup(arena, answer.data, answer.len);
	if (!kept) {
		die("no memory");
	}
	peer_decode(key, version, slice_of(kept, answer.len), arena, response);
	buf_fini(&answer);
}
