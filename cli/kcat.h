/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir kcat: kcat 1.7's command line, its output and its notices, for scripts that were written for
 * it. What differs on purpose is told in man/prose/weir-kcat, in one list.
 */
#pragma once

#include "cli/context.h"
#include "cli/format.h"
#include "core/client/client.h"

struct kcat_query {
	char *topic;
	int32_t partition;
	int64_t timestamp;
};

struct kcat {
	struct ctx *ctx;
	struct client *client;
	int mode; /* 'C', 'P', 'L', 'Q', 'G'; 0 until known */
	const char *group;
	const char *topic;
	int32_t partition; /* -1: all, or any */
	int64_t count;	   /* -1: no limit */
	int64_t metadata_timeout_s;
	const char *offset;	   /* of -o, but for s@ and e@; NULL: not given */
	int64_t start_ms, stop_ms; /* of -o s@ and e@; 0: not given */
	bool exit_at_end, go_on, json, tee, lines, null, unbuffered, dump;
	int verbosity;
	const char *fixed_key;
	const char *format_text;
	const char *unpack_key, *unpack_value; /* of -s */
	struct buf delim, key_delim;
	bool has_key_delim;
	struct opt_list headers; /* "name=value" */
	struct kcat_query *queries;
	size_t query_count;
	char **argv;	    /* as it is read, in getopt's order */
	char *const *words; /* in argv: files or topics */
	size_t word_count;
	int status; /* what it exits with */
};

/* "% text" on stderr, when verbosity is at least level. */
void kcat_info(const struct kcat *k, int level, const char *fmt, ...) WEIR_PRINTF(3, 4);

/*
 * Reads options and configuration files into k and ctx->props. *done: everything asked for has been
 * printed (-h, -V, -X list). Errors: USAGE (the usage follows), BAD_DATA and others (they stand
 * alone).
 */
WEIR_MUST_USE enum weir_code kcat_parse(struct kcat *k, bool *done, struct weir_err *err);

/* The modes. Errors are those that end kcat. */
WEIR_MUST_USE enum weir_code kcat_consume(struct kcat *k, struct weir_err *err); /* and 'G' */
WEIR_MUST_USE enum weir_code kcat_produce(struct kcat *k, struct weir_err *err);
WEIR_MUST_USE enum weir_code kcat_list(struct kcat *k, struct weir_err *err);
WEIR_MUST_USE enum weir_code kcat_offsets(struct kcat *k, struct weir_err *err);

/* How records are printed: -f, -D, -K and -s as a format of weir's. Errors: USAGE, BAD_DATA. */
WEIR_MUST_USE enum weir_code kcat_format(
	const struct kcat *k, struct format **format, struct weir_err *err);
/* The record in kcat's JSON, and the delimiter. */
void kcat_json(struct kcat *k, const struct row *row, int32_t broker);

/* The topic of -t; "Topic T error: ..." when it is not there. In arena. */
WEIR_MUST_USE enum weir_code kcat_topic(struct kcat *k, struct arena *arena,
	const struct client_topic **topic, struct weir_err *err);
