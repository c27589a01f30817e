/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A group of the consumer protocol: its members and what they own. Part of a shard. */
#pragma once

#include "broker/group/classic.h"
#include "broker/group/classic_priv.h"
#include "broker/group/tp_set.h"

/* As in the records. */
enum reconcile_state {
	MEMBER_STABLE = 0,
	MEMBER_UNREVOKED = 1,  /* has to give partitions up */
	MEMBER_UNRELEASED = 2, /* waits for partitions that others have */
};

enum { EPOCH_LEAVE = -1, EPOCH_LEAVE_STATIC = -2 };

/* What a member of the classic protocol in such a group brought along. */
struct modern_classic {
	int32_t session_timeout_ms;
	struct classic_protocol *protocols; /* each slice its own */
	size_t protocol_count;
};

struct modern_member {
	struct list node; /* in modern.members */
	struct group *group;
	bool known; /* its metadata has been seen; false: records about it came first */
	struct slice id;
	struct slice instance_id, rack_id, assignor; /* data NULL: none */
	struct slice client_id, client_host;
	int32_t rebalance_timeout_ms;
	struct slice *topics; /* subscribed names, sorted */
	size_t topic_count;
	struct slice pattern;		/* empty or data NULL: none */
	struct modern_classic *classic; /* NULL: it speaks the consumer protocol */
	int32_t epoch, previous_epoch;
	enum reconcile_state state;
	struct tp_set assigned, revoking;
	struct tp_set target;
	struct group_timer session;
	struct group_timer rebalance; /* to give partitions up; classic: to join, or to sync */
	bool awaits_sync;	      /* classic: the rebalance timer is for SyncGroup */
};

/* A pattern that members subscribe with, and the topics it matched last. */
struct modern_pattern {
	struct slice pattern;
	struct slice *topics; /* sorted */
	size_t topic_count;
	int64_t revision;    /* of the catalog it was matched against; -1: not yet */
	int64_t asked;	     /* revision that was asked for last; -1: none */
	int64_t resolved_ms; /* wall */
	int members;
};

struct modern {
	struct group *group;
	int32_t epoch, target_epoch;
	int64_t target_ms; /* wall, when the target was made */
	int64_t hash;	   /* of the topics subscribed to, as they were at epoch */
	int64_t revision;  /* of the catalog the hash was last made from; -1: not since the load */
	struct list members;
	int32_t count, classic_count;
	struct map by_id, by_instance; /* struct modern_member */
	struct map owners;	       /* struct modern_member by partition: assigned or revoking */
	struct map patterns;	       /* struct modern_pattern */
	struct map subscribed;	       /* name -> how many members name it */
};

/* modern_member.c: the tables. */
struct modern *modern_take(struct group *group); /* makes it when absent */
/* timers and tables only: nothing is written */
void modern_free(struct coordinator *c, struct group *group);
struct modern_member *modern_member(const struct modern *modern, struct slice id);
struct modern_member *modern_static(const struct modern *modern, struct slice instance_id);
struct modern_member *modern_add(struct modern *modern, struct slice id);
void modern_remove(struct coordinator *c, struct modern_member *member);
void modern_set_instance(struct modern_member *member, struct slice instance_id);
/* names are copied, sorted, each once. true: they differ from those before. */
bool modern_set_topics(struct modern_member *member, const struct slice *names, size_t count);
void modern_set_pattern(struct modern_member *member, struct slice pattern);
void modern_set_classic(struct modern_member *member, int32_t session_timeout_ms,
	const struct classic_protocol *protocols, size_t count); /* protocols NULL: none */
/* Both are taken (moved); the owners follow. */
void modern_set_assigned(
	struct modern_member *member, struct tp_set *assigned, struct tp_set *revoking);
struct modern_member *modern_owner(
	const struct modern *modern, struct uuid topic, int32_t partition);
struct modern_pattern *modern_pattern(const struct modern *modern, struct slice pattern);
struct modern_pattern *modern_pattern_take(struct modern *modern, struct slice pattern);
void pattern_drop(struct modern *modern, struct modern_pattern *pattern);
void pattern_set(struct modern_pattern *pattern, const struct slice *topics, size_t count,
	int64_t revision, int64_t wall_ms);
bool modern_subscribed(const struct modern *modern, struct slice topic);
const char *modern_state_name(const struct modern *modern);
/* "" or the most preferred one that the broker offers; the default else. */
bool modern_uses_range(const struct modern *modern, const struct conf *conf);

