/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "core/base/limits.h"
#include "core/client/client.h"

static const struct column columns[] = {
	{"broker", COLUMN_NUMBER, "Its id."},
	{"host", COLUMN_TEXT, "Address that it tells clients."},
	{"port", COLUMN_NUMBER, "Port of the address."},
	{"rack", COLUMN_TEXT, "Rack or zone; null where none is set."},
	{"controller", COLUMN_BOOL, "Whether it takes requests that change the cluster."},
	{"leads", COLUMN_NUMBER, "Partitions that it leads."},
	{"replicas", COLUMN_NUMBER, "Partitions that it keeps a copy of."},
	{"out_of_sync", COLUMN_NUMBER, "Those of them that are not in sync."},
	{"cluster_id", COLUMN_TEXT, "Id of the cluster; the same for all."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir cluster info", "Lists the brokers of the cluster."},
	{"weir cluster info -O json | jq -r '.[0].cluster_id'", "Prints the cluster's id."},
	{NULL, NULL},
};

static enum weir_code cluster_info_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_cluster_info = {
	.path = "cluster info",
	.summary = "Lists the brokers of a cluster.",
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = cluster_info_run,
};

struct share {
	int64_t leads, replicas, out_of_sync;
};

static bool has_node(const int32_t *nodes, int32_t count, int32_t node)
{
	for (int32_t i = 0; i < count; i++) {
		if (nodes[i] == node) {
			return true;
		}
	}
	return false;
}

static struct share share_of(const struct client_cluster *cluster, int32_t node)
{
	struct share share = {0};
	for (size_t t = 0; t < cluster->topic_count; t++) {
		const struct client_topic *topic = &cluster->topics[t];
		for (int32_t p = 0; p < topic->partition_count; p++) {
			const struct client_partition *part = &topic->partitions[p];
			bool kept = has_node(part->replicas, part->replica_count, node);
			share.leads += part->leader == node;
			share.replicas += kept;
			share.out_of_sync += kept && !has_node(part->isr, part->isr_count, node);
		}
	}
	return share;
}

static enum weir_code cluster_info_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct client *client;
	struct client_cluster cluster;
	struct arena arena;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = client_describe(client, &arena, &cluster, err);
	if (code == WEIR_OK) {
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; i < cluster.node_count; i++) {
			const struct client_node *node = &cluster.nodes[i];
			struct share share = share_of(&cluster, node->id);
			table_number(table, node->id);
			table_text(table, node->host);
			table_known(table, node->port);
			table_text(table, node->rack);
			table_bool(table, node->id == cluster.controller);
			table_number(table, share.leads);
			table_number(table, share.replicas);
			table_number(table, share.out_of_sync);
			table_text(table, cluster.id);
		}
		table_end(&table);
	}
	arena_fini(&arena);
	return code;
}
