/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client properties as numbers, and the producer's settings from properties and options. */
#pragma once

#include "cli/context.h"
#include "core/client/client.h"

/* Leaves *value when the property is not set. Errors: USAGE, naming its origin. */
WEIR_MUST_USE enum weir_code client_prop_number(const struct ctx *ctx, const char *key, int64_t min,
	int64_t max, int64_t *value, struct weir_err *err);

/* Choices of the options, NULL at the end, and what acks' choices mean to the protocol. */
extern const char *const producer_codec_names[];
extern const char *const producer_acks_names[];
extern const int producer_acks[];

/* codec, acks: of the options, PRODUCER_OPTION_UNSET when not given. Errors: USAGE. */
enum { PRODUCER_OPTION_UNSET = -2 };
WEIR_MUST_USE enum weir_code client_props_producer(const struct ctx *ctx, int codec, int acks,
	struct producer_conf *conf, struct weir_err *err);
