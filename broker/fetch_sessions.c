/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fetch_sessions.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/random.h"

#include <pthread.h>
#include <string.h>

typedef struct fetch_request_fetch_topic topic_ask;
typedef struct fetch_request_fetch_partition partition_ask;

/* Told nothing yet, or an error. */
enum { NOTHING_TOLD = -1 };

struct session_part {
	struct list node; /* in session.order */
	char *name;	  /* NULL: by id */
	size_t name_len;
	struct uuid id;
	partition_ask ask;
	int64_t high_watermark, log_start; /* as told last */
};

struct fetch_session {
	struct list node; /* in sessions.order, least recently used first; guarded by its lock */
	int64_t used_ms;  /* guarded by sessions.lock */
	int refs;	  /* guarded by sessions.lock */
	struct fetch_sessions *owner;
	int32_t id;
	bool by_id;
	pthread_mutex_t lock; /* guards what follows */
	int32_t next_epoch;
	struct map parts; /* struct session_part by topic and number */
	struct list order;
};

struct fetch_sessions {
	pthread_mutex_t lock;
	struct map by_id; /* struct fetch_session; each holds a count */
	struct list order;
};

struct fetch_sessions *fetch_sessions_new(void)
{
	struct fetch_sessions *sessions = mem_new(sizeof(*sessions));
	pthread_mutex_init(&sessions->lock, NULL);
	map_init(&sessions->by_id);
	list_init(&sessions->order);
	return sessions;
}

static void free_part(struct session_part *part)
{
	list_remove(&part->node);
	mem_free(part->name);
	mem_free(part);
}

/* With the owner's lock. */
static void unref(struct fetch_session *session)
{
	if (--session->refs > 0) {
		return;
	}
	LIST_EACH_SAFE(it, &session->order)
	{
		free_part(LIST_ENTRY(it, struct session_part, node));
	}
	map_fini(&session->parts);
	pthread_mutex_destroy(&session->lock);
	mem_free(session);
}

static struct slice id_key(const int32_t *id)
{
	return slice_of(id, sizeof(*id));
}

/* Takes it out of the cache; who uses it still may. With the lock. */
static void drop(struct fetch_sessions *sessions, struct fetch_session *session)
{
	if (map_get(&sessions->by_id, id_key(&session->id)) == session) {
		map_remove(&sessions->by_id, id_key(&session->id));
		list_remove(&session->node);
		unref(session);
	}
}

void fetch_sessions_free(struct fetch_sessions **out)
{
	struct fetch_sessions *sessions = *out;
	while (!list_empty(&sessions->order)) {
		drop(sessions, LIST_ENTRY(sessions->order.next, struct fetch_session, node));
	}
	map_fini(&sessions->by_id);
	pthread_mutex_destroy(&sessions->lock);
	MEM_FREE(out);
}

void fetch_session_release(struct fetch_session *session)
{
	if (session) {
		struct fetch_sessions *sessions = session->owner;
		pthread_mutex_lock(&sessions->lock);
		unref(session);
		pthread_mutex_unlock(&sessions->lock);
	}
}

int32_t fetch_session_id(const struct fetch_session *session)
{
	return session->id;
}

bool fetch_is_incremental(const struct fetch_request *body)
{
	return body->session_epoch != 0 && body->session_epoch != -1;
}

struct part_key {
	uint8_t bytes[sizeof(int32_t) + LIMIT_TOPIC_NAME_LEN];
};

/* Empty for a name that no topic can have: such a partition is not kept. */
static struct slice part_key(struct part_key *key, const struct fetch_session *session,
	struct slice name, const struct uuid *id, int32_t partition)
{
	struct slice topic = session->by_id ? slice_of(id->bytes, sizeof(id->bytes)) : name;
	if (topic.len > LIMIT_TOPIC_NAME_LEN) {
		return slice_of(key->bytes, 0);
	}
	memcpy(key->bytes, &partition, sizeof(partition));
	memcpy(key->bytes + sizeof(partition), topic.data, topic.len);
	return slice_of(key->bytes, sizeof(partition) + topic.len);
}

/* Takes one named partition in, or its new position. With the session's lock. */
static void put_part(
	struct fetch_session *session, const topic_ask *topic, const partition_ask *ask)
{
	struct part_key bytes;
	struct slice key =
		part_key(&bytes, session, topic->topic, &topic->topic_id, ask->partition);
	struct session_part *part = map_get(&session->parts, key);
	if (!key.len) {
		return;
	}
	if (!part) {
		part = mem_new(sizeof(*part));
		part->id = topic->topic_id;
		if (!session->by_id) {
			part->name = mem_dup((const char *)topic->topic.data, topic->topic.len);
			part->name_len = topic->topic.len;
		}
		part->high_watermark = part->log_start = NOTHING_TOLD;
		list_append(&session->order, &part->node);
		map_put(&session->parts, key, part);
	}
	part->ask = *ask;
}

static void apply(struct fetch_session *session, const struct fetch_request *body)
{
	struct part_key bytes;
	for (int32_t t = 0; t < body->topics_count; t++) {
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			put_part(session, &body->topics[t], &body->topics[t].partitions[i]);
		}
	}
	for (int32_t t = 0; t < body->forgotten_topics_data_count; t++) {
		const struct fetch_request_forgotten_topic *gone = &body->forgotten_topics_data[t];
		for (int32_t i = 0; i < gone->partitions_count; i++) {
			struct session_part *part = map_remove(
				&session->parts, part_key(&bytes, session, gone->topic,
							 &gone->topic_id, gone->partitions[i]));
			if (part) {
				free_part(part);
			}
		}
	}
}

static int64_t partitions_named(const struct fetch_request *body)
{
	int64_t count = 0;
	for (int32_t t = 0; t < body->topics_count; t++) {
		count += body->topics[t].partitions_count;
	}
	return count;
}

