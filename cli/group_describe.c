/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One of three tables: a row a partition, a row a member, a row a group. */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/group_view.h"
#include "cli/outcome.h"
#include "core/base/buf.h"
#include "core/base/mem.h"

#include <string.h>

struct group_describe_args {
	bool members, state;
};

static const struct opt opts[] = {
	OPT_BOOL(struct group_describe_args, members, .name = "members", .letter = 'm',
		.help = "A line for each member: where it is, and what it reads."),
	OPT_BOOL(struct group_describe_args, state, .name = "state",
		.help = "A line for each group: state, assignor, members, lag."),
	OPT_END,
};

static const struct column partition_columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"topic", COLUMN_TEXT, "Topic that is read."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"committed", COLUMN_NUMBER, "Offset that the group goes on at; null: none is committed."},
	{"start", COLUMN_NUMBER, "First offset that is kept; null: the topic is gone."},
	{"end", COLUMN_NUMBER, "Offset behind the last one."},
	{"lag", COLUMN_NUMBER, "Offsets up to the end; without a commit, from the start."},
	{"member", COLUMN_TEXT, "Member that reads it; null: none."},
	{"client_id", COLUMN_TEXT, "What the member calls itself."},
	{"host", COLUMN_TEXT, "Where the member is."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column member_columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"member", COLUMN_TEXT, "Id that the member has in the group."},
	{"instance", COLUMN_TEXT, "Name of a static member; null: it is none."},
	{"client_id", COLUMN_TEXT, "What the member calls itself."},
	{"host", COLUMN_TEXT, "Where the member is."},
	{"protocol", COLUMN_TEXT, "classic or consumer."},
	{"epoch", COLUMN_NUMBER, "Member epoch; null in the protocol classic."},
	{"partitions", COLUMN_NUMBER, "Partitions that it reads."},
	{"lag", COLUMN_NUMBER, "Lag of these."},
	{"assignment", COLUMN_TEXT, "These, as TOPIC:0,1,2 TOPIC:3."},
	{"target", COLUMN_TEXT, "What it is to read; null in the protocol classic."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column state_columns[] = {
	{"group", COLUMN_TEXT, "Name."},
	{"type", COLUMN_TEXT, "classic or consumer."},
	{"state", COLUMN_TEXT, "Stable, Empty, PreparingRebalance, Reconciling, ... ."},
	{"protocol", COLUMN_TEXT, "What it is for: consumer, connect, ... ."},
	{"assignor", COLUMN_TEXT, "How partitions are shared out; empty without members."},
	{"epoch", COLUMN_NUMBER, "Epoch of the group; null in the protocol classic."},
	{"coordinator", COLUMN_NUMBER, "Broker that keeps it."},
	{"members", COLUMN_NUMBER, "Number of members."},
	{"partitions", COLUMN_NUMBER, "Partitions that it reads or has committed offsets of."},
	{"lag", COLUMN_NUMBER, "Lag of these."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir group describe billing", "Shows where a group is, and who reads what."},
	{"weir group describe billing --members", "Shows its members."},
	{"weir group describe billing --state -O json",
		"Describes the group itself for a program."},
	{NULL, NULL},
};

static enum weir_code group_describe_run(void *args, struct ctx *ctx, struct weir_err *err);

static const struct column *columns_of(const void *args)
{
	const struct group_describe_args *a = args;
	return a->members ? member_columns : a->state ? state_columns : partition_columns;
}

const struct command cmd_group_describe = {
	.path = "group describe",
	.summary = "Shows what groups read, how far they are, and who is in them.",
	.positional = "GROUP...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct group_describe_args),
	.needs = NEEDS_CLIENT,
	.columns_of = columns_of,
	.examples = examples,
	.run = group_describe_run,
};

static void put_partitions(struct table *table, const struct group_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct group_row *row = &view->rows[i];
		const struct group_member *member = row->member;
		table_text(table, view->group.id);
		table_text(table, row->topic);
		table_number(table, row->partition);
		table_known(table, row->committed);
		table_known(table, row->start);
		table_known(table, row->end);
		table_known(table, row->lag);
		table_text(table, member ? member->id : NULL);
		table_text(table, member ? member->client_id : NULL);
		table_text(table, member ? member->host : NULL);
	}
}

/* "a:0,1 b:2" */
static void put_parts(struct table *table, const struct group_parts *parts)
{
	struct buf text;
	buf_init(&text, 0);
	for (size_t i = 0; i < parts->count; i++) {
		const struct group_part *part = &parts->items[i];
		if (i && strcmp(part->topic, parts->items[i - 1].topic) == 0) {
			buf_printf(&text, ",%d", (int)part->partition);
		} else {
			buf_printf(
				&text, "%s%s:%d", i ? " " : "", part->topic, (int)part->partition);
		}
	}
	table_text(table, buf_str(&text));
	buf_fini(&text);
}

static void put_members(struct table *table, const struct group_view *view)
{
	for (size_t m = 0; m < view->group.member_count; m++) {
		const struct group_member *member = &view->group.members[m];
		int64_t lag = 0;
		for (size_t i = 0; i < view->count; i++) {
			bool mine = view->rows[i].member == member && view->rows[i].lag > 0;
			lag += mine ? view->rows[i].lag : 0;
		}
		table_text(table, view->group.id);
		table_text(table, member->id);
		table_text(table, member->instance_id);
		table_text(table, member->client_id);
		table_text(table, member->host);
		table_text(table, member->protocol);
		table_known(table, member->epoch);
		table_number(table, (int64_t)member->owned.count);
		table_number(table, lag);
		put_parts(table, &member->owned);
		if (strcmp(view->group.type, "consumer") == 0) {
			put_parts(table, &member->target);
		} else {
			table_null(table);
		}
	}
}

static void put_state(struct table *table, const struct group_view *view)
{
	const struct group_description *group = &view->group;
	table_text(table, group->id);
	table_text(table, group->type);
	table_text(table, group->state);
	table_text(table, group->protocol_type);
	table_text(table, group->assignor);
	table_known(table, group->epoch);
	table_number(table, group->coordinator);
	table_number(table, (int64_t)group->member_count);
	table_number(table, (int64_t)view->count);
	table_number(table, view->lag);
}

static enum weir_code group_describe_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	const struct group_describe_args *a = args;
	struct client *client;
	struct weir_err why;
	if (a->members && a->state) {
		return err_set(err, WEIR_USAGE, "--members and --state exclude each other");
	}
	enum weir_code code = connect_client(ctx, &client, err), first = WEIR_OK;
	if (code != WEIR_OK) {
		return code;
	}
	struct table *table = table_new(ctx, columns_of(a));
	for (size_t i = 0; i < ctx->word_count; i++) {
		struct group_view view;
		code = group_view_load(ctx, client, ctx->words[i], &view, &why);
		if (code != WEIR_OK && first == WEIR_OK) {
			first = code;
			*err = why;
		}
		if (code == WEIR_OK) {
			(a->members	   ? put_members
				: a->state ? put_state
					   : put_partitions)(table, &view);
		}
		group_view_fini(&view);
	}
	table_end(&table);
	return first;
}
