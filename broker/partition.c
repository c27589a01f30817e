/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/partition.h"

#include "broker/broker_priv.h"
#include "broker/topics.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/io/loop.h"
#include "core/store/checkpoint.h"

struct partition *partition_new(
	struct broker *broker, struct topic *topic, int32_t index, int32_t leader_epoch)
{
	struct partition *p = mem_new(sizeof(*p));
	p->broker = broker;
	p->topic = topic;
	topic_ref(topic);
	p->index = index;
	atomic_store(&p->refs, 1);
	pthread_rwlock_init(&p->use, NULL);
	pthread_mutex_init(&p->wait_lock, NULL);
	list_init(&p->waits);
	list_init(&p->flush_node);
	list_init(&p->later_node);
	atomic_store(&p->leader_epoch, leader_epoch);
	/* What the checkpoint says is of the partitions that there were then. */
	atomic_store(&p->clean_offset, cleaner_found(broker, topic->name, index));
	return p;
}

void partition_ref(struct partition *p)
{
	atomic_fetch_add(&p->refs, 1);
}

void partition_unref(struct partition *p)
{
	if (atomic_fetch_sub(&p->refs, 1) != 1) {
		return;
	}
	WEIR_ASSERT(!p->log && list_empty(&p->waits));
	pthread_rwlock_destroy(&p->use);
	pthread_mutex_destroy(&p->wait_lock);
	topic_unref(p->topic);
	mem_free(p);
}

char *partition_dir(const struct partition *p)
{
	return mem_printf("%s/%s-%d", broker_data_dir(p->broker), p->topic->name, p->index);
}

static enum conf_flush_mode flush_mode(const struct partition *p)
{
	enum conf_flush_mode mode = broker_flush_mode(p->broker);
	return p->topic->internal && mode == CONF_FLUSH_INTERVAL ? CONF_FLUSH_GROUP : mode;
}

static bool watermark_is_flushed(const struct partition *p)
{
	enum conf_flush_mode mode = flush_mode(p);
	return mode == CONF_FLUSH_GROUP || mode == CONF_FLUSH_STRICT;
}

/* partition.metadata must name this topic: files of another topic are never served, nor hidden. */
static enum weir_code check_metadata(struct partition *p, const char *dir, struct weir_err *err)
{
	struct uuid id;
	enum weir_code code = partition_metadata_read(dir, &id, err);
	if (code == WEIR_NOT_FOUND) {
		code = fs_mkdir(dir, err);
		return code != WEIR_OK ? code : partition_metadata_write(dir, p->topic->id, err);
	}
	if (code == WEIR_OK && !uuid_equal(id, p->topic->id)) {
		char here[UUID_TEXT_LEN + 1], wanted[UUID_TEXT_LEN + 1];
		uuid_format(id, here);
		uuid_format(p->topic->id, wanted);
		return err_set(err, WEIR_LOCAL_CORRUPT,
			"%s belongs to topic id %s, not to %s: move it away", dir, here, wanted);
	}
	return code;
}

/* With use held for writing. */
static enum weir_code open_log(struct partition *p, struct weir_err *err)
{
	char *dir = partition_dir(p);
	struct topic_settings settings;
	topic_settings(p->topic, &settings);
	struct log_start start = {
		.log_start_offset = broker_checkpointed(
			p->broker, CHECKPOINT_LOG_START, p->topic->name, p->index),
		.recovery_point = broker_checkpointed(
			p->broker, CHECKPOINT_RECOVERY, p->topic->name, p->index),
		.clean = broker_was_clean(p->broker),
		.parent_is_synced = p->broker->recovering,
	};
	enum weir_code code = check_metadata(p, dir, err);
	if (code == WEIR_OK) {
		code = log_open(dir, &settings.log, &start, &p->log, err);
	}
	int32_t epoch = atomic_load(&p->leader_epoch);
	if (code == WEIR_OK && log_last_epoch(p->log) < epoch) {
		code = log_start_epoch(p->log, epoch, err);
	}
	if (code == WEIR_OK) {
		atomic_store(&p->high_watermark, watermark_is_flushed(p)
							 ? log_flushed_offset(p->log)
							 : log_end_offset(p->log));
	} else {
		log_line(LOG_ERROR, "partition %s-%d: %s", p->topic->name, p->index, err->text);
	}
	mem_free(dir);
	return code;
}

enum weir_code partition_use(struct partition *p, struct log **log, struct weir_err *err)
{
	for (;;) {
		pthread_rwlock_rdlock(&p->use);
		if (p->log) {
			*log = p->log;
			return WEIR_OK;
		}
		pthread_rwlock_unlock(&p->use);
		pthread_rwlock_wrlock(&p->use);
		enum weir_code code = WEIR_OK;
		if (atomic_load(&p->gone)) {
			code = err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "%s-%d was deleted",
				p->topic->name, p->index);
		} else if (!p->log) {
			code = open_log(p, err);
		}
		pthread_rwlock_unlock(&p->use);
		if (code != WEIR_OK) {
			return code;
		}
	}
}

void partition_done(struct partition *p)
{
	pthread_rwlock_unlock(&p->use);
}

