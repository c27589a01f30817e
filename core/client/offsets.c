/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ListOffsets to every leader at once, in rounds: what failed in a way that may pass is asked again
 * in the next round, with fresh metadata. A request names a partition once; one that is asked for
 * twice (its start and its end, say) comes again in a second request of the same round.
 */
#include "core/client/client_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

enum { VERSION_MAX_TIME = 7 };

struct ask {
	int64_t timestamp;
	bool done;
	bool tried; /* in this round */
	struct exchange *exchange;
	enum weir_code failed; /* the last thing that may pass */
};

struct round {
	struct client *client;
	const char *name;
	struct topic *topic;
	bool committed;
	struct client_offset *offsets;
	struct ask *asks;
	size_t count;
	int64_t deadline_ms;
	bool refresh; /* something failed that new metadata may mend */
	struct weir_err err;
};

static void ask_end(struct round *round, size_t i, enum weir_code error)
{
	struct client_offset *offset = &round->offsets[i];
	round->asks[i].done = true;
	offset->error = error;
	if (error) {
		offset->offset = offset->timestamp = -1;
	}
}

static void ask_failed(struct round *round, size_t i, enum weir_code code)
{
	if (err_info(code)->retriable) {
		round->asks[i].failed = code;
		round->refresh = true;
	} else {
		ask_end(round, i, code);
	}
}

static bool partition_is_there(const struct round *round, size_t i)
{
	int32_t partition = round->offsets[i].partition;
	return partition >= 0 && partition < round->topic->partition_count;
}

static int32_t leader_of(const struct round *round, size_t i)
{
	return partition_is_there(round, i)
		       ? round->topic->partitions[round->offsets[i].partition].leader
		       : -1;
}

static bool partition_is_in(const struct list_offsets_request_list_offsets_partition *partitions,
	int32_t count, int32_t partition)
{
	for (int32_t i = 0; i < count; i++) {
		if (partitions[i].partition_index == partition) {
			return true;
		}
	}
	return false;
}

/* Starts one request to node with every open ask of its own, each partition once. */
static enum weir_code round_start(struct round *round, int32_t node, struct weir_err *err)
{
	struct connection *connection;
	struct exchange *x = NULL;
	struct list_offsets_request request;
	struct list_offsets_request_list_offsets_topic topic = {.name = slice_str(round->name)};
	enum weir_code code = client_reach(round->client, node, LANE_CALL, &connection, err);
	if (code) {
		return code;
	}
	bool old = !versions_has(&connection->versions, API_LIST_OFFSETS, VERSION_MAX_TIME);
	topic.partitions = mem_array(round->count, sizeof(*topic.partitions));
	bool *mine = mem_array(round->count, sizeof(*mine));
	for (size_t i = 0; i < round->count; i++) {
		int32_t partition = round->offsets[i].partition;
		if (round->asks[i].done || round->asks[i].tried || leader_of(round, i) != node) {
			continue;
		}
		if (old && round->asks[i].timestamp < CLIENT_OFFSET_EARLIEST) {
			ask_end(round, i, WEIR_UNSUPPORTED_VERSION);
		} else if (!partition_is_in(topic.partitions, topic.partitions_count, partition)) {
			mine[i] = true;
			topic.partitions[topic.partitions_count++] =
				(struct list_offsets_request_list_offsets_partition){
					.partition_index = partition,
					.current_leader_epoch = -1,
					.timestamp = round->asks[i].timestamp,
				};
		}
	}
	wire_defaults(&list_offsets_request_message, &request);
	request.replica_id = -1;
	request.isolation_level = round->committed;
	request.topics = &topic;
	request.topics_count = 1;
	request.timeout_ms = (int32_t)round->client->conf.timeout_ms;
	if (topic.partitions_count) {
		code = client_start(round->client, connection, API_LIST_OFFSETS, VERSION_ANY,
			&request, true, round->deadline_ms, &x, err);
	}
	for (size_t i = 0; i < round->count; i++) {
		if (mine[i]) {
			round->asks[i].tried = true;
			round->asks[i].exchange = x;
		}
	}
	mem_free(mine);
	mem_free(topic.partitions);
	return code;
}

static void round_take(struct round *round, const struct exchange *x,
	const struct list_offsets_response_list_offsets_partition_response *answer)
{
	for (size_t i = 0; i < round->count; i++) {
		if (round->asks[i].exchange != x ||
			round->offsets[i].partition != answer->partition_index ||
			round->asks[i].done) {
			continue;
		}
		if (answer->error_code) {
			ask_failed(round, i, err_info(answer->error_code)->code);
		} else {
			round->offsets[i].offset = answer->offset;
			round->offsets[i].timestamp = answer->timestamp;
			ask_end(round, i, WEIR_OK);
		}
	}
}

