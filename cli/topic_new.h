/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Topics that are to be created. */
#pragma once

#include "cli/outcome.h"
#include "core/client/client.h"
#include "core/wire/messages.h"

/* Borrows all; partitions and replicas -1: the broker's default. */
struct topic_new {
	const char *name;
	int32_t partitions, replicas;
	const struct create_topics_request_creatable_topic_config *configs;
	size_t config_count;
};

/* Has the broker create them, or with validate_only check them. Errors: of the connection. */
WEIR_MUST_USE enum weir_code topic_new_send(struct ctx *ctx, struct client *client,
	const struct topic_new *topics, size_t count, bool validate_only, struct arena *arena,
	struct create_topics_response *response, struct weir_err *err);

/* The table of topics that were created. */
extern const struct column topic_new_columns[];
/* Its row; if_not_exists: that a topic is there is no error. */
void topic_new_row(struct ctx *ctx, struct table *table, struct outcome *outcome,
	const struct create_topics_response_creatable_topic_result *result, bool if_not_exists);

/* Settings from KEY=VALUE words; free with topic_configs_fini, after an error too. Errors: USAGE.
 */
struct topic_configs {
	struct create_topics_request_creatable_topic_config *items;
	size_t count;
	char **keys; /* that items point to */
};
WEIR_MUST_USE enum weir_code topic_configs_parse(
	const struct opt_list *pairs, struct topic_configs *configs, struct weir_err *err);
void topic_configs_fini(struct topic_configs *configs);
/* Sets the hint to a setting's name near to one of these that no table has, after INVALID_CONFIG
 * from a broker that names none. */
void topic_configs_hint(struct ctx *ctx, const struct topic_configs *configs);
