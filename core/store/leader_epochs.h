/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which leader epoch began at which offset, and its file "leader-epoch-checkpoint" in Kafka's form:
 * "0", count, "epoch start_offset" lines. Epochs rise, start offsets never fall. The log's lock
 * guards it.
 */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

#define LEADER_EPOCHS_FILE "leader-epoch-checkpoint"

struct leader_epoch {
	int32_t epoch;
	int64_t start_offset;
};
struct leader_epochs {
	struct leader_epoch *entries;
	size_t count, room;
};

void leader_epochs_fini(struct leader_epochs *epochs);
/* Absent: empty, no error. Errors: LOCAL_CORRUPT (line named), IO. */
WEIR_MUST_USE enum weir_code leader_epochs_read(
	const char *dir, struct leader_epochs *epochs, struct weir_err *err);
/* Replaces the file durably. */
WEIR_MUST_USE enum weir_code leader_epochs_write(
	const char *dir, const struct leader_epochs *epochs, struct weir_err *err);

int32_t leader_epochs_last(const struct leader_epochs *epochs);		      /* -1: none */
int32_t leader_epochs_at(const struct leader_epochs *epochs, int64_t offset); /* -1: none */
/* Adds when epoch is above the last; entries that begin at start_offset or later go. True when
 * changed. */
bool leader_epochs_assign(struct leader_epochs *epochs, int32_t epoch, int64_t start_offset);
/* Drops entries that begin at or after offset. True when changed. */
bool leader_epochs_truncate(struct leader_epochs *epochs, int64_t offset);
/* The log start rose: entries that ended below go, the one in force begins there. True when
 * changed. */
bool leader_epochs_raise_start(struct leader_epochs *epochs, int64_t start_offset);
/*
 * End of asked: the largest epoch <= asked, and where the next begins (log_end for the last). Asked
 * above the last: -1/-1. Asked below the first: asked itself and the first's start, as Kafka
 * answers.
 */
void leader_epochs_end(const struct leader_epochs *epochs, int32_t asked, int64_t log_end,
	int32_t *epoch, int64_t *end_offset);
