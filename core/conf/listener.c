/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners. A name that is a protocol itself maps to it; the map may say otherwise. */
#include "core/conf/listener.h"

#include "core/base/mem.h"
#include "core/base/number.h"

#include <string.h>
#include <strings.h>

static bool is_listed(const struct conf_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strcasecmp(list->items[i], name)) {
			return true;
		}
	}
	return false;
}

static void listener_fini(struct conf_listener *l)
{
	MEM_FREE(&l->name);
	MEM_FREE(&l->host);
	MEM_FREE(&l->advertised_host);
}

static bool is_plain_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 127 || text[i] == '/') {
			return false;
		}
	}
	return true;
}

/* NAME://host:port, NAME://[v6]:port. */
static enum weir_code endpoint_parse(
	const char *key, const char *text, struct conf_listener *out, struct weir_err *err)
{
	enum { HOST_MAX = 255 };
	const char *host = strstr(text, "://");
	const char *colon = strrchr(text, ':');
	int64_t port;
	if (!host || host == text || colon <= host + 2) {
		return err_set(
			err, WEIR_INVALID_CONFIG, "%s: \"%s\" is not NAME://host:port", key, text);
	}
	size_t name_len = (size_t)(host - text);
	host += 3;
	if (number_i64(colon + 1, 0, 65535, &port, NULL)) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s: \"%s\" has no port from 0 to 65535",
			key, text);
	}
	size_t len = (size_t)(colon - host);
	bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
	if (bracketed) {
		host++;
		len -= 2;
	}
	bool has_colon = memchr(host, ':', len);
	if (len > HOST_MAX || has_colon != bracketed || !is_plain_text(host, len) ||
		!is_plain_text(text, name_len)) {
		return err_set(err, WEIR_INVALID_CONFIG, "%s: \"%s\" has no legal host", key, text);
	}
	out->name = mem_dup(text, name_len);
	out->host = mem_dup(host, len);
	out->port = (int32_t)port;
	return WEIR_OK;
}

/* The protocol that the map, NAME:PROTOCOL,..., gives a name; len 0 if none. */
static struct slice protocol_of(const char *map, const char *name)
{
	size_t name_len = strlen(name);
	while (*map) {
		map += strspn(map, " ,");
		size_t len = strcspn(map, " ,");
		if (len > name_len && map[name_len] == ':' && !strncasecmp(map, name, name_len)) {
			return slice_of(map + name_len + 1, len - name_len - 1);
		}
		map += len;
	}
	return slice_of(NULL, 0);
}

static enum weir_code check_protocol(
	const struct conf *conf, const struct conf_listener *l, struct weir_err *err)
{
	static const char plain[] = "PLAINTEXT";
	struct slice protocol = protocol_of(conf->listener_security_protocol_map, l->name);
	if (!protocol.len) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"listeners: %s is not in listener.security.protocol.map", l->name);
	}
	if (protocol.len != strlen(plain) ||
		strncasecmp((const char *)protocol.data, plain, protocol.len) != 0) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"listeners: %s has protocol %.*s; this weir speaks PLAINTEXT only", l->name,
			(int)(protocol.len < 40 ? protocol.len : 40), (const char *)protocol.data);
	}
	return WEIR_OK;
}

static struct conf_listener *find(struct conf_listeners *listeners, const char *name)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (!strcasecmp(listeners->all[i].name, name)) {
			return &listeners->all[i];
		}
	}
	return NULL;
}

static enum weir_code add_listener(struct conf_listeners *listeners, const struct conf *conf,
	const char *text, struct weir_err *err)
{
	struct conf_listener l = {0};
	enum weir_code code = endpoint_parse("listeners", text, &l, err);
	if (code) {
		return code;
	}
	if (is_listed(&conf->controller_listener_names, l.name)) {
		listener_fini(&l);
		return WEIR_OK;
	}
	code = check_protocol(conf, &l, err);
	for (size_t i = 0; i < listeners->count && !code; i++) {
		const struct conf_listener *other = &listeners->all[i];
		if (!strcasecmp(other->name, l.name)) {
			code = err_set(
				err, WEIR_INVALID_CONFIG, "listeners: %s is there twice", l.name);
		} else if (l.port && other->port == l.port && !strcmp(other->host, l.host)) {
			code = err_set(err, WEIR_INVALID_CONFIG,
				"listeners: %s and %s are on the same address", other->name,
				l.name);
		}
	}
	if (code) {
		listener_fini(&l);
		return code;
	}
	listeners->all = mem_grow(listeners->all, listeners->count + 1, sizeof(*listeners->all));
	l.advertised_host = mem_dup_str(l.host);
	l.advertised_port = l.port;
	listeners->all[listeners->count++] = l;
	return WEIR_OK;
}

static enum weir_code add_advertised(struct conf_listeners *listeners, const struct conf *conf,
	const char *text, struct weir_err *err)
{
	struct conf_listener l = {0};
	enum weir_code code = endpoint_parse("advertised.listeners", text, &l, err);
	if (code) {
		return code;
	}
	struct conf_listener *of = find(listeners, l.name);
	if (is_listed(&conf->controller_listener_names, l.name)) {
		code = WEIR_OK;
	} else if (!of) {
		code = err_set(err, WEIR_INVALID_CONFIG,
			"advertised.listeners: %s is not in listeners", l.name);
	} else if (!l.host[0] || !strcmp(l.host, "0.0.0.0") || !strcmp(l.host, "::")) {
		code = err_set(err, WEIR_INVALID_CONFIG,
			"advertised.listeners: \"%s\" is no address that a client can connect to",
			text);
	} else {
		mem_free(of->advertised_host);
		of->advertised_host = l.host;
		of->advertised_port = l.port;
		l.host = NULL;
	}
	listener_fini(&l);
	return code;
}

enum weir_code conf_listeners_init(
	struct conf_listeners *listeners, const struct conf *conf, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	*listeners = (struct conf_listeners){0};
	for (size_t i = 0; i < conf->listeners.count && !code; i++) {
		code = add_listener(listeners, conf, conf->listeners.items[i], err);
	}
	for (size_t i = 0; i < conf->advertised_listeners.count && !code; i++) {
		code = add_advertised(listeners, conf, conf->advertised_listeners.items[i], err);
	}
	if (!code && !listeners->count) {
		code = err_set(err, WEIR_INVALID_CONFIG, "listeners: there is none for clients");
	}
	const char *between = conf->inter_broker_listener_name;
	if (!code && between && !find(listeners, between)) {
		code = err_set(err, WEIR_INVALID_CONFIG,
			"inter.broker.listener.name: %s is not in listeners", between);
	}
	if (code) {
		conf_listeners_fini(listeners);
	}
	return code;
}

void conf_listeners_fini(struct conf_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		listener_fini(&listeners->all[i]);
	}
	MEM_FREE(&listeners->all);
	listeners->count = 0;
}
