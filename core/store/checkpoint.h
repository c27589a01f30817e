/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small text files of a data directory, in Kafka's form, replaced whole (tmp, fsync, rename):
 * offset checkpoints ("0", count, "topic partition offset" lines), partition.metadata,
 * meta.properties, the clean-shutdown marker.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/uuid.h"

#include <stdint.h>

#define CHECKPOINT_RECOVERY "recovery-point-offset-checkpoint"
#define CHECKPOINT_LOG_START "log-start-offset-checkpoint"
#define CHECKPOINT_HIGH_WATERMARK "replication-offset-checkpoint"
#define CHECKPOINT_CLEANER "cleaner-offset-checkpoint"

struct checkpoint_entry {
	char *topic; /* owned by the checkpoint */
	int32_t partition;
	int64_t offset;
};
struct checkpoint {
	struct checkpoint_entry *entries; /* sorted by topic, partition */
	size_t count;
};
/* Absent: empty, no error. Errors: LOCAL_CORRUPT (line named), IO. */
WEIR_MUST_USE enum weir_code checkpoint_read(
	const char *path, struct checkpoint *checkpoint, struct weir_err *err);
void checkpoint_fini(struct checkpoint *checkpoint);
/* -1 when not there. */
int64_t checkpoint_find(const struct checkpoint *checkpoint, const char *topic, int32_t partition);
void checkpoint_add(
	struct checkpoint *checkpoint, const char *topic, int32_t partition, int64_t offset);
WEIR_MUST_USE enum weir_code checkpoint_write(
	const char *path, struct checkpoint *checkpoint, struct weir_err *err);

/* dir/partition.metadata. Errors: NOT_FOUND, LOCAL_CORRUPT, IO. */
WEIR_MUST_USE enum weir_code partition_metadata_read(
	const char *dir, struct uuid *topic_id, struct weir_err *err);
WEIR_MUST_USE enum weir_code partition_metadata_write(
	const char *dir, struct uuid topic_id, struct weir_err *err);

struct meta_properties {
	char cluster_id[64];
	int32_t node_id;
	struct uuid directory_id;
};
/* dir/meta.properties (version=1). Errors: NOT_FOUND, LOCAL_CORRUPT, IO. */
WEIR_MUST_USE enum weir_code meta_properties_read(
	const char *dir, struct meta_properties *props, struct weir_err *err);
WEIR_MUST_USE enum weir_code meta_properties_write(
	const char *dir, const struct meta_properties *props, struct weir_err *err);

/* .kafka_cleanshutdown. take: *clean tells whether it was there; it is removed (durably). */
WEIR_MUST_USE enum weir_code clean_shutdown_take(
	const char *dir, bool *clean, struct weir_err *err);
WEIR_MUST_USE enum weir_code clean_shutdown_write(const char *dir, struct weir_err *err);

/* "<topic>-<partition>" split at the last '-'; false for anything else ("-delete", "-stray",
 * "-future"). */
bool partition_dir_parse(const char *name, char topic[250], int32_t *partition);
