/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A record as commands print and read it: what formats and the JSON envelope work on. */
#pragma once

#include "core/record/record.h"

/* Slices are borrowed; data NULL is null. Numbers that are not known are -1. */
struct row {
	struct slice topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp; /* ms */
	struct slice key, value;
	const struct record_header *headers;
	size_t header_count;
	int32_t leader_epoch;
	int16_t attributes; /* of the batch */
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t sequence;
	int64_t log_start, last_stable, high_watermark; /* of the partition */
	int64_t number;					/* 1 for the first one printed */
};

extern const struct row row_none; /* everything null or -1 */

/* Room for the headers of one row, kept from row to row. */
struct row_headers {
	struct record_header *items;
	size_t room;
};
void row_headers_fini(struct row_headers *headers);

/*
 * A copy in one block of memory, which mem_free frees; topic stays borrowed. NULL when memory is
 * out.
 */
struct row *row_try_dup(const struct row *row);

/* Sets all but topic, partition, the three offsets of the partition and number. */
void row_from_record(struct row *row, struct row_headers *headers, const struct batch *batch,
	const struct record *record);
