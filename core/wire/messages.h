/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structs of every message, and their descriptors: first reading of the tables in
 * core/wire/messages and core/wire/records.
 *
 * A table lists leaf structs first. Its rows, where V(a, b) means versions a to b and SINCE(a)
 * means a and up:
 *
 *   FIELD(KIND, name, versions, ...)     a plain value    KIND name;
 *   LIST(KIND, name, versions, ...)      plain values     KIND *name; int32_t name_count;
 *   ARRAY(part, name, versions, ...)     parts            struct part *name; int32_t name_count;
 *   STRUCT(part, name, versions, ...)    a part           struct part name;
 *   OPTIONAL(part, name, versions, ...)  a part or null   struct part *name;
 *
 * After the versions any of .nullable, .tag with .tagged, .def, .null_def, .ignorable, .always
 * (core/wire/table.h). Each part has a descriptor <part>_part (wire_part_new), each message also
 * <message>_message.
 */
#pragma once

#include "core/wire/table.h"

#define WIRE_PASTE_NOW(a, b) a##b
#define WIRE_PASTE(a, b) WIRE_PASTE_NOW(a, b)

#define BEGIN struct SELF {
#define FIELD(kind, name, ...) WIRE_TYPE_##kind name;
#define LIST(kind, name, ...)                                                                      \
	WIRE_TYPE_##kind *name;                                                                    \
	int32_t name##_count;
#define ARRAY(part, name, ...)                                                                     \
	struct part *name;                                                                         \
	int32_t name##_count;
#define STRUCT(part, name, ...) struct part name;
#define OPTIONAL(part, name, ...) struct part *name;
#define END                                                                                        \
	}                                                                                          \
	;                                                                                          \
	extern const struct wire_part WIRE_PASTE(SELF, _part);
#define END_MESSAGE(...) END extern const struct wire_message WIRE_PASTE(SELF, _message);

#include "core/wire/messages/all.def"
#include "core/wire/records/all.def"

#undef BEGIN
#undef FIELD
#undef LIST
#undef ARRAY
#undef STRUCT
#undef OPTIONAL
#undef END
#undef END_MESSAGE
