/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"
#include "tests/unit/meta_dir.h"

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/meta/meta.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct weir_err err;

/* One op under at most one guard; revision < 0: no guard. */
static enum weir_code put_if(
	struct meta *meta, const char *key, const char *value, int64_t guard_revision)
{
	struct meta_guard guard = {.key = slice_str(key), .mod_revision = guard_revision};
	struct meta_op op = {.key = slice_str(key), .value = slice_str(value)};
	return meta_commit(meta, &guard, guard_revision >= 0, &op, 1, NULL, &err);
}

static int64_t mod_of(struct meta *meta, const char *key)
{
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	enum weir_code code = meta_get(meta, slice_str(key), &buf, &entry, &err);
	buf_fini(&buf);
	return code ? 0 : entry.mod_revision;
}

static void assert_value(struct meta *meta, const char *key, const char *value)
{
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	assert_ok(meta_get(meta, slice_str(key), &buf, &entry, &err));
	assert_true(slice_equal(entry.key, slice_str(key)));
	assert_true(slice_equal(entry.value, slice_str(value)));
	buf_fini(&buf);
}

static void guards_decide(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	assert_int_equal(meta_revision(meta), 0);
	assert_ok(put_if(meta, "a", "1", 0));
	assert_int_equal(meta_revision(meta), 1);
	assert_code(put_if(meta, "a", "2", 0), WEIR_CONFLICT);
	assert_non_null(strstr(err.text, "row a"));
	assert_int_equal(meta_revision(meta), 1);
	assert_ok(put_if(meta, "a", "2", 1));
	assert_code(put_if(meta, "a", "3", 1), WEIR_CONFLICT);
	assert_value(meta, "a", "2");
	assert_code(put_if(meta, "b", "1", 7), WEIR_CONFLICT);
	assert_int_equal(mod_of(meta, "b"), 0);

	/* All or nothing. */
	struct meta_guard guards[] = {{.key = slice_str("a"), .mod_revision = 2},
		{.key = slice_str("b"), .mod_revision = 1}};
	struct meta_op ops[] = {{.key = slice_str("a"), .value = slice_str("x")},
		{.key = slice_str("c"), .value = slice_str("")}};
	assert_code(meta_commit(meta, guards, 2, ops, 2, NULL, &err), WEIR_CONFLICT);
	assert_value(meta, "a", "2");
	guards[1].mod_revision = 0;
	int64_t revision = 0;
	assert_ok(meta_commit(meta, guards, 2, ops, 2, &revision, &err));
	assert_int_equal(revision, 3);
	assert_value(meta, "c", "");
	assert_int_equal(mod_of(meta, "a"), 3);
	dir_free_meta(&dir, &meta);
}

static void delete_and_create_again(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	assert_ok(put_if(meta, "k", "1", 0));
	assert_ok(put_if(meta, "k", "2", 1));
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	assert_ok(meta_get(meta, slice_str("k"), &buf, &entry, &err));
	assert_int_equal(entry.create_revision, 1);
	assert_int_equal(entry.mod_revision, 2);
	assert_ok(put_if(meta, "k", NULL, 2));
	assert_code(meta_get(meta, slice_str("k"), &buf, &entry, &err), WEIR_NOT_FOUND);
	assert_int_equal(meta_revision(meta), 3);
	/* Nothing to delete: no new revision. */
	assert_ok(put_if(meta, "k", NULL, -1));
	assert_ok(meta_commit(meta, NULL, 0, NULL, 0, NULL, &err));
	assert_int_equal(meta_revision(meta), 3);
	assert_ok(put_if(meta, "k", "3", 0));
	assert_ok(meta_get(meta, slice_str("k"), &buf, &entry, &err));
	assert_int_equal(entry.create_revision, 4);
	/* In order within one commit: the last op on a key counts. */
	struct meta_op ops[] = {{.key = slice_str("k")},
		{.key = slice_str("k"), .value = slice_str("4")},
		{.key = slice_str("k"), .value = slice_str("5")}};
	assert_ok(meta_commit(meta, NULL, 0, ops, 3, NULL, &err));
	assert_value(meta, "k", "5");
	buf_fini(&buf);
	dir_free_meta(&dir, &meta);
}

