/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control batch that ends a transaction in a partition: one record, key version i16 (0) | type
 * i16 (0 abort, 1 commit), value version i16 (0) | coordinator epoch i32.
 */
#pragma once

#include "core/record/batch.h"

struct txn_marker {
	bool commit; /* else abort */
	int32_t coordinator_epoch;
	int64_t timestamp; /* ms */
};

/* Appends the batch to out: base offset 0, leader epoch -1. Errors: NO_MEMORY, TOO_LARGE. */
WEIR_MUST_USE enum weir_code txn_marker_build(const struct txn_marker *marker, int64_t producer_id,
	int16_t producer_epoch, struct buf *out, struct weir_err *err);
/*
 * batch has BATCH_CONTROL. *is_marker false: it is empty (compaction took the record), or of
 * another type. Errors: CORRUPT_MESSAGE.
 */
WEIR_MUST_USE enum weir_code txn_marker_parse(const struct batch *batch, bool *is_marker,
	struct txn_marker *marker, struct weir_err *err);
