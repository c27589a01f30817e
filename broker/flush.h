/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Group commit: partitions with unflushed appends queue here, a pool of threads fdatasyncs them in
 * parallel (one flush a partition at a time), and each flush lets go all who wait for it. No sleep:
 * what is appended while a flush runs is taken by the next. What nobody waits for comes a little
 * later, and one file after the other.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/list.h"

#include <pthread.h>

struct broker;
struct partition;
struct reactor;

enum { FLUSH_THREADS_MAX = 16, FLUSH_LATER_MS = 5 };

struct flush_pool {
	struct broker *broker;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* Of partition.flush_node; guarded by lock, as all below. Somebody waits for the flushes in
	 * queue; those in calm are done one by one, by one thread. */
	struct list queue, calm;
	bool calm_busy;
	pthread_t threads[FLUSH_THREADS_MAX];
	int thread_count, idle;
	bool stopping;
};

void flush_pool_init(struct flush_pool *pool, struct broker *broker);
void flush_pool_fini(struct flush_pool *pool); /* works the queue off first */
/* partition.flush_queued */
enum flush_want { FLUSH_NONE, FLUSH_CALM, FLUSH_NOW };
/* Any thread. No-op when the partition is queued for it already. */
void flush_pool_add(struct flush_pool *pool, struct partition *partition, enum flush_want want);

/* Has partition flushed within FLUSH_LATER_MS; on reactor's thread. */
void flush_later(struct reactor *reactor, struct partition *partition);
void flush_later_init(struct reactor *reactor);
void flush_later_fini(struct reactor *reactor); /* drops what is pending: the logs' close flushes */
