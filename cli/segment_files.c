/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/segment_files.h"

#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/store/checkpoint.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const corrupt_names[] = {"fail", "skip", NULL};

static enum weir_code read_checkpoint(const char *data_path, const char *name,
	const struct segment_place *place, int64_t *offset, struct weir_err *err)
{
	struct checkpoint checkpoint;
	char *path = mem_printf("%s/%s", data_path, name);
	enum weir_code code = checkpoint_read(path, &checkpoint, err);
	mem_free(path);
	if (code == WEIR_OK) {
		*offset = checkpoint_find(&checkpoint, place->topic, place->partition);
		checkpoint_fini(&checkpoint);
	}
	return code;
}

/* What the checkpoints in the directory above say. */
static enum weir_code read_offsets(struct segment_place *place, struct weir_err *err)
{
	place->high_watermark = place->recovery_point = -1;
	if (place->partition < 0 || place->kind != DATA_DIR_PARTITION) {
		return WEIR_OK;
	}
	char *above = mem_printf("%s/..", place->path);
	enum weir_code code =
		read_checkpoint(above, CHECKPOINT_LOG_START, place, &place->log_start, err);
	place->log_start = place->log_start < 0 ? 0 : place->log_start;
	if (code == WEIR_OK) {
		code = read_checkpoint(
			above, CHECKPOINT_HIGH_WATERMARK, place, &place->high_watermark, err);
	}
	if (code == WEIR_OK) {
		code = read_checkpoint(
			above, CHECKPOINT_RECOVERY, place, &place->recovery_point, err);
	}
	mem_free(above);
	return code;
}

static int64_t size_of(
	const struct data_partition *p, enum data_file_kind kind, int64_t base_offset)
{
	for (size_t i = 0; i < p->file_count; i++) {
		if (p->files[i].kind == kind && p->files[i].base_offset == base_offset) {
			return p->files[i].size_bytes;
		}
	}
	return -1;
}

/* Adds the segments of p; only: just that file, NULL for all. */
static enum weir_code add_partition(struct segment_files *files, const struct data_partition *p,
	const char *only, struct weir_err *err)
{
	struct segment_place *place = mem_new(sizeof(*place));
	*place = (struct segment_place){.path = mem_dup_str(p->path),
		.name = mem_dup_str(p->name),
		.topic = mem_dup_str(p->topic),
		.partition = p->partition,
		.kind = p->kind};
	files->places =
		mem_grow(files->places, files->place_count + 1, sizeof(struct segment_place *));
	files->places[files->place_count++] = place;
	for (size_t i = 0; i < p->file_count; i++) {
		const struct data_file *f = &p->files[i];
		if (f->kind != DATA_FILE_LOG || (only && strcmp(f->name, only) != 0)) {
			continue;
		}
		files->items = mem_grow(files->items, files->count + 1, sizeof(*files->items));
		struct segment_file *file = &files->items[files->count++];
		*file = (struct segment_file){.place = place,
			.path = mem_printf("%s/%s", p->path, f->name),
			.base_offset = f->base_offset,
			.size_bytes = f->size_bytes,
			.index_bytes = size_of(p, DATA_FILE_INDEX, f->base_offset),
			.time_index_bytes = size_of(p, DATA_FILE_TIME_INDEX, f->base_offset),
			.txn_index_bytes = size_of(p, DATA_FILE_TXN_INDEX, f->base_offset)};
		file->name = strrchr(file->path, '/') + 1;
	}
	return read_offsets(place, err);
}

