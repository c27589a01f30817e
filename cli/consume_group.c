/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/consume_group.h"

#include "cli/client_props.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/regex.h"
#include "core/client/membership.h"
#include "core/client/groups.h"

#include <inttypes.h>
#include <string.h>

enum {
	LEAVE_MS = 1000,
	LOOK_EVERY_MS = 1000, /* at a group that gives this member nothing, with -e */
	LOOKS_SETTLED = 2,    /* looks that have to find it settled */
};

struct consume_group {
	struct membership *group;
	struct membership_share *own; /* offset: the next one behind what is written */
	size_t own_count;
	struct map sought; /* partitions that --seek was done for, by "topic/partition" */
	int64_t commit_every_ms, commit_due_ms, look_due_ms;
	int looks;
	bool commits, told;
	struct regex *pattern;
};

enum weir_code consume_group_check(const struct consume *c, struct weir_err *err)
{
	const struct consume_args *a = c->args;
	if (!a->group) {
		return a->seek || a->commit >= 0
			       ? err_set(err, WEIR_USAGE, "--commit and --seek go with -g")
			       : WEIR_OK;
	}
	if (a->partitions) {
		return err_set(err, WEIR_USAGE,
			"-p and -g exclude each other: the group says who reads what");
	}
	if (a->per_partition >= 0) {
		return err_set(err, WEIR_USAGE, "--per-partition and -g exclude each other");
	}
	if (c->ranges.common.to.kind != PLACE_NONE || c->ranges.count) {
		return err_set(err, WEIR_USAGE,
			"with -g, -o is one place to begin at, for all partitions");
	}
	if (a->seek && !a->offsets.count) {
		return err_set(err, WEIR_USAGE, "--seek goes with -o");
	}
	return WEIR_OK;
}

/* auto.offset.reset counts where -o is not given. */
static enum weir_code set_reset(struct consume *c, struct weir_err *err)
{
	const char *text = client_prop_text(c->ctx, "auto.offset.reset");
	if (!text || c->args->offsets.count || strcmp(text, "earliest") == 0) {
		return WEIR_OK;
	}
	if (strcmp(text, "latest") != 0) {
		return client_prop_bad(c->ctx, "auto.offset.reset", "earliest or latest", err);
	}
	c->ranges.common.from = (struct place){PLACE_END, 0};
	return WEIR_OK;
}

static bool match_topic(void *arg, const char *name)
{
	struct consume *c = arg;
	bool matches = false;
	return regex_match(c->group->pattern, slice_str(name), &matches, NULL) == WEIR_OK &&
	       matches;
}

/* One pattern of all words. */
static enum weir_code set_pattern(
	struct consume *c, struct membership_conf *conf, struct buf *pattern, struct weir_err *err)
{
	const struct opt_list *topics = &c->args->topics;
	for (size_t i = 0; i < topics->count + c->ctx->word_count; i++) {
		const char *word =
			i < topics->count ? topics->items[i] : c->ctx->words[i - topics->count];
		buf_printf(pattern, "%s(?:%s)", i ? "|" : "", word);
	}
	conf->pattern = buf_str(pattern);
	conf->match_topic = match_topic;
	conf->match_arg = c;
	return regex_new(slice_str(conf->pattern), REGEX_WHOLE, &c->group->pattern, err);
}

/* Standard output is slow: what was read is not done, but this member lives. */
static void keep_alive(void *arg)
{
	membership_keep(arg);
}

enum weir_code consume_group_open(struct consume *c, struct weir_err *err)
{
	struct membership_conf conf = membership_conf_default;
	const char **names = mem_array(c->target_count + 1, sizeof(*names));
	struct buf pattern;
	buf_init(&pattern, 0);
	c->group = mem_new(sizeof(*c->group));
	c->group->commit_every_ms = 1000;
	c->group->commits = c->args->commit != CONSUME_COMMIT_NONE;
	map_init(&c->group->sought);
	conf.group_id = c->args->group;
	enum weir_code code = client_props_member(c->ctx, &conf, &c->group->commit_every_ms, err);
	code = code ? code : set_reset(c, err);
	if (code == WEIR_OK && c->args->regex) {
		code = set_pattern(c, &conf, &pattern, err);
	} else if (code == WEIR_OK) {
		for (size_t i = 0; i < c->target_count; i++) {
			names[i] = c->targets[i].name;
		}
		conf.topics = names;
		conf.topic_count = c->target_count;
	}
	if (code == WEIR_OK) {
		code = membership_open(c->client, &conf, &c->group->group, err);
	}
	if (code == WEIR_OK) {
		c->ctx->out.idle = keep_alive;
		c->ctx->out.idle_arg = c->group->group;
	}
	mem_free(names);
	buf_fini(&pattern);
	return code;
}

