/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/config_file.h"

#include "cli/client_keys.h"
#include "cli/read_file.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/conf/properties.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INCLUDE_DEPTH_MAX = 4 };

struct reading {
	struct config_file *config;
	const char *path;
	char *shown; /* path as people read it */
	char *context;
	int depth;
	bool secret;
};

static enum weir_code read_at(struct config_file *config, const char *path, const char *context,
	int depth, struct weir_err *err);

static const char *env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

char *config_file_path(const char *path, bool *named)
{
	path = path ? path : env("WEIR_CONFIG");
	*named = path != NULL;
	if (path) {
		return mem_dup_str(path);
	}
	const char *base = env("XDG_CONFIG_HOME"), *home = env("HOME");
	return base   ? mem_printf("%s/weir/config", base)
	       : home ? mem_printf("%s/.config/weir/config", home)
		      : NULL;
}

char *config_file_short(const char *path)
{
	const char *home = env("HOME");
	size_t len = home ? strlen(home) : 0;
	bool inside = len > 1 && strncmp(path, home, len) == 0 && path[len] == '/';
	return inside ? mem_printf("~%s", path + len) : mem_dup_str(path);
}

enum weir_code config_context_name(const char *name, struct weir_err *err)
{
	static const char legal[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);
	if (!len || strspn(name, legal) != len || name[0] == '-') {
		return err_set(err, WEIR_USAGE,
			"\"%s\" is no name of a context: letters, digits, '.', '_' and '-' are "
			"allowed",
			name);
	}
	return WEIR_OK;
}

const struct config_entry *config_file_find(
	const struct config_file *config, const char *context, const char *key)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_entry *e = &config->entries[i];
		bool same = context ? e->context && strcmp(e->context, context) == 0 : !e->context;
		if (same && strcmp(e->key, key) == 0) {
			return e;
		}
	}
	return NULL;
}

const struct config_context *config_file_context(const struct config_file *config, const char *name)
{
	for (size_t i = 0; i < config->context_count; i++) {
		if (strcmp(config->contexts[i].name, name) == 0) {
			return &config->contexts[i];
		}
	}
	return NULL;
}

static void add_entry(struct reading *r, const char *key, const char *value, int line)
{
	struct config_file *config = r->config;
	if (strcmp(key, "metadata.broker.list") == 0) {
		key = "bootstrap.servers";
	}
	struct config_entry *entry =
		(struct config_entry *)(uintptr_t)config_file_find(config, r->context, key);
	if (entry) {
		mem_free(entry->value);
		mem_free(entry->origin);
	} else {
		config->entries =
			mem_grow(config->entries, config->count + 1, sizeof(*config->entries));
		entry = &config->entries[config->count++];
		entry->context = r->context ? mem_dup_str(r->context) : NULL;
		entry->key = mem_dup_str(key);
	}
	entry->value = mem_dup_str(value);
	entry->origin = mem_printf("%s:%d", r->shown, line);
	r->secret = r->secret || client_key_is_secret(key);
}

/* "[context", "NAME]" */
static enum weir_code begin_context(
	struct reading *r, const char *key, const char *value, int line, struct weir_err *err)
{
	size_t len = strlen(value);
	if (strcmp(key, "[context") != 0 || !len || value[len - 1] != ']') {
		return err_set(err, WEIR_BAD_DATA, "a section is [context NAME]");
	}
	char *name = mem_dup(value, len - 1);
	if (config_context_name(name, err) != WEIR_OK) {
		mem_free(name);
		return WEIR_USAGE;
	}
	mem_free(r->context);
	r->context = name;
	struct config_file *config = r->config;
	if (!config_file_context(config, name)) {
		config->contexts = mem_grow(
			config->contexts, config->context_count + 1, sizeof(*config->contexts));
		config->contexts[config->context_count++] =
			(struct config_context){.name = mem_dup_str(name),
				.file = mem_dup_str(r->path),
				.origin = mem_printf("%s:%d", r->shown, line)};
	}
	return WEIR_OK;
}

static enum weir_code include(struct reading *r, const char *value, struct weir_err *err)
{
	const char *home = env("HOME"), *slash = strrchr(r->path, '/');
	char *path;
	if (r->depth == INCLUDE_DEPTH_MAX) {
		return err_set(
			err, WEIR_BAD_DATA, "include: more than %d files deep", INCLUDE_DEPTH_MAX);
	}
	if (strncmp(value, "~/", 2) == 0 && home) {
		path = mem_printf("%s%s", home, value + 1);
	} else if (value[0] == '/' || !slash) {
		path = mem_dup_str(value);
	} else {
		path = mem_printf("%.*s/%s", (int)(slash - r->path), r->path, value);
	}
	enum weir_code code = read_at(r->config, path, r->context, r->depth + 1, err);
	mem_free(path);
	return code;
}

static enum weir_code take(
	void *arg, const char *key, const char *value, int line, struct weir_err *err)
{
	struct reading *r = arg;
	if (key[0] == '[') {
		return begin_context(r, key, value, line, err);
	}
	if (strcmp(key, "include") == 0) {
		return include(r, value, err);
	}
	add_entry(r, key, value, line);
	return WEIR_OK;
}

static enum weir_code read_at(struct config_file *config, const char *path, const char *context,
	int depth, struct weir_err *err)
{
	struct reading r = {.config = config, .path = path, .depth = depth};
	struct buf text;
	struct stat st;
	buf_init(&text, 0);
	enum weir_code code = read_file(path, LIMIT_CONF_FILE, &text, err);
	if (code == WEIR_OK) {
		r.shown = config_file_short(path);
		r.context = context ? mem_dup_str(context) : NULL;
		code = properties_read(slice_of(text.data, text.len), r.shown, take, &r, err);
	}
	if (r.secret && !config->exposed && stat(path, &st) == 0 && (st.st_mode & 077)) {
		config->exposed = mem_dup_str(r.shown);
	}
	buf_fini(&text);
	mem_free(r.shown);
	mem_free(r.context);
	return code;
}

enum weir_code config_file_read(struct config_file *config, const char *path, struct weir_err *err)
{
	*config = (struct config_file){.count = 0};
	return read_at(config, path, NULL, 0, err);
}

void config_file_fini(struct config_file *config)
{
	for (size_t i = 0; i < config->count; i++) {
		mem_free(config->entries[i].context);
		mem_free(config->entries[i].key);
		mem_free(config->entries[i].value);
		mem_free(config->entries[i].origin);
	}
	for (size_t i = 0; i < config->context_count; i++) {
		mem_free(config->contexts[i].name);
		mem_free(config->contexts[i].file);
		mem_free(config->contexts[i].origin);
	}
	mem_free(config->entries);
	mem_free(config->contexts);
	mem_free(config->exposed);
	*config = (struct config_file){.count = 0};
}
