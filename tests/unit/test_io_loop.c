/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/io/loop.h"
#include "core/io/net.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct echo {
	struct loop_io io;
	int reads, turn_ends;
	char got[64];
	size_t len;
};

static void echo_ready(struct loop_io *io, int events)
{
	struct echo *echo = LIST_ENTRY(io, struct echo, io);
	assert_true(events & LOOP_READ);
	ssize_t n = read(io->fd, echo->got + echo->len, sizeof(echo->got) - echo->len);
	echo->reads++;
	if (n <= 0) {
		struct loop *loop = io->loop;
		loop_io_close(io);
		loop_io_close(io);
		loop_stop(loop);
		return;
	}
	echo->len += (size_t)n;
}

static void count_turn(void *arg)
{
	((struct echo *)arg)->turn_ends++;
}

static void reads_until_the_peer_closes(void **state)
{
	(void)state;
	struct weir_err err;
	struct loop *loop;
	int fds[2];
	struct echo echo = {0};
	assert_ok(loop_new(&loop, &err));
	assert_ok(net_pair(fds, &err));
	loop_io_init(&echo.io, loop, fds[0], echo_ready);
	loop_io_want(&echo.io, LOOP_READ);
	loop_io_want(&echo.io, LOOP_READ);
	loop_set_turn_end(loop, count_turn, &echo);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	close(fds[1]);
	loop_run(loop);
	assert_int_equal(echo.len, 5);
	assert_int_equal(echo.reads, 2);
	assert_true(echo.turn_ends >= 2);
	close(fds[0]);
	loop_free(&loop);
	assert_null(loop);
	loop_free(&loop);
}

/* The owner goes in its own callback, and the descriptor is watched anew at once. */
struct owner {
	struct loop_io io;
	struct owner **slot;
};

static int generations;

static void owner_ready(struct loop_io *io, int events)
{
	struct owner *old = LIST_ENTRY(io, struct owner, io);
	assert_true(events & LOOP_WRITE);
	struct owner **slot = old->slot;
	struct loop *loop = io->loop;
	int fd = io->fd;
	loop_io_close(io);
	memset(old, 0xee, sizeof(*old));
	mem_free(old);
	*slot = NULL;
	if (++generations == 3) {
		loop_stop(loop);
		return;
	}
	struct owner *next = mem_new(sizeof(*next));
	next->slot = slot;
	loop_io_init(&next->io, loop, fd, owner_ready);
	loop_io_want(&next->io, LOOP_READ | LOOP_WRITE);
	*slot = next;
}

static void owner_may_go_in_its_callback(void **state)
{
	(void)state;
	struct weir_err err;
	struct loop *loop;
	int fds[2];
	assert_ok(loop_new(&loop, &err));
	assert_ok(net_pair(fds, &err));
	struct owner *owner = mem_new(sizeof(*owner));
	owner->slot = &owner;
	loop_io_init(&owner->io, loop, fds[0], owner_ready);
	loop_io_want(&owner->io, LOOP_WRITE);
	loop_run(loop);
	assert_int_equal(generations, 3);
	assert_null(owner);
	close(fds[0]);
	close(fds[1]);
	loop_free(&loop);
}

/* A connection that fails shows as readable and writable until the owner acts. */
struct failing {
	struct loop_io io;
	int calls;
};

static void failing_ready(struct loop_io *io, int events)
{
	struct failing *f = LIST_ENTRY(io, struct failing, io);
	f->calls++;
	assert_true(events & LOOP_READ);
	if (f->calls == 3) {
		loop_io_want(io, 0);
		loop_stop(io->loop);
	}
}

static void errors_are_repeated(void **state)
{
	(void)state;
	struct weir_err err;
	struct loop *loop;
	struct net_addr addr = {.host = "127.0.0.1"}, bound, peer;
	int listener, client, server;
	assert_ok(loop_new(&loop, &err));
	assert_ok(net_listen(&addr, &listener, &bound, &err));
	assert_ok(net_connect(&bound, 1000, &client, &err));
	assert_ok(net_accept(listener, &server, &peer, &err));
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(client); /* reset */
	struct failing f = {0};
	loop_io_init(&f.io, loop, server, failing_ready);
	loop_io_want(&f.io, LOOP_READ | LOOP_WRITE);
	loop_run(loop);
	assert_int_equal(f.calls, 3);
	assert_int_equal(f.io.events, 0);
	loop_io_close(&f.io);
	close(server);
	close(listener);
	loop_free(&loop);
}

