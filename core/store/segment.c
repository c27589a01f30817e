/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/segment.h"

#include "core/base/mem.h"
#include "core/io/fs.h"

#include <fcntl.h>

enum {
	WINDOW_BYTES = 64 * 1024,
	HEAD_WINDOW_BYTES =
		SEGMENT_WINDOW_BYTES, /* a walk over heads reads no more than it may need */
	RESYNC_BYTES = 1024 * 1024,
	MAGIC_POS = 16,
	ATTRIBUTES_POS = 21,
	LAST_DELTA_POS = 23,
	MAX_TIMESTAMP_POS = 35,
	PRODUCER_ID_POS = 43,
	PRODUCER_EPOCH_POS = 51,
	BASE_SEQUENCE_POS = 53,
	RECORD_COUNT_POS = 57,
	LEGACY_TIMESTAMP_POS = 18,
};

bool segment_name_parse(const char *name, const char *suffix, int64_t *base_offset)
{
	int64_t v = 0;
	for (int i = 0; i < SEGMENT_NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, name[i] - '0', &v)) {
			return false;
		}
	}
	if (strcmp(name + SEGMENT_NAME_DIGITS, suffix) != 0) {
		return false;
	}
	*base_offset = v;
	return true;
}

enum weir_code segment_reader_open(
	struct segment_reader *reader, const char *path, struct weir_err *err)
{
	const char *slash = strrchr(path, '/');
	int64_t base_offset;
	int fd;
	if (!segment_name_parse(slash ? slash + 1 : path, ".log", &base_offset)) {
		return err_set(err, WEIR_LOCAL_CORRUPT,
			"%s: a segment's name is 20 digits and \".log\"", path);
	}
	enum weir_code code = fs_open(path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (code) {
		return code;
	}
	struct stat st;
	int got = fs_ops()->fstat(fd, &st);
	if (got < 0) {
		code = err_sys(err, -got, "stat %s", path);
	} else if (!S_ISREG(st.st_mode)) {
		code = err_set(err, WEIR_LOCAL_CORRUPT, "%s is no regular file", path);
	}
	if (code) {
		fs_close(&fd);
		return code;
	}
	segment_reader_init(reader, fd, path, base_offset, 0, st.st_size);
	reader->owns_fd = true;
	return WEIR_OK;
}

void segment_reader_init(struct segment_reader *reader, int fd, const char *path,
	int64_t base_offset, int64_t pos, int64_t end)
{
	/* Field by field: small need not be zeroed. */
	reader->path = path;
	reader->fd = fd;
	reader->owns_fd = false;
	reader->base_offset = base_offset;
	reader->pos = reader->window_pos = pos;
	reader->end = end;
	reader->window = reader->small;
	reader->window_len = 0;
	buf_init(&reader->large, 0);
}

void segment_reader_close(struct segment_reader *reader)
{
	if (reader->owns_fd) {
		fs_close(&reader->fd);
	}
	buf_fini(&reader->large);
}

/* Brings [pos, pos + len) into the window, reading up to ahead bytes; the caller checked end. */
static enum weir_code window_fill(struct segment_reader *reader, int64_t pos, size_t len,
	size_t ahead, const uint8_t **bytes, struct weir_err *err)
{
	int64_t have = reader->window_pos + (int64_t)reader->window_len;
	if (pos < reader->window_pos || pos + (int64_t)len > have) {
		size_t want = len > ahead ? len : ahead;
		if (reader->end - pos < (int64_t)want) {
			want = (size_t)(reader->end - pos);
		}
		uint8_t *to = reader->small;
		reader->window_len = 0;
		if (want > sizeof(reader->small)) {
			buf_reset(&reader->large);
			if (!buf_reserve(&reader->large, want)) {
				return err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes of %s",
					want, reader->path);
			}
			to = reader->large.data;
		}
		enum weir_code code = fs_read_at(reader->fd, reader->path, to, want, pos, err);
		if (code) {
			return code;
		}
		reader->window = to;
		reader->window_len = want;
		reader->window_pos = pos;
	}
	*bytes = reader->window + (pos - reader->window_pos);
	return WEIR_OK;
}

static enum weir_code corrupt(
	const struct segment_reader *reader, const char *what, struct weir_err *err)
{
	return err_set(err, WEIR_CORRUPT_MESSAGE, "%s at byte %lld: %s", reader->path,
		(long long)reader->pos, what);
}

