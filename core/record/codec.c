/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/record/codec.h"

#include "core/record/codec_priv.h"

static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
_Static_assert(sizeof(names) / sizeof(names[0]) == CODEC_COUNT, "one name a codec");

const char *codec_name(enum codec codec)
{
	return (unsigned)codec < CODEC_COUNT ? names[codec] : "unknown";
}

bool codec_find(const char *name, enum codec *codec)
{
	for (int i = 0; i < CODEC_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*codec = (enum codec)i;
			return true;
		}
	}
	return false;
}

enum weir_code codec_room_exact(struct buf *out, size_t len, struct weir_err *err)
{
	if (out->cap && len > out->cap - out->len) {
		return err_set(err, WEIR_TOO_LARGE,
			"%zu bytes more than %zu: the limit is %zu bytes", len, out->len, out->cap);
	}
	if (!buf_reserve(out, len)) {
		out->failed = false;
		return err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes", len);
	}
	return WEIR_OK;
}

enum weir_code codec_room_make(
	struct codec_room *room, struct buf *out, size_t first, struct weir_err *err)
{
	size_t left = out->cap ? out->cap - out->len : SIZE_MAX / 8;
	if (!left) {
		room->data = &room->spill;
		room->len = 1;
		return WEIR_OK;
	}
	if (out->room == out->len) {
		size_t want = out->len > first ? out->len : first + 1;
		enum weir_code code = codec_room_exact(out, want < left ? want : left, err);
		if (code) {
			return code;
		}
	}
	room->data = out->data + out->len;
	room->len = out->room - out->len < left ? out->room - out->len : left;
	return WEIR_OK;
}

enum weir_code codec_room_filled(
	const struct codec_room *room, struct buf *out, size_t len, struct weir_err *err)
{
	if (room->data == &room->spill) {
		return len ? err_set(err, WEIR_TOO_LARGE, "more than the limit of %zu bytes",
				     out->cap)
			   : WEIR_OK;
	}
	out->len += len;
	return WEIR_OK;
}

static enum weir_code copy(struct slice in, struct buf *out, struct weir_err *err)
{
	enum weir_code code = codec_room_exact(out, in.len, err);
	if (!code) {
		buf_add(out, in.data, in.len);
	}
	return code;
}

enum weir_code codec_pack(
	enum codec codec, int level, struct slice in, struct buf *out, struct weir_err *err)
{
	static const uint8_t nothing;
	size_t start = out->len;
	enum weir_code code;
	if (!in.data) {
		in.data = &nothing;
	}
	switch (codec) {
	case CODEC_NONE:
		return copy(in, out, err);
	case CODEC_GZIP:
		code = codec_gzip_pack(level, in, out, err);
		break;
	case CODEC_SNAPPY:
		code = codec_snappy_pack(in, out, err);
		break;
	case CODEC_LZ4:
		code = codec_lz4_pack(level, in, out, err);
		break;
	case CODEC_ZSTD:
		code = codec_zstd_pack(level, in, out, err);
		break;
	default:
		return err_set(
			err, WEIR_UNSUPPORTED_COMPRESSION_TYPE, "no codec has number %d", codec);
	}
	if (code) {
		out->len = start;
	}
	return code;
}

enum weir_code codec_unpack(
	enum codec codec, struct slice in, struct buf *out, struct weir_err *err)
{
	size_t start = out->len;
	enum weir_code code;
	if (codec != CODEC_NONE && !in.len) {
		return (unsigned)codec < CODEC_COUNT
			       ? err_set(err, WEIR_CORRUPT_MESSAGE, "%s data are empty",
					 names[codec])
			       : err_set(err, WEIR_UNSUPPORTED_COMPRESSION_TYPE,
					 "no codec has number %d", codec);
	}
	switch (codec) {
	case CODEC_NONE:
		return copy(in, out, err);
	case CODEC_GZIP:
		code = codec_gzip_unpack(in, out, err);
		break;
	case CODEC_SNAPPY:
		code = codec_snappy_unpack(in, out, err);
		break;
	case CODEC_LZ4:
		code = codec_lz4_unpack(in, false, out, err);
		break;
	case CODEC_ZSTD:
		code = codec_zstd_unpack(in, out, err);
		break;
	default:
		return err_set(
			err, WEIR_UNSUPPORTED_COMPRESSION_TYPE, "no codec has number %d", codec);
	}
	if (code) {
		out->len = start;
	}
	return code;
}
