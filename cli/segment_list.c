/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/segment_files.h"

static const struct column columns[] = {
	{"partition", COLUMN_TEXT, "Directory of the partition."},
	{"file", COLUMN_TEXT, "Name of the segment file."},
	{"base_offset", COLUMN_NUMBER, "Lowest offset that it may hold."},
	{"bytes", COLUMN_BYTES, "Size of the file."},
	{"index_bytes", COLUMN_BYTES, "Size of the offset index; null if there is none."},
	{"timeindex_bytes", COLUMN_BYTES, "Size of the time index; null if there is none."},
	{"txnindex_bytes", COLUMN_BYTES, "Size of the transaction index; null if there is none."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir segment list /var/lib/kafka/data", "Lists all segments of a data directory."},
	{"weir segment list --dir /var/lib/kafka/data orders", "Lists the segments of a topic."},
	{"weir segment list orders-0 -O json", "Lists those of a partition directory as JSON."},
	{NULL, NULL},
};

static enum weir_code segment_list_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_segment_list = {
	.path = "segment list",
	.summary = "Lists segment files.",
	.details = "Reads weir's and Kafka's directories alike, and changes nothing.",
	.positional = "[FILE|DIR|TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.columns = columns,
	.examples = examples,
	.run = segment_list_run,
};

static void put_size(struct table *table, int64_t bytes)
{
	if (bytes < 0) {
		table_null(table);
	} else {
		table_number(table, bytes);
	}
}

static enum weir_code segment_list_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct segment_files files;
	enum weir_code code = segment_files_find(ctx, &files, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns);
	for (size_t i = 0; i < files.count; i++) {
		const struct segment_file *f = &files.items[i];
		table_text(table, f->place->name);
		table_text(table, f->name);
		table_number(table, f->base_offset);
		put_size(table, f->size_bytes);
		put_size(table, f->index_bytes);
		put_size(table, f->time_index_bytes);
		put_size(table, f->txn_index_bytes);
	}
	table_end(&table);
	segment_files_fini(&files);
	return WEIR_OK;
}
