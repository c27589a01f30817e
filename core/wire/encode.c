/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/reader.h"
#include "core/wire/wire_priv.h"
#include "core/wire/writer.h"

struct encoder {
	struct buf *out;
	struct wire_gather *gather;
	int16_t version;
	bool flexible;
	enum weir_code code; /* WEIR_OK while all is well; then why, part and field say more */
	const char *why;
	const struct wire_part *part;
	const struct wire_field *field;
};

static void encode_part(struct encoder *e, const struct wire_part *part, const void *in);

static void encode_fail(struct encoder *e, enum weir_code code, const char *why)
{
	if (e->code == WEIR_OK) {
		e->code = code;
		e->why = why;
	}
}

static void encode_str(struct encoder *e, bool nullable, struct slice value)
{
	if (value.len > WIRE_STR_LEN_MAX) {
		encode_fail(e, WEIR_TOO_LARGE, "a string is longer than 32767 bytes");
		return;
	}
	if (!value.data && !nullable) {
		value = slice_of("", 0);
	}
	wire_writer_str(e->out, value, e->flexible);
}

static void encode_bytes(struct encoder *e, bool nullable, bool records, struct slice value)
{
	if (value.len > INT32_MAX - 1) {
		encode_fail(e, WEIR_TOO_LARGE, "bytes are longer than 2 GiB");
		return;
	}
	if (!value.data && !nullable) {
		value = slice_of("", 0);
	}
	struct wire_gather *gather = e->gather;
	if (!records || !gather || !value.len) {
		wire_writer_bytes(e->out, value, e->flexible);
		return;
	}
	if (gather->count == gather->room) {
		encode_fail(e, WEIR_TOO_LARGE, "more records fields than there is room to gather");
		return;
	}
	wire_writer_len(e->out, (int64_t)value.len, e->flexible);
	gather->items[gather->count++] = (struct wire_gather_item){e->out->len, value};
}

static void encode_f64(struct encoder *e, const double *in)
{
	int64_t bits;
	memcpy(&bits, in, sizeof(bits));
	wire_writer_i64(e->out, bits);
}

static void encode_plain(struct encoder *e, unsigned kind, bool nullable, const void *in)
{
	switch (kind) {
	case WIRE_BOOL:
		wire_writer_i8(e->out, *(const bool *)in);
		break;
	case WIRE_I8:
		wire_writer_i8(e->out, *(const int8_t *)in);
		break;
	case WIRE_I16:
	case WIRE_U16:
		wire_writer_i16(e->out, *(const int16_t *)in);
		break;
	case WIRE_I32:
		wire_writer_i32(e->out, *(const int32_t *)in);
		break;
	case WIRE_I64:
		wire_writer_i64(e->out, *(const int64_t *)in);
		break;
	case WIRE_F64:
		encode_f64(e, in);
		break;
	case WIRE_UUID:
		buf_add(e->out, in, sizeof(struct uuid));
		break;
	case WIRE_STR:
		encode_str(e, nullable, *(const struct slice *)in);
		break;
	case WIRE_BYTES:
	case WIRE_RECORDS:
		encode_bytes(e, nullable, kind == WIRE_RECORDS, *(const struct slice *)in);
		break;
	default:
		WEIR_BUG_AT("kind of a plain value");
	}
}

static void encode_array(
	struct encoder *e, const struct wire_field *f, bool nullable, const void *in)
{
	int32_t count = wire_count_in(f, in);
	if (count < 0 && !nullable) {
		encode_fail(e, WEIR_UNSUPPORTED_VERSION, "null, which this version cannot say");
		return;
	}
	wire_writer_len(e->out, count < 0 ? -1 : count, e->flexible);
	const unsigned char *items = *(void *const *)wire_field_in(f, in);
	for (int32_t i = 0; i < count && e->code == WEIR_OK; i++) {
		const void *item = items + (size_t)i * f->item_size;
		if (f->item == WIRE_STRUCT) {
			encode_part(e, f->part, item);
		} else {
			encode_plain(e, f->item, false, item);
		}
	}
}

/* Null is -1 in one byte, or 0 as a varint where the field is tagged. */
static void encode_optional(
	struct encoder *e, const struct wire_field *f, bool nullable, bool tagged, const void *in)
{
	const void *value = *(void *const *)wire_field_in(f, in);
	if (!value && !nullable) {
		encode_fail(e, WEIR_UNSUPPORTED_VERSION, "null, which this version cannot say");
		return;
	}
	wire_writer_i8(e->out, value ? 1 : tagged ? 0 : -1);
	if (value) {
		encode_part(e, f->part, value);
	}
}

