/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/model.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void model_init(struct model *model, int producers, int partitions)
{
	*model = (struct model){.producers = producers, .partitions = partitions};
	model->parts = mem_array((size_t)partitions, sizeof(*model->parts));
	model->lanes = mem_array((size_t)(producers * partitions), sizeof(*model->lanes));
	for (int i = 0; i < partitions; i++) {
		pthread_mutex_init(&model->parts[i].lock, NULL);
	}
}

void model_fini(struct model *model)
{
	for (int i = 0; i < model->partitions; i++) {
		pthread_mutex_destroy(&model->parts[i].lock);
		mem_free(model->parts[i].cells);
	}
	for (int i = 0; i < model->producers * model->partitions; i++) {
		mem_free(model->lanes[i].offsets);
	}
	mem_free(model->parts);
	mem_free(model->lanes);
}

void model_fault(struct model *model, const char *fmt, ...)
{
	va_list args;
	if (atomic_fetch_add(&model->faults, 1) >= MODEL_FAULTS_SHOWN) {
		return;
	}
	va_start(args, fmt);
	fputs("VIOLATION ", stderr);
	vfprintf(stderr, fmt, args);
	fputs("\n", stderr);
	va_end(args);
}

/* --- values --- */

uint64_t model_id(int producer, int partition, int seq)
{
	return (uint64_t)(producer + 1) << 48 | (uint64_t)partition << 32 | (uint32_t)seq;
}

static int producer_of(uint64_t id)
{
	return (int)(id >> 48) - 1;
}

static int partition_of(uint64_t id)
{
	return (int)(id >> 32 & 0xffff);
}

static int seq_of(uint64_t id)
{
	return (int)(id & 0x7fffffff);
}

/* Half of it packs well, half does not. */
static uint8_t filler(uint64_t id, size_t at)
{
	uint64_t mixed = (id + at / 8) * 0x9e3779b97f4a7c15u;
	return at & 32 ? (uint8_t)(mixed >> (at % 8 * 8)) : (uint8_t)('a' + id % 26);
}

void model_fill(uint64_t id, uint8_t *value, size_t len)
{
	be64_put(value, id);
	be64_put(value + 8, ~id ^ len);
	for (size_t i = MODEL_VALUE_MIN; i < len; i++) {
		value[i] = filler(id, i);
	}
}

uint64_t model_parse(struct slice value)
{
	if (value.len < MODEL_VALUE_MIN) {
		return 0;
	}
	uint64_t id = be64_get(value.data);
	if (be64_get(value.data + 8) != (~id ^ value.len)) {
		return 0;
	}
	for (size_t i = MODEL_VALUE_MIN; i < value.len; i++) {
		if (value.data[i] != filler(id, i)) {
			return 0;
		}
	}
	return id;
}

struct model_lane *model_lane(struct model *model, int producer, int partition)
{
	return &model->lanes[producer * model->partitions + partition];
}

/* --- claims --- */

static struct model_cell *cell_at(struct model_partition *part, int64_t offset)
{
	if ((size_t)offset >= part->room) {
		size_t room = part->room ? part->room : 1024;
		while (room <= (size_t)offset) {
			room *= 2;
		}
		part->cells = mem_grow(part->cells, room, sizeof(*part->cells));
		memset(part->cells + part->room, 0, (room - part->room) * sizeof(*part->cells));
		part->room = room;
	}
	return &part->cells[offset];
}

static void claim_locked(struct model *model, int partition, int64_t offset, uint64_t id,
	int64_t when, const char *by)
{
	struct model_partition *part = &model->parts[partition];
	struct model_cell *cell = cell_at(part, offset);
	if (cell->id && cell->id != id) {
		model_fault(model,
			"inconsistent-offset: partition %d offset %lld holds %llx, %s says %llx",
			partition, (long long)offset, (unsigned long long)cell->id, by,
			(unsigned long long)id);
		return;
	}
	if (!cell->id) {
		*cell = (struct model_cell){id, when};
		atomic_fetch_add(&model->claims, 1);
	} else if (when < cell->when) {
		cell->when = when;
	}
	if (when != MODEL_NOW && offset >= part->top) {
		part->top = offset + 1;
	}
}

void model_claim(struct model *model, int partition, int64_t offset, uint64_t id, int64_t when,
	const char *by)
{
	if (offset < 0 || offset > 1 << 30) {
		model_fault(model, "%s: offset %lld of partition %d makes no sense", by,
			(long long)offset, partition);
		return;
	}
	pthread_mutex_lock(&model->parts[partition].lock);
	claim_locked(model, partition, offset, id, when, by);
	pthread_mutex_unlock(&model->parts[partition].lock);
}

