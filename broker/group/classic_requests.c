/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests of the classic protocol: who may, and what it does to the group. */
#include "broker/group/classic.h"

#include "broker/group/modern_priv.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/wire/reader.h"

#include <stdio.h>

enum { MEMBER_ID_IS_REQUIRED = 4, SKIP_ASSIGNMENT = 9, NAMES_ITS_PROTOCOL = 5 };

struct join {
	struct coordinator *c;
	const struct group_caller *caller;
	const struct join_group_request *request;
	void *token;
	struct group *group;
	struct classic *classic;
	struct classic_profile profile;
};

static void refuse_join(struct join *j, enum weir_code code, struct slice member_id)
{
	struct join_group_response response;
	wire_defaults(&join_group_response_message, &response);
	response.error_code = (int16_t)err_to_wire(code);
	response.protocol_name = (struct slice){NULL, 0};
	response.member_id = member_id;
	j->c->effects.answer(j->c->effects.arg, j->token, &response);
}

/* The group as it is, to a member that did not miss anything. */
static void answer_current(struct join *j, struct classic_member *member)
{
	member->join = j->token;
	j->classic->joining++;
	classic_answer_join(j->c, member, WEIR_OK);
}

/* "<prefix>-<uuid>", in the step's arena. */
static struct slice new_member_id(struct coordinator *c, struct slice prefix)
{
	uint8_t bytes[16];
	char text[38];
	random_bytes(bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	size_t n = 0;
	text[n++] = '-';
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			text[n++] = '-';
		}
		snprintf(text + n, 3, "%02x", bytes[i]);
		n += 2;
	}
	/* Ids travel as strings, whose length is bounded. */
	size_t kept = prefix.len < WIRE_STR_LEN_MAX - n ? prefix.len : WIRE_STR_LEN_MAX - n;
	uint8_t *id = arena_try(&c->arena, kept + n);
	WEIR_ASSERT(id);
	memcpy(id, kept ? prefix.data : id, kept);
	memcpy(id + kept, text, n);
	return slice_of(id, kept + n);
}

/* Parks the request with the member. */
static void park_join(struct join *j, struct classic_member *member)
{
	classic_answer_join(j->c, member, WEIR_REBALANCE_IN_PROGRESS);
	member->join = j->token;
	j->classic->joining++;
}

static void add_member(struct join *j, struct slice id)
{
	struct classic *classic = j->classic;
	classic_candidate_remove(j->c, classic, id);
	if (classic->state == CLASSIC_PREPARING && classic->initial) {
		classic->new_member_added = true;
	}
	if (!classic->count) {
		classic_set_slice(&classic->protocol_type, j->request->protocol_type);
	}
	j->profile.id = id;
	struct classic_member *member = classic_add(classic, &j->profile);
	member->is_new = true;
	park_join(j, member);
	classic_keep_alive(j->c, member);
	classic_go_on(j->c, classic);
}

static void update_member(struct join *j, struct classic_member *member)
{
	classic_update(member, &j->profile);
	park_join(j, member);
	classic_go_on(j->c, j->classic);
}

/* A static member that comes back without its id takes its former self's place. */
static void replace_static(struct join *j, struct classic_member *member)
{
	struct classic *classic = j->classic;
	struct coordinator *c = j->c;
	struct slice leader = {NULL, 0};
	classic_set_slice(&leader, classic->leader ? classic->leader->id : slice_of("", 0));
	classic_answer_join(c, member, WEIR_FENCED_INSTANCE_ID);
	classic_answer_sync(c, member, WEIR_FENCED_INSTANCE_ID);
	classic->missing_syncs -= member->awaits_sync;
	member->awaits_sync = member->is_new = false;
	classic_rename(member, new_member_id(c, member->instance_id));
	classic_update(member, &j->profile);
	classic_keep_alive(c, member);
	bool same = slice_equal(classic->protocol, classic_choose(classic));
	if (classic->state == CLASSIC_STABLE && same) {
		bool skips = j->caller->version >= SKIP_ASSIGNMENT;
		bool leads = classic->leader == member;
		if (!MUTANT(6)) {
			classic_put(c, classic);
		}
		struct join_group_response response;
		wire_defaults(&join_group_response_message, &response);
		response.member_id = member->id;
		response.generation_id = classic->generation;
		response.protocol_type = classic->protocol_type;
		response.protocol_name = classic->protocol;
		/* Told of its own leadership, an older client would assign again; so it is not. */
		response.leader = skips ? classic->leader->id : leader;
		response.skip_assignment = skips && leads;
		if (skips && leads) {
			response.members_count = classic->count;
			response.members = classic_list(c, classic);
		}
		c->effects.answer(c->effects.arg, j->token, &response);
	} else {
		park_join(j, member);
		classic_go_on(c, classic);
	}
	classic_set_slice(&leader, (struct slice){NULL, 0});
}

