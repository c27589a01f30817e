/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop on libuv.
 *
 * uv handles must outlive uv_close until libuv says so; the owner's struct may go at once. So each
 * handle is a small block of its own that points back to the owner, cut off at close and freed in
 * the close callback.
 *
 * Posts: a lock-free stack that any thread pushes to and the loop's thread takes whole and turns
 * round. Only the push onto an empty stack wakes the loop.
 *
 * A turn is: timers, events, posts; then turn_end, from a prepare handle, which libuv runs last
 * before it sleeps. The turn that ends the loop has no prepare, so loop_run calls turn_end itself.
 */
#include "core/io/loop.h"

#include "core/base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_prepare_t prepare;
	_Atomic(struct loop_post *) posts; /* newest first */
	atomic_bool stopping;
	void (*turn_end)(void *arg);
	void *turn_end_arg;
};

struct io_handle {
	uv_poll_t poll;
	struct loop_io *io; /* NULL once closed */
};

struct timer_handle {
	uv_timer_t timer;
	struct loop_timer *owner; /* NULL once closed */
};

static void run_posts(struct loop *loop)
{
	struct loop_post *post = atomic_exchange(&loop->posts, NULL);
	struct loop_post *ordered = NULL;
	while (post) {
		struct loop_post *next = post->next;
		post->next = ordered;
		ordered = post;
		post = next;
	}
	while (ordered) {
		post = ordered;
		ordered = post->next;
		/* From here on it may be posted again or freed. */
		__atomic_store_n(&post->queued, 0, __ATOMIC_SEQ_CST);
		post->run(post);
	}
}

static void woken(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	run_posts(loop);
	if (atomic_load(&loop->stopping)) {
		uv_stop(&loop->uv);
	}
}

static void before_sleep(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	if (loop->turn_end) {
		loop->turn_end(loop->turn_end_arg);
	}
}

enum weir_code loop_new(struct loop **out, struct weir_err *err)
{
	struct loop *loop = mem_new(sizeof(*loop));
	int got = uv_loop_init(&loop->uv);
	if (got < 0) {
		mem_free(loop);
		return err_sys(err, -got, "make an event loop");
	}
	got = uv_async_init(&loop->uv, &loop->wake, woken);
	if (got < 0) {
		(void)uv_loop_close(&loop->uv);
		mem_free(loop);
		return err_sys(err, -got, "make an event loop");
	}
	loop->wake.data = loop;
	(void)uv_prepare_init(&loop->uv, &loop->prepare);
	loop->prepare.data = loop;
	(void)uv_prepare_start(&loop->prepare, before_sleep);
	*out = loop;
	return WEIR_OK;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;
	if (!l) {
		return;
	}
	l->turn_end = NULL;
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	(void)uv_run(&l->uv, UV_RUN_NOWAIT);
	int got = uv_loop_close(&l->uv);
	WEIR_ASSERT(got == 0);
	MEM_FREE(loop);
}

void loop_run(struct loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	before_sleep(&loop->prepare);
	atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	(void)uv_async_send(&loop->wake);
}

/* Loops to wake at loop_release. */
static _Thread_local struct {
	bool on;
	int count;
	struct loop *loops[8];
} held;

void loop_hold(void)
{
	held.on = true;
}

void loop_release(void)
{
	held.on = false;
	while (held.count) {
		(void)uv_async_send(&held.loops[--held.count]->wake);
	}
}

static void wake(struct loop *loop)
{
	if (held.on && held.count < (int)(sizeof(held.loops) / sizeof(held.loops[0]))) {
		held.loops[held.count++] = loop;
	} else {
		(void)uv_async_send(&loop->wake);
	}
}

void loop_call(struct loop *loop, struct loop_post *post)
{
	if (__atomic_exchange_n(&post->queued, 1, __ATOMIC_SEQ_CST)) {
		return;
	}
	struct loop_post *head = atomic_load(&loop->posts);
	do {
		post->next = head;
	} while (!atomic_compare_exchange_weak(&loop->posts, &head, post));
	if (!head) {
		wake(loop);
	}
}

void loop_set_turn_end(struct loop *loop, void (*turn_end)(void *arg), void *arg)
{
	loop->turn_end = turn_end;
	loop->turn_end_arg = arg;
}

static void io_start(struct io_handle *handle);

static void io_happened(uv_poll_t *poll, int status, int uv_events)
{
	struct io_handle *handle = poll->data;
	struct loop_io *io = handle->io;
	if (status >= 0) {
		int events = (uv_events & UV_READABLE ? LOOP_READ : 0) |
			     (uv_events & UV_WRITABLE ? LOOP_WRITE : 0);
		io->ready(io, events);
		return;
	}
	/* libuv has stopped watching: start again unless the owner closed it or wants nothing. */
	io->ready(io, LOOP_READ | LOOP_WRITE);
	if (handle->io && handle->io->events) {
		io_start(handle);
	}
}

static void io_start(struct io_handle *handle)
{
	int events = handle->io->events;
	int uv_events =
		(events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
	int got = uv_poll_start(&handle->poll, uv_events, io_happened);
	WEIR_ASSERT(got == 0);
}

void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
	void (*ready)(struct loop_io *io, int events))
{
	struct io_handle *handle = mem_new(sizeof(*handle));
	/* Fails for a descriptor that cannot be watched or is watched twice: the caller's bug. */
	int got = uv_poll_init(&loop->uv, &handle->poll, fd);
	WEIR_ASSERT(got == 0);
	handle->poll.data = handle;
	handle->io = io;
	*io = (struct loop_io){.loop = loop, .handle = handle, .ready = ready, .fd = fd};
}

void loop_io_want(struct loop_io *io, int events)
{
	struct io_handle *handle = io->handle;
	if (io->events == events) {
		return;
	}
	io->events = events;
	if (!events) {
		(void)uv_poll_stop(&handle->poll);
		return;
	}
	io_start(handle);
}

static void io_closed(uv_handle_t *uv)
{
	mem_free(uv->data);
}

void loop_io_close(struct loop_io *io)
{
	struct io_handle *handle = io->handle;
	if (!handle) {
		return;
	}
	handle->io = NULL;
	io->handle = NULL;
	io->events = 0;
	uv_close((uv_handle_t *)&handle->poll, io_closed);
}

static void timer_fired(uv_timer_t *uv)
{
	struct timer_handle *handle = uv->data;
	handle->owner->fire(handle->owner);
}

void loop_timer_init(
	struct loop_timer *timer, struct loop *loop, void (*fire)(struct loop_timer *timer))
{
	struct timer_handle *handle = mem_new(sizeof(*handle));
	(void)uv_timer_init(&loop->uv, &handle->timer);
	handle->timer.data = handle;
	handle->owner = timer;
	*timer = (struct loop_timer){.loop = loop, .handle = handle, .fire = fire};
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms, int64_t every_ms)
{
	struct timer_handle *handle = timer->handle;
	/* libuv counts from the turn's start; a long turn would fire the timer early. */
	uv_update_time(&timer->loop->uv);
	(void)uv_timer_start(&handle->timer, timer_fired, after_ms > 0 ? (uint64_t)after_ms : 0,
		every_ms > 0 ? (uint64_t)every_ms : 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct timer_handle *handle = timer->handle;
	(void)uv_timer_stop(&handle->timer);
}

void loop_timer_close(struct loop_timer *timer)
{
	struct timer_handle *handle = timer->handle;
	if (!handle) {
		return;
	}
	handle->owner = NULL;
	timer->handle = NULL;
	uv_close((uv_handle_t *)&handle->timer, io_closed);
}
