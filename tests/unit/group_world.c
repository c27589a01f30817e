/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The world around the coordinator: time, network, log, and what is checked after each step. */
#include "tests/unit/group_world.h"

#include "tests/unit/group_dump.h"

#include <stdarg.h>
#include <string.h>

const char *const kind_names[] = {"join", "sync", "heartbeat", "leave", "commit", "fetch", "beat"};

/* ---- chance ---- */

static uint64_t rnd(struct world *w)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t below(struct world *w, int64_t n)
{
	return (int64_t)(rnd(w) % (uint64_t)n);
}

bool chance(struct world *w, int in_1000)
{
	return !w->calm && below(w, 1000) < in_1000;
}

void fault(struct world *w, const char *fmt, ...)
{
	if (!w->fault[0]) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(w->fault, sizeof(w->fault), fmt, args);
		va_end(args);
	}
}

/* ---- events ---- */

struct event *at(struct world *w, int64_t after, enum event_kind kind, int client)
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

void send_call(struct world *w, const struct call *call)
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

int64_t log_end(const struct world *w)
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

/* ---- the topics: one ---- */

const struct uuid world_topic = {{1, 2, 3}};

static bool by_name(
	const struct group_catalog *catalog, struct slice name, struct group_topic *topic)
{
	(void)catalog;
	*topic = (struct group_topic){slice_str("t"), world_topic, PARTITIONS};
	return slice_equal(name, slice_str("t"));
}

static bool by_id(const struct group_catalog *catalog, struct uuid id, struct group_topic *topic)
{
	(void)catalog;
	*topic = (struct group_topic){slice_str("t"), world_topic, PARTITIONS};
	return uuid_equal(id, world_topic);
}

static const struct group_catalog catalog = {.revision = 1, .by_name = by_name, .by_id = by_id};

struct group_env env_of(const struct world *w)
{
	return (struct group_env){

		.conf = w->conf,
		.catalog = &catalog,
		.mono_ms = w->now,
		.wall_ms = 1700000000000 + w->now};
}

static void copy_id(char *to, struct slice from)
{
	size_t len = from.len < ID_MAX - 1 ? from.len : ID_MAX - 1;
	memcpy(to, len ? (const char *)from.data : "", len);
	to[len] = '\0';
}

struct answer *answer_to(const struct call *call)
{
	struct answer *answer = mem_new(sizeof(*answer));
	answer->call = *call;
	return answer;
}

void keep_answer(struct answer ***list, size_t *count, struct answer *answer)
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
	for (int32_t i = 0; i < response->members_count && i < MEMBERS_MAX; i++) {
		copy_id(answer->members[i], response->members[i].member_id);
		answer->member_count = i + 1;
	}
}

/* The consumer protocol's own bytes: version, one topic, its partitions, no user data. */
static uint8_t read_shares(struct slice bytes)
{
	struct arena arena;
	struct consumer_protocol_assignment assignment;
	size_t used;
	uint8_t bits = 0;
	arena_init(&arena, 0);
	if (bytes.len > 2 && wire_decode(&consumer_protocol_assignment_message, 0,
				     slice_of(bytes.data + 2, bytes.len - 2), &arena, &assignment,
				     &used, NULL) == WEIR_OK) {
		for (int32_t t = 0; t < assignment.assigned_partitions_count; t++) {
			for (int32_t i = 0; i < assignment.assigned_partitions[t].partitions_count;
				i++) {
				bits |= (uint8_t)(1u << assignment.assigned_partitions[t]
								.partitions[i]);
			}
		}
	}
	arena_fini(&arena);
	return bits;
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
		answer->assigned = read_shares(sync->assignment);
	}
	mem_free(call);
	keep_answer(&w->fresh, &w->fresh_count, answer);
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
		keep_answer(&w->held, &w->held_count, answer);
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
	struct group *group = group_find(w->c, slice_str(view->id));
	if (!group || !group->classic) {
		return; /* by now it is of the other protocol */
	}
	for (int p = 0; p < PARTITIONS; p++) {
		uint8_t *owner = &view->owners[p];
		int me = answer->call.client + 1;
		if (!(answer->assigned & 1u << p)) {
			continue;
		}
		if (answer->generation == view->owner_generation && *owner && *owner != me) {
			fault(w, "I1: partition %d of generation %d belongs to clients %d and %d",
				p, answer->generation, *owner - 1, me - 1);
		}
		*owner = (uint8_t)me;
	}
}

/* Whether the coordinator counts the client in. */
static bool is_member(const struct world *w, const struct client *client)
{
	struct group *group = group_find(w->c, slice_str(w->views[client->group].id));
	return group && group->modern && client->member_id[0] &&
	       modern_member(group->modern, slice_str(client->member_id));
}

void check_alone(struct world *w, int me)
{
	const struct client *client = &w->clients[me];
	for (int i = 0; i < CLIENTS; i++) {
		const struct client *other = &w->clients[i];
		if (i != me && other->up && other->group == client->group &&
			(other->owned & client->owned) && is_member(w, other) &&
			is_member(w, client)) {
			fault(w, "I1: clients %d and %d both own %02x", me, i,
				other->owned & client->owned);
		}
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
void release(struct world *w)
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

static void on_resolve(void *arg, struct slice group_id, struct slice pattern)
{
	struct world *w = arg;
	(void)pattern; /* there is but one */
	for (int g = 0; g < GROUPS; g++) {
		if (slice_equal(group_id, slice_str(w->views[g].id))) {
			at(w, 1 + below(w, 400), E_RESOLVE, g);
		}
	}
}

static struct coordinator *new_coordinator(struct world *w)
{
	struct group_effects effects = {.arg = w,
		.append = on_append,
		.answer = on_answer,
		.resolve = on_resolve,
		.settle = on_settle};
	return coordinator_new(&effects);
}

void load(struct world *w)
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
void crash(struct world *w)
{
	TELL(w, "crash, durable %" PRId64 " of %" PRId64, w->durable, log_end(w));
	coordinator_free(&w->c);
	for (size_t i = 0; i < w->held_count; i++) {
		mem_free(w->held[i]);
	}
	w->held_count = 0;
	while (log_end(w) > w->durable && below(w, 4)) {
		mem_free(w->log[--w->log_count].bytes);
	}
	w->durable = log_end(w);
	load(w);
}

/* After a failed append: the coordinator starts again from the log, nobody loses a connection. */
void start_again(struct world *w)
{
	TELL(w, "append failed, loading again");
	coordinator_free(&w->c);
	load(w);
}

void tell_state(const struct world *w)
{
	struct buf out;
	buf_init(&out, 0);
	dump_coordinator(&out, w->c, w->c);
	printf("%s", buf_str(&out));
	buf_fini(&out);
}

/* (I6) */
void check_replay(struct world *w)
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
void check_stuck(struct world *w)
{
	for (int g = 0; g < GROUPS; g++) {
		struct view *view = &w->views[g];
		struct group *group = group_find(w->c, slice_str(view->id));
		bool settled = !group || (group->classic	 ? dump_settled(group->classic)
						 : group->modern ? dump_at_rest(group->modern)
								 : true);
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
