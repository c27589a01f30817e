/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/engine.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/client.h"
#include "core/io/fs.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool log_json;

/* One write a line, so that lines of several threads do not mix. */
static void to_stderr(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	char when[32], *line;
	gmtime_r(&seconds, &tm);
	size_t len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%03dZ", (int)(now % 1000));
	if (log_json) {
		json_t *object = json_pack("{s:s,s:s,s:s}", "time", when, "level",
			log_level_name(level), "message", text);
		char *dump = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
		line = mem_printf("%s\n", dump ? dump : "{}");
		mem_free(dump);
		json_decref(object);
	} else {
		line = mem_printf("%s %s %s\n", when, log_level_name(level), text);
	}
	ssize_t n = write(STDERR_FILENO, line, strlen(line));
	(void)n; /* nowhere to say so */
	mem_free(line);
}

void engine_log_to_stderr(enum log_level min, bool json)
{
	log_json = json;
	log_set_sink(to_stderr, NULL, min);
}

static void warn_ignored(struct ctx *ctx, const char *path, const struct conf_list *ignored)
{
	if (!ignored->count) {
		return;
	}
	struct buf names;
	buf_init(&names, 0);
	for (size_t i = 0; i < ignored->count; i++) {
		buf_printf(&names, "%s%s", i ? ", " : "", ignored->items[i]);
	}
	ctx_warn(ctx, "%s: without effect: %s", path, buf_str(&names));
	buf_fini(&names);
}

/* Settings of what this broker does not do. */
static void add_idle(const struct conf *conf, struct conf_list *ignored)
{
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		bool idle = row->echo || !broker_serves(row->api);
		if (idle && !row->alias_of && conf_text(conf, row, CONF_FROM_STATIC)) {
			ignored->items =
				mem_grow(ignored->items, ignored->count + 1, sizeof(char *));
			ignored->items[ignored->count++] = mem_dup_str(row->name);
		}
	}
}

static enum weir_code load_file(
	struct ctx *ctx, struct conf *conf, const char *path, struct weir_err *err)
{
	struct buf text;
	struct conf_list ignored = {.count = 0};
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, LIMIT_CONF_FILE, &text, err);
	if (code == WEIR_OK) {
		code = conf_load(conf, slice_of(text.data, text.len), path, &ignored, err);
	}
	if (code == WEIR_OK) {
		add_idle(conf, &ignored);
		warn_ignored(ctx, path, &ignored);
	}
	conf_list_fini(&ignored);
	buf_fini(&text);
	return code;
}

static enum weir_code set_option(struct conf *conf, const char *option, struct weir_err *err)
{
	const char *equals = strchr(option, '=');
	if (!equals) {
		return err_set(err, WEIR_USAGE, "-X %s: KEY=VALUE is needed", option);
	}
	char *key = mem_dup(option, (size_t)(equals - option));
	enum weir_code code = conf_set(conf, key, equals + 1, CONF_FROM_STATIC, err);
	mem_free(key);
	return code == WEIR_OK ? code : err_wrap(err, "-X");
}

enum weir_code engine_conf(struct ctx *ctx, struct conf **out, struct weir_err *err)
{
	struct conf *conf = conf_new();
	enum weir_code code = WEIR_OK;
	if (ctx->globals.config) {
		code = load_file(ctx, conf, ctx->globals.config, err);
	}
	for (size_t i = 0; code == WEIR_OK && i < ctx->globals.sets.count; i++) {
		code = set_option(conf, ctx->globals.sets.items[i], err);
	}
	if (code != WEIR_OK) {
		conf_unref(conf);
		return code;
	}
	*out = conf;
	return WEIR_OK;
}

enum weir_code engine_open(struct ctx *ctx, const char *dir, struct conf *conf,
	struct broker **broker, struct weir_err *err)
{
	enum weir_code code = conf_validate(conf, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct broker_options options = {.data_dir = dir, .conf = conf};
	code = broker_open(&options, broker, err);
	if (code == WEIR_LOCKED) {
		hint_set(&ctx->hint, "a broker has this directory: talk to it with -b, or stop it");
	}
	if (code == WEIR_OK) {
		code = broker_start(*broker, err);
		if (code != WEIR_OK) {
			(void)!broker_close(broker, NULL);
		}
	}
	return code;
}

static int dial(void *arg)
{
	int fd;
	return broker_connect(arg, &fd, NULL) == WEIR_OK ? fd : -1;
}

enum weir_code engine_client(struct broker *broker, const struct client_conf *conf,
	struct client **client, struct weir_err *err)
{
	struct client_conf dialled = *conf;
	dialled.dial = dial;
	dialled.dial_arg = broker;
	return client_open(&dialled, client, err);
}
