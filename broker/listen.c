/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listeners: accepted on the first reactor, handed to the reactors in turn. When descriptors run
 * out accepting pauses for a moment instead of spinning; who is connected is served on.
 */
#include "broker/broker_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACK_OFF_MS = 100, ACCEPTS_A_TURN = 64 };

/* Connections may take half of the descriptors; the logs need the others. */
static int64_t conns_by_descriptors(void)
{
	struct rlimit limit;
	bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
	return known ? (int64_t)(limit.rlim_cur / 2) : INT64_MAX;
}

bool broker_conn_opened(struct broker *broker, const struct net_addr *peer)
{
	const struct conf *conf = broker_conf(broker);
	pthread_mutex_lock(&broker->conn_lock);
	struct slice host = slice_str(peer->host);
	uintptr_t of_host = (uintptr_t)map_get(&broker->conns_by_host, host);
	bool fits = broker->conn_count < conf->max_connections &&
		    broker->conn_count < conns_by_descriptors() &&
		    of_host < (uintptr_t)conf->max_connections_per_ip;
	if (fits) {
		broker->conn_count++;
		map_put(&broker->conns_by_host, host, (void *)(of_host + 1));
	}
	pthread_mutex_unlock(&broker->conn_lock);
	return fits;
}

void broker_conn_closed(struct broker *broker, const struct conn *conn)
{
	if (!conn->listener) {
		return;
	}
	pthread_mutex_lock(&broker->conn_lock);
	struct slice host = slice_str(conn->peer.host);
	uintptr_t of_host = (uintptr_t)map_get(&broker->conns_by_host, host);
	broker->conn_count--;
	if (of_host > 1) {
		map_put(&broker->conns_by_host, host, (void *)(of_host - 1));
	} else {
		map_remove(&broker->conns_by_host, host);
	}
	pthread_mutex_unlock(&broker->conn_lock);
}

/* The one with the fewest connections; among equals they take turns. */
static struct reactor *next_reactor(struct broker *broker)
{
	unsigned n = atomic_fetch_add(&broker->next_reactor, 1);
	struct reactor *best = NULL;
	for (int i = 0; i < broker->reactor_count; i++, n++) {
		struct reactor *r = &broker->reactors[n % (unsigned)broker->reactor_count];
		if (!best || atomic_load(&r->conn_count) < atomic_load(&best->conn_count)) {
			best = r;
		}
	}
	return best;
}

static void on_back_off_over(struct deadline *deadline)
{
	loop_io_want(&LIST_ENTRY(deadline, struct listener, back_off)->io, LOOP_READ);
}

static void on_accept(struct loop_io *io, int events)
{
	(void)events;
	struct listener *l = LIST_ENTRY(io, struct listener, io);
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct weir_err err;
		struct net_addr peer;
		int fd;
		if (net_accept(l->fd, &fd, &peer, &err) != WEIR_OK) {
			log_line(LOG_WARN, "%s", err.text);
			stat_add(STAT_connections_refused, 1);
			loop_io_want(&l->io, 0);
			deadline_set(&l->broker->reactors[0].deadlines, &l->back_off,
				clock_mono_ms() + BACK_OFF_MS);
			return;
		}
		if (fd < 0) {
			return;
		}
		if (broker_conn_opened(l->broker, &peer)) {
			const struct conf *conf = broker_conf(l->broker);
			stat_add(STAT_connections_accepted, 1);
			if (peer.port >= 0) {
				net_set_buffers(fd, conf->socket_send_buffer_bytes,
					conf->socket_receive_buffer_bytes);
			}
			conn_adopt(next_reactor(l->broker), fd, l, &peer);
		} else {
			log_line(LOG_WARN,
				"%s: refused: max.connections, max.connections.per.ip or the limit "
				"of open files",
				peer.host);
			stat_add(STAT_connections_refused, 1);
			close(fd);
		}
	}
}

static void on_start(struct loop_post *post)
{
	struct listener *l = LIST_ENTRY(post, struct listener, post);
	loop_io_init(&l->io, l->broker->reactors[0].loop, l->fd, on_accept);
	loop_io_want(&l->io, LOOP_READ);
}

void listeners_close(struct reactor *reactor)
{
	struct broker *broker = reactor->broker;
	if (reactor != &broker->reactors[0]) {
		return;
	}
	for (int i = 0; i < broker->listener_count; i++) {
		struct listener *l = &broker->listeners[i];
		deadline_clear(&reactor->deadlines, &l->back_off);
		loop_io_close(&l->io);
		close(l->fd);
		if (l->bound.port < 0) {
			unlink(l->bound.host);
		}
	}
}

enum weir_code broker_listen(struct broker *broker, const struct net_addr *addr,
	const struct net_addr *advertised, struct net_addr *bound, struct weir_err *err)
{
	if (broker->listener_count == LISTENERS_MAX) {
		return err_set(err, WEIR_USAGE, "more than %d listeners", LISTENERS_MAX);
	}
	struct listener *l = &broker->listeners[broker->listener_count];
	enum weir_code code = net_listen(addr, &l->fd, &l->bound, err);
	if (code != WEIR_OK) {
		return code;
	}
	l->broker = broker;
	l->back_off.fire = on_back_off_over;
	l->advertised = advertised ? *advertised : l->bound;
	if (l->advertised.port == 0) {
		l->advertised.port = l->bound.port;
	}
	*bound = l->bound;
	broker->listener_count++;
	l->post.run = on_start;
	loop_call(broker->reactors[0].loop, &l->post);
	return WEIR_OK;
}

enum weir_code broker_connect(struct broker *broker, int *fd, struct weir_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		return err_sys(err, errno, "socketpair");
	}
	conn_adopt(next_reactor(broker), pair[0], NULL, NULL);
	*fd = pair[1];
	return WEIR_OK;
}

/* A Unix socket or an inner connection is told the first TCP listener. */
void broker_endpoint(const struct conn *conn, struct broker_endpoint *endpoint)
{
	struct broker *broker = conn->reactor->broker;
	const struct listener *l = conn->listener;
	for (int i = 0; (!l || l->bound.port < 0) && i < broker->listener_count; i++) {
		l = &broker->listeners[i];
	}
	if (l && l->bound.port >= 0) {
		memcpy(endpoint->host, l->advertised.host, sizeof(endpoint->host));
		endpoint->port = l->advertised.port;
	} else {
		*endpoint = (struct broker_endpoint){"localhost", 9092};
	}
}
