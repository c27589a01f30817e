/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an unclean stop or a bad disk leaves, and what is made of it. */
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/store/data_dir.h"
#include "core/store/segment.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FIRST_LOG "00000000000000000000.log"

static void write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	mem_free(path);
}

static void read_file(const char *dir, const char *name, struct buf *out)
{
	struct weir_err err;
	char *path = mem_printf("%s/%s", dir, name);
	assert_ok(fs_read_file(path, 1 << 24, out, &err));
	mem_free(path);
}

static bool has_file(const char *dir, const char *name)
{
	struct stat st;
	char *path = mem_printf("%s/%s", dir, name);
	bool there = stat(path, &st) == 0;
	mem_free(path);
	return there;
}

/* Bytes of all files in dir/.quarantine. */
static int64_t quarantined(const char *dir)
{
	struct weir_err err;
	struct data_partition partition;
	int64_t size = 0;
	char *path = mem_printf("%s/.quarantine", dir);
	if (data_partition_read(path, &partition, &err) == WEIR_OK) {
		for (size_t i = 0; i < partition.file_count; i++) {
			size += partition.files[i].size_bytes;
		}
		data_partition_fini(&partition);
	}
	mem_free(path);
	return size;
}

/* Three batches of 2, 3 and 2 records, epochs 1 and 2; their file and epoch checkpoint. */
struct three {
	struct buf log, epochs;
	size_t ends[4]; /* byte positions */
};
static const int64_t three_offsets[4] = {0, 2, 5, 7};

static void three_make(struct three *three)
{
	struct weir_err err;
	struct scratch scratch;
	scratch_make(&scratch);
	struct log *log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
	three->ends[0] = 0;
	for (int i = 0; i < 3; i++) {
		struct made made = {.count = i == 1 ? 3 : 2, .first_ts = 1000, .pad = 3};
		assert_ok(append_made(log, made, i == 2 ? 2 : 1, &err));
		three->ends[i + 1] = (size_t)log_size_bytes(log);
	}
	close_log(log);
	buf_init(&three->log, 0);
	buf_init(&three->epochs, 0);
	read_file(scratch.dir, FIRST_LOG, &three->log);
	read_file(scratch.dir, "leader-epoch-checkpoint", &three->epochs);
	scratch_drop(&scratch);
}

static void three_drop(struct three *three)
{
	buf_fini(&three->log);
	buf_fini(&three->epochs);
}

static void three_put(const struct three *three, const char *dir, const uint8_t *bytes, size_t len)
{
	struct weir_err err;
	assert_ok(fs_remove_tree(dir, &err));
	assert_ok(fs_mkdir(dir, &err));
	write_file(dir, FIRST_LOG, bytes, len);
	write_file(dir, "leader-epoch-checkpoint", three->epochs.data, three->epochs.len);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i]) {
			return false;
		}
	}
	return true;
}

/* Opens uncleanly; the end must be wanted, all below readable; appends, and opens again. */
static void check_recovers(const char *dir, int64_t wanted)
{
	struct weir_err err;
	struct log *log = open_log(dir, &log_conf_default, false, 0, 0);
	assert_int_equal(log_end_offset(log), wanted);
	assert_int_equal(log_flushed_offset(log), wanted);
	check_all(log, 0, wanted);
	assert_ok(append_made(log, (struct made){.count = 2, .first_ts = 9}, 3, &err));
	check_all(log, 0, wanted + 2);
	close_log(log);
	log = open_log(dir, &log_conf_default, false, wanted + 2, 0);
	assert_int_equal(log_end_offset(log), wanted + 2);
	check_all(log, 0, wanted + 2);
	close_log(log);
}

static void a_file_cut_at_every_byte(void **state)
{
	(void)state;
	struct scratch scratch;
	struct three three;
	scratch_make(&scratch);
	three_make(&three);
	for (size_t len = 0; len <= three.log.len; len++) {
		int whole = 0;
		while (whole < 3 && three.ends[whole + 1] <= len) {
			whole++;
		}
		three_put(&three, scratch.dir, three.log.data, len);
		check_recovers(scratch.dir, three_offsets[whole]);
		size_t removed = len - three.ends[whole];
		bool zero = all_zero(three.log.data + three.ends[whole], removed);
		assert_int_equal(quarantined(scratch.dir), zero ? 0 : removed);
	}
	three_drop(&three);
	scratch_drop(&scratch);
}

