/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An engine in this process, spoken to in frames over a socket pair. */
#pragma once

#include "tests/unit/test.h"

#include "broker/broker.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PRODUCE = 0,
	FETCH = 1,
	LIST_OFFSETS = 2,
	METADATA = 3,
	API_VERSIONS = 18,
	CREATE_TOPICS = 19,
	DELETE_TOPICS = 20,
	DESCRIBE_CONFIGS = 32,
	INCREMENTAL_ALTER_CONFIGS = 44,
	LIST_CONFIG_RESOURCES = 74,
	WAIT_MS = 10000
};

struct engine {
	char dir[64];
	struct conf *conf;
	struct broker *broker;
	int fd;
	int32_t correlation;
	struct arena arena;
	struct buf out, in;
	struct weir_err err;
};

static inline void engine_start(struct engine *e)
{
	struct weir_err err;
	struct broker_options options = {.data_dir = e->dir, .conf = e->conf};
	assert_ok(broker_open(&options, &e->broker, &err));
	assert_ok(broker_start(e->broker, &err));
	assert_ok(broker_connect(e->broker, &e->fd, &err));
}

static inline void engine_stop(struct engine *e)
{
	struct weir_err err;
	close(e->fd);
	assert_ok(broker_close(&e->broker, &err));
}

static inline int engine_setup(void **state)
{
	struct engine *e = mem_new(sizeof(*e));
	snprintf(e->dir, sizeof(e->dir), "/tmp/weir-engine-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	e->conf = conf_new();
	arena_init(&e->arena, 0);
	buf_init(&e->out, 0);
	buf_init(&e->in, 0);
	engine_start(e);
	*state = e;
	return 0;
}

static inline int engine_teardown(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	engine_stop(e);
	assert_ok(fs_remove_tree(e->dir, &err));
	conf_unref(e->conf);
	arena_fini(&e->arena);
	buf_fini(&e->out);
	buf_fini(&e->in);
	mem_free(e);
	return 0;
}

/* false: the other side closed. */
static inline bool receive(int fd, void *to, size_t len)
{
	uint8_t *p = to;
	while (len) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
		ssize_t n = recv(fd, p, len, 0);
		if (n <= 0) {
			return false;
		}
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static inline void transmit(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	while (len) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		assert_true(n > 0);
		p += n;
		len -= (size_t)n;
	}
}

static inline void send_request(struct engine *e, int16_t key, int16_t version, const void *request)
{
	struct weir_err err;
	struct wire_request_header header = {key, version, ++e->correlation, slice_str("test")};
	buf_reset(&e->out);
	buf_add(&e->out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &e->out);
	assert_ok(wire_encode(wire_api(key)->request, version, request, &e->out, NULL, &err));
	be32_put(e->out.data, (uint32_t)(e->out.len - 4));
	transmit(e->fd, e->out.data, e->out.len);
}

/* false: closed. The answer must be the one to correlation id wanted. */
static inline bool read_answer(
	struct engine *e, int16_t key, int16_t version, int32_t wanted, void *response)
{
	struct weir_err err;
	uint8_t prefix[4];
	int32_t correlation;
	size_t used, body;
	if (!receive(e->fd, prefix, 4)) {
		return false;
	}
	size_t len = be32_get(prefix);
	buf_reset(&e->in);
	assert_true(buf_reserve(&e->in, len));
	assert_true(receive(e->fd, e->in.data, len));
	struct slice frame = slice_of(e->in.data, len);
	assert_ok(wire_response_header_decode(key, version, frame, &correlation, &used, &err));
	assert_int_equal(correlation, wanted);
	assert_ok(wire_decode(wire_api(key)->response, version,
		slice_of(frame.data + used, len - used), &e->arena, response, &body, &err));
	assert_int_equal(body, len - used);
	return true;
}

static inline void call(
	struct engine *e, int16_t key, int16_t version, const void *request, void *response)
{
	send_request(e, key, version, request);
	assert_true(read_answer(e, key, version, e->correlation, response));
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)
