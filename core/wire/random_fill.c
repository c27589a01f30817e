/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/wire_priv.h"

#include "core/base/random.h"

enum { ITEMS_MAX = 3, TEXT_MAX = 12, LONG_MAX_BYTES = 400 };

struct filler {
	struct arena *arena;
	int16_t version;
};

static bool fill_part(struct filler *fill, const struct wire_part *part, void *out);

/* Mostly short; now and then long enough for a length of two bytes. */
static bool fill_slice(struct filler *fill, bool nullable, struct slice *out)
{
	if (nullable && random_below(4) == 0) {
		*out = (struct slice){0};
		return true;
	}
	size_t len = random_below(random_below(16) ? TEXT_MAX : LONG_MAX_BYTES);
	uint8_t *bytes = arena_try(fill->arena, len + 1);
	if (!bytes) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		bytes[i] = (uint8_t)('a' + random_below(26));
	}
	*out = slice_of(bytes, len);
	return true;
}

static bool fill_value(
	struct filler *fill, unsigned kind, const struct wire_part *part, bool nullable, void *out)
{
	switch (kind) {
	case WIRE_BOOL:
		*(bool *)out = random_below(2);
		return true;
	case WIRE_STR:
	case WIRE_BYTES:
	case WIRE_RECORDS:
		return fill_slice(fill, nullable, out);
	case WIRE_STRUCT:
		return fill_part(fill, part, out);
	default:
		random_bytes(out, wire_kind_len(kind));
		return true;
	}
}

static bool fill_array(struct filler *fill, const struct wire_field *f, bool nullable, void *out)
{
	void **place = wire_field_at(f, out);
	*place = NULL;
	*wire_count_at(f, out) =
		nullable && random_below(4) == 0 ? -1 : (int32_t)random_below(ITEMS_MAX + 1);
	int32_t count = *wire_count_at(f, out);
	if (count <= 0) {
		return true;
	}
	*place = arena_try_array(fill->arena, (size_t)count, f->item_size);
	for (int32_t i = 0; *place && i < count; i++) {
		if (!fill_value(
			    fill, f->item, f->part, false, wire_item_at(f, *place, (size_t)i))) {
			return false;
		}
	}
	return *place != NULL;
}

static bool fill_optional(struct filler *fill, const struct wire_field *f, bool nullable, void *out)
{
	void **place = wire_field_at(f, out);
	*place = NULL;
	if (nullable && random_below(3) == 0) {
		return true;
	}
	*place = arena_try(fill->arena, f->part->size);
	return *place && fill_part(fill, f->part, *place);
}

static bool fill_part(struct filler *fill, const struct wire_part *part, void *out)
{
	bool ok = true;
	for (size_t i = 0; i < part->field_count && ok; i++) {
		const struct wire_field *f = &part->fields[i];
		bool nullable = wire_range_has(f->nullable, fill->version);
		bool tagged = wire_range_has(f->tagged, fill->version);
		if (!wire_range_has(f->versions, fill->version) || (tagged && random_below(2))) {
			wire_field_defaults(f, out);
		} else if (f->kind == WIRE_ARRAY) {
			ok = fill_array(fill, f, nullable, out);
		} else if (f->kind == WIRE_OPTIONAL) {
			ok = fill_optional(fill, f, nullable, out);
		} else {
			ok = fill_value(fill, f->kind, f->part, nullable, wire_field_at(f, out));
		}
	}
	return ok;
}

bool wire_random_fill(
	const struct wire_message *msg, int16_t version, struct arena *arena, void *out)
{
	struct filler fill = {arena, version};
	memset(out, 0, msg->part->size);
	return fill_part(&fill, msg->part, out);
}
