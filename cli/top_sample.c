/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/top_sample.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/group_offsets.h"
#include "core/client/groups.h"
#include "core/wire/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { API_LIST_GROUPS = 16, API_DESCRIBE_LOG_DIRS = 35 };

const char *const top_kind_names[] = {"topic", "group", "broker", NULL};

/* Of one sample. */
struct round {
	struct top *top;
	struct arena arena;
	struct client_cluster cluster;
	struct map ends; /* topic -> struct client_offset *, by partition */
};

void top_init(struct top *top, struct client *client)
{
	*top = (struct top){.client = client};
	for (int i = 0; i < TOP_KINDS; i++) {
		map_init(&top->rows[i]);
	}
}

static void row_free(struct top_row *row)
{
	mem_free(row->name);
	mem_free(row);
}

void top_fini(struct top *top)
{
	for (int i = 0; i < TOP_KINDS; i++) {
		size_t pos = 0;
		for (struct map_entry *e; (e = map_next(&top->rows[i], &pos));) {
			row_free(e->value);
		}
		map_fini(&top->rows[i]);
	}
}

static struct top_row *row_of(struct top *top, enum top_kind kind, struct slice name)
{
	struct top_row *row = map_get(&top->rows[kind], name);
	if (!row) {
		row = mem_new(sizeof(*row));
		row->kind = kind;
		row->name = mem_dup(name.data, name.len);
		row->records = row->bytes = row->lag = row->count = -1;
		row->records_per_s = row->bytes_per_s = -1;
		map_put(&top->rows[kind], name, row);
	}
	return row;
}

static double rate(int64_t now, int64_t before, double seconds)
{
	return before < 0 || now < 0 ? -1 : now < before ? 0 : (double)(now - before) / seconds;
}

/* Puts what this sample found into the row, and what that makes as rates. */
static void row_update(struct top *top, struct top_row *row, int64_t records, int64_t bytes)
{
	int64_t now_ns = clock_mono_ns();
	bool before = row->sampled_ns != 0;
	double seconds = before ? (double)(now_ns - row->sampled_ns) / 1e9 : 1;
	row->records_per_s = before ? rate(records, row->records, seconds) : -1;
	row->bytes_per_s = before ? rate(bytes, row->bytes, seconds) : -1;
	row->records = records;
	row->bytes = bytes;
	row->sampled_ns = now_ns;
	row->seen = top->sample;
	double shown = row->kind == TOP_GROUP	 ? (double)row->lag
		       : row->kind == TOP_BROKER ? row->bytes_per_s
						 : row->records_per_s;
	if (shown >= 0) {
		memmove(row->history, row->history + 1, (TOP_HISTORY - 1) * sizeof(double));
		row->history[TOP_HISTORY - 1] = shown;
		row->history_count += row->history_count < TOP_HISTORY;
	}
}

/* ---- topics ---- */

static bool wanted(const struct top *top, const struct client_topic *topic)
{
	for (size_t i = 0; i < top->topic_count; i++) {
		if (!strcmp(top->topics[i], topic->name)) {
			return true;
		}
	}
	return !top->topic_count &&
	       (top->internal || (!topic->internal && strncmp(topic->name, "__", 2) != 0));
}

static enum weir_code check_named(const struct round *r, struct weir_err *err)
{
	for (size_t i = 0; i < r->top->topic_count; i++) {
		bool there = false;
		for (size_t t = 0; t < r->cluster.topic_count && !there; t++) {
			there = !strcmp(r->cluster.topics[t].name, r->top->topics[i]);
		}
		if (!there) {
			return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "no topic \"%s\"",
				r->top->topics[i]);
		}
	}
	return WEIR_OK;
}

