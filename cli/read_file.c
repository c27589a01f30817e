/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024 };

static enum weir_code read_all(
	int fd, const char *name, size_t max_bytes, struct buf *out, struct weir_err *err)
{
	for (;;) {
		(void)buf_reserve(out, CHUNK);
		ssize_t n = read(fd, out->data + out->len, CHUNK);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return err_sys(err, errno, "read %s", name);
		}
		if (n == 0) {
			return WEIR_OK;
		}
		out->len += (size_t)n;
		if (out->len > max_bytes) {
			return err_set(
				err, WEIR_TOO_LARGE, "%s: more than %zu bytes", name, max_bytes);
		}
	}
}

enum weir_code read_file(const char *path, size_t max_bytes, struct buf *out, struct weir_err *err)
{
	if (strcmp(path, "-") == 0) {
		return read_all(STDIN_FILENO, "standard input", max_bytes, out, err);
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? err_set(err, WEIR_NOT_FOUND, "%s: no such file", path)
				       : err_sys(err, errno, "open %s", path);
	}
	enum weir_code code = read_all(fd, path, max_bytes, out, err);
	close(fd);
	return code;
}
