/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of consumer groups: written from the members as they are, and read back. A log that was
 * compacted has them in any order, so a record about a member that is not known yet makes it, and
 * only its metadata makes it count.
 */
#include "broker/group/modern_priv.h"

#include "core/base/mem.h"

enum { TP_BYTES = 8, MEMBER_BYTES = 64 };

static struct slice text(struct slice from)
{
	return from.data ? from : slice_of("", 0);
}

static void *rows(struct coordinator *c, size_t count, size_t size)
{
	void *made = arena_try_array(&c->arena, count, size);
	WEIR_ASSERT(made);
	return made;
}

/* ---- writing ---- */

void put_member(struct coordinator *c, const struct modern_member *member)
{
	struct consumer_group_member_metadata_key key = {
		.group_id = member->group->id, .member_id = member->id};
	struct consumer_group_member_metadata_value value = {
		.instance_id = member->instance_id,
		.rack_id = member->rack_id,
		.client_id = text(member->client_id),
		.client_host = text(member->client_host),
		.subscribed_topic_names = member->topics,
		.subscribed_topic_names_count = (int32_t)member->topic_count,
		.subscribed_topic_regex = text(member->pattern),
		.rebalance_timeout_ms = member->rebalance_timeout_ms,
		.server_assignor = member->assignor,
	};
	struct consumer_group_member_metadata_value_classic_member_metadata classic;
	if (member->classic) {
		size_t count = member->classic->protocol_count;
		classic.session_timeout_ms = member->classic->session_timeout_ms;
		classic.supported_protocols = rows(c, count, sizeof(*classic.supported_protocols));
		classic.supported_protocols_count = (int32_t)count;
		for (size_t i = 0; i < count; i++) {
			classic.supported_protocols[i].name = member->classic->protocols[i].name;
			classic.supported_protocols[i].metadata =
				member->classic->protocols[i].metadata;
		}
		value.classic_member_metadata = &classic;
	}
	record_put(c, RECORD_CONSUMER_MEMBER, &key, 0, &value);
}

static size_t run_count(const struct tp_set *set)
{
	size_t pos = 0, count, runs = 0;
	while (tp_set_run(set, &pos, &count)) {
		runs++;
	}
	return runs;
}

static int32_t *partitions_of(struct coordinator *c, const struct tp *first, size_t count)
{
	int32_t *partitions = rows(c, count, sizeof(*partitions));
	for (size_t i = 0; i < count; i++) {
		partitions[i] = first[i].partition;
	}
	return partitions;
}

void put_target(struct coordinator *c, const struct modern_member *member)
{
	struct consumer_group_target_assignment_member_key key = {
		.group_id = member->group->id, .member_id = member->id};
	size_t runs = run_count(&member->target), pos = 0, count;
	struct consumer_group_target_assignment_member_value value = {
		.topic_partitions = rows(c, runs, sizeof(*value.topic_partitions)),
		.topic_partitions_count = (int32_t)runs,
	};
	for (size_t i = 0; i < runs; i++) {
		const struct tp *first = tp_set_run(&member->target, &pos, &count);
		value.topic_partitions[i].topic_id = first->topic;
		value.topic_partitions[i].partitions = partitions_of(c, first, count);
		value.topic_partitions[i].partitions_count = (int32_t)count;
	}
	record_put(c, RECORD_CONSUMER_TARGET, &key, 0, &value);
}

void put_target_epoch(struct coordinator *c, const struct modern *modern)
{
	struct consumer_group_target_assignment_metadata_key key = {.group_id = modern->group->id};
	struct consumer_group_target_assignment_metadata_value value = {
		.assignment_epoch = modern->target_epoch,
		.assignment_timestamp = modern->target_ms,
	};
	record_put(c, RECORD_CONSUMER_TARGET_EPOCH, &key, 0, &value);
}

typedef struct consumer_group_current_member_assignment_value_topic_partitions current_topic;

static current_topic *current_of(
	struct coordinator *c, const struct tp_set *set, bool epochs, int32_t *row_count)
{
	size_t runs = run_count(set), pos = 0, count;
	current_topic *list = rows(c, runs, sizeof(*list));
	for (size_t i = 0; i < runs; i++) {
		const struct tp *first = tp_set_run(set, &pos, &count);
		list[i].topic_id = first->topic;
		list[i].partitions = partitions_of(c, first, count);
		list[i].partitions_count = (int32_t)count;
		if (epochs) {
			list[i].assignment_epochs =
				rows(c, count, sizeof(*list[i].assignment_epochs));
			list[i].assignment_epochs_count = (int32_t)count;
		}
		for (size_t k = 0; epochs && k < count; k++) {
			list[i].assignment_epochs[k] = first[k].epoch;
		}
	}
	*row_count = (int32_t)runs;
	return list;
}

