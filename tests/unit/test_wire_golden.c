/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests and answers recorded between other people's clients and Apache Kafka 4.3.1
 * (tests/data/wire/frames.jsonl: base64 of the frames without their length; trailing: bytes that
 * the client sent after the body; decoded: the bodies as another decoder reads them, names as
 * Kafka's).
 */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/wire/annotate.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct frame {
	const struct wire_api *api;
	int16_t version;
	const char *from;
	size_t trailing;
	json_t *row;
};

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Heap bytes of just the size. */
static struct slice unbase64(const char *text)
{
	size_t len = strcspn(text, "=") * 3 / 4;
	uint8_t *bytes = mem_new(len ? len : 1);
	uint32_t bits = 0;
	size_t out = 0, have = 0;
	for (; base64_digit(*text) >= 0; text++) {
		bits = bits << 6 | (uint32_t)base64_digit(*text);
		have += 6;
		if (have >= 8) {
			have -= 8;
			assert_true(out < len);
			bytes[out++] = (uint8_t)(bits >> have);
		}
	}
	assert_int_equal(out, len);
	return slice_of(bytes, len);
}

/* ErrorCode -> error_code. */
static void snake(const char *name, char *out, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; name[i]; i++) {
		if (isupper((unsigned char)name[i]) && i) {
			out[n++] = '_';
		}
		assert_true(n + 2 < room);
		out[n++] = (char)tolower((unsigned char)name[i]);
	}
	out[n] = '\0';
}

static void check_part(const struct wire_part *part, int16_t version, const void *in, json_t *json);

static void check_slice(const struct slice *value, bool text, json_t *json)
{
	if (json_is_null(json)) {
		assert_null(value->data);
		return;
	}
	assert_non_null(value->data);
	if (text) {
		assert_true(slice_equal(
			*value, slice_of(json_string_value(json), json_string_length(json))));
		return;
	}
	struct slice wanted = unbase64(json_string_value(json));
	assert_true(slice_equal(*value, wanted));
	mem_free((void *)(uintptr_t)wanted.data);
}

static void check_value(
	unsigned kind, const struct wire_part *part, int16_t version, const void *in, json_t *json)
{
	struct uuid id;
	switch (kind) {
	case WIRE_BOOL:
		assert_int_equal(*(const bool *)in, json_is_true(json));
		break;
	case WIRE_I8:
		assert_int_equal(*(const int8_t *)in, json_integer_value(json));
		break;
	case WIRE_I16:
		assert_int_equal(*(const int16_t *)in, json_integer_value(json));
		break;
	case WIRE_U16:
		assert_int_equal(*(const uint16_t *)in, json_integer_value(json));
		break;
	case WIRE_I32:
		assert_int_equal(*(const int32_t *)in, json_integer_value(json));
		break;
	case WIRE_I64:
		assert_true(*(const int64_t *)in == json_integer_value(json));
		break;
	case WIRE_F64:
		assert_true(*(const double *)in == json_number_value(json));
		break;
	case WIRE_UUID:
		assert_true(uuid_parse(slice_str(json_string_value(json)), &id));
		assert_true(uuid_equal(id, *(const struct uuid *)in));
		break;
	case WIRE_STRUCT:
		check_part(part, version, in, json);
		break;
	default:
		check_slice(in, kind == WIRE_STR, json);
	}
}

static void check_array(const struct wire_field *f, int16_t version, const void *part, json_t *json)
{
	int32_t count;
	memcpy(&count, (const char *)part + f->count_pos, sizeof(count));
	if (json_is_null(json)) {
		assert_int_equal(count, -1);
		return;
	}
	assert_int_equal(count, json_array_size(json));
	const char *items = *(void *const *)(const void *)((const char *)part + f->pos);
	for (int32_t i = 0; i < count; i++) {
		check_value(f->item, f->part, version, items + (size_t)i * f->item_size,
			json_array_get(json, (size_t)i));
	}
}

static void check_field(const struct wire_field *f, int16_t version, const void *part, json_t *json)
{
	const void *in = (const char *)part + f->pos;
	if (f->kind == WIRE_ARRAY) {
		check_array(f, version, part, json);
	} else if (f->kind == WIRE_OPTIONAL) {
		const void *value = *(void *const *)in;
		assert_int_equal(!value, json_is_null(json));
		if (value) {
			check_part(f->part, version, value, json);
		}
	} else {
		check_value(f->kind, f->part, version, in, json);
	}
}

/* Each name of json is a field with its value, and each field of the version is there. */
static void check_part(const struct wire_part *part, int16_t version, const void *in, json_t *json)
{
	assert_true(json_is_object(json));
	size_t seen = 0, here = 0;
	const char *name;
	json_t *value;
	json_object_foreach(json, name, value)
	{
		char field_name[100];
		snake(name, field_name, sizeof(field_name));
		for (size_t i = 0; i < part->field_count; i++) {
			const struct wire_field *f = &part->fields[i];
			if (strcmp(f->name, field_name) == 0) {
				check_field(f, version, in, value);
				seen++;
			}
		}
	}
	for (size_t i = 0; i < part->field_count; i++) {
		here += wire_range_has(part->fields[i].versions, version);
	}
	assert_int_equal(seen, json_object_size(json));
	assert_int_equal(seen, here);
}

