/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/segment_files.h"

#include <inttypes.h>

static const struct column columns[] = {
	{"partition", COLUMN_TEXT, "Directory of the partition."},
	{"file", COLUMN_TEXT, "File with the fault."},
	{"position", COLUMN_NUMBER, "Byte position in it."},
	{"offset", COLUMN_NUMBER, "Record offset concerned; null if none."},
	{"fault", COLUMN_TEXT, "What is wrong."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir segment verify /var/lib/kafka/data && echo sound", "Checks a whole data directory."},
	{"weir segment verify orders-0/00000000000000000000.log",
		"Checks one file and its indexes."},
	{NULL, NULL},
};

static enum weir_code segment_verify_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_segment_verify = {
	.path = "segment verify",
	.summary = "Checks segment files and the indexes beside them.",
	.details =
		"Checksums, sizes, the order of offsets, and each index entry against the batch it "
		"names.\nLists the faults; exit status 1 when there are any. Changes nothing.",
	.positional = "[FILE|DIR|TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.columns = columns,
	.examples = examples,
	.run = segment_verify_run,
};

struct verify {
	struct table *table;
	const struct segment_file *file;
};

static enum weir_code put_fault(void *arg, const struct segment_fault *fault, struct weir_err *err)
{
	(void)err;
	const struct verify *v = arg;
	table_text(v->table, v->file->place->name);
	table_text(v->table, fault->file);
	table_number(v->table, fault->pos);
	if (fault->offset < 0) {
		table_null(v->table);
	} else {
		table_number(v->table, fault->offset);
	}
	table_text(v->table, fault->text);
	return WEIR_OK;
}

static enum weir_code segment_verify_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct segment_files files;
	enum weir_code code = segment_files_find(ctx, &files, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct verify verify = {.table = table_new(ctx, columns)};
	int64_t faults = 0, batches = 0, bytes = 0;
	for (size_t i = 0; i < files.count && code == WEIR_OK; i++) {
		struct segment_totals totals;
		verify.file = &files.items[i];
		code = segment_verify(verify.file->path, put_fault, &verify, &totals, err);
		if (code == WEIR_OK) {
			faults += totals.faults;
			batches += totals.batches;
			bytes += totals.bytes;
		}
	}
	table_end(&verify.table);
	if (code == WEIR_OK) {
		ctx_notice(ctx,
			"%zu segments, %" PRId64 " batches, %" PRId64 " bytes, %" PRId64
			" faults\n",
			files.count, batches, bytes, faults);
	}
	if (code == WEIR_OK && faults) {
		code = err_set(err, WEIR_FALSE_RESULT, "%" PRId64 " faults in %zu segments", faults,
			files.count);
	}
	segment_files_fini(&files);
	return code;
}
