/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tail: the last N records of all partitions together, by timestamp. The last N of each partition
 * are looked for backwards from its end, in windows that grow, since offsets may have gaps and
 * filters may let few pass; of those the N latest are printed.
 */
#include "cli/consume_priv.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <string.h>

/* The last rows of a partition, at most as many as are asked for: a ring while a window is read. */
struct ends {
	struct target *target;
	int32_t partition;
	struct row **rows; /* in order, once a window is over */
	size_t count;
	struct row **ring;
	size_t ring_count, ring_next;
	int64_t from; /* everything from here on has been read */
	int64_t window;
	bool whole; /* enough, or from is the first */
};

struct tail {
	struct consume *c;
	struct ends *all;
	size_t count, want;
};

static struct span *span_of(const struct ends *ends)
{
	return &ends->target->spans[ends->partition];
}

static void add_targets(struct tail *t)
{
	struct consume *c = t->c;
	for (size_t i = 0; i < c->target_count; i++) {
		for (int32_t k = 0; k < c->targets[i].count; k++) {
			const struct span *span = &c->targets[i].spans[k];
			if (!span->chosen) {
				continue;
			}
			t->all = mem_grow(t->all, t->count + 1, sizeof(*t->all));
			t->all[t->count++] = (struct ends){.target = &c->targets[i],
				.partition = k,
				.rows = mem_array(t->want + 1, sizeof(struct row *)),
				.ring = mem_array(t->want + 1, sizeof(struct row *)),
				.from = span->last,
				.window = (int64_t)t->want,
				.whole = !t->want || span->first >= span->last};
		}
	}
}

/* Reads one window more of each partition that has not enough. *any: there was one. */
static enum weir_code assign_windows(struct tail *t, bool *any, struct weir_err *err)
{
	*any = false;
	for (size_t i = 0; i < t->count; i++) {
		struct ends *ends = &t->all[i];
		const struct span *span = span_of(ends);
		if (ends->whole) {
			continue;
		}
		int64_t room = ends->from - span->first;
		int64_t from = ends->from - (ends->window < room ? ends->window : room);
		enum weir_code code = consumer_assign(
			t->c->consumer, ends->target->name, ends->partition, from, ends->from, err);
		if (code != WEIR_OK) {
			return code;
		}
		ends->from = from;
		ends->window = ends->window < INT64_MAX / 4 ? ends->window * 4 : ends->window;
		*any = true;
	}
	return WEIR_OK;
}

static enum weir_code keep(struct tail *t, const struct consumed *got, struct weir_err *err)
{
	struct ends *ends = t->all;
	while (ends->partition != got->partition || strcmp(ends->target->name, got->topic) != 0) {
		ends++;
	}
	struct row row, decoded;
	const struct row *seen = &row;
	bool wanted;
	consume_make_row(t->c, ends->target, got, &row);
	enum weir_code code = consume_wants(t->c, &seen, &decoded, &wanted, err);
	if (code != WEIR_OK || !wanted) {
		return code;
	}
	struct row *copy = row_try_dup(&row);
	if (!copy) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for so many records");
	}
	size_t room = t->want - ends->count;
	if (ends->ring_count == room) {
		mem_free(ends->ring[ends->ring_next]);
	} else {
		ends->ring_count++;
	}
	ends->ring[ends->ring_next] = copy;
	ends->ring_next = (ends->ring_next + 1) % room;
	return WEIR_OK;
}

/* What the window gave comes before what is there. */
static void close_window(struct tail *t, struct ends *ends)
{
	size_t room = t->want - ends->count, n = ends->ring_count;
	if (ends->whole) {
		return;
	}
	memmove(ends->rows + n, ends->rows, ends->count * sizeof(*ends->rows));
	for (size_t i = 0; i < n; i++) {
		ends->rows[i] = ends->ring[(ends->ring_next + room - n + i) % room];
	}
	ends->count += n;
	ends->ring_count = ends->ring_next = 0;
	ends->whole = ends->count == t->want || ends->from <= span_of(ends)->first;
}

static enum weir_code read_windows(struct tail *t, struct weir_err *err)
{
	enum { WAIT_MS = 100 };
	enum consumer_event event = CONSUMER_IDLE;
	while (event != CONSUMER_DONE && consume_goes_on(t->c)) {
		struct consumed got;
		enum weir_code code = consumer_next(t->c->consumer, WAIT_MS, &event, &got, err);
		if (code == WEIR_OK && event == CONSUMER_RECORD) {
			code = keep(t, &got, err);
		}
		if (code != WEIR_OK && !consume_skips(t->c, code, err)) {
			return code;
		}
	}
	for (size_t i = 0; i < t->count; i++) {
		close_window(t, &t->all[i]);
	}
	return WEIR_OK;
}

/* The partition whose last (or first) row has the highest (lowest) timestamp; NULL: none has one.
 */
static struct ends *pick(const struct tail *t, const size_t *taken, bool latest)
{
	struct ends *best = NULL;
	int64_t best_ts = 0;
	for (size_t i = 0; i < t->count; i++) {
		const struct ends *ends = &t->all[i];
		if (taken[i] == ends->count) {
			continue;
		}
		size_t at = latest ? ends->count - 1 - taken[i] : taken[i];
		int64_t ts = ends->rows[at]->timestamp;
		if (!best || (latest ? ts >= best_ts : ts < best_ts)) {
			best = &t->all[i];
			best_ts = ts;
		}
	}
	return best;
}

static enum weir_code print_latest(struct tail *t, struct weir_err *err)
{
	size_t *taken = mem_array(t->count + 1, sizeof(*taken));
	size_t left = t->want;
	for (struct ends *ends; left && (ends = pick(t, taken, true)); left--) {
		taken[ends - t->all]++;
	}
	for (size_t i = 0; i < t->count; i++) {
		taken[i] = t->all[i].count - taken[i]; /* from here on they are printed */
	}
	enum weir_code code = WEIR_OK;
	for (struct ends *ends;
		code == WEIR_OK && consume_goes_on(t->c) && (ends = pick(t, taken, false));) {
		struct row *row = ends->rows[taken[ends - t->all]++];
		bool printed;
		row->number = t->c->printed + 1;
		code = consume_put(t->c, row, &printed, err);
	}
	mem_free(taken);
	return code;
}

static enum weir_code assign_rest(struct tail *t, struct weir_err *err)
{
	for (size_t i = 0; i < t->count; i++) {
		struct ends *ends = &t->all[i];
		struct span *span = span_of(ends);
		span->begin = span->wanted = span->last;
		span->end = -1;
		enum weir_code code = consumer_assign(
			t->c->consumer, ends->target->name, ends->partition, span->last, -1, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

enum weir_code consume_tail(struct consume *c, struct weir_err *err)
{
	struct tail t = {.c = c, .want = (size_t)c->args->tail};
	add_targets(&t);
	bool any = true;
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && any && consume_goes_on(c)) {
		code = assign_windows(&t, &any, err);
		if (code == WEIR_OK && any) {
			code = read_windows(&t, err);
		}
	}
	if (code == WEIR_OK) {
		code = print_latest(&t, err);
	}
	if (code == WEIR_OK && !c->args->exit_at_end) {
		code = assign_rest(&t, err);
	}
	for (size_t i = 0; i < t.count; i++) {
		for (size_t k = 0; k < t.all[i].count; k++) {
			mem_free(t.all[i].rows[k]);
		}
		mem_free(t.all[i].rows);
		mem_free(t.all[i].ring);
	}
	mem_free(t.all);
	return code;
}
