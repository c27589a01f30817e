/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ConsumerGroupDescribe. */
#include "broker/group/modern.h"
#include "broker/group/modern_priv.h"

enum { TYPE_CLASSIC = 0, TYPE_CONSUMER = 1 };

typedef struct consumer_group_describe_response_described_group described_group;
typedef struct consumer_group_describe_response_member described_member;
typedef struct consumer_group_describe_response_assignment described_assignment;

struct describing {
	const struct group_catalog *catalog;
	struct arena *arena;
};

static struct slice copied(const struct describing *d, struct slice from)
{
	if (!from.data) {
		return from;
	}
	struct slice copy = slice_of(arena_try_dup(d->arena, from.data, from.len), from.len);
	WEIR_ASSERT(copy.data);
	return copy;
}

static void *rows(const struct describing *d, size_t count, size_t size)
{
	void *made = arena_try_array(d->arena, count, size);
	WEIR_ASSERT(made);
	return made;
}

/* Topics that are not there any more have no name to be told by. */
static void describe_assignment(
	const struct describing *d, const struct tp_set *set, described_assignment *to)
{
	size_t pos = 0, count, runs = 0;
	while (tp_set_run(set, &pos, &count)) {
		runs++;
	}
	to->topic_partitions = rows(d, runs, sizeof(*to->topic_partitions));
	pos = 0;
	for (const struct tp *first; (first = tp_set_run(set, &pos, &count));) {
		struct group_topic topic;
		if (!d->catalog->by_id(d->catalog, first->topic, &topic)) {
			continue;
		}
		struct consumer_group_describe_response_topic_partitions *row =
			&to->topic_partitions[to->topic_partitions_count++];
		row->topic_id = first->topic;
		row->topic_name = copied(d, topic.name);
		row->partitions = rows(d, count, sizeof(*row->partitions));
		row->partitions_count = (int32_t)count;
		for (size_t i = 0; i < count; i++) {
			row->partitions[i] = first[i].partition;
		}
	}
}

static void describe_member(
	const struct describing *d, const struct modern_member *member, described_member *to)
{
	wire_part_defaults(&consumer_group_describe_response_member_part, to);
	to->member_id = copied(d, member->id);
	to->instance_id = copied(d, member->instance_id);
	to->rack_id = copied(d, member->rack_id);
	to->member_epoch = member->epoch;
	to->client_id = copied(d, member->client_id);
	to->client_host = copied(d, member->client_host);
	to->subscribed_topic_names =
		rows(d, member->topic_count, sizeof(*to->subscribed_topic_names));
	to->subscribed_topic_names_count = (int32_t)member->topic_count;
	for (size_t i = 0; i < member->topic_count; i++) {
		to->subscribed_topic_names[i] = copied(d, member->topics[i]);
	}
	to->subscribed_topic_regex =
		member->pattern.data ? copied(d, member->pattern) : slice_of("", 0);
	describe_assignment(d, &member->assigned, &to->assignment);
	describe_assignment(d, &member->target, &to->target_assignment);
	to->member_type = member->classic ? TYPE_CLASSIC : TYPE_CONSUMER;
}

enum weir_code coordinator_describe_consumer(const struct coordinator *c,
	const struct group_env *env, struct arena *arena, described_group *row, int64_t *position,
	struct weir_err *err)
{
	const struct group *group = group_find(c, row->group_id);
	int len = row->group_id.len > 100 ? 100 : (int)row->group_id.len;
	*position = group_position(c, group);
	if (!group) {
		return err_set(err, WEIR_GROUP_ID_NOT_FOUND, "Group %.*s not found.", len,
			(const char *)row->group_id.data);
	}
	if (!group->modern) {
		return err_set(err, WEIR_GROUP_ID_NOT_FOUND, "Group %.*s is not a consumer group.",
			len, (const char *)row->group_id.data);
	}
	const struct modern *modern = group->modern;
	struct describing d = {env->catalog, arena};
	row->group_state = slice_str(modern_state_name(modern));
	row->group_epoch = modern->epoch;
	row->assignment_epoch = modern->target_epoch;
	row->assignor_name = slice_str(modern_uses_range(modern, env->conf) ? "range" : "uniform");
	row->members = rows(&d, (size_t)modern->count, sizeof(*row->members));
	LIST_EACH(it, &modern->members)
	{
		describe_member(&d, LIST_ENTRY(it, struct modern_member, node),
			&row->members[row->members_count++]);
	}
	return WEIR_OK;
}
