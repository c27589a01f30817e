/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups from outside: listing, describing, deleting. Texts and arrays live in the given arena. */
#pragma once

#include "core/client/client.h"

struct group_listing {
	const char *id, *protocol_type;
	const char *state; /* NULL: the broker is too old to say */
	const char *type;  /* "classic", "consumer", "share", "streams"; NULL as state */
	int32_t coordinator;
};

/* All groups of all brokers, by id. Errors: the brokers'. */
WEIR_MUST_USE enum weir_code groups_list(struct client *client, struct arena *arena,
	struct group_listing **groups, size_t *count, struct weir_err *err);

struct group_part {
	const char *topic;
	int32_t partition;
};

struct group_parts {
	struct group_part *items; /* by topic, then partition */
	size_t count;
};

struct group_member {
	const char *id, *client_id, *host;
	const char *instance_id, *rack; /* NULL: none */
	int32_t epoch;			/* -1: the protocol has none */
	const char *protocol;		/* "classic" or "consumer" */
	struct group_parts owned;
	struct group_parts target; /* what it is to own; of the protocol "consumer" only */
};

struct group_description {
	const char *id, *type, *protocol_type, *state, *assignor;
	int32_t epoch; /* of the group; -1: the protocol has none */
	int32_t coordinator;
	struct group_member *members; /* by client id, then id */
	size_t member_count;
};

/*
 * One group of either protocol. Assignments of classic members of other types than "consumer" are
 * left out. Errors: GROUP_ID_NOT_FOUND; the broker's.
 */
WEIR_MUST_USE enum weir_code groups_describe(struct client *client, const char *group,
	struct arena *arena, struct group_description *out, struct weir_err *err);

/* Errors: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND and others of the broker's. */
WEIR_MUST_USE enum weir_code groups_delete(
	struct client *client, const char *group, struct weir_err *err);
