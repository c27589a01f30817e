/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -L and -Q. */
#include "cli/kcat.h"

#include "cli/json.h"
#include "core/base/arena.h"
#include "core/base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	struct kcat *k;
	struct client_cluster cluster;
	const struct client_topic *topics;
	size_t count;
	struct client_topic missing; /* of -t, when it is not there */
};

/* The broker that was asked: a node by its id, or the address of the list when no node has it. */
static int32_t asked_broker(const struct listing *l, char text[300])
{
	const struct prop *brokers = props_find(&l->k->ctx->props, "bootstrap.servers");
	const char *list = brokers ? brokers->value : "";
	int len = (int)strcspn(list, ",");
	char address[300];
	snprintf(address, sizeof(address), "%.*s%s", len > 256 ? 256 : len, list,
		memchr(list, ':', (size_t)len) ? "" : ":9092");
	for (size_t i = 0; i < l->cluster.node_count; i++) {
		const struct client_node *node = &l->cluster.nodes[i];
		snprintf(text, 300, "%.256s:%d", node->host, (int)node->port);
		if (!strcmp(text, address)) {
			snprintf(text, 300, "%.256s/%d", address, (int)node->id);
			return node->id;
		}
	}
	snprintf(text, 300, "%.256s/bootstrap", address);
	return -1;
}

/* "1,2" */
static void put_nodes(struct out *out, const int32_t *nodes, int32_t count)
{
	for (int32_t i = 0; i < count; i++) {
		out_printf(out, "%s%d", i ? "," : "", (int)nodes[i]);
	}
}

static void put_topic(struct out *out, const struct listing *l, const struct client_topic *topic)
{
	out_printf(out, "  topic \"%s\" with %d partitions:%s\n", topic->name,
		(int)topic->partition_count,
		topic == &l->missing ? " Broker: Unknown topic or partition" : "");
	for (int32_t i = 0; i < topic->partition_count; i++) {
		const struct client_partition *p = &topic->partitions[i];
		out_printf(out, "    partition %d, leader %d, replicas: ", (int)i, (int)p->leader);
		put_nodes(out, p->replicas, p->replica_count);
		out_str(out, ", isrs: ");
		put_nodes(out, p->isr, p->isr_count);
		out_printf(out, "%s%s\n", p->error ? ", Broker: " : "",
			p->error ? err_info(p->error)->text : "");
	}
}

static void print_text(struct listing *l)
{
	struct out *out = &l->k->ctx->out;
	char from[300];
	int32_t id = asked_broker(l, from);
	out_printf(out, "Metadata for %s (from broker %d: %s):\n",
		l->k->topic ? l->k->topic : "all topics", (int)id, from);
	out_printf(out, " %zu brokers:\n", l->cluster.node_count);
	for (size_t i = 0; i < l->cluster.node_count; i++) {
		const struct client_node *node = &l->cluster.nodes[i];
		out_printf(out, "  broker %d at %s:%d%s\n", (int)node->id, node->host,
			(int)node->port, node->id == l->cluster.controller ? " (controller)" : "");
	}
	out_printf(out, " %zu topics:\n", l->count);
	for (size_t i = 0; i < l->count; i++) {
		put_topic(out, l, &l->topics[i]);
	}
}

static json_t *nodes_json(const int32_t *nodes, int32_t count)
{
	json_t *list = json_array();
	for (int32_t i = 0; i < count; i++) {
		json_array_append_new(list, json_pack("{s:i}", "id", (int)nodes[i]));
	}
	return list;
}

static json_t *topic_json(const struct listing *l, const struct client_topic *topic)
{
	json_t *partitions = json_array();
	json_t *object = json_pack("{s:s}", "topic", topic->name);
	if (topic == &l->missing) {
		json_object_set_new(
			object, "error", json_string("Broker: Unknown topic or partition"));
	}
	for (int32_t i = 0; i < topic->partition_count; i++) {
		const struct client_partition *p = &topic->partitions[i];
		json_t *part = json_pack("{s:i}", "partition", (int)i);
		if (p->error) {
			json_object_set_new(part, "error", json_string(err_info(p->error)->text));
		}
		json_object_set_new(part, "leader", json_integer(p->leader));
		json_object_set_new(part, "replicas", nodes_json(p->replicas, p->replica_count));
		json_object_set_new(part, "isrs", nodes_json(p->isr, p->isr_count));
		json_array_append_new(partitions, part);
	}
	json_object_set_new(object, "partitions", partitions);
	return object;
}

