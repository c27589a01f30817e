/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines are slices of one buffer, which moves only when more is read: nothing is copied or
 * allocated for a record.
 */
#include "cli/produce_input.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/record/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

struct input {
	struct input_conf conf;
	size_t next_file;
	const char *name; /* of the file that is open */
	int fd;		  /* -1: none is open */
	bool at_eof;
	int64_t number; /* of the record in its file, from 1 */
	struct buf in;
	size_t pos;		     /* of the record in in */
	size_t seen;		     /* bytes from pos on without a delimiter */
	int64_t file_pos, batch_pos; /* of batches: bytes taken; where the last began */
	struct format_reader *reader;
	struct buf key, value; /* decoded ones */
};

struct input *input_new(const struct input_conf *conf)
{
	struct input *input = mem_new(sizeof(*input));
	input->conf = *conf;
	input->fd = -1;
	buf_init(&input->key, 0);
	buf_init(&input->value, 0);
	buf_init(&input->in, (size_t)LIMIT_FRAME_DEFAULT + 2 * CHUNK);
	return input;
}

static void close_file(struct input *input)
{
	format_reader_free(&input->reader);
	if (input->fd > STDIN_FILENO) {
		close(input->fd);
	}
	input->fd = -1;
}

void input_free(struct input **input)
{
	if (*input) {
		close_file(*input);
		buf_fini(&(*input)->in);
		buf_fini(&(*input)->key);
		buf_fini(&(*input)->value);
		MEM_FREE(input);
	}
}

static enum weir_code reader_idle(void *arg, struct weir_err *err)
{
	struct input *input = arg;
	return input->conf.idle(input->conf.idle_arg, input->fd, err);
}

/* Opens the next file; fd stays -1 after the last. */
static enum weir_code open_next(struct input *input, struct weir_err *err)
{
	const struct input_conf *conf = &input->conf;
	size_t count = conf->file_count ? conf->file_count : 1;
	if (input->next_file == count) {
		return WEIR_OK;
	}
	const char *path = conf->file_count ? conf->files[input->next_file] : "-";
	bool standard = strcmp(path, "-") == 0;
	input->next_file++;
	input->name = standard ? "standard input" : path;
	input->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0) {
		bool missing = errno == ENOENT || errno == ENOTDIR;
		return missing ? err_set(err, WEIR_NOT_FOUND, "%s: no such file", path)
			       : err_sys(err, errno, "%s: cannot open", path);
	}
	input->at_eof = false;
	input->number = 0;
	input->file_pos = input->batch_pos = 0;
	input->pos = input->seen = 0;
	buf_reset(&input->in);
	if (!conf->format) {
		return WEIR_OK;
	}
	struct format_reader_conf reader_conf = {.empty_is_null = conf->empty_is_null,
		.null_text = conf->null_text,
		.envelope = {.json_values = conf->json_values},
		.record_max = (size_t)LIMIT_FRAME_DEFAULT,
		.idle = conf->idle ? reader_idle : NULL,
		.idle_arg = input};
	return format_reader_new(
		conf->format, input->fd, input->name, &reader_conf, &input->reader, err);
}

