/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Magic 0 and 1: message sets. One message:
 *
 *   offset i64 @0 | size i32 @8 | crc u32 @12 (CRC-32 of all from @16) | magic i8 @16 | attributes
 * i8 @17 | timestamp i64 @18 (magic 1 only) | key length i32, key | value length i32, value (-1 =
 * null)
 *
 * A packed message (wrapper) holds a message set in its value. In magic 1 the offsets in it count
 * from 0 and the wrapper has the last one's; in magic 0 they are absolute.
 */
#pragma once

#include "core/record/record.h"

enum { LEGACY_0_BYTES = 26, LEGACY_1_BYTES = 34 }; /* with null key and value */

/* bytes is one whole message. Errors: CORRUPT_MESSAGE. */
WEIR_MUST_USE enum weir_code legacy_parse(
	struct slice bytes, struct batch *batch, struct weir_err *err);
uint32_t legacy_crc(struct slice bytes);
/* As record_reader_start and record_reader_next, for magic 0 and 1. */
WEIR_MUST_USE enum weir_code legacy_start(struct record_reader *reader, struct weir_err *err);
WEIR_MUST_USE enum weir_code legacy_next(
	struct record_reader *reader, struct record *record, bool *got, struct weir_err *err);
