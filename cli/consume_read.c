/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop that reads and prints. Output goes out when nothing more is there to be read, or after
 * FLUSH_EVERY_MS.
 */
#include "cli/consume_priv.h"

#include "cli/consume_group.h"
#include "cli/encode.h"
#include "cli/interrupt.h"
#include "core/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

enum { FLUSH_EVERY_MS = 100, LOOK_EVERY = 256 };

static struct target *find_target(struct consume *c, const char *name)
{
	if (name == c->seen_name) {
		return c->seen;
	}
	for (size_t i = 0; i < c->target_count; i++) {
		if (strcmp(c->targets[i].name, name) == 0) {
			c->seen_name = name;
			c->seen = &c->targets[i];
			return c->seen;
		}
	}
	return NULL;
}

static void put_text(struct consume *c, struct slice text)
{
	struct out *out = &c->ctx->out;
	if (text.data && c->args->encoding != ENCODING_TEXT) {
		encoding_put((enum encoding)c->args->encoding, &out->buf, text);
		out_bytes(out, NULL, 0);
		return;
	}
	out_text(out, text.data ? text : slice_str(c->args->null_text));
}

static void make_row(
	struct consume *c, const struct target *target, const struct consumed *got, struct row *row)
{
	const struct span *span = &target->spans[got->partition];
	*row = row_none;
	row_from_record(row, &c->headers, got->batch, &got->record);
	row->topic = slice_str(target->name);
	row->partition = got->partition;
	row->log_start = span->first;
	row->high_watermark = span->last;
	row->last_stable = span->last;
	row->number = c->printed + 1;
}

static enum weir_code put_row(struct consume *c, const struct row *row, struct weir_err *err)
{
	struct out *out = &c->ctx->out;
	if (c->format) {
		return format_print(c->format, row, &c->style, out, err);
	}
	if (c->json) {
		envelope_print(out, row, &c->style.envelope);
		out_byte(out, '\n');
		return WEIR_OK;
	}
	if (c->args->key_delim) {
		put_text(c, row->key);
		out_bytes(out, c->key_delim.data, c->key_delim.len);
	}
	put_text(c, row->value);
	out_bytes(out, c->delim.data, c->delim.len);
	return WEIR_OK;
}

/* Whether an error that names one record or batch may be passed over; says so, the first times. */
static bool skips(struct consume *c, enum weir_code code, const struct weir_err *why)
{
	enum { SHOWN = 3 };
	bool data = code == WEIR_BAD_DATA || code == WEIR_TOO_LARGE ||
		    code == WEIR_CORRUPT_MESSAGE || code == WEIR_UNSUPPORTED_COMPRESSION_TYPE;
	if (!data || c->args->on_error == ON_ERROR_FAIL) {
		return false;
	}
	if (c->skipped++ < SHOWN) {
		ctx_warn(c->ctx, "skipped: %s", why->text);
	}
	return true;
}

/* All of row, or nothing of it. */
static enum weir_code put_or_skip(
	struct consume *c, const struct row *row, bool *printed, struct weir_err *err)
{
	struct out *out = &c->ctx->out;
	struct weir_err why;
	size_t mark = out_mark(out);
	enum weir_code code = put_row(c, row, &why);
	*printed = code == WEIR_OK;
	if (*printed) {
		out_keep(out);
		return WEIR_OK;
	}
	out_drop(out, mark);
	if (c->args->on_error == ON_ERROR_RAW && code == WEIR_BAD_DATA) {
		put_text(c, row->value);
		out_bytes(out, c->delim.data, c->delim.len);
		*printed = true;
		return WEIR_OK;
	}
	if (skips(c, code, &why)) {
		return WEIR_OK;
	}
	*err = why;
	return code;
}

static enum weir_code take_record(
	struct consume *c, const struct consumed *got, struct weir_err *err)
{
	struct target *target = find_target(c, got->topic);
	struct span *span = &target->spans[got->partition];
	struct row row;
	bool wanted;
	if (got->record.offset < span->wanted) {
		return WEIR_OK;
	}
	if (span->until_ms >= 0 && got->record.timestamp >= span->until_ms) {
		consumer_finish(c->consumer, target->name, got->partition);
		return WEIR_OK;
	}
	make_row(c, target, got, &row);
	enum weir_code code = filters_match(c->filters, &row, &wanted, err);
	if (code != WEIR_OK) {
		return err_wrap(err, "record at offset %" PRId64, row.offset);
	}
	if (!wanted) {
		return WEIR_OK;
	}
	bool printed;
	code = put_or_skip(c, &row, &printed, err);
	if (code != WEIR_OK || !printed) {
		return code;
	}
	c->printed++;
	if (++span->printed == c->args->per_partition) {
		consumer_finish(c->consumer, target->name, got->partition);
	}
	return WEIR_OK;
}

static void take_batch(struct consume *c, const struct consumed *got)
{
	struct slice bytes = got->batch->bytes;
	out_bytes(&c->ctx->out, bytes.data, bytes.len);
	c->printed += got->batch->record_count > 0 ? got->batch->record_count : 1;
}

/* Whether to go on: not after Ctrl-C, or when standard output is full or gone. */
static bool goes_on(const struct consume *c)
{
	bool enough = c->args->count >= 0 && c->printed >= c->args->count;
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
				consumer_finish(c->consumer, target->name, k);
			}
		}
	}
}

/* Nothing is here. *wait_ms: how long to wait for something; false: it was too long. */
static bool on_idle(struct consume *c, int64_t *wait_ms)
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
	int64_t wait_ms = 0, taken = 0;
	bool ended = false;
	while (goes_on(c)) {
		enum consumer_event event;
		struct consumed got;
		enum weir_code code =
			c->args->batches
				? consumer_next_batch(c->consumer, wait_ms, &event, &got, err)
				: consumer_next(c->consumer, wait_ms, &event, &got, err);
		if (code != WEIR_OK && skips(c, code, err)) {
			continue;
		}
		if (code != WEIR_OK || (event == CONSUMER_DONE && !c->group)) {
			return code;
		}
		if (event != CONSUMER_RECORD) {
			if (!on_idle(c, &wait_ms)) {
				return WEIR_OK;
			}
			code = on_idle_member(c, event == CONSUMER_DONE, wait_ms, &ended, err);
			if (code != WEIR_OK || ended) {
				return code;
			}
			continue;
		}
		wait_ms = 0;
		c->quiet_ms = -1;
		if (c->args->batches) {
			take_batch(c, &got);
		} else {
			code = take_record(c, &got, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
		if (++taken % LOOK_EVERY == 0 && clock_mono_ms() - c->flushed_ms > FLUSH_EVERY_MS) {
			consume_flush(c);
			code = on_idle_member(c, false, 0, &ended, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}
