/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delimiters as they are typed. */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

/* Text with \n \t \r \0 \\ \xNN as the bytes they stand for, appended to out. Errors: USAGE. */
WEIR_MUST_USE enum weir_code delimiter_parse(
	const char *text, struct buf *out, struct weir_err *err);
