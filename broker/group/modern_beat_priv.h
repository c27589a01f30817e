/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One ConsumerGroupHeartbeat at hand: modern.c works it off, modern_check.c says what is wrong. */
#pragma once

#include "broker/group/modern.h"
#include "broker/group/modern_priv.h"

struct beat {
	struct coordinator *c;
	const struct group_caller *caller;
	const struct consumer_group_heartbeat_request *request;
	struct arena *arena;
	struct consumer_group_heartbeat_response *response;
	struct weir_err *err;
	struct group *group;
	struct modern *modern;
	struct modern_member *member;
	struct slice member_id;
	struct tp_set owned; /* reported; counts only if says_owned */
	bool says_owned;
	bool changed; /* the subscription */
};

enum weir_code beat_check_request(const struct beat *b);
/* Sets group and modern, which stay NULL when it is to be made. */
enum weir_code beat_find_group(struct beat *b);
/* Sets member; NULL without an error: it is new, or replaces another. */
enum weir_code beat_find_member(struct beat *b);
/* The instance id against who has it; sets member when it is the asker. */
enum weir_code beat_check_static(struct beat *b, bool joins);
enum weir_code beat_unknown_member(const struct beat *b);
