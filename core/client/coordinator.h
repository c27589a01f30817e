/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the broker that coordinates a group, and calls that go to it wherever it moves. */
#pragma once

#include "core/client/client_priv.h"

/*
 * The node that coordinates group; asked for until deadline_ms (mono), as a broker may still be
 * making its internal topic. Errors: the broker's own; CONNECT; COORDINATOR_NOT_AVAILABLE.
 */
WEIR_MUST_USE enum weir_code coordinator_find(struct client *client, const char *group,
	int64_t deadline_ms, int32_t *node, struct weir_err *err);

/* Wire errors that say: ask again, maybe elsewhere. */
bool coordinator_moved(int16_t error);

/*
 * One request to the coordinator of group, with retries while it moves or loads: error_of tells the
 * code of an answer. Answers with any other code are handed back as they are. *version (may be
 * NULL): that was used. Errors: as coordinator_find and client_call_capped.
 */
WEIR_MUST_USE enum weir_code coordinator_call(struct client *client, const char *group, int16_t key,
	int16_t cap, const void *request, int16_t (*error_of)(const void *response),
	struct arena *arena, void *response, int16_t *version, struct weir_err *err);
