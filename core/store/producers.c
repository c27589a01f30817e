/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Producer state. An append is judged on copies (struct producer_changes), so that a write that
 * fails leaves the state as it was; the copies replace the entries once the bytes stand in the log.
 */
#include "core/store/producers.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/record/txn_marker.h"
#include "core/stat/stat.h"

static struct slice id_key(const int64_t *id)
{
	return slice_of(id, sizeof(*id));
}

/* --- transactions, by first offset --- */

static void txns_add(struct producer_txns *txns, struct producer_txn txn)
{
	size_t at = txns->count;
	if (txns->count == txns->room) {
		txns->room = txns->room ? txns->room * 2 : 4;
		txns->items = mem_grow(txns->items, txns->room, sizeof(*txns->items));
	}
	while (at > 0 && txns->items[at - 1].first_offset > txn.first_offset) {
		at--;
	}
	memmove(txns->items + at + 1, txns->items + at, (txns->count - at) * sizeof(*txns->items));
	txns->items[at] = txn;
	txns->count++;
}

static void txns_remove(struct producer_txns *txns, int64_t first_offset)
{
	for (size_t i = 0; i < txns->count; i++) {
		if (txns->items[i].first_offset == first_offset) {
			txns->count--;
			memmove(txns->items + i, txns->items + i + 1,
				(txns->count - i) * sizeof(*txns->items));
			return;
		}
	}
}

static void txns_fini(struct producer_txns *txns)
{
	mem_free(txns->items);
	*txns = (struct producer_txns){0};
}

/* --- the table --- */

void producers_init(struct producers *producers)
{
	*producers = (struct producers){0};
	map_init(&producers->by_id);
	list_init(&producers->by_age);
}

static void forget(struct producers *producers, struct producer *producer)
{
	map_remove(&producers->by_id, id_key(&producer->id));
	list_remove(&producer->by_age);
	mem_free(producer);
}

void producers_clear(struct producers *producers)
{
	LIST_EACH_SAFE(it, &producers->by_age)
	{
		forget(producers, LIST_ENTRY(it, struct producer, by_age));
	}
	producers->ongoing.count = producers->undecided.count = 0;
	producers->next_order = 0;
}

void producers_fini(struct producers *producers)
{
	producers_clear(producers);
	map_fini(&producers->by_id);
	txns_fini(&producers->ongoing);
	txns_fini(&producers->undecided);
}

size_t producers_count(const struct producers *producers)
{
	return producers->by_id.count;
}

const struct producer *producers_find(const struct producers *producers, int64_t id)
{
	return map_get(&producers->by_id, id_key(&id));
}

/* Too many at once: who has not written for longest goes, but those in a transaction. */
static void keep_bound(struct producers *producers)
{
	if (producers_count(producers) < LIMIT_PRODUCERS_PER_PARTITION) {
		return;
	}
	LIST_EACH_SAFE(it, &producers->by_age)
	{
		struct producer *oldest = LIST_ENTRY(it, struct producer, by_age);
		if (oldest->txn_first_offset < 0) {
			forget(producers, oldest);
			return;
		}
	}
}

/* Takes a copy of from in, or over the entry that is there. */
static void put(struct producers *producers, const struct producer *from)
{
	struct producer *entry = map_get(&producers->by_id, id_key(&from->id));
	if (!entry) {
		keep_bound(producers);
		entry = mem_new(sizeof(*entry));
		*entry = *from;
		entry->order = producers->next_order++;
		map_put(&producers->by_id, id_key(&from->id), entry);
	} else {
		uint64_t order = entry->order;
		list_remove(&entry->by_age);
		*entry = *from;
		entry->order = order;
	}
	list_append(&producers->by_age, &entry->by_age);
}

int64_t producers_first_unstable(const struct producers *producers)
{
	int64_t open =
		producers->ongoing.count ? producers->ongoing.items[0].first_offset : INT64_MAX;
	int64_t undecided =
		producers->undecided.count ? producers->undecided.items[0].first_offset : INT64_MAX;
	return open < undecided ? open : undecided;
}

bool producers_decide(struct producers *producers, int64_t high_watermark)
{
	struct producer_txns *txns = &producers->undecided;
	size_t kept = 0, before = txns->count;
	for (size_t i = 0; i < txns->count; i++) {
		if (txns->items[i].last_offset >= high_watermark) {
			txns->items[kept++] = txns->items[i];
		}
	}
	txns->count = kept;
	return kept != before;
}

void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms)
{
	LIST_EACH_SAFE(it, &producers->by_age)
	{
		struct producer *producer = LIST_ENTRY(it, struct producer, by_age);
		if (producer->txn_first_offset < 0 &&
			now_ms - producer->last_timestamp >= expiration_ms) {
			forget(producers, producer);
		}
	}
}

/* --- what an append does --- */

void producer_changes_fini(struct producer_changes *changes)
{
	mem_free(changes->items);
	mem_free(changes->ended);
	txns_fini(&changes->started);
	*changes = (struct producer_changes){0};
}