static void join_new(struct join *j)
{
	const struct join_group_request *request = j->request;
	struct classic *classic = j->classic;
	bool is_static = request->group_instance_id.data != NULL;
	struct classic_member *before =
		is_static ? classic_static(classic, request->group_instance_id) : NULL;
	if (before) {
		replace_static(j, before);
		return;
	}
	struct slice prefix = is_static ? request->group_instance_id : j->caller->client_id;
	struct slice id = new_member_id(j->c, prefix);
	if (is_static || j->caller->version < MEMBER_ID_IS_REQUIRED) {
		add_member(j, id);
		return;
	}
	classic_candidate_add(j->c, classic, id, request->session_timeout_ms);
	refuse_join(j, WEIR_MEMBER_ID_REQUIRED, id);
}

static void join_again(struct join *j)
{
	const struct join_group_request *request = j->request;
	struct classic *classic = j->classic;
	if (map_get(&classic->candidates, request->member_id)) {
		if (request->group_instance_id.data) {
			refuse_join(j, WEIR_UNKNOWN_MEMBER_ID, request->member_id);
		} else {
			add_member(j, request->member_id);
		}
		return;
	}
	enum weir_code code =
		classic_validate(classic, request->member_id, request->group_instance_id);
	if (code != WEIR_OK || classic->state == CLASSIC_EMPTY) {
		refuse_join(j, code != WEIR_OK ? code : WEIR_UNKNOWN_MEMBER_ID, request->member_id);
		return;
	}
	struct classic_member *member = classic_member(classic, request->member_id);
	bool same = classic_matches(member, j->profile.protocols, j->profile.protocol_count);
	bool stays = (classic->state == CLASSIC_COMPLETING && same) ||
		     (classic->state == CLASSIC_STABLE && same && classic->leader != member);
	if (stays && !member->join) {
		answer_current(j, member);
	} else {
		update_member(j, member);
	}
}

static bool has_room(const struct join *j)
{
	const struct classic *classic = j->classic;
	int32_t most = j->c->env->conf->group_max_size;
	const struct classic_member *member = classic_member(classic, j->request->member_id);
	if (!member && (classic->metadata_bytes > LIMIT_GROUP_METADATA ||
			       classic->candidates.count >= LIMIT_GROUP_CANDIDATES)) {
		return false;
	}
	switch (classic->state) {
	case CLASSIC_EMPTY:
		return true;
	case CLASSIC_PREPARING:
		return (member && member->join) || classic->joining < most;
	default:
		return member || classic->count < most;
	}
}

static void fill_profile(struct join *j)
{
	const struct join_group_request *request = j->request;
	size_t count = request->protocols_count > 0 ? (size_t)request->protocols_count : 0;
	struct classic_protocol *protocols =
		arena_try_array(&j->c->arena, count, sizeof(*protocols));
	WEIR_ASSERT(protocols);
	for (size_t i = 0; i < count; i++) {
		protocols[i] = (struct classic_protocol){
			request->protocols[i].name, request->protocols[i].metadata};
	}
	bool own = request->rebalance_timeout_ms >= 0;
	j->profile = (struct classic_profile){
		.instance_id = request->group_instance_id,
		.client_id = j->caller->client_id.data ? j->caller->client_id : slice_of("", 0),
		.client_host = j->caller->client_host,
		.rebalance_timeout_ms =
			own ? request->rebalance_timeout_ms : request->session_timeout_ms,
		.session_timeout_ms = request->session_timeout_ms,
		.protocols = protocols,
		.protocol_count = count,
	};
}

