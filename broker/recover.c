/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * After an unclean stop every log is opened before anybody is served, by
 * num.recovery.threads.per.data.dir threads: recovery cuts what was torn and makes durable what it
 * keeps. Then each partition's leader epoch goes up by one, so that a client which read what the
 * stop took away (flush.mode os or interval) learns that it diverged (KIP-320).
 */
#include "broker/broker_priv.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

struct recovery {
	struct broker *broker;
	struct partition **partitions;
	bool *raised; /* one a partition */
	size_t count;
	atomic_size_t next;
	pthread_mutex_t lock;
	struct weir_err err; /* the first error; guarded by lock */
};

static void collect(void *arg, struct partition *partition)
{
	struct recovery *r = arg;
	partition_ref(partition);
	r->partitions = mem_grow(r->partitions, r->count + 1, sizeof(struct partition *));
	r->partitions[r->count++] = partition;
}

/* *raised: the log has a new epoch, which its row still lacks. */
static enum weir_code recover_one(struct partition *p, bool *raised, struct weir_err *err)
{
	struct log *log;
	enum weir_code code = partition_use(p, &log, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (log_end_offset(log) > 0) {
		code = log_start_epoch(log, atomic_load(&p->leader_epoch) + 1, err);
		*raised = code == WEIR_OK;
	}
	partition_done(p);
	return code;
}

/* The rows follow the logs, in one commit. */
static enum weir_code raise_rows(struct recovery *r, struct weir_err *err)
{
	struct image_place *places = mem_array(r->count, sizeof(*places));
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (r->raised[i]) {
			places[count++] = (struct image_place){
				r->partitions[i]->topic->id, r->partitions[i]->index};
		}
	}
	enum weir_code code =
		count ? image_raise_epochs(r->broker->images, places, count, err) : WEIR_OK;
	for (size_t i = 0; i < r->count && code == WEIR_OK; i++) {
		if (r->raised[i]) {
			atomic_fetch_add(&r->partitions[i]->leader_epoch, 1);
		}
	}
	mem_free(places);
	return code;
}

static void *work(void *arg)
{
	struct recovery *r = arg;
	stat_attach(r->broker->stat);
	for (;;) {
		size_t i = atomic_fetch_add(&r->next, 1);
		if (i >= r->count) {
			stat_attach(NULL);
			return NULL;
		}
		struct weir_err err;
		if (recover_one(r->partitions[i], &r->raised[i], &err) != WEIR_OK) {
			pthread_mutex_lock(&r->lock);
			if (r->err.code == WEIR_OK) {
				r->err = err;
			}
			pthread_mutex_unlock(&r->lock);
		}
	}
}

enum weir_code recover_all(struct broker *broker, struct weir_err *err)
{
	enum { THREADS_MAX = 16 };
	struct recovery r = {.broker = broker};
	pthread_mutex_init(&r.lock, NULL);
	topics_each(&broker->topics, collect, &r);
	r.raised = mem_array(r.count, sizeof(*r.raised));
	pthread_t threads[THREADS_MAX];
	broker->recovering = true;
	int wanted = broker_conf(broker)->num_recovery_threads_per_data_dir, count = 0;
	while (count < wanted - 1 && count < THREADS_MAX &&
		!pthread_create(&threads[count], NULL, work, &r)) {
		count++;
	}
	work(&r);
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
	broker->recovering = false;
	enum weir_code code = r.err.code;
	code = code ? code : fs_sync_dir(broker->data_dir, &r.err);
	code = code ? code : raise_rows(&r, &r.err);
	for (size_t i = 0; i < r.count; i++) {
		partition_unref(r.partitions[i]);
	}
	mem_free(r.partitions);
	mem_free(r.raised);
	pthread_mutex_destroy(&r.lock);
	if (code != WEIR_OK) {
		*err = r.err;
		return code;
	}
	log_line(LOG_INFO, "recovered %zu partitions after an unclean stop", r.count);
	return WEIR_OK;
}
