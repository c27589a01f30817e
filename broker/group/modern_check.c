/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a ConsumerGroupHeartbeat, in Kafka's words. Nothing changes here. */
#include "broker/group/modern_beat_priv.h"

enum { MEMBER_ID_BY_CLIENT = 1 };

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

enum weir_code beat_check_request(const struct beat *b)
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

enum weir_code beat_find_group(struct beat *b)
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

enum weir_code beat_unknown_member(const struct beat *b)
{
	return err_set(b->err, WEIR_UNKNOWN_MEMBER_ID, "Member %.*s is not a member of group %.*s.",
		SHOW(b->member_id), SHOW(b->request->group_id));
}

enum weir_code beat_check_static(struct beat *b, bool joins)
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
enum weir_code beat_find_member(struct beat *b)
{
	const struct consumer_group_heartbeat_request *r = b->request;
	bool joins = r->member_epoch == 0;
	if (!b->modern) {
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	b->member = b->member_id.len ? modern_member(b->modern, b->member_id) : NULL;
	if (r->instance_id.data) {
		code = beat_check_static(b, joins);
	} else if (!b->member && !joins) {
		code = beat_unknown_member(b);
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
