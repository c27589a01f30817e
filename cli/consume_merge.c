/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --merge: a k-way merge of partitions by timestamp. Each partition lends one batch at a time, and
 * is paused while records of it are left, so memory stays at a batch a partition however far apart
 * their times are. Within a partition the order stays, whatever its timestamps say.
 *
 * The record with the lowest timestamp is printed once every partition that is not at its end has
 * one to compare with. Without -e a partition may have none for long: then a record waits for it no
 * longer than the slack.
 */
#include "cli/consume_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <string.h>

struct source {
	struct target *target;
	int32_t partition;
	size_t order; /* of equal timestamps */
	struct buf bytes;
	struct batch batch;
	struct record_reader reader;
	struct consumed head; /* while in the heap */
	bool has_head, done;
	int64_t came_ms; /* mono: when the batch came */
};

struct merge {
	struct consume *c;
	struct source *sources;
	size_t count;
	size_t missing;	      /* sources without a head that are not done */
	struct source **heap; /* lowest head first */
	size_t heap_count;
	bool exact; /* every partition ends */
};

static bool before(const struct source *a, const struct source *b)
{
	int64_t x = a->head.record.timestamp, y = b->head.record.timestamp;
	return x != y ? x < y : a->order < b->order;
}

static void heap_push(struct merge *m, struct source *source)
{
	size_t at = m->heap_count++;
	for (; at && before(source, m->heap[(at - 1) / 2]); at = (at - 1) / 2) {
		m->heap[at] = m->heap[(at - 1) / 2];
	}
	m->heap[at] = source;
}

static struct source *heap_pop(struct merge *m)
{
	struct source *top = m->heap[0], *last = m->heap[--m->heap_count];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < m->heap_count; at = child) {
		if (child + 1 < m->heap_count && before(m->heap[child + 1], m->heap[child])) {
			child++;
		}
		if (!before(m->heap[child], last)) {
			break;
		}
		m->heap[at] = m->heap[child];
	}
	m->heap[at] = last;
	return top;
}

static const struct span *span_of(const struct source *source)
{
	return &source->target->spans[source->partition];
}

static void pause_source(struct merge *m, struct source *source, bool paused)
{
	consumer_pause(m->c->consumer, source->target->name, source->partition, paused);
}

/* Whether nothing more will come of a source without a head. */
static bool is_over(const struct merge *m, const struct source *source)
{
	const struct span *span = span_of(source);
	int64_t position =
		consumer_position(m->c->consumer, source->target->name, source->partition);
	return span->over ||
	       (span->end >= 0 && (position >= span->end || span->end <= span->begin));
}

static void note_ends(struct merge *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct source *source = &m->sources[i];
		if (!source->has_head && !source->done && is_over(m, source)) {
			source->done = true;
			m->missing--;
		}
	}
}

/* The next record of the batch that the source holds becomes its head; else it wants a batch. */
static enum weir_code advance(struct merge *m, struct source *source, struct weir_err *err)
{
	const struct span *span = span_of(source);
	struct record *record = &source->head.record;
	bool got = false;
	enum weir_code code = WEIR_OK;
	do {
		code = span->over ? WEIR_OK
				  : record_reader_next(&source->reader, record, &got, err);
	} while (code == WEIR_OK && got && record->offset < span->begin);
	source->has_head = code == WEIR_OK && got && !span->over &&
			   (span->end < 0 || record->offset < span->end);
	if (source->has_head) {
		heap_push(m, source);
		return WEIR_OK;
	}
	m->missing++;
	pause_source(m, source, false);
	return code;
}

static enum weir_code take_batch(struct merge *m, const struct consumed *got, struct weir_err *err)
{
	struct source *source = NULL;
	for (size_t i = 0; i < m->count && !source; i++) {
		struct source *each = &m->sources[i];
		if (each->partition == got->partition &&
			strcmp(each->target->name, got->topic) == 0) {
			source = each;
		}
	}
	buf_reset(&source->bytes);
	buf_add(&source->bytes, got->batch->bytes.data, got->batch->bytes.len);
	if (source->bytes.failed) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for a batch of %zu bytes",
			got->batch->bytes.len);
	}
	source->batch = *got->batch;
	source->batch.bytes = slice_of(source->bytes.data, source->bytes.len);
	source->head = (struct consumed){.topic = source->target->name,
		.partition = source->partition,
		.batch = &source->batch};
	source->came_ms = clock_mono_ms();
	enum weir_code code = record_reader_start(&source->reader, &source->batch, err);
	if (code != WEIR_OK) {
		return code;
	}
	m->missing--;
	pause_source(m, source, true);
	return advance(m, source, err);
}

