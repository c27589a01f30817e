/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/tp_set.h"

#include "core/base/mem.h"

#include <stdlib.h>

void tp_set_fini(struct tp_set *set)
{
	MEM_FREE(&set->items);
	set->count = set->room = 0;
}

int tp_compare(const struct tp *a, const struct tp *b)
{
	int order = memcmp(a->topic.bytes, b->topic.bytes, sizeof(a->topic.bytes));
	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

struct tp *tp_set_find(const struct tp_set *set, struct uuid topic, int32_t partition)
{
	struct tp wanted = {.topic = topic, .partition = partition};
	size_t from = 0, end = set->count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = tp_compare(&set->items[middle], &wanted);
		if (order == 0) {
			return &set->items[middle];
		}
		if (order < 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return NULL;
}

void tp_set_append(struct tp_set *set, struct uuid topic, int32_t partition, int32_t epoch)
{
	if (set->count == set->room) {
		set->room = set->room ? set->room * 2 : 4;
		set->items = mem_grow(set->items, set->room, sizeof(*set->items));
	}
	set->items[set->count++] = (struct tp){topic, partition, epoch};
}

static int compare(const void *a, const void *b)
{
	return tp_compare(a, b);
}

void tp_set_sort(struct tp_set *set)
{
	bool sorted = true;
	for (size_t i = 1; sorted && i < set->count; i++) {
		sorted = tp_compare(&set->items[i - 1], &set->items[i]) < 0;
	}
	if (sorted) {
		return;
	}
	qsort(set->items, set->count, sizeof(*set->items), compare);
	size_t kept = 1;
	for (size_t i = 1; i < set->count; i++) {
		if (tp_compare(&set->items[kept - 1], &set->items[i])) {
			set->items[kept++] = set->items[i];
		}
	}
	set->count = kept;
}

void tp_set_copy(struct tp_set *to, const struct tp_set *from)
{
	struct tp *items = NULL;
	if (from->count) {
		items = mem_array(from->count, sizeof(*items));
		memcpy(items, from->items, from->count * sizeof(*items));
	}
	mem_free(to->items);
	*to = (struct tp_set){items, from->count, from->count};
}

void tp_set_move(struct tp_set *to, struct tp_set *from)
{
	mem_free(to->items);
	*to = *from;
	*from = (struct tp_set){.count = 0};
}

bool tp_set_same(const struct tp_set *a, const struct tp_set *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++) {
		same = tp_compare(&a->items[i], &b->items[i]) == 0;
	}
	return same;
}

bool tp_set_equal(const struct tp_set *a, const struct tp_set *b)
{
	bool equal = tp_set_same(a, b);
	for (size_t i = 0; equal && i < a->count; i++) {
		equal = a->items[i].epoch == b->items[i].epoch;
	}
	return equal;
}

/* Walks both; calls for every item of a with whether b has it. */
static void sift(struct tp_set *to, const struct tp_set *a, const struct tp_set *b, bool common)
{
	size_t j = 0;
	to->count = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct tp *it = &a->items[i];
		while (j < b->count && tp_compare(&b->items[j], it) < 0) {
			j++;
		}
		bool there = j < b->count && tp_compare(&b->items[j], it) == 0;
		if (there == common) {
			tp_set_append(to, it->topic, it->partition, it->epoch);
		}
	}
}

void tp_set_common(struct tp_set *to, const struct tp_set *a, const struct tp_set *b)
{
	sift(to, a, b, true);
}

void tp_set_without(struct tp_set *to, const struct tp_set *a, const struct tp_set *b)
{
	sift(to, a, b, false);
}

bool tp_set_within(const struct tp_set *part, const struct tp_set *whole)
{
	size_t j = 0;
	for (size_t i = 0; i < part->count; i++) {
		while (j < whole->count && tp_compare(&whole->items[j], &part->items[i]) < 0) {
			j++;
		}
		if (j == whole->count || tp_compare(&whole->items[j], &part->items[i])) {
			return false;
		}
	}
	return true;
}

bool tp_set_overlap(const struct tp_set *a, const struct tp_set *b)
{
	size_t i = 0, j = 0;
	while (i < a->count && j < b->count) {
		int order = tp_compare(&a->items[i], &b->items[j]);
		if (order == 0) {
			return true;
		}
		i += order < 0;
		j += order > 0;
	}
	return false;
}

void tp_set_add_all(struct tp_set *set, const struct tp_set *more)
{
	for (size_t i = 0; i < more->count; i++) {
		tp_set_append(
			set, more->items[i].topic, more->items[i].partition, more->items[i].epoch);
	}
	tp_set_sort(set);
}