static void bad_keys_are_refused(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	static uint8_t big[META_VALUE_LEN_MAX + 1];
	memset(big, 'k', sizeof(big));
	struct meta_op op = {.key = slice_of(big, META_KEY_LEN_MAX), .value = slice_str("v")};
	assert_ok(meta_commit(meta, NULL, 0, &op, 1, NULL, &err));
	op.key.len++;
	assert_code(meta_commit(meta, NULL, 0, &op, 1, NULL, &err), WEIR_TOO_LARGE);
	op.key.len = 0;
	assert_code(meta_commit(meta, NULL, 0, &op, 1, NULL, &err), WEIR_INVALID_REQUEST);
	op.key = slice_of("\0revision", 9);
	assert_code(meta_commit(meta, NULL, 0, &op, 1, NULL, &err), WEIR_INVALID_REQUEST);
	op = (struct meta_op){.key = slice_str("k"), .value = slice_of(big, sizeof(big))};
	assert_code(meta_commit(meta, NULL, 0, &op, 1, NULL, &err), WEIR_TOO_LARGE);
	assert_int_equal(meta_revision(meta), 1);
	dir_free_meta(&dir, &meta);
}

struct seen {
	char text[256];
	int64_t revision;
	int calls;
	struct meta *meta;
	enum weir_code code;
};

static enum weir_code note_entry(void *arg, const struct meta_entry *entry, struct weir_err *e)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);
	if (entry->key.data[0] == '!') {
		return err_set(e, WEIR_FALSE_RESULT, "stop");
	}
	snprintf(seen->text + len, sizeof(seen->text) - len, "%.*s=%.*s ", (int)entry->key.len,
		(const char *)entry->key.data, entry->value.data ? (int)entry->value.len : 1,
		entry->value.data ? (const char *)entry->value.data : "-");
	return WEIR_OK;
}

static void range_is_in_order(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	struct seen seen = {0};
	assert_ok(meta_range(meta, slice_str(""), note_entry, &seen, NULL, &err));
	assert_string_equal(seen.text, "");
	const char *keys[] = {"b/2", "a", "b/10", "c", "b/1", "b"};
	for (size_t i = 0; i < 6; i++) {
		assert_ok(put_if(meta, keys[i], keys[i], -1));
	}
	assert_ok(meta_range(meta, slice_str("b/"), note_entry, &seen, &seen.revision, &err));
	assert_string_equal(seen.text, "b/1=b/1 b/10=b/10 b/2=b/2 ");
	assert_int_equal(seen.revision, 6);
	seen.text[0] = '\0';
	assert_ok(meta_range(meta, slice_of(NULL, 0), note_entry, &seen, NULL, &err));
	assert_string_equal(seen.text, "a=a b=b b/1=b/1 b/10=b/10 b/2=b/2 c=c ");
	assert_ok(meta_range(meta, slice_str("d"), note_entry, &seen, NULL, &err));
	assert_ok(put_if(meta, "!", "", -1));
	assert_code(
		meta_range(meta, slice_str(""), note_entry, &seen, NULL, &err), WEIR_FALSE_RESULT);
	dir_free_meta(&dir, &meta);
}

static enum weir_code commit_from_each(
	void *arg, const struct meta_entry *entry, struct weir_err *e)
{
	struct seen *seen = arg;
	(void)e;
	seen->calls++;
	struct meta_op op = {.key = entry->key};
	return meta_commit(seen->meta, NULL, 0, &op, 1, NULL, &err);
}