/* Prints the lowest head. */
static enum weir_code put_lowest(struct merge *m, struct weir_err *err)
{
	struct source *source = heap_pop(m);
	enum weir_code code = consume_take_record(m->c, &source->head, err);
	return code == WEIR_OK ? advance(m, source, err) : code;
}

/* How long the lowest head has to wait yet; 0: not at all, -1: there is none, or until all are
 * there.
 */
static int64_t left_ms(const struct merge *m)
{
	if (!m->heap_count || (m->missing && m->exact)) {
		return -1;
	}
	if (!m->missing) {
		return 0;
	}
	int64_t left = m->heap[0]->came_ms + m->c->slack_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

/* Takes in a batch, or waits. *end: nothing will come any more, or it was too long. */
static enum weir_code take_in(struct merge *m, int64_t *wait_ms, bool *end, struct weir_err *err)
{
	enum consumer_event event;
	struct consumed got;
	enum weir_code code = consumer_next_batch(m->c->consumer, *wait_ms, &event, &got, err);
	if (code == WEIR_OK && event == CONSUMER_RECORD) {
		*wait_ms = 0;
		code = take_batch(m, &got, err);
	} else if (code == WEIR_OK && event == CONSUMER_IDLE) {
		bool quiet = m->heap_count != 0;
		*end = !consume_idle(m->c, wait_ms) && !quiet;
		int64_t left = left_ms(m);
		*wait_ms = left >= 0 && left < *wait_ms ? left : *wait_ms;
	}
	if (code != WEIR_OK && consume_skips(m->c, code, err)) {
		code = WEIR_OK;
	}
	note_ends(m);
	return code;
}

static enum weir_code run(struct merge *m, struct weir_err *err)
{
	int64_t wait_ms = 0;
	bool end = false;
	enum weir_code code = WEIR_OK;
	note_ends(m);
	while (code == WEIR_OK && consume_goes_on(m->c) && !end) {
		if (left_ms(m) == 0) {
			code = put_lowest(m, err);
			if (code != WEIR_OK && consume_skips(m->c, code, err)) {
				code = WEIR_OK;
			}
			consume_busy(m->c);
		} else if (!m->missing && !m->heap_count) {
			end = true;
		} else {
			code = take_in(m, &wait_ms, &end, err);
		}
	}
	return code;
}

static size_t count_sources(const struct consume *c, bool *exact)
{
	size_t count = 0;
	*exact = true;
	for (size_t i = 0; i < c->target_count; i++) {
		for (int32_t k = 0; k < c->targets[i].count; k++) {
			count += c->targets[i].spans[k].chosen;
			*exact = *exact && (!c->targets[i].spans[k].chosen ||
						   c->targets[i].spans[k].end >= 0);
		}
	}
	return count;
}

enum weir_code consume_read_merged(struct consume *c, struct weir_err *err)
{
	struct merge m = {.c = c};
	size_t count = count_sources(c, &m.exact);
	m.sources = mem_array(count + 1, sizeof(*m.sources));
	m.heap = mem_array(count + 1, sizeof(struct source *));
	for (size_t i = 0; i < c->target_count; i++) {
		for (int32_t k = 0; k < c->targets[i].count; k++) {
			if (!c->targets[i].spans[k].chosen) {
				continue;
			}
			struct source *source = &m.sources[m.count];
			*source = (struct source){
				.target = &c->targets[i], .partition = k, .order = m.count++};
			buf_init(&source->bytes, 0);
			record_reader_init(&source->reader, LIMIT_DECOMPRESSED_DEFAULT);
		}
	}
	m.missing = m.count;
	enum weir_code code = run(&m, err);
	for (size_t i = 0; i < m.count; i++) {
		buf_fini(&m.sources[i].bytes);
		record_reader_fini(&m.sources[i].reader);
	}
	mem_free(m.sources);
	mem_free(m.heap);
	return code;
}
