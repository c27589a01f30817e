/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables: keys.def three times over, and the names of Kafka's that have no effect here. */
#include "core/conf/row.h"

#include "core/base/limits.h"
#include "core/base/near.h"
#include "core/conf/conf.h"

#include <string.h>

#define CHOICES_BEGIN(set) static const char *const choices_##set[] = {
#define CHOICE(name, word) word,
#define CHOICES_END(set)                                                                           \
	NULL                                                                                       \
	}                                                                                          \
	;
#include "core/conf/choices.def"

static enum weir_code conf_check_empty(
	const struct conf_row *row, const char *value, struct weir_err *err)
{
	return value[0] ? err_set(err, WEIR_INVALID_CONFIG, "%s: %s", row->name, row->doc)
			: WEIR_OK;
}

static enum weir_code conf_check_not_zero(
	const struct conf_row *row, const char *value, struct weir_err *err)
{
	return strcmp(value, "0") == 0
		       ? err_set(err, WEIR_INVALID_CONFIG, "%s: 0 is not a level", row->name)
		       : WEIR_OK;
}

#define AT_LEAST(n) .min = (n), .max = INT64_MAX
#define RANGE(a, b) .min = (a), .max = (b)
#define ROW(struct_, scope_, field_, name_, kind_, ...)                                            \
	{.name = (name_),                                                                          \
		.scope = (scope_),                                                                 \
		.kind = CONF_##kind_,                                                              \
		.field = offsetof(struct struct_, field_),                                         \
		__VA_ARGS__},

static const struct conf_row broker_rows[] = {
#define KEY(field_, name_, kind_, ...) ROW(conf, CONF_BROKER, field_, name_, kind_, __VA_ARGS__)
#define ALIAS(name_, of_, ...)                                                                     \
	{.name = (name_), .scope = CONF_BROKER, .alias_of = (of_), __VA_ARGS__},
#include "core/conf/keys.def"
};

static const struct conf_row topic_rows[] = {
#define TOPIC_KEY(field_, name_, kind_, ...)                                                       \
	ROW(topic_conf, CONF_TOPIC, field_, name_, kind_, .update = CONF_CLUSTER_WIDE, __VA_ARGS__)
#include "core/conf/keys.def"
};

static const struct conf_row group_rows[] = {
#define GROUP_KEY(field_, name_, kind_, ...)                                                       \
	ROW(group_conf, CONF_GROUP, field_, name_, kind_, .update = CONF_CLUSTER_WIDE, __VA_ARGS__)
#include "core/conf/keys.def"
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
_Static_assert(COUNT(topic_rows) <= 64 && COUNT(group_rows) <= 64, "own is one bit a row");

static const struct {
	const struct conf_row *rows;
	size_t count;
} tables[CONF_SCOPE_COUNT] = {
	[CONF_BROKER] = {broker_rows, COUNT(broker_rows)},
	[CONF_TOPIC] = {topic_rows, COUNT(topic_rows)},
	[CONF_GROUP] = {group_rows, COUNT(group_rows)},
};

static const struct {
	enum conf_scope scope;
	const char *name; /* ends in '*': every name that begins so */
} ignored[] = {
#define IGNORED(scope, name) {CONF_##scope, name},
#include "core/conf/ignored.def"
#undef IGNORED
};

const struct conf_row *conf_row_at(enum conf_scope scope, size_t i)
{
	return i < tables[scope].count ? &tables[scope].rows[i] : NULL;
}

size_t conf_row_count(enum conf_scope scope)
{
	return tables[scope].count;
}

const struct conf_row *conf_row_find(enum conf_scope scope, const char *name)
{
	for (size_t i = 0; i < tables[scope].count; i++) {
		if (!strcmp(tables[scope].rows[i].name, name)) {
			return &tables[scope].rows[i];
		}
	}
	return NULL;
}

const struct conf_row *conf_row_keeper(const struct conf_row *row)
{
	return row->alias_of ? conf_row_find(row->scope, row->alias_of) : row;
}

size_t conf_row_index(const struct conf_row *row)
{
	return (size_t)(row - tables[row->scope].rows);
}

static const struct {
	int id;
	const char *name;
} types[] = {
	[CONF_BOOL] = {1, "boolean"},
	[CONF_INT] = {3, "int"},
	[CONF_SHORT] = {4, "short"},
	[CONF_LONG] = {5, "long"},
	[CONF_DOUBLE] = {6, "double"},
	[CONF_STRING] = {2, "string"},
	[CONF_LIST] = {7, "list"},
	[CONF_CHOICE] = {2, "string"},
	[CONF_FLAGS] = {7, "list"},
};

int conf_row_type_id(const struct conf_row *row)
{
	return types[conf_row_keeper(row)->kind].id;
}

const char *conf_row_type_name(const struct conf_row *row)
{
	return types[conf_row_keeper(row)->kind].name;
}

bool conf_is_ignored(enum conf_scope scope, const char *name)
{
	for (size_t i = 0; i < COUNT(ignored); i++) {
		size_t len = strlen(ignored[i].name);
		bool prefix = ignored[i].name[len - 1] == '*';
		if (ignored[i].scope == scope && (prefix ? !strncmp(ignored[i].name, name, len - 1)
							 : !strcmp(ignored[i].name, name))) {
			return true;
		}
	}
	return false;
}

const char *conf_near(enum conf_scope scope, const char *name)
{
	struct near near;
	near_init(&near, name);
	for (size_t i = 0; i < tables[scope].count; i++) {
		near_offer(&near, tables[scope].rows[i].name);
	}
	for (size_t i = 0; i < COUNT(ignored); i++) {
		if (ignored[i].scope == scope && !strchr(ignored[i].name, '*')) {
			near_offer(&near, ignored[i].name);
		}
	}
	return near.best;
}

static const char *const scope_names[] = {"broker", "topic", "group"};

enum weir_code conf_unknown(enum conf_scope scope, const char *name, struct weir_err *err)
{
	const char *near = conf_near(scope, name);
	if (near) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s is no %s setting; did you mean %s?",
			name, scope_names[scope], near);
	}
	return err_set(err, WEIR_INVALID_CONFIG, "%s is no %s setting", name, scope_names[scope]);
}
