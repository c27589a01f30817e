/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that records are written to, by a format that makes their paths (consume --out). A file is
 * written as PATH.part and gets its name when it is whole; one that is there already is copied into
 * the part first, so that at any moment the file of that name is whole.
 *
 * With a state, parts and offsets come back together after a crash: the state tells how long each
 * part was at the last checkpoint, and what was written behind that is cut off again.
 */
#pragma once

#include "cli/format.h"
#include "cli/state.h"

struct sink;

/*
 * Brings the parts that state knows back to where it knows them. format and state (may be NULL) are
 * borrowed. Errors: BAD_DATA when a part is not what state says, IO.
 */
WEIR_MUST_USE enum weir_code sink_open(
	const struct format *format, struct state *state, struct sink **sink, struct weir_err *err);
/* Leaves parts as they are. */
void sink_close(struct sink **sink);
/*
 * Where row is to be written; borrowed until the next call. Errors: EXISTS (there is such a file,
 * but the state is new), BAD_DATA (the format does not fit row), IO.
 */
WEIR_MUST_USE enum weir_code sink_out(
	struct sink *sink, const struct row *row, struct out **out, struct weir_err *err);
/* Whether something was written since the last checkpoint. */
bool sink_is_dirty(const struct sink *sink);
/* Everything written is on disk, and its length in the state, which the caller saves. Errors: IO.
 */
WEIR_MUST_USE enum weir_code sink_checkpoint(struct sink *sink, struct weir_err *err);
/*
 * After a checkpoint that was saved: parts that nothing was written to for idle_ms (0: all) get
 * their names and leave the state, which the caller saves again when *any. Errors: IO.
 */
WEIR_MUST_USE enum weir_code sink_finish(
	struct sink *sink, int64_t idle_ms, bool *any, struct weir_err *err);
