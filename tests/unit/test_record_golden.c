/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every batch and record of segments that Apache Kafka wrote, against what Kafka read from them.
 *
 * test_record_golden [TREE]: a tree has data/PARTITION and expected/PARTITION/log.jsonl.gz, with
 * keys and values in read_uncommitted.jsonl (or .gz). Without TREE: tests/data/record/golden.
 */
#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/record/record.h"
#include "tests/unit/sha256.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static const char *tree;
static struct weir_err err;

/* One partition on the way. */
struct run {
	char name[300], file[64]; /* partition, segment */
	struct buf bytes;	  /* of the segment */
	size_t pos;
	struct batch batch;
	bool in_batch;
	struct record_reader reader;
	json_t *seen; /* what the consumer saw, by offset */
	json_t *now;  /* the line of log.jsonl */
	long batches, records;
};

#define CHECK(run, cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			char *line = json_dumps((run)->now, 0);                                    \
			fail_msg("%s/%s: %s: %s", (run)->name, (run)->file, #cond, line);          \
		}                                                                                  \
	} while (0)

static void whole_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		fail_msg("%s: cannot be opened", path);
		return;
	}
	buf_reset(out);
	size_t n;
	do {
		assert_true(buf_reserve(out, 65536));
		n = fread(out->data + out->len, 1, 65536, file);
		out->len += n;
	} while (n);
	fclose(file);
}

static int64_t number(const struct run *run, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	CHECK(run, json_is_integer(value));
	return json_integer_value(value);
}

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	return (int)(strchr(digits, c) - digits);
}

/* bytes are what value says: base64, null, or size and sum of a long one. */
static void check_bytes(const struct run *run, json_t *value, struct slice bytes)
{
	CHECK(run, value);
	if (json_is_null(value)) {
		CHECK(run, !bytes.data);
		return;
	}
	CHECK(run, bytes.data);
	if (json_is_object(value)) {
		char sum[SHA256_TEXT_LEN + 1];
		CHECK(run, number(run, value, "size") == (int64_t)bytes.len);
		sha256_text(bytes, sum);
		CHECK(run, !strcmp(sum, json_string_value(json_object_get(value, "sha256"))));
		return;
	}
	const char *text = json_string_value(value);
	size_t at = 0;
	for (; *text; text += 4) {
		int bits = digit(text[0]) << 18 | digit(text[1]) << 12;
		int count = text[2] == '=' ? 1 : text[3] == '=' ? 2 : 3;
		bits |= (count > 1 ? digit(text[2]) : 0) << 6 | (count > 2 ? digit(text[3]) : 0);
		for (int i = 0; i < count; i++) {
			CHECK(run, at < bytes.len);
			CHECK(run, bytes.data[at++] == (uint8_t)(bits >> (16 - 8 * i)));
		}
	}
	CHECK(run, at == bytes.len);
}

static void check_batch_end(struct run *run)
{
	struct record record;
	bool got = false;
	if (run->in_batch) {
		assert_ok(record_reader_next(&run->reader, &record, &got, &err));
		CHECK(run, !got);
		run->in_batch = false;
	}
}

/* Moves on to the segment that a line names. */
static void open_segment(struct run *run, const char *file)
{
	if (!strcmp(run->file, file)) {
		return;
	}
	char path[900];
	assert_int_equal(run->pos, run->bytes.len);
	snprintf(run->file, sizeof(run->file), "%s", file);
	snprintf(path, sizeof(path), "%s/data/%s/%s", tree, run->name, file);
	whole_file(path, &run->bytes);
	run->pos = 0;
}

static void check_batch(struct run *run)
{
	check_batch_end(run);
	json_t *now = run->now;
	open_segment(run, json_string_value(json_object_get(now, "file")));
	CHECK(run, number(run, now, "position") == (int64_t)run->pos);
	struct slice rest = slice_of(run->bytes.data + run->pos, run->bytes.len - run->pos);
	assert_ok(batch_parse(rest, &run->batch, &err));
	assert_ok(batch_check_crc(&run->batch, &err));
	const struct batch *batch = &run->batch;
	CHECK(run, number(run, now, "size") == (int64_t)batch->bytes.len);
	CHECK(run, number(run, now, "baseOffset") == batch->base_offset);
	CHECK(run, number(run, now, "lastOffset") == batch_last_offset(batch));
	CHECK(run, number(run, now, "count") == batch->record_count);
	CHECK(run, number(run, now, "leaderEpoch") == batch->leader_epoch);
	CHECK(run, number(run, now, "magic") == batch->magic);
	CHECK(run, number(run, now, "crc") == batch->crc);
	CHECK(run, number(run, now, "attributes") == batch->attributes);
	CHECK(run, number(run, now, "maxTimestamp") == batch->max_timestamp);
	CHECK(run, number(run, now, "producerId") == batch->producer_id);
	CHECK(run, number(run, now, "producerEpoch") == batch->producer_epoch);
	CHECK(run, number(run, now, "baseSequence") == batch->base_sequence);
	CHECK(run, !strcmp(json_string_value(json_object_get(now, "codec")),
			   codec_name(batch_codec(batch))));
	bool horizon = batch->attributes & BATCH_DELETE_HORIZON;
	CHECK(run, json_is_null(json_object_get(now, "deleteHorizonMs")) == !horizon);
	const char *base = horizon ? "deleteHorizonMs" : "baseTimestamp";
	CHECK(run, number(run, now, base) == batch->base_timestamp);
	assert_ok(record_reader_start(&run->reader, batch, &err));
	run->in_batch = true;
	run->pos += batch->bytes.len;
	run->batches++;
}

