/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/checkpoint.h"

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/lines_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CHECKPOINT_BYTES_MAX = 256 * 1024 * 1024, /* a million partitions of the longest names */
	SMALL_FILE_BYTES_MAX = 64 * 1024,
};

static int entry_order(const void *a, const void *b)
{
	const struct checkpoint_entry *x = a, *y = b;
	int by_topic = strcmp(x->topic, y->topic);
	return by_topic ? by_topic : (x->partition > y->partition) - (x->partition < y->partition);
}

static void push(struct checkpoint *checkpoint, char *topic, int32_t partition, int64_t offset)
{
	/* Room is a power of two, found from the count: no field for it in the public struct. */
	if (!(checkpoint->count & (checkpoint->count - 1))) {
		checkpoint->entries =
			mem_grow(checkpoint->entries, checkpoint->count ? checkpoint->count * 2 : 1,
				sizeof(*checkpoint->entries));
	}
	checkpoint->entries[checkpoint->count++] =
		(struct checkpoint_entry){topic, partition, offset};
}

static enum weir_code read_entry(void *arg, struct slice line, struct weir_err *err)
{
	struct slice topic;
	int64_t partition, offset;
	if (!lines_take_word(&line, &topic) || !lines_take_i64(&line, &partition) ||
		!lines_take_i64(&line, &offset) || line.len || partition < 0 ||
		partition > INT32_MAX || offset < 0 || topic.len > LIMIT_TOPIC_NAME_LEN ||
		memchr(topic.data, 0, topic.len)) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "not \"topic partition offset\"");
	}
	push(arg, mem_dup(topic.data, topic.len), (int32_t)partition, offset);
	return WEIR_OK;
}

enum weir_code checkpoint_read(
	const char *path, struct checkpoint *checkpoint, struct weir_err *err)
{
	*checkpoint = (struct checkpoint){0};
	enum weir_code code =
		lines_read_checkpoint(path, CHECKPOINT_BYTES_MAX, read_entry, checkpoint, err);
	if (checkpoint->count) {
		qsort(checkpoint->entries, checkpoint->count, sizeof(*checkpoint->entries),
			entry_order);
	}
	for (size_t i = 1; !code && i < checkpoint->count; i++) {
		if (!entry_order(&checkpoint->entries[i - 1], &checkpoint->entries[i])) {
			code = err_set(err, WEIR_LOCAL_CORRUPT, "%s: %s-%d is there twice", path,
				checkpoint->entries[i].topic, checkpoint->entries[i].partition);
		}
	}
	if (code) {
		checkpoint_fini(checkpoint);
	}
	return code;
}

void checkpoint_fini(struct checkpoint *checkpoint)
{
	for (size_t i = 0; i < checkpoint->count; i++) {
		mem_free(checkpoint->entries[i].topic);
	}
	mem_free(checkpoint->entries);
	*checkpoint = (struct checkpoint){0};
}

