/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Producers as the engine's clients see them, and directories that a Kafka left. */
#include "tests/unit/engine.h"

#include "broker/broker_priv.h"
#include "broker/kafka_metadata.h"
#include "core/base/clock.h"
#include "core/record/record.h"
#include "core/record/txn_marker.h"

enum { INIT_PRODUCER_ID = 22, DESCRIBE_PRODUCERS = 61, IDS = 7 };

static int64_t new_id(struct engine *e)
{
	struct init_producer_id_request request;
	struct init_producer_id_response response;
	wire_defaults(&init_producer_id_request_message, &request);
	request.transactional_id = (struct slice){NULL, 0};
	call(e, INIT_PRODUCER_ID, 4, &request, &response);
	assert_int_equal(response.error_code, 0);
	assert_int_equal(response.producer_epoch, 0);
	return response.producer_id;
}

static void ids_are_given_once(void **state)
{
	struct engine *e = *state;
	int64_t last = -1;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < IDS; i++) {
			int64_t id = new_id(e);
			assert_true(id > last);
			last = id;
		}
		engine_stop(e);
		engine_start(e);
	}
}

static void create(struct engine *e, const char *name)
{
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic = {
		.name = slice_str(name), .num_partitions = 1, .replication_factor = 1};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	call(e, CREATE_TOPICS, 7, &request, &response);
	assert_int_equal(response.topics[0].error_code, 0);
}

static void make_batch(struct buf *out, int64_t id, int32_t sequence, int16_t attributes)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	assert_ok(batch_builder_add(
		&builder, clock_wall_ms(), slice_str("k"), slice_str("v"), NULL, 0, &err));
	assert_ok(batch_builder_finish(&builder, id, 0, sequence, attributes, out, &err));
	batch_builder_fini(&builder);
}

/* Error and base offset of a batch of one record. */
static int16_t produce(struct engine *e, int64_t id, int32_t sequence, int64_t *offset)
{
	struct produce_request request;
	struct produce_response response;
	struct buf batch;
	buf_init(&batch, 0);
	make_batch(&batch, id, sequence, 0);
	struct produce_request_partition_produce_data data = {
		.index = 0, .records = slice_of(batch.data, batch.len)};
	struct produce_request_topic_produce_data row = {
		.name = slice_str("t"), .partition_data = &data, .partition_data_count = 1};
	wire_defaults(&produce_request_message, &request);
	request.acks = -1;
	request.timeout_ms = WAIT_MS;
	request.topic_data = &row;
	request.topic_data_count = 1;
	call(e, PRODUCE, 9, &request, &response);
	buf_fini(&batch);
	*offset = response.responses[0].partition_responses[0].base_offset;
	return response.responses[0].partition_responses[0].error_code;
}

static void a_batch_sent_again_is_one(void **state)
{
	struct engine *e = *state;
	int64_t offset, id = new_id(e);
	create(e, "t");
	for (int i = 0; i < 8; i++) {
		assert_int_equal(produce(e, id, i, &offset), 0);
		assert_int_equal(offset, i);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 3; i < 8; i++) {
			assert_int_equal(produce(e, id, i, &offset), 0);
			assert_int_equal(offset, i);
		}
		assert_int_equal(produce(e, id, 2, &offset), WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER);
		assert_int_equal(produce(e, id, 9, &offset), WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER);
		engine_stop(e);
		engine_start(e);
	}
	assert_int_equal(produce(e, id, 8, &offset), 0);
	assert_int_equal(offset, 8);
}

/* --- transactions, written where their coordinator would --- */

static void append(struct engine *e, struct buf *bytes, enum append_origin origin)
{
	struct partition *p;
	struct log *log;
	struct weir_err err;
	struct log_append_ask ask = {.origin = origin};
	struct log_appended appended;
	assert_ok(topics_partition(broker_topics(e->broker), slice_str("t"), 0, &p, &err));
	assert_ok(partition_use(p, &log, &err));
	assert_ok(log_append_from(log, bytes->data, bytes->len, &ask, &appended, &err));
	assert_ok(log_flush(log, &err));
	partition_advance(p, log);
	partition_done(p);
	partition_unref(p);
	buf_reset(bytes);
}

static void add_records(struct engine *e, int64_t id, int32_t sequence)
{
	struct buf bytes;
	buf_init(&bytes, 0);
	make_batch(&bytes, id, sequence, id < 0 ? 0 : BATCH_TRANSACTIONAL);
	append(e, &bytes, APPEND_FROM_CLIENT);
	buf_fini(&bytes);
}

