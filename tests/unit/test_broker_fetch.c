/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Incremental fetch sessions (KIP-227), as a client sees them. */
#include "tests/unit/engine.h"

#include "core/base/clock.h"
#include "core/record/record.h"

static struct uuid create(struct engine *e, const char *name, int32_t partitions)
{
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic = {
		.name = slice_str(name), .num_partitions = partitions, .replication_factor = 1};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	call(e, CREATE_TOPICS, 7, &request, &response);
	assert_int_equal(response.topics[0].error_code, 0);
	return response.topics[0].topic_id;
}

static void produce(struct engine *e, const char *topic, int32_t partition)
{
	struct weir_err err;
	struct batch_builder builder;
	struct buf batch;
	struct produce_request request;
	struct produce_response response;
	buf_init(&batch, 0);
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	assert_ok(batch_builder_add(
		&builder, clock_wall_ms(), (struct slice){NULL, 0}, slice_str("v"), NULL, 0, &err));
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, &batch, &err));
	batch_builder_fini(&builder);
	struct produce_request_partition_produce_data data = {
		.index = partition, .records = slice_of(batch.data, batch.len)};
	struct produce_request_topic_produce_data row = {
		.name = slice_str(topic), .partition_data = &data, .partition_data_count = 1};
	wire_defaults(&produce_request_message, &request);
	request.acks = -1;
	request.timeout_ms = WAIT_MS;
	request.topic_data = &row;
	request.topic_data_count = 1;
	call(e, PRODUCE, 9, &request, &response);
	assert_int_equal(response.responses[0].partition_responses[0].error_code, 0);
	buf_fini(&batch);
}

/* What one fetch names. */
struct ask {
	int32_t session, epoch;
	const char *topic;
	struct uuid id; /* by id when set */
	int32_t partitions[4];
	int64_t offsets[4];
	int count;
	int32_t forgotten; /* -1: none */
	int32_t wait_ms;
};

static struct fetch_response fetch(struct engine *e, const struct ask *ask)
{
	struct fetch_request request;
	struct fetch_response response;
	struct fetch_request_fetch_partition parts[4];
	struct fetch_request_fetch_topic topic;
	struct fetch_request_forgotten_topic gone;
	int32_t forgotten = ask->forgotten;
	bool by_id = !uuid_is_zero(ask->id);
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_topic_part, &topic);
	wire_part_defaults(&fetch_request_forgotten_topic_part, &gone);
	for (int i = 0; i < ask->count; i++) {
		wire_part_defaults(&fetch_request_fetch_partition_part, &parts[i]);
		parts[i].partition = ask->partitions[i];
		parts[i].fetch_offset = ask->offsets[i];
		parts[i].partition_max_bytes = 1 << 20;
	}
	topic.topic = gone.topic = slice_str(by_id ? "" : ask->topic);
	topic.topic_id = gone.topic_id = ask->id;
	topic.partitions = parts;
	topic.partitions_count = ask->count;
	gone.partitions = &forgotten;
	gone.partitions_count = 1;
	request.topics = &topic;
	request.topics_count = ask->count > 0;
	request.forgotten_topics_data = &gone;
	request.forgotten_topics_data_count = forgotten >= 0;
	request.session_id = ask->session;
	request.session_epoch = ask->epoch;
	request.max_wait_ms = ask->wait_ms;
	request.min_bytes = 1;
	request.max_bytes = 1 << 20;
	call(e, FETCH, by_id ? 18 : 12, &request, &response);
	return response;
}

static struct fetch_response begin(struct engine *e, const char *topic)
{
	return fetch(e,
		&(struct ask){.topic = topic, .partitions = {0, 1}, .count = 2, .forgotten = -1});
}

static struct fetch_response go_on(struct engine *e, int32_t session, int32_t epoch)
{
	return fetch(e,
		&(struct ask){.session = session, .epoch = epoch, .topic = "t", .forgotten = -1});
}

/* The one partition that is told. */
static const struct fetch_response_partition_data *only(const struct fetch_response *response)
{
	assert_int_equal(response->error_code, 0);
	assert_int_equal(response->responses_count, 1);
	assert_int_equal(response->responses[0].partitions_count, 1);
	return &response->responses[0].partitions[0];
}

static void only_news_are_told(void **state)
{
	struct engine *e = *state;
	create(e, "t", 3);
	struct fetch_response r = begin(e, "t");
	int32_t id = r.session_id;
	assert_true(id > 0);
	assert_int_equal(r.responses[0].partitions_count, 2);

	r = go_on(e, id, 1);
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.session_id, id);
	assert_int_equal(r.responses_count, 0);

	produce(e, "t", 1);
	r = go_on(e, id, 2);
	assert_int_equal(only(&r)->partition_index, 1);
	assert_true(only(&r)->records.len > 0);
	/* The position is as it was told: the records come again. */
	r = go_on(e, id, 3);
	assert_true(only(&r)->records.len > 0);

	/* A position that moves, a partition that comes in and one that goes. */
	r = fetch(e, &(struct ask){.session = id,
			     .epoch = 4,
			     .topic = "t",
			     .partitions = {1, 2},
			     .offsets = {1, 0},
			     .count = 2,
			     .forgotten = 0});
	assert_int_equal(only(&r)->partition_index, 2);
	produce(e, "t", 0);
	r = go_on(e, id, 5);
	assert_int_equal(r.responses_count, 0);
	produce(e, "t", 2);
	r = go_on(e, id, 6);
	assert_int_equal(only(&r)->partition_index, 2);
}

