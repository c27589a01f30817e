/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/wire_priv.h"

static void default_number(const struct wire_field *f, void *out)
{
	switch (f->kind) {
	case WIRE_BOOL:
		*(bool *)out = f->def != 0;
		break;
	case WIRE_I8:
		*(int8_t *)out = (int8_t)f->def;
		break;
	case WIRE_I16:
	case WIRE_U16:
		*(int16_t *)out = (int16_t)f->def;
		break;
	case WIRE_I32:
		*(int32_t *)out = (int32_t)f->def;
		break;
	case WIRE_I64:
		*(int64_t *)out = f->def;
		break;
	case WIRE_F64:
		*(double *)out = (double)f->def;
		break;
	default:
		WEIR_BUG_AT("kind of a number");
	}
}

void wire_field_defaults(const struct wire_field *f, void *part)
{
	void *out = wire_field_at(f, part);
	switch (f->kind) {
	case WIRE_UUID:
		memset(out, 0, sizeof(struct uuid));
		break;
	case WIRE_STR:
	case WIRE_BYTES:
	case WIRE_RECORDS:
		*(struct slice *)out = f->null_def ? (struct slice){0} : slice_of("", 0);
		break;
	case WIRE_STRUCT:
		wire_part_defaults(f->part, out);
		break;
	case WIRE_OPTIONAL:
		*(void **)out = NULL;
		break;
	case WIRE_ARRAY:
		*(void **)out = NULL;
		*wire_count_at(f, part) = f->null_def ? -1 : 0;
		break;
	default:
		default_number(f, out);
	}
}

void wire_part_defaults(const struct wire_part *part, void *out)
{
	for (size_t i = 0; i < part->field_count; i++) {
		wire_field_defaults(&part->fields[i], out);
	}
}

void wire_defaults(const struct wire_message *msg, void *out)
{
	memset(out, 0, msg->part->size);
	wire_part_defaults(msg->part, out);
}

void *wire_part_new(const struct wire_part *part, size_t count, struct arena *arena)
{
	unsigned char *items = arena_try_array(arena, count, part->size);
	for (size_t i = 0; items && i < count; i++) {
		wire_part_defaults(part, items + i * part->size);
	}
	return items;
}

static bool number_is_default(const struct wire_field *f, const void *value)
{
	switch (f->kind) {
	case WIRE_BOOL:
		return *(const bool *)value == (f->def != 0);
	case WIRE_I8:
		return *(const int8_t *)value == f->def;
	case WIRE_I16:
		return *(const int16_t *)value == f->def;
	case WIRE_U16:
		return *(const uint16_t *)value == f->def;
	case WIRE_I32:
		return *(const int32_t *)value == f->def;
	case WIRE_I64:
		return *(const int64_t *)value == f->def;
	case WIRE_F64: {
		double def = (double)f->def;
		return memcmp(value, &def, sizeof(def)) == 0;
	}
	default:
		WEIR_BUG_AT("kind of a number");
	}
}

bool wire_field_is_default(const struct wire_field *f, const void *part)
{
	const void *value = wire_field_in(f, part);
	switch (f->kind) {
	case WIRE_UUID:
		return uuid_is_zero(*(const struct uuid *)value);
	case WIRE_STR:
	case WIRE_BYTES:
	case WIRE_RECORDS: {
		const struct slice *s = value;
		return f->null_def ? !s->data : !s->len;
	}
	case WIRE_STRUCT:
		for (size_t i = 0; i < f->part->field_count; i++) {
			if (!wire_field_is_default(&f->part->fields[i], value)) {
				return false;
			}
		}
		return true;
	case WIRE_OPTIONAL:
		return !*(void *const *)value;
	case WIRE_ARRAY: {
		int32_t count = wire_count_in(f, part);
		return f->null_def ? count < 0 : count == 0;
	}
	default:
		return number_is_default(f, value);
	}
}
