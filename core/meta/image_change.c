/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of the metadata. Each is a fill function that reads the current image, refuses what is
 * wrong with it, and lists guards and ops; change_run commits them. When a guard fails, somebody
 * got in between: the fill runs again on the newer image and either finds the reason to refuse or
 * goes on. The image is newer by then: a commit that failed had to wait for the watchers of the one
 * before.
 */
#include "core/base/arena.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/meta/image_priv.h"
#include "core/meta/topic_name.h"

enum { CHANGE_TRIES = 1000 };

struct change {
	struct image_store *store;
	const struct image *image;
	struct arena arena; /* keys and values */
	struct buf row;	    /* the value being written */
	struct meta_guard *guards;
	struct meta_op *ops;
	size_t guard_count, guard_room, op_count, op_room;
	bool failed; /* out of memory */
};

typedef enum weir_code change_fill(struct change *change, void *args, struct weir_err *err);

static struct slice change_key(struct change *change, const char *key)
{
	change->failed |= !key;
	return slice_str(key);
}
#define CHANGE_KEY(change, ...) change_key(change, arena_printf(&(change)->arena, __VA_ARGS__))

static void change_guard(struct change *change, struct slice key, int64_t mod_revision)
{
	if (change->guard_count == change->guard_room) {
		change->guard_room = change->guard_room ? change->guard_room * 2 : 4;
		change->guards =
			mem_grow(change->guards, change->guard_room, sizeof(*change->guards));
	}
	change->guards[change->guard_count++] =
		(struct meta_guard){.key = key, .mod_revision = mod_revision};
}

static void change_add(struct change *change, struct slice key, struct slice value)
{
	if (change->op_count == change->op_room) {
		change->op_room = change->op_room ? change->op_room * 2 : 16;
		change->ops = mem_grow(change->ops, change->op_room, sizeof(*change->ops));
	}
	change->ops[change->op_count++] = (struct meta_op){.key = key, .value = value};
}

/* Puts what was written to change->row. */
static void change_put(struct change *change, struct slice key)
{
	void *value = change->row.failed
			      ? NULL
			      : arena_try_dup(&change->arena, change->row.data, change->row.len);
	change->failed |= !value;
	change_add(change, key, slice_of(value, change->row.len));
	buf_reset(&change->row);
}

static void change_delete(struct change *change, struct slice key)
{
	change_add(change, key, slice_of(NULL, 0));
}

static enum weir_code change_try(
	struct change *change, change_fill *fill, void *args, struct weir_err *err)
{
	arena_reset(&change->arena, 0);
	change->guard_count = change->op_count = 0;
	change->image = image_current(change->store);
	enum weir_code code = fill(change, args, err);
	image_release(change->image);
	if (code) {
		return code;
	}
	if (change->failed) {
		return err_set(err, WEIR_NO_MEMORY, "out of memory for a change of metadata");
	}
	return meta_commit(change->store->meta, change->guards, change->guard_count, change->ops,
		change->op_count, NULL, err);
}

static enum weir_code change_run(
	struct image_store *store, change_fill *fill, void *args, struct weir_err *err)
{
	struct change change = {.store = store};
	arena_init(&change.arena, 0);
	buf_init(&change.row, 0);
	struct weir_err why = {0};
	enum weir_code code = WEIR_CONFLICT;
	for (int tries = 0; code == WEIR_CONFLICT && tries < CHANGE_TRIES; tries++) {
		code = change_try(&change, fill, args, &why);
	}
	if (code && err) {
		*err = why;
	}
	mem_free(change.guards);
	mem_free(change.ops);
	buf_fini(&change.row);
	arena_fini(&change.arena);
	return code;
}

static struct slice topic_key(struct change *change, const char *name)
{
	return CHANGE_KEY(change, "topic/%s", name);
}

static struct slice partition_key(struct change *change, struct uuid id, int32_t partition)
{
	char text[UUID_TEXT_LEN + 1];
	uuid_format(id, text);
	return CHANGE_KEY(change, "partition/%s/%d", text, partition);
}

