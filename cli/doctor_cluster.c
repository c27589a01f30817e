/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/doctor.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/groups.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { API_LIST_GROUPS = 16, SKEW_MAX_MS = 1000, NAMED_MAX = 3 };

static bool is_loopback(const char *host)
{
	return !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "::1");
}

/* Whether the first address of the list is one of this machine only. */
static bool asked_loopback(const struct doctor *d)
{
	struct net_addr addr;
	char *first = mem_dup(d->conf.brokers, strcspn(d->conf.brokers, ","));
	bool local = net_addr_parse(first, 9092, &addr, NULL) == WEIR_OK &&
		     (addr.port < 0 || is_loopback(addr.host));
	mem_free(first);
	return local;
}

/* The address leads to the same cluster. */
static void check_same_cluster(struct doctor *d, const char *address, const char *wanted)
{
	struct client_conf conf = d->conf;
	struct client_cluster cluster;
	struct client *client = NULL;
	struct weir_err why;
	struct arena arena;
	conf.brokers = address;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_open(&conf, &client, &why) || client_describe(client, &arena, &cluster, &why)) {
		doctor_put(d, "metadata", address, FINDING_FAIL, NULL, "%s", why.text);
	} else if (strcmp(cluster.id ? cluster.id : "", wanted) != 0) {
		doctor_put(d, "metadata", address, FINDING_FAIL,
			"two clusters advertise into each other, or the address was given away",
			"belongs to cluster %s, not %s", cluster.id ? cluster.id : "(none)",
			wanted);
	} else {
		doctor_put(d, "metadata", address, FINDING_OK, NULL, "the same cluster");
	}
	client_close(&client);
	arena_fini(&arena);
}

static void check_nodes(struct doctor *d, const struct client_cluster *cluster)
{
	bool local = asked_loopback(d);
	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct client_node *node = &cluster->nodes[i];
		struct net_addr addr = {.port = node->port};
		char text[NET_HOST_MAX + 16], subject[40];
		snprintf(subject, sizeof(subject), "node %d", (int)node->id);
		snprintf(addr.host, sizeof(addr.host), "%s", node->host);
		net_addr_format(&addr, text);
		bool lost = !local && is_loopback(node->host);
		doctor_put(d, "advertised", subject, lost ? FINDING_FAIL : FINDING_OK,
			lost ? "other machines cannot come back by this: set advertised.listeners "
			       "(weir broker --advertise)"
			     : NULL,
			"%s", text);
		if (doctor_address(d, &addr, true)) {
			check_same_cluster(d, text, cluster->id ? cluster->id : "");
		}
	}
}

/* Names of the first few, for a row. */
struct names {
	char text[200];
	int64_t count;
};

static void names_add(struct names *names, const char *fmt, ...) WEIR_PRINTF(2, 3);
static void names_add(struct names *names, const char *fmt, ...)
{
	size_t len = strlen(names->text);
	if (names->count++ < NAMED_MAX) {
		char name[100];
		va_list args;
		va_start(args, fmt);
		vsnprintf(name, sizeof(name), fmt, args);
		va_end(args);
		snprintf(names->text + len, sizeof(names->text) - len, "%s%s", len ? ", " : "",
			name);
	} else if (names->count == NAMED_MAX + 1) {
		snprintf(names->text + len, sizeof(names->text) - len, ", ...");
	}
}

static void check_topics(struct doctor *d, const struct client_cluster *cluster)
{
	struct names leaderless = {0}, behind = {0};
	int64_t partitions = 0;
	for (size_t t = 0; t < cluster->topic_count; t++) {
		const struct client_topic *topic = &cluster->topics[t];
		for (int32_t p = 0; p < topic->partition_count; p++) {
			const struct client_partition *part = &topic->partitions[p];
			partitions++;
			if (part->leader < 0) {
				names_add(&leaderless, "%s-%d", topic->name, (int)p);
			} else if (part->isr_count < part->replica_count) {
				names_add(&behind, "%s-%d", topic->name, (int)p);
			}
		}
	}
	doctor_put(d, "topics", "leaders", leaderless.count ? FINDING_FAIL : FINDING_OK,
		leaderless.count ? "the brokers that keep them are down, or their disks are" : NULL,
		"%" PRId64 " of %" PRId64 " partitions without a leader%s%s", leaderless.count,
		partitions, leaderless.count ? ": " : "", leaderless.text);
	doctor_put(d, "topics", "replicas", behind.count ? FINDING_WARN : FINDING_OK,
		behind.count ? "a broker is down or slow; weir cluster info shows which" : NULL,
		"%" PRId64 " of %" PRId64 " partitions with replicas out of sync%s%s", behind.count,
		partitions, behind.count ? ": " : "", behind.text);
}