void consume_group_written(struct consume *c)
{
	struct consume_group *g = c->group;
	for (size_t i = 0; i < g->own_count; i++) {
		int64_t position =
			consumer_position(c->consumer, g->own[i].topic, g->own[i].partition);
		if (position > g->own[i].offset) {
			g->own[i].offset = position;
		}
	}
}

static enum weir_code commit(struct consume *c, bool wait, struct weir_err *err)
{
	struct consume_group *g = c->group;
	g->commit_due_ms = clock_mono_ms() + g->commit_every_ms;
	return g->commits ? membership_commit(g->group, g->own, g->own_count, wait, err) : WEIR_OK;
}

static size_t find_own(const struct consume_group *g, const struct membership_share *share)
{
	size_t i = 0;
	while (i < g->own_count && (g->own[i].partition != share->partition ||
					   strcmp(g->own[i].topic, share->topic) != 0)) {
		i++;
	}
	return i;
}

static void let_go(struct consume *c, const struct membership_event *event)
{
	struct consume_group *g = c->group;
	for (size_t i = 0; i < event->count; i++) {
		size_t at = find_own(g, &event->shares[i]);
		consumer_finish(c->consumer, event->shares[i].topic, event->shares[i].partition);
		if (at < g->own_count) {
			g->own_count--;
			memmove(&g->own[at], &g->own[at + 1],
				(g->own_count - at) * sizeof(*g->own));
		}
	}
}

static enum weir_code on_revoked(
	struct consume *c, const struct membership_event *event, struct weir_err *err)
{
	struct weir_err why;
	(void)err;
	consume_flush(c);
	if (commit(c, true, &why) != WEIR_OK) {
		ctx_warn(c->ctx, "%s: what was printed since may come again", why.text);
	}
	ctx_notice(c->ctx, "group %s: %zu partitions given up\n", c->args->group, event->count);
	let_go(c, event);
	return WEIR_OK;
}

static void on_lost(struct consume *c, const struct membership_event *event)
{
	if (c->group->commits) {
		ctx_warn(c->ctx,
			"group %s took this member for dead and gave its %zu partition%s to "
			"others: what was printed since the last commit may come again",
			c->args->group, event->count, event->count == 1 ? "" : "s");
	}
	let_go(c, event);
}

/* Whether --seek has to be done for this partition, which then is done. */
static bool seek_now(struct consume *c, const struct membership_share *share)
{
	if (!c->args->seek) {
		return false;
	}
	char *key = mem_printf("%s/%d", share->topic, (int)share->partition);
	bool first = !map_get(&c->group->sought, slice_str(key));
	(void)map_put(&c->group->sought, slice_str(key), c);
	mem_free(key);
	return first;
}

/* Where to begin: at what is committed, if that is there and nothing is forced. */
static int64_t begin_at(
	struct consume *c, const struct membership_share *share, const struct span *span)
{
	struct consume_group *g = c->group;
	if (share->offset < 0 || seek_now(c, share)) {
		return span->begin;
	}
	if (share->offset < span->first || share->offset > span->last) {
		ctx_warn(c->ctx,
			"%s partition %d has offsets %" PRId64 " to %" PRId64
			", the committed %" PRId64 " is gone: reading on at %" PRId64,
			share->topic, (int)share->partition, span->first, span->last, share->offset,
			span->begin);
		return span->begin;
	}
	if (c->args->offsets.count && !g->told) {
		g->told = true;
		ctx_warn(c->ctx,
			"group %s has committed offsets: -o counts only where there is none "
			"(--seek forces it)",
			c->args->group);
	}
	return share->offset;
}

static enum weir_code begin_share(struct consume *c, struct target *target,
	const struct membership_share *share, struct weir_err *err)
{
	struct consume_group *g = c->group;
	struct span *span = &target->spans[share->partition];
	span->begin = begin_at(c, share, span);
	span->wanted = 0;
	g->own = mem_grow(g->own, g->own_count + 1, sizeof(*g->own));
	g->own[g->own_count++] =
		(struct membership_share){share->topic, share->partition, span->begin};
	if (span->end >= 0 && span->end <= span->begin) {
		return WEIR_OK;
	}
	return consumer_assign(
		c->consumer, target->name, share->partition, span->begin, span->end, err);
}

