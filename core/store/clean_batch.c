/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What compaction leaves of one batch.
 *
 * A record stays when it is the newest of its key (by the map), and has a value or its delete
 * marker's time is not over. That time begins when the batch is compacted for the first time: the
 * batch then gets a delete horizon (KIP-534). A batch of magic 0 or 1 has no place for one and
 * stays whole or goes whole.
 */
#include "core/store/clean_priv.h"

#include "core/base/limits.h"
#include "core/base/mem.h"

void clean_scratch_init(struct clean_scratch *scratch)
{
	record_reader_init(&scratch->reader, LIMIT_DECOMPRESSED_DEFAULT);
	buf_init(&scratch->records, 0);
}

void clean_scratch_fini(struct clean_scratch *scratch)
{
	record_reader_fini(&scratch->reader);
	buf_fini(&scratch->records);
}

struct survey {
	int32_t read, kept;
	bool delete_marker; /* one is kept */
	int64_t first_timestamp, max_timestamp;
};

static bool marker_is_over(
	const struct clean_rules *rules, const struct batch *batch, const struct record *record)
{
	if (batch->magic < 2) {
		return record->timestamp >= 0 &&
		       rules->now_ms - record->timestamp > rules->delete_retention_ms;
	}
	return (batch->attributes & BATCH_DELETE_HORIZON) && batch->base_timestamp <= rules->now_ms;
}

static bool stays(const struct clean_rules *rules, const struct clean_verdict *verdict,
	const struct batch *batch, const struct record *record)
{
	if (verdict->discard) {
		return false;
	}
	if ((batch->attributes & BATCH_CONTROL) || record->offset >= rules->mapped_to) {
		return true;
	}
	if (!record->key.data || record->offset < offset_map_get(rules->map, record->key)) {
		return false;
	}
	return record->value.data || !marker_is_over(rules, batch, record);
}

static enum weir_code take_survey(const struct clean_rules *rules,
	const struct clean_verdict *verdict, const struct batch *batch,
	struct record_reader *reader, struct survey *survey, struct weir_err *err)
{
	struct record record;
	bool got = true;
	*survey = (struct survey){.max_timestamp = -1};
	enum weir_code code = record_reader_start(reader, batch, err);
	while (!code && got) {
		code = record_reader_next(reader, &record, &got, err);
		if (code || !got) {
			break;
		}
		survey->read++;
		if (!stays(rules, verdict, batch, &record)) {
			continue;
		}
		if (!survey->kept++) {
			survey->first_timestamp = record.timestamp;
		}
		if (record.timestamp > survey->max_timestamp) {
			survey->max_timestamp = record.timestamp;
		}
		survey->delete_marker = survey->delete_marker || !record.value.data;
	}
	return code;
}

enum weir_code clean_batch_empty(const struct batch *batch, struct buf *out, struct weir_err *err)
{
	struct batch empty = *batch;
	empty.attributes &= BATCH_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL;
	empty.base_timestamp = -1;
	empty.record_count = 0;
	return batch_encode(&empty, slice_of(NULL, 0), CODEC_LEVEL_DEFAULT, out, err);
}

static enum weir_code rewrite(const struct clean_rules *rules, const struct clean_verdict *verdict,
	const struct batch *batch, const struct survey *survey, bool begin_horizon,
	struct clean_scratch *scratch, struct buf *out, struct weir_err *err)
{
	struct batch fewer = *batch;
	struct record record;
	bool got = true;
	if (begin_horizon) {
		fewer.attributes |= BATCH_DELETE_HORIZON;
		fewer.base_timestamp = rules->now_ms + rules->delete_retention_ms;
		if (rules->delete_retention_ms > INT64_MAX - rules->now_ms) {
			fewer.base_timestamp = INT64_MAX;
		}
	} else if (!(batch->attributes & BATCH_DELETE_HORIZON)) {
		fewer.base_timestamp = survey->first_timestamp;
	}
	fewer.max_timestamp = survey->max_timestamp;
	fewer.record_count = survey->kept;
	buf_reset(&scratch->records);
	enum weir_code code = record_reader_start(&scratch->reader, batch, err);
	while (!code && got) {
		code = record_reader_next(&scratch->reader, &record, &got, err);
		if (!code && got && stays(rules, verdict, batch, &record)) {
			record_append(&scratch->records, &record,
				(int64_t)((uint64_t)record.timestamp -
					  (uint64_t)fewer.base_timestamp),
				(int32_t)(record.offset - batch->base_offset));
		}
	}
	if (!code && scratch->records.failed) {
		code = err_set(err, WEIR_NO_MEMORY, "no memory for the records of a batch");
	}
	return code ? code
		    : batch_encode(&fewer, slice_of(scratch->records.data, scratch->records.len),
			      CODEC_LEVEL_DEFAULT, out, err);
}

static enum weir_code copy(const struct batch *batch, struct buf *out, struct weir_err *err)
{
	buf_add(out, batch->bytes.data, batch->bytes.len);
	return out->failed ? err_set(err, WEIR_NO_MEMORY, "no memory for a batch of %zu bytes",
				     batch->bytes.len)
			   : WEIR_OK;
}

enum weir_code clean_batch(const struct clean_rules *rules, const struct clean_verdict *verdict,
	const struct batch *batch, struct clean_scratch *scratch, struct buf *out,
	struct weir_err *err)
{
	struct survey survey = {0};
	if (batch->base_offset >= rules->mapped_to && !verdict->discard) {
		return copy(batch, out, err);
	}
	if (!verdict->discard) {
		enum weir_code code =
			take_survey(rules, verdict, batch, &scratch->reader, &survey, err);
		if (code) {
			return code;
		}
	}
	if (!survey.kept) {
		return verdict->keep_empty && batch->magic >= 2 ? clean_batch_empty(batch, out, err)
								: WEIR_OK;
	}
	bool begin_horizon = batch->magic >= 2 && (survey.delete_marker || verdict->unneeded) &&
			     !(batch->attributes & BATCH_DELETE_HORIZON);
	if (batch->magic < 2 || (survey.kept == survey.read && !begin_horizon)) {
		return copy(batch, out, err);
	}
	return rewrite(rules, verdict, batch, &survey, begin_horizon, scratch, out, err);
}
