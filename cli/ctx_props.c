/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where client properties come from. Earlier sources win: options of their own, -X, the context of
 * -x, the environment, the context chosen otherwise, the top of the file.
 *
 * A context is chosen by -x, $WEIR_CONTEXT or default-context; the only one there is chosen when
 * nothing else says where to connect to, and with several of them that is an error. "-" is none. A
 * data directory needs none.
 */
#include "cli/client_keys.h"
#include "cli/command.h"
#include "core/base/mem.h"
#include "core/base/near.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ctx_env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

const char *ctx_color_code(const char *name)
{
	static const char *const names[] = {
		"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};
	static const char *const codes[] = {"30", "31", "32", "33", "34", "35", "36", "37"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			return codes[i];
		}
	}
	return NULL;
}

static bool is_none(const char *context)
{
	return context && strcmp(context, "-") == 0;
}

enum weir_code ctx_read_config(struct ctx *ctx, struct weir_err *err)
{
	bool named;
	char *path = config_file_path(ctx->globals.config, &named);
	enum weir_code code = WEIR_OK;
	config_file_fini(&ctx->config);
	if (path && (named || access(path, F_OK) == 0)) {
		code = config_file_read(&ctx->config, path, err);
	}
	if (code == WEIR_OK && ctx->config.exposed) {
		ctx_warn(ctx, "%s holds a secret and others may read it: chmod 600",
			ctx->config.exposed);
	}
	mem_free(path);
	return code;
}

static enum weir_code add_options(struct ctx *ctx, struct weir_err *err)
{
	const struct globals *g = &ctx->globals;
	if (g->brokers) {
		props_add(&ctx->props, "bootstrap.servers", g->brokers, "--brokers");
	}
	for (size_t i = 0; i < g->sets.count; i++) {
		enum weir_code code = props_add_pair(&ctx->props, g->sets.items[i], "-X", err);
		if (code != WEIR_OK) {
			return err_wrap(err, "-X");
		}
	}
	return WEIR_OK;
}

/* linger.ms is $WEIR_LINGER_MS. */
static void add_environment(struct ctx *ctx)
{
	if (ctx_env("WEIR_BROKERS")) {
		props_add(
			&ctx->props, "bootstrap.servers", ctx_env("WEIR_BROKERS"), "$WEIR_BROKERS");
	}
	for (const struct client_key *k = client_keys; k->name; k++) {
		char *name = mem_printf("$WEIR_%s", k->name);
		for (char *c = name; *c; c++) {
			*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
		}
		if (ctx_env(name + 1)) {
			props_add(&ctx->props, k->name, ctx_env(name + 1), name);
		}
		mem_free(name);
	}
}

static bool is_of_weir(const char *key)
{
	return strcmp(key, "default-context") == 0 || strcmp(key, "confirm") == 0 ||
	       strcmp(key, "prompt") == 0;
}

/* context NULL: the top of the file. */
static void add_entries(struct ctx *ctx, const char *context)
{
	for (size_t i = 0; i < ctx->config.count; i++) {
		const struct config_entry *e = &ctx->config.entries[i];
		bool of_it = context ? e->context && strcmp(e->context, context) == 0 : !e->context;
		if (!of_it || is_of_weir(e->key)) {
			continue;
		}
		char *origin = context ? mem_printf("context %s (%s)", context, e->origin)
				       : mem_dup_str(e->origin);
		props_add(&ctx->props, e->key, e->value, origin);
		mem_free(origin);
	}
}

static char *list_contexts(const struct config_file *config)
{
	struct buf list;
	buf_init(&list, 0);
	for (size_t i = 0; i < config->context_count; i++) {
		buf_printf(&list, "%s%s", i ? ", " : "", config->contexts[i].name);
	}
	char *text = mem_dup_str(buf_str(&list));
	buf_fini(&list);
	return text;
}

static enum weir_code take_context(
	struct ctx *ctx, const char *name, const char *origin, struct weir_err *err)
{
	const struct config_context *context = config_file_context(&ctx->config, name);
	if (context) {
		ctx->context = context->name;
		ctx->context_origin = mem_dup_str(origin);
		return WEIR_OK;
	}
	struct near near;
	near_init(&near, name);
	for (size_t i = 0; i < ctx->config.context_count; i++) {
		near_offer(&near, ctx->config.contexts[i].name);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean %s?", near.best);
	} else if (ctx->config.context_count) {
		char *list = list_contexts(&ctx->config);
		hint_set(&ctx->hint, "there are %s", list);
		mem_free(list);
	}
	return err_set(err, WEIR_NOT_FOUND, "no context \"%s\" (from %s)", name, origin);
}