void put_current(struct coordinator *c, const struct modern_member *member)
{
	struct consumer_group_current_member_assignment_key key = {
		.group_id = member->group->id, .member_id = member->id};
	struct consumer_group_current_member_assignment_value value = {
		.member_epoch = member->epoch,
		.previous_member_epoch = member->previous_epoch,
		.state = (int8_t)member->state,
	};
	value.assigned_partitions =
		current_of(c, &member->assigned, true, &value.assigned_partitions_count);
	value.partitions_pending_revocation =
		current_of(c, &member->revoking, true, &value.partitions_pending_revocation_count);
	record_put(c, RECORD_CONSUMER_CURRENT, &key, 0, &value);
}

void put_epoch(struct coordinator *c, const struct modern *modern)
{
	struct consumer_group_metadata_key key = {.group_id = modern->group->id};
	struct consumer_group_metadata_value value = {
		.epoch = modern->epoch, .metadata_hash = modern->hash};
	record_put(c, RECORD_CONSUMER_GROUP, &key, 0, &value);
}

void put_pattern(
	struct coordinator *c, const struct modern *modern, const struct modern_pattern *pattern)
{
	struct consumer_group_regular_expression_key key = {
		.group_id = modern->group->id, .regular_expression = pattern->pattern};
	struct consumer_group_regular_expression_value value = {
		.topics = pattern->topics,
		.topics_count = (int32_t)pattern->topic_count,
		.version = pattern->revision,
		.timestamp = pattern->resolved_ms,
	};
	record_put(c, RECORD_CONSUMER_PATTERN, &key, 0, &value);
}

void put_pattern_gone(struct coordinator *c, struct group *group, struct slice pattern)
{
	struct consumer_group_regular_expression_key key = {
		.group_id = group->id, .regular_expression = pattern};
	record_put(c, RECORD_CONSUMER_PATTERN, &key, 0, NULL);
}

void put_member_gone(struct coordinator *c, struct group *group, struct slice member_id)
{
	struct consumer_group_current_member_assignment_key current = {group->id, member_id};
	struct consumer_group_target_assignment_member_key target = {group->id, member_id};
	struct consumer_group_member_metadata_key metadata = {group->id, member_id};
	record_put(c, RECORD_CONSUMER_CURRENT, &current, 0, NULL);
	record_put(c, RECORD_CONSUMER_TARGET, &target, 0, NULL);
	record_put(c, RECORD_CONSUMER_MEMBER, &metadata, 0, NULL);
}

void put_consumer_gone(struct coordinator *c, const struct modern *modern)
{
	struct consumer_group_target_assignment_metadata_key target = {modern->group->id};
	struct consumer_group_metadata_key epoch = {modern->group->id};
	size_t pos = 0;
	LIST_EACH(it, &modern->members)
	{
		put_member_gone(c, modern->group, LIST_ENTRY(it, struct modern_member, node)->id);
	}
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		const struct modern_pattern *pattern = e->value;
		if (pattern->revision >= 0) {
			put_pattern_gone(c, modern->group, pattern->pattern);
		}
	}
	record_put(c, RECORD_CONSUMER_TARGET_EPOCH, &target, 0, NULL);
	record_put(c, RECORD_CONSUMER_GROUP, &epoch, 0, NULL);
}

size_t target_record_size(const struct modern *modern)
{
	size_t bytes = MEMBER_BYTES;
	LIST_EACH(it, &modern->members)
	{
		const struct modern_member *member = LIST_ENTRY(it, struct modern_member, node);
		bytes += MEMBER_BYTES + modern->group->id.len + member->id.len +
			 member->target.count * TP_BYTES +
			 run_count(&member->target) * sizeof(struct uuid);
	}
	return bytes;
}

/* ---- reading ---- */

struct replay {
	struct coordinator *c;
	struct slice key, value; /* value.data NULL: a tombstone */
	int16_t version;
	struct weir_err *err;
};

static enum weir_code decode(const struct replay *r, enum group_record type, void *key, void *value)
{
	const struct wire_record *row = wire_record(slice_str("__consumer_offsets"), (int16_t)type);
	size_t used;
	enum weir_code code = wire_decode(row->key, 0, r->key, &r->c->arena, key, &used, r->err);
	if (code == WEIR_OK && r->value.data) {
		code = wire_decode(
			row->value, r->version, r->value, &r->c->arena, value, &used, r->err);
	}
	return code;
}

