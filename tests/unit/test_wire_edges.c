/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lies and limits, one by one: what a careful peer never sends, and what callers rely on. */
#include "tests/unit/test.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"
#include "core/wire/reader.h"
#include "core/wire/wire.h"
#include "core/wire/writer.h"

#include <string.h>

struct bench {
	struct arena arena;
	struct buf buf;
};

static struct weir_err err;

static int set_up(void **state)
{
	struct bench *b = mem_new(sizeof(*b));
	arena_init(&b->arena, LIMIT_ARENA_BASE);
	buf_init(&b->buf, 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	arena_fini(&b->arena);
	buf_fini(&b->buf);
	mem_free(b);
	return 0;
}

static enum weir_code decode(struct bench *b, const struct wire_message *msg, int16_t version,
	const char *bytes, size_t len, void *out)
{
	size_t used;
	return wire_decode(msg, version, slice_of(bytes, len), &b->arena, out, &used, &err);
}

/* The bytes of a literal and its length. */
#define BYTES(literal) literal, sizeof(literal) - 1

static void counts_that_lie_are_refused_before_memory_is_taken(void **state)
{
	struct bench *b = *state;
	struct metadata_request req;
	assert_code(decode(b, &metadata_request_message, 0, BYTES("\x7f\xff\xff\xff"), &req),
		WEIR_INVALID_REQUEST);
	assert_non_null(strstr(err.text, "MetadataRequest"));
	assert_non_null(strstr(err.text, "topics"));
	assert_code(decode(b, &metadata_request_message, 0, BYTES("\x80\x00\x00\x00"), &req),
		WEIR_INVALID_REQUEST);
	/* Two names take at least two bytes each. */
	assert_code(decode(b, &metadata_request_message, 0, BYTES("\x00\x00\x00\x02\x00\x00\x00"),
			    &req),
		WEIR_INVALID_REQUEST);
	assert_non_null(strstr(err.text, "count"));
	assert_code(decode(b, &metadata_request_message, 9, BYTES("\xff\xff\xff\xff\x0f"), &req),
		WEIR_INVALID_REQUEST);
	assert_code(
		decode(b, &metadata_request_message, 9, BYTES("\xff\xff\xff\xff\xff\xff"), &req),
		WEIR_INVALID_REQUEST);
	assert_int_equal(b->arena.used_bytes, 0);
}

static void null_is_taken_only_where_it_may_be(void **state)
{
	struct bench *b = *state;
	struct metadata_request req;
	assert_code(decode(b, &metadata_request_message, 0, BYTES("\xff\xff\xff\xff"), &req),
		WEIR_INVALID_REQUEST);
	assert_non_null(strstr(err.text, "null"));
	assert_ok(decode(b, &metadata_request_message, 1, BYTES("\xff\xff\xff\xff"), &req));
	assert_int_equal(req.topics_count, -1);
	assert_true(req.allow_auto_topic_creation); /* default, the field came with version 4 */
	struct sasl_handshake_request shake;
	assert_code(decode(b, &sasl_handshake_request_message, 0, BYTES("\xff\xff"), &shake),
		WEIR_INVALID_REQUEST);
	assert_code(decode(b, &sasl_handshake_request_message, 0, BYTES("\xff\xfe"), &shake),
		WEIR_INVALID_REQUEST);
	assert_ok(decode(b, &sasl_handshake_request_message, 0, BYTES("\x00\x00"), &shake));
	assert_non_null(shake.mechanism.data);
}

static void strings_end_inside_the_bytes(void **state)
{
	struct bench *b = *state;
	struct sasl_handshake_request shake;
	assert_code(decode(b, &sasl_handshake_request_message, 1, BYTES("\x00\x06PLAIN"), &shake),
		WEIR_INVALID_REQUEST);
	size_t used = 0;
	err = (struct weir_err){0};
	assert_ok(wire_decode(&sasl_handshake_request_message, 1, slice_of("\x00\x05PLAIN!!", 9),
		&b->arena, &shake, &used, &err));
	assert_int_equal(used, 7); /* bytes after the body are the caller's business */
	assert_int_equal(err.code, 0);
	assert_true(slice_equal(shake.mechanism, slice_str("PLAIN")));
}

static void the_arenas_cap_holds(void **state)
{
	struct bench *b = *state;
	struct metadata_request req;
	uint8_t bytes[4 + 2 * 1000] = {0, 0, 0x03, 0xe8}; /* 1000 empty names */
	size_t used;
	arena_reset(&b->arena, 1000);
	assert_code(wire_decode(&metadata_request_message, 0, slice_of(bytes, sizeof(bytes)),
			    &b->arena, &req, &used, &err),
		WEIR_NO_MEMORY);
	arena_reset(&b->arena, 0);
	assert_ok(wire_decode(&metadata_request_message, 0, slice_of(bytes, sizeof(bytes)),
		&b->arena, &req, &used, &err));
	assert_int_equal(req.topics_count, 1000);
}

static void versions_that_are_not_are_refused(void **state)
{
	struct bench *b = *state;
	struct produce_request req;
	wire_defaults(&produce_request_message, &req);
	static const int16_t versions[] = {-1, 2, 14, INT16_MAX, INT16_MIN};
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		assert_code(decode(b, &produce_request_message, versions[i], BYTES(""), &req),
			WEIR_UNSUPPORTED_VERSION);
		assert_code(wire_encode(&produce_request_message, versions[i], &req, &b->buf, NULL,
				    &err),
			WEIR_UNSUPPORTED_VERSION);
	}
}