/* Each note begins where the one before ended. */
static void note_follows(void *arg, const struct wire_note *note)
{
	size_t *at = arg;
	assert_int_equal(note->pos, *at);
	*at += note->len;
}

/* Notes cover every byte that decoding reads; of a body cut short they cover what is whole. */
static void check_notes(
	const struct wire_message *msg, int16_t version, struct slice body, size_t wanted)
{
	struct weir_err err;
	size_t used, at = 0;
	assert_ok(wire_annotate(msg, version, body, note_follows, &at, &used, &err));
	assert_int_equal(used, wanted);
	assert_int_equal(at, wanted);
	size_t step = wanted / 64 + 1;
	for (size_t len = 0; len < wanted; len += step) {
		uint8_t *cut = mem_new(len ? len : 1);
		memcpy(cut, body.data, len);
		at = 0;
		assert_int_equal(wire_annotate(msg, version, slice_of(cut, len), note_follows, &at,
					 &used, &err),
			WEIR_INVALID_REQUEST);
		assert_true(at <= len && used <= len);
		mem_free(cut);
	}
}

/* Decodes a body, encodes it again, compares the bytes, and with wanted (may be NULL) the values.
 */
static void check_body(const struct frame *frame, const struct wire_message *msg, struct slice body,
	size_t trailing, json_t *wanted)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct buf again;
	buf_init(&again, 0);
	struct weir_err err;
	size_t used;
	void *decoded = arena_try(&arena, msg->part->size);
	assert_non_null(decoded);
	assert_ok(wire_decode(msg, frame->version, body, &arena, decoded, &used, &err));
	assert_int_equal(used + trailing, body.len);
	assert_ok(wire_encode(msg, frame->version, decoded, &again, NULL, &err));
	if (again.len != used || (used && memcmp(again.data, body.data, used) != 0)) {
		fail_msg(
			"%s version %d of %s: other bytes", msg->name, frame->version, frame->from);
	}
	if (wanted) {
		check_part(msg->part, frame->version, decoded, wanted);
	}
	check_notes(msg, frame->version, body, used);
	buf_fini(&again);
	arena_fini(&arena);
}

static void check_request(const struct frame *frame, struct slice bytes)
{
	struct weir_err err;
	struct wire_request_header header;
	size_t used;
	assert_ok(wire_request_header_decode(bytes, &header, &used, &err));
	assert_int_equal(header.api_key, frame->api->key);
	assert_int_equal(header.version, frame->version);
	struct buf again;
	buf_init(&again, 0);
	wire_request_header_encode(&header, &again);
	assert_int_equal(again.len, used);
	assert_memory_equal(again.data, bytes.data, used);
	buf_fini(&again);
	json_t *decoded = json_object_get(frame->row, "decoded");
	check_body(frame, frame->api->request, slice_of(bytes.data + used, bytes.len - used),
		frame->trailing, json_object_get(decoded, "request"));
}

static void check_response(const struct frame *frame, struct slice bytes)
{
	struct weir_err err;
	int32_t correlation_id;
	size_t used;
	int16_t key = frame->api->key;
	assert_ok(wire_response_header_decode(
		key, frame->version, bytes, &correlation_id, &used, &err));
	struct buf again;
	buf_init(&again, 0);
	wire_response_header_encode(key, frame->version, correlation_id, &again);
	assert_int_equal(again.len, used);
	assert_memory_equal(again.data, bytes.data, used);
	buf_fini(&again);
	json_t *decoded = json_object_get(frame->row, "decoded");
	check_body(frame, frame->api->response, slice_of(bytes.data + used, bytes.len - used), 0,
		json_object_get(decoded, "response"));
}

static FILE *open_data(const char *name)
{
	char path[4096];
	const char *top = getenv("top_srcdir");
	snprintf(path, sizeof(path), "%s/tests/data/wire/%s", top ? top : ".", name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	return file;
}

typedef void frame_fn(const struct frame *frame, void *arg);

static void each_frame(frame_fn *visit, void *arg)
{
	FILE *file = open_data("frames.jsonl");
	json_error_t why;
	json_t *row;
	size_t seen = 0;
	while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &why))) {
		struct frame frame = {.row = row};
		frame.api = wire_api((int16_t)json_integer_value(json_object_get(row, "key")));
		frame.version = (int16_t)json_integer_value(json_object_get(row, "version"));
		frame.from = json_string_value(json_object_get(row, "from"));
		frame.trailing = (size_t)json_integer_value(json_object_get(row, "trailing"));
		assert_non_null(frame.api);
		visit(&frame, arg);
		seen++;
		json_decref(row);
	}
	assert_true(feof(file));
	fclose(file);
	assert_true(seen > 300);
}

