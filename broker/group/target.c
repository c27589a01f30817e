/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target assignment of a consumer group: what it subscribes to, and who shall have it. */
#include "broker/group/assignor.h"
#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

#include <stdlib.h>

/* ---- the topics ---- */

struct named {
	struct slice name;
	uint32_t index; /* in plan.topics */
};

/* Everything an assignor needs; made for one assignment. */
struct plan {
	struct named *names;	     /* of topics that exist, sorted by name */
	struct assign_topic *topics; /* sorted by id */
	size_t count, room;
	uint32_t *last; /* indexes of the subscription seen last */
	size_t last_count;
	const struct modern_member *last_member;
	struct {
		uint32_t **items;
		size_t count, room;
	} lists; /* all that were made, to be freed */
};

static int compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = len ? memcmp(x->name.data, y->name.data, len) : 0;
	return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static int compare_topics(const void *a, const void *b)
{
	const struct assign_topic *x = a, *y = b;
	return memcmp(x->id.bytes, y->id.bytes, sizeof(x->id.bytes));
}

static int compare_indexes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Calls each for every topic that exists and is subscribed to; one may come twice. */
static void each_topic(struct coordinator *c, const struct modern *modern,
	void (*each)(void *arg, const struct group_topic *topic), void *arg)
{
	const struct group_catalog *catalog = c->env->catalog;
	struct group_topic topic;
	size_t pos = 0;
	struct map_entry *e;
	while ((e = map_next(&modern->subscribed, &pos))) {
		if (catalog->by_name(catalog, slice_of(e->key, e->key_len), &topic)) {
			each(arg, &topic);
		}
	}
	for (pos = 0; (e = map_next(&modern->patterns, &pos));) {
		const struct modern_pattern *pattern = e->value;
		for (size_t i = 0; i < pattern->topic_count; i++) {
			struct slice name = pattern->topics[i];
			if (!map_get(&modern->subscribed, name) &&
				catalog->by_name(catalog, name, &topic)) {
				each(arg, &topic);
			}
		}
	}
}

static uint64_t mix(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < len; i++) {
		h = (h ^ p[i]) * 0x100000001b3u;
	}
	return h ^ (h >> 29);
}

/* Sums up, so that the order of the topics does not count. Several patterns may match one topic:
 * it counts each time, the same way every time. */
static void add_hash(void *arg, const struct group_topic *topic)
{
	uint64_t *sum = arg;
	uint64_t h = mix(0xcbf29ce484222325u, topic->id.bytes, sizeof(topic->id.bytes));
	h = mix(h, topic->name.data, topic->name.len);
	*sum += mix(h, &topic->partition_count, sizeof(topic->partition_count));
}

int64_t modern_hash(struct coordinator *c, const struct modern *modern)
{
	uint64_t sum = 0;
	each_topic(c, modern, add_hash, &sum);
	return (int64_t)sum;
}

void modern_refresh(struct coordinator *c, struct modern *modern, bool forced)
{
	if (!forced && modern->revision == c->env->catalog->revision) {
		return;
	}
	int64_t hash = modern_hash(c, modern);
	modern->revision = c->env->catalog->revision;
	if (forced || hash != modern->hash) {
		modern->hash = hash;
		modern->epoch++;
		stat_add(STAT_group_rebalances, 1);
		put_epoch(c, modern);
	}
}

void modern_ask(struct coordinator *c, struct modern *modern)
{
	size_t pos = 0;
	int64_t revision = c->env->catalog->revision;
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		struct modern_pattern *pattern = e->value;
		if (pattern->members && pattern->asked != revision) {
			pattern->asked = revision;
			c->effects.resolve(c->effects.arg, modern->group->id, pattern->pattern);
		}
	}
}

/* ---- the assignment ---- */

static void add_name(void *arg, const struct group_topic *topic)
{
	struct plan *plan = arg;
	if (plan->count == plan->room) {
		plan->room = plan->room ? plan->room * 2 : 16;
		plan->names = mem_grow(plan->names, plan->room, sizeof(*plan->names));
		plan->topics = mem_grow(plan->topics, plan->room, sizeof(*plan->topics));
	}
	plan->names[plan->count].name = topic->name;
	plan->topics[plan->count++] = (struct assign_topic){topic->id, topic->partition_count};
}

static struct named *find_name(const struct plan *plan, struct slice name)
{
	struct named wanted = {.name = name};
	return plan->count
		       ? bsearch(&wanted, plan->names, plan->count, sizeof(wanted), compare_names)
		       : NULL;
}

/* Names sorted and each once, topics sorted by id, each name knowing its topic's place. */
static void plan_topics(struct coordinator *c, const struct modern *modern, struct plan *plan)
{
	each_topic(c, modern, add_name, plan);
	if (!plan->count) {
		return;
	}
	qsort(plan->topics, plan->count, sizeof(*plan->topics), compare_topics);
	qsort(plan->names, plan->count, sizeof(*plan->names), compare_names);
	size_t topics = 1, names = 1;
	for (size_t i = 1; i < plan->count; i++) {
		if (compare_topics(&plan->topics[topics - 1], &plan->topics[i])) {
			plan->topics[topics++] = plan->topics[i];
		}
		if (compare_names(&plan->names[names - 1], &plan->names[i])) {
			plan->names[names++] = plan->names[i];
		}
	}
	plan->count = topics;
	for (size_t i = 0; i < plan->count; i++) {
		struct group_topic topic;
		const struct group_catalog *catalog = c->env->catalog;
		if (catalog->by_name(catalog, plan->names[i].name, &topic)) {
			struct assign_topic wanted = {.id = topic.id};
			const struct assign_topic *at = bsearch(
				&wanted, plan->topics, plan->count, sizeof(wanted), compare_topics);
			plan->names[i].index = (uint32_t)(at - plan->topics);
		}
	}
}

