/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/conf/listener.h"
#include "core/conf/properties.h"

#include <stdio.h>
#include <string.h>

static enum weir_code gather(
	void *arg, const char *key, const char *value, int line, struct weir_err *err)
{
	assert_true(line > 0);
	(void)err;
	buf_printf(arg, "[%s|%s]", key, value);
	return strcmp(key, "stop") ? WEIR_OK : err_set(err, WEIR_STOPPED, "told to");
}

static void expect(const char *text, const char *wanted)
{
	struct weir_err err;
	struct buf got;
	buf_init(&got, 0);
	assert_ok(properties_read(slice_str(text), "f", gather, &got, &err));
	assert_string_equal(buf_str(&got), wanted);
	buf_fini(&got);
}

static void properties_as_java_reads_them(void **state)
{
	(void)state;
	expect("", "");
	expect("\n\r\n \t\f\n", "");
	expect("a=b", "[a|b]");
	expect("  a = b  \n", "[a|b  ]");
	expect("a:b\nc d\ne\tf\ng", "[a|b][c|d][e|f][g|]");
	expect("a = = b", "[a|= b]");
	expect("a : b=c", "[a|b=c]");
	expect("# x=y \\\n!z\n  # w\na=#1!", "[a|#1!]");
	expect("a=b\\\n   c\\\r\n\td\ne=f", "[a|bcd][e|f]");
	expect("a=b\\\\\nc=d", "[a|b\\][c|d]");
	expect("a=b\\\n#c", "[a|b#c]");
	expect("a=b\\", "[a|b]");
	expect("a\\ b\\=c\\:d=e", "[a b=c:d|e]");
	expect("a=\\t\\n\\r\\f\\q\\\"", "[a|\t\n\r\fq\"]");
	expect("a=\\u00e4\\u20AC\\ud83d\\ude00x", "[a|\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x]");
	expect("a=\xc3\xa4", "[a|\xc3\xa4]");
	expect("a=b\ra=c", "[a|b][a|c]");
}

static void bad_properties_name_the_line(void **state)
{
	(void)state;
	static const char *const bad[] = {"a=b\n\nc=\\u00", "a=b\n\nc=\\u00g0", "a=b\n\nc=\\ud800x",
		"a=b\n\nc=\\ud800\\u0041", "a=b\n\nc=\\udc00", "a=b\n\nc=\\u0000", "a\\\n=b\n=c"};
	struct weir_err err;
	struct buf got;
	buf_init(&got, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_code(
			properties_read(slice_str(bad[i]), "f", gather, &got, &err), WEIR_BAD_DATA);
		assert_memory_equal(err.text, "f:3: ", 5);
		assert_code(
			properties_read(slice_str(bad[i]), "f", gather, &got, NULL), WEIR_BAD_DATA);
	}
	assert_code(properties_read(slice_of("a=\0b", 4), "f", gather, &got, &err), WEIR_BAD_DATA);
	assert_code(
		properties_read(slice_str("x=\nstop=\ny"), "f", gather, &got, &err), WEIR_STOPPED);
	assert_string_equal(err.text, "f:2: told to");
	char *large = mem_new(LIMIT_CONF_FILE + 2);
	memset(large, 'a', LIMIT_CONF_FILE + 1);
	assert_code(properties_read(slice_str(large), "f", gather, &got, &err), WEIR_TOO_LARGE);
	large[LIMIT_CONF_LINE + 1] = '\0';
	assert_code(properties_read(slice_str(large), "f", gather, &got, &err), WEIR_TOO_LARGE);
	large[LIMIT_CONF_LINE] = '\0';
	assert_ok(properties_read(slice_str(large), "f", gather, &got, &err));
	mem_free(large);
	buf_fini(&got);
}

/* What a broker of one's own often has, both roles in one process. */
static const char kraft[] =
	"process.roles=broker,controller\n"
	"node.id=3\n"
	"controller.quorum.bootstrap.servers=localhost:9093\n"
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\n"
	"inter.broker.listener.name=PLAINTEXT\n"
	"advertised.listeners=PLAINTEXT://kafka1.example:19092,"
	"CONTROLLER://localhost:9093\n"
	"controller.listener.names=CONTROLLER\n"
	"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
	"num.network.threads=3\n"
	"num.io.threads=8\n"
	"num.io.threads=9\n"
	"log.dirs=/var/lib/a, /var/lib/b\n"
	"offsets.topic.replication.factor=1\n"
	"log.retention.hours=72\n"
	"acme.reporter.endpoint=http://x\n"
	"ssl.keystore.location=/etc/k\n";

