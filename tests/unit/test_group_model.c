/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The group coordinator in a simulated world: its log is a list in memory with a durable part,
 * members are small clients of the classic protocol with range assignment, the network delays,
 * loses and repeats, time is a number. Members pause, die, come back, leave; the coordinator
 * crashes and loads what was durable; appends fail. One seed is one run. After each step the
 * invariants of broker/group/coordinator.h are checked, at the end of each run that the group
 * settles and every partition has exactly one owner.
 *
 *   test_group_model                some seeds (make check)
 *   test_group_model FROM COUNT     these (make model)
 *   test_group_model SEED           one, told step by step
 */
#include "tests/unit/test.h"

#include "broker/group/classic.h"
#include "broker/group/commit.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "tests/unit/group_dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	GROUPS = 2,
	CLIENTS = 5,
	PARTITIONS = 6,
	SESSION_MS = 10000,
	REBALANCE_MS = 20000,
	HEARTBEAT_MS = 3000,
	COMMIT_MS = 2000,
	REQUEST_MS = 8000,
	CHAOS_MS = 60000,
	CALM_MS = 240000, /* more than any timeouts in a row take */
	STUCK_MS = 3 * (REBALANCE_MS + SESSION_MS) + 5000,
	SMOKE_SEEDS = 1000,
	ID_MAX = 64,
};

enum kind { JOIN, SYNC, HEARTBEAT, LEAVE, COMMIT, FETCH };
static const char *const kind_names[] = {"join", "sync", "heartbeat", "leave", "commit", "fetch"};

/* A request on its way, or with the coordinator. */
struct call {
	enum kind kind;
	int client;
	int64_t request; /* the client's number of it */
	char member_id[ID_MAX];
	int32_t generation;
	uint8_t shares[CLIENTS * 2][ID_MAX + PARTITIONS]; /* SYNC of a leader: id, partitions */
	int share_count;
	int partition;
	int64_t offset;
	int64_t newest; /* FETCH: order of the newest commit known to be safe when it was sent */
	bool answered;
};

struct answer {
	struct call call;
	enum weir_code code;
	int32_t generation;
	char member_id[ID_MAX];
	bool leads;
	char members[CLIENTS * 4][ID_MAX];
	int member_count;
	uint8_t assignment[PARTITIONS];
	int assignment_count;
	int64_t offset, order;
	int64_t position;
};

enum event_kind { E_REQUEST, E_ANSWER, E_CLIENT, E_FLUSH, E_CHAOS, E_TICK };

struct event {
	struct heap_node node;
	enum event_kind kind;
	int client;
	struct call *call;
	struct answer *answer;
};

struct batch_row {
	uint8_t *bytes;
	size_t len;
	int64_t base, end;
};

struct client {
	bool up, is_static, paused, leaving;
	enum { OUT, JOINING, SYNCING, IN } state;
	char member_id[ID_MAX], instance_id[16];
	int group;
	int32_t generation;
	bool leads;
	char members[CLIENTS * 4][ID_MAX];
	int member_count;
	uint8_t owned;
	int64_t request; /* outstanding; 0: none */
	int64_t request_ms;
	int64_t heartbeat_ms, commit_ms;
};

/* What the model knows about a group from the outside. */
struct view {
	char id[16];
	int32_t announced; /* newest generation that a join answer told since the last load */
	uint8_t owners[PARTITIONS]; /* client + 1 of generation owner_generation */
	int32_t owner_generation;
	int64_t acked_order[PARTITIONS]; /* of the newest commit whose answer went out */
	int64_t unsettled_since;
};

struct world {
	uint64_t seed, random;
	bool told; /* tell every step */
	int64_t now;
	struct heap events;
	struct coordinator *c;
	struct conf *conf;
	struct batch_row *log;
	size_t log_count, log_room;
	int64_t durable;
	bool append_fails, down;
	struct answer **fresh; /* of the step, not settled */
	size_t fresh_count;
	struct answer **held; /* settled, not durable */
	size_t held_count;
	struct client clients[CLIENTS];
	struct view views[GROUPS];
	struct {
		int64_t order[GROUPS][PARTITIONS];
	} last;		/* order of the newest commit that a step took */
	int64_t orders; /* commits taken so far */
	int64_t *order_of_offset;
	int64_t offsets;
	int64_t requests;
	int64_t tick_at;
	size_t open_calls;
	bool calm;
	char fault[256];
};

/* ---- chance ---- */

