/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files: the kernel's table of calls and what is built on the one in force.
 *
 * A write that the kernel takes in parts goes on where it stopped; one that takes nothing is an
 * error, so no loop can hang. A failed write may leave bytes behind: the caller knows the length it
 * trusts and truncates. fs_replace_file leaves either the old file or the new one, never a part.
 */
#include "core/io/fs.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { IOV_BATCH = 1024, READ_STEP = 64 * 1024 };

/* Runs call again while a signal breaks it; its value, or -errno. */
#define RETRIED(type, call)                                                                        \
	do {                                                                                       \
		type retried_value;                                                                \
		do {                                                                               \
			retried_value = (call);                                                    \
		} while (retried_value < 0 && errno == EINTR);                                     \
		return retried_value < 0 ? (type)-errno : retried_value;                           \
	} while (0)

static int kernel_open(const char *path, int flags, mode_t mode)
{
	RETRIED(int, open(path, flags | O_CLOEXEC, mode));
}

static int kernel_close(int fd)
{
	/* Linux has closed it even when a signal came: trying again could close another's. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static ssize_t kernel_pread(int fd, void *buf, size_t len, int64_t pos)
{
	RETRIED(ssize_t, pread(fd, buf, len, pos));
}

static ssize_t kernel_pwritev(int fd, const struct iovec *iov, int count, int64_t pos)
{
	RETRIED(ssize_t, pwritev(fd, iov, count, pos));
}

static int kernel_fdatasync(int fd)
{
	RETRIED(int, fdatasync(fd));
}

static int kernel_fsync(int fd)
{
	RETRIED(int, fsync(fd));
}

static int kernel_ftruncate(int fd, int64_t len)
{
	RETRIED(int, ftruncate(fd, len));
}

static int kernel_fallocate(int fd, int64_t pos, int64_t len)
{
	RETRIED(int, fallocate(fd, 0, pos, len));
}

static int kernel_rename(const char *from, const char *to)
{
	RETRIED(int, rename(from, to));
}

static int kernel_unlink(const char *path)
{
	RETRIED(int, unlink(path));
}

static int kernel_mkdir(const char *path, mode_t mode)
{
	RETRIED(int, mkdir(path, mode));
}

static int kernel_rmdir(const char *path)
{
	RETRIED(int, rmdir(path));
}

static int kernel_fstat(int fd, struct stat *st)
{
	RETRIED(int, fstat(fd, st));
}

const struct fs_ops fs_kernel = {
	.open = kernel_open,
	.close = kernel_close,
	.pread = kernel_pread,
	.pwritev = kernel_pwritev,
	.fdatasync = kernel_fdatasync,
	.fsync = kernel_fsync,
	.ftruncate = kernel_ftruncate,
	.fallocate = kernel_fallocate,
	.rename = kernel_rename,
	.unlink = kernel_unlink,
	.mkdir = kernel_mkdir,
	.rmdir = kernel_rmdir,
	.fstat = kernel_fstat,
};

static const struct fs_ops *ops = &fs_kernel;

void fs_set_ops(const struct fs_ops *new_ops)
{
	ops = new_ops ? new_ops : &fs_kernel;
}

const struct fs_ops *fs_ops(void)
{
	return ops;
}

enum weir_code fs_open(const char *path, int flags, mode_t mode, int *fd, struct weir_err *err)
{
	int got = ops->open(path, flags, mode);
	if (got == -ENOENT) {
		return err_set(err, WEIR_NOT_FOUND, "%s does not exist", path);
	}
	if (got == -EEXIST) {
		return err_set(err, WEIR_EXISTS, "%s exists already", path);
	}
	if (got < 0) {
		return err_sys(err, -got, "open %s", path);
	}
	*fd = got;
	return WEIR_OK;
}

void fs_close(int *fd)
{
	if (*fd >= 0) {
		(void)ops->close(*fd);
		*fd = -1;
	}
}

enum weir_code fs_read_at(
	int fd, const char *path, void *buf, size_t len, int64_t pos, struct weir_err *err)
{
	uint8_t *to = buf;
	size_t done = 0;
	while (done < len) {
		ssize_t got = ops->pread(fd, to + done, len - done, pos + (int64_t)done);
		if (got < 0) {
			return err_sys(err, (int)-got, "read %s at %lld", path, (long long)pos);
		}
		if (got == 0) {
			return err_set(err, WEIR_LOCAL_CORRUPT,
				"%s ends at %lld, wanted %zu bytes from %lld", path,
				(long long)pos + (long long)done, len, (long long)pos);
		}
		done += (size_t)got;
	}
	return WEIR_OK;
}

enum weir_code fs_write_at(
	int fd, const char *path, const void *buf, size_t len, int64_t pos, struct weir_err *err)
{
	/* pwritev never writes through iov_base. */
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	return fs_writev_at(fd, path, &iov, 1, pos, err);
}

