/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of consume, cat and tail share. */
#pragma once

#include "cli/consume_range.h"
#include "cli/context.h"
#include "cli/filter.h"
#include "cli/format.h"

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
	const char *group;
	int commit; /* CONSUME_COMMIT_...; -1: not given */
	bool seek;
};

/* Choices of --commit. */
enum { CONSUME_COMMIT_AFTER_PRINT, CONSUME_COMMIT_NONE };

/* What becomes of a record that cannot be read or printed. */
enum on_error { ON_ERROR_FAIL, ON_ERROR_SKIP, ON_ERROR_RAW };

/* A topic that is read; spans are indexed by partition. */
struct target {
	char *name;
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
	bool committed, json;
	struct ranges ranges;
	struct filters *filters;
	struct buf delim, key_delim;
	struct format *format;
	struct format_style style;
	struct row_headers headers;
	int64_t now_ms; /* wall, at the start */
	int64_t printed, flushed_ms, skipped;
	int64_t quiet_ms;	     /* mono: since when nothing came; -1: something just did */
	struct consume_group *group; /* of -g; NULL: none */
};

/* The topics of -t and of the words. Errors: UNKNOWN_TOPIC_OR_PARTITION with a hint, the broker's.
 */
WEIR_MUST_USE enum weir_code consume_find_topics(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err);
/* The target of a topic, with room for its partitions; made if need be. Others may move. */
struct target *consume_target(struct consume *c, const char *name, int32_t partition_count);
/* Which partitions of target are read, from where to where; assigns them. Errors: USAGE, the
 * broker's.
 */
WEIR_MUST_USE enum weir_code consume_assign_target(
	struct consume *c, struct target *target, struct weir_err *err);
/* Reads and prints until there is a reason to end. */
WEIR_MUST_USE enum weir_code consume_read(struct consume *c, struct weir_err *err);
/* Writes what was printed; an error sticks in the output. */
void consume_flush(struct consume *c);