static void every_byte_flipped(void **state)
{
	(void)state;
	static const uint8_t masks[] = {0x01, 0xff, 0x80};
	struct scratch scratch;
	struct three three;
	scratch_make(&scratch);
	three_make(&three);
	for (size_t at = 0; at < three.log.len; at++) {
		for (size_t m = 0; m < sizeof(masks); m++) {
			int whole = 0;
			while (three.ends[whole + 1] <= at) {
				whole++;
			}
			three.log.data[at] ^= masks[m];
			three_put(&three, scratch.dir, three.log.data, three.log.len);
			three.log.data[at] ^= masks[m];
			check_recovers(scratch.dir, three_offsets[whole]);
			assert_int_equal(
				quarantined(scratch.dir), three.log.len - three.ends[whole]);
		}
	}
	three_drop(&three);
	scratch_drop(&scratch);
}

/* Below the recovery point nothing goes: what is sound is served, the rest is an error. */
static void damage_below_the_recovery_point(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct three three;
	scratch_make(&scratch);
	three_make(&three);
	for (size_t at = 0; at < three.log.len; at++) {
		int hit = 0;
		while (three.ends[hit + 1] <= at) {
			hit++;
		}
		/* Offset and epoch lie outside the CRC: below the recovery point they are believed.
		 */
		size_t inside = at - three.ends[hit];
		if (inside < 8 || (inside >= 12 && inside < 16)) {
			continue;
		}
		three.log.data[at] ^= 0xff;
		three_put(&three, scratch.dir, three.log.data, three.log.len);
		three.log.data[at] ^= 0xff;
		struct log *log = open_log(scratch.dir, &log_conf_default, false, 7, 0);
		assert_int_equal(log_end_offset(log), 7);
		assert_int_equal(quarantined(scratch.dir), 0);
		for (int64_t o = 0; o < 7; o++) {
			struct log_span span;
			bool bad = o >= three_offsets[hit] && o < three_offsets[hit + 1];
			enum weir_code code = log_read(log, o, 7, 1, true, &span, &err);
			assert_int_equal(code, bad ? WEIR_CORRUPT_MESSAGE : WEIR_OK);
			log_span_release(&span);
		}
		assert_ok(append_made(log, (struct made){.count = 2, .first_ts = 9}, 3, &err));
		check_all(log, 7, 9);
		/* The bytes are all still there. */
		struct buf now;
		buf_init(&now, 0);
		read_file(scratch.dir, FIRST_LOG, &now);
		assert_true(now.len >= three.log.len);
		buf_fini(&now);
		close_log(log);
		/* And after a clean stop, where no scan looks. */
		log = open_log(scratch.dir, &log_conf_default, true, 9, 0);
		assert_int_equal(log_end_offset(log), 9);
		check_all(log, 7, 9);
		check_all(log, three_offsets[hit + 1], 9);
		close_log(log);
	}
	three_drop(&three);
	scratch_drop(&scratch);
}

static void a_file_cut_below_the_recovery_point(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct three three;
	scratch_make(&scratch);
	three_make(&three);
	for (size_t len = 0; len < three.log.len; len++) {
		int whole = 0;
		while (three.ends[whole + 1] <= len) {
			whole++;
		}
		three_put(&three, scratch.dir, three.log.data, len);
		struct log *log = open_log(scratch.dir, &log_conf_default, false, 7, 0);
		/* Offsets that were given are not given again. */
		assert_int_equal(log_end_offset(log), 7);
		int64_t first = log_start_offset(log);
		assert_int_equal(first, len ? 0 : 7);
		if (len) {
			enum weir_code code;
			assert_int_equal(read_all(log, 0, three_offsets[whole], &code),
				three_offsets[whole]);
		}
		assert_ok(append_made(log, (struct made){.count = 2, .first_ts = 9}, 3, &err));
		check_all(log, 7, 9);
		close_log(log);
		log = open_log(scratch.dir, &log_conf_default, false, 9, 0);
		assert_int_equal(log_end_offset(log), 9);
		check_all(log, 7, 9);
		close_log(log);
	}
	three_drop(&three);
	scratch_drop(&scratch);
}

static struct log_conf small_conf(void)
{
	struct log_conf conf = log_conf_default;
	conf.segment_bytes = 1000;
	conf.index_interval_bytes = 200;
	return conf;
}

