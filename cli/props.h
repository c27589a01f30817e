/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client properties by Kafka's names, each with where it came from. Earlier sources win: option,
 * -X, environment, configuration file.
 */
#pragma once

#include "core/base/err.h"

struct prop {
	char *key, *value;
	char *origin; /* "--brokers", "-X", "$WEIR_BROKERS", "/path/config:12" */
};

struct props {
	struct prop *items;
	size_t count;
};

void props_fini(struct props *props);
/* Keeps the value that is there already. */
void props_add(struct props *props, const char *key, const char *value, const char *origin);
/* "KEY=VALUE" of -X; librdkafka's metadata.broker.list is bootstrap.servers. Errors: USAGE. */
WEIR_MUST_USE enum weir_code props_add_pair(
	struct props *props, const char *pair, const char *origin, struct weir_err *err);
/* NULL if not set; borrowed until props_fini. */
const struct prop *props_find(const struct props *props, const char *key);
