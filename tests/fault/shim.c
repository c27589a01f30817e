/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a broker under test: makes calls fail by rule, and keeps a trace of what changes
 * files. Without the two variables of shim.h in the environment it does nothing. Stores into mapped
 * files are not seen; the broker makes none that matter after a crash.
 */
#define _GNU_SOURCE
#include "tests/fault/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FDS_MAX = 65536 };

struct known {
	char *path;
	uint64_t ino;
	dev_t dev;
	bool at_once; /* O_DSYNC or O_SYNC */
};

static struct shim *shim;
static const char *root;
static size_t root_len;
static struct known fds[FDS_MAX]; /* guarded by the lock, but for a descriptor's own user */

#define REAL(name, type, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (!real) {                                                                               \
		*(void **)&real = dlsym(RTLD_NEXT, name);                                          \
	}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv(SHIM_ENV);
	struct stat st;
	root = getenv(SHIM_ROOT_ENV);
	if (!path || !root) {
		return;
	}
	root_len = strlen(root);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		void *at =
			mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		shim = at == MAP_FAILED ? NULL : at;
	}
	if (fd >= 0) {
		close(fd);
	}
}

static void lock(void)
{
	int zero = 0;
	while (shim && !atomic_compare_exchange_weak(&shim->lock, &zero, 1)) {
		zero = 0;
		sched_yield();
	}
}

static void unlock(void)
{
	if (shim) {
		atomic_store(&shim->lock, 0);
	}
}

static bool inside(const char *path)
{
	return shim && path && !strncmp(path, root, root_len) &&
	       (path[root_len] == '/' || !path[root_len]);
}

/* A descriptor may have been closed behind our back, as closedir() does, and be another's now. */
static const struct known *known(int fd)
{
	struct stat st;
	if (!shim || fd < 0 || fd >= FDS_MAX || !fds[fd].path) {
		return NULL;
	}
	int saved = errno;
	bool same = fstat(fd, &st) == 0 && (uint64_t)st.st_ino == fds[fd].ino &&
		    st.st_dev == fds[fd].dev;
	errno = saved;
	return same ? &fds[fd] : NULL;
}

/* --- rules --- */

/* errno that the call is to fail with, 0: none. Delays happen here. */
static int ruled(int call, const char *path, int *write_most)
{
	for (int i = 0; shim && i < SHIM_RULES; i++) {
		struct shim_rule *rule = &shim->rules[i];
		if (!(atomic_load(&rule->calls) & call) ||
			(rule->match[0] && (!path || !strstr(path, rule->match)))) {
			continue;
		}
		if (atomic_load(&rule->skip) > 0 && atomic_fetch_sub(&rule->skip, 1) > 0) {
			continue;
		}
		if (atomic_load(&rule->count) == 0) {
			continue;
		}
		if (atomic_load(&rule->count) > 0) {
			atomic_fetch_sub(&rule->count, 1);
		}
		atomic_fetch_add(&rule->hits, 1);
		if (rule->delay_us) {
			nanosleep(&(struct timespec){.tv_sec = rule->delay_us / 1000000,
					  .tv_nsec = rule->delay_us % 1000000 * 1000L},
				NULL);
		}
		if (rule->write_most && write_most) {
			*write_most = rule->write_most;
		}
		if (rule->error) {
			return rule->error;
		}
	}
	return 0;
}

static bool refused(int call, const char *path)
{
	int error = inside(path) || (call == SHIM_ON_ACCEPT && shim) ? ruled(call, path, NULL) : 0;
	if (error) {
		errno = error;
	}
	return error != 0;
}

static bool refused_fd(int call, int fd)
{
	const struct known *file = known(fd);
	return file && refused(call, file->path);
}

/* --- the trace; all with the lock held --- */

static unsigned char *event(
	enum shim_op op, uint64_t ino, int64_t pos, uint64_t b, size_t len, size_t *number)
{
	size_t size = (sizeof(struct shim_event) + len + 7) & ~(size_t)7;
	uint64_t used = atomic_load(&shim->used);
	if (!atomic_load(&shim->tracing) || used + size > shim->room) {
		return NULL;
	}
	struct shim_event *e = (struct shim_event *)(void *)(shim->events + used);
	*e = (struct shim_event){(uint32_t)size, op, ino, pos, b, (uint32_t)len, 0};
	atomic_store(&shim->used, used + size);
	int64_t clock = atomic_fetch_add(&shim->clock, 1);
	if (number) {
		*number = (size_t)clock;
	}
	return (unsigned char *)(e + 1);
}

static void event_names(enum shim_op op, uint64_t ino, const char *a, const char *b)
{
	size_t len = strlen(a) + 1, more = b ? strlen(b) + 1 : 0;
	unsigned char *to = event(op, ino, 0, 0, len + more, NULL);
	if (to) {
		memcpy(to, a, len);
		memcpy(to + len, b ? b : "", more);
	}
}

