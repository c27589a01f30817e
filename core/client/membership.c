/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What both protocols have in common: one request at a time to the coordinator on a connection of
 * its own, events, and commits on the connection of all other calls, since a JoinGroup may wait
 * at the broker. Whatever ends a connection or moves the coordinator is tried again until
 * client.timeout_ms has passed without one answer.
 */
#include "core/client/membership_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/coordinator.h"
#include "core/client/group_offsets_priv.h"

#include <stdlib.h>

enum { COMMIT_RETRIES = 10 };

const struct membership_conf membership_conf_default = {
	.assignors = {ASSIGNOR_RANGE, ASSIGNOR_COOPERATIVE_STICKY},
	.assignor_count = 2,
	.session_timeout_ms = 45000,
	.heartbeat_ms = 3000,
	.rebalance_timeout_ms = 300000,
	.metadata_max_age_ms = 30000,
};

int owned_list_compare(const struct owned *a, const struct owned *b)
{
	int order = a->topic == b->topic ? 0 : strcmp(a->topic, b->topic);
	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int compare_items(const void *a, const void *b)
{
	return owned_list_compare(a, b);
}

void owned_list_sort(struct owned_list *list)
{
	size_t kept = 0;
	if (!list->count) {
		return;
	}
	qsort(list->items, list->count, sizeof(*list->items), compare_items);
	for (size_t i = 1; i < list->count; i++) {
		if (owned_list_compare(&list->items[kept], &list->items[i]) != 0) {
			list->items[++kept] = list->items[i];
		}
	}
	list->count = kept + 1;
}

const struct owned *owned_list_find(const struct owned_list *list, const struct owned *item)
{
	return list->count ? bsearch(item, list->items, list->count, sizeof(*item), compare_items)
			   : NULL;
}

void owned_list_free(struct owned_list *list)
{
	MEM_FREE(&list->items);
	list->count = 0;
}

struct owned_list owned_list_dup(const struct owned_list *list)
{
	struct owned_list copy = {.count = list->count};
	copy.items = mem_array(list->count + 1, sizeof(*copy.items));
	if (list->count) {
		memcpy(copy.items, list->items, list->count * sizeof(*copy.items));
	}
	return copy;
}

void owned_list_add(struct owned_list *list, const struct topic *topic, int32_t partition)
{
	/* Doubled at powers of two. */
	if (!(list->count & (list->count - 1))) {
		size_t room = list->count ? list->count * 2 : 1;
		list->items = mem_grow(list->items, room, sizeof(*list->items));
	}
	list->items[list->count++] = (struct owned){
		.topic = topic->name,
		.topic_id = topic->id,
		.partition = partition,
		.committed = -1,
	};
}

static char *dup(const char *text)
{
	return text ? mem_dup_str(text) : NULL;
}

static void conf_copy(struct membership_conf *to, const struct membership_conf *conf)
{
	const char **topics = mem_array(conf->topic_count + 1, sizeof(*topics));
	*to = *conf;
	for (size_t i = 0; i < conf->topic_count; i++) {
		topics[i] = mem_dup_str(conf->topics[i]);
	}
	to->topics = topics;
	to->group_id = dup(conf->group_id);
	to->instance_id = dup(conf->instance_id);
	to->rack = dup(conf->rack);
	to->pattern = dup(conf->pattern);
	to->remote_assignor = dup(conf->remote_assignor);
}

static void text_free(const char *text)
{
	mem_free((void *)(uintptr_t)text);
}

static void conf_fini(struct membership_conf *conf)
{
	for (size_t i = 0; i < conf->topic_count; i++) {
		text_free(conf->topics[i]);
	}
	mem_free((void *)(uintptr_t)conf->topics);
	text_free(conf->group_id);
	text_free(conf->instance_id);
	text_free(conf->rack);
	text_free(conf->pattern);
	text_free(conf->remote_assignor);
}

enum weir_code membership_open(struct client *client, const struct membership_conf *conf,
	struct membership **group, struct weir_err *err)
{
	bool modern = client_has_api(client, API_CONSUMER_GROUP_HEARTBEAT, 0);
	if (!conf->group_id || !conf->group_id[0]) {
		return err_set(err, WEIR_USAGE, "a group needs a name");
	}
	if (!conf->assignor_count || conf->session_timeout_ms < 1 || conf->heartbeat_ms < 1 ||
		conf->session_timeout_ms > INT32_MAX || conf->rebalance_timeout_ms > INT32_MAX) {
		return err_set(err, WEIR_USAGE, "the timeouts of a group member must be positive");
	}
	if (conf->protocol == MEMBERSHIP_CONSUMER && !modern) {
		return err_set(err, WEIR_UNSUPPORTED_VERSION,
			"%s does not know the protocol \"consumer\" of groups",
			client_peer(client));
	}
	struct membership *g = mem_new(sizeof(*g));
	g->client = client;
	conf_copy(&g->conf, conf);
	modern = modern && conf->protocol != MEMBERSHIP_CLASSIC;
	g->ops = modern ? &membership_modern : &membership_classic;
	g->epoch = modern ? 0 : -1;
	g->kept_generation = -1;
	g->member_id = mem_dup_str("");
	g->coordinator = -1;
	g->tell_all = true;
	g->interval_ms = conf->heartbeat_ms;
	g->answered_ms = clock_mono_ms();
	*group = g;
	return WEIR_OK;
}

static enum weir_code coordinator_known(struct membership *group, struct weir_err *err)
{
	if (group->coordinator >= 0) {
		return WEIR_OK;
	}
	return coordinator_find(group->client, group->conf.group_id, client_deadline(group->client),
		&group->coordinator, err);
}

/* Whether a failure of the connection may pass. */
static bool may_pass(const struct membership *group, enum weir_code code)
{
	bool local = code == WEIR_CONNECT || code == WEIR_CLOSED || code == WEIR_TIMEOUT ||
		     code == WEIR_BROKER_NOT_AVAILABLE;
	return (local || coordinator_moved((int16_t)code)) &&
	       (!group->failing_ms ||
		       clock_mono_ms() - group->failing_ms < group->client->conf.timeout_ms);
}

void membership_pause(struct membership *group)
{
	group->due_ms = clock_mono_ms() + retry_pause_ms(group->attempts++);
}

void membership_lost_coordinator(struct membership *group)
{
	if (!group->failing_ms) {
		group->failing_ms = clock_mono_ms();
	}
	group->coordinator = -1;
	membership_pause(group);
}

enum weir_code membership_send(struct membership *group, int16_t key, int16_t cap,
	const void *request, int64_t wait_ms, struct weir_err *err)
{
	struct connection *connection;
	enum weir_code code = coordinator_known(group, err);
	if (!code) {
		code = client_reach(
			group->client, group->coordinator, LANE_GROUP, &connection, err);
	}
	if (!code) {
		int64_t deadline_ms = client_deadline(group->client) + wait_ms;
		code = client_start(group->client, connection, key, cap, request, true, deadline_ms,
			&group->exchange, err);
	}
	if (code && may_pass(group, code)) {
		membership_lost_coordinator(group);
		return WEIR_OK;
	}
	return code;
}

static void event_set(struct membership *group, enum membership_event_kind kind, size_t count)
{
	group->event = (struct membership_event){kind, group->shares, count};
}

static void share_add(struct membership *group, size_t i, const struct owned *owned)
{
	group->shares[i] =
		(struct membership_share){owned->topic, owned->partition, owned->committed};
}

void membership_lose_all(struct membership *group)
{
	group->stable = false;
	group->reconcile = false;
	owned_list_free(&group->target);
	if (group->owned.count) {
		group->shares = mem_grow(group->shares, group->owned.count, sizeof(*group->shares));
		for (size_t i = 0; i < group->owned.count; i++) {
			share_add(group, i, &group->owned.items[i]);
		}
		event_set(group, MEMBERSHIP_LOST, group->owned.count);
		group->untold = true;
		owned_list_free(&group->owned);
	}
}

bool membership_revoke(struct membership *group, const struct owned_list *keep)
{
	size_t count = 0;
	group->shares = mem_grow(group->shares, group->owned.count + 1, sizeof(*group->shares));
	for (size_t i = 0; i < group->owned.count; i++) {
		if (!keep || !owned_list_find(keep, &group->owned.items[i])) {
			share_add(group, count++, &group->owned.items[i]);
		}
	}
	if (count) {
		event_set(group, MEMBERSHIP_REVOKED, count);
	}
	return count > 0;
}

/* The caller has done with what it was told. */
static void event_end(struct membership *group)
{
	if (group->event.kind == MEMBERSHIP_REVOKED) {
		size_t kept = 0, at = 0;
		for (size_t i = 0; i < group->owned.count; i++) {
			const struct owned *owned = &group->owned.items[i];
			if (at < group->event.count && group->shares[at].topic == owned->topic &&
				group->shares[at].partition == owned->partition) {
				at++;
			} else {
				group->owned.items[kept++] = *owned;
			}
		}
		group->owned.count = kept;
		group->tell_owned = true;
	}
	group->event = (struct membership_event){0};
}

static struct group_identity identity(const struct membership *group)
{
	return (struct group_identity){group->member_id, group->conf.instance_id, group->epoch};
}

/* Offsets of the partitions that are new. */
static enum weir_code read_offsets(
	struct membership *group, struct owned_list *fresh, struct weir_err *err)
{
	struct group_identity who = identity(group);
	struct group_offset *items = mem_array(fresh->count + 1, sizeof(*items));
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	for (size_t i = 0; i < fresh->count; i++) {
		items[i] = (struct group_offset){.topic = fresh->items[i].topic,
			.topic_id = fresh->items[i].topic_id,
			.partition = fresh->items[i].partition};
	}
	if (group->ops == &membership_classic) {
		/* Version 9 would take a generation for a member epoch. */
		who = group_outsider;
	}
	enum weir_code code = group_offsets_fetch(
		group->client, group->conf.group_id, &who, true, items, fresh->count, &arena, err);
	for (size_t i = 0; i < fresh->count && !code; i++) {
		int16_t error = items[i].error;
		bool gone =
			error == WEIR_UNKNOWN_TOPIC_OR_PARTITION || error == WEIR_UNKNOWN_TOPIC_ID;
		if (error && !gone) {
			char *what = mem_printf("group \"%s\", topic \"%s\" partition %d",
				group->conf.group_id, items[i].topic, (int)items[i].partition);
			code = wire_error(error, what, (struct slice){0}, err);
			mem_free(what);
		}
		fresh->items[i].committed = error ? -1 : items[i].offset;
	}
	arena_fini(&arena);
	mem_free(items);
	return code;
}

enum weir_code membership_gain(struct membership *group, struct weir_err *err)
{
	struct owned_list fresh = {0};
	enum weir_code code = WEIR_OK;
	fresh.items = mem_array(group->target.count + 1, sizeof(*fresh.items));
	for (size_t i = 0; i < group->target.count; i++) {
		const struct owned *had = owned_list_find(&group->owned, &group->target.items[i]);
		if (had) {
			group->target.items[i].committed = had->committed;
		} else {
			fresh.items[fresh.count++] = group->target.items[i];
		}
	}
	if (fresh.count) {
		code = read_offsets(group, &fresh, err);
	}
	if (!code) {
		size_t at = 0;
		for (size_t i = 0; i < group->target.count && at < fresh.count; i++) {
			if (!owned_list_compare(&group->target.items[i], &fresh.items[at])) {
				group->target.items[i].committed = fresh.items[at++].committed;
			}
		}
		group->shares = mem_grow(group->shares, fresh.count + 1, sizeof(*group->shares));
		for (size_t i = 0; i < fresh.count; i++) {
			share_add(group, i, &fresh.items[i]);
		}
		if (fresh.count) {
			event_set(group, MEMBERSHIP_ASSIGNED, fresh.count);
		}
		owned_list_free(&group->owned);
		group->owned = group->target;
		group->target = (struct owned_list){0};
		group->reconcile = false;
	}
	owned_list_free(&fresh);
	return code;
}

static struct owned *find_share(
	const struct membership *group, const struct membership_share *share)
{
	struct owned wanted = {.topic = share->topic, .partition = share->partition};
	return (struct owned *)(uintptr_t)owned_list_find(&group->owned, &wanted);
}

static void commit_forget(struct membership *group)
{
	exchange_free(&group->commit.exchange);
	MEM_FREE(&group->commit.items);
	group->commit.count = 0;
}

/* What an error of a commit says of the membership. */
static bool is_fenced(int16_t error)
{
	return error == WEIR_UNKNOWN_MEMBER_ID || error == WEIR_ILLEGAL_GENERATION ||
	       error == WEIR_STALE_MEMBER_EPOCH || error == WEIR_FENCED_MEMBER_EPOCH ||
	       error == WEIR_FENCED_INSTANCE_ID || error == WEIR_REBALANCE_IN_PROGRESS;
}

/* Notes what is committed. Returns the first error of an item; that of a topic that is gone is
 * none. */
static int16_t commit_note(struct membership *group)
{
	int16_t first = 0;
	for (size_t i = 0; i < group->commit.count; i++) {
		const struct group_offset *item = &group->commit.items[i];
		struct membership_share share = {item->topic, item->partition, 0};
		struct owned *owned = find_share(group, &share);
		bool gone = item->error == WEIR_UNKNOWN_TOPIC_OR_PARTITION ||
			    item->error == WEIR_UNKNOWN_TOPIC_ID;
		if ((!item->error || gone) && owned) {
			owned->committed = item->offset;
		} else if (item->error && !gone && !first) {
			first = item->error;
		}
	}
	return first;
}

/* Takes the answer to a commit that is no longer waited for. */
static enum weir_code commit_take(struct membership *group, int16_t *error, struct weir_err *err)
{
	struct offset_commit_response response = {0};
	struct arena arena;
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = exchange_decode(group->commit.exchange, &arena, &response, err);
	*error = 0;
	if (!code) {
		group_offsets_commit_take(&response, group->commit.exchange->version,
			group->commit.items, group->commit.count);
		*error = commit_note(group);
	}
	arena_fini(&arena);
	commit_forget(group);
	if (coordinator_moved(*error) || (code && may_pass(group, code))) {
		group->coordinator = -1;
	} else if (is_fenced(*error)) {
		group->due_ms = 0; /* a heartbeat tells what has happened */
	}
	return code;
}

/* Sends those of shares that are owned and not committed. None: exchange stays NULL. */
static enum weir_code commit_start(struct membership *group, const struct membership_share *shares,
	size_t count, struct weir_err *err)
{
	struct commit *commit = &group->commit;
	struct group_identity who = identity(group);
	struct offset_commit_request request;
	struct connection *connection;
	struct arena arena;
	int16_t cap;
	commit->items = mem_array(count + 1, sizeof(*commit->items));
	for (size_t i = 0; i < count; i++) {
		const struct owned *owned = find_share(group, &shares[i]);
		if (owned && shares[i].offset >= 0 && shares[i].offset != owned->committed) {
			commit->items[commit->count++] = (struct group_offset){
				.topic = owned->topic,
				.topic_id = owned->topic_id,
				.partition = owned->partition,
				.offset = shares[i].offset,
				.leader_epoch = -1,
			};
		}
	}
	if (!commit->count) {
		commit_forget(group);
		return WEIR_OK;
	}
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = coordinator_known(group, err);
	if (!code) {
		code = client_reach(group->client, group->coordinator, LANE_CALL, &connection, err);
	}
	if (!code && !group_offsets_commit_build(&request, group->conf.group_id, &who,
			     commit->items, commit->count, &cap, &arena)) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory to commit offsets");
	}
	if (!code) {
		code = client_start(group->client, connection, API_OFFSET_COMMIT, cap, &request,
			true, client_deadline(group->client), &commit->exchange, err);
	}
	arena_fini(&arena);
	if (code) {
		commit_forget(group);
		if (may_pass(group, code)) {
			group->coordinator = -1;
		}
	}
	return code;
}

