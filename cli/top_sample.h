/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What weir top shows: topics, groups and brokers, each with where it stands and how fast it goes.
 */
#pragma once

#include "core/base/map.h"
#include "core/client/client.h"

enum top_kind { TOP_TOPIC, TOP_GROUP, TOP_BROKER, TOP_KINDS };
extern const char *const top_kind_names[]; /* "topic" ... */

enum { TOP_HISTORY = 40 };

/* One thing that is watched. Numbers that are not known are -1. */
struct top_row {
	enum top_kind kind;
	char *name;
	int64_t records;   /* topic: sum of end offsets; group: sum of committed offsets */
	int64_t bytes;	   /* on disk, all replicas of a topic; of a broker */
	int64_t lag;	   /* group: records between committed and end offsets */
	int64_t count;	   /* topic, broker: partitions (led); group: partitions with offsets */
	const char *state; /* group's; NULL */
	double records_per_s, bytes_per_s; /* since the sample before; -1: there was none */
	double history[TOP_HISTORY];	   /* records_per_s (a group's: lag), newest last */
	int history_count;
	uint64_t seen; /* number of the sample that had it last */
	int64_t sampled_ns;
	char state_text[24];
};

struct top {
	struct client *client;
	const char *const *topics; /* only these; borrowed */
	size_t topic_count;	   /* 0: all */
	bool internal;		   /* topics of the brokers' own too */
	struct map rows[TOP_KINDS];
	uint64_t sample;
	int64_t nodes;
	char cluster_id[64];
};

void top_init(struct top *top, struct client *client);
void top_fini(struct top *top);
/* Takes one sample. Errors: of the connection, UNKNOWN_TOPIC_OR_PARTITION for a topic that is
 * named. */
WEIR_MUST_USE enum weir_code top_sample(struct top *top, struct weir_err *err);
/*
 * Rows of the last sample of one kind, busiest first (a group's lag, else rate, then name), in an
 * array freed by mem_free. The rows stay the top's, until the next sample.
 */
struct top_row **top_rows(const struct top *top, enum top_kind kind, size_t *count);
