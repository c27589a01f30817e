/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One of four tables: a row a topic, a row a partition, a row a setting, a row a group. What only
 * some brokers tell (sizes, settings) is null where they don't.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/log_sizes.h"
#include "cli/settings.h"
#include "cli/topic_common.h"
#include "cli/topic_file.h"
#include "cli/topic_groups.h"
#include "cli/topic_offset.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

struct topic_describe_args {
	bool partitions, configs, groups, all, definition, regex;
};

static const struct opt opts[] = {
	OPT_BOOL(struct topic_describe_args, partitions, .name = "partitions", .letter = 'p',
		.help = "A line for each partition: leader, replicas, offsets, size."),
	OPT_BOOL(struct topic_describe_args, configs, .name = "configs", .letter = 'c',
		.help = "A line for each setting of the topic."),
	OPT_BOOL(struct topic_describe_args, groups, .name = "groups",
		.help = "A line for each group that reads the topic or has offsets of it."),
	OPT_BOOL(struct topic_describe_args, all, .name = "all", .letter = 'a',
		.help = "With --configs: also those that the topic has from elsewhere."),
	OPT_BOOL(struct topic_describe_args, definition, .name = "definition",
		.help = "Prints a file that \"weir topic apply\" takes."),
	OPT_BOOL(struct topic_describe_args, regex, .name = "regex",
		.help = "TOPIC is a regular expression that matches whole names."),
	OPT_END,
};

static const struct column topic_columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partitions", COLUMN_NUMBER, "Number of partitions."},
	{"replicas", COLUMN_NUMBER, "Replicas of partition 0."},
	{"offsets", COLUMN_NUMBER, "Offsets between start and end, of all partitions."},
	{"bytes", COLUMN_BYTES, "Size on the leaders' disks; null where they do not tell."},
	{"under_replicated", COLUMN_NUMBER, "Partitions of which a replica is out of sync."},
	{"offline", COLUMN_NUMBER, "Partitions without a leader."},
	{"internal", COLUMN_BOOL, "Whether the brokers keep it for themselves."},
	{"id", COLUMN_TEXT, "Topic id; null where the broker has none."},
	{"configs", COLUMN_TEXT, "What is set for the topic itself, as KEY=VALUE,... ."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column partition_columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"partition", COLUMN_NUMBER, "Number of the partition."},
	{"leader", COLUMN_NUMBER, "Broker that leads it; null: none."},
	{"epoch", COLUMN_NUMBER, "Leader epoch."},
	{"replicas", COLUMN_NUMBERS, "Brokers that keep a copy."},
	{"isr", COLUMN_NUMBERS, "Those of them that are in sync."},
	{"start", COLUMN_NUMBER, "First offset that is kept."},
	{"end", COLUMN_NUMBER, "Offset behind the last one."},
	{"bytes", COLUMN_BYTES, "Size on the leader's disk; null where it does not tell."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column setting_columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"key", COLUMN_TEXT, "Name of the setting."},
	{"value", COLUMN_TEXT, "Value; null where it is secret or unset."},
	{"source", COLUMN_TEXT, "Where it was set: topic, broker, brokers, file; or default."},
	{"type", COLUMN_TEXT, "Kind of value: int, long, string, list, ... ."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct column group_columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	{"group", COLUMN_TEXT, "Group that reads it."},
	{"state", COLUMN_TEXT, "Stable, Empty, ... ."},
	{"members", COLUMN_NUMBER, "Its members that read this topic."},
	{"partitions", COLUMN_NUMBER, "Partitions that are read or have committed offsets."},
	{"committed", COLUMN_NUMBER, "Sum of the committed offsets."},
	{"lag", COLUMN_NUMBER, "Offsets up to the ends."},
	OUTCOME_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic describe orders", "Shows a topic on one line."},
	{"weir topic describe orders --partitions", "Shows where its partitions are and how far."},
	{"weir topic describe orders --configs --all", "Shows every setting that is in force."},
	{"weir topic describe orders --groups", "Shows who reads it, and how far they are."},
	{"weir topic describe --regex 'orders\\..*' -O json", "Describes many for a program."},
	{NULL, NULL},
};

