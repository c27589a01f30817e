/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/doctor.h"

#include "cli/command.h"
#include "cli/connect.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/client/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const finding_names[] = {"ok", "WARN", "FAIL", "-"};

const struct column doctor_columns[] = {
	{"check", COLUMN_TEXT, "What was looked at."},
	{"subject", COLUMN_TEXT, "Whose: an address, a node, a topic, a path."},
	{"result", COLUMN_RESULT, "ok, WARN, FAIL, or - where there was nothing to check."},
	{"found", COLUMN_TEXT, "What was found."},
	{"hint", COLUMN_TEXT, "What to do about it; null where nothing is to be done."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir doctor", "Checks every step from the name to what each broker advertises."},
	{"weir doctor --dir data", "Checks a data directory and the limits around it."},
	{"weir doctor -O json | jq '.[] | select(.result == \"FAIL\")'", "Shows the faults only."},
	{NULL, NULL},
};

static enum weir_code doctor_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_doctor = {
	.path = "doctor",
	.summary = "Finds what is wrong between here and a cluster, or in a data directory.",
	.details = "Goes every step that a client goes: looks up names, connects, speaks the "
		   "protocol, "
		   "asks for the cluster, and does the same with each address that the brokers "
		   "advertise; then looks at topics, groups and clocks. Exit status 1 when a check "
		   "fails. Changes nothing.",
	.needs = NEEDS_CLIENT,
	.columns = doctor_columns,
	.examples = examples,
	.run = doctor_run,
};

static const char advertised_hint[] =
	"the broker tells clients this address: mend advertised.listeners there, or use --resolve";

void doctor_put(struct doctor *d, const char *check, const char *subject, enum finding finding,
	const char *hint, const char *fmt, ...)
{
	char found[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(found, sizeof(found), fmt, args);
	va_end(args);
	d->fails += finding == FINDING_FAIL;
	d->warns += finding == FINDING_WARN;
	table_text(d->table, check);
	table_text(d->table, subject);
	table_text(d->table, finding_names[finding]);
	table_text(d->table, found);
	table_text(d->table, hint);
}

/* "1.2.3.4, ::1" of the name. */
static bool look_up(
	struct doctor *d, const struct net_addr *addr, const char *subject, bool advertised)
{
	struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
	char list[256] = "";
	size_t len = 0;
	int why = getaddrinfo(addr->host, NULL, &hints, &found);
	if (why) {
		doctor_put(d, "name", subject, FINDING_FAIL,
			advertised ? advertised_hint
				   : "the name has to be known here: DNS or /etc/hosts",
			"%s: %s", addr->host, gai_strerror(why));
		return false;
	}
	for (struct addrinfo *a = found; a && len < sizeof(list); a = a->ai_next) {
		char text[NI_MAXHOST];
		if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0,
			    NI_NUMERICHOST)) {
			len += (size_t)snprintf(
				list + len, sizeof(list) - len, "%s%s", len ? ", " : "", text);
		}
	}
	freeaddrinfo(found);
	doctor_put(d, "name", subject, FINDING_OK, NULL, "%s", list);
	return true;
}

static const char *connect_hint(const struct weir_err *why, bool advertised)
{
	if (advertised) {
		return advertised_hint;
	}
	return why->sys_errno == ECONNREFUSED
		       ? "nothing listens there: does the broker run, and on "
			 "this port?"
	       : why->code == WEIR_TIMEOUT ? "no answer at all: a firewall, or a wrong address"
					   : NULL;
}

