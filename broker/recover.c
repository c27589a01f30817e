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

struct recovery {
	struct broker *broker;
	struct partition **partitions;
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

static enum weir_code recover_one(struct partition *p, struct weir_err *err)
{
	struct log *log;
	enum weir_code code = partition_use(p, &log, err);
	if (code != WEIR_OK) {
		return code;
	}
	bool empty = log_end_offset(log) == 0;
	int32_t epoch = atomic_load(&p->leader_epoch);
	if (!empty) {
		code = log_start_epoch(log, epoch + 1, err);
	}
	partition_done(p);
	if (code != WEIR_OK || empty) {
		return code;
	}
	const struct image *image = image_current(p->broker->images);
	const struct image_topic *topic = image_topic_by_id(image, p->topic->id);
	struct image_partition row = topic->partitions[p->index];
	image_release(image);
	row.leader_epoch = epoch + 1;
	code = image_set_partition(p->broker->images, p->topic->id, p->index, &row, err);
	if (code == WEIR_OK) {
		atomic_store(&p->leader_epoch, row.leader_epoch);
	}
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
		if (recover_one(r->partitions[i], &err) != WEIR_OK) {
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
	pthread_t threads[THREADS_MAX];
	int wanted = broker_conf(broker)->num_recovery_threads_per_data_dir, count = 0;
	while (count < wanted - 1 && count < THREADS_MAX &&
		!pthread_create(&threads[count], NULL, work, &r)) {
		count++;
	}
	work(&r);
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
	for (size_t i = 0; i < r.count; i++) {
		partition_unref(r.partitions[i]);
	}
	mem_free(r.partitions);
	pthread_mutex_destroy(&r.lock);
	if (r.err.code != WEIR_OK) {
		*err = r.err;
		return r.err.code;
	}
	log_line(LOG_INFO, "recovered %zu partitions after an unclean stop", r.count);
	return WEIR_OK;
}
