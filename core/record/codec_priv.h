/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The four codecs behind codec_pack and codec_unpack. Each appends to out and checks its cap before
 * it grows; what they leave in out on failure is removed by codec.c.
 */
#pragma once

#include "core/record/codec.h"

enum weir_code codec_gzip_pack(int level, struct slice in, struct buf *out, struct weir_err *err);
enum weir_code codec_gzip_unpack(struct slice in, struct buf *out, struct weir_err *err);
enum weir_code codec_snappy_pack(struct slice in, struct buf *out, struct weir_err *err);
enum weir_code codec_snappy_unpack(struct slice in, struct buf *out, struct weir_err *err);
enum weir_code codec_lz4_pack(int level, struct slice in, struct buf *out, struct weir_err *err);
/* any_header_sum: the header's checksum is not looked at (magic 0: Kafka's was wrong). */
enum weir_code codec_lz4_unpack(
	struct slice in, bool any_header_sum, struct buf *out, struct weir_err *err);
enum weir_code codec_zstd_pack(int level, struct slice in, struct buf *out, struct weir_err *err);
enum weir_code codec_zstd_unpack(struct slice in, struct buf *out, struct weir_err *err);

/* Room for the next piece of output. At the cap it is spill: any byte that lands there is one too
 * many. */
struct codec_room {
	uint8_t *data;
	size_t len;
	uint8_t spill;
};

/* Grows out by doubling, from about first bytes on. Errors: NO_MEMORY. */
WEIR_MUST_USE enum weir_code codec_room_make(
	struct codec_room *room, struct buf *out, size_t first, struct weir_err *err);
/* len bytes of room were filled. Errors: TOO_LARGE. */
WEIR_MUST_USE enum weir_code codec_room_filled(
	const struct codec_room *room, struct buf *out, size_t len, struct weir_err *err);
/* Exactly len bytes at the end of out (its len is not moved). Errors: TOO_LARGE, NO_MEMORY. */
WEIR_MUST_USE enum weir_code codec_room_exact(struct buf *out, size_t len, struct weir_err *err);
