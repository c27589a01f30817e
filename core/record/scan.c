/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/scan.h"

#include "core/base/varint.h"

/* Takes a zigzag varint off *p; false when it is cut or too long. One and two bytes are the rule.
 */
static inline bool take(const uint8_t **p, const uint8_t *end, int64_t *value)
{
	const uint8_t *at = *p;
	if (end - at >= 2) {
		if (!(at[0] & 0x80)) {
			*value = unzigzag(at[0]);
			*p = at + 1;
			return true;
		}
		if (!(at[1] & 0x80)) {
			*value = unzigzag((uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7);
			*p = at + 2;
			return true;
		}
	}
	size_t n = varint_get(at, (size_t)(end - at), value);
	*p = at + n;
	return n;
}

/* Skips a length and so many bytes; -1, which is null, where that is allowed. */
static inline bool skip_bytes(const uint8_t **p, const uint8_t *end, bool null_allowed, bool *null)
{
	int64_t len;
	if (!take(p, end, &len) || len > end - *p || len < (null_allowed ? -1 : 0)) {
		return false;
	}
	*null = len < 0;
	*p += len < 0 ? 0 : len;
	return true;
}

static bool skip_headers(const uint8_t **p, const uint8_t *end, int64_t count)
{
	bool null;
	if (count < 0 || count > (end - *p) / 2) {
		return false;
	}
	for (int64_t i = 0; i < count; i++) {
		if (!skip_bytes(p, end, false, &null) || !skip_bytes(p, end, true, &null)) {
			return false;
		}
	}
	return true;
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
	const uint8_t *p = records.data, *end = p + records.len;
	bool append_time = batch->attributes & BATCH_APPEND_TIME;
	*scan = (struct record_scan){.in_order = true,
		.all_have_keys = true,
		.least_timestamp = INT64_MAX,
		.largest_timestamp = INT64_MIN};
	for (int32_t i = 0; i < batch->record_count; i++) {
		int64_t len, timestamp_delta, offset_delta, headers;
		bool no_key, no_value;
		if (!take(&p, end, &len) || len < 1 || len > end - p) {
			return false;
		}
		/* Going on from the length, not from the last field, lets records overlap in the
		 * processor. */
		const uint8_t *at = p + 1; /* attributes: none are defined */
		p += len;
		if (!take(&at, p, &timestamp_delta) || !take(&at, p, &offset_delta) ||
			!skip_bytes(&at, p, true, &no_key) ||
			!skip_bytes(&at, p, true, &no_value) || !take(&at, p, &headers) ||
			(headers && !skip_headers(&at, p, headers)) || at != p) {
			return false;
		}
		scan->in_order = scan->in_order && offset_delta == i;
		scan->all_have_keys = scan->all_have_keys && !no_key;
		note_timestamp(scan,
			append_time ? batch->max_timestamp
				    : (int64_t)((uint64_t)batch->base_timestamp +
						(uint64_t)timestamp_delta),
			i);
	}
	return p == end && batch->record_count > 0;
}
