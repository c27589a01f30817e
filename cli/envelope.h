/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON envelope: one record as one line, both ways, without loss.
 *
 *   {"topic":"t","partition":0,"offset":5,"ts":1700000000000,"key":"k","value":"v",
 *    "headers":[["a","x"],["b",null]]}
 *
 * Bytes that are not UTF-8 stand base64 in key_b64 and value_b64, in headers as {"b64":"..."}. null
 * is null. Members may be added, never changed; unknown ones are ignored when read.
 */
#pragma once

#include "cli/out.h"
#include "cli/row.h"
#include "core/base/arena.h"

struct envelope_conf {
	bool json_values; /* a value that is JSON is embedded as it is, not as text */
	bool attributes;  /* adds attrs, epoch, pid, pepoch and seq */
};

/* No newline. */
void envelope_print(struct out *out, const struct row *row, const struct envelope_conf *conf);

/*
 * Fills row from one JSON object; what it lacks is as in row_none. Key, value and headers go into
 * arena. "value" (or value_b64) must be there, if only null. Errors: BAD_DATA, NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code envelope_parse(struct slice line, const struct envelope_conf *conf,
	struct arena *arena, struct row *row, struct weir_err *err);

/* A JSON string, null or {"b64": "..."} as bytes in arena. Errors: BAD_DATA, NO_MEMORY. */
struct json_t;
WEIR_MUST_USE enum weir_code envelope_bytes(
	const struct json_t *json, struct arena *arena, struct slice *bytes, struct weir_err *err);
/* A list of [name, value] pairs, or an object. Errors: as above. */
WEIR_MUST_USE enum weir_code envelope_headers(
	const struct json_t *json, struct arena *arena, struct row *row, struct weir_err *err);