static void range_may_change_what_it_walks(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	assert_ok(put_if(meta, "a/1", "1", -1));
	assert_ok(put_if(meta, "a/2", "2", -1));
	struct seen seen = {.meta = meta};
	assert_ok(meta_range(meta, slice_str("a/"), commit_from_each, &seen, NULL, &err));
	assert_int_equal(seen.calls, 2);
	assert_int_equal(mod_of(meta, "a/1"), 0);
	assert_int_equal(mod_of(meta, "a/2"), 0);
	dir_free_meta(&dir, &meta);
}

static void note_changes(
	void *arg, int64_t revision, const struct meta_entry *entries, size_t count)
{
	struct seen *seen = arg;
	seen->calls++;
	seen->revision = revision;
	for (size_t i = 0; i < count; i++) {
		(void)note_entry(arg, &entries[i], NULL);
	}
	if (seen->meta) {
		assert_int_equal(meta_revision(seen->meta), revision);
		assert_int_equal(mod_of(seen->meta, "x/1"), revision);
		seen->code = put_if(seen->meta, "y", "from a watcher", -1);
	}
}

static void watchers_see_each_commit(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	struct seen x = {0}, all = {0};
	struct meta_watch *watch_x = meta_watch(meta, slice_str("x/"), note_changes, &x);
	struct meta_watch *watch_all = meta_watch(meta, slice_str(""), note_changes, &all);
	struct meta_op ops[] = {{.key = slice_str("x/1"), .value = slice_str("1")},
		{.key = slice_str("y"), .value = slice_str("2")}, {.key = slice_str("x/absent")},
		{.key = slice_str("x/2"), .value = slice_str("3")}};
	assert_ok(meta_commit(meta, NULL, 0, ops, 4, NULL, &err));
	assert_string_equal(x.text, "x/1=1 x/2=3 ");
	assert_string_equal(all.text, "x/1=1 y=2 x/2=3 ");
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.revision, 1);
	assert_ok(put_if(meta, "y", "4", -1));
	assert_int_equal(x.calls, 1);
	assert_int_equal(all.calls, 2);
	assert_code(put_if(meta, "x/1", "5", 0), WEIR_CONFLICT);
	assert_int_equal(x.calls, 1);
	x.text[0] = '\0';
	assert_ok(put_if(meta, "x/1", NULL, 1));
	assert_string_equal(x.text, "x/1=- ");
	/* A watcher reads, but may not commit. */
	meta_unwatch(meta, &watch_all);
	assert_null(watch_all);
	x.meta = meta;
	assert_ok(put_if(meta, "x/1", "6", 0));
	assert_code(x.code, WEIR_BUG);
	meta_unwatch(meta, &watch_x);
	assert_ok(put_if(meta, "x/1", "7", -1));
	assert_int_equal(x.calls, 3);
	dir_free_meta(&dir, &meta);
}

static void everything_is_there_after_reopening(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	assert_ok(put_if(meta, "a", "1", 0));
	assert_ok(put_if(meta, "b", "2", 0));
	struct meta *second = NULL;
	assert_code(meta_open_lmdb(dir.store, &second, &err), WEIR_LOCKED);
	meta_close(&meta);
	assert_null(meta);
	assert_ok(meta_open_lmdb(dir.store, &meta, &err));
	assert_int_equal(meta_revision(meta), 2);
	assert_value(meta, "a", "1");
	assert_ok(put_if(meta, "b", "3", 2));
	assert_int_equal(mod_of(meta, "b"), 3);
	dir_free_meta(&dir, &meta);
	assert_code(meta_open_lmdb("/proc/none/of/this", &meta, &err), WEIR_IO);
}

static void the_map_grows(void **state)
{
	(void)state;
	enum { VALUES = 40 };
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	uint8_t *big = mem_new(META_VALUE_LEN_MAX);
	struct meta_op ops[VALUES];
	char keys[VALUES][16];
	for (int i = 0; i < VALUES; i++) {
		snprintf(keys[i], sizeof(keys[i]), "big/%d", i);
		ops[i] = (struct meta_op){
			.key = slice_str(keys[i]), .value = slice_of(big, META_VALUE_LEN_MAX)};
	}
	/* 40 MiB at once in a map of 16 MiB. */
	assert_ok(meta_commit(meta, NULL, 0, ops, VALUES, NULL, &err));
	assert_int_equal(meta_revision(meta), 1);
	assert_int_equal(mod_of(meta, "big/39"), 1);
	meta_close(&meta);
	assert_ok(meta_open_lmdb(dir.store, &meta, &err));
	assert_int_equal(mod_of(meta, "big/39"), 1);
	mem_free(big);
	dir_free_meta(&dir, &meta);
}

