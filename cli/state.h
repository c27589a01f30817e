/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state file of consume --state: how far each partition has been read, and how long the files
 * are that are still being written. It is replaced whole, so that after a crash it tells one
 * moment.
 *
 *   {"version":1,"topics":{"t":{"id":"...","offsets":{"0":5,"1":7}}},"parts":{"out.txt":4096}}
 *
 * While it is open for writing, PATH.lock keeps others off.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/uuid.h"

struct state;

/*
 * Reads path; *state is empty when there is no such file. Without lock it cannot be saved. Errors:
 * LOCKED, BAD_DATA, IO.
 */
WEIR_MUST_USE enum weir_code state_open(
	const char *path, bool lock, struct state **state, struct weir_err *err);
void state_close(struct state **state);
bool state_is_new(const struct state *state); /* there was no file */

/*
 * Makes topic known by its id. Errors: INCONSISTENT_TOPIC_ID when the state's topic of that name
 * has another one (zero: unknown, fits all).
 */
WEIR_MUST_USE enum weir_code state_topic(
	struct state *state, const char *topic, struct uuid id, struct weir_err *err);
/* Next offset to be read; -1: none is known. */
int64_t state_offset(const struct state *state, const char *topic, int32_t partition);
/* topic is known already. */
void state_set_offset(struct state *state, const char *topic, int32_t partition, int64_t offset);

/* Files by their final path, and their length in bytes; path NULL past the end. */
const char *state_part(const struct state *state, size_t i, int64_t *len);
void state_set_part(struct state *state, const char *path, int64_t len);
void state_drop_part(struct state *state, const char *path);

/* Errors: IO, NO_SPACE: the old file is still there. */
WEIR_MUST_USE enum weir_code state_save(const struct state *state, struct weir_err *err);
