/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/annotate.h"

#include "core/base/limits.h"
#include "core/wire/reader.h"
#include "core/wire/wire_priv.h"

struct walk {
	struct wire_reader r;
	const uint8_t *start;
	int16_t version;
	bool flexible;
	wire_note_fn *emit;
	void *arg;
	const char *bad; /* the field where r.why was met */
};

/* Where the next note belongs. */
struct place {
	const char *name;
	int depth;
	int32_t index;
	int64_t tag;
};

static void note_part(struct walk *w, const struct wire_part *part, int depth);

/* Emits what was read since from; nothing once an error stands. */
static void note(
	struct walk *w, const struct place *at, const uint8_t *from, const struct wire_event *value)
{
	if (w->r.why) {
		w->bad = w->bad ? w->bad : at->name;
		return;
	}
	struct wire_note n = {
		.pos = (size_t)(from - w->start),
		.len = (size_t)(w->r.at - from),
		.depth = at->depth,
		.index = at->index,
		.tag = at->tag,
		.value = *value,
	};
	n.value.name = at->name;
	w->emit(w->arg, &n);
}

static struct wire_event read_bytes(struct walk *w, unsigned kind, bool nullable)
{
	bool text = kind == WIRE_STR;
	struct slice s = text ? wire_reader_str(&w->r, w->flexible, nullable)
			      : wire_reader_bytes(&w->r, w->flexible, nullable);
	struct wire_event e = {.kind = text ? WIRE_EVENT_TEXT : WIRE_EVENT_BYTES, .bytes = s};
	if (!s.data) {
		e.kind = WIRE_EVENT_NULL;
	}
	return e;
}

static struct wire_event read_fixed(struct walk *w, unsigned kind)
{
	struct wire_event e = {.kind = WIRE_EVENT_NUMBER};
	size_t len = wire_kind_len(kind);
	const uint8_t *p = wire_reader_take(&w->r, len);
	if (!p) {
		return e;
	}
	switch (kind) {
	case WIRE_UUID:
		e.kind = WIRE_EVENT_UUID;
		memcpy(e.uuid.bytes, p, sizeof(e.uuid.bytes));
		break;
	case WIRE_F64: {
		uint64_t bits = be64_get(p);
		e.kind = WIRE_EVENT_REAL;
		memcpy(&e.real, &bits, sizeof(bits));
		break;
	}
	case WIRE_BOOL:
		e.kind = WIRE_EVENT_BOOL;
		e.number = *p != 0;
		break;
	case WIRE_U16:
		e.number = be16_get(p);
		break;
	default:
		e.number = len == 1   ? (int8_t)*p
			   : len == 2 ? (int16_t)be16_get(p)
			   : len == 4 ? (int32_t)be32_get(p)
				      : (int64_t)be64_get(p);
	}
	return e;
}

static void note_value(struct walk *w, unsigned kind, const struct wire_part *part, bool nullable,
	const struct place *at)
{
	const uint8_t *from = w->r.at;
	struct wire_event e = {.kind = WIRE_EVENT_OBJECT};
	if (kind == WIRE_STRUCT) {
		note(w, at, from, &e);
		note_part(w, part, at->depth + 1);
		return;
	}
	e = kind >= WIRE_STR ? read_bytes(w, kind, nullable) : read_fixed(w, kind);
	note(w, at, from, &e);
}

static void note_array(
	struct walk *w, const struct wire_field *f, bool nullable, const struct place *at)
{
	const uint8_t *from = w->r.at;
	int32_t count = wire_reader_count(&w->r, w->flexible, nullable, 1);
	struct wire_event e = {.kind = WIRE_EVENT_ARRAY, .number = count};
	if (count < 0) {
		e.kind = WIRE_EVENT_NULL;
	}
	note(w, at, from, &e);
	for (int32_t i = 0; i < count && !w->r.why; i++) {
		struct place item = {.depth = at->depth + 1, .index = i, .tag = -1};
		note_value(w, f->item, f->part, false, &item);
		if (w->r.why && !w->bad) {
			w->bad = at->name;
		}
	}
}

