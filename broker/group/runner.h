/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the group coordinator: one shard a partition of __consumer_offsets, each behind one mutex.
 * A request's step runs on its own reactor, its records go straight to the partition's log, its
 * answer leaves when the high watermark has passed them. One thread ticks what is due, two more
 * load shards from their logs: at the start, when the topic appears, after a failed append.
 *
 * Locks, in this order: runner.table, shard.lock, what partitions take. A partition_wait's fire
 * takes none of them: it only posts to a reactor.
 */
#pragma once

#include "broker/dispatch.h"
#include "broker/group/coordinator.h"
#include "broker/partition.h"
#include "core/meta/image.h"

struct group_runner;

struct group_runner *group_runner_new(struct broker *broker);
WEIR_MUST_USE enum weir_code group_runner_start(struct group_runner *runner, struct weir_err *err);
/* Ends the threads; parked requests are answered. Before the partitions and reactors go. */
void group_runner_stop(struct group_runner *runner);
void group_runner_free(struct group_runner **runner);
/* Follows the metadata: the offsets topic appears or goes, other topics go. before may be NULL. */
void group_runner_apply(
	struct group_runner *runner, const struct image *before, const struct image *after);

/* Makes __consumer_offsets if it is not there. */
WEIR_MUST_USE enum weir_code group_topic_ensure(struct broker *broker, struct weir_err *err);
extern const char group_topic_name[];

/* A view of a metadata image; counted until group_catalog_fini. */
struct group_image {
	struct group_catalog catalog; /* first */
	const struct image *image;
};
void group_image_init(struct group_image *view, struct broker *broker);
void group_image_fini(struct group_image *view);

struct group_shard;

/* A shard in hand, locked. */
struct group_use {
	struct group_shard *shard;
	struct coordinator *coordinator;
	struct group_env env;
	struct group_image view;
};

/*
 * Locks the shard of the group. Errors: NOT_COORDINATOR (there is no offsets topic, or the broker
 * stops), COORDINATOR_LOAD_IN_PROGRESS.
 */
WEIR_MUST_USE enum weir_code group_enter(
	struct broker *broker, struct slice group_id, struct group_use *use, struct weir_err *err);
/* The i-th shard; errors as above, and NOT_FOUND past the end. */
WEIR_MUST_USE enum weir_code group_enter_at(
	struct broker *broker, int32_t i, struct group_use *use, struct weir_err *err);
/* Unlocks; answers that its steps gave are on their way. */
void group_leave(struct group_use *use);

/* What an answer waits for. Zeroed is nothing. */
struct group_waits {
	struct group_wait_row {
		struct partition *partition; /* counted */
		int64_t position;
	} * rows;
	size_t count, room;
};
/* Adds position of the shard's log, unless it is durable already. With use in hand. */
void group_waits_add(struct group_waits *waits, const struct group_use *use, int64_t position);

/* Sends response now, or when all of waits is durable; takes waits. */
void group_send(struct request *req, const void *response, struct group_waits *waits);
/* A token for a request that a step may park; the coordinator answers it. */
void *group_park(struct request *req);

/* The request's client, for coordinator calls. host: NET_HOST_MAX + 1 bytes. */
void group_caller_of(struct request *req, struct group_caller *caller, char *host);