static enum weir_code commit_error(
	const struct membership *group, int16_t error, struct weir_err *err)
{
	char *what = mem_printf("group \"%s\": offsets are not committed", group->conf.group_id);
	enum weir_code code = wire_error(error, what, (struct slice){0}, err);
	mem_free(what);
	return code;
}

static enum weir_code commit_wait(struct membership *group, const struct membership_share *shares,
	size_t count, struct weir_err *err)
{
	int64_t deadline_ms = client_deadline(group->client);
	struct weir_err ignored;
	int16_t error;
	if (group->commit.exchange) {
		client_wait(group->client, group->commit.exchange);
		(void)!commit_take(group, &error, &ignored);
	}
	for (int attempt = 0;; attempt++) {
		enum weir_code code = commit_start(group, shares, count, err);
		error = 0;
		if (!code && !group->commit.exchange) {
			return WEIR_OK;
		}
		if (!code) {
			client_wait(group->client, group->commit.exchange);
			code = commit_take(group, &error, err);
		}
		bool again = coordinator_moved(error) || (code && may_pass(group, code));
		if (!again || attempt >= COMMIT_RETRIES || clock_mono_ms() >= deadline_ms) {
			return code || !error ? code : commit_error(group, error, err);
		}
		retry_pause(group->client, attempt, deadline_ms);
	}
}

