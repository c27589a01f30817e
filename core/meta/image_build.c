/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The next image from the one before. A topic with a changed row gets a draft: a copy that may be
 * written until the image is done. All others are shared, so a change costs what it touches, and a
 * few instructions for each topic there is.
 */
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/meta/image_priv.h"
#include "core/meta/topic_name.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct image_draft {
	const struct image_topic *before; /* NULL: new */
	struct image_topic *topic;	  /* NULL: deleted */
};

static struct image_config *configs_copy(const struct image_config *from, size_t count)
{
	struct image_config *to = mem_array(count, sizeof(*to));
	for (size_t i = 0; i < count; i++) {
		to[i].key = mem_dup_str(from[i].key);
		to[i].value = mem_dup_str(from[i].value);
	}
	return to;
}

void image_configs_free(struct image_config *configs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(configs[i].key);
		mem_free(configs[i].value);
	}
	mem_free(configs);
}

/* value is moved in; NULL removes. */
static void configs_set(struct image_config **configs, size_t *count, struct slice key, char *value)
{
	char *name = mem_dup(key.data, key.len);
	size_t at = 0;
	while (at < *count && strcmp((*configs)[at].key, name) < 0) {
		at++;
	}
	bool found = at < *count && strcmp((*configs)[at].key, name) == 0;
	if (found) {
		struct image_config *old = &(*configs)[at];
		mem_free(old->value);
		old->value = value;
		if (!value) {
			mem_free(old->key);
			memmove(old, old + 1, (*count - at - 1) * sizeof(*old));
			(*count)--;
		}
	} else if (value) {
		*configs = mem_grow(*configs, *count + 1, sizeof(**configs));
		struct image_config *new = &(*configs)[at];
		memmove(new + 1, new, (*count - at) * sizeof(*new));
		*new = (struct image_config){.key = name, .value = value};
		(*count)++;
		return;
	}
	mem_free(name);
}

static struct image_topic *topic_new(struct slice name, struct uuid id)
{
	struct image_topic_counted *counted = mem_new(sizeof(*counted));
	atomic_init(&counted->refs, 1);
	counted->topic.name = mem_dup(name.data, name.len);
	counted->topic.id = id;
	return &counted->topic;
}

static struct image_topic *topic_copy(const struct image_topic *from)
{
	struct image_topic *to = topic_new(slice_str(from->name), from->id);
	size_t count = (size_t)from->partition_count;
	to->partitions = mem_array(count, sizeof(*to->partitions));
	if (count) {
		memcpy(to->partitions, from->partitions, count * sizeof(*to->partitions));
	}
	to->partition_count = from->partition_count;
	to->configs = configs_copy(from->configs, from->config_count);
	to->config_count = from->config_count;
	to->mod_revision = from->mod_revision;
	return to;
}

/* A partition whose row has not come yet has no leader. */
static void topic_resize(struct image_topic *topic, int32_t count)
{
	topic->partitions = mem_grow(topic->partitions, (size_t)count, sizeof(*topic->partitions));
	for (int32_t i = topic->partition_count; i < count; i++) {
		topic->partitions[i] = (struct image_partition){.leader = -1};
	}
	topic->partition_count = count;
}

static struct slice id_key(const struct uuid *id)
{
	return slice_of(id->bytes, sizeof(id->bytes));
}

/* Made on first use from the topic before. */
static struct image_draft *draft_of_name(struct image_builder *builder, struct slice name)
{
	struct image_draft *draft = map_get(&builder->by_name, name);
	if (!draft) {
		draft = mem_new(sizeof(*draft));
		map_put(&builder->by_name, name, draft);
		if (builder->before) {
			draft->before = image_topic(&builder->before->image, name);
		}
		if (draft->before) {
			draft->topic = topic_copy(draft->before);
			map_put(&builder->by_id, id_key(&draft->topic->id), draft);
		}
	}
	return draft;
}

/* NULL if no topic has the id. */
static struct image_draft *draft_of_id(struct image_builder *builder, struct uuid id)
{
	struct image_draft *draft = map_get(&builder->by_id, id_key(&id));
	if (!draft && builder->before) {
		const struct image_topic *topic = image_topic_by_id(&builder->before->image, id);
		draft = topic ? draft_of_name(builder, slice_str(topic->name)) : NULL;
	}
	return draft && draft->topic && uuid_equal(draft->topic->id, id) ? draft : NULL;
}

