/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/state.h"

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/io/fs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 256 * 1024 * 1024 };

struct state_topic {
	char *name;
	struct uuid id;
	int64_t *offsets; /* by partition; -1: none */
	int32_t count;
};

struct part {
	char *path;
	int64_t len;
};

struct state {
	char *path;
	int lock_fd;
	bool is_new;
	struct state_topic *topics;
	size_t topic_count;
	struct part *parts;
	size_t part_count;
};

static struct state_topic *find(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->topic_count; i++) {
		if (strcmp(state->topics[i].name, name) == 0) {
			return &state->topics[i];
		}
	}
	return NULL;
}

static struct state_topic *add_topic(struct state *state, const char *name)
{
	state->topics = mem_grow(state->topics, state->topic_count + 1, sizeof(*state->topics));
	struct state_topic *topic = &state->topics[state->topic_count++];
	*topic = (struct state_topic){.name = mem_dup_str(name)};
	return topic;
}

enum weir_code state_topic(
	struct state *state, const char *topic, struct uuid id, struct weir_err *err)
{
	struct state_topic *known = find(state, topic);
	if (!known) {
		known = add_topic(state, topic);
	}
	if (uuid_is_zero(known->id)) {
		known->id = id;
	}
	if (!uuid_is_zero(id) && !uuid_equal(known->id, id)) {
		return err_set(err, WEIR_INCONSISTENT_TOPIC_ID,
			"%s: topic \"%s\" was deleted and created again since", state->path, topic);
	}
	return WEIR_OK;
}

int64_t state_offset(const struct state *state, const char *topic, int32_t partition)
{
	const struct state_topic *known = find(state, topic);
	return known && partition < known->count ? known->offsets[partition] : -1;
}

static void set_offset(struct state_topic *topic, int32_t partition, int64_t offset)
{
	if (partition >= topic->count) {
		topic->offsets =
			mem_grow(topic->offsets, (size_t)partition + 1, sizeof(*topic->offsets));
		while (topic->count <= partition) {
			topic->offsets[topic->count++] = -1;
		}
	}
	topic->offsets[partition] = offset;
}

void state_set_offset(struct state *state, const char *topic, int32_t partition, int64_t offset)
{
	set_offset(find(state, topic), partition, offset);
}

const char *state_part(const struct state *state, size_t i, int64_t *len)
{
	if (i >= state->part_count) {
		return NULL;
	}
	*len = state->parts[i].len;
	return state->parts[i].path;
}

static struct part *find_part(const struct state *state, const char *path)
{
	for (size_t i = 0; i < state->part_count; i++) {
		if (strcmp(state->parts[i].path, path) == 0) {
			return &state->parts[i];
		}
	}
	return NULL;
}

void state_set_part(struct state *state, const char *path, int64_t len)
{
	struct part *part = find_part(state, path);
	if (!part) {
		state->parts = mem_grow(state->parts, state->part_count + 1, sizeof(*state->parts));
		part = &state->parts[state->part_count++];
		part->path = mem_dup_str(path);
	}
	part->len = len;
}

void state_drop_part(struct state *state, const char *path)
{
	struct part *part = find_part(state, path);
	if (part) {
		mem_free(part->path);
		*part = state->parts[--state->part_count];
	}
}

static enum weir_code read_offsets(
	struct state_topic *topic, const struct json *offsets, struct weir_err *err)
{
	void *iter = NULL;
	const char *key;
	const struct json *value;
	while (json_next(offsets, &iter, &key, &value)) {
		int64_t partition, offset;
		enum weir_code code =
			number_i64(key, 0, LIMIT_PARTITIONS_PER_TOPIC, &partition, err);
		if (code == WEIR_OK) {
			code = json_as_i64(value, 0, INT64_MAX, &offset, err);
		}
		if (code != WEIR_OK) {
			return err_wrap(err, "topic \"%s\"", topic->name);
		}
		set_offset(topic, (int32_t)partition, offset);
	}
	return WEIR_OK;
}

