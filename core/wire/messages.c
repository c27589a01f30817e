/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The descriptors of every message: second reading of core/wire/messages and records. */
#include "core/wire/messages.h"

#define V(first, last)                                                                             \
	{                                                                                          \
		first, (last) + 1                                                                  \
	}
#define SINCE(first)                                                                               \
	{                                                                                          \
		first, INT16_MAX                                                                   \
	}
#define NEVER                                                                                      \
	{                                                                                          \
		0, 0                                                                               \
	}
#define TEXT_NOW(word) #word
#define TEXT(word) TEXT_NOW(word)

#define ROW(field_kind, field, ...)                                                                \
	.name = #field, .kind = field_kind, .pos = offsetof(struct SELF, field),                   \
	.versions = __VA_ARGS__
#define ROW_ITEMS(field)                                                                           \
	.count_pos = offsetof(struct SELF, field##_count),                                         \
	.item_size = sizeof(*((struct SELF *)NULL)->field)

#define BEGIN static const struct wire_field WIRE_PASTE(SELF, _fields)[] = {
#define FIELD(kind_, field, ...) {ROW(WIRE_##kind_, field, __VA_ARGS__)},
#define LIST(kind_, field, ...)                                                                    \
	{.item = WIRE_##kind_, ROW_ITEMS(field), ROW(WIRE_ARRAY, field, __VA_ARGS__)},
#define ARRAY(part_, field, ...)                                                                   \
	{.item = WIRE_STRUCT,                                                                      \
		.part = &part_##_part,                                                             \
		ROW_ITEMS(field),                                                                  \
		ROW(WIRE_ARRAY, field, __VA_ARGS__)},
#define STRUCT(part_, field, ...) {.part = &part_##_part, ROW(WIRE_STRUCT, field, __VA_ARGS__)},
#define OPTIONAL(part_, field, ...) {.part = &part_##_part, ROW(WIRE_OPTIONAL, field, __VA_ARGS__)},
#define END                                                                                        \
	}                                                                                          \
	;                                                                                          \
	const struct wire_part WIRE_PASTE(SELF, _part) = {                                         \
		.name = TEXT(SELF),                                                                \
		.size = sizeof(struct SELF),                                                       \
		.fields = WIRE_PASTE(SELF, _fields),                                               \
		.field_count = sizeof(WIRE_PASTE(SELF, _fields)) / sizeof(struct wire_field),      \
	};
#define END_MESSAGE(kafka_name, ...)                                                               \
	END const struct wire_message WIRE_PASTE(SELF, _message) = {                               \
		kafka_name, &WIRE_PASTE(SELF, _part), __VA_ARGS__};

#include "core/wire/messages/all.def"
#include "core/wire/records/all.def"
