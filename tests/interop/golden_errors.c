/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bad and edge requests that were sent to Apache Kafka 4.3.1, with its answers
 * (tests/data/wire/errors.jsonl and errors_groups.jsonl), sent to an engine: the same answer, or
 * one of the differences that are meant. Frames are base64 without their length; raw has it.
 * connection: open, closed, or silent (open, nothing said). needs: an API key without which the
 * case says nothing.
 */
#include "tests/unit/test.h"

#include "broker/broker.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/wire/json.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"
#include "tests/interop/golden.h"

#include <fnmatch.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 10000, QUIET_MS = 50, API_VERSIONS = 18 };

/* When the requests were made: their timestamps are judged by it. */
static const int64_t recorded_at_ms = 1795406516102;

struct engine {
	char dir[64];
	struct conf *conf;
	struct broker *broker;
	int fd;
	struct arena arena;
	struct buf out, in;
	bool served[128];
	const char *name;
	int failures;
};

/* ---- what is allowed to differ ---- */

/* In every answer. */
static const struct {
	const char *field;
	enum { EXACT, SIGN, EMPTINESS, ANY } how;
} field_rules[] = {
	{"base_offset", SIGN},
	{"log_append_time_ms", SIGN},
	{"high_watermark", SIGN},
	{"last_stable_offset", SIGN},
	{"log_start_offset", SIGN},
	{"end_offset", SIGN},
	{"producer_id", SIGN},
	{"low_watermark", SIGN},
	{"offset", SIGN},
	{"timestamp", SIGN},
	{"records", EMPTINESS},
	{"topic_id", EMPTINESS},
	{"cluster_id", EMPTINESS},
	{"host", ANY},
	{"port", ANY},
	{"log_dir", ANY},
	{"finalized_features_epoch", ANY},
	{"member_id", EMPTINESS},
	{"leader", EMPTINESS},
};

/* Where weir means to differ from Kafka in one case: what it answers instead. The version range
 * counts. */
static const struct {
	const char *cases; /* glob */
	const char *field; /* NULL: the connection */
	int64_t value;	   /* of a number */
	bool any;	   /* whatever it is */
	const char *why;
} meant[] = {
	{"p-null", NULL, 0, false, "Kafka never answers null records; weir answers INVALID_RECORD"},
	{"p-codec[567]", "error_code", WEIR_UNSUPPORTED_COMPRESSION_TYPE, false,
		"Kafka says UNKNOWN_SERVER_ERROR, which tells nobody what is wrong"},
	{"p-*-garbage", "error_code", WEIR_CORRUPT_MESSAGE, false, "as above"},
	{"p-gzip-cut", "error_code", WEIR_CORRUPT_MESSAGE, false, "as above"},
	{"p-lz4-linked", "error_code", WEIR_CORRUPT_MESSAGE, false, "as above"},
	{"p-lz4-legacy", "error_code", WEIR_CORRUPT_MESSAGE, false, "as above"},
	{"p-deltas-gz", "error_code", WEIR_INVALID_RECORD, false, "as above"},
	{"p-deltas-gz", "record_errors", 0, true, "weir tells which record is wrong"},
	{"p-record-*", "record_errors", 0, true, "as above"},
	{"p-twice", "partition_responses", 0, true,
		"Kafka drops one of two batches for a partition without a word; weir appends both"},
	{"utf8-name", "name", 0, true, "Java cannot keep bytes that are no UTF-8"},
	{"ch-classic", "partitions", 0, true, "any of two even shares"},
	{"jg-848", "generation_id", 3, false,
		"Kafka makes a new assignment after a while, weir at once"},
	{"del-unknown", "results", 0, true, "Kafka answers groups in an order of its own"},
	{"array-minus2", "topics", 0, true, "all the topics there are: they were others"},
};

static bool is_meant(const char *name, const char *field, json_t *ours)
{
	for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++) {
		if (fnmatch(meant[i].cases, name, 0) || !meant[i].field != !field ||
			(field && strcmp(meant[i].field, field))) {
			continue;
		}
		if (!field || meant[i].any ||
			(json_is_integer(ours) && json_integer_value(ours) == meant[i].value)) {
			return true;
		}
	}
	return false;
}

/* ---- answers as JSON, compared ---- */

struct build {
	json_t *stack[32];
	int depth;
	json_t *root;
};