/* A log of several segments, left behind as a crash does. Gives its end. */
static int64_t many_make(const char *dir)
{
	struct weir_err err;
	struct log_conf conf = small_conf();
	struct log *log = open_log(dir, &conf, true, 0, 0);
	for (int i = 0; i < 60; i++) {
		assert_ok(append_made(log, (struct made){.count = 3, .first_ts = i}, 0, &err));
	}
	int64_t end = log_end_offset(log);
	abandon_log(log);
	return end;
}

static void flip(const char *dir, const char *name, int64_t pos)
{
	uint8_t byte;
	char *path = mem_printf("%s/%s", dir, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, pos), 1);
	byte ^= 0x5a;
	assert_int_equal(pwrite(fd, &byte, 1, pos), 1);
	close(fd);
	mem_free(path);
}

/* Names of the segments of dir, in order. */
static struct data_partition segments_of(const char *dir)
{
	struct weir_err err;
	struct data_partition partition;
	size_t kept = 0;
	assert_ok(data_partition_read(dir, &partition, &err));
	for (size_t i = 0; i < partition.file_count; i++) {
		if (partition.files[i].kind == DATA_FILE_LOG) {
			partition.files[kept++] = partition.files[i];
		} else {
			mem_free(partition.files[i].name);
		}
	}
	partition.file_count = kept;
	return partition;
}

static void damage_in_a_middle_segment(void **state)
{
	(void)state;
	for (int below = 0; below < 2; below++) {
		struct scratch scratch;
		struct log_conf conf = small_conf();
		scratch_make(&scratch);
		int64_t end = many_make(scratch.dir);
		struct data_partition segments = segments_of(scratch.dir);
		assert_true(segments.file_count > 4);
		/* In the first batch of the third segment. */
		flip(scratch.dir, segments.files[2].name, 70);
		int64_t base = segments.files[2].base_offset;
		struct log *log = open_log(scratch.dir, &conf, false, below ? end : base, 0);
		if (below) {
			enum weir_code code;
			assert_int_equal(log_end_offset(log), end);
			check_all(log, 0, base);
			read_all(log, base, end, &code);
			assert_int_equal(code, WEIR_CORRUPT_MESSAGE);
			check_all(log, base + 3, end);
			assert_int_equal(quarantined(scratch.dir), 0);
		} else {
			int64_t size = 0;
			for (size_t i = 2; i < segments.file_count; i++) {
				size += segments.files[i].size_bytes;
			}
			assert_int_equal(log_end_offset(log), base);
			check_all(log, 0, base);
			assert_int_equal(quarantined(scratch.dir), size);
		}
		close_log(log);
		data_partition_fini(&segments);
		scratch_drop(&scratch);
	}
}

/* A bit that goes bad in a clean log is told on the first read, and told again. */
static void damage_found_when_read(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	struct log_span span;
	scratch_make(&scratch);
	int64_t end = many_make(scratch.dir);
	struct log *log = open_log(scratch.dir, &conf, false, 0, 0);
	close_log(log);
	struct data_partition segments = segments_of(scratch.dir);
	flip(scratch.dir, segments.files[1].name, 70);
	int64_t base = segments.files[1].base_offset;
	log = open_log(scratch.dir, &conf, true, end, 0);
	assert_int_equal(log_end_offset(log), end);
	check_all(log, 0, base);
	for (int i = 0; i < 2; i++) {
		assert_code(log_read(log, base + 1, end, 10000, true, &span, &err),
			WEIR_CORRUPT_MESSAGE);
	}
	check_all(log, base + 3, end);
	conf.verify_on_read = false;
	log_set_conf(log, &conf);
	assert_ok(log_read(log, base, end, 10000, true, &span, &err));
	log_span_release(&span);
	close_log(log);
	data_partition_fini(&segments);
	scratch_drop(&scratch);
}

static void copy_files(const struct data_partition *from, const char *to)
{
	struct weir_err err;
	struct buf bytes;
	buf_init(&bytes, 0);
	for (size_t i = 0; i < from->file_count; i++) {
		char *path = mem_printf("%s/%s", from->path, from->files[i].name);
		buf_reset(&bytes);
		assert_ok(fs_read_file(path, 1 << 24, &bytes, &err));
		write_file(to, from->files[i].name, bytes.data, bytes.len);
		mem_free(path);
	}
	buf_fini(&bytes);
}