static void join_group(struct join *j, bool fresh)
{
	const struct join_group_request *request = j->request;
	bool unknown = request->member_id.len == 0;
	int32_t before = j->c->records.count;
	fill_profile(j);
	if (!has_room(j)) {
		struct classic_member *member = classic_member(j->classic, request->member_id);
		if (member) {
			classic_remove(j->c, member, WEIR_GROUP_MAX_SIZE_REACHED);
		}
		classic_candidate_remove(j->c, j->classic, request->member_id);
		refuse_join(j, WEIR_GROUP_MAX_SIZE_REACHED, slice_of("", 0));
	} else if (!classic_supports(j->classic, request->protocol_type, j->profile.protocols,
			   j->profile.protocol_count)) {
		refuse_join(j, WEIR_INCONSISTENT_GROUP_PROTOCOL, request->member_id);
	} else {
		(unknown ? join_new : join_again)(j);
		if (fresh && j->c->records.count == before) {
			classic_put_new(j->c, j->classic);
		}
	}
}

static enum weir_code check_join(struct join *j)
{
	const struct join_group_request *request = j->request;
	const struct conf *conf = j->c->env->conf;
	size_t bytes = 0;
	for (int32_t i = 0; i < request->protocols_count; i++) {
		bytes += request->protocols[i].name.len + request->protocols[i].metadata.len;
	}
	if (!request->group_id.len) {
		return WEIR_INVALID_GROUP_ID;
	}
	if (request->session_timeout_ms < conf->group_min_session_timeout_ms ||
		request->session_timeout_ms > conf->group_max_session_timeout_ms) {
		return WEIR_INVALID_SESSION_TIMEOUT;
	}
	/* More than its group's record could ever hold. */
	return bytes > LIMIT_GROUP_BATCH ? WEIR_UNKNOWN_SERVER_ERROR : WEIR_OK;
}

/* Nothing was made of a group that this request would have begun. */
static void drop_unused(struct coordinator *c, struct group *group)
{
	struct classic *classic = group->classic;
	if (!classic->count && !classic->candidates.count && !classic->generation &&
		classic->state == CLASSIC_EMPTY) {
		classic_free(c, group);
		group_drop_if_bare(c, group);
	}
}

/* An empty group of the consumer protocol makes room for a classic one. */
static void forget_consumer(struct coordinator *c, struct group *group)
{
	if (group && group->modern) {
		put_consumer_gone(c, group->modern);
		modern_free(c, group);
	}
}

void coordinator_join(struct coordinator *c, const struct group_env *env,
	const struct group_caller *caller, const struct join_group_request *request, void *token)
{
	struct join j = {.c = c, .caller = caller, .request = request, .token = token};
	enum weir_code code = step_begin(c, env, NULL);
	if (code == WEIR_OK) {
		code = check_join(&j);
	}
	j.group = group_find(c, request->group_id);
	if (code != WEIR_OK) {
		refuse_join(&j, code, slice_of("", 0));
	} else if (j.group && j.group->modern && j.group->modern->count) {
		modern_join(c, j.group->modern, caller, request, token);
	} else if ((!j.group || j.group->modern) && request->member_id.len) {
		refuse_join(&j, WEIR_UNKNOWN_MEMBER_ID, request->member_id);
	} else {
		forget_consumer(c, j.group);
		bool fresh = !j.group || !j.group->classic;
		j.group = group_take(c, request->group_id);
		j.classic = classic_take(j.group);
		c->group = j.group;
		if (fresh) {
			j.classic->since_ms = env->wall_ms;
		}
		join_group(&j, fresh);
		if (fresh) {
			drop_unused(c, j.group);
		}
	}
	step_settle(c);
}

/* ---- sync ---- */

