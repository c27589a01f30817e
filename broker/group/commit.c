/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/commit.h"

#include "broker/group/modern_priv.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

enum { VALUE_VERSION = 4, VALUE_VERSION_EXPIRES = 1, ROW_BYTES = 128 };

/* ---- what replay does ---- */

static struct slice txn_key(const int64_t *producer_id)
{
	return slice_of(producer_id, sizeof(*producer_id));
}

static struct offsets *pending_of(struct coordinator *c, struct group *group, int64_t producer_id)
{
	struct pending_txn *txn = map_get(&c->txns, txn_key(&producer_id));
	if (!txn) {
		txn = mem_new(sizeof(*txn));
		txn->producer_id = producer_id;
		list_init(&txn->offsets);
		map_put(&c->txns, txn_key(&producer_id), txn);
	}
	LIST_EACH(it, &group->pending)
	{
		struct pending_offsets *pending = LIST_ENTRY(it, struct pending_offsets, in_group);
		if (pending->txn == txn) {
			return &pending->offsets;
		}
	}
	struct pending_offsets *pending = mem_new(sizeof(*pending));
	pending->group = group;
	pending->txn = txn;
	list_append(&group->pending, &pending->in_group);
	list_append(&txn->offsets, &pending->in_txn);
	return &pending->offsets;
}

static void free_pending(struct coordinator *c, struct pending_offsets *pending)
{
	struct pending_txn *txn = pending->txn;
	list_remove(&pending->in_group);
	list_remove(&pending->in_txn);
	offsets_fini(&pending->offsets);
	mem_free(pending);
	if (list_empty(&txn->offsets)) {
		map_remove(&c->txns, txn_key(&txn->producer_id));
		mem_free(txn);
	}
}

void commits_free_pending(struct coordinator *c, struct group *group)
{
	LIST_EACH_SAFE(it, &group->pending)
	{
		free_pending(c, LIST_ENTRY(it, struct pending_offsets, in_group));
	}
}

void commit_replay(struct coordinator *c, const struct group_replay *at, struct slice group_id,
	struct slice topic, struct uuid topic_id, const struct committed *row)
{
	struct group *group = group_take(c, group_id);
	struct offsets *to =
		at->transactional ? pending_of(c, group, at->producer_id) : &group->offsets;
	offsets_put(to, topic, topic_id, row);
}

void commit_replay_tombstone(
	struct coordinator *c, struct slice group_id, struct slice topic, int32_t partition)
{
	struct group *group = group_find(c, group_id);
	if (!group) {
		return;
	}
	offsets_remove(&group->offsets, topic, partition);
	LIST_EACH_SAFE(it, &group->pending)
	{
		struct pending_offsets *pending = LIST_ENTRY(it, struct pending_offsets, in_group);
		offsets_remove(&pending->offsets, topic, partition);
	}
	group_drop_if_bare(c, group);
}

/* What was pending becomes committed, unless a later commit came in between. */
static void settle_pending(struct pending_offsets *pending)
{
	struct offsets *from = &pending->offsets, *to = &pending->group->offsets;
	for (uint32_t t = 0; t < from->count; t++) {
		const struct offset_topic *topic = from->topics[t];
		uint64_t pos = 0;
		for (struct committed *row; (row = offset_topic_next(topic, &pos));) {
			struct slice name = offset_topic_name(topic);
			const struct committed *now = offsets_find(to, name, row->partition);
			if (!now || now->order < row->order) {
				offsets_put(to, name, topic->id, row);
			}
		}
	}
}

void coordinator_replay_end(struct coordinator *c, int64_t producer_id, bool committed)
{
	struct pending_txn *txn = map_get(&c->txns, txn_key(&producer_id));
	if (!txn) {
		return;
	}
	for (bool more = true; more;) {
		struct list *first = txn->offsets.next;
		struct pending_offsets *pending = LIST_ENTRY(first, struct pending_offsets, in_txn);
		struct group *group = pending->group;
		more = first->next != &txn->offsets;
		if (committed) {
			settle_pending(pending);
		}
		free_pending(c, pending); /* the last one takes txn with it */
		group_drop_if_bare(c, group);
	}
}

