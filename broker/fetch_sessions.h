/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Incremental fetch sessions (KIP-227): a client names its partitions once, then only what changes
 * in them, and is told only the partitions that have news.
 *
 * The cache has one lock, each session its own; they are counted, since a waiting fetch holds its
 * session while another request may close it.
 */
#pragma once

#include "core/base/err.h"
#include "core/wire/messages.h"

enum { SESSION_PARTITIONS_MAX = 100000, SESSION_IDLE_MS = 120000 };

struct fetch_sessions;
struct fetch_session;

struct fetch_sessions *fetch_sessions_new(void);
void fetch_sessions_free(struct fetch_sessions **sessions);

/*
 * What the request's session id and epoch mean. *session: NULL for a fetch without one, else
 * counted and changed as the request says. A full fetch gets a new session when there is room
 * among slots (the least used goes after SESSION_IDLE_MS). by_id: topics are named by id (version
 * 13). Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH,
 * FETCH_SESSION_TOPIC_ID_ERROR.
 */
WEIR_MUST_USE enum weir_code fetch_session_take(struct fetch_sessions *sessions,
	const struct fetch_request *body, bool by_id, size_t slots, struct fetch_session **session,
	struct weir_err *err);
void fetch_session_release(struct fetch_session *session); /* NULL is fine */

int32_t fetch_session_id(const struct fetch_session *session);
/* The request names changes only: the session says what is fetched. */
bool fetch_is_incremental(const struct fetch_request *body);

/* A partition of a session; topic has the name or, by id, the id. */
typedef void fetch_session_fn(void *arg, const struct fetch_request_fetch_topic *topic,
	const struct fetch_request_fetch_partition *ask);
/* How many partitions it has; calls each for them, those longest without records first. */
size_t fetch_session_each(struct fetch_session *session, fetch_session_fn *each, void *arg);

/* Notes what the client is told of a partition; false: it knows that already. */
bool fetch_session_told(struct fetch_session *session,
	const struct fetch_response_fetchable_topic_response *topic,
	const struct fetch_response_partition_data *answer);
