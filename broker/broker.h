/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine as a library: open a data directory, hand out connected sockets, listen, run, stop.
 * weir broker, and every command that works on a directory without a broker, use it through this.
 */
#pragma once

#include "core/conf/conf.h"
#include "core/io/net.h"

struct broker;

struct broker_options {
	const char *data_dir;	 /* made if absent */
	const struct conf *conf; /* validated; counted, stays the caller's */
};

/*
 * Locks the directory, recovers what an unclean stop left, serves nobody yet. A Kafka directory
 * is adopted: its topics, ids and cluster id are taken over. Errors: LOCKED (names the other's
 * pid), LOCAL_CORRUPT, IO, NO_SPACE, INVALID_CONFIG.
 */
WEIR_MUST_USE enum weir_code broker_open(
	const struct broker_options *options, struct broker **broker, struct weir_err *err);
/* Starts the threads that serve. Errors: IO. */
WEIR_MUST_USE enum weir_code broker_start(struct broker *broker, struct weir_err *err);
/*
 * Adds a listener. advertised (may be NULL): what clients are told; its port 0 means the bound one.
 * bound gets the real address. After broker_start. Errors: EXISTS, CONNECT, USAGE.
 */
WEIR_MUST_USE enum weir_code broker_listen(struct broker *broker, const struct net_addr *addr,
	const struct net_addr *advertised, struct net_addr *bound, struct weir_err *err);
/* A connected socket to this engine, for this process; the caller's to close. After broker_start.
 */
WEIR_MUST_USE enum weir_code broker_connect(struct broker *broker, int *fd, struct weir_err *err);
/* Waits until broker_stop, or until the disk failed: then that error. */
WEIR_MUST_USE enum weir_code broker_wait(struct broker *broker, struct weir_err *err);
void broker_stop(struct broker *broker); /* any thread; not from a signal handler */
/* Ends the threads, flushes, writes the checkpoints and the clean-shutdown marker, unlocks. */
WEIR_MUST_USE enum weir_code broker_close(struct broker **broker, struct weir_err *err);

/* What it counts (core/stat/metrics.def), in Prometheus' text form, appended. Any thread. */
void broker_metrics(struct broker *broker, struct buf *out);
/* Tells that over HTTP as /metrics, and /health; without a host on 127.0.0.1. Once, after
 * broker_start. Errors: as broker_listen. */
WEIR_MUST_USE enum weir_code broker_serve_metrics(struct broker *broker,
	const struct net_addr *addr, struct net_addr *bound, struct weir_err *err);
/* Whether clients may call the API; settings of one that is not served have no effect. */
bool broker_serves(int16_t api_key);
const char *broker_cluster_id(const struct broker *broker);
