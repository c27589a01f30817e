/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/admin.h"

#include "broker/group/modern_priv.h"

const char *group_type_name(enum group_type type)
{
	return type == GROUP_CLASSIC ? "classic" : "consumer";
}

static void summarise(const struct group *group, struct group_summary *row)
{
	const struct classic *classic = group->classic;
	bool typed = classic && classic->protocol_type.data;
	*row = (struct group_summary){
		.id = group->id,
		.protocol_type = typed ? classic->protocol_type : slice_of("", 0),
		.state = classic_state_name(classic ? classic->state : CLASSIC_EMPTY),
		.type = GROUP_CLASSIC,
	};
	if (group->modern) {
		row->protocol_type = slice_str("consumer");
		row->state = modern_state_name(group->modern);
		row->type = GROUP_CONSUMER;
	}
}

void coordinator_list(const struct coordinator *c,
	void (*each)(void *arg, const struct group_summary *row), void *arg)
{
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		struct group_summary row;
		summarise(e->value, &row);
		each(arg, &row);
	}
}

static struct slice copied(struct arena *arena, struct slice from)
{
	if (!from.data) {
		return from;
	}
	struct slice copy = slice_of(arena_try_dup(arena, from.data, from.len), from.len);
	WEIR_ASSERT(copy.data);
	return copy;
}

typedef struct describe_groups_response_described_group described_group;

/* What the members agreed on shows only once they have. */
static void describe_members(
	const struct classic *classic, struct arena *arena, described_group *row)
{
	bool stable = classic->state == CLASSIC_STABLE;
	struct describe_groups_response_described_group_member *members =
		arena_try_array(arena, (size_t)classic->count, sizeof(*members));
	WEIR_ASSERT(members);
	row->members = members;
	row->members_count = classic->count;
	LIST_EACH(it, &classic->members)
	{
		const struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		members->member_id = copied(arena, member->id);
		members->group_instance_id = copied(arena, member->instance_id);
		members->client_id = copied(arena, member->client_id);
		members->client_host = copied(arena, member->client_host);
		if (stable) {
			members->member_metadata =
				copied(arena, classic_metadata(member, classic->protocol));
			members->member_assignment = copied(arena, member->assignment);
		}
		members++;
	}
}

enum weir_code coordinator_describe_classic(
	const struct coordinator *c, struct arena *arena, described_group *row, int64_t *position)
{
	const struct group *group = group_find(c, row->group_id);
	*position = group_position(c, group);
	if (!group || group->modern) {
		row->group_state = slice_str("Dead");
		return WEIR_GROUP_ID_NOT_FOUND;
	}
	struct group_summary summary;
	summarise(group, &summary);
	row->group_state = slice_str(summary.state);
	row->protocol_type = copied(arena, summary.protocol_type);
	if (group->classic) {
		if (group->classic->state == CLASSIC_STABLE) {
			row->protocol_data = copied(arena, group->classic->protocol);
		}
		describe_members(group->classic, arena, row);
	}
	return WEIR_OK;
}

static enum weir_code delete_checked(
	struct coordinator *c, struct slice group_id, struct weir_err *err)
{
	struct group *group = group_find(c, group_id);
	if (!group) {
		return err_set(err, WEIR_GROUP_ID_NOT_FOUND, "the group does not exist");
	}
	c->group = group;
	if ((group->classic && group->classic->state != CLASSIC_EMPTY) ||
		(group->modern && group->modern->count)) {
		return err_set(err, WEIR_NON_EMPTY_GROUP, "the group has members");
	}
	group_delete(c, group);
	return WEIR_OK;
}

enum weir_code coordinator_delete(struct coordinator *c, const struct group_env *env,
	struct slice group_id, int64_t *position, struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	enum weir_code refused = delete_checked(c, group_id, err);
	code = step_end(c, position, err);
	return code != WEIR_OK ? code : refused;
}
