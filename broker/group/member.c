/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of a classic group: the tables that hold them, and what their protocols come to. */
#include "broker/group/classic_priv.h"

#include "core/base/mem.h"
#include "core/wire/messages.h"

void classic_set_slice(struct slice *to, struct slice from)
{
	struct slice copy = {NULL, 0};
	if (from.data) {
		copy = slice_of(mem_dup(from.data, from.len), from.len);
	}
	mem_free((void *)(uintptr_t)to->data);
	*to = copy;
}

struct classic *classic_take(struct group *group)
{
	if (!group->classic) {
		struct classic *classic = mem_new(sizeof(*classic));
		classic->group = group;
		classic->since_ms = -1;
		list_init(&classic->members);
		map_init(&classic->by_id);
		map_init(&classic->by_instance);
		map_init(&classic->candidates);
		map_init(&classic->supported);
		map_init(&classic->topics);
		group->classic = classic;
	}
	return group->classic;
}

struct classic_member *classic_member(const struct classic *classic, struct slice id)
{
	return map_get(&classic->by_id, id);
}

struct classic_member *classic_static(const struct classic *classic, struct slice instance_id)
{
	return map_get(&classic->by_instance, instance_id);
}

/* ---- protocols ---- */

static void count_protocols(struct classic *classic, const struct classic_member *member, int by)
{
	for (size_t i = 0; i < member->protocol_count; i++) {
		struct slice name = member->protocols[i].name;
		intptr_t n = (intptr_t)map_get(&classic->supported, name) + by;
		if (n > 0) {
			map_put(&classic->supported, name, (void *)n);
		} else {
			map_remove(&classic->supported, name);
		}
	}
	classic->metadata_bytes += by > 0 ? member->metadata_bytes : -member->metadata_bytes;
}

static bool named_before(const struct classic_protocol *protocols, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (slice_equal(protocols[k].name, protocols[i].name)) {
			return true;
		}
	}
	return false;
}

/* One block holds the array and its bytes. The first of a repeated name counts. */
static void set_protocols(
	struct classic_member *member, const struct classic_protocol *protocols, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++) {
		bytes += protocols[i].name.len + protocols[i].metadata.len;
	}
	mem_free(member->protocols);
	member->protocols = mem_new(count * sizeof(*protocols) + bytes);
	member->protocol_count = 0;
	member->metadata_bytes = bytes;
	uint8_t *at = (uint8_t *)(member->protocols + count);
	for (size_t i = 0; i < count; i++) {
		if (named_before(protocols, i)) {
			continue;
		}
		struct classic_protocol *to = &member->protocols[member->protocol_count++];
		to->name = slice_of(at, protocols[i].name.len);
		memcpy(at, protocols[i].name.len ? protocols[i].name.data : at, to->name.len);
		at += to->name.len;
		to->metadata = slice_of(at, protocols[i].metadata.len);
		memcpy(at, to->metadata.len ? protocols[i].metadata.data : at, to->metadata.len);
		at += to->metadata.len;
	}
}

struct slice classic_metadata(const struct classic_member *member, struct slice protocol)
{
	for (size_t i = 0; i < member->protocol_count; i++) {
		if (slice_equal(member->protocols[i].name, protocol)) {
			return member->protocols[i].metadata;
		}
	}
	return slice_of("", 0);
}

bool classic_matches(
	const struct classic_member *member, const struct classic_protocol *protocols, size_t count)
{
	bool same = member->protocol_count == count;
	for (size_t i = 0; same && i < count; i++) {
		same = slice_equal(member->protocols[i].name, protocols[i].name) &&
		       slice_equal(member->protocols[i].metadata, protocols[i].metadata);
	}
	return same;
}

bool classic_supports(const struct classic *classic, struct slice protocol_type,
	const struct classic_protocol *protocols, size_t count)
{
	if (classic->state == CLASSIC_EMPTY) {
		return protocol_type.len > 0 && count > 0;
	}
	bool any = false;
	for (size_t i = 0; !any && i < count; i++) {
		any = (intptr_t)map_get(&classic->supported, protocols[i].name) == classic->count;
	}
	return any && slice_equal(classic->protocol_type, protocol_type);
}

