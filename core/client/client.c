/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a client and its connections. The first connection goes to the first broker of the list
 * that answers ApiVersions; nodes are then reached at the addresses they advertise, unless there is
 * only one door (a Unix socket, or the dial hook), which leads to every node.
 */
#include "core/client/client_priv.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <unistd.h>

const struct client_conf client_conf_default = {
	.brokers = "localhost:9092",
	.brokers_origin = "built in",
	.client_id = "weir",
	.timeout_ms = 30000,
	.connect_timeout_ms = 5000,
};

int64_t client_deadline(const struct client *client)
{
	return clock_mono_ms() + client->conf.timeout_ms;
}

static const char *origin_of(const struct client *client)
{
	return client->origin ? client->origin : "the caller";
}

/* Takes over fd and shakes hands. Not put into the list on failure. */
static enum weir_code connection_open(struct client *client, int fd, const char *peer,
	struct connection **connection, struct weir_err *err)
{
	struct connection *c = mem_new(sizeof(*c));
	connection_init(c, fd, peer, slice_str(client->client_id));
	c->trace = client->conf.trace;
	int64_t deadline_ms = clock_mono_ms() + client->conf.connect_timeout_ms;
	enum weir_code code = connection_handshake(c, deadline_ms, err);
	if (code) {
		connection_fini(c);
		mem_free(c);
		return code;
	}
	client->versions = c->versions;
	list_append(&client->connections, &c->node);
	*connection = c;
	return WEIR_OK;
}

struct net_addr client_conf_resolve(const struct client_conf *conf, const struct net_addr *addr)
{
	for (size_t i = 0; i < conf->resolve_count; i++) {
		const struct client_resolve *r = &conf->resolve[i];
		if (!strcmp(r->from.host, addr->host) &&
			(!r->from.port || r->from.port == addr->port)) {
			struct net_addr real = r->to;
			real.port = real.port ? real.port : addr->port;
			return real;
		}
	}
	return *addr;
}

static enum weir_code open_address(struct client *client, const struct net_addr *addr,
	struct connection **connection, struct weir_err *err)
{
	char peer[CONNECTION_PEER_MAX];
	int fd = -1;
	net_addr_format(addr, peer);
	struct net_addr real = client_conf_resolve(&client->conf, addr);
	enum weir_code code = net_connect(&real, client->conf.connect_timeout_ms, &fd, err);
	return code ? code : connection_open(client, fd, peer, connection, err);
}

static enum weir_code open_dialled(
	struct client *client, struct connection **connection, struct weir_err *err)
{
	int fd = client->conf.dial(client->conf.dial_arg);
	if (fd < 0) {
		return err_set(err, WEIR_CONNECT, "the engine of this process takes no connection");
	}
	enum weir_code code =
		connection_open(client, fd, "the engine of this process", connection, err);
	return code ? err_set(err, WEIR_CONNECT, "the engine of this process does not answer")
		    : WEIR_OK;
}

/* A broker of the list, the one that answered last first. */
static enum weir_code open_any(
	struct client *client, struct connection **connection, struct weir_err *err)
{
	struct weir_err tried = {0}, why;
	char *texts = NULL;
	if (client->conf.dial) {
		return open_dialled(client, connection, err);
	}
	for (size_t i = 0; i < client->address_count; i++) {
		size_t at = (client->address + i) % client->address_count;
		const struct net_addr *addr = &client->addresses[at];
		enum weir_code code = open_address(client, addr, connection, &why);
		if (!code) {
			client->address = at;
			mem_free(texts);
			return WEIR_OK;
		}
		char *more = mem_printf("%s%s%s", texts ? texts : "", texts ? "; " : "", why.text);
		mem_free(texts);
		texts = more;
		tried.sys_errno = why.sys_errno;
	}
	enum weir_code code = err_set(err, WEIR_CONNECT, "no broker answers: %s (brokers from %s)",
		texts ? texts : "the list is empty", origin_of(client));
	if (err) {
		err->sys_errno = tried.sys_errno;
	}
	mem_free(texts);
	return code;
}