/* EndTxnResponse 3: int32, int16, tags. */
static void unknown_tags_are_skipped_up_to_a_limit(void **state)
{
	struct bench *b = *state;
	struct end_txn_response out;
	assert_ok(decode(b, &end_txn_response_message, 3,
		BYTES("\x00\x00\x00\x07\x00\x01\x02\x05\x03"
		      "abc\x90\x01\x00"),
		&out));
	assert_int_equal(out.throttle_time_ms, 7);
	assert_int_equal(out.error_code, 1);
	assert_code(decode(b, &end_txn_response_message, 3,
			    BYTES("\x00\x00\x00\x07\x00\x01\x01\x05\x04"
				  "abc"),
			    &out),
		WEIR_INVALID_REQUEST);
	uint8_t bytes[7 + 2 * (LIMIT_UNKNOWN_TAGS + 1)] = {0};
	size_t used;
	for (uint8_t tags = LIMIT_UNKNOWN_TAGS; tags <= LIMIT_UNKNOWN_TAGS + 1; tags++) {
		bytes[6] = tags;
		for (size_t i = 0; i < tags; i++) {
			bytes[7 + 2 * i] = 9;
		}
		enum weir_code code = wire_decode(&end_txn_response_message, 3,
			slice_of(bytes, 7 + 2 * (size_t)tags), &b->arena, &out, &used, &err);
		assert_code(code, tags <= LIMIT_UNKNOWN_TAGS ? WEIR_OK : WEIR_INVALID_REQUEST);
	}
	assert_code(decode(b, &end_txn_response_message, 3,
			    BYTES("\0\0\0\0\0\0\xff\xff\xff\xff\x0f"), &out),
		WEIR_INVALID_REQUEST);
}

/* FetchRequest 12 from max_wait_ms to rack_id, then the tags: 0 is the cluster id. */
#define FETCH_12 "\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1\1\1"

static void a_known_tag_takes_exactly_its_size(void **state)
{
	struct bench *b = *state;
	struct fetch_request req;
	assert_ok(decode(b, &fetch_request_message, 12, BYTES(FETCH_12 "\0"), &req));
	assert_null(req.cluster_id.data);
	assert_ok(decode(b, &fetch_request_message, 12, BYTES(FETCH_12 "\1\0\3\3ab"), &req));
	assert_true(slice_equal(req.cluster_id, slice_str("ab")));
	assert_code(decode(b, &fetch_request_message, 12, BYTES(FETCH_12 "\1\0\2\3ab"), &req),
		WEIR_INVALID_REQUEST);
	assert_non_null(strstr(err.text, "cluster_id"));
	assert_code(decode(b, &fetch_request_message, 12, BYTES(FETCH_12 "\1\0\4\3abc"), &req),
		WEIR_INVALID_REQUEST);
	assert_non_null(strstr(err.text, "cluster_id"));
}

static void values_outside_the_version_are_sent_or_refused(void **state)
{
	struct bench *b = *state;
	struct create_topics_request req;
	wire_defaults(&create_topics_request_message, &req);
	assert_int_equal(req.timeout_ms, 60000);
	struct metadata_request meta;
	wire_defaults(&metadata_request_message, &meta);
	meta.allow_auto_topic_creation = false; /* came with version 4, not ignorable */
	assert_code(wire_encode(&metadata_request_message, 3, &meta, &b->buf, NULL, &err),
		WEIR_UNSUPPORTED_VERSION);
	assert_non_null(strstr(err.text, "allow_auto_topic_creation"));
	assert_int_equal(b->buf.len, 0);
	assert_ok(wire_encode(&metadata_request_message, 4, &meta, &b->buf, NULL, &err));
	meta.allow_auto_topic_creation = true;
	meta.topics_count = -1;
	assert_code(wire_encode(&metadata_request_message, 0, &meta, &b->buf, NULL, &err),
		WEIR_UNSUPPORTED_VERSION);
	assert_ok(wire_encode(&metadata_request_message, 1, &meta, &b->buf, NULL, &err));
	struct heartbeat_response beat = {.throttle_time_ms = 9}; /* ignorable, came with 1 */
	buf_reset(&b->buf);
	assert_ok(wire_encode(&heartbeat_response_message, 0, &beat, &b->buf, NULL, &err));
	assert_int_equal(b->buf.len, 2);
}

