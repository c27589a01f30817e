/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/cleaner.h"

#include "broker/broker_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { BACK_OFF_MIN_MS = 10 };

void cleaner_init(struct cleaner *cleaner)
{
	*cleaner = (struct cleaner){.count = 0};
	pthread_mutex_init(&cleaner->lock, NULL);
}

void cleaner_fini(struct cleaner *cleaner)
{
	checkpoint_fini(&cleaner->found);
	mem_free(cleaner->threads);
	pthread_mutex_destroy(&cleaner->lock);
}

/* --- the checkpoint --- */

static char *checkpoint_path(const struct broker *broker)
{
	return mem_printf("%s/" CHECKPOINT_CLEANER, broker_data_dir(broker));
}

enum weir_code cleaner_read(struct broker *broker, struct weir_err *err)
{
	struct weir_err inner;
	char *path = checkpoint_path(broker);
	enum weir_code code = checkpoint_read(path, &broker->cleaner.found, &inner);
	mem_free(path);
	if (code == WEIR_LOCAL_CORRUPT) {
		log_line(LOG_WARN, "%s: compaction begins anew", inner.text);
		code = WEIR_OK;
	} else if (code != WEIR_OK) {
		*err = inner;
	}
	return code;
}

int64_t cleaner_found(const struct broker *broker, const char *topic, int32_t partition)
{
	return broker->cleaner.opened ? -1
				      : checkpoint_find(&broker->cleaner.found, topic, partition);
}

static void add_offset(void *arg, struct partition *p)
{
	int64_t offset = atomic_load(&p->clean_offset);
	if (offset >= 0) {
		checkpoint_add(arg, p->topic->name, p->index, offset);
	}
}

static enum weir_code write_offsets(struct broker *broker, struct weir_err *err)
{
	struct checkpoint offsets = {NULL, 0};
	char *path = checkpoint_path(broker);
	pthread_mutex_lock(&broker->cleaner.lock);
	topics_each(&broker->topics, add_offset, &offsets);
	enum weir_code code = checkpoint_write(path, &offsets, err);
	pthread_mutex_unlock(&broker->cleaner.lock);
	checkpoint_fini(&offsets);
	mem_free(path);
	return code;
}

static void count_offset(void *arg, struct partition *p)
{
	*(size_t *)arg += atomic_load(&p->clean_offset) >= 0;
}

enum weir_code cleaner_opened(struct broker *broker, struct weir_err *err)
{
	size_t known = 0;
	broker->cleaner.opened = true;
	topics_each(&broker->topics, count_offset, &known);
	return known == broker->cleaner.found.count ? WEIR_OK : write_offsets(broker, err);
}

void cleaner_forget(struct broker *broker)
{
	struct weir_err err;
	if (write_offsets(broker, &err) != WEIR_OK) {
		log_line(LOG_WARN, "%s", err.text);
	}
}

/* --- choosing --- */

struct choice {
	struct partition *partition; /* counted */
	struct log_dirt dirt;
	double ratio;
	int64_t now_ms;
};

/* A log that nobody opened is opened, once, when it has sealed segments that are dirty. */
static void open_if_dirty(struct partition *p)
{
	struct log_peek peek;
	struct log *log;
	struct weir_err err;
	pthread_rwlock_rdlock(&p->use);
	bool closed = !p->log;
	pthread_rwlock_unlock(&p->use);
	if (!closed || atomic_exchange(&p->peeked, true)) {
		return;
	}
	char *dir = partition_dir(p);
	if (log_peek(dir, &peek, &err) == WEIR_OK && peek.segment_count > 1 &&
		atomic_load(&p->clean_offset) < peek.last_base &&
		partition_use(p, &log, &err) == WEIR_OK) {
		partition_done(p);
	}
	mem_free(dir);
}

static enum weir_code look(
	struct partition *p, int64_t now_ms, struct log_dirt *dirt, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	*dirt = (struct log_dirt){.clean_bytes = 0};
	pthread_rwlock_rdlock(&p->use);
	if (p->log) {
		int64_t stable = log_last_stable_offset(p->log, atomic_load(&p->high_watermark));
		int64_t flushed = log_flushed_offset(p->log);
		code = log_dirt(p->log, atomic_load(&p->clean_offset),
			stable < flushed ? stable : flushed, now_ms, dirt, err);
	}
	pthread_rwlock_unlock(&p->use);
	return code;
}

static void consider(void *arg, struct partition *p)
{
	struct choice *choice = arg;
	struct topic_settings settings;
	struct log_dirt dirt;
	struct weir_err err;
	topic_settings(p->topic, &settings);
	if (!settings.log.compacted || atomic_load(&p->uncleanable) || atomic_load(&p->cleaning) ||
		atomic_load(&p->gone)) {
		return;
	}
	open_if_dirty(p);
	if (look(p, choice->now_ms, &dirt, &err) != WEIR_OK) {
		log_line(LOG_WARN, "compaction of %s-%d: %s", p->topic->name, p->index, err.text);
		return;
	}
	double ratio = log_dirt_ratio(&dirt);
	bool wanted = dirt.cleanable_bytes > 0 &&
		      (dirt.due || ratio > settings.min_cleanable_dirty_ratio);
	if (wanted && (!choice->partition || ratio > choice->ratio) &&
		!atomic_exchange(&p->cleaning, true)) {
		if (choice->partition) {
			atomic_store(&choice->partition->cleaning, false);
			partition_unref(choice->partition);
		}
		partition_ref(p);
		*choice = (struct choice){p, dirt, ratio, choice->now_ms};
	}
}

/* --- one pass --- */

