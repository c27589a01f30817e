/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members of the classic protocol in a consumer group: JoinGroup is their heartbeat with a
 * subscription, SyncGroup fetches what reconciliation gave them, Heartbeat tells them to join again
 * when there is something new. Nothing waits: each request is answered in its own step.
 */
#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

enum { MEMBER_ID_IS_REQUIRED = 4 };

static void answer_join(struct coordinator *c, void *token, enum weir_code code, struct slice id,
	const struct modern_member *member)
{
	struct join_group_response response;
	wire_defaults(&join_group_response_message, &response);
	response.error_code = (int16_t)err_to_wire(code);
	response.member_id = id;
	response.protocol_name = (struct slice){NULL, 0};
	if (member) {
		response.generation_id = member->epoch;
		response.protocol_type = slice_str("consumer");
		response.protocol_name = member->classic->protocols[0].name;
	}
	c->effects.answer(c->effects.arg, token, &response);
}

/* A protocol that all classic members have. */
static bool agrees(const struct modern *modern, const struct join_group_request *request)
{
	if (!slice_equal(request->protocol_type, slice_str("consumer")) ||
		request->protocols_count <= 0) {
		return false;
	}
	for (int32_t i = 0; i < request->protocols_count; i++) {
		bool all = true;
		LIST_EACH(it, &modern->members)
		{
			const struct modern_classic *classic =
				LIST_ENTRY(it, struct modern_member, node)->classic;
			bool has = !classic;
			for (size_t k = 0; classic && k < classic->protocol_count && !has; k++) {
				has = slice_equal(
					classic->protocols[k].name, request->protocols[i].name);
			}
			all = all && has;
		}
		if (all) {
			return true;
		}
	}
	return false;
}

static struct slice new_id(struct coordinator *c)
{
	char text[UUID_TEXT_LEN + 1];
	uuid_format(uuid_new(), text);
	struct slice id = slice_of(arena_try_dup(&c->arena, text, UUID_TEXT_LEN), UUID_TEXT_LEN);
	WEIR_ASSERT(id.data);
	return id;
}

struct join {
	struct coordinator *c;
	struct modern *modern;
	const struct group_caller *caller;
	const struct join_group_request *request;
	struct slice id;
	bool unknown; /* came without an id */
	struct consumer_protocol_subscription subscription;
	bool changed; /* the subscription */
	bool known;   /* was in the group before */
};

static enum weir_code check_join(struct join *j)
{
	const struct join_group_request *r = j->request;
	struct modern_member *owner = modern_static(j->modern, r->group_instance_id);
	bool there = modern_member(j->modern, j->id) != NULL;
	if (!there && !owner && j->modern->count >= j->c->env->conf->group_consumer_max_size) {
		return WEIR_GROUP_MAX_SIZE_REACHED;
	}
	if (!agrees(j->modern, r) ||
		!migrate_subscription(j->c, r->protocols[0].metadata, &j->subscription)) {
		return WEIR_INCONSISTENT_GROUP_PROTOCOL;
	}
	if (j->unknown && !r->group_instance_id.data &&
		j->caller->version >= MEMBER_ID_IS_REQUIRED) {
		return WEIR_MEMBER_ID_REQUIRED;
	}
	if (r->group_instance_id.data && !j->unknown) {
		return !owner			       ? WEIR_UNKNOWN_MEMBER_ID
		       : slice_equal(owner->id, j->id) ? WEIR_OK
						       : WEIR_FENCED_INSTANCE_ID;
	}
	return WEIR_OK;
}

static struct modern_member *take_member(struct join *j)
{
	struct slice instance_id = j->request->group_instance_id;
	struct modern_member *owner = modern_static(j->modern, instance_id);
	struct modern_member *member = modern_member(j->modern, j->id);
	if (owner && owner != member) {
		member = modern_replace(j->c, owner, j->id);
		modern_set_instance(member, instance_id);
		j->known = true;
		put_member(j->c, member);
		put_target(j->c, member);
		put_current(j->c, member);
	} else if (member) {
		j->known = true;
	} else {
		member = modern_add(j->modern, j->id);
		member->known = true;
		if (instance_id.data) {
			modern_set_instance(member, instance_id);
		}
	}
	return member;
}