/* The group's consumer part, made for a record that is no tombstone. NULL: nothing to do. */
static struct modern *group_of(const struct replay *r, struct slice id)
{
	struct group *group = r->value.data ? group_take(r->c, id) : group_find(r->c, id);
	if (!group) {
		return NULL;
	}
	if (r->value.data) {
		classic_free(r->c, group);
		return modern_take(group);
	}
	return group->modern;
}

static struct modern_member *member_of(
	const struct replay *r, struct slice group_id, struct slice id)
{
	struct modern *modern = group_of(r, group_id);
	struct modern_member *member = modern ? modern_member(modern, id) : NULL;
	return member || !r->value.data ? member : modern_add(modern, id);
}

static enum weir_code replay_epoch(const struct replay *r)
{
	struct consumer_group_metadata_key key;
	struct consumer_group_metadata_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_GROUP, &key, &value);
	struct modern *modern = code == WEIR_OK ? group_of(r, key.group_id) : NULL;
	if (modern && r->value.data) {
		modern->epoch = value.epoch;
		modern->hash = value.metadata_hash;
	} else if (modern) {
		struct group *group = modern->group;
		modern_free(r->c, group);
		group_drop_if_bare(r->c, group);
	}
	return code;
}

static void replay_classic_part(struct coordinator *c, struct modern_member *member,
	const struct consumer_group_member_metadata_value_classic_member_metadata *part)
{
	if (!part) {
		modern_set_classic(member, 0, NULL, 0);
		return;
	}
	size_t count =
		part->supported_protocols_count > 0 ? (size_t)part->supported_protocols_count : 0;
	struct classic_protocol *protocols = rows(c, count, sizeof(*protocols));
	for (size_t i = 0; i < count; i++) {
		protocols[i] = (struct classic_protocol){
			part->supported_protocols[i].name, part->supported_protocols[i].metadata};
	}
	modern_set_classic(member, part->session_timeout_ms, protocols, count);
}

static enum weir_code replay_member(const struct replay *r)
{
	struct consumer_group_member_metadata_key key;
	struct consumer_group_member_metadata_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_MEMBER, &key, &value);
	struct modern_member *member =
		code == WEIR_OK ? member_of(r, key.group_id, key.member_id) : NULL;
	if (!member) {
		return code;
	}
	if (!r->value.data) {
		modern_remove(r->c, member);
		return code;
	}
	member->known = true;
	modern_set_instance(member, value.instance_id);
	classic_set_slice(&member->rack_id, value.rack_id);
	classic_set_slice(&member->client_id, value.client_id);
	classic_set_slice(&member->client_host, value.client_host);
	classic_set_slice(&member->assignor, value.server_assignor);
	member->rebalance_timeout_ms = value.rebalance_timeout_ms;
	modern_set_topics(member, value.subscribed_topic_names,
		value.subscribed_topic_names_count > 0 ? (size_t)value.subscribed_topic_names_count
						       : 0);
	modern_set_pattern(member, value.subscribed_topic_regex);
	replay_classic_part(r->c, member, value.classic_member_metadata);
	return code;
}

static enum weir_code replay_target_epoch(const struct replay *r)
{
	struct consumer_group_target_assignment_metadata_key key;
	struct consumer_group_target_assignment_metadata_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_TARGET_EPOCH, &key, &value);
	struct modern *modern = code == WEIR_OK ? group_of(r, key.group_id) : NULL;
	if (modern) {
		modern->target_epoch = r->value.data ? value.assignment_epoch : 0;
		modern->target_ms = r->value.data ? value.assignment_timestamp : 0;
	}
	return code;
}

static enum weir_code replay_target(const struct replay *r)
{
	struct consumer_group_target_assignment_member_key key;
	struct consumer_group_target_assignment_member_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_TARGET, &key, &value);
	struct modern_member *member =
		code == WEIR_OK ? member_of(r, key.group_id, key.member_id) : NULL;
	if (!member) {
		return code;
	}
	tp_set_fini(&member->target);
	for (int32_t t = 0; r->value.data && t < value.topic_partitions_count; t++) {
		for (int32_t i = 0; i < value.topic_partitions[t].partitions_count; i++) {
			tp_set_append(&member->target, value.topic_partitions[t].topic_id,
				value.topic_partitions[t].partitions[i], -1);
		}
	}
	tp_set_sort(&member->target);
	return code;
}

