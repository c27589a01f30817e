/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/conf/conf.h"

#include <string.h>

static void the_most_specific_place_wins(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	const struct conf_row *row = conf_row_find(CONF_BROKER, "log.retention.ms");
	struct conf_synonym names[CONF_SYNONYMS_MAX];
	assert_int_equal(conf->log_retention_ms, 0);
	assert_ok(conf_set(conf, row->name, "3", CONF_FROM_BROKER, &err));
	assert_ok(conf_set(conf, row->name, "1", CONF_FROM_STATIC, &err));
	assert_ok(conf_set(conf, row->name, "2", CONF_FROM_BROKER_DEFAULT, &err));
	assert_int_equal(conf->log_retention_ms, 3);
	assert_int_equal(conf_source(conf, row), CONF_FROM_BROKER);
	assert_int_equal(conf_synonyms(conf, row, NULL, names), 3);
	assert_string_equal(names[0].value, "3");
	assert_int_equal(names[2].source, CONF_FROM_STATIC);
	assert_ok(conf_set(conf, row->name, NULL, CONF_FROM_BROKER, &err));
	assert_int_equal(conf->log_retention_ms, 2);

	struct conf *copy = conf_copy(conf);
	assert_ok(conf_set(conf, row->name, NULL, CONF_FROM_BROKER_DEFAULT, &err));
	assert_int_equal(conf->log_retention_ms, 1);
	conf_ref(conf);
	conf_unref(conf);
	conf_unref(conf);
	assert_int_equal(copy->log_retention_ms, 2);
	assert_string_equal(conf_text(copy, row, CONF_FROM_STATIC), "1");
	conf_unref(copy);
	conf_unref(NULL);
}

static void run_time_changes_are_bounded(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	assert_code(conf_set(conf, "log.dirs", "/x", CONF_FROM_BROKER, &err), WEIR_INVALID_REQUEST);
	assert_code(conf_set(conf, "broker.id", "4", CONF_FROM_BROKER, &err), WEIR_INVALID_REQUEST);
	assert_code(
		conf_set(conf, "num.io.threads", "4", CONF_FROM_BROKER, &err), WEIR_INVALID_CONFIG);
	assert_code(conf_set(conf, "min.insync.replica", "4", CONF_FROM_BROKER, &err),
		WEIR_INVALID_CONFIG);
	assert_non_null(strstr(err.text, "did you mean min.insync.replicas?"));
	assert_code(conf_set(conf, "min.insync.replicas", "0", CONF_FROM_BROKER, &err),
		WEIR_INVALID_CONFIG);
	assert_int_equal(conf->min_insync_replicas, 1);
	assert_ok(conf_set(conf, "broker.id", "4", CONF_FROM_STATIC, &err));
	assert_int_equal(conf->node_id, 4);
	struct buf text;
	buf_init(&text, 0);
	assert_true(conf_value(conf, conf_row_find(CONF_BROKER, "broker.id"), &text));
	assert_string_equal(buf_str(&text), "4");
	assert_false(conf_value(conf, conf_row_find(CONF_BROKER, "broker.rack"), &text));
	buf_fini(&text);
	assert_ok(conf_set(conf, "broker.rack", "r", CONF_FROM_STATIC, &err));
	assert_string_equal(conf->broker_rack, "r");
	assert_ok(conf_set(conf, "broker.rack", NULL, CONF_FROM_STATIC, &err));
	assert_null(conf->broker_rack);
	assert_int_equal(conf_data_dirs(conf)->count, 0);
	assert_ok(conf_set(conf, "log.dir", "/d", CONF_FROM_STATIC, &err));
	assert_string_equal(conf_data_dirs(conf)->items[0], "/d");
	conf_unref(conf);
}

static void values_in_every_kind(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *canonical; /* canonical NULL: refused */
	} cases[] = {
		{"retention.ms", "7d", "604800000"},
		{"retention.ms", " 5 ", "5"},
		{"retention.ms", "-1", "-1"},
		{"retention.ms", "-2", NULL},
		{"retention.ms", "", NULL},
		{"retention.ms", "1.5", NULL},
		{"retention.ms", "9223372036854775808", NULL},
		{"retention.bytes", "1G", "1073741824"},
		{"retention.bytes", "1d", NULL},
		{"segment.bytes", "1048575", NULL},
		{"segment.bytes", "2G", NULL},
		{"flush.messages", "1k", NULL},
		{"preallocate", "TRUE", "true"},
		{"preallocate", "yes", NULL},
		{"min.cleanable.dirty.ratio", "1", "1.0"},
		{"min.cleanable.dirty.ratio", "0.1", "0.1"},
		{"min.cleanable.dirty.ratio", "1.5", NULL},
		{"min.cleanable.dirty.ratio", "nan", NULL},
		{"min.cleanable.dirty.ratio", "0x1", NULL},
		{"cleanup.policy", "delete , compact", "compact,delete"},
		{"cleanup.policy", "", ""},
		{"cleanup.policy", "burn", NULL},
		{"compression.type", "lz4", "lz4"},
		{"compression.type", "LZ4", NULL},
		{"compression.gzip.level", "0", NULL},
		{"compression.gzip.level", "9", "9"},
		{"compression.zstd.level", "-7", "-7"},
		{"leader.replication.throttled.replicas", "0:1,, 1:2", "0:1,1:2"},
	};
	struct weir_err err;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct conf_row *row = conf_row_find(CONF_TOPIC, cases[i].name);
		struct buf text;
		buf_init(&text, 0);
		if (cases[i].canonical) {
			assert_ok(conf_check(row, cases[i].value, &text, &err));
			assert_string_equal(buf_str(&text), cases[i].canonical);
		} else {
			assert_code(
				conf_check(row, cases[i].value, &text, &err), WEIR_INVALID_CONFIG);
			assert_memory_equal(err.text, cases[i].name, strlen(cases[i].name));
			assert_code(
				conf_check(row, cases[i].value, NULL, NULL), WEIR_INVALID_CONFIG);
		}
		buf_fini(&text);
	}
}

