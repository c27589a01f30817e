/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Membership in a consumer group, by the classic protocol or the one of KIP-848.
 *
 * The caller reads with a consumer of the same client and calls membership_poll() between records,
 * at least once a heartbeat. Events tell which partitions are its own: it assigns them to its
 * consumer and gives them up. What is read says nothing of what is done: the caller commits the
 * offsets of records that it has finished with, so a member that stands still or dies never commits
 * more, and one that was taken for dead has its commits refused. One thread, that of the client.
 */
#pragma once

#include "core/client/assignor.h"
#include "core/client/client.h"

struct membership;

enum membership_protocol {
	MEMBERSHIP_AUTO, /* the new one where the broker and the group have it */
	MEMBERSHIP_CLASSIC,
	MEMBERSHIP_CONSUMER,
};

struct membership_conf {
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
	enum membership_protocol protocol;
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
extern const struct membership_conf membership_conf_default;

/* A partition in an event or a commit. */
struct membership_share {
	const char *topic; /* valid as long as the client */
	int32_t partition;
	int64_t offset; /* ASSIGNED: committed, -1 none; commit: next one to be read */
};

enum membership_event_kind {
	MEMBERSHIP_NOTHING,
	MEMBERSHIP_ASSIGNED, /* shares are the member's now: read on at their offsets */
	/* shares will go to others: stop reading them, and commit what is done before the next
	 * membership_poll, which lets go of them */
	MEMBERSHIP_REVOKED,
	MEMBERSHIP_LOST, /* shares are other members' already: commits for them are refused */
};

struct membership_event {
	enum membership_event_kind kind;
	const struct membership_share
		*shares; /* until the next membership_poll; those of a topic together */
	size_t count;
};

/* Conf is copied, but for match_arg. Nothing is sent yet. Errors: USAGE. */
WEIR_MUST_USE enum weir_code membership_open(struct client *client,
	const struct membership_conf *conf, struct membership **group, struct weir_err *err);
/*
 * Goes on without waiting for others, and tells what happened. Errors are those that end the
 * membership: FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL, INVALID_GROUP_ID,
 * UNSUPPORTED_ASSIGNOR, GROUP_AUTHORIZATION_FAILED, GROUP_MAX_SIZE_REACHED, CONNECT and others.
 */
WEIR_MUST_USE enum weir_code membership_poll(
	struct membership *group, struct membership_event *event, struct weir_err *err);
/*
 * Keeps the membership alive while the caller cannot go on to the next membership_poll: heartbeats
 * only, what they bring is told by the next membership_poll.
 */
void membership_keep(struct membership *group);
/* When membership_poll has something to do at the latest (mono). */
int64_t membership_due_ms(const struct membership *group);
/* Moves bytes until something happened or until_ms (mono): for callers that have nothing to read.
 */
void membership_wait(struct membership *group, int64_t until_ms);
/* Member of a settled group: it has what it is to have, as far as it knows. */
bool membership_is_stable(const struct membership *group);
/* "consumer" or "classic"; member id, "" before it has one; generation or member epoch. */
const char *membership_protocol_name(const struct membership *group);
const char *membership_member_id(const struct membership *group);
int32_t membership_epoch(const struct membership *group);

/*
 * Commits shares, of which those that were committed already and those that are not the member's
 * are passed over. wait false: only sends it, if no other commit is under way; what failed then is
 * tried by the next commit. Errors (wait only): UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION,
 * STALE_MEMBER_EPOCH, FENCED_INSTANCE_ID: other members have taken over; REBALANCE_IN_PROGRESS;
 * OFFSET_METADATA_TOO_LARGE and others of the broker's; TIMEOUT.
 */
WEIR_MUST_USE enum weir_code membership_commit(struct membership *group,
	const struct membership_share *shares, size_t count, bool wait, struct weir_err *err);
/* Leaves, waiting wait_ms for the broker at most; static members only stop. NULL is fine. */
void membership_close(struct membership **group, int64_t wait_ms);
