/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that a cluster or a data directory knows. Whoever presses the tab key waits for them. */
#include "cli/candidates.h"
#include "cli/connect.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/client.h"
#include "core/meta/meta.h"
#include "core/store/data_dir.h"
#include "core/wire/messages.h"

#include <string.h>
#include <unistd.h>

#define TOPIC_ROWS "topic/"
enum { WAIT_MS = 1000, REQUEST_LIST_GROUPS = 16 };

/* Connected, or NULL. */
static struct client *connect_quietly(struct ctx *ctx)
{
	struct client *client = NULL;
	ctx->globals.quiet = true;
	ctx->globals.timeout_ms = WAIT_MS;
	struct weir_err err;
	return connect_prepare(ctx, &err) == WEIR_OK &&
			       connect_client(ctx, &client, &err) == WEIR_OK
		       ? client
		       : NULL;
}

static enum weir_code offer_row(void *arg, const struct meta_entry *entry, struct weir_err *err)
{
	(void)err;
	size_t len = strlen(TOPIC_ROWS);
	char *name = mem_dup(entry->key.data + len, entry->key.len - len);
	candidate_offer(arg, name, "topic");
	mem_free(name);
	return WEIR_OK;
}

/* Kafka's directories know topics by their folders only. */
static void topics_of_folders(const char *path, const struct candidate_sink *sink)
{
	struct data_dir dir;
	struct weir_err err;
	if (data_dir_read(path, &dir, &err) != WEIR_OK) {
		return;
	}
	const char *last = "";
	for (size_t i = 0; i < dir.count; i++) {
		const struct data_partition *p = &dir.partitions[i];
		if (p->kind == DATA_DIR_PARTITION && strcmp(p->topic, last) != 0) {
			candidate_offer(sink, p->topic, "topic");
			last = p->topic;
		}
	}
	data_dir_fini(&dir);
}

/* The engine is not started for this: it might have to recover the directory first. */
static void topics_of_dir(const char *path, const struct candidate_sink *sink)
{
	char *rows = mem_printf("%s/weir.meta", path);
	struct meta *meta = NULL;
	struct weir_err err;
	if (access(rows, F_OK) != 0) {
		topics_of_folders(path, sink);
	} else if (meta_open_lmdb(rows, &meta, &err) == WEIR_OK) {
		struct candidate_sink copy = *sink;
		(void)!meta_range(meta, slice_str(TOPIC_ROWS), offer_row, &copy, NULL, &err);
		meta_close(&meta);
	}
	mem_free(rows);
}

static void topics_of_cluster(struct client *client, const struct candidate_sink *sink)
{
	struct client_cluster cluster;
	struct arena arena;
	struct weir_err err;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_describe(client, &arena, &cluster, &err) == WEIR_OK) {
		for (size_t i = 0; i < cluster.topic_count; i++) {
			candidate_offer(sink, cluster.topics[i].name, "topic");
		}
	}
	arena_fini(&arena);
}

static void groups_of_node(struct client *client, int32_t node, const struct candidate_sink *sink)
{
	struct list_groups_request request;
	struct list_groups_response response = {0};
	struct arena arena;
	struct weir_err err;
	wire_defaults(&list_groups_request_message, &request);
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_call(client, node, REQUEST_LIST_GROUPS, &request, &arena, &response, NULL,
		    &err) == WEIR_OK) {
		for (int32_t i = 0; i < response.groups_count; i++) {
			struct slice id = response.groups[i].group_id;
			char *name = mem_dup(id.data, id.len);
			candidate_offer(sink, name, "group");
			mem_free(name);
		}
	}
	arena_fini(&arena);
}

static void groups_of_cluster(struct client *client, const struct candidate_sink *sink)
{
	struct client_cluster cluster;
	struct arena arena;
	struct weir_err err;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_has_api(client, REQUEST_LIST_GROUPS, 0) &&
		client_describe(client, &arena, &cluster, &err) == WEIR_OK) {
		for (size_t i = 0; i < cluster.node_count; i++) {
			groups_of_node(client, cluster.nodes[i].id, sink);
		}
	}
	arena_fini(&arena);
}

static void brokers_of_cluster(struct client *client, const struct candidate_sink *sink)
{
	struct client_cluster cluster;
	struct arena arena;
	struct weir_err err;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (client_describe(client, &arena, &cluster, &err) == WEIR_OK) {
		for (size_t i = 0; i < cluster.node_count; i++) {
			char *name = mem_printf("%d", (int)cluster.nodes[i].id);
			candidate_offer(sink, name, cluster.nodes[i].host);
			mem_free(name);
		}
	}
	arena_fini(&arena);
}

bool candidates_of_cluster(struct ctx *ctx, const char *kind, const struct candidate_sink *sink)
{
	if (strcmp(kind, "CONTEXT") == 0) {
		struct weir_err err;
		ctx->globals.quiet = true;
		if (ctx_read_config(ctx, &err) == WEIR_OK) {
			for (size_t i = 0; i < ctx->config.context_count; i++) {
				candidate_offer(sink, ctx->config.contexts[i].name,
					ctx->config.contexts[i].origin);
			}
		}
		return true;
	}
	bool topics = strcmp(kind, "TOPIC") == 0, groups = strcmp(kind, "GROUP") == 0;
	if (!topics && !groups && strcmp(kind, "BROKER") != 0) {
		return false;
	}
	const char *dir = ctx->globals.brokers ? NULL : ctx_dir(ctx);
	if (dir && !ctx->client && !connect_is_served(dir)) {
		if (topics) {
			topics_of_dir(dir, sink);
		}
		return true;
	}
	struct client *client = connect_quietly(ctx);
	if (client && topics) {
		topics_of_cluster(client, sink);
	} else if (client && groups) {
		groups_of_cluster(client, sink);
	} else if (client) {
		brokers_of_cluster(client, sink);
	}
	return true;
}
