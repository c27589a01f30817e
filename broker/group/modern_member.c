/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of a consumer group: the tables that hold them, and who owns which partition. */
#include "broker/group/modern_priv.h"

#include "core/base/mem.h"

#include <stdlib.h>

struct modern *modern_take(struct group *group)
{
	if (!group->modern) {
		struct modern *modern = mem_new(sizeof(*modern));
		modern->group = group;
		modern->epoch = 1; /* the first join makes it 2, as Kafka counts */
		modern->revision = -1;
		list_init(&modern->members);
		map_init(&modern->by_id);
		map_init(&modern->by_instance);
		map_init(&modern->owners);
		map_init(&modern->patterns);
		map_init(&modern->subscribed);
		group->modern = modern;
	}
	return group->modern;
}

struct modern_member *modern_member(const struct modern *modern, struct slice id)
{
	return map_get(&modern->by_id, id);
}

struct modern_member *modern_static(const struct modern *modern, struct slice instance_id)
{
	return instance_id.data ? map_get(&modern->by_instance, instance_id) : NULL;
}

struct modern_member *modern_add(struct modern *modern, struct slice id)
{
	struct modern_member *member = mem_new(sizeof(*member));
	member->group = modern->group;
	classic_set_slice(&member->id, id);
	list_append(&modern->members, &member->node);
	map_put(&modern->by_id, member->id, member);
	modern->count++;
	return member;
}

/* ---- lists of names ---- */

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = len ? memcmp(x->data, y->data, len) : 0;
	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void names_free(struct slice **names, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		mem_free((void *)(uintptr_t)(*names)[i].data);
	}
	MEM_FREE(names);
	*count = 0;
}

/* A copy, sorted, each once. */
static void names_set(struct slice **to, size_t *to_count, const struct slice *names, size_t count)
{
	struct slice *sorted = mem_array(count, sizeof(*sorted));
	if (count) {
		memcpy(sorted, names, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), compare);
	}
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare(&sorted[i], &sorted[i - 1])) {
			sorted[kept++] = sorted[i];
		}
	}
	for (size_t i = 0; i < kept; i++) {
		sorted[i] = slice_of(mem_dup(sorted[i].data, sorted[i].len), sorted[i].len);
	}
	names_free(to, to_count);
	*to = sorted;
	*to_count = kept;
}

static bool names_have(const struct slice *names, size_t count, struct slice name)
{
	return count && bsearch(&name, names, count, sizeof(*names), compare);
}

static void count_names(struct modern_member *member, int by)
{
	struct map *subscribed = &member->group->modern->subscribed;
	for (size_t i = 0; i < member->topic_count; i++) {
		intptr_t n = (intptr_t)map_get(subscribed, member->topics[i]) + by;
		if (n > 0) {
			map_put(subscribed, member->topics[i], (void *)n);
		} else {
			map_remove(subscribed, member->topics[i]);
		}
	}
}

bool modern_set_topics(struct modern_member *member, const struct slice *names, size_t count)
{
	struct slice *before = member->topics;
	size_t before_count = member->topic_count;
	count_names(member, -1);
	member->topics = NULL;
	member->topic_count = 0;
	names_set(&member->topics, &member->topic_count, names, count);
	count_names(member, 1);
	bool same = before_count == member->topic_count;
	for (size_t i = 0; same && i < before_count; i++) {
		same = slice_equal(before[i], member->topics[i]);
	}
	names_free(&before, &before_count);
	return !same;
}

/* ---- patterns ---- */

struct modern_pattern *modern_pattern(const struct modern *modern, struct slice pattern)
{
	return map_get(&modern->patterns, pattern);
}

struct modern_pattern *modern_pattern_take(struct modern *modern, struct slice pattern)
{
	struct modern_pattern *found = modern_pattern(modern, pattern);
	if (!found) {
		found = mem_new(sizeof(*found));
		found->revision = found->asked = -1;
		classic_set_slice(&found->pattern, pattern);
		map_put(&modern->patterns, found->pattern, found);
	}
	return found;
}

