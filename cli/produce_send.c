/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the input's rows to the producer, and what is shown of it. */
#include "cli/produce_priv.h"

#include "cli/interrupt.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <poll.h>

bool produce_skips(struct produce *p, enum weir_code code, const struct weir_err *why)
{
	enum { SHOWN = 3 };
	bool data = code == WEIR_BAD_DATA || code == WEIR_TOO_LARGE ||
		    code == WEIR_MESSAGE_TOO_LARGE || code == WEIR_RECORD_LIST_TOO_LARGE ||
		    code == WEIR_CORRUPT_MESSAGE;
	if (!data || p->args->on_error != PRODUCE_ON_ERROR_SKIP) {
		return false;
	}
	if (p->skipped++ < SHOWN) {
		ctx_warn(p->ctx, "skipped: %s", why->text);
	}
	return true;
}

void produce_delivered(void *arg, void *tag, int32_t partition, int64_t offset, int64_t timestamp,
	enum weir_code code, const char *text)
{
	struct produce *p = arg;
	const struct row *sent = tag;
	if (code != WEIR_OK) {
		struct weir_err why;
		err_set(&why, code, "%s", text ? text : err_info((int)code)->text);
		if (!produce_skips(p, code, &why) && !p->failed_count++) {
			p->failed = why;
		}
	} else if (p->report) {
		struct row row = sent ? *sent : row_none;
		struct weir_err err;
		row.topic = slice_str(p->topic);
		row.partition = partition;
		row.offset = offset;
		row.timestamp = timestamp;
		row.number = ++p->reported;
		if (format_print(p->report, &row, &p->style, &p->ctx->out, &err) != WEIR_OK &&
			!p->failed_count++) {
			p->failed = err;
		}
	}
	mem_free(tag);
}

/* Text printed as fields, with null as nothing or --null's. */
static void tee_text(struct produce *p, struct slice text)
{
	struct slice null_text = slice_str(p->args->null_text);
	out_text(&p->ctx->out, text.data ? text : null_text);
}

static enum weir_code tee(struct produce *p, const struct row *row, struct weir_err *err)
{
	struct out *out = &p->ctx->out;
	if (p->tee) {
		return format_print(p->tee, row, &p->style, out, err);
	}
	if (row->key.data) {
		tee_text(p, row->key);
		out_bytes(out, p->key_delim.data, p->key_delim.len);
	}
	tee_text(p, row->value);
	if (!p->args->whole) {
		out_bytes(out, p->delim.data, p->delim.len);
	}
	return WEIR_OK;
}

/* The record's own headers, then those of -H. */
static void set_headers(struct produce *p, const struct row *row, struct produce_record *record)
{
	size_t own = row->header_count;
	record->headers = p->headers;
	record->header_count = p->fixed_count + own;
	if (!own) {
		return;
	}
	if (!p->fixed_count) {
		record->headers = row->headers;
		return;
	}
	if (record->header_count > p->header_room) {
		p->header_room = record->header_count * 2;
		p->headers = mem_grow(p->headers, p->header_room, sizeof(*p->headers));
	}
	memmove(p->headers + own, p->headers, p->fixed_count * sizeof(*p->headers));
	memcpy(p->headers, row->headers, own * sizeof(*p->headers));
	record->headers = p->headers;
}

static void unset_headers(struct produce *p, const struct row *row)
{
	if (p->fixed_count && row->header_count) {
		memmove(p->headers, p->headers + row->header_count,
			p->fixed_count * sizeof(*p->headers));
	}
}

