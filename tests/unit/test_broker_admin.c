/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine says of itself: versions, features, settings, metrics; beside Kafka 4.3.1's. */
#include "tests/unit/engine.h"

#include "core/base/limits.h"

typedef struct describe_configs_response_describe_configs_resource_result config_row;

static void versions_are_those_of_the_table(void **state)
{
	struct engine *e = *state;
	struct api_versions_request request;
	struct api_versions_response response;
	for (int16_t version = 0; version <= 4; version++) {
		wire_defaults(&api_versions_request_message, &request);
		request.client_software_name = request.client_software_version = slice_str("t");
		call(e, API_VERSIONS, version, &request, &response);
		assert_int_equal(response.error_code, 0);
		assert_true(response.api_keys_count >= 16);
		for (int32_t i = 0; i < response.api_keys_count; i++) {
			const struct wire_api *api = wire_api(response.api_keys[i].api_key);
			assert_non_null(api);
			assert_int_equal(response.api_keys[i].min_version, api->min);
			assert_int_equal(response.api_keys[i].max_version, api->max);
			assert_true(broker_serves(api->key));
		}
		if (version < 3) {
			assert_int_equal(response.finalized_features_count, 0);
			continue;
		}
		assert_true(response.finalized_features_epoch >= 0);
		struct slice wanted = slice_str("metadata.version");
		bool supported = false, finalized = false;
		for (int32_t i = 0; i < response.supported_features_count; i++) {
			supported |= slice_equal(response.supported_features[i].name, wanted);
			/* Older Java clients refuse a lowest level of 0. */
			assert_true(version > 3 || response.supported_features[i].min_version > 0);
		}
		for (int32_t i = 0; i < response.finalized_features_count; i++) {
			if (slice_equal(response.finalized_features[i].name, wanted)) {
				finalized = true;
				assert_int_equal(
					response.finalized_features[i].max_version_level, 30);
			}
		}
		assert_true(supported && finalized);
	}
}

static void create_topic(struct engine *e, const char *name)
{
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic row = {
		.name = slice_str(name), .num_partitions = 1, .replication_factor = 1};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &row;
	request.topics_count = 1;
	call(e, CREATE_TOPICS, 7, &request, &response);
	assert_int_equal(response.topics[0].error_code, 0);
}

static void describe(struct engine *e, int8_t type, const char *name, const char *key,
	struct describe_configs_response *response)
{
	struct describe_configs_request request;
	struct slice wanted = slice_str(key ? key : "");
	struct describe_configs_request_describe_configs_resource resource = {.resource_type = type,
		.resource_name = slice_str(name),
		.configuration_keys = &wanted,
		.configuration_keys_count = key ? 1 : -1};
	wire_defaults(&describe_configs_request_message, &request);
	request.resources = &resource;
	request.resources_count = 1;
	request.include_synonyms = request.include_documentation = true;
	call(e, DESCRIBE_CONFIGS, 4, &request, response);
	assert_int_equal(response->results_count, 1);
	assert_int_equal(response->results[0].error_code, 0);
}

static const config_row *find_row(
	const struct describe_configs_response *response, const char *name)
{
	for (int32_t i = 0; i < response->results[0].configs_count; i++) {
		if (slice_equal(response->results[0].configs[i].name, slice_str(name))) {
			return &response->results[0].configs[i];
		}
	}
	return NULL;
}

/* One line of Kafka's answer against ours. Which defaults are meant to differ, test_conf_table
 * holds. */
static void compare_line(
	const struct describe_configs_response *response, char *fields[6], bool topic, int *same)
{
	static const char *const types[] = {
		"", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST"};
	const config_row *row = find_row(response, fields[0]);
	if (!row || !strncmp(fields[0], "log.dir", 7)) {
		assert_false(topic);
		return;
	}
	assert_string_equal(types[row->config_type], fields[1]);
	assert_false(row->is_sensitive);
	assert_true(row->documentation.len > 10);
	bool fixed = !strcmp(fields[4], "read-only");
	assert_true(!fixed || row->read_only);
	assert_true(!topic || !row->read_only);
	char text[400] = "";
	size_t at = 0;
	for (int32_t i = 0; i < row->synonyms_count; i++) {
		assert_int_equal(row->synonyms[i].source, CONF_FROM_DEFAULT);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s=DEFAULT_CONFIG",
			i ? "," : "", (int)row->synonyms[i].name.len,
			(const char *)row->synonyms[i].name.data);
	}
	assert_int_equal(row->config_source, CONF_FROM_DEFAULT);
	if (!strcmp(fields[3], "DEFAULT_CONFIG")) {
		assert_string_equal(text, fields[5]);
		*same += slice_equal(row->value, slice_str(fields[2]));
	}
}

