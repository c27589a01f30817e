/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The group coordinator in a simulated world: its log is a list in memory with a durable part,
 * members are small clients of either protocol, the network delays, loses and repeats, time is a
 * number. Members pause, die, come back (with the other protocol in every third run), leave; the
 * coordinator crashes and loads what was durable; appends fail. One seed is one run. After each
 * step the invariants of broker/group/coordinator.h are checked, at the end of each run that the
 * groups settle and every partition has exactly one owner.
 *
 *   test_group_model                some seeds (make check)
 *   test_group_model FROM COUNT     these (make model)
 *   test_group_model SEED           one, told step by step
 */
#include "core/base/mem.h"
#include "core/base/random.h"
#include "tests/unit/group_world.h"

#include <stdlib.h>
#include <string.h>

enum { SMOKE_SEEDS = 1000 };

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
	case 2: /* dies and starts anew, perhaps with another protocol */
		client->modern = w->migrates ? below(w, 2) : client->modern;
		client->by_pattern = client->modern && below(w, 3) == 0;
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
		client->leaving =
			client->up && client->state == IN && (client->modern || !client->is_static);
		break;
	default:
		client->up = true;
		client->paused = false;
	}
}

/* ---- a run ---- */

/*
 * The consumer protocol takes the order of one member's requests for granted: what it reports has
 * to be true still. What a client gave up on went with its connection, and comes only once.
 */
static bool abandoned(struct world *w, const struct call *call)
{
	struct client *client = &w->clients[call->client];
	bool same = !strcmp(client->member_id, call->member_id);
	bool stale = call->request <= client->served || (same && call->request != client->request);
	client->served = stale ? client->served : call->request;
	return stale;
}

/* Whether it tells the coordinator what the client owns. */
static bool reports(const struct world *w, const struct call *call)
{
	const struct view *view = &w->views[w->clients[call->client].group];
	struct group *group = group_find(w->c, slice_str(view->id));
	return call->kind == BEAT || (call->kind == JOIN && group && group->modern);
}

static void step(struct world *w, struct event *event)
{
	struct weir_err err;
	struct group_env env = env_of(w);
	switch (event->kind) {
	case E_REQUEST:
		if (reports(w, event->call) && abandoned(w, event->call)) {
			break;
		}
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
	case E_RESOLVE:
		resolve(w, event->client);
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
	w->conf->group_consumer_session_timeout_ms = SESSION_MS;
	w->migrates = seed % 3 == 2;
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
		client->modern = w->migrates ? below(w, 2) : seed % 3 == 1;
		client->by_pattern = client->modern && below(w, 3) == 0;
		at(w, below(w, 3000), E_CLIENT, i);
	}
	w->tick_at = INT64_MAX;
	at(w, below(w, 8000), E_CHAOS, 0);
}

static void tear_down(struct world *w)
{
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
	if (w->fault[0] && told) {
		tell_state(w);
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
