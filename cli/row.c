/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/row.h"

#include "core/base/mem.h"

const struct row row_none = {
	.partition = -1,
	.offset = -1,
	.timestamp = -1,
	.leader_epoch = -1,
	.producer_id = -1,
	.producer_epoch = -1,
	.sequence = -1,
	.log_start = -1,
	.last_stable = -1,
	.high_watermark = -1,
	.number = -1,
};

void row_headers_fini(struct row_headers *headers)
{
	mem_free(headers->items);
	*headers = (struct row_headers){NULL, 0};
}

static size_t row_bytes(const struct row *row)
{
	size_t size = row->key.len + row->value.len;
	for (size_t i = 0; i < row->header_count; i++) {
		size += row->headers[i].key.len + row->headers[i].value.len;
	}
	return size;
}

static struct slice put(uint8_t **at, struct slice text)
{
	if (!text.data) {
		return text;
	}
	struct slice copy = slice_of(*at, text.len);
	if (text.len) {
		memcpy(*at, text.data, text.len);
		*at += text.len;
	}
	return copy;
}

struct row *row_try_dup(const struct row *row)
{
	size_t headers = row->header_count * sizeof(struct record_header);
	struct row *copy = mem_try(sizeof(*copy) + headers + row_bytes(row) + 1);
	if (!copy) {
		return NULL;
	}
	struct record_header *copies = (struct record_header *)(void *)(copy + 1);
	uint8_t *at = (uint8_t *)(copies + row->header_count);
	*copy = *row;
	copy->key = put(&at, row->key);
	copy->value = put(&at, row->value);
	for (size_t i = 0; i < row->header_count; i++) {
		copies[i].key = put(&at, row->headers[i].key);
		copies[i].value = put(&at, row->headers[i].value);
	}
	copy->headers = copies;
	return copy;
}

void row_from_record(struct row *row, struct row_headers *headers, const struct batch *batch,
	const struct record *record)
{
	size_t count = (size_t)record->header_count;
	if (count > headers->room) {
		headers->items = mem_grow(headers->items, count, sizeof(*headers->items));
		headers->room = count;
	}
	struct slice rest = record->headers;
	size_t got = 0;
	while (got < count && record_header_next(&rest, &headers->items[got])) {
		got++;
	}
	row->headers = headers->items;
	row->header_count = got;
	row->offset = record->offset;
	row->timestamp = record->timestamp;
	row->key = record->key;
	row->value = record->value;
	row->leader_epoch = batch->leader_epoch;
	row->attributes = batch->attributes;
	row->producer_id = batch->producer_id;
	row->producer_epoch = batch->producer_epoch;
	bool sequenced = batch->base_sequence >= 0;
	uint32_t delta = (uint32_t)(record->offset - batch->base_offset);
	/* Sequence numbers wrap to 0 after INT32_MAX. */
	row->sequence =
		sequenced ? (int32_t)(((uint32_t)batch->base_sequence + delta) & INT32_MAX) : -1;
}
