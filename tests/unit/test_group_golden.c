/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * __consumer_offsets as Apache Kafka 4.3.1 wrote it (tests/data/group: three partitions after a
 * kill -9, and what the admin client said of the groups before it): loaded, it gives the same
 * groups and offsets; written again, each record has the same bytes.
 */
#include "tests/unit/test.h"

#include "broker/group/admin.h"
#include "broker/group/commit.h"
#include "broker/group/modern_priv.h"
#include "core/base/mem.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 3 };

static enum weir_code no_append(
	void *arg, uint8_t *bytes, size_t len, int64_t *end, struct weir_err *err)
{
	(void)arg, (void)bytes, (void)len, (void)end, (void)err;
	return WEIR_OK;
}

static void no_answer(void *arg, void *token, const void *response)
{
	(void)arg, (void)token, (void)response;
}

static void no_resolve(void *arg, struct slice group_id, struct slice pattern)
{
	(void)arg, (void)group_id, (void)pattern;
}

static void no_settle(void *arg, enum weir_code code, int64_t position)
{
	(void)arg, (void)code, (void)position;
}

static struct coordinator *new_coordinator(void)
{
	struct group_effects effects = {.append = no_append,
		.answer = no_answer,
		.resolve = no_resolve,
		.settle = no_settle};
	return coordinator_new(&effects);
}

static uint8_t *read_log(int shard, size_t *len)
{
	const char *top = getenv("top_srcdir");
	char *path = mem_printf("%s/tests/data/group/%d.log", top ? top : ".", shard);
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	mem_free(path);
	uint8_t *bytes = mem_new(1 << 16);
	*len = fread(bytes, 1, 1 << 16, in);
	fclose(in);
	return bytes;
}

static void each_record(struct slice log,
	void (*each)(void *arg, const struct batch *batch, const struct record *record), void *arg)
{
	struct record_reader reader;
	struct weir_err err;
	record_reader_init(&reader, 0);
	while (log.len) {
		struct batch batch;
		struct record record;
		bool got = true;
		assert_ok(batch_parse(log, &batch, &err));
		assert_ok(record_reader_start(&reader, &batch, &err));
		while (got) {
			assert_ok(record_reader_next(&reader, &record, &got, &err));
			if (got) {
				each(arg, &batch, &record);
			}
		}
		log = slice_of(log.data + batch.bytes.len, log.len - batch.bytes.len);
	}
	record_reader_fini(&reader);
}

static void replay(void *arg, const struct batch *batch, const struct record *record)
{
	struct coordinator *c = arg;
	struct weir_err err;
	struct group_replay at = {.offset = record->offset,
		.producer_id = batch->producer_id,
		.transactional = batch->attributes & BATCH_TRANSACTIONAL};
	if (batch->attributes & BATCH_CONTROL) {
		coordinator_replay_end(c, batch->producer_id, be16_get(record->key.data + 2) == 1);
	} else {
		assert_ok(coordinator_replay(c, &at, record->key, record->value, &err));
	}
}

/* ---- the same groups ---- */

struct seen {
	const char *id;
	struct group_summary row;
	bool found;
};

static void look(void *arg, const struct group_summary *row)
{
	struct seen *seen = arg;
	if (slice_equal(row->id, slice_str(seen->id))) {
		seen->row = *row;
		seen->found = true;
	}
}

static void check_offsets(struct coordinator *c, const char *id, json_t *wanted)
{
	struct weir_err err;
	struct group_fetch fetch = {.group_id = slice_str(id), .member_epoch = -1};
	const struct offsets *offsets;
	int64_t position;
	size_t i, count = 0;
	json_t *row;
	assert_ok(coordinator_fetch(c, &fetch, &offsets, &position, &err));
	for (uint32_t t = 0; t < offsets->count; t++) {
		uint64_t pos = 0;
		while (offset_topic_next(offsets->topics[t], &pos)) {
			count++;
		}
	}
	assert_int_equal(count, json_array_size(wanted));
	json_array_foreach(wanted, i, row)
	{
		const char *topic, *metadata;
		int partition, epoch;
		json_int_t offset;
		assert_int_equal(json_unpack(row, "{s:s,s:i,s:I,s:i,s:s}", "topic", &topic,
					 "partition", &partition, "offset", &offset, "leaderEpoch",
					 &epoch, "metadata", &metadata),
			0);
		const struct committed *have = offsets_find(offsets, slice_str(topic), partition);
		assert_non_null(have);
		assert_int_equal(have->offset, offset);
		assert_int_equal(have->leader_epoch, epoch);
		assert_true(slice_equal(committed_metadata(have), slice_str(metadata)));
	}
}

