/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A live group changes its protocol. Up: the first member of the consumer protocol joins a classic
 * group; the classic members stay, as members of the new kind that speak the old protocol. Down:
 * the last member of the consumer protocol goes, the classic ones make a classic group again and
 * rebalance.
 */
#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

enum { NEWEST_VERSION = 3 };

static int16_t version_of(struct slice bytes)
{
	int16_t version = bytes.len >= 2 ? (int16_t)be16_get(bytes.data) : 0;
	return version < 0 ? 0 : version > NEWEST_VERSION ? NEWEST_VERSION : version;
}

bool migrate_subscription(struct coordinator *c, struct slice metadata,
	struct consumer_protocol_subscription *subscription)
{
	size_t used;
	return metadata.len >= 2 &&
	       wire_decode(&consumer_protocol_subscription_message, version_of(metadata),
		       slice_of(metadata.data + 2, metadata.len - 2), &c->arena, subscription,
		       &used, NULL) == WEIR_OK;
}

static bool decode_assignment(
	struct coordinator *c, struct slice bytes, struct consumer_protocol_assignment *assignment)
{
	size_t used;
	if (!bytes.len) {
		wire_defaults(&consumer_protocol_assignment_message, assignment);
		return true;
	}
	return bytes.len >= 2 && wire_decode(&consumer_protocol_assignment_message,
					 version_of(bytes), slice_of(bytes.data + 2, bytes.len - 2),
					 &c->arena, assignment, &used, NULL) == WEIR_OK;
}

static void add_topic(struct coordinator *c, struct slice name, const int32_t *partitions,
	int32_t count, struct tp_set *set)
{
	struct group_topic topic;
	if (!c->env->catalog->by_name(c->env->catalog, name, &topic)) {
		return;
	}
	for (int32_t i = 0; i < count; i++) {
		tp_set_append(set, topic.id, partitions[i], -1);
	}
}

void migrate_owned(struct coordinator *c,
	const struct consumer_protocol_subscription_topic_partition *topics, int32_t count,
	struct tp_set *set)
{
	for (int32_t t = 0; t < count; t++) {
		add_topic(
			c, topics[t].topic, topics[t].partitions, topics[t].partitions_count, set);
	}
	tp_set_sort(set);
}

struct slice migrate_encode(struct coordinator *c, const struct tp_set *set, struct slice metadata)
{
	struct consumer_protocol_assignment assignment;
	struct weir_err err;
	struct buf out;
	size_t pos = 0, count, runs = 0;
	wire_defaults(&consumer_protocol_assignment_message, &assignment);
	while (tp_set_run(set, &pos, &count)) {
		runs++;
	}
	assignment.assigned_partitions =
		arena_try_array(&c->arena, runs, sizeof(*assignment.assigned_partitions));
	WEIR_ASSERT(assignment.assigned_partitions);
	pos = 0;
	for (const struct tp *first; (first = tp_set_run(set, &pos, &count));) {
		struct group_topic topic;
		if (!c->env->catalog->by_id(c->env->catalog, first->topic, &topic)) {
			continue;
		}
		struct consumer_protocol_assignment_topic_partition *row =
			&assignment.assigned_partitions[assignment.assigned_partitions_count++];
		row->topic = topic.name;
		row->partitions = arena_try_array(&c->arena, count, sizeof(*row->partitions));
		WEIR_ASSERT(row->partitions);
		row->partitions_count = (int32_t)count;
		for (size_t i = 0; i < count; i++) {
			row->partitions[i] = first[i].partition;
		}
	}
	uint8_t prefix[2];
	be16_put(prefix, (uint16_t)version_of(metadata));
	buf_init(&out, 0);
	buf_add(&out, prefix, sizeof(prefix));
	enum weir_code code = wire_encode(&consumer_protocol_assignment_message,
		version_of(metadata), &assignment, &out, NULL, &err);
	struct slice bytes = {NULL, 0};
	if (code == WEIR_OK) {
		bytes = slice_of(arena_try_dup(&c->arena, out.data, out.len), out.len);
	}
	buf_fini(&out);
	return bytes.data ? bytes : slice_of("", 0);
}

/* ---- up ---- */

static struct slice metadata_of(const struct classic *classic, const struct classic_member *member)
{
	return classic->protocol.data ? classic_metadata(member, classic->protocol)
				      : member->protocols[0].metadata;
}

