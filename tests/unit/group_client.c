/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of the simulated world, and how their requests are served. */
#include "tests/unit/group_world.h"

#include "core/base/mem.h"

#include <string.h>

/* ---- the coordinator's side of a call ---- */

static struct slice id_slice(const char *id)
{
	return slice_str(id);
}

/* Version, one topic "t", no user data. */
static const uint8_t subscription[] = {0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff};

static void serve_join(struct world *w, struct call *call, const struct group_env *env)
{
	struct client *client = &w->clients[call->client];
	struct join_group_request_protocol protocols[2] = {
		{slice_str("range"), slice_of(subscription, sizeof(subscription))},
		{slice_str("other"), slice_of(subscription, sizeof(subscription))}};
	struct join_group_request request;
	wire_defaults(&join_group_request_message, &request);
	request.group_id = slice_str(w->views[client->group].id);
	request.session_timeout_ms = SESSION_MS;
	request.rebalance_timeout_ms = REBALANCE_MS;
	request.member_id = id_slice(call->member_id);
	if (client->is_static) {
		request.group_instance_id = slice_str(client->instance_id);
	}
	request.protocol_type = slice_str("consumer");
	request.protocols = protocols;
	request.protocols_count = 2;
	struct group_caller caller = {.client_id = slice_str("c"),
		.client_host = slice_str("/h"),
		.version = call->request % 3 ? 9 : 3};
	coordinator_join(w->c, env, &caller, &request, call);
}

enum { SHARE_MAX = 64 };

/* Version 0, topic "t", these partitions, no user data. */
static size_t write_share(uint8_t *to, const uint8_t *partitions, size_t count)
{
	static const uint8_t front[] = {0, 0, 0, 0, 0, 1, 0, 1, 't'};
	size_t n = sizeof(front);
	memcpy(to, front, n);
	be32_put(to + n, (uint32_t)count);
	n += 4;
	for (size_t i = 0; i < count; i++, n += 4) {
		be32_put(to + n, partitions[i]);
	}
	be32_put(to + n, UINT32_MAX);
	return n + 4;
}

static void serve_sync(struct world *w, struct call *call, const struct group_env *env)
{
	struct client *client = &w->clients[call->client];
	struct sync_group_request_assignment rows[MEMBERS_MAX];
	struct sync_group_request request;
	wire_defaults(&sync_group_request_message, &request);
	uint8_t bytes[MEMBERS_MAX][SHARE_MAX];
	for (int i = 0; i < call->share_count; i++) {
		const uint8_t *partitions = call->shares[i] + ID_MAX;
		size_t n = 0;
		while (n < PARTITIONS && partitions[n] != 0xff) {
			n++;
		}
		rows[i].member_id = slice_str((const char *)call->shares[i]);
		rows[i].assignment = slice_of(bytes[i], write_share(bytes[i], partitions, n));
	}
	request.group_id = slice_str(w->views[client->group].id);
	request.generation_id = call->generation;
	request.member_id = id_slice(call->member_id);
	if (client->is_static) {
		request.group_instance_id = slice_str(client->instance_id);
	}
	request.assignments = rows;
	request.assignments_count = call->share_count;
	struct group_caller caller = {.version = 4};
	coordinator_sync(w->c, env, &caller, &request, call);
}

static enum weir_code serve_heartbeat(
	struct world *w, const struct call *call, const struct group_env *env)
{
	struct client *client = &w->clients[call->client];
	struct weir_err err;
	struct heartbeat_request request;
	wire_defaults(&heartbeat_request_message, &request);
	request.group_id = slice_str(w->views[client->group].id);
	request.generation_id = call->generation;
	request.member_id = id_slice(call->member_id);
	return coordinator_heartbeat(w->c, env, &request, &err);
}

