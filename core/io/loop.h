/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Event loop, one a thread: readiness of descriptors, timers, and calls posted by other threads.
 * Does no I/O of its own. Built on libuv's uv_poll; nobody else includes uv.h.
 */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Embedded in the owner's struct. Owned by the loop's thread. */
struct loop_io {
	struct loop *loop;
	void *handle; /* inside */
	void (*ready)(
		struct loop_io *io, int events); /* LOOP_READ | LOOP_WRITE; errors show as both */
	int fd;
	int events; /* wanted now */
};

struct loop_timer {
	struct loop *loop;
	void *handle;
	void (*fire)(struct loop_timer *timer);
};

/* A call from another thread. Embedded; may be posted again after it ran. */
struct loop_post {
	struct loop_post *next;
	void (*run)(struct loop_post *post);
	int queued; /* inside: posting a queued one again is a no-op */
};

WEIR_MUST_USE enum weir_code loop_new(struct loop **loop, struct weir_err *err);
void loop_free(struct loop **loop); /* after loop_run returned, all io/timers closed */
void loop_run(struct loop *loop);   /* until loop_stop */
void loop_stop(struct loop *loop);  /* any thread */

void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
	void (*ready)(struct loop_io *io, int events));
void loop_io_want(struct loop_io *io, int events); /* 0: none; no-op when unchanged */
void loop_io_close(struct loop_io *io); /* ready is not called again; the fd stays the owner's. */

void loop_timer_init(
	struct loop_timer *timer, struct loop *loop, void (*fire)(struct loop_timer *timer));
void loop_timer_start(struct loop_timer *timer, int64_t after_ms, int64_t every_ms); /* 0: once */
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_close(struct loop_timer *timer);

/* Any thread. Runs post->run on the loop's thread, in order of posting; one wake-up for many. */
void loop_call(struct loop *loop, struct loop_post *post);
/*
 * Between the two, loop_call on this thread leaves the waking of other loops to loop_release: for
 * calls made with a lock held that the woken thread will want. Not nested.
 */
void loop_hold(void);
void loop_release(void);
/* Called once after each turn's events, before sleeping: the place to flush what the turn gathered.
 */
void loop_set_turn_end(struct loop *loop, void (*turn_end)(void *arg), void *arg);
