/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The metadata store in LMDB. A commit is one write transaction: LMDB syncs the data pages, then
 * writes the root that points to them, so after a crash the store is the one of the last commit.
 *
 * A row, under the key itself, numbers big-endian:
 *
 *      0  u8   format, 1
 *      1  u8x3 zero
 *      4  u32  crc32c of the key, then of the row from byte 8
 *      8  u64  create revision
 *     16  u64  mod revision
 *     24  ...  value
 *
 * The row of the store itself has the key "\0revision" (no other key starts with a zero byte); its
 * mod revision is the store's. LMDB has no checksum of its own, hence ours.
 *
 * Failure modes. Map full: the map is enlarged and the commit done again; map_lock keeps readers
 * out meanwhile, as LMDB asks for. Disk full: the transaction is given up, the next may work. Any
 * other write error: commits are refused until the store is opened again (a failed sync leaves
 * nobody knowing what is on the disk). Second process: refused by a lock on the directory, so that
 * no watcher misses a change. File cut short: made long again with zeros at open, so that the
 * missing pages are read as corrupt instead of killing the process.
 */
#include "core/base/crc32c.h"
#include "core/base/mem.h"
#include "core/meta/meta_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROW_FORMAT = 1,
	ROW_HEAD_LEN = 24,
	MAP_BYTES_FIRST = 16 * 1024 * 1024, /* doubles as the store grows */
	READERS_MAX = 1024,		    /* read transactions at one time */
};
static const size_t map_bytes_max = (size_t)1 << 40; /* address space, not disk */
static const char revision_key[] = "\0revision";
enum { REVISION_KEY_LEN = sizeof(revision_key) - 1 };

struct lmdb {
	struct meta meta;
	char *path;
	int dir_fd; /* holds the lock */
	MDB_env *env;
	MDB_dbi dbi;
	pthread_rwlock_t map_lock; /* read: a transaction is open; write: the map changes */
	size_t map_bytes;	   /* guarded by: map_lock */
	bool stopped;		   /* guarded by: meta.commit_lock */
};

static struct lmdb *lmdb_of(struct meta *meta)
{
	return (struct lmdb *)(void *)meta;
}

static enum weir_code lmdb_err(
	const struct lmdb *db, int rc, const char *doing, struct weir_err *err)
{
	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		return err_set(err, WEIR_LOCAL_CORRUPT, "metadata store %s: %s: %s", db->path,
			doing, mdb_strerror(rc));
	case MDB_MAP_FULL:
		return err_set(err, WEIR_NO_SPACE,
			"metadata store %s: %s: map of %zu bytes is full", db->path, doing,
			db->map_bytes);
	case MDB_TXN_FULL:
		return err_set(err, WEIR_TOO_LARGE, "metadata store %s: %s: change is too large",
			db->path, doing);
	case ENOMEM:
		return err_set(err, WEIR_NO_MEMORY, "metadata store %s: %s: out of memory",
			db->path, doing);
	default:
		if (rc > 0) {
			return err_sys(err, rc, "metadata store %s: %s", db->path, doing);
		}
		return err_set(err, WEIR_IO, "metadata store %s: %s: %s", db->path, doing,
			mdb_strerror(rc));
	}
}

static MDB_val val_of(struct slice bytes)
{
	return (MDB_val){.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct slice slice_of_val(MDB_val val)
{
	return slice_of(val.mv_data, val.mv_size);
}

static uint32_t row_crc(struct slice key, const uint8_t *row, size_t len)
{
	return crc32c(crc32c(0, key.data, key.len), row + 8, len - 8);
}

static enum weir_code row_decode(const struct lmdb *db, struct slice key, struct slice row,
	struct meta_entry *entry, struct weir_err *err)
{
	if (row.len < ROW_HEAD_LEN || row.data[0] != ROW_FORMAT ||
		be32_get(row.data + 4) != row_crc(key, row.data, row.len)) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "metadata store %s: row of %.*s is corrupt",
			db->path, (int)key.len, (const char *)key.data);
	}
	*entry = (struct meta_entry){.key = key,
		.value = slice_of(row.data + ROW_HEAD_LEN, row.len - ROW_HEAD_LEN),
		.create_revision = (int64_t)be64_get(row.data + 8),
		.mod_revision = (int64_t)be64_get(row.data + 16)};
	return WEIR_OK;
}

