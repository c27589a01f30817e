/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the walkers share. */
#pragma once

#include "core/wire/table.h"
#include "core/wire/wire.h"

/* Where a field lies in its struct. */
static inline void *wire_field_at(const struct wire_field *f, void *part)
{
	return (unsigned char *)part + f->pos;
}

static inline const void *wire_field_in(const struct wire_field *f, const void *part)
{
	return (const unsigned char *)part + f->pos;
}

static inline int32_t *wire_count_at(const struct wire_field *f, void *part)
{
	return (int32_t *)(void *)((unsigned char *)part + f->count_pos);
}

static inline int32_t wire_count_in(const struct wire_field *f, const void *part)
{
	return *(const int32_t *)(const void *)((const unsigned char *)part + f->count_pos);
}

/* Item i of an array. */
static inline void *wire_item_at(const struct wire_field *f, void *items, size_t i)
{
	return (unsigned char *)items + i * f->item_size;
}

/* Bytes of a fixed-size kind on the wire, 0 for the others. */
static inline size_t wire_kind_len(unsigned kind)
{
	static const uint8_t lens[] = {[WIRE_BOOL] = 1,
		[WIRE_I8] = 1,
		[WIRE_I16] = 2,
		[WIRE_U16] = 2,
		[WIRE_I32] = 4,
		[WIRE_I64] = 8,
		[WIRE_F64] = 8,
		[WIRE_UUID] = 16,
		[WIRE_ARRAY] = 0};
	return lens[kind];
}

/* Sets one field to its default. */
void wire_field_defaults(const struct wire_field *f, void *part);

/* Default, as wire_encode understands it: an empty value where null is not the default. */
bool wire_field_is_default(const struct wire_field *f, const void *part);
