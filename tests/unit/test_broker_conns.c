/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers that behave badly, or slowly, or are many: the engine over TCP and a socket pair. */
#include "tests/unit/engine.h"

#include "broker/reply.h"
#include "core/base/clock.h"
#include "core/record/record.h"

#include <netinet/in.h>
#include <sys/resource.h>

static void restart_with(struct engine *e, const char *key, const char *value)
{
	struct weir_err err;
	engine_stop(e);
	assert_ok(conf_set(e->conf, key, value, CONF_FROM_STATIC, &err));
	engine_start(e);
}

static struct net_addr listen_tcp(struct engine *e)
{
	struct weir_err err;
	struct net_addr addr = {.host = "127.0.0.1", .port = 0}, bound;
	assert_ok(broker_listen(e->broker, &addr, NULL, &bound, &err));
	return bound;
}

static int dial(const struct net_addr *addr)
{
	struct weir_err err;
	int fd;
	assert_ok(net_connect(addr, WAIT_MS, &fd, &err));
	return fd;
}

/* The peer closed, having said nothing more. */
static bool is_closed(int fd)
{
	char byte;
	return !receive(fd, &byte, 1);
}

static void put_api_versions(struct buf *out, int32_t correlation)
{
	struct weir_err err;
	struct api_versions_request request;
	struct wire_request_header header = {API_VERSIONS, 0, correlation, slice_str("t")};
	size_t at = out->len;
	wire_defaults(&api_versions_request_message, &request);
	buf_add(out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, out);
	assert_ok(wire_encode(&api_versions_request_message, 0, &request, out, NULL, &err));
	be32_put(out->data + at, (uint32_t)(out->len - at - 4));
}

static bool answered(struct engine *e, int fd, int32_t correlation)
{
	struct api_versions_response response;
	int before = e->fd;
	e->fd = fd;
	bool got = read_answer(e, API_VERSIONS, 0, correlation, &response);
	e->fd = before;
	return got;
}

static bool served(struct engine *e, int fd)
{
	buf_reset(&e->out);
	put_api_versions(&e->out, 9);
	transmit(fd, e->out.data, e->out.len);
	return answered(e, fd, 9);
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

/* One record with a value of len bytes; the answer's error. */
static int16_t produce(struct engine *e, size_t len)
{
	struct weir_err err;
	struct batch_builder builder;
	struct buf batch;
	struct produce_request request;
	struct produce_response response;
	uint8_t *value = mem_new(len);
	buf_init(&batch, 0);
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	assert_ok(batch_builder_add(&builder, clock_wall_ms(), (struct slice){NULL, 0},
		slice_of(value, len), NULL, 0, &err));
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, &batch, &err));
	batch_builder_fini(&builder);
	struct produce_request_partition_produce_data data = {
		.records = slice_of(batch.data, batch.len)};
	struct produce_request_topic_produce_data topic = {
		.name = slice_str("t"), .partition_data = &data, .partition_data_count = 1};
	wire_defaults(&produce_request_message, &request);
	request.acks = -1;
	request.timeout_ms = WAIT_MS;
	request.topic_data = &topic;
	request.topic_data_count = 1;
	call(e, PRODUCE, 9, &request, &response);
	buf_fini(&batch);
	mem_free(value);
	return response.responses[0].partition_responses[0].error_code;
}

/* count times the same partition, from its start. */
static void ask_fetch(struct engine *e, int32_t count, int32_t wait_ms, int32_t min_bytes)
{
	struct fetch_request request;
	struct fetch_request_fetch_topic topic;
	struct fetch_request_fetch_partition *parts = mem_array((size_t)count, sizeof(*parts));
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_topic_part, &topic);
	for (int32_t i = 0; i < count; i++) {
		wire_part_defaults(&fetch_request_fetch_partition_part, &parts[i]);
		parts[i].partition_max_bytes = 1 << 20;
	}
	topic.topic = slice_str("t");
	topic.partitions = parts;
	topic.partitions_count = count;
	request.topics = &topic;
	request.topics_count = 1;
	request.max_wait_ms = wait_ms;
	request.min_bytes = min_bytes;
	request.max_bytes = 1 << 30;
	send_request(e, FETCH, 12, &request);
	mem_free(parts);
}