void pattern_set(struct modern_pattern *pattern, const struct slice *topics, size_t count,
	int64_t revision, int64_t wall_ms)
{
	names_set(&pattern->topics, &pattern->topic_count, topics, count);
	pattern->revision = revision;
	pattern->resolved_ms = wall_ms;
}

void pattern_drop(struct modern *modern, struct modern_pattern *pattern)
{
	map_remove(&modern->patterns, pattern->pattern);
	names_free(&pattern->topics, &pattern->topic_count);
	classic_set_slice(&pattern->pattern, (struct slice){NULL, 0});
	mem_free(pattern);
}

/* One that has been written down stays until its tombstone. */
static void pattern_leave(struct modern *modern, struct slice pattern)
{
	struct modern_pattern *found = pattern.len ? modern_pattern(modern, pattern) : NULL;
	if (found && --found->members <= 0 && found->revision < 0) {
		pattern_drop(modern, found);
	}
}

static void pattern_enter(struct modern *modern, struct slice pattern)
{
	if (!pattern.len) {
		return;
	}
	modern_pattern_take(modern, pattern)->members++;
}

void modern_set_pattern(struct modern_member *member, struct slice pattern)
{
	struct modern *modern = member->group->modern;
	if (slice_equal(member->pattern, pattern)) {
		return;
	}
	pattern_enter(modern, pattern);
	pattern_leave(modern, member->pattern);
	classic_set_slice(&member->pattern, pattern);
}

/* ---- what else a member has ---- */

void modern_set_instance(struct modern_member *member, struct slice instance_id)
{
	struct modern *modern = member->group->modern;
	if (member->instance_id.data && modern_static(modern, member->instance_id) == member) {
		map_remove(&modern->by_instance, member->instance_id);
	}
	classic_set_slice(&member->instance_id, instance_id);
	if (instance_id.data) {
		map_put(&modern->by_instance, member->instance_id, member);
	}
}

static void classic_part_free(struct modern_member *member)
{
	struct modern_classic *classic = member->classic;
	if (!classic) {
		return;
	}
	member->group->modern->classic_count--;
	for (size_t i = 0; i < classic->protocol_count; i++) {
		classic_set_slice(&classic->protocols[i].name, (struct slice){NULL, 0});
		classic_set_slice(&classic->protocols[i].metadata, (struct slice){NULL, 0});
	}
	mem_free(classic->protocols);
	MEM_FREE(&member->classic);
}

void modern_set_classic(struct modern_member *member, int32_t session_timeout_ms,
	const struct classic_protocol *protocols, size_t count)
{
	struct modern_classic *classic = NULL;
	if (protocols) {
		classic = mem_new(sizeof(*classic));
		classic->session_timeout_ms = session_timeout_ms;
		classic->protocol_count = count;
		classic->protocols = mem_array(count, sizeof(*protocols));
		for (size_t i = 0; i < count; i++) {
			classic_set_slice(&classic->protocols[i].name, protocols[i].name);
			classic_set_slice(&classic->protocols[i].metadata, protocols[i].metadata);
		}
		member->group->modern->classic_count++;
	}
	classic_part_free(member);
	member->classic = classic;
}

/* ---- owners ---- */

struct tp_key {
	uint8_t bytes[sizeof(struct uuid) + 4];
};

static struct slice tp_key(struct tp_key *key, struct uuid topic, int32_t partition)
{
	memcpy(key->bytes, topic.bytes, sizeof(topic.bytes));
	be32_put(key->bytes + sizeof(topic.bytes), (uint32_t)partition);
	return slice_of(key->bytes, sizeof(key->bytes));
}

struct modern_member *modern_owner(
	const struct modern *modern, struct uuid topic, int32_t partition)
{
	struct tp_key key;
	return map_get(&modern->owners, tp_key(&key, topic, partition));
}

