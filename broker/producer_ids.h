/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Producer ids, each given once. They come from the metadata store in blocks, durably taken before
 * the first of one is given, so none comes back after a crash; what is left of a block is lost at a
 * stop.
 */
#pragma once

#include "core/base/err.h"

#include <pthread.h>
#include <stdint.h>

struct broker;

struct producer_ids {
	pthread_mutex_t lock; /* guards what follows; held while a block is fetched */
	int64_t next, end;
};

void producer_ids_init(struct producer_ids *ids);
void producer_ids_fini(struct producer_ids *ids);
/* Any thread. Errors: meta_commit's. */
WEIR_MUST_USE enum weir_code broker_producer_id(
	struct broker *broker, int64_t *id, struct weir_err *err);
