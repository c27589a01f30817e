/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checks of weir doctor, one row each. */
#pragma once

#include "cli/table.h"
#include "core/client/client.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDING_SKIP };

struct doctor {
	struct ctx *ctx;
	struct table *table;
	struct client_conf conf;
	int64_t fails, warns;
};

/*
 * Puts a row: check is what was looked at ("connect"), subject whose ("k1:9092"), hint what to do
 * (NULL: nothing); then what was found.
 */
void doctor_put(struct doctor *doctor, const char *check, const char *subject, enum finding finding,
	const char *hint, const char *fmt, ...) WEIR_PRINTF(6, 7);

/* Name lookup, connection and handshake; whether all of them worked. */
bool doctor_address(struct doctor *doctor, const struct net_addr *addr, bool advertised);

/* Nodes and what they advertise, topics, groups, clocks. */
void doctor_cluster(struct doctor *doctor, struct client *client);

/* Topics and groups only. */
void doctor_topics(
	struct doctor *doctor, struct client *client, const struct client_cluster *cluster);

/* The table's columns, and the error that a failed check is. */
extern const struct column doctor_columns[];
WEIR_MUST_USE enum weir_code doctor_end(const struct doctor *doctor, struct weir_err *err);

/* A local data directory: whose it is, space, limits. */
void doctor_dir(struct doctor *doctor, const char *path);