static void check_record(struct run *run)
{
	struct record record;
	struct record_header header;
	bool got;
	assert_ok(record_reader_next(&run->reader, &record, &got, &err));
	CHECK(run, got);
	CHECK(run, number(run, run->now, "offset") == record.offset);
	CHECK(run, number(run, run->now, "timestamp") == record.timestamp);
	json_t *content = run->now;
	if (!json_object_get(content, "headers")) {
		char key[32];
		snprintf(key, sizeof(key), "%lld", (long long)record.offset);
		content = json_object_get(run->seen, key);
		CHECK(run, content);
		CHECK(run, number(run, content, "timestamp") == record.timestamp);
	}
	check_bytes(run, json_object_get(content, "key"), record.key);
	check_bytes(run, json_object_get(content, "value"), record.value);
	json_t *headers = json_object_get(content, "headers");
	CHECK(run, json_array_size(headers) == (size_t)record.header_count);
	struct slice rest = record.headers;
	for (size_t i = 0; i < json_array_size(headers); i++) {
		json_t *pair = json_array_get(headers, i);
		json_t *name = json_array_get(pair, 0);
		CHECK(run, record_header_next(&rest, &header));
		CHECK(run, slice_equal(header.key,
				   slice_of(json_string_value(name), json_string_length(name))));
		check_bytes(run, json_array_get(pair, 1), header.value);
	}
	CHECK(run, !record_header_next(&rest, &header));
	run->records++;
}

static void check_zeros(struct run *run)
{
	check_batch_end(run);
	open_segment(run, json_string_value(json_object_get(run->now, "file")));
	for (; run->pos < run->bytes.len; run->pos++) {
		CHECK(run, run->bytes.data[run->pos] == 0);
	}
}

static json_t *next_line(gzFile file)
{
	static char line[1 << 20];
	if (!file || !gzgets(file, line, sizeof(line))) {
		return NULL;
	}
	json_error_t error;
	json_t *object = json_loads(line, JSON_ALLOW_NUL, &error);
	if (!object) {
		fail_msg("%s: %.300s", error.text, line);
	}
	return object;
}

static void load_seen(struct run *run)
{
	char path[900];
	int n = snprintf(
		path, sizeof(path), "%s/expected/%s/read_uncommitted.jsonl.gz", tree, run->name);
	gzFile file = gzopen(path, "rb");
	if (!file) {
		path[n - 3] = '\0';
		file = gzopen(path, "rb");
	}
	run->seen = json_object();
	for (json_t *line; (line = next_line(file));) {
		char key[32];
		snprintf(key, sizeof(key), "%lld", (long long)number(run, line, "offset"));
		json_object_set_new(run->seen, key, line);
	}
	if (file) {
		gzclose(file);
	}
}

static bool check_partition(const char *name, long *batches, long *records)
{
	char path[900];
	struct run run = {0};
	snprintf(run.name, sizeof(run.name), "%s", name);
	snprintf(path, sizeof(path), "%s/expected/%s/log.jsonl.gz", tree, name);
	gzFile file = gzopen(path, "rb");
	if (!file) {
		return false;
	}
	record_reader_init(&run.reader, 64 << 20);
	load_seen(&run);
	while ((run.now = next_line(file))) {
		const char *type = json_string_value(json_object_get(run.now, "type"));
		if (!strcmp(type, "batch")) {
			check_batch(&run);
		} else if (!strcmp(type, "record")) {
			check_record(&run);
		} else {
			check_zeros(&run);
		}
		json_decref(run.now);
	}
	check_batch_end(&run);
	assert_int_equal(run.pos, run.bytes.len);
	*batches += run.batches;
	*records += run.records;
	json_decref(run.seen);
	record_reader_fini(&run.reader);
	buf_fini(&run.bytes);
	gzclose(file);
	return true;
}

static void reads_what_kafka_read(void **state)
{
	(void)state;
	char path[900];
	long partitions = 0, batches = 0, records = 0;
	snprintf(path, sizeof(path), "%s/expected", tree);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.') {
			partitions += check_partition(entry->d_name, &batches, &records);
		}
	}
	closedir(dir);
	print_message("%ld partitions, %ld batches, %ld records\n", partitions, batches, records);
	assert_true(partitions >= 6 && batches > 100 && records > 200);
}

int main(int argc, char **argv)
{
	char path[512];
	const char *top = getenv("top_srcdir");
	snprintf(path, sizeof(path), "%s/tests/data/record/golden", top ? top : ".");
	tree = argc > 1 ? argv[1] : path;
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_kafka_read)};
	return RUN(tests);
}
