/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client properties, checked: one by one, and as the settings of producers, consumers, members. */
#pragma once

#include "cli/context.h"
#include "core/client/client.h"

struct membership_conf;

/* Leaves *value when the property is not set. Errors: USAGE, naming its origin. */
WEIR_MUST_USE enum weir_code client_prop_number(const struct ctx *ctx, const char *key, int64_t min,
	int64_t max, int64_t *value, struct weir_err *err);

/* NULL when not set. */
const char *client_prop_text(const struct ctx *ctx, const char *key);
/* USAGE: the property, which is set, is not what is wanted. */
enum weir_code client_prop_bad(
	const struct ctx *ctx, const char *key, const char *wanted, struct weir_err *err);

/* Choices of the options, NULL at the end, and what acks' choices mean to the protocol. */
extern const char *const producer_codec_names[];
extern const char *const producer_acks_names[];
extern const int producer_acks[];

/* codec, acks: of the options, PRODUCER_OPTION_UNSET when not given. Errors: USAGE. */
enum { PRODUCER_OPTION_UNSET = -2 };
WEIR_MUST_USE enum weir_code client_props_producer(const struct ctx *ctx, int codec, int acks,
	struct producer_conf *conf, struct weir_err *err);
/* Sizes and wait of fetches; the rest of conf stays. Errors: USAGE. */
WEIR_MUST_USE enum weir_code client_props_consumer(
	const struct ctx *ctx, struct consumer_conf *conf, struct weir_err *err);
/* Protocol, assignors, timeouts, names; the rest of conf stays. Texts are borrowed. Errors: USAGE.
 */
WEIR_MUST_USE enum weir_code client_props_member(const struct ctx *ctx,
	struct membership_conf *conf, int64_t *commit_every_ms, struct weir_err *err);
/* "N", "N/s", "N/m", "N/h" of --rate: count each span_ms. Errors: USAGE. */
WEIR_MUST_USE enum weir_code client_rate_parse(
	const char *text, int64_t *count, int64_t *span_ms, struct weir_err *err);
