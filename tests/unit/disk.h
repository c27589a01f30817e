/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that loses power at its n-th change. What was not fsynced by then is gone: bytes of files,
 * and new, renamed and removed names in a directory. From the cut on every call fails.
 *
 *   disk_start(n)    n 0: never; the calls are counted
 *   disk_stop()      the kernel's calls again; when the power was cut, the disk is as it came to
 *                    be. True when it was cut
 */
#pragma once

#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum disk_undo_kind { UNDO_NAME, UNDO_RENAME, UNDO_UNLINK };
struct disk_undo {
	enum disk_undo_kind kind;
	char *path, *to;
	char *kept; /* another name of what was overwritten or removed; NULL: nothing */
};
struct disk_file {
	int fd; /* of our own */
	ino_t inode;
	char *bytes; /* as of the last fsync */
	size_t len;
};
static struct {
	long left, calls;
	bool cut;
	char kept_dir[40];
	long kept;
	struct disk_undo *undo;
	size_t undo_count;
	struct disk_file *files;
	size_t file_count;
} disk;

/* A change is about to be made: false when there is no power any more. */
static inline bool disk_tick(void)
{
	disk.calls++;
	if (disk.left && disk.calls >= disk.left) {
		disk.cut = true;
	}
	return !disk.cut;
}

static inline void disk_undo_add(
	enum disk_undo_kind kind, const char *path, const char *to, char *kept)
{
	disk.undo = mem_grow(disk.undo, disk.undo_count + 1, sizeof(*disk.undo));
	disk.undo[disk.undo_count++] =
		(struct disk_undo){kind, mem_dup_str(path), to ? mem_dup_str(to) : NULL, kept};
}

static inline char *disk_keep(const char *path)
{
	char *kept = mem_printf("%s/%ld", disk.kept_dir, disk.kept++);
	if (link(path, kept)) {
		mem_free(kept);
		return NULL;
	}
	return kept;
}

/* The bytes of fd's file, before they change for the first time since its last fsync. */
static inline void disk_remember(int fd)
{
	struct stat st;
	char name[64];
	assert_int_equal(fstat(fd, &st), 0);
	for (size_t i = 0; i < disk.file_count; i++) {
		if (disk.files[i].inode == st.st_ino) {
			return;
		}
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	struct disk_file file = {.fd = open(name, O_RDWR), .inode = st.st_ino};
	assert_true(file.fd >= 0);
	file.len = (size_t)st.st_size;
	file.bytes = mem_new(file.len + 1);
	assert_int_equal(pread(file.fd, file.bytes, file.len, 0), file.len);
	disk.files = mem_grow(disk.files, disk.file_count + 1, sizeof(*disk.files));
	disk.files[disk.file_count++] = file;
}

static inline void disk_forget(size_t at)
{
	close(disk.files[at].fd);
	mem_free(disk.files[at].bytes);
	disk.files[at] = disk.files[--disk.file_count];
}

static inline void disk_undo_drop(struct disk_undo *undo)
{
	if (undo->kept) {
		unlink(undo->kept);
	}
	mem_free(undo->kept);
	mem_free(undo->path);
	mem_free(undo->to);
}

static inline int disk_sync(int fd)
{
	struct stat st;
	if (!disk_tick()) {
		return -EIO;
	}
	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode)) {
		for (size_t i = 0; i < disk.undo_count; i++) {
			disk_undo_drop(&disk.undo[i]);
		}
		disk.undo_count = 0;
	}
	for (size_t i = 0; i < disk.file_count; i++) {
		if (disk.files[i].inode == st.st_ino) {
			disk_forget(i);
			break;
		}
	}
	return 0;
}

static inline int disk_open(const char *path, int flags, mode_t mode)
{
	bool there = access(path, F_OK) == 0;
	bool changes = (flags & O_CREAT && !there) || flags & O_TRUNC;
	if (disk.cut || (changes && !disk_tick())) {
		return -EIO;
	}
	int fd = fs_kernel.open(path, flags & ~O_TRUNC, mode);
	if (fd >= 0 && flags & O_CREAT && !there) {
		disk_undo_add(UNDO_NAME, path, NULL, NULL);
	}
	if (fd >= 0 && flags & O_TRUNC && there) {
		disk_remember(fd);
		assert_int_equal(ftruncate(fd, 0), 0);
	}
	return fd;
}

static inline ssize_t disk_pwritev(int fd, const struct iovec *iov, int count, int64_t pos)
{
	if (!disk_tick()) {
		return -EIO;
	}
	disk_remember(fd);
	return fs_kernel.pwritev(fd, iov, count, pos);
}

static inline int disk_ftruncate(int fd, int64_t len)
{
	if (!disk_tick()) {
		return -EIO;
	}
	disk_remember(fd);
	return fs_kernel.ftruncate(fd, len);
}

static inline int disk_rename(const char *from, const char *to)
{
	if (!disk_tick()) {
		return -EIO;
	}
	if (access(from, F_OK)) {
		return -ENOENT;
	}
	char *kept = disk_keep(to);
	int got = fs_kernel.rename(from, to);
	assert_int_equal(got, 0);
	disk_undo_add(UNDO_RENAME, from, to, kept);
	return 0;
}

static inline int disk_unlink(const char *path)
{
	if (!disk_tick()) {
		return -EIO;
	}
	char *kept = disk_keep(path);
	int got = fs_kernel.unlink(path);
	if (!got) {
		disk_undo_add(UNDO_UNLINK, path, NULL, kept);
	}
	return got;
}

static inline void disk_start(long cut_at)
{
	static struct fs_ops ops;
	memset(&disk, 0, sizeof(disk));
	disk.left = cut_at;
	strcpy(disk.kept_dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/weir-kept-XXXXXX"
							    : "/tmp/weir-kept-XXXXXX");
	assert_non_null(mkdtemp(disk.kept_dir));
	ops = fs_kernel;
	ops.open = disk_open;
	ops.pwritev = disk_pwritev;
	ops.ftruncate = disk_ftruncate;
	ops.fdatasync = disk_sync;
	ops.fsync = disk_sync;
	ops.rename = disk_rename;
	ops.unlink = disk_unlink;
	fs_set_ops(&ops);
}

static inline void disk_take_back(const struct disk_undo *undo)
{
	if (undo->kind == UNDO_NAME) {
		unlink(undo->path);
	} else if (undo->kind == UNDO_RENAME) {
		assert_int_equal(rename(undo->to, undo->path), 0);
		assert_true(!undo->kept || link(undo->kept, undo->to) == 0);
	} else {
		assert_true(!undo->kept || link(undo->kept, undo->path) == 0);
	}
}

static inline bool disk_stop(void)
{
	struct weir_err err;
	fs_set_ops(NULL);
	for (size_t i = disk.undo_count; i-- > 0;) {
		if (disk.cut) {
			disk_take_back(&disk.undo[i]);
		}
		disk_undo_drop(&disk.undo[i]);
	}
	while (disk.file_count) {
		struct disk_file *file = &disk.files[0];
		if (disk.cut) {
			assert_int_equal(ftruncate(file->fd, 0), 0);
			assert_int_equal(pwrite(file->fd, file->bytes, file->len, 0), file->len);
		}
		disk_forget(0);
	}
	MEM_FREE(&disk.undo);
	MEM_FREE(&disk.files);
	disk.undo_count = 0;
	assert_ok(fs_remove_tree(disk.kept_dir, &err));
	return disk.cut;
}
