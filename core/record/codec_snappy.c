/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snappy: one raw block, or Java's framing (xerial):
 *
 *   82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | least reader's version i32 | (length i32 | raw
 * block)...
 */
#include "core/record/codec_priv.h"

#include <snappy-c.h>

enum {
	XERIAL_MAGIC_BYTES = 8,
	XERIAL_HEADER_BYTES = 16,
	XERIAL_BLOCK_BYTES = 32 * 1024, /* as Java cuts its data */
	/* A copy element of 3 bytes gives 64 bytes at most; a greater claim is a lie. */
	RATIO_MAX = 22,
};

static const uint8_t xerial_header[XERIAL_HEADER_BYTES] = {
	0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};

enum weir_code codec_snappy_pack(struct slice in, struct buf *out, struct weir_err *err)
{
	enum weir_code code = codec_room_exact(out, XERIAL_HEADER_BYTES, err);
	if (code) {
		return code;
	}
	buf_add(out, xerial_header, XERIAL_HEADER_BYTES);
	while (in.len) {
		size_t part = in.len < XERIAL_BLOCK_BYTES ? in.len : XERIAL_BLOCK_BYTES;
		size_t room = snappy_max_compressed_length(part);
		code = codec_room_exact(out, room + 4, err);
		if (code) {
			return code;
		}
		uint8_t *p = out->data + out->len;
		if (snappy_compress((const char *)in.data, part, (char *)p + 4, &room) !=
			SNAPPY_OK) {
			return err_set(err, WEIR_BUG, "snappy refuses to pack %zu bytes", part);
		}
		be32_put(p, (uint32_t)room);
		out->len += room + 4;
		in = slice_of(in.data + part, in.len - part);
	}
	return WEIR_OK;
}

static enum weir_code unpack_block(struct slice in, struct buf *out, struct weir_err *err)
{
	size_t len;
	if (snappy_uncompressed_length((const char *)in.data, in.len, &len) != SNAPPY_OK ||
		len / RATIO_MAX > in.len) {
		return err_set(
			err, WEIR_CORRUPT_MESSAGE, "snappy block of %zu bytes: bad length", in.len);
	}
	enum weir_code code = len ? codec_room_exact(out, len, err) : WEIR_OK;
	if (code) {
		return code;
	}
	char none;
	char *to = len ? (char *)out->data + out->len : &none;
	if (snappy_uncompress((const char *)in.data, in.len, to, &len) != SNAPPY_OK) {
		return err_set(
			err, WEIR_CORRUPT_MESSAGE, "snappy block of %zu bytes is corrupt", in.len);
	}
	out->len += len;
	return WEIR_OK;
}

static bool at_header(struct slice in)
{
	return in.len >= XERIAL_HEADER_BYTES && !memcmp(in.data, xerial_header, XERIAL_MAGIC_BYTES);
}

enum weir_code codec_snappy_unpack(struct slice in, struct buf *out, struct weir_err *err)
{
	if (!at_header(in)) {
		return unpack_block(in, out, err);
	}
	while (in.len) {
		if (at_header(in)) { /* streams may follow one another */
			in = slice_of(in.data + XERIAL_HEADER_BYTES, in.len - XERIAL_HEADER_BYTES);
			continue;
		}
		size_t len = in.len < 4 ? 0 : be32_get(in.data);
		if (in.len < 4 || len > in.len - 4) {
			return err_set(err, WEIR_CORRUPT_MESSAGE,
				"snappy frame is cut: block of %zu bytes, %zu are left", len,
				in.len);
		}
		enum weir_code code = unpack_block(slice_of(in.data + 4, len), out, err);
		if (code) {
			return code;
		}
		in = slice_of(in.data + 4 + len, in.len - 4 - len);
	}
	return WEIR_OK;
}
