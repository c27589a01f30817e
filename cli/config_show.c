/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client_keys.h"
#include "cli/command.h"
#include "core/base/near.h"

#include <string.h>

static const struct column columns[] = {
	{"key", COLUMN_TEXT, "Name of the property."},
	{"value", COLUMN_TEXT, "Value that is in force; null where it is secret."},
	{"origin", COLUMN_TEXT,
		"Where the value comes from: an option, -X, $VARIABLE, a context or FILE:LINE, or "
		"built in."},
	{"effect", COLUMN_BOOL, "Whether some command honours it."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir config show", "Shows every client property, and who set it."},
	{"weir config show bootstrap.servers --no-header | cut -f2",
		"Prints the brokers that commands would ask."},
	{NULL, NULL},
};

static enum weir_code config_show_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_config_show = {
	.path = "config show",
	.summary = "Shows the client properties in force and where each comes from.",
	.details = "Asks no broker: \"weir config get\" shows what the brokers keep.",
	.positional = "[KEY...]",
	.positional_max = POSITIONAL_MANY,
	.columns = columns,
	.examples = examples,
	.run = config_show_run,
};

static void put_row(struct ctx *ctx, struct table *table, const char *key)
{
	const struct prop *prop = props_find(&ctx->props, key);
	const struct client_key *known = client_key_find(key);
	table_text(table, key);
	table_text(table, client_key_is_secret(key) ? NULL : prop ? prop->value : known->def);
	table_text(table, prop ? prop->origin : "built in");
	table_bool(table, known != NULL);
}

static void put_own(struct table *table, const char *key, const char *value, const char *origin)
{
	table_text(table, key);
	table_text(table, value);
	table_text(table, origin);
	table_bool(table, true);
}

/* What is no client property, but decides as much. */
static void put_place(struct ctx *ctx, struct table *table)
{
	static const char *const manners[] = {"confirm", "prompt"};
	const char *dir = ctx_dir(ctx);
	if (dir) {
		put_own(table, "dir", dir, ctx->globals.dir ? "--dir" : "$WEIR_DIR");
	}
	if (ctx->context) {
		put_own(table, "context", ctx->context, ctx->context_origin);
	}
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		const struct config_entry *e =
			ctx->context ? config_file_find(&ctx->config, ctx->context, manners[i])
				     : NULL;
		e = e ? e : config_file_find(&ctx->config, NULL, manners[i]);
		if (e) {
			put_own(table, manners[i], e->value, e->origin);
		}
	}
}

static enum weir_code unknown(struct ctx *ctx, const char *key, struct weir_err *err)
{
	struct near near;
	near_init(&near, key);
	for (const struct client_key *k = client_keys; k->name; k++) {
		near_offer(&near, k->name);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean %s?", near.best);
	}
	return err_set(err, WEIR_NOT_FOUND, "no client property \"%s\"", key);
}

static enum weir_code config_show_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	enum weir_code code = ctx_load_props(ctx, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns);
	if (!ctx->word_count) {
		put_place(ctx, table);
	}
	for (size_t i = 0; i < ctx->word_count; i++) {
		const char *key = ctx->words[i];
		if (client_key_find(key) || props_find(&ctx->props, key)) {
			put_row(ctx, table, key);
		} else if (code == WEIR_OK) {
			code = unknown(ctx, key, err);
		}
	}
	for (const struct client_key *k = client_keys; !ctx->word_count && k->name; k++) {
		put_row(ctx, table, k->name);
	}
	for (size_t i = 0; !ctx->word_count && i < ctx->props.count; i++) {
		if (!client_key_find(ctx->props.items[i].key)) {
			put_row(ctx, table, ctx->props.items[i].key);
		}
	}
	table_end(&table);
	return code;
}
