/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ConsumerGroupHeartbeat. Everything is checked before anything changes; then the member's words
 * are taken over, the epochs follow, a new target is made when one is due, and the member takes its
 * next step towards it.
 */
#include "broker/group/modern.h"

#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

enum { MEMBER_ID_BY_CLIENT = 1 };

struct beat {
	struct coordinator *c;
	const struct group_caller *caller;
	const struct consumer_group_heartbeat_request *request;
	struct arena *arena;
	struct consumer_group_heartbeat_response *response;
	struct weir_err *err;
	struct group *group;
	struct modern *modern;
	struct modern_member *member;
	struct slice member_id;
	struct tp_set owned; /* reported; counts only if says_owned */
	bool says_owned;
	bool changed; /* the subscription */
};

static int len_of(struct slice text)
{
	return text.len > 100 ? 100 : (int)text.len;
}
#define SHOW(text) len_of(text), (const char *)(text).data

/* ---- what is wrong with a request by itself ---- */

static const char *wrong_ids(const struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	if (!r->group_id.len) {
		return "GroupId can't be empty.";
	}
	if (!r->member_id.len &&
		(b->caller->version >= MEMBER_ID_BY_CLIENT || r->member_epoch != 0)) {
		return "MemberId can't be empty.";
	}
	if (r->instance_id.data && !r->instance_id.len) {
		return "InstanceId can't be empty.";
	}
	if (r->rack_id.data && !r->rack_id.len) {
		return "RackId can't be empty.";
	}
	if (r->member_epoch == EPOCH_LEAVE_STATIC && !r->instance_id.data) {
		return "InstanceId can't be null.";
	}
	return r->member_epoch < EPOCH_LEAVE_STATIC ? "MemberEpoch is invalid." : NULL;
}

static const char *wrong_join(const struct consumer_group_heartbeat_request *r)
{
	if (r->rebalance_timeout_ms == -1) {
		return "RebalanceTimeoutMs must be provided in first request.";
	}
	if (r->topic_partitions_count != 0) {
		return "TopicPartitions must be empty when (re-)joining.";
	}
	if (r->subscribed_topic_names_count < 0 && !r->subscribed_topic_regex.data) {
		return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
		       "(re-)joining.";
	}
	return NULL;
}

static bool offered(const struct conf *conf, struct slice assignor)
{
	bool uniform = conf->group_consumer_assignors & (1u << CONF_ASSIGNOR_UNIFORM);
	bool range = conf->group_consumer_assignors & (1u << CONF_ASSIGNOR_RANGE);
	return (uniform && slice_equal(assignor, slice_str("uniform"))) ||
	       (range && slice_equal(assignor, slice_str("range")));
}

static enum weir_code check_assignor(const struct beat *b)
{
	const struct conf *conf = b->c->env->conf;
	struct slice assignor = b->request->server_assignor;
	if (!assignor.data || offered(conf, assignor)) {
		return WEIR_OK;
	}
	bool both = offered(conf, slice_str("uniform")) && offered(conf, slice_str("range"));
	return err_set(b->err, WEIR_UNSUPPORTED_ASSIGNOR,
		"ServerAssignor %.*s is not supported. Supported assignors: %s.", SHOW(assignor),
		both				      ? "uniform, range"
		: offered(conf, slice_str("uniform")) ? "uniform"
						      : "range");
}

static enum weir_code check_request(const struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	const char *wrong = wrong_ids(b);
	if (!wrong && r->member_epoch == 0) {
		wrong = wrong_join(r);
	}
	if (wrong) {
		return err_set(b->err, WEIR_INVALID_REQUEST, "%s", wrong);
	}
	enum weir_code code = check_assignor(b);
	if (code == WEIR_OK && r->subscribed_topic_regex.len) {
		code = re2_syntax_check(r->subscribed_topic_regex, b->err);
	}
	return code;
}

/* ---- the group and the member ---- */

