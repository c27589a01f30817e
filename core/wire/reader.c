/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/reader.h"

#include "core/base/limits.h"

void wire_reader_fail(struct wire_reader *r, const char *why)
{
	if (!r->why) {
		r->why = why;
		r->stop = r->at;
	}
	r->at = r->end;
}

uint32_t wire_reader_uvarint_slow(struct wire_reader *r)
{
	uint64_t value;
	size_t n = uvarint_get(r->at, wire_reader_left(r), &value);
	if (!n || n > VARINT32_BYTES_MAX || value > UINT32_MAX) {
		bool ends = !n && wire_reader_left(r) < VARINT64_BYTES_MAX;
		wire_reader_fail(r, ends ? "the bytes end too early" : "a varint is too long");
		return 0;
	}
	r->at += n;
	return (uint32_t)value;
}

int64_t wire_reader_varint(struct wire_reader *r)
{
	int64_t value;
	size_t n = varint_get(r->at, wire_reader_left(r), &value);
	if (!n) {
		bool ends = wire_reader_left(r) < VARINT64_BYTES_MAX;
		wire_reader_fail(r, ends ? "the bytes end too early" : "a varint is too long");
		return 0;
	}
	r->at += n;
	return value;
}

/* A length or count in either form; -1 = null, and so is all below it, as in Kafka. */
static int64_t read_len(struct wire_reader *r, bool compact, bool nullable, bool two_bytes)
{
	int64_t len;
	if (compact) {
		len = (int64_t)wire_reader_uvarint(r) - 1;
	} else {
		len = two_bytes ? wire_reader_i16(r) : wire_reader_i32(r);
	}
	if (__builtin_expect(r->why != NULL, 0)) {
		return -1;
	}
	if (len > INT32_MAX) {
		wire_reader_fail(r, "a length is out of range");
		return -1;
	}
	if (len < 0 && !nullable) {
		wire_reader_fail(r, "null where it may not be");
	}
	return len < 0 ? -1 : len;
}

static struct slice read_slice(struct wire_reader *r, int64_t len)
{
	if (len < 0) {
		return (struct slice){0};
	}
	if ((uint64_t)len > wire_reader_left(r)) {
		wire_reader_fail(r, "a length is more than the bytes left");
		return (struct slice){0};
	}
	struct slice value = {r->at, (size_t)len};
	r->at += len;
	return value;
}

struct slice wire_reader_str(struct wire_reader *r, bool compact, bool nullable)
{
	int64_t len = read_len(r, compact, nullable, true);
	if (len > WIRE_STR_LEN_MAX) {
		wire_reader_fail(r, "a string is longer than 32767 bytes");
		return (struct slice){0};
	}
	return read_slice(r, len);
}

struct slice wire_reader_bytes(struct wire_reader *r, bool compact, bool nullable)
{
	return read_slice(r, read_len(r, compact, nullable, false));
}

int32_t wire_reader_count(struct wire_reader *r, bool compact, bool nullable, size_t item_len_min)
{
	int64_t count = read_len(r, compact, nullable, false);
	if (count > 0 && (uint64_t)count > wire_reader_left(r) / item_len_min) {
		wire_reader_fail(r, "a count is more than the bytes left can hold");
		return 0;
	}
	return (int32_t)count;
}

void wire_reader_skip_tags(struct wire_reader *r)
{
	uint32_t count = wire_reader_uvarint(r);
	if (count > LIMIT_UNKNOWN_TAGS) {
		wire_reader_fail(r, "too many unknown tags");
	}
	for (uint32_t i = 0; i < count && !r->why; i++) {
		(void)wire_reader_uvarint(r);
		(void)wire_reader_take(r, wire_reader_uvarint(r));
	}
}
