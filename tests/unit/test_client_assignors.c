/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Against what the Java client's own assignors give (tests/data/client/assignors.jsonl: rounds of
 * groups that members join and leave, whose topics grow, with and without racks), and properties on
 * random groups. An argument names another file of cases.
 */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/client/assignor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOPICS_MAX = 64, MEMBERS_MAX = 64, OWNED_MAX = 4096 };

static const char *cases_path;

struct group {
	struct arena arena;
	struct assignor_topic topics[TOPICS_MAX];
	int32_t topic_count;
	struct assignor_member members[MEMBERS_MAX];
	int32_t member_count;
	struct assignment assignments[MEMBERS_MAX];
};

static void *take(struct group *group, size_t count, size_t size)
{
	void *mem = arena_try_array(&group->arena, count + 1, size);
	assert_non_null(mem);
	return mem;
}

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	return (int)(strchr(digits, c) - digits);
}

static struct slice unbase64(struct group *group, const char *text)
{
	size_t len = strcspn(text, "=") * 3 / 4, out = 0, have = 0;
	uint8_t *bytes = take(group, len, 1);
	uint32_t bits = 0;
	for (; *text && *text != '='; text++) {
		bits = bits << 6 | (uint32_t)digit(*text);
		have += 6;
		if (have >= 8) {
			have -= 8;
			bytes[out++] = (uint8_t)(bits >> have);
		}
	}
	return slice_of(bytes, len);
}

static struct slice text_of(json_t *json)
{
	return slice_str(json_string_value(json));
}

static int32_t topic_index(const struct group *group, struct slice name)
{
	for (int32_t i = 0; i < group->topic_count; i++) {
		if (slice_equal(group->topics[i].name, name)) {
			return i;
		}
	}
	return -1;
}

