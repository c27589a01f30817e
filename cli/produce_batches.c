/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole batches into one partition, as --batches of consume and segment files have them. */
#include "cli/produce_priv.h"

#include <inttypes.h>

static enum weir_code send_one(struct produce *p, struct slice bytes, struct weir_err *err)
{
	struct batch batch;
	int32_t count;
	buf_reset(&p->batch);
	enum weir_code code = batch_parse(bytes, &batch, err);
	if (code == WEIR_OK) {
		code = batch_check_crc(&batch, err);
	}
	if (code == WEIR_OK) {
		code = batch_republish(&batch, &p->reader, &p->batch, &count, err);
	}
	if (code != WEIR_OK) {
		int64_t pos;
		const char *name = input_place(p->input, &pos);
		return err_wrap(err, "%s: batch at byte %" PRId64, name, pos);
	}
	struct slice ready = slice_of(p->batch.data, p->batch.len);
	int32_t partition = p->args->partition < 0 ? 0 : p->args->partition;
	if (count && p->producer) {
		code = producer_send_batch(p->producer, partition, ready, count, err);
	}
	p->sent += code == WEIR_OK ? count : 0;
	p->bytes += code == WEIR_OK ? (int64_t)ready.len : 0;
	return code;
}

enum weir_code produce_send_batches(struct produce *p, struct weir_err *err)
{
	int64_t max = p->args->count;
	if (p->producer && p->args->partition < 0 && producer_partition_count(p->producer) > 1) {
		return err_set(err, WEIR_USAGE,
			"batches go into one partition, and topic \"%s\" has %d: -p says which",
			p->topic, (int)producer_partition_count(p->producer));
	}
	while (produce_goes_on(p) && (max < 0 || p->sent < max)) {
		struct slice bytes;
		bool got;
		enum weir_code code = input_next_batch(p->input, &bytes, &got, err);
		if (code != WEIR_OK || !got) {
			return code == WEIR_STOPPED && !produce_goes_on(p) ? WEIR_OK : code;
		}
		code = send_one(p, bytes, err);
		if (code != WEIR_OK && !produce_skips(p, code, err)) {
			return code;
		}
		progress_show(&p->progress, p->sent, p->bytes);
	}
	return WEIR_OK;
}
