/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of produce share. */
#pragma once

#include "cli/context.h"
#include "cli/format.h"
#include "cli/produce_input.h"
#include "cli/progress.h"
#include "core/client/client.h"

struct produce_args {
	const char *topic, *key, *key_delim, *delim;
	struct opt_list headers;
	int32_t partition;
	const char *format;
	bool json, whole, batches;
	int codec, acks;
	bool empty_is_null;
	const char *null_text;
	int64_t timestamp, count;
	bool tee;
	const char *report, *create, *rate;
	int encoding, on_error;
	bool json_values;
};

enum { PARTITION_UNSET = -2 };

/* What becomes of a record that cannot be read or is too large. */
enum { PRODUCE_ON_ERROR_FAIL, PRODUCE_ON_ERROR_SKIP };

struct produce {
	struct ctx *ctx;
	const struct produce_args *args;
	const char *topic;
	struct buf delim, key_delim;
	struct format *format, *report, *tee; /* tee: how -f and -J records are copied */
	struct record_reader reader;	      /* of --batches */
	struct buf batch;		      /* as it is sent */
	bool report_content;		      /* report needs key, value or headers */
	struct format_style style;
	int64_t rate_count, rate_ms; /* rate_count 0: no limit */
	struct input *input;
	struct producer *producer;     /* NULL with --dry-run */
	struct record_header *headers; /* fixed ones first, then the row's behind them */
	size_t fixed_count, header_room;
	int64_t sent, bytes, reported;
	struct progress progress;
	struct weir_err failed; /* of a delivery */
	int64_t failed_count, skipped;
};

/* producer_conf.delivered. */
void produce_delivered(void *arg, void *tag, int32_t partition, int64_t offset, int64_t timestamp,
	enum weir_code code, const char *text);
/* input_conf.idle: input pauses, what is read goes out. */
WEIR_MUST_USE enum weir_code produce_idle(void *arg, int fd, struct weir_err *err);
/* As produce_send_all, for --batches. */
WEIR_MUST_USE enum weir_code produce_send_batches(struct produce *p, struct weir_err *err);
/* Whether a record that cannot be read or stored is passed over; says so, the first times. */
bool produce_skips(struct produce *p, enum weir_code code, const struct weir_err *why);
/* Whether to go on: not after Ctrl-C, a failed delivery, or when standard output is gone. */
bool produce_goes_on(const struct produce *p);
/* Sends the input's records until it ends or there is a reason to stop. */
WEIR_MUST_USE enum weir_code produce_send_all(struct produce *p, struct weir_err *err);
