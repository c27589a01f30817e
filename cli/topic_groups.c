/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/topic_groups.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/client.h"

#include <string.h>

enum { REQUEST_LIST_GROUPS = 16 };

enum weir_code topic_groups_load(
	struct ctx *ctx, struct client *client, struct topic_groups *groups, struct weir_err *err)
{
	struct group_listing *list;
	struct arena arena;
	size_t count = 0;
	*groups = (struct topic_groups){.count = 0};
	if (!client_has_api(client, REQUEST_LIST_GROUPS, 0)) {
		return WEIR_OK;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = groups_list(client, &arena, &list, &count, err);
	groups->views = mem_array(count + 1, sizeof(*groups->views));
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		if (!group_is_consumer(&list[i])) {
			continue;
		}
		struct group_view *view = &groups->views[groups->count++];
		code = group_view_load(ctx, client, list[i].id, view, err);
		if (code == WEIR_GROUP_ID_NOT_FOUND) {
			group_view_fini(view);
			groups->count--;
			ctx->hint.text[0] = '\0';
			code = WEIR_OK;
		}
	}
	arena_fini(&arena);
	return code;
}

void topic_groups_fini(struct topic_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		group_view_fini(&groups->views[i]);
	}
	mem_free(groups->views);
}

static bool reads(const struct group_member *member, const char *topic)
{
	for (size_t i = 0; i < member->owned.count; i++) {
		if (strcmp(member->owned.items[i].topic, topic) == 0) {
			return true;
		}
	}
	return false;
}

bool topic_groups_reader(
	const struct group_view *view, const char *topic, struct topic_reader *reader)
{
	*reader = (struct topic_reader){.members = 0};
	for (size_t i = 0; i < view->count; i++) {
		const struct group_row *row = &view->rows[i];
		if (strcmp(row->topic, topic) == 0) {
			reader->partitions++;
			reader->committed += row->committed > 0 ? row->committed : 0;
			reader->lag += row->lag > 0 ? row->lag : 0;
		}
	}
	for (size_t m = 0; m < view->group.member_count; m++) {
		reader->members += reads(&view->group.members[m], topic);
	}
	return reader->partitions > 0;
}
