/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

/* A whole file, or pipe, into out; path "-": standard input. Errors: NOT_FOUND, IO, TOO_LARGE past
 * max_bytes. */
WEIR_MUST_USE enum weir_code read_file(
	const char *path, size_t max_bytes, struct buf *out, struct weir_err *err);