static void a_topic_takes_what_the_broker_says(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	struct topic_conf topic;
	struct conf_synonym names[CONF_SYNONYMS_MAX];
	const struct conf_row *row = conf_row_find(CONF_TOPIC, "retention.ms");
	assert_ok(conf_set(conf, "log.retention.hours", "2", CONF_FROM_STATIC, &err));
	assert_ok(conf_set(conf, "log.roll.hours", "3", CONF_FROM_STATIC, &err));
	assert_ok(conf_set(conf, "log.cleanup.policy", "compact", CONF_FROM_STATIC, &err));
	topic_conf_init(&topic, conf);
	assert_int_equal(topic.retention_ms, 7200000);
	assert_int_equal(topic.segment_ms, 10800000);
	assert_int_equal(topic.cleanup_policy, 1u << CONF_CLEANUP_COMPACT);
	assert_int_equal(conf_source_below(conf, row, false), CONF_FROM_STATIC);
	topic_conf_fini(&topic);
	assert_ok(conf_set(conf, "log.retention.minutes", "-1", CONF_FROM_STATIC, &err));
	topic_conf_init(&topic, conf);
	assert_int_equal(topic.retention_ms, -1);
	topic_conf_fini(&topic);
	assert_ok(conf_set(conf, "log.retention.ms", "7", CONF_FROM_BROKER_DEFAULT, &err));
	topic_conf_init(&topic, conf);
	assert_int_equal(topic.retention_ms, 7);
	assert_int_equal(conf_source_below(conf, row, false), CONF_FROM_BROKER_DEFAULT);

	assert_int_equal(topic.own, 0);
	assert_ok(topic_conf_set(&topic, "retention.ms", "8", &err));
	assert_code(
		topic_conf_set(&topic, "message.format.version", "2.8", &err), WEIR_INVALID_CONFIG);
	assert_ok(topic_conf_set(&topic, "follower.replication.throttled.replicas", "*", &err));
	assert_code(topic_conf_set(&topic, "retention.mss", "8", &err), WEIR_INVALID_CONFIG);
	assert_string_equal(
		err.text, "retention.mss is no topic setting; did you mean retention.ms?");
	assert_code(topic_conf_set(&topic, "retention.ms", NULL, &err), WEIR_INVALID_CONFIG);
	assert_code(topic_conf_set(&topic, "retention.ms", "soon", &err), WEIR_INVALID_CONFIG);
	assert_int_equal(topic.retention_ms, 8);
	assert_true(topic.own >> conf_row_index(row) & 1);
	assert_int_equal(conf_source_below(conf, row, true), CONF_FROM_TOPIC);
	assert_int_equal(conf_synonyms(conf, row, "8", names), 4);
	assert_string_equal(names[0].name, "retention.ms");
	assert_string_equal(names[1].name, "log.retention.ms");
	assert_string_equal(names[2].name, "log.retention.minutes");
	assert_string_equal(names[3].name, "log.retention.hours");
	assert_int_equal(names[3].source, CONF_FROM_STATIC);
	assert_int_equal(topic_conf_roll_bytes(&topic), 1073741824);
	assert_ok(topic_conf_set(&topic, "internal.segment.bytes", "4096", &err));
	assert_int_equal(topic_conf_roll_bytes(&topic), 4096);
	assert_ok(topic_conf_validate(&topic, &err));
	assert_ok(topic_conf_set(&topic, "max.compaction.lag.ms", "1", &err));
	assert_ok(topic_conf_set(&topic, "min.compaction.lag.ms", "2", &err));
	assert_code(topic_conf_validate(&topic, &err), WEIR_INVALID_CONFIG);
	topic_conf_fini(&topic);
	conf_unref(conf);
}

static void a_group_stays_in_the_brokers_bounds(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	struct group_conf group;
	group_conf_init(&group, conf);
	assert_int_equal(group.consumer_session_timeout_ms, 45000);
	assert_ok(group_conf_validate(&group, conf, &err));
	assert_ok(group_conf_set(&group, "consumer.session.timeout.ms", "60001", &err));
	assert_code(group_conf_validate(&group, conf, &err), WEIR_INVALID_CONFIG);
	assert_ok(group_conf_set(&group, "consumer.session.timeout.ms", "60s", &err));
	assert_ok(group_conf_validate(&group, conf, &err));
	assert_ok(group_conf_set(&group, "consumer.heartbeat.interval.ms", "4999", &err));
	assert_code(group_conf_validate(&group, conf, &err), WEIR_INVALID_CONFIG);
	group_conf_fini(&group);
	conf_unref(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_place_wins),
		cmocka_unit_test(run_time_changes_are_bounded),
		cmocka_unit_test(values_in_every_kind),
		cmocka_unit_test(a_topic_takes_what_the_broker_says),
		cmocka_unit_test(a_group_stays_in_the_brokers_bounds),
	};
	return RUN(tests);
}
