/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/offsets.h"

#include "core/base/mem.h"

enum { PAGE_ROWS = 64 };

static uint32_t page_number(int32_t partition)
{
	return (uint32_t)partition / PAGE_ROWS;
}

static void topic_free(struct offset_topic *topic)
{
	for (uint32_t p = 0; p < topic->page_count; p++) {
		struct offset_page *page = &topic->pages[p];
		for (uint16_t i = 0; i < page->count; i++) {
			mem_free(page->rows[i].metadata);
		}
		mem_free(page->rows);
	}
	mem_free(topic->pages);
	mem_free(topic->name);
	mem_free(topic);
}

void offsets_fini(struct offsets *offsets)
{
	for (uint32_t i = 0; i < offsets->count; i++) {
		topic_free(offsets->topics[i]);
	}
	MEM_FREE(&offsets->topics);
	offsets->count = offsets->room = 0;
}

static int compare(const struct offset_topic *topic, struct slice name)
{
	size_t len = topic->name_len < name.len ? topic->name_len : name.len;
	int order = len ? memcmp(topic->name, name.data, len) : 0;
	return order ? order : (topic->name_len > name.len) - (topic->name_len < name.len);
}

/* Where the topic is, or where it would go. */
static uint32_t topic_place(const struct offsets *offsets, struct slice name)
{
	uint32_t from = 0, end = offsets->count;
	while (from < end) {
		uint32_t middle = from + (end - from) / 2;
		if (compare(offsets->topics[middle], name) < 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return from;
}

struct offset_topic *offsets_topic(const struct offsets *offsets, struct slice name)
{
	uint32_t at = topic_place(offsets, name);
	bool there = at < offsets->count && compare(offsets->topics[at], name) == 0;
	return there ? offsets->topics[at] : NULL;
}

static uint32_t page_place(const struct offset_topic *topic, uint32_t number)
{
	uint32_t from = 0, end = topic->page_count;
	while (from < end) {
		uint32_t middle = from + (end - from) / 2;
		if (topic->pages[middle].number < number) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return from;
}

static uint16_t row_place(const struct offset_page *page, int32_t partition)
{
	uint16_t i = 0;
	while (i < page->count && (uint32_t)page->rows[i].partition < (uint32_t)partition) {
		i++;
	}
	return i;
}

struct committed *offsets_find(const struct offsets *offsets, struct slice name, int32_t partition)
{
	struct offset_topic *topic = offsets_topic(offsets, name);
	if (!topic) {
		return NULL;
	}
	uint32_t p = page_place(topic, page_number(partition));
	if (p == topic->page_count || topic->pages[p].number != page_number(partition)) {
		return NULL;
	}
	uint16_t i = row_place(&topic->pages[p], partition);
	bool there = i < topic->pages[p].count && topic->pages[p].rows[i].partition == partition;
	return there ? &topic->pages[p].rows[i] : NULL;
}

static struct offset_topic *add_topic(struct offsets *offsets, struct slice name)
{
	uint32_t at = topic_place(offsets, name);
	if (offsets->count == offsets->room) {
		offsets->room = offsets->room ? offsets->room * 2 : 1;
		offsets->topics =
			mem_grow(offsets->topics, offsets->room, sizeof(struct offset_topic *));
	}
	memmove(offsets->topics + at + 1, offsets->topics + at,
		(offsets->count - at) * sizeof(struct offset_topic *));
	struct offset_topic *topic = mem_new(sizeof(*topic));
	topic->name = mem_dup(name.data, name.len);
	topic->name_len = name.len;
	offsets->topics[at] = topic;
	offsets->count++;
	return topic;
}

static struct offset_page *take_page(struct offset_topic *topic, uint32_t number)
{
	uint32_t at = page_place(topic, number);
	if (at < topic->page_count && topic->pages[at].number == number) {
		return &topic->pages[at];
	}
	if (topic->page_count == topic->page_room) {
		topic->page_room = topic->page_room ? topic->page_room * 2 : 1;
		topic->pages = mem_grow(topic->pages, topic->page_room, sizeof(*topic->pages));
	}
	memmove(topic->pages + at + 1, topic->pages + at,
		(topic->page_count - at) * sizeof(*topic->pages));
	topic->pages[at] = (struct offset_page){.number = number};
	topic->page_count++;
	return &topic->pages[at];
}

static struct committed *take_row(struct offset_page *page, int32_t partition)
{
	uint16_t at = row_place(page, partition);
	if (at < page->count && page->rows[at].partition == partition) {
		mem_free(page->rows[at].metadata);
		return &page->rows[at];
	}
	if (page->count == page->room) {
		page->room = page->room ? (uint16_t)(page->room * 2) : 1;
		page->rows = mem_grow(page->rows, page->room, sizeof(*page->rows));
	}
	memmove(page->rows + at + 1, page->rows + at,
		(size_t)(page->count - at) * sizeof(*page->rows));
	page->count++;
	return &page->rows[at];
}

static void remove_topic(struct offsets *offsets, uint32_t at)
{
	topic_free(offsets->topics[at]);
	offsets->count--;
	memmove(offsets->topics + at, offsets->topics + at + 1,
		(offsets->count - at) * sizeof(struct offset_topic *));
}

void offsets_put(struct offsets *offsets, struct slice name, struct uuid topic_id,
	const struct committed *row)
{
	struct offset_topic *topic = offsets_topic(offsets, name);
	if (topic && !uuid_is_zero(topic_id) && !uuid_is_zero(topic->id) &&
		!uuid_equal(topic->id, topic_id)) {
		remove_topic(offsets, topic_place(offsets, name));
		topic = NULL;
	}
	if (!topic) {
		topic = add_topic(offsets, name);
	}
	if (!uuid_is_zero(topic_id)) {
		topic->id = topic_id;
	}
	struct offset_page *page = take_page(topic, page_number(row->partition));
	struct committed copy = *row; /* before take_row frees: row may be of this table */
	copy.metadata = row->metadata_len ? mem_dup(row->metadata, row->metadata_len) : NULL;
	*take_row(page, copy.partition) = copy;
}

bool offsets_remove(struct offsets *offsets, struct slice name, int32_t partition)
{
	struct committed *row = offsets_find(offsets, name, partition);
	if (!row) {
		return false;
	}
	uint32_t t = topic_place(offsets, name);
	struct offset_topic *topic = offsets->topics[t];
	uint32_t p = page_place(topic, page_number(partition));
	struct offset_page *page = &topic->pages[p];
	size_t at = (size_t)(row - page->rows);
	mem_free(row->metadata);
	page->count--;
	memmove(page->rows + at, page->rows + at + 1, (page->count - at) * sizeof(*page->rows));
	if (!page->count) {
		mem_free(page->rows);
		topic->page_count--;
		memmove(topic->pages + p, topic->pages + p + 1,
			(topic->page_count - p) * sizeof(*topic->pages));
	}
	if (!topic->page_count) {
		remove_topic(offsets, t);
	}
	if (!offsets->count) {
		MEM_FREE(&offsets->topics);
		offsets->room = 0;
	}
	return true;
}

struct committed *offset_topic_next(const struct offset_topic *topic, uint64_t *pos)
{
	uint32_t page = (uint32_t)(*pos / PAGE_ROWS);
	uint16_t row = (uint16_t)(*pos % PAGE_ROWS);
	if (page < topic->page_count && row >= topic->pages[page].count) {
		page++;
		row = 0;
	}
	if (page >= topic->page_count) {
		return NULL;
	}
	*pos = (uint64_t)page * PAGE_ROWS + row + 1;
	return &topic->pages[page].rows[row];
}