static void a_kafka_file_is_taken(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	struct conf_list ignored = {0};
	struct conf_listeners listeners;
	assert_ok(conf_load(conf, slice_str(kraft), "server.properties", &ignored, &err));
	assert_ok(conf_validate(conf, &err));
	assert_int_equal(conf->node_id, 3);
	assert_int_equal(conf->num_network_threads, 3);
	assert_int_equal(conf->offsets_topic_replication_factor, 1);
	assert_int_equal(conf_data_dirs(conf)->count, 2);
	assert_string_equal(conf_data_dirs(conf)->items[1], "/var/lib/b");
	static const char *const names[] = {"process.roles", "controller.quorum.bootstrap.servers",
		"num.io.threads", "acme.reporter.endpoint", "ssl.keystore.location"};
	assert_int_equal(ignored.count, 5);
	for (size_t i = 0; i < ignored.count; i++) {
		assert_string_equal(ignored.items[i], names[i]);
	}
	assert_ok(conf_listeners_init(&listeners, conf, &err));
	assert_int_equal(listeners.count, 1);
	assert_string_equal(listeners.all[0].name, "PLAINTEXT");
	assert_string_equal(listeners.all[0].host, "");
	assert_int_equal(listeners.all[0].port, 9092);
	assert_string_equal(listeners.all[0].advertised_host, "kafka1.example");
	assert_int_equal(listeners.all[0].advertised_port, 19092);
	conf_listeners_fini(&listeners);
	conf_list_fini(&ignored);
	conf_unref(conf);
}

static void slips_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} bad[] = {
		{"# x\nlog.retntion.hours=1",
			"f:2: log.retntion.hours is no broker setting; did you "
			"mean log.retention.hours?"},
		{"num.io.thread=1", "f:1: num.io.thread is no broker setting; did you mean "
				    "num.io.threads?"},
		{"num.partitions=many", "f:1: num.partitions: \"many\" is not a whole number"},
		{"num.partitions=0", "f:1: num.partitions: 0 is outside 1 to 100000"},
		{"compression.type=brotli",
			"f:1: compression.type: \"brotli\" is none of uncompressed, "
			"gzip, snappy, lz4, zstd, producer"},
		{"authorizer.class.name=X", NULL},
	};
	struct weir_err err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct conf *conf = conf_new();
		struct conf_list ignored = {0};
		assert_code(conf_load(conf, slice_str(bad[i].text), "f", &ignored, &err),
			WEIR_INVALID_CONFIG);
		if (bad[i].error) {
			assert_string_equal(err.text, bad[i].error);
		}
		assert_int_equal(ignored.count, 0);
		conf_unref(conf);
	}
}

static void whole_is_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"listeners=",
		"listeners=localhost:9092",
		"listeners=PLAINTEXT://h",
		"listeners=PLAINTEXT://h:",
		"listeners=PLAINTEXT://h:70000",
		"listeners=PLAINTEXT://h x:1",
		"listeners=PLAINTEXT://::1:9092",
		"listeners=://h:1",
		"listeners=PLAINTEXT://h:1,plaintext://h:2",
		"listeners=A://h:1,B://h:1\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT",
		"listeners=SASL_SSL://h:1",
		"listeners=CLIENT://h:1",
		"listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER",
		"advertised.listeners=PLAINTEXT://0.0.0.0:1",
		"advertised.listeners=PLAINTEXT://:1",
		"advertised.listeners=OTHER://h:1",
		"inter.broker.listener.name=OTHER",
		"group.min.session.timeout.ms=1800001",
		"group.consumer.session.timeout.ms=1000",
		"group.consumer.heartbeat.interval.ms=15001",
		"log.cleaner.min.compaction.lag.ms=5\nlog.cleaner.max.compaction.lag.ms=4",
	};
	struct weir_err err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct conf *conf = conf_new();
		struct conf_list ignored = {0};
		assert_ok(conf_load(conf, slice_str(bad[i]), "f", &ignored, &err));
		if (conf_validate(conf, &err) != WEIR_INVALID_CONFIG) {
			fail_msg("taken: %s", bad[i]);
		}
		conf_unref(conf);
	}
	struct conf *conf = conf_new();
	struct conf_listeners listeners;
	assert_ok(conf_set(
		conf, "listeners", "IN://[::1]:0,PLAINTEXT://0.0.0.0:9", CONF_FROM_STATIC, &err));
	assert_ok(conf_set(conf, "listener.security.protocol.map",
		"PLAINTEXT:PLAINTEXT,in:plaintext", CONF_FROM_STATIC, &err));
	assert_ok(conf_listeners_init(&listeners, conf, &err));
	assert_string_equal(listeners.all[0].host, "::1");
	assert_int_equal(listeners.all[0].port, 0);
	assert_string_equal(listeners.all[0].advertised_host, "::1");
	assert_string_equal(listeners.all[1].host, "0.0.0.0");
	conf_listeners_fini(&listeners);
	conf_unref(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_as_java_reads_them),
		cmocka_unit_test(bad_properties_name_the_line),
		cmocka_unit_test(a_kafka_file_is_taken),
		cmocka_unit_test(slips_are_named),
		cmocka_unit_test(whole_is_checked),
	};
	return RUN(tests);
}
