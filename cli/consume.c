/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of topics to standard output. Output goes out when nothing more is there to be read, or
 * after FLUSH_EVERY_MS. What ends it: every partition reached its end (by position, so neither
 * control records nor gaps hang), a count, a pause, Ctrl-C, or a reader that went away.
 */
#include "cli/client_props.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/consume_range.h"
#include "cli/format.h"
#include "cli/delimiter.h"
#include "cli/interrupt.h"
#include "cli/produce_topic.h"
#include "cli/topic_common.h"
#include "cli/topic_offset.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

struct consume_args {
	struct opt_list topics, offsets;
	bool exit_at_end;
	int64_t count, per_partition;
	const char *partitions, *format;
	bool json;
	const char *key_delim, *delim, *null_text;
	int isolation;
	bool control, batches, regex, raw;
	int64_t idle_ms, require;
};

static const char *const isolation_names[] = {
	"committed", "uncommitted", "read_committed", "read_uncommitted", NULL};

static const struct opt opts[] = {
	OPT_LIST(struct consume_args, topics, .name = "topic", .letter = 't', .arg = "TOPIC",
		.help = "A topic, as the words are; may repeat."),
	OPT_LIST(struct consume_args, offsets, .name = "offset", .letter = 'o', .arg = "RANGE",
		.help = "From where, or FROM:TO: start, end, N, +N, -N (last N), @TIME; "
			"PARTITION=RANGE for one partition; may repeat. Without it: start."),
	OPT_BOOL(struct consume_args, exit_at_end, .name = "exit", .letter = 'e',
		.help = "Ends at the end that each partition has when it begins."),
	OPT_I64(struct consume_args, count, .name = "count", .letter = 'c', .arg = "N", .unset = -1,
		.min = 0, .max = INT64_MAX, .help = "Ends after N records."),
	OPT_I64(struct consume_args, per_partition, .name = "per-partition", .arg = "N",
		.unset = -1, .min = 1, .max = INT64_MAX,
		.help = "Reads at most N records of each partition."),
	OPT_STR(struct consume_args, partitions, .name = "partitions", .letter = 'p', .arg = "LIST",
		.help = "Reads these partitions only, as 0,2-4."),
	OPT_STR(struct consume_args, format, .name = "format", .letter = 'f', .arg = "FORMAT",
		.help = "Format that records are printed by, instead of -K and -D."),
	OPT_BOOL(struct consume_args, json, .name = "json", .letter = 'J',
		.help = "Prints each record as a JSON envelope on its line; -O json does too."),
	OPT_STR(struct consume_args, key_delim, .name = "key-delimiter", .letter = 'K',
		.arg = "SEP", .help = "Prints the key and SEP before each value."),
	OPT_STR(struct consume_args, delim, .name = "delimiter", .letter = 'D', .arg = "DELIM",
		.def = "\\n", .help = "Printed behind each record: \\n \\t \\0 \\xNN or any text."),
	OPT_STR(struct consume_args, null_text, .name = "null", .arg = "TEXT",
		.help = "Printed for keys and values that are null."),
	OPT_CHOICE(struct consume_args, isolation, .name = "isolation", .arg = "LEVEL",
		.choices = isolation_names, .unset = -1,
		.help = "Whether open and aborted transactions are left out (committed, which is "
			"usual) or shown."),
	OPT_BOOL(struct consume_args, control, .name = "control",
		.help = "Shows the markers that end transactions too."),
	OPT_BOOL(struct consume_args, batches, .name = "batches",
		.help = "Writes whole batches as they are stored, as a segment file has them."),
	OPT_DURATION(struct consume_args, idle_ms, .name = "idle", .arg = "TIME", .unset = -1,
		.min = 1, .max = INT64_MAX, .help = "Ends when no record came for TIME."),
	OPT_I64(struct consume_args, require, .name = "require", .arg = "N", .unset = 0, .min = 0,
		.max = INT64_MAX, .help = "Fails with exit status 1 when there were fewer."),
	OPT_BOOL(struct consume_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_BOOL(struct consume_args, raw, .name = "raw",
		.help = "Control bytes of records go to a terminal as they are."),
	OPT_END,
};

static const char schema[] =
	"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
	"\"properties\":{\"topic\":{\"type\":\"string\"},\"partition\":{\"type\":\"integer\"},"
	"\"offset\":{\"type\":\"integer\"},\"ts\":{\"type\":\"integer\"},"
	"\"key\":{\"type\":[\"string\",\"null\"]},\"key_b64\":{\"type\":\"string\"},"
	"\"value\":{\"type\":[\"string\",\"null\"]},\"value_b64\":{\"type\":\"string\"},"
	"\"headers\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":2,"
	"\"maxItems\":2}}}}";

static const struct example consume_examples[] = {
	{"weir consume orders", "Prints all records, then those that come."},
	{"weir consume orders -o end -f '%T{iso} %p:%o %k %s\\n'", "Prints new records in full."},
	{"weir consume orders -o -10 -e", "Prints the last 10 records of each partition."},
	{"weir consume orders -o @2026-01-31:1h -J | jq .value", "Reads an hour as JSON."},
	{"weir consume orders -o @-1h -e --require 1 >/dev/null",
		"Checks whether the last hour had a record."},
	{NULL, NULL},
};

static const struct example cat_examples[] = {
	{"weir cat orders", "Prints what a topic holds, and ends."},
	{"weir cat orders -J >orders.jsonl", "Saves a topic without loss."},
	{"weir cat orders -p 0 --batches >00000000000000000000.log",
		"Saves a partition as a segment file."},
	{NULL, NULL},
};

static enum weir_code consume_run(void *args, struct ctx *ctx, struct weir_err *err);
static enum weir_code cat_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_consume = {
	.path = "consume",
	.summary = "Prints the records of topics.",
	.details = "Goes on for ever unless -e, -c, --idle or an end in -o says otherwise.",
	.positional = "TOPIC...",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct consume_args),
	.needs = NEEDS_CLIENT,
	.schema = schema,
	.examples = consume_examples,
	.run = consume_run,
};

