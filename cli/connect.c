/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/connect.h"

#include "cli/client_keys.h"
#include "cli/engine.h"
#include "cli/trace.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/base/number.h"
#include "core/client/client.h"
#include "core/io/net.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static void warn_unknown(const struct ctx *ctx)
{
	for (size_t i = 0; i < ctx->props.count; i++) {
		const struct prop *prop = &ctx->props.items[i];
		struct near near;
		near_init(&near, prop->key);
		for (const struct client_key *k = client_keys; k->name; k++) {
			near_offer(&near, k->name);
		}
		bool found = client_key_find(prop->key) != NULL;
		if (!found && near.best) {
			ctx_warn(ctx, "%s: \"%s\" is not known; did you mean %s?", prop->origin,
				prop->key, near.best);
		} else if (!found) {
			ctx_warn(ctx, "%s: \"%s\" has no effect", prop->origin, prop->key);
		}
	}
}

enum weir_code connect_prepare(struct ctx *ctx, struct weir_err *err)
{
	enum weir_code code = ctx_load_props(ctx, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (ctx->globals.brokers && ctx->globals.dir) {
		return err_set(err, WEIR_USAGE, "--brokers and --dir exclude each other");
	}
	const struct prop *security = props_find(&ctx->props, "security.protocol");
	if (security && strcasecmp(security->value, "PLAINTEXT") != 0) {
		return err_set(err, WEIR_UNSUPPORTED_SASL_MECHANISM,
			"%s: security.protocol %s: only PLAINTEXT is there", security->origin,
			security->value);
	}
	warn_unknown(ctx);
	return WEIR_OK;
}

static void disconnect(struct ctx *ctx)
{
	struct weir_err err;
	client_close(&ctx->client);
	trace_free(&ctx->trace);
	mem_free(ctx->resolves);
	ctx->resolves = NULL;
	if (ctx->engine && broker_close(&ctx->engine, &err) != WEIR_OK) {
		ctx_warn(ctx, "%s: %s", ctx_dir(ctx), err.text);
	}
}

/* No broker runs on the directory: the engine works on it in this process. */
static enum weir_code connect_engine(struct ctx *ctx, const char *dir,
	const struct client_conf *client_conf, struct weir_err *err)
{
	struct stat st;
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
		hint_set(&ctx->hint, "weir broker --data %s makes one", dir);
		return err_set(err, WEIR_NOT_FOUND, "%s is no directory", dir);
	}
	engine_log_to_stderr(ctx->globals.verbose ? LOG_INFO : LOG_WARN, false);
	struct conf *conf = conf_new();
	enum weir_code code = engine_open(ctx, dir, conf, &ctx->engine, err);
	conf_unref(conf);
	if (code == WEIR_OK) {
		code = engine_client(ctx->engine, client_conf, &ctx->client, err);
	}
	return code;
}

/* Whether a broker answers on the directory's socket; one that was killed leaves the file behind.
 */
static bool broker_runs(const char *socket_path)
{
	struct net_addr addr;
	int fd;
	if (net_addr_parse(socket_path, -1, &addr, NULL) != WEIR_OK ||
		net_connect(&addr, 1000, &fd, NULL) != WEIR_OK) {
		return false;
	}
	close(fd);
	return true;
}

bool connect_is_served(const char *dir)
{
	char *path = mem_printf("unix:%s/weir.sock", dir);
	bool runs = broker_runs(path);
	mem_free(path);
	return runs;
}

static enum weir_code parse_resolve(
	const char *text, struct client_resolve *resolve, struct weir_err *err)
{
	const char *equal = strchr(text, '=');
	if (!equal) {
		return err_set(err, WEIR_USAGE, "--resolve: \"%s\" is not ADDRESS=REAL", text);
	}
	char *from = mem_dup(text, (size_t)(equal - text));
	enum weir_code code = net_addr_parse(from, 0, &resolve->from, err);
	code = code ? code : net_addr_parse(equal + 1, 0, &resolve->to, err);
	mem_free(from);
	return code ? err_wrap(err, "--resolve: \"%s\"", text) : WEIR_OK;
}