static void check_group(struct coordinator **shards, json_t *row)
{
	const char *id, *type, *protocol, *state;
	json_t *offsets;
	assert_int_equal(json_unpack(row, "{s:s,s:s,s:s,s:s,s:o}", "group", &id, "type", &type,
				 "protocol", &protocol, "state", &state, "offsets", &offsets),
		0);
	if (!strcmp(type, "Share")) {
		return;
	}
	struct coordinator *c = shards[coordinator_partition(slice_str(id), SHARDS)];
	struct seen seen = {.id = id};
	coordinator_list(c, look, &seen);
	assert_true(seen.found);
	assert_int_equal(seen.row.type, strcmp(type, "Classic") ? GROUP_CONSUMER : GROUP_CLASSIC);
	assert_string_equal(seen.row.state, state);
	assert_true(slice_equal(seen.row.protocol_type, slice_str(protocol)));
	check_offsets(c, id, offsets);
}

static void loads_kafkas_groups(void **state)
{
	(void)state;
	struct coordinator *shards[SHARDS];
	for (int i = 0; i < SHARDS; i++) {
		size_t len;
		uint8_t *bytes = read_log(i, &len);
		shards[i] = new_coordinator();
		each_record(slice_of(bytes, len), replay, shards[i]);
		mem_free(bytes);
	}
	const char *top = getenv("top_srcdir");
	char *path = mem_printf("%s/tests/data/group/groups.jsonl", top ? top : ".");
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	mem_free(path);
	char line[4096];
	int count = 0;
	while (fgets(line, sizeof(line), in)) {
		json_t *row = json_loads(line, 0, NULL);
		assert_non_null(row);
		check_group(shards, row);
		json_decref(row);
		count++;
	}
	fclose(in);
	assert_int_equal(count, 8);
	for (int i = 0; i < SHARDS; i++) {
		coordinator_free(&shards[i]);
	}
}

/* ---- the same bytes ---- */

static struct slice key_group(struct slice key)
{
	return slice_of(key.data + 4, be16_get(key.data + 2));
}

static void write_commit(struct coordinator *c, const struct group *group)
{
	const struct offset_topic *topic = group->offsets.topics[0];
	uint64_t pos = 0;
	const struct committed *row = offset_topic_next(topic, &pos);
	struct group_commit_row out = {.topic = offset_topic_name(topic),
		.topic_id = topic->id,
		.partition = row->partition,
		.offset = row->offset,
		.leader_epoch = row->leader_epoch,
		.metadata = committed_metadata(row)};
	struct group_commit commit = {.group_id = group->id,
		.generation = -1,
		.retention_ms = -1,
		.producer_id = -1,
		.rows = &out,
		.count = 1};
	struct group_caller caller = {.version = 9};
	struct weir_err err;
	int64_t position;
	struct conf *conf = conf_new();
	struct group_env env = {.conf = conf, .wall_ms = row->commit_ms};
	assert_ok(coordinator_commit(c, &env, &caller, &commit, &position, &err));
	assert_int_equal(out.code, WEIR_OK);
	conf_unref(conf);
}