static void remember(int fd, const char *path, int flags)
{
	struct stat st;
	if (fd < FDS_MAX && fstat(fd, &st) == 0) {
		free(fds[fd].path);
		fds[fd] = (struct known){
			strdup(path), (uint64_t)st.st_ino, st.st_dev, (flags & O_DSYNC) != 0};
	}
}

/* --- opening and closing --- */

static int opened(int fd, const char *path, int flags, bool was_there, bool was_empty)
{
	if (fd < 0) {
		return fd;
	}
	remember(fd, path, flags);
	if ((flags & O_CREAT) && !was_there) {
		event_names(SHIM_CREATE, fds[fd].ino, path, NULL);
	} else if ((flags & O_TRUNC) && !was_empty) {
		event(SHIM_TRUNCATE, fds[fd].ino, 0, 0, 0, NULL);
	}
	return fd;
}

static int do_open(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
	struct stat st;
	if (!inside(path)) {
		return real(path, flags, mode);
	}
	if (refused(SHIM_ON_OPEN, path)) {
		return -1;
	}
	lock();
	bool there = stat(path, &st) == 0;
	int fd = opened(real(path, flags, mode), path, flags, there, there && st.st_size == 0);
	int saved = errno;
	unlock();
	errno = saved;
	return fd;
}

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...);                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		REAL(#name, int, const char *, int, ...)                                           \
		va_list args;                                                                      \
		va_start(args, flags);                                                             \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;            \
		va_end(args);                                                                      \
		return do_open(real, path, flags, mode);                                           \
	}
OPEN(open)
OPEN(open64)

int close(int fd)
{
	REAL("close", int, int)
	if (known(fd)) {
		lock();
		free(fds[fd].path);
		fds[fd].path = NULL;
		unlock();
	}
	return real(fd);
}

/* --- bytes --- */

