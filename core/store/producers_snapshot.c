/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshot files of the producer state.
 *
 * Kafka writes the entries in the order of its hash table: by bucket, in a bucket as they came. The
 * same is done here, so that the same state gives the same bytes.
 */
#include "core/store/producers.h"

#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <stdlib.h>

enum {
	CRC_POS = 2,
	COUNT_POS = 6,
	HEADER_BYTES = 10,
	ENTRY_BYTES = 46,
	TABLE_ROOM_MIN = 16,
};

struct place {
	uint32_t bucket;
	const struct producer *producer;
};

static int place_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int by_bucket = (x->bucket > y->bucket) - (x->bucket < y->bucket);
	return by_bucket ? by_bucket
			 : (x->producer->order > y->producer->order) -
				   (x->producer->order < y->producer->order);
}

/* As java.util.HashMap places a Long in a table of room buckets. */
static uint32_t bucket_of(int64_t id, size_t room)
{
	uint32_t hash = (uint32_t)((uint64_t)id ^ ((uint64_t)id >> 32));
	return (hash ^ (hash >> 16)) & (uint32_t)(room - 1);
}

static void entry_put(uint8_t *p, const struct producer *producer)
{
	const struct producer_batch *last =
		producer->batch_count ? &producer->batches[producer->batch_count - 1] : NULL;
	be64_put(p, (uint64_t)producer->id);
	be16_put(p + 8, (uint16_t)producer->epoch);
	be32_put(p + 10, (uint32_t)(last ? last->last_sequence : -1));
	be64_put(p + 14, (uint64_t)(last ? last->last_offset : -1));
	be32_put(p + 22, (uint32_t)(last ? last->offset_delta : 0));
	be64_put(p + 26, (uint64_t)producer->last_timestamp);
	be32_put(p + 34, (uint32_t)producer->coordinator_epoch);
	be64_put(p + 38, (uint64_t)producer->txn_first_offset);
}

void producers_encode(const struct producers *producers, struct buf *out)
{
	size_t count = producers_count(producers), i = 0, room = TABLE_ROOM_MIN;
	while (count * 4 > room * 3) {
		room *= 2;
	}
	size_t begin = out->len, size = HEADER_BYTES + count * ENTRY_BYTES;
	if (!buf_reserve(out, size)) {
		return;
	}
	struct place *places = mem_array(count ? count : 1, sizeof(*places));
	LIST_EACH(it, &producers->by_age)
	{
		const struct producer *producer = LIST_ENTRY(it, struct producer, by_age);
		places[i++] = (struct place){bucket_of(producer->id, room), producer};
	}
	qsort(places, count, sizeof(*places), place_order);
	uint8_t *p = out->data + begin;
	be16_put(p, PRODUCER_SNAPSHOT_VERSION);
	be32_put(p + COUNT_POS, (uint32_t)count);
	for (i = 0; i < count; i++) {
		entry_put(p + HEADER_BYTES + i * ENTRY_BYTES, places[i].producer);
	}
	be32_put(p + CRC_POS, crc32c(0, p + COUNT_POS, size - COUNT_POS));
	out->len += size;
	mem_free(places);
}

static bool entry_get(const uint8_t *p, struct producer *producer)
{
	struct producer_batch last = {
		.last_sequence = (int32_t)be32_get(p + 10),
		.last_offset = (int64_t)be64_get(p + 14),
		.offset_delta = (int32_t)be32_get(p + 22),
		.timestamp = (int64_t)be64_get(p + 26),
	};
	*producer = (struct producer){
		.id = (int64_t)be64_get(p),
		.epoch = (int16_t)be16_get(p + 8),
		.last_timestamp = last.timestamp,
		.coordinator_epoch = (int32_t)be32_get(p + 34),
		.txn_first_offset = (int64_t)be64_get(p + 38),
	};
	if (last.last_offset >= 0) {
		producer->batch_count = 1;
		producer->batches[0] = last;
	}
	if (producer->txn_first_offset < 0) {
		producer->txn_first_offset = -1;
	}
	return producer->id >= 0 && last.offset_delta >= 0 && last.last_sequence >= -1 &&
	       (last.last_offset < 0 || last.offset_delta <= last.last_offset);
}

static enum weir_code check_head(struct slice bytes, size_t *count, struct weir_err *err)
{
	if (bytes.len < HEADER_BYTES || (bytes.len - HEADER_BYTES) % ENTRY_BYTES) {
		return err_set(
			err, WEIR_LOCAL_CORRUPT, "%zu bytes are no producer snapshot", bytes.len);
	}
	int16_t version = (int16_t)be16_get(bytes.data);
	uint32_t crc = be32_get(bytes.data + CRC_POS);
	uint32_t sum = crc32c(0, bytes.data + COUNT_POS, bytes.len - COUNT_POS);
	*count = (bytes.len - HEADER_BYTES) / ENTRY_BYTES;
	if (version != PRODUCER_SNAPSHOT_VERSION) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "version %d is not known, %d is", version,
			PRODUCER_SNAPSHOT_VERSION);
	}
	if (crc != sum) {
		return err_set(
			err, WEIR_LOCAL_CORRUPT, "checksum is %08x, its bytes give %08x", crc, sum);
	}
	if (be32_get(bytes.data + COUNT_POS) != *count || *count > LIMIT_PRODUCERS_PER_PARTITION) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "it claims %u entries, %zu are there",
			be32_get(bytes.data + COUNT_POS), *count);
	}
	return WEIR_OK;
}

enum weir_code producers_decode(
	struct producers *producers, struct slice bytes, struct weir_err *err)
{
	size_t count = 0;
	struct producer_changes one = {0};
	enum weir_code code = check_head(bytes, &count, err);
	one.items = code ? NULL : mem_array(1, sizeof(*one.items));
	one.room = one.count = 1;
	for (size_t i = 0; i < count && !code; i++) {
		struct producer *producer = &one.items[0];
		if (!entry_get(bytes.data + HEADER_BYTES + i * ENTRY_BYTES, producer) ||
			producers_find(producers, producer->id)) {
			code = err_set(err, WEIR_LOCAL_CORRUPT,
				"entry %zu (producer %lld) makes no sense", i,
				(long long)producer->id);
			break;
		}
		struct producer_txn txn = {producer->id, producer->txn_first_offset, -1};
		one.started = (struct producer_txns){&txn, txn.first_offset >= 0, 1};
		producers_commit(producers, &one);
	}
	mem_free(one.items);
	if (code) {
		producers_clear(producers);
	}
	return code;
}