/* What a deleted topic's files are known by until they are gone for good. */
static struct slice gone_key(struct change *change, struct uuid id)
{
	char text[UUID_TEXT_LEN + 1];
	uuid_format(id, text);
	return CHANGE_KEY(change, IMAGE_GONE_PREFIX "%s", text);
}

/* name/<folded>: one for all names that differ only in '.' and '_'. */
static struct slice name_key(struct change *change, const char *name)
{
	char *key = arena_printf(&change->arena, "name/%s", name);
	for (char *at = key; at && *at; at++) {
		*at = *at == '.' ? '_' : *at;
	}
	return change_key(change, key);
}

static void put_topic(struct change *change, const char *name, struct uuid id, int32_t count)
{
	struct image_topic_row row = {.id = id, .partition_count = count};
	image_topic_row_encode(&change->row, &row);
	change_put(change, topic_key(change, name));
}

/* Also raises its revision, so that whoever relied on the topic as it was notices. */
static void touch_topic(struct change *change, const struct image_topic *topic, int32_t count)
{
	change_guard(change, topic_key(change, topic->name), topic->mod_revision);
	put_topic(change, topic->name, topic->id, count);
}

static enum weir_code find_topic(const struct change *change, const char *name,
	const struct image_topic **topic, struct weir_err *err)
{
	*topic = image_topic(change->image, slice_str(name));
	return *topic ? WEIR_OK
		      : err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "no topic %s", name);
}

static bool has_node(const int32_t *nodes, int32_t count, int32_t node)
{
	for (int32_t i = 0; i < count; i++) {
		if (nodes[i] == node) {
			return true;
		}
	}
	return false;
}

/* Replicas are different nodes and at least one, isr some of them. code: of the error. */
static enum weir_code check_nodes(const struct image_partition *row, int32_t partition,
	enum weir_code code, struct weir_err *err)
{
	if (row->replica_count < 1 || row->replica_count > IMAGE_REPLICAS_MAX ||
		row->isr_count < 0 || row->isr_count > row->replica_count) {
		return err_set(err, code, "partition %d has %d replicas, %d in sync; limit %d",
			partition, row->replica_count, row->isr_count, IMAGE_REPLICAS_MAX);
	}
	for (int32_t i = 0; i < row->replica_count; i++) {
		if (row->replicas[i] < 0 || has_node(row->replicas, i, row->replicas[i])) {
			return err_set(err, code, "partition %d has replica %d twice or below 0",
				partition, row->replicas[i]);
		}
	}
	for (int32_t i = 0; i < row->isr_count; i++) {
		if (!has_node(row->replicas, row->replica_count, row->isr[i]) ||
			has_node(row->isr, i, row->isr[i])) {
			return err_set(err, code,
				"partition %d has %d in sync, twice or not among its replicas",
				partition, row->isr[i]);
		}
	}
	return WEIR_OK;
}

/* before: how many partitions the topic has already. */
static enum weir_code check_partitions(
	const struct image_partition *rows, int32_t count, int32_t before, struct weir_err *err)
{
	if (count < 1 || count > LIMIT_PARTITIONS_PER_TOPIC - before) {
		return err_set(err, WEIR_INVALID_PARTITIONS,
			"%d partitions with %d there already, limit 1 to %d in all", count, before,
			LIMIT_PARTITIONS_PER_TOPIC);
	}
	for (int32_t i = 0; i < count; i++) {
		enum weir_code code =
			check_nodes(&rows[i], before + i, WEIR_INVALID_REPLICA_ASSIGNMENT, err);
		if (!code && rows[i].isr_count &&
			!has_node(rows[i].isr, rows[i].isr_count, rows[i].replicas[0])) {
			code = err_set(err, WEIR_INVALID_REPLICA_ASSIGNMENT,
				"partition %d has leader %d not in sync", before + i,
				rows[i].replicas[0]);
		}
		if (code) {
			return code;
		}
	}
	return WEIR_OK;
}