static uint64_t rnd(struct world *w)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int64_t below(struct world *w, int64_t n)
{
	return (int64_t)(rnd(w) % (uint64_t)n);
}

static bool chance(struct world *w, int in_1000)
{
	return !w->calm && below(w, 1000) < in_1000;
}

__attribute__((format(printf, 2, 3))) static void fault(struct world *w, const char *fmt, ...)
{
	if (!w->fault[0]) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(w->fault, sizeof(w->fault), fmt, args);
		va_end(args);
	}
}

#define TELL(w, ...)                                                                               \
	do {                                                                                       \
		if ((w)->told) {                                                                   \
			printf("%8" PRId64 "  ", (w)->now);                                        \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

/* ---- events ---- */

static struct event *at(struct world *w, int64_t after, enum event_kind kind, int client)
{
	struct event *event = mem_new(sizeof(*event));
	event->kind = kind;
	event->client = client;
	heap_set(&w->events, &event->node, w->now + after);
	return event;
}

static int64_t delay(struct world *w)
{
	return chance(w, 50) ? below(w, 12000) : 1 + below(w, 40);
}

static void send_call(struct world *w, const struct call *call)
{
	int copies = chance(w, 40) ? 0 : chance(w, 40) ? 2 : 1;
	for (int i = 0; i < copies; i++) {
		struct event *event = at(w, delay(w), E_REQUEST, call->client);
		event->call = mem_dup(call, sizeof(*call));
	}
}

static void send_answer(struct world *w, struct answer *answer)
{
	if (chance(w, 40)) {
		mem_free(answer);
		return;
	}
	at(w, delay(w), E_ANSWER, answer->call.client)->answer = answer;
}

/* ---- the log ---- */

static int64_t log_end(const struct world *w)
{
	return w->log_count ? w->log[w->log_count - 1].end : 0;
}

static enum weir_code on_append(
	void *arg, uint8_t *bytes, size_t len, int64_t *end, struct weir_err *err)
{
	struct world *w = arg;
	struct batch batch;
	if (w->append_fails) {
		w->append_fails = false;
		return err_set(err, WEIR_COORDINATOR_NOT_AVAILABLE, "the disk is full");
	}
	if (w->log_count == w->log_room) {
		w->log_room = w->log_room ? w->log_room * 2 : 64;
		w->log = mem_grow(w->log, w->log_room, sizeof(*w->log));
	}
	if (batch_parse(slice_of(bytes, len), &batch, err) != WEIR_OK) {
		fault(w, "a batch that does not parse: %s", err->text);
		return err->code;
	}
	int64_t base = log_end(w);
	*end = base + batch.record_count;
	w->log[w->log_count++] = (struct batch_row){mem_dup(bytes, len), len, base, *end};
	at(w, 1 + below(w, 30), E_FLUSH, 0);
	return WEIR_OK;
}

static void replay_into(struct world *w, struct coordinator *c)
{
	struct record_reader reader;
	record_reader_init(&reader, 0);
	for (size_t i = 0; i < w->log_count; i++) {
		struct batch batch;
		struct weir_err err;
		struct record record;
		bool got = true;
		assert_ok(batch_parse(slice_of(w->log[i].bytes, w->log[i].len), &batch, &err));
		assert_ok(batch_check_crc(&batch, &err));
		assert_ok(record_reader_start(&reader, &batch, &err));
		for (int64_t offset = w->log[i].base; got; offset++) {
			assert_ok(record_reader_next(&reader, &record, &got, &err));
			struct group_replay replay = {.offset = offset, .producer_id = -1};
			if (got) {
				assert_ok(coordinator_replay(
					c, &replay, record.key, record.value, &err));
			}
		}
	}
	record_reader_fini(&reader);
}

/* ---- the coordinator's surroundings ---- */

static struct group_env env_of(const struct world *w)
{
	return (struct group_env){
		.conf = w->conf, .mono_ms = w->now, .wall_ms = 1700000000000 + w->now};
}

static void copy_id(char *to, struct slice from)
{
	size_t len = from.len < ID_MAX - 1 ? from.len : ID_MAX - 1;
	memcpy(to, len ? (const char *)from.data : "", len);
	to[len] = '\0';
}

static struct answer *answer_to(const struct call *call)
{
	struct answer *answer = mem_new(sizeof(*answer));
	answer->call = *call;
	return answer;
}

static void keep(struct answer ***list, size_t *count, struct answer *answer)
{
	*list = mem_grow(*list, *count + 1, sizeof(struct answer *));
	(*list)[(*count)++] = answer;
}

static void read_join(struct answer *answer, const struct join_group_response *response)
{
	answer->code = (enum weir_code)response->error_code;
	answer->generation = response->generation_id;
	copy_id(answer->member_id, response->member_id);
	answer->leads = response->members_count > 0;
	for (int32_t i = 0; i < response->members_count && i < CLIENTS * 4; i++) {
		copy_id(answer->members[i], response->members[i].member_id);
		answer->member_count = i + 1;
	}
}

static void on_answer(void *arg, void *token, const void *response)
{
	struct world *w = arg;
	struct call *call = token;
	if (call->answered) {
		fault(w, "I5: a %s of client %d was answered twice", kind_names[call->kind],
			call->client);
		return;
	}
	call->answered = true;
	w->open_calls--;
	struct answer *answer = answer_to(call);
	if (call->kind == JOIN) {
		read_join(answer, response);
	} else {
		const struct sync_group_response *sync = response;
		answer->code = (enum weir_code)sync->error_code;
		answer->generation = call->generation;
		answer->assignment_count = (int)sync->assignment.len;
		if (sync->assignment.len <= PARTITIONS) {
			memcpy(answer->assignment, sync->assignment.data, sync->assignment.len);
		}
	}
	mem_free(call);
	keep(&w->fresh, &w->fresh_count, answer);
}

static struct view *view_of(struct world *w, const struct answer *answer)
{
	return &w->views[w->clients[answer->call.client].group];
}

/* What the answers of a step say, at the time they are given. */
static void check_fresh(struct world *w, const struct answer *answer)
{
	struct view *view = view_of(w, answer);
	if (answer->call.kind == JOIN && answer->code == WEIR_OK &&
		answer->generation > view->announced) {
		view->announced = answer->generation;
	}
}

static void on_settle(void *arg, enum weir_code code, int64_t position)
{
	struct world *w = arg;
	for (size_t i = 0; i < w->fresh_count; i++) {
		struct answer *answer = w->fresh[i];
		answer->position = position;
		if (code != WEIR_OK) {
			answer->code = code;
			answer->position = 0;
		}
		check_fresh(w, answer);
		keep(&w->held, &w->held_count, answer);
	}
	w->fresh_count = 0;
}

/* (I1) Within a generation a partition has one owner. */
static void check_owner(struct world *w, const struct answer *answer)
{
	struct view *view = view_of(w, answer);
	if (answer->generation > view->owner_generation) {
		view->owner_generation = answer->generation;
		memset(view->owners, 0, sizeof(view->owners));
	}
	for (int i = 0; i < answer->assignment_count; i++) {
		uint8_t p = answer->assignment[i];
		uint8_t *owner = &view->owners[p];
		int me = answer->call.client + 1;
		if (answer->generation == view->owner_generation && *owner && *owner != me) {
			fault(w, "I1: partition %d of generation %d belongs to clients %d and %d",
				p, answer->generation, *owner - 1, me - 1);
		}
		*owner = (uint8_t)me;
	}
}

/* Commits and fetches that were answered: what the outside may rely on from now on. */
static void check_sent(struct world *w, const struct answer *answer)
{
	struct view *view = view_of(w, answer);
	const struct call *call = &answer->call;
	if (answer->code != WEIR_OK) {
		return;
	}
	if (call->kind == SYNC) {
		check_owner(w, answer);
	} else if (call->kind == COMMIT && answer->order > view->acked_order[call->partition]) {
		view->acked_order[call->partition] = answer->order;
	} else if (call->kind == FETCH) {
		int64_t order = answer->offset < 0 ? 0 : w->order_of_offset[answer->offset];
		if (order < call->newest) {
			fault(w,
				"I2: a fetch of partition %d gives commit %" PRId64 ", %" PRId64
				" was answered before",
				call->partition, order, call->newest);
		}
	}
}

/* Answers whose records are durable leave. */
static void release(struct world *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->held_count; i++) {
		struct answer *answer = w->held[i];
		if (answer->position > w->durable) {
			w->held[kept++] = answer;
			continue;
		}
		check_sent(w, answer);
		send_answer(w, answer);
	}
	w->held_count = kept;
}

static struct coordinator *new_coordinator(struct world *w)
{
	struct group_effects effects = {
		.arg = w, .append = on_append, .answer = on_answer, .settle = on_settle};
	return coordinator_new(&effects);
}

static void load(struct world *w)
{
	struct group_env env = env_of(w);
	w->c = new_coordinator(w);
	replay_into(w, w->c);
	coordinator_loaded(w->c, &env, log_end(w));
	for (int g = 0; g < GROUPS; g++) {
		struct group *group = group_find(w->c, slice_str(w->views[g].id));
		w->views[g].announced = group && group->classic ? group->classic->generation : 0;
	}
}

/* Everything that was not durable, or not sent, is lost. */
static void crash(struct world *w)
{
	TELL(w, "crash, durable %" PRId64 " of %" PRId64, w->durable, log_end(w));
	w->down = true;
	coordinator_free(&w->c);
	for (size_t i = 0; i < w->held_count; i++) {
		mem_free(w->held[i]);
	}
	w->held_count = 0;
	while (log_end(w) > w->durable && below(w, 4)) {
		mem_free(w->log[--w->log_count].bytes);
	}
	w->durable = log_end(w);
	w->down = false;
	load(w);
}

/* After a failed append: the coordinator starts again from the log, nobody loses a connection. */
static void start_again(struct world *w)
{
	TELL(w, "append failed, loading again");
	coordinator_free(&w->c);
	load(w);
}

/* (I6) */
static void check_replay(struct world *w)
{
	struct coordinator *again = new_coordinator(w);
	struct buf a, b;
	buf_init(&a, 0);
	buf_init(&b, 0);
	replay_into(w, again);
	dump_coordinator(&a, w->c, w->c);
	dump_coordinator(&b, again, w->c);
	if (strcmp(buf_str(&a), buf_str(&b))) {
		fault(w, "I6: replay gives another state");
		if (w->told) {
			printf("memory:\n%sreplayed:\n%s", buf_str(&a), buf_str(&b));
		}
	}
	buf_fini(&a);
	buf_fini(&b);
	coordinator_free(&again);
}

/* (I4) */
static void check_stuck(struct world *w)
{
	for (int g = 0; g < GROUPS; g++) {
		struct view *view = &w->views[g];
		struct group *group = group_find(w->c, slice_str(view->id));
		bool settled = !group || !group->classic || dump_settled(group->classic);
		if (!group || !group->classic) { /* expired: generations begin again */
			view->announced = 0;
			view->owner_generation = -1;
		}
		if (settled) {
			view->unsettled_since = w->now;
		} else if (w->now - view->unsettled_since > STUCK_MS) {
			fault(w, "I4: group %s has been in a rebalance since %" PRId64, view->id,
				view->unsettled_since);
		}
	}
}

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

static void serve_sync(struct world *w, struct call *call, const struct group_env *env)
{
	struct client *client = &w->clients[call->client];
	struct sync_group_request_assignment rows[CLIENTS * 2];
	struct sync_group_request request;
	wire_defaults(&sync_group_request_message, &request);
	for (int i = 0; i < call->share_count; i++) {
		const uint8_t *partitions = call->shares[i] + ID_MAX;
		size_t n = 0;
		while (n < PARTITIONS && partitions[n] != 0xff) {
			n++;
		}
		rows[i].member_id = slice_str((const char *)call->shares[i]);
		rows[i].assignment = slice_of(partitions, n);
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
static void check_commit(struct world *w, const struct call *call)
{
	struct view *view = &w->views[w->clients[call->client].group];
	struct group *group = group_find(w->c, slice_str(view->id));
	struct classic *classic = group ? group->classic : NULL;
	bool member = classic && classic_member(classic, id_slice(call->member_id));
	bool now = classic && classic->generation == call->generation &&
		   view->announced == call->generation;
	if (!member || !now || classic->state == CLASSIC_COMPLETING) {
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

static void serve(struct world *w, struct call *call)
{
	struct group_env env = env_of(w);
	w->append_fails = chance(w, 4);
	TELL(w, "client %d: %s %s gen %d", call->client, kind_names[call->kind], call->member_id,
		call->generation);
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
		case COMMIT:
			answer->code = serve_commit(w, call, &env, answer);
			break;
		default:
			answer->code = serve_fetch(w, call, answer);
		}
		mem_free(call);
		keep(&w->held, &w->held_count, answer);
	}
	w->append_fails = false;
}

/* ---- clients ---- */

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

/* The leader shares partitions out in turn. */
static void send_sync(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	struct call *call = begin(w, i, SYNC);
	client->state = SYNCING;
	for (int m = 0; client->leads && m < client->member_count && m < CLIENTS * 2; m++) {
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

static void start_over(struct client *client, bool forget_id)
{
	client->state = OUT;
	client->owned = 0;
	client->generation = -1;
	client->request = 0;
	if (forget_id) {
		client->member_id[0] = '\0';
	}
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
	client->owned = 0;
	for (int n = 0; n < answer->assignment_count; n++) {
		client->owned |= (uint8_t)(1u << answer->assignment[n]);
	}
	client->heartbeat_ms = client->commit_ms = w->now;
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

static void receive(struct world *w, const struct answer *answer)
{
	int i = answer->call.client;
	struct client *client = &w->clients[i];
	if (!client->up || client->request != answer->call.request) {
		return;
	}
	TELL(w, "client %d: %s answered %s gen %d %s", i, kind_names[answer->call.kind],
		err_info(answer->code)->name, answer->generation, answer->member_id);
	client->request = 0;
	if (answer->call.kind == JOIN) {
		on_joined(w, i, answer);
	} else if (answer->call.kind == SYNC) {
		on_synced(w, i, answer);
	} else {
		on_told(w, i, answer);
	}
}

/* A client's turn: what it would do next. */
static void turn(struct world *w, int i)
{
	struct client *client = &w->clients[i];
	bool joining = client->state == JOINING || client->state == SYNCING;
	int64_t patience = joining ? REBALANCE_MS + 5000 : REQUEST_MS;
	if (client->request && w->now - client->request_ms > patience) {
		client->request = 0; /* the connection is given up, and all in it */
		if (joining) {
			client->state = OUT;
		}
	}
	if (!client->up || client->paused || client->request) {
		return;
	}
	if (client->state == OUT) {
		send_join(w, i);
	} else if (client->leaving) {
		send_call(w, begin(w, i, LEAVE));
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

/* ---- what goes wrong ---- */

static void chaos(struct world *w)
{
	struct client *client = &w->clients[below(w, CLIENTS)];
	switch (below(w, 6)) {
	case 0:
		crash(w);
		break;
	case 1:
		client->paused = !client->paused;
		break;
	case 2: /* dies and starts anew */
		TELL(w, "client %d restarts", (int)(client - w->clients));
		client->up = true;
		start_over(client, true);
		break;
	case 3:
		TELL(w, "client %d is gone", (int)(client - w->clients));
		client->up = false;
		start_over(client, true);
		break;
	case 4:
		client->leaving = client->up && client->state == IN && !client->is_static;
		break;
	default:
		client->up = true;
		client->paused = false;
	}
}

/* ---- a run ---- */

static void step(struct world *w, struct event *event)
{
	struct weir_err err;
	struct group_env env = env_of(w);
	switch (event->kind) {
	case E_REQUEST:
		serve(w, event->call);
		event->call = NULL;
		break;
	case E_ANSWER:
		receive(w, event->answer);
		break;
	case E_CLIENT:
		turn(w, event->client);
		at(w, 600 + below(w, 600), E_CLIENT, event->client);
		break;
	case E_FLUSH:
		w->durable = log_end(w);
		break;
	case E_TICK:
		w->tick_at = INT64_MAX;
		(void)!coordinator_tick(w->c, &env, &err);
		break;
	case E_CHAOS:
		chaos(w);
		at(w, 1500 + below(w, 6000), E_CHAOS, 0);
	}
	if (coordinator_failed(w->c)) {
		start_again(w);
	}
	release(w);
	check_stuck(w);
	int64_t next = coordinator_next_deadline(w->c);
	if (next < w->tick_at) {
		w->tick_at = next;
		at(w, next > w->now ? next - w->now : 0, E_TICK, 0);
	}
}

static void free_event(struct event *event)
{
	mem_free(event->call);
	mem_free(event->answer);
	mem_free(event);
}

static void run_until(struct world *w, int64_t end)
{
	while (!w->fault[0] && heap_first(&w->events) && heap_first(&w->events)->key <= end) {
		struct event *event = LIST_ENTRY(heap_first(&w->events), struct event, node);
		w->now = event->node.key;
		heap_remove(&w->events, &event->node);
		if (!w->calm || event->kind != E_CHAOS) {
			step(w, event);
		}
		free_event(event);
		if (below(w, 500) == 0) {
			check_replay(w);
		}
	}
}

static void set_up(struct world *w, uint64_t seed, bool told)
{
	memset(w, 0, sizeof(*w));
	w->seed = w->random = seed;
	w->told = told;
	w->conf = conf_new();
	w->conf->group_initial_rebalance_delay_ms = (int)below(w, 3) * 1000;
	w->conf->offsets_retention_check_interval_ms = 20000;
	for (int g = 0; g < GROUPS; g++) {
		snprintf(w->views[g].id, sizeof(w->views[g].id), "g%d", g);
	}
	random_seed(seed);
	load(w);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &w->clients[i];
		client->group = i % GROUPS;
		client->is_static = below(w, 4) == 0;
		snprintf(client->instance_id, sizeof(client->instance_id), "i%d", i);
		client->up = below(w, 4) != 0;
		client->generation = -1;
		at(w, below(w, 3000), E_CLIENT, i);
	}
	w->tick_at = INT64_MAX;
	at(w, below(w, 8000), E_CHAOS, 0);
}

static void tear_down(struct world *w)
{
	w->down = true;
	if (w->c) {
		coordinator_free(&w->c);
	}
	if (!w->fault[0] && w->open_calls) {
		fault(w, "I5: %zu requests were never answered", w->open_calls);
	}
	for (size_t i = 0; i < w->held_count; i++) {
		mem_free(w->held[i]);
	}
	while (heap_first(&w->events)) {
		struct event *event = LIST_ENTRY(heap_first(&w->events), struct event, node);
		heap_remove(&w->events, &event->node);
		free_event(event);
	}
	for (size_t i = 0; i < w->log_count; i++) {
		mem_free(w->log[i].bytes);
	}
	heap_fini(&w->events);
	mem_free(w->log);
	mem_free(w->fresh);
	mem_free(w->held);
	mem_free(w->order_of_offset);
	conf_unref(w->conf);
	random_seed(0);
}

/* Why a group is not settled; NULL: all that are up are in one generation, and every partition has
 * one owner among them. */
static const char *unsettled(const struct world *w)
{
	for (int g = 0; g < GROUPS; g++) {
		int32_t generation = -1;
		unsigned owned = 0, members = 0;
		for (int i = 0; i < CLIENTS; i++) {
			const struct client *client = &w->clients[i];
			if (client->group != g || !client->up) {
				continue;
			}
			members++;
			generation = generation < 0 ? client->generation : generation;
			if (client->state != IN || client->generation != generation) {
				return "I4: a client does not get into its group";
			}
			if (owned & client->owned) {
				return "I1: two clients own one partition";
			}
			owned |= client->owned;
		}
		if (members && owned != (1u << PARTITIONS) - 1) {
			return "I4: not all partitions are shared out";
		}
	}
	return NULL;
}

/* Without any more trouble the groups settle, and stay so. */
static void check_settles(struct world *w)
{
	const char *why = "";
	int64_t end = w->now + CALM_MS;
	w->calm = true;
	for (int i = 0; i < CLIENTS; i++) {
		w->clients[i].paused = w->clients[i].leaving = false;
	}
	for (int quiet = 0; w->now < end && quiet < 3 && !w->fault[0];) {
		int64_t until = w->now + 5000;
		run_until(w, until);
		w->now = until;
		why = unsettled(w);
		quiet = why ? 0 : quiet + 1;
	}
	if (why) {
		fault(w, "%s", why);
	}
}

/* false: a violation, which is printed. */
static bool run_seed(uint64_t seed, bool told)
{
	struct world *w = mem_new(sizeof(*w));
	set_up(w, seed, told);
	run_until(w, CHAOS_MS);
	w->now = CHAOS_MS;
	check_settles(w);
	if (!w->fault[0]) {
		check_replay(w);
	}
	tear_down(w);
	bool good = !w->fault[0];
	if (!good) {
		printf("# seed %" PRIu64 " at %" PRId64 " ms: %s\n", seed, w->now, w->fault);
	}
	mem_free(w);
	return good;
}

static void some_seeds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SMOKE_SEEDS; seed++) {
		assert_true(run_seed(seed, false));
	}
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		return run_seed(strtoull(argv[1], NULL, 10), true) ? 0 : 1;
	}
	if (argc == 3) {
		uint64_t from = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
		for (uint64_t seed = from; seed < from + count; seed++) {
			if (!run_seed(seed, false)) {
				return 1;
			}
		}
		printf("%" PRIu64 " seeds from %" PRIu64 ", no violation\n", count, from);
		return 0;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(some_seeds)};
	return RUN(tests);
}
