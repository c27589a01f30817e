/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings of a broker, its topics and groups, as typed fields.
 *
 * A struct conf is built (conf_new, conf_load, conf_set), checked whole (conf_validate) and then
 * only read, by any thread. To change one: conf_copy, conf_set, conf_validate, put it in the old
 * one's place. Counted: conf_ref, conf_unref.
 *
 * A value may be set in four places; the most specific wins, whatever the order of the calls:
 * CONF_FROM_BROKER, CONF_FROM_BROKER_DEFAULT, CONF_FROM_STATIC, CONF_FROM_DEFAULT. Fields without a
 * value (no default, not set) are NULL or 0; conf_source tells.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/conf/row.h"

#define CONF_C_BOOL bool
#define CONF_C_INT int32_t
#define CONF_C_SHORT int32_t
#define CONF_C_LONG int64_t
#define CONF_C_DOUBLE double
#define CONF_C_STRING char *
#define CONF_C_LIST struct conf_list
#define CONF_C_CHOICE int
#define CONF_C_FLAGS uint32_t

struct conf_layers; /* the texts behind the fields */

struct conf {
	struct conf_layers *layers;
#define KEY(field, name, kind, ...) CONF_C_##kind field;
#include "core/conf/keys.def"
};

/* Owned by one thread, or not changed any more. The conf it was made from may go. */
struct topic_conf {
	uint64_t own; /* bit i: the topic sets row i itself */
#define TOPIC_KEY(field, name, kind, ...) CONF_C_##kind field;
#include "core/conf/keys.def"
};

struct group_conf {
	uint64_t own;
#define GROUP_KEY(field, name, kind, ...) CONF_C_##kind field;
#include "core/conf/keys.def"
};

struct conf *conf_new(void); /* defaults; count 1 */
struct conf *conf_copy(const struct conf *conf);
void conf_ref(const struct conf *conf);
void conf_unref(const struct conf *conf); /* NULL is fine */

/*
 * Sets key in one place; value NULL clears it there. Errors: INVALID_CONFIG: unknown key (with the
 * nearest one), or a value that is not legal; INVALID_REQUEST: set at run time, but fixed.
 */
WEIR_MUST_USE enum weir_code conf_set(struct conf *conf, const char *key, const char *value,
	enum conf_source source, struct weir_err *err);

/*
 * Sets what a Java .properties text says, as CONF_FROM_STATIC; the last of a repeated key counts.
 * path is for messages. Names that Kafka has and weir doesn't honour, and names unlike any other (a
 * plug-in's), are added to ignored, each once, for one warning (conf_list_fini). A name near a
 * known one is taken for a slip. Errors: INVALID_CONFIG, BAD_DATA, TOO_LARGE, with path:line.
 */
WEIR_MUST_USE enum weir_code conf_load(struct conf *conf, struct slice text, const char *path,
	struct conf_list *ignored, struct weir_err *err);
void conf_list_fini(struct conf_list *list);

/* What one value cannot show: listeners, minima above maxima. Errors: INVALID_CONFIG. */
WEIR_MUST_USE enum weir_code conf_validate(const struct conf *conf, struct weir_err *err);

/* log.dirs, or else log.dir; count 0 if neither is set. Borrowed. */
const struct conf_list *conf_data_dirs(const struct conf *conf);

/* Appends the value in Kafka's form; false when there is none, or it is sensitive. row: of
 * CONF_BROKER. */
bool conf_value(const struct conf *conf, const struct conf_row *row, struct buf *out);
/* Where the value comes from. row is of CONF_BROKER. */
enum conf_source conf_source(const struct conf *conf, const struct conf_row *row);
/* The text set in one place (CONF_FROM_DEFAULT: the default); NULL if none. Borrowed. */
const char *conf_text(const struct conf *conf, const struct conf_row *row, enum conf_source source);

/*
 * A topic's settings: the broker's, then what the topic sets itself, then the check of the whole.
 * topic_conf_set skips names that conf_is_ignored says; others unknown are INVALID_CONFIG. value
 * NULL is INVALID_CONFIG. Errors leave the struct as it was; topic_conf_fini frees it in any case.
 */
void topic_conf_init(struct topic_conf *topic, const struct conf *conf);
WEIR_MUST_USE enum weir_code topic_conf_set(
	struct topic_conf *topic, const char *key, const char *value, struct weir_err *err);
WEIR_MUST_USE enum weir_code topic_conf_validate(
	const struct topic_conf *topic, struct weir_err *err);
void topic_conf_fini(struct topic_conf *topic);
/* Size at which segments roll: segment_bytes, or what a test put in its place. */
static inline int32_t topic_conf_roll_bytes(const struct topic_conf *topic)
{
	return topic->internal_segment_bytes ? topic->internal_segment_bytes : topic->segment_bytes;
}

/* As for topics. Validation is against conf's group.consumer.min and max. */
void group_conf_init(struct group_conf *group, const struct conf *conf);
WEIR_MUST_USE enum weir_code group_conf_set(
	struct group_conf *group, const char *key, const char *value, struct weir_err *err);
WEIR_MUST_USE enum weir_code group_conf_validate(
	const struct group_conf *group, const struct conf *conf, struct weir_err *err);
void group_conf_fini(struct group_conf *group);

/* One line of DescribeConfigs' synonyms, most specific first. Borrowed from conf and own_value. */
struct conf_synonym {
	const char *name, *value;
	enum conf_source source;
};
enum { CONF_SYNONYMS_MAX = 13 };

/*
 * Synonyms of row into out (CONF_SYNONYMS_MAX of them fit); the count. own_value: the text that the
 * topic or group sets itself, NULL if none; ignored for brokers. Sensitive values are NULL.
 */
size_t conf_synonyms(const struct conf *conf, const struct conf_row *row, const char *own_value,
	struct conf_synonym *out);
/* Where a topic's or group's value comes from. */
enum conf_source conf_source_below(const struct conf *conf, const struct conf_row *row, bool own);
