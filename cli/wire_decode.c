/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/wire_input.h"
#include "cli/wire_text.h"
#include "core/wire/annotate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEX_BYTES_MAX = 16, DEPTH_MAX = 12, NAME_MAX_BYTES = 96 };

struct wire_decode_args {
	const char *response;
	bool hex;
	bool bare;
};

static const struct opt opts[] = {
	OPT_STR(struct wire_decode_args, response, .name = "response", .arg = "API:VERSION",
		.help = "The frames are answers of this API and version (Fetch:13, or 1:13); "
			"without "
			"it they are requests, which say so themselves."),
	OPT_BOOL(struct wire_decode_args, hex, .name = "hex",
		.help = "The input is hexadecimal text; spaces and line ends do not matter."),
	OPT_BOOL(struct wire_decode_args, bare, .name = "bare",
		.help = "One frame without the four bytes of its length."),
	OPT_END,
};

static const struct column columns[] = {
	{"frame", COLUMN_NUMBER, "Number of the frame, from 0."},
	{"position", COLUMN_NUMBER, "Byte position in the input."},
	{"size", COLUMN_NUMBER, "Bytes."},
	{"bytes", COLUMN_TEXT, "The first of them, hexadecimal."},
	{"field", COLUMN_TEXT, "Path of the field, in the names of Kafka's message definitions."},
	{"value", COLUMN_TEXT, "What they say; null is null."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir wire decode request.bin", "Explains every byte of captured requests."},
	{"od -An -v -tx1 answer.bin | weir wire decode --hex --response Metadata:12",
		"Explains an answer, given as hexadecimal text."},
	{NULL, NULL},
};

static enum weir_code wire_decode_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_wire_decode = {
	.path = "wire decode",
	.summary = "Explains captured frames of the Kafka protocol byte by byte.",
	.details = "Reads frames as they stand on a connection, each with its length before it, "
		   "from a "
		   "file or standard input. Bytes that are no frame are named with their position; "
		   "what "
		   "came before them is explained all the same.",
	.positional = "[FILE]",
	.positional_max = 1,
	.opts = opts,
	.args_size = sizeof(struct wire_decode_args),
	.columns = columns,
	.examples = examples,
	.run = wire_decode_run,
};

struct decode {
	struct table *table;
	struct slice input;
	size_t pos;   /* of the frame's first byte that is not explained yet */
	size_t begin; /* where the message begins that notes count from */
	int64_t frame;
	const struct wire_api *api; /* of --response; else of the frame */
	int16_t version;
	const char *names[DEPTH_MAX];
	int32_t indexes[DEPTH_MAX];
};

static void put_row(struct decode *d, size_t pos, size_t len, const char *field, const char *value)
{
	char hex[HEX_BYTES_MAX * 3 + 4] = "";
	size_t shown = len < HEX_BYTES_MAX ? len : HEX_BYTES_MAX, at = 0;
	for (size_t i = 0; i < shown; i++) {
		at += (size_t)snprintf(
			hex + at, sizeof(hex) - at, "%s%02x", i ? " " : "", d->input.data[pos + i]);
	}
	if (len > shown) {
		snprintf(hex + at, sizeof(hex) - at, " ..");
	}
	table_number(d->table, d->frame);
	table_number(d->table, (int64_t)pos);
	table_number(d->table, (int64_t)len);
	table_text(d->table, hex);
	table_text(d->table, field);
	table_text(d->table, value);
}

/* "topics[0].partitions[2].index" */
static void path_of(struct decode *d, const struct wire_note *note, char *text, size_t room)
{
	int depth = note->depth < DEPTH_MAX ? note->depth : DEPTH_MAX - 1;
	size_t len = 0;
	d->names[depth] = note->value.name;
	d->indexes[depth] = note->index;
	text[0] = '\0';
	for (int i = 0; i <= depth && len < room; i++) {
		if (d->names[i]) {
			len += (size_t)snprintf(
				text + len, room - len, "%s%s", len ? "." : "", d->names[i]);
		} else {
			len += (size_t)snprintf(text + len, room - len, "[%d]", (int)d->indexes[i]);
		}
	}
}

static void take_note(void *arg, const struct wire_note *note)
{
	struct decode *d = arg;
	char path[NAME_MAX_BYTES * DEPTH_MAX];
	path_of(d, note, path, sizeof(path));
	if (note->value.kind == WIRE_EVENT_OBJECT && !note->len) {
		return;
	}
	struct buf value;
	buf_init(&value, 0);
	wire_text_value(&note->value, &value);
	put_row(d, d->begin + note->pos, note->len, path,
		note->value.kind == WIRE_EVENT_NULL ? NULL : buf_str(&value));
	buf_fini(&value);
}

/* A number of the header; the bytes are there. */
static void put_number(struct decode *d, size_t pos, size_t len, const char *field, int64_t number,
	const char *more)
{
	char value[96];
	snprintf(
		value, sizeof(value), "%" PRId64 "%s%s", number, more ? " " : "", more ? more : "");
	put_row(d, pos, len, field, value);
}

static enum weir_code request_header(struct decode *d, struct slice frame, struct weir_err *err)
{
	struct wire_request_header header;
	size_t used;
	enum weir_code code = wire_request_header_decode(frame, &header, &used, err);
	if (code) {
		return code;
	}
	const uint8_t *p = d->input.data;
	const struct wire_api *api = wire_api(header.api_key);
	size_t at = (size_t)(frame.data - p),
	       name = header.client_id.data ? header.client_id.len : 0;
	struct buf id;
	put_number(d, at, 2, "request_api_key", header.api_key, api ? api->name : NULL);
	put_number(d, at + 2, 2, "request_api_version", header.version, NULL);
	put_number(d, at + 4, 4, "correlation_id", header.correlation_id, NULL);
	buf_init(&id, 0);
	text_escape(&id, header.client_id, "");
	put_row(d, at + 8, 2 + name, "client_id", header.client_id.data ? buf_str(&id) : NULL);
	buf_fini(&id);
	if (used > 10 + name) {
		put_row(d, at + 10 + name, used - 10 - name, "header tags", "");
	}
	d->api = api;
	d->version = header.version;
	d->begin = at + used;
	return api ? WEIR_OK
		   : err_set(err, WEIR_BAD_DATA, "api key %d is not known", (int)header.api_key);
}

static enum weir_code response_header(struct decode *d, struct slice frame, struct weir_err *err)
{
	int32_t id;
	size_t used, at = (size_t)(frame.data - d->input.data);
	enum weir_code code =
		wire_response_header_decode(d->api->key, d->version, frame, &id, &used, err);
	if (code) {
		return code;
	}
	put_number(d, at, 4, "correlation_id", id, d->api->name);
	if (used > 4) {
		put_row(d, at + 4, used - 4, "header tags", "");
	}
	d->begin = at + used;
	return WEIR_OK;
}

static enum weir_code decode_frame(
	struct decode *d, struct slice frame, bool response, struct weir_err *err)
{
	enum weir_code code =
		response ? response_header(d, frame, err) : request_header(d, frame, err);
	if (code) {
		return code;
	}
	size_t used = 0, end = (size_t)(frame.data - d->input.data) + frame.len;
	code = wire_annotate(response ? d->api->response : d->api->request, d->version,
		slice_of(d->input.data + d->begin, end - d->begin), take_note, d, &used, err);
	size_t left = end - d->begin - used;
	if (!code && left) {
		put_row(d, end - left, left, "trailing bytes", "");
		code = err_set(err, WEIR_BAD_DATA, "%zu bytes behind %s version %d", left,
			d->api->name, (int)d->version);
	}
	return code;
}

/* The next frame of the input; its length is explained. */
static enum weir_code next_frame(
	struct decode *d, bool bare, struct slice *frame, struct weir_err *err)
{
	size_t left = d->input.len - d->pos;
	if (bare) {
		*frame = slice_of(d->input.data + d->pos, left);
		d->pos = d->input.len;
		return WEIR_OK;
	}
	if (left < 4) {
		return err_set(
			err, WEIR_BAD_DATA, "%zu bytes are left, a frame's length has 4", left);
	}
	uint32_t len = be32_get(d->input.data + d->pos);
	if (len > left - 4) {
		return err_set(err, WEIR_BAD_DATA, "length %d, but %zu bytes are left", (int)len,
			left - 4);
	}
	put_number(d, d->pos, 4, "length", len, NULL);
	*frame = slice_of(d->input.data + d->pos + 4, len);
	d->pos += 4 + (size_t)len;
	return WEIR_OK;
}

static enum weir_code decode_all(
	struct decode *d, const struct wire_decode_args *args, struct weir_err *err)
{
	for (d->frame = 0; d->pos < d->input.len; d->frame++) {
		struct slice frame = {0};
		size_t at = d->pos;
		enum weir_code code = next_frame(d, args->bare, &frame, err);
		if (code == WEIR_OK) {
			code = decode_frame(d, frame, args->response != NULL, err);
		}
		if (code != WEIR_OK) {
			err->code = WEIR_BAD_DATA;
			return err_wrap(err, "frame %" PRId64 " at byte %zu", d->frame, at);
		}
	}
	return WEIR_OK;
}

static enum weir_code wire_decode_run(void *opt_args, struct ctx *ctx, struct weir_err *err)
{
	const struct wire_decode_args *args = opt_args;
	struct decode d = {0};
	struct buf input;
	buf_init(&input, 0);
	enum weir_code code = args->response
				      ? wire_api_parse(ctx, args->response, &d.api, &d.version, err)
				      : WEIR_OK;
	if (code == WEIR_OK) {
		code = wire_input_read(
			ctx->word_count ? ctx->words[0] : "-", args->hex, &input, err);
	}
	if (code == WEIR_OK) {
		d.input = slice_of(input.data, input.len);
		d.table = table_new(ctx, columns);
		code = decode_all(&d, args, err);
		table_end(&d.table);
	}
	buf_fini(&input);
	return code;
}
