/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kafka's compression codecs. Unpacking always goes through a buffer with a cap that is checked
 * before it grows; no length that the data claims is trusted.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD, CODEC_COUNT };

enum { CODEC_LEVEL_DEFAULT = -1000 };

const char *codec_name(enum codec codec); /* "none", "gzip", ... */
bool codec_find(const char *name, enum codec *codec);

/*
 * Appends in packed to out. Snappy is written in Java's (xerial) framing, lz4 as frames with
 * independent blocks. level: CODEC_LEVEL_DEFAULT or the codec's own range; snappy has none. Kafka's
 * default compression.lz4.level of 9 means its fast mode: pass CODEC_LEVEL_DEFAULT for it.
 * Errors: NO_MEMORY, TOO_LARGE (out's cap; snappy and lz4 need room for their worst case).
 */
WEIR_MUST_USE enum weir_code codec_pack(
	enum codec codec, int level, struct slice in, struct buf *out, struct weir_err *err);

/* Appends in unpacked to out. Snappy raw or xerial. Errors: CORRUPT_MESSAGE; TOO_LARGE past out's
 * cap; NO_MEMORY; UNSUPPORTED_COMPRESSION_TYPE for codecs 5..7. */
WEIR_MUST_USE enum weir_code codec_unpack(
	enum codec codec, struct slice in, struct buf *out, struct weir_err *err);