enum weir_code membership_commit(struct membership *group, const struct membership_share *shares,
	size_t count, bool wait, struct weir_err *err)
{
	if (wait) {
		return commit_wait(group, shares, count, err);
	}
	struct weir_err later;
	if (!group->commit.exchange && commit_start(group, shares, count, &later)) {
		return may_pass(group, later.code) ? WEIR_OK
						   : commit_start(group, shares, count, err);
	}
	return WEIR_OK;
}

/* A commit that nobody waits for: errors that will not pass are told. */
static enum weir_code commit_poll(struct membership *group, struct weir_err *err)
{
	int16_t error;
	if (!group->commit.exchange || group->commit.exchange->state == EXCHANGE_WAITING) {
		return WEIR_OK;
	}
	enum weir_code code = commit_take(group, &error, err);
	if (code) {
		return may_pass(group, code) ? WEIR_OK : code;
	}
	if (error && !is_fenced(error) && !err_info(error)->retriable) {
		return commit_error(group, error, err);
	}
	return WEIR_OK;
}

/* A failure of the connection that may pass is no failure of the group. */
static enum weir_code exchange_take(struct membership *group, struct weir_err *err)
{
	struct exchange *x = group->exchange;
	group->exchange = NULL;
	enum weir_code code = WEIR_OK;
	if (x->state == EXCHANGE_FAILED && may_pass(group, x->err.code)) {
		if (group->phase != PHASE_MEMBER) {
			group->phase = PHASE_OUT;
		}
		group->tell_all = true;
		membership_lost_coordinator(group);
	} else {
		if (x->state == EXCHANGE_DONE) {
			group->answered_ms = clock_mono_ms();
		}
		code = group->ops->take(group, x, err);
	}
	exchange_free(&x);
	return code && err ? err_wrap(err, "group \"%s\"", group->conf.group_id) : code;
}