static struct slice vote_of(const struct classic *classic, const struct classic_member *member)
{
	for (size_t i = 0; i < member->protocol_count; i++) {
		struct slice name = member->protocols[i].name;
		if ((intptr_t)map_get(&classic->supported, name) == classic->count) {
			return name;
		}
	}
	return (struct slice){NULL, 0};
}

struct slice classic_choose(const struct classic *classic)
{
	struct map votes;
	struct slice best = {NULL, 0};
	intptr_t most = 0;
	map_init(&votes);
	LIST_EACH(it, &classic->members)
	{
		struct slice name = vote_of(classic, LIST_ENTRY(it, struct classic_member, node));
		intptr_t n = (intptr_t)map_get(&votes, name) + 1;
		map_put(&votes, name, (void *)n);
		if (n > most) {
			most = n;
			best = name;
		}
	}
	map_fini(&votes);
	return best;
}

/* ---- what a consumer subscribes to ---- */

/* false: not the consumer protocol's bytes. All versions begin as version 0 does. */
static bool add_topics(struct coordinator *c, struct classic *classic, struct slice metadata)
{
	struct consumer_protocol_subscription subscription;
	size_t used;
	if (metadata.len < 2 || wire_decode(&consumer_protocol_subscription_message, 0,
					slice_of(metadata.data + 2, metadata.len - 2), &c->arena,
					&subscription, &used, NULL) != WEIR_OK) {
		return false;
	}
	for (int32_t i = 0; i < subscription.topics_count; i++) {
		map_put(&classic->topics, subscription.topics[i], classic);
	}
	return true;
}

void classic_find_topics(struct coordinator *c, struct classic *classic)
{
	map_fini(&classic->topics);
	map_init(&classic->topics);
	classic->topics_known = slice_equal(classic->protocol_type, slice_str("consumer"));
	LIST_EACH(it, &classic->members)
	{
		struct classic_member *member = LIST_ENTRY(it, struct classic_member, node);
		struct slice metadata = classic_metadata(member, classic->protocol);
		classic->topics_known = classic->topics_known && add_topics(c, classic, metadata);
	}
}

bool classic_subscribed(const struct classic *classic, struct slice topic)
{
	if (!slice_equal(classic->protocol_type, slice_str("consumer"))) {
		return false;
	}
	return !classic->topics_known || map_get(&classic->topics, topic);
}

/* ---- members ---- */

static void set_profile(struct classic_member *member, const struct classic_profile *profile)
{
	member->rebalance_timeout_ms = profile->rebalance_timeout_ms;
	member->session_timeout_ms = profile->session_timeout_ms;
	set_protocols(member, profile->protocols, profile->protocol_count);
}

struct classic_member *classic_add(struct classic *classic, const struct classic_profile *profile)
{
	struct classic_member *member = mem_new(sizeof(*member));
	member->group = classic->group;
	classic_set_slice(&member->id, profile->id);
	classic_set_slice(&member->instance_id, profile->instance_id);
	classic_set_slice(&member->client_id, profile->client_id);
	classic_set_slice(&member->client_host, profile->client_host);
	set_profile(member, profile);
	list_append(&classic->members, &member->node);
	classic->count++;
	map_put(&classic->by_id, member->id, member);
	if (member->instance_id.data) {
		map_put(&classic->by_instance, member->instance_id, member);
	}
	count_protocols(classic, member, 1);
	if (!classic->leader) {
		classic->leader = member;
	}
	return member;
}

void classic_update(struct classic_member *member, const struct classic_profile *profile)
{
	struct classic *classic = member->group->classic;
	count_protocols(classic, member, -1);
	set_profile(member, profile);
	count_protocols(classic, member, 1);
}

static void member_free(struct classic_member *member)
{
	classic_set_slice(&member->id, (struct slice){NULL, 0});
	classic_set_slice(&member->instance_id, (struct slice){NULL, 0});
	classic_set_slice(&member->client_id, (struct slice){NULL, 0});
	classic_set_slice(&member->client_host, (struct slice){NULL, 0});
	classic_set_slice(&member->assignment, (struct slice){NULL, 0});
	mem_free(member->protocols);
	mem_free(member);
}