static bool readable(struct coordinator *c, const struct classic *classic)
{
	LIST_EACH(it, &classic->members)
	{
		const struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		struct consumer_protocol_subscription subscription;
		struct consumer_protocol_assignment assignment;
		if (!member->protocol_count ||
			!migrate_subscription(c, metadata_of(classic, member), &subscription) ||
			!decode_assignment(c, member->assignment, &assignment)) {
			return false;
		}
	}
	return true;
}

enum weir_code migrate_check_up(
	struct coordinator *c, const struct classic *classic, struct weir_err *err)
{
	const struct conf *conf = c->env->conf;
	int policy = conf->group_consumer_migration_policy;
	const char *why = NULL;
	if (policy != CONF_MIGRATION_BIDIRECTIONAL && policy != CONF_MIGRATION_UPGRADE) {
		why = "is not a consumer group.";
	} else if (!slice_equal(classic->protocol_type, slice_str("consumer"))) {
		why = "is not a consumer group.";
	} else if (classic->count > conf->group_consumer_max_size) {
		why = "has too many members to become a consumer group.";
	} else if (!readable(c, classic)) {
		why = "cannot become a consumer group: a member's consumer protocol is malformed.";
	}
	if (!why) {
		return WEIR_OK;
	}
	int len = classic->group->id.len > 100 ? 100 : (int)classic->group->id.len;
	return err_set(err, WEIR_GROUP_ID_NOT_FOUND, "Group %.*s %s", len,
		(const char *)classic->group->id.data, why);
}

static void add_unowned(struct coordinator *c, const struct modern *modern,
	const struct consumer_protocol_subscription *subscription, struct tp_set *set)
{
	struct tp_set said = {.count = 0};
	migrate_owned(
		c, subscription->owned_partitions, subscription->owned_partitions_count, &said);
	for (size_t i = 0; i < said.count; i++) {
		if (!modern_owner(modern, said.items[i].topic, said.items[i].partition)) {
			tp_set_append(set, said.items[i].topic, said.items[i].partition, -1);
		}
	}
	tp_set_fini(&said);
}

static void member_up(
	struct coordinator *c, struct modern *modern, const struct classic_member *from)
{
	const struct classic *classic = from->group->classic;
	struct modern_member *to = modern_add(modern, from->id);
	struct consumer_protocol_subscription subscription;
	struct consumer_protocol_assignment assignment;
	struct tp_set assigned = {.count = 0}, nothing = {.count = 0};
	bool good = migrate_subscription(c, metadata_of(classic, from), &subscription) &&
		    decode_assignment(c, from->assignment, &assignment);
	WEIR_ASSERT(good); /* migrate_check_up has seen them */
	to->known = true;
	if (from->instance_id.data) {
		modern_set_instance(to, from->instance_id);
	}
	classic_set_slice(&to->client_id, from->client_id);
	classic_set_slice(&to->client_host, from->client_host);
	classic_set_slice(&to->rack_id, subscription.rack_id);
	to->rebalance_timeout_ms = from->rebalance_timeout_ms;
	modern_set_topics(to, subscription.topics,
		subscription.topics_count > 0 ? (size_t)subscription.topics_count : 0);
	modern_set_classic(to, from->session_timeout_ms, from->protocols, from->protocol_count);
	to->epoch = to->previous_epoch = classic->generation;
	for (int32_t t = 0; t < assignment.assigned_partitions_count; t++) {
		add_topic(c, assignment.assigned_partitions[t].topic,
			assignment.assigned_partitions[t].partitions,
			assignment.assigned_partitions[t].partitions_count, &assigned);
	}
	tp_set_sort(&assigned);
	if (!from->assignment.len) {
		/* A rebalance at hand took it away here; a cooperative member has it all the same.
		 */
		add_unowned(c, modern, &subscription, &assigned);
	}
	tp_set_copy(&to->target, &assigned);
	for (size_t i = 0; i < assigned.count; i++) {
		assigned.items[i].epoch = classic->generation;
	}
	modern_set_assigned(to, &assigned, &nothing);
}