/* Every byte of every index file flipped, and each cut at every length: nothing wrong is served. */
static void damaged_indexes_are_built_again(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch, copy;
	struct log_conf conf = small_conf();
	scratch_make(&scratch);
	scratch_make(&copy);
	int64_t end = many_make(scratch.dir);
	struct log *log = open_log(scratch.dir, &conf, false, 0, 0);
	close_log(log);
	struct data_partition files;
	assert_ok(data_partition_read(scratch.dir, &files, &err));
	size_t done = 0;
	for (size_t f = 0; f < files.file_count && done < 6; f++) {
		const struct data_file *file = &files.files[f];
		if (file->kind != DATA_FILE_INDEX && file->kind != DATA_FILE_TIME_INDEX) {
			continue;
		}
		done++;
		for (int64_t at = 0; at < 2 * file->size_bytes; at++) {
			assert_ok(fs_remove_tree(copy.dir, &err));
			assert_ok(fs_mkdir(copy.dir, &err));
			copy_files(&files, copy.dir);
			char *path = mem_printf("%s/%s", copy.dir, file->name);
			if (at < file->size_bytes) {
				flip(copy.dir, file->name, at);
			} else {
				assert_int_equal(truncate(path, at - file->size_bytes), 0);
			}
			mem_free(path);
			log = open_log(copy.dir, &conf, true, end, 0);
			assert_int_equal(log_end_offset(log), end);
			int64_t base = file->base_offset;
			check_all(log, base, base + 30 < end ? base + 30 : end);
			struct log_found found;
			assert_ok(log_find_time(log, base / 3 + 5, end, &found, &err));
			assert_int_equal(found.offset, base + 15 < end ? base + 15 : -1);
			close_log(log);
		}
	}
	assert_int_equal(done, 6);
	data_partition_fini(&files);
	scratch_drop(&copy);
	scratch_drop(&scratch);
}

static void left_overs_are_finished_or_dropped(void **state)
{
	(void)state;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	struct buf bytes;
	scratch_make(&scratch);
	int64_t end = many_make(scratch.dir);
	struct data_partition segments = segments_of(scratch.dir);
	write_file(scratch.dir, "00000000000000000000.log.cleaned", "x", 1);
	write_file(scratch.dir, "00000000000000009999.index", "12345678", 8);
	write_file(scratch.dir, "notes.txt", "hello", 5);
	/* The first two segments in one, as compaction leaves them. */
	buf_init(&bytes, 0);
	read_file(scratch.dir, segments.files[0].name, &bytes);
	struct buf second;
	buf_init(&second, 0);
	read_file(scratch.dir, segments.files[1].name, &second);
	buf_add(&bytes, second.data, second.len);
	write_file(scratch.dir, "00000000000000000000.log.swap", bytes.data, bytes.len);
	write_file(scratch.dir, "00000000000000000000.index.swap", "12345678", 8);
	/* And one that is damaged. */
	char *bad = mem_printf("%s.swap", segments.files[3].name);
	second.data[70] ^= 1;
	write_file(scratch.dir, bad, second.data, second.len);
	struct log *log = open_log(scratch.dir, &conf, false, end, 0);
	assert_int_equal(log_end_offset(log), end);
	check_all(log, 0, end);
	assert_false(has_file(scratch.dir, "00000000000000000000.log.cleaned"));
	assert_false(has_file(scratch.dir, "00000000000000009999.index"));
	assert_false(has_file(scratch.dir, "00000000000000000000.log.swap"));
	assert_false(has_file(scratch.dir, "00000000000000000000.index.swap"));
	assert_false(has_file(scratch.dir, segments.files[1].name));
	assert_false(has_file(scratch.dir, bad));
	assert_true(has_file(scratch.dir, "notes.txt"));
	assert_int_equal(quarantined(scratch.dir), second.len);
	close_log(log);
	mem_free(bad);
	buf_fini(&second);
	buf_fini(&bytes);
	data_partition_fini(&segments);
	scratch_drop(&scratch);
}