static void put_new_partition(struct change *change, struct uuid id, int32_t partition,
	const struct image_partition *wanted)
{
	struct image_partition row = *wanted;
	row.leader = row.replicas[0];
	row.partition_epoch = 0;
	if (!row.isr_count) {
		memcpy(row.isr, row.replicas, sizeof(row.isr));
		row.isr_count = row.replica_count;
	}
	image_partition_row_encode(&change->row, &row);
	change_put(change, partition_key(change, id, partition));
}

static enum weir_code check_configs(
	const struct image_config *configs, size_t count, struct weir_err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct slice key = slice_str(configs[i].key), value = slice_str(configs[i].value);
		if (!key.len || key.len > IMAGE_CONFIG_KEY_LEN_MAX || !json_text_ok(key)) {
			return err_set(err, WEIR_INVALID_CONFIG,
				"name of a setting is empty, not UTF-8 or above %d bytes",
				IMAGE_CONFIG_KEY_LEN_MAX);
		}
		if (value.len > IMAGE_CONFIG_VALUE_LEN_MAX || !json_text_ok(value)) {
			return err_set(err, WEIR_INVALID_CONFIG,
				"value of %s is not UTF-8 or above %d bytes", configs[i].key,
				IMAGE_CONFIG_VALUE_LEN_MAX);
		}
	}
	return WEIR_OK;
}

static void put_config(struct change *change, const char *owner, const struct image_config *config)
{
	struct slice key = CHANGE_KEY(change, "config/%s/%s", owner, config->key);
	if (config->value) {
		image_text_row_encode(&change->row, "value", config->value);
		change_put(change, key);
	} else {
		change_delete(change, key);
	}
}

struct create_args {
	const char *name;
	struct uuid id;
	bool id_given;
	const struct image_partition *partitions;
	int32_t partition_count;
	const struct image_config *configs;
	size_t config_count;
};

/* The store is asked, not the image: it knows names by their folded form. */
static enum weir_code create_check_name(
	struct change *change, const char *name, struct weir_err *err)
{
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	char *other = NULL;
	enum weir_code code =
		meta_get(change->store->meta, name_key(change, name), &buf, &entry, err);
	if (!code) {
		code = image_text_row_decode(entry.value, "topic", &other, err);
		if (code) {
			code = err_set(
				err, WEIR_LOCAL_CORRUPT, "row of the name %s is corrupt", name);
		} else if (strcmp(other, name) == 0) {
			code = err_set(
				err, WEIR_TOPIC_ALREADY_EXISTS, "topic %s exists already", name);
		} else {
			code = err_set(err, WEIR_INVALID_TOPIC_EXCEPTION,
				"topic %s differs from topic %s only in '.' and '_'", name, other);
		}
	} else if (code == WEIR_NOT_FOUND) {
		code = WEIR_OK;
	}
	mem_free(other);
	buf_fini(&buf);
	return code;
}

static enum weir_code create_fill(struct change *change, void *args, struct weir_err *err)
{
	struct create_args *wanted = args;
	enum weir_code code = create_check_name(change, wanted->name, err);
	if (code) {
		return code;
	}
	if (!wanted->id_given) {
		wanted->id = uuid_new();
	} else if (image_topic_by_id(change->image, wanted->id)) {
		return err_set(
			err, WEIR_DUPLICATE_RESOURCE, "the id for topic %s is taken", wanted->name);
	}
	change_guard(change, topic_key(change, wanted->name), 0);
	change_guard(change, name_key(change, wanted->name), 0);
	change_guard(change, partition_key(change, wanted->id, 0), 0);
	change_delete(change, gone_key(change, wanted->id));
	put_topic(change, wanted->name, wanted->id, wanted->partition_count);
	image_text_row_encode(&change->row, "topic", wanted->name);
	change_put(change, name_key(change, wanted->name));
	for (int32_t i = 0; i < wanted->partition_count; i++) {
		put_new_partition(change, wanted->id, i, &wanted->partitions[i]);
	}
	const char *owner = arena_printf(&change->arena, "topic/%s", wanted->name);
	change->failed |= !owner;
	for (size_t i = 0; owner && i < wanted->config_count; i++) {
		put_config(change, owner, &wanted->configs[i]);
	}
	return WEIR_OK;
}

