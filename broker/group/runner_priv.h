/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the runner: runner.c, load.c and call.c share it. */
#pragma once

#include "broker/broker_priv.h"
#include "broker/group/runner.h"

enum { GROUP_LOADERS = 2 };

enum shard_state {
	SHARD_LOADING, /* queued, or being loaded */
	SHARD_ACTIVE,
	SHARD_GONE, /* the topic went, or the broker stops */
};

struct group_shard {
	struct group_runner *runner;
	int32_t index;
	struct partition *partition; /* counted */
	pthread_mutex_t lock;
	enum shard_state state;		 /* guarded by lock, as all below */
	struct coordinator *coordinator; /* NULL unless active */
	struct list answered;		 /* struct group_call.node: by the step at hand */
	struct list settled;		 /* by the steps since group_enter */
	_Atomic int64_t next_ms;	 /* of its timers, mono; INT64_MAX: none */

	struct list load_node; /* guarded by runner.work_lock */
	int64_t load_after_ms; /* mono */
	struct group_shard *next_retired;
};

/* A topic that was deleted, and whose commits must go. */
struct gone_topic {
	struct list node;
	char *name;
};

struct group_runner {
	struct broker *broker;
	pthread_rwlock_t table;
	struct group_shard **shards; /* guarded by table */
	int32_t count;
	struct uuid topic_id;
	struct group_shard *retired; /* of topics that went; freed at the end */

	pthread_mutex_t work_lock;
	pthread_cond_t work; /* monotonic clock */
	struct list to_load; /* struct group_shard.load_node; guarded by work_lock, as all below */
	struct list to_resolve; /* struct resolving, resolve.c */
	struct list gone;	/* struct gone_topic */
	bool stopping;
	bool started;
	_Atomic int64_t wake_ms; /* when the ticker looks again */
	pthread_cond_t tick;
	pthread_t ticker, loaders[GROUP_LOADERS];
	int loader_count;
};

/* An answer that waits: for the coordinator, for the log, or for both. */
struct group_wait {
	struct partition_wait wait;
	struct group_call *call;
	struct partition *partition; /* counted */
};

struct group_call {
	struct list node; /* in a shard's lists */
	struct reactor *reactor;
	struct reply *reply; /* NULL: the client is gone. The reactor's thread only. */
	const struct wire_api *api;
	int16_t version;
	int32_t correlation_id;
	struct buf bytes; /* the answer, encoded */
	int64_t position;
	_Atomic int code; /* enum weir_code: why it cannot be sent */
	atomic_int pending;
	struct loop_post post;
	size_t wait_count;
	struct group_wait waits[];
};

/* call.c: effects' answer and settle; then, unlocked, the waits of what was settled. */
void call_answer(void *shard, void *token, const void *response);
void call_settle(void *shard, enum weir_code code, int64_t position);
void calls_send(struct partition *partition, struct list *settled);

/* resolve.c: effects' resolve; and what a loader's thread does about it. */
void resolve_queue(void *shard, struct slice group_id, struct slice pattern);
bool resolve_next(struct group_runner *runner);
void resolve_drop_all(struct group_runner *runner);

/* load.c */
void *loader_run(void *runner);
/* Makes the shard active now when there is nothing to load. */
bool load_at_once(struct group_shard *shard);
void load_queue(struct group_shard *shard, int64_t after_ms);
struct coordinator *shard_coordinator(struct group_shard *shard);
void group_env_now(struct group_env *env, struct broker *broker, const struct group_image *view);
void ticker_wake(struct group_runner *runner, int64_t at_ms);
