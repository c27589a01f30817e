/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damaged copies of partitions that Apache Kafka wrote and left by a kill, recovered (RELIABILITY
 * F22 to F24). What comes out is what Kafka made of the same damage (torn.jsonl), but where a
 * single copy must do better: what was flushed is never cut off, and no offset is given twice.
 *
 * torn [TORN.JSONL DATA]: DATA has the partitions. Without: those of tests/data/disk/torn.
 */
#include "tests/unit/store.h"

#include "core/base/json.h"
#include "core/store/checkpoint.h"
#include "core/store/data_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { BATCH_MOST = 40 }; /* records of a batch that is damaged */

static const char *list_path, *data;
static struct weir_err err;
static int lines_done;

/* Where weir's way is another. */
static const struct other {
	const char *partition;
	int64_t start, end; /* -1: as Kafka's */
	int64_t unreadable; /* an offset that gives CORRUPT_MESSAGE, never another's record; -1 */
} others[] = {
	/* A magic that is none: Kafka keeps the batch, which nobody can read. */
	{"consumed-3", -1, 23, -1},
	/* All is gone, but offset 4 was flushed: the log goes on behind it. */
	{"many-3", 4, 4, -1},
	/* The topic's id is the metadata store's affair. */
	{"many-5", -1, 3, -1},
	/* Flushed, so nothing behind the damage goes. */
	{"codec-lz4-0", -1, 235, 129},
	{"codec-mixed-0", -1, -1, 5},
	/* Kafka has ended a transaction meanwhile. */
	{"txn-0", -1, 298, -1},
};

static const struct other *other_of(const char *partition)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(others[i].partition, partition)) {
			return &others[i];
		}
	}
	return NULL;
}

static void write_file(const char *path, const void *bytes, size_t len, const char *how)
{
	FILE *file = fopen(path, how);
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void copy_partition(const char *from, const char *to)
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
		assert_ok(fs_read_file(source, 1 << 28, &bytes, &err));
		write_file(target, bytes.data, bytes.len, "wb");
		mem_free(target);
		mem_free(source);
	}
	buf_fini(&bytes);
	data_partition_fini(&files);
}

/* --- the damage --- */

static int64_t number_at(const struct json *op, size_t i)
{
	int64_t n;
	assert_ok(json_as_i64(json_item(op, i), 0, INT64_MAX, &n, &err));
	return n;
}

static const char *text_at(const struct json *op, size_t i)
{
	const char *text;
	assert_ok(json_as_text(json_item(op, i), &text, &err));
	return text;
}

static uint8_t *unhex(const char *text, size_t *len)
{
	*len = strlen(text) / 2;
	uint8_t *bytes = mem_new(*len);
	for (size_t i = 0; i < *len; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], 0};
		bytes[i] = (uint8_t)strtol(pair, NULL, 16);
	}
	return bytes;
}

static void flip(const char *path, int64_t pos, int64_t mask)
{
	uint8_t byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, pos), 1);
	byte ^= (uint8_t)mask;
	assert_int_equal(pwrite(fd, &byte, 1, pos), 1);
	close(fd);
}

static void apply(const char *dir, const struct json *op)
{
	const char *verb = text_at(op, 0);
	char *path = mem_printf("%s/%s", dir, text_at(op, 1));
	if (!strcmp(verb, "truncate")) {
		assert_int_equal(truncate(path, number_at(op, 2)), 0);
	} else if (!strcmp(verb, "xor")) {
		flip(path, number_at(op, 2), number_at(op, 3));
	} else if (!strcmp(verb, "remove")) {
		assert_int_equal(unlink(path), 0);
	} else if (!strcmp(verb, "mkdir")) {
		assert_int_equal(mkdir(path, 0700), 0);
	} else {
		size_t len;
		bool append = !strcmp(verb, "append-hex");
		assert_true(append || !strcmp(verb, "write-hex"));
		uint8_t *bytes = unhex(text_at(op, 2), &len);
		write_file(path, bytes, len, append ? "ab" : "wb");
		mem_free(bytes);
	}
	mem_free(path);
}

/* --- what comes out --- */

/* Offset of the batch after the one that holds offset, by reading; -1: it cannot be read. */
static int64_t read_at(struct log *log, int64_t offset, int64_t end)
{
	struct log_span span;
	struct batch batch;
	if (log_read(log, offset, end, 1, true, &span, &err)) {
		assert_int_equal(err.code, WEIR_CORRUPT_MESSAGE);
		return -1;
	}
	if (!span.len) {
		return end;
	}
	size_t len = span.len;
	uint8_t *bytes = mem_new(len);
	assert_ok(log_span_copy(&span, bytes, &err));
	log_span_release(&span);
	assert_ok(batch_parse(slice_of(bytes, len), &batch, &err));
	assert_ok(batch_check_crc(&batch, &err));
	int64_t next = batch_last_offset(&batch) + 1;
	mem_free(bytes);
	assert_true(next > offset);
	return next;
}

