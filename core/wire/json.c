/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/json.h"

#include "core/wire/wire_priv.h"

struct viewer {
	int16_t version;
	wire_event_fn *emit;
	void *arg;
};

static void view_part(
	struct viewer *v, const struct wire_part *part, const char *name, const void *in);

static void view_mark(struct viewer *v, enum wire_event_kind kind, const char *name)
{
	v->emit(v->arg, &(struct wire_event){.kind = kind, .name = name});
}

static void view_number(struct viewer *v, const char *name, int64_t number)
{
	v->emit(v->arg,
		&(struct wire_event){.kind = WIRE_EVENT_NUMBER, .name = name, .number = number});
}

static void view_bytes(
	struct viewer *v, enum wire_event_kind kind, const char *name, const struct slice *bytes)
{
	if (!bytes->data) {
		view_mark(v, WIRE_EVENT_NULL, name);
		return;
	}
	v->emit(v->arg, &(struct wire_event){.kind = kind, .name = name, .bytes = *bytes});
}

static void view_value(struct viewer *v, unsigned kind, const struct wire_part *part,
	const char *name, const void *in)
{
	struct wire_event event = {.name = name};
	switch (kind) {
	case WIRE_BOOL:
		event.kind = WIRE_EVENT_BOOL;
		event.number = *(const bool *)in;
		v->emit(v->arg, &event);
		break;
	case WIRE_I8:
		view_number(v, name, *(const int8_t *)in);
		break;
	case WIRE_I16:
		view_number(v, name, *(const int16_t *)in);
		break;
	case WIRE_U16:
		view_number(v, name, *(const uint16_t *)in);
		break;
	case WIRE_I32:
		view_number(v, name, *(const int32_t *)in);
		break;
	case WIRE_I64:
		view_number(v, name, *(const int64_t *)in);
		break;
	case WIRE_F64:
		event.kind = WIRE_EVENT_REAL;
		event.real = *(const double *)in;
		v->emit(v->arg, &event);
		break;
	case WIRE_UUID:
		event.kind = WIRE_EVENT_UUID;
		event.uuid = *(const struct uuid *)in;
		v->emit(v->arg, &event);
		break;
	case WIRE_STR:
		view_bytes(v, WIRE_EVENT_TEXT, name, in);
		break;
	case WIRE_BYTES:
	case WIRE_RECORDS:
		view_bytes(v, WIRE_EVENT_BYTES, name, in);
		break;
	default:
		view_part(v, part, name, in);
	}
}

static void view_array(struct viewer *v, const struct wire_field *f, const void *in)
{
	int32_t count = wire_count_in(f, in);
	if (count < 0) {
		view_mark(v, WIRE_EVENT_NULL, f->name);
		return;
	}
	view_mark(v, WIRE_EVENT_ARRAY, f->name);
	const unsigned char *items = *(void *const *)wire_field_in(f, in);
	for (int32_t i = 0; i < count; i++) {
		view_value(v, f->item, f->part, NULL, items + (size_t)i * f->item_size);
	}
	view_mark(v, WIRE_EVENT_ARRAY_END, NULL);
}

static void view_optional(struct viewer *v, const struct wire_field *f, const void *in)
{
	const void *value = *(void *const *)wire_field_in(f, in);
	if (value) {
		view_part(v, f->part, f->name, value);
	} else {
		view_mark(v, WIRE_EVENT_NULL, f->name);
	}
}

static void view_part(
	struct viewer *v, const struct wire_part *part, const char *name, const void *in)
{
	view_mark(v, WIRE_EVENT_OBJECT, name);
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		if (!wire_range_has(f->versions, v->version)) {
			continue;
		}
		if (f->kind == WIRE_ARRAY) {
			view_array(v, f, in);
		} else if (f->kind == WIRE_OPTIONAL) {
			view_optional(v, f, in);
		} else {
			view_value(v, f->kind, f->part, f->name, wire_field_in(f, in));
		}
	}
	view_mark(v, WIRE_EVENT_OBJECT_END, NULL);
}

void wire_json_view(const struct wire_message *msg, int16_t version, const void *in,
	wire_event_fn *emit, void *arg)
{
	struct viewer v = {version, emit, arg};
	view_part(&v, msg->part, NULL, in);
}