static void write_again(struct coordinator *c, int16_t type, const struct group *group)
{
	struct weir_err err;
	struct conf *conf = conf_new();
	struct group_env env = {.conf = conf};
	struct modern *modern = group->modern;
	struct modern_member *member = modern && modern->count ? LIST_ENTRY(modern->members.next,
									 struct modern_member, node)
							       : NULL;
	assert_ok(step_begin(c, &env, &err));
	switch (type) {
	case RECORD_CLASSIC:
		classic_put(c, group->classic);
		break;
	case RECORD_CONSUMER_GROUP:
		put_epoch(c, modern);
		break;
	case RECORD_CONSUMER_MEMBER:
		put_member(c, member);
		break;
	case RECORD_CONSUMER_TARGET_EPOCH:
		put_target_epoch(c, modern);
		break;
	case RECORD_CONSUMER_TARGET:
		put_target(c, member);
		break;
	case RECORD_CONSUMER_CURRENT:
		put_current(c, member);
		break;
	default: {
		size_t pos = 0;
		put_pattern(c, modern, map_next(&modern->patterns, &pos)->value);
	}
	}
	conf_unref(conf);
}

/* Each record by itself: read, and written from what was read. */
static void rewrite(void *arg, const struct batch *batch, const struct record *record)
{
	int *counts = arg;
	int16_t type = (int16_t)be16_get(record->key.data);
	struct group_replay at = {.producer_id = -1};
	struct weir_err err;
	bool ours = type == RECORD_OFFSET || type == RECORD_CLASSIC ||
		    type == RECORD_CONSUMER_PATTERN ||
		    (type >= RECORD_CONSUMER_GROUP && type <= RECORD_CONSUMER_CURRENT);
	if (batch->attributes & BATCH_CONTROL || !record->value.data || !ours) {
		return;
	}
	struct coordinator *c = new_coordinator();
	assert_ok(coordinator_replay(c, &at, record->key, record->value, &err));
	struct group *group = group_find(c, key_group(record->key));
	assert_non_null(group);
	if (type == RECORD_OFFSET) {
		write_commit(c, group);
	} else {
		write_again(c, type, group);
	}
	assert_int_equal(c->key.len, record->key.len);
	assert_memory_equal(c->key.data, record->key.data, record->key.len);
	assert_int_equal(c->value.len, record->value.len);
	assert_memory_equal(c->value.data, record->value.data, record->value.len);
	counts[type]++;
	coordinator_free(&c);
}

static void records_have_kafkas_bytes(void **state)
{
	(void)state;
	int counts[RECORD_CONSUMER_PATTERN + 1] = {0};
	for (int i = 0; i < SHARDS; i++) {
		size_t len;
		uint8_t *bytes = read_log(i, &len);
		each_record(slice_of(bytes, len), rewrite, counts);
		mem_free(bytes);
	}
	assert_true(counts[RECORD_OFFSET] > 50);
	assert_true(counts[RECORD_CLASSIC] > 5);
	for (int type = RECORD_CONSUMER_GROUP; type <= RECORD_CONSUMER_PATTERN; type++) {
		bool ours = type <= RECORD_CONSUMER_CURRENT || type == RECORD_CONSUMER_PATTERN;
		assert_true(!ours || type == 4 || counts[type] > 0);
	}
}

/* ---- the same partition ---- */

static void hashes_as_java_does(void **state)
{
	(void)state;
	/* String.hashCode: "" 0, "a" 97; e acute 233; an emoji is two units:
	 * 0xd83d * 31 + 0xde00. */
	assert_int_equal(coordinator_partition(slice_str(""), 50), 0);
	assert_int_equal(coordinator_partition(slice_str("a"), 50), 97 % 50);
	assert_int_equal(coordinator_partition(slice_str("\xc3\xa9"), 1000), 233);
	assert_int_equal(coordinator_partition(slice_str("\xf0\x9f\x98\x80"), 1000000),
		(0xd83d * 31 + 0xde00) % 1000000);
	/* A negative hash loses its sign, not its upper bit; the least has no opposite. */
	assert_int_equal(coordinator_partition(slice_str("g-coop"), 3), 2);
	assert_int_equal(coordinator_partition(slice_str("polygenelubricants"), 50), 0);
	/* Bytes that are no UTF-8 count as U+FFFD. */
	assert_int_equal(coordinator_partition(slice_str("\xff"), 100000), 0xfffd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_kafkas_groups),
		cmocka_unit_test(records_have_kafkas_bytes),
		cmocka_unit_test(hashes_as_java_does),
	};
	return RUN(tests);
}
