/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --out and --state: where records go and how far they have come, on disk together. A checkpoint
 * first makes durable what was written, then saves the offsets behind it with the lengths of the
 * files; a run that dies in between begins again at the one before.
 */
#include "cli/consume_priv.h"

#include "cli/client_props.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#include <inttypes.h>

enum { CHECKPOINT_MS = 1000, IDLE_FILE_MS = 60 * 1000 };

static const char *wanted_state(const struct consume *c)
{
	static const char prefix[] = "state:";
	const struct opt_list *offsets = &c->args->offsets;
	bool given = offsets->count == 1 && strncmp(offsets->items[0], prefix, 6) == 0;
	return given ? offsets->items[0] + 6 : NULL;
}

bool consume_offset_is_state(const struct consume *c)
{
	return wanted_state(c) != NULL;
}

enum weir_code consume_state_open(struct consume *c, struct weir_err *err)
{
	const struct consume_args *a = c->args;
	const char *from = wanted_state(c);
	enum weir_code code = WEIR_OK;
	c->checkpoint_every_ms = CHECKPOINT_MS;
	code = client_prop_number(
		c->ctx, "auto.commit.interval.ms", 0, INT32_MAX, &c->checkpoint_every_ms, err);
	if (code == WEIR_OK && a->state) {
		code = state_open(a->state, true, &c->state, err);
		c->keeps_state = true;
	} else if (code == WEIR_OK && from) {
		code = state_open(from, false, &c->state, err);
		if (code == WEIR_OK && state_is_new(c->state)) {
			code = err_set(err, WEIR_NOT_FOUND, "%s: no such file", from);
		}
	}
	if (code == WEIR_OK && a->out) {
		code = sink_open(c->out_format, c->keeps_state ? c->state : NULL, &c->sink, err);
	}
	c->checkpoint_ms = clock_mono_ms();
	return code;
}

void consume_state_close(struct consume *c)
{
	sink_close(&c->sink);
	state_close(&c->state);
	format_free(&c->out_format);
}

enum weir_code consume_state_apply(
	struct consume *c, const struct target *target, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (c->state) {
		code = state_topic(c->state, target->name, target->id, err);
	}
	if (code == WEIR_INCONSISTENT_TOPIC_ID) {
		hint_set(
			&c->ctx->hint, "its offsets mean nothing now: begin with a new state file");
	}
	for (int32_t i = 0; c->state && i < target->count && code == WEIR_OK; i++) {
		struct span *span = &target->spans[i];
		int64_t offset = state_offset(c->state, target->name, i);
		if (!span->chosen || offset < 0) {
			continue;
		}
		if (offset > span->last && offset > span->first) {
			return err_set(err, WEIR_OFFSET_OUT_OF_RANGE,
				"topic \"%s\" partition %" PRId32 " ends at offset %" PRId64
				", the state is at %" PRId64,
				target->name, i, span->last, offset);
		}
		span->wanted = offset;
		span->begin = offset > span->first ? offset : span->first;
	}
	return code;
}

static void note_offsets(struct consume *c)
{
	for (size_t i = 0; i < c->target_count; i++) {
		const struct target *target = &c->targets[i];
		for (int32_t k = 0; k < target->count; k++) {
			if (!target->spans[k].chosen) {
				continue;
			}
			int64_t offset = consumer_position(c->consumer, target->name, k);
			offset = offset < 0 ? target->spans[k].begin : offset;
			state_set_offset(c->state, target->name, k, offset);
		}
	}
}

static enum weir_code save(struct consume *c, struct weir_err *err)
{
	return c->keeps_state ? state_save(c->state, err) : WEIR_OK;
}

static enum weir_code checkpoint(struct consume *c, int64_t idle_ms, struct weir_err *err)
{
	bool any = false;
	enum weir_code code = out_flush(&c->ctx->out, err);
	if (code == WEIR_OK && c->sink) {
		code = sink_checkpoint(c->sink, err);
	}
	if (code == WEIR_OK && c->keeps_state) {
		note_offsets(c);
		code = save(c, err);
	}
	if (code == WEIR_OK && c->sink) {
		code = sink_finish(c->sink, idle_ms, &any, err);
	}
	if (code == WEIR_OK && any) {
		code = save(c, err);
	}
	c->checkpoint_ms = clock_mono_ms();
	return code;
}

enum weir_code consume_state_step(struct consume *c, struct weir_err *err)
{
	if (!c->keeps_state || clock_mono_ms() - c->checkpoint_ms < c->checkpoint_every_ms) {
		return WEIR_OK;
	}
	return checkpoint(c, IDLE_FILE_MS, err);
}

enum weir_code consume_state_end(struct consume *c, struct weir_err *err)
{
	return c->keeps_state || c->sink ? checkpoint(c, 0, err) : WEIR_OK;
}

enum weir_code consume_state_check(struct consume *c, struct weir_err *err)
{
	const struct consume_args *a = c->args;
	bool moved = a->merge || a->latest || a->group || c->tail;
	if ((a->state || consume_offset_is_state(c)) && moved) {
		return err_set(err, WEIR_USAGE, "a state goes with none of %s, -g, tail",
			"--merge, --latest-by-key");
	}
	if (a->out && a->group) {
		return err_set(err, WEIR_USAGE,
			"--out and -g exclude each other: --state keeps the "
			"offsets of files");
	}
	if (!a->out) {
		return WEIR_OK;
	}
	if (!json_text_ok(slice_str(a->out))) {
		return err_set(err, WEIR_USAGE, "--out: the path is not UTF-8");
	}
	enum weir_code code = format_new(a->out, &c->out_format, err);
	return code == WEIR_OK ? code : err_wrap(err, "--out");
}
