/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/bench.h"

#include "core/base/mem.h"
#include "core/base/number.h"

#include <stdio.h>
#include <string.h>

const struct column bench_columns[] = {
	{"operation", COLUMN_TEXT, "produce, consume or latency."},
	{"topic", COLUMN_TEXT, "Topic of the run."},
	{"records", COLUMN_NUMBER, "Records counted."},
	{"bytes", COLUMN_BYTES, "Keys and values."},
	{"elapsed", COLUMN_NUMBER, "Milliseconds from the first record to the last answer."},
	{"records_per_s", COLUMN_NUMBER, "Records a second."},
	{"bytes_per_s", COLUMN_BYTES, "Bytes a second."},
	{"p50_us", COLUMN_NUMBER,
		"Half of the times are not above it; microseconds, null where none were taken."},
	{"p90_us", COLUMN_NUMBER, "As p50_us, for 90 of 100."},
	{"p99_us", COLUMN_NUMBER, "As p50_us, for 99 of 100."},
	{"p999_us", COLUMN_NUMBER, "As p50_us, for 999 of 1000."},
	{"max_us", COLUMN_NUMBER, "The longest time."},
	{NULL, COLUMN_TEXT, NULL},
};

/* Below 2^TIMES_SUB_BITS each its own; then TIMES_SUB_BITS bits below the highest one. */
static size_t bucket_of(uint64_t ns)
{
	if (ns < 1U << TIMES_SUB_BITS) {
		return (size_t)ns;
	}
	unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - TIMES_SUB_BITS;
	return ((size_t)(shift + 1) << TIMES_SUB_BITS) +
	       (size_t)((ns >> shift) - (1U << TIMES_SUB_BITS));
}

/* Largest time of the bucket. */
static int64_t bucket_end(size_t bucket)
{
	size_t shift = bucket >> TIMES_SUB_BITS;
	if (!shift) {
		return (int64_t)bucket;
	}
	uint64_t sub = (bucket & ((1U << TIMES_SUB_BITS) - 1)) + (1U << TIMES_SUB_BITS);
	return (int64_t)(((sub + 1) << (shift - 1)) - 1);
}

void times_add(struct times *times, int64_t ns)
{
	ns = ns < 0 ? 0 : ns;
	times->counts[bucket_of((uint64_t)ns)]++;
	times->count++;
	times->max_ns = ns > times->max_ns ? ns : times->max_ns;
}

int64_t times_at(const struct times *times, double part)
{
	double wanted = part * (double)times->count;
	uint64_t seen = 0;
	for (size_t i = 0; i < TIMES_BUCKETS && times->count; i++) {
		seen += times->counts[i];
		if (seen && (double)seen >= wanted) {
			int64_t end = bucket_end(i);
			return end < times->max_ns ? end : times->max_ns;
		}
	}
	return times->max_ns;
}

enum weir_code bench_check(const struct ctx *ctx, struct weir_err *err)
{
	return ctx->globals.dry_run ? err_set(err, WEIR_USAGE, "a dry run has nothing to measure")
				    : WEIR_OK;
}

int64_t bench_due_ns(const struct bench *bench, int64_t number, int64_t now_ns)
{
	if (!bench->rate_count) {
		return now_ns;
	}
	int64_t count = bench->rate_count, span_ns = bench->rate_span_ms * 1000000;
	return bench->begin_ns + number / count * span_ns +
	       (int64_t)((double)(number % count) / (double)count * (double)span_ns);
}

char *bench_filling(int64_t size_bytes)
{
	static const char words[] =
		"the offset of a record is its place in the partition and never "
		"changes; 0123456789 ABCDEF ";
	char *filling = mem_new((size_t)size_bytes + 1);
	uint32_t state = 1;
	for (int64_t i = 0; i < size_bytes; i++) {
		state = state * 1664525 + 1013904223;
		/* every eighth character is random: no codec gets all of it for nothing */
		filling[i] = i % 8 ? words[(size_t)i % (sizeof(words) - 1)]
				   : (char)('a' + (state >> 24) % 26);
	}
	return filling;
}

static void put_times(struct table *table, const struct times *times)
{
	static const double parts[] = {0.5, 0.9, 0.99, 0.999};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		table_known(table, times ? times_at(times, parts[i]) / 1000 : -1);
	}
	table_known(table, times ? times->max_ns / 1000 : -1);
}

enum weir_code bench_report(struct bench *bench, struct weir_err *err)
{
	int64_t elapsed_ns = bench->end_ns > bench->begin_ns ? bench->end_ns - bench->begin_ns : 1;
	double seconds = (double)elapsed_ns / 1e9;
	struct table *table = table_new(bench->ctx, bench_columns);
	table_text(table, bench->operation);
	table_text(table, bench->topic);
	table_number(table, bench->records);
	table_number(table, bench->bytes);
	table_number(table, elapsed_ns / 1000000);
	table_number(table, (int64_t)((double)bench->records / seconds));
	table_number(table, (int64_t)((double)bench->bytes / seconds));
	put_times(table, bench->times);
	table_end(&table);
	bool text = bench->ctx->globals.output == OUTPUT_TEXT;
	if (bench->args->plot && bench->times && text) {
		bench_plot(&bench->ctx->out, bench->times);
	}
	if (bench->args->plot_file && bench->times) {
		char title[300];
		snprintf(title, sizeof(title), "weir bench %s %s", bench->operation, bench->topic);
		return bench_plot_svg(bench->args->plot_file, title, bench->times, err);
	}
	return WEIR_OK;
}