static enum weir_code serve_leave(struct world *w, const struct call *call,
	const struct group_env *env, struct answer *answer)
{
	struct weir_err err;
	struct group_leaver leaver = {.member_id = id_slice(call->member_id)};
	struct slice group_id = slice_str(w->views[w->clients[call->client].group].id);
	enum weir_code code =
		coordinator_leave(w->c, env, group_id, &leaver, 1, &answer->position, &err);
	return code == WEIR_OK ? leaver.code : code;
}

/* (I3) Only a member, and only of the generation that is. */
static bool may_commit_classic(const struct world *w, const struct view *view,
	const struct classic *classic, const struct call *call)
{
	return classic_member(classic, id_slice(call->member_id)) &&
	       classic->generation == call->generation &&
	       (w->migrates || view->announced == call->generation) &&
	       classic->state != CLASSIC_COMPLETING;
}

/* Or of an epoch since which the member has had the partition. */
static bool may_commit_modern(const struct modern *modern, const struct call *call)
{
	const struct modern_member *member = modern_member(modern, id_slice(call->member_id));
	if (!member || call->generation >= member->epoch || member->classic) {
		return member && call->generation == member->epoch;
	}
	const struct tp *had = tp_set_find(&member->assigned, world_topic, call->partition);
	had = had ? had : tp_set_find(&member->revoking, world_topic, call->partition);
	return had && had->epoch <= call->generation;
}

static void check_commit(struct world *w, const struct call *call)
{
	struct view *view = &w->views[w->clients[call->client].group];
	struct group *group = group_find(w->c, slice_str(view->id));
	bool may = group && group->classic
			   ? may_commit_classic(w, view, group->classic, call)
			   : group && group->modern && may_commit_modern(group->modern, call);
	if (!may) {
		fault(w, "I3: a commit of %s, generation %d, was taken", call->member_id,
			call->generation);
	}
}

static enum weir_code serve_commit(struct world *w, const struct call *call,
	const struct group_env *env, struct answer *answer)
{
	struct client *client = &w->clients[call->client];
	struct weir_err err;
	struct group_commit_row row = {.topic = slice_str("t"),
		.topic_id = world_topic,
		.partition = call->partition,
		.offset = call->offset,
		.leader_epoch = -1};
	struct group_commit commit = {.group_id = slice_str(w->views[client->group].id),
		.member_id = id_slice(call->member_id),
		.generation = call->generation,
		.retention_ms = -1,
		.producer_id = -1,
		.rows = &row,
		.count = 1};
	struct group_caller caller = {.version = 9};
	enum weir_code code =
		coordinator_commit(w->c, env, &caller, &commit, &answer->position, &err);
	code = code == WEIR_OK ? row.code : code;
	if (code == WEIR_OK) {
		check_commit(w, call);
		answer->order = ++w->orders;
		w->order_of_offset[call->offset] = answer->order;
	}
	return code;
}

static enum weir_code serve_beat(struct world *w, const struct call *call,
	const struct group_env *env, struct answer *answer)
{
	struct client *client = &w->clients[call->client];
	struct weir_err err;
	struct arena arena;
	struct slice name = slice_str("t");
	struct consumer_group_heartbeat_request request;
	struct consumer_group_heartbeat_response response;
	struct consumer_group_heartbeat_request_topic_partitions owned = {.topic_id = world_topic};
	int32_t partitions[PARTITIONS];
	wire_defaults(&consumer_group_heartbeat_request_message, &request);
	wire_defaults(&consumer_group_heartbeat_response_message, &response);
	request.group_id = slice_str(w->views[client->group].id);
	request.member_id = id_slice(call->member_id);
	request.member_epoch = call->generation;
	request.instance_id =
		client->is_static ? slice_str(client->instance_id) : request.instance_id;
	request.topic_partitions_count = -1;
	request.subscribed_topic_names_count = -1;
	if (call->full) {
		request.rebalance_timeout_ms = REBALANCE_MS;
		request.subscribed_topic_names = &name;
		request.subscribed_topic_names_count = call->by_pattern ? 0 : 1;
		request.subscribed_topic_regex = slice_str(call->by_pattern ? "t.*" : "");
	}
	for (int p = 0; p < PARTITIONS; p++) {
		if (call->owned & 1u << p) {
			partitions[owned.partitions_count++] = p;
		}
	}
	owned.partitions = partitions;
	if (call->says_owned) {
		request.topic_partitions = &owned;
		request.topic_partitions_count = owned.partitions_count > 0;
	}
	struct group_caller caller = {
		.client_id = slice_str("c"), .client_host = slice_str("/h"), .version = 1};
	arena_init(&arena, 0);
	enum weir_code code = coordinator_consumer_heartbeat(
		w->c, env, &caller, &request, &arena, &response, &answer->position, &err);
	if (code == WEIR_OK) {
		answer->generation = response.member_epoch;
		answer->assigns = response.assignment != NULL;
		for (int32_t t = 0;
			answer->assigns && t < response.assignment->topic_partitions_count; t++) {
			for (int32_t i = 0;
				i < response.assignment->topic_partitions[t].partitions_count;
				i++) {
				answer->assigned |=
					(uint8_t)(1u << response.assignment->topic_partitions[t]
								.partitions[i]);
			}
		}
	}
	arena_fini(&arena);
	return code;
}