void producer_changes_reset(struct producer_changes *changes)
{
	changes->count = changes->started.count = changes->ended_count = 0;
}

/* The copy to change; *known: what the table has, before this append (NULL: nothing). */
static struct producer *change_of(const struct producers *producers,
	struct producer_changes *changes, int64_t id, const struct producer **known)
{
	*known = producers_find(producers, id);
	for (size_t i = changes->count; i-- > 0;) {
		if (changes->items[i].id == id) {
			return &changes->items[i];
		}
	}
	if (changes->count == changes->room) {
		changes->room = changes->room ? changes->room * 2 : 1;
		changes->items = mem_grow(changes->items, changes->room, sizeof(*changes->items));
	}
	struct producer *copy = &changes->items[changes->count++];
	*copy = *known ? **known
		       : (struct producer){.id = id,
				 .epoch = -1,
				 .coordinator_epoch = -1,
				 .last_timestamp = -1,
				 .txn_first_offset = -1};
	return copy;
}

static bool find_duplicate(
	const struct producer *known, const struct batch *batch, struct producer_batch *duplicate)
{
	int32_t last = sequence_add(batch->base_sequence, batch->last_offset_delta);
	if (!known || known->epoch != batch->producer_epoch) {
		return false;
	}
	for (size_t i = 0; i < known->batch_count; i++) {
		const struct producer_batch *had = &known->batches[i];
		if (had->last_sequence == last && had->offset_delta == batch->last_offset_delta) {
			*duplicate = *had;
			return true;
		}
	}
	return false;
}

static enum weir_code check_epoch(const struct producer *producer, const struct batch *batch,
	int16_t transaction_version, struct weir_err *err)
{
	bool above = transaction_version >= 2;
	bool old = above ? batch->producer_epoch <= producer->epoch
			 : batch->producer_epoch < producer->epoch;
	if (!old) {
		return WEIR_OK;
	}
	/* The same marker once more, after its transaction has ended: written again (KAFKA-19999).
	 */
	if (above && batch->producer_epoch == producer->epoch && producer->txn_first_offset < 0) {
		return WEIR_OK;
	}
	stat_add(STAT_producers_fenced, 1);
	return err_set(err, WEIR_INVALID_PRODUCER_EPOCH,
		"producer %lld comes with epoch %d, the partition knows epoch %d",
		(long long)producer->id, batch->producer_epoch, producer->epoch);
}

static enum weir_code check_sequence(const struct producer *producer, const struct producer *known,
	const struct batch *batch, struct weir_err *err)
{
	int32_t first = batch->base_sequence;
	if (batch->producer_epoch != producer->epoch) {
		if (first == 0 || producer->epoch < 0) {
			return WEIR_OK;
		}
		return err_set(err, WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER,
			"producer %lld begins epoch %d with sequence %d, not with 0",
			(long long)producer->id, batch->producer_epoch, first);
	}
	/* Nothing is known of it, perhaps as its records are gone: any sequence will do. */
	if (!known || known->epoch < 0) {
		return WEIR_OK;
	}
	int32_t last = producer_last_sequence(producer);
	int32_t wanted = last < 0 ? 0 : sequence_add(last, 1);
	if (first == wanted) {
		return WEIR_OK;
	}
	return err_set(err, WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER,
		"producer %lld comes with sequence %d, %d is next", (long long)producer->id, first,
		wanted);
}

static void set_epoch(struct producer *producer, int16_t epoch)
{
	if (producer->epoch != epoch) {
		producer->batch_count = 0;
		producer->epoch = epoch;
	}
}

static void add_batch(struct producer *producer, const struct batch *batch)
{
	set_epoch(producer, batch->producer_epoch);
	if (producer->batch_count == PRODUCER_BATCHES) {
		memmove(producer->batches, producer->batches + 1,
			(PRODUCER_BATCHES - 1) * sizeof(producer->batches[0]));
		producer->batch_count--;
	}
	producer->batches[producer->batch_count++] = (struct producer_batch){
		.last_offset = batch_last_offset(batch),
		.timestamp = batch->max_timestamp,
		.last_sequence = batch->base_sequence < 0 ? -1
							  : sequence_add(batch->base_sequence,
								    batch->last_offset_delta),
		.offset_delta = batch->last_offset_delta,
	};
	producer->last_timestamp = batch->max_timestamp;
}

static bool has_ended(const struct producer_changes *changes, int64_t first_offset)
{
	for (size_t i = 0; i < changes->ended_count; i++) {
		if (changes->ended[i].txn.first_offset == first_offset) {
			return true;
		}
	}
	return false;
}

/* First offset of the oldest transaction that is still open when this one has ended. */
static int64_t next_open(const struct producer_txns *txns, const struct producer_changes *changes,
	int64_t ended_id, int64_t otherwise)
{
	for (size_t i = 0; i < txns->count; i++) {
		const struct producer_txn *txn = &txns->items[i];
		if (txn->producer_id != ended_id && !has_ended(changes, txn->first_offset)) {
			return txn->first_offset < otherwise ? txn->first_offset : otherwise;
		}
	}
	return otherwise;
}

