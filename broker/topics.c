/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/topics.h"

#include "broker/broker_priv.h"
#include "broker/topic_admin.h"
#include "core/base/mem.h"

void topic_ref(struct topic *topic)
{
	atomic_fetch_add(&topic->refs, 1);
}

void topic_unref(struct topic *topic)
{
	if (atomic_fetch_sub(&topic->refs, 1) != 1) {
		return;
	}
	pthread_rwlock_destroy(&topic->settings_lock);
	mem_free(topic->partitions);
	mem_free(topic->name);
	mem_free(topic);
}

void topic_settings(struct topic *topic, struct topic_settings *settings)
{
	pthread_rwlock_rdlock(&topic->settings_lock);
	*settings = topic->settings;
	pthread_rwlock_unlock(&topic->settings_lock);
}

void topics_init(struct topics *topics, struct broker *broker)
{
	topics->broker = broker;
	pthread_rwlock_init(&topics->table, NULL);
	map_init(&topics->by_name);
	map_init(&topics->by_id);
}

void topics_fini(struct topics *topics)
{
	size_t pos = 0;
	struct map_entry *e;
	while ((e = map_next(&topics->by_name, &pos))) {
		struct topic *topic = e->value;
		for (int32_t i = 0; i < topic->partition_count; i++) {
			partition_unref(topic->partitions[i]);
		}
		topic_unref(topic);
	}
	map_fini(&topics->by_name);
	map_fini(&topics->by_id);
	pthread_rwlock_destroy(&topics->table);
}

static struct slice id_key(const struct uuid *id)
{
	return slice_of(id->bytes, sizeof(id->bytes));
}

/* With table held for writing. */
static void add_partitions(struct topic *topic, const struct image_topic *row)
{
	topic->partitions = mem_grow(
		topic->partitions, (size_t)row->partition_count, sizeof(struct partition *));
	while (topic->partition_count < row->partition_count) {
		int32_t i = topic->partition_count;
		topic->partitions[i] =
			partition_new(topic->broker, topic, i, row->partitions[i].leader_epoch);
		topic->partition_count++;
	}
	for (int32_t i = 0; i < row->partition_count; i++) {
		atomic_store(&topic->partitions[i]->leader_epoch, row->partitions[i].leader_epoch);
	}
}

static void set_settings(struct topics *topics, struct topic *topic, const struct image_topic *row)
{
	struct topic_settings settings;
	broker_topic_settings(topics->broker, row, &settings);
	pthread_rwlock_wrlock(&topic->settings_lock);
	topic->settings = settings;
	pthread_rwlock_unlock(&topic->settings_lock);
	atomic_store(&topic->flush_messages, settings.flush_messages);
}

static void add_topic(struct topics *topics, const struct image_topic *row)
{
	struct topic *topic = mem_new(sizeof(*topic));
	topic->broker = topics->broker;
	topic->name = mem_dup_str(row->name);
	topic->id = row->id;
	topic->internal = topic_is_internal(slice_str(row->name));
	atomic_store(&topic->refs, 1);
	pthread_rwlock_init(&topic->settings_lock, NULL);
	set_settings(topics, topic, row);
	pthread_rwlock_wrlock(&topics->table);
	add_partitions(topic, row);
	map_put(&topics->by_name, slice_str(topic->name), topic);
	map_put(&topics->by_id, id_key(&topic->id), topic);
	pthread_rwlock_unlock(&topics->table);
}

static void remove_topic(struct topics *topics, const struct image_topic *row)
{
	pthread_rwlock_wrlock(&topics->table);
	struct topic *topic = map_remove(&topics->by_name, slice_str(row->name));
	map_remove(&topics->by_id, id_key(&row->id));
	pthread_rwlock_unlock(&topics->table);
	WEIR_ASSERT(topic);
	bool compacted = false;
	for (int32_t i = 0; i < topic->partition_count; i++) {
		compacted = compacted || atomic_load(&topic->partitions[i]->clean_offset) >= 0;
		partition_delete(topic->partitions[i]);
		partition_unref(topic->partitions[i]);
	}
	if (compacted) {
		cleaner_forget(topics->broker);
	}
	topic_unref(topic);
}

