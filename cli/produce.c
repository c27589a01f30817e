/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records from files or standard input into a topic. Nothing is allocated for a record unless
 * --report wants to show it again.
 */
#include "cli/client_props.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/delimiter.h"
#include "cli/interrupt.h"
#include "cli/produce_priv.h"
#include "cli/produce_topic.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char *const on_error_names[] = {"fail", "skip", NULL};

static const struct opt opts[] = {
	OPT_STR(struct produce_args, topic, .name = "topic", .letter = 't', .arg = "TOPIC",
		.help = "The topic; all words are files then."),
	OPT_STR(struct produce_args, key, .name = "key", .letter = 'k', .arg = "KEY",
		.help = "Key of records that have none of their own."),
	OPT_STR(struct produce_args, key_delim, .name = "key-delimiter", .letter = 'K',
		.arg = "SEP", .help = "What stands before the first SEP of a record is its key."),
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
	OPT_BOOL(struct produce_args, batches, .name = "batches",
		.help = "Reads whole batches, as consume --batches writes them or a segment file "
			"has "
			"them, into one partition; they stay compressed as they are."),
	OPT_CHOICE(struct produce_args, encoding, .name = "encode", .arg = "HOW",
		.choices = encoding_names, .def = "text",
		.help = "How keys and values of lines and files are written."),
	OPT_BOOL(struct produce_args, json_values, .name = "json-values",
		.help = "With -J: a value that is no text is JSON itself, not an error."),
	OPT_CHOICE(struct produce_args, on_error, .name = "on-error", .arg = "WHAT",
		.choices = on_error_names, .def = "fail",
		.help = "A record that cannot be read or is too large: ends everything, or is left "
			"out with a warning."),
	OPT_CHOICE(struct produce_args, codec, .name = "compression", .letter = 'z', .arg = "CODEC",
		.choices = producer_codec_names, .unset = PRODUCER_OPTION_UNSET,
		.help = "Compression of batches."),
	OPT_CHOICE(struct produce_args, acks, .name = "acks", .arg = "WHO",
		.choices = producer_acks_names, .unset = -1,
		.help = "Who confirms: all in-sync replicas, the leader, or nobody."),
	OPT_BOOL(struct produce_args, empty_is_null, .name = "empty-null", .letter = 'Z',
		.help = "Empty keys and values are null."),
	OPT_STR(struct produce_args, null_text, .name = "null", .arg = "TEXT",
		.help = "Keys and values that are TEXT are null."),
	OPT_TIME(struct produce_args, timestamp, .name = "timestamp", .arg = "TIME", .unset = -1,
		.help = "Timestamp of records that have none of their own."),
	OPT_I64(struct produce_args, count, .name = "count", .letter = 'c', .arg = "N", .unset = -1,
		.min = 0, .max = INT64_MAX, .help = "Ends after N records."),
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
	{"weir cat a -p 0 --batches | weir produce b -p 0 --batches",
		"Copies a partition without unpacking it."},
	{NULL, NULL},
};

static enum weir_code produce_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_produce = {
	.path = "produce",
	.summary = "Sends records to a topic.",
	.details =
		"Reads FILEs, or standard input, a record a line. A file's last record needs no "
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

static void fixed_headers(struct produce *p)
{
	const struct opt_list *list = &p->args->headers;
	p->fixed_count = p->header_room = list->count;
	p->headers = mem_array(list->count + 1, sizeof(*p->headers));
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->items[i];
		size_t len = strcspn(text, "=");
		p->headers[i].key = slice_of(text, len);
		p->headers[i].value = slice_str(text[len] ? text + len + 1 : NULL);
	}
}

/* After the input: everything is delivered, or the first failure is returned. */
static enum weir_code finish(struct produce *p, enum weir_code code, struct weir_err *err)
{
	struct weir_err flush_err = {.code = WEIR_OK};
	enum weir_code flushed = p->producer ? producer_flush(p->producer, &flush_err) : WEIR_OK;
	if (p->skipped) {
		flushed = WEIR_OK; /* told of each */
		ctx_warn(p->ctx, "%" PRId64 " record%s skipped", p->skipped,
			p->skipped == 1 ? "" : "s");
	}
	if (p->failed_count) {
		flushed = p->failed.code;
		flush_err = p->failed;
		if (p->failed_count > 1) {
			size_t len = strlen(flush_err.text);
			snprintf(flush_err.text + len, sizeof(flush_err.text) - len,
				" (and %" PRId64 " records more)", p->failed_count - 1);
		}
	}
	if (code == WEIR_OK && flushed != WEIR_OK) {
		*err = flush_err;
		code = flushed;
	}
	if (code == WEIR_OK) {
		progress_end(&p->progress, p->sent, p->bytes,
			p->producer ? "" : " not sent (--dry-run)");
	} else {
		progress_break(&p->progress);
	}
	return code;
}