static bool must_stop(void *arg)
{
	struct partition *p = arg;
	return atomic_load(&p->stop_cleaning) || atomic_load(&p->broker->cleaner.stop);
}

static enum weir_code compact(struct partition *p, const struct log_dirt *dirt,
	struct log_compaction *compaction, struct weir_err *err)
{
	struct log *log;
	/* What is written anew is never scanned by recovery as if offsets had no gaps. */
	enum weir_code code = broker_checkpoint(p->broker, CHECKPOINT_RECOVERIES, err);
	if (code != WEIR_OK) {
		return code;
	}
	code = partition_use(p, &log, err);
	if (code == WEIR_OK) {
		code = log_compact(log, dirt, compaction, err);
		bool failed = log_failed(log);
		partition_done(p);
		if (code != WEIR_OK && failed) {
			broker_fail(p->broker, err);
		}
	}
	if (code == WEIR_OK) {
		atomic_store(&p->clean_offset, compaction->cleaned_to);
		code = write_offsets(p->broker, err);
	}
	return code;
}

static void report(struct partition *p, enum weir_code code, const struct weir_err *err,
	const struct log_compaction *compaction)
{
	const char *topic = p->topic->name;
	if (code == WEIR_OK) {
		stat_add(STAT_compactions, 1);
		stat_add(STAT_compaction_read, compaction->bytes_before);
		stat_add(STAT_compaction_kept, compaction->bytes_after);
		return;
	}
	if (code == WEIR_STOPPED || code == WEIR_CONFLICT) {
		return;
	}
	stat_add(STAT_compaction_failures, 1);
	if (code == WEIR_NO_SPACE || code == WEIR_NO_MEMORY) {
		log_line(
			LOG_WARN, "compaction of %s-%d is put off: %s", topic, p->index, err->text);
		return;
	}
	/* It would end the same way again. */
	atomic_store(&p->uncleanable, true);
	log_line(LOG_ERROR, "%s-%d is not compacted any more until the next start: %s", topic,
		p->index, err->text);
}

/* Takes the dirtiest log in hand. False: there is none, or it did not go. */
static bool clean_one(struct broker *broker)
{
	const struct conf *conf = broker_conf(broker);
	struct choice choice = {.now_ms = clock_wall_ms()};
	int threads = conf->log_cleaner_threads > 0 ? conf->log_cleaner_threads : 1;
	struct log_compaction compaction = {.now_ms = choice.now_ms,
		.map_bytes = (size_t)(conf->log_cleaner_dedupe_buffer_size / threads),
		.stop = must_stop};
	struct weir_err err;
	topics_each(&broker->topics, consider, &choice);
	struct partition *p = choice.partition;
	if (!p) {
		return false;
	}
	compaction.arg = p;
	enum weir_code code = compact(p, &choice.dirt, &compaction, &err);
	report(p, code, &err, &compaction);
	atomic_store(&p->cleaning, false);
	partition_unref(p);
	return code == WEIR_OK;
}

/* --- the threads --- */

struct self {
	struct broker *broker;
	int index;
};

static void *run(void *arg);

/* One more thread, with cleaner.lock held. */
static int add_thread(struct broker *broker)
{
	struct cleaner *cleaner = &broker->cleaner;
	struct self *self = mem_new(sizeof(*self));
	*self = (struct self){broker, cleaner->count};
	int failed = pthread_create(&cleaner->threads[cleaner->count], NULL, run, self);
	if (failed) {
		mem_free(self);
	} else {
		cleaner->count++;
	}
	return failed;
}

/* log.cleaner.threads may change at any time: the first thread sees to it. */
static void keep_count(struct broker *broker)
{
	int wanted = broker_conf(broker)->log_cleaner_threads;
	wanted = wanted < CLEANERS_MAX ? wanted : CLEANERS_MAX;
	pthread_mutex_lock(&broker->cleaner.lock);
	while (broker->cleaner.count < wanted && !add_thread(broker)) {
	}
	pthread_mutex_unlock(&broker->cleaner.lock);
}

static void *run(void *arg)
{
	struct self self = *(struct self *)arg;
	struct broker *broker = self.broker;
	bool again = false;
	mem_free(arg);
	stat_attach(broker->stat);
	for (;;) {
		const struct conf *conf = broker_conf(broker);
		int64_t ms = again ? 0 : conf->log_cleaner_backoff_ms;
		if (!broker_pause_ms(
			    broker, ms < BACK_OFF_MIN_MS && !again ? BACK_OFF_MIN_MS : ms)) {
			break;
		}
		if (self.index == 0) {
			keep_count(broker);
		}
		again = self.index < broker_conf(broker)->log_cleaner_threads && clean_one(broker);
	}
	stat_attach(NULL);
	return NULL;
}

enum weir_code cleaner_start(struct broker *broker, struct weir_err *err)
{
	struct cleaner *cleaner = &broker->cleaner;
	if (!broker_conf(broker)->log_cleaner_enable) {
		return WEIR_OK;
	}
	pthread_mutex_lock(&cleaner->lock);
	cleaner->threads = mem_array(CLEANERS_MAX, sizeof(*cleaner->threads));
	int failed = add_thread(broker);
	pthread_mutex_unlock(&cleaner->lock);
	return failed ? err_sys(err, failed, "start a thread") : WEIR_OK;
}

void cleaner_stop(struct broker *broker)
{
	struct cleaner *cleaner = &broker->cleaner;
	atomic_store(&cleaner->stop, true);
	if (cleaner->count) {
		/* The first one may still start others: it ends first. */
		pthread_join(cleaner->threads[0], NULL);
	}
	for (int i = 1; i < cleaner->count; i++) {
		pthread_join(cleaner->threads[i], NULL);
	}
}