void resolve(struct world *w, int group)
{
	struct group_env env = env_of(w);
	struct weir_err err;
	struct slice name = slice_str("t");
	(void)!coordinator_resolved(
		w->c, &env, slice_str(w->views[group].id), slice_str("t.*"), &name, 1, 1, &err);
}

static enum weir_code serve_fetch(struct world *w, const struct call *call, struct answer *answer)
{
	struct client *client = &w->clients[call->client];
	struct weir_err err;
	struct group_fetch fetch = {
		.group_id = slice_str(w->views[client->group].id), .member_epoch = -1};
	const struct offsets *offsets;
	enum weir_code code = coordinator_fetch(w->c, &fetch, &offsets, &answer->position, &err);
	const struct committed *row =
		offsets && code == WEIR_OK ? offsets_find(offsets, slice_str("t"), call->partition)
					   : NULL;
	answer->offset = row ? row->offset : -1;
	return code;
}

void serve(struct world *w, struct call *call)
{
	struct group_env env = env_of(w);
	w->append_fails = chance(w, 4);
	TELL(w, "client %d: %s %s gen %d owned %02x%s", call->client, kind_names[call->kind],
		call->member_id, call->generation, call->owned, call->says_owned ? " said" : "");
	if (call->kind == JOIN || call->kind == SYNC) {
		w->open_calls++;
		(call->kind == JOIN ? serve_join : serve_sync)(w, call, &env);
	} else {
		struct answer *answer = answer_to(call);
		switch (call->kind) {
		case HEARTBEAT:
			answer->code = serve_heartbeat(w, call, &env);
			break;
		case LEAVE:
			answer->code = serve_leave(w, call, &env, answer);
			break;
		case BEAT:
			answer->code = serve_beat(w, call, &env, answer);
			break;
		case COMMIT:
			answer->code = serve_commit(w, call, &env, answer);
			break;
		default:
			answer->code = serve_fetch(w, call, answer);
		}
		mem_free(call);
		keep_answer(&w->held, &w->held_count, answer);
	}
	w->append_fails = false;
}

/* ---- clients ---- */

void start_over(struct client *client, bool forget_id)
{
	client->state = OUT;
	client->owned = client->wanted = 0;
	client->told = false;
	client->generation = -1;
	client->request = 0;
	if (forget_id) {
		client->member_id[0] = '\0';
	}
}

static struct call *begin(struct world *w, int i, enum kind kind)
{
	static struct call call;
	struct client *client = &w->clients[i];
	memset(&call, 0, sizeof(call));
	call.kind = kind;
	call.client = i;
	call.request = client->request = ++w->requests;
	client->request_ms = w->now;
	call.generation = client->generation;
	memcpy(call.member_id, client->member_id, ID_MAX);
	return &call;
}

