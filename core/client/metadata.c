/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of the cluster. Each Metadata answer replaces the nodes and the topics it names;
 * producers and consumers keep pointers to struct topic, which stay valid as long as the client.
 *
 * A topic that is not there is asked for twice, since a broker may learn of a new topic a little
 * later than the one that made it; then the names of all topics give the hint in the error.
 */
#include "core/client/client_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/wire/messages.h"

#include <stdlib.h>

enum { ANSWER_ARENA_BYTES = LIMIT_FRAME_DEFAULT };

static void nodes_free(struct client *client)
{
	for (size_t i = 0; i < client->node_count; i++) {
		mem_free(client->nodes[i].host);
		mem_free(client->nodes[i].rack);
	}
	MEM_FREE(&client->nodes);
	client->node_count = 0;
}

static void nodes_take(struct client *client, const struct metadata_response *answer)
{
	size_t count = answer->brokers_count > 0 ? (size_t)answer->brokers_count : 0;
	struct node *nodes = mem_array(count ? count : 1, sizeof(*nodes));
	for (size_t i = 0; i < count; i++) {
		const struct metadata_response_broker *broker = &answer->brokers[i];
		const struct node *old = client_node(client, broker->node_id);
		nodes[i] = (struct node){
			.id = broker->node_id,
			.port = broker->port,
			.host = mem_dup(broker->host.data, broker->host.len),
			.rack = broker->rack.data ? mem_dup(broker->rack.data, broker->rack.len)
						  : NULL,
			.reached = old && old->reached,
		};
	}
	nodes_free(client);
	client->nodes = nodes;
	client->node_count = count;
	client->controller = answer->controller_id;
}

static struct topic *topic_get(struct client *client, struct slice name)
{
	struct topic *topic = map_get(&client->topics, name);
	if (!topic) {
		topic = mem_new(sizeof(*topic));
		topic->name = mem_dup(name.data, name.len);
		topic->error = WEIR_UNKNOWN_TOPIC_OR_PARTITION;
		(void)map_put(&client->topics, name, topic);
	}
	return topic;
}

/* False when an index lies: partitions are numbered from 0 without holes. */
static bool indexes_are_sound(const struct metadata_response_topic *from)
{
	for (int32_t i = 0; i < from->partitions_count; i++) {
		int32_t index = from->partitions[i].partition_index;
		if (index < 0 || index >= from->partitions_count) {
			return false;
		}
	}
	return from->partitions_count <= CLIENT_PARTITIONS_MAX;
}

static void topic_take(struct topic *topic, const struct metadata_response_topic *from)
{
	topic->revision++;
	topic->error = from->error_code ? err_info(from->error_code)->code : WEIR_OK;
	if (topic->error) {
		return;
	}
	size_t count = from->partitions_count > 0 ? (size_t)from->partitions_count : 0;
	topic->id = from->topic_id;
	topic->partitions =
		mem_grow(topic->partitions, count ? count : 1, sizeof(*topic->partitions));
	topic->partition_count = (int32_t)count;
	for (size_t i = 0; i < count; i++) {
		topic->partitions[i] = (struct topic_partition){.leader = -1, .leader_epoch = -1};
	}
	for (size_t i = 0; i < count; i++) {
		const struct metadata_response_partition *p = &from->partitions[i];
		topic->partitions[p->partition_index] = (struct topic_partition){
			.leader = p->leader_id,
			.leader_epoch = p->leader_epoch,
		};
	}
}

/* all: every topic is wanted, name is not looked at; else name alone, or no topic when it is NULL.
 */
static enum weir_code metadata_ask(struct client *client, bool all, const char *name,
	int64_t deadline_ms, struct arena *arena, struct metadata_response *answer,
	struct weir_err *err)
{
	struct metadata_request_topic topic = {.name = slice_str(name)};
	struct metadata_request request;
	wire_defaults(&metadata_request_message, &request);
	request.topics = &topic;
	request.topics_count = all ? -1 : name ? 1 : 0;
	request.allow_auto_topic_creation = false;
	enum weir_code code = call_until(client, CLIENT_ANY, API_METADATA, VERSION_ANY, &request,
		deadline_ms, arena, answer, NULL, err);
	if (code) {
		return code;
	}
	if (answer->error_code) {
		return wire_error(answer->error_code, "Metadata", (struct slice){0}, err);
	}
	for (int32_t i = 0; i < answer->topics_count; i++) {
		if (!indexes_are_sound(&answer->topics[i])) {
			return err_set(err, WEIR_PROTOCOL,
				"Metadata of %s numbers partitions wrongly", client_peer(client));
		}
	}
	nodes_take(client, answer);
	return WEIR_OK;
}