static void requests_in_one_write_are_answered_in_order(void **state)
{
	struct engine *e = *state;
	buf_reset(&e->out);
	for (int32_t i = 11; i <= 13; i++) {
		put_api_versions(&e->out, i);
	}
	transmit(e->fd, e->out.data, e->out.len);
	for (int32_t i = 11; i <= 13; i++) {
		assert_true(answered(e, e->fd, i));
	}
}

static void who_stops_sending_is_answered_then_closed(void **state)
{
	struct engine *e = *state;
	struct net_addr addr = listen_tcp(e);
	int fd = dial(&addr);
	buf_reset(&e->out);
	put_api_versions(&e->out, 5);
	transmit(fd, e->out.data, e->out.len);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(answered(e, fd, 5));
	assert_true(is_closed(fd));
	close(fd);

	/* A fetch that waits keeps its answer. */
	struct fetch_response response;
	create(e, "t");
	int before = e->fd;
	e->fd = dial(&addr);
	ask_fetch(e, 1, 100, 1);
	assert_int_equal(shutdown(e->fd, SHUT_WR), 0);
	assert_true(read_answer(e, FETCH, 12, e->correlation, &response));
	assert_int_equal(response.responses[0].partitions[0].error_code, 0);
	assert_true(is_closed(e->fd));
	close(e->fd);
	e->fd = before;

	/* Half a frame is worth nothing. */
	fd = dial(&addr);
	transmit(fd, "\0\0\0\x20\0\x12", 6);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(is_closed(fd));
	close(fd);
}

static void who_does_not_read_is_not_listened_to(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	enum { COUNT = 100000 };
	int fd;
	assert_ok(broker_connect(e->broker, &fd, &err));
	size_t sent = 0, size = 0;
	int32_t whole = 0;
	buf_reset(&e->out);
	for (int32_t i = 0; i < COUNT; i++) {
		put_api_versions(&e->out, i);
	}
	size = e->out.len / COUNT;
	for (;;) {
		ssize_t n = send(
			fd, e->out.data + sent, e->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		if (sent == e->out.len) {
			break;
		}
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		if (n < 0 && poll(&ready, 1, 200) == 0) {
			break; /* the engine takes no more */
		}
	}
	assert_true(sent < e->out.len);
	assert_true(served(e, e->fd)); /* others are */
	for (whole = 0; (size_t)(whole + 1) * size <= sent; whole++) {
		struct api_versions_response response;
		int before = e->fd;
		e->fd = fd;
		assert_true(read_answer(e, API_VERSIONS, 0, whole, &response));
		e->fd = before;
	}
	close(fd);
}

static void the_idle_are_closed(void **state)
{
	struct engine *e = *state;
	restart_with(e, "connections.max.idle.ms", "1000");
	struct net_addr addr = listen_tcp(e);
	int silent = dial(&addr), half = dial(&addr);
	assert_true(served(e, silent));
	transmit(half, "\0\0\0\x20\0\x12", 6);
	create(e, "t");
	int before = e->fd,
	    waiting = dial(&addr); /* only now: it must not be idle before it asks */
	e->fd = waiting;
	/* It waits on us, so it is not idle; its answer falls due together with a sweep. */
	ask_fetch(e, 1, 3000, 1);
	assert_true(is_closed(silent));
	assert_true(is_closed(half));
	struct fetch_response response;
	assert_true(read_answer(e, FETCH, 12, e->correlation, &response));
	e->fd = before;
	close(silent);
	close(half);
	close(waiting);
}

static void alter_broker(struct engine *e, const char *key, const char *value)
{
	struct incremental_alter_configs_request request;
	struct incremental_alter_configs_response response;
	struct incremental_alter_configs_request_alterable_config config = {
		.name = slice_str(key), .value = slice_str(value)};
	struct incremental_alter_configs_request_alter_configs_resource resource = {
		.resource_type = 4,
		.resource_name = slice_str(""),
		.configs = &config,
		.configs_count = 1};
	wire_defaults(&incremental_alter_configs_request_message, &request);
	request.resources = &resource;
	request.resources_count = 1;
	call(e, INCREMENTAL_ALTER_CONFIGS, 1, &request, &response);
	assert_int_equal(response.responses[0].error_code, 0);
}

static void too_many_are_turned_away(void **state)
{
	struct engine *e = *state;
	static const char *const keys[] = {"max.connections.per.ip", "max.connections"};
	struct net_addr addr = listen_tcp(e);
	for (size_t k = 0; k < 2; k++) {
		alter_broker(e, keys[k], "2");
		int a = dial(&addr), b = dial(&addr);
		assert_true(served(e, a) && served(e, b));
		int c = dial(&addr);
		assert_true(is_closed(c));
		assert_true(served(e, a) && served(e, b));
		close(c);
		close(a);
		/* The place is free once the engine has seen the end of the other. */
		bool again = false;
		for (int tries = 0; tries < 500 && !again; tries++) {
			c = dial(&addr);
			buf_reset(&e->out);
			put_api_versions(&e->out, 9);
			(void)!send(c, e->out.data, e->out.len, MSG_NOSIGNAL);
			again = answered(e, c, 9);
			close(c);
			poll(NULL, 0, 10);
		}
		assert_true(again);
		close(b);
		alter_broker(e, keys[k], "2147483647");
	}
}

static void without_descriptors_the_connected_are_served_on(void **state)
{
	struct engine *e = *state;
	struct net_addr addr = listen_tcp(e);
	int first = dial(&addr);
	assert_true(served(e, first));
	struct rlimit limit, low;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int late = dial(&addr);
	assert_true(served(e, late));
	close(late);
	poll(NULL, 0, 50); /* its descriptors are free again */
	late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(late >= 0);
	low = limit;
	low.rlim_cur = (rlim_t)late + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	int probe = dup(first);
	bool none_left = probe < 0;
	if (probe >= 0) {
		close(probe);
	}
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)addr.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int connected = connect(late, (const struct sockaddr *)&to, sizeof(to));
	bool first_served = served(e, first);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(connected, 0);
	assert_true(none_left && first_served);
	assert_true(served(e, late)); /* after the engine's pause */
	close(first);
	close(late);
}

