/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand on the disk after a power cut: from a trace (shim.h), the directory as it may be
 * found when the current went away before event k. What was synced is there; of the rest, names
 * stand as of some earlier moment, and each page or sector of a file as of a moment of its own.
 */
#pragma once

#include "core/base/bytes.h"
#include "tests/fault/shim.h"

#include <stdbool.h>
#include <stdint.h>

struct tree;

/* base (may be NULL): a directory that stood there, durable, when the trace began. */
struct tree *tree_new(const char *base);
void tree_free(struct tree **tree); /* NULL is fine */
/* Takes the trace of root in; the bytes are borrowed from shim. false: it makes no sense. */
bool tree_take(struct tree *tree, const struct shim *shim, const char *root);
int64_t tree_event_count(const struct tree *tree);
/* The last event at or before k that is the end of a sync; 0: none. */
int64_t tree_sync_before(const struct tree *tree, int64_t k);

enum tree_loss {
	TREE_DROP,    /* nothing that was not synced */
	TREE_KEEP,    /* everything: kill -9 */
	TREE_PREFIX,  /* each file as of a moment */
	TREE_PAGES,   /* each page */
	TREE_SECTORS, /* each sector of 512 bytes */
	TREE_LOSSES
};
struct tree_cut {
	int64_t at; /* events before it were done */
	enum tree_loss bytes;
	bool names_by_directory; /* names as of a moment by directory, not of all */
	uint64_t seed;
	int64_t dropped; /* out: bytes written but not there */
};
/* Makes the directory to. false: it could not be written. */
bool tree_cut(const struct tree *tree, struct tree_cut *cut, const char *to);
