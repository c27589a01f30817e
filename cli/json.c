/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/json.h"

#include "cli/base64.h"

#include <stdio.h>

static int take(const char *bytes, size_t len, void *out)
{
	out_bytes(out, bytes, len);
	return 0;
}

void json_print(struct out *out, json_t *json)
{
	WEIR_ASSERT(json_dump_callback(json, take, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0);
	json_decref(json);
}

static json_t *base64_of(struct slice bytes)
{
	struct buf buf;
	buf_init(&buf, 0);
	base64_encode(&buf, bytes);
	json_t *text = json_string(buf_str(&buf));
	buf_fini(&buf);
	return text;
}

void json_set_bytes(json_t *object, const char *name, struct slice text)
{
	json_t *value = text.data ? json_stringn((const char *)text.data, text.len) : json_null();
	if (value) {
		json_object_set_new(object, name, value);
		return;
	}
	char longer[64];
	snprintf(longer, sizeof(longer), "%s_b64", name);
	json_object_set_new(object, longer, base64_of(text));
}

json_t *json_of_bytes(struct slice text)
{
	json_t *value = text.data ? json_stringn((const char *)text.data, text.len) : json_null();
	return value ? value : json_pack("{s:o}", "b64", base64_of(text));
}
