/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/meta_dir.h"

#include "core/base/mem.h"
#include "core/meta/image.h"
#include "core/meta/topic_name.h"

#include <pthread.h>
#include <string.h>

static struct weir_err err;

/* A store of images over a metadata store of its own. */
struct fixture {
	struct dir dir;
	struct meta *meta;
	struct image_store *store;
};

static void fixture_init(struct fixture *f)
{
	f->meta = dir_new_meta(&f->dir);
	assert_ok(image_store_open(f->meta, 1, &f->store, &err));
}

static void fixture_reopen(struct fixture *f)
{
	image_store_close(&f->store);
	meta_close(&f->meta);
	assert_ok(meta_open_lmdb(f->dir.store, &f->meta, &err));
	assert_ok(image_store_open(f->meta, 1, &f->store, &err));
}

static void fixture_fini(struct fixture *f)
{
	image_store_close(&f->store);
	dir_free_meta(&f->dir, &f->meta);
}

/* count partitions with replicas 1, 2, 3. */
static struct image_partition *rows(int32_t count)
{
	struct image_partition *rows = mem_array((size_t)count, sizeof(*rows));
	for (int32_t i = 0; i < count; i++) {
		rows[i] = (struct image_partition){.replicas = {1, 2, 3}, .replica_count = 3};
	}
	return rows;
}

static enum weir_code create(
	struct fixture *f, const char *name, int32_t partition_count, struct uuid *id)
{
	struct uuid own = {{0}};
	struct image_partition *partitions = rows(partition_count);
	enum weir_code code = image_create_topic(
		f->store, name, id ? id : &own, partitions, partition_count, NULL, 0, &err);
	mem_free(partitions);
	return code;
}

static void topics_come_and_go(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct uuid id = {{0}}, second = {{0}};
	const struct image *empty = image_current(f.store);
	assert_int_equal(strlen(empty->cluster_id), UUID_TEXT_LEN);
	assert_int_equal(empty->topic_count, 0);
	int64_t revision = meta_revision(f.meta);
	assert_ok(create(&f, "t", 1000, &id));
	assert_false(uuid_is_zero(id));
	assert_int_equal(meta_revision(f.meta), revision + 1); /* one commit */
	assert_code(create(&f, "t", 1, NULL), WEIR_TOPIC_ALREADY_EXISTS);

	const struct image *image = image_current(f.store);
	const struct image_topic *topic = image_topic(image, slice_str("t"));
	assert_non_null(topic);
	assert_ptr_equal(image_topic_by_id(image, id), topic);
	assert_int_equal(topic->partition_count, 1000);
	assert_int_equal(topic->mod_revision, revision + 1);
	assert_int_equal(image->revision, revision + 1);
	for (int32_t i = 0; i < 1000; i++) {
		assert_int_equal(topic->partitions[i].leader, 1);
		assert_int_equal(topic->partitions[i].isr_count, 3);
		assert_int_equal(topic->partitions[i].leader_epoch, 0);
	}
	assert_ok(image_delete_topic(f.store, "t", &err));
	assert_code(image_delete_topic(f.store, "t", &err), WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(topic->partitions[999].replicas[2], 3); /* the old image stays */
	image_release(image);
	image = image_current(f.store);
	assert_null(image_topic(image, slice_str("t")));
	assert_null(image_topic_by_id(image, id));
	image_release(image);
	assert_ok(create(&f, "t", 2, &second));
	assert_false(uuid_equal(id, second));
	/* An id of the caller's. */
	assert_ok(create(&f, "u", 1, &id));
	assert_code(create(&f, "v", 1, &id), WEIR_DUPLICATE_RESOURCE);

	fixture_reopen(&f);
	image = image_current(f.store);
	assert_string_equal(image->cluster_id, empty->cluster_id);
	assert_int_equal(image->topic_count, 2);
	assert_string_equal(image_topic_by_id(image, second)->name, "t");
	assert_int_equal(image_topic(image, slice_str("t"))->partitions[1].leader, 1);
	image_release(image);
	image_release(empty);
	fixture_fini(&f);
}

static void names_are_checked(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	assert_ok(create(&f, "a.b_c", 1, NULL));
	assert_code(create(&f, "a_b_c", 1, NULL), WEIR_INVALID_TOPIC_EXCEPTION);
	assert_non_null(strstr(err.text, "a.b_c"));
	assert_code(create(&f, "a.b.c", 1, NULL), WEIR_INVALID_TOPIC_EXCEPTION);
	assert_code(create(&f, "a.b_c", 1, NULL), WEIR_TOPIC_ALREADY_EXISTS);
	assert_ok(create(&f, "a.b-c", 1, NULL));
	assert_ok(image_delete_topic(f.store, "a.b_c", &err));
	assert_ok(create(&f, "a_b_c", 1, NULL));

	char longest[251];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[250] = '\0';
	assert_code(create(&f, longest, 1, NULL), WEIR_INVALID_TOPIC_EXCEPTION);
	assert_string_equal(err.text, "topic name of 250 characters, at most 249 are allowed");
	longest[249] = '\0';
	assert_ok(create(&f, longest, 1, NULL));
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "\xc3\xa4", "a\n", "a:"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_code(create(&f, bad[i], 1, NULL), WEIR_INVALID_TOPIC_EXCEPTION);
	}
	assert_code(topic_name_check(slice_of("a\0b", 3), &err), WEIR_INVALID_TOPIC_EXCEPTION);
	assert_non_null(strstr(err.text, "byte 0x00 at 1"));
	assert_ok(topic_name_check(slice_str("..."), &err));
	fixture_fini(&f);
}

