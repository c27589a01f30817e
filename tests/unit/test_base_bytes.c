/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/crc32c.h"
#include "core/base/random.h"
#include "core/base/uuid.h"
#include "core/base/varint.h"

static void crc_matches_the_published_value(void **state)
{
	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void varints_round_trip_and_refuse_lies(void **state)
{
	(void)state;
	static const int64_t values[] = {
		0, 1, -1, 63, 64, -64, -65, 300, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		uint8_t bytes[VARINT64_BYTES_MAX];
		size_t n = varint_put(bytes, values[i]);
		int64_t back;
		assert_int_equal(n, varint_size(values[i]));
		assert_int_equal(varint_get(bytes, n, &back), n);
		assert_true(back == values[i]);
		assert_int_equal(varint_get(bytes, n - 1, &back), 0);
	}
	uint64_t v;
	uint8_t evil[12];
	memset(evil, 0xff, sizeof(evil));
	assert_int_equal(uvarint_get(evil, sizeof(evil), &v), 0);
	/* KIP-482's own example: 300 is ac 02. */
	assert_int_equal(uvarint_put(evil, 300), 2);
	assert_memory_equal(evil, "\xac\x02", 2);
}

static void uuids_read_as_kafka_writes_them(void **state)
{
	(void)state;
	char text[UUID_TEXT_LEN + 1];
	random_seed(7);
	for (int i = 0; i < 1000; i++) {
		struct uuid id = uuid_new(), back;
		uuid_format(id, text);
		assert_int_not_equal(text[0], '-');
		assert_true(uuid_parse(slice_str(text), &back));
		assert_true(uuid_equal(id, back));
	}
	random_seed(0);
	struct uuid one = {{0}};
	one.bytes[15] = 1;
	uuid_format(one, text);
	assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAQ");
	assert_false(uuid_parse(slice_str("AAAAAAAAAAAAAAAAAAAAAR"), &one));
	assert_false(uuid_parse(slice_str("short"), &one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_matches_the_published_value),
		cmocka_unit_test(varints_round_trip_and_refuse_lies),
		cmocka_unit_test(uuids_read_as_kafka_writes_them),
	};
	return RUN(tests);
}
