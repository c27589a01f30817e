/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of consume, cat and tail share. */
#pragma once

#include "cli/consume_range.h"
#include "cli/context.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/sink.h"

struct consume_args {
	struct opt_list topics, offsets, filters;
	bool exit_at_end;
	int64_t count, per_partition;
	const char *partitions, *format;
	bool json;
	const char *key_delim, *delim, *null_text;
	int isolation;
	int encoding, on_error;
	bool json_values, attributes;
	bool control, batches, regex, raw;
	int64_t idle_ms, require;
	int64_t tail;
	bool latest;
	const char *decode, *out, *state;
	const char *merge; /* NULL: no; else a duration */
	const char *group;
	int commit; /* CONSUME_COMMIT_...; -1: not given */
	bool seek;
	int64_t deadline_ms; /* mono: ends then; 0: never */
};

/* Choices of --commit. */
enum { CONSUME_COMMIT_AFTER_PRINT, CONSUME_COMMIT_NONE };

/* What becomes of a record that cannot be read or printed. */
enum on_error { ON_ERROR_FAIL, ON_ERROR_SKIP, ON_ERROR_RAW };

/* A topic that is read; spans are indexed by partition. */
struct target {
	char *name;
	struct uuid id;
	struct span *spans;
	int32_t count;
};

struct consume {
	struct ctx *ctx;
	const struct consume_args *args;
	struct client *client;
	struct consumer *consumer;
	struct target *targets;
	size_t target_count;
	const char *seen_name; /* of the last record: the consumer's pointer */
	struct target *seen;
	bool committed, json, tail;
	struct latest *latest; /* of --latest-by-key; NULL: none */
	struct ranges ranges;
	struct filters *filters;
	struct out *out;   /* where records go */
	struct sink *sink; /* of --out; NULL: none */
	struct state *state;
	bool keeps_state; /* of --state, not only read */
	struct format *out_format;
	int64_t checkpoint_ms, checkpoint_every_ms;
	struct buf delim, key_delim, decoded;
	struct format *format;
	struct format_style style;
	struct row_headers headers;
	int64_t now_ms; /* wall, at the start */
	int64_t taken, printed, flushed_ms, skipped;
	int64_t slack_ms;	     /* of --merge */
	int64_t quiet_ms;	     /* mono: since when nothing came; -1: something just did */
	struct consume_group *group; /* of -g; NULL: none */
};

/* The topics of -t and of the words. Errors: UNKNOWN_TOPIC_OR_PARTITION with a hint, the broker's.
 */
WEIR_MUST_USE enum weir_code consume_find_topics(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err);
/* The target of a topic, with room for its partitions; made if need be. Others may move. */
struct target *consume_target(
	struct consume *c, const char *name, struct uuid id, int32_t partition_count);
/* Which partitions of target are read, from where to where; assigns them. Errors: USAGE, the
 * broker's.
 */
WEIR_MUST_USE enum weir_code consume_assign_target(
	struct consume *c, struct target *target, struct weir_err *err);
/* Reads and prints until there is a reason to end. */
WEIR_MUST_USE enum weir_code consume_read(struct consume *c, struct weir_err *err);
/* As consume_read, in the order of timestamps over all partitions. */
WEIR_MUST_USE enum weir_code consume_read_merged(struct consume *c, struct weir_err *err);

/* Whether the options of --out and --state go with the others. Errors: USAGE. */
WEIR_MUST_USE enum weir_code consume_state_check(struct consume *c, struct weir_err *err);
/* Errors: of state_open and sink_open. */
WEIR_MUST_USE enum weir_code consume_state_open(struct consume *c, struct weir_err *err);
void consume_state_close(struct consume *c);
bool consume_offset_is_state(const struct consume *c); /* -o state:FILE */
/* Where the state is, the spans of target begin. Errors: INCONSISTENT_TOPIC_ID,
 * OFFSET_OUT_OF_RANGE.
 */
WEIR_MUST_USE enum weir_code consume_state_apply(
	struct consume *c, const struct target *target, struct weir_err *err);
/* A checkpoint when it is time; between records only. */
WEIR_MUST_USE enum weir_code consume_state_step(struct consume *c, struct weir_err *err);
/* The last one: files get their names. */
WEIR_MUST_USE enum weir_code consume_state_end(struct consume *c, struct weir_err *err);

/* Prints the last records of all partitions, and assigns them from there on. */
WEIR_MUST_USE enum weir_code consume_tail(struct consume *c, struct weir_err *err);

/* --latest-by-key: row is its key's last one so far. Errors: NO_MEMORY. */
WEIR_MUST_USE enum weir_code consume_latest_take(
	struct consume *c, const struct row *row, struct weir_err *err);
/* Prints what each key came to. */
WEIR_MUST_USE enum weir_code consume_latest_print(struct consume *c, struct weir_err *err);
void consume_latest_free(struct consume *c);

/* Row of a record; its slices are borrowed from it. */
void consume_make_row(struct consume *c, const struct target *target, const struct consumed *got,
	struct row *row);
/*
 * Whether *row passes the filters, which see its value decoded; with --decode *row becomes decoded.
 * Errors: of a filter, or decode_run's.
 */
WEIR_MUST_USE enum weir_code consume_wants(struct consume *c, const struct row **row,
	struct row *decoded, bool *wanted, struct weir_err *err);
/* Prints row if it passes the filters; *printed tells. Errors: of the format or a filter. */
WEIR_MUST_USE enum weir_code consume_put(
	struct consume *c, const struct row *row, bool *printed, struct weir_err *err);
/* Prints a record if it is wanted. Errors: of the format or a filter. */
WEIR_MUST_USE enum weir_code consume_take_record(
	struct consume *c, const struct consumed *got, struct weir_err *err);
WEIR_MUST_USE enum weir_code consume_take_batch(
	struct consume *c, const struct consumed *got, struct weir_err *err);
/* Nothing more is read of a partition. */
void consume_finish(struct consume *c, struct target *target, int32_t partition);
/* Whether an error that names one record or batch may be passed over; says so, the first times. */
bool consume_skips(struct consume *c, enum weir_code code, const struct weir_err *why);
/* Whether to go on: not after Ctrl-C, or when standard output is full or gone. */
bool consume_goes_on(const struct consume *c);
/* Nothing is here. *wait_ms: how long to wait for something; false: it was too long. */
bool consume_idle(struct consume *c, int64_t *wait_ms);
/* A record was taken: now and then, what was printed is written. True when it was. */
bool consume_busy(struct consume *c);
/* Writes what was printed; an error sticks in the output. */
void consume_flush(struct consume *c);
