/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From where to where records are read: the value of -o, and the offsets it means for a topic.
 *
 *   RANGE = FROM | FROM ":" TO | ":" TO      -o takes RANGE,... and "PARTITION=RANGE" for one
 *   FROM  = start | end | N | +N (N after the start) | -N (N before the end) | @TIME
 *   TO    = end | N | +N (N offsets from FROM on) | -N | @TIME; exclusive
 *
 * In "@T1:T2" the second time may stand without "@", or be a duration counted from T1. kcat's
 * beginning, s@TIME and e@TIME are understood as well; -o may repeat.
 */
#pragma once

#include "cli/options.h"
#include "core/client/client.h"

enum place_kind {
	PLACE_NONE, /* only as TO: nowhere */
	PLACE_START,
	PLACE_END,
	PLACE_OFFSET,
	PLACE_AFTER,  /* number offsets behind the start; as TO: behind FROM */
	PLACE_BEFORE, /* number offsets before the end */
	PLACE_TIME,   /* ms since 1970 */
};

struct place {
	enum place_kind kind;
	int64_t number;
};

struct range {
	struct place from, to;
};

struct range_of {
	int32_t partition;
	struct range range;
};

struct ranges {
	struct range common;
	struct range_of *items; /* of partitions that have their own */
	size_t count;
};

/* texts: of -o, in order; none is "start". Errors: USAGE. Free ranges after an error too. */
WEIR_MUST_USE enum weir_code ranges_parse(
	struct ranges *ranges, const struct opt_list *texts, int64_t now_ms, struct weir_err *err);
void ranges_fini(struct ranges *ranges);

/* What to read of one partition. */
struct span {
	bool chosen;
	int64_t begin, end;  /* end exclusive; -1: for ever */
	int64_t wanted;	     /* records before it are passed over */
	int64_t until_ms;    /* ends at the first record this late; -1: none */
	int64_t first, last; /* of the partition when it was asked: log start, end */
	int64_t printed;     /* for the caller, as is over */
	bool over;
};

/*
 * Sets begin, end, wanted, until_ms, first and last of the chosen spans[count] of topic (index is
 * the partition). stop: none is read past the end that it has now. Errors: the broker's.
 */
WEIR_MUST_USE enum weir_code ranges_resolve(const struct ranges *ranges, struct client *client,
	const char *topic, bool committed, bool stop, int64_t now_ms, struct span *spans,
	int32_t count, struct weir_err *err);