static enum weir_code topic_describe_run(void *args, struct ctx *ctx, struct weir_err *err);

static const struct column *columns_of(const void *args)
{
	const struct topic_describe_args *a = args;
	return a->partitions   ? partition_columns
	       : a->configs    ? setting_columns
	       : a->groups     ? group_columns
	       : a->definition ? NULL
			       : topic_columns;
}

const struct command cmd_topic_describe = {
	.path = "topic describe",
	.summary = "Shows what topics are like.",
	.details = "The exit status is the first failure's: a topic that is not there, a partition "
		   "without a leader.",
	.positional = "TOPIC...",
	.positional_min = 1,
	.positional_max = POSITIONAL_MANY,
	.opts = opts,
	.args_size = sizeof(struct topic_describe_args),
	.needs = NEEDS_CLIENT,
	.columns_of = columns_of,
	.examples = examples,
	.run = topic_describe_run,
};

struct describe {
	struct ctx *ctx;
	struct client *client;
	const struct topic_describe_args *args;
	struct table *table;
	struct outcome outcome;
	struct topic_pick pick;
	const struct client_topic **topics; /* that are there, in the order of the items */
	struct settings_of *of;		    /* for each of them */
	size_t topic_count;
	struct log_sizes sizes;
	struct arena arena; /* of settings */
	struct settings *settings;
	struct topic_groups groups;
};

static void find_topics(struct describe *d)
{
	d->topics = mem_array(d->pick.count + 1, sizeof(*d->topics));
	d->of = mem_array(d->pick.count + 1, sizeof(*d->of));
	d->settings = mem_array(d->pick.count + 1, sizeof(*d->settings));
	for (size_t i = 0; i < d->pick.count; i++) {
		const struct topic_item *item = &d->pick.items[i];
		if (item->topic) {
			d->of[d->topic_count] =
				(struct settings_of){SETTINGS_OF_TOPIC, item->name, item->name};
			d->topics[d->topic_count++] = item->topic;
		}
	}
}

static enum weir_code ask_settings(struct describe *d, struct weir_err *err)
{
	return d->topic_count
		       ? settings_ask(d->client, d->of, d->topic_count, &d->arena, d->settings, err)
		       : WEIR_OK;
}

static enum weir_code find_spots(const struct describe *d, const struct client_topic *topic,
	struct topic_spot **spots, struct weir_err *err)
{
	const struct topic_places none = {.listed = NULL};
	*spots = mem_array((size_t)topic->partition_count + 1, sizeof(**spots));
	for (int32_t p = 0; p < topic->partition_count; p++) {
		(*spots)[p].chosen = topic->partitions[p].leader >= 0;
		(*spots)[p].error = (*spots)[p].chosen ? WEIR_OK : WEIR_LEADER_NOT_AVAILABLE;
		(*spots)[p].start = (*spots)[p].end = -1;
	}
	return topic_places_find(d->client, topic, &none, false, *spots, err);
}

static char *list_set(const struct settings *settings)
{
	struct buf text;
	buf_init(&text, 0);
	for (size_t i = 0; i < settings->count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			&settings->entries[i];
		if (e->config_source == SETTINGS_FROM_TOPIC) {
			buf_printf(&text, "%s%.*s=%.*s", text.len ? "," : "", (int)e->name.len,
				(const char *)e->name.data, (int)e->value.len,
				(const char *)e->value.data);
		}
	}
	char *list = mem_dup_str(buf_str(&text));
	buf_fini(&text);
	return list;
}

static void outcome(struct describe *d, const char *topic, int32_t partition, enum weir_code code,
	struct slice message)
{
	char *what = partition < 0 ? mem_printf("topic \"%s\"", topic)
				   : mem_printf("topic \"%s\" partition %d", topic, (int)partition);
	outcome_cells(&d->outcome, d->table, "ok", what, code, message);
	mem_free(what);
}