static bool subscribes_alike(const struct modern_member *a, const struct modern_member *b)
{
	bool alike = a && a->topic_count == b->topic_count && slice_equal(a->pattern, b->pattern);
	for (size_t i = 0; alike && i < a->topic_count; i++) {
		alike = slice_equal(a->topics[i], b->topics[i]);
	}
	return alike;
}

static void add_indexes(
	const struct plan *plan, const struct slice *names, size_t count, uint32_t *to, size_t *n)
{
	for (size_t i = 0; i < count; i++) {
		const struct named *found = find_name(plan, names[i]);
		if (found) {
			to[(*n)++] = found->index;
		}
	}
}

/* Members that subscribe alike share one list. */
static void plan_member(
	const struct modern *modern, const struct modern_member *member, struct plan *plan)
{
	if (subscribes_alike(plan->last_member, member)) {
		return;
	}
	const struct modern_pattern *pattern =
		member->pattern.len ? modern_pattern(modern, member->pattern) : NULL;
	size_t n = 0, most = member->topic_count + (pattern ? pattern->topic_count : 0);
	uint32_t *list = mem_array(most, sizeof(*list));
	add_indexes(plan, member->topics, member->topic_count, list, &n);
	if (pattern) {
		add_indexes(plan, pattern->topics, pattern->topic_count, list, &n);
	}
	qsort(list, n, sizeof(*list), compare_indexes);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || list[i] != list[i - 1]) {
			list[kept++] = list[i];
		}
	}
	if (plan->lists.count == plan->lists.room) {
		plan->lists.room = plan->lists.room ? plan->lists.room * 2 : 8;
		plan->lists.items =
			mem_grow(plan->lists.items, plan->lists.room, sizeof(uint32_t *));
	}
	plan->lists.items[plan->lists.count++] = list;
	plan->last = list;
	plan->last_count = kept;
	plan->last_member = member;
}

static int compare_members(const void *a, const void *b)
{
	const struct modern_member *x = *(struct modern_member *const *)a;
	const struct modern_member *y = *(struct modern_member *const *)b;
	size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
	int order = len ? memcmp(x->id.data, y->id.data, len) : 0;
	return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static struct modern_member **sorted_members(const struct modern *modern)
{
	struct modern_member **members = mem_array((size_t)modern->count, sizeof(*members));
	size_t n = 0;
	LIST_EACH(it, &modern->members)
	{
		members[n++] = LIST_ENTRY(it, struct modern_member, node);
	}
	qsort(members, n, sizeof(*members), compare_members);
	return members;
}

static bool same_lists(const struct assign_spec *spec)
{
	bool same = true;
	for (size_t i = 1; same && i < spec->member_count; i++) {
		const struct assign_member *a = &spec->members[i - 1], *b = &spec->members[i];
		same = a->topics == b->topics ||
		       (a->topic_count == b->topic_count &&
			       !memcmp(a->topics, b->topics, a->topic_count * sizeof(*a->topics)));
	}
	return same;
}

static void take_targets(
	struct coordinator *c, struct modern_member **members, struct assign_spec *spec)
{
	for (size_t i = 0; i < spec->member_count; i++) {
		if (tp_set_same(&members[i]->target, &spec->members[i].after)) {
			tp_set_fini(&spec->members[i].after);
		} else {
			tp_set_move(&members[i]->target, &spec->members[i].after);
			put_target(c, members[i]);
		}
	}
}

static void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < plan->lists.count; i++) {
		mem_free(plan->lists.items[i]);
	}
	mem_free(plan->lists.items);
	mem_free(plan->names);
	mem_free(plan->topics);
}

void modern_assign(struct coordinator *c, struct modern *modern)
{
	if (modern->epoch <= modern->target_epoch || !modern->count) {
		return;
	}
	struct plan plan = {.count = 0};
	struct modern_member **members = sorted_members(modern);
	plan_topics(c, modern, &plan);
	struct assign_spec spec = {.topics = plan.topics,
		.topic_count = plan.count,
		.member_count = (size_t)modern->count};
	spec.members = mem_array(spec.member_count, sizeof(*spec.members));
	for (size_t i = 0; i < spec.member_count; i++) {
		plan_member(modern, members[i], &plan);
		spec.members[i] = (struct assign_member){.id = members[i]->id,
			.instance_id = members[i]->instance_id,
			.topics = plan.last,
			.topic_count = plan.last_count,
			.before = &members[i]->target};
	}
	spec.same = same_lists(&spec);
	(modern_uses_range(modern, c->env->conf) ? assignor_range : assignor_uniform)(&spec);
	take_targets(c, members, &spec);
	modern->target_epoch = modern->epoch;
	modern->target_ms = c->env->wall_ms;
	put_target_epoch(c, modern);
	mem_free(spec.members);
	mem_free(members);
	plan_fini(&plan);
}