static void check_reads(struct log *log, const struct other *other)
{
	int64_t end = log_end_offset(log), unreadable = other ? other->unreadable : -1;
	bool met = unreadable < 0;
	for (int64_t offset = log_start_offset(log); offset < end;) {
		int64_t next = read_at(log, offset, end);
		if (next < 0 && !met) {
			/* Of one batch, which begins there. */
			assert_int_equal(offset, unreadable);
			met = true;
		} else if (next < 0 && (unreadable < 0 || offset > unreadable + BATCH_MOST)) {
			fail_msg("offset %lld: %s", (long long)offset, err.text);
		}
		offset = next < 0 ? offset + 1 : next;
	}
	assert_true(met);
}

static void check_log(
	const char *dir, const char *name, const struct log_start *start, const struct json *after)
{
	struct log *log;
	const struct other *other = other_of(name);
	int64_t start_offset, end_offset;
	struct log_conf conf = log_conf_default;
	conf.compacted = !strncmp(name, "compact", 7);
	assert_ok(json_get_i64(after, "logStartOffset", 0, INT64_MAX, &start_offset, &err));
	assert_ok(json_get_i64(after, "logEndOffset", 0, INT64_MAX, &end_offset, &err));
	start_offset = other && other->start >= 0 ? other->start : start_offset;
	end_offset = other && other->end >= 0 ? other->end : end_offset;
	assert_ok(log_open(dir, &conf, start, &log, &err));
	assert_int_equal(log_start_offset(log), start_offset);
	assert_int_equal(log_end_offset(log), end_offset);
	check_reads(log, other);
	close_log(log);
	/* A second crash right after finds nothing more to cut. */
	struct log_start again = *start;
	again.recovery_point = end_offset;
	assert_ok(log_open(dir, &conf, &again, &log, &err));
	assert_int_equal(log_end_offset(log), end_offset);
	check_reads(log, other);
	close_log(log);
}

static void check_line(struct slice line, const struct checkpoint *starts,
	const struct checkpoint *points, struct scratch *scratch)
{
	struct json *root;
	const struct json *ops, *after;
	const char *name, *damage;
	char topic[250];
	int32_t partition;
	assert_ok(json_parse(line, 1 << 20, &root, &err));
	assert_ok(json_get_text(root, "partition", &name, &err));
	assert_ok(json_get_text(root, "damage", &damage, &err));
	assert_ok(json_get_array(root, "ops", &ops, &err));
	assert_ok(json_get_object(root, "after", &after, &err));
	char *from = mem_printf("%s/%s", data, name);
	if (access(from, F_OK) == 0) {
		print_message("%s: %s\n", name, damage);
		assert_true(partition_dir_parse(name, topic, &partition));
		copy_partition(from, scratch->dir);
		for (size_t i = 0; i < json_count(ops); i++) {
			apply(scratch->dir, json_item(ops, i));
		}
		int64_t start = checkpoint_find(starts, topic, partition);
		int64_t point = checkpoint_find(points, topic, partition);
		struct log_start how = {.log_start_offset = start < 0 ? 0 : start,
			.recovery_point = point < 0 ? 0 : point};
		check_log(scratch->dir, name, &how, after);
		lines_done++;
	}
	mem_free(from);
	json_free(&root);
}

static void torn_directories_are_recovered(void **state)
{
	(void)state;
	struct scratch scratch;
	struct checkpoint starts, points;
	struct buf lines;
	char *start_path = mem_printf("%s/" CHECKPOINT_LOG_START, data);
	char *point_path = mem_printf("%s/" CHECKPOINT_RECOVERY, data);
	scratch_make(&scratch);
	buf_init(&lines, 0);
	assert_ok(fs_read_file(list_path, 1 << 24, &lines, &err));
	assert_ok(checkpoint_read(start_path, &starts, &err));
	assert_ok(checkpoint_read(point_path, &points, &err));
	assert_true(starts.count && points.count);
	struct slice rest = slice_of(lines.data, lines.len);
	while (rest.len) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.data) : rest.len;
		check_line(slice_of(rest.data, len), &starts, &points, &scratch);
		rest = end ? slice_of(end + 1, rest.len - len - 1) : slice_of(NULL, 0);
	}
	assert_true(lines_done >= 13);
	checkpoint_fini(&starts);
	checkpoint_fini(&points);
	buf_fini(&lines);
	scratch_drop(&scratch);
	mem_free(start_path);
	mem_free(point_path);
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char *own = mem_printf("%s/tests/data/disk/torn", top ? top : ".");
	char *own_list = mem_printf("%s/torn.jsonl", own), *own_data = mem_printf("%s/data", own);
	list_path = argc > 2 ? argv[1] : own_list;
	data = argc > 2 ? argv[2] : own_data;
	const struct CMUnitTest tests[] = {cmocka_unit_test(torn_directories_are_recovered)};
	int failed = RUN(tests);
	mem_free(own_list);
	mem_free(own_data);
	mem_free(own);
	return failed;
}
