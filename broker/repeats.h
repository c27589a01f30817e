/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of a request that name the same thing: Kafka answers them once, with INVALID_REQUEST. Takes
 * time in proportion to the rows, however many a peer sends.
 */
#pragma once

#include "broker/dispatch.h"
#include "core/base/map.h"

struct repeats {
	struct map rows; /* by key: number of the first row that has it, from 1 */
	uint8_t *flags;	 /* in the request's arena */
	size_t count, room;
};

/* room: rows that will be added at most. */
void repeats_init(struct repeats *repeats, struct request *req, size_t room);
/* The next row's key. */
void repeats_add(struct repeats *repeats, struct slice key);
void repeats_fini(struct repeats *repeats); /* the two below still answer */

/* No earlier row has the row's key. */
bool repeats_first(const struct repeats *repeats, size_t row);
/* Another row has it. */
bool repeats_again(const struct repeats *repeats, size_t row);