enum weir_code fs_writev_at(
	int fd, const char *path, struct iovec *iov, int count, int64_t pos, struct weir_err *err)
{
	while (count > 0) {
		if (iov->iov_len == 0) {
			iov++;
			count--;
			continue;
		}
		ssize_t got = ops->pwritev(fd, iov, count < IOV_BATCH ? count : IOV_BATCH, pos);
		if (got <= 0) {
			int why = got < 0 ? (int)-got : EIO;
			return err_sys(err, why, "write %s at %lld", path, (long long)pos);
		}
		pos += got;
		size_t left = (size_t)got;
		while (count > 0 && left >= iov->iov_len) {
			left -= iov->iov_len;
			iov++;
			count--;
		}
		if (left) {
			iov->iov_base = (char *)iov->iov_base + left;
			iov->iov_len -= left;
		}
	}
	return WEIR_OK;
}

enum weir_code fs_sync(int fd, const char *path, struct weir_err *err)
{
	int got = ops->fdatasync(fd);
	return got < 0 ? err_sys(err, -got, "fdatasync %s", path) : WEIR_OK;
}

enum weir_code fs_sync_dir(const char *path, struct weir_err *err)
{
	int fd;
	enum weir_code code = fs_open(path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (code) {
		return code;
	}
	int got = ops->fsync(fd);
	fs_close(&fd);
	return got < 0 ? err_sys(err, -got, "fsync %s", path) : WEIR_OK;
}

enum weir_code fs_truncate(int fd, const char *path, int64_t len, struct weir_err *err)
{
	int got = ops->ftruncate(fd, len);
	return got < 0 ? err_sys(err, -got, "truncate %s to %lld", path, (long long)len) : WEIR_OK;
}

enum weir_code fs_size(int fd, const char *path, int64_t *size, struct weir_err *err)
{
	struct stat st;
	int got = ops->fstat(fd, &st);
	if (got < 0) {
		return err_sys(err, -got, "stat %s", path);
	}
	*size = st.st_size;
	return WEIR_OK;
}

enum weir_code fs_rename(const char *from, const char *to, struct weir_err *err)
{
	int got = ops->rename(from, to);
	if (got == -ENOENT) {
		return err_set(err, WEIR_NOT_FOUND, "rename %s to %s: no such file", from, to);
	}
	return got < 0 ? err_sys(err, -got, "rename %s to %s", from, to) : WEIR_OK;
}

enum weir_code fs_unlink(const char *path, struct weir_err *err)
{
	int got = ops->unlink(path);
	return got < 0 && got != -ENOENT ? err_sys(err, -got, "remove %s", path) : WEIR_OK;
}

/* Reads fd from its start to its end, or to one byte past max_bytes. */
static enum weir_code read_whole(
	int fd, const char *path, size_t max_bytes, struct buf *out, struct weir_err *err)
{
	for (;;) {
		size_t step = max_bytes - out->len + 1;
		step = step < READ_STEP ? step : READ_STEP;
		if (!buf_reserve(out, step)) {
			return err_set(err, WEIR_NO_MEMORY, "no memory to read %s", path);
		}
		ssize_t got = ops->pread(fd, out->data + out->len, step, (int64_t)out->len);
		if (got < 0) {
			return err_sys(err, (int)-got, "read %s", path);
		}
		if (got == 0) {
			return WEIR_OK;
		}
		out->len += (size_t)got;
		if (out->len > max_bytes) {
			return err_set(err, WEIR_TOO_LARGE, "%s is larger than %zu bytes", path,
				max_bytes);
		}
	}
}

enum weir_code fs_read_file(
	const char *path, size_t max_bytes, struct buf *out, struct weir_err *err)
{
	int fd;
	buf_reset(out);
	enum weir_code code = fs_open(path, O_RDONLY, 0, &fd, err);
	if (code) {
		return code;
	}
	code = read_whole(fd, path, max_bytes, out, err);
	fs_close(&fd);
	if (code) {
		buf_reset(out);
	}
	return code;
}

/* Writes bytes to a new file at path and makes them durable. */
static enum weir_code write_whole(const char *path, struct slice bytes, struct weir_err *err)
{
	int fd;
	enum weir_code code = fs_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, err);
	if (code) {
		return code;
	}
	code = fs_write_at(fd, path, bytes.data, bytes.len, 0, err);
	if (!code) {
		int got = ops->fsync(fd);
		code = got < 0 ? err_sys(err, -got, "fsync %s", path) : WEIR_OK;
	}
	fs_close(&fd);
	return code;
}

