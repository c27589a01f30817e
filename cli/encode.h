/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and values as text that any terminal, file or e-mail carries: --encode. */
#pragma once

#include "core/base/buf.h"

enum encoding { ENCODING_TEXT, ENCODING_HEX, ENCODING_BASE64 };
extern const char *const encoding_names[]; /* of enum encoding; NULL at the end */

void encoding_put(enum encoding encoding, struct buf *out, struct slice bytes);
/* Appends what text stands for; false when it is not of that encoding. */
bool encoding_take(enum encoding encoding, struct buf *out, struct slice text);
