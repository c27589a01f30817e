/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/segment_files.h"
#include "core/base/mem.h"
#include "core/store/checkpoint.h"
#include "core/store/leader_epochs.h"

#include <inttypes.h>
#include <stdio.h>

static const struct column columns[] = {
	{"directory", COLUMN_TEXT, "Of the partition; . for the data directory itself."},
	{"file", COLUMN_TEXT, "Path of the file, or of the folder."},
	{"position", COLUMN_NUMBER, "Byte position; null where it is the whole file."},
	{"fault", COLUMN_TEXT, "What is wrong."},
	{NULL, COLUMN_TEXT, NULL},
};

static const struct example examples[] = {
	{"weir dir check /var/lib/kafka/data && echo sound", "Checks a data directory."},
	{NULL, NULL},
};

static enum weir_code dir_check_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_dir_check = {
	.path = "dir check",
	.summary = "Checks all files of a data directory.",
	.details =
		"Segments and indexes as segment verify does, topic ids, leader epochs, "
		"checkpoints "
		"and what they say about the segments.\nLists the faults; exit status 1 when there "
		"are any. Changes nothing.",
	.positional = "[DIR]",
	.positional_max = 1,
	.columns = columns,
	.examples = examples,
	.run = dir_check_run,
};

struct check {
	struct table *table;
	const char *directory;
	int64_t faults;
};

static void put(struct check *c, const char *file, int64_t pos, const char *text)
{
	table_text(c->table, c->directory);
	table_text(c->table, file);
	if (pos < 0) {
		table_null(c->table);
	} else {
		table_number(c->table, pos);
	}
	table_text(c->table, text);
	c->faults++;
}

static enum weir_code put_fault(void *arg, const struct segment_fault *fault, struct weir_err *err)
{
	(void)err;
	put(arg, fault->file, fault->pos, fault->text);
	return WEIR_OK;
}

/* A small file that must be readable; absent is fine where it may be. */
static void check_small(struct check *c, const char *file, enum weir_code code, bool needed,
	const struct weir_err *why)
{
	if (code != WEIR_OK && (needed || code != WEIR_NOT_FOUND)) {
		put(c, file, -1, why->text);
	}
}

/* recovery_point: what was durable at the last checkpoint; -1: not known, as log_start. */
static enum weir_code check_partition(struct check *c, const struct data_partition *p,
	int64_t log_start, int64_t recovery_point, struct weir_err *err)
{
	struct weir_err why;
	struct uuid id;
	struct leader_epochs epochs;
	int64_t first = -1, end = -1;
	enum weir_code code = partition_metadata_read(p->path, &id, &why);
	check_small(c, "partition.metadata", code, true, &why);
	code = leader_epochs_read(p->path, &epochs, &why);
	check_small(c, "leader-epoch-checkpoint", code, false, &why);
	if (code == WEIR_OK) {
		leader_epochs_fini(&epochs);
	}
	for (size_t i = 0; i < p->file_count; i++) {
		const struct data_file *f = &p->files[i];
		if (f->kind != DATA_FILE_LOG) {
			continue;
		}
		struct segment_totals totals;
		char *path = mem_printf("%s/%s", p->path, f->name);
		code = segment_verify(path, put_fault, c, &totals, err);
		mem_free(path);
		if (code != WEIR_OK) {
			return code;
		}
		if (end >= 0 && totals.first_offset >= 0 && totals.first_offset < end) {
			put(c, f->name, 0, "begins before the segment in front of it ends");
		}
		first = first < 0 ? f->base_offset : first;
		end = totals.last_offset >= 0 ? totals.last_offset + 1 : f->base_offset;
	}
	if (first < 0 && recovery_point > (log_start > 0 ? log_start : 0)) {
		put(c, "", -1, "no segment file");
	} else if (first >= 0 && log_start > end) {
		char text[96];
		snprintf(text, sizeof(text), "log start %" PRId64 " is behind the end %" PRId64,
			log_start, end);
		put(c, CHECKPOINT_LOG_START, -1, text);
	}
	return WEIR_OK;
}

/* Reads a checkpoint of the data directory; empty when it cannot be read. */
static void check_checkpoint(
	struct check *c, const char *path, const char *name, struct checkpoint *checkpoint)
{
	struct weir_err why;
	char *full = mem_printf("%s/%s", path, name);
	if (checkpoint_read(full, checkpoint, &why) != WEIR_OK) {
		*checkpoint = (struct checkpoint){NULL, 0};
		put(c, name, -1, why.text);
	}
	mem_free(full);
}

static enum weir_code check_all(
	struct check *c, const char *path, const struct data_dir *dir, struct weir_err *err)
{
	struct checkpoint start, recovery, other;
	struct meta_properties props;
	struct weir_err why;
	c->directory = ".";
	enum weir_code code = meta_properties_read(path, &props, &why);
	check_small(c, "meta.properties", code, true, &why);
	check_checkpoint(c, path, CHECKPOINT_HIGH_WATERMARK, &other);
	checkpoint_fini(&other);
	check_checkpoint(c, path, CHECKPOINT_RECOVERY, &recovery);
	check_checkpoint(c, path, CHECKPOINT_LOG_START, &start);
	code = WEIR_OK;
	for (size_t i = 0; i < dir->count && code == WEIR_OK; i++) {
		const struct data_partition *p = &dir->partitions[i];
		c->directory = p->name;
		if (p->kind == DATA_DIR_PARTITION) {
			code = check_partition(c, p,
				checkpoint_find(&start, p->topic, p->partition),
				checkpoint_find(&recovery, p->topic, p->partition), err);
		}
	}
	checkpoint_fini(&recovery);
	checkpoint_fini(&start);
	return code;
}

static enum weir_code dir_check_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	const char *path;
	struct data_dir dir;
	enum weir_code code = segment_data_dir(ctx, &path, err);
	if (code == WEIR_OK) {
		code = data_dir_read(path, &dir, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	struct check check = {.table = table_new(ctx, columns)};
	code = check_all(&check, path, &dir, err);
	table_end(&check.table);
	if (code == WEIR_OK && check.faults) {
		code = err_set(
			err, WEIR_FALSE_RESULT, "%" PRId64 " faults in %s", check.faults, path);
	} else if (code == WEIR_OK) {
		ctx_notice(ctx, "%s: %zu partitions, no faults\n", path, dir.count);
	}
	data_dir_fini(&dir);
	return code;
}