static void update_member(struct join *j, struct modern_member *member)
{
	const struct join_group_request *r = j->request;
	size_t count = (size_t)r->protocols_count;
	struct classic_protocol *protocols =
		arena_try_array(&j->c->arena, count, sizeof(*protocols));
	WEIR_ASSERT(protocols);
	for (size_t i = 0; i < count; i++) {
		protocols[i] =
			(struct classic_protocol){r->protocols[i].name, r->protocols[i].metadata};
	}
	j->changed = modern_set_topics(member, j->subscription.topics,
		j->subscription.topics_count > 0 ? (size_t)j->subscription.topics_count : 0);
	if (j->subscription.rack_id.data) {
		classic_set_slice(&member->rack_id, j->subscription.rack_id);
	}
	classic_set_slice(&member->client_id,
		j->caller->client_id.data ? j->caller->client_id : slice_of("", 0));
	classic_set_slice(&member->client_host, j->caller->client_host);
	member->rebalance_timeout_ms =
		r->rebalance_timeout_ms >= 0 ? r->rebalance_timeout_ms : r->session_timeout_ms;
	modern_set_classic(member, r->session_timeout_ms, protocols, count);
	modern_change_pattern(j->c, member, (struct slice){NULL, 0});
	put_member(j->c, member);
}

static void join(struct join *j, void *token)
{
	struct coordinator *c = j->c;
	struct tp_set owned = {.count = 0};
	struct modern_member *member = take_member(j);
	update_member(j, member);
	modern_refresh(c, j->modern, !j->known || j->changed);
	modern_assign(c, j->modern);
	migrate_owned(c, j->subscription.owned_partitions, j->subscription.owned_partitions_count,
		&owned);
	modern_reconcile(c, member, &owned, true);
	tp_set_fini(&owned);
	answer_join(c, token, WEIR_OK, member->id, member);
	/* The last one of the other protocol may have been replaced just now. */
	if (migrate_down_due(c, j->modern, NULL)) {
		migrate_down(c, j->modern, NULL);
		return;
	}
	modern_keep_alive(c, member);
	member->awaits_sync = true;
	modern_await_rebalance(c, member);
}

void modern_join(struct coordinator *c, struct modern *modern, const struct group_caller *caller,
	const struct join_group_request *request, void *token)
{
	bool unknown = request->member_id.len == 0;
	struct join j = {.c = c,
		.modern = modern,
		.caller = caller,
		.request = request,
		.unknown = unknown,
		.id = unknown ? new_id(c) : request->member_id};
	c->group = modern->group;
	enum weir_code code = check_join(&j);
	if (code == WEIR_OK) {
		join(&j, token);
	} else {
		bool tells = code == WEIR_MEMBER_ID_REQUIRED;
		answer_join(c, token, code, tells ? j.id : request->member_id, NULL);
	}
}

/* ---- the others ---- */

static enum weir_code find(const struct modern *modern, struct slice id, struct slice instance_id,
	struct modern_member **member)
{
	*member = modern_member(modern, id);
	if (instance_id.data) {
		struct modern_member *owner = modern_static(modern, instance_id);
		if (owner && owner != *member) {
			return WEIR_FENCED_INSTANCE_ID;
		}
		*member = owner;
	}
	return *member && (*member)->classic ? WEIR_OK : WEIR_UNKNOWN_MEMBER_ID;
}

/* Gives the member its rebalance timeout to join again, from the first time it is told to. */
static void await_join(struct coordinator *c, struct modern_member *member)
{
	if (!member->rebalance.node.place || member->awaits_sync) {
		member->awaits_sync = false;
		modern_await_rebalance(c, member);
	}
}

