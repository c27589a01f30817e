/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of core/client share: the client, its connections, its view of the cluster.
 *
 * A connection is found by node and lane: fetches that wait at the broker have a lane of their own,
 * so that nothing queues behind them. Owned by one thread.
 */
#pragma once

#include "core/base/map.h"
#include "core/client/client.h"
#include "core/client/connection.h"
#include "core/io/net.h"

#include <poll.h>

enum {
	API_PRODUCE = 0,
	API_FETCH = 1,
	API_LIST_OFFSETS = 2,
	API_METADATA = 3,
	API_OFFSET_COMMIT = 8,
	API_OFFSET_FETCH = 9,
	API_FIND_COORDINATOR = 10,
	API_JOIN_GROUP = 11,
	API_HEARTBEAT = 12,
	API_LEAVE_GROUP = 13,
	API_SYNC_GROUP = 14,
	API_DESCRIBE_GROUPS = 15,
	API_LIST_GROUPS = 16,
	API_CREATE_TOPICS = 19,
	API_DELETE_TOPICS = 20,
	API_INIT_PRODUCER_ID = 22,
	API_ADD_PARTITIONS_TO_TXN = 24,
	API_CREATE_PARTITIONS = 37,
	API_DELETE_GROUPS = 42,
	API_OFFSET_DELETE = 47,
	API_CONSUMER_GROUP_HEARTBEAT = 68,
	API_CONSUMER_GROUP_DESCRIBE = 69,
};

/* LANE_GROUP: a JoinGroup may wait at the broker for minutes. */
enum { LANE_CALL, LANE_FETCH, LANE_GROUP };

enum {
	RETRY_FIRST_MS = 50,
	RETRY_MAX_MS = 1000,
	CLIENT_PORT_DEFAULT = 9092,
	CLIENT_PARTITIONS_MAX = 1000000, /* of one topic, believed of a broker */
};

struct node {
	int32_t id, port;
	char *host, *rack; /* rack may be NULL */
	bool reached;	   /* a connection to it has worked */
};

struct topic_partition {
	int32_t leader, leader_epoch; /* leader -1: none */
};

/* What is known of a topic; lives as long as the client. */
struct topic {
	char *name;
	struct uuid id;
	enum weir_code error; /* of the last answer */
	struct topic_partition *partitions;
	int32_t partition_count;
	uint64_t revision; /* grows with each answer that named it */
};

struct client {
	struct client_conf conf;
	char *brokers, *origin, *client_id;
	struct net_addr *addresses;
	size_t address_count;
	size_t address; /* the one that answered last */
	bool one_door;	/* dial or a Unix socket: nodes are reached as the first broker was */
	struct list connections;
	struct versions versions; /* of the last handshake */
	struct node *nodes;
	size_t node_count;
	int32_t controller; /* -1: not known */
	struct map topics;  /* name -> struct topic */
	struct pollfd *polls;
	size_t poll_room;
};

/* Moves bytes on all connections until something happened or until_ms (mono; may be INT64_MAX
 * while exchanges wait: each has a deadline). */
void client_pump(struct client *client, int64_t until_ms);
/* Pumps until exchange is no longer waiting. */
void client_wait(struct client *client, const struct exchange *exchange);

/*
 * A live connection to node (CLIENT_ANY: whichever is there, else a broker of the list) for lane,
 * opened if need be. Errors: CONNECT, with the addresses; BROKER_NOT_AVAILABLE: node is not known.
 */
WEIR_MUST_USE enum weir_code client_reach(struct client *client, int32_t node, int lane,
	struct connection **connection, struct weir_err *err);
/* Closes and forgets it; its exchanges fail. */
void client_drop(struct connection *connection);
/* Closes the connection to node of one lane, if there is one. */
void client_drop_lane(struct client *client, int32_t node, int lane);
struct node *client_node(struct client *client, int32_t id);
/* Name of the broker list for texts: address of the broker that answered. */
const char *client_peer(struct client *client);

/* Starts one request at the highest version that is at most cap. Errors: also UNSUPPORTED_VERSION.
 */
WEIR_MUST_USE enum weir_code client_start(struct client *client, struct connection *connection,
	int16_t key, int16_t cap, const void *request, bool answer, int64_t deadline_ms,
	struct exchange **exchange, struct weir_err *err);
/* Decodes a finished exchange: slices of response point into the exchange. Errors: that of a failed
 * exchange; PROTOCOL; NO_MEMORY. */
WEIR_MUST_USE enum weir_code exchange_decode(
	const struct exchange *exchange, struct arena *arena, void *response, struct weir_err *err);

/* client_call with a highest version and a deadline (mono). */
WEIR_MUST_USE enum weir_code call_until(struct client *client, int32_t node, int16_t key,
	int16_t cap, const void *request, int64_t deadline_ms, struct arena *arena, void *response,
	int16_t *version, struct weir_err *err);
/* Pause before try number attempt (from 0), pumping meanwhile; ends at deadline_ms. */
void retry_pause(struct client *client, int attempt, int64_t deadline_ms);
int64_t retry_pause_ms(int attempt);
int64_t client_deadline(const struct client *client);

/* Asks for nodes and controller. */
WEIR_MUST_USE enum weir_code metadata_nodes(
	struct client *client, int64_t deadline_ms, struct weir_err *err);
/*
 * The cached topic, asked for when it is not there or fresh is set. Errors:
 * UNKNOWN_TOPIC_OR_PARTITION with broker and a near name; the topic's own error.
 */
WEIR_MUST_USE enum weir_code metadata_topic(struct client *client, const char *name, bool fresh,
	int64_t deadline_ms, struct topic **topic, struct weir_err *err);
void metadata_fini(struct client *client);

/* The error in code of a wire answer, as text with what. */
WEIR_MUST_USE enum weir_code wire_error(
	int16_t code, const char *what, struct slice detail, struct weir_err *err);
