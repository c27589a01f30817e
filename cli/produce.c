/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records from files or standard input into a topic. Nothing is allocated for a record unless
 * --report wants to show it again.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "cli/produce_input.h"
#include "cli/produce_topic.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/client/client.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct produce_args {
	const char *topic, *key, *key_delim, *delim;
	struct opt_list headers;
	int32_t partition;
	const char *format;
	bool json, whole;
	int codec, acks;
	bool empty_is_null;
	const char *null_text;
	int64_t timestamp, count;
	bool tee;
	const char *report, *create, *rate;
};

static const char *const codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};
static const char *const acks_names[] = {"all", "1", "0", "-1", NULL};

enum { PARTITION_UNSET = -2 };

static const struct opt opts[] = {
	OPT_STR(struct produce_args, topic, .name = "topic", .letter = 't', .arg = "TOPIC",
		.help = "The topic; all words are files then."),
	OPT_STR(struct produce_args, key, .name = "key", .letter = 'k', .arg = "KEY",
		.help = "Key of records that have none of their own."),
	OPT_STR(struct produce_args, key_delim, .name = "key-delimiter", .letter = 'K',
		.arg = "SEP",
		.help = "What stands before the first SEP of a record is its key."),
	OPT_STR(struct produce_args, delim, .name = "delimiter", .letter = 'D', .arg = "DELIM",
		.def = "\\n", .help = "What ends a record: \\n \\t \\0 \\xNN or any text."),
	OPT_LIST(struct produce_args, headers, .name = "header", .letter = 'H', .arg = "NAME=VALUE",
		.help = "Header of every record; without \"=\" its value is null; may repeat."),
	OPT_I32(struct produce_args, partition, .name = "partition", .letter = 'p', .arg = "N",
		.unset = PARTITION_UNSET, .min = -1, .max = INT32_MAX,
		.help = "Partition of every record; -1: chosen by the key."),
	OPT_STR(struct produce_args, format, .name = "format", .letter = 'f', .arg = "FORMAT",
		.help = "Format that records are read by, instead of -K and -D."),
	OPT_BOOL(struct produce_args, json, .name = "json", .letter = 'J',
		.help = "Reads JSON envelopes, as consume -J prints them."),
	OPT_BOOL(struct produce_args, whole, .name = "whole",
		.help = "Each file, or all of standard input, is one record."),
	OPT_CHOICE(struct produce_args, codec, .name = "compression", .letter = 'z', .arg = "CODEC",
		.choices = codec_names, .unset = -1, .help = "Compression of batches."),
	OPT_CHOICE(struct produce_args, acks, .name = "acks", .arg = "WHO", .choices = acks_names,
		.unset = -1,
		.help = "Who confirms: all in-sync replicas, the leader, or nobody."),
	OPT_BOOL(struct produce_args, empty_is_null, .name = "empty-null", .letter = 'Z',
		.help = "Empty keys and values are null."),
	OPT_STR(struct produce_args, null_text, .name = "null", .arg = "TEXT",
		.help = "Keys and values that are TEXT are null."),
	OPT_TIME(struct produce_args, timestamp, .name = "timestamp", .arg = "TIME", .unset = -1,
		.help = "Timestamp of records that have none of their own."),
	OPT_I64(struct produce_args, count, .name = "count", .letter = 'c', .arg = "N",
		.unset = -1, .min = 0, .max = INT64_MAX, .help = "Ends after N records."),
	OPT_BOOL(struct produce_args, tee, .name = "tee", .letter = 'T',
		.help = "Copies records to standard output, in the form they were read."),
	OPT_STR(struct produce_args, report, .name = "report", .arg = "FORMAT",
		.help = "Prints each record by FORMAT once it is stored."),
	OPT_STR(struct produce_args, create, .name = "create", .arg = "PARTS", .bare = "-1",
		.help = "Creates the topic when it is missing, with PARTS partitions."),
	OPT_STR(struct produce_args, rate, .name = "rate", .arg = "N[/s|/m|/h]",
		.help = "Sends at most N records a second (minute, hour)."),
	OPT_END,
};

