/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sink.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/io/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES_MAX = 256, COPY_CHUNK = 256 * 1024 };

struct sink_file {
	char *path, *part;
	int fd; /* -1: closed */
	struct out out;
	bool in_part; /* there is a part to be finished */
	bool fresh;   /* the part's directory entry is not on disk yet */
	bool dirty;
	int64_t used_ms; /* mono */
};

struct sink {
	const struct format *format;
	struct state *state;
	struct map by_path;
	struct sink_file **files;
	size_t count, open_count;
	struct buf path;
	struct sink_file *last;
	bool dirty;
};

static struct sink_file *add_file(struct sink *sink, const char *path)
{
	struct sink_file *file = mem_new(sizeof(*file));
	file->path = mem_dup_str(path);
	file->part = mem_printf("%s.part", path);
	file->fd = -1;
	sink->files = mem_grow(sink->files, sink->count + 1, sizeof(*sink->files));
	sink->files[sink->count++] = file;
	(void)map_put(&sink->by_path, slice_str(path), file);
	return file;
}

static int64_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* A part as the state knows it; *gone: it has its name already, the crash came right behind. */
static enum weir_code recover(
	struct sink *sink, const char *path, int64_t len, bool *gone, struct weir_err *err)
{
	struct sink_file *file = add_file(sink, path);
	int64_t size = size_of(file->part);
	*gone = size < 0 && size_of(path) == len;
	if (*gone) {
		return WEIR_OK;
	}
	if (size < len) {
		return err_set(err, WEIR_BAD_DATA,
			"%s has %" PRId64 " bytes, the state knows %" PRId64, file->part,
			size < 0 ? 0 : size, len);
	}
	file->in_part = true;
	if (truncate(file->part, (off_t)len) != 0) {
		return err_sys(err, errno, "truncate %s", file->part);
	}
	return WEIR_OK;
}

static enum weir_code recover_all(struct sink *sink, struct weir_err *err)
{
	int64_t len;
	bool any = false;
	for (size_t i = 0; state_part(sink->state, i, &len);) {
		char *path = mem_dup_str(state_part(sink->state, i, &len));
		bool gone;
		enum weir_code code = recover(sink, path, len, &gone, err);
		if (gone) {
			state_drop_part(sink->state, path); /* another one takes its place */
		}
		i += !gone;
		any = any || gone;
		mem_free(path);
		if (code != WEIR_OK) {
			return code;
		}
	}
	/* Before the name can stand for another part. */
	return any ? state_save(sink->state, err) : WEIR_OK;
}

enum weir_code sink_open(
	const struct format *format, struct state *state, struct sink **sink, struct weir_err *err)
{
	struct sink *s = mem_new(sizeof(*s));
	s->format = format;
	s->state = state;
	map_init(&s->by_path);
	buf_init(&s->path, 0);
	enum weir_code code = state ? recover_all(s, err) : WEIR_OK;
	if (code != WEIR_OK) {
		sink_close(&s);
		return code;
	}
	*sink = s;
	return WEIR_OK;
}

void sink_close(struct sink **sink)
{
	struct sink *s = *sink;
	if (!s) {
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		struct sink_file *file = s->files[i];
		if (file->fd >= 0) {
			out_fini(&file->out);
			close(file->fd);
		}
		mem_free(file->path);
		mem_free(file->part);
		mem_free(file);
	}
	mem_free(s->files);
	map_fini(&s->by_path);
	buf_fini(&s->path);
	MEM_FREE(sink);
}

/* Makes durable what was written, also if the file was closed since to make room. */
static enum weir_code sync_file(struct sink_file *file, struct weir_err *err)
{
	if (file->fd >= 0) {
		enum weir_code code = out_flush(&file->out, err);
		return code == WEIR_OK ? fs_sync(file->fd, file->part, err) : code;
	}
	int fd;
	enum weir_code code = fs_open(file->part, O_WRONLY, 0, &fd, err);
	if (code == WEIR_OK) {
		code = fs_sync(fd, file->part, err);
		fs_close(&fd);
	}
	return code;
}

/* Makes room for one more open file. */
static enum weir_code close_oldest(struct sink *sink, struct weir_err *err)
{
	struct sink_file *oldest = NULL;
	for (size_t i = 0; i < sink->count; i++) {
		struct sink_file *file = sink->files[i];
		if (file->fd >= 0 && (!oldest || file->used_ms < oldest->used_ms)) {
			oldest = file;
		}
	}
	enum weir_code code = out_flush(&oldest->out, err);
	out_fini(&oldest->out);
	close(oldest->fd);
	oldest->fd = -1;
	sink->open_count--;
	return code;
}

static enum weir_code make_directories(const char *path, struct weir_err *err)
{
	char *copy = mem_dup_str(path);
	enum weir_code code = WEIR_OK;
	for (char *at = copy; code == WEIR_OK && (at = strchr(at + 1, '/'));) {
		*at = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
			code = err_sys(err, errno, "make directory %s", copy);
		}
		*at = '/';
	}
	mem_free(copy);
	return code;
}

