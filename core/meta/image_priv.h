/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the image share: counted structs, the builder, the rows of the store. */
#pragma once

#include "core/base/json.h"
#include "core/base/map.h"
#include "core/meta/image.h"

#include <pthread.h>

enum {
	IMAGE_CONFIG_KEY_LEN_MAX = 200, /* with a topic's name it fits META_KEY_LEN_MAX */
	IMAGE_CONFIG_VALUE_LEN_MAX =
		64 * 1024, /* settings are short; twice what Kafka's wire takes */
};

#define IMAGE_GONE_PREFIX "gone/"

/* An image_topic is always the first member of one of these; shared between images. */
struct image_topic_counted {
	struct image_topic topic;
	_Atomic size_t refs;
};

/* An image is always the first member of one of these. Holds a count of each topic in topics. */
struct image_counted {
	struct image image;
	struct image_topic **by_id; /* the same topics, sorted by id */
	_Atomic size_t refs;
};

struct image_listener {
	void (*changed)(void *arg, const struct image *before, const struct image *after);
	void *arg;
};

struct image_store {
	struct meta *meta;
	int32_t node_id;
	struct meta_watch *watch;
	pthread_mutex_t build_lock;	  /* held while an image is built */
	struct image_listener *listeners; /* guarded by: build_lock */
	size_t listener_count;		  /* guarded by: build_lock */
	pthread_mutex_t current_lock;	  /* held for a few instructions */
	const struct image *current;	  /* guarded by: current_lock; NULL while loading */
};

int image_topic_compare_name(const struct image_topic *a, const struct image_topic *b);
int image_topic_compare_id(const struct image_topic *a, const struct image_topic *b);
void image_topic_ref(const struct image_topic *topic);
void image_topic_unref(struct image_topic *topic);
/* Appends the group's name as keys have it. */
void image_group_escape(struct slice group, struct buf *out);
void image_configs_free(struct image_config *configs, size_t count);

/*
 * The next image from the one before it and the rows that changed. Rows of topics must come before
 * the partitions and settings of the same topics. Topics without a changed row are shared.
 */
struct image_draft;
struct image_builder {
	const struct image_counted *before;
	int32_t node_id;
	struct map by_name, by_id; /* drafts; by_id may hold ids that a draft no longer has */
	struct image_counted *next;
};
void image_build_start(struct image_builder *builder, const struct image *before,
	int32_t node_id); /* before kept */
/* False: the row does not show in the image. */
bool image_build_wants(int32_t node_id, struct slice key);
/* value.data NULL: the row is gone. Errors: BAD_DATA names the key. */
WEIR_MUST_USE enum weir_code image_build_row(
	struct image_builder *builder, const struct meta_entry *entry, struct weir_err *err);
/* The image, with one count for the caller. */
const struct image *image_build_end(struct image_builder *builder, int64_t revision);
void image_build_drop(struct image_builder *builder); /* instead of image_build_end */

/* Rows as small JSON objects. Encoders append to out; decoders: Errors: BAD_DATA. */
struct image_topic_row {
	struct uuid id;
	int32_t partition_count;
};
void image_topic_row_encode(struct buf *out, const struct image_topic_row *row);
WEIR_MUST_USE enum weir_code image_topic_row_decode(
	struct slice text, struct image_topic_row *row, struct weir_err *err);
void image_partition_row_encode(struct buf *out, const struct image_partition *row);
WEIR_MUST_USE enum weir_code image_partition_row_decode(
	struct slice text, struct image_partition *row, struct weir_err *err);
/* Rows of one text or number: {"<member>":...}. */
void image_text_row_encode(struct buf *out, const char *member, const char *value);
WEIR_MUST_USE enum weir_code image_text_row_decode(struct slice text, const char *member,
	char **value, struct weir_err *err); /* *value: yours */
void image_number_row_encode(struct buf *out, const char *member, int64_t value);
WEIR_MUST_USE enum weir_code image_number_row_decode(
	struct slice text, const char *member, int64_t *value, struct weir_err *err);