enum weir_code metadata_nodes(struct client *client, int64_t deadline_ms, struct weir_err *err)
{
	struct metadata_response answer = {0};
	struct arena arena;
	arena_init(&arena, ANSWER_ARENA_BYTES);
	enum weir_code code = metadata_ask(client, false, NULL, deadline_ms, &arena, &answer, err);
	arena_fini(&arena);
	return code;
}

/* UNKNOWN_TOPIC_OR_PARTITION, with the nearest name there is. */
static enum weir_code unknown_topic(
	struct client *client, const char *name, int64_t deadline_ms, struct weir_err *err)
{
	struct metadata_response all = {0};
	struct arena arena;
	struct near near;
	near_init(&near, name);
	arena_init(&arena, ANSWER_ARENA_BYTES);
	if (!metadata_ask(client, true, NULL, deadline_ms, &arena, &all, NULL)) {
		for (int32_t i = 0; i < all.topics_count; i++) {
			struct slice known = all.topics[i].name;
			char *text =
				known.data ? arena_try_dup(&arena, known.data, known.len) : NULL;
			if (text && !all.topics[i].error_code) {
				near_offer(&near, text);
			}
		}
	}
	(void)err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "no topic \"%s\" on %s%s%s%s", name,
		client_peer(client), near.best ? "; did you mean \"" : "",
		near.best ? near.best : "", near.best ? "\"?" : "");
	arena_fini(&arena);
	return WEIR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* One topic's answer into arena, with retries while it is being made. */
static enum weir_code topic_ask(struct client *client, const char *name, int64_t deadline_ms,
	struct arena *arena, const struct metadata_response_topic **found, struct weir_err *err)
{
	for (int attempt = 0;; attempt++) {
		struct metadata_response answer = {0};
		enum weir_code code =
			metadata_ask(client, false, name, deadline_ms, arena, &answer, err);
		if (code) {
			return code;
		}
		int16_t error = WEIR_UNKNOWN_TOPIC_OR_PARTITION;
		if (answer.topics_count == 1 &&
			slice_equal(answer.topics[0].name, slice_str(name))) {
			struct topic *topic = topic_get(client, answer.topics[0].name);
			topic_take(topic, &answer.topics[0]);
			error = answer.topics[0].error_code;
		}
		if (!error) {
			*found = &answer.topics[0];
			return WEIR_OK;
		}
		bool wait =
			error == WEIR_LEADER_NOT_AVAILABLE ||
			(error == WEIR_UNKNOWN_TOPIC_OR_PARTITION && !attempt && !client->one_door);
		if (wait && clock_mono_ms() < deadline_ms) {
			retry_pause(client, attempt, deadline_ms);
		} else if (error == WEIR_UNKNOWN_TOPIC_OR_PARTITION) {
			return unknown_topic(client, name, deadline_ms, err);
		} else {
			char *what = mem_printf("topic \"%s\" on %s", name, client_peer(client));
			code = wire_error(error, what, (struct slice){0}, err);
			mem_free(what);
			return code;
		}
	}
}

enum weir_code metadata_topic(struct client *client, const char *name, bool fresh,
	int64_t deadline_ms, struct topic **topic, struct weir_err *err)
{
	struct topic *known = map_get(&client->topics, slice_str(name));
	if (!known || known->error || fresh) {
		const struct metadata_response_topic *found;
		struct arena arena;
		arena_init(&arena, ANSWER_ARENA_BYTES);
		enum weir_code code = topic_ask(client, name, deadline_ms, &arena, &found, err);
		arena_fini(&arena);
		if (code) {
			return code;
		}
		known = map_get(&client->topics, slice_str(name));
	}
	*topic = known;
	return WEIR_OK;
}

void metadata_fini(struct client *client)
{
	struct map_entry *entry;
	size_t pos = 0;
	nodes_free(client);
	while ((entry = map_next(&client->topics, &pos))) {
		struct topic *topic = entry->value;
		mem_free(topic->name);
		mem_free(topic->partitions);
		mem_free(topic);
	}
	map_fini(&client->topics);
}

