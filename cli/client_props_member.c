/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client properties of a member of a group. */
#include "cli/client_props.h"

#include "core/client/membership.h"

#include <string.h>

const char *client_prop_text(const struct ctx *ctx, const char *key)
{
	const struct prop *prop = props_find(&ctx->props, key);
	return prop ? prop->value : NULL;
}

enum weir_code client_prop_bad(
	const struct ctx *ctx, const char *key, const char *wanted, struct weir_err *err)
{
	const struct prop *prop = props_find(&ctx->props, key);
	return err_set(err, WEIR_USAGE, "%s: %s: \"%s\" is not %s", prop->origin, key, prop->value,
		wanted);
}

/* Kafka's names for assignors, or the names of its classes. */
static bool find_assignor(struct slice name, enum assignor *assignor)
{
	static const struct {
		const char *class;
		enum assignor assignor;
	} classes[] = {{"RangeAssignor", ASSIGNOR_RANGE},
		{"RoundRobinAssignor", ASSIGNOR_ROUNDROBIN}, {"StickyAssignor", ASSIGNOR_STICKY},
		{"CooperativeStickyAssignor", ASSIGNOR_COOPERATIVE_STICKY}};
	size_t dot = name.len;
	while (dot && name.data[dot - 1] != '.') {
		dot--;
	}
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (slice_equal(slice_of(name.data + dot, name.len - dot),
			    slice_str(classes[i].class))) {
			*assignor = classes[i].assignor;
			return true;
		}
	}
	return assignor_find(name, assignor);
}

static enum weir_code set_assignors(
	const struct ctx *ctx, struct membership_conf *conf, struct weir_err *err)
{
	static const char key[] = "partition.assignment.strategy";
	const char *text = client_prop_text(ctx, key);
	if (!text) {
		return WEIR_OK;
	}
	conf->assignor_count = 0;
	while (*text) {
		size_t len = strcspn(text, ",");
		enum assignor assignor;
		if (conf->assignor_count == ASSIGNOR_COUNT ||
			!find_assignor(slice_of(text, len), &assignor)) {
			return client_prop_bad(ctx, key, "a list of assignors", err);
		}
		conf->assignors[conf->assignor_count++] = assignor;
		text += len + (text[len] == ',');
	}
	return conf->assignor_count ? WEIR_OK
				    : client_prop_bad(ctx, key, "a list of assignors", err);
}

static enum weir_code set_protocol(
	const struct ctx *ctx, struct membership_conf *conf, struct weir_err *err)
{
	const char *text = client_prop_text(ctx, "group.protocol");
	if (text && strcmp(text, "classic") == 0) {
		conf->protocol = MEMBERSHIP_CLASSIC;
	} else if (text && strcmp(text, "consumer") == 0) {
		conf->protocol = MEMBERSHIP_CONSUMER;
	} else if (text) {
		return client_prop_bad(ctx, "group.protocol", "classic or consumer", err);
	}
	return WEIR_OK;
}

static enum weir_code set_timeouts(const struct ctx *ctx, struct membership_conf *conf,
	int64_t *commit_every_ms, struct weir_err *err)
{
	const struct {
		const char *key;
		int64_t *value;
	} rows[] = {{"session.timeout.ms", &conf->session_timeout_ms},
		{"heartbeat.interval.ms", &conf->heartbeat_ms},
		{"max.poll.interval.ms", &conf->rebalance_timeout_ms},
		{"metadata.max.age.ms", &conf->metadata_max_age_ms},
		{"auto.commit.interval.ms", commit_every_ms}};
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && code == WEIR_OK; i++) {
		code = client_prop_number(ctx, rows[i].key, 1, INT32_MAX, rows[i].value, err);
	}
	return code;
}

enum weir_code client_props_member(const struct ctx *ctx, struct membership_conf *conf,
	int64_t *commit_every_ms, struct weir_err *err)
{
	conf->instance_id = client_prop_text(ctx, "group.instance.id");
	conf->rack = client_prop_text(ctx, "client.rack");
	conf->remote_assignor = client_prop_text(ctx, "group.remote.assignor");
	enum weir_code code = set_protocol(ctx, conf, err);
	code = code ? code : set_assignors(ctx, conf, err);
	return code ? code : set_timeouts(ctx, conf, commit_every_ms, err);
}
