/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four codecs: what they pack comes back; what lies is refused; nothing grows past its cap. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/record/codec.h"

static struct weir_err err;

/* Without a byte to spare, so that a read beyond the end is seen. */
static uint8_t *copy_of(const void *bytes, size_t len)
{
	uint8_t *copy = mem_try(len);
	if (len) {
		memcpy(copy, bytes, len);
	}
	return copy;
}

/* len bytes: of one kind, or like text, or without order. */
static void fill(struct buf *buf, size_t len, int kind)
{
	buf_reset(buf);
	assert_true(buf_reserve(buf, len + 1));
	for (size_t i = 0; i < len; i++) {
		uint64_t r = kind ? random_u64() : 0;
		buf->data[i] = (uint8_t)(kind == 2 ? r : kind ? 'a' + r % 4 : 0);
	}
	buf->len = len;
}

static struct slice all(const struct buf *buf)
{
	return slice_of(buf->data, buf->len);
}

static void check_round_trip(enum codec codec, int level, const struct buf *in)
{
	struct buf packed, out;
	buf_init(&packed, 0);
	buf_init(&out, in->len + 1);
	buf_add_str(&packed, "p");
	buf_add_str(&out, "o");
	assert_ok(codec_pack(codec, level, all(in), &packed, &err));
	struct slice bytes = slice_of(packed.data + 1, packed.len - 1);
	if (codec != CODEC_NONE || in->len) {
		assert_ok(codec_unpack(codec, bytes, &out, &err)); /* the cap is just enough */
		assert_int_equal(out.len, in->len + 1);
		assert_memory_equal(out.data + 1, in->data, in->len);
	}
	if (in->len) {
		out.len = 1;
		out.cap--;
		assert_code(codec_unpack(codec, bytes, &out, &err), WEIR_TOO_LARGE);
		assert_int_equal(out.len, 1);
		assert_false(out.failed);
	}
	buf_fini(&out);
	buf_fini(&packed);
}

static void all_sizes_round_trip(void **state)
{
	(void)state;
	static const size_t sizes[] = {
		0, 1, 2, 13, 255, 4096, 32767, 32768, 32769, 65535, 65536, 65537, 200000, 1 << 20};
	struct buf in;
	buf_init(&in, 0);
	random_seed(11);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			for (int kind = 0; kind < 3; kind++) {
				fill(&in, sizes[i], kind);
				check_round_trip((enum codec)codec, CODEC_LEVEL_DEFAULT, &in);
			}
		}
	}
	random_seed(0);
	buf_fini(&in);
}

static void levels_round_trip(void **state)
{
	(void)state;
	static const int levels[] = {-5, -1, 0, 1, 3, 9, 12, 19, 100};
	struct buf in;
	buf_init(&in, 0);
	random_seed(12);
	fill(&in, 5000, 1);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
			check_round_trip((enum codec)codec, levels[i], &in);
		}
	}
	random_seed(0);
	buf_fini(&in);
}

static void names_are_kafkas(void **state)
{
	(void)state;
	enum codec codec;
	assert_string_equal(codec_name(CODEC_SNAPPY), "snappy");
	assert_string_equal(codec_name((enum codec)7), "unknown");
	assert_true(codec_find("zstd", &codec));
	assert_int_equal(codec, CODEC_ZSTD);
	assert_false(codec_find("brotli", &codec));
	struct buf out;
	buf_init(&out, 0);
	for (int i = CODEC_COUNT; i < 8; i++) {
		assert_code(codec_unpack((enum codec)i, slice_str("x"), &out, &err),
			WEIR_UNSUPPORTED_COMPRESSION_TYPE);
		assert_code(codec_pack((enum codec)i, 0, slice_str("x"), &out, &err),
			WEIR_UNSUPPORTED_COMPRESSION_TYPE);
	}
	buf_fini(&out);
}

static void bombs_stop_at_the_cap(void **state)
{
	(void)state;
	enum { CAP = 1 << 20 };
	struct buf zeros, packed, out;
	buf_init(&zeros, 0);
	fill(&zeros, 32 << 20, 0);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		buf_init(&packed, 0);
		buf_init(&out, CAP);
		assert_ok(codec_pack((enum codec)codec, 1, all(&zeros), &packed, &err));
		assert_true(packed.len < 2 << 20);
		assert_code(
			codec_unpack((enum codec)codec, all(&packed), &out, &err), WEIR_TOO_LARGE);
		assert_true(out.room <= 2 * CAP);
		assert_int_equal(out.len, 0);
		buf_fini(&out);
		buf_fini(&packed);
	}
	buf_fini(&zeros);
}

static void claimed_sizes_are_not_trusted(void **state)
{
	(void)state;
	/* Raw snappy that says 4 GiB - 1; a zstd frame that says 2^40 bytes, 2^20 bytes. */
	static const uint8_t snappy[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41};
	static const uint8_t zstd[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 0x09, 0, 0, 'x'};
	static const uint8_t zstd_small[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0x10, 0, 0x09, 0, 0, 'x'};
	struct buf out;
	buf_init(&out, 0);
	assert_code(codec_unpack(CODEC_SNAPPY, slice_of(snappy, sizeof(snappy)), &out, &err),
		WEIR_CORRUPT_MESSAGE);
	assert_code(codec_unpack(CODEC_ZSTD, slice_of(zstd, sizeof(zstd)), &out, &err),
		WEIR_CORRUPT_MESSAGE);
	assert_true(out.room <= 1 << 16);
	assert_code(codec_unpack(CODEC_ZSTD, slice_of(zstd_small, sizeof(zstd_small)), &out, &err),
		WEIR_CORRUPT_MESSAGE);
	assert_true(out.room <= 1 << 16);
	out.cap = 1 << 20;
	assert_code(
		codec_unpack(CODEC_ZSTD, slice_of(zstd, sizeof(zstd)), &out, &err), WEIR_TOO_LARGE);
	buf_fini(&out);
}