/* false: every slot is taken by a session in use. With the lock. */
static bool make_room(struct fetch_sessions *sessions, size_t slots, int64_t now)
{
	while (sessions->by_id.count >= slots && !list_empty(&sessions->order)) {
		struct fetch_session *oldest =
			LIST_ENTRY(sessions->order.next, struct fetch_session, node);
		if (now - oldest->used_ms < SESSION_IDLE_MS) {
			return false;
		}
		drop(sessions, oldest);
	}
	return sessions->by_id.count < slots;
}

/* NULL: none is to be had, which every client accepts. With the lock. */
static struct fetch_session *make(
	struct fetch_sessions *sessions, const struct fetch_request *body, bool by_id, size_t slots)
{
	int64_t count = partitions_named(body), now = clock_mono_ms();
	if (!count || count > SESSION_PARTITIONS_MAX || !make_room(sessions, slots, now)) {
		return NULL;
	}
	struct fetch_session *session = mem_new(sizeof(*session));
	session->owner = sessions;
	session->by_id = by_id;
	session->used_ms = now;
	session->next_epoch = 1;
	session->refs = 2; /* the cache's and the caller's */
	pthread_mutex_init(&session->lock, NULL);
	map_init(&session->parts);
	list_init(&session->order);
	do {
		session->id = (int32_t)(1 + random_below(INT32_MAX));
	} while (map_get(&sessions->by_id, id_key(&session->id)));
	apply(session, body);
	map_put(&sessions->by_id, id_key(&session->id), session);
	list_append(&sessions->order, &session->node);
	return session;
}

/* The request's changes taken in; *empty: nothing is left in it. */
static enum weir_code advance(struct fetch_session *session, const struct fetch_request *body,
	bool by_id, bool *empty, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	pthread_mutex_lock(&session->lock);
	if (body->session_epoch != session->next_epoch) {
		code = err_set(err, WEIR_INVALID_FETCH_SESSION_EPOCH,
			"fetch session %d expects epoch %d, not %d", session->id,
			session->next_epoch, body->session_epoch);
	} else if (session->by_id != by_id) {
		code = err_set(err, WEIR_FETCH_SESSION_TOPIC_ID_ERROR,
			"fetch session %d began %s topic ids", session->id,
			session->by_id ? "with" : "without");
	} else if (partitions_named(body) + (int64_t)session->parts.count >
		   SESSION_PARTITIONS_MAX) {
		code = err_set(err, WEIR_FETCH_SESSION_ID_NOT_FOUND,
			"fetch session %d would have more than %d partitions", session->id,
			SESSION_PARTITIONS_MAX);
	} else {
		session->next_epoch =
			session->next_epoch == INT32_MAX ? 1 : session->next_epoch + 1;
		apply(session, body);
	}
	*empty = !session->parts.count;
	pthread_mutex_unlock(&session->lock);
	return code;
}

enum weir_code fetch_session_take(struct fetch_sessions *sessions, const struct fetch_request *body,
	bool by_id, size_t slots, struct fetch_session **out, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	bool empty = false;
	*out = NULL;
	if (!body->session_id && body->session_epoch == -1) {
		return WEIR_OK;
	}
	pthread_mutex_lock(&sessions->lock);
	struct fetch_session *session = map_get(&sessions->by_id, id_key(&body->session_id));
	if (!fetch_is_incremental(body)) {
		/* A full fetch, or the last one: what went before is over. */
		if (session) {
			drop(sessions, session);
		}
		*out = body->session_epoch == 0 ? make(sessions, body, by_id, slots) : NULL;
	} else if (!session) {
		code = err_set(err, WEIR_FETCH_SESSION_ID_NOT_FOUND, "no fetch session %d",
			body->session_id);
	} else {
		code = advance(session, body, by_id, &empty, err);
		session->used_ms = clock_mono_ms();
		list_remove(&session->node);
		list_append(&sessions->order, &session->node);
		if (empty) {
			drop(sessions, session);
		} else if (code == WEIR_OK) {
			session->refs++;
			*out = session;
		}
	}
	pthread_mutex_unlock(&sessions->lock);
	return code;
}

size_t fetch_session_each(struct fetch_session *session, fetch_session_fn *each, void *arg)
{
	pthread_mutex_lock(&session->lock);
	size_t count = session->parts.count;
	LIST_EACH(it, &session->order)
	{
		struct session_part *part = LIST_ENTRY(it, struct session_part, node);
		topic_ask topic = {
			.topic = slice_of(part->name, part->name_len), .topic_id = part->id};
		if (each) {
			each(arg, &topic, &part->ask);
		}
	}
	pthread_mutex_unlock(&session->lock);
	return count;
}

bool fetch_session_told(struct fetch_session *session,
	const struct fetch_response_fetchable_topic_response *topic,
	const struct fetch_response_partition_data *answer)
{
	struct part_key bytes;
	pthread_mutex_lock(&session->lock);
	struct session_part *part = map_get(&session->parts,
		part_key(&bytes, session, topic->topic, &topic->topic_id, answer->partition_index));
	bool news = !part || answer->records.len || answer->error_code ||
		    answer->diverging_epoch.epoch >= 0 ||
		    answer->high_watermark != part->high_watermark ||
		    answer->log_start_offset != part->log_start;
	if (part) {
		part->high_watermark = answer->error_code ? NOTHING_TOLD : answer->high_watermark;
		part->log_start = answer->log_start_offset;
		if (answer->records.len) {
			/* The others come first the next time. */
			list_remove(&part->node);
			list_append(&session->order, &part->node);
		}
	}
	pthread_mutex_unlock(&session->lock);
	return news;
}