static enum weir_code find_group(struct beat *b)
{
	struct slice id = b->request->group_id;
	bool joins = b->request->member_epoch == 0;
	struct group *group = group_find(b->c, id);
	struct classic *classic = group ? group->classic : NULL;
	b->group = group;
	b->modern = group ? group->modern : NULL;
	if (b->modern) {
		return WEIR_OK;
	}
	if (!joins) {
		return group ? err_set(b->err, WEIR_GROUP_ID_NOT_FOUND,
				       "Group %.*s is not a consumer group.", SHOW(id))
			     : err_set(b->err, WEIR_GROUP_ID_NOT_FOUND,
				       "Consumer group %.*s not found.", SHOW(id));
	}
	if (classic && classic->state != CLASSIC_EMPTY) {
		return migrate_check_up(b->c, classic, b->err);
	}
	return WEIR_OK;
}

static enum weir_code fenced(const struct beat *b, const char *how)
{
	return err_set(b->err, WEIR_FENCED_MEMBER_EPOCH,
		"The consumer group member has a %s member epoch (%d) than the one known by the "
		"group coordinator (%d). The member must abandon all its partitions and rejoin.",
		how, b->request->member_epoch, b->member->epoch);
}

/* An answer may have got lost: then the member comes with the epoch before, and owns nothing that
 * it has not been given. */
static enum weir_code check_epoch(const struct beat *b)
{
	int32_t said = b->request->member_epoch;
	const struct modern_member *member = b->member;
	if (said > member->epoch) {
		return fenced(b, "greater");
	}
	if (said == member->epoch) {
		return WEIR_OK;
	}
	bool late = said == member->previous_epoch && b->says_owned &&
		    tp_set_within(&b->owned, &member->assigned);
	return late ? WEIR_OK : fenced(b, "smaller");
}

static enum weir_code unknown_member(const struct beat *b)
{
	return err_set(b->err, WEIR_UNKNOWN_MEMBER_ID, "Member %.*s is not a member of group %.*s.",
		SHOW(b->member_id), SHOW(b->request->group_id));
}

static enum weir_code check_static(struct beat *b, bool joins)
{
	struct slice instance_id = b->request->instance_id;
	struct modern_member *owner = modern_static(b->modern, instance_id);
	bool same = owner && slice_equal(owner->id, b->member_id);
	if (joins && owner && !same) {
		if (owner->epoch != EPOCH_LEAVE_STATIC && !owner->classic) {
			return err_set(b->err, WEIR_UNRELEASED_INSTANCE_ID,
				"Static member %.*s with instance id %.*s cannot join the group "
				"because the instance id is owned by %.*s member.",
				SHOW(b->member_id), SHOW(instance_id), SHOW(owner->id));
		}
		return WEIR_OK; /* to be replaced */
	}
	if (!joins && !owner) {
		return err_set(b->err, WEIR_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
			SHOW(instance_id));
	}
	if (!joins && !same) {
		return err_set(b->err, WEIR_FENCED_INSTANCE_ID,
			"Static member %.*s with instance id %.*s was fenced by member %.*s.",
			SHOW(b->member_id), SHOW(instance_id), SHOW(owner->id));
	}
	b->member = owner;
	return WEIR_OK;
}