/* --resolve and -vv */
static enum weir_code get_extras(struct ctx *ctx, struct client_conf *conf, struct weir_err *err)
{
	const struct globals *g = &ctx->globals;
	ctx->close = disconnect;
	if (g->resolves.count && !ctx->resolves) {
		ctx->resolves = mem_new(g->resolves.count * sizeof(*ctx->resolves));
	}
	for (size_t i = 0; i < g->resolves.count; i++) {
		enum weir_code code = parse_resolve(g->resolves.items[i], &ctx->resolves[i], err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	if (g->verbose > 1 && !ctx->trace) {
		ctx->trace = trace_new(g->verbose > 2);
	}
	conf->resolve = ctx->resolves;
	conf->resolve_count = g->resolves.count;
	conf->trace = trace_hook(ctx->trace);
	return WEIR_OK;
}

/* A property in ms; unset leaves *value. */
static enum weir_code get_ms(
	const struct ctx *ctx, const char *key, int64_t *value, struct weir_err *err)
{
	const struct prop *prop = props_find(&ctx->props, key);
	if (prop && number_i64(prop->value, 1, INT32_MAX, value, err) != WEIR_OK) {
		return err_wrap(err, "%s: %s", prop->origin, key);
	}
	return WEIR_OK;
}

enum weir_code connect_conf(struct ctx *ctx, struct client_conf *conf, struct weir_err *err)
{
	const struct prop *brokers = props_find(&ctx->props, "bootstrap.servers");
	const struct prop *id = props_find(&ctx->props, "client.id");
	*conf = client_conf_default;
	conf->timeout_ms = ctx->globals.timeout_ms;
	if (id) {
		conf->client_id = id->value;
	}
	if (brokers) {
		conf->brokers = brokers->value;
		conf->brokers_origin = brokers->origin;
	}
	enum weir_code code = get_extras(ctx, conf, err);
	return code ? code
		    : get_ms(ctx, "socket.connection.setup.timeout.ms", &conf->connect_timeout_ms,
			      err);
}

/* --dir: conf leads to the socket in the directory; *socket is freed by mem_free. */
static const char *dir_of(struct ctx *ctx, struct client_conf *conf, char **socket)
{
	const char *dir = ctx->globals.brokers ? NULL : ctx_dir(ctx);
	*socket = dir ? mem_printf("unix:%s/weir.sock", dir) : NULL;
	if (dir) {
		conf->brokers = *socket;
		conf->brokers_origin = ctx->globals.dir ? "--dir" : "$WEIR_DIR";
	}
	return dir;
}

enum weir_code connect_client(struct ctx *ctx, struct client **client, struct weir_err *err)
{
	struct client_conf conf;
	char *socket;
	*client = ctx->client;
	if (ctx->client) {
		return WEIR_OK;
	}
	enum weir_code code = connect_conf(ctx, &conf, err);
	if (code != WEIR_OK) {
		return code;
	}
	const char *dir = dir_of(ctx, &conf, &socket);
	code = dir && !broker_runs(socket) ? connect_engine(ctx, dir, &conf, err)
					   : client_open(&conf, &ctx->client, err);
	*client = ctx->client;
	mem_free(socket);
	if (code == WEIR_CONNECT && !ctx->hint.text[0]) {
		hint_set(&ctx->hint, "%s",
			conf.brokers_origin == client_conf_default.brokers_origin
				? "\"weir broker\" starts one here; -b or $WEIR_BROKERS names "
				  "others"
				: "\"weir doctor\" looks at every step on the way there");
	}
	return code;
}

enum weir_code connect_another(struct ctx *ctx, struct client **client, struct weir_err *err)
{
	struct client_conf conf;
	char *socket;
	enum weir_code code = connect_conf(ctx, &conf, err);
	if (code != WEIR_OK) {
		return code;
	}
	(void)dir_of(ctx, &conf, &socket);
	code = ctx->engine ? engine_client(ctx->engine, &conf, client, err)
			   : client_open(&conf, client, err);
	mem_free(socket);
	return code;
}
