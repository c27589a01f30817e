/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/reader.h"
#include "core/wire/wire_priv.h"

#include "core/base/limits.h"

struct decoder {
	struct wire_reader r;
	struct arena *arena;
	int16_t version;
	bool flexible;
	bool no_memory;
	const struct wire_part *bad_part; /* where r.why was met */
	const struct wire_field *bad_field;
};

static void decode_part(struct decoder *d, const struct wire_part *part, void *out);

/* Bytes that a part takes at least: what makes a count believable. */
static size_t part_len_min(const struct wire_part *part, int16_t version, bool flexible);

static size_t kind_len_min(
	unsigned kind, const struct wire_part *part, int16_t version, bool flexible)
{
	switch (kind) {
	case WIRE_STR:
		return flexible ? 1 : 2;
	case WIRE_BYTES:
	case WIRE_RECORDS:
	case WIRE_ARRAY:
		return flexible ? 1 : 4;
	case WIRE_OPTIONAL:
		return 1;
	case WIRE_STRUCT:
		return part_len_min(part, version, flexible);
	default:
		return wire_kind_len(kind);
	}
}

static size_t part_len_min(const struct wire_part *part, int16_t version, bool flexible)
{
	size_t len = flexible ? 1 : 0;
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		if (wire_range_has(f->versions, version) && !wire_range_has(f->tagged, version)) {
			len += kind_len_min(f->kind, f->part, version, flexible);
		}
	}
	return len;
}

static void decode_f64(struct decoder *d, double *out)
{
	int64_t bits = wire_reader_i64(&d->r);
	memcpy(out, &bits, sizeof(*out));
}

static void decode_uuid(struct decoder *d, struct uuid *out)
{
	const uint8_t *p = wire_reader_take(&d->r, sizeof(out->bytes));
	if (p) {
		memcpy(out->bytes, p, sizeof(out->bytes));
	}
}

/* One value that is no part and no array. */
static void decode_plain(struct decoder *d, unsigned kind, bool nullable, void *out)
{
	switch (kind) {
	case WIRE_BOOL:
		*(bool *)out = wire_reader_i8(&d->r) != 0;
		break;
	case WIRE_I8:
		*(int8_t *)out = wire_reader_i8(&d->r);
		break;
	case WIRE_I16:
	case WIRE_U16:
		*(int16_t *)out = wire_reader_i16(&d->r);
		break;
	case WIRE_I32:
		*(int32_t *)out = wire_reader_i32(&d->r);
		break;
	case WIRE_I64:
		*(int64_t *)out = wire_reader_i64(&d->r);
		break;
	case WIRE_F64:
		decode_f64(d, out);
		break;
	case WIRE_UUID:
		decode_uuid(d, out);
		break;
	case WIRE_STR:
		*(struct slice *)out = wire_reader_str(&d->r, d->flexible, nullable);
		break;
	case WIRE_BYTES:
	case WIRE_RECORDS:
		*(struct slice *)out = wire_reader_bytes(&d->r, d->flexible, nullable);
		break;
	default:
		WEIR_BUG_AT("kind of a plain value");
	}
}

static void *decode_room(struct decoder *d, size_t count, size_t size)
{
	void *room = arena_try_array(d->arena, count, size);
	if (!room) {
		d->no_memory = true;
		wire_reader_fail(&d->r, "it takes more memory than a request may");
	}
	return room;
}

static void decode_items(struct decoder *d, const struct wire_field *f, void *items, size_t count)
{
	if (f->item == WIRE_STRUCT) {
		for (size_t i = 0; i < count && !d->r.why; i++) {
			decode_part(d, f->part, wire_item_at(f, items, i));
		}
		return;
	}
	for (size_t i = 0; i < count && !d->r.why; i++) {
		decode_plain(d, f->item, false, wire_item_at(f, items, i));
	}
}

static void decode_array(struct decoder *d, const struct wire_field *f, bool nullable, void *out)
{
	size_t len_min = kind_len_min(f->item, f->part, d->version, d->flexible);
	int32_t count = wire_reader_count(&d->r, d->flexible, nullable, len_min ? len_min : 1);
	void *items = NULL;
	if (count > 0) {
		items = decode_room(d, (size_t)count, f->item_size);
	}
	*(void **)wire_field_at(f, out) = items;
	*wire_count_at(f, out) = items || count < 0 ? count : 0;
	if (items) {
		decode_items(d, f, items, (size_t)count);
	}
}