static void row_encode(uint8_t *row, const struct meta_entry *entry)
{
	memset(row, 0, ROW_HEAD_LEN);
	row[0] = ROW_FORMAT;
	be64_put(row + 8, (uint64_t)entry->create_revision);
	be64_put(row + 16, (uint64_t)entry->mod_revision);
	if (entry->value.len) {
		memcpy(row + ROW_HEAD_LEN, entry->value.data, entry->value.len);
	}
	be32_put(row + 4, row_crc(entry->key, row, ROW_HEAD_LEN + entry->value.len));
}

/* Absent: mod_revision 0. entry's slices live as long as the transaction, until its next write. */
static enum weir_code row_find(struct lmdb *db, MDB_txn *txn, struct slice key,
	struct meta_entry *entry, struct weir_err *err)
{
	*entry = (struct meta_entry){.key = key};
	MDB_val k = val_of(key), v;
	int rc = mdb_get(txn, db->dbi, &k, &v);
	if (rc) {
		return rc == MDB_NOTFOUND ? WEIR_OK : lmdb_err(db, rc, "read", err);
	}
	return row_decode(db, key, slice_of_val(v), entry, err);
}

static enum weir_code store_revision(
	struct lmdb *db, MDB_txn *txn, int64_t *revision, struct weir_err *err)
{
	struct meta_entry entry;
	enum weir_code code =
		row_find(db, txn, slice_of(revision_key, REVISION_KEY_LEN), &entry, err);
	if (!code) {
		*revision = entry.mod_revision;
	}
	return code;
}

static enum weir_code read_begin(struct lmdb *db, MDB_txn **txn, struct weir_err *err)
{
	pthread_rwlock_rdlock(&db->map_lock);
	int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, txn);
	if (rc) {
		pthread_rwlock_unlock(&db->map_lock);
		return lmdb_err(db, rc, "begin reading", err);
	}
	return WEIR_OK;
}

static void read_end(struct lmdb *db, MDB_txn *txn)
{
	mdb_txn_abort(txn);
	pthread_rwlock_unlock(&db->map_lock);
}

static enum weir_code get_copy(struct buf *out, struct meta_entry *entry, struct weir_err *err)
{
	size_t key_len = entry->key.len, value_len = entry->value.len;
	if (!buf_reserve(out, key_len + value_len + 1)) {
		return err_set(err, WEIR_NO_MEMORY, "out of memory for a metadata row of %zu bytes",
			key_len + value_len);
	}
	buf_add(out, entry->key.data, key_len);
	buf_add(out, entry->value.data, value_len);
	entry->key = slice_of(out->data, key_len);
	entry->value = slice_of(out->data + key_len, value_len);
	return WEIR_OK;
}

static enum weir_code lmdb_get(struct meta *meta, struct slice key, struct buf *out,
	struct meta_entry *entry, struct weir_err *err)
{
	struct lmdb *db = lmdb_of(meta);
	MDB_txn *txn;
	enum weir_code code = read_begin(db, &txn, err);
	if (code) {
		return code;
	}
	struct meta_entry found;
	code = row_find(db, txn, key, &found, err);
	if (!code && !found.mod_revision) {
		code = err_set(err, WEIR_NOT_FOUND, "no metadata row %.*s", (int)key.len,
			(const char *)key.data);
	}
	if (!code) {
		code = get_copy(out, &found, err);
	}
	if (!code) {
		*entry = found;
	}
	read_end(db, txn);
	return code;
}