static void put(struct build *b, const char *name, json_t *value)
{
	json_t *top = b->depth ? b->stack[b->depth - 1] : NULL;
	assert_non_null(value);
	if (!top) {
		b->root = value;
	} else if (name) {
		assert_int_equal(json_object_set_new(top, name, value), 0);
	} else {
		assert_int_equal(json_array_append_new(top, value), 0);
	}
}

/* Bytes that are no UTF-8 are told by their number. */
static json_t *text_of(struct slice bytes)
{
	json_t *text = json_stringn_nocheck((const char *)bytes.data, bytes.len);
	return json_string_value(text) ? text : json_integer((json_int_t)bytes.len);
}

static void on_event(void *arg, const struct wire_event *event)
{
	struct build *b = arg;
	json_t *value = NULL;
	char id[UUID_TEXT_LEN + 1];
	switch (event->kind) {
	case WIRE_EVENT_OBJECT:
	case WIRE_EVENT_ARRAY:
		value = event->kind == WIRE_EVENT_OBJECT ? json_object() : json_array();
		put(b, event->name, value);
		assert_true(b->depth < 32);
		b->stack[b->depth++] = value;
		return;
	case WIRE_EVENT_OBJECT_END:
	case WIRE_EVENT_ARRAY_END:
		b->depth--;
		return;
	case WIRE_EVENT_NULL:
		value = json_null();
		break;
	case WIRE_EVENT_BOOL:
		value = json_boolean(event->number);
		break;
	case WIRE_EVENT_NUMBER:
		value = json_integer(event->number);
		break;
	case WIRE_EVENT_REAL:
		value = json_real(event->real);
		break;
	case WIRE_EVENT_UUID:
		uuid_format(event->uuid, id);
		value = json_string(uuid_is_zero(event->uuid) ? "" : id);
		break;
	case WIRE_EVENT_TEXT:
		value = text_of(event->bytes);
		break;
	case WIRE_EVENT_BYTES:
		value = json_string(event->bytes.len ? "bytes" : "");
		break;
	}
	put(b, event->name, value);
}