/* Fills head from p (len bytes, at least BATCH_PEEK_BYTES); size is known to be right for the
 * magic. */
static bool head_fill(const uint8_t *p, struct batch_head *head)
{
	head->magic = (int8_t)p[MAGIC_POS];
	head->base_offset = (int64_t)be64_get(p);
	head->last_offset = head->base_offset;
	head->leader_epoch = -1;
	head->max_timestamp = -1;
	head->attributes = 0;
	head->producer_id = head->producer_epoch = -1;
	head->base_sequence = -1;
	if (head->base_offset < 0) {
		return false;
	}
	if (head->magic < 2) {
		if (head->magic == 1) {
			head->max_timestamp = (int64_t)be64_get(p + LEGACY_TIMESTAMP_POS);
		}
		return true;
	}
	int32_t delta = (int32_t)be32_get(p + LAST_DELTA_POS);
	head->leader_epoch = (int32_t)be32_get(p + BATCH_PREFIX_BYTES);
	head->max_timestamp = (int64_t)be64_get(p + MAX_TIMESTAMP_POS);
	head->attributes = (int16_t)be16_get(p + ATTRIBUTES_POS);
	head->producer_id = (int64_t)be64_get(p + PRODUCER_ID_POS);
	head->producer_epoch = (int16_t)be16_get(p + PRODUCER_EPOCH_POS);
	head->base_sequence = (int32_t)be32_get(p + BASE_SEQUENCE_POS);
	return delta >= 0 && head->leader_epoch >= -1 &&
	       !__builtin_add_overflow(head->base_offset, delta, &head->last_offset) &&
	       head->last_offset < INT64_MAX;
}

/* head_bytes: what to have in the window of the batch (0: all of it). */
static enum weir_code read_head(struct segment_reader *reader, struct batch_head *head, bool whole,
	const uint8_t **bytes, struct weir_err *err)
{
	int64_t left = reader->end - reader->pos;
	size_t ahead = whole ? WINDOW_BYTES : HEAD_WINDOW_BYTES;
	if (left < BATCH_PEEK_BYTES) {
		return corrupt(reader, "the file ends inside a batch header", err);
	}
	enum weir_code code = window_fill(reader, reader->pos, BATCH_PEEK_BYTES, ahead, bytes, err);
	if (code) {
		return code;
	}
	struct weir_err inner;
	if (batch_peek(slice_of(*bytes, BATCH_PEEK_BYTES), &head->size, &inner)) {
		return corrupt(reader, inner.text, err);
	}
	if ((int64_t)head->size > left) {
		return corrupt(reader, "the batch reaches beyond the end of the file", err);
	}
	size_t need = whole || head->size < BATCH_HEADER_BYTES ? head->size : BATCH_HEADER_BYTES;
	code = window_fill(reader, reader->pos, need, ahead, bytes, err);
	if (code) {
		return code;
	}
	head->pos = reader->pos;
	if (!head_fill(*bytes, head)) {
		return corrupt(reader, "the offsets in the batch header make no sense", err);
	}
	return WEIR_OK;
}

enum weir_code segment_reader_head(
	struct segment_reader *reader, struct batch_head *head, bool *got, struct weir_err *err)
{
	const uint8_t *bytes;
	*got = false;
	if (reader->pos >= reader->end) {
		return WEIR_OK;
	}
	enum weir_code code = read_head(reader, head, false, &bytes, err);
	if (!code) {
		reader->pos += (int64_t)head->size;
		*got = true;
	}
	return code;
}

enum weir_code segment_reader_next(struct segment_reader *reader, struct batch_head *head,
	struct batch *batch, bool *got, struct weir_err *err)
{
	const uint8_t *bytes;
	*got = false;
	if (reader->pos >= reader->end) {
		return WEIR_OK;
	}
	enum weir_code code = read_head(reader, head, true, &bytes, err);
	if (code) {
		return code;
	}
	struct weir_err inner;
	if (batch_parse(slice_of(bytes, head->size), batch, &inner)) {
		return corrupt(reader, inner.text, err);
	}
	if (batch->magic < 2) {
		head->base_offset = batch->base_offset;
		head->last_offset = batch_last_offset(batch);
		head->max_timestamp = batch->max_timestamp;
	}
	reader->pos += (int64_t)head->size;
	*got = true;
	return WEIR_OK;
}

