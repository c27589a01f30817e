/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which segment files a command's words mean, and walking through their batches. */
#pragma once

#include "cli/context.h"
#include "core/store/data_dir.h"
#include "core/store/segment.h"

/* The partition directory that segments lie in. */
struct segment_place {
	char *path;
	char *name;	   /* "orders-0", or whatever the directory is called */
	char *topic;	   /* "" when the name is none of a partition */
	int32_t partition; /* -1 as above */
	enum data_dir_kind kind;
	int64_t log_start; /* of the checkpoint beside the directory; 0 if none */
	int64_t high_watermark, recovery_point; /* the same; -1 if none */
};

struct segment_file {
	const struct segment_place *place;
	char *path;
	const char *name; /* last part of path */
	int64_t base_offset, size_bytes;
	int64_t index_bytes, time_index_bytes, txn_index_bytes; /* -1: not there */
};

struct segment_files {
	struct segment_file *items; /* by place and base offset */
	size_t count;
	struct segment_place **places;
	size_t place_count;
};

/*
 * Each word is a .log file, a partition directory, a data directory, or, with --dir or WEIR_DIR, a
 * topic or partition of that; no words mean all of the data directory. Partitions that wait for
 * their deletion are taken only when named. Errors: NOT_FOUND, USAGE, IO, LOCAL_CORRUPT.
 */
WEIR_MUST_USE enum weir_code segment_files_find(
	struct ctx *ctx, struct segment_files *files, struct weir_err *err);
void segment_files_fini(struct segment_files *files);

/* ctx_dir(), or the one word; USAGE when there is neither. */
WEIR_MUST_USE enum weir_code segment_data_dir(
	struct ctx *ctx, const char **path, struct weir_err *err);

/* What to do about a batch that cannot be read: CORRUPT_FAIL ends the command. */
enum corrupt { CORRUPT_FAIL, CORRUPT_SKIP };
extern const char *const corrupt_names[]; /* "fail", "skip", NULL */

struct segment_walk {
	struct ctx *ctx;
	enum corrupt corrupt; /* skip: a warning, and on from the next whole batch */
	int64_t skipped;      /* damaged places so far */
	/* Batch is borrowed for the call; its CRC is not checked. *stop ends the walk. */
	enum weir_code (*batch)(void *arg, const struct segment_file *file,
		const struct batch_head *head, const struct batch *batch, bool *stop,
		struct weir_err *err);
	void *arg;
};
/* Errors: CORRUPT_MESSAGE, IO, the callback's. Zeros at the end of a file are no damage. */
WEIR_MUST_USE enum weir_code segment_walk_file(struct segment_walk *walk,
	const struct segment_file *file, bool *stop, struct weir_err *err);