/* Null is -1 in one byte, or 0 as a varint where the field is tagged. */
static void decode_optional(struct decoder *d, const struct wire_field *f, bool tagged, void *out)
{
	void **place = wire_field_at(f, out);
	*place = NULL;
	bool null = tagged ? wire_reader_uvarint(&d->r) == 0 : wire_reader_i8(&d->r) < 0;
	if (d->r.why) {
		return;
	}
	if (!null) {
		*place = decode_room(d, 1, f->part->size);
		if (*place) {
			decode_part(d, f->part, *place);
		}
	} else if (!wire_range_has(f->nullable, d->version)) {
		wire_reader_fail(&d->r, "null where it may not be");
	}
}

/* False once an error stands, which is then put down to this field. */
static bool decode_field(struct decoder *d, const struct wire_part *part,
	const struct wire_field *f, bool tagged, void *out)
{
	switch (f->kind) {
	case WIRE_STRUCT:
		decode_part(d, f->part, wire_field_at(f, out));
		break;
	case WIRE_OPTIONAL:
		decode_optional(d, f, tagged, out);
		break;
	case WIRE_ARRAY:
		decode_array(d, f, wire_range_has(f->nullable, d->version), out);
		break;
	default:
		decode_plain(
			d, f->kind, wire_range_has(f->nullable, d->version), wire_field_at(f, out));
	}
	if (__builtin_expect(d->r.why != NULL, 0)) {
		if (!d->bad_field) {
			d->bad_part = part;
			d->bad_field = f;
		}
		return false;
	}
	return true;
}

static const struct wire_field *find_tag(
	const struct decoder *d, const struct wire_part *part, uint32_t tag)
{
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		if (f->tag == tag && wire_range_has(f->tagged, d->version)) {
			return f;
		}
	}
	return NULL;
}

/* A known tag: its value must take exactly the size it claims. */
static void decode_tag(struct decoder *d, const struct wire_part *part, const struct wire_field *f,
	struct slice value, void *out)
{
	struct wire_reader outer = d->r;
	d->r.at = value.data;
	d->r.end = value.data + value.len;
	if (decode_field(d, part, f, true, out) && d->r.at != d->r.end) {
		wire_reader_fail(&d->r, "a tag's size is more than its value");
		d->bad_part = part;
		d->bad_field = f;
	}
	d->r.end = outer.end;
	d->r.at = d->r.why ? outer.end : outer.at;
}

static void decode_tags(struct decoder *d, const struct wire_part *part, void *out)
{
	uint32_t count = wire_reader_uvarint(&d->r);
	uint32_t unknown = 0;
	for (uint32_t i = 0; i < count && !d->r.why; i++) {
		uint32_t tag = wire_reader_uvarint(&d->r);
		size_t len = wire_reader_uvarint(&d->r);
		const uint8_t *value = wire_reader_take(&d->r, len);
		if (d->r.why) {
			break;
		}
		const struct wire_field *f = find_tag(d, part, tag);
		if (f) {
			decode_tag(d, part, f, slice_of(value, len), out);
		} else if (++unknown > LIMIT_UNKNOWN_TAGS) {
			wire_reader_fail(&d->r, "too many unknown tags");
		}
	}
	if (d->r.why && !d->bad_part) {
		d->bad_part = part;
	}
}

static void decode_part(struct decoder *d, const struct wire_part *part, void *out)
{
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		bool here = wire_range_has(f->versions, d->version) &&
			    !wire_range_has(f->tagged, d->version);
		if (!here) {
			wire_field_defaults(f, out);
		} else if (!decode_field(d, part, f, false, out)) {
			return;
		}
	}
	if (d->flexible) {
		decode_tags(d, part, out);
	}
}

enum weir_code wire_decode(const struct wire_message *msg, int16_t version, struct slice bytes,
	struct arena *arena, void *out, size_t *used, struct weir_err *err)
{
	if (!wire_range_has(msg->versions, version)) {
		return err_set(
			err, WEIR_UNSUPPORTED_VERSION, "%s has no version %d", msg->name, version);
	}
	struct decoder d = {.arena = arena,
		.version = version,
		.flexible = wire_range_has(msg->flexible, version)};
	wire_reader_init(&d.r, bytes);
	const uint8_t *start = d.r.at;
	decode_part(&d, msg->part, out);
	if (d.r.why) {
		return err_set(err, d.no_memory ? WEIR_NO_MEMORY : WEIR_INVALID_REQUEST,
			"%s version %d, %s.%s at byte %zu of %zu: %s", msg->name, version,
			d.bad_part->name, d.bad_field ? d.bad_field->name : "(tags)",
			(size_t)(d.r.stop - start), bytes.len, d.r.why);
	}
	*used = (size_t)(d.r.at - start);
	return WEIR_OK;
}
