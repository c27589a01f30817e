/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/kcat.h"

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct example examples[] = {
	{"weir kcat -b $WEIR_BROKERS -L", "Lists brokers, topics and partitions, as kcat does."},
	{"weir kcat -b $WEIR_BROKERS -C -t orders -o beginning -e -f '%p %o %k %s\\n'",
		"Prints a topic by a format."},
	{NULL, NULL},
};

static enum weir_code kcat_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_kcat = {
	.path = "kcat",
	.summary = "Takes kcat's command line, unchanged.",
	.details =
		"Options, output, notices and exit status are those of kcat 1.7; the program does "
		"the same when it is called by the name kcat. \"weir kcat -h\" lists the options.",
	.positional = "ARGUMENT...",
	.positional_max = POSITIONAL_MANY,
	.raw = true,
	.examples = examples,
	.run = kcat_run,
};

void kcat_info(const struct kcat *k, int level, const char *fmt, ...)
{
	if (k->verbosity >= level) {
		va_list args;
		va_start(args, fmt);
		fputs("% ", stderr);
		vfprintf(stderr, fmt, args);
		va_end(args);
	}
}

enum weir_code kcat_topic(struct kcat *k, struct arena *arena, const struct client_topic **topic,
	struct weir_err *err)
{
	struct weir_err why;
	enum weir_code code = client_topic(k->client, k->topic, arena, topic, &why);
	if (code == WEIR_UNKNOWN_TOPIC_OR_PARTITION) {
		return err_set(
			err, code, "Topic %s error: Broker: Unknown topic or partition", k->topic);
	}
	if (code != WEIR_OK) {
		return err_set(
			err, code, "Failed to query metadata for topic %s: %s", k->topic, why.text);
	}
	if ((*topic)->partition_count <= 0) {
		return err_set(err, WEIR_NOT_FOUND, "Topic %s has no partitions", k->topic);
	}
	return WEIR_OK;
}

static enum weir_code connect(struct kcat *k, struct weir_err *err)
{
	struct weir_err why;
	const struct prop *security = props_find(&k->ctx->props, "security.protocol");
	k->ctx->globals.timeout_ms = k->metadata_timeout_s * 1000;
	if (security && strcasecmp(security->value, "plaintext") != 0) {
		return err_set(err, WEIR_UNSUPPORTED_SASL_MECHANISM,
			"security.protocol %s: only plaintext is there", security->value);
	}
	if (connect_client(k->ctx, &k->client, &why) != WEIR_OK) {
		return err_set(err, why.code, "%s%s",
			k->mode == 'L' ? "Failed to acquire metadata: " : "", why.text);
	}
	return WEIR_OK;
}

static enum weir_code run_mode(struct kcat *k, struct weir_err *err)
{
	switch (k->mode) {
	case 'P':
		return kcat_produce(k, err);
	case 'L':
		return kcat_list(k, err);
	case 'Q':
		return kcat_offsets(k, err);
	default:
		return kcat_consume(k, err);
	}
}

static void free_all(struct kcat *k)
{
	buf_fini(&k->delim);
	buf_fini(&k->key_delim);
	mem_free(k->headers.items);
	for (size_t i = 0; i < k->query_count; i++) {
		mem_free(k->queries[i].topic);
	}
	mem_free(k->queries);
	mem_free(k->argv);
}

/* kcat's own form of an error, instead of weir's. */
static enum weir_code kcat_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct kcat k = {
		.ctx = ctx, .partition = -1, .count = -1, .metadata_timeout_s = 5, .verbosity = 1};
	bool done = false;
	buf_init(&k.delim, 0);
	buf_init(&k.key_delim, 0);
	ctx->out.raw = true;
	if (ctx->globals.dry_run) {
		return err_set(err, WEIR_USAGE, "there is no dry run of kcat");
	}
	enum weir_code code = kcat_parse(&k, &done, err);
	code = code || done ? code : connect(&k, err);
	if (code == WEIR_OK && !done) {
		interrupt_catch();
		code = run_mode(&k, err);
	}
	if (code != WEIR_OK && ctx->out.sys_errno == 0) {
		struct weir_err ignored;
		(void)!out_flush(&ctx->out, &ignored);
		fprintf(stderr, "%% ERROR: %s\n", err->text);
	}
	ctx->exit_status = code == WEIR_OK ? k.status : 1;
	free_all(&k);
	return ctx->out.sys_errno ? code : WEIR_OK;
}
