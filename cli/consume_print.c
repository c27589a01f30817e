/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a record to what is printed of it. A record that fails leaves nothing of itself behind. */
#include "cli/consume_priv.h"

#include "cli/decode.h"
#include "cli/encode.h"

#include <inttypes.h>
#include <string.h>

static struct target *find_target(struct consume *c, const char *name)
{
	if (name == c->seen_name) {
		return c->seen;
	}
	for (size_t i = 0; i < c->target_count; i++) {
		if (strcmp(c->targets[i].name, name) == 0) {
			c->seen_name = name;
			c->seen = &c->targets[i];
			return c->seen;
		}
	}
	return NULL;
}

void consume_finish(struct consume *c, struct target *target, int32_t partition)
{
	target->spans[partition].over = true;
	consumer_finish(c->consumer, target->name, partition);
}

static void put_text(struct consume *c, struct slice text)
{
	struct out *out = c->out;
	if (text.data && c->args->encoding != ENCODING_TEXT) {
		encoding_put((enum encoding)c->args->encoding, &out->buf, text);
		out_bytes(out, NULL, 0);
		return;
	}
	out_text(out, text.data ? text : slice_str(c->args->null_text));
}

void consume_make_row(
	struct consume *c, const struct target *target, const struct consumed *got, struct row *row)
{
	const struct span *span = &target->spans[got->partition];
	*row = row_none;
	row_from_record(row, &c->headers, got->batch, &got->record);
	row->topic = slice_str(target->name);
	row->partition = got->partition;
	row->log_start = span->first;
	row->high_watermark = span->last;
	row->last_stable = span->last;
	row->number = c->printed + 1;
}

static enum weir_code put_row(struct consume *c, const struct row *row, struct weir_err *err)
{
	struct out *out = c->out;
	if (c->format) {
		return format_print(c->format, row, &c->style, out, err);
	}
	if (c->json) {
		envelope_print(out, row, &c->style.envelope);
		out_byte(out, '\n');
		return WEIR_OK;
	}
	if (c->args->key_delim) {
		put_text(c, row->key);
		out_bytes(out, c->key_delim.data, c->key_delim.len);
	}
	put_text(c, row->value);
	out_bytes(out, c->delim.data, c->delim.len);
	return WEIR_OK;
}

bool consume_skips(struct consume *c, enum weir_code code, const struct weir_err *why)
{
	enum { SHOWN = 3 };
	bool data = code == WEIR_BAD_DATA || code == WEIR_TOO_LARGE ||
		    code == WEIR_CORRUPT_MESSAGE || code == WEIR_UNSUPPORTED_COMPRESSION_TYPE;
	if (!data || c->args->on_error == ON_ERROR_FAIL) {
		return false;
	}
	if (c->skipped++ < SHOWN) {
		ctx_warn(c->ctx, "skipped: %s", why->text);
	}
	return true;
}

/* All of row, or nothing of it. */
static enum weir_code put_or_skip(
	struct consume *c, const struct row *row, bool *printed, struct weir_err *err)
{
	struct weir_err why;
	enum weir_code code = c->sink ? sink_out(c->sink, row, &c->out, &why) : WEIR_OK;
	struct out *out = c->out;
	size_t mark = 0;
	if (code == WEIR_OK) {
		mark = out_mark(out);
		code = put_row(c, row, &why);
	} else if (consume_skips(c, code, &why)) {
		*printed = false;
		return WEIR_OK;
	} else {
		*err = why;
		return code;
	}
	*printed = code == WEIR_OK;
	if (*printed) {
		out_keep(out);
		return WEIR_OK;
	}
	out_drop(out, mark);
	if (c->args->on_error == ON_ERROR_RAW && code == WEIR_BAD_DATA) {
		put_text(c, row->value);
		out_bytes(out, c->delim.data, c->delim.len);
		*printed = true;
		return WEIR_OK;
	}
	if (consume_skips(c, code, &why)) {
		return WEIR_OK;
	}
	*err = why;
	return code;
}

enum weir_code consume_wants(struct consume *c, const struct row **row, struct row *decoded,
	bool *wanted, struct weir_err *err)
{
	const char *command = c->args->decode;
	if (!command || !(*row)->value.data) {
		return filters_match(c->filters, FILTERS_ALL, *row, wanted, err);
	}
	struct weir_err why;
	enum weir_code code = filters_match(c->filters, FILTERS_OF_REST, *row, wanted, err);
	if (code != WEIR_OK || !*wanted) {
		return code;
	}
	code = decode_run(command, *row, &c->decoded, &why);
	if (code == WEIR_OK) {
		*decoded = **row;
		decoded->value = slice_of(
			c->decoded.len ? (const void *)c->decoded.data : "", c->decoded.len);
		*row = decoded;
	} else if (code != WEIR_BAD_DATA || c->args->on_error != ON_ERROR_RAW) {
		*err = why;
		return code;
	}
	return filters_match(c->filters, FILTERS_OF_VALUE, *row, wanted, err);
}

enum weir_code consume_put(
	struct consume *c, const struct row *row, bool *printed, struct weir_err *err)
{
	struct row decoded;
	struct weir_err why;
	enum weir_code code = consume_wants(c, &row, &decoded, printed, &why);
	if (code != WEIR_OK) {
		*printed = false;
		err_wrap(&why, "record at offset %" PRId64, row->offset);
		if (consume_skips(c, code, &why)) {
			return WEIR_OK;
		}
		*err = why;
		return code;
	}
	if (!*printed) {
		return WEIR_OK;
	}
	code = put_or_skip(c, row, printed, err);
	c->printed += *printed;
	return code;
}

enum weir_code consume_take_record(
	struct consume *c, const struct consumed *got, struct weir_err *err)
{
	struct target *target = find_target(c, got->topic);
	struct span *span = &target->spans[got->partition];
	struct row row;
	bool printed;
	if (got->record.offset < span->wanted) {
		return WEIR_OK;
	}
	if (span->until_ms >= 0 && got->record.timestamp >= span->until_ms) {
		consume_finish(c, target, got->partition);
		return WEIR_OK;
	}
	consume_make_row(c, target, got, &row);
	if (c->args->latest) {
		return consume_latest_take(c, &row, err);
	}
	enum weir_code code = consume_put(c, &row, &printed, err);
	if (code == WEIR_OK && printed && ++span->printed == c->args->per_partition) {
		consume_finish(c, target, got->partition);
	}
	return code;
}

enum weir_code consume_take_batch(
	struct consume *c, const struct consumed *got, struct weir_err *err)
{
	const struct batch *batch = got->batch;
	struct row row = row_none;
	row.topic = slice_str(got->topic);
	row.partition = got->partition;
	row.offset = batch->base_offset;
	row.timestamp = batch->base_timestamp;
	row.attributes = batch->attributes;
	enum weir_code code = c->sink ? sink_out(c->sink, &row, &c->out, err) : WEIR_OK;
	if (code == WEIR_OK) {
		out_bytes(c->out, batch->bytes.data, batch->bytes.len);
		c->printed += batch->record_count > 0 ? batch->record_count : 1;
	}
	return code;
}
