/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/buf.h"
#include "core/base/random.h"
#include "core/wire/json.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

/* One word an event: "topics[" "{" "name=text" "}" "]". */
static void write_word(void *arg, const struct wire_event *event)
{
	struct buf *out = arg;
	static const char *const marks[] = {[WIRE_EVENT_OBJECT] = "{",
		[WIRE_EVENT_OBJECT_END] = "}",
		[WIRE_EVENT_ARRAY] = "[",
		[WIRE_EVENT_ARRAY_END] = "]",
		[WIRE_EVENT_NULL] = "=null"};
	char id[UUID_TEXT_LEN + 1];
	buf_add_str(out, out->len ? " " : "");
	buf_add_str(out, event->name ? event->name : "");
	switch (event->kind) {
	case WIRE_EVENT_BOOL:
	case WIRE_EVENT_NUMBER:
		buf_printf(out, "=%lld", (long long)event->number);
		break;
	case WIRE_EVENT_REAL:
		buf_printf(out, "=%g", event->real);
		break;
	case WIRE_EVENT_UUID:
		uuid_format(event->uuid, id);
		buf_printf(out, "=%s", id);
		break;
	case WIRE_EVENT_TEXT:
	case WIRE_EVENT_BYTES:
		buf_printf(
			out, "=\"%.*s\"", (int)event->bytes.len, (const char *)event->bytes.data);
		break;
	default:
		buf_add_str(out, marks[event->kind]);
	}
}

static void check_view(
	const struct wire_message *msg, int16_t version, const void *in, const char *wanted)
{
	struct buf out;
	buf_init(&out, 0);
	wire_json_view(msg, version, in, write_word, &out);
	assert_string_equal(buf_str(&out), wanted);
	buf_fini(&out);
}

static void a_view_has_the_fields_of_the_version(void **state)
{
	(void)state;
	struct metadata_request_topic topics[2] = {
		{.name = slice_str("a")}, {.topic_id = {{0}}, .name = {0}}};
	struct metadata_request req = {
		.topics = topics, .topics_count = 2, .allow_auto_topic_creation = true};
	check_view(
		&metadata_request_message, 3, &req, "{ topics[ { name=\"a\" } { name=null } ] }");
	check_view(&metadata_request_message, 12, &req,
		"{ topics[ { topic_id=AAAAAAAAAAAAAAAAAAAAAA name=\"a\" } "
		"{ topic_id=AAAAAAAAAAAAAAAAAAAAAA name=null } ] "
		"allow_auto_topic_creation=1 include_topic_authorized_operations=0 }");
	req.topics_count = -1;
	check_view(&metadata_request_message, 1, &req, "{ topics=null }");
}

static void parts_lists_and_nulls_have_their_marks(void **state)
{
	(void)state;
	struct describe_topic_partitions_request_cursor cursor = {slice_str("t"), 3};
	struct describe_topic_partitions_request req = {.response_partition_limit = -1};
	check_view(&describe_topic_partitions_request_message, 0, &req,
		"{ topics[ ] response_partition_limit=-1 cursor=null }");
	req.cursor = &cursor;
	check_view(&describe_topic_partitions_request_message, 0, &req,
		"{ topics[ ] response_partition_limit=-1 cursor{ topic_name=\"t\" "
		"partition_index=3 } }");
	int8_t types[] = {2, 4};
	struct list_config_resources_request list = {types, 2};
	check_view(&list_config_resources_request_message, 1, &list, "{ resource_types[ =2 =4 ] }");
}

static void count_depth(void *arg, const struct wire_event *event)
{
	int *depth = arg;
	if (event->kind == WIRE_EVENT_OBJECT || event->kind == WIRE_EVENT_ARRAY) {
		*depth += 1;
	} else if (event->kind == WIRE_EVENT_OBJECT_END || event->kind == WIRE_EVENT_ARRAY_END) {
		*depth -= 1;
	}
	assert_true(*depth >= 0);
}

static void every_message_ends_what_it_begins(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 0);
	random_seed(11);
	const struct wire_api *api;
	for (size_t i = 0; (api = wire_api_at(i)); i++) {
		const struct wire_message *msg = i % 2 ? api->request : api->response;
		void *in = arena_try(&arena, msg->part->size);
		assert_non_null(in);
		assert_true(wire_random_fill(msg, api->max, &arena, in));
		int depth = 0;
		wire_json_view(msg, api->max, in, count_depth, &depth);
		assert_int_equal(depth, 0);
	}
	random_seed(0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_view_has_the_fields_of_the_version),
		cmocka_unit_test(parts_lists_and_nulls_have_their_marks),
		cmocka_unit_test(every_message_ends_what_it_begins),
	};
	return RUN(tests);
}
