/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A scratch directory, batches, and short forms of the log's calls for the tests of core/store. */
#pragma once

#include "tests/unit/test.h"

#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/record/record.h"
#include "core/store/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scratch {
	char root[64];
	char dir[80]; /* a partition's */
};

/* In memory where that can be had: thousands of fsyncs are done here. */
static inline void scratch_make(struct scratch *scratch)
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(scratch->root, sizeof(scratch->root), "%s/weir-store-XXXXXX", parent);
	assert_non_null(mkdtemp(scratch->root));
	snprintf(scratch->dir, sizeof(scratch->dir), "%s/t-0", scratch->root);
}

static inline void scratch_drop(struct scratch *scratch)
{
	struct weir_err err;
	assert_ok(fs_remove_tree(scratch->root, &err));
}

/* Records of one batch: value is "v<first + i>", timestamps first_ts + i * step. */
struct made {
	int count;
	int64_t first_ts, step;
	int first;
	size_t pad; /* bytes more in each value */
	enum codec codec;
};

static inline void make_batch(const struct made *made, struct buf *out)
{
	struct weir_err err;
	struct batch_builder builder;
	batch_builder_init(&builder, made->codec, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	for (int i = 0; i < made->count; i++) {
		char *value = mem_printf("v%d%*s", made->first + i, (int)made->pad, "");
		assert_ok(batch_builder_add(&builder, made->first_ts + i * made->step,
			slice_of(NULL, 0), slice_str(value), NULL, 0, &err));
		mem_free(value);
	}
	assert_ok(batch_builder_finish(&builder, -1, -1, -1, 0, out, &err));
	batch_builder_fini(&builder);
}

/* A batch of count records whose values are named after the offsets that they will get. */
static inline enum weir_code append_made(
	struct log *log, struct made made, int32_t epoch, struct weir_err *err)
{
	struct buf bytes;
	struct log_appended appended;
	buf_init(&bytes, 0);
	made.first = (int)log_end_offset(log);
	make_batch(&made, &bytes);
	enum weir_code code = log_append(log, bytes.data, bytes.len, epoch, &appended, err);
	if (!code) {
		assert_int_equal(appended.base_offset, made.first);
		assert_int_equal(appended.last_offset, made.first + made.count - 1);
	}
	buf_fini(&bytes);
	return code;
}

static inline struct log *open_log(const char *dir, const struct log_conf *conf, bool clean,
	int64_t recovery_point, int64_t log_start)
{
	struct weir_err err;
	struct log *log;
	struct log_start start = {
		.log_start_offset = log_start, .recovery_point = recovery_point, .clean = clean};
	assert_ok(log_open(dir, conf, &start, &log, &err));
	return log;
}

static inline void close_log(struct log *log)
{
	struct weir_err err;
	assert_ok(log_close(&log, &err));
	assert_null(log);
}

/* As a crash does: the process goes, what it wrote stays. Reopen with clean = false. */
static inline void abandon_log(struct log *log)
{
	struct weir_err err;
	char *moved = NULL;
	char *dir = mem_dup_str(log_dir(log));
	assert_ok(log_delete(&log, &moved, &err));
	assert_int_equal(rename(moved, dir), 0);
	mem_free(moved);
	mem_free(dir);
}

/*
 * Reads from offset to end and checks every record: offsets rise, the value says its own offset.
 * Gives the offset after the last one read; stops at an error, which goes to *code.
 */
static inline int64_t read_all(struct log *log, int64_t offset, int64_t end, enum weir_code *code)
{
	struct weir_err err;
	struct record_reader records;
	record_reader_init(&records, 1 << 24);
	*code = WEIR_OK;
	while (!*code && offset < end) {
		struct log_span span;
		*code = log_read(log, offset, end, 4096, true, &span, &err);
		if (*code || !span.len) {
			break;
		}
		uint8_t *bytes = mem_new(span.len);
		*code = log_span_copy(&span, bytes, &err);
		for (size_t at = 0; !*code && at < span.len;) {
			struct batch batch;
			struct record record;
			bool got = true;
			if (batch_parse(slice_of(bytes + at, span.len - at), &batch, &err)) {
				assert_true(at > 0); /* the last one may be cut */
				break;
			}
			assert_ok(batch_check_crc(&batch, &err));
			assert_ok(record_reader_start(&records, &batch, &err));
			while (got) {
				assert_ok(record_reader_next(&records, &record, &got, &err));
				if (got && record.offset >= offset) {
					char wanted[24];
					int n = snprintf(wanted, sizeof(wanted), "v%lld",
						(long long)record.offset);
					assert_int_equal(record.offset, offset);
					assert_true(record.value.len >= (size_t)n);
					assert_memory_equal(record.value.data, wanted, (size_t)n);
					offset = record.offset + 1;
				}
			}
			at += batch.bytes.len;
		}
		mem_free(bytes);
		log_span_release(&span);
	}
	record_reader_fini(&records);
	return offset;
}

static inline void check_all(struct log *log, int64_t from, int64_t end)
{
	enum weir_code code;
	assert_int_equal(read_all(log, from, end, &code), end);
	assert_int_equal(code, WEIR_OK);
}
