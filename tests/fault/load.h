/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Producers and consumers of one topic, a thread each, that tell the model what they were told.
 * They end when asked to, or when the broker goes away; the producers know where they were when it
 * comes back.
 */
#pragma once

#include "core/base/buf.h"
#include "tests/fault/model.h"

enum { LOAD_WINDOW_MAX = 5, LOAD_BATCHES_MAX = 3 };

/* What a producer does about requests that were not answered before the broker went. */
enum load_retry {
	LOAD_FORGET,	 /* they may be there or not */
	LOAD_REPEAT,	 /* sends them again: there at least once */
	LOAD_IDEMPOTENT, /* sends them again under a producer id: there once */
};

struct load_batch {
	int partition, count, first_seq;
	struct buf bytes;
};
struct load_request {
	struct load_batch batches[LOAD_BATCHES_MAX];
	int batch_count;
	int32_t correlation;
};

struct load_producer {
	struct load *load;
	int number;
	int16_t acks;
	enum load_retry retry;
	int window; /* requests in flight */
	uint64_t seed;
	int64_t producer_id; /* -1: none yet */
	int16_t producer_epoch;
	struct load_request ring[LOAD_WINDOW_MAX]; /* in flight, or unanswered from last time */
	int first, count, resend; /* resend: how many of the ring were sent before */
	int64_t refused;	  /* answers with an error code that the test allows */
	pthread_t thread;
};

struct load_consumer {
	struct load *load;
	int first, step;   /* partitions first, first + step, ... */
	int64_t *position; /* by partition */
	pthread_t thread;
};

struct load {
	struct model *model;
	const char *topic;
	int port;
	atomic_bool stopping;
	int pause_us;		     /* between requests of a producer */
	int batch_records_max;	     /* 1 or more */
	_Atomic int64_t *clock;	     /* stamps of claims; NULL: 0 */
	bool weak_is_weak;	     /* acks=1 promises nothing that a power cut leaves */
	bool (*allow)(int16_t code); /* codes that are no violation; NULL: none. KAFKA_STORAGE_ERROR
				      * means unknown, as a lost connection does */
	struct load_producer *producers;
	struct load_consumer *consumers;
	int producer_count, consumer_count;
};

/* producers of model; acks, retry and window by turns. */
void load_init(struct load *load, struct model *model, const char *topic, int consumer_count);
void load_fini(struct load *load);
void load_start(struct load *load, int port);
void load_join(struct load *load); /* waits until the threads have ended */
void load_stop(struct load *load); /* asks them to end, takes the answers due, joins */

/*
 * Reads all of a partition from offset on into the model. All that was claimed up to until must be
 * there; MODEL_NOW: everything, and what is read is claimed too. false: the broker went away.
 */
struct peer;
bool load_read(struct peer *peer, struct load *load, int partition, int64_t from, int64_t until);