static enum weir_code copy_into(int to, const char *path, struct weir_err *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		return err_sys(err, errno, "%s: cannot open", path);
	}
	enum weir_code code = WEIR_OK;
	char *chunk = mem_new(COPY_CHUNK);
	for (ssize_t n; code == WEIR_OK && (n = read(from, chunk, COPY_CHUNK)) != 0;) {
		for (ssize_t done = 0, put; code == WEIR_OK && done < n; done += put) {
			put = write(to, chunk + done, (size_t)(n - done));
			code = put < 0 ? err_sys(err, errno, "copy %s", path) : WEIR_OK;
		}
		code = n < 0 ? err_sys(err, errno, "%s: cannot read", path) : code;
	}
	mem_free(chunk);
	close(from);
	return code;
}

/* Begins a part: empty, or with what the file of that name has. */
static enum weir_code begin_part(
	struct sink *sink, struct sink_file *file, bool known, struct weir_err *err)
{
	bool exists = size_of(file->path) >= 0;
	if (exists && !known && sink->state && state_is_new(sink->state)) {
		return err_set(err, WEIR_EXISTS,
			"%s is there already, but the state file is new: what is in it is not "
			"known",
			file->path);
	}
	enum weir_code code = make_directories(file->path, err);
	if (code != WEIR_OK) {
		return code;
	}
	file->fd = open(file->part, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (file->fd < 0) {
		return err_sys(err, errno, "%s: cannot create", file->part);
	}
	file->in_part = file->fresh = file->dirty = sink->dirty = true;
	return exists && (sink->state || known) ? copy_into(file->fd, file->path, err) : WEIR_OK;
}

static enum weir_code open_file(
	struct sink *sink, struct sink_file *file, bool known, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (sink->open_count >= OPEN_FILES_MAX) {
		code = close_oldest(sink, err);
	}
	if (code == WEIR_OK && !file->in_part) {
		code = begin_part(sink, file, known, err);
	} else if (code == WEIR_OK) {
		file->fd = open(file->part, O_WRONLY | O_APPEND | O_CLOEXEC);
		code = file->fd < 0 ? err_sys(err, errno, "%s: cannot open", file->part) : WEIR_OK;
	}
	if (code != WEIR_OK && file->fd >= 0) {
		close(file->fd);
		file->fd = -1;
	}
	if (code == WEIR_OK) {
		out_init(&file->out, file->fd);
		file->out.raw = true;
		file->out.name = file->part;
		sink->open_count++;
	}
	return code;
}

enum weir_code sink_out(
	struct sink *sink, const struct row *row, struct out **out, struct weir_err *err)
{
	enum weir_code code = format_path(sink->format, row, &sink->path, err);
	if (code != WEIR_OK) {
		return code;
	}
	const char *path = buf_str(&sink->path);
	struct sink_file *file = sink->last;
	if (!file || strcmp(file->path, path) != 0) {
		file = map_get(&sink->by_path, slice_of(sink->path.data, sink->path.len));
	}
	bool known = file != NULL;
	file = known ? file : add_file(sink, path);
	if (file->fd < 0) {
		code = open_file(sink, file, known, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	if (file->out.sys_errno) {
		return out_flush(&file->out, err);
	}
	sink->last = file;
	sink->dirty = file->dirty = true;
	file->used_ms = clock_mono_ms();
	*out = &file->out;
	return WEIR_OK;
}

bool sink_is_dirty(const struct sink *sink)
{
	return sink->dirty;
}

static enum weir_code sync_directory(const char *path, struct weir_err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = !slash	    ? mem_dup_str(".")
		    : slash == path ? mem_dup_str("/")
				    : mem_dup(path, (size_t)(slash - path));
	enum weir_code code = fs_sync_dir(dir, err);
	mem_free(dir);
	return code;
}

enum weir_code sink_checkpoint(struct sink *sink, struct weir_err *err)
{
	for (size_t i = 0; i < sink->count; i++) {
		struct sink_file *file = sink->files[i];
		if (!file->dirty) {
			continue;
		}
		enum weir_code code = sync_file(file, err);
		if (code == WEIR_OK && file->fresh) {
			code = sync_directory(file->part, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
		file->dirty = file->fresh = false;
		if (sink->state) {
			state_set_part(sink->state, file->path, size_of(file->part));
		}
	}
	sink->dirty = false;
	return WEIR_OK;
}

static enum weir_code finish_file(struct sink *sink, struct sink_file *file, struct weir_err *err)
{
	if (file->fd >= 0) {
		out_fini(&file->out);
		close(file->fd);
		file->fd = -1;
		sink->open_count--;
	}
	enum weir_code code = fs_rename(file->part, file->path, err);
	if (code == WEIR_OK) {
		code = sync_directory(file->path, err);
	}
	if (code == WEIR_OK) {
		file->in_part = false;
		if (sink->state) {
			state_drop_part(sink->state, file->path);
		}
	}
	return code;
}

enum weir_code sink_finish(struct sink *sink, int64_t idle_ms, bool *any, struct weir_err *err)
{
	int64_t now_ms = clock_mono_ms();
	*any = false;
	for (size_t i = 0; i < sink->count; i++) {
		struct sink_file *file = sink->files[i];
		if (!file->in_part || (idle_ms && now_ms - file->used_ms < idle_ms)) {
			continue;
		}
		enum weir_code code = finish_file(sink, file, err);
		if (code != WEIR_OK) {
			return code;
		}
		*any = true;
	}
	return WEIR_OK;
}
