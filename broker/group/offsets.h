/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The committed offsets of one group: topics by name, partitions by number. Small for one
 * partition, and an insert in any order costs no more than a page.
 *
 *   offsets -> topics, sorted by name -> pages of 64 partition numbers, sorted -> rows, sorted
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/uuid.h"

struct committed {
	int64_t offset;
	int64_t order;	      /* of commits, newer is higher: the record's offset, or above it */
	int64_t commit_ms;    /* wall */
	int64_t expire_ms;    /* wall; -1: by the broker's retention */
	int32_t leader_epoch; /* -1: not known */
	int32_t partition;
	uint8_t *metadata; /* NULL: empty */
	size_t metadata_len;
};

struct offset_page {
	uint32_t number; /* of the page: partition / 64 */
	uint16_t count, room;
	struct committed *rows;
};

struct offset_topic {
	uint8_t *name;
	size_t name_len;
	struct uuid id; /* zero: not known */
	struct offset_page *pages;
	uint32_t page_count, page_room;
};

struct offsets {
	struct offset_topic **topics;
	uint32_t count, room;
};

/* All zero is empty. */
void offsets_fini(struct offsets *offsets);
static inline bool offsets_empty(const struct offsets *offsets)
{
	return offsets->count == 0;
}

/* Borrowed until the next change; NULL if absent. */
struct offset_topic *offsets_topic(const struct offsets *offsets, struct slice topic);
struct committed *offsets_find(
	const struct offsets *offsets, struct slice topic, int32_t partition);

/*
 * Sets one partition's offset; row's partition counts, its metadata is copied. A topic_id that
 * differs from the one known (neither zero) is another topic of that name: the rows of the old one
 * go.
 */
void offsets_put(struct offsets *offsets, struct slice topic, struct uuid topic_id,
	const struct committed *row);
bool offsets_remove(struct offsets *offsets, struct slice topic, int32_t partition);

/* Walks a topic's rows in order of partition; *pos starts at 0. NULL at the end. */
struct committed *offset_topic_next(const struct offset_topic *topic, uint64_t *pos);

static inline struct slice offset_topic_name(const struct offset_topic *topic)
{
	return slice_of(topic->name, topic->name_len);
}
static inline struct slice committed_metadata(const struct committed *row)
{
	return slice_of(row->metadata ? row->metadata : (const uint8_t *)"", row->metadata_len);
}