static void what_peers_would_refuse_is_not_sent(void **state)
{
	struct bench *b = *state;
	uint8_t *text = mem_new(40000);
	struct sasl_handshake_request shake = {.mechanism = {text, WIRE_STR_LEN_MAX}};
	buf_add(&b->buf, "x", 1);
	assert_ok(wire_encode(&sasl_handshake_request_message, 0, &shake, &b->buf, NULL, &err));
	b->buf.len = 1;
	shake.mechanism.len++;
	assert_code(wire_encode(&sasl_handshake_request_message, 0, &shake, &b->buf, NULL, &err),
		WEIR_TOO_LARGE);
	assert_int_equal(b->buf.len, 1);
	shake.mechanism = (struct slice){0}; /* null where it may not be: an empty string */
	assert_ok(wire_encode(&sasl_handshake_request_message, 0, &shake, &b->buf, NULL, &err));
	assert_memory_equal(b->buf.data, "x\0\0", 3);
	buf_fini(&b->buf);
	buf_init(&b->buf, 10);
	shake.mechanism = slice_of(text, 9);
	assert_code(wire_encode(&sasl_handshake_request_message, 0, &shake, &b->buf, NULL, &err),
		WEIR_NO_MEMORY);
	assert_int_equal(b->buf.len, 0);
	buf_reset(&b->buf);
	shake.mechanism.len = 8;
	assert_ok(wire_encode(&sasl_handshake_request_message, 0, &shake, &b->buf, NULL, &err));
	mem_free(text);
}

static void fill_fetch(struct bench *b, struct fetch_response *res, const char *const *texts)
{
	wire_defaults(&fetch_response_message, res);
	res->responses = wire_part_new(&fetch_response_fetchable_topic_response_part, 1, &b->arena);
	res->responses_count = 1;
	assert_non_null(res->responses);
	struct fetch_response_fetchable_topic_response *topic = res->responses;
	topic->topic = slice_str("t");
	topic->partitions = wire_part_new(&fetch_response_partition_data_part, 3, &b->arena);
	topic->partitions_count = 3;
	assert_non_null(topic->partitions);
	for (int32_t i = 0; i < 3; i++) {
		assert_int_equal(topic->partitions[i].preferred_read_replica, -1);
		topic->partitions[i].partition_index = i;
		topic->partitions[i].records = slice_str(texts[i]);
	}
}

/* What lies between the pieces, put back, is what would have been copied. */
static void gathered_records_go_where_they_belong(void **state)
{
	struct bench *b = *state;
	static const char *const texts[] = {"first records", NULL, "third"};
	for (int16_t version = 4; version <= 18; version++) {
		struct fetch_response res;
		fill_fetch(b, &res, texts);
		struct buf whole;
		buf_init(&whole, 0);
		buf_add(&whole, "head", 4);
		assert_ok(wire_encode(&fetch_response_message, version, &res, &whole, NULL, &err));
		struct wire_gather_item items[2];
		struct wire_gather gather = {items, 2, 0};
		buf_reset(&b->buf);
		buf_add(&b->buf, "head", 4);
		assert_ok(wire_encode(
			&fetch_response_message, version, &res, &b->buf, &gather, &err));
		assert_int_equal(gather.count, 2);
		struct buf joined;
		buf_init(&joined, 0);
		size_t pos = 0;
		for (size_t i = 0; i < gather.count; i++) {
			buf_add(&joined, b->buf.data + pos, items[i].pos - pos);
			buf_add(&joined, items[i].bytes.data, items[i].bytes.len);
			pos = items[i].pos;
		}
		buf_add(&joined, b->buf.data + pos, b->buf.len - pos);
		assert_int_equal(joined.len, whole.len);
		assert_memory_equal(joined.data, whole.data, whole.len);
		buf_fini(&joined);
		buf_fini(&whole);
		gather = (struct wire_gather){items, 1, 0};
		assert_code(
			wire_encode(&fetch_response_message, version, &res, &b->buf, &gather, &err),
			WEIR_TOO_LARGE);
		assert_int_equal(gather.count, 0);
	}
}

