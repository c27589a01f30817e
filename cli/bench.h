/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bench commands share: times, their percentiles and pictures, the row of figures. */
#pragma once

#include "cli/command.h"
#include "cli/connect.h"
#include "core/client/client.h"

/* Times in ns, kept to 1.6 % whatever their size. */
enum { TIMES_SUB_BITS = 6, TIMES_BUCKETS = (64 - TIMES_SUB_BITS + 1) << TIMES_SUB_BITS };
struct times {
	uint64_t counts[TIMES_BUCKETS];
	int64_t count, max_ns;
};
void times_add(struct times *times, int64_t ns);
/* Smallest time that at least part (0 to 1) of all do not exceed; 0 without any. */
int64_t times_at(const struct times *times, double part);

/* Options of all of them. */
struct bench_args {
	int64_t records, size_bytes;
	const char *rate;
	bool plot;
	const char *plot_file;
	int codec, acks;
};
#define BENCH_OPT_PLOT                                                                             \
	OPT_BOOL(struct bench_args, plot, .name = "plot",                                          \
		.help = "Draws how the times are spread, below the figures."),                     \
		OPT_STR(struct bench_args, plot_file, .name = "plot-file", .arg = "FILE",          \
			.help = "Draws it into FILE, as SVG.")
extern const struct column bench_columns[];

/* One run and its figures. */
struct bench {
	struct ctx *ctx;
	const struct bench_args *args;
	const char *operation, *topic;
	int64_t records, bytes;
	int64_t rate_count, rate_span_ms; /* records each span; count 0: as fast as goes */
	int64_t begin_ns, end_ns;
	struct times *times; /* NULL: none were taken */
};

/* Errors: USAGE for a dry run. */
WEIR_MUST_USE enum weir_code bench_check(const struct ctx *ctx, struct weir_err *err);
/* When record number (from 0) is due; now_ns when there is no rate. */
int64_t bench_due_ns(const struct bench *bench, int64_t number, int64_t now_ns);
/* size_bytes of printable filling that compresses about as text does. Freed by mem_free. */
char *bench_filling(int64_t size_bytes);
/* Prints the row, and the pictures that were asked for. Errors: IO. */
WEIR_MUST_USE enum weir_code bench_report(struct bench *bench, struct weir_err *err);

/* Bars, one a power of two, to out; and to path as SVG. Errors of the second: IO, NO_SPACE. */
void bench_plot(struct out *out, const struct times *times);
WEIR_MUST_USE enum weir_code bench_plot_svg(
	const char *path, const char *title, const struct times *times, struct weir_err *err);
