/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings topics to what a file says. First the brokers check the whole plan; only when they would
 * take all of it, and with -y, it is carried out. Topics that the file does not name are left
 * alone.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/settings.h"
#include "cli/topic_common.h"
#include "cli/topic_file.h"
#include "cli/topic_new.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <inttypes.h>

struct topic_apply_args {
	bool keep, check;
};

static const struct opt opts[] = {
	OPT_BOOL(struct topic_apply_args, keep, .name = "keep",
		.help = "Leaves settings alone that the file does not name; without it they go "
			"back to the broker's default."),
	OPT_BOOL(struct topic_apply_args, check, .name = "check",
		.help = "Changes nothing; exit status 1 when something would change."),
	OPT_END,
};

static const struct column columns[] = {
	{"topic", COLUMN_TEXT, "Name."},
	SETTINGS_CHANGE_COLUMNS,
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir topic describe --regex '.*' --definition > topics.conf",
		"Writes a file of the topics as they are."},
	{"weir topic apply topics.conf", "Shows what would change."},
	{"weir topic apply -y topics.conf", "Makes these changes."},
	{"weir topic apply --check topics.conf || echo differs", "Asks whether something differs."},
	{NULL, NULL},
};

static enum weir_code topic_apply_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_topic_apply = {
	.path = "topic apply",
	.summary = "Brings topics to what a file says.",
	.details = "Prints the plan, and with -y carries it out. Topics are created, get more "
		   "partitions and other settings; none is deleted, and those that the file does "
		   "not name are left alone.",
	.positional = "FILE",
	.positional_min = 1,
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct topic_apply_args),
	.needs = NEEDS_CLIENT,
	.columns = columns,
	.examples = examples,
	.run = topic_apply_run,
};

struct apply {
	struct ctx *ctx;
	struct client *client;
	const struct topic_apply_args *args;
	const struct topic_file *file;
	struct topic_pick pick; /* of the file's topics, in its order */
	struct arena arena;
	bool validate; /* this pass changes nothing */
	struct table *table;
	struct outcome outcome;
};

static void put(struct apply *a, const char *topic, const char *key, const char *old,
	const char *new, const char *done, enum weir_code code, struct slice message)
{
	char *what = mem_printf("topic \"%s\"", topic);
	table_text(a->table, topic);
	table_text(a->table, key);
	table_text(a->table, old);
	table_text(a->table, code == WEIR_OK ? new : old);
	outcome_cells(&a->outcome, a->table, done, what, code, message);
	mem_free(what);
}

/* ---- a topic that is not there ---- */

static enum weir_code create(struct apply *a, const struct topic_def *def, struct weir_err *err)
{
	struct create_topics_response response = {0};
	struct create_topics_request_creatable_topic_config *configs =
		mem_array(def->config_count + 1, sizeof(*configs));
	for (size_t i = 0; i < def->config_count; i++) {
		configs[i] = (struct create_topics_request_creatable_topic_config){
			.name = slice_str(def->configs[i].key),
			.value = slice_str(def->configs[i].value)};
	}
	const struct topic_new topic = {
		def->name, def->partitions, def->replicas, configs, def->config_count};
	enum weir_code code = topic_new_send(
		a->ctx, a->client, &topic, 1, a->validate, &a->arena, &response, err);
	mem_free(configs);
	if (code != WEIR_OK) {
		return code;
	}
	bool told = response.topics_count == 1;
	enum weir_code result =
		told ? err_info(response.topics[0].error_code)->code : WEIR_PROTOCOL;
	int32_t partitions = told && response.topics[0].num_partitions > 0
				     ? response.topics[0].num_partitions
				     : def->partitions;
	const char *done = a->validate ? "would create" : "created";
	char *count = partitions > 0 ? mem_printf("%" PRId32, partitions) : NULL;
	put(a, def->name, "partitions", NULL, count, done, result,
		told ? response.topics[0].error_message : slice_of(NULL, 0));
	mem_free(count);
	for (size_t i = 0; result == WEIR_OK && i < def->config_count; i++) {
		put(a, def->name, def->configs[i].key, NULL, def->configs[i].value, done, WEIR_OK,
			slice_of(NULL, 0));
	}
	return WEIR_OK;
}

