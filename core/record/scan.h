/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One quick pass over the records of a batch: are they well formed, and what do they have in
 * common. */
#pragma once

#include "core/record/batch.h"

struct record_scan {
	bool in_order; /* offset deltas are 0, 1, 2... */
	bool all_have_keys;
	bool some_lack_time;			    /* a timestamp is -1 */
	int64_t least_timestamp, largest_timestamp; /* ms, the records' own */
	int32_t largest_index;			    /* of the first that has the largest */
};

/*
 * records: encoded, magic 2, unpacked. false: a length lies, bytes are left over, the count is
 * wrong or 0; struct record_reader says what and where. Reads nothing outside of records.
 */
bool record_scan(struct slice records, const struct batch *batch, struct record_scan *scan);