/* Finds the member; NULL without an error: it is new, or replaces another. */
static enum weir_code find_member(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool joins = r->member_epoch == 0;
	if (!b->modern) {
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	b->member = b->member_id.len ? modern_member(b->modern, b->member_id) : NULL;
	if (r->instance_id.data) {
		code = check_static(b, joins);
	} else if (!b->member && !joins) {
		code = unknown_member(b);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (!b->member) {
		bool replaces = modern_static(b->modern, r->instance_id) != NULL;
		return b->modern->count < b->c->env->conf->group_consumer_max_size || replaces
			       ? WEIR_OK
			       : err_set(b->err, WEIR_GROUP_MAX_SIZE_REACHED,
					 "The consumer group has reached its maximum capacity of "
					 "%d members.",
					 b->c->env->conf->group_consumer_max_size);
	}
	bool back = joins && r->instance_id.data && b->member->epoch == EPOCH_LEAVE_STATIC;
	return back ? WEIR_OK : check_epoch(b);
}

/* ---- what happens by itself ---- */

static void on_session(struct coordinator *c, struct group_timer *timer)
{
	struct modern_member *member = LIST_ENTRY(timer, struct modern_member, session);
	c->group = member->group;
	modern_fence(c, member);
}

void modern_keep_alive(struct coordinator *c, struct modern_member *member)
{
	int64_t timeout = member->classic ? member->classic->session_timeout_ms
					  : group_session_timeout(c, member->group);
	member->session.fire = on_session;
	timer_set(c, &member->session, timeout);
}

static void on_rebalance_timeout(struct coordinator *c, struct group_timer *timer)
{
	struct modern_member *member = LIST_ENTRY(timer, struct modern_member, rebalance);
	c->group = member->group;
	modern_fence(c, member);
}

void modern_await_rebalance(struct coordinator *c, struct modern_member *member)
{
	member->rebalance.fire = on_rebalance_timeout;
	timer_set(c, &member->rebalance,
		member->rebalance_timeout_ms > 0 ? member->rebalance_timeout_ms : 0);
}

/* Takes the member out; a pattern that nobody has any more goes with it. */
void modern_drop(struct coordinator *c, struct modern_member *member)
{
	struct modern *modern = member->group->modern;
	struct modern_pattern *pattern =
		member->pattern.len ? modern_pattern(modern, member->pattern) : NULL;
	put_member_gone(c, member->group, member->id);
	if (pattern && pattern->members == 1 && pattern->revision >= 0) {
		put_pattern_gone(c, member->group, member->pattern);
	}
	modern_remove(c, member);
}

void modern_fence(struct coordinator *c, struct modern_member *member)
{
	struct modern *modern = member->group->modern;
	if (migrate_down_due(c, modern, member)) {
		migrate_down(c, modern, member);
		return;
	}
	modern_drop(c, member);
	modern_refresh(c, modern, true);
}

/* ---- joining ---- */

static struct modern *make_group(struct beat *b)
{
	struct group *group = group_take(b->c, b->request->group_id);
	struct modern *modern;
	b->group = b->c->group = group;
	if (group->classic && group->classic->state != CLASSIC_EMPTY) {
		return migrate_up(b->c, group->classic);
	}
	if (group->classic) {
		struct group_metadata_key key = {.group = group->id};
		record_put(b->c, RECORD_CLASSIC, &key, 0, NULL);
		classic_free(b->c, group);
	}
	modern = modern_take(group);
	return modern;
}

struct modern_member *modern_replace(
	struct coordinator *c, struct modern_member *old, struct slice id)
{
	struct group *group = old->group;
	struct modern_member *member = modern_add(group->modern, id);
	struct tp_set assigned = {.count = 0}, revoking = {.count = 0}, nothing = {.count = 0};
	member->known = true;
	member->state = old->state;
	classic_set_slice(&member->rack_id, old->rack_id);
	classic_set_slice(&member->assignor, old->assignor);
	member->rebalance_timeout_ms = old->rebalance_timeout_ms;
	modern_set_topics(member, old->topics, old->topic_count);
	modern_set_pattern(member, old->pattern);
	tp_set_copy(&member->target, &old->target);
	tp_set_copy(&assigned, &old->assigned);
	tp_set_copy(&revoking, &old->revoking);
	modern_set_assigned(old, &nothing, &nothing);
	put_member_gone(c, group, old->id);
	modern_remove(c, old);
	modern_set_assigned(member, &assigned, &revoking);
	return member;
}

static bool set_text(struct slice *to, struct slice said)
{
	if (!said.data || (to->data && slice_equal(*to, said))) {
		return false;
	}
	classic_set_slice(to, said);
	return true;
}

/* Takes over what the request says; true: the subscription is another, or how it is shared out. */
static bool update_member(struct beat *b, struct modern_member *member)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool other = r->subscribed_topic_names_count >= 0 &&
		     modern_set_topics(member, r->subscribed_topic_names,
			     (size_t)r->subscribed_topic_names_count);
	if (r->subscribed_topic_regex.data &&
		!slice_equal(member->pattern, r->subscribed_topic_regex)) {
		struct modern_pattern *before =
			member->pattern.len ? modern_pattern(b->modern, member->pattern) : NULL;
		if (before && before->members == 1 && before->revision >= 0) {
			put_pattern_gone(b->c, b->group, member->pattern);
		}
		modern_set_pattern(member, r->subscribed_topic_regex);
		other = true;
	}
	return set_text(&member->assignor, r->server_assignor) || other;
}

/* What does not bear on the assignment. */
static bool update_details(struct beat *b, struct modern_member *member)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool changed = set_text(&member->rack_id, r->rack_id);
	changed = set_text(&member->client_id,
			  b->caller->client_id.data ? b->caller->client_id : slice_of("", 0)) ||
		  changed;
	changed = set_text(&member->client_host, b->caller->client_host) || changed;
	if (r->rebalance_timeout_ms >= 0 &&
		r->rebalance_timeout_ms != member->rebalance_timeout_ms) {
		member->rebalance_timeout_ms = r->rebalance_timeout_ms;
		changed = true;
	}
	if (member->classic) {
		modern_set_classic(member, 0, NULL, 0);
		changed = true;
	}
	return changed;
}

