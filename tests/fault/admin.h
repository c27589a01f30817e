/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes and deletes topics and trims the load's own, beside the load; remembers what was promised.
 */
#pragma once

#include "tests/fault/load.h"
#include "tests/fault/peer.h"

enum { ADMIN_TOPICS = 8 };

enum fate { FATE_ABSENT, FATE_PRESENT, FATE_PERHAPS };

struct admin_fact {
	int topic; /* "a<topic>" */
	enum fate to;
	int64_t begin, end; /* stamps; end INT64_MAX: never answered */
};
struct admin_trim {
	int partition;
	int64_t offset, begin, end;
};

struct admin {
	struct load *load;
	pthread_t thread;
	struct admin_fact *facts;
	struct admin_trim *trims;
	size_t fact_count, trim_count;
};

void admin_init(struct admin *admin, struct load *load);
void admin_fini(struct admin *admin);
void admin_start(struct admin *admin); /* after load_start */
void admin_join(struct admin *admin);  /* ends as the load does */

/* Holds the broker's topics against what was promised up to the stamp until; MODEL_NOW: all, and
 * what is found is known from now on. false: the broker went away. */
bool admin_check(struct admin *admin, struct peer *peer, int64_t until);
/* The load's topic begins where it may; *start: there. false: the broker went away, or says no. */
bool admin_check_start(
	struct admin *admin, struct peer *peer, int partition, int64_t until, int64_t *start);