static void settings_are_told_as_kafka_tells_them(void **state)
{
	struct engine *e = *state;
	char path[300], line[1000];
	struct describe_configs_response topic, broker;
	create_topic(e, "t");
	describe(e, 4, "1", NULL, &broker);
	/* The answers lie in the engine's buffer: one more of it for the second. */
	struct buf kept = e->in;
	buf_init(&e->in, 0);
	describe(e, 2, "t", NULL, &topic);
	snprintf(path, sizeof(path), "%s/tests/data/conf/kafka-4.3.1.tsv",
		getenv("top_srcdir") ? getenv("top_srcdir") : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	const struct describe_configs_response *now = NULL;
	int topics = 0, same = 0;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#') {
			now = strstr(line, "TOPIC")    ? &topic
			      : strstr(line, "BROKER") ? &broker
						       : NULL;
			continue;
		}
		char *fields[6] = {"", "", "", "", "", ""}, *rest = line;
		for (int i = 0; i < 6 && rest; i++) {
			fields[i] = strsep(&rest, "\t");
		}
		if (now) {
			topics += now == &topic;
			compare_line(now, fields, now == &topic, &same);
		}
	}
	fclose(file);
	assert_int_equal(topics, topic.results[0].configs_count);
	assert_true(topics >= 33 && same >= topics + 30);
	buf_fini(&kept);
}

static int16_t alter(struct engine *e, int8_t type, const char *name, const char *key, int8_t op,
	const char *value)
{
	struct incremental_alter_configs_request request;
	struct incremental_alter_configs_response response;
	struct incremental_alter_configs_request_alterable_config config = {.name = slice_str(key),
		.config_operation = op,
		.value = value ? slice_str(value) : (struct slice){NULL, 0}};
	struct incremental_alter_configs_request_alter_configs_resource resource = {
		.resource_type = type,
		.resource_name = slice_str(name),
		.configs = &config,
		.configs_count = 1};
	wire_defaults(&incremental_alter_configs_request_message, &request);
	request.resources = &resource;
	request.resources_count = 1;
	call(e, INCREMENTAL_ALTER_CONFIGS, 1, &request, &response);
	return response.responses[0].error_code;
}

static void check_value(
	struct engine *e, const char *name, const char *key, const char *value, int8_t source)
{
	struct describe_configs_response response;
	describe(e, 4, name, key, &response);
	const config_row *row = find_row(&response, key);
	assert_non_null(row);
	assert_true(slice_equal(row->value, slice_str(value)));
	assert_int_equal(row->config_source, source);
	assert_true(row->synonyms_count > 0);
	assert_int_equal(row->synonyms[0].source, source);
}

static void settings_change_at_run_time_and_survive(void **state)
{
	struct engine *e = *state;
	enum { BROKER = 4, SET = 0, DELETE = 1 };
	static const char key[] = "log.segment.bytes";
	check_value(e, "1", key, "1073741824", CONF_FROM_DEFAULT);
	assert_int_equal(alter(e, BROKER, "", key, SET, "2097152"), 0);
	check_value(e, "1", key, "2097152", CONF_FROM_BROKER_DEFAULT);
	check_value(e, "", key, "2097152", CONF_FROM_BROKER_DEFAULT);
	assert_int_equal(alter(e, BROKER, "1", key, SET, "3145728"), 0);
	check_value(e, "1", key, "3145728", CONF_FROM_BROKER);
	engine_stop(e);
	engine_start(e);
	check_value(e, "1", key, "3145728", CONF_FROM_BROKER);
	assert_int_equal(alter(e, BROKER, "1", key, DELETE, NULL), 0);
	check_value(e, "1", key, "2097152", CONF_FROM_BROKER_DEFAULT);
	assert_int_equal(alter(e, BROKER, "", key, DELETE, NULL), 0);
	check_value(e, "1", key, "1073741824", CONF_FROM_DEFAULT);
	assert_int_equal(alter(e, BROKER, "1", key, SET, "5"), WEIR_INVALID_CONFIG);
	assert_int_equal(alter(e, BROKER, "1", "node.id", SET, "5"), WEIR_INVALID_REQUEST);
}

static void check_resources(struct engine *e, int8_t type, const char *const *names)
{
	struct list_config_resources_request request;
	struct list_config_resources_response response;
	wire_defaults(&list_config_resources_request_message, &request);
	request.resource_types = &type;
	request.resource_types_count = type ? 1 : 0;
	call(e, LIST_CONFIG_RESOURCES, 1, &request, &response);
	assert_int_equal(response.error_code, 0);
	int32_t count = 0;
	for (; names[count]; count++) {
		assert_true(count < response.config_resources_count);
		assert_true(slice_equal(
			response.config_resources[count].resource_name, slice_str(names[count])));
	}
	assert_int_equal(response.config_resources_count, count);
}

