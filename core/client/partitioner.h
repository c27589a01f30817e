/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How clients choose the partition of a key. */
#pragma once

#include "core/base/bytes.h"

/* The hash of producer_partition_of. */
int32_t murmur2(struct slice key);

/*
 * Where the usual clients put key with their default settings: Java and those that follow it
 * (murmur2), librdkafka (CRC-32), Go's Sarama (FNV-1a). Some may be equal. Topics that got more
 * partitions later have older records elsewhere.
 */
enum { PARTITION_GUESSES = 3 };
void partition_guesses(
	struct slice key, int32_t partition_count, int32_t guesses[PARTITION_GUESSES]);