enum weir_code image_create_topic(struct image_store *store, const char *name, struct uuid *id,
	const struct image_partition *partitions, int32_t partition_count,
	const struct image_config *configs, size_t config_count, struct weir_err *err)
{
	enum weir_code code = topic_name_check(slice_str(name), err);
	if (!code) {
		code = check_partitions(partitions, partition_count, 0, err);
	}
	if (!code) {
		code = check_configs(configs, config_count, err);
	}
	if (code) {
		return code;
	}
	struct create_args args = {.name = name,
		.id = *id,
		.id_given = !uuid_is_zero(*id),
		.partitions = partitions,
		.partition_count = partition_count,
		.configs = configs,
		.config_count = config_count};
	code = change_run(store, create_fill, &args, err);
	if (!code) {
		*id = args.id;
	}
	return code;
}

static enum weir_code delete_fill(struct change *change, void *args, struct weir_err *err)
{
	const struct image_topic *topic;
	enum weir_code code = find_topic(change, args, &topic, err);
	if (code) {
		return code;
	}
	change_guard(change, topic_key(change, topic->name), topic->mod_revision);
	change_delete(change, topic_key(change, topic->name));
	change_delete(change, name_key(change, topic->name));
	for (int32_t i = 0; i < topic->partition_count; i++) {
		change_delete(change, partition_key(change, topic->id, i));
	}
	for (size_t i = 0; i < topic->config_count; i++) {
		change_delete(change, CHANGE_KEY(change, "config/topic/%s/%s", topic->name,
					      topic->configs[i].key));
	}
	image_text_row_encode(&change->row, "topic", topic->name);
	change_put(change, gone_key(change, topic->id));
	return WEIR_OK;
}

enum weir_code image_delete_topic(struct image_store *store, const char *name, struct weir_err *err)
{
	return change_run(store, delete_fill, (void *)(uintptr_t)name, err);
}

struct add_args {
	const char *name;
	const struct image_partition *more;
	int32_t count;
};

static enum weir_code add_fill(struct change *change, void *args, struct weir_err *err)
{
	const struct add_args *wanted = args;
	const struct image_topic *topic;
	enum weir_code code = find_topic(change, wanted->name, &topic, err);
	if (!code) {
		code = check_partitions(wanted->more, wanted->count, topic->partition_count, err);
	}
	if (code) {
		return code;
	}
	int32_t before = topic->partition_count;
	touch_topic(change, topic, before + wanted->count);
	for (int32_t i = 0; i < wanted->count; i++) {
		put_new_partition(change, topic->id, before + i, &wanted->more[i]);
	}
	return WEIR_OK;
}

enum weir_code image_add_partitions(struct image_store *store, const char *name,
	const struct image_partition *more, int32_t count, struct weir_err *err)
{
	struct add_args args = {.name = name, .more = more, .count = count};
	return change_run(store, add_fill, &args, err);
}

struct partition_args {
	struct uuid topic_id;
	int32_t partition;
	const struct image_partition *row;
};

/* The row as the store has it, which may be newer than the image. */
static enum weir_code read_partition(struct change *change, struct slice key,
	struct image_partition *now, int64_t *mod_revision, struct weir_err *err)
{
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	enum weir_code code = meta_get(change->store->meta, key, &buf, &entry, err);
	if (code == WEIR_NOT_FOUND) {
		code = err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "the topic was deleted");
	} else if (!code) {
		if (image_partition_row_decode(entry.value, now, err)) {
			code = err_set(err, WEIR_LOCAL_CORRUPT, "metadata row %.*s is corrupt",
				(int)key.len, (const char *)key.data);
		}
		*mod_revision = entry.mod_revision;
	}
	buf_fini(&buf);
	return code;
}