static void print_json(struct listing *l)
{
	char from[300], name[300];
	json_t *brokers = json_array(), *topics = json_array();
	int32_t id = asked_broker(l, from);
	for (size_t i = 0; i < l->cluster.node_count; i++) {
		const struct client_node *node = &l->cluster.nodes[i];
		snprintf(name, sizeof(name), "%s:%d", node->host, (int)node->port);
		json_array_append_new(
			brokers, json_pack("{s:i, s:s}", "id", (int)node->id, "name", name));
	}
	for (size_t i = 0; i < l->count; i++) {
		json_array_append_new(topics, topic_json(l, &l->topics[i]));
	}
	json_print(&l->k->ctx->out,
		json_pack("{s:{s:i, s:s}, s:{s:s}, s:i, s:o, s:o}", "originating_broker", "id",
			(int)id, "name", from, "query", "topic", l->k->topic ? l->k->topic : "*",
			"controllerid", (int)l->cluster.controller, "brokers", brokers, "topics",
			topics));
}

enum weir_code kcat_list(struct kcat *k, struct weir_err *err)
{
	struct listing l = {.k = k};
	struct weir_err why;
	struct arena arena;
	arena_init(&arena, (size_t)4 * LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_describe(k->client, &arena, &l.cluster, &why);
	if (code != WEIR_OK) {
		code = err_set(err, code, "Failed to acquire metadata: %s", why.text);
	} else {
		l.topics = l.cluster.topics;
		l.count = l.cluster.topic_count;
		for (size_t i = 0; k->topic && i < l.cluster.topic_count; i++) {
			if (!strcmp(l.cluster.topics[i].name, k->topic)) {
				l.topics = &l.cluster.topics[i];
				l.count = 1;
				break;
			}
		}
		if (k->topic && (l.count != 1 || strcmp(l.topics->name, k->topic))) {
			l.missing.name = k->topic;
			l.topics = &l.missing;
			l.count = 1;
		}
		if (k->json) {
			print_json(&l);
		} else {
			print_text(&l);
		}
	}
	arena_fini(&arena);
	return code;
}

static int by_place(const void *a, const void *b)
{
	const struct kcat_query *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

/* {"T":{"topic":"T","0":{"partition":0,"offset":5}}} */
static void add_offset(
	json_t *topics, const struct kcat_query *q, int64_t offset, const char *error)
{
	char partition[16];
	json_t *topic = json_object_get(topics, q->topic);
	json_t *row = json_pack(
		"{s:i, s:I}", "partition", (int)q->partition, "offset", (json_int_t)offset);
	if (!topic) {
		json_object_set_new(topics, q->topic, json_pack("{s:s}", "topic", q->topic));
		topic = json_object_get(topics, q->topic);
	}
	if (error) {
		json_object_set_new(row, "error", json_string(error));
	}
	snprintf(partition, sizeof(partition), "%d", (int)q->partition);
	json_object_set_new(topic, partition, row);
}

enum weir_code kcat_offsets(struct kcat *k, struct weir_err *err)
{
	json_t *topics = k->json ? json_object() : NULL;
	qsort(k->queries, k->query_count, sizeof(*k->queries), by_place);
	for (size_t i = 0; i < k->query_count; i++) {
		const struct kcat_query *q = &k->queries[i];
		struct client_offset at = {q->partition, q->timestamp, -1, 0};
		struct weir_err why;
		enum weir_code code = client_offsets(k->client, q->topic, false, &at, 1, &why);
		if (code != WEIR_OK) {
			json_decref(topics);
			return err_set(err, code, "offsets_for_times failed: %s", why.text);
		}
		const char *text = at.error ? err_info(at.error)->text : NULL;
		if (topics) {
			add_offset(topics, q, at.offset, text);
			continue;
		}
		out_printf(&k->ctx->out, "%s [%d] offset %" PRId64 "%s%s\n", q->topic,
			(int)q->partition, at.offset, text ? ": Broker: " : "", text ? text : "");
	}
	if (topics) {
		json_print(&k->ctx->out, topics);
	}
	return WEIR_OK;
}