static void check_groups(struct doctor *d, struct client *client)
{
	struct names busy = {0};
	struct group_listing *groups;
	struct weir_err why;
	struct arena arena;
	size_t count;
	if (!client_has_api(client, API_LIST_GROUPS, 0)) {
		doctor_put(d, "groups", "states", FINDING_SKIP, NULL, "the broker has no groups");
		return;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (groups_list(client, &arena, &groups, &count, &why) != WEIR_OK) {
		doctor_put(d, "groups", "states", FINDING_FAIL, NULL, "%s", why.text);
		arena_fini(&arena);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *state = groups[i].state ? groups[i].state : "";
		if (!strcmp(state, "PreparingRebalance") || !strcmp(state, "CompletingRebalance")) {
			names_add(&busy, "%s", groups[i].id);
		}
	}
	doctor_put(d, "groups", "states", busy.count ? FINDING_WARN : FINDING_OK,
		busy.count ? "run again: a group that stays so has members that do not answer"
			   : NULL,
		"%" PRId64 " of %zu groups in a rebalance%s%s", busy.count, count,
		busy.count ? ": " : "", busy.text);
	arena_fini(&arena);
}

/* Brokers stamp what they write to __consumer_offsets: a time to come shows a clock that is ahead.
 */
static void check_clock(
	struct doctor *d, struct client *client, const struct client_cluster *cluster)
{
	static const char topic_name[] = "__consumer_offsets";
	int64_t newest_ms = -1;
	struct weir_err why;
	for (size_t t = 0; t < cluster->topic_count; t++) {
		const struct client_topic *topic = &cluster->topics[t];
		if (strcmp(topic->name, topic_name) != 0 || topic->partition_count <= 0) {
			continue;
		}
		size_t count = (size_t)topic->partition_count;
		struct client_offset *offsets = mem_new(count * sizeof(*offsets));
		for (size_t i = 0; i < count; i++) {
			offsets[i].partition = (int32_t)i;
			offsets[i].timestamp = CLIENT_OFFSET_MAX_TIME;
		}
		if (client_offsets(client, topic_name, false, offsets, count, &why) == WEIR_OK) {
			for (size_t i = 0; i < count; i++) {
				newest_ms =
					offsets[i].error == 0 && offsets[i].timestamp > newest_ms
						? offsets[i].timestamp
						: newest_ms;
			}
		}
		mem_free(offsets);
	}
	int64_t ahead_ms = newest_ms - clock_wall_ms();
	if (newest_ms < 0) {
		doctor_put(d, "clock", topic_name, FINDING_SKIP, NULL,
			"no record there whose time a broker set");
	} else if (ahead_ms > SKEW_MAX_MS) {
		doctor_put(d, "clock", topic_name, FINDING_FAIL,
			"a broker's clock is ahead of this machine's: see to NTP on both",
			"the newest record is %" PRId64 " ms in the future", ahead_ms);
	} else {
		doctor_put(d, "clock", topic_name, FINDING_OK, NULL,
			"the newest record a broker stamped is %" PRId64 " ms old", -ahead_ms);
	}
}

void doctor_topics(struct doctor *d, struct client *client, const struct client_cluster *cluster)
{
	check_topics(d, cluster);
	check_groups(d, client);
}

void doctor_cluster(struct doctor *d, struct client *client)
{
	struct client_cluster cluster;
	struct weir_err why;
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_describe(client, &arena, &cluster, &why) != WEIR_OK) {
		doctor_put(d, "metadata", d->conf.brokers, FINDING_FAIL, NULL, "%s", why.text);
	} else {
		doctor_put(d, "metadata", cluster.id ? cluster.id : "(no cluster id)",
			cluster.controller >= 0 ? FINDING_OK : FINDING_WARN,
			cluster.controller >= 0 ? NULL : "topics cannot be changed without one",
			"%zu broker%s, %zu topics, controller %d", cluster.node_count,
			cluster.node_count == 1 ? "" : "s", cluster.topic_count,
			(int)cluster.controller);
		check_nodes(d, &cluster);
		doctor_topics(d, client, &cluster);
		check_clock(d, client, &cluster);
	}
	arena_fini(&arena);
}
