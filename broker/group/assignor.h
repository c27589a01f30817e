/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Server-side assignors (KIP-848): who shall own what, from subscriptions and what each had before.
 * Pure functions; the same input gives the same output.
 */
#pragma once

#include "broker/group/tp_set.h"

struct assign_topic {
	struct uuid id;
	int32_t partitions;
};

struct assign_member {
	struct slice id;
	struct slice instance_id; /* data NULL: none */
	const uint32_t *topics;	  /* indexes into the spec's, rising */
	size_t topic_count;
	const struct tp_set *before; /* its target up to now */
	struct tp_set after;	     /* out */
};

struct assign_spec {
	const struct assign_topic *topics; /* sorted by id */
	size_t topic_count;
	struct assign_member *members; /* sorted by id */
	size_t member_count;
	bool same; /* all members subscribe to the same topics */
};

/*
 * Even shares that change as little as can be: each keeps what it had up to its share. With
 * different subscriptions shares are as even as the subscriptions allow.
 */
void assignor_uniform(struct assign_spec *spec);
/* Runs of partitions, topic by topic, to members in order of instance id, then id: topics with as
 * many partitions are shared out alike. */
void assignor_range(struct assign_spec *spec);
