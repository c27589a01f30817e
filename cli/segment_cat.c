/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records straight from the files: by default what a consumer of the partition would see (from the
 * log start on, no control records), with --all everything that is there.
 */
#include "cli/command.h"
#include "cli/format.h"
#include "cli/segment_txns.h"
#include "core/base/limits.h"

#include <inttypes.h>

enum isolation { ISOLATION_UNCOMMITTED, ISOLATION_COMMITTED };
static const char *const isolation_names[] = {"uncommitted", "committed", NULL};

struct segment_cat_args {
	const char *format;
	bool json;
	bool json_values;
	bool attributes;
	bool batches;
	bool all;
	int isolation;
	int64_t offset;
	int64_t count;
	const char *null_text;
	bool raw;
	int on_error;
};

static const struct opt opts[] = {
	OPT_STR(struct segment_cat_args, format, .name = "format", .letter = 'f', .arg = "FORMAT",
		.def = "%s\\n", .help = "How a record is printed."),
	OPT_BOOL(struct segment_cat_args, json, .name = "json", .letter = 'J',
		.help = "One JSON envelope a line, as -f '%j\\n'."),
	OPT_BOOL(struct segment_cat_args, json_values, .name = "json-values",
		.help = "With -J: values that are JSON are embedded, not quoted."),
	OPT_BOOL(struct segment_cat_args, attributes, .name = "attributes",
		.help = "With -J: adds leader epoch, producer and attribute bits."),
	OPT_BOOL(struct segment_cat_args, batches, .name = "batches",
		.help = "The batches as they are, byte for byte: again a segment."),
	OPT_BOOL(struct segment_cat_args, all, .name = "all",
		.help = "Also control records and what lies before the log start."),
	OPT_CHOICE(struct segment_cat_args, isolation, .name = "isolation", .arg = "LEVEL",
		.choices = isolation_names, .def = "uncommitted",
		.help = "Whether records of aborted and open transactions are left out."),
	OPT_I64(struct segment_cat_args, offset, .name = "offset", .letter = 'o', .arg = "OFFSET",
		.unset = -1, .max = INT64_MAX, .help = "First offset of each partition."),
	OPT_I64(struct segment_cat_args, count, .name = "count", .letter = 'c', .arg = "N",
		.unset = -1, .max = INT64_MAX, .help = "Ends after N records (or batches)."),
	OPT_STR(struct segment_cat_args, null_text, .name = "null", .arg = "TEXT",
		.help = "What stands for null in plain text; nothing otherwise."),
	OPT_BOOL(struct segment_cat_args, raw, .name = "raw",
		.help = "Control bytes go to a terminal as they are."),
	OPT_CHOICE(struct segment_cat_args, on_error, .name = "on-error", .arg = "WHAT",
		.choices = corrupt_names, .def = "fail",
		.help = "What to do about bytes that are no batch and batches that cannot be "
			"read."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir segment cat 00000000000000000000.log", "Prints the values in one file."},
	{"weir segment cat --dir /var/lib/kafka/data orders -f '%p %o %k\\t%s\\n'",
		"Prints partition, offset, key and value of all records of a topic."},
	{"weir segment cat orders-0 -J --isolation committed",
		"Prints JSON, without aborted transactions."},
	{"weir segment cat orders-0 --batches -o 5000 > tail.log",
		"Copies the batches from offset 5000 on."},
	{NULL, NULL},
};

static enum weir_code segment_cat_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_segment_cat = {
	.path = "segment cat",
	.summary = "Prints the records in segment files.",
	.details = "What a consumer would see, without a broker; --all prints everything.\n"
		   "Reads weir's and Kafka's directories alike, and changes nothing.",
	.positional = "[FILE|DIR|TOPIC...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct segment_cat_args),
	.examples = examples,
	.run = segment_cat_run,
};

struct cat {
	struct ctx *ctx;
	const struct segment_cat_args *args;
	struct format *format;
	struct format_style style;
	struct record_reader reader;
	struct row_headers headers;
	struct segment_txns txns;
	int64_t printed;
	int64_t skipped; /* batches that could not be read */
};

static bool full(const struct cat *cat)
{
	return (cat->args->count >= 0 && cat->printed >= cat->args->count) ||
	       cat->ctx->out.sys_errno != 0;
}

/* First offset to print of a partition. */
static int64_t floor_of(const struct cat *cat, const struct segment_place *place)
{
	int64_t start = cat->args->all ? 0 : place->log_start;
	return cat->args->offset > start ? cat->args->offset : start;
}

static enum weir_code print_records(struct cat *cat, const struct segment_place *place,
	const struct batch *batch, struct weir_err *err)
{
	int64_t least = floor_of(cat, place);
	enum weir_code code = batch_check_crc(batch, err);
	code = code == WEIR_OK ? record_reader_start(&cat->reader, batch, err) : code;
	while (code == WEIR_OK && !full(cat)) {
		struct record record;
		bool got;
		code = record_reader_next(&cat->reader, &record, &got, err);
		if (code != WEIR_OK || !got) {
			break;
		}
		if (record.offset < least) {
			continue;
		}
		struct row row = row_none;
		row_from_record(&row, &cat->headers, batch, &record);
		row.topic = slice_str(place->topic);
		row.partition = place->partition;
		row.log_start = place->log_start;
		row.high_watermark = place->high_watermark;
		row.number = ++cat->printed;
		code = format_print(cat->format, &row, &cat->style, &cat->ctx->out, err);
	}
	return code;
}

/* Whether the batch is left out as a whole. */
static bool hidden(const struct cat *cat, const struct segment_file *file,
	const struct batch_head *head, const struct batch *batch)
{
	if (head->last_offset < floor_of(cat, file->place)) {
		return true;
	}
	if (cat->args->batches || cat->args->all) {
		return false;
	}
	if (batch->attributes & BATCH_CONTROL) {
		return true;
	}
	return cat->args->isolation == ISOLATION_COMMITTED &&
	       (batch->attributes & BATCH_TRANSACTIONAL) &&
	       segment_txns_aborted(&cat->txns, batch->producer_id, batch->base_offset);
}

static enum weir_code see(void *arg, const struct segment_file *file, const struct batch_head *head,
	const struct batch *batch, bool *stop, struct weir_err *err)
{
	struct cat *cat = arg;
	if (cat->args->isolation == ISOLATION_COMMITTED && !cat->args->all &&
		batch->base_offset >= cat->txns.last_stable) {
		*stop = true;
		return WEIR_OK;
	}
	enum weir_code code = WEIR_OK;
	if (hidden(cat, file, head, batch)) {
		return WEIR_OK;
	}
	if (cat->args->batches) {
		out_bytes(&cat->ctx->out, batch->bytes.data, batch->bytes.len);
		cat->printed++;
	} else {
		code = print_records(cat, file->place, batch, err);
	}
	*stop = full(cat);
	if (code == WEIR_OK) {
		return code;
	}
	err_wrap(err, "%s at byte %" PRId64, file->path, head->pos);
	if (code == WEIR_CORRUPT_MESSAGE && cat->args->on_error == CORRUPT_SKIP) {
		ctx_warn(cat->ctx, "%s", err->text);
		cat->skipped++;
		return WEIR_OK;
	}
	return code;
}

static enum weir_code cat_partition(struct cat *cat, struct segment_walk *walk,
	const struct segment_file *files, size_t count, struct weir_err *err)
{
	bool stop = false;
	enum weir_code code = WEIR_OK;
	cat->txns = (struct segment_txns){.last_stable = INT64_MAX};
	if (cat->args->isolation == ISOLATION_COMMITTED && !cat->args->all) {
		code = segment_txns_read(walk, files, count, &cat->txns, err);
	}
	for (size_t i = 0; i < count && code == WEIR_OK && !stop; i++) {
		code = segment_walk_file(walk, &files[i], &stop, err);
	}
	segment_txns_fini(&cat->txns);
	return code;
}

static enum weir_code cat_all(
	struct cat *cat, const struct segment_files *files, struct weir_err *err)
{
	struct segment_walk walk = {.ctx = cat->ctx,
		.corrupt = (enum corrupt)cat->args->on_error,
		.batch = see,
		.arg = cat};
	enum weir_code code = WEIR_OK;
	for (size_t i = 0, next; i < files->count && code == WEIR_OK && !full(cat); i = next) {
		for (next = i + 1;
			next < files->count && files->items[next].place == files->items[i].place;) {
			next++;
		}
		code = cat_partition(cat, &walk, &files->items[i], next - i, err);
	}
	return code;
}

static enum weir_code check_args(
	const struct segment_cat_args *a, const struct ctx *ctx, struct weir_err *err)
{
	if (a->batches && (a->json || a->isolation == ISOLATION_COMMITTED)) {
		return err_set(err, WEIR_USAGE, "--batches excludes -J and --isolation committed");
	}
	if (a->batches && ctx->out.tty) {
		return err_set(err, WEIR_USAGE, "--batches are bytes, not for a terminal");
	}
	return WEIR_OK;
}

static enum weir_code segment_cat_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct segment_cat_args *a = args;
	bool json = a->json || ctx->globals.output == OUTPUT_JSON ||
		    ctx->globals.output == OUTPUT_JSONL;
	struct segment_files files = {NULL, 0, NULL, 0};
	struct cat cat = {.ctx = ctx, .args = a};
	cat.style.null_text = a->null_text;
	cat.style.envelope.json_values = a->json_values;
	cat.style.envelope.attributes = a->attributes;
	ctx->out.raw = a->raw;
	record_reader_init(&cat.reader, LIMIT_DECOMPRESSED_DEFAULT);
	enum weir_code code = check_args(a, ctx, err);
	if (code == WEIR_OK) {
		code = format_new(json ? "%j\\n" : a->format, &cat.format, err);
	}
	if (code == WEIR_OK) {
		code = segment_files_find(ctx, &files, err);
	}
	if (code == WEIR_OK) {
		code = cat_all(&cat, &files, err);
	}
	segment_files_fini(&files);
	record_reader_fini(&cat.reader);
	row_headers_fini(&cat.headers);
	format_free(&cat.format);
	return code;
}
