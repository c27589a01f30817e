/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame around the protocols: the table of groups, steps, timers, replay. A step collects its
 * records in one batch builder; step_end appends them, notes the log's end as the group's position
 * and settles the answers.
 */
#include "broker/group/modern_priv.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

static const char topic_name[] = "__consumer_offsets";

enum { RECORD_EXTRA = 64 }; /* most that a record takes beside its key and value */

struct coordinator *coordinator_new(const struct group_effects *effects)
{
	struct coordinator *c = mem_new(sizeof(*c));
	c->effects = *effects;
	map_init(&c->groups);
	map_init(&c->txns);
	arena_init(&c->arena, 0);
	batch_builder_init(&c->records, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	buf_init(&c->key, 0);
	buf_init(&c->value, 0);
	buf_init(&c->batch, 0);
	return c;
}

void coordinator_free(struct coordinator **coordinator)
{
	struct coordinator *c = *coordinator;
	if (!c) {
		return;
	}
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		group_drop(c, e->value);
	}
	c->effects.settle(c->effects.arg, WEIR_NOT_COORDINATOR, 0);
	map_fini(&c->groups);
	map_fini(&c->txns);
	heap_fini(&c->timers);
	arena_fini(&c->arena);
	batch_builder_fini(&c->records);
	buf_fini(&c->key);
	buf_fini(&c->value);
	buf_fini(&c->batch);
	MEM_FREE(coordinator);
}

/* One UTF-16 unit or two, as Java decodes the bytes; *at moves on. */
static uint32_t next_point(struct slice text, size_t *at)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const uint8_t *p = text.data + *at;
	size_t left = text.len - *at;
	size_t more = *p < 0x80 ? 0 : *p < 0xc2 ? 4 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t point = more == 0 ? *p : more == 1 ? *p & 0x1fu : more == 2 ? *p & 0xfu : *p & 7u;
	*at += 1;
	if (more == 0) {
		return point;
	}
	if (more == 4 || more >= left) {
		return 0xfffd;
	}
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0xfffd;
		}
		point = point << 6 | (p[i] & 0x3fu);
	}
	if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
		return 0xfffd;
	}
	*at += more;
	return point;
}

int32_t coordinator_partition(struct slice id, int32_t count)
{
	uint32_t hash = 0;
	for (size_t at = 0; at < id.len;) {
		uint32_t point = next_point(id, &at);
		if (point >= 0x10000) {
			hash = hash * 31 + (0xd800 + ((point - 0x10000) >> 10));
			point = 0xdc00 + ((point - 0x10000) & 0x3ff);
		}
		hash = hash * 31 + point;
	}
	/* Math.abs of a Java int, but 0 of the least one. */
	hash = hash > INT32_MAX ? -hash : hash;
	return hash > INT32_MAX ? 0 : (int32_t)(hash % (uint32_t)count);
}

bool coordinator_failed(const struct coordinator *c)
{
	return c->failed;
}

size_t coordinator_group_count(const struct coordinator *c)
{
	return c->groups.count;
}

/* ---- groups ---- */

struct group *group_find(const struct coordinator *c, struct slice id)
{
	return map_get(&c->groups, id);
}

struct group *group_take(struct coordinator *c, struct slice id)
{
	struct group *group = group_find(c, id);
	if (!group) {
		group = mem_new(sizeof(*group));
		group->id = slice_of(mem_dup(id.data, id.len), id.len);
		list_init(&group->pending);
		map_put(&c->groups, id, group);
	}
	return group;
}

void group_drop(struct coordinator *c, struct group *group)
{
	if (c->group == group) {
		c->group = NULL;
	}
	c->removed = true;
	map_remove(&c->groups, group->id);
	classic_free(c, group);
	modern_free(c, group);
	commits_free_pending(c, group);
	offsets_fini(&group->offsets);
	mem_free((void *)(uintptr_t)group->id.data);
	mem_free(group);
}

void group_drop_if_bare(struct coordinator *c, struct group *group)
{
	if (!group->classic && !group->modern && offsets_empty(&group->offsets) &&
		list_empty(&group->pending)) {
		group_drop(c, group);
	}
}

int64_t group_position(const struct coordinator *c, const struct group *group)
{
	int64_t own = group ? group->position : c->gone_position;
	if (MUTANT(2)) {
		return 0;
	}
	return own > c->floor_position ? own : c->floor_position;
}

/* ---- timers ---- */

void timer_set(struct coordinator *c, struct group_timer *timer, int64_t after_ms)
{
	heap_set(&c->timers, &timer->node, c->env->mono_ms + after_ms);
}

void timer_clear(struct coordinator *c, struct group_timer *timer)
{
	heap_remove(&c->timers, &timer->node);
}