void coordinator_commit_end(
	struct coordinator *c, int64_t producer_id, bool committed, int64_t position)
{
	struct pending_txn *txn = map_get(&c->txns, txn_key(&producer_id));
	if (txn) {
		LIST_EACH(it, &txn->offsets)
		{
			LIST_ENTRY(it, struct pending_offsets, in_txn)->group->position = position;
		}
		coordinator_replay_end(c, producer_id, committed);
	}
	c->order = position > c->order ? position : c->order;
}

bool commits_pending(const struct group *group, struct slice topic, int32_t partition)
{
	LIST_EACH(it, &group->pending)
	{
		const struct pending_offsets *pending =
			LIST_ENTRY(it, struct pending_offsets, in_group);
		if (offsets_find(&pending->offsets, topic, partition)) {
			return true;
		}
	}
	return false;
}

bool coordinator_unstable(
	const struct coordinator *c, struct slice group_id, struct slice topic, int32_t partition)
{
	const struct group *group = group_find(c, group_id);
	return group && commits_pending(group, topic, partition);
}

/* ---- commit ---- */

static enum weir_code check_member(const struct classic *classic, const struct group_commit *commit)
{
	bool in_txn = commit->producer_id >= 0;
	bool as_member =
		commit->generation >= 0 || commit->member_id.len || commit->instance_id.data;
	if (commit->generation < 0 && classic->state == CLASSIC_EMPTY) {
		return WEIR_OK;
	}
	if (!as_member && !in_txn) {
		return WEIR_UNKNOWN_MEMBER_ID; /* the group is its members' */
	}
	if (as_member) {
		enum weir_code code =
			classic_validate(classic, commit->member_id, commit->instance_id);
		if (code != WEIR_OK) {
			return code;
		}
		if (commit->generation != classic->generation && !MUTANT(1)) {
			return WEIR_ILLEGAL_GENERATION;
		}
	}
	/* The member has the new generation already, but not what it is to do in it. */
	return classic->state == CLASSIC_COMPLETING && !in_txn ? WEIR_REBALANCE_IN_PROGRESS
							       : WEIR_OK;
}

static enum weir_code check_classic(struct coordinator *c, const struct classic *classic,
	const struct group_commit *commit, struct weir_err *err)
{
	enum weir_code code = check_member(classic, commit);
	struct classic_member *member = classic_member(classic, commit->member_id);
	if (code != WEIR_OK) {
		return err_set(err, code, "%s", err_info(code)->text);
	}
	if (member) {
		classic_keep_alive(c, member);
	}
	return WEIR_OK;
}

/* A member that has moved on may still commit what it has had since the epoch it names. */
static void check_rows(const struct modern_member *member, struct group_commit *commit)
{
	for (size_t i = 0; i < commit->count; i++) {
		struct group_commit_row *row = &commit->rows[i];
		const struct tp *had =
			tp_set_find(&member->assigned, row->topic_id, row->partition);
		if (!had) {
			had = tp_set_find(&member->revoking, row->topic_id, row->partition);
		}
		if (row->code == WEIR_OK && (!had || had->epoch > commit->generation)) {
			row->code = WEIR_STALE_MEMBER_EPOCH;
		}
	}
}

static enum weir_code check_consumer(const struct modern *modern, const struct group_caller *caller,
	struct group_commit *commit, struct weir_err *err)
{
	enum { KNOWS_EPOCHS = 9 };
	enum weir_code code = WEIR_OK;
	const struct modern_member *member = modern_member(modern, commit->member_id);
	if (commit->generation < 0 && !modern->count) {
		return WEIR_OK;
	}
	if (!member) {
		code = WEIR_UNKNOWN_MEMBER_ID;
	} else if (member->classic) {
		code = commit->generation == member->epoch || MUTANT(1) ? WEIR_OK
									: WEIR_ILLEGAL_GENERATION;
	} else if (commit->producer_id < 0 && caller->version < KNOWS_EPOCHS) {
		code = WEIR_UNSUPPORTED_VERSION;
	} else if (commit->generation < 0 || commit->generation > member->epoch) {
		code = WEIR_STALE_MEMBER_EPOCH;
	} else if (commit->generation < member->epoch) {
		check_rows(member, commit);
	}
	return code == WEIR_OK ? code : err_set(err, code, "%s", err_info(code)->text);
}