/* modern_records.c */
void put_member(struct coordinator *c, const struct modern_member *member);
void put_target(struct coordinator *c, const struct modern_member *member);
void put_target_epoch(struct coordinator *c, const struct modern *modern);
void put_current(struct coordinator *c, const struct modern_member *member);
void put_epoch(struct coordinator *c, const struct modern *modern);
void put_pattern(
	struct coordinator *c, const struct modern *modern, const struct modern_pattern *pattern);
/* Tombstones: of one member; of a pattern; of all that the group has. */
void put_member_gone(struct coordinator *c, struct group *group, struct slice member_id);
void put_pattern_gone(struct coordinator *c, struct group *group, struct slice pattern);
void put_consumer_gone(struct coordinator *c, const struct modern *modern);
/* Bytes that the records of a new target would take at most. */
size_t target_record_size(const struct modern *modern);
WEIR_MUST_USE enum weir_code modern_replay(struct coordinator *c, int16_t type, struct slice key,
	struct slice value, int16_t version, struct weir_err *err);
void modern_loaded(struct coordinator *c, struct group *group);

/* reconcile.c */
/* The member's next step towards its target. owned: what it reports; NULL: nothing said; certain:
 * it joins with that, so nothing else is on its way to it. true: its current assignment changed
 * (and was written). */
bool modern_reconcile(struct coordinator *c, struct modern_member *member,
	const struct tp_set *owned, bool certain);
bool modern_waits(const struct modern_member *member); /* for what others have not released */

/* target.c */
/* The hash of what the group subscribes to, as the catalog is now. */
int64_t modern_hash(struct coordinator *c, const struct modern *modern);
/* Raises the epoch when forced, or when the topics have changed. */
void modern_refresh(struct coordinator *c, struct modern *modern, bool forced);
/* Makes the target of the current epoch, if it is not made yet. */
void modern_assign(struct coordinator *c, struct modern *modern);
/* Asks for patterns to be matched that have not been against the catalog as it is. */
void modern_ask(struct coordinator *c, struct modern *modern);

/* modern.c */
void modern_keep_alive(struct coordinator *c, struct modern_member *member);
/* Out of the group, or the group out of this protocol when only classic members are left. */
void modern_fence(struct coordinator *c, struct modern_member *member);
/* modern_set_pattern, with the tombstone of one that nobody has any more. */
void modern_change_pattern(
	struct coordinator *c, struct modern_member *member, struct slice pattern);
/* Takes the member out, with a pattern that nobody else has; the epoch is the caller's. */
void modern_drop(struct coordinator *c, struct modern_member *member);
/* A new member that has what old had, and starts from epoch 0; old is gone. Not written yet. */
struct modern_member *modern_replace(
	struct coordinator *c, struct modern_member *old, struct slice id);
void modern_await_rebalance(struct coordinator *c, struct modern_member *member);

/* modern_classic.c: requests of the classic protocol to such a group. */
void modern_join(struct coordinator *c, struct modern *modern, const struct group_caller *caller,
	const struct join_group_request *request, void *token);
void modern_sync(struct coordinator *c, struct modern *modern, const struct group_caller *caller,
	const struct sync_group_request *request, void *token);
enum weir_code modern_heartbeat(
	struct coordinator *c, struct modern *modern, const struct heartbeat_request *request);
void modern_leave(
	struct coordinator *c, struct modern *modern, struct group_leaver *leavers, size_t count);

/* migrate.c */
/* WEIR_OK, or GROUP_ID_NOT_FOUND: it cannot become one. */
enum weir_code migrate_check_up(
	struct coordinator *c, const struct classic *classic, struct weir_err *err);
struct modern *migrate_up(struct coordinator *c, struct classic *classic);
bool migrate_down_due(const struct coordinator *c, const struct modern *modern,
	const struct modern_member *leaving);
/* leaving goes; NULL: it has been replaced by a classic member already. All are to join again. */
void migrate_down(struct coordinator *c, struct modern *modern, struct modern_member *leaving);

/* Partitions as the consumer protocol of these metadata's version has them; in the step's arena. */
struct slice migrate_encode(struct coordinator *c, const struct tp_set *set, struct slice metadata);
/* What the consumer protocol's bytes say. false: they are malformed. Slices point into the bytes,
 * lists into the step's arena. */
bool migrate_subscription(struct coordinator *c, struct slice metadata,
	struct consumer_protocol_subscription *subscription);
/* Names become ids; topics that are not there are left out. */
void migrate_owned(struct coordinator *c,
	const struct consumer_protocol_subscription_topic_partition *topics, int32_t count,
	struct tp_set *set);
