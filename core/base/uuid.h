/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kafka's uuids: 16 raw bytes on the wire, 22 characters of base64url (no padding) in text. */
#pragma once

#include "core/base/bytes.h"

enum { UUID_TEXT_LEN = 22 };

struct uuid {
	uint8_t bytes[16];
};

static inline bool uuid_equal(struct uuid a, struct uuid b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static inline bool uuid_is_zero(struct uuid a)
{
	return uuid_equal(a, (struct uuid){{0}});
}

/* Random (version 4), never reserved (zero, one), and its text never starts with '-'. */
struct uuid uuid_new(void);
void uuid_format(struct uuid id, char text[UUID_TEXT_LEN + 1]);
bool uuid_parse(struct slice text, struct uuid *id);