static int compare_numbers(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Topics of the case, and those that members name though they are not there. */
static void load_topics(struct group *group, json_t *row)
{
	const char *name;
	json_t *partitions, *member, *topic;
	size_t m, t;
	char *names[TOPICS_MAX];
	int32_t count = 0;
	json_object_foreach(json_object_get(row, "topics"), name, partitions)
	{
		assert_true(count < TOPICS_MAX);
		names[count++] = (char *)(uintptr_t)name;
	}
	json_array_foreach(json_object_get(row, "members"), m, member)
	{
		json_array_foreach(json_object_get(member, "topics"), t, topic)
		{
			bool known = false;
			for (int32_t i = 0; i < count; i++) {
				known |= !strcmp(names[i], json_string_value(topic));
			}
			if (!known) {
				assert_true(count < TOPICS_MAX);
				names[count++] = (char *)(uintptr_t)json_string_value(topic);
			}
		}
	}
	for (int32_t i = 1; i < count; i++) {
		for (int32_t k = i; k > 0 && strcmp(names[k], names[k - 1]) < 0; k--) {
			char *swap = names[k];
			names[k] = names[k - 1];
			names[k - 1] = swap;
		}
	}
	group->topic_count = count;
	for (int32_t i = 0; i < count; i++) {
		struct assignor_topic *to = &group->topics[i];
		partitions = json_object_get(json_object_get(row, "topics"), names[i]);
		to->name = slice_str(names[i]);
		to->partition_count = (int32_t)json_array_size(partitions);
		struct assignor_racks *racks =
			take(group, (size_t)to->partition_count, sizeof(*racks));
		for (int32_t p = 0; p < to->partition_count; p++) {
			json_t *list = json_array_get(partitions, (size_t)p);
			struct slice *names_of =
				take(group, json_array_size(list), sizeof(*names_of));
			for (size_t k = 0; k < json_array_size(list); k++) {
				names_of[k] = text_of(json_array_get(list, k));
			}
			racks[p] =
				(struct assignor_racks){names_of, (int32_t)json_array_size(list)};
		}
		to->racks = racks;
	}
}

/* "topic/partition", ... */
static struct assignor_partition *load_partitions(struct group *group, json_t *list, int32_t *count)
{
	struct assignor_partition *out = take(group, json_array_size(list), sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		const char *slash = strrchr(text, '/');
		int32_t topic = topic_index(group, slice_of(text, (size_t)(slash - text)));
		if (topic >= 0) {
			out[(*count)++] = (struct assignor_partition){topic, atoi(slash + 1)};
		}
	}
	return out;
}

static void load_member(struct group *group, json_t *json, struct assignor_member *member)
{
	json_t *topics = json_object_get(json, "topics"), *generation;
	int32_t *numbers = take(group, json_array_size(topics), sizeof(*numbers));
	*member = (struct assignor_member){.id = text_of(json_object_get(json, "id"))};
	member->instance_id = text_of(json_object_get(json, "instance"));
	member->rack = text_of(json_object_get(json, "rack"));
	for (size_t i = 0; i < json_array_size(topics); i++) {
		numbers[i] = topic_index(group, text_of(json_array_get(topics, i)));
		assert_true(numbers[i] >= 0);
	}
	qsort(numbers, json_array_size(topics), sizeof(*numbers), compare_numbers);
	member->topics = numbers;
	member->topic_count = (int32_t)json_array_size(topics);
	member->owned =
		load_partitions(group, json_object_get(json, "owned"), &member->owned_count);
	generation = json_object_get(json, "generation");
	member->generation = generation ? (int32_t)json_integer_value(generation) : -1;
	const char *user_data = json_string_value(json_object_get(json, "user_data"));
	if (user_data) {
		member->user_data = unbase64(group, user_data);
	}
}

static void load(struct group *group, json_t *row)
{
	arena_init(&group->arena, 0);
	load_topics(group, row);
	json_t *members = json_object_get(row, "members");
	group->member_count = (int32_t)json_array_size(members);
	assert_true(group->member_count <= MEMBERS_MAX);
	for (size_t m = 0; m < json_array_size(members); m++) {
		load_member(group, json_array_get(members, m), &group->members[m]);
	}
}

static void check_case(json_t *row, size_t number)
{
	struct group group = {0};
	enum assignor assignor;
	struct weir_err err;
	load(&group, row);
	assert_true(assignor_find(text_of(json_object_get(row, "assignor")), &assignor));
	assert_ok(assignor_assign(assignor, group.topics, group.topic_count, group.members,
		group.member_count, &group.arena, group.assignments, &err));
	for (int32_t m = 0; m < group.member_count; m++) {
		const struct assignment *got = &group.assignments[m];
		json_t *list = json_object_get(
			json_object_get(row, "result"), (const char *)group.members[m].id.data);
		int32_t count;
		struct assignor_partition *wanted = load_partitions(&group, list, &count);
		bool same = got->count == count;
		for (int32_t i = 0; i < count && same; i++) {
			same = got->partitions[i].topic == wanted[i].topic &&
			       got->partitions[i].partition == wanted[i].partition;
		}
		if (!same) {
			for (int32_t i = 0; i < got->count; i++) {
				fprintf(stderr, " %s/%d",
					(const char *)group.topics[got->partitions[i].topic]
						.name.data,
					(int)got->partitions[i].partition);
			}
			fail_msg("case %zu, %s: member %s got something else", number,
				assignor_name(assignor), (const char *)group.members[m].id.data);
		}
	}
	arena_fini(&group.arena);
}

static void outcomes_are_those_of_the_java_client(void **state)
{
	(void)state;
	char path[4096];
	const char *top = getenv("top_srcdir");
	snprintf(path, sizeof(path), "%s/tests/data/client/assignors.jsonl", top ? top : ".");
	FILE *file = fopen(cases_path ? cases_path : path, "r");
	assert_non_null(file);
	json_error_t why;
	json_t *row;
	size_t seen = 0;
	while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &why))) {
		check_case(row, ++seen);
		json_decref(row);
	}
	assert_true(feof(file));
	fclose(file);
	assert_true(seen > 100);
}

/* A group that plays on by itself: each round's outcome is what members own in the next. */
struct play {
	struct group group;
	enum assignor assignor;
	bool alike;
	int32_t generation, serial;
	char names[TOPICS_MAX][8], ids[MEMBERS_MAX][24];
	struct buf user_data[MEMBERS_MAX];
	int32_t topics[MEMBERS_MAX][TOPICS_MAX];
	struct assignor_partition owned[MEMBERS_MAX][OWNED_MAX];
	int32_t owned_count[MEMBERS_MAX];
	int32_t owner_before[TOPICS_MAX][OWNED_MAX / TOPICS_MAX];
};