/* End offsets of all partitions; kept for the groups. NULL: the topic went away meanwhile. */
static struct client_offset *ends_of(struct round *r, const struct client_topic *topic)
{
	size_t count = topic->partition_count > 0 ? (size_t)topic->partition_count : 0;
	struct client_offset *ends = map_get(&r->ends, slice_str(topic->name));
	if (ends || !count) {
		return ends;
	}
	ends = arena_try_array(&r->arena, count, sizeof(*ends));
	for (size_t i = 0; ends && i < count; i++) {
		ends[i] = (struct client_offset){(int32_t)i, CLIENT_OFFSET_LATEST, -1, 0};
	}
	if (!ends || client_offsets(r->top->client, topic->name, false, ends, count, NULL)) {
		return NULL;
	}
	map_put(&r->ends, slice_str(topic->name), ends);
	return ends;
}

static void sample_topics(struct round *r, const struct map *sizes)
{
	for (size_t t = 0; t < r->cluster.topic_count; t++) {
		const struct client_topic *topic = &r->cluster.topics[t];
		struct client_offset *ends = wanted(r->top, topic) ? ends_of(r, topic) : NULL;
		int64_t records = 0, *size = map_get(sizes, slice_str(topic->name));
		if (!ends) {
			continue;
		}
		for (int32_t i = 0; i < topic->partition_count; i++) {
			records += ends[i].error == 0 && ends[i].offset > 0 ? ends[i].offset : 0;
		}
		struct top_row *row = row_of(r->top, TOP_TOPIC, slice_str(topic->name));
		row->count = topic->partition_count;
		row_update(r->top, row, records, size ? *size : -1);
	}
}

/* ---- brokers, and bytes of topics ---- */

static void add_size(struct round *r, struct map *sizes, struct slice topic, int64_t bytes)
{
	int64_t *size = map_get(sizes, topic);
	if (!size) {
		size = arena_try(&r->arena, sizeof(*size));
		if (!size) {
			return;
		}
		*size = 0;
		map_put(sizes, topic, size);
	}
	*size += bytes;
}

/* Bytes of one node's directories; -1 when it does not say. */
static int64_t node_bytes(struct round *r, int32_t node, struct map *sizes)
{
	struct describe_log_dirs_request request;
	struct describe_log_dirs_response response;
	int64_t bytes = 0;
	wire_defaults(&describe_log_dirs_request_message, &request);
	request.topics_count = -1;
	if (client_call(r->top->client, node, API_DESCRIBE_LOG_DIRS, &request, &r->arena, &response,
		    NULL, NULL) != WEIR_OK ||
		response.error_code) {
		return -1;
	}
	for (int32_t d = 0; d < response.results_count; d++) {
		const struct describe_log_dirs_response_describe_log_dirs_result *dir =
			&response.results[d];
		for (int32_t t = 0; t < dir->topics_count; t++) {
			for (int32_t p = 0; p < dir->topics[t].partitions_count; p++) {
				int64_t size = dir->topics[t].partitions[p].partition_size;
				bytes += size;
				add_size(r, sizes, dir->topics[t].name, size);
			}
		}
	}
	return bytes;
}

static void sample_brokers(struct round *r, struct map *sizes)
{
	for (size_t i = 0; i < r->cluster.node_count; i++) {
		const struct client_node *node = &r->cluster.nodes[i];
		char name[320];
		int64_t leads = 0;
		for (size_t t = 0; t < r->cluster.topic_count; t++) {
			const struct client_topic *topic = &r->cluster.topics[t];
			for (int32_t p = 0; p < topic->partition_count; p++) {
				leads += topic->partitions[p].leader == node->id;
			}
		}
		snprintf(
			name, sizeof(name), "%d %s:%d", (int)node->id, node->host, (int)node->port);
		struct top_row *row = row_of(r->top, TOP_BROKER, slice_str(name));
		row->count = leads;
		row_update(r->top, row, -1, node_bytes(r, node->id, sizes));
	}
}

/* ---- groups ---- */

