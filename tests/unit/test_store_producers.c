/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Idempotence and transactions on the log: what is taken, what is known after, what is on disk. */
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/record/txn_marker.h"
#include "core/store/data_dir.h"

#include <sys/stat.h>

enum { TXN = BATCH_TRANSACTIONAL };

static void make_as(int64_t id, int16_t epoch, int32_t sequence, int count, int16_t attributes,
	int64_t timestamp, struct buf *out)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < count; i++) {
		assert_ok(batch_builder_add(
			&builder, timestamp, slice_str("k"), slice_str("value"), NULL, 0, &err));
	}
	assert_ok(batch_builder_finish(&builder, id, epoch, sequence, attributes, out, &err));
	batch_builder_fini(&builder);
}

/* A batch of count records; its base offset, or the error. */
static int64_t put(struct log *log, int64_t id, int16_t epoch, int32_t sequence, int count,
	int16_t attributes, enum append_origin origin)
{
	struct weir_err err;
	struct buf bytes;
	struct log_append_ask ask = {.origin = origin};
	struct log_appended appended;
	buf_init(&bytes, 0);
	make_as(id, epoch, sequence, count, attributes, clock_wall_ms(), &bytes);
	enum weir_code code = log_append_from(log, bytes.data, bytes.len, &ask, &appended, &err);
	buf_fini(&bytes);
	return code ? -(int64_t)code - 1000 : appended.base_offset;
}

static int64_t client(struct log *log, int64_t id, int16_t epoch, int32_t sequence, int count)
{
	return put(log, id, epoch, sequence, count, 0, APPEND_FROM_CLIENT);
}

static int64_t mark(struct log *log, int64_t id, int16_t epoch, bool commit, int32_t coordinator,
	int16_t version)
{
	struct weir_err err;
	struct buf bytes;
	struct log_append_ask ask = {
		.origin = APPEND_FROM_COORDINATOR, .transaction_version = version};
	struct log_appended appended;
	struct txn_marker marker = {commit, coordinator, clock_wall_ms()};
	buf_init(&bytes, 0);
	assert_ok(txn_marker_build(&marker, id, epoch, &bytes, &err));
	enum weir_code code = log_append_from(log, bytes.data, bytes.len, &ask, &appended, &err);
	buf_fini(&bytes);
	return code ? -(int64_t)code - 1000 : appended.base_offset;
}

#define REFUSED(code) (-(int64_t)(code)-1000)