struct sync {
	struct coordinator *c;
	const struct group_caller *caller;
	const struct sync_group_request *request;
	void *token;
	struct classic *classic;
};

static void refuse_sync(struct sync *s, enum weir_code code)
{
	struct sync_group_response response;
	wire_defaults(&sync_group_response_message, &response);
	response.error_code = (int16_t)err_to_wire(code);
	s->c->effects.answer(s->c->effects.arg, s->token, &response);
}

static bool differs(struct slice asked, struct slice have)
{
	return asked.data && have.data && !slice_equal(asked, have);
}

static enum weir_code check_sync(struct sync *s)
{
	const struct sync_group_request *request = s->request;
	bool named = request->protocol_type.data && request->protocol_name.data;
	if (s->caller->version >= NAMES_ITS_PROTOCOL && !named) {
		return WEIR_INCONSISTENT_GROUP_PROTOCOL;
	}
	if (!request->group_id.len) {
		return WEIR_INVALID_GROUP_ID;
	}
	struct classic *classic = s->classic;
	if (!classic || classic->state == CLASSIC_EMPTY) {
		return WEIR_UNKNOWN_MEMBER_ID;
	}
	enum weir_code code =
		classic_validate(classic, request->member_id, request->group_instance_id);
	if (code != WEIR_OK) {
		return code;
	}
	if (request->generation_id != classic->generation) {
		return WEIR_ILLEGAL_GENERATION;
	}
	if (differs(request->protocol_type, classic->protocol_type) ||
		differs(request->protocol_name, classic->protocol)) {
		return WEIR_INCONSISTENT_GROUP_PROTOCOL;
	}
	return classic->state == CLASSIC_PREPARING ? WEIR_REBALANCE_IN_PROGRESS : WEIR_OK;
}

static void answer_syncs(struct sync *s, enum weir_code code)
{
	LIST_EACH(it, &s->classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		if (member->sync) {
			classic_answer_sync(s->c, member, code);
			classic_keep_alive(s->c, member);
		}
	}
}

/* The leader's word: it is written down, then everybody who waits is told. */
static void take_assignments(struct sync *s)
{
	struct classic *classic = s->classic;
	LIST_EACH(it, &classic->members)
	{
		classic_set_assignment(
			LIST_ENTRY(it, struct classic_member, node), (struct slice){NULL, 0});
	}
	for (int32_t i = 0; i < s->request->assignments_count; i++) {
		struct classic_member *member =
			classic_member(classic, s->request->assignments[i].member_id);
		if (member) {
			classic_set_assignment(member, s->request->assignments[i].assignment);
		}
	}
	if (classic_record_size(classic) > record_room(s->c)) {
		answer_syncs(s, WEIR_UNKNOWN_SERVER_ERROR);
		classic_rebalance(s->c, classic);
		return;
	}
	classic_to(s->c, classic, CLASSIC_STABLE);
	classic_put(s->c, classic);
	answer_syncs(s, WEIR_OK);
}

static void sync_group(struct sync *s)
{
	struct classic *classic = s->classic;
	struct classic_member *member = classic_member(classic, s->request->member_id);
	classic_answer_sync(s->c, member, WEIR_REBALANCE_IN_PROGRESS);
	classic->missing_syncs -= member->awaits_sync;
	member->awaits_sync = false;
	if (!classic->missing_syncs) {
		timer_clear(s->c, &classic->sync_timer);
	}
	member->sync = s->token;
	if (classic->state == CLASSIC_STABLE) {
		classic_answer_sync(s->c, member, WEIR_OK);
	} else if (classic->leader == member) {
		take_assignments(s);
	}
}

void coordinator_sync(struct coordinator *c, const struct group_env *env,
	const struct group_caller *caller, const struct sync_group_request *request, void *token)
{
	enum weir_code code = step_begin(c, env, NULL);
	struct group *group = group_find(c, request->group_id);
	struct sync s = {.c = c,
		.caller = caller,
		.request = request,
		.token = token,
		.classic = group ? group->classic : NULL};
	c->group = group;
	bool consumers = code == WEIR_OK && request->group_id.len && group && group->modern &&
			 group->modern->count;
	if (code == WEIR_OK && !consumers) {
		code = check_sync(&s);
	}
	if (consumers) {
		modern_sync(c, group->modern, caller, request, token);
	} else if (code != WEIR_OK) {
		refuse_sync(&s, code);
	} else {
		sync_group(&s);
	}
	step_settle(c);
}

