/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jansson on our output and our bytes. */
#pragma once

#include "cli/out.h"

#include <jansson.h>

/* One line, compact, keys in the order they were set. Frees (decrefs) json. No newline. */
void json_print(struct out *out, json_t *json);
/* Sets object[name] to text (data NULL: null); bytes that are not UTF-8 go base64 to "<name>_b64".
 */
void json_set_bytes(json_t *object, const char *name, struct slice text);
/* A string; bytes that are not UTF-8 as {"b64": "..."}; null for data NULL. New reference. */
json_t *json_of_bytes(struct slice text);
