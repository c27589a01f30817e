/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

/* A table that fails its n-th call with fault_errno and cuts every write to write_max bytes. */
static int fault_in, fault_errno = EIO;
static size_t write_max = SIZE_MAX;

static int fails(void)
{
	return fault_in && --fault_in == 0;
}

#define FAULTY(type, name, params, args)                                                           \
	static type faulty_##name params                                                           \
	{                                                                                          \
		return fails() ? (type)-fault_errno : fs_kernel.name args;                         \
	}
FAULTY(int, open, (const char *p, int f, mode_t m), (p, f, m))
FAULTY(ssize_t, pread, (int fd, void *b, size_t l, int64_t p), (fd, b, l, p))
FAULTY(int, fdatasync, (int fd), (fd))
FAULTY(int, fsync, (int fd), (fd))
FAULTY(int, ftruncate, (int fd, int64_t l), (fd, l))
FAULTY(int, rename, (const char *a, const char *b), (a, b))
FAULTY(int, unlink, (const char *p), (p))
FAULTY(int, mkdir, (const char *p, mode_t m), (p, m))
FAULTY(int, rmdir, (const char *p), (p))
FAULTY(int, fstat, (int fd, struct stat *st), (fd, st))

static ssize_t faulty_pwritev(int fd, const struct iovec *iov, int count, int64_t pos)
{
	if (fails()) {
		return -fault_errno;
	}
	(void)count;
	struct iovec one = iov[0];
	one.iov_len = one.iov_len < write_max ? one.iov_len : write_max;
	return fs_kernel.pwritev(fd, &one, 1, pos);
}

static struct fs_ops faulty;