/* The member, made or found; *changed: its subscription; *replaced: it took another's place. */
static struct modern_member *join(struct beat *b, bool *is_new, bool *replaced)
{
	struct slice instance_id = b->request->instance_id;
	struct modern_member *old = modern_static(b->modern, instance_id);
	struct modern_member *member = modern_member(b->modern, b->member_id);
	if (old && old != member) {
		*replaced = true;
		struct modern_member *fresh = modern_replace(b->c, old, b->member_id);
		modern_set_instance(fresh, instance_id);
		return fresh;
	}
	if (!member) {
		*is_new = true;
		member = modern_add(b->modern, b->member_id);
		member->known = true;
		if (instance_id.data) {
			modern_set_instance(member, instance_id);
		}
	} else if (member->epoch == EPOCH_LEAVE_STATIC) {
		/* The same one comes back: as if it replaced itself. */
		*replaced = true;
		member->epoch = member->previous_epoch = 0;
	}
	return member;
}

static struct slice new_id(struct beat *b)
{
	char text[UUID_TEXT_LEN + 1];
	uuid_format(uuid_new(), text);
	struct slice id = slice_of(arena_try_dup(b->arena, text, UUID_TEXT_LEN), UUID_TEXT_LEN);
	WEIR_ASSERT(id.data);
	return id;
}

static void fill_assignment(struct beat *b)
{
	struct consumer_group_heartbeat_response_assignment *assignment =
		arena_try(b->arena, sizeof(*assignment));
	const struct tp_set *set = &b->member->assigned;
	size_t pos = 0, count, runs = 0;
	WEIR_ASSERT(assignment);
	while (tp_set_run(set, &pos, &count)) {
		runs++;
	}
	assignment->topic_partitions =
		arena_try_array(b->arena, runs, sizeof(*assignment->topic_partitions));
	WEIR_ASSERT(assignment->topic_partitions);
	assignment->topic_partitions_count = (int32_t)runs;
	pos = 0;
	for (size_t i = 0; i < runs; i++) {
		const struct tp *first = tp_set_run(set, &pos, &count);
		int32_t *partitions = arena_try_array(b->arena, count, sizeof(*partitions));
		WEIR_ASSERT(partitions);
		for (size_t k = 0; k < count; k++) {
			partitions[k] = first[k].partition;
		}
		assignment->topic_partitions[i].topic_id = first->topic;
		assignment->topic_partitions[i].partitions = partitions;
		assignment->topic_partitions[i].partitions_count = (int32_t)count;
	}
	b->response->assignment = assignment;
}

static void heartbeat(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	struct coordinator *c = b->c;
	bool is_new = false, replaced = false;
	if (!b->modern) {
		b->modern = make_group(b);
	}
	c->group = b->group;
	if (r->member_epoch == 0) {
		b->member = join(b, &is_new, &replaced);
	}
	struct modern_member *member = b->member;
	bool other = update_member(b, member);
	bool details = update_details(b, member);
	if (is_new || replaced || other || details) {
		put_member(c, member);
	}
	if (replaced) {
		put_target(c, member);
		put_current(c, member);
	}
	modern_ask(c, b->modern);
	modern_refresh(c, b->modern, is_new || other);
	modern_assign(c, b->modern);
	bool moved = modern_reconcile(c, member, b->says_owned ? &b->owned : NULL);
	modern_keep_alive(c, member);
	bool full =
		r->member_epoch == 0 ||
		(r->rebalance_timeout_ms != -1 && b->says_owned &&
			(r->subscribed_topic_names_count >= 0 || r->subscribed_topic_regex.data));
	b->response->member_id =
		slice_of(arena_try_dup(b->arena, member->id.data, member->id.len), member->id.len);
	b->response->member_epoch = member->epoch;
	b->response->heartbeat_interval_ms = group_heartbeat_interval(c, b->group);
	if (full || moved) {
		fill_assignment(b);
	}
}