static void encode_field(struct encoder *e, const struct wire_part *part,
	const struct wire_field *f, bool tagged, const void *in)
{
	bool nullable = wire_range_has(f->nullable, e->version);
	switch (f->kind) {
	case WIRE_STRUCT:
		encode_part(e, f->part, wire_field_in(f, in));
		break;
	case WIRE_OPTIONAL:
		encode_optional(e, f, nullable, tagged, in);
		break;
	case WIRE_ARRAY:
		encode_array(e, f, nullable, in);
		break;
	default:
		encode_plain(e, f->kind, nullable, wire_field_in(f, in));
	}
	if (__builtin_expect(e->code != WEIR_OK, 0) && !e->field) {
		e->part = part;
		e->field = f;
	}
}

static bool tag_is_sent(const struct encoder *e, const struct wire_field *f, const void *in)
{
	if (!wire_range_has(f->tagged, e->version)) {
		return false;
	}
	bool text = f->kind == WIRE_STR || f->kind == WIRE_BYTES;
	if (text && !f->null_def && wire_range_has(f->nullable, e->version)) {
		const struct slice *value = wire_field_in(f, in);
		return !value->data || value->len;
	}
	if (f->always) {
		return true;
	}
	return !wire_field_is_default(f, in);
}

/* Tag, size, value: the size is put in front of the value once it is known. */
static void encode_tag(
	struct encoder *e, const struct wire_part *part, const struct wire_field *f, const void *in)
{
	size_t gathered = e->gather ? e->gather->count : 0;
	wire_writer_uvarint(e->out, f->tag);
	size_t start = e->out->len;
	encode_field(e, part, f, true, in);
	size_t written = e->out->len - start;
	size_t value_len = written;
	for (size_t i = gathered; e->gather && i < e->gather->count; i++) {
		value_len += e->gather->items[i].bytes.len;
	}
	size_t size_len = uvarint_size(value_len);
	if (!buf_reserve(e->out, size_len)) {
		return;
	}
	uint8_t *at = e->out->data + start;
	memmove(at + size_len, at, written);
	uvarint_put(at, value_len);
	e->out->len += size_len;
	for (size_t i = gathered; e->gather && i < e->gather->count; i++) {
		e->gather->items[i].pos += size_len;
	}
}

/* The left tags that are to be sent, in rising order, whatever the order of the fields. */
static void encode_tags(
	struct encoder *e, const struct wire_part *part, const void *in, uint32_t left)
{
	wire_writer_uvarint(e->out, left);
	for (uint32_t tag = 0; left && e->code == WEIR_OK; tag++) {
		for (size_t i = 0; i < part->field_count; i++) {
			const struct wire_field *f = &part->fields[i];
			if (f->tag == tag && tag_is_sent(e, f, in)) {
				encode_tag(e, part, f, in);
				left--;
			}
		}
	}
}

static void encode_part(struct encoder *e, const struct wire_part *part, const void *in)
{
	uint32_t tags = 0;
	for (size_t i = 0; i < part->field_count && e->code == WEIR_OK; i++) {
		const struct wire_field *f = &part->fields[i];
		if (!wire_range_has(f->versions, e->version)) {
			if (!f->ignorable && !wire_field_is_default(f, in)) {
				encode_fail(e, WEIR_UNSUPPORTED_VERSION,
					"a value that this version does not have");
				e->part = part;
				e->field = f;
			}
		} else if (!wire_range_has(f->tagged, e->version)) {
			encode_field(e, part, f, false, in);
		} else {
			tags += tag_is_sent(e, f, in);
		}
	}
	if (e->flexible && e->code == WEIR_OK) {
		encode_tags(e, part, in, tags);
	}
}

enum weir_code wire_encode(const struct wire_message *msg, int16_t version, const void *in,
	struct buf *out, struct wire_gather *gather, struct weir_err *err)
{
	if (!wire_range_has(msg->versions, version)) {
		return err_set(
			err, WEIR_UNSUPPORTED_VERSION, "%s has no version %d", msg->name, version);
	}
	struct encoder e = {.out = out,
		.gather = gather,
		.version = version,
		.flexible = wire_range_has(msg->flexible, version)};
	size_t start = out->len;
	size_t gathered = gather ? gather->count : 0;
	encode_part(&e, msg->part, in);
	if (e.code == WEIR_OK && !out->failed) {
		return WEIR_OK;
	}
	out->len = start;
	if (gather) {
		gather->count = gathered;
	}
	if (out->failed) {
		return err_set(err, WEIR_NO_MEMORY, "%s version %d does not fit its buffer",
			msg->name, version);
	}
	return err_set(err, e.code, "%s version %d, %s.%s: %s", msg->name, version, e.part->name,
		e.field->name, e.why);
}