static void put_topic_row(struct describe *d, const struct client_topic *topic,
	const struct settings *settings, const struct topic_spot *spots)
{
	int64_t offsets = 0, under = 0, offline = 0;
	enum weir_code code = WEIR_OK;
	for (int32_t p = 0; p < topic->partition_count; p++) {
		const struct client_partition *part = &topic->partitions[p];
		under += part->isr_count < part->replica_count;
		offline += part->leader < 0;
		offsets += spots[p].error ? 0 : spots[p].end - spots[p].start;
		code = code == WEIR_OK ? spots[p].error : code;
	}
	char id[UUID_TEXT_LEN + 1];
	char *set = list_set(settings);
	uuid_format(topic->id, id);
	table_text(d->table, topic->name);
	table_number(d->table, topic->partition_count);
	table_number(d->table, topic_replica_count(topic));
	table_number(d->table, offsets);
	table_known(d->table, log_sizes_sum(&d->sizes, topic));
	table_number(d->table, under);
	table_number(d->table, offline);
	table_bool(d->table, topic->internal);
	table_text(d->table, uuid_is_zero(topic->id) ? NULL : id);
	table_text(d->table, settings->error ? NULL : set);
	outcome(d, topic->name, -1, code, slice_of(NULL, 0));
	mem_free(set);
}

static void put_partition_rows(
	struct describe *d, const struct client_topic *topic, const struct topic_spot *spots)
{
	for (int32_t p = 0; p < topic->partition_count; p++) {
		const struct client_partition *part = &topic->partitions[p];
		table_text(d->table, topic->name);
		table_number(d->table, p);
		table_known(d->table, part->leader);
		table_known(d->table, part->leader_epoch);
		table_numbers(d->table, part->replicas, part->replica_count);
		table_numbers(d->table, part->isr, part->isr_count);
		table_known(d->table, spots[p].error ? -1 : spots[p].start);
		table_known(d->table, spots[p].error ? -1 : spots[p].end);
		table_known(d->table, log_sizes_of(&d->sizes, topic, p));
		outcome(d, topic->name, p, spots[p].error, slice_of(NULL, 0));
	}
}

static void put_setting_rows(struct describe *d, const char *topic, const struct settings *settings)
{
	if (settings->error) {
		table_text(d->table, topic);
		for (int i = 0; i < 4; i++) {
			table_null(d->table);
		}
		outcome(d, topic, -1, settings->error, settings->message);
		return;
	}
	for (size_t i = 0; i < settings->count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			&settings->entries[i];
		if (d->args->all || e->config_source == SETTINGS_FROM_TOPIC) {
			table_text(d->table, topic);
			table_slice(d->table, e->name);
			table_slice(d->table, e->is_sensitive ? slice_of(NULL, 0) : e->value);
			table_text(d->table, settings_source_name(e->config_source));
			table_text(d->table, settings_type_name(e->config_type));
			outcome(d, topic, -1, WEIR_OK, slice_of(NULL, 0));
		}
	}
}

static void put_group_rows(struct describe *d, const char *topic)
{
	for (size_t i = 0; i < d->groups.count; i++) {
		const struct group_view *view = &d->groups.views[i];
		struct topic_reader reader;
		if (topic_groups_reader(view, topic, &reader)) {
			table_text(d->table, topic);
			table_text(d->table, view->group.id);
			table_text(d->table, view->group.state);
			table_number(d->table, reader.members);
			table_number(d->table, reader.partitions);
			table_number(d->table, reader.committed);
			table_number(d->table, reader.lag);
			outcome(d, topic, -1, WEIR_OK, slice_of(NULL, 0));
		}
	}
}

static enum weir_code put_topic(struct describe *d, const struct client_topic *topic,
	const struct settings *settings, struct weir_err *err)
{
	if (d->args->configs) {
		put_setting_rows(d, topic->name, settings);
		return WEIR_OK;
	}
	if (d->args->groups) {
		put_group_rows(d, topic->name);
		return WEIR_OK;
	}
	struct topic_spot *spots;
	enum weir_code code = find_spots(d, topic, &spots, err);
	if (code == WEIR_OK && d->args->partitions) {
		put_partition_rows(d, topic, spots);
	} else if (code == WEIR_OK) {
		put_topic_row(d, topic, settings, spots);
	}
	mem_free(spots);
	return code;
}