void model_watermark(struct model *model, int partition, int64_t watermark, const char *by)
{
	struct model_partition *part = &model->parts[partition];
	pthread_mutex_lock(&part->lock);
	if (watermark < part->watermark) {
		model_fault(model, "regress: high watermark of partition %d is %lld, was %lld (%s)",
			partition, (long long)watermark, (long long)part->watermark, by);
	}
	part->watermark = watermark > part->watermark ? watermark : part->watermark;
	pthread_mutex_unlock(&part->lock);
}

/* --- readings --- */

void model_read_begin(struct model_reading *reading, struct model *model, int partition,
	int64_t from, int64_t stamp)
{
	*reading = (struct model_reading){model, partition, from, from, stamp};
}

static int64_t *seen_at(struct model_lane *lane, int seq)
{
	if (seq >= lane->room) {
		int32_t room = lane->room ? lane->room : 256;
		while (room <= seq) {
			room *= 2;
		}
		lane->offsets = mem_grow(lane->offsets, (size_t)room, sizeof(*lane->offsets));
		for (int32_t i = lane->room; i < room; i++) {
			lane->offsets[i] = -1;
		}
		lane->room = room;
	}
	return &lane->offsets[seq];
}

static void check_lane(struct model_reading *reading, int64_t offset, uint64_t id)
{
	struct model *model = reading->model;
	struct model_lane *lane = model_lane(model, producer_of(id), partition_of(id));
	int seq = seq_of(id);
	int64_t *seen = seen_at(lane, seq);
	if (*seen < 0) {
		*seen = offset;
		/* Below from there may be the first copy of what comes again now. */
		bool may = lane->repeats && reading->from > 0;
		if (seq < lane->last && !may) {
			model_fault(model,
				"reorder: partition %d offset %lld: producer %d's record %d comes "
				"after %d",
				reading->partition, (long long)offset, producer_of(id), seq,
				lane->last);
		}
		lane->last = seq > lane->last ? seq : lane->last;
	} else if (*seen != offset && !lane->repeats) {
		model_fault(model,
			"duplicate: producer %d's record %d of partition %d is at offsets %lld and "
			"%lld",
			producer_of(id), seq, reading->partition, (long long)*seen,
			(long long)offset);
	}
}

void model_read_record(struct model_reading *reading, int64_t offset, struct slice value)
{
	struct model *model = reading->model;
	uint64_t id = model_parse(value);
	if (offset < reading->next) {
		return; /* of the batch that holds the offset asked for */
	}
	if (offset > reading->next) {
		model_fault(model, "gap: partition %d goes from offset %lld to %lld",
			reading->partition, (long long)reading->next - 1, (long long)offset);
	}
	reading->next = offset + 1;
	int producer = producer_of(id);
	if (!id || producer < 0 || producer >= model->producers ||
		partition_of(id) != reading->partition || seq_of(id) < 1 ||
		seq_of(id) > atomic_load(&model_lane(model, producer, reading->partition)->sent)) {
		model_fault(model, "phantom: partition %d offset %lld: %zu bytes, id %llx",
			reading->partition, (long long)offset, value.len, (unsigned long long)id);
		return;
	}
	model_claim(model, reading->partition, offset, id, reading->stamp, "a reading");
	check_lane(reading, offset, id);
}

void model_read_end(struct model_reading *reading, int64_t when)
{
	struct model_partition *part = &reading->model->parts[reading->partition];
	int64_t lost = 0, first = -1;
	pthread_mutex_lock(&part->lock);
	for (int64_t i = reading->next; i < part->top; i++) {
		if (part->cells[i].id && part->cells[i].when <= when) {
			first = lost ? first : i;
			lost++;
		}
	}
	pthread_mutex_unlock(&part->lock);
	if (lost) {
		model_fault(reading->model,
			"lost-write: partition %d ends at offset %lld, %lld acknowledged or seen "
			"from %lld on",
			reading->partition, (long long)reading->next, (long long)lost,
			(long long)first);
	}
}

void model_forget_reads(struct model *model)
{
	for (int i = 0; i < model->producers * model->partitions; i++) {
		struct model_lane *lane = &model->lanes[i];
		for (int32_t k = 0; k < lane->room; k++) {
			lane->offsets[k] = -1;
		}
		lane->last = 0;
	}
}
