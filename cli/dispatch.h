/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From argv to a command and back to an exit status. */
#pragma once

#include "cli/context.h"

/*
 * Walks the words to a command, parses its options, readies what it needs and runs it. Errors are
 * reported on stderr. Returns the exit status; output is flushed.
 */
int dispatch(struct ctx *ctx, int argc, char **argv);
