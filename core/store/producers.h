/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a partition knows of its producers: epoch, the last batches, the open transaction (KIP-98,
 * KIP-360). It is a function of the log, so it can be built again from it; <offset>.snapshot files
 * in Kafka's form save the work, and keep what retention has taken out of the log.
 *
 *   version i16 (1) | crc u32 (CRC-32C of what follows) | count i32 | count entries of 46 bytes:
 *   producer_id i64 | epoch i16 | last_sequence i32 | last_offset i64 | offset_delta i32 |
 *   timestamp i64 | coordinator_epoch i32 | current_txn_first_offset i64 (-1: none)
 *
 * Not locked: the log's lock guards it.
 */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/record/batch.h"

enum {
	PRODUCER_BATCHES = 5, /* that a client may have in flight: duplicates of them are known */
	PRODUCER_SNAPSHOT_VERSION = 1,
};

enum append_origin {
	APPEND_FROM_CLIENT,	 /* epoch and sequence are checked, duplicates are found */
	APPEND_FROM_COORDINATOR, /* epoch is checked */
	APPEND_FROM_REPLICA,	 /* checked before, by the leader */
};

struct producer_batch {
	int64_t last_offset;
	int64_t timestamp; /* the largest of the batch, ms */
	int32_t last_sequence;
	int32_t offset_delta;
};

struct producer {
	int64_t id;
	int64_t last_timestamp;	   /* ms, of the last batch or marker; -1: none */
	int64_t txn_first_offset;  /* -1: no open transaction */
	int32_t coordinator_epoch; /* -1: none */
	int16_t epoch;		   /* -1: none */
	uint8_t batch_count;
	struct producer_batch batches[PRODUCER_BATCHES]; /* oldest first */
	uint64_t order;					 /* in which they came to be known */
	struct list by_age;				 /* in producers.by_age */
};
static inline int32_t producer_last_sequence(const struct producer *producer)
{
	return producer->batch_count ? producer->batches[producer->batch_count - 1].last_sequence
				     : -1;
}
/* Sequence n after sequence; 2147483647 is followed by 0. n >= 0. */
static inline int32_t sequence_add(int32_t sequence, int32_t n)
{
	return sequence > INT32_MAX - n ? n - (INT32_MAX - sequence) - 1 : sequence + n;
}

struct producer_txn {
	int64_t producer_id;
	int64_t first_offset;
	int64_t last_offset; /* of the marker; -1: open */
};
struct producer_txns {
	struct producer_txn *items; /* first offsets rise */
	size_t count, room;
};

struct producers {
	struct map by_id;
	struct list by_age;		/* longest without a write first */
	struct producer_txns ongoing;	/* open ones */
	struct producer_txns undecided; /* ended, but the marker may be above the high watermark */
	uint64_t next_order;
};

/* What an append will do to the state; nothing is done until producers_commit. Reused. */
struct producer_end {
	struct producer_txn txn;
	bool commit;
	int64_t last_stable_offset; /* once it has ended */
};
struct producer_changes {
	struct producer *items; /* one a producer */
	size_t count, room;
	struct producer_txns started;
	struct producer_end *ended; /* transactions with data only */
	size_t ended_count, ended_room;
};

void producers_init(struct producers *producers);
void producers_fini(struct producers *producers);
void producers_clear(struct producers *producers);
size_t producers_count(const struct producers *producers);
const struct producer *producers_find(const struct producers *producers, int64_t id); /* or NULL */

void producer_changes_fini(struct producer_changes *changes);
void producer_changes_reset(struct producer_changes *changes);

/*
 * Takes one batch (offsets as they will be; markers with their records) into changes. A batch
 * without producer id changes nothing. *duplicate (only from a client; batch.offset_delta -1: none)
 * is the batch of before. transaction_version 2: a marker's epoch must be above the producer's.
 * Errors: INVALID_PRODUCER_EPOCH; OUT_OF_ORDER_SEQUENCE_NUMBER; INVALID_TXN_STATE (not part of the
 * open transaction); TRANSACTION_COORDINATOR_FENCED; CORRUPT_MESSAGE. From a replica only the last.
 */
WEIR_MUST_USE enum weir_code producers_check(const struct producers *producers,
	const struct batch *batch, enum append_origin origin, int16_t transaction_version,
	struct producer_changes *changes, struct producer_batch *duplicate, struct weir_err *err);
void producers_commit(struct producers *producers, const struct producer_changes *changes);

/* First offset of the oldest open or undecided transaction; INT64_MAX: none. */
int64_t producers_first_unstable(const struct producers *producers);
/* Ended transactions with a marker below high_watermark are decided. True when any was. */
bool producers_decide(struct producers *producers, int64_t high_watermark);
/* Forgets who wrote nothing for expiration_ms and has no open transaction. */
void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms);

/* Takes from seen, which knows the end of the same log only, batches before the last one. */
void producers_refill(struct producers *producers, const struct producers *seen);

/* Bytes of a snapshot file, in the order that Kafka writes. out->failed tells of no memory. */
void producers_encode(const struct producers *producers, struct buf *out);
/* Into producers, which must be empty. Errors: LOCAL_CORRUPT; producers is empty then. */
WEIR_MUST_USE enum weir_code producers_decode(
	struct producers *producers, struct slice bytes, struct weir_err *err);
