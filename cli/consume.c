/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of topics to standard output. Output goes out when nothing more is there to be read, or
 * after FLUSH_EVERY_MS. What ends it: every partition reached its end (by position, so neither
 * control records nor gaps hang), a count, a pause, Ctrl-C, or a reader that went away.
 */
#include "cli/client_props.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/consume_group.h"
#include "cli/consume_priv.h"
#include "cli/delimiter.h"
#include "cli/encode.h"
#include "cli/interrupt.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <inttypes.h>
#include <string.h>

static const char *const commit_names[] = {"after-print", "none", NULL};
static const char *const isolation_names[] = {
	"committed", "uncommitted", "read_committed", "read_uncommitted", NULL};

static const char *const on_error_names[] = {"fail", "skip", "raw", NULL};

static const struct opt opts[] = {
#include "cli/consume_opts.def"
	OPT_END,
};

static const struct opt tail_opts[] = {
	OPT_I64(struct consume_args, tail, .name = "lines", .letter = 'n', .arg = "N", .def = "10",
		.min = 0, .max = 1 << 24,
		.help = "Prints the last N records of all partitions together, by timestamp."),
#include "cli/consume_opts.def"
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
	{"weir consume -g billing orders", "Reads as a member of a group."},
	{"weir consume orders", "Prints all records, then those that come."},
	{"weir consume orders -o end -f '%T{iso} %p:%o %k %s\\n'", "Prints new records in full."},
	{"weir consume orders -o -10 -e", "Prints the last 10 records of each partition."},
	{"weir consume orders -o @2026-01-31:1h -J | jq .value", "Reads an hour as JSON."},
	{"weir consume orders -e -G k=42 -G '.total>100'",
		"Prints the records of key 42 whose JSON value has a total above 100."},
	{"weir consume orders -e --state s --out 'day-%T{%F}.txt'",
		"Adds what is new to a file a day, each record exactly once."},
	{"weir consume orders -o @-1h -e --require 1 >/dev/null",
		"Checks whether the last hour had a record."},
	{NULL, NULL},
};

static const struct example cat_examples[] = {
	{"weir cat orders", "Prints what a topic holds, and ends."},
	{"weir cat users --latest-by-key -K :", "Prints the present value of each key."},
	{"weir cat orders -J >orders.jsonl", "Saves a topic without loss."},
	{"weir cat orders -p 0 --batches >00000000000000000000.log",
		"Saves a partition as a segment file."},
	{NULL, NULL},
};

static const struct example tail_examples[] = {
	{"weir tail orders", "Prints the last 10 records, and goes on with new ones."},
	{"weir tail -n 1 -e orders -G k=42", "Prints the latest record of a key."},
	{NULL, NULL},
};

static enum weir_code consume_run(void *args, struct ctx *ctx, struct weir_err *err);
static enum weir_code cat_run(void *args, struct ctx *ctx, struct weir_err *err);
static enum weir_code tail_run(void *args, struct ctx *ctx, struct weir_err *err);

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

const struct command cmd_tail = {
	.path = "tail",
	.summary = "Prints the last records of topics, then those that come.",
	.details =
		"The last ones by timestamp over all partitions, in that order; with -G, the last "
		"that pass. With -e it ends there.",
	.positional = "TOPIC...",
	.positional_max = POSITIONAL_MANY,
	.opts = tail_opts,
	.args_size = sizeof(struct consume_args),
	.needs = NEEDS_CLIENT,
	.schema = schema,
	.examples = tail_examples,
	.run = tail_run,
};

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
	return client_props_consumer(c->ctx, conf, err);
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
	if (a->encoding && (a->format || a->json || a->batches)) {
		hint_set(&c->ctx->hint, "in a format: %%k{hex} %%s{base64}");
		return err_set(err, WEIR_USAGE, "--encode is for lines, not for %s",
			a->format ? "-f"
			: a->json ? "-J"
				  : "--batches");
	}
	if (a->batches &&
		(lines || a->filters.count || a->format || a->json || a->per_partition >= 0)) {
		return err_set(err, WEIR_USAGE,
			"--batches writes batches as they are: no -f, -J, -K, -D, -G, "
			"--per-partition");
	}
	if (a->decode && a->batches) {
		return err_set(
			err, WEIR_USAGE, "--batches writes batches as they are: no --decode");
	}
	if (c->tail && (a->offsets.count || a->batches || a->group || a->latest)) {
		return err_set(err, WEIR_USAGE, "tail begins near the end by itself: no %s",
			a->offsets.count ? "-o"
			: a->batches	 ? "--batches"
			: a->group	 ? "-g"
					 : "--latest-by-key");
	}
	if (a->latest && (a->batches || a->group || a->merge || a->per_partition >= 0)) {
		return err_set(err, WEIR_USAGE,
			"--latest-by-key goes with none of --batches, -g, --merge, "
			"--per-partition");
	}
	if (a->latest && !a->exit_at_end && a->idle_ms < 0) {
		hint_set(&c->ctx->hint, "-e ends at the present end");
		return err_set(
			err, WEIR_USAGE, "--latest-by-key has to end to know what is latest");
	}
	if (a->merge && (a->batches || a->group)) {
		return err_set(err, WEIR_USAGE, "--merge and %s exclude each other",
			a->batches ? "--batches" : "-g");
	}
	if (a->batches && c->ctx->out.tty && !a->raw && !a->out) {
		hint_set(&c->ctx->hint, "--raw does it all the same");
		return err_set(err, WEIR_USAGE,
			"--batches writes no text: standard output is a "
			"terminal");
	}
	if (!a->topics.count && !ctx_take_topic(c->ctx)) {
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
	c->style.envelope =
		(struct envelope_conf){.json_values = a->json_values, .attributes = a->attributes};
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
		code = filters_new(&a->filters, &c->filters, err);
	}
	if (code == WEIR_OK && a->merge &&
		number_duration(a->merge, &c->slack_ms, err) != WEIR_OK) {
		code = err_wrap(err, "--merge");
	}
	if (code == WEIR_OK) {
		code = consume_state_check(c, err);
	}
	if (code == WEIR_OK) {
		static const struct opt_list none;
		const struct opt_list *offsets = consume_offset_is_state(c) ? &none : &a->offsets;
		code = ranges_parse(&c->ranges, offsets, c->now_ms, err);
	}
	return code == WEIR_OK ? consume_group_check(c, err) : code;
}