/* Every row with prefix to out; out NULL: only checks them. */
static enum weir_code range_walk(struct lmdb *db, MDB_cursor *cursor, struct slice prefix,
	struct buf *out, struct weir_err *err)
{
	MDB_val k = val_of(prefix), v;
	int rc = mdb_cursor_get(cursor, &k, &v, prefix.len ? MDB_SET_RANGE : MDB_FIRST);
	for (; !rc; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct slice key = slice_of_val(k);
		if (key.len < prefix.len ||
			(prefix.len && memcmp(key.data, prefix.data, prefix.len) != 0)) {
			break;
		}
		struct meta_entry entry;
		enum weir_code code = row_decode(db, key, slice_of_val(v), &entry, err);
		if (code) {
			return code;
		}
		if (out && key.data[0]) {
			meta_row_add(out, &entry);
		}
	}
	if (rc && rc != MDB_NOTFOUND) {
		return lmdb_err(db, rc, "read", err);
	}
	if (out && out->failed) {
		return err_set(
			err, WEIR_NO_MEMORY, "out of memory after %zu bytes of metadata", out->len);
	}
	return WEIR_OK;
}

static enum weir_code lmdb_range(struct meta *meta, struct slice prefix, struct buf *out,
	int64_t *revision, struct weir_err *err)
{
	struct lmdb *db = lmdb_of(meta);
	MDB_txn *txn;
	enum weir_code code = read_begin(db, &txn, err);
	if (code) {
		return code;
	}
	MDB_cursor *cursor = NULL;
	code = store_revision(db, txn, revision, err);
	int rc = code || prefix.len > META_KEY_LEN_MAX ? 0 : mdb_cursor_open(txn, db->dbi, &cursor);
	if (rc) {
		code = lmdb_err(db, rc, "read", err);
	} else if (cursor) {
		code = range_walk(db, cursor, prefix, out, err);
		mdb_cursor_close(cursor);
	}
	read_end(db, txn);
	return code;
}

static enum weir_code commit_guards(
	struct lmdb *db, MDB_txn *txn, const struct meta_change *change, struct weir_err *err)
{
	for (size_t i = 0; i < change->guard_count; i++) {
		const struct meta_guard *guard = &change->guards[i];
		struct meta_entry now;
		enum weir_code code = row_find(db, txn, guard->key, &now, err);
		if (code) {
			return code;
		}
		if (now.mod_revision != guard->mod_revision) {
			return err_set(err, WEIR_CONFLICT,
				"metadata row %.*s is of revision %lld, not %lld",
				(int)guard->key.len, (const char *)guard->key.data,
				(long long)now.mod_revision, (long long)guard->mod_revision);
		}
	}
	return WEIR_OK;
}

/* entry->value.data NULL: deletes. Returns LMDB's code. */
static int commit_write(struct lmdb *db, MDB_txn *txn, const struct meta_entry *entry)
{
	MDB_val k = val_of(entry->key);
	if (!entry->value.data) {
		return mdb_del(txn, db->dbi, &k, NULL);
	}
	MDB_val v = {.mv_size = ROW_HEAD_LEN + entry->value.len};
	int rc = mdb_put(txn, db->dbi, &k, &v, MDB_RESERVE);
	if (!rc) {
		row_encode(v.mv_data, entry);
	}
	return rc;
}

/* *rc: LMDB's code when it was LMDB that failed. */
static enum weir_code commit_ops(
	struct lmdb *db, MDB_txn *txn, struct meta_change *change, int *rc, struct weir_err *err)
{
	int64_t revision = change->revision + 1;
	for (size_t i = 0; i < change->op_count; i++) {
		const struct meta_op *op = &change->ops[i];
		struct meta_entry now;
		enum weir_code code = row_find(db, txn, op->key, &now, err);
		if (code) {
			return code;
		}
		if (!op->value.data && !now.mod_revision) {
			continue;
		}
		struct meta_entry *next = &change->changed[change->changed_count++];
		*next = (struct meta_entry){
			.key = op->key, .value = op->value, .mod_revision = revision};
		if (op->value.data) {
			next->create_revision = now.mod_revision ? now.create_revision : revision;
		}
		if ((*rc = commit_write(db, txn, next))) {
			return lmdb_err(db, *rc, "write", err);
		}
	}
	if (!change->changed_count) {
		return WEIR_OK;
	}
	struct meta_entry store = {.key = slice_of(revision_key, REVISION_KEY_LEN),
		.value = slice_of("", 0),
		.create_revision = 1,
		.mod_revision = revision};
	change->revision = revision;
	*rc = commit_write(db, txn, &store);
	return *rc ? lmdb_err(db, *rc, "write", err) : WEIR_OK;
}

