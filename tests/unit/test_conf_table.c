/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over the tables of settings, by themselves and beside what Kafka 4.3.1 answers. */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *new_base(enum conf_scope scope, struct conf *conf)
{
	if (scope == CONF_TOPIC) {
		struct topic_conf *topic = mem_new(sizeof(*topic));
		topic_conf_init(topic, conf);
		return topic;
	}
	struct group_conf *group = mem_new(sizeof(*group));
	group_conf_init(group, conf);
	return group;
}

static void free_base(enum conf_scope scope, void *base)
{
	if (scope == CONF_TOPIC) {
		topic_conf_fini(base);
	} else {
		group_conf_fini(base);
	}
	mem_free(base);
}

static void rows_are_whole(void **state)
{
	(void)state;
	struct weir_err err;
	const struct conf_row *row;
	for (int s = 0; s < CONF_SCOPE_COUNT; s++) {
		enum conf_scope scope = (enum conf_scope)s;
		assert_true(conf_row_count(scope) > 1);
		for (size_t i = 0; (row = conf_row_at(scope, i)); i++) {
			assert_ptr_equal(conf_row_find(scope, row->name), row);
			assert_int_equal(conf_row_index(row), i);
			assert_int_equal(row->scope, scope);
			size_t len = strlen(row->doc);
			assert_true(len > 10 && row->doc[len - 1] == '.');
			assert_non_null(conf_row_keeper(row));
			assert_false(conf_is_ignored(scope, row->name));
			if (row->alias_of) {
				continue;
			}
			bool words = row->kind == CONF_CHOICE || row->kind == CONF_FLAGS;
			assert_int_equal(words, row->choices != NULL);
			if (row->def) {
				assert_ok(conf_check(row, row->def, NULL, &err));
			}
			const char *name_end = strrchr(row->name, '.');
			name_end = name_end ? name_end + 1 : row->name;
			if (!strcmp(name_end, "ms") || !strcmp(name_end, "bytes")) {
				assert_string_equal(row->unit, name_end);
			}
		}
	}
}

static void set_format_set_is_stable(void **state)
{
	(void)state;
	struct weir_err err;
	struct conf *conf = conf_new();
	const struct conf_row *row;
	for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
		struct buf first, second;
		buf_init(&first, 0);
		buf_init(&second, 0);
		assert_int_equal(conf_source(conf, row), CONF_FROM_DEFAULT);
		if (conf_value(conf, row, &first)) {
			assert_ok(
				conf_set(conf, row->name, buf_str(&first), CONF_FROM_STATIC, &err));
			assert_int_equal(conf_source(conf, row), CONF_FROM_STATIC);
			assert_true(conf_value(conf, row, &second));
			assert_string_equal(buf_str(&first), buf_str(&second));
			assert_ok(conf_set(conf, row->name, NULL, CONF_FROM_STATIC, &err));
		} else {
			assert_null(conf_row_keeper(row)->def);
		}
		buf_fini(&first);
		buf_fini(&second);
	}
	assert_ok(conf_validate(conf, &err));
	conf_unref(conf);
}

/* A topic's or group's default is that of the broker settings it comes from. */
static void defaults_below_agree(void **state)
{
	(void)state;
	struct conf *conf = conf_new();
	const struct conf_row *row;
	for (int s = CONF_TOPIC; s < CONF_SCOPE_COUNT; s++) {
		enum conf_scope scope = (enum conf_scope)s;
		void *base = new_base(scope, conf);
		for (size_t i = 0; (row = conf_row_at(scope, i)); i++) {
			struct buf text;
			buf_init(&text, 0);
			assert_true(conf_format(row, base, &text));
			assert_string_equal(buf_str(&text), row->def ? row->def : "0");
			buf_fini(&text);
			assert_int_equal(conf_source_below(conf, row, false), CONF_FROM_DEFAULT);
			for (int f = 0; f < 3 && row->from[f].name; f++) {
				const struct conf_row *from =
					conf_row_find(CONF_BROKER, row->from[f].name);
				assert_non_null(from);
				if (row->from[f].times == 1) {
					assert_int_equal(from->kind, row->kind);
					assert_int_equal(from->min, row->min);
					assert_int_equal(from->max, row->max);
				} else {
					assert_true(row->from[f].times > 1);
					assert_int_equal(from->kind, CONF_INT);
					assert_int_equal(row->kind, CONF_LONG);
				}
			}
		}
		free_base(scope, base);
	}
	conf_unref(conf);
}

