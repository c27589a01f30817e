/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * struct conf: the texts set in each place, and the fields made from the most specific of them.
 *
 * A text is checked against its row before it is kept, so making a field from a kept text cannot
 * fail. Copies share nothing.
 */
#include "core/conf/conf.h"

#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/conf/listener.h"
#include "core/conf/properties.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum { LAYERS = 3 }; /* CONF_FROM_BROKER, _BROKER_DEFAULT, _STATIC: 2, 3, 4 */

struct conf_layers {
	atomic_int refs;
	char *(*text)[LAYERS]; /* a row each; owned */
};

struct conf *conf_new(void)
{
	struct conf *conf = mem_new(sizeof(*conf));
	conf->layers = mem_new(sizeof(*conf->layers));
	atomic_store(&conf->layers->refs, 1);
	conf->layers->text = mem_array(conf_row_count(CONF_BROKER), sizeof(conf->layers->text[0]));
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		if (!row->alias_of) {
			enum weir_code code = conf_put(row, conf, row->def, NULL);
			WEIR_ASSERT(code == WEIR_OK);
		}
	}
	return conf;
}

struct conf *conf_copy(const struct conf *conf)
{
	struct conf *copy = conf_new();
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		for (int layer = LAYERS - 1; layer >= 0; layer--) {
			const char *text = conf->layers->text[i][layer];
			if (text) {
				copy->layers->text[i][layer] = mem_dup_str(text);
				enum weir_code code = conf_put(row, copy, text, NULL);
				WEIR_ASSERT(code == WEIR_OK);
			}
		}
	}
	return copy;
}

void conf_ref(const struct conf *conf)
{
	atomic_fetch_add(&conf->layers->refs, 1);
}

void conf_unref(const struct conf *conf)
{
	if (!conf || atomic_fetch_sub(&conf->layers->refs, 1) > 1) {
		return;
	}
	/* The last count: nobody reads it any more. */
	struct conf *last = (struct conf *)(uintptr_t)conf;
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		for (int layer = 0; layer < LAYERS; layer++) {
			mem_free(last->layers->text[i][layer]);
		}
		if (!row->alias_of) {
			conf_drop(row, last);
		}
	}
	mem_free(last->layers->text);
	mem_free(last->layers);
	mem_free(last);
}

enum conf_source conf_source(const struct conf *conf, const struct conf_row *row)
{
	size_t i = conf_row_index(conf_row_keeper(row));
	for (int layer = 0; layer < LAYERS; layer++) {
		if (conf->layers->text[i][layer]) {
			return (enum conf_source)(CONF_FROM_BROKER + layer);
		}
	}
	return CONF_FROM_DEFAULT;
}

const char *conf_text(const struct conf *conf, const struct conf_row *row, enum conf_source source)
{
	const struct conf_row *keeper = conf_row_keeper(row);
	if (source == CONF_FROM_DEFAULT) {
		return keeper->def;
	}
	WEIR_ASSERT(source >= CONF_FROM_BROKER && source <= CONF_FROM_STATIC);
	return conf->layers->text[conf_row_index(keeper)][source - CONF_FROM_BROKER];
}

bool conf_value(const struct conf *conf, const struct conf_row *row, struct buf *out)
{
	const struct conf_row *keeper = conf_row_keeper(row);
	if (keeper->sensitive || !conf_text(conf, row, conf_source(conf, row))) {
		return false;
	}
	return conf_format(keeper, conf, out);
}

