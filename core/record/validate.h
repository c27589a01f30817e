/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a broker checks, and sets right, in a batch that a producer sent. */
#pragma once

#include "core/record/record.h"

/* A topic's rules and the request's. */
struct record_rules {
	bool compacted;	  /* every record needs a key */
	bool append_time; /* message.timestamp.type=LogAppendTime */
	bool keep_codec;  /* compression.type=producer: target and level are not looked at */
	bool refuse_zstd; /* Produce below version 7 */
	int64_t now_ms;
	int64_t before_max_ms; /* how far a record's time may lie before now; INT64_MAX = any */
	int64_t after_max_ms;
	int32_t max_message_bytes; /* of the whole batch, as sent and as written */
	enum codec target;
	int level;	   /* for target */
	size_t unpack_cap; /* bytes that the records may unpack to; 0 = any */
};

/* Set up by record_verdict_init, used for one batch after another, freed by record_verdict_fini. */
struct record_verdict {
	/* Accepted: what is to be appended. It lies in the caller's bytes, or in rewritten. */
	struct batch batch;
	uint8_t *bytes;	   /* batch.bytes, to set offset and leader epoch in */
	bool need_rewrite; /* bytes lies in rewritten */
	struct buf rewritten;
	int64_t max_timestamp;	     /* ms, -1 = none */
	int32_t max_timestamp_delta; /* offset delta of the first record that has it */
	/* One whole, undamaged batch of legal size came, whatever is wrong with what it says. */
	bool framed;
	/* Refused because of one record: its index, and what is wrong; else -1 and "". */
	int32_t error_index;
	char error_text[160];
};

void record_verdict_init(struct record_verdict *verdict);
void record_verdict_fini(struct record_verdict *verdict);

/*
 * Checks the records field of one partition in a Produce request: exactly one batch of magic 2 at
 * offset 0, perhaps followed by a part of another, which is ignored. Every record is walked;
 * nothing is allocated once scratch and verdict are warm, but by the codec itself.
 *
 * Set right on the way: append time, max_timestamp, bits that are the broker's (append time, delete
 * horizon) in place; another codec and uncompressed offset deltas that are not 0, 1, 2... by a
 * rewrite. bytes is changed only on success. scratch's cap becomes unpack_cap.
 *
 * Errors: INVALID_RECORD; CORRUPT_MESSAGE (lengths, checksum, packed data); MESSAGE_TOO_LARGE (as
 * sent, unpacked, or as rewritten); INVALID_TIMESTAMP; UNSUPPORTED_COMPRESSION_TYPE; NO_MEMORY.
 */
WEIR_MUST_USE enum weir_code record_validate(uint8_t *bytes, size_t len,
	const struct record_rules *rules, struct record_reader *scratch,
	struct record_verdict *verdict, struct weir_err *err);
