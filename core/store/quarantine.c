/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Removed bytes go to <partition>/.quarantine: nothing is thrown away by recovery. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <fcntl.h>

enum { COPY_BYTES = 1024 * 1024, TRIES = 1000 };

static enum weir_code quarantine_dir(const char *dir, char **path, struct weir_err *err)
{
	char *made = mem_printf("%s/.quarantine", dir);
	enum weir_code code = fs_mkdir(made, err);
	if (code) {
		mem_free(made);
		return code;
	}
	*path = made;
	return WEIR_OK;
}

static enum weir_code copy_bytes(const struct segment *segment, int fd, int64_t pos, int64_t end,
	int to, const char *to_path, struct weir_err *err)
{
	uint8_t *bytes = mem_new(COPY_BYTES);
	enum weir_code code = WEIR_OK;
	int64_t done = 0;
	while (!code && pos + done < end) {
		int64_t left = end - pos - done;
		size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		code = fs_read_at(fd, segment->path, bytes, len, pos + done, err);
		code = code ? code : fs_write_at(to, to_path, bytes, len, done, err);
		done += (int64_t)len;
	}
	mem_free(bytes);
	return code ? code : fs_sync(to, to_path, err);
}

enum weir_code quarantine_tail(
	struct segment *segment, int fd, int64_t pos, int64_t end, struct weir_err *err)
{
	char *dir;
	enum weir_code code = quarantine_dir(segment->dir, &dir, err);
	if (code) {
		return code;
	}
	int to = -1;
	char *path = NULL;
	struct weir_err inner;
	for (int i = 0; i < TRIES; i++) {
		mem_free(path);
		path = mem_printf("%s/%020lld.log.from-%lld.%lld-%d", dir,
			(long long)segment->base_offset, (long long)pos, (long long)clock_wall_ms(),
			i);
		code = fs_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &to, &inner);
		if (code != WEIR_EXISTS) {
			break;
		}
	}
	if (code && err) {
		*err = inner;
	}
	if (!code) {
		code = copy_bytes(segment, fd, pos, end, to, path, err);
		if (code) {
			(void)fs_ops()->unlink(path);
		}
		fs_close(&to);
	}
	code = code ? code : fs_sync_dir(dir, err);
	code = code ? code : fs_sync_dir(segment->dir, err);
	mem_free(path);
	mem_free(dir);
	return code;
}

enum weir_code quarantine_file(const char *dir, const char *name, struct weir_err *err)
{
	char *to_dir;
	enum weir_code code = quarantine_dir(dir, &to_dir, err);
	if (code) {
		return code;
	}
	static _Atomic unsigned serial;
	char *from = mem_printf("%s/%s", dir, name);
	char *to = mem_printf("%s/%s.%lld-%u", to_dir, name, (long long)clock_wall_ms(),
		atomic_fetch_add(&serial, 1));
	code = fs_rename(from, to, err);
	code = code ? code : fs_sync_dir(to_dir, err);
	code = code ? code : fs_sync_dir(dir, err);
	mem_free(to);
	mem_free(from);
	mem_free(to_dir);
	return code;
}