static struct connection *find_connection(struct client *client, int32_t node, int lane)
{
	LIST_EACH_SAFE(it, &client->connections)
	{
		struct connection *c = LIST_ENTRY(it, struct connection, node);
		if (c->broken.code) {
			client_drop(c);
		} else if (c->lane == lane && (node == CLIENT_ANY || c->node_id == node)) {
			return c;
		}
	}
	return NULL;
}

struct node *client_node(struct client *client, int32_t id)
{
	for (size_t i = 0; i < client->node_count; i++) {
		if (client->nodes[i].id == id) {
			return &client->nodes[i];
		}
	}
	return NULL;
}

const char *client_peer(struct client *client)
{
	static const char engine[] = "the engine of this process";
	struct connection *c = find_connection(client, CLIENT_ANY, LANE_CALL);
	return c ? c->peer : client->conf.dial ? engine : client->brokers;
}

/* A connection that was opened without knowing whose it is, and leads to node. */
static struct connection *adopt(struct client *client, const struct node *node, int lane)
{
	struct net_addr addr = {.port = node->port};
	char peer[CONNECTION_PEER_MAX];
	snprintf(addr.host, sizeof(addr.host), "%s", node->host);
	net_addr_format(&addr, peer);
	LIST_EACH(it, &client->connections)
	{
		struct connection *c = LIST_ENTRY(it, struct connection, node);
		if (!c->broken.code && c->node_id < 0 && c->lane == lane &&
			(client->one_door || !strcmp(c->peer, peer))) {
			return c;
		}
	}
	return NULL;
}

static enum weir_code open_node(struct client *client, struct node *node,
	struct connection **connection, struct weir_err *err)
{
	struct net_addr addr = {.port = node->port};
	struct weir_err why;
	if (client->one_door) {
		return open_any(client, connection, err);
	}
	if (!node->host[0] || strlen(node->host) >= sizeof(addr.host) || node->port < 0) {
		return err_set(err, WEIR_PROTOCOL, "node %d advertises no address that can be used",
			(int)node->id);
	}
	snprintf(addr.host, sizeof(addr.host), "%s", node->host);
	if (open_address(client, &addr, connection, &why)) {
		char first[CONNECTION_PEER_MAX], advertised[CONNECTION_PEER_MAX];
		net_addr_format(&client->addresses[client->address], first);
		net_addr_format(&addr, advertised);
		enum weir_code code = err_set(err, WEIR_CONNECT,
			"%s (brokers from %s) answered, but advertises node %d as %s: %s", first,
			origin_of(client), (int)node->id, advertised, why.text);
		if (err) {
			err->sys_errno = why.sys_errno;
		}
		return code;
	}
	return WEIR_OK;
}

enum weir_code client_reach(struct client *client, int32_t node, int lane,
	struct connection **connection, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	struct connection *c = find_connection(client, node, lane);
	if (!c && node == CLIENT_ANY) {
		code = open_any(client, &c, err);
	} else if (!c) {
		struct node *known = client_node(client, node);
		if (!known) {
			return err_set(err, WEIR_BROKER_NOT_AVAILABLE,
				"node %d is not among the brokers that %s names", (int)node,
				client_peer(client));
		}
		c = adopt(client, known, lane);
		code = c ? WEIR_OK : open_node(client, known, &c, err);
		if (!code) {
			c->node_id = node;
			known->reached = true;
		}
	}
	if (code) {
		return code;
	}
	c->lane = lane;
	*connection = c;
	return WEIR_OK;
}

void client_drop(struct connection *connection)
{
	connection_fini(connection);
	mem_free(connection);
}

void client_drop_lane(struct client *client, int32_t node, int lane)
{
	struct connection *connection = find_connection(client, node, lane);
	if (connection) {
		client_drop(connection);
	}
}