const struct command cmd_cat = {
	.path = "cat",
	.summary = "Prints what topics hold, and ends: consume -o start -e.",
	.positional = "TOPIC...",
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct consume_args),
	.needs = NEEDS_CLIENT,
	.schema = schema,
	.examples = cat_examples,
	.run = cat_run,
};

/* A topic that is read; spans are indexed by partition. */
struct target {
	char *name;
	struct span *spans;
	int32_t count;
};

enum { FLUSH_EVERY_MS = 100, LOOK_EVERY = 256 };

struct consume {
	struct ctx *ctx;
	const struct consume_args *args;
	struct client *client;
	struct consumer *consumer;
	struct target *targets;
	size_t target_count;
	const char *seen_name; /* of the last record: the consumer's pointer */
	struct target *seen;
	bool committed, json;
	struct ranges ranges;
	struct buf delim, key_delim;
	struct format *format;
	struct format_style style;
	struct row_headers headers;
	int64_t now_ms; /* wall, at the start */
	int64_t printed, flushed_ms;
	int64_t quiet_ms; /* mono: since when nothing came; -1: something just did */
};

static struct target *find_target(struct consume *c, const char *name)
{
	if (name == c->seen_name) {
		return c->seen;
	}
	for (size_t i = 0; i < c->target_count; i++) {
		if (strcmp(c->targets[i].name, name) == 0) {
			c->seen_name = name;
			c->seen = &c->targets[i];
			return c->seen;
		}
	}
	return NULL;
}

static void put_text(struct consume *c, struct slice text)
{
	out_text(&c->ctx->out, text.data ? text : slice_str(c->args->null_text));
}

static enum weir_code put_row(struct consume *c, const struct target *target,
	const struct consumed *got, struct weir_err *err)
{
	const struct span *span = &target->spans[got->partition];
	struct row row = row_none;
	row_from_record(&row, &c->headers, got->batch, &got->record);
	row.topic = slice_str(target->name);
	row.partition = got->partition;
	row.log_start = span->first;
	row.high_watermark = span->last;
	row.last_stable = span->last;
	row.number = c->printed + 1;
	if (!c->json) {
		return format_print(c->format, &row, &c->style, &c->ctx->out, err);
	}
	envelope_print(&c->ctx->out, &row, &c->style.envelope);
	out_byte(&c->ctx->out, '\n');
	return WEIR_OK;
}

static enum weir_code put_record(struct consume *c, const struct target *target,
	const struct consumed *got, struct weir_err *err)
{
	struct out *out = &c->ctx->out;
	if (c->json || c->format) {
		return put_row(c, target, got, err);
	}
	if (c->args->key_delim) {
		put_text(c, got->record.key);
		out_bytes(out, c->key_delim.data, c->key_delim.len);
	}
	put_text(c, got->record.value);
	out_bytes(out, c->delim.data, c->delim.len);
	return WEIR_OK;
}