/* Batches are sent as they are. */
static enum weir_code check_batches(const struct produce_args *a, struct weir_err *err)
{
	const struct {
		bool given;
		const char *name;
	} others[] = {{a->key, "-k"}, {a->key_delim, "-K"}, {strcmp(a->delim, "\\n") != 0, "-D"},
		{a->headers.count, "-H"}, {a->format, "-f"}, {a->json, "-J"}, {a->whole, "--whole"},
		{a->empty_is_null, "-Z"}, {a->null_text, "--null"},
		{a->timestamp >= 0, "--timestamp"}, {a->encoding, "--encode"}, {a->tee, "-T"},
		{a->rate, "--rate"}, {a->codec != PRODUCER_OPTION_UNSET, "-z"}};
	for (size_t i = 0; a->batches && i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].given) {
			return err_set(err, WEIR_USAGE,
				"--batches sends batches as they are: no %s", others[i].name);
		}
	}
	return WEIR_OK;
}

static enum weir_code check_args(const struct produce_args *a, struct weir_err *err)
{
	int forms = (a->format != NULL) + a->json + a->whole;
	if (forms > 1) {
		return err_set(err, WEIR_USAGE, "-f, -J and --whole exclude each other");
	}
	if (forms && a->key_delim) {
		return err_set(err, WEIR_USAGE, "-K is for lines, not for %s",
			a->json	   ? "-J"
			: a->whole ? "--whole"
				   : "-f");
	}
	if (forms && strcmp(a->delim, "\\n") != 0) {
		return err_set(err, WEIR_USAGE, "-D is for lines, not for %s",
			a->json	   ? "-J"
			: a->whole ? "--whole"
				   : "-f");
	}
	if (a->encoding && (a->format || a->json)) {
		return err_set(err, WEIR_USAGE, "--encode is for lines, not for %s",
			a->json ? "-J" : "-f");
	}
	for (size_t i = 0; i < a->headers.count; i++) {
		if (!a->headers.items[i][0] || a->headers.items[i][0] == '=') {
			return err_set(err, WEIR_USAGE, "--header: \"%s\" has no name",
				a->headers.items[i]);
		}
	}
	return WEIR_OK;
}

/* Before connecting: can records be read by it? */
static enum weir_code check_readable(const struct format *format, struct weir_err *err)
{
	struct format_reader_conf conf = {.empty_is_null = false};
	struct format_reader *reader = NULL;
	enum weir_code code = format_reader_new(format, -1, "", &conf, &reader, err);
	format_reader_free(&reader);
	return code;
}

static enum weir_code compile(struct produce *p, struct weir_err *err)
{
	const struct produce_args *a = p->args;
	enum weir_code code = check_args(a, err);
	if (code == WEIR_OK) {
		code = check_batches(a, err);
	}
	if (code == WEIR_OK && delimiter_parse(a->delim, &p->delim, err) != WEIR_OK) {
		code = err_wrap(err, "--delimiter");
	}
	if (code == WEIR_OK && a->key_delim &&
		delimiter_parse(a->key_delim, &p->key_delim, err) != WEIR_OK) {
		code = err_wrap(err, "--key-delimiter");
	}
	if (code == WEIR_OK && (!p->delim.len || (a->key_delim && !p->key_delim.len))) {
		code = err_set(err, WEIR_USAGE, "a delimiter is empty");
	}
	if (code == WEIR_OK && a->rate) {
		code = client_rate_parse(a->rate, &p->rate_count, &p->rate_ms, err);
	}
	if (code == WEIR_OK && (a->format || a->json)) {
		code = format_new(a->json ? "%j\n" : a->format, &p->format, err);
		p->tee = p->format;
	}
	if (code == WEIR_OK && p->format) {
		code = check_readable(p->format, err);
	}
	if (code == WEIR_OK && a->report) {
		code = format_new(a->report, &p->report, err);
		if (code != WEIR_OK) {
			return err_wrap(err, "--report");
		}
		static const enum format_field content[] = {FORMAT_VALUE, FORMAT_VALUE_LEN,
			FORMAT_KEY, FORMAT_KEY_LEN, FORMAT_HEADERS, FORMAT_HEADER_COUNT,
			FORMAT_ENVELOPE};
		for (size_t i = 0; i < sizeof(content) / sizeof(*content); i++) {
			p->report_content = p->report_content || format_has(p->report, content[i]);
		}
	}
	p->style.null_text = a->null_text;
	return code;
}

