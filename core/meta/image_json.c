/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of the metadata store:
 *
 *      cluster/id                  {"id":"<22 characters>"}
 *      topic/<name>                {"id":"<22 characters>","partitions":3}
 *      name/<name, '.' as '_'>     {"topic":"<name>"}      one topic a folded name
 *      partition/<topic id>/<n>    {"leader":1,"leader_epoch":0,"partition_epoch":0,
 *                                   "replicas":[1],"isr":[1]}
 *      config/topic/<name>/<key>, config/broker/<id or default>/<key>   {"value":"<text>"}
 *      producer/next-id            {"next":1000}
 *
 * Members that are not known are ignored, so that a later version may add some.
 */
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/meta/image_priv.h"

static enum weir_code row_parse(struct slice text, struct json **root, struct weir_err *err)
{
	enum weir_code code = json_parse(text, META_VALUE_LEN_MAX, root, err);
	if (!code && json_kind_of(*root) != JSON_KIND_OBJECT) {
		json_free(root);
		code = err_set(err, WEIR_BAD_DATA, "row is no JSON object");
	}
	return code;
}

static enum weir_code get_i32(
	const struct json *root, const char *key, int32_t min, int32_t *out, struct weir_err *err)
{
	int64_t number = 0;
	enum weir_code code = json_get_i64(root, key, min, INT32_MAX, &number, err);
	if (!code) {
		*out = (int32_t)number;
	}
	return code;
}

static enum weir_code get_nodes(const struct json *root, const char *key,
	int32_t nodes[IMAGE_REPLICAS_MAX], int32_t *count, struct weir_err *err)
{
	const struct json *list = NULL;
	enum weir_code code = json_get_array(root, key, &list, err);
	if (code) {
		return code;
	}
	size_t n = json_count(list);
	if (n > IMAGE_REPLICAS_MAX) {
		return err_set(err, WEIR_BAD_DATA, "\"%s\" has %zu nodes, limit %d", key, n,
			IMAGE_REPLICAS_MAX);
	}
	for (size_t i = 0; i < n; i++) {
		int64_t node = 0;
		code = json_as_i64(json_item(list, i), 0, INT32_MAX, &node, err);
		if (code) {
			return code;
		}
		nodes[i] = (int32_t)node;
	}
	*count = (int32_t)n;
	return WEIR_OK;
}

static void put_nodes(
	struct json_writer *writer, const char *key, const int32_t *nodes, int32_t count)
{
	json_write_key(writer, key);
	json_write_array(writer);
	for (int32_t i = 0; i < count; i++) {
		json_write_i64(writer, nodes[i]);
	}
	json_write_end(writer);
}

void image_topic_row_encode(struct buf *out, const struct image_topic_row *row)
{
	char id[UUID_TEXT_LEN + 1];
	uuid_format(row->id, id);
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_object(&writer);
	json_write_key(&writer, "id");
	json_write_str(&writer, id);
	json_write_key(&writer, "partitions");
	json_write_i64(&writer, row->partition_count);
	json_write_end(&writer);
}

enum weir_code image_topic_row_decode(
	struct slice text, struct image_topic_row *row, struct weir_err *err)
{
	struct json *root = NULL;
	const char *id = NULL;
	int64_t count = 0;
	struct image_topic_row out = {0};
	enum weir_code code = row_parse(text, &root, err);
	if (!code) {
		code = json_get_text(root, "id", &id, err);
	}
	if (!code && (!uuid_parse(slice_str(id), &out.id) || uuid_is_zero(out.id))) {
		code = err_set(err, WEIR_BAD_DATA, "\"id\" is no topic id");
	}
	if (!code) {
		code = json_get_i64(root, "partitions", 1, LIMIT_PARTITIONS_PER_TOPIC, &count, err);
	}
	if (!code) {
		out.partition_count = (int32_t)count;
		*row = out;
	}
	json_free(&root);
	return code;
}

void image_partition_row_encode(struct buf *out, const struct image_partition *row)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_object(&writer);
	json_write_key(&writer, "leader");
	json_write_i64(&writer, row->leader);
	json_write_key(&writer, "leader_epoch");
	json_write_i64(&writer, row->leader_epoch);
	json_write_key(&writer, "partition_epoch");
	json_write_i64(&writer, row->partition_epoch);
	put_nodes(&writer, "replicas", row->replicas, row->replica_count);
	put_nodes(&writer, "isr", row->isr, row->isr_count);
	json_write_end(&writer);
}

enum weir_code image_partition_row_decode(
	struct slice text, struct image_partition *row, struct weir_err *err)
{
	struct json *root = NULL;
	struct image_partition out = {0};
	enum weir_code code = row_parse(text, &root, err);
	if (!code) {
		code = get_i32(root, "leader", -1, &out.leader, err);
	}
	if (!code) {
		code = get_i32(root, "leader_epoch", 0, &out.leader_epoch, err);
	}
	if (!code) {
		code = get_i32(root, "partition_epoch", 0, &out.partition_epoch, err);
	}
	if (!code) {
		code = get_nodes(root, "replicas", out.replicas, &out.replica_count, err);
	}
	if (!code) {
		code = get_nodes(root, "isr", out.isr, &out.isr_count, err);
	}
	if (!code) {
		*row = out;
	}
	json_free(&root);
	return code;
}

void image_text_row_encode(struct buf *out, const char *member, const char *value)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_object(&writer);
	json_write_key(&writer, member);
	json_write_str(&writer, value);
	json_write_end(&writer);
}

enum weir_code image_text_row_decode(
	struct slice text, const char *member, char **value, struct weir_err *err)
{
	struct json *root = NULL;
	const char *found = NULL;
	enum weir_code code = row_parse(text, &root, err);
	if (!code) {
		code = json_get_text(root, member, &found, err);
	}
	if (!code) {
		*value = mem_dup_str(found);
	}
	json_free(&root);
	return code;
}

void image_number_row_encode(struct buf *out, const char *member, int64_t value)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_object(&writer);
	json_write_key(&writer, member);
	json_write_i64(&writer, value);
	json_write_end(&writer);
}

enum weir_code image_number_row_decode(
	struct slice text, const char *member, int64_t *value, struct weir_err *err)
{
	struct json *root = NULL;
	enum weir_code code = row_parse(text, &root, err);
	if (!code) {
		code = json_get_i64(root, member, 0, INT64_MAX, value, err);
	}
	json_free(&root);
	return code;
}
