/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Metrics (metrics.def): counted without locks in slots of each thread's own, summed when read.
 *
 * A thread attaches to a struct stat and counts from then on; a thread that did not counts nothing.
 * Slots outlive their thread, so a sum never falls.
 */
#pragma once

#include "core/base/buf.h"

enum stat_kind { STAT_COUNTER, STAT_GAUGE, STAT_HISTOGRAM };

enum {
	STAT_BUCKETS = 26, /* up to 1 us, 2 us, 4 us ... 16.8 s, and the rest */
	STAT_SLOTS_COUNTER = 1,
	STAT_SLOTS_GAUGE = 1,
	STAT_SLOTS_HISTOGRAM = STAT_BUCKETS + 1, /* the sum in ns is last */
};

enum stat_metric {
#define METRIC(name, kind, room, ...) STAT_##name,
#include "core/stat/metrics.def"
#undef METRIC
	STAT_METRIC_COUNT
};

/* Where each metric's slots begin. */
struct stat_layout {
#define METRIC(name, kind, room, ...) uint64_t name[(room)*STAT_SLOTS_##kind];
#include "core/stat/metrics.def"
#undef METRIC
};
enum { STAT_SLOTS = sizeof(struct stat_layout) / sizeof(uint64_t) };

struct stat_row {
	const char *name;
	enum stat_kind kind;
	size_t slot;	   /* the first */
	size_t room;	   /* label values */
	const char *unit;  /* "bytes", "seconds" or NULL */
	const char *label; /* NULL when room is 1 */
	const char *help;
	const char *detail; /* may be NULL */
};
const struct stat_row *stat_row(enum stat_metric metric);

struct stat;
struct stat *stat_new(void);
/* No thread may be attached any more. */
void stat_free(struct stat **stat);

/* The calling thread counts into stat until it attaches elsewhere; NULL: into nothing. */
void stat_attach(struct stat *stat);

/* n may be negative for a gauge. label: 0 where the metric has none. */
void stat_add_label(enum stat_metric metric, size_t label, int64_t n);
static inline void stat_add(enum stat_metric metric, int64_t n)
{
	stat_add_label(metric, 0, n);
}
/* Puts a time into a histogram. */
void stat_time(enum stat_metric metric, size_t label, int64_t ns);

/* Sum over the threads; of a histogram, how many times were put in. Any thread. */
int64_t stat_read(struct stat *stat, enum stat_metric metric, size_t label);

/* What a label's values are called; without it, or where it gives NULL, their number. */
void stat_name_labels(
	struct stat *stat, enum stat_metric metric, const char *(*name)(size_t label));

/* Appends all in Prometheus' text form 0.0.4. Labelled ones that never counted are left out. */
void stat_text(struct stat *stat, struct buf *out);

/* For what is not counted but looked up when asked: a family's head, then its samples. */
void stat_put_family(struct buf *out, const char *name, enum stat_kind kind, const char *help);
/* labels: name, value, name, value ... NULL. */
void stat_put_sample(struct buf *out, const char *name, const char *const *labels, int64_t value);