static void differ(struct engine *e, const char *path, json_t *kafka, json_t *ours)
{
	char *a = kafka ? json_dumps(kafka, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *b = ours ? json_dumps(ours, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	print_error("%s: %s: Kafka %.300s, weir %.300s\n", e->name, path, a ? a : "nothing",
		b ? b : "nothing");
	free(a);
	free(b);
	e->failures++;
}

static int rule_of(const char *field)
{
	for (size_t i = 0; i < sizeof(field_rules) / sizeof(field_rules[0]); i++) {
		if (!strcmp(field_rules[i].field, field)) {
			return (int)field_rules[i].how;
		}
	}
	return EXACT;
}

static bool is_empty(json_t *value)
{
	return json_is_string(value) && !*json_string_value(value);
}

static bool same_leaf(const char *field, json_t *kafka, json_t *ours)
{
	size_t len = strlen(field);
	switch (rule_of(field)) {
	case ANY:
		return true;
	case SIGN:
		return json_is_integer(ours) &&
		       (json_integer_value(kafka) < 0
				       ? json_integer_value(kafka) == json_integer_value(ours)
				       : json_integer_value(ours) >= 0);
	case EMPTINESS:
		return json_is_null(kafka) == json_is_null(ours) &&
		       is_empty(kafka) == is_empty(ours);
	default:
		break;
	}
	if (len >= 13 && !strcmp(field + len - 13, "error_message")) {
		/* Texts are weir's own; where Kafka has none, there may be one. */
		return json_equal(kafka, ours) || (json_is_string(ours) && !is_empty(ours));
	}
	return json_equal(kafka, ours);
}

static void compare(
	struct engine *e, const char *path, const char *field, json_t *kafka, json_t *ours);

/* Settings come in no order, so by name. */
static json_t *counterpart(const char *field, json_t *kafka, json_t *ours, size_t i)
{
	const char *name = json_string_value(json_object_get(json_array_get(kafka, i), "name"));
	if (strcmp(field, "configs") || !name) {
		return json_array_get(ours, i);
	}
	size_t j;
	json_t *it;
	json_array_foreach(ours, j, it)
	{
		const char *other = json_string_value(json_object_get(it, "name"));
		if (other && !strcmp(name, other)) {
			return it;
		}
	}
	return NULL;
}

static void compare_arrays(
	struct engine *e, const char *path, const char *field, json_t *kafka, json_t *ours)
{
	char inner[400];
	if (json_array_size(kafka) != json_array_size(ours)) {
		differ(e, path, kafka, ours);
		return;
	}
	for (size_t i = 0; i < json_array_size(kafka); i++) {
		snprintf(inner, sizeof(inner), "%s[%zu]", path, i);
		json_t *other = counterpart(field, kafka, ours, i);
		if (other) {
			compare(e, inner, field, json_array_get(kafka, i), other);
		} else {
			differ(e, inner, json_array_get(kafka, i), NULL);
		}
	}
}

static void compare(
	struct engine *e, const char *path, const char *field, json_t *kafka, json_t *ours)
{
	char inner[400];
	if (is_meant(e->name, field, ours)) {
		return;
	}
	const char *name = json_string_value(json_object_get(kafka, "name"));
	if (name && !strcmp(name, "min.insync.replicas")) {
		/* Kafka sets it itself, as a cluster-wide default at run time (KIP-966). */
		json_object_del(kafka, "config_source");
	}
	if (json_is_object(kafka) && json_is_object(ours)) {
		const char *key;
		json_t *value;
		json_object_foreach(kafka, key, value)
		{
			snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", key);
			compare(e, inner, key, value, json_object_get(ours, key));
		}
	} else if (json_is_array(kafka) && json_is_array(ours)) {
		compare_arrays(e, path, field, kafka, ours);
	} else if (!same_leaf(field, kafka, ours)) {
		differ(e, path, kafka, ours);
	}
}

/* A whole answer frame: header, body, nothing after it. */
static json_t *decode_answer(struct engine *e, const struct wire_api *api, int16_t version,
	struct slice frame, int32_t *correlation)
{
	struct weir_err err;
	static uint64_t body[64];
	size_t used, len;
	struct build b = {.depth = 0};
	assert_ok(wire_response_header_decode(api->key, version, frame, correlation, &used, &err));
	arena_reset(&e->arena, 0);
	assert_ok(wire_decode(api->response, version, slice_of(frame.data + used, frame.len - used),
		&e->arena, body, &len, &err));
	assert_int_equal(len + used, frame.len);
	wire_json_view(api->response, version, body, on_event, &b);
	return b.root;
}

/* ---- the wire ---- */

static bool receive(int fd, void *to, size_t len, int wait_ms)
{
	uint8_t *p = to;
	while (len) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (poll(&ready, 1, wait_ms) != 1) {
			return false;
		}
		ssize_t n = recv(fd, p, len, 0);
		if (n <= 0) {
			return false;
		}
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static void transmit(int fd, struct slice bytes)
{
	while (bytes.len) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		assert_true(n > 0);
		bytes = slice_of(bytes.data + n, bytes.len - (size_t)n);
	}
}

static void transmit_frame(int fd, struct slice frame)
{
	uint8_t prefix[4];
	be32_put(prefix, (uint32_t)frame.len);
	transmit(fd, slice_of(prefix, 4));
	transmit(fd, frame);
}

/* false: closed, or nothing came. */
static bool read_frame(struct engine *e, struct slice *frame, int wait_ms)
{
	uint8_t prefix[4];
	if (!receive(e->fd, prefix, 4, wait_ms)) {
		return false;
	}
	size_t len = be32_get(prefix);
	buf_reset(&e->in);
	assert_true(buf_reserve(&e->in, len));
	assert_true(receive(e->fd, e->in.data, len, WAIT_MS));
	*frame = slice_of(e->in.data, len);
	return true;
}

static void reconnect(struct engine *e)
{
	struct weir_err err;
	if (e->fd >= 0) {
		close(e->fd);
	}
	assert_ok(broker_connect(e->broker, &e->fd, &err));
}

static void call(
	struct engine *e, int16_t key, int16_t version, const void *request, void *response)
{
	struct weir_err err;
	struct slice frame;
	struct wire_request_header header = {key, version, 77, slice_str("w1.setup")};
	int32_t correlation;
	size_t used, len;
	buf_reset(&e->out);
	wire_request_header_encode(&header, &e->out);
	assert_ok(wire_encode(wire_api(key)->request, version, request, &e->out, NULL, &err));
	transmit_frame(e->fd, slice_of(e->out.data, e->out.len));
	assert_true(read_frame(e, &frame, WAIT_MS));
	assert_ok(wire_response_header_decode(key, version, frame, &correlation, &used, &err));
	assert_int_equal(correlation, 77);
	assert_ok(wire_decode(wire_api(key)->response, version,
		slice_of(frame.data + used, frame.len - used), &e->arena, response, &len, &err));
}

static void learn_served(struct engine *e)
{
	struct api_versions_request request;
	struct api_versions_response response;
	wire_defaults(&api_versions_request_message, &request);
	call(e, API_VERSIONS, 0, &request, &response);
	memset(e->served, 0, sizeof(e->served));
	for (int32_t i = 0; i < response.api_keys_count; i++) {
		e->served[response.api_keys[i].api_key] = true;
	}
}

/* ---- the topics that the requests name ---- */

static const struct {
	const char *name;
	int32_t partitions;
	const char *key, *value; /* a setting */
	const char *recorded_id; /* in requests by id */
} topics[] = {
	{"w1.e-a", 2, NULL, NULL, "iNAaw5HlQeKQBRk9-AstRg"},
	{"w1.e-compact", 1, "cleanup.policy", "compact", "mKWCmlpOQ6K_17sXaSJumA"},
	{"w1.e-append", 1, "message.timestamp.type", "LogAppendTime", "O5mFogSkQB2SbgIHhCpS1Q"},
	{"w1.e-small", 1, "max.message.bytes", "300", "Bnao5Ex1SdiN1qcrRSoVGQ"},
	{"w1.e-isr", 1, "min.insync.replicas", "2", "EFDRVeVlT-Wl3HR8CYihuw"},
	{"w1.e-void", 1, NULL, NULL, NULL},
	{"w1.col.li_de", 1, NULL, NULL, NULL},
	{"__consumer_offsets", 1, NULL, NULL, NULL},
};
enum { TOPIC_COUNT = sizeof(topics) / sizeof(topics[0]) };

static struct uuid topic_ids[TOPIC_COUNT];

static void create_topics(struct engine *e)
{
	for (size_t i = 0; i < TOPIC_COUNT; i++) {
		struct create_topics_request request;
		struct create_topics_response response;
		struct create_topics_request_creatable_topic_config setting = {
			slice_str(topics[i].key ? topics[i].key : ""),
			slice_str(topics[i].value ? topics[i].value : "")};
		struct create_topics_request_creatable_topic topic = {
			.name = slice_str(topics[i].name),
			.num_partitions = topics[i].partitions,
			.replication_factor = 1,
			.configs = &setting,
			.configs_count = topics[i].key ? 1 : 0};
		wire_defaults(&create_topics_request_message, &request);
		request.topics = &topic;
		request.topics_count = 1;
		call(e, 19, 7, &request, &response);
		assert_true(response.topics[0].error_code == 0 ||
			    response.topics[0].error_code == WEIR_TOPIC_ALREADY_EXISTS);
		topic_ids[i] = response.topics[0].topic_id;
	}
}

/* The recorded topic ids become those of the topics here. */
static void translate(struct slice frame)
{
	for (size_t i = 0; i < TOPIC_COUNT; i++) {
		struct uuid recorded;
		if (!topics[i].recorded_id) {
			continue;
		}
		assert_true(uuid_parse(slice_str(topics[i].recorded_id), &recorded));
		uint8_t *at = memmem(frame.data, frame.len, recorded.bytes, sizeof(recorded.bytes));
		if (at) {
			memcpy(at, topic_ids[i].bytes, sizeof(topic_ids[i].bytes));
		}
	}
}

/* ---- the groups that the requests name ---- */

enum { SYNC_GROUP = 14, JOIN_GROUP = 11, CONSUMER_GROUP_HEARTBEAT = 68, MEMBER_ID_LEN = 45 };

static struct {
	const char *group, *instance;
	const char *recorded_id; /* in requests; as long as one of here */
	char id[MEMBER_ID_LEN + 1];
} members[] = {
	{"w1.e-stable", NULL, "w1.setup-6c992ec3-8995-4c1e-aaf1-7b7275cc551c", ""},
	{"w1.e-stable2", NULL, "w1.setup-720ef4f8-b214-4edc-930d-eb67087a8def", ""},
	{"w1.e-static", "inst", NULL, ""},
};
enum { MEMBER_COUNT = sizeof(members) / sizeof(members[0]) };

/* The consumer protocol, version 1: topic w1.e-a, nothing owned. */
static const uint8_t subscription[] = {
	0, 1, 0, 0, 0, 1, 0, 6, 'w', '1', '.', 'e', '-', 'a', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};

static void join_groups(struct engine *e)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		struct join_group_request join;
		struct join_group_response joined;
		struct join_group_request_protocol protocol = {
			slice_str("range"), slice_of(subscription, sizeof(subscription))};
		wire_defaults(&join_group_request_message, &join);
		join.group_id = slice_str(members[i].group);
		join.session_timeout_ms = join.rebalance_timeout_ms = 600000;
		join.group_instance_id = slice_str(members[i].instance);
		join.protocol_type = slice_str("consumer");
		join.protocols = &protocol;
		join.protocols_count = 1;
		call(e, JOIN_GROUP, members[i].instance ? 5 : 3, &join, &joined);
		assert_int_equal(joined.error_code, 0);
		assert_int_equal(joined.generation_id, 1);
		struct sync_group_request sync;
		struct sync_group_response synced;
		wire_defaults(&sync_group_request_message, &sync);
		sync.group_id = join.group_id;
		sync.generation_id = 1;
		if (members[i].recorded_id) {
			assert_int_equal(joined.member_id.len, MEMBER_ID_LEN);
			memcpy(members[i].id, joined.member_id.data, MEMBER_ID_LEN);
		}
		char *id = mem_dup(joined.member_id.data, joined.member_id.len);
		sync.member_id = slice_str(id);
		call(e, SYNC_GROUP, 0, &sync, &synced);
		assert_int_equal(synced.error_code, 0);
		mem_free(id);
	}
}

