/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compaction: the promises of core/store/log.h, held against the whole history of a log that random
 * producers, transactions, restarts and power cuts made.
 */
#include "tests/unit/disk.h"
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/base/siphash.h"
#include "core/record/txn_marker.h"
#include "core/store/data_dir.h"
#include "core/store/offset_map.h"

static void hashes_are_those_of_the_paper(void **state)
{
	(void)state;
	uint8_t key[16], input[16];
	uint64_t words[2];
	for (int i = 0; i < 16; i++) {
		key[i] = input[i] = (uint8_t)i;
	}
	memcpy(words, key, sizeof(words));
	static const uint8_t none[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6,
		0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	static const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76,
		0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
	struct hash128 got = siphash128(words, input, 0);
	assert_memory_equal(&got, none, sizeof(none));
	got = siphash128(words, input, 1);
	assert_memory_equal(&got, one, sizeof(one));
}

static void the_map_keeps_its_bound(void **state)
{
	(void)state;
	struct offset_map map;
	char key[24];
	int64_t count = 0;
	offset_map_init(&map, 1 << 20);
	for (;; count++) {
		int len = snprintf(key, sizeof(key), "key %lld", (long long)count);
		if (!offset_map_put(&map, slice_of(key, (size_t)len), count)) {
			break;
		}
	}
	assert_true(count > 10000 && count < (1 << 20) / 24);
	for (int64_t i = 0; i < count; i++) {
		int len = snprintf(key, sizeof(key), "key %lld", (long long)i);
		struct slice slice = slice_of(key, (size_t)len);
		assert_int_equal(offset_map_get(&map, slice), i);
		assert_true(offset_map_put(&map, slice, i + 7)); /* a known key always fits */
		assert_int_equal(offset_map_get(&map, slice), i + 7);
	}
	assert_int_equal(offset_map_get(&map, slice_str("no such key")), -1);
	offset_map_fini(&map);
}

/* --- a log with a history --- */

enum {
	KEYS = 12,
	PRODUCERS = 4,
	RECORDS_MAX = 4000,
	TXNS_MAX = 400,
	RETENTION_MS = 1000,
	NO_TXN = -1,
};

struct past {
	bool there, marker;
	int key; /* -1: null */
	bool tombstone;
	int64_t timestamp;
	int txn;	      /* in run.txns, or NO_TXN */
	int64_t compacted_ms; /* when a pass first went over it; 0: never */
};
struct run {
	struct scratch scratch;
	struct log_conf conf;
	struct log *log;
	struct past past[RECORDS_MAX];
	struct {
		bool ended, committed;
	} txns[TXNS_MAX];
	int txn_count;
	struct {
		int64_t id;
		int32_t sequence;
		int txn;
	} producers[PRODUCERS];
	int64_t now_ms, clean_offset;
	int64_t touched; /* no pass went over what is at or above */
	uint64_t seed;
};
static struct run run;
static struct weir_err err;

static uint64_t draw(uint64_t below)
{
	run.seed = run.seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (run.seed >> 33) % below;
}

static void run_begin(uint64_t seed)
{
	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.now_ms = 100000;
	run.clean_offset = -1;
	run.conf = log_conf_default;
	run.conf.segment_bytes = 1500;
	run.conf.index_interval_bytes = 300;
	run.conf.compacted = true;
	run.conf.cleanup_delete = false;
	run.conf.delete_retention_ms = RETENTION_MS;
	run.conf.producer_id_expiration_ms = INT64_MAX;
	run.conf.file_delete_delay_ms = 0;
	for (int i = 0; i < PRODUCERS; i++) {
		run.producers[i].id = i - 1; /* the first one has none */
		run.producers[i].txn = NO_TXN;
	}
	clock_freeze(run.now_ms, 1);
	scratch_make(&run.scratch);
	run.log = open_log(run.scratch.dir, &run.conf, true, 0, 0);
}

static void run_end(void)
{
	close_log(run.log);
	scratch_drop(&run.scratch);
	clock_release();
}

static void value_of(int64_t offset, char *out, size_t room)
{
	snprintf(out, room, "value of %lld %*s", (long long)offset, (int)(offset * 7 % 30), "");
}

static void append_bytes(struct buf *bytes, enum append_origin origin)
{
	struct log_append_ask ask = {.origin = origin};
	struct log_appended appended;
	assert_ok(log_append_from(run.log, bytes->data, bytes->len, &ask, &appended, &err));
	assert_false(appended.duplicate);
}

static void append_batch(int who)
{
	struct batch_builder builder;
	struct buf bytes;
	int count = 1 + (int)draw(4);
	int64_t offset = log_end_offset(run.log);
	int txn = run.producers[who].txn;
	static const enum codec codecs[] = {CODEC_NONE, CODEC_NONE, CODEC_LZ4, CODEC_ZSTD};
	buf_init(&bytes, 0);
	batch_builder_init(&builder, codecs[draw(4)], CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < count; i++, offset++) {
		char key[16], value[64];
		struct past *p = &run.past[offset];
		struct record_header header = {slice_str("h"), slice_str(key)};
		*p = (struct past){.there = true,
			.key = draw(20) ? (int)draw(KEYS) : -1,
			.tombstone = draw(4) == 0,
			.timestamp = run.now_ms + (int64_t)draw(3) - 1,
			.txn = txn};
		snprintf(key, sizeof(key), "k%d", p->key);
		value_of(offset, value, sizeof(value));
		assert_ok(batch_builder_add(&builder, p->timestamp,
			p->key < 0 ? slice_of(NULL, 0) : slice_str(key),
			p->tombstone ? slice_of(NULL, 0) : slice_str(value), &header, draw(2),
			&err));
	}
	bool idempotent = run.producers[who].id >= 0;
	assert_ok(batch_builder_finish(&builder, run.producers[who].id, idempotent ? 0 : -1,
		idempotent ? run.producers[who].sequence : -1,
		txn == NO_TXN ? 0 : BATCH_TRANSACTIONAL, &bytes, &err));
	run.producers[who].sequence += count;
	append_bytes(&bytes, APPEND_FROM_CLIENT);
	batch_builder_fini(&builder);
	buf_fini(&bytes);
}

static void append_some(void)
{
	int who = (int)draw(PRODUCERS);
	run.now_ms += (int64_t)draw(20);
	clock_freeze(run.now_ms, 1);
	if (who >= 2 && run.producers[who].txn == NO_TXN && draw(2)) {
		run.producers[who].txn = run.txn_count++;
	} else if (run.producers[who].txn != NO_TXN && draw(3) == 0) {
		struct buf bytes;
		bool commit = draw(2);
		struct txn_marker marker = {commit, 1, run.now_ms};
		buf_init(&bytes, 0);
		assert_ok(txn_marker_build(&marker, run.producers[who].id, 0, &bytes, &err));
		run.past[log_end_offset(run.log)] =
			(struct past){.there = true, .marker = true, .txn = run.producers[who].txn};
		append_bytes(&bytes, APPEND_FROM_COORDINATOR);
		run.txns[run.producers[who].txn].ended = true;
		run.txns[run.producers[who].txn].committed = commit;
		run.producers[who].txn = NO_TXN;
		buf_fini(&bytes);
		return;
	}
	append_batch(who);
}

/* --- what is in the log now --- */

struct now {
	bool there[RECORDS_MAX];
	int64_t newest[KEYS]; /* in the log; -1: none */
};
static struct now now;

static void see_record(const struct batch *batch, const struct record *record)
{
	int64_t offset = record->offset;
	const struct past *p = &run.past[offset];
	char text[64];
	assert_true(p->there);
	assert_int_equal(p->marker, (batch->attributes & BATCH_CONTROL) != 0);
	now.there[offset] = true;
	if (p->marker) {
		return;
	}
	assert_int_equal(record->timestamp, p->timestamp);
	assert_int_equal(!record->key.data, p->key < 0);
	assert_int_equal(!record->value.data, p->tombstone);
	if (p->key >= 0) {
		snprintf(text, sizeof(text), "k%d", p->key);
		assert_true(slice_equal(record->key, slice_str(text)));
		now.newest[p->key] = offset;
	}
	if (!p->tombstone) {
		value_of(offset, text, sizeof(text));
		assert_true(slice_equal(record->value, slice_str(text)));
	}
}

static void see_log(void)
{
	int64_t end = log_end_offset(run.log), next = 0;
	struct record_reader records;
	record_reader_init(&records, 1 << 24);
	memset(&now, 0, sizeof(now));
	for (int i = 0; i < KEYS; i++) {
		now.newest[i] = -1;
	}
	while (next < end) {
		struct log_span span;
		assert_ok(log_read(run.log, next, end, 100000, true, &span, &err));
		if (!span.len) {
			break;
		}
		uint8_t *bytes = mem_new(span.len);
		assert_ok(log_span_copy(&span, bytes, &err));
		for (size_t at = 0; at < span.len;) {
			struct batch batch;
			struct record record;
			bool got = true;
			assert_ok(batch_parse(slice_of(bytes + at, span.len - at), &batch, &err));
			assert_ok(batch_check_crc(&batch, &err));
			assert_true(batch.base_offset >= next);
			assert_ok(record_reader_start(&records, &batch, &err));
			while (got) {
				assert_ok(record_reader_next(&records, &record, &got, &err));
				if (got) {
					see_record(&batch, &record);
				}
			}
			next = batch_last_offset(&batch) + 1;
			at += batch.bytes.len;
		}
		mem_free(bytes);
		log_span_release(&span);
	}
	record_reader_fini(&records);
}

static bool is_aborted(const struct past *p)
{
	return p->txn != NO_TXN && run.txns[p->txn].ended && !run.txns[p->txn].committed;
}

/* Newest record of key in [0, to) that was not aborted; -1: none. */
static int64_t newest_of(int key, int64_t to)
{
	for (int64_t o = to; o-- > 0;) {
		const struct past *p = &run.past[o];
		if (p->there && !p->marker && p->key == key && !is_aborted(p)) {
			return o;
		}
	}
	return -1;
}

static void check_key(int key, int64_t end)
{
	int64_t newest = newest_of(key, end);
	if (newest < 0) {
		return;
	}
	const struct past *p = &run.past[newest];
	if (now.there[newest]) {
		return;
	}
	/* Only a delete marker goes, when its time is over, and nothing of its key before it. */
	assert_true(p->tombstone && p->compacted_ms);
	assert_true(run.now_ms >= p->compacted_ms + RETENTION_MS);
	for (int64_t o = 0; o < newest; o++) {
		assert_false(now.there[o] && run.past[o].key == key && !run.past[o].marker &&
			     !is_aborted(&run.past[o]));
	}
}

/* Every aborted record that is there is in the list that a consumer gets. */
static void check_aborted(int64_t end)
{
	struct log_aborted *list;
	size_t count;
	int64_t stable = log_last_stable_offset(run.log, end);
	assert_ok(log_aborted_txns(run.log, 0, stable, &list, &count, &err));
	for (int64_t o = 0; o < stable; o++) {
		const struct past *p = &run.past[o];
		if (!now.there[o] || p->marker || !is_aborted(p)) {
			continue;
		}
		bool listed = false;
		for (size_t i = 0; i < count && !listed; i++) {
			listed = list[i].first_offset <= o &&
				 run.past[list[i].first_offset].txn == p->txn;
		}
		assert_true(listed);
	}
	mem_free(list);
}

static void check_log(void)
{
	int64_t end = log_end_offset(run.log);
	see_log();
	for (int i = 0; i < KEYS; i++) {
		check_key(i, end);
	}
	for (int64_t o = 0; o < end; o++) {
		const struct past *p = &run.past[o];
		if (o >= run.touched) {
			assert_int_equal(now.there[o], p->there);
		}
		/* A transaction whose record is there has its marker, when it has ended. */
		if (now.there[o] && !p->marker && p->txn != NO_TXN && run.txns[p->txn].ended) {
			int64_t m = o;
			while (!(run.past[m].marker && run.past[m].txn == p->txn)) {
				m++;
			}
			assert_true(now.there[m]);
		}
	}
	check_aborted(end);
}

/* After a pass up to to: each key once below it, nothing aborted. */
static void check_compacted(int64_t to)
{
	for (int64_t o = 0; o < to; o++) {
		const struct past *p = &run.past[o];
		if (!now.there[o] || p->marker) {
			continue;
		}
		assert_false(is_aborted(p));
		assert_true(p->key >= 0);
		assert_int_equal(newest_of(p->key, to), o);
	}
}

static enum weir_code compact(size_t map_bytes)
{
	struct log_dirt dirt;
	int64_t end = log_end_offset(run.log);
	struct log_compaction compaction = {.now_ms = run.now_ms, .map_bytes = map_bytes};
	assert_ok(log_flush(run.log, &err));
	assert_ok(log_dirt(run.log, run.clean_offset, log_last_stable_offset(run.log, end),
		run.now_ms, &dirt, &err));
	/* What a pass may go over, it may begin to forget. */
	for (int64_t o = 0; o < dirt.first_uncleanable; o++) {
		if (!run.past[o].compacted_ms) {
			run.past[o].compacted_ms = run.now_ms;
		}
	}
	enum weir_code code = log_compact(run.log, &dirt, &compaction, &err);
	int64_t touched = code ? dirt.first_uncleanable : compaction.cleaned_to;
	run.touched = touched > run.touched ? touched : run.touched;
	if (!code) {
		run.clean_offset = compaction.cleaned_to;
	}
	return code;
}

static void reopen(bool clean, int64_t point)
{
	(clean ? close_log : abandon_log)(run.log);
	run.log = open_log(run.scratch.dir, &run.conf, clean, point, 0);
}

static void remove_snapshots(void)
{
	struct data_partition files;
	assert_ok(data_partition_read(run.scratch.dir, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		if (files.files[i].kind == DATA_FILE_SNAPSHOT) {
			char *path = mem_printf("%s/%s", run.scratch.dir, files.files[i].name);
			assert_int_equal(unlink(path), 0);
			mem_free(path);
		}
	}
	data_partition_fini(&files);
}

/* What is known of the producers comes out of the log again. */
static void check_producers_stay(void)
{
	struct producer *before, *after;
	size_t count_before, count_after;
	int64_t end = log_end_offset(run.log);
	assert_ok(log_flush(run.log, &err));
	log_producers(run.log, &before, &count_before);
	close_log(run.log);
	remove_snapshots();
	run.log = open_log(run.scratch.dir, &run.conf, true, end, 0);
	log_producers(run.log, &after, &count_after);
	assert_int_equal(count_before, count_after);
	for (size_t i = 0; i < count_before; i++) {
		assert_int_equal(before[i].id, after[i].id);
		assert_int_equal(before[i].epoch, after[i].epoch);
		assert_int_equal(before[i].txn_first_offset, after[i].txn_first_offset);
		assert_int_equal(
			producer_last_sequence(&before[i]), producer_last_sequence(&after[i]));
	}
	mem_free(after);
	mem_free(before);
}

static void random_histories(void **state)
{
	(void)state;
	const char *rounds = getenv("WEIR_TEST_ROUNDS");
	int last = rounds ? atoi(rounds) : 25;
	for (int seed = 1; seed <= last; seed++) {
		run_begin((uint64_t)seed);
		for (int step = 0; step < 300; step++) {
			uint64_t what = draw(40);
			if (what == 0) {
				assert_ok(compact(draw(4) ? 1 << 20 : 1));
				check_log();
				check_compacted(run.clean_offset);
			} else if (what == 1) {
				bool clean = draw(2);
				assert_ok(log_flush(run.log, &err));
				int64_t end = log_end_offset(run.log);
				reopen(clean, draw(2) ? end : (int64_t)draw((uint64_t)end + 1));
				assert_int_equal(log_end_offset(run.log), end);
				check_log();
			} else if (what == 2) {
				run.now_ms += RETENTION_MS + 1;
				clock_freeze(run.now_ms, 1);
			} else if (what == 3) {
				check_producers_stay();
			} else {
				append_some();
			}
		}
		assert_ok(compact(1 << 20));
		check_log();
		check_compacted(run.clean_offset);
		run_end();
	}
}

/* The files of from, and no others, are in to. */
static void copy_dir(const char *from, const char *to)
{
	struct data_partition files;
	struct buf bytes;
	buf_init(&bytes, 0);
	assert_ok(fs_remove_tree(to, &err));
	assert_ok(fs_mkdir(to, &err));
	assert_ok(data_partition_read(from, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		char *source = mem_printf("%s/%s", from, files.files[i].name);
		char *target = mem_printf("%s/%s", to, files.files[i].name);
		buf_reset(&bytes);
		assert_ok(fs_read_file(source, 1 << 24, &bytes, &err));
		FILE *file = fopen(target, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
		assert_int_equal(fclose(file), 0);
		mem_free(target);
		mem_free(source);
	}
	buf_fini(&bytes);
	data_partition_fini(&files);
}

/* The power goes at every change that a pass makes: nothing is lost, and the next pass goes well.
 */
static void the_power_goes_at_any_moment(void **state)
{
	(void)state;
	const char *rounds = getenv("WEIR_TEST_ROUNDS");
	int last = rounds ? 1 + atoi(rounds) / 20 : 1;
	long total = 0;
	for (int seed = 1; seed <= last; seed++) {
		run_begin((uint64_t)seed * 1000);
		for (int step = 0; step < 150; step++) {
			append_some();
		}
		assert_ok(compact(1 << 20));
		for (int step = 0; step < 100; step++) {
			append_some();
		}
		run.now_ms += RETENTION_MS + 1;
		clock_freeze(run.now_ms, 1);
		assert_ok(log_flush(run.log, &err));
		int64_t end = log_end_offset(run.log), clean = run.clean_offset;
		char *kept = mem_printf("%s/kept", run.scratch.root);
		close_log(run.log);
		copy_dir(run.scratch.dir, kept);
		bool cut = true;
		for (long at = 1; cut; at++) {
			copy_dir(kept, run.scratch.dir);
			run.log = open_log(run.scratch.dir, &run.conf, true, end, 0);
			run.clean_offset = clean;
			disk_start(at);
			enum weir_code code = compact(1 << 20);
			run.clean_offset = clean;
			fs_set_ops(NULL);
			abandon_log(run.log);
			cut = disk_stop();
			assert_int_equal(code != WEIR_OK, cut);
			run.log = open_log(run.scratch.dir, &run.conf, false, end, 0);
			assert_int_equal(log_end_offset(run.log), end);
			check_log();
			assert_ok(compact(1 << 20));
			check_log();
			check_compacted(run.clean_offset);
			close_log(run.log);
			total++;
		}
		mem_free(kept);
		run.log = open_log(run.scratch.dir, &run.conf, true, end, 0);
		run_end();
	}
	assert_true(total > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_the_paper),
		cmocka_unit_test(the_map_keeps_its_bound),
		cmocka_unit_test(random_histories),
		cmocka_unit_test(the_power_goes_at_any_moment),
	};
	return RUN(tests);
}
