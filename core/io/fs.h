/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files, behind a seam: a table of calls that tests replace to fail the n-th one, cut a write short
 * or freeze the disk. The default table is the kernel. Paths are NUL-terminated; O_CLOEXEC always.
 * Each call returns 0 or a positive count, or a negative errno (-ENOSPC), retried on EINTR.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct fs_ops {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *buf, size_t len, int64_t pos);
	ssize_t (*pwritev)(int fd, const struct iovec *iov, int count, int64_t pos);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, int64_t len);
	int (*fallocate)(int fd, int64_t pos, int64_t len);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*mkdir)(const char *path, mode_t mode);
	int (*rmdir)(const char *path);
	int (*fstat)(int fd, struct stat *st);
};

/* Test seam; NULL puts the kernel's back. Set before threads start. The default table is fs_kernel.
 */
extern const struct fs_ops fs_kernel;
void fs_set_ops(const struct fs_ops *ops);
const struct fs_ops *fs_ops(void);

/* All of len bytes or an error naming path. Errors: IO, NO_SPACE; fs_read_at: LOCAL_CORRUPT at a
 * short file. */
WEIR_MUST_USE enum weir_code fs_open(const char *path, int flags, mode_t mode, int *fd,
	struct weir_err *err); /* NOT_FOUND for ENOENT */
void fs_close(int *fd);	       /* -1 is fine; sets -1 */
WEIR_MUST_USE enum weir_code fs_read_at(
	int fd, const char *path, void *buf, size_t len, int64_t pos, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_write_at(
	int fd, const char *path, const void *buf, size_t len, int64_t pos, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_writev_at(int fd, const char *path, struct iovec *iov, int count,
	int64_t pos, struct weir_err *err); /* iov is used up */
WEIR_MUST_USE enum weir_code fs_sync(
	int fd, const char *path, struct weir_err *err); /* fdatasync */
WEIR_MUST_USE enum weir_code fs_sync_dir(const char *path, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_truncate(
	int fd, const char *path, int64_t len, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_size(int fd, const char *path, int64_t *size, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_rename(const char *from, const char *to, struct weir_err *err);
WEIR_MUST_USE enum weir_code fs_unlink(const char *path, struct weir_err *err); /* absent is fine */
WEIR_MUST_USE enum weir_code fs_mkdir(
	const char *path, struct weir_err *err); /* existing is fine; 0700 */
WEIR_MUST_USE enum weir_code fs_mkdirs(const char *path, struct weir_err *err); /* parents too */

/* Whole small file into out. Errors: NOT_FOUND, IO, TOO_LARGE past max_bytes. */
WEIR_MUST_USE enum weir_code fs_read_file(
	const char *path, size_t max_bytes, struct buf *out, struct weir_err *err);
/* Writes path.tmp, fsyncs it, renames it over path, fsyncs the directory. */
WEIR_MUST_USE enum weir_code fs_replace_file(
	const char *path, struct slice bytes, struct weir_err *err);
/* Removes a directory and the files in it (one level; deeper ones too). Absent is fine. */
WEIR_MUST_USE enum weir_code fs_remove_tree(const char *path, struct weir_err *err);
/* Calls each(arg, name, is_dir) for every entry but . and .., in name order; stops at an error. */
WEIR_MUST_USE enum weir_code fs_list_dir(const char *path,
	enum weir_code (*each)(void *arg, const char *name, bool is_dir, struct weir_err *err),
	void *arg, struct weir_err *err);
/* flock(LOCK_EX | LOCK_NB) on path and fcntl's lock, which Kafka takes; pid written into it.
 * Errors: LOCKED, text names the holder's pid. */
WEIR_MUST_USE enum weir_code fs_lock(const char *path, int *fd, struct weir_err *err);
