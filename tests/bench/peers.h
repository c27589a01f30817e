/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of a load of the group APIs: requests go in line, answers come back in order. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

struct peer;

/* Says why, and ends the program. */
_Noreturn void die(const char *what);

/* Opens count connections to HOST:PORT. */
void peers_open(const char *address, int count);
void peers_close(void);
struct peer *peer_at(int i);

/* Encodes into the line of the peer; it leaves with the next peers_poll. */
void peer_send(struct peer *peer, int16_t key, int16_t version, uint32_t tag, const void *request);

/* What a peer said to the request that was tagged so. */
typedef void peer_take(struct peer *peer, uint32_t tag, struct slice answer);

/* Sends what is in line, waits up to timeout_ms, hands over the answers that are there. */
void peers_poll(int timeout_ms, peer_take *take);

/* One request and its answer, in arena. */
void peer_call(struct peer *peer, int16_t key, int16_t version, const void *request,
	struct arena *arena, void *response);

/* An answer's body, in arena. */
void peer_decode(
	int16_t key, int16_t version, struct slice answer, struct arena *arena, void *response);