/* One member each, of the consumer protocol: epoch 2, owning all of w1.e-a. */
static void join_consumer_groups(struct engine *e)
{
	static const char *const groups[][2] = {{"w1.e-848", NULL}, {"w1.e-848s", "i"}};
	for (size_t i = 0; i < 2; i++) {
		struct slice topic = slice_str("w1.e-a");
		struct consumer_group_heartbeat_request request;
		struct consumer_group_heartbeat_response response;
		wire_defaults(&consumer_group_heartbeat_request_message, &request);
		request.group_id = slice_str(groups[i][0]);
		request.member_id = slice_str("AAAAAAAAAAAAAAAAAAAAQQ");
		request.instance_id = slice_str(groups[i][1]);
		request.rebalance_timeout_ms = 60000;
		request.subscribed_topic_names = &topic;
		request.subscribed_topic_names_count = 1;
		request.topic_partitions_count = 0;
		call(e, CONSUMER_GROUP_HEARTBEAT, 1, &request, &response);
		assert_int_equal(response.error_code, 0);
		assert_int_equal(response.member_epoch, 2);
	}
}

/* The recorded member ids become those that were given here. */
static void translate_members(struct slice frame)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		uint8_t *at = members[i].recorded_id
				      ? memmem(frame.data, frame.len, members[i].recorded_id,
						MEMBER_ID_LEN)
				      : NULL;
		if (at) {
			memcpy(at, members[i].id, MEMBER_ID_LEN);
		}
	}
}

