/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Binary heap of nodes embedded in their owners, smallest key first; a node may be moved or taken
 * out at any time. Not locked: the owner guards it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	size_t place; /* from 1; 0: in no heap */
};

struct heap {
	struct heap_node **nodes; /* nodes[0] unused */
	size_t count, room;
};

void heap_fini(struct heap *heap); /* nodes are the owners' */
/* Puts the node in, or moves it. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node); /* fine when it is in none */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count ? heap->nodes[1] : NULL;
}