void topics_refresh(struct topics *topics, const struct image_topic *row)
{
	pthread_rwlock_wrlock(&topics->table);
	struct topic *topic = map_get(&topics->by_name, slice_str(row->name));
	if (!topic || !uuid_equal(topic->id, row->id)) {
		pthread_rwlock_unlock(&topics->table);
		return;
	}
	add_partitions(topic, row);
	pthread_rwlock_unlock(&topics->table);
	set_settings(topics, topic, row);
	for (int32_t i = 0; i < row->partition_count; i++) {
		struct partition *p = topic->partitions[i];
		pthread_rwlock_rdlock(&p->use);
		if (p->log) {
			log_set_conf(p->log, &topic->settings.log);
		}
		pthread_rwlock_unlock(&p->use);
	}
}

/* Both lists are sorted by name: one merge finds what went, came or changed. */
void topics_apply(struct topics *topics, const struct image *before, const struct image *after)
{
	size_t i = 0, j = 0, old_count = before ? before->topic_count : 0;
	while (i < old_count || j < after->topic_count) {
		const struct image_topic *was = i < old_count ? before->topics[i] : NULL;
		const struct image_topic *is = j < after->topic_count ? after->topics[j] : NULL;
		int order = !was ? 1 : !is ? -1 : strcmp(was->name, is->name);
		if (order < 0 || (order == 0 && !uuid_equal(was->id, is->id))) {
			remove_topic(topics, was);
			i++;
		} else if (order > 0) {
			add_topic(topics, is);
			j++;
		} else {
			if (was != is) {
				topics_refresh(topics, is);
			}
			i++;
			j++;
		}
	}
}

static enum weir_code pick(struct topics *topics, struct topic *topic, int32_t index,
	struct partition **partition, enum weir_code absent, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (!topic) {
		code = absent;
	} else if (index < 0 || index >= topic->partition_count) {
		code = WEIR_UNKNOWN_TOPIC_OR_PARTITION;
	} else {
		*partition = topic->partitions[index];
		partition_ref(*partition);
	}
	pthread_rwlock_unlock(&topics->table);
	return code == WEIR_OK ? code : err_set(err, code, "%s", err_info(code)->text);
}

enum weir_code topics_partition(struct topics *topics, struct slice name, int32_t index,
	struct partition **partition, struct weir_err *err)
{
	pthread_rwlock_rdlock(&topics->table);
	return pick(topics, map_get(&topics->by_name, name), index, partition,
		WEIR_UNKNOWN_TOPIC_OR_PARTITION, err);
}

enum weir_code topics_partition_by_id(struct topics *topics, struct uuid id, int32_t index,
	struct partition **partition, struct weir_err *err)
{
	pthread_rwlock_rdlock(&topics->table);
	return pick(topics, map_get(&topics->by_id, id_key(&id)), index, partition,
		WEIR_UNKNOWN_TOPIC_ID, err);
}

void topics_each(
	struct topics *topics, void (*each)(void *arg, struct partition *partition), void *arg)
{
	pthread_rwlock_rdlock(&topics->table);
	size_t count = 0, pos = 0, n = 0;
	struct map_entry *e;
	while ((e = map_next(&topics->by_name, &pos))) {
		count += (size_t)((struct topic *)e->value)->partition_count;
	}
	struct partition **all = mem_array(count, sizeof(*all));
	for (pos = 0; (e = map_next(&topics->by_name, &pos));) {
		struct topic *topic = e->value;
		for (int32_t i = 0; i < topic->partition_count; i++) {
			partition_ref(topic->partitions[i]);
			all[n++] = topic->partitions[i];
		}
	}
	pthread_rwlock_unlock(&topics->table);
	for (size_t i = 0; i < n; i++) {
		each(arg, all[i]);
		partition_unref(all[i]);
	}
	mem_free(all);
}
