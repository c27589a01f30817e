/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/reactor.h"

#include "broker/broker_priv.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

enum { SWEEP_MS = 10000, SWEEP_MIN_MS = 50 };

static int64_t next_sweep(const struct reactor *r, int64_t now)
{
	int64_t idle_max = broker_conf(r->broker)->connections_max_idle_ms;
	int64_t after = idle_max >= 0 && idle_max / 2 < SWEEP_MS ? idle_max / 2 : SWEEP_MS;
	return now + (after > SWEEP_MIN_MS ? after : SWEEP_MIN_MS);
}

/* Closes connections that have been idle for connections.max.idle.ms, and gives their buffers back.
 */
static void on_sweep(struct deadline *deadline)
{
	struct reactor *r = LIST_ENTRY(deadline, struct reactor, sweep);
	int64_t now = clock_mono_ms();
	int64_t idle_max = broker_conf(r->broker)->connections_max_idle_ms;
	LIST_EACH_SAFE(it, &r->conns)
	{
		struct conn *conn = LIST_ENTRY(it, struct conn, node);
		bool idle = idle_max >= 0 && now - conn->active_ms > idle_max;
		if (idle && conn->listener && conn_is_idle(conn)) {
			stat_add(STAT_connections_idle_closed, 1);
			conn_close(conn, "idle for longer than connections.max.idle.ms");
		} else if (!conn->in.len && conn->in.room && now - conn->active_ms > SWEEP_MS) {
			buf_fini(&conn->in);
		}
	}
	deadline_set(&r->deadlines, &r->sweep, next_sweep(r, now));
}

/* Replies that became known in this turn leave together, before the loop sleeps. */
static void on_turn_end(void *arg)
{
	struct reactor *r = arg;
	while (!list_empty(&r->to_pump)) {
		struct conn *conn = LIST_ENTRY(r->to_pump.next, struct conn, pump_node);
		list_remove(&conn->pump_node);
		conn_pump(conn);
	}
}

uint8_t *reactor_scratch(struct reactor *r)
{
	if (!r->scratch) {
		r->scratch = mem_new(REACTOR_SCRATCH_BYTES);
	}
	return r->scratch;
}

static void *run(void *arg)
{
	struct reactor *r = arg;
	stat_attach(r->broker->stat);
	loop_run(r->loop);
	stat_attach(NULL);
	return NULL;
}

enum weir_code reactor_start(struct broker *broker, struct reactor *r, struct weir_err *err)
{
	enum weir_code code = loop_new(&r->loop, err);
	if (code != WEIR_OK) {
		return code;
	}
	r->broker = broker;
	list_init(&r->conns);
	list_init(&r->to_pump);
	loop_set_turn_end(r->loop, on_turn_end, r);
	list_init(&r->free_replies);
	list_init(&r->free_produce);
	list_init(&r->free_fetch);
	r->slice = mem_new(REACTOR_SLICE_BYTES);
	arena_init(&r->arena, 0);
	record_reader_init(&r->records, 0);
	record_verdict_init(&r->verdict);
	deadlines_init(&r->deadlines, r->loop);
	flush_later_init(r);
	r->sweep.fire = on_sweep;
	deadline_set(&r->deadlines, &r->sweep, next_sweep(r, clock_mono_ms()));
	int failed = pthread_create(&r->thread, NULL, run, r);
	if (failed) {
		return err_sys(err, failed, "start a thread");
	}
	r->started = true;
	return WEIR_OK;
}

struct call {
	struct loop_post post;
	struct reactor *reactor;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done;
};

static void on_close_conns(struct loop_post *post)
{
	struct call *call = LIST_ENTRY(post, struct call, post);
	struct reactor *r = call->reactor;
	listeners_close(r);
	while (!list_empty(&r->conns)) {
		conn_close(LIST_ENTRY(r->conns.next, struct conn, node), NULL);
	}
	pthread_mutex_lock(&call->lock);
	call->done = true;
	pthread_cond_signal(&call->over);
	pthread_mutex_unlock(&call->lock);
}

void reactor_close_conns(struct reactor *r)
{
	if (!r->started) {
		return;
	}
	struct call call = {.post = {.run = on_close_conns}, .reactor = r};
	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.over, NULL);
	pthread_mutex_lock(&call.lock);
	loop_call(r->loop, &call.post);
	while (!call.done) {
		pthread_cond_wait(&call.over, &call.lock);
	}
	pthread_mutex_unlock(&call.lock);
	pthread_mutex_destroy(&call.lock);
	pthread_cond_destroy(&call.over);
}

static void on_stop(struct loop_post *post)
{
	loop_stop(LIST_ENTRY(post, struct call, post)->reactor->loop);
}

static void free_replies(struct reactor *r)
{
	LIST_EACH_SAFE(it, &r->free_replies)
	{
		struct reply *reply = LIST_ENTRY(it, struct reply, node);
		buf_fini(&reply->bytes);
		mem_free(reply->spans);
		mem_free(reply);
	}
}

void reactor_stop(struct reactor *r)
{
	if (!r->loop) {
		return;
	}
	struct call call = {.post = {.run = on_stop}, .reactor = r};
	if (r->started) {
		loop_call(r->loop, &call.post);
		pthread_join(r->thread, NULL);
	}
	free_replies(r);
	produce_ops_free(&r->free_produce);
	fetch_ops_free(&r->free_fetch);
	flush_later_fini(r);
	deadlines_fini(&r->deadlines);
	record_verdict_fini(&r->verdict);
	record_reader_fini(&r->records);
	arena_fini(&r->arena);
	MEM_FREE(&r->slice);
	MEM_FREE(&r->scratch);
	loop_free(&r->loop);
}
