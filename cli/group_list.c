/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/connect.h"
#include "core/base/limits.h"
#include "core/client/groups.h"

#include <string.h>
#include <strings.h>

struct group_list_args {
	const char *state, *type;
};

static const struct opt opts[] = {
	OPT_STR(struct group_list_args, state, .name = "state", .arg = "STATE",
		.help = "Only groups in this state: Stable, Empty, PreparingRebalance, ... ."),
	OPT_STR(struct group_list_args, type, .name = "type", .arg = "TYPE",
		.help = "Only groups of this type: classic, consumer, ... ."),
	OPT_END,
};

static const struct column columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"type", COLUMN_TEXT,
		"Protocol of its members: classic, consumer; null where the broker is "
		"too old to say."},
	{"state", COLUMN_TEXT, "Stable, Empty, ...; null where the broker is too old to say."},
	{"protocol", COLUMN_TEXT, "What it is for: consumer, connect, ...; empty: only offsets."},
	{"coordinator", COLUMN_NUMBER, "Broker that keeps it."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group list", "Lists all groups."},
	{"weir group list --no-header | cut -f1", "Prints the names only."},
	{"weir group list --state Empty", "Lists groups without members."},
	{NULL, NULL},
};

static enum weir_code group_list_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_group_list = {
	.path = "group list",
	.summary = "Lists groups.",
	.opts = opts,
	.args_size = sizeof(struct group_list_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = group_list_run,
};

static bool is_wanted(const char *wanted, const char *value)
{
	return !wanted || (value && strcasecmp(wanted, value) == 0);
}

static enum weir_code group_list_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct group_list_args *a = args;
	struct client *client;
	struct group_listing *groups;
	struct arena arena;
	size_t count;
	enum weir_code code = connect_client(ctx, &client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	code = groups_list(client, &arena, &groups, &count, err);
	if (code == WEIR_OK) {
		struct table *table = table_new(ctx, columns);
		for (size_t i = 0; i < count; i++) {
			if (is_wanted(a->state, groups[i].state) &&
				is_wanted(a->type, groups[i].type)) {
				table_text(table, groups[i].id);
				table_text(table, groups[i].type);
				table_text(table, groups[i].state);
				table_text(table, groups[i].protocol_type);
				table_number(table, groups[i].coordinator);
			}
		}
		table_end(&table);
	}
	arena_fini(&arena);
	return code;
}
