/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection that speaks frames, with any number of requests in flight. Owned by one thread. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

enum {
	PEER_PRODUCE = 0,
	PEER_FETCH = 1,
	PEER_LIST_OFFSETS = 2,
	PEER_METADATA = 3,
	PEER_API_VERSIONS = 18,
	PEER_CREATE_TOPICS = 19,
	PEER_DELETE_TOPICS = 20,
	PEER_DELETE_RECORDS = 21,
	PEER_INIT_PRODUCER_ID = 22,
	PEER_WAIT_MS = 60000
};

struct peer {
	int fd; /* -1: closed */
	int32_t correlation;
	struct buf out, in;
	struct arena arena; /* of the last response; reset by the next */
};

/* false: nobody listens. peer_close is due either way. */
bool peer_open(struct peer *peer, int port);
void peer_close(struct peer *peer);
/* The calls below give false when the connection is gone, or the answer is no answer to that. */
bool peer_send(struct peer *peer, int16_t key, int16_t version, const void *request);
/* The answer to the oldest request that has none; correlation: as peer->correlation was then. */
bool peer_receive(
	struct peer *peer, int16_t key, int16_t version, int32_t correlation, void *response);
bool peer_call(
	struct peer *peer, int16_t key, int16_t version, const void *request, void *response);
/* Bytes to be read, or end of file, within ms. */
bool peer_readable(const struct peer *peer, int ms);

/* Error codes as the broker gave them; *code is untouched when false is returned. */
/* segment_bytes 0: the default; below Kafka's floor of 1 MiB is fine. */
bool peer_create_topic(struct peer *peer, const char *name, int32_t partitions,
	int32_t segment_bytes, int16_t *code);
bool peer_delete_topic(struct peer *peer, const char *name, int16_t *code);
bool peer_trim(
	struct peer *peer, const char *topic, int32_t partition, int64_t offset, int16_t *code);
/* timestamp -1: the high watermark, -2: the log start. */
bool peer_offset(struct peer *peer, const char *topic, int32_t partition, int64_t timestamp,
	int64_t *offset, int16_t *code);
/* Sends a produce request of one batch; the answer is a produce_response of version 9. */
bool peer_produce(
	struct peer *peer, const char *topic, int32_t partition, int16_t acks, struct slice batch);
bool peer_fetch(struct peer *peer, const char *topic, int32_t partition, int64_t offset,
	int32_t wait_ms, struct fetch_response_partition_data *got);
/* A producer id; *code UNSUPPORTED_VERSION when the broker gives none. */
bool peer_producer_id(struct peer *peer, int64_t *id, int16_t *epoch, int16_t *code);