static enum weir_code producer_settings(
	struct produce *p, struct producer_conf *conf, struct weir_err *err)
{
	int wanted = p->args->acks;
	enum weir_code code = client_props_producer(p->ctx, p->args->codec,
		wanted < 0 ? PRODUCER_OPTION_UNSET : producer_acks[wanted], conf, err);
	if (p->report || p->args->on_error == PRODUCE_ON_ERROR_SKIP) {
		conf->delivered = produce_delivered;
		conf->delivered_arg = p;
	}
	return code;
}

static enum weir_code open_topic(struct produce *p, struct weir_err *err)
{
	struct client *client;
	struct producer_conf conf;
	int64_t partitions = 0;
	const char *create = p->args->create;
	enum weir_code code = WEIR_OK;
	if (create && strcmp(create, "-1") == 0) {
		partitions = -1;
	} else if (create) {
		code = number_i64(create, 1, LIMIT_PARTITIONS_PER_TOPIC, &partitions, err);
		code = code == WEIR_OK ? code : err_wrap(err, "--create");
	}
	if (code == WEIR_OK) {
		code = producer_settings(p, &conf, err);
	}
	if (code == WEIR_OK) {
		code = connect_client(p->ctx, &client, err);
	}
	if (code == WEIR_OK) {
		code = topic_ensure(p->ctx, client, p->topic, (int32_t)partitions, err);
	}
	if (code == WEIR_UNKNOWN_TOPIC_OR_PARTITION && !p->ctx->hint.text[0] && !create) {
		hint_set(&p->ctx->hint, "--create creates it");
	}
	if (code == WEIR_UNKNOWN_TOPIC_OR_PARTITION && create && p->ctx->globals.dry_run) {
		p->ctx->hint.text[0] = '\0';
		return WEIR_OK; /* would be created */
	}
	if (code == WEIR_OK && !p->ctx->globals.dry_run) {
		code = producer_open(client, p->topic, &conf, &p->producer, err);
	}
	return code;
}

static enum weir_code run(struct produce *p, struct weir_err *err)
{
	struct ctx *ctx = p->ctx;
	const struct produce_args *a = p->args;
	bool flag = a->topic != NULL;
	if (!flag && !ctx_take_topic(ctx)) {
		return err_set(err, WEIR_USAGE, "no topic given: weir produce TOPIC [FILE...]");
	}
	p->topic = flag ? a->topic : ctx->words[0];
	enum weir_code code = compile(p, err);
	if (code == WEIR_OK) {
		code = open_topic(p, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	struct input_conf conf = {.files = ctx->words + !flag,
		.file_count = ctx->word_count - !flag,
		.delim = slice_of(p->delim.data, p->delim.len),
		.key_delim = slice_of(p->key_delim.data, p->key_delim.len),
		.format = p->format,
		.whole = a->whole,
		.encoding = (enum encoding)a->encoding,
		.json_values = a->json_values,
		.empty_is_null = a->empty_is_null,
		.null_text = a->null_text,
		.idle = produce_idle,
		.idle_arg = p};
	fixed_headers(p);
	p->input = input_new(&conf);
	bool typed = !conf.file_count && isatty(STDIN_FILENO) == 1;
	progress_start(&p->progress, ctx, !typed && !a->tee && !a->report);
	if (typed) {
		ctx_notice(ctx, "a record a line; Ctrl-D ends\n");
	}
	interrupt_catch();
	return finish(p, a->batches ? produce_send_batches(p, err) : produce_send_all(p, err), err);
}

static enum weir_code produce_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct produce p = {.ctx = ctx, .args = args};
	buf_init(&p.delim, 0);
	buf_init(&p.key_delim, 0);
	buf_init(&p.batch, 0);
	record_reader_init(&p.reader, LIMIT_DECOMPRESSED_DEFAULT);
	enum weir_code code = run(&p, err);
	producer_close(&p.producer);
	input_free(&p.input);
	format_free(&p.format);
	format_free(&p.report);
	buf_fini(&p.delim);
	buf_fini(&p.key_delim);
	buf_fini(&p.batch);
	record_reader_fini(&p.reader);
	mem_free(p.headers);
	return code;
}
