/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compaction of the topics whose cleanup.policy has compact: log.cleaner.threads threads, each
 * takes the log with the largest dirty part, and sleeps log.cleaner.backoff.ms when there is none.
 *
 * How far a partition was compacted stands in cleaner-offset-checkpoint, which is Kafka's.
 */
#pragma once

#include "core/base/err.h"
#include "core/store/checkpoint.h"

#include <pthread.h>
#include <stdatomic.h>

struct broker;
struct partition;

enum { CLEANERS_MAX = 256 };

struct cleaner {
	struct checkpoint found; /* at the start; read-only after broker_open */
	bool opened;		 /* broker_open is over: what comes is new */
	atomic_bool stop;
	pthread_mutex_t lock; /* guards what follows, and the file */
	pthread_t *threads;
	int count;
};

void cleaner_init(struct cleaner *cleaner);
void cleaner_fini(struct cleaner *cleaner);
WEIR_MUST_USE enum weir_code cleaner_read(struct broker *broker, struct weir_err *err);
/* The topics are there: what was found of others is dropped. */
WEIR_MUST_USE enum weir_code cleaner_opened(struct broker *broker, struct weir_err *err);
WEIR_MUST_USE enum weir_code cleaner_start(struct broker *broker, struct weir_err *err);
void cleaner_stop(struct broker *broker); /* after broker_stop; waits for them */

/* Where the checkpoint says that a partition that was there at the start was compacted to; -1:
 * nowhere. */
int64_t cleaner_found(const struct broker *broker, const char *topic, int32_t partition);
/* A partition that had been compacted was deleted: its name may come again, with other records. */
void cleaner_forget(struct broker *broker);