static void what_has_settings_is_listed(void **state)
{
	struct engine *e = *state;
	enum { TOPIC = 2, BROKER = 4, METRICS = 16, GROUP = 32 };
	static const char heartbeat[] = "consumer.heartbeat.interval.ms";
	static const char session[] = "consumer.session.timeout.ms";
	check_resources(e, TOPIC, (const char *const[]){NULL});
	create_topic(e, "t");
	assert_int_equal(alter(e, GROUP, "a/% b", heartbeat, 0, "6000"), 0);
	assert_int_equal(alter(e, GROUP, "a/% b", session, 0, "50000"), 0);
	assert_int_equal(alter(e, GROUP, "g", heartbeat, 0, "6000"), 0);
	check_resources(e, TOPIC, (const char *const[]){"t", NULL});
	check_resources(e, BROKER, (const char *const[]){"1", NULL});
	check_resources(e, METRICS, (const char *const[]){NULL});
	check_resources(e, GROUP, (const char *const[]){"a/% b", "g", NULL});
	check_resources(e, 0, (const char *const[]){"a/% b", "g", "1", "t", NULL});
}

static int64_t metric(struct engine *e, const char *name)
{
	struct buf text;
	buf_init(&text, 0);
	broker_metrics(e->broker, &text);
	char *wanted = mem_printf("\n%s ", name);
	const char *at = strstr(buf_str(&text), wanted);
	assert_non_null(at);
	int64_t value = strtoll(at + strlen(wanted), NULL, 10);
	mem_free(wanted);
	buf_fini(&text);
	return value;
}

static void what_happens_is_counted(void **state)
{
	struct engine *e = *state;
	struct api_versions_request request;
	struct api_versions_response response;
	wire_defaults(&api_versions_request_message, &request);
	for (int i = 0; i < 3; i++) {
		call(e, API_VERSIONS, 0, &request, &response);
	}
	assert_int_equal(metric(e, "weir_connections"), 1);
	assert_int_equal(metric(e, "weir_requests_total{api=\"ApiVersions\"}"), 3);
	assert_int_equal(metric(e, "weir_request_time_seconds_count{api=\"ApiVersions\"}"), 3);
	assert_true(metric(e, "weir_received_bytes_total") > 3 * 14);
	/* Counted once the socket has taken it: perhaps after we read it. */
	for (int i = 0; i < 1000 && metric(e, "weir_sent_bytes_total") < 3 * 100; i++) {
		poll(NULL, 0, 10);
	}
	assert_true(metric(e, "weir_sent_bytes_total") >= 3 * 100);
	assert_int_equal(metric(e, "weir_appended_batches_total"), 0);
}

/* The whole answer to one line of HTTP. */
static void get(const struct net_addr *addr, const char *line, char *answer, size_t room)
{
	struct weir_err err;
	int fd;
	size_t len = 0;
	char *request = mem_printf("%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", line);
	assert_ok(net_connect(addr, WAIT_MS, &fd, &err));
	transmit(fd, request, strlen(request));
	while (len + 1 < room && receive(fd, answer + len, 1)) {
		len++;
	}
	answer[len] = '\0';
	mem_free(request);
	close(fd);
}

static void metrics_and_health_are_told_over_http(void **state)
{
	struct engine *e = *state;
	struct weir_err err;
	struct net_addr any = {.host = "", .port = 0}, bound;
	static char answer[1 << 20];
	assert_ok(broker_serve_metrics(e->broker, &any, &bound, &err));
	assert_string_equal(bound.host, "127.0.0.1");
	create_topic(e, "t");
	get(&bound, "GET /metrics", answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
	assert_non_null(strstr(answer, "\nweir_topics 1\n"));
	assert_non_null(strstr(answer, "\nweir_requests_total{api=\"CreateTopics\"} 1\n"));
	assert_non_null(strstr(answer, "\n# TYPE weir_flush_time_seconds histogram\n"));
	get(&bound, "GET /health", answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	assert_non_null(strstr(answer, "\r\n\r\nok\n"));
	get(&bound, "GET /secrets", answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 404 "));
	get(&bound, "DELETE /metrics", answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 405 "));
	broker_stop(e->broker);
	get(&bound, "GET /health", answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 503 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(versions_are_those_of_the_table),
		ENGINE_TEST(settings_are_told_as_kafka_tells_them),
		ENGINE_TEST(settings_change_at_run_time_and_survive),
		ENGINE_TEST(what_has_settings_is_listed),
		ENGINE_TEST(what_happens_is_counted),
		ENGINE_TEST(metrics_and_health_are_told_over_http),
	};
	return RUN(tests);
}
