/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Kafka client that all commands use, against weir or any Kafka. One thread owns a client;
 * calls block at most their timeout. Retriable errors are retried inside until then.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/uuid.h"
#include "core/io/net.h"
#include "core/record/codec.h"
#include "core/record/record.h"
#include "core/wire/wire.h"

struct client;
struct connection_trace; /* core/client/connection.h */

/* Connections to from go to to; from.port 0: whatever the port, to.port 0: the same port. */
struct client_resolve {
	struct net_addr from, to;
};

struct client_conf {
	const char *brokers;	    /* "host:port,host:port" or "unix:/path" */
	const char *brokers_origin; /* for errors: "$WEIR_BROKERS", "--brokers", "built in" */
	int (*dial)(
		void *arg); /* instead of brokers: hands out a connected socket; NULL if unused */
	void *dial_arg;
	const char *client_id;		      /* "weir" */
	int64_t timeout_ms;		      /* one request with its retries; 30000 */
	int64_t connect_timeout_ms;	      /* 5000 */
	const struct client_resolve *resolve; /* as curl's --resolve; borrowed */
	size_t resolve_count;
	const struct connection_trace *trace; /* sees every frame; NULL: none; borrowed */
};
extern const struct client_conf client_conf_default;

/* Where a connection to addr goes: resolve applied. */
struct net_addr client_conf_resolve(const struct client_conf *conf, const struct net_addr *addr);

/* Connects to the first broker that answers ApiVersions. Errors: CONNECT (addresses tried, origin).
 */
WEIR_MUST_USE enum weir_code client_open(
	const struct client_conf *conf, struct client **client, struct weir_err *err);
void client_close(struct client **client);

/*
 * One request to node (-1: any; CLIENT_CONTROLLER), at the highest version both sides know. The
 * answer is decoded into response (a zeroed struct of the api) and arena; *version tells which was
 * used (may be NULL).
 */
enum { CLIENT_ANY = -1, CLIENT_CONTROLLER = -2 };
WEIR_MUST_USE enum weir_code client_call(struct client *client, int32_t node, int16_t api_key,
	const void *request, struct arena *arena, void *response, int16_t *version,
	struct weir_err *err);
/* As client_call, at no higher version than version_max. AddPartitionsToTxn stays below 4 in both.
 */
WEIR_MUST_USE enum weir_code client_call_capped(struct client *client, int32_t node,
	int16_t api_key, int16_t version_max, const void *request, struct arena *arena,
	void *response, int16_t *version, struct weir_err *err);
bool client_has_api(struct client *client, int16_t api_key, int16_t version);

struct client_partition {
	int32_t leader, leader_epoch;
	int32_t error; /* wire code */
	const int32_t *replicas, *isr;
	int32_t replica_count, isr_count;
};
struct client_topic {
	const char *name;
	struct uuid id;
	bool internal;
	struct client_partition *partitions; /* index = partition */
	int32_t partition_count;
};
struct client_node {
	int32_t id;
	const char *host, *rack; /* rack may be NULL */
	int32_t port;
};
struct client_cluster {
	const char *id;
	int32_t controller;
	const struct client_node *nodes;
	size_t node_count;
	const struct client_topic *topics; /* sorted by name */
	size_t topic_count;
};
/* Fresh view, in arena; topics of internal kind included. Never creates a topic. */
WEIR_MUST_USE enum weir_code client_describe(struct client *client, struct arena *arena,
	struct client_cluster *cluster, struct weir_err *err);
/* One topic. Errors: UNKNOWN_TOPIC_OR_PARTITION, text names topic and broker, hint of a near name
 * in the text. */
WEIR_MUST_USE enum weir_code client_topic(struct client *client, const char *name,
	struct arena *arena, const struct client_topic **topic, struct weir_err *err);

/* Offset of a partition: timestamp is a time in ms or one of these; found offset -1: none. */
enum { CLIENT_OFFSET_LATEST = -1, CLIENT_OFFSET_EARLIEST = -2, CLIENT_OFFSET_MAX_TIME = -3 };
struct client_offset {
	int32_t partition;
	int64_t timestamp; /* in: asked; out: found record's, -1 if none */
	int64_t offset;	   /* out */
	int32_t error;	   /* out: wire code */
};
WEIR_MUST_USE enum weir_code client_offsets(struct client *client, const char *topic,
	bool committed, struct client_offset *offsets, size_t count, struct weir_err *err);