/* Shares of one topic: what their partitions hold, then where to begin. */
static enum weir_code begin_topic(struct consume *c, const struct membership_share *shares,
	size_t count, struct weir_err *err)
{
	int32_t partitions = 0;
	for (size_t i = 0; i < count; i++) {
		partitions =
			shares[i].partition >= partitions ? shares[i].partition + 1 : partitions;
	}
	struct target *target = consume_target(c, shares[0].topic, (struct uuid){{0}}, partitions);
	for (int32_t i = 0; i < target->count; i++) {
		target->spans[i].chosen = false;
	}
	for (size_t i = 0; i < count; i++) {
		target->spans[shares[i].partition].chosen = true;
	}
	enum weir_code code = ranges_resolve(&c->ranges, c->client, target->name, c->committed,
		c->args->exit_at_end, c->now_ms, target->spans, target->count, err);
	for (size_t i = 0; i < count && code == WEIR_OK; i++) {
		code = begin_share(c, target, &shares[i], err);
	}
	return code;
}

static enum weir_code on_assigned(
	struct consume *c, const struct membership_event *event, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < event->count && code == WEIR_OK;) {
		size_t end = i + 1;
		while (end < event->count &&
			strcmp(event->shares[end].topic, event->shares[i].topic) == 0) {
			end++;
		}
		code = begin_topic(c, event->shares + i, end - i, err);
		i = end;
	}
	ctx_notice(c->ctx, "group %s (%s protocol): %zu partitions to read\n", c->args->group,
		membership_protocol_name(c->group->group), c->group->own_count);
	return code;
}

/* A member without partitions has come to its end when the group is settled without it. */
static enum weir_code look_settled(struct consume *c, bool *settled, struct weir_err *err)
{
	struct consume_group *g = c->group;
	struct group_description description;
	struct arena arena;
	int64_t now_ms = clock_mono_ms();
	*settled = false;
	if (now_ms < g->look_due_ms) {
		return WEIR_OK;
	}
	g->look_due_ms = now_ms + LOOK_EVERY_MS;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = groups_describe(c->client, c->args->group, &arena, &description, err);
	if (code == WEIR_OK) {
		g->looks = strcmp(description.state, "Stable") == 0 ? g->looks + 1 : 0;
		*settled = g->looks >= LOOKS_SETTLED;
	}
	arena_fini(&arena);
	return code;
}

enum weir_code consume_group_step(struct consume *c, bool at_end, bool *ended, struct weir_err *err)
{
	struct consume_group *g = c->group;
	struct membership_event event;
	*ended = false;
	for (;;) {
		enum weir_code code = membership_poll(g->group, &event, err);
		if (code == WEIR_OK && event.kind == MEMBERSHIP_ASSIGNED) {
			code = on_assigned(c, &event, err);
		} else if (code == WEIR_OK && event.kind == MEMBERSHIP_REVOKED) {
			code = on_revoked(c, &event, err);
		} else if (code == WEIR_OK && event.kind == MEMBERSHIP_LOST) {
			on_lost(c, &event);
		}
		if (code != WEIR_OK) {
			return code;
		}
		if (event.kind == MEMBERSHIP_NOTHING) {
			break;
		}
		g->looks = 0;
		at_end = false;
	}
	if (clock_mono_ms() >= g->commit_due_ms && commit(c, false, err) != WEIR_OK) {
		return err->code;
	}
	if (!at_end || !c->args->exit_at_end || !membership_is_stable(g->group)) {
		return WEIR_OK;
	}
	*ended = g->own_count > 0;
	return g->own_count ? WEIR_OK : look_settled(c, ended, err);
}

void consume_group_wait(struct consume *c, int64_t wait_ms)
{
	membership_wait(c->group->group, clock_mono_ms() + wait_ms);
}

enum weir_code consume_group_close(struct consume *c, struct weir_err *err)
{
	struct consume_group *g = c->group;
	enum weir_code code = WEIR_OK;
	if (g->group) {
		consume_flush(c);
		code = commit(c, true, err);
		c->ctx->out.idle = NULL;
		membership_close(&g->group, LEAVE_MS);
	}
	regex_free(&g->pattern);
	map_fini(&g->sought);
	mem_free(g->own);
	MEM_FREE(&c->group);
	return code;
}
