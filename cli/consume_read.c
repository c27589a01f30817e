/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop that reads and prints. Output goes out when nothing more is there to be read, or after
 * FLUSH_EVERY_MS.
 */
#include "cli/consume_priv.h"

#include "cli/consume_group.h"
#include "cli/interrupt.h"
#include "core/base/clock.h"

#include <errno.h>
#include <poll.h>

enum { FLUSH_EVERY_MS = 100, LOOK_EVERY = 256 };

bool consume_goes_on(const struct consume *c)
{
	bool enough = c->args->count >= 0 && c->printed >= c->args->count;
	enough |= c->args->deadline_ms && clock_mono_ms() >= c->args->deadline_ms;
	return !enough && !interrupted() && !c->ctx->out.sys_errno;
}

void consume_flush(struct consume *c)
{
	struct weir_err ignored; /* sticks in out */
	c->flushed_ms = clock_mono_ms();
	if (c->ctx->out.buf.len && out_flush(&c->ctx->out, &ignored) != WEIR_OK) {
		return;
	}
	if (c->group && !c->ctx->out.sys_errno) {
		consume_group_written(c);
	}
}

/* A reader that went away is noticed without writing to it. */
static void check_reader(struct consume *c)
{
	struct pollfd out = {.fd = c->ctx->out.fd};
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR)) {
		c->ctx->out.sys_errno = EPIPE;
	}
}

/* Ranges that end at a time end when it is over, even if nothing comes. */
static void end_ranges(struct consume *c)
{
	enum { LATE_MS = 1000 };
	int64_t now_ms = clock_wall_ms();
	for (size_t i = 0; i < c->target_count; i++) {
		struct target *target = &c->targets[i];
		for (int32_t k = 0; k < target->count; k++) {
			struct span *span = &target->spans[k];
			if (span->chosen && span->until_ms >= 0 &&
				now_ms > span->until_ms + LATE_MS) {
				consume_finish(c, target, k);
			}
		}
	}
}

bool consume_idle(struct consume *c, int64_t *wait_ms)
{
	int64_t now_ms = clock_mono_ms();
	int64_t idle_ms = c->args->idle_ms;
	consume_flush(c);
	check_reader(c);
	end_ranges(c);
	if (c->quiet_ms < 0) {
		c->quiet_ms = now_ms;
	}
	int64_t left_ms = idle_ms < 0 ? FLUSH_EVERY_MS : c->quiet_ms + idle_ms - now_ms;
	*wait_ms = left_ms < FLUSH_EVERY_MS ? left_ms : FLUSH_EVERY_MS;
	return left_ms > 0;
}

bool consume_busy(struct consume *c)
{
	c->quiet_ms = -1;
	bool often = c->keeps_state && c->checkpoint_every_ms < FLUSH_EVERY_MS;
	int64_t every_ms = often ? c->checkpoint_every_ms : FLUSH_EVERY_MS;
	if (++c->taken % LOOK_EVERY || clock_mono_ms() - c->flushed_ms <= every_ms) {
		return false;
	}
	consume_flush(c);
	return true;
}

/* The part of a member of a group. at_end: the consumer has nothing to wait for. */
static enum weir_code on_idle_member(
	struct consume *c, bool at_end, int64_t wait_ms, bool *ended, struct weir_err *err)
{
	if (!c->group) {
		return WEIR_OK;
	}
	enum weir_code code = consume_group_step(c, at_end, ended, err);
	if (code == WEIR_OK && at_end && !*ended) {
		consume_group_wait(c, wait_ms);
	}
	return code;
}

enum weir_code consume_read(struct consume *c, struct weir_err *err)
{
	int64_t wait_ms = 0;
	bool ended = false;
	while (consume_goes_on(c)) {
		enum consumer_event event;
		struct consumed got;
		enum weir_code code =
			c->args->batches
				? consumer_next_batch(c->consumer, wait_ms, &event, &got, err)
				: consumer_next(c->consumer, wait_ms, &event, &got, err);
		if (code != WEIR_OK && consume_skips(c, code, err)) {
			continue;
		}
		if (code != WEIR_OK || (event == CONSUMER_DONE && !c->group)) {
			return code;
		}
		if (event != CONSUMER_RECORD) {
			if (!consume_idle(c, &wait_ms)) {
				return WEIR_OK;
			}
			code = consume_state_step(c, err);
			if (code == WEIR_OK) {
				code = on_idle_member(
					c, event == CONSUMER_DONE, wait_ms, &ended, err);
			}
			if (code != WEIR_OK || ended) {
				return code;
			}
			continue;
		}
		wait_ms = 0;
		if (c->args->batches) {
			code = consume_take_batch(c, &got, err);
		} else {
			code = consume_take_record(c, &got, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
		if (consume_busy(c)) {
			code = consume_state_step(c, err);
			if (code == WEIR_OK) {
				code = on_idle_member(c, false, 0, &ended, err);
			}
		}
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}
