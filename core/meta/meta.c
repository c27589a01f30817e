/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The front of the metadata store. One commit at a time: commit_lock is held from the guards to the
 * last watcher, so watchers see every commit once and in order. The lock checks for its owner: a
 * watcher that commits gets an error instead of a standstill.
 */
#include "core/meta/meta.h"

#include "core/base/mem.h"
#include "core/meta/meta_priv.h"

#include <stdatomic.h>

struct meta_watch {
	struct list node;
	uint8_t *prefix;
	size_t prefix_len;
	meta_changed *changed;
	void *arg;
};

struct meta_row_head {
	size_t key_len, value_len;
	int64_t create_revision, mod_revision;
};

void meta_init(struct meta *meta, const struct meta_backend *backend, int64_t revision)
{
	meta->backend = backend;
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	WEIR_ASSERT(pthread_mutex_init(&meta->commit_lock, &attr) == 0);
	pthread_mutexattr_destroy(&attr);
	list_init(&meta->watches);
	atomic_init(&meta->revision, revision);
}

void meta_fini(struct meta *meta)
{
	WEIR_ASSERT(list_empty(&meta->watches));
	pthread_mutex_destroy(&meta->commit_lock);
}

void meta_close(struct meta **meta)
{
	if (*meta) {
		(*meta)->backend->close(*meta);
		*meta = NULL;
	}
}

void meta_row_add(struct buf *out, const struct meta_entry *entry)
{
	struct meta_row_head head = {.key_len = entry->key.len,
		.value_len = entry->value.len,
		.create_revision = entry->create_revision,
		.mod_revision = entry->mod_revision};
	buf_add(out, &head, sizeof(head));
	buf_add(out, entry->key.data, entry->key.len);
	buf_add(out, entry->value.data, entry->value.len);
}

static enum weir_code check_key(struct slice key, struct weir_err *err)
{
	if (!key.len || !key.data[0]) {
		return err_set(err, WEIR_INVALID_REQUEST,
			"metadata key is empty or starts with a zero byte");
	}
	if (key.len > META_KEY_LEN_MAX) {
		return err_set(err, WEIR_TOO_LARGE, "metadata key of %zu bytes, limit %d", key.len,
			META_KEY_LEN_MAX);
	}
	return WEIR_OK;
}

enum weir_code meta_get(struct meta *meta, struct slice key, struct buf *out,
	struct meta_entry *entry, struct weir_err *err)
{
	enum weir_code code = check_key(key, err);
	if (code) {
		return code;
	}
	buf_reset(out);
	return meta->backend->get(meta, key, out, entry, err);
}

enum weir_code meta_range(struct meta *meta, struct slice prefix,
	enum weir_code (*each)(void *arg, const struct meta_entry *entry, struct weir_err *err),
	void *arg, int64_t *revision, struct weir_err *err)
{
	struct buf rows;
	buf_init(&rows, 0);
	int64_t at = 0;
	enum weir_code code = meta->backend->range(meta, prefix, &rows, &at, err);
	for (size_t pos = 0; !code && pos < rows.len;) {
		struct meta_row_head head;
		memcpy(&head, rows.data + pos, sizeof(head));
		pos += sizeof(head);
		struct meta_entry entry = {.key = slice_of(rows.data + pos, head.key_len),
			.value = slice_of(rows.data + pos + head.key_len, head.value_len),
			.create_revision = head.create_revision,
			.mod_revision = head.mod_revision};
		pos += head.key_len + head.value_len;
		code = each(arg, &entry, err);
	}
	if (!code && revision) {
		*revision = at;
	}
	buf_fini(&rows);
	return code;
}

static enum weir_code commit_check(const struct meta_guard *guards, size_t guard_count,
	const struct meta_op *ops, size_t op_count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; !code && i < guard_count; i++) {
		code = check_key(guards[i].key, err);
	}
	for (size_t i = 0; !code && i < op_count; i++) {
		code = check_key(ops[i].key, err);
		if (!code && ops[i].value.len > META_VALUE_LEN_MAX) {
			code = err_set(err, WEIR_TOO_LARGE,
				"metadata value of %zu bytes at %.*s, limit %d", ops[i].value.len,
				(int)ops[i].key.len, (const char *)ops[i].key.data,
				META_VALUE_LEN_MAX);
		}
	}
	return code;
}

static bool watch_wants(const struct meta_watch *watch, struct slice key)
{
	return key.len >= watch->prefix_len &&
	       (!watch->prefix_len || memcmp(key.data, watch->prefix, watch->prefix_len) == 0);
}

/* room: as many entries as change->changed holds. */
static void commit_notify(
	struct meta *meta, const struct meta_change *change, struct meta_entry *room)
{
	LIST_EACH(it, &meta->watches)
	{
		struct meta_watch *watch = LIST_ENTRY(it, struct meta_watch, node);
		size_t count = 0;
		for (size_t i = 0; i < change->changed_count; i++) {
			if (watch_wants(watch, change->changed[i].key)) {
				room[count++] = change->changed[i];
			}
		}
		if (count) {
			watch->changed(watch->arg, change->revision, room, count);
		}
	}
}

enum weir_code meta_commit(struct meta *meta, const struct meta_guard *guards, size_t guard_count,
	const struct meta_op *ops, size_t op_count, int64_t *revision, struct weir_err *err)
{
	enum weir_code code = commit_check(guards, guard_count, ops, op_count, err);
	if (code) {
		return code;
	}
	if (pthread_mutex_lock(&meta->commit_lock)) {
		return err_set(err, WEIR_BUG, "a watcher of the metadata store may not change it");
	}
	struct meta_entry *room = mem_array(op_count * 2, sizeof(*room));
	struct meta_change change = {.guards = guards,
		.guard_count = guard_count,
		.ops = ops,
		.op_count = op_count,
		.changed = room};
	code = meta->backend->commit(meta, &change, err);
	if (!code) {
		atomic_store(&meta->revision, change.revision);
		commit_notify(meta, &change, room + op_count);
	}
	pthread_mutex_unlock(&meta->commit_lock);
	mem_free(room);
	if (!code && revision) {
		*revision = change.revision;
	}
	return code;
}

int64_t meta_revision(struct meta *meta)
{
	return atomic_load(&meta->revision);
}

struct meta_watch *meta_watch(
	struct meta *meta, struct slice prefix, meta_changed *changed, void *arg)
{
	struct meta_watch *watch = mem_new(sizeof(*watch));
	watch->prefix = mem_dup(prefix.data, prefix.len);
	watch->prefix_len = prefix.len;
	watch->changed = changed;
	watch->arg = arg;
	WEIR_ASSERT(pthread_mutex_lock(&meta->commit_lock) == 0);
	list_append(&meta->watches, &watch->node);
	pthread_mutex_unlock(&meta->commit_lock);
	return watch;
}

void meta_unwatch(struct meta *meta, struct meta_watch **watch)
{
	if (!*watch) {
		return;
	}
	WEIR_ASSERT(pthread_mutex_lock(&meta->commit_lock) == 0);
	list_remove(&(*watch)->node);
	pthread_mutex_unlock(&meta->commit_lock);
	mem_free((*watch)->prefix);
	MEM_FREE(watch);
}