/* The sequences of golden/wire/errors.md, "i-". */
static void sequences_are_judged_as_kafka_does(void **state)
{
	(void)state;
	struct scratch scratch;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	/* Once, and again. */
	assert_int_equal(client(log, 1, 0, 0, 1), 0);
	assert_int_equal(client(log, 1, 0, 0, 1), 0);
	assert_int_equal(log_end_offset(log), 1);
	/* The oldest of five is still known, the sixth is not. */
	for (int i = 1; i < 5; i++) {
		assert_int_equal(client(log, 1, 0, i, 1), i);
	}
	assert_int_equal(client(log, 1, 0, 0, 1), 0);
	assert_int_equal(client(log, 1, 0, 5, 1), 5);
	assert_int_equal(client(log, 1, 0, 0, 1), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(client(log, 1, 0, 1, 1), 1);
	/* A gap; a batch that overlaps. */
	assert_int_equal(client(log, 1, 0, 7, 1), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(client(log, 2, 0, 0, 3), 6);
	assert_int_equal(client(log, 2, 0, 1, 3), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(client(log, 2, 0, 0, 2), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	/* Nothing is known of it: any sequence. */
	assert_int_equal(client(log, 3, 4, 5, 1), 9);
	assert_int_equal(client(log, 3, 4, 6, 1), 10);
	/* Epochs. */
	assert_int_equal(client(log, 3, 5, 1, 1), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(client(log, 3, 5, 0, 1), 11);
	assert_int_equal(client(log, 3, 4, 7, 1), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	assert_int_equal(client(log, 3, 4, 6, 1), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	assert_int_equal(client(log, 3, 5, 1, 1), 12);
	/* 2147483647 is followed by 0, also inside a batch. */
	assert_int_equal(client(log, 4, 0, INT32_MAX, 1), 13);
	assert_int_equal(client(log, 4, 0, 0, 1), 14);
	assert_int_equal(client(log, 5, 0, INT32_MAX - 1, 4), 15);
	assert_int_equal(client(log, 5, 0, 2, 1), 19);
	assert_int_equal(client(log, 5, 0, INT32_MAX - 1, 4), 15);
	/* Without an id nothing is looked at. */
	assert_int_equal(client(log, -1, 0, 0, 1), 20);
	assert_int_equal(client(log, -1, 0, 0, 1), 21);
	struct producer *list;
	size_t count;
	log_producers(log, &list, &count);
	assert_int_equal(count, 5);
	assert_int_equal(list[2].epoch, 5);
	assert_int_equal(producer_last_sequence(&list[2]), 1);
	mem_free(list);
	close_log(log);
	scratch_drop(&scratch);
}

static void transactions_begin_and_end(void **state)
{
	(void)state;
	struct scratch scratch;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	assert_int_equal(client(log, -1, -1, -1, 2), 0);
	assert_int_equal(log_last_stable_offset(log, 2), 2);
	assert_int_equal(put(log, 7, 0, 0, 2, TXN, APPEND_FROM_CLIENT), 2);
	assert_int_equal(log_last_stable_offset(log, 2), 2);
	assert_int_equal(log_last_stable_offset(log, 4), 2);
	/* Plain records of the same producer do not belong in between. */
	assert_int_equal(client(log, 7, 0, 2, 1), REFUSED(WEIR_INVALID_TXN_STATE));
	assert_int_equal(put(log, 8, 0, 0, 1, TXN, APPEND_FROM_CLIENT), 4);
	assert_int_equal(put(log, 7, 0, 2, 1, TXN, APPEND_FROM_CLIENT), 5);
	assert_int_equal(log_last_stable_offset(log, 6), 2);
	/* Stable once the marker is below the high watermark. */
	assert_int_equal(mark(log, 7, 0, true, 3, 0), 6);
	assert_int_equal(log_last_stable_offset(log, 6), 2);
	assert_int_equal(log_last_stable_offset(log, 7), 4);
	assert_int_equal(mark(log, 8, 0, false, 3, 0), 7);
	assert_int_equal(log_last_stable_offset(log, 7), 4);
	assert_int_equal(log_last_stable_offset(log, 8), 8);
	struct weir_err err;
	struct log_aborted *aborted;
	size_t count;
	assert_ok(log_aborted_txns(log, 0, 8, &aborted, &count, &err));
	assert_int_equal(count, 1);
	assert_int_equal(aborted[0].producer_id, 8);
	assert_int_equal(aborted[0].first_offset, 4);
	mem_free(aborted);
	assert_ok(log_aborted_txns(log, 0, 4, &aborted, &count, &err));
	assert_int_equal(count, 0);
	mem_free(aborted);
	/* The sequence goes on over a marker of the same epoch, begins anew with a new one. */
	assert_int_equal(put(log, 7, 0, 4, 1, TXN, APPEND_FROM_CLIENT),
		REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(put(log, 7, 0, 3, 1, TXN, APPEND_FROM_CLIENT), 8);
	/* A marker of an old coordinator, of an old epoch. */
	assert_int_equal(mark(log, 7, 0, true, 2, 0), REFUSED(WEIR_TRANSACTION_COORDINATOR_FENCED));
	assert_int_equal(mark(log, 7, -1, true, 3, 0), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	/* Version 2: a marker's epoch is a new one; the same marker again is written again. */
	assert_int_equal(mark(log, 7, 0, true, 3, 2), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	assert_int_equal(mark(log, 7, 1, true, 3, 2), 9);
	assert_int_equal(mark(log, 7, 1, true, 3, 2), 10);
	assert_int_equal(mark(log, 7, 0, true, 3, 2), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	assert_int_equal(put(log, 7, 1, 3, 1, TXN, APPEND_FROM_CLIENT),
		REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(put(log, 7, 1, 0, 1, TXN, APPEND_FROM_CLIENT), 11);
	/* A coordinator's records have no sequences. */
	assert_int_equal(put(log, 9, 2, -1, 1, TXN, APPEND_FROM_COORDINATOR), 12);
	assert_int_equal(put(log, 9, 2, -1, 1, TXN, APPEND_FROM_COORDINATOR), 13);
	assert_int_equal(put(log, 9, 1, -1, 1, TXN, APPEND_FROM_COORDINATOR),
		REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
	/* A transaction without data leaves no trace in the index. */
	assert_int_equal(mark(log, 10, 0, false, 0, 0), 14);
	assert_int_equal(log_last_stable_offset(log, 15), 11);
	assert_ok(log_aborted_txns(log, 8, 15, &aborted, &count, &err));
	assert_int_equal(count, 0);
	mem_free(aborted);
	close_log(log);
	scratch_drop(&scratch);
}

static void retries_are_known_after_a_restart(void **state)
{
	(void)state;
	for (int clean = 0; clean < 2; clean++) {
		struct scratch scratch;
		scratch_make(&scratch);
		struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
		for (int i = 0; i < 10; i++) {
			assert_int_equal(client(log, 1, 0, i, 1), 4 * i);
			assert_int_equal(client(log, 2, 3, 3 * i, 3), 4 * i + 1);
		}
		(clean ? close_log : abandon_log)(log);
		log = open_log(scratch.dir, &log_conf_default, clean, 0, 0);
		for (int i = 5; i < 10; i++) {
			assert_int_equal(client(log, 1, 0, i, 1), 4 * i);
			assert_int_equal(client(log, 2, 3, 3 * i, 3), 4 * i + 1);
		}
		assert_int_equal(
			client(log, 1, 0, 4, 1), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
		assert_int_equal(
			client(log, 1, 0, 11, 1), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
		assert_int_equal(client(log, 2, 2, 30, 1), REFUSED(WEIR_INVALID_PRODUCER_EPOCH));
		assert_int_equal(client(log, 1, 0, 10, 1), 40);
		assert_int_equal(client(log, 2, 3, 30, 3), 41);
		close_log(log);
		scratch_drop(&scratch);
	}
}

static size_t known_count(struct log *log)
{
	struct producer *list;
	size_t count;
	log_producers(log, &list, &count);
	mem_free(list);
	return count;
}

static void silent_producers_are_forgotten(void **state)
{
	(void)state;
	struct scratch scratch;
	struct log_conf conf = log_conf_default;
	conf.producer_id_expiration_ms = 1000;
	scratch_make(&scratch);
	clock_freeze(50000, 1);
	struct log *log = open_log(scratch.dir, &conf, true, 0, 0);
	assert_int_equal(client(log, 1, 0, 0, 1), 0);
	assert_int_equal(put(log, 2, 0, 0, 1, TXN, APPEND_FROM_CLIENT), 1);
	clock_freeze(50500, 1);
	assert_int_equal(client(log, 3, 0, 0, 1), 2);
	log_expire_producers(log, 50999);
	assert_int_equal(known_count(log), 3);
	log_expire_producers(log, 51000);
	assert_int_equal(known_count(log), 2);
	/* Any sequence again, as nothing is known. An open transaction is not forgotten. */
	assert_int_equal(client(log, 1, 0, 9, 1), 3);
	close_log(log);
	clock_freeze(51500, 1);
	log = open_log(scratch.dir, &conf, true, 4, 0);
	assert_int_equal(known_count(log), 1);
	assert_int_equal(log_last_stable_offset(log, 4), 1);
	close_log(log);
	clock_release();
	scratch_drop(&scratch);
}

/* Retention takes the records, not what is known of their producers. */
static void state_outlives_its_records(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	assert_int_equal(client(log, 1, 0, 0, 2), 0);
	assert_ok(log_roll(log, &err));
	assert_int_equal(client(log, 2, 0, 0, 2), 2);
	assert_ok(log_delete_before(log, 2, &err));
	assert_int_equal(client(log, 1, 0, 3, 2), REFUSED(WEIR_OUT_OF_ORDER_SEQUENCE_NUMBER));
	assert_int_equal(client(log, 1, 0, 0, 2), 0);
	close_log(log);
	/* The snapshot of the clean close has it. */
	log = open_log(scratch.dir, &log_conf_default, true, 4, 2);
	assert_int_equal(known_count(log), 2);
	assert_int_equal(client(log, 1, 0, 2, 2), 4);
	assert_ok(log_delete_before(log, 6, &err));
	close_log(log);
	/* Nothing is left of the log, nor of a snapshot above its start. */
	log = open_log(scratch.dir, &log_conf_default, true, 6, 6);
	assert_int_equal(known_count(log), 0);
	assert_int_equal(client(log, 1, 0, 77, 1), 6);
	close_log(log);
	scratch_drop(&scratch);
}

/* --- random histories against a plain model --- */

enum { STEPS = 120, IDS = 5, BATCHES_MAX = STEPS * 2 };

struct model_batch {
	int64_t base, last, timestamp;
	int64_t id;
	int16_t epoch;
	int32_t sequence, coordinator;
	bool txn, marker, commit;
};
struct model {
	struct model_batch batches[BATCHES_MAX];
	int count;
};

struct model_state {
	struct producer producers[IDS];
	struct {
		int64_t id, first, last;
	} aborted[BATCHES_MAX];
	int aborted_count;
};

static void model_run(const struct model *model, struct model_state *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < IDS; i++) {
		out->producers[i] = (struct producer){
			.id = i, .epoch = -1, .coordinator_epoch = -1, .txn_first_offset = -1};
	}
	for (int i = 0; i < model->count; i++) {
		const struct model_batch *b = &model->batches[i];
		struct producer *p = &out->producers[b->id];
		if (p->epoch != b->epoch) {
			p->batch_count = 0;
		}
		p->epoch = b->epoch;
		p->last_timestamp = b->timestamp;
		if (b->marker) {
			if (!b->commit && p->txn_first_offset >= 0) {
				int n = out->aborted_count++;
				out->aborted[n].id = p->id;
				out->aborted[n].first = p->txn_first_offset;
				out->aborted[n].last = b->base;
			}
			p->txn_first_offset = -1;
			p->coordinator_epoch = b->coordinator;
			continue;
		}
		if (p->batch_count == PRODUCER_BATCHES) {
			memmove(p->batches, p->batches + 1, 4 * sizeof(p->batches[0]));
			p->batch_count--;
		}
		p->batches[p->batch_count++] = (struct producer_batch){.last_offset = b->last,
			.timestamp = b->timestamp,
			.last_sequence = b->sequence + (int32_t)(b->last - b->base),
			.offset_delta = (int32_t)(b->last - b->base)};
		if (b->txn && p->txn_first_offset < 0) {
			p->txn_first_offset = b->base;
		}
	}
}

static void check_producer(const struct producer *is, const struct producer *wanted)
{
	assert_int_equal(is->id, wanted->id);
	assert_int_equal(is->epoch, wanted->epoch);
	assert_int_equal(is->last_timestamp, wanted->last_timestamp);
	assert_int_equal(is->txn_first_offset, wanted->txn_first_offset);
	assert_int_equal(is->coordinator_epoch, wanted->coordinator_epoch);
	assert_int_equal(is->batch_count, wanted->batch_count);
	for (int i = 0; i < is->batch_count; i++) {
		assert_memory_equal(&is->batches[i], &wanted->batches[i], sizeof(is->batches[i]));
	}
}

static void check_aborted(
	struct log *log, const struct model_state *wanted, int64_t from, int64_t to)
{
	struct weir_err err;
	struct log_aborted *list;
	size_t count, expected = 0;
	assert_ok(log_aborted_txns(log, from, to, &list, &count, &err));
	for (int i = 0; i < wanted->aborted_count; i++) {
		bool overlaps = wanted->aborted[i].last >= from && wanted->aborted[i].first < to;
		bool there = false;
		for (size_t k = 0; k < count; k++) {
			there = there || (list[k].producer_id == wanted->aborted[i].id &&
						 list[k].first_offset == wanted->aborted[i].first);
		}
		assert_int_equal(there, overlaps);
		expected += overlaps;
	}
	assert_int_equal(count, expected);
	for (size_t k = 1; k < count; k++) {
		assert_true(list[k - 1].first_offset < list[k].first_offset);
	}
	mem_free(list);
}

static void check_model(struct log *log, const struct model *model)
{
	static struct model_state wanted;
	struct producer *list;
	size_t count, at = 0;
	int64_t end = log_end_offset(log), stable = end;
	model_run(model, &wanted);
	log_producers(log, &list, &count);
	for (int i = 0; i < IDS; i++) {
		const struct producer *p = &wanted.producers[i];
		if (p->epoch >= 0) {
			assert_true(at < count);
			check_producer(&list[at++], p);
		}
		if (p->txn_first_offset >= 0 && p->txn_first_offset < stable) {
			stable = p->txn_first_offset;
		}
	}
	assert_int_equal(at, count);
	mem_free(list);
	assert_int_equal(log_last_stable_offset(log, end), stable);
	for (int64_t from = 0; from < end; from += 1 + end / 7) {
		check_aborted(log, &wanted, from, from + 5 < end ? from + 5 : end);
		check_aborted(log, &wanted, from, end);
	}
}

struct random_run {
	struct scratch scratch;
	struct log_conf conf;
	struct log *log;
	struct model model;
	uint64_t seed;
};

static uint64_t draw(struct random_run *run, uint64_t below)
{
	run->seed = run->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (run->seed >> 33) % below;
}

static void random_append(struct random_run *run)
{
	static struct model_state now;
	struct model *model = &run->model;
	model_run(model, &now);
	clock_freeze(1000000 + log_end_offset(run->log), 1);
	int64_t id = (int64_t)draw(run, IDS);
	const struct producer *p = &now.producers[id];
	bool open = p->txn_first_offset >= 0;
	struct model_batch *b = &model->batches[model->count++];
	*b = (struct model_batch){.id = id, .epoch = p->epoch < 0 ? 0 : p->epoch};
	if (open && draw(run, 3) == 0) {
		b->marker = true;
		b->commit = draw(run, 2);
		b->epoch = (int16_t)(b->epoch + (int16_t)draw(run, 2));
		b->coordinator = p->coordinator_epoch < 0 ? 0 : p->coordinator_epoch;
		b->timestamp = clock_wall_ms();
		b->base = b->last = mark(run->log, id, b->epoch, b->commit, b->coordinator, 0);
	} else {
		int count = 1 + (int)draw(run, 4);
		b->txn = open || draw(run, 2);
		if (!open && draw(run, 6) == 0 && p->epoch >= 0) {
			b->epoch++;
		} else {
			b->sequence = producer_last_sequence(p) + 1;
		}
		b->timestamp = clock_wall_ms();
		b->base = put(run->log, id, b->epoch, b->sequence, count,
			(int16_t)(b->txn ? TXN : 0), APPEND_FROM_CLIENT);
		b->last = b->base + count - 1;
	}
	assert_true(b->base >= 0);
	assert_int_equal(b->last + 1, log_end_offset(run->log));
}

static void random_truncate(struct random_run *run)
{
	struct weir_err err;
	struct model *model = &run->model;
	int64_t end = log_end_offset(run->log);
	int64_t to = end - (int64_t)draw(run, (uint64_t)(end < 12 ? end + 1 : 12));
	assert_ok(log_truncate(run->log, to, &err));
	while (model->count && model->batches[model->count - 1].last >= to) {
		model->count--;
	}
}

/* Spoils snapshots or transaction indexes: flips a byte, cuts, removes. */
static void random_damage(struct random_run *run)
{
	struct weir_err err;
	struct data_partition files;
	assert_ok(data_partition_read(run->scratch.dir, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		const struct data_file *file = &files.files[i];
		bool snapshot = file->kind == DATA_FILE_SNAPSHOT;
		if ((!snapshot && file->kind != DATA_FILE_TXN_INDEX) || !file->size_bytes ||
			draw(run, 3)) {
			continue;
		}
		char *path = mem_printf("%s/%s", run->scratch.dir, file->name);
		uint64_t how = draw(run, 3);
		if (how == 0 && snapshot) {
			assert_int_equal(unlink(path), 0);
		} else if (how == 1 && snapshot) {
			assert_int_equal(
				truncate(path, (off_t)draw(run, (uint64_t)file->size_bytes)), 0);
		} else {
			FILE *f = fopen(path, "r+b");
			/* The offset of the first record and the one that is stable are not in the
			 * log. */
			uint64_t at = draw(run, (uint64_t)file->size_bytes);
			at = snapshot || at % 34 < 10 ? at : at - at % 34 + 18 + at % 8;
			assert_non_null(f);
			assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
			int byte = fgetc(f);
			assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
			assert_true(fputc(byte ^ (1 << draw(run, 8)), f) != EOF);
			assert_int_equal(fclose(f), 0);
		}
		mem_free(path);
	}
	data_partition_fini(&files);
}

static void random_restart(struct random_run *run)
{
	struct weir_err err;
	bool clean = draw(run, 2);
	int64_t end = log_end_offset(run->log), point = 0;
	if (draw(run, 2)) {
		assert_ok(log_flush(run->log, &err));
		point = end - (int64_t)draw(run, (uint64_t)end + 1);
	}
	(clean ? close_log : abandon_log)(run->log);
	if (draw(run, 2)) {
		random_damage(run);
	}
	run->log = open_log(run->scratch.dir, &run->conf, clean, clean ? end : point, 0);
	assert_int_equal(log_end_offset(run->log), end);
}

static void state_is_a_function_of_the_log(void **state)
{
	(void)state;
	static struct random_run run;
	const char *rounds = getenv("WEIR_TEST_ROUNDS");
	int last = rounds ? atoi(rounds) : 60;
	for (int seed = 1; seed <= last; seed++) {
		memset(&run, 0, sizeof(run));
		run.seed = (uint64_t)seed;
		run.conf = log_conf_default;
		run.conf.segment_bytes = 700;
		run.conf.index_interval_bytes = 200;
		scratch_make(&run.scratch);
		run.log = open_log(run.scratch.dir, &run.conf, true, 0, 0);
		for (int step = 0; step < STEPS; step++) {
			uint64_t what = draw(&run, 20);
			if (what == 0) {
				random_restart(&run);
			} else if (what == 1) {
				random_truncate(&run);
			} else if (what == 2) {
				struct weir_err err;
				assert_ok(log_roll(run.log, &err));
			} else {
				random_append(&run);
			}
			if (what < 3 || draw(&run, 10) == 0) {
				check_model(run.log, &run.model);
			}
		}
		close_log(run.log);
		scratch_drop(&run.scratch);
	}
	clock_release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_are_judged_as_kafka_does),
		cmocka_unit_test(transactions_begin_and_end),
		cmocka_unit_test(retries_are_known_after_a_restart),
		cmocka_unit_test(silent_producers_are_forgotten),
		cmocka_unit_test(state_outlives_its_records),
		cmocka_unit_test(state_is_a_function_of_the_log),
	};
	return RUN(tests);
}
