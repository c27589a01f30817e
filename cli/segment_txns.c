/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/segment_txns.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/record/record.h"

enum { MARKER_KEY_BYTES = 4, MARKER_ABORT = 0, MARKER_COMMIT = 1 };

struct txn_walk {
	struct segment_txns *txns;
	struct record_reader reader;
};

void segment_txns_fini(struct segment_txns *txns)
{
	mem_free(txns->aborted);
	mem_free(txns->open);
	*txns = (struct segment_txns){NULL, 0, NULL, 0, INT64_MAX};
}

static struct segment_txn *find_open(struct segment_txns *txns, int64_t producer_id)
{
	for (size_t i = 0; i < txns->open_count; i++) {
		if (txns->open[i].producer_id == producer_id) {
			return &txns->open[i];
		}
	}
	return NULL;
}

static void begin(struct segment_txns *txns, const struct batch *batch)
{
	if (find_open(txns, batch->producer_id)) {
		return;
	}
	txns->open = mem_grow(txns->open, txns->open_count + 1, sizeof(*txns->open));
	txns->open[txns->open_count++] = (struct segment_txn){
		.producer_id = batch->producer_id, .first_offset = batch->base_offset};
}

static void end(struct segment_txns *txns, const struct batch *batch, bool abort)
{
	struct segment_txn *txn = find_open(txns, batch->producer_id);
	if (!txn) {
		return;
	}
	txn->last_offset = batch->base_offset;
	if (abort) {
		txns->aborted =
			mem_grow(txns->aborted, txns->aborted_count + 1, sizeof(*txns->aborted));
		txns->aborted[txns->aborted_count++] = *txn;
	}
	*txn = txns->open[--txns->open_count];
}

/* A control batch holds one record whose key is version i16, type i16. */
static enum weir_code read_marker(
	struct txn_walk *walk, const struct batch *batch, struct weir_err *err)
{
	struct record record;
	bool got;
	enum weir_code code = batch_check_crc(batch, err);
	if (code == WEIR_OK) {
		code = record_reader_start(&walk->reader, batch, err);
	}
	if (code == WEIR_OK) {
		code = record_reader_next(&walk->reader, &record, &got, err);
	}
	if (code != WEIR_OK || !got || record.key.len < MARKER_KEY_BYTES) {
		return code;
	}
	uint16_t type = be16_get(record.key.data + 2);
	if (type == MARKER_ABORT || type == MARKER_COMMIT) {
		end(walk->txns, batch, type == MARKER_ABORT);
	}
	return WEIR_OK;
}

static enum weir_code see(void *arg, const struct segment_file *file, const struct batch_head *head,
	const struct batch *batch, bool *stop, struct weir_err *err)
{
	(void)file;
	(void)head;
	(void)stop;
	struct txn_walk *walk = arg;
	if (!(batch->attributes & BATCH_TRANSACTIONAL) || batch->magic < 2) {
		return WEIR_OK;
	}
	if (batch->attributes & BATCH_CONTROL) {
		return read_marker(walk, batch, err);
	}
	begin(walk->txns, batch);
	return WEIR_OK;
}

enum weir_code segment_txns_read(struct segment_walk *walk, const struct segment_file *files,
	size_t count, struct segment_txns *txns, struct weir_err *err)
{
	*txns = (struct segment_txns){NULL, 0, NULL, 0, INT64_MAX};
	struct txn_walk inner = {.txns = txns};
	record_reader_init(&inner.reader, LIMIT_DECOMPRESSED_DEFAULT);
	struct segment_walk mine = *walk;
	mine.batch = see;
	mine.arg = &inner;
	bool stop = false;
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		code = segment_walk_file(&mine, &files[i], &stop, err);
	}
	record_reader_fini(&inner.reader);
	for (size_t i = 0; i < txns->open_count; i++) {
		int64_t first = txns->open[i].first_offset;
		txns->last_stable = first < txns->last_stable ? first : txns->last_stable;
	}
	if (code != WEIR_OK) {
		segment_txns_fini(txns);
	}
	return code;
}

bool segment_txns_aborted(const struct segment_txns *txns, int64_t producer_id, int64_t offset)
{
	for (size_t i = 0; i < txns->aborted_count; i++) {
		const struct segment_txn *txn = &txns->aborted[i];
		if (txn->producer_id == producer_id && offset >= txn->first_offset &&
			offset <= txn->last_offset) {
			return true;
		}
	}
	return false;
}