/* Records of older brokers have no epochs for the partitions: then the member's counts. */
static void read_current(
	struct tp_set *to, const current_topic *topics, int32_t count, int32_t epoch)
{
	for (int32_t t = 0; t < count; t++) {
		bool own = topics[t].assignment_epochs_count == topics[t].partitions_count;
		for (int32_t i = 0; i < topics[t].partitions_count; i++) {
			tp_set_append(to, topics[t].topic_id, topics[t].partitions[i],
				own ? topics[t].assignment_epochs[i] : epoch);
		}
	}
	tp_set_sort(to);
}

static enum weir_code replay_current(const struct replay *r)
{
	struct consumer_group_current_member_assignment_key key;
	struct consumer_group_current_member_assignment_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_CURRENT, &key, &value);
	struct modern_member *member =
		code == WEIR_OK ? member_of(r, key.group_id, key.member_id) : NULL;
	if (!member) {
		return code;
	}
	struct tp_set assigned = {.count = 0}, revoking = {.count = 0};
	member->epoch = member->previous_epoch = 0;
	member->state = MEMBER_STABLE;
	if (r->value.data) {
		member->epoch = value.member_epoch;
		member->previous_epoch = value.previous_member_epoch;
		member->state = value.state == MEMBER_UNREVOKED	   ? MEMBER_UNREVOKED
				: value.state == MEMBER_UNRELEASED ? MEMBER_UNRELEASED
								   : MEMBER_STABLE;
		read_current(&assigned, value.assigned_partitions, value.assigned_partitions_count,
			value.member_epoch);
		read_current(&revoking, value.partitions_pending_revocation,
			value.partitions_pending_revocation_count, value.member_epoch);
	}
	modern_set_assigned(member, &assigned, &revoking);
	return code;
}

static enum weir_code replay_pattern(const struct replay *r)
{
	struct consumer_group_regular_expression_key key;
	struct consumer_group_regular_expression_value value;
	enum weir_code code = decode(r, RECORD_CONSUMER_PATTERN, &key, &value);
	struct modern *modern = code == WEIR_OK ? group_of(r, key.group_id) : NULL;
	if (!modern) {
		return code;
	}
	struct modern_pattern *pattern =
		r->value.data ? modern_pattern_take(modern, key.regular_expression)
			      : modern_pattern(modern, key.regular_expression);
	if (r->value.data) {
		pattern_set(pattern, value.topics,
			value.topics_count > 0 ? (size_t)value.topics_count : 0, value.version,
			value.timestamp);
	} else if (pattern && pattern->members) {
		pattern_set(pattern, NULL, 0, -1, 0);
	} else if (pattern) {
		pattern_drop(modern, pattern);
	}
	return code;
}

enum weir_code modern_replay(struct coordinator *c, int16_t type, struct slice key,
	struct slice value, int16_t version, struct weir_err *err)
{
	struct replay r = {.c = c, .key = key, .value = value, .version = version, .err = err};
	enum weir_code code = WEIR_OK;
	switch (type) {
	case RECORD_CONSUMER_GROUP:
		code = replay_epoch(&r);
		break;
	case RECORD_CONSUMER_MEMBER:
		code = replay_member(&r);
		break;
	case RECORD_CONSUMER_TARGET_EPOCH:
		code = replay_target_epoch(&r);
		break;
	case RECORD_CONSUMER_TARGET:
		code = replay_target(&r);
		break;
	case RECORD_CONSUMER_CURRENT:
		code = replay_current(&r);
		break;
	case RECORD_CONSUMER_PATTERN:
		code = replay_pattern(&r);
		break;
	default: /* other kinds of groups */
		break;
	}
	if (code != WEIR_OK) {
		(void)err_wrap(err, "record of a group");
		err->code = code = WEIR_BAD_DATA;
	}
	return code;
}

/* Members that only traces are left of, and patterns that nobody has, were on their way out. */
static void drop_traces(struct coordinator *c, struct modern *modern)
{
	size_t pos = 0;
	LIST_EACH_SAFE(it, &modern->members)
	{
		struct modern_member *member = LIST_ENTRY(it, struct modern_member, node);
		if (!member->known) {
			modern_remove(c, member);
		}
	}
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		struct modern_pattern *pattern = e->value;
		if (!pattern->members) {
			pattern_drop(modern, pattern);
		}
	}
}

void modern_loaded(struct coordinator *c, struct group *group)
{
	struct modern *modern = group->modern;
	drop_traces(c, modern);
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		/* Revisions of another life, or another broker, say nothing. */
		((struct modern_pattern *)e->value)->asked = -1;
	}
	LIST_EACH(it, &modern->members)
	{
		struct modern_member *member = LIST_ENTRY(it, struct modern_member, node);
		modern_keep_alive(c, member);
		if (member->state == MEMBER_UNREVOKED) {
			modern_await_rebalance(c, member);
		}
	}
}