struct counter_job {
	struct meta *meta;
	int rounds, failures;
};

static void *count_up(void *arg)
{
	struct counter_job *job = arg;
	struct weir_err own = {0};
	struct buf buf;
	buf_init(&buf, 0);
	for (int done = 0; done < job->rounds;) {
		struct meta_entry entry;
		int64_t n = 0;
		struct meta_guard guard = {.key = slice_str("counter")};
		if (!meta_get(job->meta, guard.key, &buf, &entry, &own)) {
			guard.mod_revision = entry.mod_revision;
			memcpy(&n, entry.value.data, sizeof(n));
		}
		n++;
		struct meta_op op = {.key = guard.key, .value = slice_of(&n, sizeof(n))};
		enum weir_code code = meta_commit(job->meta, &guard, 1, &op, 1, NULL, &own);
		if (code && code != WEIR_CONFLICT) {
			job->failures++;
			break;
		}
		done += !code;
	}
	buf_fini(&buf);
	return NULL;
}

static void no_update_is_lost_between_threads(void **state)
{
	(void)state;
	enum { ROUNDS = 150 };
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	struct counter_job jobs[2] = {{meta, ROUNDS, 0}, {meta, ROUNDS, 0}};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, &jobs[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(jobs[i].failures, 0);
	}
	struct buf buf;
	buf_init(&buf, 0);
	struct meta_entry entry;
	int64_t n = 0;
	assert_ok(meta_get(meta, slice_str("counter"), &buf, &entry, &err));
	memcpy(&n, entry.value.data, sizeof(n));
	assert_int_equal(n, 2 * ROUNDS);
	assert_int_equal(meta_revision(meta), 2 * ROUNDS);
	buf_fini(&buf);
	dir_free_meta(&dir, &meta);
}

/* Commits crash/<n> = n for n = first, first + 1, ... and reports each n; never returns. */
static void crash_child(const char *path, int64_t first, int report)
{
	struct meta *meta;
	if (meta_open_lmdb(path, &meta, NULL)) {
		_exit(1);
	}
	for (int64_t n = first;; n++) {
		char key[32];
		snprintf(key, sizeof(key), "crash/%lld", (long long)n);
		struct meta_op ops[] = {{.key = slice_str(key), .value = slice_str(key)},
			{.key = slice_str("last"), .value = slice_of(&n, sizeof(n))}};
		if (meta_commit(meta, NULL, 0, ops, 2, NULL, NULL) ||
			write(report, &n, sizeof(n)) != sizeof(n)) {
			_exit(1);
		}
	}
}

/* Runs a child for about ms milliseconds, kills it, returns the last n it reported. */
static int64_t crash_round(const char *path, int64_t first, int ms)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		crash_child(path, first, ends[1]);
	}
	close(ends[1]);
	struct pollfd ready = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 20000), 1); /* at least one commit */
	poll(NULL, 0, ms);
	kill(child, SIGKILL);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	int64_t n = first - 1, next;
	while (read(ends[0], &next, sizeof(next)) == sizeof(next)) {
		assert_int_equal(next, n + 1);
		n = next;
	}
	close(ends[0]);
	return n;
}

