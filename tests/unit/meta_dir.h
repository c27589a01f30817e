/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A metadata store in a directory of its own, for the tests of core/meta. */
#pragma once

#include "tests/unit/test.h"

#include "core/meta/meta.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct dir {
	char path[32];
	char store[48];
};

static inline struct meta *dir_new_meta(struct dir *dir)
{
	struct weir_err err = {0};
	struct meta *meta = NULL;
	snprintf(dir->path, sizeof(dir->path), "meta-XXXXXX");
	assert_non_null(mkdtemp(dir->path));
	snprintf(dir->store, sizeof(dir->store), "%s/store", dir->path);
	assert_ok(meta_open_lmdb(dir->store, &meta, &err));
	return meta;
}

static inline void dir_free_meta(struct dir *dir, struct meta **meta)
{
	const char *names[] = {"/data.mdb", "/lock.mdb", ""};
	meta_close(meta);
	for (size_t i = 0; i < 3; i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%s", dir->store, names[i]);
		remove(path);
	}
	rmdir(dir->path);
}
