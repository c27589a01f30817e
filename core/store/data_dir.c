/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/data_dir.h"

#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/checkpoint.h"
#include "core/store/leader_epochs.h"
#include "core/store/segment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_LEN = 32 };

const char *data_file_kind_name(enum data_file_kind kind)
{
	static const char *const names[] = {"log", "index", "timeindex", "txnindex", "snapshot",
		"epochs", "metadata", "checkpoint", "deleted", "cleaned", "other"};
	return names[kind];
}

const char *data_dir_kind_name(enum data_dir_kind kind)
{
	static const char *const names[] = {"partition", "delete", "future", "stray"};
	return names[kind];
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);
	return len >= tail && !strcmp(name + len - tail, suffix);
}

static enum data_file_kind kind_of(const char *name, int64_t *base_offset)
{
	static const struct {
		const char *suffix;
		enum data_file_kind kind;
	} kinds[] = {
		{".log", DATA_FILE_LOG},
		{".index", DATA_FILE_INDEX},
		{".timeindex", DATA_FILE_TIME_INDEX},
		{".txnindex", DATA_FILE_TXN_INDEX},
		{".snapshot", DATA_FILE_SNAPSHOT},
	};
	*base_offset = -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (segment_name_parse(name, kinds[i].suffix, base_offset)) {
			return kinds[i].kind;
		}
	}
	if (!strcmp(name, LEADER_EPOCHS_FILE)) {
		return DATA_FILE_EPOCHS;
	}
	if (!strcmp(name, "partition.metadata")) {
		return DATA_FILE_METADATA;
	}
	if (ends_with(name, ".checkpoint")) {
		return DATA_FILE_CHECKPOINT;
	}
	if (ends_with(name, ".deleted")) {
		return DATA_FILE_DELETED;
	}
	return ends_with(name, ".cleaned") || ends_with(name, ".swap") ? DATA_FILE_CLEANED
								       : DATA_FILE_OTHER;
}

static int64_t size_of(const char *dir, const char *name)
{
	int fd;
	int64_t size = -1;
	char *path = mem_printf("%s/%s", dir, name);
	if (!fs_open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &fd, NULL)) {
		if (fs_size(fd, path, &size, NULL)) {
			size = -1;
		}
		fs_close(&fd);
	}
	mem_free(path);
	return size;
}

static enum weir_code add_file(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct data_partition *partition = arg;
	(void)err;
	if (is_dir) {
		return WEIR_OK;
	}
	if (!(partition->file_count & (partition->file_count - 1))) {
		size_t room = partition->file_count ? partition->file_count * 2 : 1;
		partition->files = mem_grow(partition->files, room, sizeof(*partition->files));
	}
	struct data_file *file = &partition->files[partition->file_count++];
	*file = (struct data_file){
		.name = mem_dup_str(name), .size_bytes = size_of(partition->path, name)};
	file->kind = kind_of(name, &file->base_offset);
	return WEIR_OK;
}

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
		if (!hex) {
			return false;
		}
	}
	return true;
}

/* Takes ".<32 hex>-delete" and the like off a copy of name. */
static enum data_dir_kind take_kind(char *name)
{
	static const struct {
		const char *suffix;
		enum data_dir_kind kind;
	} kinds[] = {{"-delete", DATA_DIR_DELETE}, {"-future", DATA_DIR_FUTURE},
		{"-stray", DATA_DIR_STRAY}};
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t tail = strlen(kinds[i].suffix) + HEX_LEN + 1;
		if (ends_with(name, kinds[i].suffix) && len > tail && name[len - tail] == '.' &&
			is_hex(name + len - tail + 1, HEX_LEN)) {
			name[len - tail] = '\0';
			return kinds[i].kind;
		}
	}
	return DATA_DIR_PARTITION;
}

/* Name, kind, topic, partition; false when the name is not a partition directory's. */
static bool name_partition(struct data_partition *partition, const char *path)
{
	char topic[250] = "";
	const char *slash = strrchr(path, '/');
	*partition = (struct data_partition){.path = mem_dup_str(path), .partition = -1};
	partition->name = mem_dup_str(slash ? slash + 1 : path);
	char *plain = mem_dup_str(partition->name);
	partition->kind = take_kind(plain);
	bool known = partition_dir_parse(plain, topic, &partition->partition);
	partition->topic = mem_dup_str(known ? topic : "");
	mem_free(plain);
	return known;
}

enum weir_code data_partition_read(
	const char *path, struct data_partition *partition, struct weir_err *err)
{
	char *trimmed = mem_dup_str(path);
	for (size_t len = strlen(trimmed); len > 1 && trimmed[len - 1] == '/'; len--) {
		trimmed[len - 1] = '\0';
	}
	name_partition(partition, trimmed);
	mem_free(trimmed);
	enum weir_code code = fs_list_dir(partition->path, add_file, partition, err);
	if (code) {
		data_partition_fini(partition);
	}
	return code;
}

void data_partition_fini(struct data_partition *partition)
{
	for (size_t i = 0; i < partition->file_count; i++) {
		mem_free(partition->files[i].name);
	}
	mem_free(partition->files);
	mem_free(partition->topic);
	mem_free(partition->name);
	mem_free(partition->path);
	*partition = (struct data_partition){0};
}

struct listing {
	struct data_dir *dir;
	const char *path;
};

static enum weir_code add_partition(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct listing *list = arg;
	struct data_dir *dir = list->dir;
	struct data_partition partition;
	if (!is_dir) {
		return WEIR_OK;
	}
	char *path = mem_printf("%s/%s", list->path, name);
	bool known = name_partition(&partition, path);
	mem_free(path);
	enum weir_code code =
		known ? fs_list_dir(partition.path, add_file, &partition, err) : WEIR_OK;
	if (code || !known) {
		data_partition_fini(&partition);
		return code;
	}
	if (!(dir->count & (dir->count - 1))) {
		dir->partitions = mem_grow(
			dir->partitions, dir->count ? dir->count * 2 : 1, sizeof(*dir->partitions));
	}
	dir->partitions[dir->count++] = partition;
	return WEIR_OK;
}

static int partition_order(const void *a, const void *b)
{
	const struct data_partition *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);
	order = order ? order : (x->partition > y->partition) - (x->partition < y->partition);
	return order ? order : strcmp(x->name, y->name);
}

enum weir_code data_dir_read(const char *path, struct data_dir *dir, struct weir_err *err)
{
	struct listing list = {dir, path};
	*dir = (struct data_dir){0};
	enum weir_code code = fs_list_dir(path, add_partition, &list, err);
	if (code) {
		data_dir_fini(dir);
		return code;
	}
	if (dir->count) {
		qsort(dir->partitions, dir->count, sizeof(*dir->partitions), partition_order);
	}
	return WEIR_OK;
}

void data_dir_fini(struct data_dir *dir)
{
	for (size_t i = 0; i < dir->count; i++) {
		data_partition_fini(&dir->partitions[i]);
	}
	mem_free(dir->partitions);
	*dir = (struct data_dir){0};
}

const struct data_partition *data_dir_find(
	const struct data_dir *dir, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < dir->count; i++) {
		const struct data_partition *at = &dir->partitions[i];
		if (at->kind == DATA_DIR_PARTITION && at->partition == partition &&
			!strcmp(at->topic, topic)) {
			return at;
		}
	}
	return NULL;
}