static void a_waiting_session_is_woken(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	create(e, "t", 2);
	int32_t id = begin(e, "t").session_id;
	int fetcher = e->fd;
	struct fetch_request request;
	struct fetch_response response;
	wire_defaults(&fetch_request_message, &request);
	request.session_id = id;
	request.session_epoch = 1;
	request.max_wait_ms = WAIT_MS;
	request.min_bytes = 1;
	send_request(e, FETCH, 12, &request);
	int32_t correlation = e->correlation;
	/* Sessions are no connection's: the answers to the next epoch go to another. */
	assert_ok(broker_connect(e->broker, &e->fd, &err));
	produce(e, "t", 0);
	struct fetch_response other = go_on(e, id, 2);
	assert_int_equal(only(&other)->partition_index, 0);
	close(e->fd);
	e->fd = fetcher;
	assert_true(read_answer(e, FETCH, 12, correlation, &response));
	assert_int_equal(only(&response)->partition_index, 0);
}

static void errors_are_told_again(void **state)
{
	struct engine *e = *state;
	create(e, "t", 1);
	struct fetch_response r = begin(e, "t"); /* has no partition 1 */
	assert_int_equal(r.responses[0].partitions[1].error_code, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	for (int32_t epoch = 1; epoch < 4; epoch++) {
		struct fetch_response more = go_on(e, r.session_id, epoch);
		assert_int_equal(only(&more)->partition_index, 1);
		assert_int_equal(only(&more)->error_code, WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	}
}

static void sessions_that_are_not_there(void **state)
{
	struct engine *e = *state;
	struct uuid topic_id = create(e, "t", 2);
	int32_t id = begin(e, "t").session_id;
	struct fetch_response r = go_on(e, id, 5);
	assert_int_equal(r.error_code, WEIR_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(r.session_id, 0);
	assert_int_equal(r.responses_count, 0);
	assert_int_equal(go_on(e, id ^ 1, 1).error_code, WEIR_FETCH_SESSION_ID_NOT_FOUND);
	struct ask mixed = {.session = id, .epoch = 1, .id = topic_id, .forgotten = -1};
	assert_int_equal(fetch(e, &mixed).error_code, WEIR_FETCH_SESSION_TOPIC_ID_ERROR);
	assert_int_equal(go_on(e, id, 1).error_code, 0);

	/* A full fetch takes the place of the old session; the last fetch ends one. */
	struct ask again = {.session = id, .topic = "t", .count = 1, .forgotten = -1};
	int32_t next = fetch(e, &again).session_id;
	assert_true(next > 0 && next != id);
	assert_int_equal(go_on(e, id, 2).error_code, WEIR_FETCH_SESSION_ID_NOT_FOUND);
	r = go_on(e, next, -1);
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.session_id, 0);
	assert_int_equal(go_on(e, next, 1).error_code, WEIR_FETCH_SESSION_ID_NOT_FOUND);

	/* One that forgets everything is over. */
	struct ask one = {.id = topic_id, .count = 1, .forgotten = -1};
	id = fetch(e, &one).session_id;
	assert_true(id > 0);
	struct ask none = {.session = id, .epoch = 1, .id = topic_id};
	r = fetch(e, &none);
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.session_id, 0);
	none.epoch = 2;
	assert_int_equal(fetch(e, &none).error_code, WEIR_FETCH_SESSION_ID_NOT_FOUND);
}

static void slots_are_bounded(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	engine_stop(e);
	assert_ok(conf_set(
		e->conf, "max.incremental.fetch.session.cache.slots", "2", CONF_FROM_STATIC, &err));
	engine_start(e);
	create(e, "t", 2);
	int32_t first = begin(e, "t").session_id;
	assert_true(first > 0);
	assert_true(begin(e, "t").session_id > 0);
	assert_int_equal(begin(e, "t").session_id, 0);
	assert_int_equal(go_on(e, first, -1).error_code, 0);
	assert_true(begin(e, "t").session_id > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(only_news_are_told),
		ENGINE_TEST(a_waiting_session_is_woken),
		ENGINE_TEST(errors_are_told_again),
		ENGINE_TEST(sessions_that_are_not_there),
		ENGINE_TEST(slots_are_bounded),
	};
	return RUN(tests);
}
