/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the topic commands share: which topics the words mean, and which partitions. */
#pragma once

#include "cli/context.h"
#include "cli/outcome.h"
#include "core/client/client.h"

/* Numbers of the requests that the administrative commands send. */
enum {
	REQUEST_CREATE_TOPICS = 19,
	REQUEST_DELETE_TOPICS = 20,
	REQUEST_DELETE_RECORDS = 21,
	REQUEST_DESCRIBE_CONFIGS = 32,
	REQUEST_DESCRIBE_LOG_DIRS = 35,
	REQUEST_CREATE_PARTITIONS = 37,
	REQUEST_INCREMENTAL_ALTER_CONFIGS = 44,
};

struct topic_item {
	const char *name;		  /* of the topic, or the word where there is none */
	const struct client_topic *topic; /* NULL: not there */
	enum weir_code error;		  /* why not */
};

struct topic_pick {
	struct arena arena; /* owns what the items point to */
	struct client_cluster cluster;
	struct topic_item *items;
	size_t count;
};

/* Whether a listing shows it only when asked to. */
bool topic_is_hidden(const struct client_topic *topic);

/*
 * The topics that words name, in the order of the words, each once; with regex the words are
 * regular expressions that have to match a whole name, and hidden topics match only with
 * internal. A word that finds nothing is an item without topic. Free pick after an error too.
 * Errors: USAGE (regular expression), and those of the connection.
 */
WEIR_MUST_USE enum weir_code topic_pick(struct client *client, const char *const *words,
	size_t count, bool regex, bool internal, struct topic_pick *pick, struct weir_err *err);
void topic_pick_fini(struct topic_pick *pick);

/* Sets the hint to the topic whose name is nearest to name, if one is near. */
void topic_hint(struct ctx *ctx, const struct topic_pick *pick, const char *name);
/* The item's three outcome cells for a topic that is not there, and a hint of a near name. */
void topic_missing_cells(struct ctx *ctx, const struct topic_pick *pick,
	const struct topic_item *item, struct outcome *outcome, struct table *table);

/* Replicas of the first partition; 0 when there is none. */
int32_t topic_replica_count(const struct client_topic *topic);

/* "KEY=VALUE" of a setting; key is a copy, value points into pair. Errors: USAGE. */
WEIR_MUST_USE enum weir_code topic_split_pair(
	const char *pair, char **key, const char **value, struct weir_err *err);

/* ctx's timeout for the field of a request. */
int32_t topic_timeout_ms(const struct ctx *ctx);
