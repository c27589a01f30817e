/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the options to a connected client. */
#pragma once

#include "cli/context.h"

struct client;
struct client_conf;

/*
 * .needs of the commands that talk to a broker: reads the client properties and checks where to
 * connect, but does not connect yet, so that a command first checks its own arguments.
 * Errors: USAGE, NOT_FOUND, IO, BAD_DATA, UNSUPPORTED_SASL_MECHANISM.
 */
#define NEEDS_CLIENT connect_prepare
WEIR_MUST_USE enum weir_code connect_prepare(struct ctx *ctx, struct weir_err *err);

/*
 * What the client of a command is opened with, but for --dir: addresses, timeouts, --resolve, -vv.
 * Borrows from ctx. Errors: USAGE.
 */
WEIR_MUST_USE enum weir_code connect_conf(
	struct ctx *ctx, struct client_conf *conf, struct weir_err *err);

/* Whether a broker answers on the socket in the data directory dir. */
bool connect_is_served(const char *dir);

/*
 * The client of a command with NEEDS_CLIENT, connected at the first call; closed after the command.
 * Errors: CONNECT, the text says where the addresses come from.
 */
WEIR_MUST_USE enum weir_code connect_client(
	struct ctx *ctx, struct client **client, struct weir_err *err);

/*
 * One more client beside connect_client's, for another thread; the caller closes it, before the
 * command ends. Errors: CONNECT.
 */
WEIR_MUST_USE enum weir_code connect_another(
	struct ctx *ctx, struct client **client, struct weir_err *err);
