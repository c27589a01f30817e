/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failure: a failed fdatasync is never tried again. Its waiters get KAFKA_STORAGE_ERROR, the log
 * refuses everything from then on, and the broker stops, since what the page cache holds can no
 * longer be trusted (RELIABILITY F12). A flush that could not begin, for want of descriptors, fails
 * its waiters only; the housekeeper asks for another.
 */
#include "broker/flush.h"

#include "broker/broker_priv.h"
#include "broker/partition.h"
#include "core/base/log.h"
#include "core/base/clock.h"

void flush_pool_init(struct flush_pool *pool, struct broker *broker)
{
	*pool = (struct flush_pool){.broker = broker};
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	list_init(&pool->queue);
	list_init(&pool->calm);
}

static void flush_one(struct flush_pool *pool, struct partition *p)
{
	struct weir_err err;
	struct log *log;
	if (partition_use(p, &log, &err) != WEIR_OK) {
		return; /* deleted meanwhile: its waits have fired */
	}
	int64_t begun_ns = clock_mono_ns();
	enum weir_code code = log_flush(log, &err);
	stat_add(code == WEIR_OK ? STAT_flushes : STAT_flush_failures, 1);
	stat_time(STAT_flush_time, 0, clock_mono_ns() - begun_ns);
	if (code == WEIR_OK) {
		partition_advance(p, log);
	}
	bool failed = log_failed(log);
	partition_done(p);
	if (code != WEIR_OK) {
		partition_fail_waits(p, WEIR_KAFKA_STORAGE_ERROR);
	}
	if (code != WEIR_OK && failed) {
		broker_fail(pool->broker, &err);
	} else if (code != WEIR_OK) {
		log_line(LOG_WARN, "flush of %s-%d: %s", p->topic->name, p->index, err.text);
	}
}

/* The next to flush, NULL: none for this thread. With the lock held. */
static struct partition *take(struct flush_pool *pool, bool *calm)
{
	struct list *from = &pool->queue;
	*calm = list_empty(from);
	if (*calm) {
		from = &pool->calm;
		if (list_empty(from) || pool->calm_busy) {
			return NULL;
		}
		pool->calm_busy = true;
	}
	struct partition *p = LIST_ENTRY(from->next, struct partition, flush_node);
	list_remove(&p->flush_node);
	/* What is appended from now on needs another flush. */
	atomic_store(&p->flush_queued, FLUSH_NONE);
	return p;
}

static void *work(void *arg)
{
	struct flush_pool *pool = arg;
	stat_attach(pool->broker->stat);
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		bool calm;
		struct partition *p = take(pool, &calm);
		if (!p && pool->stopping) {
			break;
		}
		if (!p) {
			pool->idle++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		flush_one(pool, p);
		partition_unref(p);
		pthread_mutex_lock(&pool->lock);
		pool->calm_busy = pool->calm_busy && !calm;
	}
	pthread_mutex_unlock(&pool->lock);
	stat_attach(NULL);
	return NULL;
}

/* With the lock held. true: an idle thread is to be woken, without the lock, which it needs. */
static bool need_thread(struct flush_pool *pool, enum flush_want want)
{
	if (want == FLUSH_CALM && (pool->calm_busy || (pool->thread_count && !pool->idle))) {
		return false; /* a thread that ends its flush takes it */
	}
	if (pool->idle) {
		return true;
	}
	if (pool->thread_count < FLUSH_THREADS_MAX &&
		!pthread_create(&pool->threads[pool->thread_count], NULL, work, pool)) {
		pool->thread_count++;
	}
	return false;
}

void flush_pool_add(struct flush_pool *pool, struct partition *p, enum flush_want want)
{
	if (atomic_load(&p->flush_queued) >= (int)want) {
		return;
	}
	bool wake = false;
	pthread_mutex_lock(&pool->lock);
	int queued = atomic_load(&p->flush_queued);
	if (queued < (int)want) {
		if (queued == FLUSH_NONE) {
			partition_ref(p);
		}
		list_remove(&p->flush_node);
		list_append(want == FLUSH_NOW ? &pool->queue : &pool->calm, &p->flush_node);
		atomic_store(&p->flush_queued, (int)want);
		wake = need_thread(pool, want);
	}
	pthread_mutex_unlock(&pool->lock);
	if (wake) {
		pthread_cond_signal(&pool->work);
	}
}

void flush_pool_fini(struct flush_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	int count = pool->thread_count;
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < count; i++) {
		pthread_join(pool->threads[i], NULL);
	}
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->work);
}

/* --- later --- */

/* Takes the first off the list; it may be put on another's from then on. */
static struct partition *later_take(struct reactor *r)
{
	struct partition *p = LIST_ENTRY(r->flush_later.next, struct partition, later_node);
	list_remove(&p->later_node);
	atomic_store(&p->later, false);
	return p;
}

static void on_later(struct deadline *deadline)
{
	struct reactor *r = LIST_ENTRY(deadline, struct reactor, flush_due);
	while (!list_empty(&r->flush_later)) {
		struct partition *p = later_take(r);
		if (atomic_load(&p->told_end) > atomic_load(&p->high_watermark)) {
			flush_pool_add(&r->broker->flush, p, FLUSH_CALM);
		}
		partition_unref(p);
	}
}

void flush_later(struct reactor *r, struct partition *p)
{
	if (atomic_exchange(&p->later, true)) {
		return;
	}
	partition_ref(p);
	if (list_empty(&r->flush_later)) {
		deadline_set(&r->deadlines, &r->flush_due, clock_mono_ms() + FLUSH_LATER_MS);
	}
	list_append(&r->flush_later, &p->later_node);
}

void flush_later_init(struct reactor *r)
{
	list_init(&r->flush_later);
	r->flush_due.fire = on_later;
}

void flush_later_fini(struct reactor *r)
{
	while (!list_empty(&r->flush_later)) {
		partition_unref(later_take(r));
	}
}