static enum weir_code check_group(struct coordinator *c, const struct group_caller *caller,
	struct group_commit *commit, struct weir_err *err)
{
	const struct group *group = group_find(c, commit->group_id);
	if (group && group->modern) {
		return check_consumer(group->modern, caller, commit, err);
	}
	if (group && group->classic) {
		return check_classic(c, group->classic, commit, err);
	}
	if (commit->generation < 0) {
		return WEIR_OK; /* a simple group, made by the commit */
	}
	return err_set(err,
		caller->version >= 9 && commit->producer_id < 0 ? WEIR_GROUP_ID_NOT_FOUND
								: WEIR_ILLEGAL_GENERATION,
		"the group does not exist");
}

static size_t batch_estimate(const struct group_commit *commit)
{
	size_t bytes = 0;
	for (size_t i = 0; i < commit->count; i++) {
		if (commit->rows[i].code == WEIR_OK) {
			bytes += ROW_BYTES + commit->group_id.len + commit->rows[i].topic.len +
				 commit->rows[i].metadata.len;
		}
	}
	return bytes;
}

static void put_commit(struct coordinator *c, const struct group_commit *commit,
	const struct group_commit_row *row)
{
	bool expires = commit->retention_ms >= 0;
	struct offset_commit_key key = {
		.group = commit->group_id, .topic = row->topic, .partition = row->partition};
	struct offset_commit_value value = {
		.offset = row->offset,
		.leader_epoch = row->leader_epoch,
		.metadata = row->metadata,
		.commit_timestamp = c->env->wall_ms,
		.expire_timestamp = expires ? c->env->wall_ms + commit->retention_ms : -1,
		.topic_id = row->topic_id,
	};
	record_put(c, RECORD_OFFSET, &key, expires ? VALUE_VERSION_EXPIRES : VALUE_VERSION, &value);
	stat_add(STAT_offset_commits, 1);
	struct group_replay at = {
		.producer_id = commit->producer_id, .transactional = commit->producer_id >= 0};
	struct committed to = {
		.offset = row->offset,
		.order = c->order++,
		.commit_ms = value.commit_timestamp,
		.expire_ms = value.expire_timestamp,
		.leader_epoch = row->leader_epoch,
		.partition = row->partition,
		.metadata = (uint8_t *)(uintptr_t)row->metadata.data,
		.metadata_len = row->metadata.len,
	};
	struct uuid id = expires ? (struct uuid){{0}} : row->topic_id;
	commit_replay(c, &at, commit->group_id, row->topic, id, &to);
}

static enum weir_code commit_checked(struct coordinator *c, const struct group_caller *caller,
	struct group_commit *commit, struct weir_err *err)
{
	enum weir_code code = check_group(c, caller, commit, err);
	if (code != WEIR_OK) {
		return code;
	}
	size_t most = (size_t)c->env->conf->offset_metadata_max_bytes;
	for (size_t i = 0; i < commit->count; i++) {
		struct group_commit_row *row = &commit->rows[i];
		if (row->code == WEIR_OK && row->metadata.len > most) {
			row->code = WEIR_OFFSET_METADATA_TOO_LARGE;
		}
	}
	if (batch_estimate(commit) > record_room(c)) {
		return err_set(err, WEIR_INVALID_COMMIT_OFFSET_SIZE,
			"%zu partitions are more than one batch holds", commit->count);
	}
	c->producer_id = commit->producer_id;
	c->producer_epoch = commit->producer_epoch;
	for (size_t i = 0; i < commit->count; i++) {
		if (commit->rows[i].code == WEIR_OK) {
			put_commit(c, commit, &commit->rows[i]);
		}
	}
	c->group = group_find(c, commit->group_id);
	return WEIR_OK;
}

enum weir_code coordinator_commit(struct coordinator *c, const struct group_env *env,
	const struct group_caller *caller, struct group_commit *commit, int64_t *position,
	struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	enum weir_code refused = commit_checked(c, caller, commit, err);
	code = step_end(c, position, err);
	return code != WEIR_OK ? code : refused;
}