void client_pump(struct client *client, int64_t until_ms)
{
	size_t count = 0, ready_count = 0;
	int64_t first_ms = until_ms;
	LIST_EACH(it, &client->connections)
	{
		struct connection *c = LIST_ENTRY(it, struct connection, node);
		int64_t deadline_ms = connection_deadline(c);
		first_ms = deadline_ms < first_ms ? deadline_ms : first_ms;
		if (count == client->poll_room) {
			client->poll_room = count + 8;
			client->polls = mem_grow(client->polls, count + 8, sizeof(*client->polls));
		}
		/* A broken one has fd -1, which poll passes over. */
		client->polls[count++] =
			(struct pollfd){.fd = c->fd, .events = connection_events(c)};
	}
	int64_t left_ms = first_ms - clock_mono_ms();
	left_ms = left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : left_ms;
	int ready = poll(client->polls, count, (int)left_ms);
	LIST_EACH(it, &client->connections)
	{
		short revents = client->polls[ready_count++].revents;
		connection_pump(
			LIST_ENTRY(it, struct connection, node), ready > 0 ? revents : (short)0);
	}
}

void client_wait(struct client *client, const struct exchange *exchange)
{
	while (exchange->state == EXCHANGE_WAITING) {
		client_pump(client, INT64_MAX);
	}
}

static enum weir_code parse_addresses(struct client *client, struct weir_err *err)
{
	const char *rest = client->brokers;
	while (*rest) {
		size_t len = strcspn(rest, ",");
		char *text = mem_dup(rest, len);
		struct net_addr addr;
		enum weir_code code = WEIR_OK;
		if (len) {
			code = net_addr_parse(text, CLIENT_PORT_DEFAULT, &addr, err);
		}
		mem_free(text);
		if (code) {
			return err ? err_wrap(err, "brokers from %s", origin_of(client)) : code;
		}
		if (len) {
			client->addresses = mem_grow(client->addresses, client->address_count + 1,
				sizeof(*client->addresses));
			client->addresses[client->address_count++] = addr;
		}
		rest += len + (rest[len] == ',');
	}
	if (!client->address_count) {
		return err_set(
			err, WEIR_USAGE, "list of brokers from %s is empty", origin_of(client));
	}
	client->one_door = client->address_count == 1 && client->addresses[0].port < 0;
	return WEIR_OK;
}

enum weir_code client_open(
	const struct client_conf *conf, struct client **client, struct weir_err *err)
{
	struct client *c = mem_new(sizeof(*c));
	struct connection *first;
	c->conf = *conf;
	c->brokers = mem_dup_str(conf->brokers ? conf->brokers : "");
	c->origin = conf->brokers_origin ? mem_dup_str(conf->brokers_origin) : NULL;
	c->client_id = mem_dup_str(conf->client_id ? conf->client_id : "weir");
	c->controller = -1;
	c->one_door = true;
	list_init(&c->connections);
	map_init(&c->topics);
	versions_init(&c->versions);
	enum weir_code code = conf->dial ? WEIR_OK : parse_addresses(c, err);
	if (!code) {
		code = client_reach(c, CLIENT_ANY, LANE_CALL, &first, err);
	}
	if (code) {
		client_close(&c);
		return code;
	}
	*client = c;
	return WEIR_OK;
}

void client_close(struct client **client)
{
	struct client *c = *client;
	*client = NULL;
	if (!c) {
		return;
	}
	LIST_EACH_SAFE(it, &c->connections)
	{
		client_drop(LIST_ENTRY(it, struct connection, node));
	}
	metadata_fini(c);
	mem_free(c->polls);
	mem_free(c->addresses);
	mem_free(c->brokers);
	mem_free(c->origin);
	mem_free(c->client_id);
	mem_free(c);
}

bool client_has_api(struct client *client, int16_t api_key, int16_t version)
{
	return versions_has(&client->versions, api_key, version);
}
