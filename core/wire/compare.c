/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/wire_priv.h"

static bool part_equal(const struct wire_part *part, const void *a, const void *b);

static bool slice_same(const struct slice *a, const struct slice *b)
{
	return !a->data == !b->data && slice_equal(*a, *b);
}

static bool value_equal(unsigned kind, const struct wire_part *part, const void *a, const void *b)
{
	switch (kind) {
	case WIRE_STR:
	case WIRE_BYTES:
	case WIRE_RECORDS:
		return slice_same(a, b);
	case WIRE_STRUCT:
		return part_equal(part, a, b);
	default:
		return memcmp(a, b, wire_kind_len(kind)) == 0;
	}
}

static bool array_equal(const struct wire_field *f, const void *a, const void *b)
{
	int32_t count = wire_count_in(f, a);
	if (count != wire_count_in(f, b)) {
		return false;
	}
	const unsigned char *items_a = *(void *const *)wire_field_in(f, a);
	const unsigned char *items_b = *(void *const *)wire_field_in(f, b);
	for (int32_t i = 0; i < count; i++) {
		size_t pos = (size_t)i * f->item_size;
		if (!value_equal(f->item, f->part, items_a + pos, items_b + pos)) {
			return false;
		}
	}
	return true;
}

static bool optional_equal(const struct wire_part *part, const void *a, const void *b)
{
	return a && b ? part_equal(part, a, b) : a == b;
}

static bool part_equal(const struct wire_part *part, const void *a, const void *b)
{
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		const void *in_a = wire_field_in(f, a);
		const void *in_b = wire_field_in(f, b);
		bool same;
		if (f->kind == WIRE_ARRAY) {
			same = array_equal(f, a, b);
		} else if (f->kind == WIRE_OPTIONAL) {
			same = optional_equal(f->part, *(void *const *)in_a, *(void *const *)in_b);
		} else {
			same = value_equal(f->kind, f->part, in_a, in_b);
		}
		if (!same) {
			return false;
		}
	}
	return true;
}

bool wire_equal(const struct wire_message *msg, const void *a, const void *b)
{
	return part_equal(msg->part, a, b);
}