static void cut_data_are_corrupt(void **state)
{
	(void)state;
	struct buf in, packed, out;
	buf_init(&in, 0);
	buf_init(&packed, 0);
	buf_init(&out, 1 << 20);
	random_seed(13);
	fill(&in, 1500, 1);
	for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
		buf_reset(&packed);
		assert_ok(codec_pack(
			(enum codec)codec, CODEC_LEVEL_DEFAULT, all(&in), &packed, &err));
		for (size_t len = 0; len < packed.len; len++) {
			if (codec == CODEC_SNAPPY && len == 16) {
				continue; /* a header alone is an empty stream */
			}
			uint8_t *copy = copy_of(packed.data, len);
			buf_reset(&out);
			assert_code(
				codec_unpack((enum codec)codec, slice_of(copy, len), &out, &err),
				WEIR_CORRUPT_MESSAGE);
			assert_int_equal(out.len, 0);
			mem_free(copy);
		}
	}
	random_seed(0);
	buf_fini(&out);
	buf_fini(&packed);
	buf_fini(&in);
}

static void streams_may_follow_one_another(void **state)
{
	(void)state;
	static const enum codec codecs[] = {CODEC_GZIP, CODEC_SNAPPY, CODEC_ZSTD};
	for (int i = 0; i < 3; i++) {
		struct buf packed, out;
		buf_init(&packed, 0);
		buf_init(&out, 0);
		assert_ok(codec_pack(codecs[i], 1, slice_str("one "), &packed, &err));
		assert_ok(codec_pack(codecs[i], 1, slice_str(""), &packed, &err));
		assert_ok(codec_pack(codecs[i], 1, slice_str("two"), &packed, &err));
		assert_ok(codec_unpack(codecs[i], all(&packed), &out, &err));
		assert_string_equal(buf_str(&out), "one two");
		buf_add_str(&packed, "tail");
		assert_code(
			codec_unpack(codecs[i], all(&packed), &out, &err), WEIR_CORRUPT_MESSAGE);
		assert_int_equal(out.len, 7);
		buf_fini(&out);
		buf_fini(&packed);
	}
}

static void changed_data_never_do_harm(void **state)
{
	(void)state;
	struct buf in, packed, out;
	buf_init(&in, 0);
	buf_init(&packed, 0);
	buf_init(&out, 1 << 16);
	random_seed(14);
	for (int round = 0; round < 4000; round++) {
		enum codec codec = (enum codec)(CODEC_GZIP + round % 4);
		fill(&in, (size_t)random_below(3000), (int)random_below(3));
		buf_reset(&packed);
		assert_ok(codec_pack(codec, 1, all(&in), &packed, &err));
		for (uint64_t n = 1 + random_below(4); n; n--) {
			packed.data[random_below(packed.len)] = (uint8_t)random_u64();
		}
		uint8_t *copy = copy_of(packed.data, packed.len);
		buf_reset(&out);
		enum weir_code code = codec_unpack(codec, slice_of(copy, packed.len), &out, &err);
		assert_true(
			code == WEIR_OK || code == WEIR_CORRUPT_MESSAGE || code == WEIR_TOO_LARGE);
		mem_free(copy);
	}
	random_seed(0);
	buf_fini(&out);
	buf_fini(&packed);
	buf_fini(&in);
}

static void any_failed_allocation_is_an_error(void **state)
{
	(void)state;
	struct buf in;
	buf_init(&in, 0);
	fill(&in, 100000, 0);
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		enum weir_code code = WEIR_NO_MEMORY;
		for (uint64_t n = 1; code && n < 100; n++) {
			struct buf packed, out;
			buf_init(&packed, 0);
			buf_init(&out, 1 << 20);
			mem_fail_after(n);
			code = codec_pack((enum codec)codec, 1, all(&in), &packed, &err);
			if (!code) {
				code = codec_unpack((enum codec)codec, all(&packed), &out, &err);
			}
			mem_fail_after(0);
			if (code) {
				assert_code(code, WEIR_NO_MEMORY);
			}
			buf_fini(&out);
			buf_fini(&packed);
		}
		assert_code(code, WEIR_OK);
	}
	buf_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes_round_trip),
		cmocka_unit_test(levels_round_trip),
		cmocka_unit_test(names_are_kafkas),
		cmocka_unit_test(bombs_stop_at_the_cap),
		cmocka_unit_test(claimed_sizes_are_not_trusted),
		cmocka_unit_test(cut_data_are_corrupt),
		cmocka_unit_test(streams_may_follow_one_another),
		cmocka_unit_test(changed_data_never_do_harm),
		cmocka_unit_test(any_failed_allocation_is_an_error),
	};
	return RUN(tests);
}