/* Where weir differs on purpose. */
static bool differs(const char *name, const char *const *list)
{
	for (; *list; list++) {
		if (!strcmp(*list, name)) {
			return true;
		}
	}
	return false;
}
static const char *const other_default[] = {"num.network.threads", /* follows the processors */
	"num.recovery.threads.per.data.dir",			   /* they wait for the disk */
	"group.coordinator.rebalance.protocols",		   /* no streams */
	"listener.security.protocol.map",			   /* the order */
	"socket.send.buffer.bytes", "socket.receive.buffer.bytes", /* the system tunes them */
	"log.dir", NULL};
static const char *const fixed_here[] = {"num.network.threads", "num.recovery.threads.per.data.dir",
	"listeners", "listener.security.protocol.map", NULL};

static void compare_synonyms(
	const struct conf *conf, const struct conf_row *row, const char *wanted)
{
	struct conf_synonym list[CONF_SYNONYMS_MAX];
	size_t count = conf_synonyms(conf, row, NULL, list);
	char text[400] = "";
	for (size_t i = 0, at = 0; i < count; i++) {
		assert_int_equal(list[i].source, CONF_FROM_DEFAULT);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s=DEFAULT_CONFIG",
			i ? "," : "", list[i].name);
	}
	assert_string_equal(text, wanted);
}

static void compare_line(
	const struct conf *conf, enum conf_scope scope, const void *base, char *fields[6])
{
	static const char *const names[] = {
		"", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST"};
	const struct conf_row *row = conf_row_find(scope, fields[0]);
	if (!row) {
		if (scope == CONF_TOPIC || !conf_is_ignored(scope, fields[0])) {
			fail_msg("%s is neither taken nor ignored", fields[0]);
		}
		return;
	}
	assert_string_equal(names[conf_row_type_id(row)], fields[1]);
	bool dynamic = !strcmp(fields[4], "dynamic") && !differs(row->name, fixed_here);
	assert_int_equal(conf_row_keeper(row)->update != CONF_READ_ONLY, dynamic);
	if (strcmp(fields[3], "DEFAULT_CONFIG") != 0 || differs(row->name, other_default)) {
		return;
	}
	struct buf value;
	buf_init(&value, 0);
	bool has = scope == CONF_BROKER ? conf_value(conf, row, &value)
					: conf_format(row, base, &value);
	assert_string_equal(has ? buf_str(&value) : "null", fields[2]);
	buf_fini(&value);
	compare_synonyms(conf, row, fields[5]);
}

static void tables_agree_with_kafka(void **state)
{
	(void)state;
	const char *top = getenv("top_srcdir");
	char path[300], line[1000];
	snprintf(path, sizeof(path), "%s/tests/data/conf/kafka-4.3.1.tsv", top ? top : ".");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	struct conf *conf = conf_new();
	void *bases[] = {NULL, new_base(CONF_TOPIC, conf), new_base(CONF_GROUP, conf)};
	enum conf_scope scope = CONF_BROKER;
	int seen = 0;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#') {
			scope = strstr(line, "TOPIC")	? CONF_TOPIC
				: strstr(line, "GROUP") ? CONF_GROUP
							: CONF_BROKER;
			continue;
		}
		char *fields[6] = {line, "", "", "", "", ""}, *p = line;
		for (int i = 1; i < 6 && (p = strchr(p, '\t')); i++) {
			*p++ = '\0';
			fields[i] = p;
		}
		compare_line(conf, scope, bases[scope], fields);
		seen++;
	}
	assert_true(seen > 350);
	fclose(file);
	free_base(CONF_TOPIC, bases[CONF_TOPIC]);
	free_base(CONF_GROUP, bases[CONF_GROUP]);
	conf_unref(conf);
}

static void choices_are_the_codecs(void **state)
{
	(void)state;
	const struct conf_row *row = conf_row_find(CONF_TOPIC, "compression.type");
	assert_string_equal(row->choices[CONF_COMPRESSION_ZSTD], "zstd");
	assert_int_equal(CONF_COMPRESSION_ZSTD, 4);
	assert_int_equal(CONF_COMPRESSION_LZ4, 3);
	assert_int_equal(CONF_COMPRESSION_PRODUCER, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(set_format_set_is_stable),
		cmocka_unit_test(defaults_below_agree),
		cmocka_unit_test(tables_agree_with_kafka),
		cmocka_unit_test(choices_are_the_codecs),
	};
	return RUN(tests);
}
