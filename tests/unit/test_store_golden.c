/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partition directories that Apache Kafka wrote, opened as logs: producers, transactions and what
 * read_committed sees are Kafka's, and snapshots and transaction indexes that are written here from
 * the same log have the same bytes.
 *
 * test_store_golden [TREE]: a tree has data/PARTITION and expected/PARTITION/read_*.jsonl (or .gz).
 * Without TREE: tests/data/disk/clean.
 */
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/record/txn_marker.h"
#include "core/store/checkpoint.h"
#include "core/store/data_dir.h"

#include <zlib.h>

static const char *tree;
static size_t markers; /* seen */
static struct weir_err err;

struct golden {
	char *name, *from;
	struct scratch scratch;
	struct checkpoint starts, points;
	struct log_conf conf;
	bool clean;
	int64_t start, point;
	size_t compared; /* files */
	bool whole;	 /* the log has all that was ever written to it */
};

static void copy_partition(const struct golden *golden)
{
	struct data_partition files;
	struct buf bytes;
	buf_init(&bytes, 0);
	assert_ok(fs_remove_tree(golden->scratch.dir, &err));
	assert_ok(fs_mkdir(golden->scratch.dir, &err));
	assert_ok(data_partition_read(golden->from, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		char *from = mem_printf("%s/%s", golden->from, files.files[i].name);
		char *to = mem_printf("%s/%s", golden->scratch.dir, files.files[i].name);
		buf_reset(&bytes);
		assert_ok(fs_read_file(from, 1 << 28, &bytes, &err));
		FILE *f = fopen(to, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
		assert_int_equal(fclose(f), 0);
		mem_free(to);
		mem_free(from);
	}
	buf_fini(&bytes);
	data_partition_fini(&files);
}

/* Removes files of kind; with newest only the last one. */
static void remove_files(const struct golden *golden, enum data_file_kind kind, bool newest)
{
	struct data_partition files;
	const char *last = NULL;
	assert_ok(data_partition_read(golden->scratch.dir, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		if (files.files[i].kind != kind) {
			continue;
		}
		last = files.files[i].name;
		char *path = mem_printf("%s/%s", golden->scratch.dir, last);
		assert_ok(newest ? WEIR_OK : fs_unlink(path, &err));
		mem_free(path);
	}
	if (newest && last) {
		char *path = mem_printf("%s/%s", golden->scratch.dir, last);
		assert_ok(fs_unlink(path, &err));
		mem_free(path);
	}
	data_partition_fini(&files);
}

/* Files of kind that are here and there have the same bytes; all (of Kafka's) must be here. */
static size_t compare_files(const struct golden *golden, enum data_file_kind kind, bool all)
{
	struct data_partition files;
	struct buf wanted, is;
	size_t compared = 0;
	buf_init(&wanted, 0);
	buf_init(&is, 0);
	assert_ok(data_partition_read(golden->from, &files, &err));
	for (size_t i = 0; i < files.file_count; i++) {
		const char *name = files.files[i].name;
		char *theirs = mem_printf("%s/%s", golden->from, name);
		char *ours = mem_printf("%s/%s", golden->scratch.dir, name);
		if (files.files[i].kind == kind && (all || !access(ours, F_OK))) {
			buf_reset(&wanted);
			buf_reset(&is);
			assert_ok(fs_read_file(theirs, 1 << 26, &wanted, &err));
			assert_ok(fs_read_file(ours, 1 << 26, &is, &err));
			if (wanted.len != is.len || memcmp(wanted.data, is.data, is.len) != 0) {
				fail_msg("%s/%s is not what Kafka wrote", golden->name, name);
			}
			compared++;
		}
		mem_free(ours);
		mem_free(theirs);
	}
	buf_fini(&is);
	buf_fini(&wanted);
	data_partition_fini(&files);
	return compared;
}

static struct log *open_golden(const struct golden *golden, bool clean, int64_t point)
{
	struct log_start start = {
		.log_start_offset = golden->start, .recovery_point = point, .clean = clean};
	struct log *log;
	assert_ok(log_open(golden->scratch.dir, &golden->conf, &start, &log, &err));
	return log;
}

/* What the newest snapshot says is what the log knows. */
static void check_producers(const struct golden *golden, struct log *log)
{
	struct producers wanted;
	struct producer *list;
	struct buf bytes;
	size_t count;
	char *path =
		mem_printf("%s/%020lld.snapshot", golden->from, (long long)log_end_offset(log));
	buf_init(&bytes, 0);
	producers_init(&wanted);
	if (fs_read_file(path, 1 << 26, &bytes, &err) == WEIR_OK) {
		assert_ok(producers_decode(&wanted, slice_of(bytes.data, bytes.len), &err));
		log_producers(log, &list, &count);
		assert_int_equal(count, producers_count(&wanted));
		for (size_t i = 0; i < count; i++) {
			const struct producer *p = producers_find(&wanted, list[i].id);
			assert_non_null(p);
			assert_int_equal(list[i].epoch, p->epoch);
			assert_int_equal(list[i].last_timestamp, p->last_timestamp);
			assert_int_equal(list[i].coordinator_epoch, p->coordinator_epoch);
			assert_int_equal(list[i].txn_first_offset, p->txn_first_offset);
			assert_int_equal(
				producer_last_sequence(&list[i]), producer_last_sequence(p));
		}
		mem_free(list);
	}
	producers_fini(&wanted);
	buf_fini(&bytes);
	mem_free(path);
}

/* --- what read_committed sees --- */

struct seen {
	int64_t *offsets;
	size_t count, room;
	struct map *newest; /* key -> struct newest; may be NULL */
};
struct newest {
	int64_t offset;
	bool deleted;
};

static void newest_add(struct map *map, const struct record *record)
{
	if (!record->key.data) {
		return;
	}
	struct newest *newest = map_get(map, record->key);
	if (!newest) {
		newest = mem_new(sizeof(*newest));
		map_put(map, record->key, newest);
	}
	*newest = (struct newest){record->offset, !record->value.data};
}

static void newest_drop(struct map *map)
{
	size_t pos = 0;
	struct map_entry *entry;
	while ((entry = map_next(map, &pos))) {
		mem_free(entry->value);
	}
	map_fini(map);
}

static void seen_add(struct seen *seen, int64_t offset)
{
	if (seen->count == seen->room) {
		seen->room = seen->room ? seen->room * 2 : 64;
		seen->offsets = mem_grow(seen->offsets, seen->room, sizeof(int64_t));
	}
	seen->offsets[seen->count++] = offset;
}

/* A marker that is built here has the bytes of Kafka's. */
static void check_marker(const struct batch *batch)
{
	struct txn_marker marker;
	struct buf bytes;
	bool is_marker;
	assert_ok(txn_marker_parse(batch, &is_marker, &marker, &err));
	if (!is_marker || (batch->attributes & BATCH_DELETE_HORIZON)) {
		return; /* compaction was here */
	}
	buf_init(&bytes, 0);
	assert_ok(
		txn_marker_build(&marker, batch->producer_id, batch->producer_epoch, &bytes, &err));
	batch_set_base_offset(bytes.data, batch->base_offset);
	batch_set_leader_epoch(bytes.data, batch->leader_epoch);
	assert_int_equal(bytes.len, batch->bytes.len);
	assert_memory_equal(bytes.data, batch->bytes.data, bytes.len);
	buf_fini(&bytes);
	markers++;
}

/* One batch, for a consumer that knows the aborted transactions. */
static void see_batch(struct seen *seen, const struct batch *batch, struct log_aborted *aborted,
	size_t count, const struct log *log)
{
	struct record_reader records;
	struct record record;
	bool got = true, inside = false, control = batch->attributes & BATCH_CONTROL;
	for (size_t i = 0; i < count; i++) {
		bool mine = aborted[i].producer_id == batch->producer_id &&
			    aborted[i].first_offset <= batch_last_offset(batch);
		inside = inside || mine;
		if (mine && control) {
			aborted[i].producer_id = -2; /* it ends here */
			break;
		}
	}
	if (control) {
		check_marker(batch);
	}
	if (control || (inside && (batch->attributes & BATCH_TRANSACTIONAL))) {
		return;
	}
	record_reader_init(&records, 1 << 28);
	assert_ok(record_reader_start(&records, batch, &err));
	while (got) {
		assert_ok(record_reader_next(&records, &record, &got, &err));
		if (got && record.offset >= log_start_offset(log)) {
			seen_add(seen, record.offset);
			if (seen->newest) {
				newest_add(seen->newest, &record);
			}
		}
	}
	record_reader_fini(&records);
}

static void see_all(struct log *log, struct seen *seen)
{
	int64_t end = log_last_stable_offset(log, log_end_offset(log));
	struct log_aborted *aborted;
	size_t count;
	assert_ok(log_aborted_txns(log, log_start_offset(log), end, &aborted, &count, &err));
	for (int64_t offset = log_start_offset(log); offset < end;) {
		struct log_span span;
		assert_ok(log_read(log, offset, end, 100000, true, &span, &err));
		if (!span.len) {
			break;
		}
		uint8_t *bytes = mem_new(span.len);
		assert_ok(log_span_copy(&span, bytes, &err));
		for (size_t at = 0; at < span.len;) {
			struct batch batch;
			if (batch_parse(slice_of(bytes + at, span.len - at), &batch, &err)) {
				break;
			}
			see_batch(seen, &batch, aborted, count, log);
			offset = batch_last_offset(&batch) + 1;
			at += batch.bytes.len;
		}
		mem_free(bytes);
		log_span_release(&span);
	}
	mem_free(aborted);
}

static gzFile open_expected(const char *name)
{
	static const char *const files[] = {"read_committed.jsonl", "read_committed.jsonl.gz",
		"read_uncommitted.jsonl", "read_uncommitted.jsonl.gz"};
	gzFile file = NULL;
	for (size_t i = 0; i < 4 && !file; i++) {
		char *path = mem_printf("%s/expected/%s/%s", tree, name, files[i]);
		file = gzopen(path, "rb");
		mem_free(path);
	}
	return file;
}

static void check_committed(const struct golden *golden, struct log *log)
{
	static char line[1 << 20];
	struct seen seen = {0};
	size_t at = 0;
	gzFile file = open_expected(golden->name);
	if (!file) {
		fail_msg("%s has no expectation", golden->name);
	}
	see_all(log, &seen);
	while (gzgets(file, line, sizeof(line))) {
		const char *offset = strstr(line, "\"offset\":");
		assert_non_null(offset);
		assert_true(at < seen.count);
		if (seen.offsets[at] != atoll(offset + strlen("\"offset\":"))) {
			fail_msg("%s: offset %lld is seen, Kafka's consumer saw %s", golden->name,
				(long long)seen.offsets[at], line);
		}
		at++;
	}
	/* Kafka's own topics went on growing after the consumer looked. */
	bool grew = !golden->clean && !strncmp(golden->name, "__", 2);
	if (at != seen.count && !grew) {
		fail_msg("%s: %zu records are seen, Kafka's consumer saw %zu", golden->name,
			seen.count, at);
	}
	gzclose(file);
	mem_free(seen.offsets);
}

/* --- one partition --- */

/* What is compacted here has the newest record of each key that was there, and no older one. */
static void compacts(struct golden *golden)
{
	struct map before, after;
	struct seen first = {.newest = &before}, second = {.newest = &after};
	struct log_dirt dirt;
	struct log_compaction compaction = {.now_ms = clock_wall_ms(), .map_bytes = 1 << 20};
	size_t pos = 0, deleted = 0;
	struct map_entry *entry;
	map_init(&before);
	map_init(&after);
	copy_partition(golden);
	struct log *log = open_golden(golden, golden->clean, golden->point);
	int64_t end = log_end_offset(log);
	see_all(log, &first);
	assert_ok(log_roll(log, &err));
	assert_ok(log_flush(log, &err));
	assert_ok(log_dirt(
		log, -1, log_last_stable_offset(log, end), compaction.now_ms, &dirt, &err));
	assert_ok(log_compact(log, &dirt, &compaction, &err));
	see_all(log, &second);
	assert_int_equal(log_end_offset(log), end);
	while ((entry = map_next(&before, &pos))) {
		const struct newest *old = entry->value;
		const struct newest *new = map_get(&after, slice_of(entry->key, entry->key_len));
		deleted += !new;
		assert_true(new ? new->offset == old->offset : old->deleted);
	}
	assert_int_equal(after.count, before.count - deleted);
	if (compaction.cleaned_to >= log_last_stable_offset(log, end)) {
		assert_int_equal(second.count, after.count);
	}
	close_log(log);
	newest_drop(&before);
	newest_drop(&after);
	mem_free(first.offsets);
	mem_free(second.offsets);
}

/* Without the newest snapshot: from the one before and the log. */
static void newest_again(struct golden *golden)
{
	copy_partition(golden);
	remove_files(golden, DATA_FILE_SNAPSHOT, true);
	close_log(open_golden(golden, true, golden->point));
	golden->compared += compare_files(golden, DATA_FILE_SNAPSHOT, false);
	golden->compared += compare_files(golden, DATA_FILE_TXN_INDEX, true);
}

/* Without any: from the log alone. */
static void all_again(struct golden *golden)
{
	copy_partition(golden);
	remove_files(golden, DATA_FILE_SNAPSHOT, false);
	remove_files(golden, DATA_FILE_TXN_INDEX, false);
	close_log(open_golden(golden, false, 0));
	golden->compared += compare_files(golden, DATA_FILE_SNAPSHOT, false);
	golden->compared += compare_files(golden, DATA_FILE_TXN_INDEX, true);
}

static bool is_whole(struct log *log, const struct golden *golden)
{
	/* Compaction leaves gaps or what it did not read: those topics by name. */
	return golden->start == 0 && log_start_offset(log) == 0 &&
	       strncmp(golden->name, "compact", 7) != 0 && strncmp(golden->name, "__", 2) != 0;
}

static void check_partition(struct golden *golden)
{
	copy_partition(golden);
	struct log *log = open_golden(golden, golden->clean, golden->point);
	check_producers(golden, log);
	check_committed(golden, log);
	golden->whole = is_whole(log, golden);
	close_log(log);
	golden->compared += compare_files(golden, DATA_FILE_TXN_INDEX, true);
	golden->compared += compare_files(golden, DATA_FILE_SNAPSHOT, false);
	newest_again(golden);
	compacts(golden);
	if (golden->whole) {
		all_again(golden);
	}
}

static enum weir_code visit(void *arg, const char *name, bool is_dir, struct weir_err *unused)
{
	struct golden *golden = arg;
	char topic[250];
	int32_t partition;
	(void)unused;
	if (!is_dir || !partition_dir_parse(name, topic, &partition) ||
		!strcmp(topic, "__cluster_metadata")) {
		return WEIR_OK;
	}
	int64_t start = checkpoint_find(&golden->starts, topic, partition);
	int64_t point = checkpoint_find(&golden->points, topic, partition);
	golden->start = start < 0 ? 0 : start;
	golden->point = point < 0 ? 0 : point;
	golden->name = mem_dup_str(name);
	golden->from = mem_printf("%s/data/%s", tree, name);
	check_partition(golden);
	mem_free(golden->name);
	mem_free(golden->from);
	golden->whole = false;
	return WEIR_OK;
}

static void kafkas_directories(void **state)
{
	(void)state;
	struct golden golden = {.conf = log_conf_default};
	golden.conf.producer_id_expiration_ms = INT64_MAX;
	golden.conf.compacted = true;
	golden.conf.index_interval_bytes = 0;
	scratch_make(&golden.scratch);
	char *data = mem_printf("%s/data", tree);
	char *starts = mem_printf("%s/" CHECKPOINT_LOG_START, data);
	char *points = mem_printf("%s/" CHECKPOINT_RECOVERY, data);
	char *marker = mem_printf("%s/.kafka_cleanshutdown", data);
	golden.clean = access(marker, F_OK) == 0;
	assert_ok(checkpoint_read(starts, &golden.starts, &err));
	assert_ok(checkpoint_read(points, &golden.points, &err));
	assert_ok(fs_list_dir(data, visit, &golden, &err));
	assert_true(golden.compared > 10 && markers > 10);
	checkpoint_fini(&golden.points);
	checkpoint_fini(&golden.starts);
	mem_free(marker);
	mem_free(points);
	mem_free(starts);
	mem_free(data);
	scratch_drop(&golden.scratch);
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char *own = mem_printf("%s/tests/data/disk/clean", top ? top : ".");
	tree = argc > 1 ? argv[1] : own;
	const struct CMUnitTest tests[] = {cmocka_unit_test(kafkas_directories)};
	int failed = RUN(tests);
	mem_free(own);
	return failed;
}