struct ticks {
	struct loop_timer timer, once;
	int fired, fired_once;
	int64_t once_ms;
};

static void tick(struct loop_timer *timer)
{
	struct ticks *t = LIST_ENTRY(timer, struct ticks, timer);
	if (++t->fired == 3) {
		struct loop *loop = timer->loop;
		loop_timer_close(timer);
		loop_timer_close(timer);
		loop_stop(loop);
	}
}

static void tick_once(struct loop_timer *timer)
{
	struct ticks *t = LIST_ENTRY(timer, struct ticks, once);
	t->fired_once++;
	t->once_ms = clock_mono_ms();
	loop_timer_start(&t->timer, 0, 2);
}

static void timers_fire_once_or_again(void **state)
{
	(void)state;
	struct weir_err err;
	struct loop *loop;
	struct ticks t = {0};
	assert_ok(loop_new(&loop, &err));
	loop_timer_init(&t.timer, loop, tick);
	loop_timer_init(&t.once, loop, tick_once);
	loop_timer_start(&t.timer, 1, 0);
	loop_timer_stop(&t.timer);
	int64_t start_ms = clock_mono_ms();
	loop_timer_start(&t.once, 20, 0);
	loop_run(loop);
	assert_true(t.once_ms - start_ms >= 19);
	assert_int_equal(t.fired, 3);
	assert_int_equal(t.fired_once, 1);
	loop_timer_close(&t.once);
	loop_free(&loop);
}

enum { POSTERS = 4, POSTS_EACH = 2000 };

struct numbered {
	struct loop_post post;
	struct poster *from;
	int number;
};

struct poster {
	struct loop *loop;
	pthread_t thread;
	struct numbered posts[POSTS_EACH];
	int next; /* loop's thread */
};

static int posts_left;

static void numbered_run(struct loop_post *post)
{
	struct numbered *n = LIST_ENTRY(post, struct numbered, post);
	assert_int_equal(n->number, n->from->next);
	n->from->next++;
	if (--posts_left == 0) {
		loop_stop(n->from->loop);
	}
}

static void *post_all(void *arg)
{
	struct poster *p = arg;
	for (int i = 0; i < POSTS_EACH; i++) {
		p->posts[i].from = p;
		p->posts[i].number = i;
		p->posts[i].post.run = numbered_run;
		loop_call(p->loop, &p->posts[i].post);
	}
	return NULL;
}

static void posts_of_a_thread_keep_their_order(void **state)
{
	(void)state;
	struct weir_err err;
	struct loop *loop;
	struct poster *posters = mem_array(POSTERS, sizeof(*posters));
	assert_ok(loop_new(&loop, &err));
	posts_left = POSTERS * POSTS_EACH;
	for (int i = 0; i < POSTERS; i++) {
		posters[i].loop = loop;
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	loop_run(loop);
	assert_int_equal(posts_left, 0);
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		assert_int_equal(posters[i].next, POSTS_EACH);
	}
	mem_free(posters);
	loop_free(&loop);
}

struct again {
	struct loop_post post;
	struct loop *loop;
	int runs;
};

static void run_again(struct loop_post *post)
{
	struct again *a = LIST_ENTRY(post, struct again, post);
	if (++a->runs == 3) {
		loop_stop(a->loop);
	} else {
		loop_call(a->loop, post);
	}
}

static void post_may_be_posted_again(void **state)
{
	(void)state;
	struct weir_err err;
	struct again a = {.post.run = run_again};
	assert_ok(loop_new(&a.loop, &err));
	loop_call(a.loop, &a.post);
	loop_call(a.loop, &a.post); /* queued already */
	loop_run(a.loop);
	assert_int_equal(a.runs, 3);
	loop_stop(a.loop); /* before the run: it returns at once */
	loop_run(a.loop);
	loop_free(&a.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_until_the_peer_closes),
		cmocka_unit_test(owner_may_go_in_its_callback),
		cmocka_unit_test(errors_are_repeated),
		cmocka_unit_test(timers_fire_once_or_again),
		cmocka_unit_test(posts_of_a_thread_keep_their_order),
		cmocka_unit_test(post_may_be_posted_again),
	};
	return RUN(tests);
}