/* ---- heartbeat ---- */

static enum weir_code heartbeat(struct coordinator *c, const struct heartbeat_request *request)
{
	struct group *group = group_find(c, request->group_id);
	struct classic *classic = group ? group->classic : NULL;
	if (!request->group_id.len) {
		return WEIR_INVALID_GROUP_ID;
	}
	if (group && group->modern) {
		return modern_heartbeat(c, group->modern, request);
	}
	if (!classic) {
		return WEIR_UNKNOWN_MEMBER_ID;
	}
	c->group = group;
	enum weir_code code =
		classic_validate(classic, request->member_id, request->group_instance_id);
	if (code != WEIR_OK) {
		return code;
	}
	if (request->generation_id != classic->generation) {
		return WEIR_ILLEGAL_GENERATION;
	}
	classic_keep_alive(c, classic_member(classic, request->member_id));
	return classic->state == CLASSIC_PREPARING ? WEIR_REBALANCE_IN_PROGRESS : WEIR_OK;
}

enum weir_code coordinator_heartbeat(struct coordinator *c, const struct group_env *env,
	const struct heartbeat_request *request, struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	enum weir_code answer = heartbeat(c, request);
	code = step_end(c, NULL, err);
	if (code == WEIR_OK && answer != WEIR_OK) {
		code = err_set(err, answer, "%s", err_info(answer)->text);
	}
	return code;
}

/* ---- leave ---- */

static enum weir_code leave_one(
	struct coordinator *c, struct classic *classic, const struct group_leaver *leaver)
{
	struct classic_member *member;
	if (!leaver->member_id.len) {
		member = leaver->instance_id.data ? classic_static(classic, leaver->instance_id)
						  : NULL;
		if (!member) {
			return WEIR_UNKNOWN_MEMBER_ID;
		}
	} else if (classic_candidate_remove(c, classic, leaver->member_id)) {
		return WEIR_OK;
	} else {
		enum weir_code code =
			classic_validate(classic, leaver->member_id, leaver->instance_id);
		if (code != WEIR_OK) {
			return code;
		}
		member = classic_member(classic, leaver->member_id);
	}
	classic_remove(c, member, WEIR_UNKNOWN_MEMBER_ID);
	return WEIR_OK;
}

static enum weir_code leave(
	struct coordinator *c, struct slice group_id, struct group_leaver *leavers, size_t count)
{
	struct group *group = group_find(c, group_id);
	struct classic *classic = group ? group->classic : NULL;
	if (!group_id.len) {
		return WEIR_INVALID_GROUP_ID;
	}
	if (group && group->modern) {
		modern_leave(c, group->modern, leavers, count);
		return WEIR_OK;
	}
	if (!classic) {
		return WEIR_UNKNOWN_MEMBER_ID;
	}
	int32_t before = classic->count;
	c->group = group;
	for (size_t i = 0; i < count; i++) {
		leavers[i].code = leave_one(c, classic, &leavers[i]);
	}
	if (classic->count < before) {
		classic_go_on(c, classic);
	} else {
		classic_maybe_complete(c, classic);
	}
	return WEIR_OK;
}

enum weir_code coordinator_leave(struct coordinator *c, const struct group_env *env,
	struct slice group_id, struct group_leaver *leavers, size_t count, int64_t *position,
	struct weir_err *err)
{
	enum weir_code code = step_begin(c, env, err);
	if (code != WEIR_OK) {
		return code;
	}
	enum weir_code answer = leave(c, group_id, leavers, count);
	code = step_end(c, position, err);
	if (code == WEIR_OK && answer != WEIR_OK) {
		code = err_set(err, answer, "%s", err_info(answer)->text);
	}
	return code;
}
