/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/group_view.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/client/group_offsets.h"

#include <stdlib.h>
#include <string.h>

void group_hint(struct ctx *ctx, struct client *client, const char *name)
{
	struct group_listing *groups;
	struct arena arena;
	struct near near;
	size_t count;
	near_init(&near, name);
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	if (groups_list(client, &arena, &groups, &count, NULL) == WEIR_OK) {
		for (size_t i = 0; i < count; i++) {
			near_offer(&near, groups[i].id);
		}
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean \"%s\"?", near.best);
	}
	arena_fini(&arena);
}

bool group_is_consumer(const struct group_listing *group)
{
	const char *type = group->protocol_type;
	return !type[0] || strcmp(type, "consumer") == 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct group_row *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

/* Committed ones and those of members, each once. */
static bool merge_rows(
	struct group_view *view, const struct group_offset *offsets, size_t offset_count)
{
	size_t room = offset_count, count = 0;
	for (size_t m = 0; m < view->group.member_count; m++) {
		room += view->group.members[m].owned.count;
	}
	view->rows = arena_try_array(&view->arena, room + 1, sizeof(*view->rows));
	if (!view->rows) {
		return false;
	}
	for (size_t i = 0; i < offset_count; i++) {
		if (!offsets[i].error && offsets[i].offset >= 0) {
			view->rows[count++] = (struct group_row){offsets[i].topic,
				offsets[i].partition, offsets[i].offset, -1, -1, -1, NULL};
		}
	}
	for (size_t m = 0; m < view->group.member_count; m++) {
		const struct group_member *member = &view->group.members[m];
		for (size_t i = 0; i < member->owned.count; i++) {
			view->rows[count++] = (struct group_row){member->owned.items[i].topic,
				member->owned.items[i].partition, -1, -1, -1, -1, member};
		}
	}
	qsort(view->rows, count, sizeof(*view->rows), compare_rows);
	for (size_t i = 0; i < count; i++) {
		struct group_row *last = view->count ? &view->rows[view->count - 1] : NULL;
		if (last && compare_rows(last, &view->rows[i]) == 0) {
			bool commit = view->rows[i].committed >= 0;
			last->committed = commit ? view->rows[i].committed : last->committed;
			last->member = last->member ? last->member : view->rows[i].member;
		} else {
			view->rows[view->count++] = view->rows[i];
		}
	}
	return true;
}

/* Start and end of the partitions of one topic. */
static enum weir_code ask_topic(
	struct client *client, struct group_row *rows, size_t count, struct weir_err *err)
{
	struct client_offset *asks = mem_array(count * 2, sizeof(*asks));
	for (size_t i = 0; i < count; i++) {
		asks[2 * i] =
			(struct client_offset){rows[i].partition, CLIENT_OFFSET_EARLIEST, -1, 0};
		asks[2 * i + 1] =
			(struct client_offset){rows[i].partition, CLIENT_OFFSET_LATEST, -1, 0};
	}
	enum weir_code code = client_offsets(client, rows[0].topic, false, asks, count * 2, err);
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		if (asks[2 * i].error || asks[2 * i + 1].error) {
			continue;
		}
		rows[i].start = asks[2 * i].offset;
		rows[i].end = asks[2 * i + 1].offset;
		int64_t from = rows[i].committed < 0 ? rows[i].start : rows[i].committed;
		rows[i].lag = rows[i].end > from ? rows[i].end - from : 0;
	}
	mem_free(asks);
	/* Offsets of a topic that was deleted are kept a while. */
	return code == WEIR_UNKNOWN_TOPIC_OR_PARTITION ? WEIR_OK : code;
}

static enum weir_code ask_ends(struct client *client, struct group_view *view, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < view->count && code == WEIR_OK;) {
		size_t end = i + 1;
		while (end < view->count &&
			strcmp(view->rows[end].topic, view->rows[i].topic) == 0) {
			end++;
		}
		code = ask_topic(client, view->rows + i, end - i, err);
		i = end;
	}
	for (size_t i = 0; i < view->count; i++) {
		view->lag += view->rows[i].lag > 0 ? view->rows[i].lag : 0;
	}
	return code;
}

enum weir_code group_view_load(struct ctx *ctx, struct client *client, const char *group,
	struct group_view *view, struct weir_err *err)
{
	struct group_offset *offsets;
	size_t count;
	*view = (struct group_view){.lag = 0};
	arena_init(&view->arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = groups_describe(client, group, &view->arena, &view->group, err);
	if (code == WEIR_GROUP_ID_NOT_FOUND) {
		group_hint(ctx, client, group);
		return err_set(err, code, "no group \"%s\"", group);
	}
	if (code == WEIR_OK) {
		code = group_offsets_all(client, group, &view->arena, &offsets, &count, err);
	}
	if (code == WEIR_OK && !merge_rows(view, offsets, count)) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory for group \"%s\"", group);
	}
	return code == WEIR_OK ? ask_ends(client, view, err) : code;
}

void group_view_fini(struct group_view *view)
{
	arena_fini(&view->arena);
}