static void play_join(struct play *play)
{
	struct group *group = &play->group;
	int32_t m = group->member_count++;
	snprintf(play->ids[m], sizeof(play->ids[m]), "m%d-%d", (int)random_below(1000),
		(int)++play->serial);
	group->members[m] = (struct assignor_member){
		.id = slice_str(play->ids[m]), .topics = play->topics[m], .generation = -1};
	play->owned_count[m] = 0;
	buf_reset(&play->user_data[m]);
	for (int32_t t = 0; t < group->topic_count; t++) {
		if (play->alike || random_below(3)) {
			play->topics[m][group->members[m].topic_count++] = t;
		}
	}
}

static void play_leave(struct play *play, int32_t m)
{
	struct group *group = &play->group;
	int32_t last = --group->member_count;
	if (m == last) {
		return;
	}
	group->members[m] = group->members[last];
	memcpy(play->ids[m], play->ids[last], sizeof(play->ids[m]));
	memcpy(play->topics[m], play->topics[last], sizeof(play->topics[m]));
	memcpy(play->owned[m], play->owned[last], sizeof(play->owned[m]));
	play->owned_count[m] = play->owned_count[last];
	group->members[m].id = slice_str(play->ids[m]);
	group->members[m].topics = play->topics[m];
	struct buf swap = play->user_data[m];
	play->user_data[m] = play->user_data[last];
	play->user_data[last] = swap;
}

static void play_init(struct play *play, enum assignor assignor, bool alike)
{
	struct group *group = &play->group;
	play->assignor = assignor;
	play->alike = alike;
	group->topic_count = 1 + (int32_t)random_below(6);
	for (int32_t t = 0; t < group->topic_count; t++) {
		snprintf(play->names[t], sizeof(play->names[t]), "t%02d", (int)t);
		group->topics[t] = (struct assignor_topic){.name = slice_str(play->names[t]),
			.partition_count = (int32_t)random_below(20)};
	}
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		buf_init(&play->user_data[i], 0);
	}
}

static void play_fini(struct play *play)
{
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		buf_fini(&play->user_data[i]);
	}
}

static bool subscribes(const struct assignor_member *member, int32_t topic)
{
	for (int32_t i = 0; i < member->topic_count; i++) {
		if (member->topics[i] == topic) {
			return true;
		}
	}
	return false;
}

static bool has_subscriber(const struct group *group, int32_t topic)
{
	for (int32_t m = 0; m < group->member_count; m++) {
		if (subscribes(&group->members[m], topic)) {
			return true;
		}
	}
	return false;
}

/* Each partition once, to a subscriber; all of them when whole. */
static void check_owners(const struct play *play, bool whole)
{
	const struct group *group = &play->group;
	bool given[TOPICS_MAX][OWNED_MAX / TOPICS_MAX] = {{false}};
	for (int32_t m = 0; m < group->member_count; m++) {
		for (int32_t i = 0; i < group->assignments[m].count; i++) {
			struct assignor_partition p = group->assignments[m].partitions[i];
			assert_true(subscribes(&group->members[m], p.topic));
			assert_in_range(p.partition, 0, group->topics[p.topic].partition_count - 1);
			assert_false(given[p.topic][p.partition]);
			given[p.topic][p.partition] = true;
		}
	}
	for (int32_t t = 0; t < group->topic_count && whole; t++) {
		for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
			assert_int_equal(given[t][p], has_subscriber(group, t));
		}
	}
}

static void check_even(const struct group *group)
{
	int32_t least = INT32_MAX, most = 0;
	for (int32_t m = 0; m < group->member_count; m++) {
		int32_t count = group->assignments[m].count;
		least = count < least ? count : least;
		most = count > most ? count : most;
	}
	assert_true(most - least <= 1);
}