static void check_header(const char *bytes, size_t len, size_t wanted_used)
{
	struct wire_request_header header;
	size_t used;
	assert_ok(wire_request_header_decode(slice_of(bytes, len), &header, &used, &err));
	assert_int_equal(used, wanted_used);
	assert_int_equal(header.correlation_id, 5);
	for (size_t cut = 0; cut < wanted_used; cut++) {
		assert_code(wire_request_header_decode(slice_of(bytes, cut), &header, &used, &err),
			WEIR_INVALID_REQUEST);
	}
}

static void request_headers_of_both_versions(void **state)
{
	(void)state;
	check_header(BYTES("\x00\x03\x00\x01\x00\x00\x00\x05\x00\x01q.."), 11);
	check_header(BYTES("\x00\x03\x00\x01\x00\x00\x00\x05\xff\xff.."), 10);
	check_header(BYTES("\x00\x03\x00\x09\x00\x00\x00\x05\x00\x01q\x01\x07\x02zz."), 16);
	/* Versions and keys we do not know: no tags. */
	check_header(BYTES("\x00\x12\x00\x05\x00\x00\x00\x05\x00\x01q\x00"), 11);
	check_header(BYTES("\x77\x77\x00\x05\x00\x00\x00\x05\x00\x01q\x00"), 11);
	check_header(BYTES("\xff\xff\xff\xff\x00\x00\x00\x05\x00\x01q\x00"), 11);
	check_header(BYTES("\x00\x03\x00\x01\x00\x00\x00\x05\xff\xfe.."), 10); /* null too */
}

static void response_headers_of_both_versions(void **state)
{
	struct bench *b = *state;
	static const struct {
		int16_t key, version;
		size_t len;
	} rows[] = {
		{3, 8, 4}, {3, 9, 5}, {18, 0, 4}, {18, 4, 4}, {17, 1, 4}, {0, 13, 5}, {999, 9, 4}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b->buf);
		wire_response_header_encode(rows[i].key, rows[i].version, -7, &b->buf);
		assert_int_equal(b->buf.len, rows[i].len);
		int32_t id = 0;
		size_t used = 0;
		assert_ok(wire_response_header_decode(rows[i].key, rows[i].version,
			slice_of(b->buf.data, b->buf.len), &id, &used, &err));
		assert_int_equal(id, -7);
		assert_int_equal(used, rows[i].len);
		assert_code(wire_response_header_decode(rows[i].key, rows[i].version,
				    slice_of(b->buf.data, b->buf.len - 1), &id, &used, &err),
			WEIR_INVALID_REQUEST);
	}
}

static void the_readers_first_error_stays(void **state)
{
	struct bench *b = *state;
	wire_writer_varint(&b->buf, -300);
	wire_writer_uvarint(&b->buf, UINT32_MAX);
	wire_writer_i64(&b->buf, -2);
	struct wire_reader r;
	wire_reader_init(&r, slice_of(b->buf.data, b->buf.len));
	assert_int_equal(wire_reader_varint(&r), -300);
	assert_true(wire_reader_uvarint(&r) == UINT32_MAX);
	assert_int_equal(wire_reader_i64(&r), -2);
	assert_null(r.why);
	assert_int_equal(wire_reader_i16(&r), 0);
	const char *why = r.why;
	assert_non_null(why);
	wire_reader_fail(&r, "later");
	assert_ptr_equal(r.why, why);
	wire_reader_init(&r, slice_of("\xff\xff\xff\xff\x1f", 5)); /* 33 bits */
	assert_int_equal(wire_reader_uvarint(&r), 0);
	assert_non_null(r.why);
	assert_int_equal(wire_reader_left(&r), 0);
	assert_int_equal(wire_reader_i8(&r), 0);
}

int main(void)
{
#define EDGE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EDGE(counts_that_lie_are_refused_before_memory_is_taken),
		EDGE(null_is_taken_only_where_it_may_be),
		EDGE(strings_end_inside_the_bytes),
		EDGE(the_arenas_cap_holds),
		EDGE(versions_that_are_not_are_refused),
		EDGE(unknown_tags_are_skipped_up_to_a_limit),
		EDGE(a_known_tag_takes_exactly_its_size),
		EDGE(values_outside_the_version_are_sent_or_refused),
		EDGE(what_peers_would_refuse_is_not_sent),
		EDGE(gathered_records_go_where_they_belong),
		EDGE(request_headers_of_both_versions),
		EDGE(response_headers_of_both_versions),
		EDGE(the_readers_first_error_stays),
	};
	return RUN(tests);
}