/* Producer: batches by partition, one request in flight a node keeps order. */
struct producer;
struct producer_conf {
	int16_t acks; /* -1, 0, 1; default -1 */
	enum codec codec;
	int level;
	int64_t linger_ms;	     /* 5 */
	size_t batch_bytes;	     /* 1000000 */
	size_t buffer_bytes;	     /* 32 MiB: produce blocks above it */
	int64_t delivery_timeout_ms; /* 120000 */
	/* No record twice after a retry. true; without effect unless acks is -1 and the broker can.
	 */
	bool idempotent;
	/* Called in producer_send/producer_flush for each record, in partition order; may be NULL.
	 */
	void (*delivered)(void *arg, void *tag, int32_t partition, int64_t offset,
		int64_t timestamp, enum weir_code code, const char *text);
	void *delivered_arg;
};
extern const struct producer_conf producer_conf_default;
struct produce_record {
	int32_t partition;	 /* -1: by key (Java's murmur2), or sticky */
	int64_t timestamp;	 /* ms; -1: now */
	struct slice key, value; /* data NULL: null. Copied. */
	const struct record_header *headers;
	size_t header_count;
	void *tag; /* handed to delivered */
};
WEIR_MUST_USE enum weir_code producer_open(struct client *client, const char *topic,
	const struct producer_conf *conf, struct producer **producer, struct weir_err *err);
/* Queues one record, sends what is due. Errors are those of the record itself (TOO_LARGE, bad
 * partition) or of the connection; failed deliveries also go to delivered. */
WEIR_MUST_USE enum weir_code producer_send(
	struct producer *producer, const struct produce_record *record, struct weir_err *err);
/*
 * Queues a batch from batch_republish of count records as it is, behind what partition has open.
 * delivered is called for each of its records with tag NULL and timestamp -1. Errors: TOO_LARGE, a
 * bad partition (before anything), the connection's.
 */
WEIR_MUST_USE enum weir_code producer_send_batch(struct producer *producer, int32_t partition,
	struct slice batch, int32_t count, struct weir_err *err);
/* Of its topic, as far as it knows. */
int32_t producer_partition_count(const struct producer *producer);
/* Sends batches whose linger is over and takes in answers without waiting; call when input pauses.
 */
WEIR_MUST_USE enum weir_code producer_poll(struct producer *producer, struct weir_err *err);
/* Waits until all is delivered or failed. The first failure is returned. */
WEIR_MUST_USE enum weir_code producer_flush(struct producer *producer, struct weir_err *err);
void producer_close(struct producer **producer); /* without flush: drops */
/* Java's default: murmur2(key) & 0x7fffffff % count. */
int32_t producer_partition_of(struct slice key, int32_t partition_count);

/* Consumer by assignment. */
struct consumer;
struct consumer_conf {
	bool committed;		     /* isolation: read_committed */
	bool control;		     /* hand out control records too */
	int32_t fetch_max_bytes;     /* 52428800 */
	int32_t partition_max_bytes; /* 1048576 */
	int64_t wait_max_ms;	     /* 500 */
};
extern const struct consumer_conf consumer_conf_default;
struct consumed {
	const char *topic;
	int32_t partition;
	const struct batch *batch; /* borrowed, as is record, until the next consumer_next */
	struct record record;
};
WEIR_MUST_USE enum weir_code consumer_open(struct client *client, const struct consumer_conf *conf,
	struct consumer **consumer, struct weir_err *err);
/* From offset (inclusive) to end_offset (exclusive; -1: for ever). */
WEIR_MUST_USE enum weir_code consumer_assign(struct consumer *consumer, const char *topic,
	int32_t partition, int64_t offset, int64_t end_offset, struct weir_err *err);
/* Stops one partition early. */
void consumer_finish(struct consumer *consumer, const char *topic, int32_t partition);
/*
 * While paused, nothing is handed out of the partition behind the batch that is being handed out; a
 * little is still fetched ahead. A paused partition is not over unless it was.
 */
void consumer_pause(struct consumer *consumer, const char *topic, int32_t partition, bool paused);
enum consumer_event { CONSUMER_RECORD, CONSUMER_IDLE, CONSUMER_DONE };
/*
 * Next record. What an error names (a damaged batch) is passed over by the next call. IDLE when
 * none came within wait_ms (0: only what is here already); DONE when every partition reached its
 * end (by position, so control records and gaps at the end do not hang).
 */
WEIR_MUST_USE enum weir_code consumer_next(struct consumer *consumer, int64_t wait_ms,
	enum consumer_event *event, struct consumed *consumed, struct weir_err *err);
/* As consumer_next, but whole batches as they came; consumed->record is empty. Do not mix the two.
 */
WEIR_MUST_USE enum weir_code consumer_next_batch(struct consumer *consumer, int64_t wait_ms,
	enum consumer_event *event, struct consumed *consumed, struct weir_err *err);
/* Next offset to be handed out; -1 if not assigned. */
int64_t consumer_position(struct consumer *consumer, const char *topic, int32_t partition);
void consumer_close(struct consumer **consumer);
