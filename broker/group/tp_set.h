/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of topic partitions, sorted; each may carry the epoch in which it was given. */
#pragma once

#include "core/base/uuid.h"

struct tp {
	struct uuid topic;
	int32_t partition;
	int32_t epoch; /* no part of the order; -1: not known */
};

struct tp_set {
	struct tp *items;
	size_t count, room;
};

/* All zero is empty. */
void tp_set_fini(struct tp_set *set);
int tp_compare(const struct tp *a, const struct tp *b);
/* NULL if absent. */
struct tp *tp_set_find(const struct tp_set *set, struct uuid topic, int32_t partition);
/* Adds at the end, without keeping the order: tp_set_sort before the set is used. */
void tp_set_append(struct tp_set *set, struct uuid topic, int32_t partition, int32_t epoch);
/* Into order; of equal ones the first stays. */
void tp_set_sort(struct tp_set *set);
void tp_set_copy(struct tp_set *to, const struct tp_set *from);
/* Takes from's items; from is empty then. */
void tp_set_move(struct tp_set *to, struct tp_set *from);
bool tp_set_equal(const struct tp_set *a, const struct tp_set *b); /* epochs count too */
bool tp_set_same(const struct tp_set *a, const struct tp_set *b);  /* epochs don't */
bool tp_set_within(const struct tp_set *part, const struct tp_set *whole);
bool tp_set_overlap(const struct tp_set *a, const struct tp_set *b);
/* to becomes those of a that are in b, or that are not; epochs are a's. to is neither. */
void tp_set_common(struct tp_set *to, const struct tp_set *a, const struct tp_set *b);
void tp_set_without(struct tp_set *to, const struct tp_set *a, const struct tp_set *b);
/* Adds all of more. */
void tp_set_add_all(struct tp_set *set, const struct tp_set *more);

/* Walks topic by topic: the run of items of one topic from *pos on; NULL at the end. */
static inline const struct tp *tp_set_run(const struct tp_set *set, size_t *pos, size_t *count)
{
	*count = 0;
	if (*pos >= set->count) {
		return NULL;
	}
	const struct tp *first = &set->items[*pos];
	while (*pos < set->count && uuid_equal(set->items[*pos].topic, first->topic)) {
		(*pos)++;
		(*count)++;
	}
	return first;
}
