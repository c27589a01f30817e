/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/segment_files.h"
#include "core/base/mem.h"
#include "core/store/checkpoint.h"

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name of the topic."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"directory", COLUMN_TEXT, "Name of its directory."},
	{"kind", COLUMN_TEXT, "partition, or delete, future, stray."},
	{"topic_id", COLUMN_TEXT, "Of partition.metadata; null if there is none."},
	{"segments", COLUMN_NUMBER, "Number of segment files."},
	{"bytes", COLUMN_BYTES, "Size of all files."},
	{"log_start", COLUMN_NUMBER, "Of the checkpoint, or the first segment's base offset."},
	{"recovery_point", COLUMN_NUMBER, "Of the checkpoint; null if not in it."},
	{"high_watermark", COLUMN_NUMBER, "Of the checkpoint; null if not in it."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir dir list /var/lib/kafka/data", "Lists the partitions of a data directory."},
	{"weir dir list -O json | jq 'map(.bytes) | add'",
		"Adds up the sizes, with the directory from WEIR_DIR."},
	{NULL, NULL},
};

static enum weir_code dir_list_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_dir_list = {
	.path = "dir list",
	.summary = "Lists the partitions in a data directory.",
	.details = "Reads weir's and Kafka's directories alike, and changes nothing.",
	.positional = "[DIR]",
	.positional_max = 1,
	.columns = columns,
	.examples = examples,
	.run = dir_list_run,
};

struct checkpoints {
	struct checkpoint start, recovery, watermark;
};

static enum weir_code read_one(
	const char *dir, const char *name, struct checkpoint *checkpoint, struct weir_err *err)
{
	char *path = mem_printf("%s/%s", dir, name);
	enum weir_code code = checkpoint_read(path, checkpoint, err);
	mem_free(path);
	return code;
}

static enum weir_code read_checkpoints(
	const char *dir, struct checkpoints *all, struct weir_err *err)
{
	enum weir_code code = read_one(dir, CHECKPOINT_LOG_START, &all->start, err);
	if (code == WEIR_OK) {
		code = read_one(dir, CHECKPOINT_RECOVERY, &all->recovery, err);
	}
	if (code == WEIR_OK) {
		code = read_one(dir, CHECKPOINT_HIGH_WATERMARK, &all->watermark, err);
	}
	return code;
}

static void put_offset(struct table *table, int64_t offset)
{
	if (offset < 0) {
		table_null(table);
	} else {
		table_number(table, offset);
	}
}

static void put_partition(
	struct table *table, const struct data_partition *p, const struct checkpoints *all)
{
	int64_t segments = 0, bytes = 0, first = -1;
	for (size_t i = 0; i < p->file_count; i++) {
		const struct data_file *f = &p->files[i];
		bytes += f->size_bytes > 0 ? f->size_bytes : 0;
		if (f->kind == DATA_FILE_LOG) {
			segments++;
			first = first < 0 ? f->base_offset : first;
		}
	}
	struct uuid id;
	struct weir_err err;
	char text[UUID_TEXT_LEN + 1];
	bool has_id = partition_metadata_read(p->path, &id, &err) == WEIR_OK;
	if (has_id) {
		uuid_format(id, text);
	}
	bool live = p->kind == DATA_DIR_PARTITION;
	int64_t start = live ? checkpoint_find(&all->start, p->topic, p->partition) : -1;
	table_text(table, p->topic);
	table_number(table, p->partition);
	table_text(table, p->name);
	table_text(table, data_dir_kind_name(p->kind));
	table_text(table, has_id ? text : NULL);
	table_number(table, segments);
	table_number(table, bytes);
	put_offset(table, start < first ? first : start);
	put_offset(table, live ? checkpoint_find(&all->recovery, p->topic, p->partition) : -1);
	put_offset(table, live ? checkpoint_find(&all->watermark, p->topic, p->partition) : -1);
}

static enum weir_code dir_list_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *path;
	struct data_dir dir = {NULL, 0};
	struct checkpoints all = {.start = {NULL, 0}};
	enum weir_code code = segment_data_dir(ctx, &path, err);
	if (code == WEIR_OK) {
		code = data_dir_read(path, &dir, err);
	}
	if (code == WEIR_OK) {
		code = read_checkpoints(path, &all, err);
	}
	if (code == WEIR_OK) {
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; i < dir.count; i++) {
			put_partition(table, &dir.partitions[i], &all);
		}
		table_end(&table);
	}
	checkpoint_fini(&all.start);
	checkpoint_fini(&all.recovery);
	checkpoint_fini(&all.watermark);
	data_dir_fini(&dir);
	return code;
}