static void note_optional(
	struct walk *w, const struct wire_field *f, bool nullable, const struct place *at)
{
	const uint8_t *from = w->r.at;
	bool null = at->tag >= 0 ? wire_reader_uvarint(&w->r) == 0 : wire_reader_i8(&w->r) < 0;
	struct wire_event e = {.kind = null ? WIRE_EVENT_NULL : WIRE_EVENT_OBJECT};
	if (null && !nullable) {
		wire_reader_fail(&w->r, "null where it may not be");
	}
	note(w, at, from, &e);
	if (!null && !w->r.why) {
		note_part(w, f->part, at->depth + 1);
	}
}

static void note_field(struct walk *w, const struct wire_field *f, const struct place *at)
{
	bool nullable = wire_range_has(f->nullable, w->version);
	if (f->kind == WIRE_ARRAY) {
		note_array(w, f, nullable, at);
	} else if (f->kind == WIRE_OPTIONAL) {
		note_optional(w, f, nullable, at);
	} else {
		note_value(w, f->kind, f->part, nullable, at);
	}
}

static const struct wire_field *find_tag(
	const struct walk *w, const struct wire_part *part, uint32_t tag)
{
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		if (f->tag == tag && wire_range_has(f->tagged, w->version)) {
			return f;
		}
	}
	return NULL;
}

/* One tag: its number and size are noted with a known field's bytes before them. */
static void note_tag(struct walk *w, const struct wire_part *part, int depth)
{
	const uint8_t *from = w->r.at;
	struct place at = {.name = "tag", .depth = depth, .index = -1};
	uint32_t tag = wire_reader_uvarint(&w->r);
	size_t len = wire_reader_uvarint(&w->r);
	struct wire_event e = {.kind = WIRE_EVENT_NUMBER, .number = tag};
	at.tag = tag;
	note(w, &at, from, &e);
	const uint8_t *value = w->r.why ? NULL : wire_reader_take(&w->r, len);
	const struct wire_field *f = find_tag(w, part, tag);
	if (!value) {
		w->bad = w->bad ? w->bad : "tag";
		return;
	}
	at.name = f ? f->name : "unknown";
	if (!f) {
		e = (struct wire_event){WIRE_EVENT_BYTES, NULL, {.bytes = slice_of(value, len)}};
		note(w, &at, value, &e);
		return;
	}
	const uint8_t *end = w->r.end;
	w->r.at = value;
	w->r.end = value + len;
	note_field(w, f, &at);
	if (!w->r.why && w->r.at != w->r.end) {
		wire_reader_fail(&w->r, "a tag's size is more than its value");
		w->bad = f->name;
	}
	w->r.end = end;
}

static void note_part(struct walk *w, const struct wire_part *part, int depth)
{
	for (size_t i = 0; i < part->field_count && !w->r.why; i++) {
		const struct wire_field *f = &part->fields[i];
		struct place at = {f->name, depth, -1, -1};
		if (wire_range_has(f->versions, w->version) &&
			!wire_range_has(f->tagged, w->version)) {
			note_field(w, f, &at);
		}
	}
	if (!w->flexible || w->r.why) {
		return;
	}
	struct place at = {"tags", depth, -1, -1};
	const uint8_t *from = w->r.at;
	uint32_t count = wire_reader_uvarint(&w->r);
	struct wire_event e = {.kind = WIRE_EVENT_ARRAY, .number = count};
	note(w, &at, from, &e);
	for (uint32_t i = 0; i < count && !w->r.why; i++) {
		note_tag(w, part, depth + 1);
	}
}

enum weir_code wire_annotate(const struct wire_message *msg, int16_t version, struct slice bytes,
	wire_note_fn *emit, void *arg, size_t *used, struct weir_err *err)
{
	if (!wire_range_has(msg->versions, version)) {
		return err_set(
			err, WEIR_UNSUPPORTED_VERSION, "%s has no version %d", msg->name, version);
	}
	struct walk w = {.version = version,
		.flexible = wire_range_has(msg->flexible, version),
		.emit = emit,
		.arg = arg};
	wire_reader_init(&w.r, bytes);
	w.start = w.r.at;
	note_part(&w, msg->part, 0);
	if (w.r.why) {
		*used = (size_t)(w.r.stop - w.start);
		return err_set(err, WEIR_INVALID_REQUEST,
			"%s version %d, %s at byte %zu of %zu: %s", msg->name, version,
			w.bad ? w.bad : "(tags)", *used, bytes.len, w.r.why);
	}
	*used = (size_t)(w.r.at - w.start);
	return WEIR_OK;
}