/* Nobody chose one: the only one, where nothing else says where to connect to. */
static enum weir_code guess_context(struct ctx *ctx, struct weir_err *err)
{
	const struct config_file *config = &ctx->config;
	bool known = props_find(&ctx->props, "bootstrap.servers") || ctx_env("WEIR_BROKERS") ||
		     ctx_env("WEIR_BOOTSTRAP_SERVERS") ||
		     config_file_find(config, NULL, "bootstrap.servers");
	if (known || !config->context_count) {
		return WEIR_OK;
	}
	if (config->context_count == 1) {
		return take_context(ctx, config->contexts[0].name, "the only one", err);
	}
	char *list = list_contexts(config);
	hint_set(&ctx->hint, "-x NAME, or \"weir context use NAME\" for all commands; there are %s",
		list);
	mem_free(list);
	return err_set(err, WEIR_USAGE, "which context?");
}

static enum weir_code choose_context(struct ctx *ctx, struct weir_err *err)
{
	const char *flag = ctx->globals.context, *variable = ctx_env("WEIR_CONTEXT");
	const struct config_entry *usual = config_file_find(&ctx->config, NULL, "default-context");
	if (flag && ctx->globals.dir && !is_none(flag)) {
		return err_set(err, WEIR_USAGE, "--context and --dir exclude each other");
	}
	if (ctx_dir(ctx)) {
		if (!ctx->globals.dir && variable && !is_none(variable)) {
			return err_set(
				err, WEIR_USAGE, "$WEIR_DIR and $WEIR_CONTEXT exclude each other");
		}
		return WEIR_OK;
	}
	const char *name = flag ? flag : variable ? variable : usual ? usual->value : NULL;
	const char *origin = flag	? "--context"
			     : variable ? "$WEIR_CONTEXT"
			     : usual	? usual->origin
					: NULL;
	if (!name) {
		return guess_context(ctx, err);
	}
	return is_none(name) ? WEIR_OK : take_context(ctx, name, origin, err);
}

/* What the context says of asking; the top of the file where it says nothing. */
static enum weir_code take_manners(struct ctx *ctx, struct weir_err *err)
{
	const struct config_entry *confirm = NULL, *prompt = NULL;
	if (ctx->context) {
		confirm = config_file_find(&ctx->config, ctx->context, "confirm");
		prompt = config_file_find(&ctx->config, ctx->context, "prompt");
	}
	confirm = confirm ? confirm : config_file_find(&ctx->config, NULL, "confirm");
	prompt = prompt ? prompt : config_file_find(&ctx->config, NULL, "prompt");
	ctx->confirm_always = confirm && strcmp(confirm->value, "always") == 0;
	ctx->prompt = prompt ? prompt->value : NULL;
	if (confirm && !ctx->confirm_always && strcmp(confirm->value, "usual") != 0) {
		return err_set(err, WEIR_BAD_DATA,
			"%s: confirm: \"%s\" is neither always nor usual", confirm->origin,
			confirm->value);
	}
	if (prompt && !ctx_color_code(prompt->value)) {
		return err_set(err, WEIR_BAD_DATA, "%s: prompt: \"%s\" is no colour",
			prompt->origin, prompt->value);
	}
	return WEIR_OK;
}

enum weir_code ctx_load_props(struct ctx *ctx, struct weir_err *err)
{
	if (ctx->props_loaded) {
		return WEIR_OK;
	}
	enum weir_code code = add_options(ctx, err);
	if (code == WEIR_OK) {
		code = ctx_read_config(ctx, err);
	}
	if (code == WEIR_OK) {
		code = choose_context(ctx, err);
	}
	if (code == WEIR_OK) {
		code = take_manners(ctx, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	if (ctx->context && ctx->globals.context) {
		add_entries(ctx, ctx->context);
	}
	add_environment(ctx);
	if (ctx->context) {
		add_entries(ctx, ctx->context);
	}
	add_entries(ctx, NULL);
	ctx->props_loaded = true;
	return WEIR_OK;
}