/* ---- leaving ---- */

static enum weir_code leave(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	struct modern_member *member = modern_member(b->modern, b->member_id);
	if (r->instance_id.data) {
		enum weir_code code = check_static(b, false);
		if (code != WEIR_OK) {
			return code;
		}
		member = b->member;
	} else if (!member) {
		return unknown_member(b);
	}
	b->c->group = b->group;
	b->response->member_id = b->member_id;
	b->response->member_epoch = r->member_epoch;
	if (r->member_epoch == EPOCH_LEAVE_STATIC) {
		struct tp_set assigned = {.count = 0}, nothing = {.count = 0};
		tp_set_copy(&assigned, &member->assigned);
		member->epoch = EPOCH_LEAVE_STATIC;
		modern_set_assigned(member, &assigned, &nothing);
		timer_clear(b->c, &member->rebalance);
		put_current(b->c, member);
	} else {
		modern_fence(b->c, member);
	}
	return WEIR_OK;
}

static void read_owned(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	b->says_owned = r->topic_partitions_count >= 0;
	for (int32_t t = 0; t < r->topic_partitions_count; t++) {
		for (int32_t i = 0; i < r->topic_partitions[t].partitions_count; i++) {
			tp_set_append(&b->owned, r->topic_partitions[t].topic_id,
				r->topic_partitions[t].partitions[i], -1);
		}
	}
	tp_set_sort(&b->owned);
}

static enum weir_code beat(struct beat *b)
{
	enum weir_code code = check_request(b);
	if (code == WEIR_OK) {
		code = find_group(b);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (b->request->member_epoch < 0) {
		return leave(b);
	}
	read_owned(b);
	b->member_id = b->member_id.len ? b->member_id : new_id(b);
	code = find_member(b);
	if (code == WEIR_OK) {
		heartbeat(b);
	}
	return code;
}

enum weir_code coordinator_consumer_heartbeat(struct coordinator *c, const struct group_env *env,
	const struct group_caller *caller, const struct consumer_group_heartbeat_request *request,
	struct arena *arena, struct consumer_group_heartbeat_response *response, int64_t *position,
	struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct beat b = {.c = c,
		.caller = caller,
		.request = request,
		.arena = arena,
		.response = response,
		.err = err,
		.member_id = request->member_id};
	enum weir_code refused = beat(&b);
	tp_set_fini(&b.owned);
	code = step_end(c, position, err);
	return code != WEIR_OK ? code : refused;
}

enum weir_code coordinator_resolved(struct coordinator *c, const struct group_env *env,
	struct slice group_id, struct slice pattern, const struct slice *topics, size_t count,
	int64_t revision, struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct group *group = group_find(c, group_id);
	struct modern_pattern *found =
		group && group->modern ? modern_pattern(group->modern, pattern) : NULL;
	if (found && found->members) {
		bool first = found->revision < 0;
		struct modern_pattern before = {
			.topics = found->topics, .topic_count = found->topic_count};
		c->group = group;
		found->topics = NULL;
		found->topic_count = 0;
		pattern_set(found, topics, count, revision, env->wall_ms);
		bool same = before.topic_count == found->topic_count;
		for (size_t i = 0; same && i < found->topic_count; i++) {
			same = slice_equal(before.topics[i], found->topics[i]);
		}
		pattern_set(&before, NULL, 0, 0, 0);
		mem_free(before.topics);
		if (first || !same) {
			put_pattern(c, group->modern, found);
			/* Who subscribes with it subscribes to something else now. */
			modern_refresh(c, group->modern, !same);
		}
	}
	return step_end(c, NULL, err);
}