static void put_missing(struct describe *d, const struct topic_item *item)
{
	const struct column *columns = columns_of(d->args);
	table_text(d->table, item->name);
	for (size_t i = 1; columns[i + OUTCOME_COUNT].name; i++) {
		table_null(d->table);
	}
	topic_missing_cells(d->ctx, &d->pick, item, &d->outcome, d->table);
}

static void print_definition(
	struct out *out, const struct client_topic *topic, const struct settings *settings)
{
	out_printf(out, "[topic %s]\npartitions = %d\nreplicas = %d\n", topic->name,
		(int)topic->partition_count, (int)topic_replica_count(topic));
	for (size_t i = 0; i < settings->count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			&settings->entries[i];
		if (e->config_source != SETTINGS_FROM_TOPIC) {
			continue;
		}
		struct buf value;
		buf_init(&value, 0);
		topic_file_add_value(&value, e->value);
		out_bytes(out, e->name.data, e->name.len);
		out_printf(out, " = %s\n", buf_str(&value));
		buf_fini(&value);
	}
}

static enum weir_code print_definitions(struct describe *d, struct weir_err *err)
{
	size_t at = 0;
	for (size_t i = 0; i < d->pick.count; i++) {
		const struct topic_item *item = &d->pick.items[i];
		enum weir_code code = item->topic ? d->settings[at].error : item->error;
		if (code != WEIR_OK) {
			topic_hint(d->ctx, &d->pick, item->name);
			return err_set(err, code, "topic \"%s\": %s", item->name,
				err_info((int)code)->text);
		}
		out_str(&d->ctx->out, at ? "\n" : "");
		print_definition(&d->ctx->out, item->topic, &d->settings[at]);
		at++;
	}
	return WEIR_OK;
}

static enum weir_code put_all(struct describe *d, struct weir_err *err)
{
	size_t at = 0;
	enum weir_code code = WEIR_OK;
	d->table = table_new(d->ctx, columns_of(d->args));
	for (size_t i = 0; code == WEIR_OK && i < d->pick.count; i++) {
		if (d->pick.items[i].topic) {
			code = put_topic(d, d->topics[at], &d->settings[at], err);
			at++;
		} else {
			put_missing(d, &d->pick.items[i]);
		}
	}
	table_end(&d->table);
	return code == WEIR_OK ? outcome_end(&d->outcome, err) : code;
}

static enum weir_code describe_all(struct describe *d, struct weir_err *err)
{
	struct ctx *ctx = d->ctx;
	enum weir_code code = topic_pick(
		d->client, ctx->words, ctx->word_count, d->args->regex, false, &d->pick, err);
	if (code != WEIR_OK) {
		return code;
	}
	find_topics(d);
	if (d->args->groups) {
		code = topic_groups_load(ctx, d->client, &d->groups, err);
		return code == WEIR_OK ? put_all(d, err) : code;
	}
	if (!d->args->partitions) {
		code = ask_settings(d, err);
	}
	if (code == WEIR_OK && d->args->definition) {
		return print_definitions(d, err);
	}
	if (code == WEIR_OK && !d->args->configs) {
		code = log_sizes_ask(d->client, d->topics, d->topic_count, &d->sizes, err);
	}
	return code == WEIR_OK ? put_all(d, err) : code;
}

static enum weir_code topic_describe_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct describe d = {.ctx = ctx, .args = args};
	if (d.args->partitions + d.args->configs + d.args->groups + d.args->definition > 1) {
		return err_set(err, WEIR_USAGE,
			"--partitions, --configs, --groups and --definition exclude each other");
	}
	if (d.args->definition && ctx->globals.output != OUTPUT_TEXT) {
		return err_set(err, WEIR_USAGE, "--definition and --output exclude each other");
	}
	enum weir_code code = connect_client(ctx, &d.client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&d.arena, LIMIT_FRAME_DEFAULT);
	arena_init(&d.sizes.arena, 0);
	code = describe_all(&d, err);
	topic_groups_fini(&d.groups);
	topic_pick_fini(&d.pick);
	log_sizes_fini(&d.sizes);
	arena_fini(&d.arena);
	mem_free(d.settings);
	mem_free(d.of);
	mem_free((void *)d.topics);
	return code;
}