static enum weir_code send_row(struct produce *p, const struct row *row, struct weir_err *err)
{
	const struct produce_args *a = p->args;
	struct produce_record record = {.partition = a->partition,
		.timestamp = row->timestamp >= 0 ? row->timestamp : a->timestamp,
		.key = row->key.data || !a->key ? row->key : slice_str(a->key),
		.value = row->value};
	if (a->partition == PARTITION_UNSET) {
		record.partition = row->partition;
	}
	set_headers(p, row, &record);
	if (p->report_content) {
		struct row full = *row;
		full.key = record.key;
		full.headers = record.headers;
		full.header_count = record.header_count;
		record.tag = row_try_dup(&full);
		if (!record.tag) {
			unset_headers(p, row);
			return err_set(err, WEIR_NO_MEMORY, "no memory for --report");
		}
	}
	enum weir_code code = p->producer ? producer_send(p->producer, &record, err) : WEIR_OK;
	if (code != WEIR_OK || !p->producer) {
		mem_free(record.tag);
	}
	unset_headers(p, row);
	p->bytes += code == WEIR_OK ? (int64_t)(record.key.len + record.value.len) : 0;
	p->sent += code == WEIR_OK;
	return code;
}

bool produce_goes_on(const struct produce *p)
{
	return !interrupted() && !p->failed_count && !p->ctx->out.sys_errno;
}

/* Lets the producer work and the output out for wait_ms, or until fd (-1: none) has something. */
static enum weir_code work_for(struct produce *p, int fd, int64_t wait_ms, struct weir_err *err)
{
	enum weir_code code = p->producer ? producer_poll(p->producer, err) : WEIR_OK;
	if (code != WEIR_OK) {
		return code;
	}
	struct weir_err ignored; /* sticks in out */
	if (p->ctx->out.buf.len && out_flush(&p->ctx->out, &ignored) != WEIR_OK) {
		return WEIR_OK;
	}
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	poll(&ready, 1, (int)wait_ms);
	progress_show(&p->progress, p->sent, p->bytes);
	return WEIR_OK;
}

/* Input pauses: what is read goes out after its linger, at ever longer intervals. */
enum weir_code produce_idle(void *arg, int fd, struct weir_err *err)
{
	enum { FIRST_MS = 2, LAST_MS = 1000 };
	struct produce *p = arg;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	for (int64_t wait_ms = FIRST_MS; produce_goes_on(p) && poll(&ready, 1, 0) == 0;) {
		enum weir_code code = work_for(p, fd, wait_ms, err);
		if (code != WEIR_OK) {
			return code;
		}
		wait_ms = wait_ms * 2 < LAST_MS ? wait_ms * 2 : LAST_MS;
	}
	return produce_goes_on(p) ? WEIR_OK : err_set(err, WEIR_STOPPED, "stopped");
}

/* --rate: waits until the next record is due. */
static enum weir_code wait_turn(struct produce *p, struct weir_err *err)
{
	if (!p->rate_count) {
		return WEIR_OK;
	}
	double gap_ms = (double)p->rate_ms / (double)p->rate_count;
	int64_t due_ms = p->progress.started_ms + (int64_t)((double)p->sent * gap_ms);
	for (int64_t now_ms; produce_goes_on(p) && (now_ms = clock_mono_ms()) < due_ms;) {
		int64_t left_ms = due_ms - now_ms;
		enum weir_code code = work_for(p, -1, left_ms < 5 ? left_ms : 5, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

enum weir_code produce_send_all(struct produce *p, struct weir_err *err)
{
	enum { LOOK_EVERY = 256 };
	int64_t max = p->args->count;
	while (produce_goes_on(p) && (max < 0 || p->sent < max)) {
		struct row row;
		bool got;
		enum weir_code code = wait_turn(p, err);
		if (code == WEIR_OK) {
			code = input_next(p->input, &row, &got, err);
		}
		if (code == WEIR_BAD_DATA && produce_skips(p, code, err)) {
			code = input_skip(p->input, err);
			if (code == WEIR_OK) {
				continue;
			}
		}
		if (code != WEIR_OK || !got) {
			return code == WEIR_STOPPED && !produce_goes_on(p) ? WEIR_OK : code;
		}
		code = send_row(p, &row, err);
		if (code != WEIR_OK && produce_skips(p, code, err)) {
			continue;
		}
		if (code == WEIR_OK && p->args->tee) {
			code = tee(p, &row, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
		if (p->sent % LOOK_EVERY == 0) {
			progress_show(&p->progress, p->sent, p->bytes);
		}
	}
	return WEIR_OK;
}