static enum weir_code commit_attempt(
	struct lmdb *db, struct meta_change *change, int *rc, struct weir_err *err)
{
	MDB_txn *txn;
	if ((*rc = mdb_txn_begin(db->env, NULL, 0, &txn))) {
		return lmdb_err(db, *rc, "begin writing", err);
	}
	change->changed_count = 0;
	enum weir_code code = store_revision(db, txn, &change->revision, err);
	if (!code) {
		code = commit_guards(db, txn, change, err);
	}
	if (!code) {
		code = commit_ops(db, txn, change, rc, err);
	}
	if (code || !change->changed_count) {
		mdb_txn_abort(txn);
		return code;
	}
	*rc = mdb_txn_commit(txn);
	return *rc ? lmdb_err(db, *rc, "commit", err) : WEIR_OK;
}

static enum weir_code grow_map(struct lmdb *db, struct weir_err *err)
{
	pthread_rwlock_wrlock(&db->map_lock);
	enum weir_code code = WEIR_OK;
	if (db->map_bytes >= map_bytes_max) {
		code = lmdb_err(db, MDB_MAP_FULL, "enlarge", err);
	} else {
		int rc = mdb_env_set_mapsize(db->env, db->map_bytes * 2);
		if (rc) {
			code = lmdb_err(db, rc, "enlarge", err);
		} else {
			db->map_bytes *= 2;
		}
	}
	pthread_rwlock_unlock(&db->map_lock);
	return code;
}

/*
 * A write that was cut short by a full disk comes from LMDB as EIO. Nothing points to those pages,
 * so the next commit may try again. Asks for more than the change can have needed.
 */
static bool disk_is_full(struct lmdb *db, const struct meta_change *change)
{
	size_t wanted = 1024 * 1024;
	for (size_t i = 0; i < change->op_count; i++) {
		wanted += 4096 + 2 * change->ops[i].value.len;
	}
	int fd;
	struct stat file;
	if (mdb_env_get_fd(db->env, &fd) || fstat(fd, &file)) {
		return false;
	}
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, file.st_size, (off_t)wanted) &&
	       (errno == ENOSPC || errno == EDQUOT);
}

static enum weir_code lmdb_commit(
	struct meta *meta, struct meta_change *change, struct weir_err *err)
{
	struct lmdb *db = lmdb_of(meta);
	if (db->stopped) {
		return err_set(err, WEIR_IO,
			"metadata store %s takes no change after a failed write, until a restart",
			db->path);
	}
	for (;;) {
		struct weir_err failed = {0};
		int rc = 0;
		enum weir_code code = commit_attempt(db, change, &rc, &failed);
		if (rc == MDB_MAP_FULL) {
			code = grow_map(db, &failed);
			if (!code) {
				continue;
			}
		}
		if (rc == EIO && disk_is_full(db, change)) {
			code = lmdb_err(db, ENOSPC, "commit", &failed);
		}
		if (code == WEIR_IO) {
			db->stopped = true;
		}
		if (code && err) {
			*err = failed;
		}
		return code;
	}
}

static void lmdb_close(struct meta *meta)
{
	struct lmdb *db = lmdb_of(meta);
	if (db->env) {
		mdb_env_close(db->env);
	}
	if (db->dir_fd >= 0) {
		close(db->dir_fd);
	}
	pthread_rwlock_destroy(&db->map_lock);
	meta_fini(&db->meta);
	mem_free(db->path);
	mem_free(db);
}

static const struct meta_backend lmdb_backend = {
	.close = lmdb_close,
	.get = lmdb_get,
	.range = lmdb_range,
	.commit = lmdb_commit,
};