/* ---- cases ---- */

static struct slice bytes_of(json_t *row, const char *key)
{
	json_t *text = json_object_get(row, key);
	return json_is_string(text) ? golden_unbase64(json_string_value(text))
				    : (struct slice){NULL, 0};
}

static void complain(struct engine *e, const char *kafka, const char *ours)
{
	print_error("%s: Kafka %s, weir %s\n", e->name, kafka, ours);
	e->failures++;
}

static void check_silent(struct engine *e, bool framed)
{
	struct slice frame;
	if (read_frame(e, &frame, QUIET_MS) && !is_meant(e->name, NULL, NULL)) {
		complain(e, "says nothing", "answers");
	}
	if (framed) {
		learn_served(e); /* the connection is of use */
	} else {
		reconnect(e);
	}
}

static void check_answer(struct engine *e, const struct wire_api *api, int16_t version,
	struct slice wanted, struct slice got)
{
	int32_t theirs_id, ours_id;
	/* A newer ApiVersions is answered in the layout of version 0. */
	int16_t layout =
		api->key == API_VERSIONS && (version > api->max || version < 0) ? 0 : version;
	json_t *theirs = decode_answer(e, api, layout, wanted, &theirs_id);
	json_t *ours = decode_answer(e, api, layout, got, &ours_id);
	assert_int_equal(theirs_id, ours_id);
	if (api->key == API_VERSIONS && layout == version &&
		!json_integer_value(json_object_get(theirs, "error_code"))) {
		json_object_del(theirs, "api_keys"); /* test_broker_engine compares these */
		json_object_del(theirs, "supported_features");
		json_object_del(theirs, "finalized_features");
	}
	compare(e, "", "", theirs, ours);
	json_decref(theirs);
	json_decref(ours);
}

