/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flushing a log.
 *
 * Dirty segments are pinned and the end noted under the lock, fdatasync runs outside of it, then
 * the flushed offset rises. One failure and the log is failed for good: the kernel may have dropped
 * the pages, and a second fdatasync would lie.
 */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/log_priv.h"

#include <errno.h>

/* What to sync, taken under the lock. */
struct flush_plan {
	struct flush_item *items; /* the log's */
	size_t count;
	int64_t end_offset;
	int64_t begun_ms;
	bool parent, dir;
};

static bool needs_sync(const struct segment *segment)
{
	return atomic_load(&segment->size) > segment->synced_pos || segment->index_unsynced;
}

static enum weir_code plan_flush(struct log *log, struct flush_plan *plan, struct weir_err *err)
{
	size_t from = log->segment_count - 1;
	*plan = (struct flush_plan){.end_offset = log_end_offset(log),
		.begun_ms = clock_mono_ms(),
		.parent = log->parent_dirty,
		.dir = log->dir_dirty};
	/* All before a sealed segment that is synced are, too. */
	while (from > 0 && needs_sync(log->segments[from - 1])) {
		from--;
	}
	if (log->segment_count - from > log->flush_room) {
		log->flush_room = log->segment_count - from;
		log->flush_items =
			mem_grow(log->flush_items, log->flush_room, sizeof(*log->flush_items));
	}
	plan->items = log->flush_items;
	enum weir_code code = WEIR_OK;
	for (size_t i = from; i < log->segment_count && !code; i++) {
		struct segment *segment = log->segments[i];
		struct flush_item *item = &plan->items[plan->count];
		if (!needs_sync(segment)) {
			continue;
		}
		code = segment_pin(segment, &item->fd, err);
		if (!code) {
			segment_ref(segment);
			item->segment = segment;
			item->size = atomic_load(&segment->size);
			item->index = segment->index_unsynced;
			item->active = i + 1 == log->segment_count;
			plan->count++;
		}
	}
	if (!code) {
		log->parent_dirty = log->dir_dirty = false;
	}
	return code;
}

enum weir_code log_sync_parent(const struct log *log, struct weir_err *err)
{
	const char *slash = strrchr(log->dir, '/');
	if (!slash) {
		return fs_sync_dir(".", err);
	}
	char *parent =
		mem_printf("%.*s", slash == log->dir ? 1 : (int)(slash - log->dir), log->dir);
	enum weir_code code = fs_sync_dir(parent, err);
	mem_free(parent);
	return code;
}

static enum weir_code run_flush(
	struct log *log, const struct flush_plan *plan, struct weir_err *err)
{
	enum weir_code code = plan->parent ? log_sync_parent(log, err) : WEIR_OK;
	if (!code && plan->dir) {
		code = fs_sync_dir(log->dir, err);
	}
	for (size_t i = 0; i < plan->count && !code; i++) {
		const struct flush_item *item = &plan->items[i];
		code = fs_sync(item->fd, item->segment->path, err);
		if (!code && item->index) {
			code = segment_index_sync(item->segment, err);
		}
	}
	return code;
}

static void finish_flush(struct log *log, const struct flush_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct segment *segment = plan->items[i].segment;
		segment->synced_pos = plan->items[i].size;
		if (atomic_load(&segment->size) == segment->synced_pos) {
			segment_clear_dirty(segment);
		}
		if (plan->items[i].index) {
			segment->index_unsynced = false;
		}
		if (plan->items[i].active) {
			/* Readers up to here find the end at once. */
			pthread_mutex_lock(&segment->index_lock);
			segment->hint_offset = plan->end_offset;
			segment->hint_pos = plan->items[i].size;
			pthread_mutex_unlock(&segment->index_lock);
		}
	}
	if (plan->end_offset > log_flushed_offset(log)) {
		atomic_store(&log->flushed_offset, plan->end_offset);
	}
	bool all = plan->end_offset == log_end_offset(log);
	atomic_store(&log->unflushed_since_ms, all ? -1 : plan->begun_ms);
}

/* A directory could not be opened to be synced: nothing was tried that could have lost pages. */
static bool out_of_files(int sys_errno)
{
	return sys_errno == EMFILE || sys_errno == ENFILE;
}

enum weir_code log_flush(struct log *log, struct weir_err *err)
{
	struct flush_plan plan;
	pthread_mutex_lock(&log->flush_lock);
	pthread_mutex_lock(&log->lock);
	enum weir_code code = log_check_writable(log, err);
	bool planned = false, synced = false;
	if (!code) {
		code = plan_flush(log, &plan, err);
		planned = true;
	}
	pthread_mutex_unlock(&log->lock);
	struct weir_err why = {.sys_errno = 0};
	if (!code) {
		code = run_flush(log, &plan, &why);
		synced = true;
		if (code && err) {
			*err = why;
		}
	}
	pthread_mutex_lock(&log->lock);
	if (synced && code && !out_of_files(why.sys_errno)) {
		atomic_store(&log->failed, true);
	} else if (synced && code) {
		log->parent_dirty |= plan.parent;
		log->dir_dirty |= plan.dir;
	} else if (synced) {
		finish_flush(log, &plan);
	}
	pthread_mutex_unlock(&log->lock);
	if (planned) {
		for (size_t i = 0; i < plan.count; i++) {
			log_give_segment(plan.items[i].segment);
		}
	}
	pthread_mutex_unlock(&log->flush_lock);
	return code;
}