/* Connects and shakes hands. */
static bool speak(
	struct doctor *d, const struct net_addr *addr, const char *subject, bool advertised)
{
	struct weir_err why;
	struct connection connection;
	int fd;
	int64_t begin_us = clock_mono_ns() / 1000;
	enum weir_code code = net_connect(addr, d->conf.connect_timeout_ms, &fd, &why);
	if (code) {
		doctor_put(d, "connect", subject, FINDING_FAIL, connect_hint(&why, advertised),
			"%s", why.text);
		return false;
	}
	int64_t connected_us = clock_mono_ns() / 1000;
	doctor_put(d, "connect", subject, FINDING_OK, NULL, "in %" PRId64 " us",
		connected_us - begin_us);
	connection_init(&connection, fd, subject, slice_str("weir-doctor"));
	connection.trace = d->conf.trace;
	code = connection_handshake(
		&connection, clock_mono_ms() + d->conf.connect_timeout_ms, &why);
	int64_t done_us = clock_mono_ns() / 1000;
	const struct versions *v = &connection.versions;
	if (code) {
		doctor_put(d, "protocol", subject, FINDING_FAIL,
			"is this the port of a Kafka listener without TLS?", "%s", why.text);
	} else if (versions_has(v, 0, 3) || v->max[0] >= 3) {
		doctor_put(d, "protocol", subject, FINDING_OK, NULL,
			"ApiVersions in %" PRId64 " us; Produce up to %d, Fetch up to %d",
			done_us - connected_us, v->max[0], v->max[1]);
	} else {
		code = WEIR_UNSUPPORTED_VERSION;
		doctor_put(d, "protocol", subject, FINDING_FAIL, "brokers before 0.11 are too old",
			"Produce up to %d, 3 is needed", v->max[0]);
	}
	connection_fini(&connection);
	return code == WEIR_OK;
}

bool doctor_address(struct doctor *d, const struct net_addr *addr, bool advertised)
{
	char subject[NET_HOST_MAX + 16];
	struct net_addr real = client_conf_resolve(&d->conf, addr);
	net_addr_format(addr, subject);
	bool known = real.port < 0 || look_up(d, &real, subject, advertised);
	return known && speak(d, &real, subject, advertised);
}

/* Each address of the list; the number of those that answer. */
static size_t check_list(struct doctor *d)
{
	size_t good = 0;
	for (const char *rest = d->conf.brokers; *rest;) {
		size_t len = strcspn(rest, ",");
		char *text = mem_dup(rest, len);
		struct net_addr addr;
		struct weir_err why;
		rest += len + (rest[len] == ',');
		if (len && net_addr_parse(text, 9092, &addr, &why) == WEIR_OK) {
			good += doctor_address(d, &addr, false);
		} else if (len) {
			doctor_put(d, "name", text, FINDING_FAIL, NULL, "%s", why.text);
		}
		mem_free(text);
	}
	return good;
}

static void check_brokers(struct doctor *d)
{
	struct weir_err why;
	struct client *client = NULL;
	doctor_put(d, "settings", d->conf.brokers_origin, FINDING_OK, NULL, "brokers %s",
		d->conf.brokers);
	if (!check_list(d)) {
		return;
	}
	if (client_open(&d->conf, &client, &why) != WEIR_OK) {
		doctor_put(d, "metadata", d->conf.brokers, FINDING_FAIL, NULL, "%s", why.text);
		return;
	}
	doctor_cluster(d, client);
	client_close(&client);
}

enum weir_code doctor_end(const struct doctor *d, struct weir_err *err)
{
	if (d->fails) {
		return err_set(err, WEIR_FALSE_RESULT,
			"%" PRId64 " check%s failed, %" PRId64 " warning%s", d->fails,
			d->fails == 1 ? "" : "s", d->warns, d->warns == 1 ? "" : "s");
	}
	return WEIR_OK;
}

static enum weir_code doctor_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct doctor d = {.ctx = ctx};
	const char *dir = ctx->globals.brokers ? NULL : ctx_dir(ctx);
	enum weir_code code = connect_conf(ctx, &d.conf, err);
	if (code != WEIR_OK) {
		return code;
	}
	d.table = table_new(ctx, doctor_columns);
	if (dir) {
		char *socket = mem_printf("unix:%s/weir.sock", dir);
		doctor_dir(&d, dir);
		if (connect_is_served(dir)) {
			d.conf.brokers = socket;
			d.conf.brokers_origin = ctx->globals.dir ? "--dir" : "$WEIR_DIR";
			check_brokers(&d);
		} else {
			doctor_put(&d, "broker", dir, FINDING_SKIP, NULL, "none runs on it");
		}
		mem_free(socket);
	} else {
		check_brokers(&d);
	}
	table_end(&d.table);
	return doctor_end(&d, err);
}