static enum weir_code partition_fill(struct change *change, void *args, struct weir_err *err)
{
	const struct partition_args *wanted = args;
	const struct image_topic *topic = image_topic_by_id(change->image, wanted->topic_id);
	if (!topic) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_ID, "no topic has the id");
	}
	if (wanted->partition < 0 || wanted->partition >= topic->partition_count) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
			"topic %s has %d partitions, not %d", topic->name, topic->partition_count,
			wanted->partition);
	}
	struct slice key = partition_key(change, topic->id, wanted->partition);
	struct image_partition now, next = *wanted->row;
	int64_t mod_revision = 0;
	enum weir_code code = read_partition(change, key, &now, &mod_revision, err);
	if (code) {
		return code;
	}
	if (next.partition_epoch != now.partition_epoch || next.partition_epoch == INT32_MAX) {
		return err_set(err, WEIR_INVALID_UPDATE_VERSION,
			"%s-%d is of partition epoch %d, not %d", topic->name, wanted->partition,
			now.partition_epoch, next.partition_epoch);
	}
	if (next.leader_epoch < now.leader_epoch) {
		return err_set(err, WEIR_FENCED_LEADER_EPOCH,
			"%s-%d is of leader epoch %d, newer than %d", topic->name,
			wanted->partition, now.leader_epoch, next.leader_epoch);
	}
	next.partition_epoch++;
	change_guard(change, key, mod_revision);
	image_partition_row_encode(&change->row, &next);
	change_put(change, key);
	return WEIR_OK;
}

enum weir_code image_set_partition(struct image_store *store, struct uuid topic_id,
	int32_t partition, const struct image_partition *row, struct weir_err *err)
{
	enum weir_code code = check_nodes(row, partition, WEIR_INVALID_REQUEST, err);
	if (!code && (row->leader < -1 ||
			     (row->leader >= 0 &&
				     !has_node(row->replicas, row->replica_count, row->leader)))) {
		code = err_set(err, WEIR_INVALID_REQUEST, "leader %d of partition %d is no replica",
			row->leader, partition);
	}
	if (code) {
		return code;
	}
	struct partition_args args = {.topic_id = topic_id, .partition = partition, .row = row};
	return change_run(store, partition_fill, &args, err);
}

struct raise_args {
	const struct image_place *places;
	size_t count;
};

static enum weir_code raise_fill(struct change *change, void *args, struct weir_err *err)
{
	const struct raise_args *wanted = args;
	for (size_t i = 0; i < wanted->count; i++) {
		struct slice key = partition_key(
			change, wanted->places[i].topic_id, wanted->places[i].partition);
		struct image_partition row;
		int64_t mod_revision = 0;
		enum weir_code code = read_partition(change, key, &row, &mod_revision, err);
		if (!code && (row.leader_epoch == INT32_MAX || row.partition_epoch == INT32_MAX)) {
			code = err_set(err, WEIR_INVALID_REQUEST, "the epochs of %.*s are used up",
				(int)key.len, (const char *)key.data);
		}
		if (code) {
			return code;
		}
		row.leader_epoch++;
		row.partition_epoch++;
		change_guard(change, key, mod_revision);
		image_partition_row_encode(&change->row, &row);
		change_put(change, key);
	}
	return WEIR_OK;
}

enum weir_code image_raise_epochs(struct image_store *store, const struct image_place *places,
	size_t count, struct weir_err *err)
{
	struct raise_args args = {.places = places, .count = count};
	return change_run(store, raise_fill, &args, err);
}

struct config_args {
	const char *topic;
	const char *group; /* escaped */
	int32_t node;
	const struct image_config *changes;
	size_t count;
};

