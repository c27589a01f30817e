/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/uuid.h"

#include "core/base/random.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct uuid uuid_new(void)
{
	struct uuid id;
	do {
		random_bytes(id.bytes, sizeof(id.bytes));
		id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
		id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	} while (id.bytes[0] >> 2 == 62); /* '-' */
	return id;
}

void uuid_format(struct uuid id, char text[UUID_TEXT_LEN + 1])
{
	uint32_t bits = 0;
	int have = 0;
	size_t n = 0;
	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		bits = (bits << 8) | id.bytes[i];
		have += 8;
		while (have >= 6) {
			have -= 6;
			text[n++] = digits[(bits >> have) & 63];
		}
	}
	text[n++] = digits[(bits << (6 - have)) & 63];
	text[n] = '\0';
}

bool uuid_parse(struct slice text, struct uuid *id)
{
	if (text.len != UUID_TEXT_LEN) {
		return false;
	}
	uint32_t bits = 0;
	int have = 0;
	size_t n = 0;
	struct uuid out = {{0}};
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.data[i] ? strchr(digits, text.data[i]) : NULL;
		if (!at) {
			return false;
		}
		bits = (bits << 6) | (uint32_t)(at - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out.bytes[n++] = (uint8_t)(bits >> have);
		}
	}
	if (bits & ((1u << have) - 1)) {
		return false;
	}
	*id = out;
	return true;
}