static void sample_group(struct round *r, const char *id, const char *state)
{
	struct group_offset *items;
	size_t count;
	int64_t lag = 0, committed = 0, partitions = 0;
	enum weir_code code =
		group_offsets_all(r->top->client, id, &r->arena, &items, &count, NULL);
	for (size_t i = 0; code == WEIR_OK && i < count; i++) {
		struct client_offset *ends = map_get(&r->ends, slice_str(items[i].topic));
		for (size_t t = 0; !ends && t < r->cluster.topic_count; t++) {
			if (!strcmp(r->cluster.topics[t].name, items[i].topic)) {
				ends = ends_of(r, &r->cluster.topics[t]);
			}
		}
		if (items[i].offset < 0) {
			continue;
		}
		partitions++;
		committed += items[i].offset;
		for (size_t t = 0; ends && t < r->cluster.topic_count; t++) {
			const struct client_topic *topic = &r->cluster.topics[t];
			if (!strcmp(topic->name, items[i].topic) && items[i].partition >= 0 &&
				items[i].partition < topic->partition_count) {
				int64_t behind = ends[items[i].partition].offset - items[i].offset;
				lag += behind > 0 ? behind : 0;
			}
		}
	}
	struct top_row *row = row_of(r->top, TOP_GROUP, slice_str(id));
	row->lag = code == WEIR_OK ? lag : -1;
	row->count = partitions;
	snprintf(row->state_text, sizeof(row->state_text), "%s", state ? state : "");
	row->state = row->state_text[0] ? row->state_text : NULL;
	row_update(r->top, row, code == WEIR_OK ? committed : -1, -1);
}

static void sample_groups(struct round *r)
{
	if (!client_has_api(r->top->client, API_LIST_GROUPS, 0) || r->top->topic_count) {
		return;
	}
	struct group_listing *groups;
	size_t count;
	if (groups_list(r->top->client, &r->arena, &groups, &count, NULL) == WEIR_OK) {
		for (size_t i = 0; i < count; i++) {
			sample_group(r, groups[i].id, groups[i].state);
		}
	}
}

/* ---- all ---- */

/* What the last sample did not have is gone. */
static void drop_unseen(struct top *top)
{
	for (int i = 0; i < TOP_KINDS; i++) {
		size_t pos = 0;
		for (struct map_entry *e; (e = map_next(&top->rows[i], &pos));) {
			struct top_row *row = e->value;
			if (row->seen != top->sample) {
				map_remove(&top->rows[i], slice_of(e->key, e->key_len));
				row_free(row);
			}
		}
	}
}

enum weir_code top_sample(struct top *top, struct weir_err *err)
{
	struct round r = {.top = top};
	struct map sizes;
	arena_init(&r.arena, (size_t)4 * LIMIT_FRAME_DEFAULT);
	map_init(&r.ends);
	map_init(&sizes);
	top->sample++;
	enum weir_code code = client_describe(top->client, &r.arena, &r.cluster, err);
	code = code ? code : check_named(&r, err);
	if (code == WEIR_OK) {
		snprintf(top->cluster_id, sizeof(top->cluster_id), "%s",
			r.cluster.id ? r.cluster.id : "");
		top->nodes = (int64_t)r.cluster.node_count;
		sample_brokers(&r, &sizes);
		sample_topics(&r, &sizes);
		sample_groups(&r);
		drop_unseen(top);
	}
	map_fini(&sizes);
	map_fini(&r.ends);
	arena_fini(&r.arena);
	return code;
}

static int busier(const void *a, const void *b)
{
	const struct top_row *x = *(struct top_row *const *)a, *y = *(struct top_row *const *)b;
	double fast_x = x->kind == TOP_GROUP ? (double)x->lag : x->records_per_s;
	double fast_y = y->kind == TOP_GROUP ? (double)y->lag : y->records_per_s;
	return fast_x < fast_y ? 1 : fast_x > fast_y ? -1 : strcmp(x->name, y->name);
}

struct top_row **top_rows(const struct top *top, enum top_kind kind, size_t *count)
{
	struct top_row **rows = mem_array(top->rows[kind].count + 1, sizeof(struct top_row *));
	size_t pos = 0, n = 0;
	for (struct map_entry *e; (e = map_next(&top->rows[kind], &pos));) {
		rows[n++] = e->value;
	}
	qsort(rows, n, sizeof(struct top_row *), busier);
	*count = n;
	return rows;
}