static enum weir_code config_fill(struct change *change, void *args, struct weir_err *err)
{
	const struct config_args *wanted = args;
	const char *owner;
	if (wanted->topic) {
		const struct image_topic *topic;
		enum weir_code code = find_topic(change, wanted->topic, &topic, err);
		if (code) {
			return code;
		}
		touch_topic(change, topic, topic->partition_count);
		owner = arena_printf(&change->arena, "topic/%s", topic->name);
	} else if (wanted->group) {
		owner = arena_printf(&change->arena, "group/%s", wanted->group);
	} else if (wanted->node == -1) {
		owner = "broker/default";
	} else {
		owner = arena_printf(&change->arena, "broker/%d", wanted->node);
	}
	change->failed |= !owner;
	for (size_t i = 0; owner && i < wanted->count; i++) {
		put_config(change, owner, &wanted->changes[i]);
	}
	return WEIR_OK;
}

enum weir_code image_set_configs(struct image_store *store, const char *topic, int32_t node,
	const struct image_config *changes, size_t count, struct weir_err *err)
{
	enum weir_code code = check_configs(changes, count, err);
	if (!code && !topic && node < -1) {
		code = err_set(err, WEIR_INVALID_REQUEST, "settings of node %d", node);
	}
	if (code) {
		return code;
	}
	struct config_args args = {
		.topic = topic, .node = node, .changes = changes, .count = count};
	return change_run(store, config_fill, &args, err);
}

enum weir_code image_set_group_configs(struct image_store *store, struct slice group,
	const struct image_config *changes, size_t count, struct weir_err *err)
{
	struct buf name;
	buf_init(&name, 0);
	image_group_escape(group, &name);
	enum weir_code code = check_configs(changes, count, err);
	if (!code && (!group.len || name.len > META_KEY_LEN_MAX - IMAGE_CONFIG_KEY_LEN_MAX - 16)) {
		code = err_set(err, WEIR_INVALID_REQUEST,
			"a group's name of %zu bytes cannot carry settings", group.len);
	}
	if (!code) {
		struct config_args args = {
			.group = buf_str(&name), .changes = changes, .count = count};
		code = change_run(store, config_fill, &args, err);
	}
	buf_fini(&name);
	return code;
}

struct block_args {
	int32_t count;
	int64_t first;
	int64_t least; /* that may be given */
};

static enum weir_code block_fill(struct change *change, void *args, struct weir_err *err)
{
	struct block_args *block = args;
	struct slice key = slice_str("producer/next-id");
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry = {.mod_revision = 0};
	enum weir_code code = meta_get(change->store->meta, key, &buf, &entry, err);
	block->first = 0;
	if (!code) {
		code = image_number_row_decode(entry.value, "next", &block->first, err);
	} else if (code == WEIR_NOT_FOUND) {
		code = WEIR_OK;
	}
	block->first = block->first < block->least ? block->least : block->first;
	if (!code && block->first > INT64_MAX - block->count) {
		code = err_set(err, WEIR_TOO_LARGE, "producer ids are used up");
	}
	if (!code) {
		change_guard(change, key, entry.mod_revision);
		image_number_row_encode(&change->row, "next", block->first + block->count);
		change_put(change, key);
	}
	buf_fini(&buf);
	return code;
}

enum weir_code image_producer_id_block(
	struct image_store *store, int32_t count, int64_t *first, struct weir_err *err)
{
	if (count < 1) {
		return err_set(err, WEIR_INVALID_REQUEST, "block of %d producer ids", count);
	}
	struct block_args args = {.count = count};
	enum weir_code code = change_run(store, block_fill, &args, err);
	if (!code) {
		*first = args.first;
	}
	return code;
}

enum weir_code image_producer_id_floor(
	struct image_store *store, int64_t least, struct weir_err *err)
{
	struct block_args args = {.least = least};
	return least < 0 ? err_set(err, WEIR_INVALID_REQUEST, "producer id %lld", (long long)least)
			 : change_run(store, block_fill, &args, err);
}
