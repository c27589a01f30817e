/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Membership in a consumer group, by the classic protocol or the one of KIP-848.
 *
 * The caller reads with a consumer of the same client and calls group_poll() between records, at
 * least once a heartbeat. Events tell which partitions are its own: it assigns them to its consumer
 * and gives them up. What is read says nothing of what is done: the caller commits the offsets of
 * records that it has finished with, so a member that stands still or dies never commits more, and
 * one that was taken for dead has its commits refused. One thread, that of the client.
 */
#pragma once

#include "core/client/assignor.h"
#include "core/client/client.h"

struct group;

enum group_protocol {
	GROUP_AUTO, /* the new one where the broker and the group have it */
	GROUP_CLASSIC,
	GROUP_CONSUMER,
};

struct group_conf {
	const char *group_id;
	const char *instance_id; /* static member; NULL: dynamic */
	const char *rack;	 /* NULL: none */
	const char *const *topics;
	size_t topic_count;
	/* Instead of topics, a pattern that whole names match; the caller's match_topic is asked
	 * where the broker does not do it. */
	const char *pattern;
	bool (*match_topic)(void *arg, const char *name);
	void *match_arg;
	enum group_protocol protocol;
	/* Classic: in order of preference. */
	enum assignor assignors[ASSIGNOR_COUNT];
	size_t assignor_count;
	const char *remote_assignor;  /* new protocol; NULL: the broker's choice */
	int64_t session_timeout_ms;   /* classic; 45000 */
	int64_t heartbeat_ms;	      /* classic; 3000 */
	int64_t rebalance_timeout_ms; /* how long a rebalance waits for this member; 300000 */
	int64_t metadata_max_age_ms;  /* how often to look for new topics and partitions; 30000 */
};
/* range and cooperative-sticky, as Java's consumer has it. */
extern const struct group_conf group_conf_default;

/* A partition in an event or a commit. */
struct group_share {
	const char *topic; /* valid as long as the client */
	int32_t partition;
	int64_t offset; /* ASSIGNED: committed, -1 none; commit: next one to be read */
};

enum group_event_kind {
	GROUP_NOTHING,
	GROUP_ASSIGNED, /* shares are the member's now: read on at their offsets */
	/* shares will go to others: stop reading them, and commit what is done before the next
	 * group_poll, which lets go of them */
	GROUP_REVOKED,
	GROUP_LOST, /* shares are other members' already: commits for them are refused */
};

struct group_event {
	enum group_event_kind kind;
	const struct group_share *shares; /* until the next group_poll; those of a topic together */
	size_t count;
};

/* Conf is copied, but for match_arg. Nothing is sent yet. Errors: USAGE. */
WEIR_MUST_USE enum weir_code group_open(struct client *client, const struct group_conf *conf,
	struct group **group, struct weir_err *err);
/*
 * Goes on without waiting for others, and tells what happened. Errors are those that end the
 * membership: FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL, INVALID_GROUP_ID,
 * UNSUPPORTED_ASSIGNOR, GROUP_AUTHORIZATION_FAILED, GROUP_MAX_SIZE_REACHED, CONNECT and others.
 */
WEIR_MUST_USE enum weir_code group_poll(
	struct group *group, struct group_event *event, struct weir_err *err);
/* When group_poll has something to do at the latest (mono). */
int64_t group_due_ms(const struct group *group);
/* Moves bytes until something happened or until_ms (mono): for callers that have nothing to read.
 */
void group_wait(struct group *group, int64_t until_ms);
/* Member of a settled group: it has what it is to have, as far as it knows. */
bool group_is_stable(const struct group *group);
/* "consumer" or "classic"; member id, "" before it has one; generation or member epoch. */
const char *group_protocol_name(const struct group *group);
const char *group_member_id(const struct group *group);
int32_t group_epoch(const struct group *group);

/*
 * Commits shares, of which those that were committed already and those that are not the member's
 * are passed over. wait false: only sends it, if no other commit is under way; what failed then is
 * tried by the next commit. Errors (wait only): UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION,
 * STALE_MEMBER_EPOCH, FENCED_INSTANCE_ID: other members have taken over; REBALANCE_IN_PROGRESS;
 * OFFSET_METADATA_TOO_LARGE and others of the broker's; TIMEOUT.
 */
WEIR_MUST_USE enum weir_code group_commit(struct group *group, const struct group_share *shares,
	size_t count, bool wait, struct weir_err *err);
/* Leaves, waiting wait_ms for the broker at most; static members only stop. NULL is fine. */
void group_close(struct group **group, int64_t wait_ms);