static void end_txn(const struct producers *producers, struct producer_changes *changes,
	const struct producer *producer, int64_t marker_offset, bool commit)
{
	if (changes->ended_count == changes->ended_room) {
		changes->ended_room = changes->ended_room ? changes->ended_room * 2 : 1;
		changes->ended =
			mem_grow(changes->ended, changes->ended_room, sizeof(*changes->ended));
	}
	int64_t stable = next_open(&producers->ongoing, changes, producer->id, marker_offset + 1);
	stable = next_open(&changes->started, changes, producer->id, stable);
	changes->ended[changes->ended_count++] = (struct producer_end){
		.txn = {producer->id, producer->txn_first_offset, marker_offset},
		.commit = commit,
		.last_stable_offset = stable};
}

static enum weir_code check_marker(const struct producers *producers, const struct batch *batch,
	enum append_origin origin, int16_t transaction_version, struct producer_changes *changes,
	struct weir_err *err)
{
	bool is_marker;
	struct txn_marker marker;
	const struct producer *known;
	enum weir_code code = txn_marker_parse(batch, &is_marker, &marker, err);
	if (code || !is_marker) {
		return code;
	}
	struct producer *producer = change_of(producers, changes, batch->producer_id, &known);
	if (origin != APPEND_FROM_REPLICA) {
		code = check_epoch(producer, batch, transaction_version, err);
		if (!code && producer->coordinator_epoch > marker.coordinator_epoch) {
			code = err_set(err, WEIR_TRANSACTION_COORDINATOR_FENCED,
				"marker for producer %lld has coordinator epoch %d, the partition "
				"knows epoch %d",
				(long long)producer->id, marker.coordinator_epoch,
				producer->coordinator_epoch);
		}
		if (code) {
			return code;
		}
	}
	if (producer->txn_first_offset >= 0) {
		end_txn(producers, changes, producer, batch->base_offset, marker.commit);
	}
	set_epoch(producer, batch->producer_epoch);
	producer->coordinator_epoch = marker.coordinator_epoch;
	producer->last_timestamp = marker.timestamp;
	producer->txn_first_offset = -1;
	return WEIR_OK;
}

enum weir_code producers_check(const struct producers *producers, const struct batch *batch,
	enum append_origin origin, int16_t transaction_version, struct producer_changes *changes,
	struct producer_batch *duplicate, struct weir_err *err)
{
	duplicate->offset_delta = -1;
	if (batch->producer_id < 0) {
		return WEIR_OK;
	}
	if (batch->attributes & BATCH_CONTROL) {
		return check_marker(producers, batch, origin, transaction_version, changes, err);
	}
	const struct producer *known;
	struct producer *producer = change_of(producers, changes, batch->producer_id, &known);
	if (origin == APPEND_FROM_CLIENT && find_duplicate(known, batch, duplicate)) {
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	bool transactional = batch->attributes & BATCH_TRANSACTIONAL;
	if (origin != APPEND_FROM_REPLICA) {
		code = check_epoch(producer, batch, 0, err);
	}
	if (!code && origin == APPEND_FROM_CLIENT) {
		code = check_sequence(producer, known, batch, err);
	}
	if (!code && origin != APPEND_FROM_REPLICA && producer->txn_first_offset >= 0 &&
		!transactional) {
		code = err_set(err, WEIR_INVALID_TXN_STATE,
			"producer %lld has a transaction open, a batch outside of it came",
			(long long)producer->id);
	}
	if (code) {
		return code;
	}
	add_batch(producer, batch);
	if (transactional && producer->txn_first_offset < 0) {
		producer->txn_first_offset = batch->base_offset;
		txns_add(&changes->started,
			(struct producer_txn){producer->id, batch->base_offset, -1});
	}
	return WEIR_OK;
}

void producers_commit(struct producers *producers, const struct producer_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		put(producers, &changes->items[i]);
	}
	for (size_t i = 0; i < changes->started.count; i++) {
		txns_add(&producers->ongoing, changes->started.items[i]);
	}
	for (size_t i = 0; i < changes->ended_count; i++) {
		txns_remove(&producers->ongoing, changes->ended[i].txn.first_offset);
		txns_add(&producers->undecided, changes->ended[i].txn);
	}
}

void producers_refill(struct producers *producers, const struct producers *seen)
{
	LIST_EACH(it, &seen->by_age)
	{
		const struct producer *from = LIST_ENTRY(it, struct producer, by_age);
		struct producer *to = map_get(&producers->by_id, id_key(&from->id));
		if (to && to->epoch == from->epoch && to->batch_count &&
			to->batch_count <= from->batch_count &&
			to->batches[to->batch_count - 1].last_offset ==
				from->batches[from->batch_count - 1].last_offset) {
			memcpy(to->batches, from->batches, sizeof(to->batches));
			to->batch_count = from->batch_count;
		}
	}
}
