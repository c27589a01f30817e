/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LZ4 frames: magic u32 (little-endian 184D2204) | flags | block descriptor | [content size 8
 * bytes] | [dictionary id 4 bytes] | header checksum | blocks.
 */
#include "core/record/codec_priv.h"

#include <lz4frame.h>
#include <pthread.h>

enum {
	MAGIC_BYTES = 4,
	FLAGS_POS = 4,
	BLOCK_POS = 5,
	FLAG_DICTIONARY = 0x01,
	FLAG_CONTENT_SIZE = 0x08,
	HEADER_BYTES_MAX = 19,
};

enum weir_code codec_lz4_pack(int level, struct slice in, struct buf *out, struct weir_err *err)
{
	const LZ4F_preferences_t prefs = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
		.compressionLevel = level == CODEC_LEVEL_DEFAULT ? 0 : level,
	};
	size_t room = LZ4F_compressFrameBound(in.len, &prefs);
	if (!buf_reserve(out, room)) {
		out->failed = false;
		return out->cap && room > out->cap - out->len
			       ? err_set(err, WEIR_TOO_LARGE, "lz4 needs %zu bytes of room", room)
			       : err_set(err, WEIR_NO_MEMORY, "no memory for %zu bytes", room);
	}
	size_t len = LZ4F_compressFrame(out->data + out->len, room, in.data, in.len, &prefs);
	if (LZ4F_isError(len)) {
		return err_set(err, WEIR_NO_MEMORY, "lz4: %s", LZ4F_getErrorName(len));
	}
	out->len += len;
	return WEIR_OK;
}

static uint32_t le32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t turn(uint32_t v, int bits)
{
	return v << bits | v >> (32 - bits);
}

/* The checksum byte of a header: second byte of XXH32 (seed 0) of len < 16 bytes. */
static uint8_t header_sum(const uint8_t *p, size_t len)
{
	uint32_t h = 374761393u + (uint32_t)len;
	for (; len >= 4; p += 4, len -= 4) {
		h = turn(h + le32_get(p) * 3266489917u, 17) * 668265263u;
	}
	for (; len; p++, len--) {
		h = turn(h + *p * 374761393u, 11) * 2654435761u;
	}
	h = (h ^ h >> 15) * 2246822519u;
	h = (h ^ h >> 13) * 3266489917u;
	return (uint8_t)((h ^ h >> 16) >> 8);
}

/* Feeds the header with its checksum put right; *in then begins after it. */
static bool feed_header(LZ4F_dctx *dctx, struct slice *in)
{
	uint8_t header[HEADER_BYTES_MAX];
	if (in->len < 7) {
		return false;
	}
	uint8_t flags = in->data[FLAGS_POS];
	size_t len = 6u + (flags & FLAG_CONTENT_SIZE ? 8 : 0) + (flags & FLAG_DICTIONARY ? 4 : 0);
	if (in->len <= len) {
		return false;
	}
	memcpy(header, in->data, len);
	header[len] = header_sum(header + MAGIC_BYTES, len - MAGIC_BYTES);
	size_t read = len + 1, written = 0;
	size_t hint = LZ4F_decompress(dctx, NULL, &written, header, &read, NULL);
	if (LZ4F_isError(hint) || read != len + 1) {
		return false;
	}
	*in = slice_of(in->data + read, in->len - read);
	return true;
}

static enum weir_code unpack_frame(
	LZ4F_dctx *dctx, struct slice in, struct buf *out, struct weir_err *err)
{
	size_t first = in.len < SIZE_MAX / 16 ? in.len * 4 : in.len;
	struct codec_room room;
	for (;;) {
		enum weir_code code = codec_room_make(&room, out, first, err);
		if (code) {
			return code;
		}
		size_t read = in.len, written = room.len;
		size_t hint = LZ4F_decompress(dctx, room.data, &written, in.data, &read, NULL);
		if (LZ4F_isError(hint)) {
			return err_set(err, WEIR_CORRUPT_MESSAGE, "lz4 data are corrupt: %s",
				LZ4F_getErrorName(hint));
		}
		in = slice_of(in.data + read, in.len - read);
		code = codec_room_filled(&room, out, written, err);
		if (code) {
			return code;
		}
		if (!hint) {
			return in.len ? err_set(err, WEIR_CORRUPT_MESSAGE,
						"%zu bytes after the lz4 frame", in.len)
				      : WEIR_OK;
		}
		if (!in.len && written < room.len) {
			return err_set(err, WEIR_CORRUPT_MESSAGE, "lz4 data are cut short");
		}
	}
}

/* A context keeps buffers of its frames' block size, so each thread keeps one until it ends. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void free_context(void *context)
{
	LZ4F_freeDecompressionContext(context);
}

static void make_key(void)
{
	have_key = !pthread_key_create(&key, free_context);
}

static LZ4F_dctx *take_context(void)
{
	pthread_once(&once, make_key);
	LZ4F_dctx *context = have_key ? pthread_getspecific(key) : NULL;
	if (context) {
		pthread_setspecific(key, NULL);
		LZ4F_resetDecompressionContext(context);
		return context;
	}
	return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL
										     : context;
}

/* block: the frame's block descriptor; contexts that met the larger sizes are not kept. */
static void give_context(LZ4F_dctx *context, uint8_t block)
{
	bool large = (block >> 4 & 7) > LZ4F_max256KB;
	if (!have_key || large || pthread_setspecific(key, context)) {
		LZ4F_freeDecompressionContext(context);
	}
}

enum weir_code codec_lz4_unpack(
	struct slice in, bool any_header_sum, struct buf *out, struct weir_err *err)
{
	LZ4F_dctx *context = take_context();
	if (!context) {
		return err_set(err, WEIR_NO_MEMORY, "lz4: no memory");
	}
	uint8_t block = in.len > BLOCK_POS ? in.data[BLOCK_POS] : 0;
	enum weir_code code;
	if (any_header_sum && !feed_header(context, &in)) {
		code = err_set(err, WEIR_CORRUPT_MESSAGE, "lz4 frame header is corrupt");
	} else {
		code = unpack_frame(context, in, out, err);
	}
	give_context(context, block);
	return code;
}
