/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of the settings tables (keys.def), and values as text.
 *
 * A row says all there is to know of a setting. Values travel as text and are kept in typed fields
 * of struct conf, struct topic_conf or struct group_conf; conf_put and conf_format go between.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

#define CHOICES_BEGIN(set)                                                                         \
	enum conf_##set                                                                            \
	{
#define CHOICE(name, word) CONF_##name,
#define CHOICES_END(set)                                                                           \
	CONF_##set##_count                                                                         \
	}                                                                                          \
	;
#include "core/conf/choices.def"
#undef CHOICES_BEGIN
#undef CHOICE
#undef CHOICES_END

enum conf_scope { CONF_BROKER, CONF_TOPIC, CONF_GROUP, CONF_SCOPE_COUNT };

/* CHOICE: one word of a few, as its enum; FLAGS: some of them, as bits 1 << enum. */
enum conf_kind {
	CONF_BOOL,   /* bool */
	CONF_INT,    /* int32_t */
	CONF_SHORT,  /* int32_t */
	CONF_LONG,   /* int64_t */
	CONF_DOUBLE, /* double */
	CONF_STRING, /* char *, NULL for no value */
	CONF_LIST,   /* struct conf_list */
	CONF_CHOICE, /* int */
	CONF_FLAGS,  /* uint32_t */
};

enum conf_update { CONF_READ_ONLY, CONF_CLUSTER_WIDE };
enum conf_importance { CONF_MEDIUM, CONF_HIGH };

/* Kafka's numbers (ConfigSource). */
enum conf_source {
	CONF_FROM_TOPIC = 1,
	CONF_FROM_BROKER = 2,	      /* set at run time for this broker */
	CONF_FROM_BROKER_DEFAULT = 3, /* set at run time for all brokers */
	CONF_FROM_STATIC = 4,	      /* file or command line */
	CONF_FROM_DEFAULT = 5,
	CONF_FROM_GROUP = 8,
};

struct conf_list {
	char **items;
	size_t count;
};

/* A broker setting that gives a default; times turns it into the row's unit. */
struct conf_from {
	const char *name;
	int64_t times;
};

struct conf_row {
	const char *name;
	enum conf_scope scope;
	enum conf_kind kind;
	const char *def;	    /* NULL: no value; numbers are 0 then */
	int64_t min, max;	    /* both ends count; min 0 with max 0: any */
	const char *unit;	    /* "bytes", "ms", "seconds", "minutes", "hours" or NULL */
	const char *const *choices; /* ends with NULL */
	struct conf_from from[3];
	enum conf_update update;
	enum conf_importance importance;
	bool sensitive;	      /* the value is never shown */
	bool hidden;	      /* taken, but not listed */
	bool echo;	      /* taken and listed, without effect: Kafka's tools expect it */
	int16_t api;	      /* key of the API that it belongs to; 0: has effect at any time */
	const char *alias_of; /* name of the row that keeps the value */
	enum weir_code (*check)(
		const struct conf_row *row, const char *value, struct weir_err *err);
	const char *doc;
	size_t field; /* byte position in the scope's struct */
};

/* Rows in the order of the table; NULL past the end. */
const struct conf_row *conf_row_at(enum conf_scope scope, size_t i);
size_t conf_row_count(enum conf_scope scope);
/* NULL when there is none of that name. Aliases are found as themselves. */
const struct conf_row *conf_row_find(enum conf_scope scope, const char *name);
/* The row that keeps the value: row, or what it is an alias of. */
const struct conf_row *conf_row_keeper(const struct conf_row *row);
/* Position of a row in its scope's table. */
size_t conf_row_index(const struct conf_row *row);

/* Kafka's ConfigType number of the row: BOOLEAN 1, STRING 2, INT 3, SHORT 4, LONG 5, DOUBLE 6,
 * LIST 7. */
int conf_row_type_id(const struct conf_row *row);
const char *conf_row_type_name(const struct conf_row *row);

/* A name of Kafka's that weir takes without effect. */
bool conf_is_ignored(enum conf_scope scope, const char *name);

/* The nearest known name, ignored ones too; NULL when none is near. */
const char *conf_near(enum conf_scope scope, const char *name);
/* INVALID_CONFIG, with the nearest name of the scope if one is near. */
enum weir_code conf_unknown(enum conf_scope scope, const char *name, struct weir_err *err);

/*
 * Checks value against the row and, where base is not NULL, puts it into base's field (freeing what
 * was there). base is zeroed or filled by conf_put before. value NULL: no value. Numbers may carry
 * a suffix that fits the unit (1G, 7d). Errors: INVALID_CONFIG, the text names the setting.
 */
WEIR_MUST_USE enum weir_code conf_put(
	const struct conf_row *row, void *base, const char *value, struct weir_err *err);
/* Appends base's field in Kafka's form. False when it has none (NULL). */
bool conf_format(const struct conf_row *row, const void *base, struct buf *out);
/* Frees what the field holds. */
void conf_drop(const struct conf_row *row, void *base);

/* Checks one value; canonical (may be NULL) gets it in Kafka's form, "7d" as 604800000. */
WEIR_MUST_USE enum weir_code conf_check(
	const struct conf_row *row, const char *value, struct buf *canonical, struct weir_err *err);
