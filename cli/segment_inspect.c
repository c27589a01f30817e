/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/row.h"
#include "cli/segment_files.h"
#include "core/base/limits.h"

struct segment_inspect_args {
	bool records;
	int on_error;
};

static const struct opt opts[] = {
	OPT_BOOL(struct segment_inspect_args, records, .name = "records",
		.help = "One row a record instead of one a batch."),
	OPT_CHOICE(struct segment_inspect_args, on_error, .name = "on-error", .arg = "WHAT",
		.choices = corrupt_names, .def = "fail",
		.help = "What to do about bytes that are no batch."),
	OPT_END,
};

static const struct column columns[] = {
	{"partition", COLUMN_TEXT, "Directory of the partition."},
	{"file", COLUMN_TEXT, "Name of the segment file."},
	{"position", COLUMN_NUMBER, "Byte position of the batch."},
	{"size", COLUMN_NUMBER, "Bytes of the batch."},
	{"base_offset", COLUMN_NUMBER, "Offset of its first record."},
	{"last_offset", COLUMN_NUMBER, "Offset of its last record."},
	{"count", COLUMN_NUMBER, "Number of records; -1 where the format has none."},
	{"leader_epoch", COLUMN_NUMBER, "Epoch of the leader that took it."},
	{"magic", COLUMN_NUMBER, "Version of the batch format."},
	{"crc", COLUMN_NUMBER, "Checksum in the header."},
	{"crc_valid", COLUMN_BOOL, "Whether the checksum is right."},
	{"codec", COLUMN_TEXT, "How its records are compressed."},
	{"timestamp_type", COLUMN_TEXT, "CreateTime or LogAppendTime."},
	{"base_timestamp", COLUMN_TIME, "Time of its first record."},
	{"max_timestamp", COLUMN_TIME, "Latest time of a record."},
	{"producer_id", COLUMN_NUMBER, "Producer id; -1: none."},
	{"producer_epoch", COLUMN_NUMBER, "Producer epoch; -1: none."},
	{"base_sequence", COLUMN_NUMBER, "Sequence number of its first record; -1: none."},
	{"transactional", COLUMN_BOOL, "Whether it belongs to a transaction."},
	{"control", COLUMN_BOOL, "Whether it holds a marker instead of records."},
	{"delete_horizon", COLUMN_TIME, "When tombstones may go; null if not set."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column record_columns[] = {
	{"partition", COLUMN_TEXT, "Directory of the partition."},
	{"file", COLUMN_TEXT, "Name of the segment file."},
	{"position", COLUMN_NUMBER, "Byte position of the record's batch."},
	{"offset", COLUMN_NUMBER, "Offset of the record."},
	{"timestamp", COLUMN_TIME, "Time of the record."},
	{"sequence", COLUMN_NUMBER, "Sequence number; -1: none."},
	{"control", COLUMN_BOOL, "Whether it holds a marker instead of records."},
	{"key_bytes", COLUMN_NUMBER, "-1: null."},
	{"value_bytes", COLUMN_NUMBER, "-1: null."},
	{"headers", COLUMN_NUMBER, "Number of headers."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir segment inspect 00000000000000000000.log", "Shows the batches of one file."},
	{"weir segment inspect orders-0 --records -O jsonl",
		"Shows every record of a partition, a JSON object a line."},
	{NULL, NULL},
};

static enum weir_code segment_inspect_run(void *args, struct ctx *ctx, struct weir_err *err);

static const struct column *columns_of(const void *args)
{
	return ((const struct segment_inspect_args *)args)->records ? record_columns : columns;
}

const struct command cmd_segment_inspect = {
	.path = "segment inspect",
	.summary = "Shows the batches or records in segment files.",
	.details = "Reads weir's and Kafka's directories alike, and changes nothing.",
	.positional = "[FILE|DIR|TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct segment_inspect_args),
	.columns_of = columns_of,
	.examples = examples,
	.run = segment_inspect_run,
};

struct inspect {
	struct ctx *ctx;
	struct table *table;
	struct record_reader reader;
	struct row_headers headers;
};

static enum weir_code put_batch(void *arg, const struct segment_file *file,
	const struct batch_head *head, const struct batch *b, bool *stop, struct weir_err *err)
{
	(void)err;
	struct table *t = ((struct inspect *)arg)->table;
	struct weir_err crc_err;
	int codec = b->attributes & BATCH_CODEC_MASK;
	table_text(t, file->place->name);
	table_text(t, file->name);
	table_number(t, head->pos);
	table_number(t, (int64_t)head->size);
	table_number(t, b->base_offset);
	table_number(t, head->last_offset);
	table_number(t, b->record_count);
	table_number(t, b->leader_epoch);
	table_number(t, b->magic);
	table_number(t, b->crc);
	table_bool(t, batch_check_crc(b, &crc_err) == WEIR_OK);
	table_text(t, codec < CODEC_COUNT ? codec_name((enum codec)codec) : "unknown");
	table_text(t, b->attributes & BATCH_APPEND_TIME ? "LogAppendTime" : "CreateTime");
	bool horizon = b->attributes & BATCH_DELETE_HORIZON;
	if (horizon) {
		table_null(t);
	} else {
		table_number(t, b->base_timestamp);
	}
	table_number(t, b->max_timestamp);
	table_number(t, b->producer_id);
	table_number(t, b->producer_epoch);
	table_number(t, b->base_sequence);
	table_bool(t, b->attributes & BATCH_TRANSACTIONAL);
	table_bool(t, b->attributes & BATCH_CONTROL);
	if (horizon) {
		table_number(t, b->base_timestamp);
	} else {
		table_null(t);
	}
	*stop = ((struct inspect *)arg)->ctx->out.sys_errno != 0;
	return WEIR_OK;
}

static enum weir_code put_records(void *arg, const struct segment_file *file,
	const struct batch_head *head, const struct batch *b, bool *stop, struct weir_err *err)
{
	struct inspect *in = arg;
	struct table *t = in->table;
	enum weir_code code = batch_check_crc(b, err);
	code = code == WEIR_OK ? record_reader_start(&in->reader, b, err) : code;
	bool got = true;
	while (code == WEIR_OK && !in->ctx->out.sys_errno) {
		struct record record;
		struct row row = row_none;
		code = record_reader_next(&in->reader, &record, &got, err);
		if (code != WEIR_OK || !got) {
			break;
		}
		row_from_record(&row, &in->headers, b, &record);
		table_text(t, file->place->name);
		table_text(t, file->name);
		table_number(t, head->pos);
		table_number(t, row.offset);
		table_number(t, row.timestamp);
		table_number(t, row.sequence);
		table_bool(t, b->attributes & BATCH_CONTROL);
		table_number(t, row.key.data ? (int64_t)row.key.len : -1);
		table_number(t, row.value.data ? (int64_t)row.value.len : -1);
		table_number(t, (int64_t)row.header_count);
	}
	*stop = in->ctx->out.sys_errno != 0;
	return code == WEIR_OK ? code
			       : err_wrap(err, "%s at byte %lld", file->path, (long long)head->pos);
}

static enum weir_code segment_inspect_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct segment_inspect_args *a = args;
	struct segment_files files;
	enum weir_code code = segment_files_find(ctx, &files, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct inspect in = {.ctx = ctx};
	in.table = table_new(ctx, a->records ? record_columns : columns);
	record_reader_init(&in.reader, LIMIT_DECOMPRESSED_DEFAULT);
	struct segment_walk walk = {.ctx = ctx,
		.corrupt = (enum corrupt)a->on_error,
		.batch = a->records ? put_records : put_batch,
		.arg = &in};
	bool stop = false;
	for (size_t i = 0; i < files.count && code == WEIR_OK && !stop; i++) {
		code = segment_walk_file(&walk, &files.items[i], &stop, err);
	}
	table_end(&in.table);
	record_reader_fini(&in.reader);
	row_headers_fini(&in.headers);
	segment_files_fini(&files);
	return code;
}
