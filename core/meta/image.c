/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store of images: follows the watch of the metadata store and keeps the current image.
 *
 * Loading: the watch is set first, then the rows are read under build_lock. They come in several
 * ranges, which have to be of one revision, else they are read again. A change that came before the
 * lock is in those rows; one that comes after waits for the lock, and is skipped if the rows have
 * it.
 *
 * A row that cannot be read fails the opening (the store checks its bytes, so it was written
 * wrong). One that comes later, from another broker, is logged and left out.
 */
#include "core/meta/image.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/meta/image_priv.h"

#include <stdatomic.h>

int image_topic_compare_name(const struct image_topic *a, const struct image_topic *b)
{
	return strcmp(a->name, b->name);
}

int image_topic_compare_id(const struct image_topic *a, const struct image_topic *b)
{
	return memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes));
}

static struct image_topic_counted *topic_counted(const struct image_topic *topic)
{
	return (struct image_topic_counted *)(uintptr_t)topic;
}

void image_topic_ref(const struct image_topic *topic)
{
	atomic_fetch_add_explicit(&topic_counted(topic)->refs, 1, memory_order_relaxed);
}

void image_topic_unref(struct image_topic *topic)
{
	if (atomic_fetch_sub(&topic_counted(topic)->refs, 1) == 1) {
		image_configs_free(topic->configs, topic->config_count);
		mem_free(topic->partitions);
		mem_free(topic->name);
		mem_free(topic_counted(topic));
	}
}

static struct image_counted *image_counted(const struct image *image)
{
	return (struct image_counted *)(uintptr_t)image;
}

void image_release(const struct image *image)
{
	if (!image || atomic_fetch_sub(&image_counted(image)->refs, 1) != 1) {
		return;
	}
	struct image_counted *counted = image_counted(image);
	for (size_t i = 0; i < image->topic_count; i++) {
		image_topic_unref(image->topics[i]);
	}
	mem_free(counted->image.topics);
	mem_free(counted->by_id);
	image_configs_free(counted->image.broker_default, image->broker_default_count);
	image_configs_free(counted->image.broker_self, image->broker_self_count);
	image_configs_free(counted->image.groups, image->group_count);
	mem_free(counted);
}

const struct image *image_current(struct image_store *store)
{
	pthread_mutex_lock(&store->current_lock);
	const struct image *image = store->current;
	atomic_fetch_add_explicit(&image_counted(image)->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&store->current_lock);
	return image;
}

static int compare_key(struct slice name, const char *other)
{
	size_t len = strlen(other);
	size_t common = name.len < len ? name.len : len;
	int order = common ? memcmp(name.data, other, common) : 0;
	return order ? order : name.len < len ? -1 : name.len > len;
}