static enum weir_code build_topic(struct image_builder *builder, struct slice name,
	const struct meta_entry *entry, struct weir_err *err)
{
	struct image_topic_row row = {0};
	enum weir_code code = topic_name_check(name, err);
	if (!code && entry->value.data) {
		code = image_topic_row_decode(entry->value, &row, err);
	}
	if (code) {
		return code;
	}
	struct image_draft *draft = draft_of_name(builder, name);
	if (draft->topic && (!entry->value.data || !uuid_equal(draft->topic->id, row.id))) {
		image_topic_unref(draft->topic);
		draft->topic = NULL;
	}
	if (!entry->value.data) {
		return WEIR_OK;
	}
	const struct image_draft *holder = draft_of_id(builder, row.id);
	if (holder && holder != draft) {
		return err_set(err, WEIR_BAD_DATA, "topic %s has the same id", holder->topic->name);
	}
	if (!draft->topic) {
		draft->topic = topic_new(name, row.id);
		map_put(&builder->by_id, id_key(&row.id), draft);
	}
	topic_resize(draft->topic, row.partition_count);
	draft->topic->mod_revision = entry->mod_revision;
	return WEIR_OK;
}

/* rest: "<topic id>/<n>". Rows of topics that are gone do not matter. */
static enum weir_code build_partition(struct image_builder *builder, struct slice rest,
	const struct meta_entry *entry, struct weir_err *err)
{
	struct uuid id;
	char number[16] = "";
	int64_t n = 0;
	if (rest.len < UUID_TEXT_LEN + 2 || rest.len - UUID_TEXT_LEN - 1 >= sizeof(number) ||
		rest.data[UUID_TEXT_LEN] != '/' ||
		!uuid_parse(slice_of(rest.data, UUID_TEXT_LEN), &id)) {
		return err_set(err, WEIR_BAD_DATA, "key is not partition/<topic id>/<number>");
	}
	memcpy(number, rest.data + UUID_TEXT_LEN + 1, rest.len - UUID_TEXT_LEN - 1);
	if (number_i64(number, 0, LIMIT_PARTITIONS_PER_TOPIC - 1, &n, NULL)) {
		return err_set(err, WEIR_BAD_DATA, "key has the partition number \"%s\"", number);
	}
	struct image_draft *draft = draft_of_id(builder, id);
	if (!draft || n >= draft->topic->partition_count) {
		return WEIR_OK;
	}
	struct image_partition *partition = &draft->topic->partitions[n];
	if (!entry->value.data) {
		*partition = (struct image_partition){.leader = -1};
		return WEIR_OK;
	}
	return image_partition_row_decode(entry->value, partition, err);
}

/* Takes prefix off key. */
static bool skip_prefix(struct slice *key, const char *prefix)
{
	size_t len = strlen(prefix);
	if (key->len < len || memcmp(key->data, prefix, len) != 0) {
		return false;
	}
	*key = slice_of(key->data + len, key->len - len);
	return true;
}

/* rest: "topic/<name>/<key>", "broker/<id or default>/<key>" or "group/<name>/<key>". */
static enum weir_code build_config(struct image_builder *builder, struct slice rest,
	const struct meta_entry *entry, struct weir_err *err)
{
	bool of_topic = skip_prefix(&rest, "topic/");
	bool of_group = !of_topic && skip_prefix(&rest, "group/");
	if (!of_topic && !of_group && !skip_prefix(&rest, "broker/")) {
		return err_set(err, WEIR_BAD_DATA, "key is of no kind of setting");
	}
	const uint8_t *slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
	if (!slash) {
		return err_set(err, WEIR_BAD_DATA, "key has no name of a setting");
	}
	struct slice owner = slice_of(rest.data, (size_t)(slash - rest.data));
	struct slice key = slice_of(slash + 1, rest.len - owner.len - 1);
	char *value = NULL;
	if (entry->value.data) {
		enum weir_code code = image_text_row_decode(entry->value, "value", &value, err);
		if (code) {
			return code;
		}
	}
	struct image *next = &builder->next->image;
	char self[16];
	snprintf(self, sizeof(self), "%d", builder->node_id);
	if (of_topic) {
		struct image_draft *draft = draft_of_name(builder, owner);
		if (draft->topic) {
			configs_set(
				&draft->topic->configs, &draft->topic->config_count, key, value);
			return WEIR_OK;
		}
	} else if (of_group) {
		configs_set(&next->groups, &next->group_count, rest, value);
		return WEIR_OK;
	} else if (slice_equal(owner, slice_str("default"))) {
		configs_set(&next->broker_default, &next->broker_default_count, key, value);
		return WEIR_OK;
	} else if (slice_equal(owner, slice_str(self))) {
		configs_set(&next->broker_self, &next->broker_self_count, key, value);
		return WEIR_OK;
	}
	mem_free(value);
	return WEIR_OK;
}

