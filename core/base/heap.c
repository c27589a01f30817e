/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/heap.h"

#include "core/base/mem.h"

static void put(struct heap *heap, size_t place, struct heap_node *node)
{
	heap->nodes[place] = node;
	node->place = place;
}

static void sift(struct heap *heap, size_t place)
{
	struct heap_node *it = heap->nodes[place];
	while (place > 1 && heap->nodes[place / 2]->key > it->key) {
		put(heap, place, heap->nodes[place / 2]);
		place /= 2;
	}
	for (;;) {
		size_t child = place * 2;
		if (child < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key) {
			child++;
		}
		if (child > heap->count || heap->nodes[child]->key >= it->key) {
			break;
		}
		put(heap, place, heap->nodes[child]);
		place = child;
	}
	put(heap, place, it);
}

void heap_fini(struct heap *heap)
{
	MEM_FREE(&heap->nodes);
	heap->count = heap->room = 0;
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
	node->key = key;
	if (!node->place) {
		if (heap->count + 2 > heap->room) {
			heap->room = heap->room ? heap->room * 2 : 64;
			heap->nodes = mem_grow(heap->nodes, heap->room, sizeof(struct heap_node *));
		}
		put(heap, ++heap->count, node);
	}
	sift(heap, node->place);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	if (!place) {
		return;
	}
	struct heap_node *last = heap->nodes[heap->count--];
	node->place = 0;
	if (last != node) {
		put(heap, place, last);
		sift(heap, place);
	}
}
