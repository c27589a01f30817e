/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where "group seek --to" says to go: which partitions, to which offsets. */
#pragma once

#include "core/base/arena.h"
#include "core/client/client.h"

#include <stddef.h>

enum seek_kind {
	SEEK_TO_START,
	SEEK_TO_END,
	SEEK_TO_OFFSET,
	SEEK_TO_SHIFT, /* number offsets on from what is committed */
	SEEK_TO_TIME,  /* ms since 1970 */
	SEEK_TO_GROUP, /* as name has committed */
	SEEK_TO_FILE,  /* as the file name says */
};

struct seek_to {
	enum seek_kind kind;
	int64_t number;
	const char *name; /* into the text */
};

struct seek_row {
	const char *topic;
	int32_t partition;
	int64_t old;	    /* -1: nothing is committed */
	int64_t wanted;	    /* of SEEK_TO_GROUP and SEEK_TO_FILE; else -1 */
	int64_t fresh;	    /* where it goes to */
	int64_t start, end; /* of the partition */
	enum weir_code error;
};

/* "start", "end", "N", "+N", "-N", "@TIME", "group:NAME", "file:PATH". Errors: USAGE. */
WEIR_MUST_USE enum weir_code seek_to_parse(
	const char *text, int64_t now_ms, struct seek_to *to, struct weir_err *err);

/*
 * Lines "TOPIC PARTITION OFFSET" with tabs, commas or blanks between; or, under a first line that
 * names columns, those called topic, partition and committed (or offset): what group describe
 * prints. Empty lines, those beginning with # and those without an offset are passed over. Errors:
 * NOT_FOUND, IO, BAD_DATA naming the line.
 */
WEIR_MUST_USE enum weir_code seek_file_read(const char *path, struct arena *arena,
	struct seek_row **rows, size_t *count, struct weir_err *err);
