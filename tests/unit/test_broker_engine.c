/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine through a socket pair, spoken to in frames: what a client cannot easily be made to
 * send, and what must hold over restarts.
 */
#include "tests/unit/engine.h"

#include "core/record/record.h"

static int16_t create_topic(struct engine *e, const char *name, int32_t partitions)
{
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic = {
		.name = slice_str(name), .num_partitions = partitions, .replication_factor = 1};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	call(e, CREATE_TOPICS, 7, &request, &response);
	assert_int_equal(response.topics_count, 1);
	return response.topics[0].error_code;
}

/* One batch of count records "v0".."vN". */
static void make_batch(struct buf *out, int count)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < count; i++) {
		char value[16];
		snprintf(value, sizeof(value), "v%d", i);
		assert_ok(batch_builder_add(&builder, 1700000000000, (struct slice){NULL, 0},
			slice_str(value), NULL, 0, &err));
	}
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, out, &err));
	batch_builder_fini(&builder);
}

static void send_batch(struct engine *e, const char *topic, int16_t acks, struct slice records)
{
	struct produce_request request;
	struct produce_request_partition_produce_data data = {.index = 0, .records = records};
	struct produce_request_topic_produce_data row = {
		.name = slice_str(topic), .partition_data = &data, .partition_data_count = 1};
	wire_defaults(&produce_request_message, &request);
	request.acks = acks;
	request.timeout_ms = WAIT_MS;
	request.topic_data = &row;
	request.topic_data_count = 1;
	send_request(e, PRODUCE, 9, &request);
}

static int16_t produce(
	struct engine *e, const char *topic, int16_t acks, int count, int64_t *base_offset)
{
	struct produce_response response;
	struct buf batch;
	buf_init(&batch, 0);
	make_batch(&batch, count);
	send_batch(e, topic, acks, slice_of(batch.data, batch.len));
	buf_fini(&batch);
	assert_true(read_answer(e, PRODUCE, 9, e->correlation, &response));
	assert_int_equal(response.responses_count, 1);
	*base_offset = response.responses[0].partition_responses[0].base_offset;
	return response.responses[0].partition_responses[0].error_code;
}

static void ask_fetch(struct engine *e, const char *topic, int64_t offset, int32_t wait_ms,
	int32_t min_bytes, int32_t max_bytes)
{
	struct fetch_request request;
	struct fetch_request_fetch_partition part;
	struct fetch_request_fetch_topic row;
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_partition_part, &part);
	wire_part_defaults(&fetch_request_fetch_topic_part, &row);
	part.fetch_offset = offset;
	part.partition_max_bytes = max_bytes;
	row.topic = slice_str(topic);
	row.partitions = &part;
	row.partitions_count = 1;
	request.topics = &row;
	request.topics_count = 1;
	request.max_wait_ms = wait_ms;
	request.min_bytes = min_bytes;
	request.max_bytes = max_bytes;
	send_request(e, FETCH, 12, &request);
}

static struct fetch_response_partition_data fetched(struct engine *e)
{
	struct fetch_response response;
	assert_true(read_answer(e, FETCH, 12, e->correlation, &response));
	assert_int_equal(response.responses_count, 1);
	return response.responses[0].partitions[0];
}

static void acknowledged_records_survive_restarts(void **state)
{
	struct engine *e = *state;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 2), 0);
	assert_int_equal(create_topic(e, "t", 2), WEIR_TOPIC_ALREADY_EXISTS);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(produce(e, "t", -1, 3, &base), 0);
		assert_int_equal(base, round * 3);
		engine_stop(e);
		engine_start(e);
	}
	ask_fetch(e, "t", 0, 0, 1, 1 << 20);
	struct fetch_response_partition_data got = fetched(e);
	assert_int_equal(got.error_code, 0);
	assert_int_equal(got.high_watermark, 9);
	size_t at = 0;
	for (int64_t next = 0; next < 9; next += 3) {
		struct weir_err err;
		struct batch batch;
		assert_ok(batch_parse(
			slice_of(got.records.data + at, got.records.len - at), &batch, &err));
		assert_ok(batch_check_crc(&batch, &err));
		assert_int_equal(batch.base_offset, next);
		at += batch.bytes.len;
	}
	assert_int_equal(at, got.records.len);
}