static enum weir_code read_topics(
	struct state *state, const struct json *topics, struct weir_err *err)
{
	void *iter = NULL;
	const char *name;
	const struct json *value;
	while (json_next(topics, &iter, &name, &value)) {
		const char *id;
		const struct json *offsets;
		struct state_topic *topic = add_topic(state, name);
		enum weir_code code = json_get_text(value, "id", &id, err);
		if (code == WEIR_OK) {
			code = json_get_object(value, "offsets", &offsets, err);
		}
		if (code == WEIR_OK && !uuid_parse(slice_str(id), &topic->id)) {
			code = err_set(err, WEIR_BAD_DATA, "topic \"%s\": bad id", name);
		}
		if (code == WEIR_OK) {
			code = read_offsets(topic, offsets, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

static enum weir_code read_parts(
	struct state *state, const struct json *parts, struct weir_err *err)
{
	void *iter = NULL;
	const char *path;
	const struct json *value;
	while (json_next(parts, &iter, &path, &value)) {
		int64_t len;
		enum weir_code code = json_as_i64(value, 0, INT64_MAX, &len, err);
		if (code != WEIR_OK) {
			return err_wrap(err, "part \"%s\"", path);
		}
		state_set_part(state, path, len);
	}
	return WEIR_OK;
}

static enum weir_code read_state(struct state *state, struct slice text, struct weir_err *err)
{
	struct json *root = NULL;
	const struct json *topics, *parts;
	int64_t version;
	enum weir_code code = json_parse(text, FILE_MAX, &root, err);
	if (code == WEIR_OK) {
		code = json_get_i64(root, "version", 1, 1, &version, err);
	}
	if (code == WEIR_OK) {
		code = json_get_object(root, "topics", &topics, err);
	}
	if (code == WEIR_OK) {
		code = json_get_object(root, "parts", &parts, err);
	}
	if (code == WEIR_OK) {
		code = read_topics(state, topics, err);
	}
	if (code == WEIR_OK) {
		code = read_parts(state, parts, err);
	}
	json_free(&root);
	return code == WEIR_OK ? code
			       : err_set(err, WEIR_BAD_DATA, "%s: %s", state->path, err->text);
}

enum weir_code state_open(const char *path, bool lock, struct state **state, struct weir_err *err)
{
	struct state *s = mem_new(sizeof(*s));
	struct buf text;
	struct weir_err why;
	enum weir_code code = WEIR_OK;
	s->path = mem_dup_str(path);
	s->lock_fd = -1;
	buf_init(&text, 0);
	if (lock) {
		char *lock_path = mem_printf("%s.lock", path);
		code = fs_lock(lock_path, &s->lock_fd, &why);
		mem_free(lock_path);
	}
	if (code == WEIR_OK) {
		code = fs_read_file(path, FILE_MAX, &text, &why);
		s->is_new = code == WEIR_NOT_FOUND;
		code = s->is_new ? WEIR_OK : code;
	}
	if (code == WEIR_OK && !s->is_new) {
		code = read_state(s, slice_of(text.data, text.len), &why);
	}
	buf_fini(&text);
	if (code != WEIR_OK) {
		state_close(&s);
		*err = why;
		return code;
	}
	*state = s;
	return WEIR_OK;
}

void state_close(struct state **state)
{
	struct state *s = *state;
	if (!s) {
		return;
	}
	for (size_t i = 0; i < s->topic_count; i++) {
		mem_free(s->topics[i].name);
		mem_free(s->topics[i].offsets);
	}
	for (size_t i = 0; i < s->part_count; i++) {
		mem_free(s->parts[i].path);
	}
	mem_free(s->topics);
	mem_free(s->parts);
	mem_free(s->path);
	fs_close(&s->lock_fd);
	MEM_FREE(state);
}

bool state_is_new(const struct state *state)
{
	return state->is_new;
}

static void write_topic(struct json_writer *w, const struct state_topic *topic)
{
	char id[UUID_TEXT_LEN + 1], number[16];
	uuid_format(topic->id, id);
	json_write_key(w, topic->name);
	json_write_object(w);
	json_write_key(w, "id");
	json_write_str(w, id);
	json_write_key(w, "offsets");
	json_write_object(w);
	for (int32_t i = 0; i < topic->count; i++) {
		if (topic->offsets[i] >= 0) {
			snprintf(number, sizeof(number), "%" PRId32, i);
			json_write_key(w, number);
			json_write_i64(w, topic->offsets[i]);
		}
	}
	json_write_end(w);
	json_write_end(w);
}

enum weir_code state_save(const struct state *state, struct weir_err *err)
{
	struct json_writer w;
	struct buf text;
	buf_init(&text, 0);
	json_writer_init(&w, &text);
	json_write_object(&w);
	json_write_key(&w, "version");
	json_write_i64(&w, 1);
	json_write_key(&w, "topics");
	json_write_object(&w);
	for (size_t i = 0; i < state->topic_count; i++) {
		write_topic(&w, &state->topics[i]);
	}
	json_write_end(&w);
	json_write_key(&w, "parts");
	json_write_object(&w);
	for (size_t i = 0; i < state->part_count; i++) {
		json_write_key(&w, state->parts[i].path);
		json_write_i64(&w, state->parts[i].len);
	}
	json_write_end(&w);
	json_write_end(&w);
	buf_add_byte(&text, '\n');
	enum weir_code code =
		text.failed ? err_set(err, WEIR_NO_MEMORY, "no memory for %s", state->path)
			    : fs_replace_file(state->path, slice_of(text.data, text.len), err);
	buf_fini(&text);
	return code;
}
