/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What consumer.c (handing out), fetch.c (requests) and aborted.c (transactions) share. */
#pragma once

#include "core/client/client_priv.h"
#include "core/wire/messages.h"

/* Which transactions of one answer were aborted, as far as its batches have been walked. */
struct aborted {
	struct aborted_txn {
		int64_t producer_id, first_offset;
	} * txns; /* by first_offset */
	size_t count, next;
	int64_t *producers; /* those whose aborted transaction the walk is in */
	size_t producer_count;
};

/* list may have any order and may be empty. */
void aborted_init(struct aborted *aborted, const struct fetch_response_aborted_transaction *list,
	int32_t count);
void aborted_fini(struct aborted *aborted);
/*
 * Takes the next batch of the answer, in order; *skip: its records belong to an aborted
 * transaction. reader is used to read control records. Errors: record_reader's.
 */
WEIR_MUST_USE enum weir_code aborted_walk(struct aborted *aborted, const struct batch *batch,
	struct record_reader *reader, bool *skip, struct weir_err *err);

/* One Fetch answer, shared by the chunks it holds. */
struct fetched {
	struct exchange *exchange;
	struct arena arena;
	struct fetch_response response;
	size_t chunk_count;
};

struct assigned {
	struct topic *topic;
	struct uuid topic_id;
	int32_t partition;
	int64_t position;     /* next to hand out */
	int64_t end_offset;   /* -1: none */
	int64_t fetch_offset; /* next to ask for */
	int32_t max_bytes;
	bool finished, under_way, paused;
	bool damaged;	     /* the last answer was CORRUPT_MESSAGE: told of, being passed over */
	uint32_t generation; /* grows with each assignment: answers to older ones are dropped */
	size_t chunk_count;
	int64_t retry_ms, failing_ms; /* mono; failing since, 0: not failing */
	int attempts;
};

/* One partition's part of an answer. */
struct chunk {
	struct list node; /* in consumer.chunks */
	struct assigned *assigned;
	uint32_t generation;
	struct fetched *fetched;
	struct slice rest;
	struct aborted aborted;
};

/* One Fetch request under way. */
struct fetch {
	struct list node; /* in consumer.fetches */
	int32_t node_id;
	struct exchange *exchange;
	struct fetch_part {
		struct assigned *assigned;
		uint32_t generation;
		int64_t offset;
	} * parts;
	size_t count;
};

struct consumer {
	struct client *client;
	struct consumer_conf conf;
	struct assigned **assigned;
	size_t count;
	size_t turn; /* which is asked for first */
	struct map by_name;
	struct list fetches;
	struct list chunks; /* in order of arrival */
	struct buf spare;   /* an answer's memory, for the next */
	bool refresh;
	struct weir_err failed; /* to be returned */
	/* Handing out: */
	struct record_reader reader;
	bool in_batch;
	struct assigned *current;
	struct batch batch;
};

static inline bool assigned_is_over(const struct assigned *assigned)
{
	return assigned->finished ||
	       (assigned->end_offset >= 0 && assigned->position >= assigned->end_offset);
}

/* Sends the requests that are due and takes the answers that are there, without waiting. */
void fetch_progress(struct consumer *consumer);
/* When a partition that failed may be asked for again; INT64_MAX if none. */
int64_t fetch_due_ms(const struct consumer *consumer);
/* Gives up what is under way, and closes the connections that wait for it. */
void fetch_stop(struct consumer *consumer);
void chunk_free(struct consumer *consumer, struct chunk *chunk);
