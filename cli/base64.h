/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 (RFC 4648, padded) and hexadecimal. */
#pragma once

#include "core/base/buf.h"

void base64_encode(struct buf *out, struct slice bytes);
/* Appends; false when text is not whole base64 with its padding. */
bool base64_decode(struct buf *out, struct slice text);
void hex_encode(struct buf *out, struct slice bytes);
/* Appends; either case; false for an odd count or anything but digits. */
bool hex_decode(struct buf *out, struct slice text);
