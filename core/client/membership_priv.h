/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What group.c (events, commits), membership_classic.c and membership_modern.c (the protocols)
 * share. */
#pragma once

#include "core/client/client_priv.h"
#include "core/client/membership.h"
#include "core/client/group_offsets.h"

/* A partition that the member owns or is to own. */
struct owned {
	const char *topic; /* client's, as is topic_id */
	struct uuid topic_id;
	int32_t partition;
	int64_t committed; /* as far as known; -1: nothing */
};

struct owned_list {
	struct owned *items; /* by topic name, then partition */
	size_t count;
};

enum membership_phase {
	PHASE_OUT,     /* no member: joins when due */
	PHASE_JOINING, /* an answer to the join is awaited */
	PHASE_SYNCING,
	PHASE_MEMBER,
};

struct membership;

struct membership_ops {
	const char *name;
	/* Takes an answer to exchange, when it is there. */
	enum weir_code (*take)(struct membership *group, struct exchange *x, struct weir_err *err);
	/* Does what is due; nothing is under way, and no event stands out. */
	enum weir_code (*step)(struct membership *group, struct weir_err *err);
	/* Sends a heartbeat that tells nothing new. */
	enum weir_code (*beat)(struct membership *group, struct weir_err *err);
	/* Starts the farewell; false: there is none. */
	bool (*leave)(struct membership *group, int64_t deadline_ms, struct exchange **x);
};
extern const struct membership_ops membership_classic, membership_modern;

struct membership {
	struct client *client;
	struct membership_conf conf; /* texts are the group's own */
	const struct membership_ops *ops;
	char *member_id;
	int32_t epoch; /* generation or member epoch; -1: none (0 in the new protocol) */
	enum membership_phase phase;
	int32_t coordinator; /* node; -1: not known */
	struct exchange *exchange;
	int64_t due_ms, answered_ms, topics_due_ms; /* mono */
	int64_t interval_ms;			    /* between heartbeats */
	int attempts;
	int64_t failing_ms; /* since when the coordinator cannot be had; 0: it can */
	bool stable;

	struct owned_list owned, target; /* what it has, and what it is to have */
	bool reconcile;			 /* owned and target differ */

	/* The event that membership_poll told last, or is about to tell. */
	struct membership_event event;
	struct membership_share *shares;
	bool untold;		/* event came up outside of membership_poll */
	struct weir_err failed; /* what membership_keep ran into */
	int64_t beat_due_ms;
	bool rejoin; /* classic: join again as soon as no event stands out */

	struct commit {
		struct exchange *exchange;
		struct group_offset *items;
		size_t count;
	} commit;

	/* Classic: */
	char **names; /* subscribed, sorted */
	size_t name_count;
	bool leader;
	enum assignor assignor;
	struct membership_topics_seen {
		char *name;
		int32_t partition_count;
	} * seen; /* leader: topics of the group when it assigned them */
	size_t seen_count;
	struct owned_list kept; /* what it was given last, and in which generation */
	int32_t kept_generation;

	/* New protocol: */
	bool tell_all;	 /* the next heartbeat repeats everything */
	bool tell_owned; /* it tells what is owned */
	bool unresolved; /* target names a topic that metadata does not have yet */
	int64_t resolve_due_ms;
	int early_beats;
	struct wanted {
		struct uuid topic_id;
		int32_t partition;
	} * wanted; /* target as the broker named it */
	size_t wanted_count;
};

/* Sends request to the coordinator, asking for it if need be. Failures that may pass are kept for a
 * later try. */
WEIR_MUST_USE enum weir_code membership_send(struct membership *group, int16_t key, int16_t cap,
	const void *request, int64_t wait_ms, struct weir_err *err);
/* The coordinator has moved or does not answer: asks again after a pause. */
void membership_lost_coordinator(struct membership *group);
/* Tries again after a pause. */
void membership_pause(struct membership *group);

/* Tells the caller that what is owned is gone, and forgets it. */
void membership_lose_all(struct membership *group);
/* Tells the caller to give up those of owned that are not in keep (NULL: all). False: none. */
bool membership_revoke(struct membership *group, const struct owned_list *keep);
/* Reads the offsets of what target has and owned has not, and tells the caller; owned becomes
 * target. */
WEIR_MUST_USE enum weir_code membership_gain(struct membership *group, struct weir_err *err);

int owned_list_compare(const struct owned *a, const struct owned *b);
void owned_list_sort(struct owned_list *list);
const struct owned *owned_list_find(const struct owned_list *list, const struct owned *item);
void owned_list_free(struct owned_list *list);
struct owned_list owned_list_dup(const struct owned_list *list);
void owned_list_add(struct owned_list *list, const struct topic *topic, int32_t partition);

/* Classic, membership_assign.c: */
/* Finds the names to subscribe to, sorted. */
WEIR_MUST_USE enum weir_code membership_find_names(
	struct membership *group, char ***names, size_t *count, struct weir_err *err);
void membership_names_free(char ***names, size_t *count);
/* Appends the subscription for one assignor. */
WEIR_MUST_USE enum weir_code membership_subscription(
	struct membership *group, enum assignor assignor, struct buf *out, struct weir_err *err);

struct join_group_response;
struct sync_group_request_assignment;
/* The leader's work: assignments of all members, in arena. */
WEIR_MUST_USE enum weir_code membership_assign(struct membership *group,
	const struct join_group_response *answer, struct arena *arena,
	struct sync_group_request_assignment **assignments, int32_t *count, struct weir_err *err);
/* Takes what the leader gave this member as target. */
WEIR_MUST_USE enum weir_code membership_take_assignment(
	struct membership *group, struct slice bytes, struct weir_err *err);
/* Whether the leader's topics have other partitions than when it assigned them. */
bool membership_topics_changed(struct membership *group);