static enum weir_code build_cluster_id(
	struct image_builder *builder, const struct meta_entry *entry, struct weir_err *err)
{
	char *id = NULL;
	if (!entry->value.data) {
		return WEIR_OK;
	}
	enum weir_code code = image_text_row_decode(entry->value, "id", &id, err);
	if (code) {
		return code;
	}
	char *to = builder->next->image.cluster_id;
	size_t len = strlen(id), room = sizeof(builder->next->image.cluster_id);
	if (!len || len >= room) {
		code = err_set(err, WEIR_BAD_DATA, "cluster id of %zu characters", len);
	} else {
		memcpy(to, id, len + 1);
	}
	mem_free(id);
	return code;
}

enum weir_code image_build_row(
	struct image_builder *builder, const struct meta_entry *entry, struct weir_err *err)
{
	struct slice rest = entry->key;
	enum weir_code code = WEIR_OK;
	if (skip_prefix(&rest, "topic/")) {
		code = build_topic(builder, rest, entry, err);
	} else if (skip_prefix(&rest, "partition/")) {
		code = build_partition(builder, rest, entry, err);
	} else if (skip_prefix(&rest, "config/")) {
		code = build_config(builder, rest, entry, err);
	} else if (slice_equal(rest, slice_str("cluster/id"))) {
		code = build_cluster_id(builder, entry, err);
	}
	if (code && code != WEIR_NO_MEMORY) {
		code = WEIR_BAD_DATA; /* whatever rule the row breaks */
	}
	if (code && err) {
		err->code = code;
		err_wrap(err, "metadata row %.*s", (int)entry->key.len,
			(const char *)entry->key.data);
	}
	return code;
}

bool image_build_wants(int32_t node_id, struct slice key)
{
	if (skip_prefix(&key, "config/broker/")) {
		char self[16];
		snprintf(self, sizeof(self), "%d/", node_id);
		return skip_prefix(&key, "default/") || skip_prefix(&key, self);
	}
	return skip_prefix(&key, "topic/") || skip_prefix(&key, "partition/") ||
	       skip_prefix(&key, "config/") || slice_equal(key, slice_str("cluster/id"));
}

void image_build_start(struct image_builder *builder, const struct image *before, int32_t node_id)
{
	*builder = (struct image_builder){.node_id = node_id};
	builder->before = (const struct image_counted *)(const void *)before;
	map_init(&builder->by_name);
	map_init(&builder->by_id);
	builder->next = mem_new(sizeof(*builder->next));
	atomic_init(&builder->next->refs, 1);
	if (before) {
		struct image *next = &builder->next->image;
		memcpy(next->cluster_id, before->cluster_id, sizeof(next->cluster_id));
		next->broker_default =
			configs_copy(before->broker_default, before->broker_default_count);
		next->broker_default_count = before->broker_default_count;
		next->broker_self = configs_copy(before->broker_self, before->broker_self_count);
		next->broker_self_count = before->broker_self_count;
		next->groups = configs_copy(before->groups, before->group_count);
		next->group_count = before->group_count;
	}
}

typedef int compare_topics(const struct image_topic *a, const struct image_topic *b);

static int qsort_name(const void *a, const void *b)
{
	return image_topic_compare_name(
		*(struct image_topic *const *)a, *(struct image_topic *const *)b);
}