static void end_txn(struct engine *e, int64_t id, bool commit)
{
	struct weir_err err;
	struct buf bytes;
	struct txn_marker marker = {commit, 5, clock_wall_ms()};
	buf_init(&bytes, 0);
	assert_ok(txn_marker_build(&marker, id, 0, &bytes, &err));
	append(e, &bytes, APPEND_FROM_COORDINATOR);
	buf_fini(&bytes);
}

static struct fetch_response_partition_data fetch(struct engine *e, int8_t isolation)
{
	struct fetch_request request;
	struct fetch_response response;
	struct fetch_request_fetch_partition part;
	struct fetch_request_fetch_topic row;
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_partition_part, &part);
	wire_part_defaults(&fetch_request_fetch_topic_part, &row);
	part.partition_max_bytes = 1 << 20;
	row.topic = slice_str("t");
	row.partitions = &part;
	row.partitions_count = 1;
	request.topics = &row;
	request.topics_count = 1;
	request.max_bytes = 1 << 20;
	request.isolation_level = isolation;
	call(e, FETCH, 12, &request, &response);
	assert_int_equal(response.responses[0].partitions[0].error_code, 0);
	return response.responses[0].partitions[0];
}

/* Offset after the last batch of an answer. */
static int64_t end_of(const struct fetch_response_partition_data *data)
{
	int64_t end = 0;
	struct batch batch;
	for (size_t at = 0; at < data->records.len; at += batch.bytes.len) {
		struct weir_err err;
		assert_ok(batch_parse(
			slice_of(data->records.data + at, data->records.len - at), &batch, &err));
		end = batch_last_offset(&batch) + 1;
	}
	return end;
}

static int64_t latest(struct engine *e, int8_t isolation)
{
	struct list_offsets_request request;
	struct list_offsets_response response;
	struct list_offsets_request_list_offsets_partition part = {
		.current_leader_epoch = -1, .timestamp = -1};
	struct list_offsets_request_list_offsets_topic row = {
		.name = slice_str("t"), .partitions = &part, .partitions_count = 1};
	wire_defaults(&list_offsets_request_message, &request);
	request.replica_id = -1;
	request.isolation_level = isolation;
	request.topics = &row;
	request.topics_count = 1;
	call(e, LIST_OFFSETS, 7, &request, &response);
	assert_int_equal(response.topics[0].partitions[0].error_code, 0);
	return response.topics[0].partitions[0].offset;
}

static void read_committed_ends_at_the_first_open_transaction(void **state)
{
	struct engine *e = *state;
	create(e, "t");
	add_records(e, -1, -1); /* 0 */
	add_records(e, 7, 0);	/* 1 */
	add_records(e, 8, 0);	/* 2 */
	add_records(e, -1, -1); /* 3 */
	struct fetch_response_partition_data got = fetch(e, 1);
	assert_int_equal(end_of(&got), 1);
	assert_int_equal(got.last_stable_offset, 1);
	assert_int_equal(got.high_watermark, 4);
	assert_int_equal(got.aborted_transactions_count, 0);
	assert_int_equal(latest(e, 1), 1);
	assert_int_equal(latest(e, 0), 4);
	got = fetch(e, 0);
	assert_int_equal(end_of(&got), 4);
	assert_int_equal(got.aborted_transactions_count, -1);
	end_txn(e, 7, false); /* 4 */
	got = fetch(e, 1);
	assert_int_equal(end_of(&got), 2);
	assert_int_equal(got.aborted_transactions_count, 1);
	assert_int_equal(got.aborted_transactions[0].producer_id, 7);
	assert_int_equal(got.aborted_transactions[0].first_offset, 1);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(latest(e, 1), 2);
		engine_stop(e);
		engine_start(e);
	}
	end_txn(e, 8, true); /* 5 */
	got = fetch(e, 1);
	assert_int_equal(end_of(&got), 6);
	assert_int_equal(got.aborted_transactions_count, 1);
	assert_int_equal(latest(e, 1), 6);
}