static enum weir_code check_sync(struct coordinator *c, const struct modern *modern,
	const struct sync_group_request *request, struct modern_member **found)
{
	enum weir_code code = find(modern, request->member_id, request->group_instance_id, found);
	if (code != WEIR_OK) {
		return code;
	}
	struct modern_member *member = *found;
	struct slice type = request->protocol_type, name = request->protocol_name;
	if (request->generation_id != member->epoch) {
		return WEIR_ILLEGAL_GENERATION;
	}
	if ((type.data && !slice_equal(type, slice_str("consumer"))) ||
		(name.data && !slice_equal(name, member->classic->protocols[0].name))) {
		return WEIR_INCONSISTENT_GROUP_PROTOCOL;
	}
	if (modern->epoch > member->epoch && member->state != MEMBER_UNREVOKED) {
		await_join(c, member);
		return WEIR_REBALANCE_IN_PROGRESS;
	}
	return WEIR_OK;
}

void modern_sync(struct coordinator *c, struct modern *modern, const struct group_caller *caller,
	const struct sync_group_request *request, void *token)
{
	enum { NAMES_ITS_PROTOCOL = 5 };
	struct sync_group_response response;
	struct modern_member *member;
	bool named = request->protocol_type.data && request->protocol_name.data;
	wire_defaults(&sync_group_response_message, &response);
	c->group = modern->group;
	enum weir_code code = caller->version >= NAMES_ITS_PROTOCOL && !named
				      ? WEIR_INCONSISTENT_GROUP_PROTOCOL
				      : check_sync(c, modern, request, &member);
	response.error_code = (int16_t)err_to_wire(code);
	if (code == WEIR_OK) {
		response.protocol_type = request->protocol_type;
		response.protocol_name = request->protocol_name;
		response.assignment = migrate_encode(
			c, &member->assigned, member->classic->protocols[0].metadata);
		member->awaits_sync = false;
		timer_clear(c, &member->rebalance);
		modern_keep_alive(c, member);
	}
	c->effects.answer(c->effects.arg, token, &response);
}

enum weir_code modern_heartbeat(
	struct coordinator *c, struct modern *modern, const struct heartbeat_request *request)
{
	struct modern_member *member;
	enum weir_code code = find(modern, request->member_id, request->group_instance_id, &member);
	c->group = modern->group;
	if (code == WEIR_OK && request->generation_id != member->epoch) {
		code = WEIR_ILLEGAL_GENERATION;
	}
	if (code != WEIR_OK) {
		return code;
	}
	modern_refresh(c, modern, false);
	modern_keep_alive(c, member);
	bool ready = member->state == MEMBER_UNRELEASED && !modern_waits(member);
	if (member->epoch < modern->epoch || member->state == MEMBER_UNREVOKED || ready) {
		await_join(c, member);
		return WEIR_REBALANCE_IN_PROGRESS;
	}
	return WEIR_OK;
}

void modern_leave(
	struct coordinator *c, struct modern *modern, struct group_leaver *leavers, size_t count)
{
	bool any = false;
	c->group = modern->group;
	for (size_t i = 0; i < count; i++) {
		struct modern_member *member;
		bool by_instance = !leavers[i].member_id.len && leavers[i].instance_id.data;
		struct modern_member *owner =
			by_instance ? modern_static(modern, leavers[i].instance_id) : NULL;
		leavers[i].code =
			by_instance ? (owner && owner->classic ? WEIR_OK : WEIR_UNKNOWN_MEMBER_ID)
				    : find(modern, leavers[i].member_id, leavers[i].instance_id,
					      &member);
		if (leavers[i].code == WEIR_OK) {
			modern_drop(c, by_instance ? owner : member);
			any = true;
		}
	}
	if (any) {
		modern_refresh(c, modern, true);
	}
}