/* A directory, a FIFO, a symbolic link in the place of a segment. */
/* The epoch checkpoint begins at the log start, inside a segment: what lies before it is sound. */
static void a_trimmed_log_is_recovered_whole(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch s;
	scratch_make(&s);
	struct log *log = open_log(s.dir, &log_conf_default, false, 0, 0);
	for (int32_t epoch = 0; epoch < 5; epoch++) {
		struct made made = {.count = 10, .first_ts = 1000, .step = 1};
		assert_ok(append_made(log, made, epoch, &err));
	}
	assert_ok(log_flush(log, &err));
	assert_ok(log_delete_before(log, 35, &err));
	abandon_log(log);
	log = open_log(s.dir, &log_conf_default, false, 0, 35);
	assert_int_equal(log_end_offset(log), 50);
	assert_int_equal(log_start_offset(log), 35);
	check_all(log, 35, 50);
	assert_false(has_file(s.dir, ".quarantine"));
	close_log(log);
	scratch_drop(&s);
}

static void strange_files_are_refused(void **state)
{
	(void)state;
	struct weir_err err;
	struct log *log = NULL;
	for (int kind = 0; kind < 3; kind++) {
		struct scratch scratch;
		struct log_start start = {.clean = false};
		scratch_make(&scratch);
		assert_ok(fs_mkdir(scratch.dir, &err));
		char *path = mem_printf("%s/%s", scratch.dir, FIRST_LOG);
		if (kind == 0) {
			assert_ok(fs_mkdir(path, &err));
			log = open_log(scratch.dir, &log_conf_default, true, 0, 0);
			assert_code(
				append_made(log, (struct made){.count = 1}, 0, &err), WEIR_EXISTS);
			close_log(log);
		} else if (kind == 1) {
			assert_int_equal(mkfifo(path, 0600), 0);
			assert_code(log_open(scratch.dir, &log_conf_default, &start, &log, &err),
				WEIR_LOCAL_CORRUPT);
		} else {
			assert_int_equal(symlink("/etc/passwd", path), 0);
			assert_code(log_open(scratch.dir, &log_conf_default, &start, &log, &err),
				WEIR_IO);
		}
		mem_free(path);
		scratch_drop(&scratch);
	}
}

/* Another's directory: looked at, not touched. */
static void read_only_changes_nothing(void **state)
{
	(void)state;
	struct weir_err err;
	struct scratch scratch;
	struct log_conf conf = small_conf();
	struct log *log;
	struct log_start start = {.read_only = true};
	scratch_make(&scratch);
	int64_t end = many_make(scratch.dir);
	write_file(scratch.dir, "00000000000000000000.log.cleaned", "x", 1);
	struct data_partition segments = segments_of(scratch.dir);
	const struct data_file *last = &segments.files[segments.file_count - 1];
	char *path = mem_printf("%s/%s", scratch.dir, last->name);
	assert_int_equal(truncate(path, last->size_bytes - 1), 0);
	char *list = mem_printf(
		"cd %s && find . -type f | sort | xargs sha256sum > ../before", scratch.dir);
	assert_int_equal(system(list), 0);
	assert_ok(log_open(scratch.dir, &conf, &start, &log, &err));
	assert_int_equal(log_end_offset(log), end - 3);
	check_all(log, 0, end - 3);
	assert_code(append_made(log, (struct made){.count = 1}, 0, &err), WEIR_IO);
	assert_code(log_retain(log, INT64_MAX, end, &err), WEIR_IO);
	close_log(log);
	mem_free(list);
	list = mem_printf(
		"cd %s && find . -type f | sort | xargs sha256sum | cmp - ../before", scratch.dir);
	assert_int_equal(system(list), 0);
	mem_free(list);
	mem_free(path);
	data_partition_fini(&segments);
	start.read_only = true;
	char *absent = mem_printf("%s/none-0", scratch.root);
	assert_code(log_open(absent, &conf, &start, &log, &err), WEIR_NOT_FOUND);
	mem_free(absent);
	scratch_drop(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_cut_at_every_byte),
		cmocka_unit_test(every_byte_flipped),
		cmocka_unit_test(damage_below_the_recovery_point),
		cmocka_unit_test(a_file_cut_below_the_recovery_point),
		cmocka_unit_test(damage_in_a_middle_segment),
		cmocka_unit_test(damage_found_when_read),
		cmocka_unit_test(damaged_indexes_are_built_again),
		cmocka_unit_test(left_overs_are_finished_or_dropped),
		cmocka_unit_test(a_trimmed_log_is_recovered_whole),
		cmocka_unit_test(strange_files_are_refused),
		cmocka_unit_test(read_only_changes_nothing),
	};
	return RUN(tests);
}