void classic_remove(struct coordinator *c, struct classic_member *member, enum weir_code code)
{
	struct classic *classic = member->group->classic;
	classic_answer_join(c, member, code);
	if (!MUTANT(5)) {
		classic_answer_sync(c, member, code);
	}
	classic->missing_syncs -= member->awaits_sync;
	timer_clear(c, &member->session);
	map_remove(&classic->by_id, member->id);
	if (member->instance_id.data) {
		map_remove(&classic->by_instance, member->instance_id);
	}
	count_protocols(classic, member, -1);
	list_remove(&member->node);
	classic->count--;
	if (classic->leader == member) {
		bool any = !list_empty(&classic->members);
		classic->leader =
			any ? LIST_ENTRY(classic->members.next, struct classic_member, node) : NULL;
	}
	member_free(member);
}

void classic_rename(struct classic_member *member, struct slice id)
{
	struct classic *classic = member->group->classic;
	map_remove(&classic->by_id, member->id);
	classic_set_slice(&member->id, id);
	map_put(&classic->by_id, member->id, member);
}

void classic_set_assignment(struct classic_member *member, struct slice assignment)
{
	classic_set_slice(&member->assignment, assignment);
}

int32_t classic_rebalance_timeout(const struct classic *classic)
{
	int32_t most = 0;
	LIST_EACH(it, &classic->members)
	{
		int32_t one = LIST_ENTRY(it, struct classic_member, node)->rebalance_timeout_ms;
		most = one > most ? one : most;
	}
	return most;
}

enum weir_code classic_validate(
	const struct classic *classic, struct slice member_id, struct slice instance_id)
{
	if (instance_id.data) {
		const struct classic_member *owner = classic_static(classic, instance_id);
		if (!owner) {
			return WEIR_UNKNOWN_MEMBER_ID;
		}
		if (!slice_equal(owner->id, member_id)) {
			return WEIR_FENCED_INSTANCE_ID;
		}
	}
	return classic_member(classic, member_id) ? WEIR_OK : WEIR_UNKNOWN_MEMBER_ID;
}

/* ---- ids given out ---- */

static void on_candidate(struct coordinator *c, struct group_timer *timer)
{
	struct classic_candidate *candidate = LIST_ENTRY(timer, struct classic_candidate, session);
	struct group *group = candidate->group;
	c->group = group;
	classic_candidate_remove(c, group->classic, candidate->id);
	if (group->classic->state == CLASSIC_PREPARING) {
		classic_maybe_complete(c, group->classic);
	}
}

void classic_candidate_add(
	struct coordinator *c, struct classic *classic, struct slice id, int32_t session_ms)
{
	struct classic_candidate *candidate = mem_new(sizeof(*candidate));
	candidate->group = classic->group;
	candidate->session.fire = on_candidate;
	classic_set_slice(&candidate->id, id);
	map_put(&classic->candidates, candidate->id, candidate);
	timer_set(c, &candidate->session, session_ms);
}

bool classic_candidate_remove(struct coordinator *c, struct classic *classic, struct slice id)
{
	struct classic_candidate *candidate = map_remove(&classic->candidates, id);
	if (candidate) {
		timer_clear(c, &candidate->session);
		classic_set_slice(&candidate->id, (struct slice){NULL, 0});
		mem_free(candidate);
	}
	return candidate != NULL;
}

void classic_free(struct coordinator *c, struct group *group)
{
	struct classic *classic = group->classic;
	if (!classic) {
		return;
	}
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&classic->candidates, &pos));) {
		struct classic_candidate *candidate = e->value;
		classic_candidate_remove(c, classic, candidate->id);
	}
	LIST_EACH_SAFE(it, &classic->members)
	{
		classic_remove(
			c, LIST_ENTRY(it, struct classic_member, node), WEIR_NOT_COORDINATOR);
	}
	timer_clear(c, &classic->join_timer);
	timer_clear(c, &classic->sync_timer);
	classic_set_slice(&classic->protocol_type, (struct slice){NULL, 0});
	classic_set_slice(&classic->protocol, (struct slice){NULL, 0});
	map_fini(&classic->by_id);
	map_fini(&classic->by_instance);
	map_fini(&classic->candidates);
	map_fini(&classic->supported);
	map_fini(&classic->topics);
	MEM_FREE(&group->classic);
}