/*
 * After a pause of this process longer than the session, others may own what this member thinks is
 * its own: the next answer is waited for before anything more is handed out.
 */
static void wait_if_late(struct membership *group)
{
	int64_t late_ms = group->answered_ms + group->conf.session_timeout_ms;
	if (group->phase == PHASE_MEMBER && group->owned.count && group->exchange &&
		clock_mono_ms() > late_ms) {
		client_wait(group->client, group->exchange);
	}
}

enum weir_code membership_poll(
	struct membership *group, struct membership_event *event, struct weir_err *err)
{
	enum weir_code code = group->failed.code;
	if (code) {
		*err = group->failed;
		return code;
	}
	if (!group->untold) {
		event_end(group);
	}
	code = commit_poll(group, err);
	for (int i = 0; i < 2 && !code && group->event.kind == MEMBERSHIP_NOTHING; i++) {
		wait_if_late(group);
		if (group->exchange && group->exchange->state == EXCHANGE_WAITING) {
			break;
		}
		if (group->exchange) {
			code = exchange_take(group, err);
		}
		if (!code && !group->exchange && group->event.kind == MEMBERSHIP_NOTHING &&
			clock_mono_ms() >= group->due_ms) {
			code = group->ops->step(group, err);
			code = code && err ? err_wrap(err, "group \"%s\"", group->conf.group_id)
					   : code;
		}
	}
	group->untold = false;
	*event = group->event;
	return code;
}