static void play_assign(struct play *play, struct arena *arena)
{
	struct group *group = &play->group;
	struct weir_err err;
	for (int32_t m = 0; m < group->member_count; m++) {
		group->members[m].owned = play->owned[m];
		group->members[m].owned_count =
			play->assignor == ASSIGNOR_COOPERATIVE_STICKY ? play->owned_count[m] : 0;
		group->members[m].user_data =
			slice_of(play->user_data[m].data, play->user_data[m].len);
	}
	assert_ok(assignor_assign(play->assignor, group->topics, group->topic_count, group->members,
		group->member_count, arena, group->assignments, &err));
}

/* Members take what they were given. */
static void play_take(struct play *play)
{
	struct group *group = &play->group;
	play->generation++;
	for (int32_t m = 0; m < group->member_count; m++) {
		const struct assignment *got = &group->assignments[m];
		memcpy(play->owned[m], got->partitions,
			(size_t)got->count * sizeof(*got->partitions));
		play->owned_count[m] = got->count;
		group->members[m].generation = play->generation;
		buf_reset(&play->user_data[m]);
		assignor_user_data(play->assignor, group->topics, play->owned[m], got->count,
			play->generation, &play->user_data[m]);
	}
}

/* Number of partitions whose owner stays, of members that are there before and after. */
static void play_change(struct play *play)
{
	struct group *group = &play->group;
	if (random_below(2) && group->member_count < 20) {
		play_join(play);
	} else if (group->member_count > 1) {
		play_leave(play, (int32_t)random_below((uint64_t)group->member_count));
	}
	if (!random_below(4)) {
		int32_t t = (int32_t)random_below((uint64_t)group->topic_count);
		group->topics[t].partition_count += (int32_t)random_below(3);
	}
}

static void every_partition_has_one_owner_and_loads_are_even(void **state)
{
	(void)state;
	static struct play play;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		random_seed(seed);
		enum assignor assignor = (enum assignor)(seed % ASSIGNOR_COUNT);
		memset(&play, 0, sizeof(play));
		play_init(&play, assignor, seed / ASSIGNOR_COUNT % 2);
		play_join(&play);
		for (int round = 0; round < 6; round++) {
			/* Cooperative members give up first what others get in the next round. */
			int steps = assignor_is_cooperative(assignor) ? 2 : 1;
			for (int step = 0; step < steps; step++) {
				arena_init(&play.group.arena, 0);
				play_assign(&play, &play.group.arena);
				check_owners(&play, step == steps - 1);
				play_take(&play);
				bool even = play.alike && assignor != ASSIGNOR_RANGE;
				if (even && step == steps - 1) {
					check_even(&play.group);
				}
				arena_fini(&play.group.arena);
			}
			play_change(&play);
		}
		play_fini(&play);
	}
	random_seed(0);
}

/* With the same subscriptions, members lose only what their share makes them lose. */
static void sticky_members_keep_their_share(void **state)
{
	(void)state;
	static struct play play;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		random_seed(seed);
		memset(&play, 0, sizeof(play));
		play_init(&play, seed % 2 ? ASSIGNOR_STICKY : ASSIGNOR_COOPERATIVE_STICKY, true);
		play_join(&play);
		for (int round = 0; round < 8; round++) {
			arena_init(&play.group.arena, 0);
			play_assign(&play, &play.group.arena);
			int32_t total = 0;
			for (int32_t t = 0; t < play.group.topic_count; t++) {
				total += play.group.topics[t].partition_count;
			}
			int32_t share = total / play.group.member_count;
			for (int32_t m = 0; m < play.group.member_count; m++) {
				int32_t kept = 0;
				const struct assignment *got = &play.group.assignments[m];
				for (int32_t i = 0; i < play.owned_count[m]; i++) {
					for (int32_t k = 0; k < got->count; k++) {
						kept += !memcmp(&play.owned[m][i],
							&got->partitions[k],
							sizeof(got->partitions[k]));
					}
				}
				int32_t owned = play.owned_count[m];
				assert_true(kept >= (owned < share ? owned : share));
			}
			play_take(&play);
			arena_fini(&play.group.arena);
			play_change(&play);
		}
		play_fini(&play);
	}
	random_seed(0);
}