/* ---- one that is ---- */

static enum weir_code add_partitions(struct apply *a, const struct topic_def *def,
	const struct client_topic *topic, struct weir_err *err)
{
	struct create_partitions_request request;
	struct create_partitions_request_create_partitions_topic one = {
		.name = slice_str(def->name), .count = def->partitions, .assignments_count = -1};
	struct create_partitions_response response = {0};
	wire_defaults(&create_partitions_request_message, &request);
	request.timeout_ms = topic_timeout_ms(a->ctx);
	request.validate_only = a->validate;
	request.topics = &one;
	request.topics_count = 1;
	enum weir_code code = client_call(a->client, CLIENT_CONTROLLER, REQUEST_CREATE_PARTITIONS,
		&request, &a->arena, &response, NULL, err);
	if (code != WEIR_OK) {
		return code;
	}
	bool told = response.results_count == 1;
	char *old = mem_printf("%" PRId32, topic->partition_count);
	char *new = mem_printf("%" PRId32, def->partitions);
	put(a, def->name, "partitions", old, new, a->validate ? "would add" : "added",
		told ? err_info(response.results[0].error_code)->code : WEIR_PROTOCOL,
		told ? response.results[0].error_message : slice_of(NULL, 0));
	mem_free(old);
	mem_free(new);
	return WEIR_OK;
}

static enum weir_code apply_numbers(struct apply *a, const struct topic_def *def,
	const struct client_topic *topic, struct weir_err *err)
{
	int32_t replicas = topic_replica_count(topic);
	if (def->replicas > 0 && def->replicas != replicas) {
		char *old = mem_printf("%" PRId32, replicas);
		put(a, def->name, "replicas", old, NULL, NULL, WEIR_INVALID_REPLICATION_FACTOR,
			slice_str("the number of replicas of a topic that is there stays"));
		mem_free(old);
	}
	if (def->partitions > 0 && def->partitions < topic->partition_count) {
		char *old = mem_printf("%" PRId32, topic->partition_count);
		put(a, def->name, "partitions", old, NULL, NULL, WEIR_INVALID_PARTITIONS,
			slice_str("partitions cannot be taken away"));
		mem_free(old);
	}
	return def->partitions > topic->partition_count ? add_partitions(a, def, topic, err)
							: WEIR_OK;
}

/* What differs; *count entries, freed by the caller: the keys are copies. */
static struct settings_change *list_changes(const struct apply *a, const struct topic_def *def,
	const struct settings *settings, size_t *count)
{
	struct settings_change *changes =
		mem_array(def->config_count + settings->count + 1, sizeof(*changes));
	*count = 0;
	for (size_t i = 0; i < def->config_count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			settings_find(settings, def->configs[i].key);
		bool same = e && e->config_source == SETTINGS_FROM_TOPIC &&
			    slice_equal(e->value, slice_str(def->configs[i].value));
		if (!same) {
			changes[(*count)++] = (struct settings_change){
				mem_dup_str(def->configs[i].key), def->configs[i].value};
		}
	}
	for (size_t i = 0; !a->args->keep && i < settings->count; i++) {
		const struct describe_configs_response_describe_configs_resource_result *e =
			&settings->entries[i];
		if (e->config_source == SETTINGS_FROM_TOPIC && !topic_def_get(def, e->name)) {
			changes[(*count)++] =
				(struct settings_change){mem_dup(e->name.data, e->name.len), NULL};
		}
	}
	return changes;
}

