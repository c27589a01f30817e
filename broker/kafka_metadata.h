/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a Kafka that kept a data directory knew of its topics: the settings in its metadata log,
 * __cluster_metadata-0 (newest snapshot <offset>-<epoch>.checkpoint, and the .log files behind it).
 * Read once, when the directory is adopted.
 */
#pragma once

#include "core/meta/image.h"

struct kafka_topic {
	char *name;
	struct uuid id;
	struct image_config *configs; /* owned, sorted by key */
	size_t config_count;
};
struct kafka_metadata {
	struct kafka_topic *topics;
	size_t count;
	int64_t next_producer_id; /* -1: not known */
};
/* Absent: empty, no error. What cannot be read is warned of and left out. Errors: IO. */
WEIR_MUST_USE enum weir_code kafka_metadata_read(
	const char *data_dir, struct kafka_metadata *metadata, struct weir_err *err);
void kafka_metadata_fini(struct kafka_metadata *metadata);
/* NULL when not there. */
const struct kafka_topic *kafka_metadata_topic(
	const struct kafka_metadata *metadata, const char *name);
