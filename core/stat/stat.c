/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread's slots are written by it alone, with plain loads and stores that readers may see at any
 * moment (relaxed atomics). Slots left by a thread are given to the next that attaches.
 */
#include "core/stat/stat.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const struct stat_row rows[] = {
#define METRIC(name_, kind_, room_, ...)                                                           \
	[STAT_##name_] = {.name = #name_,                                                          \
		.kind = STAT_##kind_,                                                              \
		.slot = offsetof(struct stat_layout, name_) / sizeof(uint64_t),                    \
		.room = (room_),                                                                   \
		__VA_ARGS__},
#include "core/stat/metrics.def"
#undef METRIC
};

struct slots {
	struct slots *next;
	struct stat *stat;
	bool taken; /* guarded by stat.lock */
	_Atomic uint64_t slot[STAT_SLOTS];
};

struct stat {
	pthread_mutex_t lock; /* guards the list; the slots need none */
	struct slots *all;
	const char *(*label_name[STAT_METRIC_COUNT])(size_t label);
};

static _Thread_local struct slots *mine;

const struct stat_row *stat_row(enum stat_metric metric)
{
	return &rows[metric];
}

struct stat *stat_new(void)
{
	struct stat *stat = mem_new(sizeof(*stat));
	pthread_mutex_init(&stat->lock, NULL);
	return stat;
}

void stat_free(struct stat **stat)
{
	if (!*stat) {
		return;
	}
	struct slots *next;
	for (struct slots *s = (*stat)->all; s; s = next) {
		WEIR_ASSERT(!s->taken);
		next = s->next;
		mem_free(s);
	}
	pthread_mutex_destroy(&(*stat)->lock);
	MEM_FREE(stat);
}

void stat_attach(struct stat *stat)
{
	if (mine) {
		struct stat *old = mine->stat;
		pthread_mutex_lock(&old->lock);
		mine->taken = false;
		pthread_mutex_unlock(&old->lock);
		mine = NULL;
	}
	if (!stat) {
		return;
	}
	pthread_mutex_lock(&stat->lock);
	struct slots *s = stat->all;
	while (s && s->taken) {
		s = s->next;
	}
	if (!s) {
		s = mem_new(sizeof(*s));
		s->stat = stat;
		s->next = stat->all;
		stat->all = s;
	}
	s->taken = true;
	pthread_mutex_unlock(&stat->lock);
	mine = s;
}

static void slot_add(size_t slot, uint64_t n)
{
	uint64_t now = atomic_load_explicit(&mine->slot[slot], memory_order_relaxed);
	atomic_store_explicit(&mine->slot[slot], now + n, memory_order_relaxed);
}

static size_t slots_each(const struct stat_row *row)
{
	return row->kind == STAT_HISTOGRAM ? STAT_SLOTS_HISTOGRAM : 1;
}

static size_t first_slot(const struct stat_row *row, size_t label)
{
	label = label < row->room ? label : row->room - 1;
	return row->slot + label * slots_each(row);
}

void stat_add_label(enum stat_metric metric, size_t label, int64_t n)
{
	if (mine) {
		slot_add(first_slot(&rows[metric], label), (uint64_t)n);
	}
}

/* The first bucket whose bound, 1 us << i, is not below ns. */
static size_t bucket_of(int64_t ns)
{
	uint64_t us = ns > 0 ? ((uint64_t)ns + 999) / 1000 : 0;
	size_t i = us <= 1 ? 0 : 64 - (size_t)__builtin_clzll(us - 1);
	return i < STAT_BUCKETS ? i : STAT_BUCKETS - 1;
}

void stat_time(enum stat_metric metric, size_t label, int64_t ns)
{
	const struct stat_row *row = &rows[metric];
	WEIR_ASSERT(row->kind == STAT_HISTOGRAM);
	if (mine) {
		size_t first = first_slot(row, label);
		slot_add(first + bucket_of(ns), 1);
		slot_add(first + STAT_BUCKETS, ns > 0 ? (uint64_t)ns : 0);
	}
}

/* Sums of count slots from first on. */
static void sum(struct stat *stat, size_t first, size_t count, uint64_t *out)
{
	memset(out, 0, count * sizeof(*out));
	pthread_mutex_lock(&stat->lock);
	for (struct slots *s = stat->all; s; s = s->next) {
		for (size_t i = 0; i < count; i++) {
			out[i] += atomic_load_explicit(&s->slot[first + i], memory_order_relaxed);
		}
	}
	pthread_mutex_unlock(&stat->lock);
}

