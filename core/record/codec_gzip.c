/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/mem.h"
#include "core/record/codec_priv.h"

#define ZLIB_CONST
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* 16: gzip header and trailer, not zlib's */

static voidpf gzip_alloc(voidpf opaque, uInt count, uInt size)
{
	(void)opaque;
	return mem_try((size_t)count * size);
}

static void gzip_free(voidpf opaque, voidpf mem)
{
	(void)opaque;
	mem_free(mem);
}

static uInt clip(size_t len)
{
	return len > (1u << 30) ? 1u << 30 : (uInt)len;
}

enum weir_code codec_gzip_pack(int level, struct slice in, struct buf *out, struct weir_err *err)
{
	z_stream z = {.zalloc = gzip_alloc, .zfree = gzip_free};
	if (level < 0 || level > 9) {
		level = Z_DEFAULT_COMPRESSION;
	}
	if (deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		return err_set(err, WEIR_NO_MEMORY, "gzip: no memory");
	}
	struct codec_room room;
	enum weir_code code;
	int status = Z_OK;
	do {
		code = codec_room_make(&room, out, in.len / 2 + 64, err);
		if (code) {
			break;
		}
		uInt part = clip(in.len), space = clip(room.len);
		z.next_in = in.data;
		z.avail_in = part;
		z.next_out = room.data;
		z.avail_out = space;
		status = deflate(&z, part == in.len ? Z_FINISH : Z_NO_FLUSH);
		in = slice_of(in.data + (part - z.avail_in), in.len - (part - z.avail_in));
		code = codec_room_filled(&room, out, space - z.avail_out, err);
	} while (!code && status != Z_STREAM_END);
	deflateEnd(&z);
	return code;
}

static enum weir_code bad(const z_stream *z, int status, struct weir_err *err)
{
	if (status == Z_MEM_ERROR) {
		return err_set(err, WEIR_NO_MEMORY, "gzip: no memory");
	}
	return err_set(err, WEIR_CORRUPT_MESSAGE, "gzip data are corrupt: %s",
		z->msg ? z->msg : "cut short");
}

/* All members; they may follow one another. */
static enum weir_code inflate_all(
	z_stream *z, struct slice in, struct buf *out, struct weir_err *err)
{
	size_t first = in.len < SIZE_MAX / 16 ? in.len * 4 : in.len;
	struct codec_room room;
	for (;;) {
		enum weir_code code = codec_room_make(&room, out, first, err);
		if (code) {
			return code;
		}
		uInt part = clip(in.len), space = clip(room.len);
		z->next_in = in.data;
		z->avail_in = part;
		z->next_out = room.data;
		z->avail_out = space;
		int status = inflate(z, Z_NO_FLUSH);
		uInt read = part - z->avail_in, written = space - z->avail_out;
		in = slice_of(in.data + read, in.len - read);
		code = codec_room_filled(&room, out, written, err);
		if (code) {
			return code;
		}
		if (status == Z_STREAM_END) {
			if (!in.len) {
				return WEIR_OK;
			}
			status = inflateReset(z);
		}
		if (status != Z_OK || (!in.len && z->avail_out)) {
			return bad(z, status, err);
		}
	}
}

enum weir_code codec_gzip_unpack(struct slice in, struct buf *out, struct weir_err *err)
{
	z_stream z = {.zalloc = gzip_alloc, .zfree = gzip_free};
	if (inflateInit2(&z, GZIP_WINDOW_BITS) != Z_OK) {
		return err_set(err, WEIR_NO_MEMORY, "gzip: no memory");
	}
	enum weir_code code = inflate_all(&z, in, out, err);
	inflateEnd(&z);
	return code;
}
