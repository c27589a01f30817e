/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine counts, and its health, over HTTP: /metrics for Prometheus, /health. */
#include "broker/broker_priv.h"
#include "core/io/http_serve.h"

#include <stdio.h>

static void put_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	stat_put_family(out, name, STAT_GAUGE, help);
	stat_put_sample(out, name, NULL, value);
}

void broker_metrics(struct broker *broker, struct buf *out)
{
	char node[16];
	const struct image *image = image_current(broker->images);
	int64_t partitions = 0;
	for (size_t i = 0; i < image->topic_count; i++) {
		partitions += image->topics[i]->partition_count;
	}
	snprintf(node, sizeof(node), "%d", broker->node_id);
	const char *const labels[] = {
		"version", PACKAGE_VERSION, "cluster_id", image->cluster_id, "node_id", node, NULL};
	stat_put_family(out, "weir_info", STAT_GAUGE, "Which broker this is.");
	stat_put_sample(out, "weir_info", labels, 1);
	put_gauge(out, "weir_topics", "Topics of the cluster.", (int64_t)image->topic_count);
	put_gauge(out, "weir_partitions", "Partitions of the cluster.", partitions);
	image_release(image);
	stat_text(broker->stat, out);
}

static bool is_well(struct broker *broker)
{
	pthread_mutex_lock(&broker->state_lock);
	bool well = !broker->stopping && broker->fault.code == WEIR_OK;
	pthread_mutex_unlock(&broker->state_lock);
	return well;
}

static unsigned serve(void *arg, const char *path, struct buf *body, const char **type)
{
	enum { OK = 200, NOT_FOUND = 404, UNAVAILABLE = 503 };
	struct broker *broker = arg;
	if (!strcmp(path, "/metrics")) {
		*type = "text/plain; version=0.0.4; charset=utf-8";
		broker_metrics(broker, body);
		return OK;
	}
	if (!strcmp(path, "/health")) {
		bool well = is_well(broker);
		buf_add_str(body, well ? "ok\n" : "stopping\n");
		return well ? OK : UNAVAILABLE;
	}
	buf_add_str(body, "there is /metrics and /health\n");
	return NOT_FOUND;
}

enum weir_code broker_serve_metrics(struct broker *broker, const struct net_addr *addr,
	struct net_addr *bound, struct weir_err *err)
{
	struct net_addr local = *addr;
	if (!local.host[0]) {
		snprintf(local.host, sizeof(local.host), "127.0.0.1");
	}
	return http_serve_start(&local, serve, broker, &broker->metrics_server, bound, err);
}