static void check_frame(const struct frame *frame, void *arg)
{
	(void)arg;
	const char *request = json_string_value(json_object_get(frame->row, "request"));
	const char *response = json_string_value(json_object_get(frame->row, "response"));
	assert_true(request || response);
	if (request) {
		struct slice bytes = unbase64(request);
		check_request(frame, bytes);
		mem_free((void *)(uintptr_t)bytes.data);
	}
	if (response) {
		struct slice bytes = unbase64(response);
		check_response(frame, bytes);
		mem_free((void *)(uintptr_t)bytes.data);
	}
}

static void recorded_frames_decode_and_encode_to_the_same_bytes(void **state)
{
	(void)state;
	each_frame(check_frame, NULL);
}

/* Indexed by API key and version. */
struct coverage {
	bool request[80][32], response[80][32];
};

static void note_frame(const struct frame *frame, void *arg)
{
	struct coverage *seen = arg;
	assert_true(frame->api->key < 80 && frame->version >= 0 && frame->version < 32);
	bool *request = &seen->request[frame->api->key][frame->version];
	bool *response = &seen->response[frame->api->key][frame->version];
	*request = *request || json_is_string(json_object_get(frame->row, "request"));
	*response = *response || json_is_string(json_object_get(frame->row, "response"));
}

static void every_version_has_a_recorded_frame(void **state)
{
	(void)state;
	struct coverage seen = {0};
	each_frame(note_frame, &seen);
	const struct wire_api *api;
	for (size_t i = 0; (api = wire_api_at(i)); i++) {
		/* Produce 0 to 2 is advertised, but no message has these versions. */
		for (int16_t v = api->min; v <= api->max; v++) {
			if (!wire_range_has(api->request->versions, v)) {
				continue;
			}
			if (!seen.request[api->key][v] || !seen.response[api->key][v]) {
				fail_msg("no frame of %s version %d", api->name, v);
			}
		}
	}
}

/* Type or version, then the message. */
static void check_record_part(const struct wire_message *msg, int16_t version, int16_t first,
	const char *base64, json_t *wanted)
{
	struct slice bytes = unbase64(base64);
	assert_true(bytes.len >= 2);
	assert_int_equal((int16_t)be16_get(bytes.data), first);
	struct frame frame = {.version = version, .from = "the broker"};
	check_body(&frame, msg, slice_of(bytes.data + 2, bytes.len - 2), 0, wanted);
	mem_free((void *)(uintptr_t)bytes.data);
}

static void check_record(json_t *row)
{
	const char *topic = json_string_value(json_object_get(row, "topic"));
	int16_t type = (int16_t)json_integer_value(json_object_get(row, "type"));
	int16_t version = (int16_t)json_integer_value(json_object_get(row, "version"));
	json_t *decoded = json_object_get(row, "decoded");
	const char *value = json_string_value(json_object_get(row, "value"));
	const struct wire_record *record = wire_record(slice_str(topic), type);
	assert_non_null(record);
	check_record_part(record->key, 0, type, json_string_value(json_object_get(row, "key")),
		json_object_get(decoded, "key"));
	if (value) {
		check_record_part(
			record->value, version, version, value, json_object_get(decoded, "value"));
	}
}

/* tests/data/wire/records.jsonl: from the internal topics of a broker's data directory. */
static void records_of_internal_topics_decode_and_encode_to_the_same_bytes(void **state)
{
	(void)state;
	FILE *file = open_data("records.jsonl");
	json_error_t why;
	json_t *row;
	size_t seen = 0;
	while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &why))) {
		check_record(row);
		seen++;
		json_decref(row);
	}
	assert_true(feof(file));
	fclose(file);
	assert_true(seen > 40);
	assert_null(wire_record(slice_str("__consumer_offsets"), 99));
	assert_null(wire_record(slice_str("topic"), 1));
}

static const struct wire_message *payload_message(json_t *row)
{
	static const struct wire_message *const messages[] = {
		&consumer_protocol_subscription_message, &consumer_protocol_assignment_message};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const char *name = json_string_value(json_object_get(row, "message"));
		if (strcmp(messages[i]->name, name) == 0) {
			return messages[i];
		}
	}
	fail_msg("a payload of no known message");
	return NULL;
}

/*
 * tests/data/wire/payloads.jsonl: what consumers put into JoinGroup and SyncGroup, made and read by
 * Kafka's own classes.
 */
static void payloads_of_groups_decode_and_encode_to_the_same_bytes(void **state)
{
	(void)state;
	FILE *file = open_data("payloads.jsonl");
	json_error_t why;
	json_t *row;
	size_t seen = 0;
	while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &why))) {
		int16_t version = (int16_t)json_integer_value(json_object_get(row, "version"));
		check_record_part(payload_message(row), version, version,
			json_string_value(json_object_get(row, "bytes")),
			json_object_get(row, "decoded"));
		seen++;
		json_decref(row);
	}
	assert_true(feof(file));
	fclose(file);
	assert_true(seen > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_frames_decode_and_encode_to_the_same_bytes),
		cmocka_unit_test(every_version_has_a_recorded_frame),
		cmocka_unit_test(records_of_internal_topics_decode_and_encode_to_the_same_bytes),
		cmocka_unit_test(payloads_of_groups_decode_and_encode_to_the_same_bytes),
	};
	return RUN(tests);
}
