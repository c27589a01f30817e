/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An answer under read_committed lists the aborted transactions it overlaps: producer and first
 * offset. Walking the batches in order, a producer is inside an aborted transaction from that
 * offset on until its abort marker.
 */
#include "core/client/consumer_priv.h"

#include "core/base/mem.h"

#include <stdlib.h>

enum { CONTROL_KEY_BYTES = 4, CONTROL_ABORT = 0 };

static int compare_txns(const void *a, const void *b)
{
	const struct aborted_txn *x = a, *y = b;
	return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

void aborted_init(struct aborted *aborted, const struct fetch_response_aborted_transaction *list,
	int32_t count)
{
	*aborted = (struct aborted){0};
	if (count <= 0) {
		return;
	}
	aborted->count = (size_t)count;
	aborted->txns = mem_array(aborted->count, sizeof(*aborted->txns));
	aborted->producers = mem_array(aborted->count, sizeof(*aborted->producers));
	for (size_t i = 0; i < aborted->count; i++) {
		aborted->txns[i] = (struct aborted_txn){
			.producer_id = list[i].producer_id,
			.first_offset = list[i].first_offset,
		};
	}
	qsort(aborted->txns, aborted->count, sizeof(*aborted->txns), compare_txns);
}

void aborted_fini(struct aborted *aborted)
{
	MEM_FREE(&aborted->txns);
	MEM_FREE(&aborted->producers);
}

static size_t find_producer(const struct aborted *aborted, int64_t producer_id)
{
	size_t i = 0;
	while (i < aborted->producer_count && aborted->producers[i] != producer_id) {
		i++;
	}
	return i;
}

static void enter_until(struct aborted *aborted, int64_t last_offset)
{
	while (aborted->next < aborted->count &&
		aborted->txns[aborted->next].first_offset <= last_offset) {
		int64_t id = aborted->txns[aborted->next++].producer_id;
		if (find_producer(aborted, id) == aborted->producer_count) {
			aborted->producers[aborted->producer_count++] = id;
		}
	}
}

static enum weir_code is_abort_marker(const struct batch *batch, struct record_reader *reader,
	bool *is_abort, struct weir_err *err)
{
	struct record record;
	bool got = false;
	enum weir_code code = record_reader_start(reader, batch, err);
	if (!code) {
		code = record_reader_next(reader, &record, &got, err);
	}
	*is_abort = !code && got && record.key.data && record.key.len >= CONTROL_KEY_BYTES &&
		    be16_get(record.key.data + 2) == CONTROL_ABORT;
	return code;
}

enum weir_code aborted_walk(struct aborted *aborted, const struct batch *batch,
	struct record_reader *reader, bool *skip, struct weir_err *err)
{
	*skip = false;
	if (!aborted->count || batch->producer_id < 0) {
		return WEIR_OK;
	}
	enter_until(aborted, batch_last_offset(batch));
	size_t at = find_producer(aborted, batch->producer_id);
	if (at == aborted->producer_count) {
		return WEIR_OK;
	}
	if (!(batch->attributes & BATCH_CONTROL)) {
		*skip = batch->attributes & BATCH_TRANSACTIONAL;
		return WEIR_OK;
	}
	bool is_abort = false;
	enum weir_code code = is_abort_marker(batch, reader, &is_abort, err);
	if (!code && is_abort) {
		aborted->producers[at] = aborted->producers[--aborted->producer_count];
	}
	return code;
}
