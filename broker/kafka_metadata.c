/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/kafka_metadata.h"

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/record/record.h"
#include "core/store/segment.h"
#include "core/wire/reader.h"

#include <fcntl.h>
#include <stdlib.h>

#define METADATA_DIR "__cluster_metadata-0"

enum {
	FRAME_VERSION = 1,
	TOPIC_RECORD = 2,
	CONFIG_RECORD = 4,
	REMOVE_TOPIC_RECORD = 9,
	PRODUCER_IDS_RECORD = 15,
	RESOURCE_TOPIC = 2,
	EPOCH_DIGITS = 10,
};

struct reading {
	const char *dir;
	struct kafka_metadata *metadata;
	struct record_reader records;
	char *snapshot; /* name of the newest; NULL: none */
	int64_t from;	/* records below are in the snapshot */
	char **logs;
	size_t log_count;
};

/* --- topics --- */

static struct kafka_topic *find(struct kafka_metadata *metadata, struct slice name)
{
	for (size_t i = 0; i < metadata->count; i++) {
		if (slice_equal(slice_str(metadata->topics[i].name), name)) {
			return &metadata->topics[i];
		}
	}
	return NULL;
}

const struct kafka_topic *kafka_metadata_topic(
	const struct kafka_metadata *metadata, const char *name)
{
	for (size_t i = 0; i < metadata->count; i++) {
		if (!strcmp(metadata->topics[i].name, name)) {
			return &metadata->topics[i];
		}
	}
	return NULL;
}

static void drop(struct kafka_metadata *metadata, struct kafka_topic *topic)
{
	for (size_t i = 0; i < topic->config_count; i++) {
		mem_free(topic->configs[i].key);
		mem_free(topic->configs[i].value);
	}
	mem_free(topic->configs);
	mem_free(topic->name);
	*topic = metadata->topics[--metadata->count];
}

static void add_topic(struct kafka_metadata *metadata, struct slice name, struct uuid id)
{
	struct kafka_topic *former = find(metadata, name);
	if (former) {
		drop(metadata, former);
	}
	metadata->topics =
		mem_grow(metadata->topics, metadata->count + 1, sizeof(*metadata->topics));
	metadata->topics[metadata->count++] =
		(struct kafka_topic){.name = mem_dup(name.data, name.len), .id = id};
}

/* value.data NULL: the setting goes. */
static void set_config(struct kafka_topic *topic, struct slice key, struct slice value)
{
	size_t at = 0;
	while (at < topic->config_count && !slice_equal(slice_str(topic->configs[at].key), key)) {
		at++;
	}
	if (at < topic->config_count) {
		mem_free(topic->configs[at].key);
		mem_free(topic->configs[at].value);
		topic->configs[at] = topic->configs[--topic->config_count];
	}
	if (!value.data) {
		return;
	}
	topic->configs = mem_grow(topic->configs, topic->config_count + 1, sizeof(*topic->configs));
	topic->configs[topic->config_count++] =
		(struct image_config){mem_dup(key.data, key.len), mem_dup(value.data, value.len)};
}

static int config_order(const void *a, const void *b)
{
	const struct image_config *x = a, *y = b;
	return strcmp(x->key, y->key);
}

void kafka_metadata_fini(struct kafka_metadata *metadata)
{
	while (metadata->count) {
		drop(metadata, &metadata->topics[metadata->count - 1]);
	}
	MEM_FREE(&metadata->topics);
}

/* --- records --- */

static bool has_zero(struct slice text)
{
	return text.len && memchr(text.data, 0, text.len);
}

static void take_config(struct kafka_metadata *metadata, struct wire_reader *r)
{
	int8_t resource = wire_reader_i8(r);
	struct slice name = wire_reader_str(r, true, false);
	struct slice key = wire_reader_str(r, true, false);
	struct slice value = wire_reader_str(r, true, true);
	if (r->why || resource != RESOURCE_TOPIC || has_zero(name) || has_zero(key) ||
		has_zero(value)) {
		return;
	}
	struct kafka_topic *topic = find(metadata, name);
	if (topic) {
		set_config(topic, key, value);
	}
}

static void remove_topic(struct kafka_metadata *metadata, struct uuid id)
{
	for (size_t i = 0; i < metadata->count; i++) {
		if (uuid_equal(metadata->topics[i].id, id)) {
			drop(metadata, &metadata->topics[i]);
			return;
		}
	}
}

static struct uuid take_uuid(struct wire_reader *r)
{
	struct uuid id = {{0}};
	const uint8_t *p = wire_reader_take(r, sizeof(id.bytes));
	if (p) {
		memcpy(id.bytes, p, sizeof(id.bytes));
	}
	return id;
}

/* One record of the log: frame version, type, version, fields. Types that are not asked for are
 * many. */
static void take_record(struct kafka_metadata *metadata, struct slice value)
{
	struct wire_reader r;
	wire_reader_init(&r, value);
	uint32_t frame = wire_reader_uvarint(&r), type = wire_reader_uvarint(&r);
	uint32_t version = wire_reader_uvarint(&r);
	if (r.why || frame != FRAME_VERSION || version != 0) {
		return;
	}
	if (type == TOPIC_RECORD) {
		struct slice name = wire_reader_str(&r, true, false);
		struct uuid id = take_uuid(&r);
		if (!r.why && !has_zero(name)) {
			add_topic(metadata, name, id);
		}
	} else if (type == REMOVE_TOPIC_RECORD) {
		struct uuid id = take_uuid(&r);
		if (!r.why) {
			remove_topic(metadata, id);
		}
	} else if (type == CONFIG_RECORD) {
		take_config(metadata, &r);
	} else if (type == PRODUCER_IDS_RECORD) {
		(void)wire_reader_i32(&r);
		(void)wire_reader_i64(&r);
		int64_t next = wire_reader_i64(&r);
		if (!r.why && next > metadata->next_producer_id) {
			metadata->next_producer_id = next;
		}
	}
}

