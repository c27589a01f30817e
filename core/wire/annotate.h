/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each byte of a message says, from the tables: for people who look at captured frames. */
#pragma once

#include "core/wire/json.h"
#include "core/wire/wire.h"

/* A stretch of bytes. value.name is the field's; NULL for an item of the array before it. */
struct wire_note {
	size_t pos, len; /* in the bytes given; len 0 for a struct, which its fields make up */
	int depth;	 /* 0 for the message's own fields */
	int32_t index;	 /* of an item of an array; -1 */
	int64_t tag;	 /* of a tagged field, also of one that is not known; -1 */
	struct wire_event value; /* OBJECT; ARRAY with the count as number; or a value */
};

typedef void wire_note_fn(void *arg, const struct wire_note *note);

/*
 * Calls emit for each stretch of bytes, in their order, without building the message. What came
 * before an error has been emitted. *used: bytes that were understood. Errors: INVALID_REQUEST (the
 * text names field and byte), UNSUPPORTED_VERSION.
 */
WEIR_MUST_USE enum weir_code wire_annotate(const struct wire_message *msg, int16_t version,
	struct slice bytes, wire_note_fn *emit, void *arg, size_t *used, struct weir_err *err);
