/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/segment_files.h"
#include "core/base/mem.h"
#include "core/store/checkpoint.h"

#include <string.h>
#include <unistd.h>

static const struct column columns[] = {
	{"path", COLUMN_TEXT, "The directory."},
	{"cluster_id", COLUMN_TEXT, "Of meta.properties; null if there is none."},
	{"node_id", COLUMN_NUMBER, "Of meta.properties; null if there is none."},
	{"directory_id", COLUMN_TEXT, "Of meta.properties; null if there is none."},
	{"clean", COLUMN_BOOL, "Whether the last stop left its clean-shutdown marker."},
	{"topics", COLUMN_NUMBER, "Topics that it holds."},
	{"partitions", COLUMN_NUMBER, "Partitions that it holds."},
	{"deleting", COLUMN_NUMBER, "Partitions that wait for their deletion."},
	{"segments", COLUMN_NUMBER, "Segment files in the partitions."},
	{"bytes", COLUMN_BYTES, "Size of all files in the partitions."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir dir info /var/lib/kafka/data", "Shows whose directory it is and what it holds."},
	{"weir dir info --dir data -O json | jq -r .[].cluster_id", "Prints the cluster id."},
	{NULL, NULL},
};

static enum weir_code dir_info_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_dir_info = {
	.path = "dir info",
	.summary = "Shows whose data directory it is and what it holds.",
	.details = "Reads weir's and Kafka's directories alike, and changes nothing.",
	.positional = "[DIR]",
	.positional_max = 1,
	.columns = columns,
	.examples = examples,
	.run = dir_info_run,
};

static bool is_clean(const char *path)
{
	char *marker = mem_printf("%s/.kafka_cleanshutdown", path);
	bool there = access(marker, F_OK) == 0;
	mem_free(marker);
	return there;
}

static void put_totals(struct table *table, const struct data_dir *dir)
{
	int64_t topics = 0, partitions = 0, deleting = 0, segments = 0, bytes = 0;
	const char *last = NULL;
	for (size_t i = 0; i < dir->count; i++) {
		const struct data_partition *p = &dir->partitions[i];
		if (p->kind == DATA_DIR_PARTITION) {
			topics += !last || strcmp(last, p->topic) != 0;
			partitions++;
			last = p->topic;
		}
		deleting += p->kind == DATA_DIR_DELETE;
		for (size_t k = 0; k < p->file_count; k++) {
			const struct data_file *f = &p->files[k];
			segments += f->kind == DATA_FILE_LOG;
			bytes += f->size_bytes > 0 ? f->size_bytes : 0;
		}
	}
	table_number(table, topics);
	table_number(table, partitions);
	table_number(table, deleting);
	table_number(table, segments);
	table_number(table, bytes);
}

static enum weir_code dir_info_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *path;
	struct data_dir dir;
	enum weir_code code = segment_data_dir(ctx, &path, err);
	if (code == WEIR_OK) {
		code = data_dir_read(path, &dir, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	struct meta_properties props;
	code = meta_properties_read(path, &props, err);
	bool known = code == WEIR_OK;
	if (known || code == WEIR_NOT_FOUND) {
		char id[UUID_TEXT_LEN + 1] = "";
		code = WEIR_OK;
		struct table *table = table_new(ctx, columns);
		table_text(table, path);
		table_text(table, known ? props.cluster_id : NULL);
		if (known) {
			uuid_format(props.directory_id, id);
			table_number(table, props.node_id);
		} else {
			table_null(table);
		}
		table_text(table, known && !uuid_is_zero(props.directory_id) ? id : NULL);
		table_bool(table, is_clean(path));
		put_totals(table, &dir);
		table_end(&table);
	}
	data_dir_fini(&dir);
	return code;
}