enum weir_code conf_set(struct conf *conf, const char *key, const char *value,
	enum conf_source source, struct weir_err *err)
{
	WEIR_ASSERT(source >= CONF_FROM_BROKER && source <= CONF_FROM_STATIC);
	const struct conf_row *row = conf_row_find(CONF_BROKER, key);
	if (!row && conf_is_ignored(CONF_BROKER, key)) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"%s is a setting of Kafka's that has no effect in weir", key);
	}
	if (!row) {
		return conf_unknown(CONF_BROKER, key, err);
	}
	const struct conf_row *keeper = conf_row_keeper(row);
	if (source != CONF_FROM_STATIC && keeper->update == CONF_READ_ONLY) {
		return err_set(err, WEIR_INVALID_REQUEST,
			"%s cannot be changed while the broker runs", key);
	}
	enum weir_code code = value ? conf_check(row, value, NULL, err) : WEIR_OK;
	if (code) {
		return code;
	}
	char **text = &conf->layers->text[conf_row_index(keeper)][source - CONF_FROM_BROKER];
	mem_free(*text);
	*text = value ? mem_dup_str(value) : NULL;
	const char *now = conf_text(conf, keeper, conf_source(conf, keeper));
	code = conf_put(keeper, conf, now, NULL);
	WEIR_ASSERT(code == WEIR_OK);
	return WEIR_OK;
}

static void ignored_add(struct conf_list *ignored, const char *name)
{
	for (size_t i = 0; i < ignored->count; i++) {
		if (!strcmp(ignored->items[i], name)) {
			return;
		}
	}
	ignored->items = mem_grow(ignored->items, ignored->count + 1, sizeof(*ignored->items));
	ignored->items[ignored->count++] = mem_dup_str(name);
}

struct loading {
	struct conf *conf;
	struct conf_list *ignored;
};

/* More edits than this from any known name is another program's name, not a slip. */
enum { SLIP_EDITS = 2 };

static enum weir_code load_one(
	void *arg, const char *key, const char *value, int line, struct weir_err *err)
{
	(void)line;
	struct loading *loading = arg;
	if (conf_row_find(CONF_BROKER, key)) {
		return conf_set(loading->conf, key, value, CONF_FROM_STATIC, err);
	}
	const char *near = conf_near(CONF_BROKER, key);
	if (!conf_is_ignored(CONF_BROKER, key) && near &&
		near_distance(key, near, SLIP_EDITS) <= SLIP_EDITS) {
		return conf_unknown(CONF_BROKER, key, err);
	}
	ignored_add(loading->ignored, key);
	return WEIR_OK;
}

enum weir_code conf_load(struct conf *conf, struct slice text, const char *path,
	struct conf_list *ignored, struct weir_err *err)
{
	struct loading loading = {conf, ignored};
	return properties_read(text, path, load_one, &loading, err);
}

const struct conf_list *conf_data_dirs(const struct conf *conf)
{
	return conf->log_dirs.count ? &conf->log_dirs : &conf->log_dir;
}

struct pair {
	const char *low, *high; /* names */
};

/* The whole number in the field of row name. */
static int64_t number_of(const struct conf *conf, const char *name)
{
	const struct conf_row *row = conf_row_find(CONF_BROKER, name);
	WEIR_ASSERT(row && (row->kind == CONF_INT || row->kind == CONF_LONG));
	const char *field = (const char *)conf + row->field;
	int32_t small;
	int64_t large;
	if (row->kind == CONF_LONG) {
		memcpy(&large, field, sizeof(large));
		return large;
	}
	memcpy(&small, field, sizeof(small));
	return small;
}

enum weir_code conf_validate(const struct conf *conf, struct weir_err *err)
{
	static const struct pair pairs[] = {
		{"group.min.session.timeout.ms", "group.max.session.timeout.ms"},
		{"group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"},
		{"group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
		{"group.consumer.min.heartbeat.interval.ms",
			"group.consumer.heartbeat.interval.ms"},
		{"group.consumer.heartbeat.interval.ms",
			"group.consumer.max.heartbeat.interval.ms"},
		{"group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms"},
		{"log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int64_t low = number_of(conf, pairs[i].low), high = number_of(conf, pairs[i].high);
		if (low > high) {
			return err_set(err, WEIR_INVALID_CONFIG,
				"%s (%" PRId64 ") is above %s (%" PRId64 ")", pairs[i].low, low,
				pairs[i].high, high);
		}
	}
	struct conf_listeners listeners;
	enum weir_code code = conf_listeners_init(&listeners, conf, err);
	if (!code) {
		conf_listeners_fini(&listeners);
	}
	return code;
}