static enum weir_code take_record(
	struct consume *c, const struct consumed *got, struct weir_err *err)
{
	struct target *target = find_target(c, got->topic);
	struct span *span = &target->spans[got->partition];
	if (got->record.offset < span->wanted) {
		return WEIR_OK;
	}
	if (span->until_ms >= 0 && got->record.timestamp >= span->until_ms) {
		consumer_finish(c->consumer, target->name, got->partition);
		return WEIR_OK;
	}
	enum weir_code code = put_record(c, target, got, err);
	c->printed++;
	if (++span->printed == c->args->per_partition) {
		consumer_finish(c->consumer, target->name, got->partition);
	}
	return code;
}

static void take_batch(struct consume *c, const struct consumed *got)
{
	struct slice bytes = got->batch->bytes;
	out_bytes(&c->ctx->out, bytes.data, bytes.len);
	c->printed += got->batch->record_count > 0 ? got->batch->record_count : 1;
}

/* Whether to go on: not after Ctrl-C, or when standard output is full or gone. */
static bool goes_on(const struct consume *c)
{
	bool enough = c->args->count >= 0 && c->printed >= c->args->count;
	return !enough && !interrupted() && !c->ctx->out.sys_errno;
}

static void flush(struct consume *c)
{
	struct weir_err ignored; /* sticks in out */
	c->flushed_ms = clock_mono_ms();
	if (c->ctx->out.buf.len && out_flush(&c->ctx->out, &ignored) != WEIR_OK) {
		return;
	}
}

/* A reader that went away is noticed without writing to it. */
static void check_reader(struct consume *c)
{
	struct pollfd out = {.fd = c->ctx->out.fd};
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR)) {
		c->ctx->out.sys_errno = EPIPE;
	}
}

/* Ranges that end at a time end when it is over, even if nothing comes. */
static void end_ranges(struct consume *c)
{
	enum { LATE_MS = 1000 };
	int64_t now_ms = clock_wall_ms();
	for (size_t i = 0; i < c->target_count; i++) {
		struct target *target = &c->targets[i];
		for (int32_t k = 0; k < target->count; k++) {
			struct span *span = &target->spans[k];
			if (span->chosen && span->until_ms >= 0 &&
				now_ms > span->until_ms + LATE_MS) {
				consumer_finish(c->consumer, target->name, k);
			}
		}
	}
}

/* Nothing is here. *wait_ms: how long to wait for something; false: it was too long. */
static bool on_idle(struct consume *c, int64_t *wait_ms)
{
	int64_t now_ms = clock_mono_ms();
	int64_t idle_ms = c->args->idle_ms;
	flush(c);
	check_reader(c);
	end_ranges(c);
	if (c->quiet_ms < 0) {
		c->quiet_ms = now_ms;
	}
	int64_t left_ms = idle_ms < 0 ? FLUSH_EVERY_MS : c->quiet_ms + idle_ms - now_ms;
	*wait_ms = left_ms < FLUSH_EVERY_MS ? left_ms : FLUSH_EVERY_MS;
	return left_ms > 0;
}

