/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Offsets that go by themselves: after their retention, or with their topic. */
#include "broker/group/commit.h"

#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

static bool row_expired(const struct coordinator *c, const struct committed *row, int64_t base_ms)
{
	int64_t now = c->env->wall_ms;
	int64_t retention = (int64_t)c->env->conf->offsets_retention_minutes * 60000;
	return row->expire_ms >= 0 ? now >= row->expire_ms : now - base_ms >= retention;
}

/* base_ms: since when the group has been empty; -1: each commit's own time counts. */
static void expire_topic(
	struct coordinator *c, struct group *group, struct offset_topic *topic, int64_t base_ms)
{
	int32_t *gone = NULL;
	size_t count = 0;
	uint64_t pos = 0;
	for (struct committed *row; (row = offset_topic_next(topic, &pos));) {
		if (row_expired(c, row, base_ms >= 0 ? base_ms : row->commit_ms) &&
			!commits_pending(group, offset_topic_name(topic), row->partition)) {
			gone = mem_grow(gone, count + 1, sizeof(*gone));
			gone[count++] = row->partition;
		}
	}
	stat_add(STAT_offsets_expired, (int64_t)count);
	struct slice name = slice_of(mem_dup(topic->name, topic->name_len), topic->name_len);
	for (size_t i = 0; i < count; i++) {
		commit_tombstone(c, group, name, gone[i]);
		offsets_remove(&group->offsets, name, gone[i]);
	}
	mem_free((void *)(uintptr_t)name.data);
	mem_free(gone);
}

static bool subscribed(const struct group *group, struct slice topic)
{
	return group->modern ? modern_subscribed(group->modern, topic)
			     : classic_subscribed(group->classic, topic);
}

/* Offsets of topics that a stable group still subscribes to stay, and all while it rebalances. */
static void expire_group(struct coordinator *c, struct group *group)
{
	struct classic *classic = group->classic;
	bool typed = classic && classic->protocol_type.data;
	bool empty =
		group->modern ? !group->modern->count : !classic || classic->state == CLASSIC_EMPTY;
	if (!empty && classic && (classic->state != CLASSIC_STABLE || !classic->topics_known)) {
		return;
	}
	int64_t base_ms = empty && typed ? classic->since_ms : -1;
	for (uint32_t t = group->offsets.count; t-- > 0;) {
		struct offset_topic *topic = group->offsets.topics[t];
		if (empty || !subscribed(group, offset_topic_name(topic))) {
			expire_topic(c, group, topic, base_ms);
		}
	}
	bool bare = offsets_empty(&group->offsets) && list_empty(&group->pending);
	if (bare && empty && (!classic || !classic->candidates.count)) {
		group_delete(c, group);
	}
}

static void on_expiry(struct coordinator *c, struct group_timer *timer)
{
	size_t pos = 0;
	c->many = true;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		expire_group(c, e->value);
	}
	timer_set(c, timer, c->env->conf->offsets_retention_check_interval_ms);
}

void expiry_start(struct coordinator *c)
{
	c->expiry.fire = on_expiry;
	timer_set(c, &c->expiry, c->env->conf->offsets_retention_check_interval_ms);
}

static void forget_topic(struct coordinator *c, struct group *group, struct slice topic)
{
	struct offset_topic *found;
	struct committed *row;
	uint64_t pos = 0;
	while ((found = offsets_topic(&group->offsets, topic)) &&
		(row = offset_topic_next(found, &pos))) {
		commit_tombstone(c, group, topic, row->partition);
		offsets_remove(&group->offsets, topic, row->partition);
		pos = 0;
	}
	group_drop_if_bare(c, group);
}

enum weir_code coordinator_topic_deleted(struct coordinator *c, const struct group_env *env,
	struct slice topic, struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	size_t pos = 0;
	c->many = true;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		forget_topic(c, e->value, topic);
	}
	return step_end(c, NULL, err);
}
