/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every message in every version: round trips, cut bytes, changed bytes. */
#include "tests/unit/test.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

struct fixture {
	struct arena in_arena, out_arena;
	struct buf bytes, again;
	struct weir_err err;
};

static int set_up(void **state)
{
	struct fixture *fx = mem_new(sizeof(*fx));
	arena_init(&fx->in_arena, 0);
	arena_init(&fx->out_arena, 0);
	buf_init(&fx->bytes, 0);
	buf_init(&fx->again, 0);
	random_seed(4711);
	*state = fx;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fx = *state;
	arena_fini(&fx->in_arena);
	arena_fini(&fx->out_arena);
	buf_fini(&fx->bytes);
	buf_fini(&fx->again);
	mem_free(fx);
	random_seed(0);
	return 0;
}

typedef void visit_fn(struct fixture *fx, const struct wire_message *msg, int16_t version);

static void visit_message(struct fixture *fx, const struct wire_message *msg, visit_fn *visit)
{
	assert_true(msg->versions.min < msg->versions.end);
	for (int16_t v = msg->versions.min; v < msg->versions.end; v++) {
		visit(fx, msg, v);
	}
}

static void visit_all(struct fixture *fx, visit_fn *visit)
{
	const struct wire_api *api;
	size_t i = 0;
	for (; (api = wire_api_at(i)); i++) {
		visit_message(fx, api->request, visit);
		visit_message(fx, api->response, visit);
	}
	assert_true(i > 50);
	const struct wire_record *record;
	for (i = 0; (record = wire_record_at(i)); i++) {
		visit_message(fx, record->key, visit);
		visit_message(fx, record->value, visit);
	}
	assert_true(i > 10);
	visit_message(fx, &consumer_protocol_subscription_message, visit);
	visit_message(fx, &consumer_protocol_assignment_message, visit);
}

/* Fills a message and encodes it into fx->bytes. */
static void *make_random(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	arena_reset(&fx->in_arena, 0);
	void *in = arena_try(&fx->in_arena, msg->part->size);
	assert_non_null(in);
	assert_true(wire_random_fill(msg, version, &fx->in_arena, in));
	buf_reset(&fx->bytes);
	struct weir_err err;
	assert_ok(wire_encode(msg, version, in, &fx->bytes, NULL, &err));
	return in;
}

/* Decodes bytes copied to a block of just their size, so that a read past them is seen. */
static enum weir_code decode_copy(struct fixture *fx, const struct wire_message *msg,
	int16_t version, struct slice bytes, size_t cap, void **out, size_t *used)
{
	uint8_t *copy = bytes.len ? mem_new(bytes.len) : NULL;
	if (copy) {
		memcpy(copy, bytes.data, bytes.len);
	}
	arena_reset(&fx->out_arena, cap + msg->part->size + 16);
	*out = arena_try(&fx->out_arena, msg->part->size);
	assert_non_null(*out);
	enum weir_code code = wire_decode(
		msg, version, slice_of(copy, bytes.len), &fx->out_arena, *out, used, &fx->err);
	mem_free(copy);
	return code;
}

static void check_round_trip(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	for (int round = 0; round < 8; round++) {
		void *in = make_random(fx, msg, version);
		arena_reset(&fx->out_arena, 0);
		void *out = arena_try(&fx->out_arena, msg->part->size);
		assert_non_null(out);
		size_t used;
		struct weir_err err;
		assert_ok(wire_decode(msg, version, slice_of(fx->bytes.data, fx->bytes.len),
			&fx->out_arena, out, &used, &err));
		assert_int_equal(used, fx->bytes.len);
		if (!wire_equal(msg, in, out)) {
			fail_msg("%s version %d came back changed", msg->name, version);
		}
	}
}

static void every_message_survives_a_round_trip(void **state)
{
	visit_all(*state, check_round_trip);
}

static void check_prefixes(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	make_random(fx, msg, version);
	size_t step = 1 + fx->bytes.len / 256;
	for (size_t len = 0; len < fx->bytes.len; len += step) {
		void *out;
		size_t used;
		enum weir_code code = decode_copy(
			fx, msg, version, slice_of(fx->bytes.data, len), 1 << 20, &out, &used);
		if (code != WEIR_INVALID_REQUEST) {
			fail_msg("%s version %d, %zu of %zu bytes: %s", msg->name, version, len,
				fx->bytes.len, err_info(code)->name);
		}
	}
}

static void every_prefix_is_refused(void **state)
{
	visit_all(*state, check_prefixes);
}

/* What still decodes after a change must encode again, and come back the same. */
static void check_stays_sound(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	size_t cap = LIMIT_ARENA_FACTOR * fx->bytes.len + LIMIT_ARENA_BASE;
	uint8_t *copy = fx->bytes.len ? mem_dup(fx->bytes.data, fx->bytes.len) : NULL;
	arena_reset(&fx->out_arena, cap);
	void *out = arena_try(&fx->out_arena, msg->part->size);
	void *back = mem_new(msg->part->size);
	assert_non_null(out);
	size_t used;
	struct weir_err err;
	enum weir_code code = wire_decode(
		msg, version, slice_of(copy, fx->bytes.len), &fx->out_arena, out, &used, &err);
	assert_true(fx->out_arena.used_bytes <= cap);
	if (code == WEIR_OK) {
		buf_reset(&fx->again);
		assert_ok(wire_encode(msg, version, out, &fx->again, NULL, &err));
		arena_reset(&fx->in_arena, 0);
		assert_ok(wire_decode(msg, version, slice_of(fx->again.data, fx->again.len),
			&fx->in_arena, back, &used, &err));
		assert_true(wire_equal(msg, out, back));
	} else {
		assert_true(code == WEIR_INVALID_REQUEST || code == WEIR_NO_MEMORY);
	}
	mem_free(back);
	mem_free(copy);
}

