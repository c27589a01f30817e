/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/topic_common.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/base/regex.h"

#include <stdlib.h>

bool topic_is_hidden(const struct client_topic *topic)
{
	return topic->internal || strncmp(topic->name, "__", 2) == 0;
}

static int compare_name(const void *name, const void *topic)
{
	return strcmp(name, ((const struct client_topic *)topic)->name);
}

static const struct client_topic *find(const struct client_cluster *cluster, const char *name)
{
	return cluster->topic_count ? bsearch(name, cluster->topics, cluster->topic_count,
					      sizeof(*cluster->topics), compare_name)
				    : NULL;
}

static void add(struct topic_pick *pick, const char *name, const struct client_topic *topic,
	enum weir_code error)
{
	pick->items = mem_grow(pick->items, pick->count + 1, sizeof(*pick->items));
	pick->items[pick->count++] = (struct topic_item){name, topic, error};
}

static bool has_word(const struct topic_pick *pick, const char *word)
{
	for (size_t i = 0; i < pick->count; i++) {
		if (strcmp(pick->items[i].name, word) == 0) {
			return true;
		}
	}
	return false;
}

/* Not in the view of all topics: it may be there since a moment, or not for us to see. */
static enum weir_code add_word(
	struct client *client, struct topic_pick *pick, const char *word, struct weir_err *err)
{
	const struct client_topic *topic = NULL;
	struct weir_err why;
	enum weir_code code = client_topic(client, word, &pick->arena, &topic, &why);
	if (code <= WEIR_IO) {
		if (err) {
			*err = why;
		}
		return code;
	}
	add(pick, word, topic, code);
	return WEIR_OK;
}

static enum weir_code add_matching(
	struct topic_pick *pick, const char *word, bool internal, bool *seen, struct weir_err *err)
{
	struct regex *regex;
	struct weir_err why;
	if (regex_new(slice_str(word), REGEX_WHOLE, &regex, &why) != WEIR_OK) {
		return err_set(err, WEIR_USAGE, "--regex \"%s\": %s", word, why.text);
	}
	size_t found = 0;
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < pick->cluster.topic_count && code == WEIR_OK; i++) {
		const struct client_topic *topic = &pick->cluster.topics[i];
		bool matches = false;
		if (!topic_is_hidden(topic) || internal) {
			code = regex_match(regex, slice_str(topic->name), &matches, err);
		}
		if (!matches) {
			continue;
		}
		found++;
		if (!seen[i]) {
			seen[i] = true;
			add(pick, topic->name, topic, WEIR_OK);
		}
	}
	if (!found && code == WEIR_OK) {
		add(pick, word, NULL, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	}
	regex_free(&regex);
	return code;
}

enum weir_code topic_pick(struct client *client, const char *const *words, size_t count, bool regex,
	bool internal, struct topic_pick *pick, struct weir_err *err)
{
	*pick = (struct topic_pick){.count = 0};
	arena_init(&pick->arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_describe(client, &pick->arena, &pick->cluster, err);
	if (code != WEIR_OK) {
		return code;
	}
	bool *seen = mem_array(pick->cluster.topic_count + 1, sizeof(*seen));
	for (size_t i = 0; code == WEIR_OK && i < count; i++) {
		const struct client_topic *topic = regex ? NULL : find(&pick->cluster, words[i]);
		if (regex) {
			code = add_matching(pick, words[i], internal, seen, err);
		} else if (topic && !seen[topic - pick->cluster.topics]) {
			seen[topic - pick->cluster.topics] = true;
			add(pick, topic->name, topic, WEIR_OK);
		} else if (!topic && !has_word(pick, words[i])) {
			code = add_word(client, pick, words[i], err);
		}
	}
	mem_free(seen);
	return code;
}

void topic_pick_fini(struct topic_pick *pick)
{
	MEM_FREE(&pick->items);
	arena_fini(&pick->arena);
	pick->count = 0;
}

void topic_hint(struct ctx *ctx, const struct topic_pick *pick, const char *name)
{
	struct near near;
	near_init(&near, name);
	for (size_t i = 0; i < pick->cluster.topic_count; i++) {
		near_offer(&near, pick->cluster.topics[i].name);
	}
	if (near.best) {
		hint_set(&ctx->hint, "did you mean \"%s\"?", near.best);
	}
}

void topic_missing_cells(struct ctx *ctx, const struct topic_pick *pick,
	const struct topic_item *item, struct outcome *outcome, struct table *table)
{
	bool missing = item->error == WEIR_UNKNOWN_TOPIC_OR_PARTITION;
	if (missing && !outcome->failed) {
		topic_hint(ctx, pick, item->name);
	}
	char *what = mem_printf("topic \"%s\"", item->name);
	outcome_cells(outcome, table, NULL, what, item->error,
		missing ? slice_str("no such topic") : slice_of(NULL, 0));
	mem_free(what);
}

int32_t topic_replica_count(const struct client_topic *topic)
{
	return topic->partition_count ? topic->partitions[0].replica_count : 0;
}

enum weir_code topic_split_pair(
	const char *pair, char **key, const char **value, struct weir_err *err)
{
	const char *equals = strchr(pair, '=');
	if (!equals || equals == pair) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not KEY=VALUE", pair);
	}
	*key = mem_dup(pair, (size_t)(equals - pair));
	*value = equals + 1;
	return WEIR_OK;
}

int32_t topic_timeout_ms(const struct ctx *ctx)
{
	return (int32_t)ctx->globals.timeout_ms;
}