/* Makes the directory if absent, so that it outlives a power cut, and locks it. */
static enum weir_code open_dir(struct lmdb *db, struct weir_err *err)
{
	bool made = mkdir(db->path, 0700) == 0;
	if (!made && errno != EEXIST) {
		return err_sys(err, errno, "make directory %s", db->path);
	}
	db->dir_fd = open(db->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir_fd < 0) {
		return err_sys(err, errno, "open directory %s", db->path);
	}
	if (flock(db->dir_fd, LOCK_EX | LOCK_NB)) {
		return errno == EWOULDBLOCK
			       ? err_set(err, WEIR_LOCKED, "metadata store %s is in use", db->path)
			       : err_sys(err, errno, "lock %s", db->path);
	}
	if (made) {
		int parent = openat(db->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int failed = parent < 0 || fsync(parent) ? errno : 0;
		if (parent >= 0) {
			close(parent);
		}
		if (failed) {
			return err_sys(err, failed, "sync the directory of %s", db->path);
		}
	}
	return WEIR_OK;
}

/* Pages past the end of the file would be a SIGBUS; as zeros they are found out by their reader. */
static enum weir_code open_check_length(struct lmdb *db, struct weir_err *err)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat file;
	int fd, rc;
	if ((rc = mdb_env_info(db->env, &info)) || (rc = mdb_env_stat(db->env, &stat)) ||
		(rc = mdb_env_get_fd(db->env, &fd))) {
		return lmdb_err(db, rc, "open", err);
	}
	db->map_bytes = info.me_mapsize;
	off_t wanted = (off_t)((info.me_last_pgno + 1) * stat.ms_psize);
	if (fstat(fd, &file) || (file.st_size < wanted && ftruncate(fd, wanted))) {
		return err_sys(err, errno, "metadata store %s: length", db->path);
	}
	return WEIR_OK;
}

static enum weir_code open_env(struct lmdb *db, struct weir_err *err)
{
	int rc;
	if ((rc = mdb_env_create(&db->env)) ||
		(rc = mdb_env_set_mapsize(db->env, MAP_BYTES_FIRST)) ||
		(rc = mdb_env_set_maxreaders(db->env, READERS_MAX)) ||
		(rc = mdb_env_open(db->env, db->path, MDB_NOTLS, 0600))) {
		return lmdb_err(db, rc, "open", err);
	}
	WEIR_ASSERT(mdb_env_get_maxkeysize(db->env) >= META_KEY_LEN_MAX);
	enum weir_code code = open_check_length(db, err);
	if (!code && fsync(db->dir_fd)) {
		code = err_sys(err, errno, "sync directory %s", db->path);
	}
	return code;
}

/* Reads every row once: a store that cannot be read whole is not opened. */
static enum weir_code open_verify(struct lmdb *db, int64_t *revision, struct weir_err *err)
{
	MDB_txn *txn;
	enum weir_code code = read_begin(db, &txn, err);
	if (code) {
		return code;
	}
	MDB_cursor *cursor = NULL;
	int rc = mdb_dbi_open(txn, NULL, 0, &db->dbi);
	if (!rc) {
		rc = mdb_cursor_open(txn, db->dbi, &cursor);
	}
	if (rc) {
		code = lmdb_err(db, rc, "open", err);
	} else {
		code = range_walk(db, cursor, slice_of(NULL, 0), NULL, err);
		mdb_cursor_close(cursor);
	}
	if (!code) {
		code = store_revision(db, txn, revision, err);
	}
	read_end(db, txn);
	return code;
}

enum weir_code meta_open_lmdb(const char *path, struct meta **meta, struct weir_err *err)
{
	struct lmdb *db = mem_new(sizeof(*db));
	db->path = mem_dup_str(path);
	db->dir_fd = -1;
	pthread_rwlock_init(&db->map_lock, NULL);
	meta_init(&db->meta, &lmdb_backend, 0);
	int64_t revision = 0;
	enum weir_code code = open_dir(db, err);
	if (!code) {
		code = open_env(db, err);
	}
	if (!code) {
		code = open_verify(db, &revision, err);
	}
	if (code) {
		lmdb_close(&db->meta);
		return code;
	}
	db->meta.revision = revision;
	*meta = &db->meta;
	return WEIR_OK;
}