static void check_changes(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	static const uint8_t evil[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	make_random(fx, msg, version);
	for (int i = 0; i < 200 && fx->bytes.len; i++) {
		size_t pos = (size_t)random_below(fx->bytes.len);
		size_t len = 1 + (size_t)random_below(4);
		uint8_t saved[4];
		len = len < fx->bytes.len - pos ? len : fx->bytes.len - pos;
		memcpy(saved, fx->bytes.data + pos, len);
		memset(fx->bytes.data + pos, evil[random_below(sizeof(evil))], len);
		check_stays_sound(fx, msg, version);
		memcpy(fx->bytes.data + pos, saved, len);
	}
}

static void changed_bytes_never_harm(void **state)
{
	visit_all(*state, check_changes);
}

static void check_defaults(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	arena_reset(&fx->in_arena, 0);
	void *in = arena_try(&fx->in_arena, msg->part->size);
	void *out = arena_try(&fx->in_arena, msg->part->size);
	assert_true(in && out);
	wire_defaults(msg, in);
	buf_reset(&fx->bytes);
	struct weir_err err;
	assert_ok(wire_encode(msg, version, in, &fx->bytes, NULL, &err));
	size_t used;
	assert_ok(wire_decode(msg, version, slice_of(fx->bytes.data, fx->bytes.len), &fx->in_arena,
		out, &used, &err));
}

static void defaults_can_be_sent(void **state)
{
	visit_all(*state, check_defaults);
}

static void check_table(const struct wire_part *part, int depth)
{
	assert_true(depth <= LIMIT_DECODE_DEPTH);
	assert_true(part->field_count > 0);
	for (size_t i = 0; i < part->field_count; i++) {
		const struct wire_field *f = &part->fields[i];
		assert_true(f->versions.min < f->versions.end);
		assert_true(f->pos < part->size);
		bool tagged = f->tagged.min < f->tagged.end;
		assert_true(!tagged || f->tagged.min >= f->versions.min);
		bool null_default = f->null_def && f->kind != WIRE_OPTIONAL;
		assert_true(!null_default || f->nullable.min < f->nullable.end);
		for (size_t j = 0; j < i && tagged; j++) {
			const struct wire_field *g = &part->fields[j];
			assert_true(g->tagged.min >= g->tagged.end || g->tag != f->tag);
		}
		if (f->part) {
			check_table(f->part, depth + 1);
		}
	}
}

static void check_random_bytes(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	for (int i = 0; i < 50; i++) {
		buf_reset(&fx->bytes);
		size_t len = (size_t)random_below(64);
		for (size_t j = 0; j < len; j++) {
			uint8_t byte;
			random_bytes(&byte, 1);
			buf_add_byte(&fx->bytes, random_below(3) ? byte & 3 : byte);
		}
		check_stays_sound(fx, msg, version);
	}
}

static void random_bytes_never_harm(void **state)
{
	visit_all(*state, check_random_bytes);
}

/* The first, second, third ... allocation fails, until none does. */
static void check_no_memory(struct fixture *fx, const struct wire_message *msg, int16_t version)
{
	void *in = make_random(fx, msg, version);
	struct slice bytes = slice_of(fx->bytes.data, fx->bytes.len);
	void *out = mem_new(msg->part->size);
	enum weir_code code = WEIR_NO_MEMORY;
	size_t used;
	for (uint64_t n = 1; code == WEIR_NO_MEMORY; n++) {
		arena_fini(&fx->out_arena);
		arena_init(&fx->out_arena, 0);
		mem_fail_after(n);
		code = wire_decode(msg, version, bytes, &fx->out_arena, out, &used, &fx->err);
		assert_true(code == WEIR_OK || code == WEIR_NO_MEMORY);
	}
	assert_true(wire_equal(msg, in, out));
	code = WEIR_NO_MEMORY;
	for (uint64_t n = 1; code == WEIR_NO_MEMORY; n++) {
		buf_fini(&fx->again);
		buf_init(&fx->again, 0);
		mem_fail_after(n);
		code = wire_encode(msg, version, in, &fx->again, NULL, &fx->err);
		assert_true(code == WEIR_OK || (code == WEIR_NO_MEMORY && !fx->again.len));
	}
	mem_fail_after(0);
	assert_int_equal(fx->again.len, bytes.len);
	mem_free(out);
}

static void memory_may_give_out_anywhere(void **state)
{
	visit_all(*state, check_no_memory);
}

static void tables_hold_together(void **state)
{
	(void)state;
	const struct wire_api *api;
	for (size_t i = 0; (api = wire_api_at(i)); i++) {
		check_table(api->request->part, 1);
		check_table(api->response->part, 1);
		assert_ptr_equal(wire_api(api->key), api);
		assert_true(wire_range_has(api->request->versions, api->max));
		assert_true(wire_range_has(api->response->versions, api->max));
		/* Produce 0 to 2 is advertised only. */
		assert_true(api->key == 0 || wire_range_has(api->request->versions, api->min));
		int16_t first = api->flexible == INT16_MAX ? 0 : api->flexible;
		assert_int_equal(api->request->flexible.min, first);
		assert_int_equal(api->response->flexible.min, first);
		assert_true(i == 0 || api->key > wire_api_at(i - 1)->key);
	}
	assert_null(wire_api(7));
	assert_null(wire_api(-1));
	assert_null(wire_api(INT16_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_hold_together),
		cmocka_unit_test_setup_teardown(
			every_message_survives_a_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_prefix_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changed_bytes_never_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_bytes_never_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_may_give_out_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(defaults_can_be_sent, set_up, tear_down),
	};
	return RUN(tests);
}