struct modern *migrate_up(struct coordinator *c, struct classic *classic)
{
	struct group *group = classic->group;
	struct group_metadata_key key = {.group = group->id};
	LIST_EACH(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		classic_answer_join(c, member, WEIR_REBALANCE_IN_PROGRESS);
		classic_answer_sync(c, member, WEIR_REBALANCE_IN_PROGRESS);
	}
	record_put(c, RECORD_CLASSIC, &key, 0, NULL);
	struct modern *modern = modern_take(group);
	modern->epoch = modern->target_epoch = classic->generation;
	modern->target_ms = c->env->wall_ms;
	LIST_EACH(it, &classic->members)
	{
		member_up(c, modern, LIST_ENTRY(it, struct classic_member, node));
	}
	LIST_EACH(it, &modern->members)
	{
		put_member(c, LIST_ENTRY(it, struct modern_member, node));
	}
	put_epoch(c, modern);
	LIST_EACH(it, &modern->members)
	{
		struct modern_member *member = LIST_ENTRY(it, struct modern_member, node);
		put_target(c, member);
		put_current(c, member);
		modern_keep_alive(c, member);
	}
	put_target_epoch(c, modern);
	classic_free(c, group);
	return modern;
}

/* ---- down ---- */

bool migrate_down_due(const struct coordinator *c, const struct modern *modern,
	const struct modern_member *leaving)
{
	const struct conf *conf = c->env->conf;
	int policy = conf->group_consumer_migration_policy;
	int32_t others = modern->count - (leaving != NULL);
	int32_t classic = modern->classic_count - (leaving && leaving->classic);
	return others > 0 && others == classic && others <= conf->group_max_size &&
	       (!leaving || !leaving->classic) &&
	       (policy == CONF_MIGRATION_BIDIRECTIONAL || policy == CONF_MIGRATION_DOWNGRADE);
}

/*
 * What each owns, by id: the rest is gone by the time the protocol is chosen. It is what they own,
 * not what they were to get: a member that has not heard of the change yet still has it.
 */
struct former {
	struct slice id;
	struct tp_set owned;
};

static struct classic *make_classic(struct coordinator *c, struct modern *modern,
	const struct modern_member *leaving, struct former *former)
{
	struct classic *classic = classic_take(modern->group);
	size_t n = 0;
	classic->generation = modern->epoch;
	classic->state = CLASSIC_STABLE;
	classic->since_ms = c->env->wall_ms;
	classic_set_slice(&classic->protocol_type, slice_str("consumer"));
	LIST_EACH(it, &modern->members)
	{
		struct modern_member *from = LIST_ENTRY(it, struct modern_member, node);
		if (from == leaving) {
			continue;
		}
		struct classic_profile profile = {
			.id = from->id,
			.instance_id = from->instance_id,
			.client_id = from->client_id,
			.client_host = from->client_host,
			.rebalance_timeout_ms = from->rebalance_timeout_ms,
			.session_timeout_ms = from->classic->session_timeout_ms,
			.protocols = from->classic->protocols,
			.protocol_count = from->classic->protocol_count,
		};
		former[n].id = classic_add(classic, &profile)->id;
		tp_set_copy(&former[n].owned, &from->assigned);
		tp_set_add_all(&former[n++].owned, &from->revoking);
	}
	return classic;
}

void migrate_down(struct coordinator *c, struct modern *modern, struct modern_member *leaving)
{
	struct group *group = modern->group;
	size_t count = (size_t)modern->count;
	struct former *former = mem_array(count, sizeof(*former));
	put_consumer_gone(c, modern);
	struct classic *classic = make_classic(c, modern, leaving, former);
	modern_free(c, group);
	classic_set_slice(&classic->protocol, classic_choose(classic));
	for (size_t i = 0; i < (size_t)classic->count; i++) {
		struct classic_member *member = classic_member(classic, former[i].id);
		classic_set_assignment(
			member, migrate_encode(c, &former[i].owned,
					classic_metadata(member, classic->protocol)));
		classic_keep_alive(c, member);
	}
	for (size_t i = 0; i < count; i++) {
		tp_set_fini(&former[i].owned);
	}
	mem_free(former);
	classic_find_topics(c, classic);
	/* No leader: should it be loaded before the rebalance is through, there must be another. */
	classic->leader = NULL;
	classic_put(c, classic);
	classic_rebalance(c, classic);
}
