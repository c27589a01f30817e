/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/wire_text.h"

#include "cli/out.h"
#include "core/record/batch.h"

#include <inttypes.h>
#include <string.h>

static void describe_records(struct slice records, struct buf *out)
{
	struct batch batch;
	size_t size = 0;
	int64_t first = -1, last = -1;
	int count = 0;
	struct slice left = records;
	while (left.len >= BATCH_PEEK_BYTES && !batch_peek(left, &size, NULL) && size <= left.len &&
		!batch_parse(slice_of(left.data, size), &batch, NULL)) {
		first = count++ ? first : batch.base_offset;
		last = batch_last_offset(&batch);
		left = slice_of(left.data + size, left.len - size);
	}
	buf_printf(out, "%d batch%s", count, count == 1 ? "" : "es");
	if (count) {
		buf_printf(out, ", offsets %" PRId64 " to %" PRId64, first, last);
	}
	if (left.len) {
		buf_printf(out, ", then %zu bytes", left.len);
	}
}

void wire_text_value(const struct wire_event *e, struct buf *out)
{
	char uuid[UUID_TEXT_LEN + 1];
	switch (e->kind) {
	case WIRE_EVENT_ARRAY:
		buf_printf(out, "%" PRId64 " item%s", e->number, e->number == 1 ? "" : "s");
		break;
	case WIRE_EVENT_BOOL:
		buf_printf(out, "%s", e->number ? "true" : "false");
		break;
	case WIRE_EVENT_NUMBER:
		buf_printf(out, "%" PRId64, e->number);
		if (e->name && strcmp(e->name, "error_code") == 0) {
			buf_printf(out, " %s", err_info((int)e->number)->name);
		}
		break;
	case WIRE_EVENT_REAL:
		buf_printf(out, "%.17g", e->real);
		break;
	case WIRE_EVENT_UUID:
		uuid_format(e->uuid, uuid);
		buf_printf(out, "%s", uuid);
		break;
	case WIRE_EVENT_TEXT:
		text_escape(out, e->bytes, "");
		break;
	case WIRE_EVENT_BYTES:
		if (e->name && strcmp(e->name, "records") == 0) {
			describe_records(e->bytes, out);
		} else {
			buf_printf(out, "%zu bytes", e->bytes.len);
		}
		break;
	default:
		break;
	}
}
