/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which transactions in a partition's segments were aborted or are open, from the batches alone. */
#pragma once

#include "cli/segment_files.h"

struct segment_txn {
	int64_t producer_id;
	int64_t first_offset, last_offset; /* last: of the marker */
};

struct segment_txns {
	struct segment_txn *aborted;
	size_t aborted_count;
	struct segment_txn *open; /* while reading: those without a marker yet */
	size_t open_count;
	int64_t last_stable; /* first offset of an open transaction; INT64_MAX if none */
};

/*
 * Reads the files of one partition, in order: count of them from files on. Errors:
 * segment_walk_file's.
 */
WEIR_MUST_USE enum weir_code segment_txns_read(struct segment_walk *walk,
	const struct segment_file *files, size_t count, struct segment_txns *txns,
	struct weir_err *err);
void segment_txns_fini(struct segment_txns *txns);
/* Whether a transactional batch is part of an aborted transaction. */
bool segment_txns_aborted(const struct segment_txns *txns, int64_t producer_id, int64_t offset);
