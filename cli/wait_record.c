/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/consume_priv.h"
#include "cli/interrupt.h"
#include "core/base/clock.h"

extern const struct command cmd_consume;

static const struct opt opts[] = {
	OPT_LIST(struct consume_args, filters, .name = "filter", .letter = 'G', .arg = "FILTER",
		.help = "Only a record that passes, as with consume; may repeat."),
	OPT_LIST(struct consume_args, offsets, .name = "offset", .letter = 'o', .arg = "RANGE",
		.help = "From where, as with consume. Without it: end, only what is new."),
	OPT_I64(struct consume_args, count, .name = "count", .letter = 'c', .arg = "N", .unset = 1,
		.min = 1, .max = INT64_MAX, .help = "Until there were N."),
	OPT_STR(struct consume_args, format, .name = "format", .letter = 'f', .arg = "FORMAT",
		.help = "Format that they are printed by."),
	OPT_BOOL(struct consume_args, json, .name = "json", .letter = 'J',
		.help = "Prints them as JSON envelopes; -O json does too."),
	OPT_STR(struct consume_args, partitions, .name = "partitions", .letter = 'p', .arg = "LIST",
		.help = "Looks into these partitions only, as 0,2-4."),
	OPT_BOOL(struct consume_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir wait record orders --timeout 5s", "Waits for the next record, and prints it."},
	{"weir wait record orders -o start -G k=k1", "Finds one that may be there already."},
	{NULL, NULL},
};

static enum weir_code wait_record_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_wait_record = {
	.path = "wait record",
	.summary = "Waits until a record comes, and prints it.",
	.details = "Exit status 4 when --timeout is over before.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct consume_args),
	.needs = NEEDS_CLIENT,
	.schema = "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		  "\"type\":\"object\",\"properties\":{\"topic\":{\"type\":\"string\"},"
		  "\"partition\":{\"type\":\"integer\"},\"offset\":{\"type\":\"integer\"}}}",
	.examples = examples,
	.run = wait_record_run,
};

static enum weir_code wait_record_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct consume_args *asked = args;
	static const char *end = "end";
	struct consume_args all = {.json = false};
	opts_set_defaults(cmd_consume.opts, &all);
	all.filters = asked->filters;
	all.offsets = asked->offsets.count ? asked->offsets : (struct opt_list){&end, 1};
	all.count = all.require = asked->count;
	all.format = asked->format;
	all.json = asked->json;
	all.partitions = asked->partitions;
	all.regex = asked->regex;
	all.deadline_ms = clock_mono_ms() + ctx->globals.timeout_ms;
	enum weir_code code = cmd_consume.run(&all, ctx, err);
	if (code == WEIR_FALSE_RESULT && !interrupted()) {
		struct weir_err why = *err;
		return err_set(err, WEIR_TIMEOUT, "not within --timeout: %s", why.text);
	}
	return code;
}
