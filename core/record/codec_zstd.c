/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zstandard. Its contexts are large, so each thread keeps one of each kind until it ends. */
#include "core/record/codec_priv.h"

#include <pthread.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
	KEEP_BYTES_MAX =
		4 * 1024 * 1024, /* a context that a large window made larger is given back */
	HINT_RATIO_MAX = 256,	 /* a frame's claimed size is used as a hint up to this ratio */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t pack_key, unpack_key;
static bool have_keys;

static void free_pack(void *context)
{
	ZSTD_freeCCtx(context);
}

static void free_unpack(void *context)
{
	ZSTD_freeDCtx(context);
}

static void make_keys(void)
{
	have_keys = !pthread_key_create(&pack_key, free_pack) &&
		    !pthread_key_create(&unpack_key, free_unpack);
}

static ZSTD_CCtx *take_pack(void)
{
	pthread_once(&once, make_keys);
	ZSTD_CCtx *context = have_keys ? pthread_getspecific(pack_key) : NULL;
	if (context) {
		pthread_setspecific(pack_key, NULL);
		return context;
	}
	return ZSTD_createCCtx();
}

static void give_pack(ZSTD_CCtx *context)
{
	if (!have_keys || ZSTD_sizeof_CCtx(context) > KEEP_BYTES_MAX ||
		pthread_setspecific(pack_key, context)) {
		ZSTD_freeCCtx(context);
	}
}

static ZSTD_DCtx *take_unpack(void)
{
	pthread_once(&once, make_keys);
	ZSTD_DCtx *context = have_keys ? pthread_getspecific(unpack_key) : NULL;
	if (context) {
		pthread_setspecific(unpack_key, NULL);
		return context;
	}
	return ZSTD_createDCtx();
}

static void give_unpack(ZSTD_DCtx *context)
{
	if (!have_keys || ZSTD_sizeof_DCtx(context) > KEEP_BYTES_MAX ||
		pthread_setspecific(unpack_key, context)) {
		ZSTD_freeDCtx(context);
	}
}

enum weir_code codec_zstd_pack(int level, struct slice in, struct buf *out, struct weir_err *err)
{
	size_t bound = ZSTD_compressBound(in.len);
	size_t room = bound;
	if (out->cap && room > out->cap - out->len) {
		room = out->cap - out->len;
	}
	enum weir_code code = codec_room_exact(out, room, err);
	if (code) {
		return code;
	}
	ZSTD_CCtx *context = take_pack();
	if (!context) {
		return err_set(err, WEIR_NO_MEMORY, "zstd: no memory");
	}
	ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
		level == CODEC_LEVEL_DEFAULT ? ZSTD_CLEVEL_DEFAULT : level);
	size_t len = ZSTD_compress2(context, out->data + out->len, room, in.data, in.len);
	give_pack(context);
	if (ZSTD_isError(len)) {
		return ZSTD_getErrorCode(len) == ZSTD_error_dstSize_tooSmall
			       ? err_set(err, WEIR_TOO_LARGE, "zstd data are larger than %zu bytes",
					 room)
			       : err_set(err, WEIR_NO_MEMORY, "zstd: %s", ZSTD_getErrorName(len));
	}
	out->len += len;
	return WEIR_OK;
}

static enum weir_code unpack_frames(
	ZSTD_DCtx *context, struct slice in, struct buf *out, struct weir_err *err)
{
	size_t first = in.len < SIZE_MAX / 16 ? in.len * 4 : in.len;
	unsigned long long claim = ZSTD_getFrameContentSize(in.data, in.len);
	if (claim < ZSTD_CONTENTSIZE_ERROR) {
		if (out->cap && claim > out->cap - out->len) {
			return err_set(err, WEIR_TOO_LARGE,
				"zstd frame says %llu bytes, the limit is %zu", claim, out->cap);
		}
		first = claim / HINT_RATIO_MAX > in.len ? in.len * HINT_RATIO_MAX : (size_t)claim;
	}
	size_t left_bytes = out->cap ? out->cap - out->len : first;
	enum weir_code code = codec_room_exact(out, first < left_bytes ? first : left_bytes, err);
	ZSTD_inBuffer from = {in.data, in.len, 0};
	struct codec_room room;
	while (!code) {
		code = codec_room_make(&room, out, first, err);
		if (code) {
			break;
		}
		ZSTD_outBuffer to = {room.data, room.len, 0};
		size_t left = ZSTD_decompressStream(context, &to, &from);
		if (ZSTD_isError(left)) {
			return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
				       ? err_set(err, WEIR_NO_MEMORY, "zstd: no memory")
				       : err_set(err, WEIR_CORRUPT_MESSAGE,
						 "zstd data are corrupt: %s",
						 ZSTD_getErrorName(left));
		}
		code = codec_room_filled(&room, out, to.pos, err);
		if (!code && from.pos == from.size) {
			if (!left) {
				break;
			}
			if (to.pos < to.size) {
				code = err_set(
					err, WEIR_CORRUPT_MESSAGE, "zstd data are cut short");
			}
		}
	}
	return code;
}

enum weir_code codec_zstd_unpack(struct slice in, struct buf *out, struct weir_err *err)
{
	ZSTD_DCtx *context = take_unpack();
	if (!context) {
		return err_set(err, WEIR_NO_MEMORY, "zstd: no memory");
	}
	ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
	enum weir_code code = unpack_frames(context, in, out, err);
	give_unpack(context);
	return code;
}