static void producers_are_described(void **state)
{
	struct engine *e = *state;
	struct describe_producers_request request;
	struct describe_producers_response response;
	int32_t indexes[2] = {0, 9};
	struct describe_producers_request_topic_request row = {
		.name = slice_str("t"), .partition_indexes = indexes, .partition_indexes_count = 2};
	create(e, "t");
	add_records(e, 7, 3);
	add_records(e, 8, 0);
	end_txn(e, 8, true);
	wire_defaults(&describe_producers_request_message, &request);
	request.topics = &row;
	request.topics_count = 1;
	call(e, DESCRIBE_PRODUCERS, 0, &request, &response);
	const struct describe_producers_response_partition_response *part =
		&response.topics[0].partitions[0];
	assert_int_equal(part->error_code, 0);
	assert_int_equal(part->active_producers_count, 2);
	assert_int_equal(part->active_producers[0].producer_id, 7);
	assert_int_equal(part->active_producers[0].last_sequence, 3);
	assert_int_equal(part->active_producers[0].current_txn_start_offset, 0);
	assert_int_equal(part->active_producers[0].coordinator_epoch, -1);
	assert_int_equal(part->active_producers[1].producer_id, 8);
	assert_int_equal(part->active_producers[1].current_txn_start_offset, -1);
	assert_int_equal(part->active_producers[1].coordinator_epoch, 5);
	part++;
	assert_int_equal(part->error_code, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(part->active_producers_count, 0);
}

/* --- what a Kafka left --- */

static void put_str(struct buf *out, const char *text)
{
	buf_add_byte(out, (uint8_t)(strlen(text) + 1));
	buf_add_str(out, text);
}

static void topic_record(struct buf *out, const char *name, uint8_t id)
{
	buf_reset(out);
	buf_add(out, "\1\2\0", 3);
	put_str(out, name);
	for (int i = 0; i < 16; i++) {
		buf_add_byte(out, id);
	}
	buf_add_byte(out, 0);
}

/* value NULL: the setting goes. */
static void config_record(
	struct buf *out, int8_t resource, const char *name, const char *key, const char *value)
{
	buf_reset(out);
	buf_add(out, "\1\4\0", 3);
	buf_add_byte(out, (uint8_t)resource);
	put_str(out, name);
	put_str(out, key);
	if (value) {
		put_str(out, value);
	} else {
		buf_add_byte(out, 0);
	}
	buf_add_byte(out, 0);
}

struct metadata_log {
	struct batch_builder builder;
	struct buf value, bytes;
	int64_t next;
};

static void log_record(struct metadata_log *log)
{
	struct weir_err err;
	size_t from = log->bytes.len;
	batch_builder_start(&log->builder);
	assert_ok(batch_builder_add(&log->builder, 1, slice_of(NULL, 0),
		slice_of(log->value.data, log->value.len), NULL, 0, &err));
	assert_ok(batch_builder_finish(&log->builder, -1, -1, -1, 0, &log->bytes, &err));
	batch_set_base_offset(log->bytes.data + from, log->next++);
}

static void write_file(const char *dir, const char *name, const struct buf *bytes, size_t len)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes->data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	mem_free(path);
}

