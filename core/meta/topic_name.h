/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which topic names are legal. A name is also a directory's and a metric label's. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"

/*
 * 1 to 249 of the characters a-z A-Z 0-9 . _ -, but neither "." nor "..". Errors:
 * INVALID_TOPIC_EXCEPTION, saying which rule was broken.
 */
WEIR_MUST_USE enum weir_code topic_name_check(struct slice name, struct weir_err *err);