static enum weir_code add_data_dir(
	struct segment_files *files, const char *path, const char *topic, struct weir_err *err)
{
	struct data_dir dir;
	enum weir_code code = data_dir_read(path, &dir, err);
	if (code != WEIR_OK) {
		return code;
	}
	size_t found = 0;
	for (size_t i = 0; i < dir.count && code == WEIR_OK; i++) {
		const struct data_partition *p = &dir.partitions[i];
		bool wanted = topic ? strcmp(p->topic, topic) == 0 : true;
		if (wanted && p->kind == DATA_DIR_PARTITION) {
			found++;
			code = add_partition(files, p, NULL, err);
		}
	}
	if (code == WEIR_OK && !found) {
		code = topic ? err_set(err, WEIR_NOT_FOUND, "%s: no topic \"%s\"", path, topic)
			     : err_set(err, WEIR_NOT_FOUND, "%s: no partitions in it", path);
	}
	data_dir_fini(&dir);
	return code;
}

static enum weir_code add_partition_dir(
	struct segment_files *files, const char *path, const char *only, struct weir_err *err)
{
	struct data_partition partition;
	enum weir_code code = data_partition_read(path, &partition, err);
	if (code != WEIR_OK) {
		return code;
	}
	code = add_partition(files, &partition, only, err);
	data_partition_fini(&partition);
	return code;
}

static bool holds_logs(const char *path)
{
	struct data_partition partition;
	struct weir_err err;
	if (data_partition_read(path, &partition, &err) != WEIR_OK) {
		return false;
	}
	bool found = partition.partition >= 0;
	for (size_t i = 0; i < partition.file_count; i++) {
		found = found || partition.files[i].kind == DATA_FILE_LOG;
	}
	data_partition_fini(&partition);
	return found;
}

static enum weir_code add_file(struct segment_files *files, const char *path, struct weir_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int64_t base_offset;
	if (!segment_name_parse(name, ".log", &base_offset)) {
		return err_set(err, WEIR_USAGE,
			"%s is no segment: its name is not 20 digits and \".log\"", path);
	}
	/* The real path tells the partition's name, also for a bare file name. */
	char real[PATH_MAX];
	size_t before = files->count;
	if (!realpath(path, real)) {
		return err_set(err, WEIR_NOT_FOUND, "%s: no such file", path);
	}
	char *end = strrchr(real, '/');
	*end = '\0';
	enum weir_code code = add_partition_dir(files, end == real ? "/" : real, end + 1, err);
	if (code == WEIR_OK && files->count == before) {
		return err_set(err, WEIR_NOT_FOUND, "%s: no such file", path);
	}
	return code;
}

/* A word that is no path: a topic or a partition of the data directory. */
static enum weir_code add_named(struct ctx *ctx, struct segment_files *files, const char *dir,
	const char *word, struct weir_err *err)
{
	char *path = mem_printf("%s/%s", dir, word);
	struct stat st;
	enum weir_code code;
	if (!strchr(word, '/') && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		code = add_partition_dir(files, path, NULL, err);
	} else {
		code = add_data_dir(files, dir, word, err);
	}
	mem_free(path);
	struct data_dir all;
	struct weir_err ignored;
	if (code == WEIR_NOT_FOUND && data_dir_read(dir, &all, &ignored) == WEIR_OK) {
		struct near near;
		near_init(&near, word);
		for (size_t i = 0; i < all.count; i++) {
			near_offer(&near, all.partitions[i].topic);
		}
		if (near.best) {
			hint_set(&ctx->hint, "did you mean \"%s\"?", near.best);
		}
		data_dir_fini(&all);
	}
	return code;
}

static enum weir_code add_word(
	struct ctx *ctx, struct segment_files *files, const char *word, struct weir_err *err)
{
	struct stat st;
	const char *dir = ctx_dir(ctx);
	if (stat(word, &st) != 0) {
		return dir ? add_named(ctx, files, dir, word, err)
			   : err_set(err, WEIR_NOT_FOUND, "%s: no such file or directory", word);
	}
	if (!S_ISDIR(st.st_mode)) {
		return add_file(files, word, err);
	}
	char real[PATH_MAX]; /* "." has no name */
	if (!realpath(word, real)) {
		return err_set(err, WEIR_NOT_FOUND, "%s: no such directory", word);
	}
	return holds_logs(real) ? add_partition_dir(files, real, NULL, err)
				: add_data_dir(files, word, NULL, err);
}