static void send_join(struct world *w, int i)
{
	w->clients[i].state = JOINING;
	w->clients[i].owned = 0;
	send_call(w, begin(w, i, JOIN));
}

/* All that it knows at first, or after an answer that did not come; then only what is new. */
static void send_beat(struct world *w, int i, int32_t epoch)
{
	struct client *client = &w->clients[i];
	if (!client->member_id[0]) {
		snprintf(client->member_id, ID_MAX, "m%d-%d", i, ++client->lives);
	}
	struct call *call = begin(w, i, BEAT);
	call->generation = epoch;
	call->owned = client->owned;
	call->says_owned = epoch == 0 || !client->told;
	call->full = epoch == 0 || client->lost;
	call->says_owned = call->says_owned || client->lost;
	if (call->full) {
		client->wanted = client->owned; /* it will be told the whole again */
	}
	client->lost = false;
	call->by_pattern = client->by_pattern;
	if (epoch < 0) {
		client->owned = client->wanted = 0; /* who leaves has let go */
	}
	client->told = true;
	client->heartbeat_ms = w->now;
	send_call(w, call);
}

static void send_modern_join(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	client->state = JOINING;
	client->owned = client->wanted = 0;
	client->generation = 0;
	send_beat(w, i, 0);
}

/* The leader shares partitions out in turn. */
static void send_sync(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	struct call *call = begin(w, i, SYNC);
	client->state = SYNCING;
	for (int m = 0; client->leads && m < client->member_count && m < MEMBERS_MAX; m++) {
		uint8_t *row = call->shares[call->share_count++];
		int n = 0;
		memcpy(row, client->members[m], ID_MAX);
		for (int p = 0; p < PARTITIONS; p++) {
			if (p % client->member_count == m) {
				row[ID_MAX + n++] = (uint8_t)p;
			}
		}
		if (n < PARTITIONS) {
			row[ID_MAX + n] = 0xff;
		}
	}
	send_call(w, call);
}

static void send_commit(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	struct call *call = begin(w, i, COMMIT);
	int p = (int)below(w, PARTITIONS);
	while (!(client->owned & 1u << p)) {
		p = (p + 1) % PARTITIONS;
	}
	call->partition = p;
	call->offset = ++w->offsets;
	w->order_of_offset =
		mem_grow(w->order_of_offset, (size_t)w->offsets + 1, sizeof(*w->order_of_offset));
	w->order_of_offset[w->offsets] = 0;
	send_call(w, call);
}

static void send_fetch(struct world *w, int i)
{
	struct call *call = begin(w, i, FETCH);
	call->partition = (int)below(w, PARTITIONS);
	call->newest = w->views[w->clients[i].group].acked_order[call->partition];
	send_call(w, call);
}

static void on_joined(struct world *w, int i, const struct answer *answer)
{
	struct client *client = &w->clients[i];
	if (answer->code == WEIR_MEMBER_ID_REQUIRED) {
		memcpy(client->member_id, answer->member_id, ID_MAX);
		client->state = OUT;
		return;
	}
	if (answer->code != WEIR_OK) {
		start_over(client, answer->code == WEIR_UNKNOWN_MEMBER_ID ||
					   answer->code == WEIR_FENCED_INSTANCE_ID);
		return;
	}
	memcpy(client->member_id, answer->member_id, ID_MAX);
	client->generation = answer->generation;
	client->leads = answer->leads;
	client->member_count = answer->member_count;
	memcpy(client->members, answer->members, sizeof(client->members));
	client->heartbeat_ms = w->now;
	send_sync(w, i);
}

static void on_synced(struct world *w, int i, const struct answer *answer)
{
	struct client *client = &w->clients[i];
	if (answer->code != WEIR_OK) {
		start_over(client, answer->code == WEIR_UNKNOWN_MEMBER_ID ||
					   answer->code == WEIR_FENCED_INSTANCE_ID);
		return;
	}
	client->state = IN;
	client->owned = answer->assigned;
	check_alone(w, i);
	client->heartbeat_ms = client->commit_ms = w->now;
}

