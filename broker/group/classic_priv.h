/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A group of the classic protocol: its members and its state. Part of a shard. */
#pragma once

#include "broker/group/coordinator_priv.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

enum classic_state { CLASSIC_EMPTY, CLASSIC_PREPARING, CLASSIC_COMPLETING, CLASSIC_STABLE };

struct classic_protocol {
	struct slice name, metadata;
};

struct classic_member {
	struct list node; /* in classic.members, in order of joining */
	struct group *group;
	struct group_timer session;
	struct slice id, client_id, client_host;
	struct slice instance_id; /* data NULL: a dynamic member */
	int32_t rebalance_timeout_ms, session_timeout_ms;
	struct classic_protocol *protocols; /* in order of preference */
	size_t protocol_count;
	size_t metadata_bytes; /* of all protocols */
	struct slice assignment;
	void *join, *sync; /* tokens of parked requests; NULL: none */
	bool is_new;	   /* has not got an answer with its id yet */
	bool awaits_sync;  /* has to send SyncGroup of this generation */
};

/* An id that was given out, to come back with. */
struct classic_candidate {
	struct group *group;
	struct group_timer session;
	struct slice id;
};

struct classic {
	struct group *group;
	enum classic_state state;
	bool initial;	       /* PreparingRebalance, coming from Empty */
	bool new_member_added; /* since the initial delay was last set */
	int64_t since_ms;      /* of the state, wall; -1: not known */
	int32_t generation;
	struct slice protocol_type, protocol; /* data NULL: none */
	struct classic_member *leader;	      /* NULL: none */
	struct list members;
	int32_t count;
	int32_t joining; /* members with a parked JoinGroup */
	int32_t missing_syncs;
	struct map by_id, by_instance; /* struct classic_member */
	struct map candidates;	       /* struct classic_candidate by id */
	struct map supported;	       /* protocol name -> how many members have it */
	size_t metadata_bytes;	       /* of all members */
	struct group_timer join_timer, sync_timer;
	int64_t delay_ms, remaining_ms; /* of the initial delay */
	bool topics_known;		/* topics holds what the members subscribe to */
	struct map topics;		/* name -> itself; keys count */
};

/* member.c: members and what follows from them at once. */
struct classic *classic_take(struct group *group); /* makes it when absent */
void classic_free(struct coordinator *c, struct group *group);
struct classic_member *classic_member(const struct classic *classic, struct slice id);
struct classic_member *classic_static(const struct classic *classic, struct slice instance_id);

struct classic_profile {
	struct slice id, instance_id, client_id, client_host;
	int32_t rebalance_timeout_ms, session_timeout_ms;
	const struct classic_protocol *protocols;
	size_t protocol_count;
};
/* All of profile is copied. */
struct classic_member *classic_add(struct classic *classic, const struct classic_profile *profile);
void classic_update(struct classic_member *member, const struct classic_profile *profile);
/* Parked requests are answered with code first. */
void classic_remove(struct coordinator *c, struct classic_member *member, enum weir_code code);
void classic_rename(struct classic_member *member, struct slice id);
struct slice classic_metadata(const struct classic_member *member, struct slice protocol);
bool classic_matches(const struct classic_member *member, const struct classic_protocol *protocols,
	size_t count);
/* Whether a member with these can be in the group. */
bool classic_supports(const struct classic *classic, struct slice protocol_type,
	const struct classic_protocol *protocols, size_t count);
/* The protocol of the next generation: known to all, most votes. Borrowed from a member. */
struct slice classic_choose(const struct classic *classic);
void classic_find_topics(struct coordinator *c, struct classic *classic);
bool classic_subscribed(const struct classic *classic, struct slice topic);
int32_t classic_rebalance_timeout(const struct classic *classic);
void classic_set_assignment(struct classic_member *member, struct slice assignment);
void classic_candidate_add(
	struct coordinator *c, struct classic *classic, struct slice id, int32_t session_ms);
bool classic_candidate_remove(struct coordinator *c, struct classic *classic, struct slice id);
void classic_set_slice(struct slice *to, struct slice from); /* frees the old, copies the new */
/* UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, WEIR_OK. */
enum weir_code classic_validate(
	const struct classic *classic, struct slice member_id, struct slice instance_id);

/* classic.c: the rebalance. */
void classic_to(struct coordinator *c, struct classic *classic, enum classic_state state);
void classic_rebalance(struct coordinator *c, struct classic *classic);
/* A member is gone, or has joined: prepares a rebalance, or completes the one at hand. */
void classic_go_on(struct coordinator *c, struct classic *classic);
void classic_maybe_complete(struct coordinator *c, struct classic *classic);
void classic_keep_alive(struct coordinator *c, struct classic_member *member);
void classic_answer_join(struct coordinator *c, struct classic_member *member, enum weir_code code);
void classic_answer_sync(struct coordinator *c, struct classic_member *member, enum weir_code code);
/* Writes the group's record. */
void classic_put(struct coordinator *c, struct classic *classic);
/* The record of a group that has just come up and has no generation yet. */
void classic_put_new(struct coordinator *c, struct classic *classic);
/* Rows for the leader, in the step's arena. */
struct join_group_response_member *classic_list(
	struct coordinator *c, const struct classic *classic);
size_t classic_record_size(const struct classic *classic);
void classic_loaded(struct coordinator *c, struct classic *classic);
const char *classic_state_name(enum classic_state state);
void classic_replay(struct coordinator *c, struct slice group_id,
	const struct group_metadata_value *value); /* NULL: tombstone */