void membership_keep(struct membership *group)
{
	client_pump(group->client, 0);
	if (group->failed.code) {
		return;
	}
	struct weir_err why;
	enum weir_code code = WEIR_OK;
	if (group->exchange && group->exchange->state != EXCHANGE_WAITING) {
		code = exchange_take(group, &why);
	}
	if (!code && !group->exchange && group->phase == PHASE_MEMBER &&
		clock_mono_ms() >= group->beat_due_ms && clock_mono_ms() >= group->due_ms) {
		code = group->ops->beat(group, &why);
	}
	if (code) {
		group->failed = why;
	}
}

int64_t membership_due_ms(const struct membership *group)
{
	if (group->event.kind != MEMBERSHIP_NOTHING) {
		return 0;
	}
	if (group->exchange) {
		return group->exchange->state == EXCHANGE_WAITING ? INT64_MAX : 0;
	}
	return group->due_ms;
}

void membership_wait(struct membership *group, int64_t until_ms)
{
	int64_t due_ms = membership_due_ms(group);
	client_pump(group->client, due_ms < until_ms ? due_ms : until_ms);
}

bool membership_is_stable(const struct membership *group)
{
	return group->stable && group->phase == PHASE_MEMBER && !group->reconcile &&
	       !group->rejoin && !group->unresolved && group->event.kind == MEMBERSHIP_NOTHING;
}