enum weir_code fs_replace_file(const char *path, struct slice bytes, struct weir_err *err)
{
	char *tmp = mem_printf("%s.tmp", path);
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) : 0;
	char *dir = !slash ? mem_dup_str(".") : mem_printf("%.*s", dir_len ? dir_len : 1, path);
	enum weir_code code = write_whole(tmp, bytes, err);
	if (!code) {
		code = fs_rename(tmp, path, err);
	}
	if (code) {
		(void)ops->unlink(tmp);
	} else {
		code = fs_sync_dir(dir, err);
	}
	mem_free(dir);
	mem_free(tmp);
	return code;
}

/* The text of a lock file, "?" when it cannot be read or is no number. */
static void holder_of(int fd, char *text, size_t room)
{
	ssize_t got = ops->pread(fd, text, room - 1, 0);
	text[got > 0 ? (size_t)got : 0] = '\0';
	text[strspn(text, "0123456789")] = '\0';
	if (!text[0]) {
		snprintf(text, room, "?");
	}
}

/* Kafka's lock is one of fcntl's; it leaves no pid in the file. */
static enum weir_code lock_against_kafka(int fd, const char *path, struct weir_err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &lock) == 0) {
		return WEIR_OK;
	}
	if (errno != EACCES && errno != EAGAIN) {
		return err_sys(err, errno, "lock %s", path);
	}
	lock.l_type = F_WRLCK;
	bool known = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	return known ? err_set(err, WEIR_LOCKED, "%s is locked by process %ld", path,
			       (long)lock.l_pid)
		     : err_set(err, WEIR_LOCKED, "%s is locked", path);
}

enum weir_code fs_lock(const char *path, int *fd, struct weir_err *err)
{
	int got;
	char pid[24];
	enum weir_code code = fs_open(path, O_RDWR | O_CREAT, 0600, &got, err);
	if (code) {
		return code;
	}
	int locked;
	do {
		locked = flock(got, LOCK_EX | LOCK_NB);
	} while (locked < 0 && errno == EINTR);
	if (locked < 0 && errno == EWOULDBLOCK) {
		holder_of(got, pid, sizeof(pid));
		code = err_set(err, WEIR_LOCKED, "%s is locked by process %s", path, pid);
	} else if (locked < 0) {
		code = err_sys(err, errno, "lock %s", path);
	} else {
		code = lock_against_kafka(got, path, err);
	}
	if (code == WEIR_OK) {
		int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
		code = fs_truncate(got, path, 0, err);
		if (!code) {
			code = fs_write_at(got, path, pid, (size_t)len, 0, err);
		}
	}
	if (code) {
		fs_close(&got);
		return code;
	}
	*fd = got;
	return WEIR_OK;
}
