/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --decode: a value goes through a command of the user's, one process a record, so that where the
 * value ends needs no agreement.
 */
#pragma once

#include "cli/row.h"
#include "core/base/err.h"

/*
 * Runs command by sh with row's value as its standard input and WEIR_TOPIC, WEIR_PARTITION and
 * WEIR_OFFSET in its environment; what it prints, less one line end, replaces out's content.
 * Errors: BAD_DATA when it ends with another status than 0 or prints more than LIMIT_FRAME_DEFAULT,
 * IO, NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code decode_run(
	const char *command, const struct row *row, struct buf *out, struct weir_err *err);
