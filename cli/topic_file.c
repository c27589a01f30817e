/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/topic_file.h"

#include "cli/read_file.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/conf/properties.h"
#include "core/conf/row.h"

#include <string.h>

static enum weir_code begin_topic(
	struct topic_file *file, const char *key, const char *value, int line, struct weir_err *err)
{
	size_t len = strlen(value);
	if (strcmp(key, "[topic") != 0 || len < 2 || value[len - 1] != ']') {
		return err_set(err, WEIR_BAD_DATA, "a section is [topic NAME]");
	}
	char *name = mem_dup(value, len - 1);
	for (size_t i = 0; i < file->count; i++) {
		if (strcmp(file->topics[i].name, name) == 0) {
			enum weir_code code = err_set(err, WEIR_BAD_DATA,
				"topic \"%s\" is in line %d already", name, file->topics[i].line);
			mem_free(name);
			return code;
		}
	}
	file->topics = mem_grow(file->topics, file->count + 1, sizeof(*file->topics));
	file->topics[file->count++] =
		(struct topic_def){.name = name, .partitions = -1, .replicas = -1, .line = line};
	return WEIR_OK;
}

static enum weir_code take_number(
	const char *key, const char *value, int64_t max, int32_t *to, struct weir_err *err)
{
	int64_t number;
	enum weir_code code = number_i64(value, 1, max, &number, err);
	if (code != WEIR_OK) {
		return err ? err_wrap(err, "%s", key) : code;
	}
	*to = (int32_t)number;
	return WEIR_OK;
}

/* Settings that weir does not know are the broker's to judge. */
static enum weir_code take_config(
	struct topic_def *def, const char *key, const char *value, struct weir_err *err)
{
	const struct conf_row *row = conf_row_find(CONF_TOPIC, key);
	struct buf canonical;
	buf_init(&canonical, 0);
	enum weir_code code = row ? conf_check(row, value, &canonical, err) : WEIR_OK;
	if (code == WEIR_OK && topic_def_get(def, slice_str(key))) {
		code = err_set(err, WEIR_BAD_DATA, "%s is set twice", key);
	}
	if (code == WEIR_OK) {
		def->configs = mem_grow(def->configs, def->config_count + 1, sizeof(*def->configs));
		def->configs[def->config_count++] = (struct topic_def_config){
			mem_dup_str(key), mem_dup_str(row ? buf_str(&canonical) : value)};
	}
	buf_fini(&canonical);
	return code;
}

static enum weir_code take(
	void *arg, const char *key, const char *value, int line, struct weir_err *err)
{
	struct topic_file *file = arg;
	if (key[0] == '[') {
		return begin_topic(file, key, value, line, err);
	}
	if (!file->count) {
		return err_set(err, WEIR_BAD_DATA, "%s stands before the first [topic NAME]", key);
	}
	struct topic_def *def = &file->topics[file->count - 1];
	if (strcmp(key, "partitions") == 0) {
		return take_number(key, value, LIMIT_PARTITIONS_PER_TOPIC, &def->partitions, err);
	}
	if (strcmp(key, "replicas") == 0) {
		return take_number(key, value, INT16_MAX, &def->replicas, err);
	}
	return take_config(def, key, value, err);
}

enum weir_code topic_file_read(const char *path, struct topic_file *file, struct weir_err *err)
{
	struct buf text;
	*file = (struct topic_file){.count = 0};
	buf_init(&text, 0);
	bool piped = strcmp(path, "-") == 0;
	enum weir_code code = read_file(path, LIMIT_CONF_FILE, &text, err);
	if (code == WEIR_OK) {
		code = properties_read(slice_of(text.data, text.len),
			piped ? "standard input" : path, take, file, err);
	}
	buf_fini(&text);
	return code;
}

void topic_file_fini(struct topic_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		struct topic_def *def = &file->topics[i];
		for (size_t k = 0; k < def->config_count; k++) {
			mem_free(def->configs[k].key);
			mem_free(def->configs[k].value);
		}
		mem_free(def->configs);
		mem_free(def->name);
	}
	mem_free(file->topics);
	*file = (struct topic_file){.count = 0};
}

const char *topic_def_get(const struct topic_def *def, struct slice key)
{
	for (size_t i = 0; i < def->config_count; i++) {
		if (slice_equal(slice_str(def->configs[i].key), key)) {
			return def->configs[i].value;
		}
	}
	return NULL;
}

void topic_file_add_value(struct buf *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		if (c == '\n') {
			buf_add_str(out, "\\n");
			continue;
		}
		if (c == '\\' || (i == 0 && (c == ' ' || c == '\t'))) {
			buf_add_byte(out, '\\');
		}
		buf_add_byte(out, c);
	}
}