static void a_settled_group_stays_as_it_is(void **state)
{
	(void)state;
	static struct play play;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		random_seed(seed);
		memset(&play, 0, sizeof(play));
		play_init(&play, seed % 2 ? ASSIGNOR_STICKY : ASSIGNOR_COOPERATIVE_STICKY,
			seed % 3 != 0);
		for (int i = 0; i < 5; i++) {
			play_join(&play);
		}
		for (int round = 0; round < 4; round++) {
			arena_init(&play.group.arena, 0);
			play_assign(&play, &play.group.arena);
			for (int32_t m = 0; m < 5 && round >= 2; m++) {
				const struct assignment *got = &play.group.assignments[m];
				assert_int_equal(got->count, play.owned_count[m]);
				assert_memory_equal(got->partitions, play.owned[m],
					(size_t)got->count * sizeof(*got->partitions));
			}
			play_take(&play);
			arena_fini(&play.group.arena);
		}
		play_fini(&play);
	}
	random_seed(0);
}

/* User data comes from other members: whatever it is, each partition still has one owner. */
static void hostile_user_data_does_no_harm(void **state)
{
	(void)state;
	static struct play play;
	uint8_t noise[64];
	for (uint64_t seed = 1; seed <= 300; seed++) {
		random_seed(seed);
		memset(&play, 0, sizeof(play));
		play_init(&play, seed % 2 ? ASSIGNOR_STICKY : ASSIGNOR_COOPERATIVE_STICKY,
			seed % 3 != 0);
		for (int i = 0; i < 4; i++) {
			play_join(&play);
		}
		arena_init(&play.group.arena, 0);
		play_assign(&play, &play.group.arena);
		play_take(&play);
		arena_fini(&play.group.arena);
		for (int32_t m = 0; m < 4; m++) {
			struct buf *data = &play.user_data[m];
			switch (random_below(4)) {
			case 0:
				random_bytes(noise, sizeof(noise));
				buf_add(data, noise, 1 + random_below(sizeof(noise)));
				break;
			case 1:
				data->len = random_below(data->len + 1);
				break;
			case 2:
				if (data->len > 4) {
					data->data[random_below(data->len)] ^= 0x81;
				}
				break;
			default: /* claims what another member has */
				buf_reset(data);
				buf_add(data, play.user_data[(m + 1) % 4].data,
					play.user_data[(m + 1) % 4].len);
				play.owned_count[m] = play.owned_count[(m + 1) % 4];
				memcpy(play.owned[m], play.owned[(m + 1) % 4],
					sizeof(play.owned[m]));
			}
		}
		arena_init(&play.group.arena, 0);
		play_assign(&play, &play.group.arena);
		check_owners(&play, play.assignor == ASSIGNOR_STICKY);
		arena_fini(&play.group.arena);
		play_fini(&play);
	}
	random_seed(0);
}

static void memory_that_gives_out_is_an_error(void **state)
{
	(void)state;
	static struct play play;
	for (int i = 0; i < ASSIGNOR_COUNT * 2; i++) {
		struct weir_err err;
		enum weir_code code = WEIR_NO_MEMORY;
		random_seed((uint64_t)i + 1);
		memset(&play, 0, sizeof(play));
		play_init(&play, (enum assignor)(i % ASSIGNOR_COUNT), i < ASSIGNOR_COUNT);
		for (int m = 0; m < 6; m++) {
			play_join(&play);
		}
		for (uint64_t n = 1; code; n++) {
			arena_init(&play.group.arena, 0);
			mem_fail_after(n);
			code = assignor_assign(play.assignor, play.group.topics,
				play.group.topic_count, play.group.members, play.group.member_count,
				&play.group.arena, play.group.assignments, &err);
			mem_fail_after(0);
			arena_fini(&play.group.arena);
			assert_true(code == WEIR_OK || code == WEIR_NO_MEMORY);
			assert_true(n < 1000);
		}
		play_fini(&play);
	}
	random_seed(0);
}

int main(int argc, char **argv)
{
	cases_path = argc > 1 ? argv[1] : NULL;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_those_of_the_java_client),
		cmocka_unit_test(every_partition_has_one_owner_and_loads_are_even),
		cmocka_unit_test(sticky_members_keep_their_share),
		cmocka_unit_test(a_settled_group_stays_as_it_is),
		cmocka_unit_test(hostile_user_data_does_no_harm),
		cmocka_unit_test(memory_that_gives_out_is_an_error),
	};
	return RUN(tests);
}