enum weir_code segment_files_find(
	struct ctx *ctx, struct segment_files *files, struct weir_err *err)
{
	*files = (struct segment_files){NULL, 0, NULL, 0};
	enum weir_code code = WEIR_OK;
	if (!ctx->word_count) {
		const char *dir = ctx_dir(ctx);
		code = dir ? add_data_dir(files, dir, NULL, err)
			   : err_set(err, WEIR_USAGE, "a file or directory is missing");
	}
	for (size_t i = 0; i < ctx->word_count && code == WEIR_OK; i++) {
		code = add_word(ctx, files, ctx->words[i], err);
	}
	if (code == WEIR_OK && !files->count) {
		code = err_set(err, WEIR_NOT_FOUND, "no segment files in %s",
			ctx->word_count ? ctx->words[0] : ctx_dir(ctx));
	}
	if (code != WEIR_OK) {
		segment_files_fini(files);
	}
	return code;
}

void segment_files_fini(struct segment_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		mem_free(files->items[i].path);
	}
	for (size_t i = 0; i < files->place_count; i++) {
		mem_free(files->places[i]->path);
		mem_free(files->places[i]->name);
		mem_free(files->places[i]->topic);
		mem_free(files->places[i]);
	}
	mem_free(files->items);
	mem_free(files->places);
	*files = (struct segment_files){NULL, 0, NULL, 0};
}

enum weir_code segment_data_dir(struct ctx *ctx, const char **path, struct weir_err *err)
{
	*path = ctx->word_count ? ctx->words[0] : ctx_dir(ctx);
	return *path ? WEIR_OK : err_set(err, WEIR_USAGE, "a data directory is missing");
}

/* After a failed look at the batch at reader->pos: the end, the next whole batch, or the error. */
static enum weir_code recover(struct segment_walk *walk, struct segment_reader *reader,
	int64_t least_offset, bool *end, struct weir_err *err)
{
	struct weir_err inner;
	enum weir_code code = segment_reader_zero_tail(reader, end, &inner);
	if (code == WEIR_OK && *end) {
		return WEIR_OK;
	}
	if (walk->corrupt == CORRUPT_FAIL) {
		hint_set(&walk->ctx->hint, "--on-error skip goes on behind the damage");
		return WEIR_CORRUPT_MESSAGE;
	}
	walk->skipped++;
	int64_t from = reader->pos;
	ctx_warn(walk->ctx, "%s", err->text);
	code = segment_reader_resync(reader, least_offset, INT64_MAX, err);
	if (code == WEIR_OK) {
		ctx_warn(walk->ctx, "%s: bytes %" PRId64 " to %" PRId64 " skipped", reader->path,
			from, reader->pos);
	}
	return code;
}

enum weir_code segment_walk_file(struct segment_walk *walk, const struct segment_file *file,
	bool *stop, struct weir_err *err)
{
	struct segment_reader reader;
	enum weir_code code = segment_reader_open(&reader, file->path, err);
	if (code != WEIR_OK) {
		return code;
	}
	int64_t least_offset = file->base_offset;
	bool end = false;
	while (code == WEIR_OK && !end && !*stop) {
		struct batch_head head;
		struct batch batch;
		bool got;
		code = segment_reader_next(&reader, &head, &batch, &got, err);
		if (code == WEIR_CORRUPT_MESSAGE) {
			code = recover(walk, &reader, least_offset, &end, err);
			continue;
		}
		end = code == WEIR_OK && !got;
		if (code == WEIR_OK && got) {
			least_offset = head.last_offset + 1;
			code = walk->batch(walk->arg, file, &head, &batch, stop, err);
		}
	}
	segment_reader_close(&reader);
	return code;
}