static void partitions_are_added(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct uuid id = {{0}};
	assert_ok(create(&f, "t", 2, &id));
	struct image_partition more[2] = {{.replicas = {5}, .replica_count = 1},
		{.replicas = {6, 7}, .replica_count = 2, .isr = {6}, .isr_count = 1}};
	assert_ok(image_add_partitions(f.store, "t", more, 2, &err));
	const struct image *image = image_current(f.store);
	const struct image_topic *topic = image_topic(image, slice_str("t"));
	assert_int_equal(topic->partition_count, 4);
	assert_int_equal(topic->partitions[1].leader, 1);
	assert_int_equal(topic->partitions[2].leader, 5);
	assert_int_equal(topic->partitions[3].isr_count, 1);
	assert_true(uuid_equal(topic->id, id));
	image_release(image);
	assert_code(image_add_partitions(f.store, "none", more, 2, &err),
		WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_code(image_add_partitions(f.store, "t", more, 0, &err), WEIR_INVALID_PARTITIONS);
	assert_code(
		image_add_partitions(f.store, "t", more, 100000, &err), WEIR_INVALID_PARTITIONS);
	more[1].isr[0] = 9;
	assert_code(
		image_add_partitions(f.store, "t", more, 2, &err), WEIR_INVALID_REPLICA_ASSIGNMENT);
	more[1].isr[0] = 7; /* the leader is not in sync */
	assert_code(
		image_add_partitions(f.store, "t", more, 2, &err), WEIR_INVALID_REPLICA_ASSIGNMENT);
	more[1] = (struct image_partition){.replicas = {6, 6}, .replica_count = 2};
	assert_code(
		image_add_partitions(f.store, "t", more, 2, &err), WEIR_INVALID_REPLICA_ASSIGNMENT);
	more[1].replica_count = 0;
	assert_code(
		image_add_partitions(f.store, "t", more, 2, &err), WEIR_INVALID_REPLICA_ASSIGNMENT);
	fixture_fini(&f);
}

static void partition_rows_are_fenced(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct uuid id = {{0}};
	assert_ok(create(&f, "t", 2, &id));
	struct image_partition row = {.leader = 2,
		.leader_epoch = 1,
		.replicas = {1, 2, 3},
		.replica_count = 3,
		.isr = {2, 3},
		.isr_count = 2};
	assert_ok(image_set_partition(f.store, id, 1, &row, &err));
	const struct image *image = image_current(f.store);
	const struct image_partition *now = &image_topic(image, slice_str("t"))->partitions[1];
	assert_int_equal(now->leader, 2);
	assert_int_equal(now->leader_epoch, 1);
	assert_int_equal(now->partition_epoch, 1);
	assert_int_equal(now->isr_count, 2);
	assert_int_equal(image_topic(image, slice_str("t"))->partitions[0].partition_epoch, 0);
	image_release(image);
	assert_code(image_set_partition(f.store, id, 1, &row, &err), WEIR_INVALID_UPDATE_VERSION);
	row.partition_epoch = 1;
	row.leader_epoch = 0;
	assert_code(image_set_partition(f.store, id, 1, &row, &err), WEIR_FENCED_LEADER_EPOCH);
	row.leader_epoch = 1;
	row.leader = 4;
	assert_code(image_set_partition(f.store, id, 1, &row, &err), WEIR_INVALID_REQUEST);
	row.leader = -1;
	row.isr_count = 0;
	assert_ok(image_set_partition(f.store, id, 1, &row, &err));
	assert_code(
		image_set_partition(f.store, id, 2, &row, &err), WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_code(
		image_set_partition(f.store, id, -1, &row, &err), WEIR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_code(image_set_partition(f.store, (struct uuid){{9}}, 0, &row, &err),
		WEIR_UNKNOWN_TOPIC_ID);
	fixture_reopen(&f);
	image = image_current(f.store);
	assert_int_equal(image_topic_by_id(image, id)->partitions[1].partition_epoch, 2);
	assert_int_equal(image_topic_by_id(image, id)->partitions[1].leader, -1);
	image_release(image);
	fixture_fini(&f);
}

static const char *topic_config(struct fixture *f, const char *name, const char *key)
{
	static char kept[64];
	const struct image *image = image_current(f->store);
	const struct image_topic *topic = image_topic(image, slice_str(name));
	const char *value = image_config_get(topic->configs, topic->config_count, key);
	snprintf(kept, sizeof(kept), "%s", value ? value : "(unset)");
	image_release(image);
	return kept;
}

static void assert_broker_configs(struct fixture *f)
{
	const struct image *image = image_current(f->store);
	assert_int_equal(image->broker_default_count, 1);
	assert_string_equal(
		image_config_get(image->broker_default, 1, "log.retention.ms"), "60000");
	assert_int_equal(image->broker_self_count, 1);
	assert_string_equal(image_config_get(image->broker_self, 1, "x"), "self");
	assert_null(image_config_get(image->broker_self, 1, "y"));
	image_release(image);
}

static void settings_are_kept(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct uuid id = {{0}};
	struct image_partition one = {.replicas = {1}, .replica_count = 1};
	struct image_config at_first[] = {{(char *)"retention.ms", (char *)"1"},
		{(char *)"cleanup.policy", (char *)"compact"}};
	assert_ok(image_create_topic(f.store, "t", &id, &one, 1, at_first, 2, &err));
	assert_string_equal(topic_config(&f, "t", "retention.ms"), "1");
	struct image_config changes[] = {{(char *)"retention.ms", (char *)"quote \" and \xc3\xa4"},
		{(char *)"cleanup.policy", NULL}, {(char *)"a/b", (char *)""},
		{(char *)"absent", NULL}};
	assert_ok(image_set_configs(f.store, "t", 0, changes, 4, &err));
	for (int round = 0; round < 2; round++) {
		assert_string_equal(topic_config(&f, "t", "retention.ms"), "quote \" and \xc3\xa4");
		assert_string_equal(topic_config(&f, "t", "cleanup.policy"), "(unset)");
		assert_string_equal(topic_config(&f, "t", "a/b"), "");
		fixture_reopen(&f);
	}
	struct image_config bad[] = {{(char *)"k", (char *)"\xff"}};
	assert_code(image_set_configs(f.store, "t", 0, bad, 1, &err), WEIR_INVALID_CONFIG);
	bad[0] = (struct image_config){(char *)"", (char *)"v"};
	assert_code(image_set_configs(f.store, "t", 0, bad, 1, &err), WEIR_INVALID_CONFIG);
	assert_code(image_set_configs(f.store, "none", 0, changes, 1, &err),
		WEIR_UNKNOWN_TOPIC_OR_PARTITION);

	/* A topic of the same name starts with none. */
	assert_ok(image_delete_topic(f.store, "t", &err));
	assert_ok(create(&f, "t", 1, NULL));
	assert_string_equal(topic_config(&f, "t", "retention.ms"), "(unset)");

	struct image_config all[] = {{(char *)"log.retention.ms", (char *)"60000"}};
	struct image_config self[] = {{(char *)"x", (char *)"self"}};
	struct image_config other[] = {{(char *)"y", (char *)"other"}};
	assert_ok(image_set_configs(f.store, NULL, -1, all, 1, &err));
	assert_ok(image_set_configs(f.store, NULL, 1, self, 1, &err));
	assert_ok(image_set_configs(f.store, NULL, 11, other, 1, &err));
	assert_broker_configs(&f);
	fixture_reopen(&f);
	assert_broker_configs(&f);
	assert_code(image_set_configs(f.store, NULL, -2, other, 1, &err), WEIR_INVALID_REQUEST);
	fixture_fini(&f);
}

static void producer_ids_never_repeat(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	int64_t next = 0;
	for (int32_t i = 1; i < 20; i++) {
		int64_t first = -1;
		assert_ok(image_producer_id_block(f.store, i * 10, &first, &err));
		assert_int_equal(first, next);
		next += i * 10;
		fixture_reopen(&f);
	}
	int64_t first = -1;
	assert_code(image_producer_id_block(f.store, 0, &first, &err), WEIR_INVALID_REQUEST);
	fixture_fini(&f);
}

struct heard {
	int calls;
	char text[128];
};

static void hear(void *arg, const struct image *before, const struct image *after)
{
	struct heard *heard = arg;
	heard->calls++;
	snprintf(heard->text, sizeof(heard->text), "%zu->%zu", before->topic_count,
		after->topic_count);
}

static void listeners_hear_each_change(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct heard one = {0}, two = {0};
	image_store_on_change(f.store, hear, &one);
	image_store_on_change(f.store, hear, &two);
	assert_ok(create(&f, "t", 3, NULL));
	assert_int_equal(one.calls, 1);
	assert_int_equal(two.calls, 1);
	assert_string_equal(one.text, "0->1");
	int64_t first;
	assert_ok(image_producer_id_block(f.store, 1, &first, &err));
	assert_int_equal(one.calls, 1); /* does not show in the image */
	assert_code(create(&f, "t", 3, NULL), WEIR_TOPIC_ALREADY_EXISTS);
	assert_ok(image_delete_topic(f.store, "t", &err));
	assert_string_equal(two.text, "1->0");
	assert_int_equal(two.calls, 2);
	fixture_fini(&f);
}

static void many_topics_share_what_is_unchanged(void **state)
{
	(void)state;
	enum { TOPICS = 300 };
	struct fixture f;
	fixture_init(&f);
	char name[32];
	for (int i = 0; i < TOPICS; i++) {
		snprintf(name, sizeof(name), "t%d", i * 7919 % TOPICS);
		assert_ok(create(&f, name, 3, NULL));
	}
	const struct image *before = image_current(f.store);
	assert_ok(image_delete_topic(f.store, "t100", &err));
	const struct image *after = image_current(f.store);
	assert_int_equal(after->topic_count, TOPICS - 1);
	for (int i = 0; i < TOPICS; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		const struct image_topic *was = image_topic(before, slice_str(name));
		const struct image_topic *is = image_topic(after, slice_str(name));
		assert_string_equal(was->name, name);
		assert_ptr_equal(is, i == 100 ? NULL : was);
		assert_ptr_equal(image_topic_by_id(after, was->id), is);
	}
	for (size_t i = 1; i < after->topic_count; i++) {
		assert_true(strcmp(after->topics[i - 1]->name, after->topics[i]->name) < 0);
	}
	image_release(before);
	image_release(after);
	fixture_fini(&f);
}

struct racer {
	struct image_store *store;
	const char *prefix;
	int64_t ids[40];
	int failures;
};

/* Changes of its own topics, and of one that all racers change. */
struct gone {
	int count;
	char name[32];
	struct uuid id;
};

static enum weir_code note_gone(void *arg, const char *name, struct uuid id, struct weir_err *why)
{
	struct gone *gone = arg;
	(void)why;
	gone->count++;
	snprintf(gone->name, sizeof(gone->name), "%s", name);
	gone->id = id;
	return WEIR_OK;
}

static struct gone gone_now(struct fixture *f)
{
	struct gone gone = {.count = 0};
	assert_ok(image_each_gone(f->store, note_gone, &gone, &err));
	return gone;
}

static void deleted_topics_are_remembered(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct uuid first = {{0}}, second = {{0}};
	assert_int_equal(gone_now(&f).count, 0);
	assert_ok(image_forget_gone(f.store, &err));
	assert_ok(create(&f, "t", 2, &first));
	assert_ok(create(&f, "u", 1, &second));
	assert_ok(image_delete_topic(f.store, "t", &err));
	fixture_reopen(&f);
	struct gone gone = gone_now(&f);
	assert_int_equal(gone.count, 1);
	assert_string_equal(gone.name, "t");
	assert_true(uuid_equal(gone.id, first));
	assert_ok(image_delete_topic(f.store, "u", &err));
	assert_int_equal(gone_now(&f).count, 2);
	/* Back with its id, it is not gone. */
	assert_ok(create(&f, "t", 2, &first));
	assert_true(uuid_equal(gone_now(&f).id, second));
	assert_ok(image_forget_gone(f.store, &err));
	assert_int_equal(gone_now(&f).count, 0);
	fixture_fini(&f);
}

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct image_partition one = {.replicas = {1}, .replica_count = 1};
	struct weir_err own = {0};
	for (int i = 0; i < 40; i++) {
		struct uuid id = {{0}};
		char name[32];
		snprintf(name, sizeof(name), "%s%d", racer->prefix, i);
		racer->failures +=
			image_create_topic(racer->store, name, &id, &one, 1, NULL, 0, &own) != 0;
		struct image_config mine = {name, name};
		racer->failures +=
			image_set_configs(racer->store, "shared", 0, &mine, 1, &own) != 0;
		racer->failures += image_add_partitions(racer->store, "shared", &one, 1, &own) != 0;
		racer->failures +=
			image_producer_id_block(racer->store, 1, &racer->ids[i], &own) != 0;
		const struct image *image = image_current(racer->store);
		racer->failures += !image_topic(image, slice_str(name));
		image_release(image);
	}
	return NULL;
}

static void racing_changes_all_come_through(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	assert_ok(create(&f, "shared", 1, NULL));
	struct racer racers[2] = {
		{.store = f.store, .prefix = "a"}, {.store = f.store, .prefix = "b"}};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(racers[i].failures, 0);
	}
	bool given[80] = {false};
	for (int i = 0; i < 80; i++) {
		int64_t id = racers[i / 40].ids[i % 40];
		assert_in_range(id, 0, 79);
		assert_false(given[id]);
		given[id] = true;
	}
	for (int round = 0; round < 2; round++) {
		const struct image *image = image_current(f.store);
		const struct image_topic *shared = image_topic(image, slice_str("shared"));
		assert_int_equal(image->topic_count, 81);
		assert_int_equal(shared->partition_count, 81);
		assert_int_equal(shared->config_count, 80);
		for (int32_t i = 0; i < 81; i++) {
			assert_int_equal(shared->partitions[i].leader, 1);
		}
		image_release(image);
		fixture_reopen(&f);
	}
	fixture_fini(&f);
}

static void put_raw(struct meta *meta, const char *key, const char *value)
{
	struct meta_op op = {.key = slice_str(key), .value = slice_str(value)};
	assert_ok(meta_commit(meta, NULL, 0, &op, 1, NULL, &err));
}

static void bad_rows_are_found(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"topic/t", "{"},
		{"topic/t", "[]"},
		{"topic/t", "{\"id\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":1}"},
		{"topic/t", "{\"id\":\"BAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":0}"},
		{"topic/t", "{\"id\":\"BAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":100001}"},
		{"topic/a/b", "{\"id\":\"BAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":1}"},
		{"topic/u", "{\"id\":\"CAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":1}"},
		{"partition/CAAAAAAAAAAAAAAAAAAAAA/x", "{}"},
		{"partition/CAAAAAAAAAAAAAAAAAAAAA", "{}"},
		{"partition/CAAAAAAAAAAAAAAAAAAAAA/0", "{}"},
		{"partition/CAAAAAAAAAAAAAAAAAAAAA/0",
			"{\"leader\":1,\"leader_epoch\":0,\"partition_epoch\":0,\"replicas\":[1,"
			"2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],\"isr\":[]}"},
		{"partition/CAAAAAAAAAAAAAAAAAAAAA/0",
			"{\"leader\":-2,\"leader_epoch\":0,\"partition_epoch\":0,\"replicas\":[1],"
			"\"isr\":[1]}"},
		{"config/x", "{}"},
		{"config/topic/good", "{\"value\":\"1\"}"},
		{"config/topic/good/k", "{\"value\":1}"},
		{"cluster/id", "{\"id\":\"\"}"},
	};
	struct fixture f;
	fixture_init(&f);
	put_raw(f.meta, "topic/good", "{\"id\":\"CAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":1}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* While the store is open such a row is left out, */
		put_raw(f.meta, bad[i][0], bad[i][1]);
		const struct image *image = image_current(f.store);
		assert_int_equal(image->topic_count, 1);
		assert_int_equal(image_topic(image, slice_str("good"))->config_count, 0);
		assert_int_equal(strlen(image->cluster_id), UUID_TEXT_LEN);
		image_release(image);
		/* and it is not opened with one. */
		struct image_store *second = NULL;
		assert_code(image_store_open(f.meta, 1, &second, &err), WEIR_LOCAL_CORRUPT);
		assert_non_null(strstr(err.text, bad[i][0]));
		put_raw(f.meta, bad[i][0],
			strcmp(bad[i][0], "cluster/id") == 0 ? "{\"id\":\"x\"}" : NULL);
		assert_ok(image_store_open(f.meta, 1, &second, &err));
		image_store_close(&second);
	}
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topics_come_and_go),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(partitions_are_added),
		cmocka_unit_test(partition_rows_are_fenced),
		cmocka_unit_test(settings_are_kept),
		cmocka_unit_test(producer_ids_never_repeat),
		cmocka_unit_test(listeners_hear_each_change),
		cmocka_unit_test(many_topics_share_what_is_unchanged),
		cmocka_unit_test(deleted_topics_are_remembered),
		cmocka_unit_test(racing_changes_all_come_through),
		cmocka_unit_test(bad_rows_are_found),
	};
	return RUN(tests);
}
