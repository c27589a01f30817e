/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places in the partitions of a topic, as -o of the topic commands names them. */
#pragma once

#include "core/client/client.h"

/*
 * start, end, N (an offset), -N (N before the end), +N (N behind the start), @TIME (the first
 * record of that time or later; the end when there is none).
 */
struct topic_place {
	enum topic_place_kind {
		TOPIC_PLACE_NONE,
		TOPIC_PLACE_START,
		TOPIC_PLACE_END,
		TOPIC_PLACE_OFFSET,
		TOPIC_PLACE_BEFORE_END,
		TOPIC_PLACE_AFTER_START,
		TOPIC_PLACE_TIME,
	} kind;
	int64_t value; /* offset, number of offsets, or ms since 1970 */
};

/* The whole of -o: one place for all partitions, or "P=PLACE,P=PLACE". */
struct topic_places {
	struct topic_place all; /* NONE: only those listed */
	struct topic_place_of {
		int32_t partition;
		struct topic_place place;
	} * listed;
	size_t listed_count;
};

/* What is known of a partition, asked for by topic_places_find. */
struct topic_spot {
	bool chosen; /* in: whether to ask at all */
	int64_t start, end;
	int64_t offset;	   /* of the place; -1: no place */
	int64_t timestamp; /* of the record there, of TIME only; else -1 */
	enum weir_code error;
};

/*
 * Sets chosen of the partitions in a list like "0,2-4"; text NULL: of all. Errors: USAGE,
 * UNKNOWN_TOPIC_OR_PARTITION past the end.
 */
WEIR_MUST_USE enum weir_code topic_choose_spots(
	const char *text, struct topic_spot *spots, int32_t count, struct weir_err *err);

/* text NULL: no place. Free places with topic_places_fini. Errors: USAGE. */
WEIR_MUST_USE enum weir_code topic_places_parse(
	const char *text, struct topic_places *places, struct weir_err *err);
void topic_places_fini(struct topic_places *places);

/*
 * Start, end and the place of each chosen partition; spots[topic->partition_count]. committed: the
 * end is that of finished transactions. Each failure is its spot's error. Errors:
 * UNKNOWN_TOPIC_OR_PARTITION (a partition is listed that is not there), and of the connection.
 */
WEIR_MUST_USE enum weir_code topic_places_find(struct client *client,
	const struct client_topic *topic, const struct topic_places *places, bool committed,
	struct topic_spot *spots, struct weir_err *err);
