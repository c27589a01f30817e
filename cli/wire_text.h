/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of protocol messages as short text. */
#pragma once

#include "core/base/buf.h"
#include "core/wire/json.h"

/*
 * Appends what the event says, on one line with nothing unprintable: text as it is, error codes
 * with their name, bytes as their count, records as their batches; nothing for null and the ends.
 */
void wire_text_value(const struct wire_event *event, struct buf *out);