void partition_appended(struct partition *p, struct log *log, int64_t record_count)
{
	enum conf_flush_mode mode = flush_mode(p);
	if (mode == CONF_FLUSH_GROUP || mode == CONF_FLUSH_STRICT) {
		broker_flush_soon(p->broker, p);
		return;
	}
	partition_advance(p, log);
	if (mode == CONF_FLUSH_INTERVAL) {
		int64_t unflushed =
			atomic_fetch_add(&p->unflushed_records, record_count) + record_count;
		if (unflushed >= atomic_load(&p->topic->flush_messages)) {
			atomic_store(&p->unflushed_records, 0);
			broker_flush_soon(p->broker, p);
		}
	}
}

void partition_appended_told(
	struct partition *p, struct log *log, int64_t record_count, struct reactor *reactor)
{
	if (flush_mode(p) != CONF_FLUSH_GROUP) {
		partition_appended(p, log, record_count);
		return;
	}
	int64_t end = log_end_offset(log), told = atomic_load(&p->told_end);
	while (told < end && !atomic_compare_exchange_weak(&p->told_end, &told, end)) {
	}
	/* Who begins to wait after this look sees told_end. */
	if (atomic_load(&p->waiting)) {
		broker_flush_soon(p->broker, p);
	} else {
		flush_later(reactor, p);
	}
}

/* With wait_lock held. */
static void wait_off(struct partition *p, struct partition_wait *wait)
{
	list_remove(&wait->node);
	atomic_fetch_sub(&p->waiting, 1);
}

void partition_append_failed(struct partition *p, const struct log *log, const struct weir_err *err)
{
	if (log_failed(log)) {
		broker_fail(p->broker, err);
	}
}

void partition_advance(struct partition *p, struct log *log)
{
	int64_t to = watermark_is_flushed(p) ? log_flushed_offset(log) : log_end_offset(log);
	loop_hold();
	pthread_mutex_lock(&p->wait_lock);
	if (to > atomic_load(&p->high_watermark)) {
		atomic_store(&p->high_watermark, to);
	}
	LIST_EACH_SAFE(it, &p->waits)
	{
		struct partition_wait *wait = LIST_ENTRY(it, struct partition_wait, node);
		if (wait->offset <= to) {
			wait_off(p, wait);
			wait->fire(wait, WEIR_OK);
		}
	}
	pthread_mutex_unlock(&p->wait_lock);
	loop_release();
}

void partition_fail_waits(struct partition *p, enum weir_code code)
{
	pthread_mutex_lock(&p->wait_lock);
	LIST_EACH_SAFE(it, &p->waits)
	{
		struct partition_wait *wait = LIST_ENTRY(it, struct partition_wait, node);
		wait_off(p, wait);
		wait->fire(wait, code);
	}
	pthread_mutex_unlock(&p->wait_lock);
}

bool partition_wait_add(struct partition *p, struct partition_wait *wait)
{
	pthread_mutex_lock(&p->wait_lock);
	bool waits = wait->offset > atomic_load(&p->high_watermark);
	list_init(&wait->node);
	if (waits && atomic_load(&p->gone)) {
		wait->fire(wait, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	} else if (waits) {
		list_append(&p->waits, &wait->node);
		atomic_fetch_add(&p->waiting, 1);
	}
	pthread_mutex_unlock(&p->wait_lock);
	if (waits && atomic_load(&p->told_end) > atomic_load(&p->high_watermark)) {
		broker_flush_soon(p->broker, p);
	}
	return waits;
}

bool partition_wait_remove(struct partition *p, struct partition_wait *wait)
{
	pthread_mutex_lock(&p->wait_lock);
	bool there = !list_empty(&wait->node);
	if (there) {
		wait_off(p, wait);
	}
	pthread_mutex_unlock(&p->wait_lock);
	return there;
}

enum weir_code partition_close(struct partition *p, struct weir_err *err)
{
	atomic_store(&p->stop_cleaning, true);
	pthread_rwlock_wrlock(&p->use);
	enum weir_code code = p->log ? log_close(&p->log, err) : WEIR_OK;
	atomic_store(&p->gone, true);
	pthread_rwlock_unlock(&p->use);
	partition_fail_waits(p, WEIR_NOT_LEADER_OR_FOLLOWER);
	return code;
}

/* The files of a log that is not open, perhaps since it cannot be opened. */
static enum weir_code delete_closed(struct partition *p, struct weir_err *err)
{
	struct uuid id;
	struct weir_err inner;
	char *dir = partition_dir(p);
	enum weir_code code = partition_metadata_read(dir, &id, &inner);
	if (code == WEIR_OK && uuid_equal(id, p->topic->id)) {
		code = log_delete_dir(dir, &inner);
	}
	mem_free(dir);
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code != WEIR_OK) {
		*err = inner;
	}
	return code;
}

void partition_delete(struct partition *p)
{
	struct weir_err err;
	char *moved = NULL;
	atomic_store(&p->stop_cleaning, true);
	pthread_rwlock_wrlock(&p->use);
	enum weir_code code = p->log ? log_delete(&p->log, &moved, &err) : delete_closed(p, &err);
	if (code != WEIR_OK) {
		log_line(LOG_ERROR, "delete %s-%d: %s", p->topic->name, p->index, err.text);
	}
	atomic_store(&p->gone, true);
	pthread_rwlock_unlock(&p->use);
	partition_fail_waits(p, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	mem_free(moved);
}
