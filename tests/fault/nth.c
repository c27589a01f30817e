/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log whose n-th call to the file system fails, for every n (RELIABILITY F8, F10 to F12, F15).
 *
 * The same life each time: append, roll, flush, trim, truncate, begin an epoch, close. One call
 * fails, or all from there on, by an error, a full disk or half a write. Whatever the log answers,
 * afterwards the directory must open, all that was flushed must be there, and nothing may stand
 * twice or elsewhere. Then the same for opening what a crash left.
 */
#include "tests/unit/store.h"

#include "core/base/clock.h"
#include "core/base/random.h"

#include <errno.h>
#include <stdatomic.h>

enum { ALLOCATIONS = 60 };
enum fault { FAIL_EIO, FAIL_ENOSPC, FAIL_SHORT, FAIL_HALF, FAIL_ALL_AFTER, FAULTS };

static struct {
	int count; /* calls so far */
	int at;	   /* the one that fails; 0: none */
	enum fault fault;
	int syncs;   /* fdatasync and fsync calls */
	bool failed; /* it has */
	bool torn;   /* the next call fails too */
	int syncs_failed;
} seam;

/* errno, negative, that this call gives; 0: it goes on. */
static int fails(void)
{
	seam.count++;
	bool now = seam.at && (seam.count == seam.at || seam.torn ||
				      (seam.fault == FAIL_ALL_AFTER && seam.count > seam.at));
	bool full = seam.torn || seam.fault == FAIL_ENOSPC;
	seam.torn = false;
	if (!now) {
		return 0;
	}
	seam.failed = true;
	return full ? -ENOSPC : seam.fault == FAIL_ALL_AFTER ? -EROFS : -EIO;
}

#define FAULTY(name, type, params, args)                                                           \
	static type faulty_##name params                                                           \
	{                                                                                          \
		int error = fails();                                                               \
		return error ? error : fs_kernel.name args;                                        \
	}
