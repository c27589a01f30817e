/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A shard's kept state as text, to compare two of them. */
#pragma once

#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

#include <stdlib.h>

static void dump_slice(struct buf *out, const char *name, struct slice value)
{
	if (value.data) {
		buf_printf(out, " %s=", name);
		for (size_t i = 0; i < value.len; i++) {
			bool plain = value.data[i] > 32 && value.data[i] < 127;
			buf_printf(out, plain ? "%c" : "\\%02x", value.data[i]);
		}
	}
}

static int dump_compare_members(const void *a, const void *b)
{
	const struct classic_member *x = *(struct classic_member *const *)a;
	const struct classic_member *y = *(struct classic_member *const *)b;
	size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
	int order = memcmp(x->id.data, y->id.data, len);
	return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static void dump_classic(struct buf *out, const struct classic *classic)
{
	struct classic_member **members = mem_array((size_t)classic->count, sizeof(*members));
	size_t n = 0;
	LIST_EACH(it, &classic->members)
	{
		members[n++] = LIST_ENTRY(it, struct classic_member, node);
	}
	qsort(members, n, sizeof(*members), dump_compare_members);
	buf_printf(out, "  classic gen=%d state=%d since=%lld", classic->generation,
		(int)classic->state, (long long)classic->since_ms);
	dump_slice(out, "type", classic->protocol_type);
	dump_slice(out, "protocol", classic->protocol);
	dump_slice(out, "leader", classic->leader ? classic->leader->id : (struct slice){0});
	buf_add_str(out, "\n");
	for (size_t i = 0; i < n; i++) {
		const struct classic_member *m = members[i];
		buf_printf(out, "    member %d/%d", m->rebalance_timeout_ms, m->session_timeout_ms);
		dump_slice(out, "id", m->id);
		dump_slice(out, "instance", m->instance_id);
		dump_slice(out, "client", m->client_id);
		dump_slice(out, "host", m->client_host);
		dump_slice(out, "metadata", classic_metadata(m, classic->protocol));
		dump_slice(
			out, "assignment", m->assignment.len ? m->assignment : (struct slice){0});
		buf_add_str(out, "\n");
	}
	mem_free(members);
}

static void dump_offsets(struct buf *out, const char *what, const struct offsets *offsets)
{
	for (uint32_t t = 0; t < offsets->count; t++) {
		uint64_t pos = 0;
		const struct offset_topic *topic = offsets->topics[t];
		for (const struct committed *row; (row = offset_topic_next(topic, &pos));) {
			buf_printf(out, "  %s %d: %lld epoch=%d at=%lld until=%lld", what,
				row->partition, (long long)row->offset, row->leader_epoch,
				(long long)row->commit_ms, (long long)row->expire_ms);
			dump_slice(out, "topic", offset_topic_name(topic));
			dump_slice(out, "metadata", committed_metadata(row));
			buf_add_str(out, "\n");
		}
	}
}

/* In a rebalance only the offsets are kept as they are: the rest is of the last generation. */
static bool dump_settled(const struct classic *classic)
{
	return classic->state == CLASSIC_STABLE || classic->state == CLASSIC_EMPTY;
}

static bool dump_at_rest(const struct modern *modern)
{
	const char *state = modern_state_name(modern);
	return !strcmp(state, "Stable") || !strcmp(state, "Empty");
}

static void dump_set(struct buf *out, const char *name, const struct tp_set *set)
{
	buf_printf(out, " %s=", name);
	for (size_t i = 0; i < set->count; i++) {
		buf_printf(out, "%02x:%d@%d,", set->items[i].topic.bytes[0],
			set->items[i].partition, set->items[i].epoch);
	}
}

static int dump_compare_modern(const void *a, const void *b)
{
	const struct modern_member *x = *(struct modern_member *const *)a;
	const struct modern_member *y = *(struct modern_member *const *)b;
	size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
	int order = memcmp(x->id.data, y->id.data, len);
	return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static void dump_modern_member(struct buf *out, const struct modern_member *m)
{
	buf_printf(out, "    member %d epoch=%d/%d state=%d", m->rebalance_timeout_ms, m->epoch,
		m->previous_epoch, (int)m->state);
	dump_slice(out, "id", m->id);
	dump_slice(out, "instance", m->instance_id);
	dump_slice(out, "rack", m->rack_id);
	dump_slice(out, "assignor", m->assignor);
	dump_slice(out, "client", m->client_id);
	dump_slice(out, "host", m->client_host);
	dump_slice(out, "pattern", m->pattern.len ? m->pattern : (struct slice){0});
	for (size_t i = 0; i < m->topic_count; i++) {
		dump_slice(out, "topic", m->topics[i]);
	}
	for (size_t i = 0; m->classic && i < m->classic->protocol_count; i++) {
		buf_printf(out, " classic=%d", m->classic->session_timeout_ms);
		dump_slice(out, "protocol", m->classic->protocols[i].name);
		dump_slice(out, "metadata", m->classic->protocols[i].metadata);
	}
	dump_set(out, "assigned", &m->assigned);
	dump_set(out, "revoking", &m->revoking);
	dump_set(out, "target", &m->target);
	buf_add_str(out, "\n");
}

static void dump_modern(struct buf *out, const struct modern *modern)
{
	struct modern_member **members = mem_array((size_t)modern->count, sizeof(*members));
	size_t n = 0, pos = 0;
	LIST_EACH(it, &modern->members)
	{
		members[n++] = LIST_ENTRY(it, struct modern_member, node);
	}
	qsort(members, n, sizeof(*members), dump_compare_modern);
	buf_printf(out, "  modern epoch=%d target=%d at=%lld hash=%lld\n", modern->epoch,
		modern->target_epoch, (long long)modern->target_ms, (long long)modern->hash);
	for (size_t i = 0; i < n; i++) {
		dump_modern_member(out, members[i]);
	}
	for (struct map_entry *e; (e = map_next(&modern->patterns, &pos));) {
		const struct modern_pattern *pattern = e->value;
		buf_printf(out, "    pattern members=%d", pattern->members);
		dump_slice(out, "pattern", pattern->pattern);
		for (size_t i = 0; i < pattern->topic_count; i++) {
			dump_slice(out, "topic", pattern->topics[i]);
		}
		buf_add_str(out, "\n");
	}
	mem_free(members);
}

static int dump_compare_groups(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
	size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
	int order = memcmp(x->id.data, y->id.data, len);
	return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

/* of: the shard whose groups decide which classic parts are compared. */
static void dump_coordinator(
	struct buf *out, const struct coordinator *c, const struct coordinator *of)
{
	struct group **groups = mem_array(c->groups.count, sizeof(*groups));
	size_t n = 0, pos = 0;
	for (struct map_entry *e; (e = map_next(&c->groups, &pos));) {
		groups[n++] = e->value;
	}
	qsort(groups, n, sizeof(*groups), dump_compare_groups);
	for (size_t i = 0; i < n; i++) {
		const struct group *group = groups[i], *same = group_find(of, group->id);
		buf_add_str(out, "group");
		dump_slice(out, "id", group->id);
		buf_add_str(out, "\n");
		if (group->classic && same && same->classic && dump_settled(same->classic)) {
			dump_classic(out, group->classic);
		}
		if (group->modern) {
			dump_modern(out, group->modern);
		}
		dump_offsets(out, "offset", &group->offsets);
		LIST_EACH(it, &group->pending)
		{
			dump_offsets(out, "pending",
				&LIST_ENTRY(it, struct pending_offsets, in_group)->offsets);
		}
	}
	mem_free(groups);
}