/* True when a whole batch with a right CRC stands at pos; base_offset is set then. */
static enum weir_code batch_stands_at(struct segment_reader *reader, int64_t pos, int64_t least,
	int64_t limit, bool *stands, int64_t *base_offset, struct weir_err *err)
{
	struct segment_reader probe;
	struct batch_head head;
	struct batch batch;
	struct weir_err inner;
	bool got;
	segment_reader_init(
		&probe, reader->fd, reader->path, reader->base_offset, pos, reader->end);
	enum weir_code code = segment_reader_next(&probe, &head, &batch, &got, &inner);
	*stands = !code && got && head.magic == 2 && head.base_offset >= least &&
		  head.last_offset < limit && batch_check_crc(&batch, &inner) == WEIR_OK;
	if (*stands) {
		*base_offset = head.base_offset;
	}
	segment_reader_close(&probe);
	if (code && code != WEIR_CORRUPT_MESSAGE) {
		if (err) {
			*err = inner;
		}
		return code;
	}
	return WEIR_OK;
}

/*
 * Where the bad batch at pos says that it ends, if a good one stands there that goes on at the
 * offset that the bad one leads to: then its length is not what is bad. Else pos.
 */
static enum weir_code trust_length(struct segment_reader *reader, int64_t least_offset,
	int64_t offset_limit, struct weir_err *err)
{
	size_t size;
	bool stands = false;
	int64_t base_offset;
	const uint8_t *p;
	if (reader->end - reader->pos < BATCH_HEADER_BYTES) {
		return WEIR_OK;
	}
	enum weir_code code =
		window_fill(reader, reader->pos, BATCH_HEADER_BYTES, RESYNC_BYTES, &p, err);
	if (code || batch_peek(slice_of(p, BATCH_PEEK_BYTES), &size, NULL) ||
		(int64_t)size >= reader->end - reader->pos) {
		return code;
	}
	uint64_t base = be64_get(p);
	uint64_t by_delta = base + be32_get(p + LAST_DELTA_POS) + 1;
	uint64_t by_count = base + be32_get(p + RECORD_COUNT_POS);
	int64_t next = reader->pos + (int64_t)size;
	code = batch_stands_at(
		reader, next, least_offset, offset_limit, &stands, &base_offset, err);
	if (stands && ((uint64_t)base_offset == by_delta || (uint64_t)base_offset == by_count)) {
		reader->pos = next;
	}
	return code;
}

enum weir_code segment_reader_resync(struct segment_reader *reader, int64_t least_offset,
	int64_t offset_limit, struct weir_err *err)
{
	int64_t begin = reader->pos;
	enum weir_code code = trust_length(reader, least_offset, offset_limit, err);
	if (code || reader->pos != begin) {
		return code;
	}
	for (int64_t pos = begin + 1; pos + BATCH_HEADER_BYTES <= reader->end; pos++) {
		const uint8_t *p;
		code = window_fill(reader, pos, BATCH_HEADER_BYTES, RESYNC_BYTES, &p, err);
		if (code) {
			return code;
		}
		int64_t base = (int64_t)be64_get(p);
		int32_t length = (int32_t)be32_get(p + BATCH_LENGTH_POS);
		if (p[MAGIC_POS] != 2 || base < least_offset || base >= offset_limit ||
			length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES ||
			length > reader->end - pos - BATCH_PREFIX_BYTES) {
			continue;
		}
		bool stands = false;
		code = batch_stands_at(
			reader, pos, least_offset, offset_limit, &stands, &base, err);
		if (code) {
			return code;
		}
		if (stands) {
			reader->pos = pos;
			return WEIR_OK;
		}
	}
	reader->pos = reader->end;
	return WEIR_OK;
}

enum weir_code segment_reader_zero_tail(
	struct segment_reader *reader, bool *zero, struct weir_err *err)
{
	*zero = false;
	for (int64_t pos = reader->pos; pos < reader->end;) {
		int64_t len = reader->end - pos < WINDOW_BYTES ? reader->end - pos : WINDOW_BYTES;
		const uint8_t *p;
		enum weir_code code = window_fill(reader, pos, (size_t)len, WINDOW_BYTES, &p, err);
		if (code) {
			return code;
		}
		for (int64_t i = 0; i < len; i++) {
			if (p[i]) {
				return WEIR_OK;
			}
		}
		pos += len;
	}
	*zero = true;
	return WEIR_OK;
}