static int setup(void **state)
{
	(void)state;
	faulty = fs_kernel;
	faulty.open = faulty_open;
	faulty.pread = faulty_pread;
	faulty.pwritev = faulty_pwritev;
	faulty.fdatasync = faulty_fdatasync;
	faulty.fsync = faulty_fsync;
	faulty.ftruncate = faulty_ftruncate;
	faulty.rename = faulty_rename;
	faulty.unlink = faulty_unlink;
	faulty.mkdir = faulty_mkdir;
	faulty.rmdir = faulty_rmdir;
	faulty.fstat = faulty_fstat;
	snprintf(dir, sizeof(dir), "/tmp/weir-fs-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	struct weir_err err;
	fs_set_ops(NULL);
	return fs_remove_tree(dir, &err) ? -1 : 0;
}

static char *at(const char *name)
{
	static char path[2][160];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void expect_file(const char *path, const char *text)
{
	struct weir_err err;
	struct buf got;
	buf_init(&got, 0);
	assert_ok(fs_read_file(path, 1000, &got, &err));
	assert_string_equal(buf_str(&got), text);
	buf_fini(&got);
}

static void short_writes_are_finished(void **state)
{
	(void)state;
	struct weir_err err;
	int fd = -1;
	char text[] = "abcdefghij", back[11] = "";
	struct iovec iov[4] = {{text, 3}, {text, 0}, {text + 3, 4}, {text + 7, 3}};
	int64_t size;
	fs_set_ops(&faulty);
	write_max = 2;
	assert_ok(fs_open(at("short"), O_RDWR | O_CREAT, 0600, &fd, &err));
	assert_ok(fs_writev_at(fd, "short", iov, 4, 5, &err));
	write_max = SIZE_MAX;
	assert_ok(fs_size(fd, "short", &size, &err));
	assert_int_equal(size, 15);
	assert_ok(fs_read_at(fd, "short", back, 10, 5, &err));
	assert_string_equal(back, "abcdefghij");
	assert_code(fs_read_at(fd, "short", back, 10, 6, &err), WEIR_LOCAL_CORRUPT);
	assert_ok(fs_truncate(fd, "short", 7, &err));
	assert_ok(fs_sync(fd, "short", &err));
	fault_in = 1;
	fault_errno = ENOSPC;
	assert_code(fs_write_at(fd, "short", "x", 1, 0, &err), WEIR_NO_SPACE);
	assert_int_equal(err.sys_errno, ENOSPC);
	assert_non_null(strstr(err.text, "short"));
	write_max = 0;
	assert_code(fs_write_at(fd, "short", "x", 1, 0, &err), WEIR_IO);
	write_max = SIZE_MAX;
	fault_errno = EIO;
	fs_close(&fd);
	assert_int_equal(fd, -1);
	fs_close(&fd);
	fs_set_ops(NULL);
}

static void replace_is_old_or_new(void **state)
{
	(void)state;
	struct weir_err err;
	char *path = mem_dup_str(at("replaced"));
	char *tmp = mem_printf("%s.tmp", path);
	assert_ok(fs_replace_file(path, slice_str("old"), &err));
	fs_set_ops(&faulty);
	enum weir_code code = WEIR_IO;
	int n;
	for (n = 1; code && n < 50; n++) {
		fault_in = n;
		code = fs_replace_file(path, slice_str("newer"), &err);
		fault_in = 0;
		struct buf got;
		buf_init(&got, 0);
		assert_ok(fs_read_file(path, 100, &got, &err));
		bool is_old = !strcmp(buf_str(&got), "old"),
		     is_new = !strcmp(buf_str(&got), "newer");
		assert_true(is_new || (is_old && code));
		buf_fini(&got);
		assert_int_equal(access(tmp, F_OK), -1);
	}
	assert_true(n > 5);
	assert_int_equal(code, WEIR_OK);
	fs_set_ops(NULL);
	expect_file(path, "newer");
	mem_free(tmp);
	mem_free(path);
}

static void read_file_has_a_limit(void **state)
{
	(void)state;
	struct weir_err err;
	struct buf got;
	buf_init(&got, 0);
	assert_ok(fs_replace_file(at("limit"), slice_str("12345"), &err));
	assert_ok(fs_read_file(at("limit"), 5, &got, &err));
	assert_int_equal(got.len, 5);
	assert_code(fs_read_file(at("limit"), 4, &got, &err), WEIR_TOO_LARGE);
	assert_int_equal(got.len, 0);
	assert_code(fs_read_file(at("absent"), 4, &got, &err), WEIR_NOT_FOUND);
	assert_code(fs_read_file(dir, 4, &got, &err), WEIR_IO);
	mem_fail_after(1);
	struct buf none;
	buf_init(&none, 0);
	assert_code(fs_read_file(at("limit"), 5, &none, &err), WEIR_NO_MEMORY);
	mem_fail_after(0);
	buf_fini(&none);
	buf_fini(&got);
}

static enum weir_code gather(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	char *text = arg;
	size_t len = strlen(text);
	snprintf(text + len, 100 - len, "%s%s ", name, is_dir ? "/" : "");
	return strcmp(name, "stop") ? WEIR_OK : err_set(err, WEIR_STOPPED, "stop");
}

static void directories(void **state)
{
	(void)state;
	struct weir_err err;
	char names[100] = "";
	char *top = mem_dup_str(at("top"));
	assert_ok(fs_mkdirs(at("top/b/c/"), &err));
	assert_ok(fs_mkdirs(at("top/b/c"), &err));
	assert_ok(fs_mkdir(top, &err));
	assert_ok(fs_replace_file(at("top/a"), slice_str("x"), &err));
	assert_ok(fs_replace_file(at("top/b/c/deep"), slice_str("x"), &err));
	assert_int_equal(symlink(dir, at("top/link")), 0);
	assert_code(fs_mkdir(at("top/a"), &err), WEIR_IO);
	assert_code(fs_mkdirs(at("top/a/b"), &err), WEIR_IO);
	assert_ok(fs_list_dir(top, gather, names, &err));
	assert_string_equal(names, "a b/ link ");
	assert_ok(fs_rename(at("top/a"), at("top/stop"), &err));
	assert_code(fs_rename(at("top/a"), at("top/stop"), &err), WEIR_NOT_FOUND);
	names[0] = '\0';
	assert_code(fs_list_dir(top, gather, names, &err), WEIR_STOPPED);
	assert_string_equal(names, "b/ link stop ");
	err.text[0] = '\0';
	assert_ok(fs_unlink(at("nothing"), &err));
	assert_ok(fs_remove_tree(at("nothing"), &err));
	assert_string_equal(err.text, "");
	fs_set_ops(&faulty);
	enum weir_code code = WEIR_IO;
	for (int n = 1; code && n < 50; n++) {
		fault_in = n;
		code = fs_remove_tree(top, &err);
	}
	fault_in = 0;
	fs_set_ops(NULL);
	assert_int_equal(code, WEIR_OK);
	assert_int_equal(access(top, F_OK), -1);
	assert_int_equal(access(dir, F_OK), 0);
	mem_free(top);
}

static void lock_names_its_holder(void **state)
{
	(void)state;
	struct weir_err err;
	int fd = -1, other = -1;
	char pid[32];
	assert_ok(fs_lock(at(".lock"), &fd, &err));
	assert_code(fs_lock(at(".lock"), &other, &err), WEIR_LOCKED);
	assert_int_equal(other, -1);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	fs_close(&fd);
	assert_ok(fs_lock(at(".lock"), &other, &err));
	fs_close(&other);
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	expect_file(at(".lock"), pid);
	assert_code(fs_lock(at("no/where"), &other, &err), WEIR_NOT_FOUND);
	fs_set_ops(&faulty);
	for (fault_in = 1; fs_lock(at(".lock"), &other, &err);) {
		assert_int_equal(other, -1);
		static int n = 1;
		fault_in = ++n;
	}
	fault_in = 0;
	fs_set_ops(NULL);
	fs_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_writes_are_finished),
		cmocka_unit_test(replace_is_old_or_new),
		cmocka_unit_test(read_file_has_a_limit),
		cmocka_unit_test(directories),
		cmocka_unit_test(lock_names_its_holder),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