static void a_parked_fetch_is_answered_by_the_append(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 1), 0);
	ask_fetch(e, "t", 0, WAIT_MS, 1, 1 << 20);
	int fetcher = e->fd;
	int32_t fetch_correlation = e->correlation;
	assert_ok(broker_connect(e->broker, &e->fd, &err));
	assert_int_equal(produce(e, "t", 1, 2, &base), 0);
	close(e->fd);
	e->fd = fetcher;
	e->correlation = fetch_correlation;
	struct fetch_response_partition_data got = fetched(e);
	assert_int_equal(got.high_watermark, 2);
	assert_true(got.records.len > 0);
}

static void a_fetch_waits_no_longer_than_asked(void **state)
{
	struct engine *e = *state;
	assert_int_equal(create_topic(e, "t", 1), 0);
	ask_fetch(e, "t", 0, 20, 1, 1 << 20);
	struct fetch_response_partition_data got = fetched(e);
	assert_int_equal(got.error_code, 0);
	assert_int_equal(got.records.len, 0);
	ask_fetch(e, "t", 1, 1000, 1, 1 << 20);
	assert_int_equal(fetched(e).error_code, WEIR_OFFSET_OUT_OF_RANGE);
}

static void the_first_batch_comes_whole_above_the_limits(void **state)
{
	struct engine *e = *state;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 1), 0);
	assert_int_equal(produce(e, "t", -1, 1000, &base), 0);
	ask_fetch(e, "t", 500, 0, 1, 10);
	struct fetch_response_partition_data got = fetched(e);
	struct weir_err err;
	struct batch batch;
	assert_ok(batch_parse(got.records, &batch, &err));
	assert_int_equal(batch.record_count, 1000);
}

static void answers_keep_the_order_of_pipelined_requests(void **state)
{
	struct engine *e = *state;
	struct buf batch;
	enum { COUNT = 200 };
	assert_int_equal(create_topic(e, "t", 1), 0);
	buf_init(&batch, 0);
	int32_t first = e->correlation + 1;
	for (int i = 0; i < COUNT; i++) {
		buf_reset(&batch);
		make_batch(&batch, 1);
		send_batch(e, "t", (int16_t)(i % 2 ? 1 : -1), slice_of(batch.data, batch.len));
	}
	buf_fini(&batch);
	for (int i = 0; i < COUNT; i++) {
		struct produce_response response;
		assert_true(read_answer(e, PRODUCE, 9, first + i, &response));
		assert_int_equal(response.responses[0].partition_responses[0].base_offset, i);
	}
}

static int64_t latest(struct engine *e, const char *topic)
{
	struct list_offsets_request request;
	struct list_offsets_response response;
	struct list_offsets_request_list_offsets_partition part;
	struct list_offsets_request_list_offsets_topic row;
	wire_defaults(&list_offsets_request_message, &request);
	wire_part_defaults(&list_offsets_request_list_offsets_partition_part, &part);
	wire_part_defaults(&list_offsets_request_list_offsets_topic_part, &row);
	part.timestamp = -1;
	row.name = slice_str(topic);
	row.partitions = &part;
	row.partitions_count = 1;
	request.topics = &row;
	request.topics_count = 1;
	call(e, LIST_OFFSETS, 7, &request, &response);
	assert_int_equal(response.topics[0].partitions[0].error_code, 0);
	return response.topics[0].partitions[0].offset;
}

/* Its flush may wait, who asks must not notice. */
static void the_end_counts_what_acks_one_was_told(void **state)
{
	struct engine *e = *state;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 1), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(produce(e, "t", 1, 2, &base), 0);
		assert_int_equal(base, i * 2);
		if (i % 3) {
			assert_int_equal(latest(e, "t"), i * 2 + 2);
		} else {
			ask_fetch(e, "t", base, WAIT_MS, 1, 1 << 20);
			struct fetch_response_partition_data got = fetched(e);
			assert_int_equal(got.high_watermark, base + 2);
		}
	}
}

static void acks_zero_is_never_answered(void **state)
{
	struct engine *e = *state;
	struct buf batch;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 1), 0);
	buf_init(&batch, 0);
	make_batch(&batch, 5);
	send_batch(e, "t", 0, slice_of(batch.data, batch.len));
	buf_fini(&batch);
	assert_int_equal(produce(e, "t", -1, 1, &base), 0);
	assert_int_equal(base, 5);
}

