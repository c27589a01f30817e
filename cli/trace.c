/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is "-> PEER API vVERSION #CORRELATION BYTES {fields}", "<-" and the time waited for
 * answers. Fields stand as in JSON, but for records and bytes, which are described. What may be
 * secret is "***".
 */
#include "cli/trace.h"

#include "cli/wire_text.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/wire/json.h"
#include "core/wire/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1000 };

struct trace {
	struct connection_trace hook;
	bool whole;
};

struct writer {
	struct buf text;
	bool comma;
	bool secret; /* the values that follow belong to a name that looks like a secret's */
};

/* Fields whose values are secrets in any message, and names of configuration keys that have some.
 */
static const char *const secret_fields[] = {"auth_bytes", "salted_password", "salt", "hmac", NULL};
static const char *const secret_words[] = {
	"password", "secret", "jaas", "token", "keystore.key", "credential", NULL};

static bool is_secret_field(const char *name)
{
	for (size_t i = 0; name && secret_fields[i]; i++) {
		if (strcmp(secret_fields[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_secret_word(struct slice text)
{
	for (size_t i = 0; secret_words[i]; i++) {
		if (memmem(text.data, text.len, secret_words[i], strlen(secret_words[i]))) {
			return true;
		}
	}
	return false;
}

static void write_value(struct writer *w, const struct wire_event *event)
{
	bool named = event->kind == WIRE_EVENT_TEXT && event->name;
	bool quoted = event->kind == WIRE_EVENT_TEXT || event->kind == WIRE_EVENT_UUID;
	if (is_secret_field(event->name) || (w->secret && named && !strcmp(event->name, "value"))) {
		buf_add_str(&w->text, "\"***\"");
		return;
	}
	if (named && (!strcmp(event->name, "name") || !strcmp(event->name, "config_name"))) {
		w->secret = is_secret_word(event->bytes);
	}
	buf_add_str(&w->text, quoted ? "\"" : "");
	wire_text_value(event, &w->text);
	buf_add_str(&w->text, quoted ? "\"" : "");
}

static void write_event(void *arg, const struct wire_event *event)
{
	struct writer *w = arg;
	bool end = event->kind == WIRE_EVENT_OBJECT_END || event->kind == WIRE_EVENT_ARRAY_END;
	if (w->comma && !end) {
		buf_add_byte(&w->text, ',');
	}
	if (event->name) {
		buf_printf(&w->text, "%s:", event->name);
	}
	w->comma = true;
	switch (event->kind) {
	case WIRE_EVENT_OBJECT:
	case WIRE_EVENT_ARRAY:
		buf_add_byte(&w->text, event->kind == WIRE_EVENT_OBJECT ? '{' : '[');
		w->comma = false;
		break;
	case WIRE_EVENT_OBJECT_END:
	case WIRE_EVENT_ARRAY_END:
		buf_add_byte(&w->text, event->kind == WIRE_EVENT_OBJECT_END ? '}' : ']');
		break;
	case WIRE_EVENT_NULL:
		buf_add_str(&w->text, "null");
		break;
	default:
		write_value(w, event);
	}
}

static void write_body(struct writer *w, const struct connection_frame *frame)
{
	const struct wire_api *api = wire_api(frame->key);
	const struct wire_message *msg = frame->sent ? api->request : api->response;
	struct arena arena;
	struct weir_err err;
	size_t used;
	arena_init(&arena, 0);
	void *message = arena_try(&arena, msg->part->size);
	if (message &&
		!wire_decode(msg, frame->version, frame->body, &arena, message, &used, &err)) {
		wire_json_view(msg, frame->version, message, write_event, w);
	} else {
		buf_printf(&w->text, "%s", message ? err.text : "no memory");
	}
	arena_fini(&arena);
}

static void print_frame(void *arg, const struct connection_frame *frame)
{
	const struct trace *trace = arg;
	const struct wire_api *api = wire_api(frame->key);
	struct writer w = {0};
	buf_init(&w.text, 0);
	buf_printf(&w.text, "%s %s %s v%d #%d %zu bytes", frame->sent ? "->" : "<-", frame->peer,
		api->name, (int)frame->version, (int)frame->correlation_id, frame->body.len);
	if (!frame->sent) {
		buf_printf(&w.text, " %" PRId64 ".%03" PRId64 " ms", frame->waited_us / 1000,
			frame->waited_us % 1000);
	}
	buf_add_byte(&w.text, ' ');
	write_body(&w, frame);
	bool cut = !trace->whole && w.text.len > LINE_BYTES_MAX;
	fprintf(stderr, "%.*s%s\n", cut ? LINE_BYTES_MAX : (int)w.text.len, buf_str(&w.text),
		cut ? " ..." : "");
	buf_fini(&w.text);
}

struct trace *trace_new(bool whole)
{
	struct trace *trace = mem_new(sizeof(*trace));
	trace->whole = whole;
	trace->hook = (struct connection_trace){print_frame, trace};
	return trace;
}

void trace_free(struct trace **trace)
{
	mem_free(*trace);
	*trace = NULL;
}

const struct connection_trace *trace_hook(const struct trace *trace)
{
	return trace ? &trace->hook : NULL;
}
