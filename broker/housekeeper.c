/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread for what nobody waits for: retention, checkpoints, flush.ms, removal of deleted
 * partitions after file.delete.delay.ms. Sleeps until the next of them is due.
 */
#include "broker/broker_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <string.h>
#include <sys/stat.h>

enum {
	EXPIRE_MS = 600000,
	FLUSH_AGAIN_MS = 1000,
	RETIRE_MS = 60000,
	TICK_MAX_MS = 5000,
	TICK_MIN_MS = 10
};

/* A log that nobody opened is opened when something in it may have expired. */
static bool may_have_expired(struct partition *p)
{
	struct topic_settings settings;
	struct log_peek peek;
	topic_settings(p->topic, &settings);
	char *dir = partition_dir(p);
	bool may = settings.log.cleanup_delete && log_peek(dir, &peek, NULL) == WEIR_OK &&
		   ((settings.log.retention_ms >= 0 && peek.bytes > 0 &&
			    clock_wall_ms() - peek.oldest_write_ms > settings.log.retention_ms) ||
			   (settings.log.retention_bytes >= 0 &&
				   peek.bytes > settings.log.retention_bytes));
	mem_free(dir);
	return may;
}

static void open_if_expired(struct partition *p)
{
	struct weir_err err;
	struct log *log;
	pthread_rwlock_rdlock(&p->use);
	bool closed = !p->log && !atomic_load(&p->gone);
	pthread_rwlock_unlock(&p->use);
	if (closed && may_have_expired(p) && partition_use(p, &log, &err) == WEIR_OK) {
		partition_done(p);
	}
}

static void retain(void *arg, struct partition *p)
{
	(void)arg;
	struct weir_err err;
	struct log *log;
	open_if_expired(p);
	pthread_rwlock_rdlock(&p->use);
	log = p->log;
	if (log && log_retain(log, clock_wall_ms(), atomic_load(&p->high_watermark), &err) !=
			   WEIR_OK) {
		log_line(LOG_WARN, "retention of %s-%d: %s", p->topic->name, p->index, err.text);
	}
	pthread_rwlock_unlock(&p->use);
}

static void remove_due(void *arg, struct partition *p)
{
	(void)arg;
	struct weir_err err;
	pthread_rwlock_rdlock(&p->use);
	if (p->log && log_remove_due(p->log, &err) != WEIR_OK) {
		log_line(LOG_WARN, "removing files of %s-%d: %s", p->topic->name, p->index,
			err.text);
	}
	pthread_rwlock_unlock(&p->use);
}

static void expire_producers(void *arg, struct partition *p)
{
	(void)arg;
	pthread_rwlock_rdlock(&p->use);
	if (p->log) {
		log_expire_producers(p->log, clock_wall_ms());
	}
	pthread_rwlock_unlock(&p->use);
}

/* flush.mode=interval: asks for a flush of what has been dirty for flush.ms. */
static void flush_old(void *arg, struct partition *p)
{
	int64_t *next_ms = arg;
	struct topic_settings settings;
	topic_settings(p->topic, &settings);
	pthread_rwlock_rdlock(&p->use);
	int64_t since = p->log ? log_unflushed_since_ms(p->log) : -1;
	pthread_rwlock_unlock(&p->use);
	if (settings.flush_ms < *next_ms) {
		*next_ms = settings.flush_ms;
	}
	if (since >= 0 && clock_mono_ms() - since >= settings.flush_ms) {
		broker_flush_soon(p->broker, p);
	}
}

/* flush.mode=group and strict: one that could not begin is asked for again. */
static void flush_again(void *arg, struct partition *p)
{
	(void)arg;
	pthread_rwlock_rdlock(&p->use);
	int64_t since = p->log ? log_unflushed_since_ms(p->log) : -1;
	pthread_rwlock_unlock(&p->use);
	if (since >= 0 && clock_mono_ms() - since >= FLUSH_AGAIN_MS) {
		broker_flush_soon(p->broker, p);
	}
}

static enum weir_code remove_if_old(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct broker *broker = arg;
	size_t len = strlen(name);
	static const char suffix[] = "-delete";
	if (!is_dir || len < sizeof(suffix) || strcmp(name + len - strlen(suffix), suffix)) {
		return WEIR_OK;
	}
	char *path = mem_printf("%s/%s", broker->data_dir, name);
	struct stat st;
	int64_t delay = broker_conf(broker)->log_segment_delete_delay_ms;
	enum weir_code code = WEIR_OK;
	if (!stat(path, &st) && clock_wall_ms() - (int64_t)st.st_ctim.tv_sec * 1000 >= delay) {
		code = fs_remove_tree(path, err);
	}
	mem_free(path);
	return code;
}