/* Index of the entry, or of the first one after it. */
static size_t place_of(
	const struct checkpoint *checkpoint, const char *topic, int32_t partition, bool *there)
{
	size_t low = 0, high = checkpoint->count;
	struct checkpoint_entry wanted = {.partition = partition};
	wanted.topic = (char *)(uintptr_t)topic; /* only read */
	*there = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = entry_order(&checkpoint->entries[mid], &wanted);
		if (order == 0) {
			*there = true;
			return mid;
		}
		if (order < 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

int64_t checkpoint_find(const struct checkpoint *checkpoint, const char *topic, int32_t partition)
{
	bool there;
	size_t at = place_of(checkpoint, topic, partition, &there);
	return there ? checkpoint->entries[at].offset : -1;
}

void checkpoint_add(
	struct checkpoint *checkpoint, const char *topic, int32_t partition, int64_t offset)
{
	bool there;
	size_t at = place_of(checkpoint, topic, partition, &there);
	if (there) {
		checkpoint->entries[at].offset = offset;
		return;
	}
	push(checkpoint, mem_dup_str(topic), partition, offset);
	struct checkpoint_entry added = checkpoint->entries[checkpoint->count - 1];
	memmove(checkpoint->entries + at + 1, checkpoint->entries + at,
		(checkpoint->count - 1 - at) * sizeof(added));
	checkpoint->entries[at] = added;
}

/* Replaces path by text and empties it. */
static enum weir_code replace(const char *path, struct buf *text, struct weir_err *err)
{
	enum weir_code code = text->failed
				      ? err_set(err, WEIR_NO_MEMORY, "no memory for %s", path)
				      : fs_replace_file(path, slice_of(text->data, text->len), err);
	buf_fini(text);
	return code;
}

enum weir_code checkpoint_write(
	const char *path, struct checkpoint *checkpoint, struct weir_err *err)
{
	struct buf text;
	buf_init(&text, 0);
	buf_printf(&text, "0\n%zu\n", checkpoint->count);
	for (size_t i = 0; i < checkpoint->count; i++) {
		const struct checkpoint_entry *entry = &checkpoint->entries[i];
		buf_printf(&text, "%s %d %lld\n", entry->topic, entry->partition,
			(long long)entry->offset);
	}
	return replace(path, &text, err);
}

static bool take_prefix(struct slice *line, const char *prefix)
{
	size_t len = strlen(prefix);
	if (line->len < len || memcmp(line->data, prefix, len) != 0) {
		return false;
	}
	*line = slice_of(line->data + len, line->len - len);
	return true;
}

enum weir_code partition_metadata_read(const char *dir, struct uuid *topic_id, struct weir_err *err)
{
	char *path = mem_printf("%s/partition.metadata", dir);
	struct buf text;
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, SMALL_FILE_BYTES_MAX, &text, err);
	if (!code) {
		struct slice rest = slice_of(text.data, text.len), line;
		if (!lines_next(&rest, &line) || !slice_equal(line, slice_str("version: 0"))) {
			code = err_set(
				err, WEIR_LOCAL_CORRUPT, "%s: line 1 is not \"version: 0\"", path);
		} else if (!lines_next(&rest, &line) || !take_prefix(&line, "topic_id: ") ||
			   !uuid_parse(line, topic_id)) {
			code = err_set(
				err, WEIR_LOCAL_CORRUPT, "%s: line 2 is no \"topic_id: \"", path);
		}
	}
	buf_fini(&text);
	mem_free(path);
	return code;
}

enum weir_code partition_metadata_write(const char *dir, struct uuid topic_id, struct weir_err *err)
{
	char *path = mem_printf("%s/partition.metadata", dir);
	char id[UUID_TEXT_LEN + 1];
	struct buf text;
	uuid_format(topic_id, id);
	buf_init(&text, 0);
	buf_printf(&text, "version: 0\ntopic_id: %s", id);
	enum weir_code code = replace(path, &text, err);
	mem_free(path);
	return code;
}

static enum weir_code properties_parse(
	const char *path, struct slice rest, struct meta_properties *props, struct weir_err *err)
{
	struct slice line;
	int64_t version = -1, node_id = -1;
	bool cluster = false;
	*props = (struct meta_properties){.node_id = -1};
	while (lines_next(&rest, &line)) {
		if (!line.len || line.data[0] == '#') {
			continue;
		}
		bool good = true;
		if (take_prefix(&line, "version=")) {
			good = lines_take_i64(&line, &version) && !line.len;
		} else if (take_prefix(&line, "node.id=") || take_prefix(&line, "broker.id=")) {
			good = lines_take_i64(&line, &node_id) && !line.len && node_id >= 0 &&
			       node_id <= INT32_MAX;
		} else if (take_prefix(&line, "directory.id=")) {
			good = uuid_parse(line, &props->directory_id);
		} else if (take_prefix(&line, "cluster.id=")) {
			good = cluster = line.len && line.len < sizeof(props->cluster_id) &&
					 !memchr(line.data, 0, line.len);
			if (good) {
				memcpy(props->cluster_id, line.data, line.len);
				props->cluster_id[line.len] = '\0';
			}
		}
		if (!good) {
			return err_set(err, WEIR_LOCAL_CORRUPT, "%s: a value cannot be read", path);
		}
	}
	if (version != 0 && version != 1) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "%s: version %lld is not known", path,
			(long long)version);
	}
	if (!cluster || node_id < 0) {
		return err_set(
			err, WEIR_LOCAL_CORRUPT, "%s: cluster.id or node.id is missing", path);
	}
	props->node_id = (int32_t)node_id;
	return WEIR_OK;
}

