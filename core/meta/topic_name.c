/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/meta/topic_name.h"

#include "core/base/limits.h"

static bool is_legal(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static enum weir_code bad_byte(uint8_t c, size_t at, struct weir_err *err)
{
	static const char rule[] = "letters, digits, '.', '_' and '-' are allowed";
	if (c > ' ' && c < 0x7f) {
		return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "topic name has '%c' at %zu; %s",
			c, at, rule);
	}
	return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "topic name has byte 0x%02x at %zu; %s",
		c, at, rule);
}

enum weir_code topic_name_check(struct slice name, struct weir_err *err)
{
	if (!name.len) {
		return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "topic name is empty");
	}
	if (name.len > LIMIT_TOPIC_NAME_LEN) {
		return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION,
			"topic name of %zu characters, at most %d are allowed", name.len,
			LIMIT_TOPIC_NAME_LEN);
	}
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (!is_legal(c)) {
			return bad_byte(c, i, err);
		}
	}
	if (slice_equal(name, slice_str(".")) || slice_equal(name, slice_str(".."))) {
		return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "topic name is \"%.*s\"",
			(int)name.len, (const char *)name.data);
	}
	return WEIR_OK;
}