static void disown(struct modern_member *member, const struct tp_set *set)
{
	struct modern *modern = member->group->modern;
	for (size_t i = 0; i < set->count; i++) {
		struct tp_key key;
		struct slice k = tp_key(&key, set->items[i].topic, set->items[i].partition);
		if (map_get(&modern->owners, k) == member) {
			map_remove(&modern->owners, k);
		}
	}
}

static void own(struct modern_member *member, const struct tp_set *set)
{
	struct modern *modern = member->group->modern;
	for (size_t i = 0; i < set->count; i++) {
		struct tp_key key;
		map_put(&modern->owners, tp_key(&key, set->items[i].topic, set->items[i].partition),
			member);
	}
}

void modern_set_assigned(
	struct modern_member *member, struct tp_set *assigned, struct tp_set *revoking)
{
	disown(member, &member->assigned);
	disown(member, &member->revoking);
	tp_set_move(&member->assigned, assigned);
	tp_set_move(&member->revoking, revoking);
	own(member, &member->assigned);
	own(member, &member->revoking);
}

/* ---- and out ---- */

void modern_remove(struct coordinator *c, struct modern_member *member)
{
	struct modern *modern = member->group->modern;
	timer_clear(c, &member->session);
	timer_clear(c, &member->rebalance);
	disown(member, &member->assigned);
	disown(member, &member->revoking);
	modern_set_pattern(member, (struct slice){NULL, 0});
	modern_set_instance(member, (struct slice){NULL, 0});
	classic_part_free(member);
	map_remove(&modern->by_id, member->id);
	list_remove(&member->node);
	modern->count--;
	tp_set_fini(&member->assigned);
	tp_set_fini(&member->revoking);
	tp_set_fini(&member->target);
	count_names(member, -1);
	names_free(&member->topics, &member->topic_count);
	struct slice *const texts[] = {&member->id, &member->rack_id, &member->assignor,
		&member->client_id, &member->client_host, &member->pattern};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		classic_set_slice(texts[i], (struct slice){NULL, 0});
	}
	mem_free(member);
}

void modern_free(struct coordinator *c, struct group *group)
{
	struct modern *modern = group->modern;
	if (!modern) {
		return;
	}
	LIST_EACH_SAFE(it, &modern->members)
	{
		modern_remove(c, LIST_ENTRY(it, struct modern_member, node));
	}
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		pattern_drop(modern, e->value);
	}
	map_fini(&modern->by_id);
	map_fini(&modern->by_instance);
	map_fini(&modern->owners);
	map_fini(&modern->patterns);
	map_fini(&modern->subscribed);
	MEM_FREE(&group->modern);
}

/* ---- what follows from the members ---- */

bool modern_subscribed(const struct modern *modern, struct slice topic)
{
	if (map_get(&modern->subscribed, topic)) {
		return true;
	}
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		const struct modern_pattern *pattern = e->value;
		if (names_have(pattern->topics, pattern->topic_count, topic)) {
			return true;
		}
	}
	return false;
}

static bool reconciled(const struct modern *modern, const struct modern_member *member)
{
	return member->state == MEMBER_STABLE && member->epoch == modern->target_epoch;
}

const char *modern_state_name(const struct modern *modern)
{
	if (!modern->count) {
		return "Empty";
	}
	if (modern->epoch > modern->target_epoch) {
		return "Assigning";
	}
	LIST_EACH(it, &modern->members)
	{
		if (!reconciled(modern, LIST_ENTRY(it, struct modern_member, node))) {
			return "Reconciling";
		}
	}
	return "Stable";
}

bool modern_uses_range(const struct modern *modern, const struct conf *conf)
{
	int32_t range = 0, uniform = 0;
	bool offers_uniform = conf->group_consumer_assignors & (1u << CONF_ASSIGNOR_UNIFORM);
	LIST_EACH(it, &modern->members)
	{
		const struct modern_member *member = LIST_ENTRY(it, struct modern_member, node);
		range += slice_equal(member->assignor, slice_str("range"));
		uniform += slice_equal(member->assignor, slice_str("uniform"));
	}
	return range > uniform || (range == uniform && !offers_uniform);
}