static void metadata_log_make(struct metadata_log *log, int64_t first)
{
	*log = (struct metadata_log){.next = first};
	batch_builder_init(&log->builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	buf_init(&log->value, 0);
	buf_init(&log->bytes, 0);
}

static void metadata_log_drop(struct metadata_log *log)
{
	batch_builder_fini(&log->builder);
	buf_fini(&log->value);
	buf_fini(&log->bytes);
}

/* A snapshot with topics a and gone, a log that goes on behind it. */
static void metadata_make(const char *dir, struct buf *log_bytes)
{
	struct weir_err err;
	struct metadata_log log;
	assert_ok(fs_mkdir(dir, &err));
	metadata_log_make(&log, 0);
	topic_record(&log.value, "a", 1);
	log_record(&log);
	config_record(&log.value, 2, "a", "retention.ms", "-1");
	log_record(&log);
	config_record(&log.value, 2, "a", "segment.ms", "5000");
	log_record(&log);
	topic_record(&log.value, "gone", 2);
	log_record(&log);
	write_file(dir, "00000000000000000100-0000000003.checkpoint", &log.bytes, log.bytes.len);
	metadata_log_drop(&log);
	metadata_log_make(&log, 98);
	/* Both are in the snapshot already, otherwise. */
	config_record(&log.value, 2, "a", "retention.ms", "7");
	log_record(&log);
	log_record(&log);
	config_record(&log.value, 2, "a", "cleanup.policy", "compact");
	log_record(&log);
	config_record(&log.value, 2, "a", "segment.ms", NULL);
	log_record(&log);
	config_record(&log.value, 4, "", "retention.ms", "9");
	log_record(&log);
	buf_reset(&log.value);
	buf_add(&log.value, "\1\11\0\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\0", 20);
	log_record(&log);
	buf_reset(&log.value);
	buf_add(&log.value, "\1\17\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\x07\xd0\0", 24);
	log_record(&log);
	write_file(dir, "00000000000000000098.log", &log.bytes, log.bytes.len);
	buf_add(log_bytes, log.bytes.data, log.bytes.len);
	metadata_log_drop(&log);
}

static void settings_of_a_kafka_are_found(void **state)
{
	(void)state;
	struct weir_err err;
	struct kafka_metadata metadata;
	struct buf bytes;
	char root[] = "/tmp/weir-kafka-XXXXXX";
	assert_non_null(mkdtemp(root));
	char *dir = mem_printf("%s/__cluster_metadata-0", root);
	assert_ok(kafka_metadata_read(root, &metadata, &err));
	assert_int_equal(metadata.count, 0);
	buf_init(&bytes, 0);
	metadata_make(dir, &bytes);
	assert_ok(kafka_metadata_read(root, &metadata, &err));
	assert_int_equal(metadata.count, 1);
	assert_int_equal(metadata.next_producer_id, 2000);
	const struct kafka_topic *a = kafka_metadata_topic(&metadata, "a");
	assert_null(kafka_metadata_topic(&metadata, "gone"));
	assert_non_null(a);
	assert_int_equal(a->config_count, 2);
	assert_string_equal(image_config_get(a->configs, 2, "cleanup.policy"), "compact");
	assert_string_equal(image_config_get(a->configs, 2, "retention.ms"), "-1");
	kafka_metadata_fini(&metadata);
	/* Cut anywhere, a byte bad anywhere: what is believed stays sane. */
	for (size_t i = 0; i < 2 * bytes.len; i++) {
		size_t len = i < bytes.len ? i : bytes.len;
		if (i >= bytes.len) {
			bytes.data[i - bytes.len] ^= 0x41;
		}
		write_file(dir, "00000000000000000098.log", &bytes, len);
		if (i >= bytes.len) {
			bytes.data[i - bytes.len] ^= 0x41;
		}
		assert_ok(kafka_metadata_read(root, &metadata, &err));
		a = kafka_metadata_topic(&metadata, "a");
		assert_non_null(a);
		assert_true(a->config_count >= 1 && a->config_count <= 3);
		kafka_metadata_fini(&metadata);
	}
	buf_fini(&bytes);
	assert_ok(fs_remove_tree(root, &err));
	mem_free(dir);
}

/* Its partitions are served with its settings, and its producers' ids are not given again. */
static void a_directory_of_a_kafka_is_adopted(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	struct buf bytes;
	buf_init(&bytes, 0);
	engine_stop(e);
	char *a = mem_printf("%s/a-0", e->dir), *other = mem_printf("%s/other-0", e->dir);
	char *dir = mem_printf("%s/__cluster_metadata-0", e->dir);
	assert_ok(fs_mkdir(a, &err));
	make_batch(&bytes, 4321, 0, 0);
	write_file(a, "00000000000000000000.log", &bytes, bytes.len);
	assert_ok(fs_mkdir(other, &err));
	buf_reset(&bytes);
	metadata_make(dir, &bytes);
	engine_start(e);
	assert_true(new_id(e) > 4321);
	const struct image *image = image_current(broker_images(e->broker));
	const struct image_topic *topic = image_topic(image, slice_str("a"));
	assert_string_equal(
		image_config_get(topic->configs, topic->config_count, "cleanup.policy"), "compact");
	topic = image_topic(image, slice_str("other"));
	assert_string_equal(
		image_config_get(topic->configs, topic->config_count, "retention.ms"), "-1");
	image_release(image);
	mem_free(dir);
	mem_free(other);
	mem_free(a);
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(ids_are_given_once),
		ENGINE_TEST(a_batch_sent_again_is_one),
		ENGINE_TEST(read_committed_ends_at_the_first_open_transaction),
		ENGINE_TEST(producers_are_described),
		ENGINE_TEST(a_directory_of_a_kafka_is_adopted),
		cmocka_unit_test(settings_of_a_kafka_are_found),
	};
	return RUN(tests);
}
