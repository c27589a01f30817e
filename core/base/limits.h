/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every bound in one place, each with its reason. Bytes unless the name says otherwise. */
#pragma once

enum {
	LIMIT_TOPIC_NAME_LEN = 249,	     /* Kafka: directory name "<topic>-<p>" fits 255 */
	LIMIT_PARTITIONS_PER_TOPIC = 100000, /* one CreateTopics must not exhaust the machine */
	LIMIT_FRAME_DEFAULT = 104857600,     /* Kafka: socket.request.max.bytes */
	LIMIT_DECODE_DEPTH = 8,		     /* deepest message nests 4 */
	LIMIT_UNKNOWN_TAGS = 64,	     /* skipped, never stored */
	LIMIT_ARENA_FACTOR = 4,		     /* arena <= 4 x frame + LIMIT_ARENA_BASE */
	LIMIT_ARENA_BASE = 64 * 1024,
	LIMIT_CONF_FILE = 1024 * 1024, /* a configuration file is text by hand */
	LIMIT_CONF_LINE = 64 * 1024,
	LIMIT_DECOMPRESSED_DEFAULT = 1 << 30, /* one batch unpacked, above any sane batch */
	LIMIT_GROUP_METADATA = 64 << 20,      /* of all members of one group */
	LIMIT_GROUP_CANDIDATES = 10000,	      /* ids given out in one group and not come back */
	LIMIT_GROUP_BATCH = 16 << 20,	      /* records of one step: far above any sane group's */
	LIMIT_PRODUCERS_PER_PARTITION = 1000000, /* 200 bytes each; the oldest goes */
};