/* Reads on into the buffer; at_eof when there is no more. */
static enum weir_code fill(struct input *input, struct weir_err *err)
{
	struct pollfd ready = {.fd = input->fd, .events = POLLIN};
	if (input->conf.idle && poll(&ready, 1, 0) == 0) {
		enum weir_code code = input->conf.idle(input->conf.idle_arg, input->fd, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	if (input->pos) {
		buf_drop(&input->in, input->pos);
		input->pos = 0;
	}
	size_t limit = (size_t)LIMIT_FRAME_DEFAULT;
	if (input->in.len > limit || !buf_reserve(&input->in, CHUNK)) {
		return err_set(err, WEIR_TOO_LARGE, "%s: record %" PRId64 ": larger than %zu bytes",
			input->name, input->number + 1, limit);
	}
	ssize_t n;
	do {
		n = read(input->fd, input->in.data + input->in.len, CHUNK);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return err_sys(err, errno, "%s: cannot read", input->name);
	}
	input->at_eof = n == 0;
	input->in.len += (size_t)n;
	return WEIR_OK;
}

static const uint8_t *find(struct slice in, struct slice what)
{
	return what.len == 1 ? memchr(in.data, what.data[0], in.len)
			     : memmem(in.data, in.len, what.data, what.len);
}

/* The bytes up to the next delimiter, which is passed over. */
static enum weir_code next_line(
	struct input *input, struct slice *line, bool *got, struct weir_err *err)
{
	struct slice delim = input->conf.delim;
	for (;;) {
		const uint8_t *start = input->in.data + input->pos;
		size_t have = input->in.len - input->pos;
		const uint8_t *hit = NULL;
		if (have > input->seen) {
			hit = find(slice_of(start + input->seen, have - input->seen), delim);
		}
		if (hit || (input->at_eof && have)) {
			size_t len = hit ? (size_t)(hit - start) : have;
			*line = slice_of(start, len);
			*got = true;
			input->pos += hit ? len + delim.len : len;
			input->seen = 0;
			return WEIR_OK;
		}
		if (input->at_eof) {
			*got = false;
			return WEIR_OK;
		}
		input->seen = have >= delim.len ? have - delim.len + 1 : 0;
		enum weir_code code = fill(input, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
}

/* The whole file; *got false the second time. */
static enum weir_code next_whole(
	struct input *input, struct slice *all, bool *got, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	*got = !input->at_eof;
	while (code == WEIR_OK && !input->at_eof) {
		code = fill(input, err);
	}
	*all = slice_of(input->in.len ? (const void *)input->in.data : "", input->in.len);
	return code;
}

/* Makes len bytes be there, unless the file ends before. */
static enum weir_code need(struct input *input, size_t len, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && input->in.len - input->pos < len && !input->at_eof) {
		code = fill(input, err);
	}
	return code;
}

static enum weir_code next_batch(
	struct input *input, struct slice *batch, bool *got, struct weir_err *err)
{
	size_t size = BATCH_PEEK_BYTES, have;
	*got = false;
	enum weir_code code = need(input, size, err);
	have = input->in.len - input->pos;
	if (code != WEIR_OK || !have) {
		return code;
	}
	input->batch_pos = input->file_pos;
	if (have >= size) {
		struct weir_err why;
		if (batch_peek(slice_of(input->in.data + input->pos, have), &size, &why) !=
			WEIR_OK) {
			return err_set(err, WEIR_BAD_DATA, "%s: no batch at byte %" PRId64 ": %s",
				input->name, input->batch_pos, why.text);
		}
		code = need(input, size, err);
		have = input->in.len - input->pos;
	}
	if (code == WEIR_OK && have < size) {
		return err_set(err, WEIR_BAD_DATA, "%s: ends inside the batch at byte %" PRId64,
			input->name, input->batch_pos);
	}
	if (code == WEIR_OK) {
		*batch = slice_of(input->in.data + input->pos, size);
		*got = true;
		input->pos += size;
		input->file_pos += (int64_t)size;
	}
	return code;
}

static struct slice nullable(const struct input *input, struct slice text)
{
	const struct input_conf *conf = &input->conf;
	bool null = (conf->empty_is_null && !text.len) ||
		    (conf->null_text && slice_equal(text, slice_str(conf->null_text)));
	return null ? slice_of(NULL, 0) : text;
}

/* *text as the bytes that it stands for. */
static enum weir_code decode(struct input *input, const char *what, struct buf *room,
	struct slice *text, struct weir_err *err)
{
	enum encoding encoding = input->conf.encoding;
	if (encoding == ENCODING_TEXT || !text->data) {
		return WEIR_OK;
	}
	buf_reset(room);
	if (!encoding_take(encoding, room, *text)) {
		return err_set(err, WEIR_BAD_DATA, "%s: record %" PRId64 ": %s is not %s",
			input->name, input->number, what, encoding_names[encoding]);
	}
	*text = slice_of(room->len ? (const void *)room->data : "", room->len);
	return WEIR_OK;
}

static enum weir_code row_from_line(
	struct input *input, struct slice line, struct row *row, struct weir_err *err)
{
	struct slice delim = input->conf.key_delim;
	const uint8_t *hit = delim.data && line.len ? find(line, delim) : NULL;
	if (hit) {
		size_t len = (size_t)(hit - line.data);
		row->key = nullable(input, slice_of(line.data, len));
		line = slice_of(hit + delim.len, line.len - len - delim.len);
	}
	row->value = nullable(input, line);
	enum weir_code code = decode(input, "key", &input->key, &row->key, err);
	return code == WEIR_OK ? decode(input, "value", &input->value, &row->value, err) : code;
}

static enum weir_code next_of_file(
	struct input *input, struct row *row, bool *got, struct weir_err *err)
{
	if (input->reader) {
		return format_read(input->reader, row, got, err);
	}
	struct slice text;
	enum weir_code code = input->conf.whole ? next_whole(input, &text, got, err)
						: next_line(input, &text, got, err);
	if (code == WEIR_OK && *got) {
		*row = row_none;
		input->number++;
		code = row_from_line(input, text, row, err);
	}
	return code;
}

/* row NULL: batch is wanted. */
static enum weir_code next(
	struct input *input, struct row *row, struct slice *batch, bool *got, struct weir_err *err)
{
	*got = false;
	for (;;) {
		enum weir_code code = WEIR_OK;
		if (input->fd < 0) {
			code = open_next(input, err);
		}
		if (code != WEIR_OK || input->fd < 0) {
			return code;
		}
		code = row ? next_of_file(input, row, got, err)
			   : next_batch(input, batch, got, err);
		if (code != WEIR_OK || *got) {
			return code;
		}
		close_file(input);
	}
}

enum weir_code input_skip(struct input *input, struct weir_err *err)
{
	return input->reader ? format_skip(input->reader, err) : WEIR_OK;
}

enum weir_code input_next(struct input *input, struct row *row, bool *got, struct weir_err *err)
{
	return next(input, row, NULL, got, err);
}

enum weir_code input_next_batch(
	struct input *input, struct slice *batch, bool *got, struct weir_err *err)
{
	return next(input, NULL, batch, got, err);
}

const char *input_place(const struct input *input, int64_t *pos)
{
	*pos = input->batch_pos;
	return input->name;
}