/* Waits for one request and takes its answer; it is freed. */
static enum weir_code round_finish(struct round *round, struct exchange *x, struct weir_err *err)
{
	struct list_offsets_response answer = {0};
	struct arena arena;
	client_wait(round->client, x);
	arena_init(&arena, x->frame.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	enum weir_code code = exchange_decode(x, &arena, &answer, err);
	for (int32_t t = 0; !code && t < answer.topics_count; t++) {
		for (int32_t p = 0; p < answer.topics[t].partitions_count; p++) {
			round_take(round, x, &answer.topics[t].partitions[p]);
		}
	}
	for (size_t i = 0; i < round->count; i++) {
		if (round->asks[i].exchange == x) {
			round->asks[i].exchange = NULL;
			if (code) {
				ask_failed(round, i, code);
			}
		}
	}
	arena_fini(&arena);
	exchange_free(&x);
	return code;
}

/* One round; an error is kept in round->err and does not end the others. */
static void round_run(struct round *round)
{
	struct weir_err err;
	round->refresh = false;
	for (size_t i = 0; i < round->count; i++) {
		round->asks[i].tried = false;
		round->asks[i].failed = WEIR_OK;
		if (!round->asks[i].done && !partition_is_there(round, i)) {
			ask_end(round, i, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
		}
	}
	for (size_t i = 0; i < round->count; i++) {
		if (round->asks[i].done || round->asks[i].tried) {
			continue;
		}
		int32_t node = leader_of(round, i);
		enum weir_code code = WEIR_LEADER_NOT_AVAILABLE;
		if (node >= 0) {
			code = round_start(round, node, &err);
			round->err = code ? err : round->err;
		}
		for (size_t k = i; code && k < round->count; k++) {
			if (!round->asks[k].done && leader_of(round, k) == node) {
				round->asks[k].tried = true;
				ask_failed(round, k, code);
			}
		}
	}
	for (size_t i = 0; i < round->count; i++) {
		if (round->asks[i].exchange && round_finish(round, round->asks[i].exchange, &err)) {
			round->err = err;
			round->refresh = true;
		}
	}
}

static bool round_is_over(const struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		if (!round->asks[i].done) {
			return false;
		}
	}
	return true;
}

/* Time is up: what is still open gets its last error; a connection's error is returned. */
static enum weir_code give_up(struct round *round, struct weir_err *err)
{
	for (size_t i = 0; i < round->count; i++) {
		enum weir_code failed = round->asks[i].failed;
		if (!round->asks[i].done && failed < WEIR_UNKNOWN_SERVER_ERROR) {
			if (err) {
				*err = round->err;
			}
			return round->err.code;
		}
		if (!round->asks[i].done) {
			ask_end(round, i, failed ? failed : WEIR_REQUEST_TIMED_OUT);
		}
	}
	return WEIR_OK;
}

/* A connection error to a node never reached soon counts as final, see call.c. */
static bool round_is_hopeless(const struct round *round, int64_t started_ms)
{
	for (size_t i = 0; i < round->count; i++) {
		if (!round->asks[i].done && round->asks[i].failed == WEIR_CONNECT) {
			const struct node *node = client_node(round->client, leader_of(round, i));
			return node && !node->reached &&
			       clock_mono_ms() - started_ms >=
				       round->client->conf.connect_timeout_ms;
		}
	}
	return false;
}

enum weir_code client_offsets(struct client *client, const char *topic, bool committed,
	struct client_offset *offsets, size_t count, struct weir_err *err)
{
	struct round round = {
		.client = client,
		.name = topic,
		.committed = committed,
		.offsets = offsets,
		.count = count,
		.deadline_ms = client_deadline(client),
	};
	int64_t started_ms = clock_mono_ms();
	enum weir_code code =
		metadata_topic(client, topic, false, round.deadline_ms, &round.topic, err);
	if (code) {
		return code;
	}
	round.asks = mem_array(count ? count : 1, sizeof(*round.asks));
	for (size_t i = 0; i < count; i++) {
		round.asks[i].timestamp = offsets[i].timestamp;
		offsets[i].offset = -1;
	}
	for (int attempt = 0; !code; attempt++) {
		round_run(&round);
		if (round_is_over(&round)) {
			break;
		}
		if (round.refresh && (clock_mono_ms() >= round.deadline_ms ||
					     round_is_hopeless(&round, started_ms))) {
			code = give_up(&round, err);
			break;
		}
		if (round.refresh) {
			retry_pause(client, attempt, round.deadline_ms);
			code = metadata_topic(
				client, topic, true, round.deadline_ms, &round.topic, err);
		}
	}
	mem_free(round.asks);
	return code;
}