static void reported_commits_survive_a_kill(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	meta_close(&meta);
	int64_t reported = 0;
	for (int round = 0; round < 20; round++) {
		reported = crash_round(dir.store, reported + 1, (int)random_below(25));
		assert_ok(meta_open_lmdb(dir.store, &meta, &err));
		/* The last one may be committed and not yet reported; never half of it. */
		int64_t at = meta_revision(meta);
		assert_true(at == reported || at == reported + 1);
		for (int64_t n = 1; n <= at; n++) {
			char key[32];
			snprintf(key, sizeof(key), "crash/%lld", (long long)n);
			assert_int_equal(mod_of(meta, key), n);
		}
		assert_int_equal(mod_of(meta, "last"), at);
		reported = at;
		meta_close(&meta);
	}
	dir_free_meta(&dir, &meta);
}

/* Files may not grow past the limit: the commit that needs more fails as on a broken disk. */
static void a_failed_write_stops_the_store(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	assert_ok(put_if(meta, "a", "1", -1));
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 256 * 1024;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	static uint8_t big[512 * 1024];
	struct meta_op op = {.key = slice_str("b"), .value = slice_of(big, sizeof(big))};
	assert_code(meta_commit(meta, NULL, 0, &op, 1, NULL, &err), WEIR_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_code(put_if(meta, "a", "2", -1), WEIR_IO);
	assert_value(meta, "a", "1");
	assert_int_equal(meta_revision(meta), 1);
	meta_close(&meta);
	assert_ok(meta_open_lmdb(dir.store, &meta, &err));
	assert_int_equal(mod_of(meta, "b"), 0);
	assert_value(meta, "a", "1");
	assert_ok(put_if(meta, "a", "2", 1));
	dir_free_meta(&dir, &meta);
}

static void assert_opens_with(const char *path, enum weir_code wanted)
{
	struct meta *meta = NULL;
	assert_code(meta_open_lmdb(path, &meta, &err), wanted);
	meta_close(&meta);
}

static void damage_is_found_at_open(void **state)
{
	(void)state;
	struct dir dir;
	struct meta *meta = dir_new_meta(&dir);
	static uint8_t value[3000];
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 100; i++) {
		char key[16];
		snprintf(key, sizeof(key), "k%d", i);
		struct meta_op op = {
			.key = slice_str(key), .value = slice_of(value, sizeof(value))};
		assert_ok(meta_commit(meta, NULL, 0, &op, 1, NULL, &err));
	}
	meta_close(&meta);
	char *path = mem_printf("%s/data.mdb", dir.store);
	int fd = open(path, O_RDWR);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	uint8_t *bytes = mem_new((size_t)st.st_size);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);

	/* One bit of a value that is in use: every copy is flipped. */
	for (off_t pos = 8192; pos < st.st_size - 4096; pos++) {
		if (memcmp(bytes + pos, value, 500) == 0) {
			assert_int_equal(pwrite(fd, "w", 1, pos + 400), 1);
			pos += 3000;
		}
	}
	assert_opens_with(dir.store, WEIR_LOCAL_CORRUPT);
	assert_int_equal(pwrite(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	assert_opens_with(dir.store, WEIR_OK);

	/* Cut short: zeros instead of a SIGBUS. */
	assert_int_equal(ftruncate(fd, st.st_size / 2), 0);
	assert_opens_with(dir.store, WEIR_LOCAL_CORRUPT);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "not a store", 11, 0), 11);
	assert_opens_with(dir.store, WEIR_LOCAL_CORRUPT);
	close(fd);
	mem_free(bytes);
	mem_free(path);
	dir_free_meta(&dir, &meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guards_decide),
		cmocka_unit_test(delete_and_create_again),
		cmocka_unit_test(bad_keys_are_refused),
		cmocka_unit_test(range_is_in_order),
		cmocka_unit_test(range_may_change_what_it_walks),
		cmocka_unit_test(watchers_see_each_commit),
		cmocka_unit_test(everything_is_there_after_reopening),
		cmocka_unit_test(the_map_grows),
		cmocka_unit_test(no_update_is_lost_between_threads),
		cmocka_unit_test(reported_commits_survive_a_kill),
		cmocka_unit_test(a_failed_write_stops_the_store),
		cmocka_unit_test(damage_is_found_at_open),
	};
	return RUN(tests);
}
