/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a message table says, as data: the rows that core/wire/messages/<name>.def turn into, read
 * by every walker. All of it is const; any thread may read it.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/uuid.h"

/* C type of each plain kind, as the struct holds it. */
#define WIRE_TYPE_BOOL bool
#define WIRE_TYPE_I8 int8_t
#define WIRE_TYPE_I16 int16_t
#define WIRE_TYPE_U16 uint16_t
#define WIRE_TYPE_I32 int32_t
#define WIRE_TYPE_I64 int64_t
#define WIRE_TYPE_F64 double
#define WIRE_TYPE_UUID struct uuid
#define WIRE_TYPE_STR struct slice
#define WIRE_TYPE_BYTES struct slice
#define WIRE_TYPE_RECORDS struct slice

enum wire_kind {
	WIRE_BOOL,
	WIRE_I8,
	WIRE_I16,
	WIRE_U16,
	WIRE_I32,
	WIRE_I64,
	WIRE_F64,
	WIRE_UUID,
	WIRE_STR,
	WIRE_BYTES,
	WIRE_RECORDS,
	WIRE_STRUCT,   /* a part by value */
	WIRE_OPTIONAL, /* a pointer to a part, NULL = null */
	WIRE_ARRAY,    /* a pointer and a count of items */
};

/* Versions min <= v < end; {0, 0} holds none. */
struct wire_range {
	int16_t min, end;
};

static inline bool wire_range_has(struct wire_range range, int16_t version)
{
	return version >= range.min && version < range.end;
}

struct wire_part;

struct wire_field {
	uint8_t kind;	    /* enum wire_kind */
	uint8_t item;	    /* WIRE_ARRAY: kind of the items, a plain one or WIRE_STRUCT */
	bool ignorable;	    /* left out silently of versions that do not have it */
	bool null_def;	    /* the default is null */
	bool always;	    /* WIRE_OPTIONAL with a tag: sent when null too */
	uint16_t pos;	    /* in the struct */
	uint16_t count_pos; /* WIRE_ARRAY: of <field>_count */
	uint16_t item_size; /* WIRE_ARRAY: bytes of an item in memory */
	uint16_t tag;	    /* in the versions of tagged */
	struct wire_range versions, nullable, tagged;
	const struct wire_part *part; /* WIRE_STRUCT, WIRE_OPTIONAL and arrays of parts */
	int64_t def;		      /* numbers and BOOL */
	const char *name;	      /* in snake form, as in the struct */
};

struct wire_part {
	const char *name; /* of the struct */
	size_t size;	  /* sizeof(struct) */
	size_t field_count;
	const struct wire_field *fields;
};

struct wire_message {
	const char *name; /* "MetadataRequest" */
	const struct wire_part *part;
	struct wire_range versions, flexible;
};