static int qsort_id(const void *a, const void *b)
{
	return image_topic_compare_id(
		*(struct image_topic *const *)a, *(struct image_topic *const *)b);
}

/* Topics in the order of compare. */
struct topic_list {
	struct image_topic **topics;
	size_t count;
};

/* The first place at or after from whose topic is not before topic. */
static size_t lower_bound(const struct topic_list *list, size_t from,
	const struct image_topic *topic, compare_topics *compare)
{
	size_t end = list->count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		if (compare(list->topics[middle], topic) < 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return from;
}

/* old without removed (all of them are in it), with added. */
static struct image_topic **merge(const struct topic_list *old, const struct topic_list *removed,
	const struct topic_list *added, compare_topics *compare)
{
	struct image_topic **out =
		mem_array(old->count - removed->count + added->count, sizeof(struct image_topic *));
	size_t at = 0, used = 0, r = 0, a = 0;
	while (r < removed->count || a < added->count) {
		bool removes =
			r < removed->count &&
			(a == added->count || compare(removed->topics[r], added->topics[a]) <= 0);
		struct image_topic *topic = removes ? removed->topics[r++] : added->topics[a++];
		size_t pos = lower_bound(old, at, topic, compare);
		if (pos > at) {
			memcpy(out + used, old->topics + at, (pos - at) * sizeof(*out));
			used += pos - at;
		}
		if (removes) {
			WEIR_ASSERT(pos < old->count && old->topics[pos] == topic);
			pos++;
		} else {
			out[used++] = topic;
		}
		at = pos;
	}
	if (old->count > at) {
		memcpy(out + used, old->topics + at, (old->count - at) * sizeof(*out));
	}
	return out;
}

static void drafts_free(struct image_builder *builder)
{
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&builder->by_name, &pos));) {
		mem_free(e->value);
	}
	map_fini(&builder->by_name);
	map_fini(&builder->by_id);
}

const struct image *image_build_end(struct image_builder *builder, int64_t revision)
{
	struct image *next = &builder->next->image;
	const struct image_counted *before = builder->before;
	size_t drafts = builder->by_name.count;
	struct topic_list removed = {.topics = mem_array(drafts, sizeof(struct image_topic *))};
	struct topic_list added = {.topics = mem_array(drafts, sizeof(struct image_topic *))};
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&builder->by_name, &pos));) {
		struct image_draft *draft = e->value;
		if (draft->before) {
			removed.topics[removed.count++] =
				(struct image_topic *)(uintptr_t)draft->before;
		}
		if (draft->topic) {
			added.topics[added.count++] = draft->topic;
		}
	}
	struct topic_list by_name = {0}, by_id = {0};
	if (before) {
		by_name = (struct topic_list){before->image.topics, before->image.topic_count};
		by_id = (struct topic_list){before->by_id, before->image.topic_count};
	}
	qsort(removed.topics, removed.count, sizeof(*removed.topics), qsort_name);
	qsort(added.topics, added.count, sizeof(*added.topics), qsort_name);
	/* Counts: one more for all, and one less for what is not in the next image. */
	for (size_t i = 0; i < by_name.count; i++) {
		image_topic_ref(by_name.topics[i]);
	}
	next->topics = merge(&by_name, &removed, &added, image_topic_compare_name);
	next->topic_count = by_name.count - removed.count + added.count;
	qsort(removed.topics, removed.count, sizeof(*removed.topics), qsort_id);
	qsort(added.topics, added.count, sizeof(*added.topics), qsort_id);
	builder->next->by_id = merge(&by_id, &removed, &added, image_topic_compare_id);
	for (size_t i = 0; i < removed.count; i++) {
		image_topic_unref(removed.topics[i]);
	}
	next->revision = revision;
	mem_free(removed.topics);
	mem_free(added.topics);
	drafts_free(builder);
	return next;
}

void image_build_drop(struct image_builder *builder)
{
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&builder->by_name, &pos));) {
		struct image_draft *draft = e->value;
		if (draft->topic) {
			image_topic_unref(draft->topic);
		}
	}
	drafts_free(builder);
	image_release(&builder->next->image);
}
