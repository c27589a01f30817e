/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The topic of a record command: there, made on request, or missing with a hint. */
#pragma once

#include "cli/context.h"

struct client;

/*
 * Makes sure that topic is there. partitions: of a new one, -1 the broker's default; 0: none is
 * made. Errors: UNKNOWN_TOPIC_OR_PARTITION with a near name in ctx->hint, client_call's.
 */
WEIR_MUST_USE enum weir_code topic_ensure(struct ctx *ctx, struct client *client, const char *topic,
	int32_t partitions, struct weir_err *err);

/* For an error about a topic: moves "did you mean" from the text into ctx->hint. Returns code. */
enum weir_code topic_unknown(struct ctx *ctx, enum weir_code code, struct weir_err *err);