static void on_beaten(struct world *w, int i, const struct answer *answer)
{
	struct client *client = &w->clients[i];
	if (answer->call.generation < 0) {
		start_over(client, true);
		client->leaving = false;
	} else if (answer->code == WEIR_OK) {
		client->state = IN;
		client->generation = answer->generation;
		client->wanted = answer->assigns ? answer->assigned : client->wanted;
	} else {
		/* A fenced member comes back with its id, as Java's does. */
		start_over(client, answer->code != WEIR_FENCED_MEMBER_EPOCH);
	}
}

/* Gives up what it has to, and takes what it got, when it gets round to it. */
static void reconcile(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	if (client->owned != client->wanted && below(w, 3)) {
		client->owned = client->wanted;
		client->told = false;
		check_alone(w, i);
	}
}

static void on_told(struct world *w, int i, const struct answer *answer)
{
	struct client *client = &w->clients[i];
	if (answer->call.kind == LEAVE) {
		start_over(client, true);
		client->leaving = false;
	} else if (answer->code == WEIR_UNKNOWN_MEMBER_ID ||
		   answer->code == WEIR_FENCED_INSTANCE_ID) {
		start_over(client, true);
	} else if (answer->code == WEIR_REBALANCE_IN_PROGRESS ||
		   answer->code == WEIR_ILLEGAL_GENERATION) {
		start_over(client, false);
	}
}

void receive(struct world *w, const struct answer *answer)
{
	int i = answer->call.client;
	struct client *client = &w->clients[i];
	if (!client->up || client->request != answer->call.request) {
		return;
	}
	TELL(w, "client %d: %s answered %s gen %d %s", i, kind_names[answer->call.kind],
		err_info(answer->code)->name, answer->generation, answer->member_id);
	TELL(w, "    assigned %02x%s, owned %02x", answer->assigned,
		answer->assigns ? "" : " (none told)", client->owned);
	client->request = 0;
	if (answer->call.kind == JOIN) {
		on_joined(w, i, answer);
	} else if (answer->call.kind == SYNC) {
		on_synced(w, i, answer);
	} else if (answer->call.kind == BEAT) {
		on_beaten(w, i, answer);
	} else {
		on_told(w, i, answer);
	}
}

/* A client's turn: what it would do next. */
void turn(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	bool joining = !client->modern && (client->state == JOINING || client->state == SYNCING);
	int64_t patience = joining ? REBALANCE_MS + 5000 : REQUEST_MS;
	if (client->request && w->now - client->request_ms > patience) {
		client->lost = true;
		client->request = 0; /* the connection is given up, and all in it */
		if (joining || client->state == JOINING) {
			client->state = OUT;
		}
	}
	if (!client->up || client->paused || client->request) {
		return;
	}
	if (client->modern && client->state == IN) {
		reconcile(w, i);
	}
	bool due = w->now - client->heartbeat_ms >= HEARTBEAT_MS;
	if (client->state == OUT) {
		(client->modern ? send_modern_join : send_join)(w, i);
	} else if (client->leaving && client->modern) {
		send_beat(w, i, client->is_static ? EPOCH_LEAVE_STATIC : EPOCH_LEAVE);
	} else if (client->leaving) {
		send_call(w, begin(w, i, LEAVE));
	} else if (client->modern && (due || !client->told)) {
		send_beat(w, i, client->generation);
	} else if (w->now - client->heartbeat_ms >= HEARTBEAT_MS) {
		client->heartbeat_ms = w->now;
		send_call(w, begin(w, i, HEARTBEAT));
	} else if (client->owned && w->now - client->commit_ms >= COMMIT_MS) {
		client->commit_ms = w->now;
		send_commit(w, i);
	} else if (below(w, 4) == 0) {
		send_fetch(w, i);
	}
}