int64_t coordinator_next_deadline(const struct coordinator *c)
{
	const struct heap_node *first = heap_first(&c->timers);
	return first && !c->failed ? first->key : INT64_MAX;
}

enum weir_code coordinator_tick(
	struct coordinator *c, const struct group_env *env, struct weir_err *err)
{
	struct heap_node *first;
	while ((first = heap_first(&c->timers)) && first->key <= env->mono_ms) {
		struct group_timer *timer = LIST_ENTRY(first, struct group_timer, node);
		enum weir_code code = step_begin(c, env, err);
		if (code == WEIR_OK) {
			heap_remove(&c->timers, first);
			timer->fire(c, timer);
			code = step_end(c, NULL, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

/* ---- steps ---- */

enum weir_code step_begin(struct coordinator *c, const struct group_env *env, struct weir_err *err)
{
	if (c->failed) {
		return err_set(err, WEIR_NOT_COORDINATOR, "the group coordinator starts again");
	}
	c->env = env;
	c->group = NULL;
	c->removed = c->many = false;
	c->put_failed = false;
	c->producer_id = -1;
	c->producer_epoch = -1;
	arena_reset(&c->arena, 0);
	batch_builder_start(&c->records);
	return WEIR_OK;
}

size_t record_room(const struct coordinator *c)
{
	size_t most = LIMIT_GROUP_BATCH;
	size_t segment = (size_t)c->env->conf->offsets_topic_segment_bytes;
	size_t size = batch_builder_size(&c->records);
	most = segment < most ? segment : most;
	return most > size ? most - size : 0;
}

static enum weir_code append(struct coordinator *c, struct weir_err *err)
{
	if (c->put_failed) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for a group's records");
	}
	buf_reset(&c->batch);
	bool in_txn = c->producer_id >= 0;
	enum weir_code code = batch_builder_finish(&c->records, c->producer_id, c->producer_epoch,
		-1, in_txn ? BATCH_TRANSACTIONAL : 0, &c->batch, err);
	int64_t end;
	if (code == WEIR_OK) {
		code = c->effects.append(c->effects.arg, c->batch.data, c->batch.len, &end, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (c->group) {
		c->group->position = end;
	}
	if (c->removed) {
		c->gone_position = end;
	}
	if (c->many) {
		c->floor_position = end;
	}
	c->order = end > c->order ? end : c->order;
	if (c->batch.room > LIMIT_GROUP_BATCH / 16) {
		buf_fini(&c->batch);
	}
	batch_builder_start(&c->records);
	return WEIR_OK;
}

enum weir_code step_end(struct coordinator *c, int64_t *position, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (c->failed) {
		c->effects.settle(c->effects.arg, WEIR_NOT_COORDINATOR, 0);
		return err_set(err, WEIR_NOT_COORDINATOR, "the group coordinator starts again");
	}
	if (c->records.count || c->put_failed) {
		code = append(c, err);
	}
	c->failed = code != WEIR_OK;
	int64_t at = group_position(c, c->group);
	c->effects.settle(c->effects.arg, code, at);
	c->env = NULL;
	if (position) {
		*position = at;
	}
	return code;
}

void step_settle(struct coordinator *c)
{
	struct weir_err err;
	enum weir_code code = step_end(c, NULL, &err);
	(void)code;
}

void record_put(struct coordinator *c, enum group_record type, const void *key, int16_t version,
	const void *value)
{
	const struct wire_record *row = wire_record(slice_str(topic_name), (int16_t)type);
	struct weir_err err;
	uint8_t prefix[2];
	buf_reset(&c->key);
	buf_reset(&c->value);
	be16_put(prefix, (uint16_t)type);
	buf_add(&c->key, prefix, sizeof(prefix));
	enum weir_code code = wire_encode(row->key, 0, key, &c->key, NULL, &err);
	if (code == WEIR_OK && value) {
		be16_put(prefix, (uint16_t)version);
		buf_add(&c->value, prefix, sizeof(prefix));
		code = wire_encode(row->value, version, value, &c->value, NULL, &err);
	}
	if (code == WEIR_OK && !value && record_room(c) < c->key.len + RECORD_EXTRA) {
		/* Tombstones without end: what is there goes first. */
		code = append(c, &err);
	}
	if (code == WEIR_OK) {
		code = batch_builder_add(&c->records, c->env->wall_ms,
			slice_of(c->key.data, c->key.len),
			value ? slice_of(c->value.data, c->value.len) : (struct slice){NULL, 0},
			NULL, 0, &err);
	}
	c->put_failed = c->put_failed || code != WEIR_OK;
}

void group_delete(struct coordinator *c, struct group *group)
{
	commits_delete_all(c, group);
	if (group->classic) {
		struct group_metadata_key key = {.group = group->id};
		record_put(c, RECORD_CLASSIC, &key, 0, NULL);
	}
	if (group->modern) {
		put_consumer_gone(c, group->modern);
	}
	group_drop(c, group);
}

static int32_t setting(
	const struct coordinator *c, const struct group *group, const char *key, int32_t broker)
{
	const struct group_catalog *catalog = c->env->catalog;
	int32_t own;
	bool has = catalog && catalog->setting && catalog->setting(catalog, group->id, key, &own);
	return has ? own : broker;
}

int32_t group_session_timeout(const struct coordinator *c, const struct group *group)
{
	return setting(c, group, "consumer.session.timeout.ms",
		c->env->conf->group_consumer_session_timeout_ms);
}

int32_t group_heartbeat_interval(const struct coordinator *c, const struct group *group)
{
	return setting(c, group, "consumer.heartbeat.interval.ms",
		c->env->conf->group_consumer_heartbeat_interval_ms);
}

/* ---- replay ---- */

struct replay {
	struct coordinator *c;
	const struct group_replay *at;
	struct slice key, value; /* after their type and version */
	bool tombstone;
	int16_t version;
	struct weir_err *err;
};

static enum weir_code decode(
	const struct replay *r, const struct wire_record *row, void *key, void *value)
{
	size_t used;
	enum weir_code code = wire_decode(row->key, 0, r->key, &r->c->arena, key, &used, r->err);
	if (code == WEIR_OK && !r->tombstone) {
		code = wire_decode(
			row->value, r->version, r->value, &r->c->arena, value, &used, r->err);
	}
	if (code != WEIR_OK) {
		(void)err_wrap(r->err, "record of a group");
		r->err->code = code = WEIR_BAD_DATA;
	}
	return code;
}

static enum weir_code replay_offset(const struct replay *r)
{
	struct offset_commit_key key;
	struct offset_commit_value value;
	enum weir_code code =
		decode(r, wire_record(slice_str(topic_name), RECORD_OFFSET), &key, &value);
	if (code != WEIR_OK) {
		return code;
	}
	if (r->tombstone) {
		commit_replay_tombstone(r->c, key.group, key.topic, key.partition);
		return WEIR_OK;
	}
	struct committed row = {
		.offset = value.offset,
		.order = r->at->offset,
		.commit_ms = value.commit_timestamp,
		.expire_ms = value.expire_timestamp,
		.leader_epoch = value.leader_epoch,
		.partition = key.partition,
		.metadata = (uint8_t *)(uintptr_t)value.metadata.data,
		.metadata_len = value.metadata.len,
	};
	commit_replay(r->c, r->at, key.group, key.topic, value.topic_id, &row);
	return WEIR_OK;
}

static enum weir_code replay_classic(const struct replay *r)
{
	struct group_metadata_key key;
	struct group_metadata_value value;
	enum weir_code code =
		decode(r, wire_record(slice_str(topic_name), RECORD_CLASSIC), &key, &value);
	if (code == WEIR_OK) {
		classic_replay(r->c, key.group, r->tombstone ? NULL : &value);
	}
	return code;
}

enum weir_code coordinator_replay(struct coordinator *c, const struct group_replay *at,
	struct slice key, struct slice value, struct weir_err *err)
{
	if (!key.data || key.len < 2 || (value.data && value.len < 2)) {
		return err_set(err, WEIR_BAD_DATA, "record of a group without a type");
	}
	arena_reset(&c->arena, LIMIT_ARENA_FACTOR * (key.len + value.len) + LIMIT_ARENA_BASE);
	struct replay r = {
		.c = c,
		.at = at,
		.key = slice_of(key.data + 2, key.len - 2),
		.tombstone = !value.data,
		.err = err,
	};
	if (value.data) {
		r.version = (int16_t)be16_get(value.data);
		r.value = slice_of(value.data + 2, value.len - 2);
	}
	c->order = at->offset >= c->order ? at->offset + 1 : c->order;
	switch ((int16_t)be16_get(key.data)) {
	case RECORD_LEGACY_OFFSET:
	case RECORD_OFFSET:
		return replay_offset(&r);
	case RECORD_CLASSIC:
		return replay_classic(&r);
	default:
		return modern_replay(
			c, (int16_t)be16_get(key.data), r.key, r.value, r.version, err);
	}
}

void coordinator_loaded(struct coordinator *c, const struct group_env *env, int64_t end_offset)
{
	c->env = env;
	c->order = end_offset > c->order ? end_offset : c->order;
	expiry_start(c);
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		struct group *group = e->value;
		group->position = c->floor_position = end_offset;
		if (group->classic) {
			classic_loaded(c, group->classic);
		}
		if (group->modern) {
			modern_loaded(c, group);
		}
	}
	c->env = NULL;
}