/* ---- fetch ---- */

enum weir_code coordinator_fetch(struct coordinator *c, const struct group_fetch *fetch,
	const struct offsets **offsets, int64_t *position, struct weir_err *err)
{
	if (c->failed) {
		return err_set(err, WEIR_NOT_COORDINATOR, "the group coordinator starts again");
	}
	struct group *group = group_find(c, fetch->group_id);
	*position = group_position(c, group);
	*offsets = group ? &group->offsets : NULL;
	bool asks_as_member = fetch->member_id.len || fetch->member_epoch >= 0;
	if (!group || !group->modern || !asks_as_member) {
		return WEIR_OK;
	}
	const struct modern_member *member = modern_member(group->modern, fetch->member_id);
	enum weir_code code = !member				     ? WEIR_UNKNOWN_MEMBER_ID
			      : member->epoch == fetch->member_epoch ? WEIR_OK
			      : member->classic			     ? WEIR_ILLEGAL_GENERATION
								     : WEIR_STALE_MEMBER_EPOCH;
	return code == WEIR_OK ? code : err_set(err, code, "%s", err_info(code)->text);
}

/* ---- delete ---- */

void commit_tombstone(
	struct coordinator *c, struct group *group, struct slice topic, int32_t partition)
{
	struct offset_commit_key key = {.group = group->id, .topic = topic, .partition = partition};
	record_put(c, RECORD_OFFSET, &key, 0, NULL);
}

static void put_tombstones(
	struct coordinator *c, struct group *group, const struct offset_topic *topic)
{
	uint64_t pos = 0;
	for (struct committed *row; (row = offset_topic_next(topic, &pos));) {
		commit_tombstone(c, group, offset_topic_name(topic), row->partition);
	}
}

void commits_delete_all(struct coordinator *c, struct group *group)
{
	for (uint32_t t = 0; t < group->offsets.count; t++) {
		put_tombstones(c, group, group->offsets.topics[t]);
	}
	LIST_EACH(it, &group->pending)
	{
		struct offsets *pending =
			&LIST_ENTRY(it, struct pending_offsets, in_group)->offsets;
		for (uint32_t t = 0; t < pending->count; t++) {
			put_tombstones(c, group, pending->topics[t]);
		}
	}
	offsets_fini(&group->offsets);
	commits_free_pending(c, group);
}

static void forget(
	struct coordinator *c, struct group *group, struct slice topic, int32_t partition)
{
	if (offsets_find(&group->offsets, topic, partition) ||
		commits_pending(group, topic, partition)) {
		commit_tombstone(c, group, topic, partition);
		commit_replay_tombstone(c, group->id, topic, partition);
	}
}

static enum weir_code delete_checked(struct coordinator *c, struct slice group_id,
	struct group_offset_ref *rows, size_t count, struct weir_err *err)
{
	struct group *group = group_find(c, group_id);
	if (!group) {
		return err_set(err, WEIR_GROUP_ID_NOT_FOUND, "the group does not exist");
	}
	struct classic *classic = group->classic;
	if (classic && classic->state != CLASSIC_EMPTY &&
		!slice_equal(classic->protocol_type, slice_str("consumer"))) {
		return err_set(err, WEIR_NON_EMPTY_GROUP, "the group has members");
	}
	c->group = group;
	for (size_t i = 0; i < count && c->group; i++) {
		bool subscribed =
			(classic && classic_subscribed(classic, rows[i].topic)) ||
			(group->modern && modern_subscribed(group->modern, rows[i].topic));
		if (rows[i].code == WEIR_OK && subscribed) {
			rows[i].code = WEIR_GROUP_SUBSCRIBED_TO_TOPIC;
		} else if (rows[i].code == WEIR_OK) {
			forget(c, group, rows[i].topic, rows[i].partition);
		}
	}
	return WEIR_OK;
}

enum weir_code coordinator_delete_offsets(struct coordinator *c, const struct group_env *env,
	struct slice group_id, struct group_offset_ref *rows, size_t count, int64_t *position,
	struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	enum weir_code refused = delete_checked(c, group_id, rows, count, err);
	code = step_end(c, position, err);
	return code != WEIR_OK ? code : refused;
}
