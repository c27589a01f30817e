/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/log_sizes.h"

#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

#include <stdlib.h>

struct ask {
	struct client *client;
	const struct client_topic *const *topics;
	size_t count;
	struct log_sizes *sizes;
};

static void take(struct log_sizes *sizes,
	const struct describe_log_dirs_response_describe_log_dirs_topic *topic)
{
	for (int32_t p = 0; p < topic->partitions_count; p++) {
		const struct describe_log_dirs_response_describe_log_dirs_partition *partition =
			&topic->partitions[p];
		if (partition->is_future_key) {
			continue; /* a copy that is on its way to another directory */
		}
		sizes->items = mem_grow(sizes->items, sizes->count + 1, sizeof(*sizes->items));
		sizes->items[sizes->count++] = (struct log_size){.topic = topic->name,
			.partition = partition->partition_index,
			.bytes = partition->partition_size};
	}
}

/* The partitions of each topic that node leads; the lists are the caller's to free. */
static void build(const struct ask *ask, int32_t node, struct describe_log_dirs_request *request)
{
	wire_defaults(&describe_log_dirs_request_message, request);
	request->topics = mem_array(ask->count + 1, sizeof(*request->topics));
	for (size_t t = 0; t < ask->count; t++) {
		const struct client_topic *topic = ask->topics[t];
		struct describe_log_dirs_request_describable_log_dir_topic *one =
			&request->topics[request->topics_count];
		one->topic = slice_str(topic->name);
		one->partitions =
			mem_array((size_t)topic->partition_count + 1, sizeof(*one->partitions));
		one->partitions_count = 0;
		for (int32_t p = 0; p < topic->partition_count; p++) {
			if (topic->partitions[p].leader == node) {
				one->partitions[one->partitions_count++] = p;
			}
		}
		if (one->partitions_count) {
			request->topics_count++;
		} else {
			mem_free(one->partitions);
		}
	}
}

static enum weir_code ask_node(const struct ask *ask, int32_t node, struct weir_err *err)
{
	struct describe_log_dirs_request request;
	struct describe_log_dirs_response response = {0};
	build(ask, node, &request);
	enum weir_code code = client_call(ask->client, node, REQUEST_DESCRIBE_LOG_DIRS, &request,
		&ask->sizes->arena, &response, NULL, err);
	for (int32_t i = 0; code == WEIR_OK && i < response.results_count; i++) {
		for (int32_t t = 0; t < response.results[i].topics_count; t++) {
			take(ask->sizes, &response.results[i].topics[t]);
		}
	}
	for (int32_t t = 0; t < request.topics_count; t++) {
		mem_free(request.topics[t].partitions);
	}
	mem_free(request.topics);
	return code;
}

static int compare(const void *a, const void *b)
{
	const struct log_size *x = a, *y = b;
	size_t len = x->topic.len < y->topic.len ? x->topic.len : y->topic.len;
	int order = len ? memcmp(x->topic.data, y->topic.data, len) : 0;
	if (!order) {
		order = (x->topic.len > y->topic.len) - (x->topic.len < y->topic.len);
	}
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static bool is_asked(const int32_t *nodes, size_t count, int32_t node)
{
	for (size_t i = 0; i < count; i++) {
		if (nodes[i] == node) {
			return true;
		}
	}
	return false;
}

enum weir_code log_sizes_ask(struct client *client, const struct client_topic *const *topics,
	size_t count, struct log_sizes *sizes, struct weir_err *err)
{
	const struct ask ask = {client, topics, count, sizes};
	enum weir_code code = WEIR_OK;
	int32_t *nodes = NULL;
	size_t node_count = 0;
	*sizes = (struct log_sizes){.count = 0};
	arena_init(&sizes->arena, LIMIT_FRAME_DEFAULT);
	if (!client_has_api(client, REQUEST_DESCRIBE_LOG_DIRS, 1)) {
		return WEIR_OK;
	}
	for (size_t t = 0; code == WEIR_OK && t < count; t++) {
		for (int32_t p = 0; code == WEIR_OK && p < topics[t]->partition_count; p++) {
			int32_t node = topics[t]->partitions[p].leader;
			if (node < 0 || is_asked(nodes, node_count, node)) {
				continue;
			}
			nodes = mem_grow(nodes, node_count + 1, sizeof(*nodes));
			nodes[node_count++] = node;
			code = ask_node(&ask, node, err);
		}
	}
	mem_free(nodes);
	if (sizes->count) {
		qsort(sizes->items, sizes->count, sizeof(*sizes->items), compare);
	}
	return code;
}

void log_sizes_fini(struct log_sizes *sizes)
{
	MEM_FREE(&sizes->items);
	sizes->count = 0;
	arena_fini(&sizes->arena);
}

int64_t log_sizes_of(
	const struct log_sizes *sizes, const struct client_topic *topic, int32_t partition)
{
	const struct log_size wanted = {.topic = slice_str(topic->name), .partition = partition};
	const struct log_size *found =
		sizes->count ? bsearch(&wanted, sizes->items, sizes->count, sizeof(wanted), compare)
			     : NULL;
	return found ? found->bytes : -1;
}

int64_t log_sizes_sum(const struct log_sizes *sizes, const struct client_topic *topic)
{
	int64_t sum = 0;
	for (int32_t p = 0; p < topic->partition_count; p++) {
		int64_t bytes = log_sizes_of(sizes, topic, p);
		if (bytes < 0) {
			return -1;
		}
		sum += bytes;
	}
	return sum;
}
