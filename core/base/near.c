/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/near.h"

#include <string.h>

enum { WORD_MAX = 64 };

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t near_distance(const char *a, const char *b, size_t max)
{
	size_t m = strlen(a), n = strlen(b);
	if (m > WORD_MAX || n > WORD_MAX || (m > n ? m - n : n - m) > max) {
		return max + 1;
	}
	size_t rows[3][WORD_MAX + 1];
	for (size_t j = 0; j <= n; j++) {
		rows[0][j] = j;
	}
	for (size_t i = 1; i <= m; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *upper = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t cost = a[i - 1] != b[j - 1];
			row[j] = min_of(min_of(up[j] + 1, row[j - 1] + 1), up[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				row[j] = min_of(row[j], upper[j - 2] + 1);
			}
		}
	}
	return min_of(rows[m % 3][n], max + 1);
}

void near_init(struct near *near, const char *wanted)
{
	size_t third = strlen(wanted) / 3;
	*near = (struct near){wanted, NULL, (third < 1 ? 1 : third > 3 ? 3 : third) + 1, 0};
}

bool near_offer(struct near *near, const char *word)
{
	size_t d = near_distance(near->wanted, word, near->best_distance), len = strlen(word);
	bool tie = near->best && d == near->best_distance;
	if (d < near->best_distance || (tie && len > near->best_len)) {
		near->best = word;
		near->best_distance = d;
		near->best_len = len;
		return true;
	}
	return false;
}