const char *membership_protocol_name(const struct membership *group)
{
	return group->ops->name;
}

const char *membership_member_id(const struct membership *group)
{
	return group->member_id;
}

int32_t membership_epoch(const struct membership *group)
{
	return group->epoch;
}

void membership_close(struct membership **group, int64_t wait_ms)
{
	struct membership *g = *group;
	struct exchange *farewell = NULL;
	*group = NULL;
	if (!g) {
		return;
	}
	int64_t deadline_ms = clock_mono_ms() + wait_ms;
	/* A join that waits would answer first, maybe in minutes. */
	if (g->exchange && g->exchange->state == EXCHANGE_WAITING && g->coordinator >= 0) {
		client_drop_lane(g->client, g->coordinator, LANE_GROUP);
	}
	exchange_free(&g->exchange);
	if (g->member_id[0] && wait_ms > 0 && g->ops->leave(g, deadline_ms, &farewell)) {
		client_wait(g->client, farewell);
	}
	exchange_free(&farewell);
	commit_forget(g);
	owned_list_free(&g->owned);
	owned_list_free(&g->target);
	owned_list_free(&g->kept);
	membership_names_free(&g->names, &g->name_count);
	for (size_t i = 0; i < g->seen_count; i++) {
		mem_free(g->seen[i].name);
	}
	mem_free(g->seen);
	mem_free(g->wanted);
	mem_free(g->shares);
	mem_free(g->member_id);
	conf_fini(&g->conf);
	mem_free(g);
}