static enum weir_code read_all(struct consume *c, struct weir_err *err)
{
	int64_t wait_ms = 0, taken = 0;
	while (goes_on(c)) {
		enum consumer_event event;
		struct consumed got;
		enum weir_code code =
			c->args->batches
				? consumer_next_batch(c->consumer, wait_ms, &event, &got, err)
				: consumer_next(c->consumer, wait_ms, &event, &got, err);
		if (code != WEIR_OK || event == CONSUMER_DONE) {
			return code;
		}
		if (event == CONSUMER_IDLE) {
			if (!on_idle(c, &wait_ms)) {
				return WEIR_OK;
			}
			continue;
		}
		wait_ms = 0;
		c->quiet_ms = -1;
		if (c->args->batches) {
			take_batch(c, &got);
		} else {
			code = take_record(c, &got, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
		if (++taken % LOOK_EVERY == 0 && clock_mono_ms() - c->flushed_ms > FLUSH_EVERY_MS) {
			flush(c);
		}
	}
	return WEIR_OK;
}

static void add_target(struct consume *c, const char *name, int32_t partition_count)
{
	for (size_t i = 0; i < c->target_count; i++) {
		if (strcmp(c->targets[i].name, name) == 0) {
			return;
		}
	}
	c->targets = mem_grow(c->targets, c->target_count + 1, sizeof(*c->targets));
	c->targets[c->target_count++] = (struct target){.name = mem_dup_str(name),
		.spans = mem_array((size_t)partition_count + 1, sizeof(struct span)),
		.count = partition_count};
}

static enum weir_code find_topic(struct consume *c, const char *name, struct weir_err *err)
{
	struct arena arena;
	const struct client_topic *topic;
	arena_init(&arena, (size_t)LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_topic(c->client, name, &arena, &topic, err);
	if (code == WEIR_OK) {
		add_target(c, name, topic->partition_count);
	}
	arena_fini(&arena);
	return code == WEIR_OK ? code : topic_unknown(c->ctx, code, err);
}

static enum weir_code find_matches(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err)
{
	struct topic_pick pick;
	enum weir_code code = topic_pick(c->client, words, count, true, false, &pick, err);
	for (size_t i = 0; i < pick.count && code == WEIR_OK; i++) {
		const struct client_topic *topic = pick.items[i].topic;
		if (!topic) {
			code = err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
				"no topic matches \"%s\"", pick.items[i].name);
		} else {
			add_target(c, topic->name, topic->partition_count);
		}
	}
	topic_pick_fini(&pick);
	return code;
}

static enum weir_code find_topics(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (c->args->regex) {
		return count ? find_matches(c, words, count, err) : WEIR_OK;
	}
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		code = find_topic(c, words[i], err);
	}
	return code;
}

/* -o N of records that are gone already is worth a word. */
static void warn_gone(const struct consume *c, const struct target *target, int32_t partition)
{
	const struct span *span = &target->spans[partition];
	if (span->wanted < span->first) {
		ctx_warn(c->ctx,
			"%s partition %d begins at offset %" PRId64 ", %" PRId64 " is gone",
			target->name, (int)partition, span->first, span->wanted);
	}
}

static enum weir_code assign_target(struct consume *c, struct target *target, struct weir_err *err)
{
	struct topic_spot *spots = mem_array((size_t)target->count + 1, sizeof(*spots));
	enum weir_code code = topic_choose_spots(c->args->partitions, spots, target->count, err);
	for (int32_t i = 0; i < target->count; i++) {
		target->spans[i].chosen = spots[i].chosen;
	}
	mem_free(spots);
	if (code != WEIR_OK) {
		return err_wrap(err, "topic \"%s\"", target->name);
	}
	code = ranges_resolve(&c->ranges, c->client, target->name, c->committed,
		c->args->exit_at_end, c->now_ms, target->spans, target->count, err);
	for (int32_t i = 0; i < target->count && code == WEIR_OK; i++) {
		struct span *span = &target->spans[i];
		if (!span->chosen || (span->end >= 0 && span->end <= span->begin)) {
			continue;
		}
		warn_gone(c, target, i);
		code = consumer_assign(c->consumer, target->name, i, span->begin, span->end, err);
	}
	return code;
}

static enum weir_code make_conf(struct consume *c, struct consumer_conf *conf, struct weir_err *err)
{
	const struct prop *level = props_find(&c->ctx->props, "isolation.level");
	*conf = consumer_conf_default;
	c->committed = c->args->isolation < 0 || c->args->isolation % 2 == 0;
	if (c->args->isolation < 0 && level) {
		c->committed = strcmp(level->value, "read_committed") == 0;
		if (!c->committed && strcmp(level->value, "read_uncommitted") != 0) {
			return err_set(err, WEIR_USAGE,
				"%s: isolation.level: \"%s\" is neither read_committed nor "
				"read_uncommitted",
				level->origin, level->value);
		}
	}
	conf->committed = c->committed;
	conf->control = c->args->control;
	int64_t all = conf->fetch_max_bytes, one = conf->partition_max_bytes;
	enum weir_code code =
		client_prop_number(c->ctx, "fetch.max.bytes", 1, INT32_MAX, &all, err);
	if (code == WEIR_OK) {
		code = client_prop_number(
			c->ctx, "max.partition.fetch.bytes", 1, INT32_MAX, &one, err);
	}
	if (code == WEIR_OK) {
		code = client_prop_number(
			c->ctx, "fetch.max.wait.ms", 0, INT32_MAX, &conf->wait_max_ms, err);
	}
	conf->fetch_max_bytes = (int32_t)all;
	conf->partition_max_bytes = (int32_t)one;
	return code;
}

static enum weir_code check_args(const struct consume *c, struct weir_err *err)
{
	const struct consume_args *a = c->args;
	bool lines = a->key_delim || strcmp(a->delim, "\\n") != 0;
	if (a->format && a->json) {
		return err_set(err, WEIR_USAGE, "-f and -J exclude each other");
	}
	if (lines && (a->format || a->json)) {
		return err_set(err, WEIR_USAGE, "-K and -D are for lines, not for %s",
			a->format ? "-f" : "-J");
	}
	if (a->batches && (lines || a->format || a->json || a->per_partition >= 0)) {
		return err_set(err, WEIR_USAGE,
			"--batches writes batches as they are: no -f, -J, -K, -D, --per-partition");
	}
	if (a->batches && c->ctx->out.tty && !a->raw) {
		hint_set(&c->ctx->hint, "--raw does it all the same");
		return err_set(err, WEIR_USAGE,
			"--batches writes no text: standard output is a "
			"terminal");
	}
	if (!a->topics.count && !c->ctx->word_count) {
		return err_set(err, WEIR_USAGE, "no topic given");
	}
	return WEIR_OK;
}

static enum weir_code compile(struct consume *c, struct weir_err *err)
{
	const struct consume_args *a = c->args;
	enum output output = (enum output)c->ctx->globals.output;
	enum weir_code code = check_args(c, err);
	c->json = a->json ||
		  (!a->format && !a->batches && (output == OUTPUT_JSON || output == OUTPUT_JSONL));
	c->style.null_text = a->null_text;
	c->ctx->out.raw = a->raw || a->batches;
	if (code == WEIR_OK && a->format) {
		code = format_new(a->format, &c->format, err);
	}
	if (code == WEIR_OK && delimiter_parse(a->delim, &c->delim, err) != WEIR_OK) {
		code = err_wrap(err, "--delimiter");
	}
	if (code == WEIR_OK && a->key_delim &&
		delimiter_parse(a->key_delim, &c->key_delim, err) != WEIR_OK) {
		code = err_wrap(err, "--key-delimiter");
	}
	if (code == WEIR_OK) {
		code = ranges_parse(&c->ranges, &a->offsets, c->now_ms, err);
	}
	return code;
}

static enum weir_code run(struct consume *c, struct weir_err *err)
{
	struct consumer_conf conf;
	enum weir_code code = compile(c, err);
	if (code == WEIR_OK) {
		code = make_conf(c, &conf, err);
	}
	if (code == WEIR_OK) {
		code = connect_client(c->ctx, &c->client, err);
	}
	if (code == WEIR_OK) {
		code = find_topics(c, c->args->topics.items, c->args->topics.count, err);
	}
	if (code == WEIR_OK) {
		code = find_topics(c, c->ctx->words, c->ctx->word_count, err);
	}
	if (code == WEIR_OK) {
		code = consumer_open(c->client, &conf, &c->consumer, err);
	}
	for (size_t i = 0; i < c->target_count && code == WEIR_OK; i++) {
		code = assign_target(c, &c->targets[i], err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	interrupt_catch();
	c->flushed_ms = clock_mono_ms();
	code = read_all(c, err);
	if (code == WEIR_OK && !interrupted() && c->printed < c->args->require) {
		code = err_set(err, WEIR_FALSE_RESULT, "%" PRId64 " record%s, %" PRId64 " required",
			c->printed, c->printed == 1 ? "" : "s", c->args->require);
	}
	return code;
}

static enum weir_code consume_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct consume c = {.ctx = ctx, .args = args, .now_ms = clock_wall_ms(), .quiet_ms = -1};
	buf_init(&c.delim, 0);
	buf_init(&c.key_delim, 0);
	enum weir_code code = run(&c, err);
	consumer_close(&c.consumer);
	for (size_t i = 0; i < c.target_count; i++) {
		mem_free(c.targets[i].name);
		mem_free(c.targets[i].spans);
	}
	mem_free(c.targets);
	ranges_fini(&c.ranges);
	format_free(&c.format);
	row_headers_fini(&c.headers);
	buf_fini(&c.delim);
	buf_fini(&c.key_delim);
	return code;
}

static enum weir_code cat_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct consume_args *a = args;
	a->exit_at_end = true;
	return consume_run(args, ctx, err);
}