static enum weir_code read_all(struct consume *c, struct weir_err *err)
{
	if (c->tail) {
		enum weir_code code = consume_tail(c, err);
		if (code != WEIR_OK || c->args->exit_at_end || !consume_goes_on(c)) {
			return code;
		}
	}
	enum weir_code code = c->args->merge ? consume_read_merged(c, err) : consume_read(c, err);
	bool whole = code == WEIR_OK && !interrupted();
	return c->latest && whole ? consume_latest_print(c, err) : code;
}

static enum weir_code run(struct consume *c, struct weir_err *err)
{
	struct consumer_conf conf;
	enum weir_code code = compile(c, err);
	if (code == WEIR_OK) {
		code = make_conf(c, &conf, err);
	}
	if (code == WEIR_OK) {
		code = consume_state_open(c, err);
	}
	if (code == WEIR_OK) {
		code = connect_client(c->ctx, &c->client, err);
	}
	if (code == WEIR_OK) {
		code = consume_find_topics(c, c->args->topics.items, c->args->topics.count, err);
	}
	if (code == WEIR_OK) {
		code = consume_find_topics(c, c->ctx->words, c->ctx->word_count, err);
	}
	if (code == WEIR_OK) {
		code = consumer_open(c->client, &conf, &c->consumer, err);
	}
	if (code == WEIR_OK && c->args->group) {
		code = consume_group_open(c, err);
	}
	for (size_t i = 0; i < c->target_count && code == WEIR_OK && !c->group; i++) {
		code = consume_assign_target(c, &c->targets[i], err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	interrupt_catch();
	c->flushed_ms = clock_mono_ms();
	code = read_all(c, err);
	if (code == WEIR_OK && !c->ctx->out.sys_errno) {
		code = consume_state_end(c, err);
	}
	if (c->skipped) {
		ctx_warn(c->ctx, "%" PRId64 " record%s or batch%s skipped", c->skipped,
			c->skipped == 1 ? "" : "s", c->skipped == 1 ? "" : "es");
	}
	if (code == WEIR_OK && !interrupted() && c->printed < c->args->require) {
		code = err_set(err, WEIR_FALSE_RESULT, "%" PRId64 " record%s, %" PRId64 " required",
			c->printed, c->printed == 1 ? "" : "s", c->args->require);
	}
	return code;
}

static enum weir_code main_run(
	const struct consume_args *args, bool tail, struct ctx *ctx, struct weir_err *err)
{
	struct consume c = {.ctx = ctx,
		.args = args,
		.tail = tail,
		.out = &ctx->out,
		.now_ms = clock_wall_ms(),
		.quiet_ms = -1};
	buf_init(&c.delim, 0);
	buf_init(&c.key_delim, 0);
	buf_init(&c.decoded, LIMIT_FRAME_DEFAULT);
	enum weir_code code = run(&c, err);
	struct weir_err left;
	if (c.group && consume_group_close(&c, &left) != WEIR_OK && code == WEIR_OK) {
		code = left.code;
		*err = left;
	}
	consumer_close(&c.consumer);
	consume_latest_free(&c);
	consume_state_close(&c);
	for (size_t i = 0; i < c.target_count; i++) {
		mem_free(c.targets[i].name);
		mem_free(c.targets[i].spans);
	}
	mem_free(c.targets);
	ranges_fini(&c.ranges);
	filters_free(&c.filters);
	format_free(&c.format);
	row_headers_fini(&c.headers);
	buf_fini(&c.delim);
	buf_fini(&c.key_delim);
	buf_fini(&c.decoded);
	return code;
}

static enum weir_code consume_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	return main_run(args, false, ctx, err);
}

static enum weir_code cat_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct consume_args *a = args;
	a->exit_at_end = true;
	return main_run(a, false, ctx, err);
}

static enum weir_code tail_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	return main_run(args, true, ctx, err);
}
