/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories: making, listing, removing. A listing is read whole and closed before the first call
 * of each, so each may change the directory. Symbolic links are never followed.
 */
#include "core/io/fs.h"

#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { TREE_DEPTH_MAX = 16 };

enum weir_code fs_mkdir(const char *path, struct weir_err *err)
{
	int got = fs_ops()->mkdir(path, 0700);
	if (got == -EEXIST) {
		int fd;
		enum weir_code code = fs_open(path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
		if (!code) {
			fs_close(&fd);
		}
		return code;
	}
	return got < 0 ? err_sys(err, -got, "make directory %s", path) : WEIR_OK;
}

enum weir_code fs_mkdirs(const char *path, struct weir_err *err)
{
	char *part = mem_dup_str(path);
	enum weir_code code = WEIR_OK;
	for (char *p = part + 1; part[0] && *p && !code; p++) {
		if (*p == '/' && p[-1] != '/') {
			*p = '\0';
			code = fs_mkdir(part, err);
			*p = '/';
		}
	}
	if (!code) {
		code = fs_mkdir(path, err);
	}
	mem_free(part);
	return code;
}

struct entry {
	char *name;
	bool is_dir;
};

struct entries {
	struct entry *all;
	size_t count, room;
};

static int entry_order(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void entries_fini(struct entries *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->all[i].name);
	}
	mem_free(list->all);
}

static bool entry_is_dir(DIR *dir, const struct dirent *ent)
{
	struct stat st;
	if (ent->d_type != DT_UNKNOWN) {
		return ent->d_type == DT_DIR;
	}
	return fstatat(dirfd(dir), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static enum weir_code entries_read(
	DIR *dir, const char *path, struct entries *list, struct weir_err *err)
{
	for (;;) {
		errno = 0;
		const struct dirent *ent = readdir(dir);
		if (!ent) {
			return errno ? err_sys(err, errno, "list %s", path) : WEIR_OK;
		}
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..")) {
			continue;
		}
		if (list->count == list->room) {
			size_t room = list->room ? list->room * 2 : 64;
			void *all = mem_try_grow(list->all, room * sizeof(*list->all));
			if (!all) {
				return err_set(err, WEIR_NO_MEMORY, "no memory to list %s", path);
			}
			list->all = all;
			list->room = room;
		}
		list->all[list->count++] =
			(struct entry){mem_dup_str(ent->d_name), entry_is_dir(dir, ent)};
	}
}

enum weir_code fs_list_dir(const char *path,
	enum weir_code (*each)(void *arg, const char *name, bool is_dir, struct weir_err *err),
	void *arg, struct weir_err *err)
{
	int fd;
	enum weir_code code = fs_open(path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (code) {
		return code;
	}
	DIR *dir = fdopendir(fd);
	if (!dir) {
		code = err_sys(err, errno, "list %s", path);
		fs_close(&fd);
		return code;
	}
	struct entries list = {0};
	code = entries_read(dir, path, &list, err);
	closedir(dir);
	if (list.count) {
		qsort(list.all, list.count, sizeof(*list.all), entry_order);
	}
	for (size_t i = 0; i < list.count && !code; i++) {
		code = each(arg, list.all[i].name, list.all[i].is_dir, err);
	}
	entries_fini(&list);
	return code;
}

struct removal {
	const char *path;
	int depth;
};

static enum weir_code remove_level(const char *path, int depth, struct weir_err *err);

static enum weir_code remove_entry(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	const struct removal *at = arg;
	char *path = mem_printf("%s/%s", at->path, name);
	enum weir_code code =
		is_dir ? remove_level(path, at->depth + 1, err) : fs_unlink(path, err);
	mem_free(path);
	return code;
}

static enum weir_code remove_level(const char *path, int depth, struct weir_err *err)
{
	if (depth > TREE_DEPTH_MAX) {
		return err_set(
			err, WEIR_TOO_LARGE, "%s lies deeper than %d levels", path, TREE_DEPTH_MAX);
	}
	struct removal at = {path, depth};
	enum weir_code code = fs_list_dir(path, remove_entry, &at, err);
	if (code) {
		return code;
	}
	int got = fs_ops()->rmdir(path);
	return got < 0 && got != -ENOENT ? err_sys(err, -got, "remove %s", path) : WEIR_OK;
}

enum weir_code fs_remove_tree(const char *path, struct weir_err *err)
{
	/* Its own storage: absent is fine, and then *err must stay as it was. */
	struct weir_err inner;
	enum weir_code code = remove_level(path, 0, &inner);
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code && err) {
		*err = inner;
	}
	return code;
}