void housekeeper_remove_deleted(struct broker *broker)
{
	struct weir_err err;
	if (fs_list_dir(broker->data_dir, remove_if_old, broker, &err) != WEIR_OK) {
		log_line(LOG_WARN, "removing deleted partitions: %s", err.text);
	}
}

static void let_go_retired(struct broker *broker)
{
	int64_t now = clock_mono_ms();
	pthread_mutex_lock(&broker->state_lock);
	size_t kept = 0;
	for (size_t i = 0; i < broker->retired_count; i++) {
		if (now - broker->retired[i].since_ms > RETIRE_MS) {
			conf_unref(broker->retired[i].conf);
		} else {
			broker->retired[kept++] = broker->retired[i];
		}
	}
	broker->retired_count = kept;
	pthread_mutex_unlock(&broker->state_lock);
}

bool broker_pause_ms(struct broker *broker, int64_t ms)
{
	int64_t until = clock_mono_ns() + ms * 1000000;
	struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
	pthread_mutex_lock(&broker->state_lock);
	int late = 0;
	while (!broker->stopping && !late) {
		late = pthread_cond_timedwait(&broker->state_changed, &broker->state_lock, &ts);
	}
	bool goes_on = !broker->stopping;
	pthread_mutex_unlock(&broker->state_lock);
	return goes_on;
}

struct due {
	int64_t retain_ms, starts_ms, recoveries_ms, watermarks_ms, expire_ms; /* mono */
};

/* True when it is due; then the next time is set. *tick_ms: no later than that. */
static bool take_due(int64_t *due_ms, int64_t every_ms, int64_t now, int64_t *tick_ms)
{
	bool is_due = now >= *due_ms;
	if (is_due) {
		*due_ms = every_ms < INT64_MAX - now ? now + every_ms : INT64_MAX;
	}
	*tick_ms = *due_ms - now < *tick_ms ? *due_ms - now : *tick_ms;
	return is_due;
}

static void checkpoint_due(struct broker *broker, struct due *due, int64_t now, int64_t *tick_ms)
{
	const struct conf *conf = broker_conf(broker);
	unsigned which = 0;
	if (take_due(&due->starts_ms, conf->log_flush_start_offset_checkpoint_interval_ms, now,
		    tick_ms)) {
		which |= CHECKPOINT_STARTS;
	}
	if (take_due(&due->recoveries_ms, conf->log_flush_offset_checkpoint_interval_ms, now,
		    tick_ms)) {
		which |= CHECKPOINT_RECOVERIES;
	}
	if (take_due(&due->watermarks_ms, conf->replica_high_watermark_checkpoint_interval_ms, now,
		    tick_ms)) {
		which |= CHECKPOINT_WATERMARKS;
	}
	struct weir_err err;
	if (which && broker_checkpoint(broker, which, &err) != WEIR_OK) {
		log_line(LOG_WARN, "checkpoint: %s", err.text);
	}
}

void *housekeeper_run(void *arg)
{
	struct broker *broker = arg;
	struct due due = {
		clock_mono_ms() + broker_conf(broker)->log_retention_check_interval_ms, 0, 0, 0, 0};
	int64_t tick_ms = TICK_MAX_MS;
	stat_attach(broker->stat);
	while (broker_pause_ms(broker, tick_ms < TICK_MIN_MS ? TICK_MIN_MS : tick_ms)) {
		int64_t now = clock_mono_ms();
		tick_ms = TICK_MAX_MS;
		enum conf_flush_mode mode = broker_flush_mode(broker);
		if (mode == CONF_FLUSH_INTERVAL) {
			topics_each(&broker->topics, flush_old, &tick_ms);
		} else if (mode != CONF_FLUSH_OS) {
			topics_each(&broker->topics, flush_again, NULL);
		}
		if (take_due(&due.retain_ms, broker_conf(broker)->log_retention_check_interval_ms,
			    now, &tick_ms)) {
			topics_each(&broker->topics, retain, NULL);
		}
		if (take_due(&due.expire_ms, EXPIRE_MS, now, &tick_ms)) {
			topics_each(&broker->topics, expire_producers, NULL);
		}
		checkpoint_due(broker, &due, now, &tick_ms);
		topics_each(&broker->topics, remove_due, NULL);
		housekeeper_remove_deleted(broker);
		let_go_retired(broker);
	}
	stat_attach(NULL);
	return NULL;
}