const struct image_topic *image_topic(const struct image *image, struct slice name)
{
	size_t from = 0, end = image->topic_count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = compare_key(name, image->topics[middle]->name);
		if (order == 0) {
			return image->topics[middle];
		}
		if (order > 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return NULL;
}

const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id)
{
	struct image_topic **by_id = image_counted(image)->by_id;
	size_t from = 0, end = image->topic_count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = memcmp(id.bytes, by_id[middle]->id.bytes, sizeof(id.bytes));
		if (order == 0) {
			return by_id[middle];
		}
		if (order > 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return NULL;
}

void image_group_escape(struct slice group, struct buf *out)
{
	for (size_t i = 0; i < group.len; i++) {
		uint8_t c = group.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
		if (plain) {
			buf_add_byte(out, c);
		} else {
			buf_printf(out, "%%%02X", c);
		}
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t image_group_name(const char *key, uint8_t *name)
{
	size_t len = 0;
	while (*key && *key != '/') {
		int high = *key == '%' ? hex_digit(key[1]) : -1;
		int low = high >= 0 ? hex_digit(key[2]) : -1;
		name[len++] = low >= 0 ? (uint8_t)(high * 16 + low) : (uint8_t)*key;
		key += low >= 0 ? 3 : 1;
	}
	return len;
}

const char *image_group_config(const struct image *image, struct slice group, const char *key)
{
	if (!image->group_count) {
		return NULL;
	}
	struct buf name;
	buf_init(&name, 0);
	image_group_escape(group, &name);
	buf_printf(&name, "/%s", key);
	const char *value = image_config_get(image->groups, image->group_count, buf_str(&name));
	buf_fini(&name);
	return value;
}

const char *image_config_get(const struct image_config *configs, size_t count, const char *key)
{
	size_t from = 0, end = count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = strcmp(key, configs[middle].key);
		if (order == 0) {
			return configs[middle].value;
		}
		if (order > 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return NULL;
}

static void set_current(struct image_store *store, const struct image *next)
{
	pthread_mutex_lock(&store->current_lock);
	store->current = next;
	pthread_mutex_unlock(&store->current_lock);
}

static void build_rows(struct image_builder *builder, const struct meta_entry *entries,
	size_t count, bool of_topics)
{
	static const char prefix[] = "topic/";
	for (size_t i = 0; i < count; i++) {
		struct weir_err err = {0};
		struct slice key = entries[i].key;
		bool is_topic = key.len >= sizeof(prefix) - 1 &&
				memcmp(key.data, prefix, sizeof(prefix) - 1) == 0;
		if (is_topic == of_topics && image_build_row(builder, &entries[i], &err)) {
			log_line(LOG_ERROR, "left out: %s", err.text);
		}
	}
}

static void follow(void *arg, int64_t revision, const struct meta_entry *entries, size_t count)
{
	struct image_store *store = arg;
	bool wanted = false;
	for (size_t i = 0; i < count && !wanted; i++) {
		wanted = image_build_wants(store->node_id, entries[i].key);
	}
	if (!wanted) {
		return;
	}
	/* Only this thread changes current: the metadata store commits one at a time. */
	pthread_mutex_lock(&store->build_lock);
	const struct image *before = store->current;
	if (before && revision > before->revision) {
		struct image_builder builder;
		image_build_start(&builder, before, store->node_id);
		build_rows(&builder, entries, count, true);
		build_rows(&builder, entries, count, false);
		const struct image *after = image_build_end(&builder, revision);
		set_current(store, after);
		for (size_t i = 0; i < store->listener_count; i++) {
			store->listeners[i].changed(store->listeners[i].arg, before, after);
		}
		image_release(before);
	}
	pthread_mutex_unlock(&store->build_lock);
}

static enum weir_code load_row(void *arg, const struct meta_entry *entry, struct weir_err *err)
{
	return image_build_row(arg, entry, err);
}

static enum weir_code load(
	struct image_store *store, const struct image **image, struct weir_err *err)
{
	static const char *const prefixes[] = {"topic/", "partition/", "config/", "cluster/id"};
	enum { PREFIXES = sizeof(prefixes) / sizeof(prefixes[0]) };
	for (;;) {
		struct image_builder builder;
		image_build_start(&builder, NULL, store->node_id);
		int64_t revisions[PREFIXES] = {0};
		enum weir_code code = WEIR_OK;
		for (size_t i = 0; !code && i < PREFIXES; i++) {
			code = meta_range(store->meta, slice_str(prefixes[i]), load_row, &builder,
				&revisions[i], err);
		}
		if (!code && revisions[0] == revisions[PREFIXES - 1]) {
			*image = image_build_end(&builder, revisions[0]);
			return WEIR_OK;
		}
		image_build_drop(&builder);
		if (code == WEIR_BAD_DATA) {
			code = WEIR_LOCAL_CORRUPT;
			if (err) {
				err->code = code;
			}
		}
		if (code) {
			return code;
		}
	}
}

enum weir_code image_propose_cluster_id(struct meta *meta, const char *wanted, struct weir_err *err)
{
	struct meta_guard absent = {.key = slice_str("cluster/id")};
	struct meta_entry entry;
	struct weir_err why = {0};
	struct buf buf;
	buf_init(&buf, 0);
	enum weir_code code = meta_get(meta, absent.key, &buf, &entry, &why);
	if (code == WEIR_NOT_FOUND) {
		char id[UUID_TEXT_LEN + 1];
		uuid_format(uuid_new(), id);
		buf_reset(&buf);
		image_text_row_encode(&buf, "id", wanted ? wanted : id);
		struct meta_op op = {.key = absent.key, .value = slice_of(buf.data, buf.len)};
		code = meta_commit(meta, &absent, 1, &op, 1, NULL, &why);
		if (code == WEIR_CONFLICT) {
			code = WEIR_OK; /* somebody else made it */
		}
	}
	buf_fini(&buf);
	if (code && err) {
		*err = why;
	}
	return code;
}

enum weir_code image_store_open(
	struct meta *meta, int32_t node_id, struct image_store **store, struct weir_err *err)
{
	enum weir_code code = image_propose_cluster_id(meta, NULL, err);
	if (code) {
		return code;
	}
	struct image_store *new = mem_new(sizeof(*new));
	new->meta = meta;
	new->node_id = node_id;
	pthread_mutex_init(&new->build_lock, NULL);
	pthread_mutex_init(&new->current_lock, NULL);
	new->watch = meta_watch(meta, slice_of(NULL, 0), follow, new);
	pthread_mutex_lock(&new->build_lock);
	const struct image *image = NULL;
	code = load(new, &image, err);
	set_current(new, image);
	pthread_mutex_unlock(&new->build_lock);
	if (code) {
		image_store_close(&new);
		return code;
	}
	*store = new;
	return WEIR_OK;
}

void image_store_close(struct image_store **store)
{
	if (!*store) {
		return;
	}
	meta_unwatch((*store)->meta, &(*store)->watch);
	image_release((*store)->current);
	pthread_mutex_destroy(&(*store)->build_lock);
	pthread_mutex_destroy(&(*store)->current_lock);
	mem_free((*store)->listeners);
	MEM_FREE(store);
}

void image_store_on_change(struct image_store *store,
	void (*changed)(void *arg, const struct image *before, const struct image *after),
	void *arg)
{
	pthread_mutex_lock(&store->build_lock);
	store->listeners =
		mem_grow(store->listeners, store->listener_count + 1, sizeof(*store->listeners));
	store->listeners[store->listener_count++] =
		(struct image_listener){.changed = changed, .arg = arg};
	pthread_mutex_unlock(&store->build_lock);
}
