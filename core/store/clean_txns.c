/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/clean_priv.h"

#include "core/base/mem.h"
#include "core/record/txn_marker.h"

struct clean_txn {
	struct txn_entry entry;
	bool met; /* data of it */
};

static char present; /* what a set's entries point to */

static struct slice id_key(const int64_t *id)
{
	return slice_of(id, sizeof(*id));
}

void clean_txns_init(struct clean_txns *txns, struct txn_entry *aborted, size_t count)
{
	*txns = (struct clean_txns){.aborted = aborted, .count = count};
	map_init(&txns->inside);
	map_init(&txns->committed);
}

void clean_txns_fini(struct clean_txns *txns)
{
	size_t pos = 0;
	struct map_entry *entry;
	while ((entry = map_next(&txns->inside, &pos))) {
		mem_free(entry->value);
	}
	map_fini(&txns->inside);
	map_fini(&txns->committed);
	mem_free(txns->aborted);
}

/* Aborted transactions that have begun at or before last_offset. */
static void enter(struct clean_txns *txns, int64_t last_offset)
{
	for (; txns->next < txns->count && txns->aborted[txns->next].first_offset <= last_offset;
		txns->next++) {
		const struct txn_entry *entry = &txns->aborted[txns->next];
		if (!map_get(&txns->inside, id_key(&entry->producer_id))) {
			struct clean_txn *txn = mem_new(sizeof(*txn));
			txn->entry = *entry;
			map_put(&txns->inside, id_key(&entry->producer_id), txn);
		}
	}
}

bool clean_txns_data(struct clean_txns *txns, const struct batch *batch)
{
	enter(txns, batch_last_offset(batch));
	if (!(batch->attributes & BATCH_TRANSACTIONAL)) {
		return false;
	}
	struct clean_txn *txn = map_get(&txns->inside, id_key(&batch->producer_id));
	if (txn) {
		txn->met = true;
		return true;
	}
	map_put(&txns->committed, id_key(&batch->producer_id), &present);
	return false;
}

bool clean_txns_control(
	struct clean_txns *txns, const struct batch *batch, bool *stays, struct txn_entry *entry)
{
	struct txn_marker marker;
	bool is_marker;
	*stays = false;
	enter(txns, batch_last_offset(batch));
	if (txn_marker_parse(batch, &is_marker, &marker, NULL)) {
		return false;
	}
	if (!is_marker) {
		return batch->record_count == 0; /* the record was taken before */
	}
	if (marker.commit) {
		return !map_remove(&txns->committed, id_key(&batch->producer_id));
	}
	struct clean_txn *txn = map_remove(&txns->inside, id_key(&batch->producer_id));
	if (!txn) {
		return true;
	}
	*stays = txn->met;
	*entry = txn->entry;
	mem_free(txn);
	return !*stays;
}
