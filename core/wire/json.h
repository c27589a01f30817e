/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A decoded message as a run of events in JSON's shape, for whoever prints or compares it:
 * core/wire itself knows no JSON library.
 */
#pragma once

#include "core/wire/table.h"

enum wire_event_kind {
	WIRE_EVENT_OBJECT, /* its fields follow, each with a name, then OBJECT_END */
	WIRE_EVENT_OBJECT_END,
	WIRE_EVENT_ARRAY, /* its items follow, without names, then ARRAY_END */
	WIRE_EVENT_ARRAY_END,
	WIRE_EVENT_NULL,
	WIRE_EVENT_BOOL,   /* number is 0 or 1 */
	WIRE_EVENT_NUMBER, /* number */
	WIRE_EVENT_REAL,   /* real */
	WIRE_EVENT_UUID,   /* uuid */
	WIRE_EVENT_TEXT,   /* bytes, which a peer may have sent as other than UTF-8 */
	WIRE_EVENT_BYTES,  /* bytes */
};

struct wire_event {
	enum wire_event_kind kind;
	const char *name; /* of the field in snake form; NULL for items, ends and the message */
	union {
		int64_t number;
		double real;
		struct uuid uuid;
		struct slice bytes;
	};
};

typedef void wire_event_fn(void *arg, const struct wire_event *event);

/* Calls emit for the fields that version has, tagged ones too, in the order of the table. */
void wire_json_view(const struct wire_message *msg, int16_t version, const void *in,
	wire_event_fn *emit, void *arg);