enum weir_code meta_properties_read(
	const char *dir, struct meta_properties *props, struct weir_err *err)
{
	char *path = mem_printf("%s/meta.properties", dir);
	struct buf text;
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, SMALL_FILE_BYTES_MAX, &text, err);
	if (!code) {
		code = properties_parse(path, slice_of(text.data, text.len), props, err);
	}
	buf_fini(&text);
	mem_free(path);
	return code;
}

enum weir_code meta_properties_write(
	const char *dir, const struct meta_properties *props, struct weir_err *err)
{
	char *path = mem_printf("%s/meta.properties", dir);
	char id[UUID_TEXT_LEN + 1];
	struct buf text;
	uuid_format(props->directory_id, id);
	buf_init(&text, 0);
	buf_printf(
		&text, "version=1\ncluster.id=%s\nnode.id=%d\n", props->cluster_id, props->node_id);
	if (!uuid_is_zero(props->directory_id)) {
		buf_printf(&text, "directory.id=%s\n", id);
	}
	enum weir_code code = replace(path, &text, err);
	mem_free(path);
	return code;
}

enum weir_code clean_shutdown_take(const char *dir, bool *clean, struct weir_err *err)
{
	char *path = mem_printf("%s/.kafka_cleanshutdown", dir);
	struct buf text;
	struct weir_err inner;
	buf_init(&text, 0);
	enum weir_code code = fs_read_file(path, SMALL_FILE_BYTES_MAX, &text, &inner);
	bool there = code == WEIR_OK;
	if (code == WEIR_NOT_FOUND) {
		code = WEIR_OK;
	} else if (code && err) {
		*err = inner;
	}
	if (there) {
		code = fs_unlink(path, err);
		code = code ? code : fs_sync_dir(dir, err);
	}
	if (!code) {
		*clean = there;
	}
	buf_fini(&text);
	mem_free(path);
	return code;
}

enum weir_code clean_shutdown_write(const char *dir, struct weir_err *err)
{
	char *path = mem_printf("%s/.kafka_cleanshutdown", dir);
	struct buf text;
	buf_init(&text, 0);
	buf_add_str(&text, "{\"version\":0,\"brokerEpoch\":-1}");
	enum weir_code code = replace(path, &text, err);
	mem_free(path);
	return code;
}

bool partition_dir_parse(const char *name, char topic[250], int32_t *partition)
{
	const char *dash = strrchr(name, '-');
	if (!dash || dash == name || dash - name > LIMIT_TOPIC_NAME_LEN || !dash[1]) {
		return false;
	}
	int64_t number = 0;
	for (const char *p = dash + 1; *p; p++) {
		if (*p < '0' || *p > '9' || (*p == '0' && p == dash + 1 && p[1])) {
			return false;
		}
		number = number * 10 + (*p - '0');
		if (number > INT32_MAX) {
			return false;
		}
	}
	for (const char *p = name; p < dash; p++) {
		bool legal = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || *p == '.' || *p == '_' || *p == '-';
		if (!legal) {
			return false;
		}
	}
	size_t len = (size_t)(dash - name);
	memcpy(topic, name, len);
	topic[len] = '\0';
	*partition = (int32_t)number;
	return strcmp(topic, ".") && strcmp(topic, "..");
}