static enum weir_code no_memory(struct weir_err *err)
{
	return err_set(err, WEIR_NO_MEMORY, "no memory for the view of the cluster");
}

/* A NUL-terminated copy. */
static const char *text_of(struct arena *arena, struct slice text)
{
	return arena_try_dup(arena, text.data, text.len);
}

static bool topic_build(
	struct arena *arena, const struct metadata_response_topic *from, struct client_topic *topic)
{
	int32_t count = from->partitions_count > 0 ? from->partitions_count : 0;
	topic->name = text_of(arena, from->name);
	topic->id = from->topic_id;
	topic->internal = from->is_internal;
	topic->partition_count = count;
	topic->partitions = arena_try_array(arena, (size_t)count + 1, sizeof(*topic->partitions));
	if (!topic->name || !topic->partitions) {
		return false;
	}
	for (int32_t i = 0; i < count; i++) {
		topic->partitions[i] = (struct client_partition){
			.leader = -1,
			.leader_epoch = -1,
			.error = WEIR_LEADER_NOT_AVAILABLE,
		};
	}
	for (int32_t i = 0; i < count; i++) {
		const struct metadata_response_partition *p = &from->partitions[i];
		topic->partitions[p->partition_index] = (struct client_partition){
			.leader = p->leader_id,
			.leader_epoch = p->leader_epoch,
			.error = p->error_code,
			.replicas = p->replica_nodes,
			.isr = p->isr_nodes,
			.replica_count = p->replica_nodes_count,
			.isr_count = p->isr_nodes_count,
		};
	}
	return true;
}

static int compare_topics(const void *a, const void *b)
{
	const struct client_topic *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool nodes_build(
	struct arena *arena, const struct metadata_response *answer, struct client_cluster *cluster)
{
	size_t count = answer->brokers_count > 0 ? (size_t)answer->brokers_count : 0;
	struct client_node *nodes = arena_try_array(arena, count + 1, sizeof(*nodes));
	if (!nodes) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct metadata_response_broker *b = &answer->brokers[i];
		nodes[i] = (struct client_node){
			.id = b->node_id,
			.port = b->port,
			.host = text_of(arena, b->host),
			.rack = b->rack.data ? text_of(arena, b->rack) : NULL,
		};
		if (!nodes[i].host || (b->rack.data && !nodes[i].rack)) {
			return false;
		}
	}
	cluster->nodes = nodes;
	cluster->node_count = count;
	return true;
}

enum weir_code client_describe(struct client *client, struct arena *arena,
	struct client_cluster *cluster, struct weir_err *err)
{
	struct metadata_response answer = {0};
	enum weir_code code =
		metadata_ask(client, true, NULL, client_deadline(client), arena, &answer, err);
	if (code) {
		return code;
	}
	size_t room = answer.topics_count > 0 ? (size_t)answer.topics_count : 0, count = 0;
	struct client_topic *topics = arena_try_array(arena, room + 1, sizeof(*topics));
	struct client_cluster got = {.controller = answer.controller_id};
	got.id = answer.cluster_id.data ? text_of(arena, answer.cluster_id) : NULL;
	if (!topics || !nodes_build(arena, &answer, &got)) {
		return no_memory(err);
	}
	for (size_t i = 0; i < room; i++) {
		if (answer.topics[i].error_code || !answer.topics[i].name.data) {
			continue;
		}
		topic_take(topic_get(client, answer.topics[i].name), &answer.topics[i]);
		if (!topic_build(arena, &answer.topics[i], &topics[count++])) {
			return no_memory(err);
		}
	}
	qsort(topics, count, sizeof(*topics), compare_topics);
	got.topics = topics;
	got.topic_count = count;
	*cluster = got;
	return WEIR_OK;
}

enum weir_code client_topic(struct client *client, const char *name, struct arena *arena,
	const struct client_topic **topic, struct weir_err *err)
{
	const struct metadata_response_topic *found;
	enum weir_code code = topic_ask(client, name, client_deadline(client), arena, &found, err);
	if (code) {
		return code;
	}
	struct client_topic *built = arena_try(arena, sizeof(*built));
	if (!built || !topic_build(arena, found, built)) {
		return no_memory(err);
	}
	*topic = built;
	return WEIR_OK;
}