static enum weir_code take_batch(
	struct reading *reading, const struct batch *batch, struct weir_err *err)
{
	struct record record;
	bool got = true;
	enum weir_code code = batch_check_crc(batch, err);
	if (code || (batch->attributes & BATCH_CONTROL)) {
		return code;
	}
	code = record_reader_start(&reading->records, batch, err);
	while (!code) {
		code = record_reader_next(&reading->records, &record, &got, err);
		if (code || !got) {
			break;
		}
		if (record.offset >= reading->from && record.value.data) {
			take_record(reading->metadata, record.value);
		}
	}
	return code;
}

/* All batches of one file; from the first bad one on nothing is believed. */
static enum weir_code take_file(struct reading *reading, const char *name, struct weir_err *err)
{
	struct segment_reader reader;
	struct batch_head head;
	struct batch batch;
	struct weir_err inner;
	bool got = true;
	int64_t size;
	int fd;
	char *path = mem_printf("%s/%s", reading->dir, name);
	enum weir_code code = fs_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, err);
	if (code) {
		mem_free(path);
		return code;
	}
	code = fs_size(fd, path, &size, &inner);
	segment_reader_init(&reader, fd, path, 0, 0, code ? 0 : size);
	while (!code) {
		code = segment_reader_next(&reader, &head, &batch, &got, &inner);
		if (code || !got) {
			break;
		}
		code = take_batch(reading, &batch, &inner);
	}
	segment_reader_close(&reader);
	fs_close(&fd);
	if (code) {
		log_line(LOG_WARN, "%s: %s: settings of topics may be missing", path, inner.text);
	}
	mem_free(path);
	return WEIR_OK;
}

/* "<20 digits>-<10 digits>.checkpoint" */
static bool is_snapshot(const char *name, int64_t *offset)
{
	char digits[SEGMENT_NAME_DIGITS + 1];
	size_t len = strlen(name);
	if (len != (size_t)SEGMENT_NAME_DIGITS + 1 + EPOCH_DIGITS + strlen(".checkpoint") ||
		name[SEGMENT_NAME_DIGITS] != '-' ||
		strcmp(name + SEGMENT_NAME_DIGITS + 1 + EPOCH_DIGITS, ".checkpoint") != 0) {
		return false;
	}
	memcpy(digits, name, SEGMENT_NAME_DIGITS);
	digits[SEGMENT_NAME_DIGITS] = '\0';
	return segment_name_parse(digits, "", offset);
}

static enum weir_code see(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct reading *reading = arg;
	int64_t offset;
	(void)err;
	if (is_dir) {
		return WEIR_OK;
	}
	if (is_snapshot(name, &offset)) { /* names come in order: the last one is the newest */
		mem_free(reading->snapshot);
		reading->snapshot = mem_dup_str(name);
		reading->from = offset;
	} else if (segment_name_parse(name, ".log", &offset)) {
		reading->logs =
			mem_grow(reading->logs, reading->log_count + 1, sizeof(*reading->logs));
		reading->logs[reading->log_count++] = mem_dup_str(name);
	}
	return WEIR_OK;
}

static enum weir_code take_all(struct reading *reading, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	if (reading->snapshot) {
		/* Offsets in a snapshot count from 0. */
		int64_t from = reading->from;
		reading->from = 0;
		code = take_file(reading, reading->snapshot, err);
		reading->from = from;
	}
	for (size_t i = 0; i < reading->log_count && !code; i++) {
		code = take_file(reading, reading->logs[i], err);
	}
	return code;
}

enum weir_code kafka_metadata_read(
	const char *data_dir, struct kafka_metadata *metadata, struct weir_err *err)
{
	struct weir_err inner;
	char *dir = mem_printf("%s/" METADATA_DIR, data_dir);
	struct reading reading = {.dir = dir, .metadata = metadata};
	*metadata = (struct kafka_metadata){.next_producer_id = -1};
	enum weir_code code = fs_list_dir(dir, see, &reading, &inner);
	if (!code) {
		record_reader_init(&reading.records, LIMIT_DECOMPRESSED_DEFAULT);
		code = take_all(&reading, &inner);
		record_reader_fini(&reading.records);
	}
	for (size_t i = 0; i < metadata->count; i++) {
		struct kafka_topic *topic = &metadata->topics[i];
		if (topic->config_count) {
			qsort(topic->configs, topic->config_count, sizeof(*topic->configs),
				config_order);
		}
	}
	for (size_t i = 0; i < reading.log_count; i++) {
		mem_free(reading.logs[i]);
	}
	mem_free(reading.logs);
	mem_free(reading.snapshot);
	mem_free(dir);
	if (code && code != WEIR_NOT_FOUND) {
		*err = inner;
		kafka_metadata_fini(metadata);
		return code;
	}
	return WEIR_OK;
}
