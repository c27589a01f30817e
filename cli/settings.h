/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings that brokers keep, of topics, brokers, groups: asking for them and changing them. */
#pragma once

#include "cli/outcome.h"
#include "core/client/client.h"
#include "core/wire/messages.h"

/* Whose settings: the protocol's type of a resource, and its name. */
struct settings_of {
	int8_t type;
	const char *name;  /* "" of brokers: the default of all of them */
	const char *label; /* in tables and errors */
};

/* The type of a topic, and the source of what is set for the topic itself. */
enum { SETTINGS_OF_TOPIC = 2, SETTINGS_FROM_TOPIC = 1 };

/*
 * "topic:NAME", "broker:ID", "broker:default", "broker-logger:ID", "client-metrics:NAME" or
 * "group:NAME"; of points into text. Errors: USAGE.
 */
WEIR_MUST_USE enum weir_code settings_of_parse(
	const char *text, struct settings_of *of, struct weir_err *err);

/* What the broker says of one of them. */
struct settings {
	enum weir_code error;
	struct slice message; /* of the error; may be null */
	const struct describe_configs_response_describe_configs_resource_result *entries;
	size_t count;
};

/* All settings of each, with what they would be otherwise (synonyms), into answers[count] and
 * arena. Errors: those of the connection. */
WEIR_MUST_USE enum weir_code settings_ask(struct client *client, const struct settings_of *of,
	size_t count, struct arena *arena, struct settings *answers, struct weir_err *err);

/* NULL when there is none of this name. */
const struct describe_configs_response_describe_configs_resource_result *settings_find(
	const struct settings *settings, const char *key);
/* Whether it was set, rather than being built in; by whomever. */
bool settings_is_set(
	const struct describe_configs_response_describe_configs_resource_result *entry);
/* "topic", "broker", "brokers", "file", "default", ... and "int", "list", ...; NULL when unknown.
 */
const char *settings_source_name(int8_t source);
const char *settings_type_name(int8_t type);
/* Sets the hint to the setting whose name is nearest to key. */
void settings_hint(struct ctx *ctx, const struct settings *settings, const char *key);

struct settings_change {
	char *key;
	const char *value; /* NULL: back to what it would be otherwise */
};
/* Changes from the KEY=VALUE words of set and the keys of unset. Free with settings_changes_fini,
 * after an error too. Errors: USAGE. */
WEIR_MUST_USE enum weir_code settings_changes_parse(const char *const *set, size_t set_count,
	const struct opt_list *unset, struct settings_change **changes, size_t *count,
	struct weir_err *err);
void settings_changes_fini(struct settings_change **changes, size_t count);

/* Cells of a row of settings_alter, behind one cell that is the label. */
/* clang-format off */
#define SETTINGS_CHANGE_COLUMNS                                                                    \
	{"key", COLUMN_TEXT, "Name of the setting."},                                              \
	{"old", COLUMN_TEXT, "Value before; null where it is secret or not known."},               \
	{"new", COLUMN_TEXT, "Value after; null where it is secret or not known."},                \
	OUTCOME_COLUMNS
/* clang-format on */

/*
 * Makes the changes to each, or with --dry-run has the broker check them, and puts a row a change.
 * What goes wrong with one of them goes to outcome. Errors: those of the connection.
 */
WEIR_MUST_USE enum weir_code settings_alter(struct ctx *ctx, struct client *client,
	const struct settings_of *of, size_t of_count, const struct settings_change *changes,
	size_t change_count, struct table *table, struct outcome *outcome, struct weir_err *err);