static void a_corrupt_batch_is_refused_and_nothing_is_stored(void **state)
{
	struct engine *e = *state;
	struct buf batch;
	struct produce_response response;
	int64_t base;
	assert_int_equal(create_topic(e, "t", 1), 0);
	buf_init(&batch, 0);
	make_batch(&batch, 5);
	batch.data[batch.len - 2] ^= 1;
	send_batch(e, "t", -1, slice_of(batch.data, batch.len));
	buf_fini(&batch);
	assert_true(read_answer(e, PRODUCE, 9, e->correlation, &response));
	assert_int_equal(
		response.responses[0].partition_responses[0].error_code, WEIR_CORRUPT_MESSAGE);
	assert_int_equal(produce(e, "t", -1, 1, &base), 0);
	assert_int_equal(base, 0);
	assert_int_equal(produce(e, "missing", -1, 1, &base), WEIR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void a_deleted_topic_comes_back_empty_with_another_id(void **state)
{
	struct engine *e = *state;
	int64_t base;
	struct delete_topics_request request;
	struct delete_topics_response response;
	struct slice name = slice_str("t");
	for (int round = 0; round < 3; round++) {
		assert_int_equal(create_topic(e, "t", 1), 0);
		assert_int_equal(produce(e, "t", -1, 4, &base), 0);
		assert_int_equal(base, 0);
		wire_defaults(&delete_topics_request_message, &request);
		request.topic_names = &name;
		request.topic_names_count = 1;
		call(e, DELETE_TOPICS, 5, &request, &response);
		assert_int_equal(response.responses[0].error_code, 0);
		assert_int_equal(produce(e, "t", -1, 1, &base), WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	}
}

static void lying_frames_close_the_connection(void **state)
{
	struct engine *e = *state;
	static const struct {
		const char *bytes;
		size_t len;
	} frames[] = {
		{"\xff\xff\xff\xff", 4}, {"\x80\0\0\0", 4}, {"\0\0\0\0", 4},
		{"\x7f\xff\xff\xff", 4}, {"\0\0\0\3abc", 7}, {"GET / HTTP/1.1\r\n\r\n", 18},
		{"\x16\3\1\2\0\1\0\1\xfc\3\3", 11},
		{"\0\0\0\x0a\0\3\0\x63\0\0\0\1\xff\xff", 14},		    /* Metadata 99 */
		{"\0\0\0\x0a\0\4\0\0\0\0\0\1\xff\xff", 14},		    /* LeaderAndIsr */
		{"\0\0\0\x0e\0\3\0\1\0\0\0\1\xff\xff\x7f\xff\xff\xff", 18}, /* count lies */
	};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct weir_err err;
		int fd;
		char byte;
		assert_ok(broker_connect(e->broker, &fd, &err));
		transmit(fd, frames[i].bytes, frames[i].len);
		assert_false(receive(fd, &byte, 1));
		close(fd);
	}
	assert_int_equal(create_topic(e, "still-here", 1), 0);
}

static void a_frame_may_come_byte_by_byte(void **state)
{
	struct engine *e = *state;
	struct api_versions_request request;
	struct api_versions_response response;
	struct wire_request_header header = {API_VERSIONS, 0, ++e->correlation, slice_str("slow")};
	struct weir_err err;
	wire_defaults(&api_versions_request_message, &request);
	buf_reset(&e->out);
	buf_add(&e->out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &e->out);
	assert_ok(wire_encode(&api_versions_request_message, 0, &request, &e->out, NULL, &err));
	be32_put(e->out.data, (uint32_t)(e->out.len - 4));
	for (size_t i = 0; i < e->out.len; i++) {
		transmit(e->fd, e->out.data + i, 1);
	}
	assert_true(read_answer(e, API_VERSIONS, 0, e->correlation, &response));
	assert_true(response.api_keys_count > 10);
}

static void a_second_engine_is_refused(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	struct broker *second;
	struct broker_options options = {.data_dir = e->dir, .conf = e->conf};
	assert_code(broker_open(&options, &second, &err), WEIR_LOCKED);
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(err.text, pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(acknowledged_records_survive_restarts),
		ENGINE_TEST(a_parked_fetch_is_answered_by_the_append),
		ENGINE_TEST(a_fetch_waits_no_longer_than_asked),
		ENGINE_TEST(the_first_batch_comes_whole_above_the_limits),
		ENGINE_TEST(answers_keep_the_order_of_pipelined_requests),
		ENGINE_TEST(the_end_counts_what_acks_one_was_told),
		ENGINE_TEST(acks_zero_is_never_answered),
		ENGINE_TEST(a_corrupt_batch_is_refused_and_nothing_is_stored),
		ENGINE_TEST(a_deleted_topic_comes_back_empty_with_another_id),
		ENGINE_TEST(lying_frames_close_the_connection),
		ENGINE_TEST(a_frame_may_come_byte_by_byte),
		ENGINE_TEST(a_second_engine_is_refused),
	};
	return RUN(tests);
}