FAULTY(open, int, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAULTY(pread, ssize_t, (int fd, void *buf, size_t len, int64_t pos), (fd, buf, len, pos))
FAULTY(ftruncate, int, (int fd, int64_t len), (fd, len))
FAULTY(fallocate, int, (int fd, int64_t pos, int64_t len), (fd, pos, len))
FAULTY(rename, int, (const char *from, const char *to), (from, to))
FAULTY(unlink, int, (const char *path), (path))
FAULTY(mkdir, int, (const char *path, mode_t mode), (path, mode))
FAULTY(rmdir, int, (const char *path), (path))
FAULTY(fstat, int, (int fd, struct stat *st), (fd, st))

static ssize_t faulty_pwritev(int fd, const struct iovec *iov, int count, int64_t pos)
{
	int error = fails();
	if (error && iov->iov_len > 1 && seam.count == seam.at &&
		(seam.fault == FAIL_HALF || seam.fault == FAIL_SHORT)) {
		/* A short write is gone on with; after half of one the rest fails. */
		seam.torn = seam.fault == FAIL_HALF;
		struct iovec half = {iov->iov_base, iov->iov_len / 2};
		return fs_kernel.pwritev(fd, &half, 1, pos);
	}
	return error ? error : fs_kernel.pwritev(fd, iov, count, pos);
}

static int faulty_fdatasync(int fd)
{
	seam.syncs++;
	int error = fails();
	seam.syncs_failed += error != 0;
	return error ? error : fs_kernel.fdatasync(fd);
}

static int faulty_fsync(int fd)
{
	seam.syncs++;
	int error = fails();
	seam.syncs_failed += error != 0;
	return error ? error : fs_kernel.fsync(fd);
}

static int plain_close(int fd)
{
	return fs_kernel.close(fd);
}

static const struct fs_ops faulty = {
	.open = faulty_open,
	.close = plain_close,
	.pread = faulty_pread,
	.pwritev = faulty_pwritev,
	.fdatasync = faulty_fdatasync,
	.fsync = faulty_fsync,
	.ftruncate = faulty_ftruncate,
	.fallocate = faulty_fallocate,
	.rename = faulty_rename,
	.unlink = faulty_unlink,
	.mkdir = faulty_mkdir,
	.rmdir = faulty_rmdir,
	.fstat = faulty_fstat,
};

static void arm(int at, enum fault fault)
{
	memset(&seam, 0, sizeof(seam));
	seam.at = at;
	seam.fault = fault;
	fs_set_ops(&faulty);
}

static void disarm(void)
{
	fs_set_ops(NULL);
}

/* --- one life --- */

/* What the log promised. */
struct life {
	struct log *log;
	struct log_conf conf;
	int64_t least_end;   /* flushed; lowered only by a truncation that was asked for */
	int64_t least_start; /* trimmed, and the trim was answered */
	int64_t most_start;
};

static struct log_conf small_conf(void)
{
	struct log_conf conf = log_conf_default;
	conf.segment_bytes = 600;
	conf.index_interval_bytes = 100;
	conf.file_delete_delay_ms = 0;
	conf.retention_ms = -1;
	return conf;
}

static void append(struct life *life, int count, int32_t epoch)
{
	struct weir_err err;
	struct made made = {.count = count, .first_ts = 1000, .step = 1, .pad = 10};
	int64_t end = log_end_offset(life->log);
	if (append_made(life->log, made, epoch, &err)) {
		assert_int_equal(log_end_offset(life->log), end);
	}
}

static void flush(struct life *life)
{
	struct weir_err err;
	int64_t end = log_end_offset(life->log);
	int before = seam.syncs, failed_before = seam.syncs_failed;
	bool was_failed = log_failed(life->log);
	enum weir_code code = log_flush(life->log, &err);
	if (!code) {
		assert_false(was_failed);
		life->least_end = end;
	} else if (was_failed) {
		/* A failed sync is never tried again. */
		assert_int_equal(seam.syncs, before);
	}
	if (seam.syncs_failed > failed_before) {
		assert_true(code != WEIR_OK && log_failed(life->log));
	}
	assert_true(log_flushed_offset(life->log) <= log_end_offset(life->log));
}

static void trim(struct life *life, int64_t offset)
{
	struct weir_err err;
	if (offset > log_end_offset(life->log)) {
		return;
	}
	life->most_start = offset > life->most_start ? offset : life->most_start;
	if (!log_delete_before(life->log, offset, &err)) {
		life->least_start = offset;
	}
}

/* Reads what there is, as long as reading works. */
static void look(struct life *life)
{
	enum weir_code code;
	int64_t end = log_end_offset(life->log);
	int64_t got = read_all(life->log, log_start_offset(life->log), end, &code);
	assert_true(code || got == end);
}

static void live(struct life *life)
{
	struct weir_err err;
	for (int i = 0; i < 6; i++) {
		append(life, 1 + i % 3, 0);
	}
	flush(life);
	append(life, 2, 1);
	append(life, 9, 1);
	look(life);
	flush(life);
	trim(life, 7);
	for (int i = 0; i < 6; i++) {
		append(life, 1, 1);
	}
	(void)!log_roll(life->log, &err); /* perhaps after half a batch */
	append(life, 3, 2);
	append(life, 3, 2);
	flush(life);
	append(life, 4, 2);
	int64_t cut = log_end_offset(life->log) - 3;
	if (cut >= log_start_offset(life->log)) {
		life->least_end = cut < life->least_end ? cut : life->least_end;
		(void)!log_truncate(life->log, cut, &err);
	}
	(void)!log_start_epoch(life->log, 3, &err);
	append(life, 2, 3);
	look(life);
	(void)!log_retain(life->log, clock_wall_ms(), log_flushed_offset(life->log), &err);
	flush(life);
	append(life, 1, 3);
}

/* The directory opens after the crash, and holds what was promised. */
static void check_after(struct life *life, const char *dir, int64_t recovery_point)
{
	struct log *log = open_log(dir, &life->conf, false, recovery_point, life->least_start);
	int64_t start = log_start_offset(log), end = log_end_offset(log);
	assert_true(end >= life->least_end);
	assert_true(start >= life->least_start && start <= life->most_start);
	check_all(log, start, end);
	struct weir_err err;
	struct made made = {.count = 2, .first_ts = 1000, .step = 1};
	assert_ok(append_made(log, made, 9, &err));
	close_log(log);
	log = open_log(dir, &life->conf, true, 0, start);
	check_all(log, start, end + 2);
	close_log(log);
}

/* Every call in the long form, else one in a few, from a random one on. */
static int step(void)
{
	return getenv("WEIR_FAULT_LONG") ? 1 : 5;
}

/* false: the life ended without the n-th call. */
static bool life_with(int n, enum fault fault, bool old_checkpoint)
{
	struct scratch s;
	struct weir_err err;
	struct life life = {.conf = small_conf()};
	struct log_start start = {.clean = true};
	scratch_make(&s);
	arm(n, fault);
	enum weir_code code = log_open(s.dir, &life.conf, &start, &life.log, &err);
	if (!code) {
		live(&life);
		if (n % 2) {
			int64_t end = log_end_offset(life.log);
			life.least_end = log_close(&life.log, &err) ? life.least_end : end;
		}
	}
	bool failed = seam.failed;
	disarm();
	if (!code && life.log) {
		abandon_log(life.log);
	}
	check_after(&life, s.dir, old_checkpoint ? 0 : life.least_end);
	scratch_drop(&s);
	return failed;
}

static void every_call_of_a_life_fails(void **state)
{
	(void)state;
	for (enum fault fault = 0; fault < FAULTS; fault++) {
		int n = 1 + (int)random_below((uint64_t)step());
		while (life_with(n, fault, false) && life_with(n, fault, true)) {
			n += step();
		}
		assert_true(n > 100);
	}
}

/* --- opening what a crash left --- */

static void copy_tree(const char *from, const char *to)
{
	char *command = mem_printf("cp -a %s %s", from, to);
	assert_int_equal(system(command), 0);
	mem_free(command);
}

/* Makes s.dir as a crash in the middle of a life leaves it, with a torn tail. */
static void crash(struct scratch *s, struct life *life)
{
	scratch_make(s);
	*life = (struct life){.conf = small_conf()};
	life->log = open_log(s->dir, &life->conf, true, 0, 0);
	live(life);
	char *path = mem_printf("%s/%020lld.log", s->dir, (long long)log_end_offset(life->log));
	abandon_log(life->log);
	FILE *torn = fopen(path, "wb");
	assert_non_null(torn);
	fputs("torn", torn);
	fclose(torn);
	mem_free(path);
}

static void every_call_of_a_recovery_fails(void **state)
{
	(void)state;
	struct scratch s;
	struct life life;
	struct weir_err err;
	crash(&s, &life);
	char *kept = mem_printf("%s/kept", s.root);
	copy_tree(s.dir, kept);
	for (enum fault fault = 0; fault < FAULTS; fault++) {
		bool goes_on = true;
		int first = 1 + (int)random_below((uint64_t)step());
		for (int n = first; goes_on; n += step()) {
			assert_ok(fs_remove_tree(s.dir, &err));
			copy_tree(kept, s.dir);
			struct log_start start = {.recovery_point = life.least_end - 4,
				.log_start_offset = life.least_start};
			struct log *log = NULL;
			arm(n, fault);
			enum weir_code code = log_open(s.dir, &life.conf, &start, &log, &err);
			goes_on = seam.failed;
			disarm();
			if (!code) {
				abandon_log(log);
			} else {
				assert_true(goes_on);
			}
			check_after(&life, s.dir, n % 2 ? 0 : life.least_end);
		}
	}
	mem_free(kept);
	scratch_drop(&s);
}

/* --- memory --- */

/* Memory gives out while a log is used: an answer, or an error, and the log is as it was. */
static void use(struct life *life, struct log *log)
{
	struct weir_err err;
	enum weir_code code;
	int64_t end = log_end_offset(log);
	code = log_flush(log, &err);
	if (!code) {
		life->least_end = end;
	}
	read_all(log, log_start_offset(log), end, &code);
	struct log_found found;
	(void)!log_find_time(log, 1002, end, &found, &err);
	(void)!log_find_max_time(log, end, &found, &err);
}

static void every_allocation_fails(void **state)
{
	(void)state;
	struct scratch s;
	struct life life;
	struct weir_err err;
	crash(&s, &life);
	for (uint64_t n = 1; n <= ALLOCATIONS; n++) {
		struct log_start start = {
			.recovery_point = life.least_end - 4, .log_start_offset = life.least_start};
		struct log *log = NULL;
		mem_fail_after(n);
		enum weir_code code = log_open(s.dir, &life.conf, &start, &log, &err);
		mem_fail_after(0);
		assert_true(!code || code == WEIR_NO_MEMORY || code == WEIR_IO);
		if (!code) {
			mem_fail_after(n);
			use(&life, log);
			mem_fail_after(0);
			abandon_log(log);
		}
		check_after(&life, s.dir, n % 2 ? 0 : life.least_end);
		life.most_start = INT64_MAX;
	}
	scratch_drop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_a_life_fails),
		cmocka_unit_test(every_call_of_a_recovery_fails),
		cmocka_unit_test(every_allocation_fails),
	};
	return RUN(tests);
}
