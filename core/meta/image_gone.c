/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Topics that were deleted, while a part of their files may still stand: their rows leave the store
 * first, then the directories go one by one, and a crash may come in between.
 */
#include "core/base/mem.h"
#include "core/meta/image_priv.h"

struct gone_walk {
	enum weir_code (*each)(
		void *arg, const char *name, struct uuid topic_id, struct weir_err *err);
	void *arg;
	struct meta_op *ops; /* deletes of the rows seen */
	size_t count;
};

static enum weir_code see(void *arg, const struct meta_entry *entry, struct weir_err *err)
{
	struct gone_walk *walk = arg;
	size_t prefix = strlen(IMAGE_GONE_PREFIX);
	char *name = NULL;
	struct uuid id;
	enum weir_code code = WEIR_OK;
	if (walk->each) {
		struct slice text = slice_of(entry->key.data + prefix, entry->key.len - prefix);
		if (!uuid_parse(text, &id) ||
			image_text_row_decode(entry->value, "topic", &name, NULL)) {
			return err_set(err, WEIR_LOCAL_CORRUPT, "row %.*s is corrupt",
				(int)entry->key.len, (const char *)entry->key.data);
		}
		code = walk->each(walk->arg, name, id, err);
		mem_free(name);
		return code;
	}
	walk->ops = mem_grow(walk->ops, walk->count + 1, sizeof(*walk->ops));
	walk->ops[walk->count++] = (struct meta_op){
		.key = slice_of(mem_dup(entry->key.data, entry->key.len), entry->key.len)};
	return WEIR_OK;
}

enum weir_code image_each_gone(struct image_store *store,
	enum weir_code (*each)(
		void *arg, const char *name, struct uuid topic_id, struct weir_err *err),
	void *arg, struct weir_err *err)
{
	struct gone_walk walk = {.each = each, .arg = arg};
	return meta_range(store->meta, slice_str(IMAGE_GONE_PREFIX), see, &walk, NULL, err);
}

enum weir_code image_forget_gone(struct image_store *store, struct weir_err *err)
{
	struct gone_walk walk = {.each = NULL};
	enum weir_code code =
		meta_range(store->meta, slice_str(IMAGE_GONE_PREFIX), see, &walk, NULL, err);
	if (!code && walk.count) {
		code = meta_commit(store->meta, NULL, 0, walk.ops, walk.count, NULL, err);
	}
	for (size_t i = 0; i < walk.count; i++) {
		mem_free((void *)(uintptr_t)walk.ops[i].key.data);
	}
	mem_free(walk.ops);
	return code;
}
