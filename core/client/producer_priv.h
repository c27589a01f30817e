/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What producer.c (batches) and produce.c (requests) share. */
#pragma once

#include "core/client/client_priv.h"

struct pending_tag {
	void *tag;
	int64_t timestamp;
};

/* A batch of records, being built or waiting for its delivery. */
struct pending {
	struct list node; /* in partition.queue */
	struct partition *partition;
	struct buf bytes; /* the batch, once closed */
	int32_t count;
	struct pending_tag *tags; /* only when somebody wants to hear of deliveries */
	size_t tag_room;
	int64_t created_ms;  /* mono */
	int64_t producer_id; /* -1 until first sent */
	int16_t producer_epoch;
	int32_t base_sequence;
	int attempts;
	struct weir_err err; /* of the last attempt */
};

struct partition {
	int32_t index;
	struct batch_builder builder;
	struct pending *building; /* NULL: no batch is open */
	struct list queue;	  /* closed batches; the first may be under way */
	struct list open;	  /* in producer.open while a batch is open */
	struct list ready;	  /* in producer.ready while the queue is not empty */
	bool under_way;
	int64_t retry_ms; /* not before (mono) */
	int32_t sequence; /* next */
};

/* One Produce request under way. */
struct produce {
	struct list node; /* in producer.requests */
	int32_t node_id;
	struct exchange *exchange;
	struct pending **batches;
	size_t count;
};

struct producer {
	struct client *client;
	struct topic *topic;
	struct producer_conf conf;
	bool idempotent, id_is_stale;
	bool refresh; /* metadata may be stale */
	int64_t id;
	int16_t epoch;
	struct partition **partitions;
	int32_t partition_count;
	int32_t sticky;	 /* partition for records without a key; -1: choose */
	size_t buffered; /* bytes of all batches */
	struct list open, ready;
	struct list requests;
	int64_t looked_ms;	/* mono: when producer_tick last did something */
	struct weir_err failed; /* first failure since it was last returned */
};

struct pending *pending_new(struct partition *partition);
void pending_free(struct pending *pending);
void producer_follow_topic(struct producer *producer);
/* A new producer id; sequences begin at 0 again. */
WEIR_MUST_USE enum weir_code producer_take_id(struct producer *producer, struct weir_err *err);
WEIR_MUST_USE enum weir_code producer_close_batch(
	struct producer *producer, struct partition *partition, struct weir_err *err);
WEIR_MUST_USE enum weir_code producer_add(struct producer *producer, struct partition *partition,
	const struct produce_record *record, int64_t timestamp, struct weir_err *err);

/* Sends what can be sent and takes in what has come, without waiting. */
void producer_progress(struct producer *producer);
/* Closes batches whose linger is over, moves bytes (wait: until something happens) and progresses.
 */
void producer_step(struct producer *producer, bool wait);
/* producer_step without waiting, at most once a millisecond. */
void producer_tick(struct producer *producer);
/* Tells of a batch's failure and frees it. */
void producer_fail_batch(
	struct producer *producer, struct pending *pending, const struct weir_err *why);
/* Returns the first failure and forgets it. */
WEIR_MUST_USE enum weir_code producer_failure(struct producer *producer, struct weir_err *err);
void producer_drop_requests(struct producer *producer);