int64_t stat_read(struct stat *stat, enum stat_metric metric, size_t label)
{
	const struct stat_row *row = &rows[metric];
	uint64_t values[STAT_SLOTS_HISTOGRAM];
	sum(stat, first_slot(row, label), slots_each(row), values);
	if (row->kind != STAT_HISTOGRAM) {
		return (int64_t)values[0];
	}
	uint64_t count = 0;
	for (size_t i = 0; i < STAT_BUCKETS; i++) {
		count += values[i];
	}
	return (int64_t)count;
}

void stat_name_labels(struct stat *stat, enum stat_metric metric, const char *(*name)(size_t label))
{
	stat->label_name[metric] = name;
}

/* Escapes for a label's value (quoted), or a help line (not). */
static void add_escaped(struct buf *out, const char *text, bool quoted)
{
	for (; *text; text++) {
		if (*text == '\n') {
			buf_add_str(out, "\\n");
		} else if (*text == '\\' || (quoted && *text == '"')) {
			buf_add_byte(out, '\\');
			buf_add_byte(out, (uint8_t)*text);
		} else {
			buf_add_byte(out, (uint8_t)*text);
		}
	}
}

void stat_put_family(struct buf *out, const char *name, enum stat_kind kind, const char *help)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	buf_printf(out, "# HELP %s ", name);
	add_escaped(out, help, false);
	buf_printf(out, "\n# TYPE %s %s\n", name, kinds[kind]);
}

void stat_put_sample(struct buf *out, const char *name, const char *const *labels, int64_t value)
{
	buf_add_str(out, name);
	for (size_t i = 0; labels && labels[i]; i += 2) {
		buf_printf(out, "%s%s=\"", i ? "," : "{", labels[i]);
		add_escaped(out, labels[i + 1], true);
		buf_add_str(out, "\"");
	}
	buf_printf(out, "%s %" PRId64 "\n", labels && labels[0] ? "}" : "", value);
}

enum { NAME_MAX_LEN = 96 };

static void put_histogram(
	struct buf *out, const char *name, const char *label, const char *value, const uint64_t *v)
{
	char full[NAME_MAX_LEN + 8], bound[32];
	uint64_t count = 0;
	const char *bucket_labels[5] = {"le", bound, label, value, NULL};
	const char *labels[3] = {label, value, NULL};
	snprintf(full, sizeof(full), "%s_bucket", name);
	for (unsigned i = 0; i < STAT_BUCKETS; i++) {
		count += v[i];
		if (i + 1 < STAT_BUCKETS) {
			snprintf(bound, sizeof(bound), "%.9g", (double)(UINT64_C(1) << i) / 1e6);
		} else {
			snprintf(bound, sizeof(bound), "+Inf");
		}
		stat_put_sample(out, full, bucket_labels, (int64_t)count);
	}
	buf_printf(out, "%s_sum", name);
	if (label) {
		buf_printf(out, "{%s=\"", label);
		add_escaped(out, value, true);
		buf_add_str(out, "\"}");
	}
	buf_printf(out, " %.9f\n", (double)v[STAT_BUCKETS] / 1e9);
	snprintf(full, sizeof(full), "%s_count", name);
	stat_put_sample(out, full, labels, (int64_t)count);
}

static bool all_zero(const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (values[i]) {
			return false;
		}
	}
	return true;
}

static void put_metric(struct stat *stat, enum stat_metric metric, struct buf *out)
{
	const struct stat_row *row = &rows[metric];
	char name[NAME_MAX_LEN], number[24];
	snprintf(name, sizeof(name), "weir_%s%s%s%s", row->name, row->unit ? "_" : "",
		row->unit ? row->unit : "", row->kind == STAT_COUNTER ? "_total" : "");
	stat_put_family(out, name, row->kind, row->help);
	for (size_t i = 0; i < row->room; i++) {
		uint64_t values[STAT_SLOTS_HISTOGRAM];
		sum(stat, first_slot(row, i), slots_each(row), values);
		if (row->label && all_zero(values, slots_each(row))) {
			continue;
		}
		const char *value = stat->label_name[metric] ? stat->label_name[metric](i) : NULL;
		if (!value) {
			snprintf(number, sizeof(number), "%zu", i);
			value = number;
		}
		const char *labels[3] = {row->label, value, NULL};
		if (row->kind == STAT_HISTOGRAM) {
			put_histogram(out, name, row->label, value, values);
		} else {
			stat_put_sample(out, name, labels, (int64_t)values[0]);
		}
	}
}

void stat_text(struct stat *stat, struct buf *out)
{
	for (int i = 0; i < STAT_METRIC_COUNT; i++) {
		put_metric(stat, (enum stat_metric)i, out);
	}
}
