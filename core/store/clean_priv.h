/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of compaction: what of a batch stays, and where it goes. */
#pragma once

#include "core/record/record.h"
#include "core/store/log_priv.h"
#include "core/store/offset_map.h"

/* --- clean_txns.c: which transactions the walk is inside of --- */

struct clean_txns {
	struct txn_entry *aborted; /* by first offset; owned */
	size_t count, next;
	struct map inside;    /* producer id -> struct clean_txn: aborted ones begun, not ended */
	struct map committed; /* producer id: a transaction with data was met */
};
/* Takes aborted. */
void clean_txns_init(struct clean_txns *txns, struct txn_entry *aborted, size_t count);
void clean_txns_fini(struct clean_txns *txns);
/* A data batch comes by. True: it is part of an aborted transaction. */
bool clean_txns_data(struct clean_txns *txns, const struct batch *batch);
/*
 * A control batch comes by. True: nothing of its transaction was met, so nobody needs it. *stays:
 * data of an aborted transaction was met, *entry goes into the new transaction index.
 */
bool clean_txns_control(
	struct clean_txns *txns, const struct batch *batch, bool *stays, struct txn_entry *entry);

/* --- clean_batch.c --- */

struct clean_rules {
	const struct offset_map *map;
	int64_t mapped_to; /* records at or above are newer than the map: they stay */
	int64_t now_ms, delete_retention_ms;
};
struct clean_verdict {
	bool discard;	 /* no record of it stays: aborted, or a marker past its horizon */
	bool unneeded;	 /* a marker that nobody needs: its horizon begins */
	bool keep_empty; /* its header stays, whatever happens to its records */
};
struct clean_scratch {
	struct record_reader reader;
	struct buf records;
};
void clean_scratch_init(struct clean_scratch *scratch);
void clean_scratch_fini(struct clean_scratch *scratch);
/*
 * Appends to out what stays of batch (its CRC was checked): as it is, with fewer records, its
 * header alone, or nothing. Offsets, epoch, sequence and producer stay what they were. Errors:
 * CORRUPT_MESSAGE, NO_MEMORY, TOO_LARGE, codec_unpack's.
 */
WEIR_MUST_USE enum weir_code clean_batch(const struct clean_rules *rules,
	const struct clean_verdict *verdict, const struct batch *batch,
	struct clean_scratch *scratch, struct buf *out, struct weir_err *err);

/* Appends the header alone, as Kafka leaves it (base timestamp -1). batch.bytes is not looked at.
 */
WEIR_MUST_USE enum weir_code clean_batch_empty(
	const struct batch *batch, struct buf *out, struct weir_err *err);

/* --- clean_out.c: the segment that replaces a group --- */

struct clean_out {
	struct log *log;
	struct segment *segment; /* base of the group; its file is still *.cleaned */
	int fd;
	char *path;
	struct buf pending; /* batches not written yet */
	int64_t pos;	    /* of pending, in the file */
	int64_t end_offset; /* of the last batch that was written; -1: none */
	struct batch last;  /* that was read; its bytes are gone */
	struct txn_index txns;
};
WEIR_MUST_USE enum weir_code clean_out_open(
	struct clean_out *out, struct log *log, int64_t base_offset, struct weir_err *err);
/* Takes up what was appended to pending since from. */
WEIR_MUST_USE enum weir_code clean_out_note(
	struct clean_out *out, size_t from, struct weir_err *err);
/* Writes and fsyncs the file and its indexes. */
WEIR_MUST_USE enum weir_code clean_out_finish(struct clean_out *out, struct weir_err *err);
/*
 * Puts it in the place of the group (count segments of the log, sealed). Errors: CONFLICT when the
 * log has them no more; IO, after which the log may have failed.
 */
WEIR_MUST_USE enum weir_code clean_out_swap(
	struct clean_out *out, struct segment **group, size_t count, struct weir_err *err);
void clean_out_close(struct clean_out *out); /* what was not swapped in is removed */
