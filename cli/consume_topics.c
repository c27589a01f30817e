/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which topics and partitions are read, and from where to where. */
#include "cli/consume_priv.h"

#include "cli/produce_topic.h"
#include "cli/topic_common.h"
#include "cli/topic_offset.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/partitioner.h"

#include <inttypes.h>
#include <string.h>

struct target *consume_target(
	struct consume *c, const char *name, struct uuid id, int32_t partition_count)
{
	for (size_t i = 0; i < c->target_count; i++) {
		struct target *target = &c->targets[i];
		if (strcmp(target->name, name) != 0) {
			continue;
		}
		if (partition_count > target->count) {
			size_t old = (size_t)target->count + 1, room = (size_t)partition_count + 1;
			target->spans = mem_grow(target->spans, room, sizeof(*target->spans));
			memset(target->spans + old, 0, (room - old) * sizeof(*target->spans));
			target->count = partition_count;
		}
		return target;
	}
	c->seen_name = NULL;
	c->targets = mem_grow(c->targets, c->target_count + 1, sizeof(*c->targets));
	c->targets[c->target_count++] = (struct target){.name = mem_dup_str(name),
		.id = id,
		.spans = mem_array((size_t)partition_count + 1, sizeof(struct span)),
		.count = partition_count};
	return &c->targets[c->target_count - 1];
}

static enum weir_code find_topic(struct consume *c, const char *name, struct weir_err *err)
{
	struct arena arena;
	const struct client_topic *topic;
	arena_init(&arena, (size_t)LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_topic(c->client, name, &arena, &topic, err);
	if (code == WEIR_OK) {
		(void)consume_target(c, name, topic->id, topic->partition_count);
	}
	arena_fini(&arena);
	return code == WEIR_OK ? code : topic_unknown(c->ctx, code, err);
}

static enum weir_code find_matches(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err)
{
	struct topic_pick pick;
	enum weir_code code = topic_pick(c->client, words, count, true, false, &pick, err);
	for (size_t i = 0; i < pick.count && code == WEIR_OK; i++) {
		const struct client_topic *topic = pick.items[i].topic;
		if (!topic) {
			code = err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
				"no topic matches \"%s\"", pick.items[i].name);
		} else {
			(void)consume_target(c, topic->name, topic->id, topic->partition_count);
		}
	}
	topic_pick_fini(&pick);
	return code;
}

enum weir_code consume_find_topics(
	struct consume *c, const char *const *words, size_t count, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (c->args->regex) {
		return count ? find_matches(c, words, count, err) : WEIR_OK;
	}
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		code = find_topic(c, words[i], err);
	}
	return code;
}

/*
 * An exact key is in one partition only: the one that its producer's hash gave. Those that the
 * usual clients would choose are read.
 */
static void keep_guesses(const struct consume *c, struct target *target)
{
	struct slice key;
	if (!filters_key(c->filters, &key) || target->count <= PARTITION_GUESSES) {
		return;
	}
	int32_t guesses[PARTITION_GUESSES];
	partition_guesses(key, target->count, guesses);
	for (int32_t i = 0; i < target->count; i++) {
		bool kept = false;
		for (size_t k = 0; k < PARTITION_GUESSES; k++) {
			kept = kept || guesses[k] == i;
		}
		target->spans[i].chosen = kept;
	}
}

/* -o N of records that are gone already is worth a word. */
static void warn_gone(const struct consume *c, const struct target *target, int32_t partition)
{
	const struct span *span = &target->spans[partition];
	if (span->wanted < span->first) {
		ctx_warn(c->ctx,
			"%s partition %d begins at offset %" PRId64 ", %" PRId64 " is gone",
			target->name, (int)partition, span->first, span->wanted);
	}
}

enum weir_code consume_assign_target(struct consume *c, struct target *target, struct weir_err *err)
{
	struct topic_spot *spots = mem_array((size_t)target->count + 1, sizeof(*spots));
	const char *text = c->args->partitions;
	text = text && strcmp(text, "all") == 0 ? NULL : text;
	enum weir_code code = topic_choose_spots(text, spots, target->count, err);
	for (int32_t i = 0; i < target->count; i++) {
		target->spans[i].chosen = spots[i].chosen;
	}
	if (!c->args->partitions) {
		keep_guesses(c, target);
	}
	mem_free(spots);
	if (code != WEIR_OK) {
		return err_wrap(err, "topic \"%s\"", target->name);
	}
	code = ranges_resolve(&c->ranges, c->client, target->name, c->committed,
		c->args->exit_at_end, c->now_ms, target->spans, target->count, err);
	if (code == WEIR_OK) {
		code = consume_state_apply(c, target, err);
	}
	for (int32_t i = 0; i < target->count && code == WEIR_OK; i++) {
		struct span *span = &target->spans[i];
		if (!span->chosen || c->tail || (span->end >= 0 && span->end <= span->begin)) {
			continue;
		}
		warn_gone(c, target, i);
		code = consumer_assign(c->consumer, target->name, i, span->begin, span->end, err);
	}
	return code;
}