static void long_names_and_large_batches(void **state)
{
	struct engine *e = *state;
	char *name = mem_new(32768);
	memset(name, 'x', 32767);
	struct wire_request_header header = {API_VERSIONS, 0, 7, slice_of(name, 32767)};
	buf_reset(&e->out);
	buf_add(&e->out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &e->out);
	be32_put(e->out.data, (uint32_t)(e->out.len - 4));
	transmit(e->fd, e->out.data, e->out.len);
	assert_true(answered(e, e->fd, 7));
	mem_free(name);
	create(e, "t");
	assert_int_equal(produce(e, 1048588), WEIR_MESSAGE_TOO_LARGE);
	assert_int_equal(produce(e, 1040000), 0);
}

static void a_fetch_of_more_partitions_than_one_answer_holds(void **state)
{
	struct engine *e = *state;
	enum { COUNT = REPLY_SPANS_MAX + 100 };
	struct fetch_response response;
	create(e, "t");
	assert_int_equal(produce(e, 10), 0);
	ask_fetch(e, COUNT, 0, 1);
	assert_true(read_answer(e, FETCH, 12, e->correlation, &response));
	const struct fetch_response_fetchable_topic_response *topic = &response.responses[0];
	assert_int_equal(topic->partitions_count, COUNT);
	for (int32_t i = 0; i < COUNT; i++) {
		assert_int_equal(topic->partitions[i].error_code, 0);
		assert_int_equal(topic->partitions[i].records.len > 0, i < REPLY_SPANS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(requests_in_one_write_are_answered_in_order),
		ENGINE_TEST(who_stops_sending_is_answered_then_closed),
		ENGINE_TEST(who_does_not_read_is_not_listened_to),
		ENGINE_TEST(the_idle_are_closed),
		ENGINE_TEST(too_many_are_turned_away),
		ENGINE_TEST(without_descriptors_the_connected_are_served_on),
		ENGINE_TEST(long_names_and_large_batches),
		ENGINE_TEST(a_fetch_of_more_partitions_than_one_answer_holds),
	};
	return RUN(tests);
}
