/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine inside this process: for weir broker, and for --dir where no broker runs. */
#pragma once

#include "broker/broker.h"
#include "cli/context.h"
#include "core/base/log.h"

struct client;
struct client_conf;

/* Opens and starts the engine on dir. */
WEIR_MUST_USE enum weir_code engine_open(struct ctx *ctx, const char *dir, struct conf *conf,
	struct broker **broker, struct weir_err *err);
/* A client of the engine; conf without its brokers. */
WEIR_MUST_USE enum weir_code engine_client(struct broker *broker, const struct client_conf *conf,
	struct client **client, struct weir_err *err);
/* Settings of -F FILE and -X key=value as a broker's; one warning names keys without effect. */
WEIR_MUST_USE enum weir_code engine_conf(struct ctx *ctx, struct conf **conf, struct weir_err *err);
/* Log lines to stderr from now on: as text, or a JSON object a line. */
void engine_log_to_stderr(enum log_level min, bool json);
