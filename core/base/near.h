/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "Did you mean": the nearest of some words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Edit distance (insert, delete, replace, swap of neighbours), counted up to max + 1. */
size_t near_distance(const char *a, const char *b, size_t max);

struct near {
	const char *wanted;
	const char *best; /* nearest so far, borrowed; NULL when none is near enough */
	size_t best_distance, best_len;
};

void near_init(struct near *near, const char *wanted);
/* Whether word is the nearest now; of equally near ones the longest is, since letters are left out
 * more often than put in. */
bool near_offer(struct near *near, const char *word);