static void run_case(struct engine *e, json_t *row)
{
	int16_t key = (int16_t)json_integer_value(json_object_get(row, "key"));
	int16_t version = (int16_t)json_integer_value(json_object_get(row, "version"));
	const char *connection = json_string_value(json_object_get(row, "connection"));
	struct slice raw = bytes_of(row, "raw"), request = bytes_of(row, "request");
	struct slice wanted = bytes_of(row, "response"), got;
	if (raw.data) {
		transmit(e->fd, raw);
	} else {
		translate(request);
		translate_members(request);
		transmit_frame(e->fd, request);
	}
	if (!strcmp(connection, "silent")) {
		check_silent(e, !raw.data);
	} else if (wanted.data) {
		if (read_frame(e, &got, WAIT_MS)) {
			check_answer(e, wire_api(key), version, wanted, got);
		} else {
			complain(e, "answers", "does not");
			reconnect(e);
		}
	} else if (read_frame(e, &got, WAIT_MS)) {
		complain(e, "closes", "answers");
	}
	if (!strcmp(connection, "closed")) {
		reconnect(e);
	}
	mem_free((void *)(uintptr_t)raw.data);
	mem_free((void *)(uintptr_t)request.data);
	mem_free((void *)(uintptr_t)wanted.data);
}

/* How many there were. */
static int run_file(struct engine *e, const char *file)
{
	char *path = mem_printf(
		"%s/tests/data/wire/%s", getenv("top_srcdir") ? getenv("top_srcdir") : ".", file);
	FILE *in = fopen(path, "r");
	mem_free(path);
	assert_non_null(in);
	char *line = NULL;
	size_t room = 0;
	int count = 0;
	const char *only = getenv("CASE");
	while (getline(&line, &room, in) > 0) {
		json_error_t error;
		json_t *row = json_loads(line, 0, &error);
		assert_non_null(row);
		json_t *needs = json_object_get(row, "needs");
		int64_t key = json_integer_value(json_object_get(row, "key"));
		char name[80];
		snprintf(name, sizeof(name), "%s", json_string_value(json_object_get(row, "case")));
		e->name = name;
		if (e->served[key] && (!needs || e->served[json_integer_value(needs)]) &&
			(!only || !fnmatch(only, name, 0))) {
			int before = e->failures;
			run_case(e, row);
			if (e->failures > before) {
				print_error("    (%s, version %d)\n", name,
					(int)json_integer_value(json_object_get(row, "version")));
			}
			count++;
		}
		json_decref(row);
	}
	free(line);
	fclose(in);
	return count;
}

static void answers_are_kafkas(void **state)
{
	struct engine *e = *state;
	int count = run_file(e, "errors.jsonl");
	assert_true(getenv("CASE") || count > 600);
	assert_int_equal(e->failures, 0);
}

static void answers_about_groups_are_kafkas(void **state)
{
	struct engine *e = *state;
	join_groups(e);
	if (e->served[CONSUMER_GROUP_HEARTBEAT]) {
		join_consumer_groups(e);
	}
	int count = run_file(e, "errors_groups.jsonl");
	assert_true(getenv("CASE") || count > 300);
	assert_int_equal(e->failures, 0);
}

static int setup(void **state)
{
	struct engine *e = mem_new(sizeof(*e));
	struct weir_err err;
	snprintf(e->dir, sizeof(e->dir), "/tmp/weir-golden-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	clock_set_wall(recorded_at_ms);
	e->conf = conf_new();
	assert_ok(conf_set(e->conf, "num.partitions", "2", CONF_FROM_STATIC, &err));
	assert_ok(
		conf_set(e->conf, "group.initial.rebalance.delay.ms", "0", CONF_FROM_STATIC, &err));
	e->fd = -1;
	arena_init(&e->arena, 0);
	buf_init(&e->out, 0);
	buf_init(&e->in, 0);
	struct broker_options options = {.data_dir = e->dir, .conf = e->conf};
	assert_ok(broker_open(&options, &e->broker, &err));
	assert_ok(broker_start(e->broker, &err));
	reconnect(e);
	learn_served(e);
	create_topics(e);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	close(e->fd);
	assert_ok(broker_close(&e->broker, &err));
	assert_ok(fs_remove_tree(e->dir, &err));
	conf_unref(e->conf);
	arena_fini(&e->arena);
	buf_fini(&e->out);
	buf_fini(&e->in);
	mem_free(e);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_are_kafkas, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_about_groups_are_kafkas, setup, teardown),
	};
	return RUN(tests);
}
