/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated world of test_group_model: what its files share. */
#pragma once

#include "tests/unit/test.h"

#include "broker/group/commit.h"
#include "broker/group/modern.h"
#include "broker/group/modern_priv.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	GROUPS = 2,
	CLIENTS = 5,
	PARTITIONS = 6,
	MEMBERS_MAX = CLIENTS * 4,
	SESSION_MS = 10000,
	REBALANCE_MS = 20000,
	HEARTBEAT_MS = 3000,
	COMMIT_MS = 2000,
	REQUEST_MS = 8000,
	CHAOS_MS = 60000,
	CALM_MS = 240000, /* more than any timeouts in a row take */
	STUCK_MS = 3 * (REBALANCE_MS + SESSION_MS) + 5000,
	ID_MAX = 64,
};

enum kind { JOIN, SYNC, HEARTBEAT, LEAVE, COMMIT, FETCH, BEAT };
extern const char *const kind_names[];

/* A request on its way, or with the coordinator. */
struct call {
	enum kind kind;
	int client;
	int64_t request; /* the client's number of it */
	char member_id[ID_MAX];
	int32_t generation;				  /* or member epoch */
	uint8_t shares[MEMBERS_MAX][ID_MAX + PARTITIONS]; /* SYNC of a leader: id, partitions */
	int share_count;
	uint8_t owned; /* BEAT */
	bool says_owned, full, by_pattern;
	int partition;
	int64_t offset;
	int64_t newest; /* FETCH: order of the newest commit known to be safe when it was sent */
	bool answered;
};

struct answer {
	struct call call;
	enum weir_code code;
	int32_t generation;
	char member_id[ID_MAX];
	bool leads;
	char members[MEMBERS_MAX][ID_MAX];
	int member_count;
	uint8_t assigned; /* bits */
	bool assigns;	  /* the answer has an assignment */
	int64_t offset, order;
	int64_t position;
};

enum event_kind { E_REQUEST, E_ANSWER, E_CLIENT, E_FLUSH, E_CHAOS, E_TICK, E_RESOLVE };

struct event {
	struct heap_node node;
	enum event_kind kind;
	int client; /* or group */
	struct call *call;
	struct answer *answer;
};

struct batch_row {
	uint8_t *bytes;
	size_t len;
	int64_t base, end;
};

struct client {
	bool up, is_static, paused, leaving;
	bool modern; /* speaks the consumer protocol */
	bool by_pattern;
	enum { OUT, JOINING, SYNCING, IN } state;
	char member_id[ID_MAX], instance_id[16];
	int group;
	int lives; /* ids given to itself */
	int32_t generation;
	bool leads;
	char members[MEMBERS_MAX][ID_MAX];
	int member_count;
	uint8_t owned;
	uint8_t wanted;	 /* modern: what it was assigned; it gives up the rest when it can */
	bool told;	 /* modern: the coordinator has been told what is owned */
	bool lost;	 /* modern: an answer did not come: all is said again */
	int64_t request; /* outstanding; 0: none */
	int64_t request_ms;
	int64_t served; /* BEAT: the newest that the coordinator has seen */
	int64_t heartbeat_ms, commit_ms;
};

/* What the model knows about a group from the outside. */
struct view {
	char id[16];
	int32_t announced; /* newest generation that a join answer told since the last load */
	uint8_t owners[PARTITIONS]; /* client + 1 of generation owner_generation */
	int32_t owner_generation;
	int64_t acked_order[PARTITIONS]; /* of the newest commit whose answer went out */
	int64_t unsettled_since;
};

struct world {
	uint64_t seed, random;
	bool told; /* tell every step */
	bool migrates;
	int64_t now;
	struct heap events;
	struct coordinator *c;
	struct conf *conf;
	struct batch_row *log;
	size_t log_count, log_room;
	int64_t durable;
	bool append_fails;
	struct answer **fresh; /* of the step, not settled */
	size_t fresh_count;
	struct answer **held; /* settled, not durable */
	size_t held_count;
	struct client clients[CLIENTS];
	struct view views[GROUPS];
	int64_t orders; /* commits taken so far */
	int64_t *order_of_offset;
	int64_t offsets;
	int64_t requests;
	int64_t tick_at;
	size_t open_calls;
	bool calm;
	char fault[256];
};

#define TELL(w, ...)                                                                               \
	do {                                                                                       \
		if ((w)->told) {                                                                   \
			printf("%8" PRId64 "  ", (w)->now);                                        \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

/* group_world.c */
int64_t below(struct world *w, int64_t n);
bool chance(struct world *w, int in_1000); /* never in the calm */
void fault(struct world *w, const char *fmt, ...) WEIR_PRINTF(2, 3);
struct event *at(struct world *w, int64_t after, enum event_kind kind, int client);
void send_call(struct world *w, const struct call *call);
struct group_env env_of(const struct world *w);
struct answer *answer_to(const struct call *call);
void keep_answer(struct answer ***list, size_t *count, struct answer *answer);
int64_t log_end(const struct world *w);
void load(struct world *w);
void crash(struct world *w);
void start_again(struct world *w);
void release(struct world *w);
void tell_state(const struct world *w);
void check_replay(struct world *w);
void check_stuck(struct world *w);
/* (I1) of the consumer protocol: nobody else that is a member owns what the client just got. */
void check_alone(struct world *w, int client);
extern const struct uuid world_topic;

/* group_client.c */
void serve(struct world *w, struct call *call);
void resolve(struct world *w, int group);
void receive(struct world *w, const struct answer *answer);
void turn(struct world *w, int client);
void start_over(struct client *client, bool forget_id);
