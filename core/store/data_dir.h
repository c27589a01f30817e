/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The partitions of a data directory, Kafka's or weir's, with their files. Read-only. */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

enum data_file_kind {
	DATA_FILE_LOG,
	DATA_FILE_INDEX,
	DATA_FILE_TIME_INDEX,
	DATA_FILE_TXN_INDEX,
	DATA_FILE_SNAPSHOT,   /* of the producer state */
	DATA_FILE_EPOCHS,     /* leader-epoch-checkpoint */
	DATA_FILE_METADATA,   /* partition.metadata */
	DATA_FILE_CHECKPOINT, /* <offset>-<epoch>.checkpoint of the metadata log */
	DATA_FILE_DELETED,    /* *.deleted, waiting */
	DATA_FILE_CLEANED,    /* *.cleaned, *.swap: of a compaction */
	DATA_FILE_OTHER,
};
const char *data_file_kind_name(enum data_file_kind kind); /* "log", "index", ... */

struct data_file {
	char *name; /* without the directory */
	enum data_file_kind kind;
	int64_t base_offset; /* -1: the name has none */
	int64_t size_bytes;  /* -1: cannot be asked */
};
enum data_dir_kind {
	DATA_DIR_PARTITION,
	DATA_DIR_DELETE, /* "<topic>-<p>.<32 hex>-delete" */
	DATA_DIR_FUTURE,
	DATA_DIR_STRAY,
};
const char *data_dir_kind_name(enum data_dir_kind kind);

struct data_partition {
	char *name; /* of the directory */
	char *path;
	enum data_dir_kind kind;
	char *topic;
	int32_t partition;
	struct data_file *files; /* by name */
	size_t file_count;
};
struct data_dir {
	struct data_partition *partitions; /* by topic and partition */
	size_t count;
};
/* Directories of other names are left out. Errors: NOT_FOUND, IO. */
WEIR_MUST_USE enum weir_code data_dir_read(
	const char *path, struct data_dir *dir, struct weir_err *err);
/* One partition directory by its path, whatever its name (topic "" and -1 when it is not one). */
WEIR_MUST_USE enum weir_code data_partition_read(
	const char *path, struct data_partition *partition, struct weir_err *err);
void data_partition_fini(struct data_partition *partition);
void data_dir_fini(struct data_dir *dir);
/* NULL when not there. Borrowed. */
const struct data_partition *data_dir_find(
	const struct data_dir *dir, const char *topic, int32_t partition);