static ssize_t do_write(int fd, const struct iovec *iov, int count, int64_t pos)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	}
	size_t len = 0, at = 0;
	int most = INT_MAX;
	for (int i = 0; i < count; i++) {
		len += iov[i].iov_len;
	}
	int error = ruled(SHIM_ON_WRITE, fds[fd].path, &most);
	if (error) {
		errno = error;
		return -1;
	}
	unsigned char *bytes = malloc(len ? len : 1);
	if (!bytes) {
		return -1;
	}
	for (int i = 0; i < count; i++) {
		memcpy(bytes + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	lock();
	ssize_t done = real(fd, bytes, len < (size_t)most ? len : (size_t)most, pos);
	int saved = errno;
	if (done > 0) {
		unsigned char *to =
			event(SHIM_WRITE, fds[fd].ino, pos, fds[fd].at_once, (size_t)done, NULL);
		if (to) {
			memcpy(to, bytes, (size_t)done);
		}
	}
	unlock();
	free(bytes);
	errno = saved;
	return done;
}

#define PWRITE(name)                                                                               \
	ssize_t name(int fd, const void *bytes, size_t len, off_t pos)                             \
	{                                                                                          \
		REAL(#name, ssize_t, int, const void *, size_t, off_t)                             \
		struct iovec iov = {(void *)(uintptr_t)bytes, len};                                \
		return known(fd) ? do_write(fd, &iov, 1, pos) : real(fd, bytes, len, pos);         \
	}
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                              \
	ssize_t name(int fd, const struct iovec *iov, int count, off_t pos)                        \
	{                                                                                          \
		REAL(#name, ssize_t, int, const struct iovec *, int, off_t)                        \
		return known(fd) ? do_write(fd, iov, count, pos) : real(fd, iov, count, pos);      \
	}
PWRITEV(pwritev)
PWRITEV(pwritev64)

/* At the file's own position. */
static ssize_t write_here(int fd, const struct iovec *iov, int count)
{
	off_t pos = lseek(fd, 0, SEEK_CUR);
	ssize_t done = do_write(fd, iov, count, pos);
	if (done > 0) {
		lseek(fd, pos + done, SEEK_SET);
	}
	return done;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	REAL("write", ssize_t, int, const void *, size_t)
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	return known(fd) ? write_here(fd, &iov, 1) : real(fd, bytes, len);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	REAL("writev", ssize_t, int, const struct iovec *, int)
	return known(fd) ? write_here(fd, iov, count) : real(fd, iov, count);
}

#define PREAD(name)                                                                                \
	ssize_t name(int fd, void *bytes, size_t len, off_t pos)                                   \
	{                                                                                          \
		REAL(#name, ssize_t, int, void *, size_t, off_t)                                   \
		return refused_fd(SHIM_ON_READ, fd) ? -1 : real(fd, bytes, len, pos);              \
	}
PREAD(pread)
PREAD(pread64)

#define SENDFILE(name)                                                                             \
	ssize_t name(int to, int fd, off_t *pos, size_t len)                                       \
	{                                                                                          \
		REAL(#name, ssize_t, int, int, off_t *, size_t)                                    \
		return refused_fd(SHIM_ON_READ, fd) ? -1 : real(to, fd, pos, len);                 \
	}
SENDFILE(sendfile)
SENDFILE(sendfile64)

/* --- lengths --- */

#define FTRUNCATE(name)                                                                            \
	int name(int fd, off_t len)                                                                \
	{                                                                                          \
		REAL(#name, int, int, off_t)                                                       \
		if (!known(fd)) {                                                                  \
			return real(fd, len);                                                      \
		}                                                                                  \
		if (refused_fd(SHIM_ON_TRUNCATE, fd)) {                                            \
			return -1;                                                                 \
		}                                                                                  \
		lock();                                                                            \
		int got = real(fd, len);                                                           \
		int saved = errno;                                                                 \
		if (!got) {                                                                        \
			event(SHIM_TRUNCATE, fds[fd].ino, len, 0, 0, NULL);                        \
		}                                                                                  \
		unlock();                                                                          \
		errno = saved;                                                                     \
		return got;                                                                        \
	}
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define FALLOCATE(name)                                                                            \
	int name(int fd, int mode, off_t pos, off_t len)                                           \
	{                                                                                          \
		REAL(#name, int, int, int, off_t, off_t)                                           \
		if (!known(fd)) {                                                                  \
			return real(fd, mode, pos, len);                                           \
		}                                                                                  \
		if (refused_fd(SHIM_ON_ALLOCATE, fd)) {                                            \
			return -1;                                                                 \
		}                                                                                  \
		struct stat st;                                                                    \
		lock();                                                                            \
		off_t before = fstat(fd, &st) == 0 ? st.st_size : 0;                               \
		int got = real(fd, mode, pos, len);                                                \
		int saved = errno;                                                                 \
		if (!got && pos + len > before) {                                                  \
			event(SHIM_TRUNCATE, fds[fd].ino, pos + len, 0, 0, NULL);                  \
		}                                                                                  \
		unlock();                                                                          \
		errno = saved;                                                                     \
		return got;                                                                        \
	}
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

/* --- syncs --- */

#define SYNC(name)                                                                                 \
	int name(int fd)                                                                           \
	{                                                                                          \
		REAL(#name, int, int)                                                              \
		if (!known(fd)) {                                                                  \
			return real(fd);                                                           \
		}                                                                                  \
		size_t begin = 0;                                                                  \
		lock();                                                                            \
		event(SHIM_SYNC_BEGIN, fds[fd].ino, 0, 0, 0, &begin);                              \
		unlock();                                                                          \
		int got = refused_fd(SHIM_ON_SYNC, fd) ? -1 : real(fd);                            \
		int saved = errno;                                                                 \
		if (!got) {                                                                        \
			lock();                                                                    \
			event(SHIM_SYNC_END, fds[fd].ino, 0, begin, 0, NULL);                      \
			unlock();                                                                  \
		}                                                                                  \
		errno = saved;                                                                     \
		return got;                                                                        \
	}
SYNC(fsync)
SYNC(fdatasync)

/* --- names --- */

int rename(const char *from, const char *to)
{
	REAL("rename", int, const char *, const char *)
	if (!inside(from)) {
		return real(from, to);
	}
	if (refused(SHIM_ON_RENAME, from)) {
		return -1;
	}
	lock();
	int got = real(from, to);
	int saved = errno;
	if (!got) {
		event_names(SHIM_RENAME, 0, from, to);
	}
	unlock();
	errno = saved;
	return got;
}

static int removed(int (*real)(const char *), const char *path)
{
	if (!inside(path)) {
		return real(path);
	}
	if (refused(SHIM_ON_UNLINK, path)) {
		return -1;
	}
	lock();
	int got = real(path);
	int saved = errno;
	if (!got) {
		event_names(SHIM_UNLINK, 0, path, NULL);
	}
	unlock();
	errno = saved;
	return got;
}

int unlink(const char *path)
{
	REAL("unlink", int, const char *)
	return removed(real, path);
}

int rmdir(const char *path)
{
	REAL("rmdir", int, const char *)
	return removed(real, path);
}

int mkdir(const char *path, mode_t mode)
{
	REAL("mkdir", int, const char *, mode_t)
	if (!inside(path)) {
		return real(path, mode);
	}
	if (refused(SHIM_ON_OPEN, path)) {
		return -1;
	}
	struct stat st;
	lock();
	int got = real(path, mode);
	int saved = errno;
	if (!got && stat(path, &st) == 0) {
		event_names(SHIM_MKDIR, (uint64_t)st.st_ino, path, NULL);
	}
	unlock();
	errno = saved;
	return got;
}

/* --- connections --- */

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	REAL("accept4", int, int, struct sockaddr *, socklen_t *, int)
	return refused(SHIM_ON_ACCEPT, NULL) ? -1 : real(fd, addr, len, flags);
}
