/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many bytes partitions take on the disks of the brokers that lead them. */
#pragma once

#include "core/client/client.h"

/* Sorted by topic and partition. */
struct log_sizes {
	struct arena arena;
	struct log_size {
		struct slice topic;
		int32_t partition;
		int64_t bytes;
	} * items;
	size_t count;
};

/*
 * Asks each broker that leads a partition of topics[count]. A broker that does not tell (too old,
 * or not to us) leaves its partitions out. Free sizes after an error too. Errors: those of the
 * connection.
 */
WEIR_MUST_USE enum weir_code log_sizes_ask(struct client *client,
	const struct client_topic *const *topics, size_t count, struct log_sizes *sizes,
	struct weir_err *err);
void log_sizes_fini(struct log_sizes *sizes);

/* Bytes of the leader's replica; -1 when not known. */
int64_t log_sizes_of(
	const struct log_sizes *sizes, const struct client_topic *topic, int32_t partition);
/* Of all partitions; -1 when one is not known. */
int64_t log_sizes_sum(const struct log_sizes *sizes, const struct client_topic *topic);
