/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings below the broker's: of topics and groups. Both are a table, a struct and a bit a row. */
#include "core/base/mem.h"
#include "core/conf/conf.h"

#include <inttypes.h>
#include <string.h>

/* The broker row whose value a row takes: the first that is set, else the last. NULL if none. */
static const struct conf_row *giver(
	const struct conf *conf, const struct conf_row *row, int64_t *times)
{
	const struct conf_row *from = NULL;
	for (size_t i = 0; i < sizeof(row->from) / sizeof(row->from[0]) && row->from[i].name; i++) {
		from = conf_row_find(CONF_BROKER, row->from[i].name);
		WEIR_ASSERT(from);
		*times = row->from[i].times;
		if (conf_source(conf, from) != CONF_FROM_DEFAULT) {
			break;
		}
	}
	return from;
}

/* Hours or minutes as ms. Below zero means for ever, in every unit. */
static void put_times(const struct conf *conf, const struct conf_row *from, int64_t times,
	const struct conf_row *row, void *base)
{
	int32_t value;
	WEIR_ASSERT(from->kind == CONF_INT && row->kind == CONF_LONG);
	memcpy(&value, (const char *)conf + from->field, sizeof(value));
	int64_t product = value < 0 ? -1 : value * times;
	memcpy((char *)base + row->field, &product, sizeof(product));
}

static void below_init(enum conf_scope scope, void *base, const struct conf *conf)
{
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(scope, i)); i++) {
		int64_t times = 1;
		const struct conf_row *from = giver(conf, row, &times);
		if (from && times > 1) {
			put_times(conf, from, times, row, base);
			continue;
		}
		const char *text = from ? conf_text(conf, from, conf_source(conf, from)) : row->def;
		enum weir_code code = conf_put(row, base, text, NULL);
		WEIR_ASSERT(code == WEIR_OK);
	}
}

static enum weir_code below_set(enum conf_scope scope, void *base, uint64_t *own, const char *key,
	const char *value, struct weir_err *err)
{
	const struct conf_row *row = conf_row_find(scope, key);
	if (!row) {
		return conf_is_ignored(scope, key) ? WEIR_OK : conf_unknown(scope, key, err);
	}
	if (!value) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s: there is no value", key);
	}
	enum weir_code code = conf_put(row, base, value, err);
	if (!code) {
		*own |= UINT64_C(1) << conf_row_index(row);
	}
	return code;
}

static void below_fini(enum conf_scope scope, void *base)
{
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(scope, i)); i++) {
		conf_drop(row, base);
	}
}

void topic_conf_init(struct topic_conf *topic, const struct conf *conf)
{
	memset(topic, 0, sizeof(*topic));
	below_init(CONF_TOPIC, topic, conf);
}

enum weir_code topic_conf_set(
	struct topic_conf *topic, const char *key, const char *value, struct weir_err *err)
{
	return below_set(CONF_TOPIC, topic, &topic->own, key, value, err);
}

enum weir_code topic_conf_validate(const struct topic_conf *topic, struct weir_err *err)
{
	if (topic->min_compaction_lag_ms > topic->max_compaction_lag_ms) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"min.compaction.lag.ms (%" PRId64 ") is above max.compaction.lag.ms "
			"(%" PRId64 ")",
			topic->min_compaction_lag_ms, topic->max_compaction_lag_ms);
	}
	return WEIR_OK;
}

void topic_conf_fini(struct topic_conf *topic)
{
	below_fini(CONF_TOPIC, topic);
}

void group_conf_init(struct group_conf *group, const struct conf *conf)
{
	memset(group, 0, sizeof(*group));
	below_init(CONF_GROUP, group, conf);
}

enum weir_code group_conf_set(
	struct group_conf *group, const char *key, const char *value, struct weir_err *err)
{
	return below_set(CONF_GROUP, group, &group->own, key, value, err);
}

static enum weir_code within(
	const char *name, int32_t value, int32_t min, int32_t max, struct weir_err *err)
{
	return value >= min && value <= max
		       ? WEIR_OK
		       : err_set(err, WEIR_INVALID_CONFIG,
				 "%s: %" PRId32 " is outside the broker's %" PRId32 " to %" PRId32,
				 name, value, min, max);
}

enum weir_code group_conf_validate(
	const struct group_conf *group, const struct conf *conf, struct weir_err *err)
{
	enum weir_code code = within("consumer.session.timeout.ms",
		group->consumer_session_timeout_ms, conf->group_consumer_min_session_timeout_ms,
		conf->group_consumer_max_session_timeout_ms, err);
	if (code) {
		return code;
	}
	return within("consumer.heartbeat.interval.ms", group->consumer_heartbeat_interval_ms,
		conf->group_consumer_min_heartbeat_interval_ms,
		conf->group_consumer_max_heartbeat_interval_ms, err);
}

void group_conf_fini(struct group_conf *group)
{
	below_fini(CONF_GROUP, group);
}

static size_t add_synonym(struct conf_synonym *out, size_t count, const struct conf_row *row,
	const char *value, enum conf_source source)
{
	if (!value) {
		return count;
	}
	out[count] = (struct conf_synonym){row->name, row->sensitive ? NULL : value, source};
	return count + 1;
}

size_t conf_synonyms(const struct conf *conf, const struct conf_row *row, const char *own_value,
	struct conf_synonym *out)
{
	size_t count = 0;
	if (row->scope == CONF_BROKER) {
		for (int s = CONF_FROM_BROKER; s <= CONF_FROM_DEFAULT; s++) {
			enum conf_source source = (enum conf_source)s;
			count = add_synonym(out, count, row, conf_text(conf, row, source), source);
		}
		return count;
	}
	count = add_synonym(out, count, row, own_value,
		row->scope == CONF_TOPIC ? CONF_FROM_TOPIC : CONF_FROM_GROUP);
	for (size_t i = 0; i < sizeof(row->from) / sizeof(row->from[0]) && row->from[i].name; i++) {
		const struct conf_row *from = conf_row_find(CONF_BROKER, row->from[i].name);
		/* Only the first gives its default a name, as Kafka does it. */
		int last = i ? CONF_FROM_STATIC : CONF_FROM_DEFAULT;
		for (int s = CONF_FROM_BROKER; s <= last; s++) {
			enum conf_source source = (enum conf_source)s;
			count = add_synonym(
				out, count, from, conf_text(conf, from, source), source);
		}
	}
	return count;
}

enum conf_source conf_source_below(const struct conf *conf, const struct conf_row *row, bool own)
{
	int64_t times;
	if (own) {
		return row->scope == CONF_TOPIC ? CONF_FROM_TOPIC : CONF_FROM_GROUP;
	}
	const struct conf_row *from = giver(conf, row, &times);
	return from ? conf_source(conf, from) : CONF_FROM_DEFAULT;
}