static enum weir_code apply_settings(
	struct apply *a, const struct topic_def *def, struct weir_err *err)
{
	const struct settings_of of = {SETTINGS_OF_TOPIC, def->name, def->name};
	struct settings settings;
	enum weir_code code = settings_ask(a->client, &of, 1, &a->arena, &settings, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (settings.error) {
		put(a, def->name, NULL, NULL, NULL, NULL, settings.error, settings.message);
		return WEIR_OK;
	}
	size_t count;
	struct settings_change *changes = list_changes(a, def, &settings, &count);
	if (count) {
		bool dry_run = a->ctx->globals.dry_run;
		a->ctx->globals.dry_run = a->validate;
		code = settings_alter(
			a->ctx, a->client, &of, 1, changes, count, a->table, &a->outcome, err);
		a->ctx->globals.dry_run = dry_run;
	}
	settings_changes_fini(&changes, count);
	return code;
}

/* ---- the whole ---- */

static enum weir_code apply_topic(struct apply *a, size_t i, struct weir_err *err)
{
	const struct topic_def *def = &a->file->topics[i];
	const struct topic_item *item = &a->pick.items[i];
	if (!item->topic && item->error != WEIR_UNKNOWN_TOPIC_OR_PARTITION &&
		item->error != WEIR_INVALID_TOPIC_EXCEPTION) {
		put(a, def->name, NULL, NULL, NULL, NULL, item->error, slice_of(NULL, 0));
		return WEIR_OK;
	}
	if (!item->topic) {
		return create(a, def, err);
	}
	enum weir_code code = apply_numbers(a, def, item->topic, err);
	return code == WEIR_OK ? apply_settings(a, def, err) : code;
}

/* One pass over the file; silent: without its rows. */
static enum weir_code run_pass(struct apply *a, bool validate, bool silent, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	a->validate = validate;
	a->outcome = (struct outcome){0};
	a->table = silent ? table_new_silent(a->ctx, columns) : table_new(a->ctx, columns);
	for (size_t i = 0; code == WEIR_OK && i < a->file->count; i++) {
		code = apply_topic(a, i, err);
	}
	table_end(&a->table);
	return code;
}

static enum weir_code apply_file(struct apply *a, struct weir_err *err)
{
	bool act = a->ctx->globals.yes && !a->ctx->globals.dry_run && !a->args->check;
	enum weir_code code = run_pass(a, true, act, err);
	if (code != WEIR_OK) {
		return code;
	}
	if (act && a->outcome.failed) {
		code = run_pass(a, true, false, err);
	} else if (act) {
		code = run_pass(a, false, false, err);
	} else if (a->outcome.total && !a->outcome.failed) {
		ctx_notice(a->ctx, "-y makes these changes\n");
	}
	code = code == WEIR_OK ? outcome_end(&a->outcome, err) : code;
	if (code == WEIR_OK && a->args->check && a->outcome.total) {
		return err_set(err, WEIR_FALSE_RESULT, "%zu change%s to be made", a->outcome.total,
			a->outcome.total == 1 ? " is" : "s are");
	}
	return code;
}

static enum weir_code topic_apply_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct topic_file file;
	struct apply a = {.ctx = ctx, .args = args, .file = &file};
	enum weir_code code = topic_file_read(ctx->words[0], &file, err);
	if (code == WEIR_OK) {
		code = connect_client(ctx, &a.client, err);
	}
	if (code == WEIR_OK) {
		const char **names = mem_array(file.count + 1, sizeof(*names));
		for (size_t i = 0; i < file.count; i++) {
			names[i] = file.topics[i].name;
		}
		arena_init(&a.arena, 0);
		code = topic_pick(a.client, names, file.count, false, true, &a.pick, err);
		if (code == WEIR_OK) {
			code = apply_file(&a, err);
		}
		topic_pick_fini(&a.pick);
		arena_fini(&a.arena);
		mem_free((void *)names);
	}
	topic_file_fini(&file);
	return code;
}
