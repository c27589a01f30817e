/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's inside, for the files of this folder. */
#pragma once

#include "broker/broker.h"
#include "broker/cleaner.h"
#include "broker/conn.h"
#include "broker/fetch_sessions.h"
#include "broker/flush.h"
#include "broker/producer_ids.h"
#include "broker/group/runner.h"
#include "broker/topics.h"
#include "core/base/map.h"
#include "core/meta/image.h"
#include "core/stat/stat.h"
#include "core/store/checkpoint.h"

enum { REACTORS_MAX = 256, LISTENERS_MAX = 16 };

/* Fixed once it listens. */
struct listener {
	struct broker *broker;
	struct loop_io io; /* on the first reactor */
	int fd;
	struct net_addr bound, advertised;
	struct loop_post post;	  /* its start on the reactor */
	struct deadline back_off; /* after EMFILE */
};

struct broker {
	char *data_dir;
	int lock_fd;
	int32_t node_id;
	_Atomic(const struct conf *) conf; /* replaced whole */
	struct {
		const struct conf *conf;
		int64_t since_ms;
	} * retired; /* replaced ones, let go later; guarded by state_lock */
	size_t retired_count;
	struct meta *meta;
	struct image_store *images;
	struct producer_ids producer_ids;
	struct cleaner cleaner;
	struct topics topics;
	struct flush_pool flush;
	struct stat *stat;
	struct fetch_sessions *fetch_sessions;
	struct http_server *metrics_server; /* NULL: nobody asked for it */
	struct group_runner *groups;
	struct reactor *reactors;
	int reactor_count;
	atomic_uint next_reactor;
	struct listener listeners[LISTENERS_MAX];
	int listener_count;

	/* What the last stop left; read-only after broker_open. */
	bool was_clean;
	bool recovering; /* recover_all opens logs; nobody else does */
	struct checkpoint recovery_points, log_starts;

	pthread_mutex_t conn_lock;
	struct map conns_by_host; /* value: count as a pointer; guarded by conn_lock */
	int64_t conn_count;	  /* guarded by conn_lock */

	pthread_mutex_t state_lock;
	pthread_cond_t state_changed; /* monotonic clock */
	bool stopping;		      /* guarded by state_lock */
	struct weir_err fault;	      /* code WEIR_OK: none; guarded by state_lock */
	bool started;
	pthread_t housekeeper;
	pthread_mutex_t checkpoint_lock; /* one writer of the checkpoint files at a time */
	uint64_t checkpointed[3];	 /* hashes of what they say; guarded by checkpoint_lock */
};

/* Valid for the request at hand (replaced ones are kept a minute). */
static inline const struct conf *broker_conf(struct broker *broker)
{
	return atomic_load(&broker->conf);
}
static inline enum conf_flush_mode broker_flush_mode(struct broker *broker)
{
	return (enum conf_flush_mode)broker_conf(broker)->flush_mode;
}
static inline const char *broker_data_dir(const struct broker *broker)
{
	return broker->data_dir;
}
static inline int32_t broker_node_id(const struct broker *broker)
{
	return broker->node_id;
}
static inline struct image_store *broker_images(struct broker *broker)
{
	return broker->images;
}
static inline struct topics *broker_topics(struct broker *broker)
{
	return &broker->topics;
}
static inline const char *broker_rack(struct broker *broker)
{
	return broker_conf(broker)->broker_rack;
}
static inline int32_t broker_request_bytes_max(struct broker *broker)
{
	return broker_conf(broker)->socket_request_max_bytes;
}
static inline int64_t broker_fetch_bytes_max(struct broker *broker)
{
	return broker_conf(broker)->fetch_max_bytes;
}
static inline bool broker_was_clean(const struct broker *broker)
{
	return broker->was_clean;
}

/* Offset of the checkpoint file read at the start; 0 when it has none. */
int64_t broker_checkpointed(
	const struct broker *broker, const char *which, const char *topic, int32_t partition);
/* The checkpoint files, by bits. */
enum { CHECKPOINT_STARTS = 1, CHECKPOINT_RECOVERIES = 2, CHECKPOINT_WATERMARKS = 4 };
/* Writes those of which that changed since the last time, durably. Any thread. */
WEIR_MUST_USE enum weir_code broker_checkpoint(
	struct broker *broker, unsigned which, struct weir_err *err);

void broker_flush_soon(struct broker *broker, struct partition *partition);
/* The disk can't be trusted any more: remembers the first error, stops. */
void broker_fail(struct broker *broker, const struct weir_err *err);

/* Where this connection's client is told to find the broker. */
struct broker_endpoint {
	char host[NET_HOST_MAX];
	int32_t port;
};
void broker_endpoint(const struct conn *conn, struct broker_endpoint *endpoint);

/* Counts an accepted connection in; false when a limit refuses it. */
bool broker_conn_opened(struct broker *broker, const struct net_addr *peer);
void broker_conn_closed(struct broker *broker, const struct conn *conn);

/* On the first reactor's thread: stops listening. On others: nothing. */
void listeners_close(struct reactor *reactor);

/* settings.c */
void broker_topic_settings(
	struct broker *broker, const struct image_topic *row, struct topic_settings *settings);
WEIR_MUST_USE enum weir_code broker_check_topic_configs(struct broker *broker,
	const struct image_config *configs, size_t count, struct weir_err *err);
/* Takes settings changed at run time over from the image. */
void broker_apply_dynamic(struct broker *broker, const struct image *image);

/* Sleeps ms, less when the broker stops: then false. */
bool broker_pause_ms(struct broker *broker, int64_t ms);

/* housekeeper.c: retention, checkpoints, flush.ms, deleted directories. */
void *housekeeper_run(void *broker);
/* Removes "-delete" directories older than their delay; all of them when now is set. */
void housekeeper_remove_deleted(struct broker *broker);

/* adopt.c: topics found on disk that the metadata store does not know. */
WEIR_MUST_USE enum weir_code adopt_directory(struct broker *broker, struct weir_err *err);
/* recover.c: opens every log after an unclean stop, in parallel; raises the leader epochs. */
WEIR_MUST_USE enum weir_code recover_all(struct broker *broker, struct weir_err *err);

void produce_ops_free(struct list *pool);
void fetch_ops_free(struct list *pool);