static const struct example examples[] = {
	{"echo hello | weir produce greetings --create", "Sends one record, to a new topic."},
	{"weir produce -K : users.txt -t users", "Sends lines of KEY:VALUE from a file."},
	{"weir consume -J a -e | weir produce -J b", "Copies a topic without loss."},
	{"weir produce logs -f '%k\\t%h{%k=%v;}\\t%s\\n' <in.tsv",
		"Reads key, headers and value from columns."},
	{"weir produce photos --whole *.jpg -z zstd --report '%p %o\\n'",
		"Sends each file as one record and prints where it went."},
	{NULL, NULL},
};

static enum weir_code produce_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_produce = {
	.path = "produce",
	.summary = "Sends records to a topic.",
	.details = "Reads FILEs, or standard input, a record a line. A file's last record needs no "
		   "line end. The topic must be there unless --create is given. Ends with 0 only when "
		   "every record is stored.",
	.positional = "TOPIC [FILE...]",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct produce_args),
	.needs = NEEDS_CLIENT,
	.examples = examples,
	.run = produce_run,
};

/* What --report shows of a record after it was sent; one block of memory. */
struct sent {
	struct row row;
	struct record_header *headers;
	uint8_t *bytes;
};

struct produce {
	struct ctx *ctx;
	const struct produce_args *args;
	const char *topic;
	struct buf delim, key_delim;
	struct format *format, *report, *tee; /* tee: how -f and -J records are copied */
	bool report_content;		      /* report needs key, value or headers */
	struct format_style style;
	int64_t rate_count, rate_ms; /* rate_count 0: no limit */
	struct input *input;
	struct producer *producer; /* NULL with --dry-run */
	struct record_header *headers; /* fixed ones first, then the row's behind them */
	size_t fixed_count, header_room;
	int64_t sent, bytes, reported, started_ms, shown_ms;
	bool progress;
	struct weir_err failed; /* of a delivery */
	int64_t failed_count;
};

static size_t row_bytes(const struct row *row)
{
	size_t size = row->key.len + row->value.len;
	for (size_t i = 0; i < row->header_count; i++) {
		size += row->headers[i].key.len + row->headers[i].value.len;
	}
	return size;
}

static struct slice put(uint8_t **at, struct slice text)
{
	if (!text.data) {
		return text;
	}
	struct slice copy = slice_of(*at, text.len);
	if (text.len) {
		memcpy(*at, text.data, text.len);
		*at += text.len;
	}
	return copy;
}

static struct sent *sent_new(const struct row *row)
{
	size_t headers = row->header_count * sizeof(struct record_header);
	struct sent *sent = mem_new(sizeof(*sent) + headers + row_bytes(row) + 1);
	struct record_header *copies = (struct record_header *)(void *)(sent + 1);
	uint8_t *at = (uint8_t *)(copies + row->header_count);
	sent->row = *row;
	sent->row.key = put(&at, row->key);
	sent->row.value = put(&at, row->value);
	for (size_t i = 0; i < row->header_count; i++) {
		copies[i].key = put(&at, row->headers[i].key);
		copies[i].value = put(&at, row->headers[i].value);
	}
	sent->row.headers = copies;
	return sent;
}

static void on_delivered(void *arg, void *tag, int32_t partition, int64_t offset, int64_t timestamp,
	enum weir_code code, const char *text)
{
	struct produce *p = arg;
	struct sent *sent = tag;
	if (code != WEIR_OK) {
		if (!p->failed_count++) {
			err_set(&p->failed, code, "%s", text ? text : err_info((int)code)->text);
		}
	} else {
		struct row row = sent ? sent->row : row_none;
		struct weir_err err;
		row.topic = slice_str(p->topic);
		row.partition = partition;
		row.offset = offset;
		row.timestamp = timestamp;
		row.number = ++p->reported;
		if (format_print(p->report, &row, &p->style, &p->ctx->out, &err) != WEIR_OK &&
			!p->failed_count++) {
			p->failed = err;
		}
	}
	mem_free(sent);
}
