/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/scan.h"

#include "core/base/varint.h"

/* A number, and where the bytes go on; at NULL: cut or too long. Returned in registers: this is the
 * hottest loop of a broker. */
struct taken {
	const uint8_t *at;
	int64_t value;
};

static __attribute__((noinline)) struct taken take_long(const uint8_t *at, const uint8_t *end)
{
	struct taken taken = {0};
	size_t n = varint_get(at, (size_t)(end - at), &taken.value);
	taken.at = n ? at + n : NULL;
	return taken;
}

/* A zigzag varint; one and two bytes are the rule. */
static inline struct taken take(const uint8_t *at, const uint8_t *end)
{
	if (at < end && !(at[0] & 0x80)) {
		return (struct taken){at + 1, unzigzag(at[0])};
	}
	if (end - at >= 2 && !(at[1] & 0x80)) {
		return (struct taken){
			at + 2, unzigzag((uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7)};
	}
	return take_long(at, end);
}

/* Skips a length, which is value, and so many bytes; -1 is null. at NULL: the length is wrong. */
static inline struct taken skip(const uint8_t *at, const uint8_t *end)
{
	struct taken len = take(at, end);
	if (!len.at || len.value > end - len.at || len.value < -1) {
		return (struct taken){NULL, 0};
	}
	len.at += len.value < 0 ? 0 : len.value;
	return len;
}

/* Where count headers end; NULL when they are wrong. */
static const uint8_t *skip_headers(const uint8_t *at, const uint8_t *end, int64_t count)
{
	if (count < 0 || count > (end - at) / 2) {
		return NULL;
	}
	for (int64_t i = 0; i < count && at; i++) {
		struct taken key = skip(at, end);
		at = key.at && key.value >= 0 ? skip(key.at, end).at : NULL;
	}
	return at;
}

static inline void note_timestamp(struct record_scan *scan, int64_t timestamp, int32_t index)
{
	if (timestamp < scan->least_timestamp) {
		scan->least_timestamp = timestamp;
	}
	if (timestamp > scan->largest_timestamp || !index) {
		scan->largest_timestamp = timestamp;
		scan->largest_index = index;
	}
	if (timestamp == -1) {
		scan->some_lack_time = true;
	}
}

bool record_scan(struct slice records, const struct batch *batch, struct record_scan *scan)
{
	const uint8_t *at = records.data, *end = at + records.len;
	bool append_time = batch->attributes & BATCH_APPEND_TIME;
	struct record_scan seen = {.in_order = true,
		.all_have_keys = true,
		.least_timestamp = INT64_MAX,
		.largest_timestamp = INT64_MIN};
	for (int32_t i = 0; i < batch->record_count; i++) {
		struct taken len = take(at, end);
		if (!len.at || len.value < 1 || len.value > end - len.at) {
			return false;
		}
		/* Going on from the length, not from the last field, lets records overlap in the
		 * processor. */
		at = len.at + len.value;
		struct taken timestamp_delta = take(len.at + 1, at); /* behind the attributes */
		if (!timestamp_delta.at) {
			return false;
		}
		struct taken offset_delta = take(timestamp_delta.at, at);
		if (!offset_delta.at) {
			return false;
		}
		struct taken key = skip(offset_delta.at, at);
		if (!key.at) {
			return false;
		}
		struct taken value = skip(key.at, at);
		if (!value.at) {
			return false;
		}
		struct taken headers = take(value.at, at);
		if (headers.at && headers.value) {
			headers.at = skip_headers(headers.at, at, headers.value);
		}
		if (headers.at != at) {
			return false;
		}
		seen.in_order = seen.in_order && offset_delta.value == i;
		seen.all_have_keys = seen.all_have_keys && key.value >= 0;
		note_timestamp(&seen,
			append_time ? batch->max_timestamp
				    : (int64_t)((uint64_t)batch->base_timestamp +
						(uint64_t)timestamp_delta.value),
			i);
	}
	*scan = seen;
	return at == end && batch->record_count > 0;
}
