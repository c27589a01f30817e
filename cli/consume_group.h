/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consume as a member of a group (-g). What is committed is what standard output has taken: after
 * each flush the positions are noted, and only noted ones are ever committed.
 */
#pragma once

#include "cli/consume_priv.h"

/* Whether the options go with -g, and what they say. Errors: USAGE. */
WEIR_MUST_USE enum weir_code consume_group_check(const struct consume *c, struct weir_err *err);
/* Begins to join. c has its topics and its consumer. Errors: USAGE, the broker's. */
WEIR_MUST_USE enum weir_code consume_group_open(struct consume *c, struct weir_err *err);
/*
 * Goes on as a member: takes and gives up partitions, commits now and then. at_end: the consumer
 * has nothing more to read; *ended: nor will it have, with -e. Errors: membership_poll's.
 */
WEIR_MUST_USE enum weir_code consume_group_step(
	struct consume *c, bool at_end, bool *ended, struct weir_err *err);
/* Standard output has everything that was printed. */
void consume_group_written(struct consume *c);
/* Waits for anything to happen while there is nothing to read. */
void consume_group_wait(struct consume *c, int64_t wait_ms);
/* Commits what was written and leaves. Errors: the commit's, after it has left. */
WEIR_MUST_USE enum weir_code consume_group_close(struct consume *c, struct weir_err *err);
